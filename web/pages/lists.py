"""The list of an entity.

Enters: filters, sort, search and place from the query. Leaves: a page of rows, or the next rows for htmx. Must not put a
field into the address that the reader may not see: the query refuses it.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import g, render_template, request

from engine.compiler.app import Entity, Field
from engine.errors import InvalidValues
from engine.records import queries
from engine.records.filters import Filter
from engine.records.queries import COUNTED, ListQuery, Page
from engine.records.record import USER, Record
from engine.records.rights import find_rights, get_entity
from web.cells import Cells, is_right, record_url, title_of
from web.gate import locale, now, reads
from web.pages.frame import page_shell
from web.shell import ENTITY_URL, add_toast

_RANGES = frozenset({"date", "datetime", "integer", "decimal", "money", "percent"})


@reads
def show(entity: str) -> Any:
    """Show the list, or its next rows."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    view = _ListView(compiled)
    if request.headers.get("HX-Request") and request.args.get("after"):
        return render_template("fragments/rows.html", list=view.rows())
    return render_template("pages/list.html", list=view.whole(), shell=page_shell(q=""))


ROUTES = (("/e/<entity>", ["GET"], show),)


class _ListView:
    """One list as one reader sees it."""

    def __init__(self, entity: Entity) -> None:
        self.entity = entity
        self.rights = find_rights(g.session.app, entity, g.actor)
        self.cells = Cells(locale(), now())
        allowed = queries.readable_keys(entity, self.rights)
        self.columns = tuple(key for key in entity.columns if key in allowed)
        self.filters = tuple(key for key in entity.filters if key in allowed)
        self.query, self.page = self._fetch()
        self.used = {one.field for one in self.query.filters}

    def rows(self) -> dict[str, Any]:
        """Return columns, rows and the address of the next ones."""
        shown = self._shown_columns(self.page)
        return {
            "entity": self.entity.key,
            "columns": self._columns(shown),
            "rows": [self._row(record, shown) for record in self.page.records],
            "more_url": self._url(after=self.page.next) if self.page.next else None,
        }

    def whole(self) -> dict[str, Any]:
        """Return everything the list page shows."""
        text, url = locale(), ENTITY_URL.format(entity=self.entity.key)
        label = text.label(self.entity.label)
        create = {"url": f"{url}/new", "label": text.t("list.create", entity=label)} if self.rights.create else None
        count = queries.count_records(g.session, self.entity.key, self.query, actor=g.actor)
        filtered = bool(self.query.filters or self.query.text)
        return self.rows() | {
            "title": label,
            "description": text.label(self.entity.help) or None,
            "create": create,
            "url": url,
            "q": self.query.text,
            "views": self._views(url),
            "filters": [self._filter(key) for key in self.filters],
            "chips": self._chips(),
            "clear_url": url,
            "keep": {name: request.args[name] for name in ("sort",) if request.args.get(name)},
            "sums": [],
            "count_text": text.t("list.count_many", count=COUNTED) if count > COUNTED else text.t("list.count", count=count),
            "filtered": filtered,
            "empty": self._empty(label, create, filtered),
        }

    # ---- what is asked for

    def _fetch(self) -> tuple[ListQuery, Page]:
        sort = request.args.get("sort", "")
        query = ListQuery(
            filters=tuple(self._read_filters()),
            sort=sort.removeprefix("-") or None,
            descending=sort.startswith("-"),
            after=request.args.get("after") or None,
            text=request.args.get("q", "")[:100],
            columns=self.columns,
        )
        try:
            return query, queries.list_records(g.session, self.entity.key, query, actor=g.actor)
        except InvalidValues as invalid:  # a value somebody typed into a filter: say so and show the list without it
            add_toast(invalid.errors[0].text(locale().language), "error")
            plain = ListQuery(columns=self.columns)
            return plain, queries.list_records(g.session, self.entity.key, plain, actor=g.actor)

    def _read_filters(self) -> Any:
        for key in self.filters:
            chosen = [value for value in request.args.getlist(key) if value]
            if chosen:
                yield Filter(key, "in" if len(chosen) > 1 else "eq", chosen if len(chosen) > 1 else chosen[0])
            for ending, operator in (("from", "gte"), ("to", "lte")):
                value = request.args.get(f"{key}.{ending}")
                if value:
                    yield Filter(key, operator, value)

    def _url(self, **changes: Any) -> str:
        given = [(name, value) for name, value in request.args.items(multi=True) if name not in changes and name != "after" and value]
        given += [(name, value) for name, value in changes.items() if value]
        return ENTITY_URL.format(entity=self.entity.key) + (f"?{urlencode(given)}" if given else "")

    # ---- what is shown

    def _shown_columns(self, page: Page) -> list[str]:
        """Columns empty in every row give way, but for the first; a continued page keeps what the first one showed."""
        if request.args.get("cols"):
            asked = request.args["cols"].split(",")
            return [key for key in self.columns if key in asked]
        if not page.records:
            return list(self.columns)
        filled = [key for key in self.columns if any(record.values.get(key) not in (None, "") for record in page.records)]
        return filled or list(self.columns[:1])

    def _columns(self, shown: list[str]) -> list[dict[str, Any]]:
        slots = self._slots(shown)
        return [self._column(key, slots.get(key)) for key in shown]

    def _column(self, key: str, slot: str | None) -> dict[str, Any]:
        field = self.entity.fields.get(key)
        sorted_here = self.page.sort == key
        descending = self.page.descending
        sortable = field is None or field.type.sortable
        following = f"-{key}" if not (sorted_here and descending) else key
        return {
            "key": key,
            "label": self._label(key),
            "align": "right" if is_right(field) else None,
            "sort_url": self._url(sort=following) if sortable else None,
            "sorted": ("desc" if descending else "asc") if sorted_here else None,
            "slot": slot,
        }

    def _slots(self, shown: list[str]) -> dict[str, str]:
        """Where each column stands on a phone's card."""
        display = [key for _, key in self.entity.display if key]
        slots: dict[str, str] = {}
        title = next((key for key in (*display, *shown) if key in shown), None)
        if title:
            slots[title] = "title"
        for key in shown:
            field = self.entity.fields.get(key)
            wanted = _slot(key, field)
            if key not in slots:
                taken = list(slots.values())
                slots[key] = wanted if wanted not in taken else "extra"
        extras = [key for key, slot in slots.items() if slot == "extra"]
        for key in extras[2:]:
            del slots[key]
        return slots

    def _row(self, record: Record, shown: list[str]) -> dict[str, Any]:
        cells = {key: self.cells.of_record(self.entity, key, record) for key in shown}
        return {
            "id": record.id,
            "url": record_url(self.entity.key, record.id),
            "title": title_of(self.entity, record),
            "cells": cells,
            "late": False,
        }

    def _label(self, key: str) -> str:
        field = self.entity.fields.get(key)
        return locale().label(field.label) if field is not None else locale().t(f"field.{key}")

    def _views(self, url: str) -> list[dict[str, Any]]:
        if self.rights.read <= {"own"} or "owner" not in self.filters:
            return []
        mine = request.args.getlist("owner") == [str(g.actor.id)]
        return [
            {"label": locale().t("list.view_all"), "url": url, "active": not mine, "count": None},
            {"label": locale().t("list.view_mine"), "url": f"{url}?owner={g.actor.id}", "active": mine, "count": None},
        ]

    def _filter(self, key: str) -> dict[str, Any]:
        field = self.entity.fields.get(key)
        made: dict[str, Any] = {"key": key, "label": self._label(key), "name": key, "value": request.args.get(key, "")}
        chosen = set(request.args.getlist(key))
        if key == "stage":
            stages = self.entity.workflow.stages if self.entity.workflow else {}
            options = {name: stage.label for name, stage in stages.items()}
            return made | {"kind": "choice", "options": _options(options, chosen)}
        if field is not None and field.options:
            return made | {"kind": "choice", "options": _options(field.options, chosen)}
        if field is not None and field.type.key == "boolean":
            words: dict[str, Mapping[str, str]] = {"true": {"": locale().t("cell.yes")}, "false": {"": locale().t("cell.no")}}
            return made | {"kind": "boolean", "options": _options(words, chosen)}
        if field is not None and field.type.key in _RANGES or key.endswith("_at"):
            kind = "date" if key.endswith("_at") or (field and field.type.key in ("date", "datetime")) else "number"
            ends = {f"{end}_name": f"{key}.{end}" for end in ("from", "to")}
            return made | {"kind": kind} | ends | {f"{end}_value": request.args.get(f"{key}.{end}", "") for end in ("from", "to")}
        if key in ("owner", "created_by", "updated_by") or (field is not None and field.type.key in ("link", "user")):
            return made | {"kind": "link", "field": self._picker(key, field, made)}
        return made | {"kind": "text"}

    def _picker(self, key: str, field: Field | None, made: Mapping[str, Any]) -> dict[str, Any]:
        target = field.to if field is not None else None
        value = str(made["value"])
        return {
            **made,
            "id": f"filter-{key}",
            "kind": "link",
            "text": self._called(target, value),
            "pick_url": f"/pick/{target}" if target else "/pick-person",
        }

    def _called(self, target: str | None, value: str) -> str:
        if not value.isdecimal() or len(value) > 18:
            return ""
        return self.page.labels.get((target or USER, int(value)), f"#{value}")

    def _chips(self) -> list[dict[str, Any]]:
        chips = []
        for one in self.query.filters:
            name = {"gte": f"{one.field}.from", "lte": f"{one.field}.to"}.get(one.operator, one.field)
            sign = {"gte": "≥ ", "lte": "≤ "}.get(one.operator, "")
            values = one.value if isinstance(one.value, list) else [one.value]
            said = sign + "、".join(self._said(one.field, str(value)) for value in values)
            chips.append({"label": self._label(one.field), "text": said, "remove_url": self._url(**{name: None})})
        return chips

    def _said(self, key: str, value: str) -> str:
        field = self.entity.fields.get(key)
        if key == "stage":
            badge = self.cells.stage(self.entity, value)
            return badge["label"] if badge else value
        if field is not None and value in field.options:
            return locale().label(field.options[value])
        if key == "owner" or (field is not None and field.type.key in ("link", "user")):
            return self._called(field.to if field else None, value)
        if field is not None and field.type.key == "boolean":
            return locale().t("cell.yes" if value == "true" else "cell.no")
        return value

    def _empty(self, label: str, create: Mapping[str, str] | None, filtered: bool) -> dict[str, Any]:
        text = locale()
        if filtered:
            clear = {"url": ENTITY_URL.format(entity=self.entity.key), "label": text.t("list.clear")}
            return {"icon": "search-off", "title": text.t("list.none_found"), "text": text.t("list.none_found_text"), "action": clear}
        said = text.label(self.entity.help) or text.t("list.none_yet_text")
        return {"icon": self.entity.icon or "inbox", "title": text.t("list.none_yet", entity=label), "text": said, "action": create}


def _options(labels: Mapping[str, Mapping[str, str]], chosen: set[str]) -> list[dict[str, Any]]:
    return [{"value": key, "label": locale().label(label), "selected": key in chosen} for key, label in labels.items()]


def _slot(key: str, field: Field | None) -> str:
    if key in ("stage", "owner"):
        return key
    if field is None:
        return "date" if key.endswith("_at") else "extra"
    kinds = {"money": "money", "date": "date", "datetime": "date", "link": "sub"}
    return kinds.get(field.type.key, "extra")
