"""A draft tried on what happened: the moves, submissions and saves of the last days, judged by its rules.

Enters: a reading session, the compiled draft, a number of days. Leaves: a ``Backtest``: counts, reasons, records to
look at. Must not write. Judged is what the values of then can tell; what they cannot is counted as unknown: linked
records and other approvals a gate asks for, files whose rows are gone. People and roles are those of today, for the
release that holds and for the draft alike, so that a difference comes from the draft.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from engine.changing.drafts import Seen, carried, carried_stage, see
from engine.changing.past import Happening, count_records, walk_records
from engine.compiler.app import CompiledApp, Entity, Move
from engine.errors import FieldError, NotFound
from engine.expression import Env
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.completing import check_complete, compute_values
from engine.records.evaluation import site_zone
from engine.storage.changes import find_old_entity
from engine.storage.store import Session
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.people import Case, to_rules
from engine.workflow.approval.plan import Person
from engine.workflow.approval.planning import Path, plan_submission, preview
from engine.workflow.requirements import find_missing
from engine.workflow.stages import gate, values_set

Progress = Callable[[int, int], None]

MOST_NAMED = 20
_KNOWN = ("fields", "file", "check")
"""The requirements that the values of then can answer."""


@dataclass
class Reason:
    """Why things would go another way: how often, and the first records concerned."""

    code: str
    text: str
    count: int = 0
    records: list[int] = field(default_factory=list)


@dataclass
class Tally:
    """What the draft would do with one kind of happening; one may have several ``reasons``."""

    seen: int = 0
    differ: int = 0
    unknown: int = 0
    reasons: dict[tuple[str, str], Reason] = field(default_factory=dict)

    def add(self, record_id: int, found: list[tuple[str, str]], *, unknown: bool = False) -> None:
        """Count one happening with what would differ: pairs of a code and its words."""
        self.seen += 1
        self.differ += bool(found)
        self.unknown += unknown
        for key in dict.fromkeys(found):
            reason = self.reasons.setdefault(key, Reason(*key))
            reason.count += 1
            if len(reason.records) < MOST_NAMED and record_id not in reason.records:
                reason.records.append(record_id)

    def top(self) -> list[Reason]:
        """Return the reasons, the most frequent first."""
        return sorted(self.reasons.values(), key=lambda one: -one.count)


@dataclass
class EntityTest:
    """One entity: ``key`` and label as of today, moves made, approvals submitted, records saved."""

    entity: Entity
    moves: Tally = field(default_factory=Tally)
    approvals: Tally = field(default_factory=Tally)
    saves: Tally = field(default_factory=Tally)


def backtest(
    session: Session,
    app: CompiledApp,
    *,
    days: int,
    entity: str | None = None,
    language: str,
    progress: Progress = lambda done, total: None,
) -> list[EntityTest]:
    """Return what ``app`` would have made of the last ``days`` days, for each entity or for one.

    Raises ``NotFound`` when there is no such entity today.
    """
    if entity is not None and entity not in session.app.entities:
        raise NotFound("record.no_entity", entity=entity)
    seen, since = see(session, app), session.now() - timedelta(days=days)
    pairs = [(before, after) for before, after in _pairs(seen) if entity in (None, before.key)]
    total = sum(count_records(session, before, since) for before, _ in pairs)
    done, found = 0, []
    for before, after in pairs:
        test = _Test(seen, before, after, language)
        for happenings in walk_records(session, before, since):
            for happening in happenings:
                test.judge(happening)
            done += 1
            progress(done, total)
        found.append(test.found)
    return found


def _pairs(seen: Seen) -> Iterator[tuple[Entity, Entity]]:
    for after in seen.session.app.entities.values():
        before = find_old_entity(seen.today.app, after)
        if before is not None:
            yield before, after


class _Test:
    """One entity under the draft."""

    def __init__(self, seen: Seen, before: Entity, after: Entity, language: str) -> None:
        self.seen = seen
        self.today = see(seen.today, seen.today.app)
        self.before = before
        self.after = after
        self.language = language
        self.found = EntityTest(before)
        self._actors: dict[int | None, Actor | None] = {}

    def judge(self, one: Happening) -> None:
        """Judge one entry of the history."""
        if one.action == "move" and self.after.workflow is not None:
            move = self._old_move(one)
            if move is not None:
                self._judge_move(one, move)
        elif one.action in ("create", "update", "import"):
            self.found.saves.add(one.record_id, self._save_errors(one))

    # ---- moves

    def _old_move(self, one: Happening) -> Move | None:
        """Return the move that was made; what people decided about moves a record too, and is no move of its own."""
        workflow = self.before.workflow
        key = one.details.get("move")
        return None if workflow is None or "result" in one.details or not key else workflow.moves.get(key)

    def _judge_move(self, one: Happening, old: Move) -> None:
        assert self.after.workflow is not None  # noqa: S101 - the caller looked
        moves = self.after.workflow.moves
        move = moves.get(old.key) or next((two for two in moves.values() if two.was == old.key), None)
        stage = carried_stage(self.after, str(one.details.get("from")))
        if move is None or stage not in move.from_:
            self.found.moves.add(one.record_id, [("no_move", self._say(old.label))])
            return
        values = self._values(one.after) | {"stage": stage}
        env = self._env(self.seen, one)
        try:
            values |= values_set(self.after, move, values, env)
            needed = gate(self.after, stage, *((move.to,) if move.during is None else (move.during, move.to)))
            asked = tuple(two for two in needed if two.kind in _KNOWN)
            missing = find_missing(self.seen.session.at(one.at), self.after, values, asked, env, actor=self._actor(one))
        except KeyError:  # a stage that is gone
            self.found.moves.add(one.record_id, [("no_move", self._say(old.label))])
            return
        unknown = len(asked) < len(needed) or one.lost
        self.found.moves.add(one.record_id, [(two.key, two.message) for two in missing], unknown=unknown)
        if move.approval is not None and old.approval is not None:
            self._judge_path(one, old.approval, move.approval)

    # ---- approvals

    def _judge_path(self, one: Happening, old: str, new: str) -> None:
        starter = self._actor(one)
        if starter is None:
            self.found.approvals.add(one.record_id, [], unknown=True)
            return
        was = _path(self.today, self.before, old, dict(one.after), self._env(self.today, one), starter)
        now = _path(self.seen, self.after, new, self._values(one.after), self._env(self.seen, one), starter)
        self.found.approvals.add(one.record_id, [(code, "") for code in _differences(was, now)])

    # ---- saves

    def _save_errors(self, one: Happening) -> list[tuple[str, str]]:
        """Return what the draft would refuse and today's release does not."""
        at = "create" if one.action == "create" else "update"
        was: list[FieldError] = []
        check_complete(self.before, one.after, self._env(self.today, one), was, at=at)
        now: list[FieldError] = []
        check_complete(self.after, self._values(one.after), self._env(self.seen, one), now, at=at)
        known = {(error.path, error.code, error.text(self.language)) for error in was}
        return [
            ("refused", f"{error.path}: {error.text(self.language)}" if error.path else error.text(self.language))
            for error in now
            if (error.path, error.code, error.text(self.language)) not in known
        ]

    # ---- what was then

    def _values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by the draft's keys, what it computes worked out anew; roll-ups stay as they were."""
        found = carried(self.before, self.after, values)
        own = tuple(key for key in self.after.compute_order if not self.after.fields[key].folds)
        compute_values(replace(self.after, compute_order=own), found, self.seen.make_env(None), [])
        return found

    def _env(self, seen: Seen, one: Happening) -> Env:
        env = seen.make_env(self._actor(one))
        return replace(env, now=one.at, today=one.at.astimezone(site_zone(seen.session.app)).date())

    def _actor(self, one: Happening) -> Actor | None:
        if one.actor_id not in self._actors:
            try:
                known = accounts.get_actor(self.seen.today.connection, one.actor_id or 0)
                self._actors[one.actor_id] = replace(known, language=self.language)
            except NotFound:
                self._actors[one.actor_id] = None
        return self._actors[one.actor_id]

    def _say(self, label: Mapping[str, str]) -> str:
        return str(label.get(self.language) or next(iter(label.values()), ""))


def _path(seen: Seen, entity: Entity, key: str, values: dict[str, Any], env: Env, starter: Actor) -> Path:
    approval = seen.session.app.approvals[key]
    submission = plan_submission(entity, approval, values, env, starter=Person(starter.id, starter.name))
    case = Case(values, submission.starter)
    return preview(submission, LiveWorld(seen.session, case, self_=submission.self_, empty=to_rules(approval.empty)))


def _differences(was: Path, now: Path) -> Iterator[str]:
    if (was.auto_note is None) != (now.auto_note is None):
        yield "passes" if now.auto_note is not None else "asked"
        return
    before, after = ([step for step in path.steps if step.fate in ("asked", "call", "choose")] for path in (was, now))
    if now.blocked and not was.blocked:
        yield "nobody"
    if len(after) != len(before):
        yield "longer" if len(after) > len(before) else "shorter"
    people = [Counter(person.id for step in steps for person in step.people) for steps in (before, after)]
    if people[0] != people[1]:
        yield "people"
