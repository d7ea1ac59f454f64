"""What a search or a picker found, as it is told: what a record is called, and where the words stand if not there.

Enters: rows of a list and how to read them. Leaves: ``Found``. Must not read records: ``queries`` does, by the rights
of whoever asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.compiler.app import Entity
from engine.records.likeness import text_key
from engine.records.listing import ListPlan
from engine.records.record import Labels, display
from engine.romanised import sounds_in
from engine.storage.store import Session


@dataclass(frozen=True, slots=True)
class Found:
    """One record found by search or offered by a picker.

    ``field`` is where what was searched for stands, if not in the name or number, and ``said`` what stands there;
    ``near`` tells that nothing holds the words as they were typed, and this one is like them.
    """

    entity: str
    id: int
    text: str
    number: str | None = None
    stage: str | None = None
    field: str | None = None
    said: str | None = None
    near: bool = False


def show_found(
    session: Session, entity: str, plan: ListPlan, rows: Sequence[tuple[Any, ...]], words: Sequence[str]
) -> list[Found]:
    """Return rows of a list as what was found by ``words``, in their order."""
    compiled, labels, found = session.app.entities[entity], Labels(), []
    for row in rows:
        values = plan.reading.values(row)
        plan.reading.add_labels(row, values, labels)
        name, number = display(compiled, values, labels), values["number"]
        where, said = _where(compiled, values, labels, f"{name} {number or ''}", words)
        found.append(Found(entity, values["id"], name, number, values.get("stage"), where, said))
    return found


def _where(
    entity: Entity, values: Mapping[str, Any], labels: Labels, name: str, words: Sequence[str]
) -> tuple[str | None, str | None]:
    """Return the field in which a word stands that is not in the name, and what stands there."""
    for word in words:
        if sounds_in(text_key(name), word):
            continue
        for key in entity.search:
            field, value = entity.fields.get(key), values.get(key)
            if field is None or value is None:
                continue
            said = labels.get((field.to, value), "") if field.to is not None else field.type.to_text(value)
            if sounds_in(text_key(said), word):
                return key, said
    return None, None
