"""Random definitions of approvals, each from a seed: for the pure core as plans, for a site as YAML.

Everything the vocabulary has: branches in branches, work, approvals that wait for others, pools, vetoes, signatures,
late rules of every kind, people by user, role, group, field, manager, chain of managers or chosen by the starter.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.workflow.approval.plan import REFUSE_DEFAULTS, BranchPlan, LatePlan, StepPlan
from engine.workflow.approval.planning import FALLBACK
from tests.workflow.people_world import EVERYTHING

Rule = dict[str, Any]
Values = Mapping[str, Any]

CONDITIONS: Mapping[str, Callable[[Values], bool]] = {
    "": lambda values: True,
    "flag": lambda values: values.get("flag") is True,
    "not flag": lambda values: values.get("flag") is False,
    "cost > 10": lambda values: values.get("cost") is not None and values["cost"] > 10,
    "cost <= 10": lambda values: values.get("cost") is not None and values["cost"] <= 10,
}
GUARDS = (("cost", "flag"), ("cost", "flag"), ("cost",), ("flag",), ("cost", "expert"))
SHARES = ("1/2", "2/3", "75%", "100%")


@dataclass(frozen=True)
class Definition:
    """An approval as written; every condition of ``plans`` is still to be read. ``otherwise`` are keys of branches."""

    plans: tuple[StepPlan, ...]
    otherwise: frozenset[str] = frozenset()
    guard: tuple[str, ...] = ("cost", "flag")
    self_: str = "next_manager"
    duplicate: str = "consecutive"
    empty: tuple[Rule, ...] = ()
    withdraw: str = "first_decision"
    restore: bool = False
    to: tuple[str, ...] = ("starter", "done_step")
    then: str = "replay"
    revoke: bool = False
    cc: tuple[Rule, ...] = ()

    def planned(self, values: Values) -> tuple[StepPlan, ...]:
        """The steps for a record with these values; those of whoever is asked for nobody when none is walked."""
        plans = tuple(self._planned(plan, values) for plan in self.plans)
        return plans if any(walked(plans)) else (*plans, StepPlan(FALLBACK, {}, who=self.empty))

    def rules(self, chosen: Mapping[str, Sequence[int]] | None = None) -> dict[str, Any]:
        """The rules kept with a submission."""
        found: dict[str, Any] = {
            "return": {"to": list(self.to), "then": self.then},
            "urge": {"every": "1h", "at_most": 2},
            "restore": self.restore,
        }
        if self.cc:
            found["cc"] = {"finished": [dict(rule) for rule in self.cc]}
        if self.revoke:
            found["revoke"] = {"through": "undo", "within": "3d"}
        if chosen:
            found["chosen"] = {key: list(ids) for key, ids in chosen.items()}
        return found

    def written(self, key: str) -> dict[str, Any]:
        """The approval as its file says it."""
        told: dict[str, Any] = {
            "approval": key,
            "entity": "thing",
            "label": key,
            "guard": list(self.guard),
            "defaults": {
                "self": self.self_,
                "duplicate": self.duplicate,
                "empty": {"assign": write_rules(self.empty)},
                "allow": sorted(EVERYTHING),
            },
            "steps": self._write_steps(""),
            "withdraw": {"until": self.withdraw, "data": "restore" if self.restore else "keep"},
            "return": {"to": list(self.to), "then": self.then},
            "urge": {"every": "1h", "at_most": 2},
        }
        if self.cc:
            told["cc"] = {"finished": write_rules(self.cc)}
        if self.revoke:
            told["revoke"] = {"through": "undo", "within": "3d"}
        return told

    def _planned(self, plan: StepPlan, values: Values) -> StepPlan:
        taken = {one.key: CONDITIONS[one.when](values) for one in plan.branches}
        none = not any(taken.values())
        branches = tuple(
            replace(one, applies=taken[one.key] or (none and one.key in self.otherwise)) for one in plan.branches
        )
        return replace(plan, applies=CONDITIONS[plan.when](values), branches=branches)

    def _write_steps(self, within: str) -> dict[str, Any]:
        return {plan.key: self._write_step(plan) for plan in self.plans if plan.within == within}

    def _write_step(self, plan: StepPlan) -> dict[str, Any]:
        told: dict[str, Any] = {"label": plan.key}
        if plan.when:
            told["when"] = plan.when
        if plan.kind == "call":
            return told | {"call": plan.call} | ({"of": plan.of} if plan.of else {})
        if plan.kind == "parallel":
            told["parallel"] = {
                one.key.rpartition(".")[2]: {"label": one.key, "steps": self._write_steps(one.key)}
                | ({"when": one.when} if one.when else {})
                for one in plan.branches
            }
            other = next((one.key.rpartition(".")[2] for one in plan.branches if one.key in self.otherwise), None)
            return told | ({"otherwise": other} if other else {})
        told |= {"who": write_rules(plan.who), "allow": list(plan.allow), "reason": list(plan.reason)}
        if plan.kind == "work":
            told["work"] = list(plan.fields)
        else:
            told |= {"decide": plan.decide, "refuse": plan.refuse}
        named = {"due": plan.due, "share": plan.share, "claim": plan.claim, "veto": write_rules(plan.veto)}
        told |= {name: value for name, value in named.items() if value}
        if plan.signature:
            told["signature"] = "handwritten"
        if plan.late:
            told["late"] = {
                late.key: {"at": late.at, "do": [_write_late(one) for one in late.do]} for late in plan.late
            }
        return told


def walked(plans: Sequence[StepPlan]) -> list[StepPlan]:
    """The steps that would be walked, blocks left out."""
    taken, found = {""}, []
    for plan in plans:
        if plan.applies and plan.within in taken:
            taken |= {one.key for one in plan.branches if one.applies}
            found += [plan] if plan.kind != "parallel" else []
    return found


def make_definition(dice: random.Random, *, calls: Sequence[str] = ("other",), chooses: bool = True) -> Definition:
    """A random definition: a row of steps, some of them blocks with branches of steps of their own.

    ``calls`` are the approvals it may wait for; whom its starter chooses is never asked where nobody ``chooses``.
    """
    plans: list[StepPlan] = []
    otherwise: set[str] = set()

    def steps(within: str, depth: int) -> None:
        for _ in range(dice.randint(1, 3 - depth)):
            key = f"s{len(plans)}"
            if depth < 2 and dice.random() < 0.3:
                names = [f"{key}.b{at}" for at in range(dice.randint(2, 3))]
                whens = [_condition(dice, 0.4) for _ in names]
                if all(whens):
                    otherwise.add(dice.choice(names))
                branches = tuple(BranchPlan(name, {}, True, when) for name, when in zip(names, whens, strict=True))
                plans.append(_plain(key, within, kind="parallel", branches=branches))
                for name in names:
                    steps(name, depth + 1)
            elif calls and dice.random() < 0.12:
                of = "other" if dice.random() < 0.3 else ""
                when = _condition(dice, 0.15)
                plans.append(_plain(key, within, kind="call", call=dice.choice(calls), of=of, when=when))
            else:
                plans.append(_step(key, within, dice, chooses))

    steps("", 0)
    return Definition(
        tuple(plans),
        frozenset(otherwise),
        guard=dice.choice(GUARDS),
        self_=dice.choice(["next_manager", "next_manager", "skip", "forbid"]),
        duplicate=dice.choice(["none", "consecutive", "all"]),
        empty=(dice.choice([user(8), user(8), role("admin"), role("gamma")]),),
        withdraw=dice.choice(["first_decision", "first_decision", "any_time", "never"]),
        restore=dice.random() < 0.5,
        to=dice.choice([("starter", "done_step"), ("starter", "done_step"), ("starter",), ("done_step",)]),
        then=dice.choice(["replay", "jump"]),
        revoke=dice.random() < 0.5,
        cc=(dice.choice([user(13), group("south")]),) if dice.random() < 0.3 else (),
    )


def vary(definition: Definition, dice: random.Random) -> Definition:
    """Another release of a definition: steps that go, come, ask others, change their ways or their conditions."""
    made: list[StepPlan] = []
    for plan in definition.plans:
        chance = dice.random()
        people = plan.kind == "people"
        if chance < 0.15 and people and not plan.within:
            continue
        if chance < 0.3 and plan.who and plan.who[0]["kind"] != "chosen_by":
            plan = replace(plan, who=_users(dice, range(1, 9), 3))
        elif chance < 0.4 and plan.who and not plan.late:
            plan = replace(plan, due="2d")
        elif chance < 0.5 and people:
            plan = replace(plan, decide="all", refuse="first", share="", claim=False)
        elif chance < 0.6:
            plan = replace(plan, when=_condition(dice, 0.7))
        made.append(plan)
        if chance > 0.9 and not plan.within:
            new = _step(f"n{dice.randrange(10**9)}", "", dice, chooses=False)
            made.insert(dice.choice([at for at, one in enumerate(made) if not one.within]), new)
    if not any(plan.kind == "people" and not plan.within and not plan.when for plan in made):
        made.append(_step(f"n{dice.randrange(10**9)}", "", dice, chooses=False, when=""))
    guard = dice.choice(GUARDS) if dice.random() < 0.2 else definition.guard
    return replace(definition, plans=tuple(made), guard=guard)


def _step(key: str, within: str, dice: random.Random, chooses: bool, when: str | None = None) -> StepPlan:
    """One step of people, or of work."""
    when = _condition(dice, 0.15) if when is None else when
    due = dice.choice([None, None, "4h", "2d"])
    allow = EVERYTHING if dice.random() < 0.8 else ("approve", *dice.sample(EVERYTHING[1:], 5))
    reason = ("refuse", "return") if dice.random() < 0.8 else ("refuse", "transfer", "add_after", "remove")
    more: dict[str, Any] = {"due": due, "late": _late(dice, due), "when": when, "reason": tuple(sorted(reason))}
    if dice.random() < 0.15:
        allow = tuple(one for one in allow if one not in ("approve", "refuse"))
        who = _who(dice, chooses=False)
        return _plain(key, within, kind="work", fields=("cost",), who=who, allow=tuple(sorted(allow)), **more)
    mode: Any = dice.choice(["any", "all", "in_order", "share"])
    more |= {"allow": tuple(sorted(allow)), "share": dice.choice(SHARES) if mode == "share" else ""}
    more |= {"refuse": dice.choice(["first", "all", "counted"]), "signature": dice.random() < 0.1}
    more |= {"veto": (user(dice.randint(1, 7)),) if dice.random() < 0.15 else ()}
    claim = mode == "any" and dice.random() < 0.2
    return _plain(key, within, decide=mode, claim=claim, who=_who(dice, chooses), **more)


def _plain(key: str, within: str, **more: Any) -> StepPlan:
    given: dict[str, Any] = {"allow": tuple(sorted(EVERYTHING)), "refuse": REFUSE_DEFAULTS["any"]} | more
    return StepPlan(key, {}, within=within, **given)


def _condition(dice: random.Random, often: float) -> str:
    return dice.choice([one for one in CONDITIONS if one]) if dice.random() < often else ""


def _late(dice: random.Random, due: str | None) -> tuple[LatePlan, ...]:
    rules: list[dict[str, Any]] = [
        {"escalate": [user(12)]}, {"escalate": [user(12), user(13)]}, {"escalate": [rule("manager_of", "holder")]},
        {"hand_over": [user(14)]}, {"hand_over": [role("beta")]}, {"pass": True}, {"remind": [rule("holder")]},
    ]  # fmt: skip
    chosen = [dice.choice(rules) for _ in range(dice.choice([0, 0, 0, 1, 2]))]
    ats = [f"{dice.randint(1, 30)}h", *(["50%", "100%"] if due else [])]
    return tuple(LatePlan(f"late{at}", dice.choice(ats), (one,)) for at, one in enumerate(chosen))


def _who(dice: random.Random, chooses: bool) -> tuple[Rule, ...]:
    """Mostly people by name, so that what several steps ask of whom overlaps."""
    chance = dice.random()
    if chance < 0.62:
        return _users(dice, range(1, 8), 4)
    if chance < 0.7 and chooses:
        most = dice.randint(1, 2)
        from_ = [dict(one) for one in dice.choice([(), (role("alpha"),), (group("north"), role("beta"))])]
        return ({**rule("chosen_by", "starter"), "from": from_, "min": 1, "max": most},)
    other: list[tuple[Rule, ...]] = [
        (role("alpha"),), (role("beta"),), (role("delta"),), (role("gamma"),), (group("north"),), (group("south"),),
        (group("south"), user(3)), (rule("manager_of", "starter"),), (rule("managers_of", "starter") | {"levels": 2},),
        (rule("field", "expert"),), (rule("starter"), user(4)), (rule("starter"),),
    ]  # fmt: skip
    return dice.choice(other)


def _users(dice: random.Random, ids: Sequence[int], most: int) -> tuple[Rule, ...]:
    return tuple(user(one) for one in dice.sample(ids, dice.randint(1, most)))


# ---- rules of people, as they are kept with an approval and as they are written


def rule(kind: str, name: str = "") -> Rule:
    return {"kind": kind, "name": name, "up_to": ""}


def user(one: int) -> Rule:
    return rule("user", f"p{one}")


def role(name: str) -> Rule:
    return rule("role", name)


def group(name: str) -> Rule:
    return rule("group", name)


def write_rules(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_write_rule(one) for one in rules]


def _write_rule(one: Mapping[str, Any]) -> dict[str, Any]:
    if one["kind"] in ("starter", "holder"):
        return {"person": one["kind"]}
    told: dict[str, Any] = {one["kind"]: one["name"]}
    if one["kind"] == "chosen_by":
        told |= {"min": one["min"], "max": one["max"]} | ({"from": write_rules(one["from"])} if one["from"] else {})
    return told | ({"levels": one["levels"]} if "levels" in one else {})


def _write_late(action: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if name == "pass" else write_rules(value) for name, value in action.items()}
