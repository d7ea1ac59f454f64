"""Stored values that a release changes: rewritten in batches, each change in the history of its record.

Enters: new values as SQL over a table, and which rows. Leaves: changed rows with a new version, and a history row for
each record, so that its history still replays to it. Must not touch a row whose values stay what they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from operator import ne
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, insert, or_, select, text, true, update

from engine.compiler.app import Field
from engine.storage.changes import TableOf, means_something_else
from engine.storage.filling import Filling, owner_of
from engine.storage.system_tables import history

_BATCH = 500
ACTION = "migrate"
"""What such an entry of the history is called."""

Former = Mapping[str, tuple[ColumnElement[Any], Field]]
"""Where the value of a field was before, when not in its own column: the column and the field it was."""


def rewrite(
    filling: Filling,
    place: TableOf,
    values: Mapping[str, ColumnElement[Any]],
    where: ColumnElement[bool],
    former: Former | None = None,
) -> int:
    """Give the rows that meet ``where`` new values by column and return how many rows changed."""
    _keep_writers_out(filling, place)
    table = place.table
    gone = [column.is_not(None) for column, _ in (former or {}).values()]  # no new value is a change as well
    wanted = where & or_(*(table.c[key].is_distinct_from(value) for key, value in values.items()), *gone)
    changed = 0
    for ids in _batches(filling, place, wanted):
        before = _read(filling, place, values, ids, former or {})
        inside = owner_of(place).between(ids[0], ids[-1])
        change = update(table).where(inside, wanted).values({table.c[key]: value for key, value in values.items()})
        changed += filling.connection.execute(change, filling.parameters).rowcount
        _tell(filling, place, before, _read(filling, place, values, ids, {}))
    if changed:
        filling.touched.add(table.name)
    return changed


def rewrite_each(
    filling: Filling, place: TableOf, key: str, work: Callable[[Sequence[int]], Mapping[int, Any]], former: Former
) -> None:
    """Give the rows the values of one column that ``work`` finds, by the id of the row, for records with these ids.

    A number of the same field that only gets other places is told as no change.
    """
    differ = _are_other_numbers if _keep_meaning(filling, place, key, former) else ne
    _keep_writers_out(filling, place)
    table, column = place.table, place.table.c[key]
    change = update(table).where(table.c.id == bindparam("row_id")).values({column: bindparam("value")})
    for ids in _batches(filling, place, true()):
        before = _read(filling, place, {key: column}, ids, former)
        given = [{"row_id": row, "value": value} for row, value in work(ids).items()]
        if given:
            filling.connection.execute(change, given)
        _tell(filling, place, before, _read(filling, place, {key: column}, ids, {}), differ)
    filling.touched.add(table.name)


def _keep_writers_out(filling: Filling, place: TableOf) -> None:
    """What is read and then changed must not change in between; SQLite has one writer anyway."""
    if filling.connection.dialect.name != "postgresql":
        return
    names = [filling.tables.entity[place.entity.key].name, *([] if place.line is None else [place.table.name])]
    quoted = ", ".join(filling.connection.dialect.identifier_preparer.quote(name) for name in names)
    filling.connection.execute(text(f"LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE"))


def _batches(filling: Filling, place: TableOf, wanted: ColumnElement[bool]) -> Iterator[Sequence[int]]:
    owner, last = owner_of(place), 0
    while True:
        query = select(owner).where(wanted, owner > last).distinct().order_by(owner).limit(_BATCH)
        ids = filling.connection.scalars(query, filling.parameters).all()
        if not ids:
            return
        yield ids
        last = ids[-1]


Told = dict[int, dict[str, Any]]
"""Values by record and key, in JSON form."""


def _read(filling: Filling, place: TableOf, values: Mapping[str, Any], ids: Sequence[int], former: Former) -> Told:
    if place.line is not None:
        return _read_lines(filling, place, place.line, ids, former)
    columns = [former[key][0] if key in former else place.table.c[key] for key in values]
    rows = filling.connection.execute(select(place.table.c.id, *columns).where(place.table.c.id.in_(ids)))
    fields = {key: former[key][1] if key in former else place.fields.get(key) for key in values}
    return {row[0]: _named(fields, tuple(row)[1:]) for row in rows}


def _read_lines(filling: Filling, place: TableOf, line: Field, ids: Sequence[int], former: Former) -> Told:
    """Return the whole line tables of records, since that is what their history holds."""
    table = place.table
    fields = {key: former[key][1] if key in former else field for key, field in place.fields.items()}
    columns = [former[key][0] if key in former else table.c[key] for key in fields]
    query = select(table.c.parent_id, table.c.id, *columns).where(table.c.parent_id.in_(ids))
    found: Told = {id_: {line.key: []} for id_ in ids}
    for row in filling.connection.execute(query.order_by(table.c.parent_id, table.c.position)):
        found[row[0]][line.key].append(_line(tuple(row), fields))
    return found


def _line(row: Sequence[Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    return {"id": row[1], **{key: value for key, value in _named(fields, row[2:]).items() if value is not None}}


def _named(fields: Mapping[str, Field | None], values: Sequence[Any]) -> dict[str, Any]:
    return {key: to_json(field, value) for (key, field), value in zip(fields.items(), values, strict=True)}


def to_json(field: Field | None, value: Any) -> Any:
    """Return a stored value as the history keeps it; ``field`` is None for the stage and the number."""
    return value if value is None or field is None else field.type.to_json(value)


def _keep_meaning(filling: Filling, place: TableOf, key: str, former: Former) -> bool:
    return all(not means_something_else(was, place.fields[key], filling.new) for _, was in former.values())


def are_one(told: Any, said: Any) -> bool:
    """Tell whether two values in JSON form are one; a number that got other places is the same number."""
    if isinstance(told, list) and isinstance(said, list):
        return len(told) == len(said) and all(map(are_one, told, said))
    if isinstance(told, Mapping) and isinstance(said, Mapping):
        return told.keys() == said.keys() and all(are_one(value, said[key]) for key, value in told.items())
    if told == said or (told or None, said or None) == (None, None):
        return True
    try:
        return Decimal(str(told)) == Decimal(str(said))
    except InvalidOperation:
        return False


def _are_other_numbers(told: Any, said: Any) -> bool:
    return not are_one(told, said)


def _tell(filling: Filling, place: TableOf, before: Told, after: Told, differ: Callable[[Any, Any], bool] = ne) -> None:
    """Raise the version of every record that changed and write down what did."""
    changes = {id_: _differences(before[id_], told, differ) for id_, told in after.items()}
    changed = [id_ for id_, found in changes.items() if found]
    if not changed:
        return
    table: Table = filling.tables.entity[place.entity.key]
    raised = {"version": table.c.version + 1, "release_id": filling.release_id}
    filling.connection.execute(update(table).where(table.c.id.in_(changed)).values(raised))
    versions = filling.connection.execute(select(table.c.id, table.c.version).where(table.c.id.in_(changed)))
    rows = [
        {
            "entity": place.entity.key,
            "record_id": id_,
            "version": version,
            "at": filling.parameters["now"],
            "actor_id": None if filling.by is None else filling.by.id,
            "action": ACTION,
            "changes": changes[id_],
            "via": "system" if filling.by is None else filling.by.via,
            "release_id": filling.release_id,
        }
        for id_, version in versions
    ]
    # Inline: one row is written by the same statement as many, so that a plan does not depend on how many there are.
    filling.connection.execute(insert(history).inline(), rows)


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], differ: Callable[[Any, Any], bool]
) -> dict[str, list[Any]]:
    return {key: [before.get(key), value] for key, value in after.items() if differ(before.get(key), value)}
