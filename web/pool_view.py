"""A pool as one reader sees it: its records as far as it shows them, each with what may be done with it.

Enters: a pool the reader sees, the query of the address. Leaves: ``pool`` of ``pages/pool.html``, ``pooled`` of
``pages/pooled.html``. Must not offer what a command would refuse for want of a right.
"""

from typing import Any
from urllib.parse import urlencode

from flask import g, request

from engine.compiler.app import Entity, Pool
from engine.compiler.app.ownership import POOL
from engine.errors import InvalidValues
from engine.records import pooled, queries
from engine.records.pools import count_room
from engine.records.queries import COUNTED, ListQuery, Page
from engine.records.record import Record
from engine.records.rights import find_rights
from web.cells import Cells, record_url, title_of
from web.columns import column_label, phone_slots, view_column
from web.gate import locale, now
from web.record_actions import Action, pool_actions
from web.shell import ENTITY_URL, add_toast

_LONGEST_SEARCH = 100


def find_filled_pool(entity: Entity, key: str) -> Pool | None:
    """Return the pool into which the reader may put a new record, None when it is none of theirs."""
    pool = entity.ownership.pools.get(key) if entity.ownership is not None else None
    return pool if pool is not None and not g.actor.roles.isdisjoint(pool.admins) else None


class PoolView:
    """One pool; reads the page when it is made."""

    def __init__(self, entity: Entity, pool: Pool) -> None:
        self.entity, self.pool, self.cells = entity, pool, Cells(locale(), now())
        self.rights = pooled.require_pool(g.session, entity, pool.key, g.actor)
        self.url = f"{ENTITY_URL.format(entity=entity.key)}/pools/{pool.key}"
        seen = queries.shown_keys(entity, self.rights)
        kept = [key for key in dict.fromkeys(["number", *entity.display_keys, *pool.shows]) if key in seen]
        self.columns = tuple(key for key in kept if key != "number" or entity.number is not None)
        self.query, self.page = self._fetch()

    def rows(self) -> dict[str, Any]:
        """Return columns, rows and the address of the next ones."""
        slots = self._slots()
        return {
            "columns": [self._column(key, slots.get(key)) for key in self.columns],
            "rows": [self._row(record) for record in self.page.records],
            "more_url": self._address(after=self.page.next) if self.page.next else None,
        }

    def whole(self) -> dict[str, Any]:
        """Return everything the page shows."""
        text = locale()
        count = pooled.count_pooled(g.session, self.entity.key, self.pool.key, self.query, actor=g.actor)
        return self.rows() | {
            "title": text.label(self.pool.label),
            "entity_label": text.label(self.entity.label),
            "list_url": ENTITY_URL.format(entity=self.entity.key),
            "url": self.url,
            "q": self.query.text,
            "count_text": text.t("list.count_many", count=COUNTED)
            if count > COUNTED
            else text.t("list.count", count=count),
            "room": self._room(),
            "create": self._create(),
            "filtered": bool(self.query.text),
        }

    def _create(self) -> dict[str, str] | None:
        """Return where those who look after the pool enter what goes straight into it."""
        may = find_rights(g.session.app, self.entity, g.actor).create
        if not may or find_filled_pool(self.entity, self.pool.key) is None:
            return None
        label = locale().t("list.create", entity=locale().label(self.entity.label))
        return {"url": f"{ENTITY_URL.format(entity=self.entity.key)}/new?pool={self.pool.key}", "label": label}

    def _slots(self) -> dict[str, str]:
        """Return where each column stands on a phone's card: nobody owns these records, so there is room for more."""
        order = sorted(self.columns, key=lambda key: key == "number")
        slots = phone_slots(self.entity, order)
        free = [slot for slot in ("owner", "date") if slot not in slots.values()]
        return slots | dict(zip((key for key in order if key not in slots), free, strict=False))

    def _fetch(self) -> tuple[ListQuery, Page]:
        sort = request.args.get("sort", "")
        query = ListQuery(
            sort=sort.removeprefix("-") or None,
            descending=sort.startswith("-"),
            after=request.args.get("after") or None,
            text=request.args.get("q", "")[:_LONGEST_SEARCH].strip(),
            columns=(*self.columns, POOL),
        )
        try:
            return query, self._list(query)
        except InvalidValues as invalid:
            add_toast(invalid.errors[0].text(locale().language), "error")
            plain = ListQuery(columns=(*self.columns, POOL))
            return plain, self._list(plain)

    def _list(self, query: ListQuery) -> Page:
        return pooled.list_pooled(g.session, self.entity.key, self.pool.key, query, actor=g.actor)

    def _room(self) -> str | None:
        """Say how many the reader may still take, before they try."""
        if g.actor.roles.isdisjoint(self.pool.members):
            return None
        today, room = count_room(g.session, self.entity, g.actor)
        text = locale()
        said = [text.t("pool.room_today", n=today)] if today is not None else []
        said += [text.t("pool.room", n=room)] if room is not None else []
        return text.t("text.comma").join(said) or None

    def _column(self, key: str, slot: str | None) -> dict[str, Any]:
        field = self.entity.fields.get(key)
        sorted_here, descending = self.page.sort == key, self.page.descending
        sortable = field is None or field.type.sortable
        following = key if sorted_here and descending else f"-{key}"
        return view_column(self.entity, key, column_label(self.entity, key), slot) | {
            "sort_url": self._address(sort=following) if sortable else None,
            "sorted": ("desc" if descending else "asc") if sorted_here else None,
        }

    def _row(self, record: Record) -> dict[str, Any]:
        return {
            "id": record.id,
            "url": record_url(self.entity.key, record.id),
            "title": title_of(self.entity, record),
            "cells": {key: self.cells.of_record(self.entity, key, record) for key in self.columns},
            "actions": pool_actions(self.entity, record),
        }

    def _address(self, **changes: Any) -> str:
        given = {name: value for name, value in request.args.items() if name in ("q", "sort") and value}
        asked = given | {name: value for name, value in changes.items() if value}
        return f"{self.url}?{urlencode(asked)}" if asked else self.url


def view_pooled(entity: Entity, record: Record) -> dict[str, Any]:
    """Return the page of a record in a pool, for whoever sees no more of it than that."""
    cells, text = Cells(locale(), now()), locale()
    pool = entity.ownership.pools[record.values[POOL]] if entity.ownership is not None else None
    assert pool is not None  # noqa: S101 - it was found in one
    shown = [key for key in pool.shows if record.shows(key)]
    actions: list[Action] = pool_actions(entity, record)
    number = record.values.get("number")
    return {
        "title": title_of(entity, record),
        "number": number,
        "pool": text.label(pool.label),
        "pool_url": f"{ENTITY_URL.format(entity=entity.key)}/pools/{pool.key}",
        "entries": [
            {"label": column_label(entity, key), "cell": cells.of_record(entity, key, record)} for key in shown
        ],
        "actions": actions,
    }
