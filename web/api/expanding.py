"""Linked records beside those that link to them (``expand=customer``), so that a program asks once.

Enters: records and the links to follow. Leaves: plain data by entity and id. Must not show a record outside the scope
of whoever asks, nor follow a link they may not see: it is answered like one that does not exist.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import g, request

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues
from engine.records import queries
from engine.records.filters import MOST_CHOSEN, Filter
from engine.records.queries import ListQuery
from engine.records.record import Record
from engine.records.rights import Rights, find_rights
from web.api.answers import writer_for

_MOST = 10


def read_expand(entity: Entity, rights: Rights, *, whole: bool = False) -> dict[str, str]:
    """Return the links to follow, each with the entity it leads to; raises ``InvalidValues`` for any other name.

    With ``whole``, of one record, also those of its lines: ``items.product``.
    """
    names = dict.fromkeys(name for name in request.args.get("expand", "").split(",") if name)
    if len(names) > _MOST:
        raise InvalidValues([FieldError("expand", "people.many_expanded", {"max": _MOST})])
    links = _links(entity, rights, whole=whole)
    known = ", ".join(links) or "—"
    errors = [
        FieldError("expand", "people.no_link", {"name": name[:60], "known": known})
        for name in names
        if name not in links
    ]
    if errors:
        raise InvalidValues(errors)
    return {name: links[name] for name in names}


def split_fields(names: Iterable[str], links: Mapping[str, str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the fields that are asked of the records themselves, and by link those of what it leads to.

    ``customer.name`` is one of the latter if ``customer`` is followed.
    """
    own: list[str] = []
    beyond: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        link, _, field = name.rpartition(".")
        (beyond[link] if link in links else own).append(field if link in links else name)
    return own, dict(beyond)


def expand(
    records: Iterable[Record], links: Mapping[str, str], only: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, Any]]:
    """Return the records that the links lead to, as far as the actor may see them, by entity and id.

    ``only`` names the fields asked for by link. What several links lead to has the fields of all of them.
    """
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    whole: set[str] = set()
    fields: defaultdict[str, list[str]] = defaultdict(list)
    for name, target in links.items():
        fields[target] += only.get(name, ())
        whole |= set() if only.get(name) else {target}
    for record in records:
        for name, target in links.items():
            wanted[target].update(_ids(record, name))
    return {to: _read(to, sorted(ids), () if to in whole else tuple(fields[to])) for to, ids in wanted.items()}


def _links(entity: Entity, rights: Rights, *, whole: bool) -> dict[str, str]:
    found = dict(_of(entity.fields, "", rights))
    for lines in entity.line_fields if whole else ():
        if lines.key not in rights.hidden:
            found |= _of(lines.fields, f"{lines.key}.", rights)
    return found


def _of(fields: Mapping[str, Field], before: str, rights: Rights) -> Iterable[tuple[str, str]]:
    for key, field in fields.items():
        if field.to is not None and f"{before}{key}" not in rights.hidden and not field.retired:
            yield f"{before}{key}", field.to


def _ids(record: Record, name: str) -> Iterable[int]:
    lines, _, column = name.rpartition(".")
    rows = (record.values.get(lines) or ()) if lines else (record.values,)
    for row in rows:
        value = row.get(column)
        yield from value if isinstance(value, list) else () if value is None else (value,)


def _read(target: str, ids: Sequence[int], fields: tuple[str, ...]) -> dict[str, Any]:
    entity = g.session.app.entities[target]
    if not find_rights(g.session.app, entity, g.actor).read:
        return {}
    write = writer_for(target).write
    found: dict[str, Any] = {}
    for start in range(0, len(ids), MOST_CHOSEN):
        part = [str(id_) for id_ in ids[start : start + MOST_CHOSEN]]
        query = ListQuery(filters=(Filter("id", "in", part),), columns=fields, sort="id", limit=MOST_CHOSEN)
        page = queries.list_records(g.session, target, query, actor=g.actor)
        found |= {str(record.id): write(record) for record in page.records}
    return found
