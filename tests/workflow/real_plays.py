"""Random runs of random approvals through the commands, on a real database.

Before every deed the model says whether it has effect and the pure core what it leads to; the commands have to agree,
event by event, also about approvals that wait for one another. After it all promises are checked over the rows.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from engine.automation import timers as sweeper
from engine.errors import FormworkError, InvalidValues
from engine.people import accounts
from engine.records.commands import create_record
from engine.storage.faults import Unavailable
from engine.storage.timers import Timer, find_due, find_next_moment
from engine.workflow.approval import decisions, going_back
from engine.workflow.approval.fold import apply, fold
from engine.workflow.approval.planning import hash_submitted
from engine.workflow.approval.state import ApprovalState, Event
from engine.workflow.approval.task_rows import Kept
from engine.workflow.approval.world import Submission as Submitted
from tests.workflow import row_promises
from tests.workflow.commands import ONCE, Act, DeedOn, Edit, Fire, Submission
from tests.workflow.deeds import COSTS, OFTEN, Deed, Facing, do_purely, draw, passed_before, read_again, without_words
from tests.workflow.house import TOPS
from tests.workflow.office import PEOPLE, Case, Office
from tests.workflow.random_definitions import Definition, walked
from tests.workflow.random_plays import choose
from tests.workflow.row_promises import House, read_house
from tests.workflow.site import Site
from tests.workflow.verdicts import may, needed

GATE = "approval.target_not_ready"
NAMES = ("transfer", "consult", "add_before", "add_after", "copy", "reassign")
"""Deeds that name people, who must be there."""


class Play:
    """A house, the model of its people, and what was done last."""

    def __init__(self, site: Site, definitions: Mapping[str, Definition], dice: random.Random) -> None:
        self.site, self.dice = site, dice
        self.definitions = dict(definitions)
        self.office = Office()
        self.told: list[str] = []
        self.done: list[tuple[DeedOn, Any]] = []
        self.house = House({}, {})
        for _ in range(4):
            self._make_record()
        self.look()

    # ---- how things stand

    def look(self, *, explain: bool = True) -> None:
        """Read everything and check the promises over it."""
        before = self.house
        with self.site.store.read() as session:
            self.house = read_house(session)
            row_promises.check(session, self.house, before)
        if explain:
            self._explain(before)

    def case(self, kept: Kept, values: Mapping[str, Any] | None = None) -> Case:
        """The world of an approval as it is now."""
        state = kept.state
        values = self.house.records[kept.record_id] if values is None else values
        chosen = state.rules.get("chosen") or {}
        starter = state.starter.id
        return Case(self.office, self.site.clock.at, values, starter, state.self_, state.empty, chosen)

    def facing(self, kept: Kept, deed: Deed) -> Facing:
        values = self.house.records[kept.record_id]
        if deed.cost is not None:
            values = {**values, "cost": deed.cost}
        written = self.definitions.get(kept.state.approval)
        applies = read_again(kept.state, written, values) if deed.name == "complete" else {}
        content = hash_submitted(kept.state.origin, values)
        principals = self.office.principals(deed.by, self.site.clock.at)
        return Facing(kept.state, self.case(kept, values), content, principals, applies)

    def running_on(self, record: int) -> list[Kept]:
        return [one for one in self.house.approvals.values() if one.record_id == record and one.state.running]

    # ---- doing something

    def do(self, act: Act, expected: bool | None, predicted: Sequence[Event] | None = None) -> bool:
        """Do one act by its command: it has effect exactly when that is expected, and then what was predicted."""
        self.told.append(f"{self.site.clock.at:%d %H:%M} {act}")
        before, rows = self.house, self.site.rows()
        try:
            with self.site.store.write() as session:
                answer = act(session)
        except FormworkError as refused:
            assert not isinstance(refused, Unavailable), refused
            assert not expected or self._is_gate(refused), f"{act} was refused: {code_of(refused)}"
            assert self.site.rows() == rows
            return False
        assert expected is not False, f"{act} had effect"
        if isinstance(act, DeedOn) and act.deed.name not in ONCE and self.site.rows() != rows:
            self.done.append((act, answer))
        self.look()
        if predicted is not None and isinstance(act, DeedOn):
            old, new = before.approvals[act.approval], self.house.approvals[act.approval]
            made = new.events[len(old.events) :][: len(predicted)]
            assert plain(made) == plain(predicted), f"{act}"
        return True

    def _is_gate(self, refused: FormworkError) -> bool:
        """What is complete but for what the stage asks for is refused, with what is missing."""
        lacks = any(not values["note"] for values in self.house.records.values())
        return code_of(refused) == (GATE,) and lacks

    def expected(self, kept: Kept, deed: Deed) -> tuple[bool, tuple[Event, ...] | None]:
        """What the model and the pure core say of a deed."""
        facing = self.facing(kept, deed)
        if deed.name == "revoke":
            return self._may_revoke(kept, facing, deed), None
        here = {deed.by, *(deed.people if deed.name in NAMES else ())}
        able = not here & self.office.away and may(facing, deed)
        return able, do_purely(facing, deed) if able else None

    def _may_revoke(self, kept: Kept, facing: Facing, deed: Deed) -> bool:
        values = self.house.records[kept.record_id]
        free = not self.running_on(kept.record_id) and values["stage"] == kept.state.origin["to"]
        world = self.case_of("undo", kept.record_id, deed.by)
        return free and deed.by not in self.office.away and may(facing, deed) and self.finds_people("undo", world)

    def case_of(self, key: str, record: int, starter: int, chosen: Mapping[str, Sequence[int]] | None = None) -> Case:
        written, values = self.definitions[key], self.house.records[record]
        at = self.site.clock.at
        return Case(self.office, at, values, starter, written.self_, written.empty, chosen or {})

    def finds_people(self, key: str, world: Case) -> bool:
        """Whether every step that would be walked finds somebody, and enough of them."""
        for plan in walked(self.definitions[key].planned(world.values)):
            if plan.kind == "call":
                if not world.can_call(plan):
                    return False
                continue
            holders = world.holders(plan)
            if not holders.skip and not 0 < needed(plan, len(holders.people)) <= len(holders.people):
                return False
        return True

    # ---- drawing something

    def draw_any(self, near: int | None) -> Act | None:
        """Something that several may do at once, a sweeper among them; mostly with the approval ``near``."""
        with self.site.store.read() as session:
            due = find_due(session, most=3)
        if due and self.dice.random() < 0.3:
            return Fire(self.dice.choice(due))
        if near is not None and self.dice.random() < 0.75:
            return self.draw_deed(self.dice.choice([*OFTEN, "revoke"]), on=near)
        draws = [self.draw_submission, self.draw_edit, lambda: self.draw_deed(self.dice.choice(OFTEN))]
        return self.dice.choice(draws)()

    def draw_deed(self, name: str, *, on: int | None = None) -> DeedOn | None:
        """A random deed on a random approval, mostly on one that runs."""
        dice = self.dice
        all_ = [kept for kept in self.house.approvals.values() if kept.record_id in self.house.records]
        running = [kept for kept in all_ if kept.state.running]
        if on is not None:
            all_ = running = [kept for kept in all_ if on in (kept.id, kept.parent_id)]
        if not all_:
            return None
        ended = [kept for kept in all_ if kept.state.status == "approved"] or all_
        kept = dice.choice(ended if name == "revoke" else running if running and dice.random() < 0.93 else all_)
        deed = draw(name, self.facing(kept, Deed("", 0)), dice)
        if deed is None:
            return None
        task = kept.task_ids[deed.task - 1] if deed.task else 0
        return DeedOn(deed, kept.id, task, f"click-{len(self.told)}-{dice.random()}")

    def draw_submission(self, move: str | None = None) -> Submission:
        dice = self.dice
        record = dice.choice(list(self.house.records))
        values = self.house.records[record]
        by = dice.choice([9, 9, 9, 10, 11])
        move = move or f"go_{dice.choice(TOPS)}"
        chosen: dict[str, list[int]] = {}
        if move.startswith("go_"):
            key = move.removeprefix("go_")
            chosen = choose(self.definitions[key].planned(values), dice, self.case_of(key, record, by))
        version = values["version"] if dice.random() < 0.95 else values["version"] - 1
        return Submission(record, move, version, by, chosen)

    def may_submit(self, act: Submission) -> bool:
        values = self.house.records[act.record]
        stages = {"skip": "draft", "back": "done", "drop": "done", "again": "no"}
        fresh = act.version == values["version"] and act.by not in self.office.away
        if not fresh or self.running_on(act.record) or values["stage"] != stages.get(act.move, "draft"):
            return False
        if act.move in ("skip", *(f"go_{key}" for key in TOPS)) and not values["note"]:
            return False
        if not act.move.startswith("go_"):
            return True
        key = act.move.removeprefix("go_")
        world = self.case_of(key, act.record, act.by, act.chosen)
        plans = self.definitions[key].planned(values)
        return may_choose(world, plans, act.chosen) and self.finds_people(key, world)

    def draw_edit(self) -> Edit:
        dice = self.dice
        record = dice.choice(list(self.house.records))
        values = self.house.records[record]
        named = dice.choice(["cost", "flag", "note", "note", "expert", "other", ""])
        others = [one for one in self.house.records if one != record]
        value = {
            "cost": dice.choice(COSTS), "flag": not values["flag"], "note": "" if dice.random() < 0.3 else "说明",
            "expert": dice.choice(PEOPLE), "other": dice.choice([None, *others]), "": None,
        }[named]  # fmt: skip
        return Edit(record, named, value, values["version"], dice.choice([9, 10, 15]))

    def may_edit(self, act: Edit) -> bool | None:
        """21: what is guarded cannot be changed while people decide about it, and nothing of it deleted."""
        if act.by in self.office.away:
            return False
        if not act.field:
            return None  # who links to it and who may delete are matters of records
        guards = [set(kept.state.origin["guard"]) for kept in self.running_on(act.record)]
        if self.house.records[act.record]["stage"] == "review":  # where records wait, what any of them guards is locked
            guards += [set(self.definitions[key].guard) for key in TOPS]
        guarded = any(act.field in guard for guard in guards)
        changes = self.house.records[act.record][act.field] != act.value
        missing = act.field == "expert" and act.value in self.office.away
        return not (guarded and changes) and not (missing and changes)

    def _make_record(self) -> None:
        dice, known = self.dice, list(self.house.records)
        raw: dict[str, Any] = {"title": "事", "cost": dice.choice(COSTS), "flag": dice.random() < 0.5, "note": "说明"}
        raw["expert"] = dice.choice([one for one in (5, 9) if one not in self.office.away] or [None])
        if known and dice.random() < 0.7:
            raw["other"] = dice.choice(known)
        with self.site.store.write() as session:
            create_record(session, "thing", raw, actor=accounts.get_actor(session.connection, 9))
        with self.site.store.read() as session:
            self.house = read_house(session)

    # ---- explaining what is new

    def _explain(self, before: House) -> None:
        """Every event that is there now follows from what was there before, by the pure core."""
        for id_, kept in self.house.approvals.items():
            was = before.approvals.get(id_)
            if was is None:
                self._explain_start(kept)
            elif len(kept.events) > len(was.events):
                self._explain_calls(was, kept)

    def _explain_start(self, kept: Kept) -> None:
        """An approval begins with what its definition says, walked as the pure core walks it."""
        state, data = fold(kept.events[:1]), kept.events[0].data
        values = self.house.records[kept.record_id]
        written = self.definitions[state.approval]
        plans = written.planned(values)
        chosen = state.rules.get("chosen") or {}
        assert [without_words(step.plan) for step in state.steps] == [without_words(plan) for plan in plans]
        assert state.rules == written.rules(chosen)
        assert (state.self_, state.duplicate, state.withdraw) == (written.self_, written.duplicate, written.withdraw)
        given = Submitted(
            state.approval, state.round, state.starter, state.content, plans, state.self_, state.duplicate,
            state.withdraw, state.empty, data["origin"], None, state.rules, state.parent, self._passed(kept),
        )  # fmt: skip
        expected = decisions.start(given, self.case(kept), at=state.started_at)
        assert plain(kept.events[1 : len(expected)]) == plain(expected[1:])

    def _passed(self, kept: Kept) -> frozenset[str]:
        """What is not walked again: of the submission before this one, when that was returned and nothing changed."""
        own = [
            one for one in self.house.approvals.values() if one.record_id == kept.record_id and one.parent_id is None
        ]
        earlier = [one for one in own if one.id < kept.id]
        last = earlier[-1].state if earlier and kept.parent_id is None else None
        if last is None or (last.approval, last.content) != (kept.state.approval, kept.state.content):
            return frozenset()
        return passed_before(last, self.definitions[kept.state.approval], self.house.records[kept.record_id])

    def _explain_calls(self, was: Kept, kept: Kept) -> None:
        """A step that waited for an approval goes on as that one ended."""
        state, events = was.state, list(kept.events[len(was.events) :])
        calls = {step.key for step in state.steps if step.plan.kind == "call"}
        while events and events[0].type in ("step_passed", "step_refused") and events[0].data["step"] in calls:
            passed, step = events[0].type == "step_passed", events[0].data["step"]
            world = self.case(kept)
            expected = decisions.settle_call(state, world, step=step, passed=passed, at=world.at)
            assert plain(events[: len(expected)]) == plain(expected)
            state, events = fold_on(state, events[: len(expected)]), events[len(expected) :]

    # ---- time

    def sweep(self) -> None:
        """16: fire what is due, each timer as the pure core says; nothing that is due is left."""
        for _ in range(200):
            with self.site.store.read() as session:
                due = find_due(session, most=1)
            if not due:
                return
            self._fire(due[0])
        raise AssertionError("timers go on firing")

    def wait_for_timer(self) -> None:
        """Let the clock go on until a timer is due, if one is armed; nobody has looked yet."""
        with self.site.store.read() as session:
            moment = find_next_moment(session)
        if moment is not None:
            self.site.clock.at = max(self.site.clock.at, moment)

    def _fire(self, timer: Timer) -> None:
        before = self.house.approvals[timer.payload["approval"]]
        world = self.case(before)
        task = before.task_number(timer.payload["task"])
        predicted = going_back.run_late(before.state, world, task=task, rule=timer.key, at=world.at)
        self.told.append(f"{world.at:%d %H:%M} late {timer.payload} {timer.key}")
        rows = self.site.rows()
        try:
            with self.site.store.write() as session:
                sweeper.fire_timer(session, timer)
        except FormworkError as refused:  # put off, as the sweeper does: the gate it leads to is not ready
            assert self._is_gate(refused), code_of(refused)
            assert self.site.rows() == rows
            self.site.clock.at += timedelta(minutes=1)
            self._give_notes()
            return
        self.look()
        now = self.house.approvals[before.id]
        assert plain(now.events[len(before.events) :][: len(predicted)]) == plain(predicted)

    def _give_notes(self) -> None:
        for record, values in self.house.records.items():
            if not values["note"]:
                self.do(Edit(record, "note", "说明", values["version"], 15), True)


def may_choose(world: Case, plans: Sequence[Any], chosen: Mapping[str, Sequence[int]]) -> bool:
    """Whether the starter chose as many as each step asks for, of those it offers, and not themselves."""
    for plan in walked(plans):
        for rule in plan.who:
            if rule["kind"] == "chosen_by":
                ids = chosen.get(plan.key, ())
                offered = set(world.find(rule["from"])) if rule["from"] else {*PEOPLE, 15} - world.office.away
                if not rule["min"] <= len(set(ids)) <= rule["max"] or not set(ids) <= offered - {world.starter}:
                    return False
    return True


def fold_on(state: ApprovalState, events: Sequence[Event]) -> ApprovalState:
    for event in events:
        state = apply(state, event)
    return state


def code_of(refused: FormworkError) -> tuple[str, ...]:
    """What a refusal says, without its words."""
    if isinstance(refused, InvalidValues):
        return tuple(sorted({error.code for error in refused.errors} | {one.key for one in refused.missing}))
    return (str(getattr(refused, "code", type(refused).__name__)),)


WORDS = ("label", "place", "shown", "parent", "revokes", "through")
"""What is said only, and the ids of other approvals."""


def plain(value: Any) -> Any:
    """Events without words: people by their ids, signatures by their being there."""
    if isinstance(value, Event):
        return [value.type, plain({key: one for key, one in value.data.items() if key != "signature"})]
    if isinstance(value, Mapping):
        if set(value) == {"id", "name", "why"}:
            return value["id"]
        return {key: plain(one) for key, one in value.items() if key not in WORDS}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
