"""What submitting a record would ask of whom: the plan of its approval, for submitting it and for looking ahead.

Enters: the compiled approval, the values of a record, who submits. Leaves: a ``Submission`` for the pure core, and the
``Path`` shown before submitting. Must not write.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from engine import messages
from engine.compiler.app import Approval, Branch, Entity, Field, Label, Move, Step
from engine.definition.model import LateActionDefinition
from engine.expression import Env
from engine.storage.column_types import to_json
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.people import to_rules
from engine.workflow.approval.plan import BranchPlan, Decide, LatePlan, Person, StepKind, StepPlan
from engine.workflow.approval.state import ApprovalState
from engine.workflow.approval.votes import count_needed
from engine.workflow.approval.world import Holders, Submission

FALLBACK = "_fallback"
"""The step of an approval none of whose steps applies: the people of its ``empty`` policy are asked."""

StepFate = Literal["asked", "when", "self", "nobody", "few", "duplicate", "choose", "call"]


@dataclass(frozen=True)
class PathStep:
    """One step as it would go. ``fate``: ``asked``, or why nobody is: its condition (``when``), the starter is the only
    approver (``self``), nobody can be found (``nobody``) or too ``few``, they approve just before (``duplicate``),
    the starter has still to ``choose`` them, another approval is asked (``call``)."""

    key: str
    label: Label
    decide: Decide
    people: tuple[Person, ...]
    fate: StepFate
    rule: str  # the condition as written (``rule_words.say_rule`` says it), "" when the step always applies
    place: str
    due: str | None
    kind: StepKind = "people"
    within: str = ""
    branch: Label = field(default_factory=dict)  # what the branch it stands in is called


@dataclass(frozen=True)
class Path:
    """Who would sign, in order; ``auto_note`` says why nobody is asked at all."""

    approval: str
    auto_note: Label | None
    steps: tuple[PathStep, ...]

    @property
    def blocked(self) -> bool:
        """Whether submitting is refused because a step would find nobody, or too few."""
        return any(step.fate in ("nobody", "few") for step in self.steps)


def plan_submission(
    entity: Entity,
    approval: Approval,
    values: Mapping[str, Any],
    env: Env,
    *,
    starter: Person,
    round_: int = 1,
    origin: Mapping[str, Any] | None = None,
    chosen: Mapping[str, Sequence[int]] | None = None,
    parent: Mapping[str, Any] | None = None,
) -> Submission:
    """Return what submitting a record with these (complete) values means."""
    passes = approval.auto_pass is not None and approval.auto_pass.run(values, env) is True
    guard = guarded_columns(entity, approval)
    return Submission(
        approval=approval.key,
        round=round_,
        starter=starter,
        content=content_hash(guard, values),
        steps=_plan_steps(approval, values, env),
        self_=approval.self_,
        duplicate=approval.duplicate,
        withdraw=approval.withdraw.until,
        empty=to_rules(approval.empty),
        origin={**(origin or {}), "guard": guard, "hashed": HASHED},
        auto_note=approval.auto_pass_note if passes else None,
        rules=_plan_rules(approval, chosen or {}),
        parent=parent,
    )


def preview(submission: Submission, world: LiveWorld) -> Path:
    """Return the path a submission would take if everybody approved."""
    if submission.auto_note is not None:
        return Path(submission.approval, submission.auto_note, ())
    taken = _taken(submission.steps)
    labels = {branch.key: branch.label for step in submission.steps for branch in step.branches}
    steps: list[PathStep] = []
    for plan in submission.steps:
        if plan.kind != "parallel":
            asked = plan.applies and plan.within in taken
            found = _path_step(plan, world, submission.duplicate, steps, labels.get(plan.within, {}), asked=asked)
            steps.append(found)
    return Path(submission.approval, None, tuple(steps))


def asked_steps(plans: Sequence[StepPlan]) -> list[StepPlan]:
    """Return the steps that would be walked, in the order of the file."""
    taken = _taken(plans)
    return [plan for plan in plans if plan.applies and plan.within in taken]


def which_apply(approval: Approval, values: Mapping[str, Any], env: Env) -> dict[str, tuple[str, bool]]:
    """Return for each step and branch its condition as written and whether it holds for these values."""
    found: dict[str, tuple[str, bool]] = {}
    for step in approval.steps.values():
        found[step.key] = (step.when.text if step.when else "", step.when is None or step.when.run(values, env) is True)
        for branch, applies in _which_branches(step, values, env):
            found[branch.key] = (branch.when.text if branch.when else "", applies)
    return found


def read_again(approval: Approval | None, state: ApprovalState, values: Mapping[str, Any], env: Env) -> dict[str, bool]:
    """Return the conditions of steps and branches to come that say something else once work has changed the values.

    Those that a newer release writes differently stay as they were when the record was submitted.
    """
    if approval is None:
        return {}
    holds = which_apply(approval, values, env)
    found: dict[str, bool] = {}
    for step in state.steps:
        if step.status != "planned":
            continue
        for key, when, applies in [
            (step.key, step.plan.when, step.plan.applies),
            *((branch.key, branch.when, branch.applies) for branch in step.plan.branches),
        ]:
            written, now = holds.get(key, ("", applies))
            if written == when and now != applies:
                found[key] = now
    return found


def move_origin(move: Move, stage: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an approval must remember to end: the move, its stages, and what deciders are shown."""
    return {
        "move": move.key,
        "from": stage,
        "to": move.to,
        "during": move.during or stage,
        "refused": move.refused or stage,
        "shown": dict(shown),
    }


