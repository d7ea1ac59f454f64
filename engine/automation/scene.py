"""Where a run stands: its record as it is now, whose behalf it acts on, and what it did so far.

Enters: a run, its automation, the values it reads. Leaves: what conditions and names in steps come to, lines of the
trace. Must not do anything: the steps do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.automation.runs import Run
from engine.compiler.app import Automation, Do, Entity
from engine.definition.model import WhoDefinition
from engine.expression import Env
from engine.people.actor import Actor
from engine.records.record import Record
from engine.records.writing import lock_record
from engine.storage.store import Session
from engine.workflow.approval.people import Case, find_people, to_rules
from engine.workflow.approval.plan import Person


@dataclass
class Scene:
    """A run at work; ``record`` is the one it is about, as it is now, inside ``for_each`` each of the linked ones."""

    session: Session
    run: Run
    automation: Automation
    record: Record | None
    env: Env
    actor: Actor
    trace: list[dict[str, Any]]
    prefix: str = ""
    row: Mapping[str, Any] | None = None  # inside a ``for_each`` over rows: the row, instead of the record
    last: bool = False  # whether this is the last time round a ``for_each``
    sums: dict[str, Decimal] = field(default_factory=dict)  # what a ``for_each`` gave to what it made so far
    watcher: Actor | None = None  # who looks at a preview
    counted: Mapping[str, Any] = field(default_factory=dict)  # the figures of what runs for no record

    @property
    def entity(self) -> Entity:
        """The kind of the record."""
        assert self.record is not None  # noqa: S101 - the compiler lets no step of a record run without one
        return self.session.app.entities[self.record.entity]

    @property
    def values(self) -> Mapping[str, Any]:
        """The values of the row or record; the figures that were counted when there is none."""
        if self.row is not None:
            return self.row
        return self.record.values if self.record is not None else self.counted

    def holds(self, step: Do) -> bool:
        """Return whether the condition of an ``if`` is true, and say so in the trace."""
        true = step.value is not None and step.value.run(self.values, self.env) is True
        self.tell(step, true=true)
        return true

    def tell(self, step: Do, **details: Any) -> None:
        """Add a line to the trace."""
        at = f"{step.location.file}:{step.location.line}"
        self.trace.append({"step": self.prefix + step.path, "kind": step.kind, "at": at, **details})

    def again(self) -> None:
        """Read the record again after a step changed it."""
        if self.record is not None:
            self.record = lock_record(self.session, self.entity, self.record.id, actor=None)

    def people(self, who: Sequence[WhoDefinition]) -> list[int]:
        """Return whom the words name, each once."""
        starter = Person(self.actor.id, "")
        values = self.record.values if self.record is not None else {}
        found = find_people(self.session, to_rules(who), Case(values, starter))
        return list(dict.fromkeys(person.id for person in found))
