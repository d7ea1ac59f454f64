"""A list as one reader sees it.

Enters: an entity and the query of the address. Leaves: the ``list`` of ``pages/list.html``, or its next rows. Must
not put a field into the address that the reader may not see: the query refuses it.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g, request

from engine.compiler.app import Entity
from engine.errors import InvalidValues
from engine.people import directory
from engine.records import queries
from engine.records.links import label_links
from engine.records.queries import COUNTED, ListQuery, Page
from engine.records.record import USER, Labels, Record
from engine.records.rights import find_rights
from web.cells import Cells, record_url, title_of
from web.columns import column_label, phone_slots, view_column
from web.gate import locale, now
from web.list_filters import FilterPanel, read_filters
from web.shell import ENTITY_URL, add_toast

_LONGEST_SEARCH = 100


class ListView:
    """One list as one reader sees it; reads the page when it is made."""

    def __init__(self, entity: Entity) -> None:
        self.entity = entity
        self.rights = find_rights(g.session.app, entity, g.actor)
        self.cells = Cells(locale(), now())
        self.url = ENTITY_URL.format(entity=entity.key)
        allowed = queries.readable_keys(entity, self.rights)
        self.columns = tuple(key for key in entity.columns if key in allowed)
        self.filters = tuple(key for key in entity.filters if key in allowed)
        self.query, self.page = self._fetch()

    def rows(self) -> dict[str, Any]:
        """Return columns, rows and the address of the next ones."""
        shown = self._shown_columns()
        return {
            "entity": self.entity.key,
            "columns": self._columns(shown),
            "rows": [self._row(record, shown) for record in self.page.records],
            "more_url": self._address(after=self.page.next, cols=",".join(shown)) if self.page.next else None,
        }

    def whole(self) -> dict[str, Any]:
        """Return everything the list page shows."""
        text = locale()
        label = text.label(self.entity.label)
        create = (
            {"url": f"{self.url}/new", "label": text.t("list.create", entity=label)} if self.rights.create else None
        )
        panel = FilterPanel(self.cells, self.entity, self.page.labels | _filter_labels(self.entity, self.query))
        return self.rows() | {
            "title": label,
            "create": create,
            "url": self.url,
            "q": self.query.text,
            "views": self._views(),
            "filters": [panel.offered(key) for key in self.filters],
            "chips": panel.chips(self.query.filters, self._address),
            "clear_url": self.url,
            "keep": {name: request.args[name] for name in ("sort",) if request.args.get(name)},
            "sums": [],
            "count_text": self._count(),
            "filtered": bool(self.query.filters or self.query.text),
            "empty": self._empty(label, create),
        }

    # ---- what is asked for

    def _fetch(self) -> tuple[ListQuery, Page]:
        sort = request.args.get("sort", "")
        query = ListQuery(
            filters=tuple(read_filters(self.filters)),
            sort=sort.removeprefix("-") or None,
            descending=sort.startswith("-"),
            after=request.args.get("after") or None,
            text=request.args.get("q", "")[:_LONGEST_SEARCH].strip(),
            columns=self.columns,
        )
        try:
            return query, queries.list_records(g.session, self.entity.key, query, actor=g.actor)
        except InvalidValues as invalid:  # a value somebody typed into a filter: say so and show the list without it
            add_toast(invalid.errors[0].text(locale().language), "error")
            plain = ListQuery(columns=self.columns)
            return plain, queries.list_records(g.session, self.entity.key, plain, actor=g.actor)

    def _address(self, **changes: Any) -> str:
        gone = {*changes, "after", "cols"}
        given = [(name, value) for name, value in request.args.items(multi=True) if name not in gone and value]
        given += [(name, value) for name, value in changes.items() if value]
        return f"{self.url}?{urlencode(given)}" if given else self.url

    # ---- what is shown

    def _shown_columns(self) -> list[str]:
        """Columns that say nothing give way: empty ones, and the owner to somebody who sees only their own."""
        if request.args.get("cols"):
            asked = request.args["cols"].split(",")
            return [key for key in self.columns if key in asked]
        if not self.page.records:
            return list(self.columns)
        kept = [key for key in self.columns if key != "owner" or not self.rights.read <= {"own"}]
        filled = [key for key in kept if any(_has(record, key) for record in self.page.records)]
        return filled or list(self.columns[:1])

    def _columns(self, shown: Sequence[str]) -> list[dict[str, Any]]:
        slots = phone_slots(self.entity, shown)
        return [self._column(key, slots.get(key)) for key in shown]

    def _column(self, key: str, slot: str | None) -> dict[str, Any]:
        field = self.entity.fields.get(key)
        sorted_here, descending = self.page.sort == key, self.page.descending
        following = key if sorted_here and descending else f"-{key}"
        sortable = field is None or field.type.sortable
        return view_column(self.entity, key, column_label(self.entity, key), slot) | {
            "sort_url": self._address(sort=following) if sortable else None,
            "sorted": ("desc" if descending else "asc") if sorted_here else None,
        }

    def _row(self, record: Record, shown: Sequence[str]) -> dict[str, Any]:
        return {
            "id": record.id,
            "url": record_url(self.entity.key, record.id),
            "title": title_of(self.entity, record),
            "cells": {key: self.cells.of_record(self.entity, key, record) for key in shown},
            "late": False,
        }

    def _views(self) -> list[dict[str, Any]]:
        if self.rights.read <= {"own"} or "owner" not in self.filters:
            return []
        mine = request.args.getlist("owner") == [str(g.actor.id)]
        own = f"{self.url}?owner={g.actor.id}"
        return [
            {"label": locale().t("list.view_all"), "url": self.url, "active": not mine, "count": None},
            {"label": locale().t("list.view_mine"), "url": own, "active": mine, "count": None},
        ]

    def _count(self) -> str:
        count = queries.count_records(g.session, self.entity.key, self.query, actor=g.actor)
        text = locale()
        return text.t("list.count_many", count=COUNTED) if count > COUNTED else text.t("list.count", count=count)

    def _empty(self, label: str, create: dict[str, str] | None) -> dict[str, Any]:
        text = locale()
        said = text.label(self.entity.help) or text.t("list.none_yet_text" if create else "list.none_yet_reader")
        title = text.t("list.none_yet", entity=label)
        return {"icon": self.entity.icon or "folder", "title": title, "text": said, "action": create}


def _has(record: Record, key: str) -> bool:
    return record.values.get(key) not in (None, "")


def _filter_labels(entity: Entity, query: ListQuery) -> Labels:
    """What the records and people a list is narrowed to are called, even when no row of it names them."""
    chosen = {one.field: int(str(one.value)) for one in query.filters if _is_id(one.value)}
    links = {key: id_ for key, id_ in chosen.items() if key in entity.fields and entity.fields[key].to is not None}
    people = directory.people(g.session.connection, [id_ for key, id_ in chosen.items() if key not in links])
    called: Labels = {(USER, id_): person.name for id_, person in people.items()}
    return called | label_links(g.session, entity, links, actor=g.actor)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18