def guarded_columns(entity: Entity, approval: Approval) -> dict[str, list[str]]:
    """Return the guarded fields, each with the columns of its line table (none for a plain field).

    They are kept with the approval: a column added by a later release does not change what was submitted.
    """
    fields = [entity.fields[key] for key in sorted(approval.guard) if key in entity.fields]
    return {field.key: _line_columns(field) for field in fields}


HASHED = 2
"""How content is hashed, kept with what is submitted: since 2 a whole number is hashed as the equal decimal is."""


def content_hash(
    guard: Mapping[str, Sequence[str]],
    values: Mapping[str, Any],
    renamed: Mapping[str, str] | None = None,
    *,
    hashed: int = HASHED,
) -> str:
    """Return the sha256 (hexadecimal) of the guarded values, the same on every database.

    ``renamed`` is what a guarded ``field``, or a column as ``field.column``, is called now: a new key changes nothing,
    nor does a new type under which the value is equal. ``hashed`` is 1 for what was submitted before ``HASHED`` was.
    """
    now = renamed or {}
    say = _content if hashed > 1 else _first_content
    content = {
        key: say(values.get(now.get(key, key)), {column: now.get(f"{key}.{column}", column) for column in columns})
        for key, columns in sorted(guard.items())
    }
    return hashlib.sha256(str(to_json(content)).encode()).hexdigest()


