"""A list as one reader sees it.

Enters: an entity and the query of the address. Leaves: the ``list`` of ``pages/list.html``, or its next rows. Must
not put a field into the address that the reader may not see: the query refuses it.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g, request

from engine.compiler.app import Entity
from engine.compiler.app.ownership import PROTECTED_UNTIL
from engine.errors import InvalidValues
from engine.records import queries
from engine.records.duplicate_log import reads_log
from engine.records.list_query import dated_keys
from engine.records.queries import COUNTED, ListQuery, Page
from engine.records.record import Record
from engine.records.recycling import may_recycle
from engine.records.rights import ALL, SHARED, find_rights
from engine.records.views import MOST_COLUMNS, SavedView
from web.cells import Cell, Cells, record_url, title_of
from web.columns import column_label, phone_slots, view_column
from web.dispute_view import log_url
from web.filter_words import FilterWords, name_filtered
from web.gate import locale, now
from web.inline_cells import editable_keys
from web.list_figures import ListFigures
from web.list_filters import FilterPanel, filter_keys, panel_keys, read_conditions
from web.list_tabs import ListTabs
from web.locked_view import list_entries
from web.many_view import list_choices
from web.owning_view import find_ending, left_cell
from web.posted import Unread
from web.shell import ENTITY_URL, add_toast
from web.stay_view import find_late
from web.view_address import read_columns

_LONGEST_SEARCH = 100
_KEPT = ("columns", "group", "sort", "view", "where")


class ListView:
    """One list as one reader sees it; reads the page when it is made."""

    def __init__(self, entity: Entity, views: Sequence[SavedView], unread: Mapping[str, Unread]) -> None:
        self.entity, self.unread = entity, unread
        self.rights = find_rights(g.session.app, entity, g.actor)
        self.cells = Cells(locale(), now())
        self.url = ENTITY_URL.format(entity=entity.key)
        allowed, shown = queries.readable_keys(entity, self.rights), queries.shown_keys(entity, self.rights)
        self.chosen = tuple(key for key in read_columns(request.args)[:MOST_COLUMNS] if key in shown)
        self.columns = self.chosen or tuple(key for key in entity.columns if key in shown)
        self.named = tuple(key for key in entity.display_keys if key in shown and key not in self.columns)
        self.filters, self.keys = panel_keys(entity, allowed), filter_keys(entity, allowed)
        self.tabs = ListTabs(entity, self.rights, views, self.keys)
        self.query, self.page = self._fetch()
        # Rows of a group stand outside of the form that changes many.
        self.ticks = not {"group", "part"} & request.args.keys() and bool(list_choices(entity, self.rights))
        writes_all = ALL in self.rights.write or (
            SHARED not in self.rights.read and self.rights.read <= self.rights.write
        )
        self.editable = editable_keys(entity, self.rights) if writes_all else frozenset()
        self.ending = find_ending(entity, self.page.records, self.columns)
        self.late = find_late(entity, [record.id for record in self.page.records])

    def rows(self) -> dict[str, Any]:
        """Return columns, rows and the address of the next ones."""
        shown = self._shown_columns()
        return {
            "entity": self.entity.key,
            "columns": self._columns(shown),
            "rows": [self._row(record, shown) for record in self.page.records],
            "more_url": self.address(after=self.page.next, cols=",".join(shown)) if self.page.next else None,
        }

    def groups(self) -> dict[str, Any] | None:
        """Return the groups of a page that is there already."""
        shown = self._shown_columns()
        figures = ListFigures(self.cells, self.entity, self.rights, self.query, shown, self.address)
        return figures.groups_now(later=True) if figures.asked is not None else None

    def whole(self) -> dict[str, Any]:
        """Return everything the list page shows."""
        text = locale()
        label = text.label(self.entity.label)
        create = (
            {"url": f"{self.url}/new", "label": text.t("list.create", entity=label)} if self.rights.create else None
        )
        count = queries.count_records(g.session, self.entity.key, self.query, actor=g.actor)
        shown = self._shown_columns()
        figures = ListFigures(self.cells, self.entity, self.rights, self.query, shown, self.address)
        labels = self.page.labels | name_filtered(self.entity, self.query.filters)
        panel = FilterPanel(self.entity, labels, self.unread)
        return (
            self.rows()
            | figures.foot(count)
            | self._ways()
            | {
                "title": label,
                "create": create,
                "url": self.url,
                "q": self.query.text,
                "views": self.tabs.tabs(),
                "view_menu": self.tabs.menu(),
                "filters": [panel.offered(key) for key in self.filters],
                "wrong": bool(self.unread),
                "more_filters_url": f"{self.url}/filter" + self.address().removeprefix(self.url),
                "chips": FilterWords(self.cells, self.entity, labels).chips(self.query.filters, self.address),
                "clear_url": self.tabs.all_url,
                "keep": self._kept(),
                "quick": self._quick(),
                "group": figures.groups(count),
                "group_menu": figures.menu(),
                "count_text": text.t("list.count_many", count=COUNTED)
                if count > COUNTED
                else text.t("list.count", count=count),
                "filtered": bool(self.query.filters or self.query.text),
                "empty": self._empty(label, create),
                "locked": [] if self.query.filters or self.query.text else list_entries(self.entity),
            }
        )

    def _ways(self) -> dict[str, str | None]:
        """Return where the list leads to, None where this reader or this entity has nothing there."""
        workflow, query = self.entity.workflow, self.address().removeprefix(self.url)
        moves = any(not move.retired for move in workflow.moves.values()) if workflow is not None else False
        return {
            "flow_url": f"{self.url}/flow" if workflow is not None else None,
            "import_url": f"{self.url}/import" if self.rights.bring_in and self.rights.create else None,
            "export_url": f"{self.url}/export{query}" if self.rights.export else None,
            "log_url": log_url(self.entity.key) if reads_log(self.entity, g.actor) else None,
            "bin_url": f"{self.url}/deleted" if may_recycle(g.session, self.entity, g.actor) else None,
            "board_url": f"{self.url}/board" if workflow is not None else None,
            "calendar_url": f"{self.url}/calendar" if dated_keys(self.entity, self.rights) else None,
            "ticks": f"{self.url}/many{query}" if self.ticks else None,
            "moves_url": f"{self.url}/many/moves{query}" if self.ticks and moves else None,
        }

    # ---- what is asked for

    def _fetch(self) -> tuple[ListQuery, Page]:
        sort = request.args.get("sort", "")
        try:
            query = ListQuery(
                filters=read_conditions(self.keys, request.args),
                sort=sort.removeprefix("-") or None,
                descending=sort.startswith("-"),
                after=request.args.get("after") or None,
                text=request.args.get("q", "")[:_LONGEST_SEARCH].strip(),
                columns=self.columns + self.named,
            )
            return query, queries.list_records(g.session, self.entity.key, query, actor=g.actor)
        except InvalidValues as invalid:  # a value somebody typed into a filter: say so and show the list without it
            add_toast(invalid.errors[0].text(locale().language), "error")
            plain = ListQuery(columns=self.columns + self.named)
            return plain, queries.list_records(g.session, self.entity.key, plain, actor=g.actor)

    def _kept(self) -> list[tuple[str, str]]:
        """Return what the panel and the search leave as it is, conditions over fields of no panel too."""
        fields = {key for key in self.keys if key not in self.filters}
        return [
            (name, value)
            for name, value in request.args.items(multi=True)
            if value and (name in _KEPT or name.partition(".")[0] in fields)
        ]

    def _quick(self) -> list[tuple[str, str]]:
        """Return the conditions of the panel as the address has them."""
        given = request.args.items(multi=True)
        return [(name, value) for name, value in given if value and name.partition(".")[0] in self.filters]

    def address(self, **changes: Any) -> str:
        """Return the address of this list with parts of it changed, or taken out (None)."""
        gone = {*changes, "after", "cols", "part", "sums"}
        gone |= {f"{key}._text" for key in self.unread}
        given = [(name, value) for name, value in request.args.items(multi=True) if name not in gone and value]
        given += [(name, value) for name, value in changes.items() if value]
        return f"{self.url}?{urlencode(given)}" if given else self.url

    # ---- what is shown

    def _shown_columns(self) -> list[str]:
        """Columns that say nothing give way: empty ones, and the owner to somebody who sees only their own."""
        if request.args.get("cols"):
            asked = request.args["cols"].split(",")
            return [key for key in self.columns if key in asked]
        if self.chosen or not self.page.records:
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
        sortable = (field is None or field.type.sortable) and key not in self.rights.hidden
        return view_column(self.entity, key, column_label(self.entity, key), slot) | {
            "sort_url": self.address(sort=following) if sortable else None,
            "sorted": ("desc" if descending else "asc") if sorted_here else None,
        }

    def _row(self, record: Record, shown: Sequence[str]) -> dict[str, Any]:
        cells = {key: self._cell(key, record) for key in shown}
        return {
            "id": record.id,
            "url": record_url(self.entity.key, record.id),
            "title": title_of(self.entity, record),
            "cells": cells | self._called(record, cells),
            "late": record.id in self.late,
            "edit": self.editable,
            "tick": f"{record.id}:{record.version}" if self.ticks else None,
        }

    def _cell(self, key: str, record: Record) -> Cell:
        """Return a cell of a row: of the time a record stays with its owner what is left of it."""
        until = record.values.get(key)
        if key == PROTECTED_UNTIL and self.entity.ownership is not None and until is not None:
            return left_cell(self.cells, until, ending=record.id in self.ending)
        return self.cells.of_record(self.entity, key, record)

    def _called(self, record: Record, cells: Mapping[str, Cell]) -> dict[str, Any]:
        """Return the whole name in place of its first part where no column says the rest: two versions look alike."""
        first = next((key for key in self.entity.display_keys if key in cells), None)
        told = {cell.get("text") for cell in cells.values()}
        rest = (self.cells.of_record(self.entity, key, record).get("text") for key in self.named)
        if first is None or all(text in told for text in rest):
            return {}
        return {first: cells[first] | {"text": title_of(self.entity, record)}}

    def _empty(self, label: str, create: dict[str, str] | None) -> dict[str, Any]:
        text = locale()
        said = text.label(self.entity.help) or text.t("list.none_yet_text" if create else "list.none_yet_reader")
        title = text.t("list.none_yet", entity=label)
        return {"icon": self.entity.icon or "folder", "title": title, "text": said, "action": create}


def _has(record: Record, key: str) -> bool:
    return bool(record.masked.get(key)) or record.values.get(key) not in (None, "")
