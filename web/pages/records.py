"""The page of one record.

Enters: an address. Leaves: the record as its reader may see it, with what can be done with it now. Must not show a field
the query did not return.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.compiler.app import Entity, Field
from engine.printing.capitals import in_capitals
from engine.records import commands, queries
from engine.records.filters import Filter
from engine.records.history import Entry, list_history
from engine.records.making import list_makes
from engine.records.queries import ListQuery
from engine.records.record import USER, Record
from engine.records.rights import find_rights, get_entity
from engine.workflow.panel import Panel, find_panel
from engine.workflow.transitions import PossibleMove, list_moves
from web.api.requests import read_id
from web.approval_view import headline, view_panel
from web.cells import Cells, is_right, record_url, title_of
from web.gate import locale, now, reads, writes
from web.history_view import view_history
from web.pages.frame import page_shell
from web.printing import prints_of
from web.shell import ENTITY_URL, add_toast

_FACTS = 5
_RELATED = 5
_SHOWN_ACTIONS = 2
_HISTORY = 10


@reads
def show(entity: str, record_id: str) -> Any:
    """Show a record."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    return render_template("pages/record.html", record=_RecordView(record).whole(), shell=page_shell())


@reads
def older(entity: str, record_id: str) -> Any:
    """Answer older entries of the history."""
    id_ = read_id(record_id)
    before = request.args.get("before", "")
    found = list_history(g.session, entity, id_, actor=g.actor, before=read_id(before) if before else None, limit=_HISTORY + 1)
    compiled = get_entity(g.session.app, entity)
    return render_template("fragments/history.html", **_history(compiled, id_, found))


@writes
def delete(entity: str, record_id: str) -> Any:
    """Put a record into the recycle bin."""
    compiled = get_entity(g.session.app, entity)
    version = request.form.get("_version", "0")
    commands.delete_record(g.session, entity, read_id(record_id), version=int(version) if version.isdecimal() else 0, actor=g.actor)
    add_toast(locale().t("record.deleted", entity=locale().label(compiled.label)))
    return redirect(ENTITY_URL.format(entity=entity), 303)


ROUTES = (
    ("/e/<entity>/<record_id>", ["GET"], show),
    ("/e/<entity>/<record_id>/history", ["GET"], older),
    ("/e/<entity>/<record_id>/delete", ["POST"], delete),
)