def hash_submitted(origin: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return the hash of a record's values as the approval with this ``origin`` took it when it was submitted."""
    return content_hash(origin["guard"], values, origin.get("renamed"), hashed=origin.get("hashed", 1))


def _plan_rules(approval: Approval, chosen: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    revoke, cc = approval.revoke, approval.cc
    rules: dict[str, Any] = {
        "return": {"to": list(approval.return_.to), "then": approval.return_.then},
        "urge": {"every": approval.urge.every, "at_most": approval.urge.at_most},
        "restore": approval.withdraw.data == "restore",
    }
    copies = {"started": cc.started, "finished": cc.finished, "refused": cc.refused}
    if any(copies.values()):
        rules["cc"] = {point: [dict(rule) for rule in to_rules(who)] for point, who in copies.items() if who}
    if revoke is not None:
        rules["revoke"] = {"through": revoke.through.name, "within": revoke.within}
    if chosen:
        rules["chosen"] = {step: list(ids) for step, ids in chosen.items()}
    return rules


def _plan_steps(approval: Approval, values: Mapping[str, Any], env: Env) -> tuple[StepPlan, ...]:
    plans = tuple(_plan_step(step, values, env) for step in approval.steps.values())
    taken = _taken(plans)
    if any(plan.applies and plan.kind != "parallel" and plan.within in taken for plan in plans):
        return plans
    label = {language: messages.text("approval.fallback_step", language) for language in messages.LANGUAGES}
    return (*plans, StepPlan(FALLBACK, label, who=to_rules(approval.empty)))


def _taken(plans: Sequence[StepPlan]) -> set[str]:
    """Return the sequences that would be walked: the approval itself, and every branch taken of a block on the way."""
    taken = {""}
    for plan in plans:
        if plan.applies and plan.within in taken:
            taken |= {branch.key for branch in plan.branches if branch.applies}
    return taken


def _plan_step(step: Step, values: Mapping[str, Any], env: Env) -> StepPlan:
    branches = tuple(
        BranchPlan(branch.key, branch.label, applies, branch.when.text if branch.when else "")
        for branch, applies in _which_branches(step, values, env)
    )
    return replace(plan_written(step), applies=_holds(step, values, env), branches=branches)


def _holds(step: Step, values: Mapping[str, Any], env: Env) -> bool:
    return step.when is None or step.when.run(values, env) is True


def plan_written(step: Step) -> StepPlan:
    """Return what a step asks for as its definition says it, before any record is known: all of it applies."""
    return StepPlan(
        key=step.key,
        label=step.label,
        who=to_rules(step.who),
        decide=step.decide,
        refuse=step.refuse,
        due=step.due,
        allow=tuple(sorted(step.allow)),
        reason=tuple(sorted(step.reason)),
        when=step.when.text if step.when is not None else "",
        place=str(step.location),
        kind=step.kind,
        within=step.within,
        branches=tuple(
            BranchPlan(branch.key, branch.label, True, branch.when.text if branch.when else "")
            for branch in step.branches
        ),
        share=step.share,
        veto=to_rules(step.veto),
        fields=step.work,
        call=step.call,
        of=step.of,
        claim=step.claim,
        signature=step.signature,
        cc=to_rules(step.cc),
        late=tuple(LatePlan(late.key, late.at, tuple(_late_action(one) for one in late.do)) for late in step.late),
    )


def _which_branches(step: Step, values: Mapping[str, Any], env: Env) -> Iterator[tuple[Branch, bool]]:
    """Yield each branch and whether it is taken: that written as ``otherwise`` when no other is."""
    holds = {branch.key: branch.when is None or branch.when.run(values, env) is True for branch in step.branches}
    none = not any(holds.values())
    for branch in step.branches:
        yield branch, holds[branch.key] or (none and branch.otherwise)


def _late_action(written: LateActionDefinition) -> dict[str, Any]:
    if written.pass_:
        return {"pass": True}
    for name in ("remind", "escalate", "hand_over"):
        who = getattr(written, name)
        if who:
            return {name: [dict(rule) for rule in to_rules(who)]}
    return {}


def _path_step(
    plan: StepPlan, world: LiveWorld, duplicate: str, before: Sequence[PathStep], branch: Label, *, asked: bool
) -> PathStep:
    holders = world.holders(plan) if asked and plan.who else Holders(())
    known = _approve_before(duplicate, before) if plan.kind == "people" else set()
    people = tuple(person for person in holders.people if plan.decide == "any" or person.id not in known)
    fate = _fate(plan, world, holders, people, known) if asked else "when"
    shown = people if fate == "asked" else holders.people
    return PathStep(
        plan.key, plan.label, plan.decide, shown, fate, plan.when, plan.place, plan.due, plan.kind, plan.within, branch
    )


def _fate(plan: StepPlan, world: LiveWorld, holders: Holders, people: Sequence[Person], known: set[int]) -> StepFate:
    if plan.kind == "call":
        return "call" if world.can_call(plan) else "nobody"
    if world.is_to_choose(plan):
        return "choose"
    if holders.skip:
        return "self"
    if not holders.people:
        return "nobody"
    if count_needed(plan, len(holders.people)) > len(holders.people):
        return "few"
    if not people or (plan.decide == "any" and any(person.id in known for person in people)):
        return "duplicate"
    return "asked"


def _approve_before(duplicate: str, before: Sequence[PathStep]) -> set[int]:
    """Return whose earlier approval is certain to stand: all of a step, or the only one asked."""
    signed = [step for step in before if step.fate in ("asked", "duplicate") and step.kind == "people"]
    counted = {"none": [], "consecutive": signed[-1:], "all": signed}[duplicate]
    sure = [step for step in counted if step.decide in ("all", "in_order") or len(step.people) == 1]
    return {person.id for step in sure for person in step.people}


def _line_columns(field: Field) -> list[str]:
    return sorted(column.key for column in field.fields.values() if not column.retired)


def _content(value: Any, columns: Mapping[str, str]) -> Any:
    """``columns`` are those of a line, each with what it is called now."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _plain_content(value, columns, _content)


def _first_content(value: Any, columns: Mapping[str, str]) -> Any:
    """As content was hashed at first: a whole number as it is."""
    return _plain_content(value, columns, _first_content)


def _plain_content(value: Any, columns: Mapping[str, str], say: Callable[[Any, Mapping[str, str]], Any]) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, list | tuple):
        return [say(item, columns) for item in value]
    if isinstance(value, Mapping):
        named = columns or (_OF_FILE if "sha256" in value else {key: key for key in sorted(value)})
        # A line without its id (saving may give it another), a file by its name and what is in it.
        return {key: say(value[now], {}) for key, now in named.items() if value.get(now) is not None}
    return value


_OF_FILE = {"name": "name", "sha256": "sha256"}
