"""What an approval asks while it goes on, answered from the database: people, due moments, approvals to call.

Enters: a session, the record's values, who started it. Leaves: a ``World`` for the pure core. Must not write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.records.calendar import add_working, parse_amount, working_minutes
from engine.storage.store import Session
from engine.workflow.approval.people import Case, Rule, find_holders, find_people
from engine.workflow.approval.plan import Person, StepPlan
from engine.workflow.approval.state import ApprovalState
from engine.workflow.approval.world import Holders, unique


class LiveWorld:
    """People and due moments as they are in this session; each step is asked for once."""

    def __init__(self, session: Session, case: Case, *, self_: str, empty: Sequence[Rule]) -> None:
        self._session = session
        self._case = case
        self._self = self_
        self._empty = empty
        self._found: dict[str, Holders] = {}

    @classmethod
    def of(cls, session: Session, state: ApprovalState, values: Mapping[str, Any]) -> "LiveWorld":
        """Return the world of a running approval."""
        case = Case(values, state.starter, chosen=state.rules.get("chosen") or {})
        return cls(session, case, self_=state.self_, empty=state.empty)

    def holders(self, step: StepPlan) -> Holders:
        """Return who is asked in this step now."""
        if step.key not in self._found:
            case = replace(self._case, step=step.key)
            found = find_holders(self._session, step.who, case, self_=self._self, empty=self._empty)
            self._found[step.key] = found
        return self._found[step.key]

    def people(self, rules: Sequence[Mapping[str, Any]], holder: int | None = None) -> tuple[Person, ...]:
        """Return whom rules name now, each once."""
        return unique(find_people(self._session, rules, replace(self._case, holder=holder)))

    def due(self, step: StepPlan) -> datetime | None:
        """Return when a task of this step that opens now is due."""
        return None if step.due is None else self.later(step.due, self._session.now())

    def moments(self, step: StepPlan) -> tuple[tuple[str, datetime], ...]:
        """Return the late rules of a step that opens now, each with its moment."""
        return self.moments_from(step, self._session.now())

    def moments_from(self, step: StepPlan, start: datetime) -> tuple[tuple[str, datetime], ...]:
        """Return the late rules of a step that opens at ``start``, each with its moment."""
        return tuple((late.key, self._late_at(step, late.at, start)) for late in step.late)

    def later(self, duration: str, start: datetime) -> datetime:
        """Return the moment a duration after another, in the working time of the site."""
        app = self._session.app
        return add_working(app.calendar, app.timezone, start, duration)

    def can_call(self, step: StepPlan) -> bool:
        """Return whether there is an approval to call, and a record it is about."""
        called = self._session.app.approvals.get(step.call)
        return called is not None and (not step.of or self._case.values.get(step.of) is not None)

    def is_to_choose(self, step: StepPlan) -> bool:
        """Return whether the starter has still to choose whom this step asks."""
        chooses = any(rule["kind"] == "chosen_by" for rule in step.who)
        return chooses and not self._case.chosen.get(step.key)

    def _late_at(self, step: StepPlan, at: str, start: datetime) -> datetime:
        """``50%`` is half of the due time on the step's own clock: working time for working durations."""
        due = None if step.due is None else self.later(step.due, start)
        if not at.endswith("%") or due is None or step.due is None:
            return self.later(at, start)
        part = int(at.removesuffix("%"))
        if part == 100:
            return due
        if not parse_amount(step.due).working:
            return start + (due - start) * part / 100
        app = self._session.app
        minutes = working_minutes(app.calendar, app.timezone, start, due) * part // 100
        return self.later(f"{max(1, minutes)}wm", start)