class _RecordView:
    """One record as one reader sees it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.entity = get_entity(g.session.app, record.entity)
        self.rights = find_rights(g.session.app, self.entity, g.actor)
        self.cells = Cells(locale(), now())
        self.url = record_url(record.entity, record.id)
        self.panel: Panel | None = find_panel(g.session, record.entity, record.id, actor=g.actor)
        self.moves: list[PossibleMove] = list_moves(g.session, record, actor=g.actor)

    def whole(self) -> dict[str, Any]:
        """Return everything the page shows."""
        record, text = self.record, locale()
        actions = self._actions()
        main, shown, more = _arranged(actions)
        found = list_history(g.session, record.entity, record.id, actor=g.actor, limit=_HISTORY + 1)
        return {
            "entity": record.entity,
            "entity_label": text.label(self.entity.label),
            "list_url": ENTITY_URL.format(entity=record.entity),
            "number": record.values.get("number"),
            "title": title_of(self.entity, record),
            "url": self.url,
            "version": record.version,
            "stage": self.cells.stage(self.entity, record.values.get("stage")),
            "owner": self._person("owner"),
            "updated": self.cells.when(record.values["updated_at"]),
            "status": headline(self.cells, self.panel) if self.panel and self.panel.status == "running" else None,
            "main": main,
            "actions": shown,
            "more": more,
            "stages": self._stages(),
            "missing": self._missing(),
            "facts": self._facts(),
            "sections": self._sections(),
            "approval": view_panel(self.cells, self.panel, actions=self._approval_actions()) if self.panel else None,
            "files": self._files(),
            "related": self._related(),
            **_history(self.entity, record.id, found),
        }

    # ---- what can be done

    def _actions(self) -> list[dict[str, Any]]:
        text = locale()
        actions = [self._move_action(possible) for possible in self.moves]
        if self.panel is not None and self.panel.task is not None:
            actions.insert(0, _action(text.t("record.decide"), f"/approvals/{self.panel.task}", "checks", main=True))
        for make in list_makes(g.session, self.record, actor=g.actor):
            url = f"{self.url}/make/{make.key}"
            actions.append(_action(text.label(make.label), url, "file-plus", main=not self._has_main(actions)))
        if self._editable():
            actions.append(_action(text.t("record.edit"), f"{self.url}/edit", "edit", key="e"))
        for printed in prints_of(g.session.app, self.entity):
            label = text.t("record.print", name=text.label(printed.label))
            actions.append(_action(label, f"{self.url}/print/{printed.key}", "printer", key="p"))
        if self.rights.delete and self.record.can_write and not self._running():
            actions.append(self._delete_action())
        return actions

    def _move_action(self, possible: PossibleMove) -> dict[str, Any]:
        move = possible.move
        asks = bool(possible.missing) or move.reason != "none" or move.approval is not None
        stage = self.entity.workflow.stages[move.to] if self.entity.workflow else None
        danger = stage is not None and stage.tone == "danger"
        made = _action(locale().label(move.label), f"{self.url}/moves/{move.key}", "arrow-right", main=move.main, danger=danger)
        made["dialog"] = True
        made["method"] = "get"
        made["aside"] = not move.forward and not move.main
        return made | {"asks": asks}

    def _delete_action(self) -> dict[str, Any]:
        text = locale()
        made = _action(text.t("record.delete"), f"{self.url}/delete", "trash", danger=True)
        return made | {"method": "post", "confirm": text.t("record.delete_confirm", name=title_of(self.entity, self.record)),
                       "post": {"_version": self.record.version}, "aside": True}  # fmt: skip

    def _approval_actions(self) -> list[dict[str, Any]]:
        if self.panel is None or not self.panel.can_withdraw or not self._running():
            return []
        text = locale()
        made = _action(text.t("approval.withdraw"), f"/approvals/withdraw/{self.panel.id}", "arrow-back-up")
        return [made | {"method": "post", "confirm": text.t("approval.withdraw_confirm")}]

    def _editable(self) -> bool:
        stage = self.entity.workflow.stages.get(self.record.values.get("stage") or "") if self.entity.workflow else None
        free = [key for key, field in self.entity.fields.items() if not field.readonly and not field.retired]
        return self.record.can_write and (stage is None or any(key not in stage.locked for key in free))

    def _running(self) -> bool:
        return self.panel is not None and self.panel.status == "running"

    def _has_main(self, actions: list[dict[str, Any]]) -> bool:
        return any(action["main"] for action in actions)

    # ---- what it holds

    def _person(self, key: str) -> dict[str, Any] | None:
        id_ = self.record.values.get(key)
        return self.cells.person(self.record.labels.get((USER, id_), "")) if id_ is not None else None

    def _stages(self) -> list[dict[str, Any]]:
        if self.entity.workflow is None:
            return []
        here = self.record.values.get("stage")
        stages = self.entity.workflow.stages
        shown = [stage for stage in stages.values() if not stage.outcome or stage.key == here]
        order = [stage.key for stage in shown]
        at = order.index(here) if here in order else -1
        return [
            {"label": locale().label(stage.label), "title": None,
             "state": "current" if place == at else "done" if place < at else "todo"}
            for place, stage in enumerate(shown)
        ]  # fmt: skip

    def _missing(self) -> dict[str, Any] | None:
        """What the next stage still needs: said before somebody tries."""
        wanted = next((one for one in self.moves if one.missing and (one.move.main or one.move.forward)), None)
        if wanted is None:
            return None
        label = locale().label(wanted.move.label)
        return {
            "title": locale().t("record.missing", move=label),
            "entries": [{"text": item.message, "url": None} for item in wanted.missing],
            "action": _action(label, f"{self.url}/moves/{wanted.move.key}", "arrow-right") | {"dialog": True},
        }

    def _facts(self) -> list[dict[str, Any]]:
        keys = [key for key, field in self.entity.fields.items() if field.type.key == "money" and self._filled(key)][:2]
        keys += [key for key, field in self.entity.fields.items() if field.type.key == "percent" and field.computed and self._filled(key)][:2]
        keys += [key for key, field in self.entity.fields.items() if field.to is not None and self._filled(key)][:1]
        keys += [key for key, field in self.entity.fields.items() if field.type.key == "date" and self._filled(key)][:1]
        return [self._entry(self.entity.fields[key]) for key in keys[:_FACTS]]

    def _filled(self, key: str) -> bool:
        return key not in self.record.hidden and self.record.values.get(key) not in (None, "", [])

    def _sections(self) -> list[dict[str, Any]]:
        made = []
        for section in self.entity.sections:
            fields = [self.entity.fields[key] for row in section.rows for key in row if not self.entity.fields[key].retired]
            lines = [self._table(field) for field in fields if field.type.key == "lines" and self.record.values.get(field.key)]
            shown = [field for field in fields if field.type.key not in ("lines", "file") and (self._filled(field.key) or field.required)]
            entries = [self._entry(field) | {"width": 2 if field.type.key == "long_text" else 1} for field in shown]
            if entries or lines:
                label = locale().label(section.label)
                made.append({"key": section.key, "label": label, "entries": entries, "lines": lines, "folded": False})
        return made

    def _entry(self, field: Field) -> dict[str, Any]:
        cell = self.cells.of_record(self.entity, field.key, self.record)
        if field.words and self.record.values.get(field.key) is not None:
            cell = cell | {"title": in_capitals(self.record.values[field.key])}
        return {"label": locale().label(field.label), "cell": cell}

    def _table(self, field: Field) -> dict[str, Any]:
        return line_table(self.cells, self.entity, field, self.record)

    def _files(self) -> dict[str, Any] | None:
        entries = [
            self.cells.file(one)
            for field in self.entity.file_fields
            if field.key not in self.record.hidden
            for one in self.record.values.get(field.key) or ()
        ]
        return {"label": locale().t("record.files"), "entries": entries, "field": None} if entries else None

    def _related(self) -> list[dict[str, Any]]:
        """The records that link here, newest first, for each kind the reader may see."""
        made = []
        for other in g.session.app.entities.values():
            link = next((field for field in other.stored_fields if field.to == self.entity.key), None)
            rights = find_rights(g.session.app, other, g.actor)
            if link is None or not rights.read or link.key in rights.hidden:
                continue
            related = self._related_to(other, link, rights.create)
            if related["rows"]:
                made.append(related)
        return made

    def _related_to(self, other: Entity, link: Field, may_create: bool) -> dict[str, Any]:
        rights = find_rights(g.session.app, other, g.actor)
        allowed = set(queries.readable_keys(other, rights))
        columns = tuple(key for key in other.columns if key in allowed and key != link.key)[:4]
        query = ListQuery(
            filters=(Filter(link.key, "eq", self.record.id),), sort="id", descending=True, limit=_RELATED, columns=columns
        )
        page = queries.list_records(g.session, other.key, query, actor=g.actor)
        list_url = ENTITY_URL.format(entity=other.key)
        text = locale()
        create = {"url": f"{list_url}/new?{link.key}={self.record.id}", "label": text.t("list.create", entity=text.label(other.label))}
        return {
            "label": text.label(other.label),
            "url": f"{list_url}?{link.key}={self.record.id}" if link.key in other.filters else None,
            "count_text": f"{len(page.records)}{'+' if page.next else ''}",
            "create": create if may_create else None,
            "columns": [self._related_column(other, key, at) for at, key in enumerate(columns)],
            "rows": [
                {"id": one.id, "url": record_url(other.key, one.id), "title": title_of(other, one), "late": False,
                 "cells": {key: self.cells.of_record(other, key, one) for key in columns}}
                for one in page.records
            ],
            "empty": None,
        }  # fmt: skip

    def _related_column(self, other: Entity, key: str, at: int) -> dict[str, Any]:
        field = other.fields.get(key)
        label = locale().label(field.label) if field else locale().t(f"field.{key}")
        slot = "title" if at == 0 else "stage" if key == "stage" else "extra" if at < 3 else None
        return {"key": key, "label": label, "align": "right" if is_right(field) else None, "sort_url": None, "sorted": None, "slot": slot}


def line_table(cells: Cells, entity: Entity, field: Field, record: Record) -> dict[str, Any]:
    """Return a line table as it is read: columns empty in every row give way."""
    rows = record.values.get(field.key) or []
    shown = [
        column for column in field.fields.values()
        if not column.retired and any(row.get(column.key) is not None for row in rows)
    ]  # fmt: skip
    return {
        "label": locale().label(field.label),
        "columns": [
            {"key": column.key, "label": locale().label(column.label), "align": "right" if is_right(column) else None,
             "wide": column.type.key in ("link", "long_text")}
            for column in shown
        ],
        "rows": [
            {"cells": {column.key: cells.of_field(column, row.get(column.key), record.labels) for column in shown},
             "note": None, "url": None, "changed": False}
            for row in rows
        ],
        "totals": [],
    }  # fmt: skip


def _history(entity: Entity, id_: int, found: list[Entry]) -> dict[str, Any]:
    shown = found[:_HISTORY]
    more = f"{record_url(entity.key, id_)}/history?before={shown[-1].id}" if len(found) > _HISTORY else None
    entries = view_history(Cells(locale(), now()), g.session, entity, shown)
    return {"history": entries, "history_more_url": more, "more_url": more}


def _arranged(actions: list[dict[str, Any]]) -> tuple[dict[str, Any] | None, list[dict[str, Any]], list[dict[str, Any]]]:
    """One main action, at most two beside it, the rest behind the menu."""
    main = next((action for action in actions if action["main"]), None)
    others = [action for action in actions if action is not main]
    ready = [action for action in others if not action.get("aside") and not action["danger"]]
    shown = ready[:_SHOWN_ACTIONS]
    return main, shown, [action for action in others if action not in shown]


def _action(
    label: str, url: str, icon: str, *, main: bool = False, danger: bool = False, key: str | None = None
) -> dict[str, Any]:
    return {
        "label": label, "url": url, "icon": icon, "method": "get", "dialog": False, "confirm": None, "key": key,
        "danger": danger, "post": {}, "main": main,
    }  # fmt: skip
