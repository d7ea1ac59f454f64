"""What stored values were under earlier releases, as the history tells.

Enters: a field over its table, ids of records. Leaves: for each value the ones that releases made it of, newest first.
Must not go past what a person typed: from there on the value is theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, cast, select

from engine.compiler.app import Field
from engine.storage.changes import TableOf
from engine.storage.filling import Filling
from engine.storage.rewriting import ACTION, are_one
from engine.storage.system_tables import history


@dataclass(frozen=True)
class State:
    """A value in JSON form as it was before the release with this id; ``stood`` when nothing has told of it since."""

    said: Any
    before: int
    stood: bool = False


def find_changed(filling: Filling) -> frozenset[str]:
    """Return the entities whose records were changed by releases since the one to go back to; none on the way on."""
    if filling.back is None:
        return frozenset()
    since = (history.c.action == ACTION, history.c.release_id > filling.back.to)
    return frozenset(filling.connection.scalars(select(history.c.entity).where(*since).distinct()))


class EarlierValues:
    """The history of one field, a batch of records at a time."""

    def __init__(self, filling: Filling, place: TableOf, item: Field) -> None:
        self._connection, self._place, self._item = filling.connection, place, item
        self._key = item.key if place.line is None else place.line.key
        said = cast(history.c.changes, Text).contains(f'"{self._key}"', autoescape=True)
        self._mine = (history.c.entity == place.entity.key, said)
        self._entries: dict[int, list[Any]] = {}

    def has_any(self, since: int = 0) -> bool:
        """Tell whether a release after ``since`` changed a value of the field."""
        by_release = (history.c.action == ACTION, history.c.release_id > since)
        return self._connection.scalar(select(history.c.id).where(*self._mine, *by_release).limit(1)) is not None

    def load(self, ids: Sequence[int]) -> None:
        """Read what the history says of records."""
        c = history.c
        query = select(c.record_id, c.action, c.changes, c.release_id).where(*self._mine, c.record_id.in_(ids))
        self._entries = {id_: [] for id_ in ids}
        for row in self._connection.execute(query.order_by(c.id.desc())):
            self._entries[row.record_id].append(row)

    def walk(self, record: int, row: int, said: Any, until: int) -> Iterator[State]:
        """Yield what a value (``said`` in JSON form) was before, back to a release, or to what a person typed since.

        ``row`` is the id of the line, or of the record itself. Two types may write a value alike, so that no entry
        tells of the change from one to the other: the last state is what it was in that release.
        """
        for entry in self._entries.get(record, ()):
            pair = self._pair(entry.changes, row)
            if pair is None or pair[0] == pair[1]:
                continue
            if entry.release_id is None or not are_one(pair[1], said):
                return
            if entry.action != ACTION or entry.release_id <= until:
                yield State(said, max(entry.release_id, until) + 1, stood=True)
                return
            said = pair[0]
            yield State(said, entry.release_id)

    def _pair(self, changes: Mapping[str, Any], row: int) -> list[Any] | None:
        pair = changes.get(self._key)
        if pair is None or self._place.line is None:
            return pair
        lines: list[Mapping[str, Any]] = [next((line for line in rows or () if line["id"] == row), {}) for rows in pair]
        return [line.get(self._item.key) for line in lines]
