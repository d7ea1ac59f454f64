"""The records that link to a record, newest first, for each kind the reader may see.

Enters: a record. Leaves: the ``related`` groups of ``pages/record.html``. Must not list what the reader may not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import g

from engine.compiler.app import Entity, Field
from engine.errors import Missing
from engine.records import queries
from engine.records.condition_text import write_conditions
from engine.records.filters import Filter, FilterGroup
from engine.records.queries import ListQuery, Page
from engine.records.record import Record
from engine.records.rights import find_rights
from web.cells import Cells, record_url, title_of
from web.columns import column_label, phone_slots, view_column
from web.gate import locale
from web.shell import ENTITY_URL

_ROWS = 5
_COLUMNS = 4


def view_related(cells: Cells, entity: Entity, record: Record) -> list[dict[str, Any]]:
    """Return the groups that have records in them."""
    groups = []
    for other in g.session.app.entities.values():
        rights = find_rights(g.session.app, other, g.actor)
        links = [one for one in _leading(other, entity) if one.key not in rights.hidden] if rights.read else []
        if not links:
            continue
        shared = _shared_links(entity, other, record)
        page = _fetch(other, links, record.id, _COLUMNS + len(shared))
        if page.records:
            made_here = any(make.entity == other.key for make in entity.makes.values())
            create = None if made_here else _create(other, links[0], record.id)
            groups.append(_group(cells, other, links, record.id, page, shared) | {"create": create})
    return groups


def _leading(other: Entity, entity: Entity) -> list[Field]:
    """Return what leads to the record: the first link, and every field of several, which names it beside others."""
    leading = [field for field in other.stored_fields if field.to == entity.key]
    return [field for at, field in enumerate(leading) if at == 0 or field.type.many]


def _shared_links(entity: Entity, other: Entity, record: Record) -> dict[str, set[int]]:
    """Return the links of the other kind that may lead where the record leads too, and where that is."""
    leads: dict[str, set[int]] = {}
    for field in entity.stored_fields:
        if field.to is not None and isinstance(value := record.values.get(field.key), int):
            leads.setdefault(field.to, set()).add(value)
    targets = {key: other.fields[key].to for key in other.columns if key in other.fields}
    return {key: leads[to] for key, to in targets.items() if to in leads}


def _fetch(other: Entity, links: Sequence[Field], id_: int, most: int) -> Page:
    """Return the newest that lead to the record: asked link by link, each along its own index."""
    allowed = set(queries.shown_keys(other, find_rights(g.session.app, other, g.actor)))
    said = {links[0].key} if len(links) == 1 else set()
    columns = tuple(key for key in other.columns if key in allowed and key not in said)[: most + len(links) - 1]
    named = tuple(key for key in other.display_keys if key in allowed and key not in columns)
    asked = ListQuery(sort="id", descending=True, limit=_ROWS, columns=columns + named)
    queried = (replace(asked, filters=(Filter(link.key, "eq", id_),)) for link in links)
    pages = [queries.list_records(g.session, other.key, query, actor=g.actor) for query in queried]
    found = {one.id: one for page in pages for one in page.records}
    newest = sorted(found.values(), key=lambda one: one.id, reverse=True)
    more = next((page.next for page in pages if page.next), None)
    if len(newest) > _ROWS:
        more = more or str(newest[_ROWS].id)
    return replace(pages[0], records=newest[:_ROWS], next=more)


def _group(
    cells: Cells, other: Entity, links: Sequence[Field], id_: int, page: Page, shared: Mapping[str, set[int]]
) -> dict[str, Any]:
    """Return the group; a column that says of every record what stands above it on the page gives way."""
    link = links[0]
    leads = dict(shared) | {one.key: {id_} for one in links}
    told = {
        key
        for key, ids in leads.items()
        if any(all(one.values.get(key) in (led, [led]) for one in page.records) for led in ids)
    }
    columns = [key for key in page.columns if key not in told and key in other.columns][:_COLUMNS]
    slots = phone_slots(other, columns)
    list_url = ENTITY_URL.format(entity=other.key)
    return {
        "label": locale().label(other.label),
        "url": f"{list_url}?{_narrowed(other, links, id_)}" if link.key in other.filters and page.next else None,
        "count_text": f"{len(page.records)}{'+' if page.next else ''}",
        "columns": [view_column(other, key, column_label(other, key), slots.get(key)) for key in columns],
        "rows": [_row(cells, other, one, columns) for one in page.records],
        "empty": "",
    }


def _narrowed(other: Entity, links: Sequence[Field], id_: int) -> str:
    """Return the query of the list of all of them."""
    if len(links) == 1:
        return f"{links[0].key}={id_}"
    anyhow = FilterGroup("any", tuple(Filter(one.key, "eq", id_) for one in links))
    return urlencode({"where": write_conditions(anyhow)})


def _row(cells: Cells, other: Entity, record: Record, columns: list[str]) -> dict[str, Any]:
    return {
        "id": record.id,
        "url": record_url(other.key, record.id),
        "title": title_of(other, record),
        "late": False,
        "cells": {key: cells.of_record(other, key, record) for key in columns},
    }


def missing_url(missing: Missing, id_: int) -> str | None:
    """Return where a linked record that is missing can be made, linked to record ``id_``, for whoever may make one."""
    made = g.session.app.entities.get(missing.entity or "") if missing.kind == "link" else None
    return None if made is None or missing.via is None else create_url(made, made.fields[missing.via], id_)


def _create(other: Entity, link: Field, id_: int) -> dict[str, str] | None:
    url = create_url(other, link, id_)
    return None if url is None else {"url": url, "label": locale().t("list.create", entity=locale().label(other.label))}


def create_url(other: Entity, link: Field, id_: int) -> str | None:
    """Return where a record that links to record ``id_`` is made, None for whoever may make none."""
    if not find_rights(g.session.app, other, g.actor).create or link.readonly:
        return None
    return f"{ENTITY_URL.format(entity=other.key)}/new?{link.key}={id_}"
