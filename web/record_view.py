"""A record as its page shows it.

Enters: a record as its reader may see it. Leaves: the ``record`` of ``pages/record.html``, each value in one place.
Must not show a field the query did not return.
"""

from collections.abc import Iterator
from typing import Any

from flask import g

from engine.compiler.app import Entity, Field
from engine.expression import Kind
from engine.records.history import Entry
from engine.records.merges import list_merges
from engine.records.record import USER, Record
from engine.records.rights import find_rights, get_entity
from engine.workflow.panel import Panel, find_panel
from engine.workflow.transitions import PossibleMove, list_moves
from web.approval_view import headline, view_panel
from web.cells import Cells, is_right, record_url, subtitle_of, title_of, words_of
from web.comment_view import view_talk
from web.gate import locale, now
from web.history_view import view_history
from web.line_view import line_table, totals_after
from web.merge_view import view_merges
from web.owning_view import view_owning
from web.record_actions import arrange_actions, move_action, withdraw_actions
from web.related_view import missing_url, view_related
from web.share_view import view_shares
from web.shell import ENTITY_URL
from web.stay_view import view_stay

HISTORY = 10
_FACTS = 5


def view_record(record: Record, found: list[Entry], *, typed: str = "", refused: str | None = None) -> dict[str, Any]:
    """Return everything the page of a record shows; ``found`` is its history, one entry more than is shown.

    ``typed`` and ``refused`` are a remark that was not taken, and why.
    """
    entity = get_entity(g.session.app, record.entity)
    panel = find_panel(g.session, record.entity, record.id, actor=g.actor)
    moves = list_moves(g.session, record, actor=g.actor)
    cells, url = Cells(locale(), now()), record_url(record.entity, record.id)
    actions = arrange_actions(entity, record, moves, panel)
    values = _Values(cells, entity, record)
    return {
        **_head(cells, entity, record, panel),
        "main": actions.main,
        "actions": actions.shown,
        "more": actions.more,
        "stages": _stages(entity, record),
        "stay": view_stay(cells, entity, record),
        "missing": view_missing(entity, record, moves),
        "facts": values.facts(),
        "sections": list(values.sections()),
        "approval": view_panel(cells, panel, url=url, actions=withdraw_actions(panel, url)) if panel else None,
        "files": values.files(),
        "related": view_related(cells, entity, record),
        "talk": view_talk(cells, record.entity, record.id, typed=typed, refused=refused),
        **view_trail(cells, entity, record.id, found, newest=record.version),
        "owning": view_owning(cells, entity, record),
        "shares": view_shares(cells, record),
        "merged": _merged(entity, record),
    }


def view_trail(
    cells: Cells, entity: Entity, id_: int, found: list[Entry], *, newest: int | None = None
) -> dict[str, Any]:
    """Return the newest entries of the history and where the older ones are; ``newest`` is the version it has now."""
    shown = found[:HISTORY]
    more = f"{record_url(entity.key, id_)}/history?before={shown[-1].id}" if len(found) > HISTORY else None
    told = view_history(cells, g.session, entity, shown, newest=newest)
    return {"history": told, "history_more_url": more, "more_url": more, "url": record_url(entity.key, id_)}


def _head(cells: Cells, entity: Entity, record: Record, panel: Panel | None) -> dict[str, Any]:
    title, number = title_of(entity, record), record.values.get("number")
    owner = record.values.get("owner")
    running = panel is not None and panel.status == "running"
    return {
        "entity": record.entity,
        "entity_label": cells.locale.label(entity.label),
        "list_url": ENTITY_URL.format(entity=record.entity),
        "number": number if number and str(number) not in title else None,
        "title": title,
        "subtitle": subtitle_of(cells, entity, record),
        "url": record_url(record.entity, record.id),
        "version": record.version,
        "stage": cells.stage(entity, record.values.get("stage")),
        "owner": cells.person(record.labels.get((USER, owner), "")) if owner is not None else None,
        "updated": cells.when(record.values["updated_at"]),
        "status": headline(cells, panel) if panel is not None and running else None,
    }


def _merged(entity: Entity, record: Record) -> list[dict[str, Any]]:
    """What went into it, for those who may undo that."""
    if not find_rights(g.session.app, entity, g.actor).merge:
        return []
    return view_merges(list_merges(g.session, entity, record.id))


def _stages(entity: Entity, record: Record) -> list[dict[str, Any]]:
    if entity.workflow is None:
        return []
    here = record.values.get("stage")
    shown = [stage for stage in entity.workflow.stages.values() if not stage.outcome or stage.key == here]
    order = [stage.key for stage in shown]
    at = order.index(here) if here in order else -1
    states = ["current" if place == at else "done" if place < at else "todo" for place in range(len(shown))]
    return [
        {"label": locale().label(stage.label), "title": None, "state": state}
        for stage, state in zip(shown, states, strict=True)
    ]


def view_missing(entity: Entity, record: Record, moves: list[PossibleMove]) -> dict[str, Any] | None:
    """What the next stage still needs: said before somebody tries."""
    wanted = next((one for one in moves if one.missing and (one.move.main or one.move.forward)), None)
    if wanted is None:
        return None
    fillable = any(item.fields for item in wanted.missing)
    action = move_action(record, entity, wanted) | {"label": locale().t("record.fill_in"), "icon": "edit"}
    return {
        "title": locale().t("record.missing", move=locale().label(wanted.move.label)),
        "entries": [
            {"text": locale().label(item.message), "url": missing_url(item, record.id)} for item in wanted.missing
        ],
        "action": action if fillable else None,
    }


class _Values:
    """The values of a record: the few that decide on top, every other one in its section."""

    def __init__(self, cells: Cells, entity: Entity, record: Record) -> None:
        self.cells, self.entity, self.record = cells, entity, record
        subtitle = subtitle_of(cells, entity, record)
        self.fact_keys = self._pick_facts()
        self.elsewhere = {*self.fact_keys, *([subtitle["key"]] if subtitle else [])}

    def facts(self) -> list[dict[str, Any]]:
        """Return the figures that decide."""
        return [self._entry(self.entity.fields[key]) for key in self.fact_keys]

    def sections(self) -> Iterator[dict[str, Any]]:
        """Yield the sections with something in them, in the order of the form."""
        for section in self.entity.sections:
            keys = [key for row in section.rows for key in row]
            parts = list(self._parts([self.entity.fields[key] for key in keys if not self.entity.fields[key].retired]))
            if parts:
                label = locale().label(section.label)
                yield {"key": section.key, "label": label, "parts": parts, "folded": False}

    def files(self) -> dict[str, Any] | None:
        """Return all attachments, named by their field."""
        groups = [
            {
                "label": locale().label(field.label),
                "entries": [self.cells.file(one) for one in self.record.values[field.key]],
            }
            for field in self.entity.file_fields
            if field.type.cell == "files"
            if field.key not in self.record.hidden and self.record.values.get(field.key)
        ]
        return {"label": locale().t("record.files"), "groups": groups} if groups else None

    def _parts(self, fields: list[Field]) -> Iterator[dict[str, Any]]:
        """Yield runs of plain values and line tables as they follow each other; a table takes its totals along."""
        run: list[dict[str, Any]] = []
        taken: set[str] = set()
        for at, field in enumerate(fields):
            if field.type.has_rows and self.record.values.get(field.key):
                if run:
                    yield {"entries": run, "table": None}
                    run = []
                totals = totals_after(fields, at)
                taken |= {one.key for one in totals}
                yield {"entries": [], "table": self._table(field, totals)}
            elif field.key not in taken and self._is_entry(field):
                run.append(self._entry(field) | {"width": 2 if field.type.wide else 1})
        if run:
            yield {"entries": run, "table": None}

    def _table(self, field: Field, totals: list[Field]) -> dict[str, Any]:
        shown = [one for one in totals if self._filled(one.key) and (one.words or one.key not in self.fact_keys)]
        return line_table(self.cells, self.entity, field, self.record, shown)

    def _is_entry(self, field: Field) -> bool:
        apart = field.type.has_rows or field.type.cell == "files" or field.key in self.elsewhere
        return not apart and (self._filled(field.key) or field.required)

    def _entry(self, field: Field) -> dict[str, Any]:
        return {
            "label": locale().label(field.label),
            "cell": self.cells.of_record(self.entity, field.key, self.record),
            "words": words_of(field, self.record.values.get(field.key)),
        }

    def _filled(self, key: str) -> bool:
        return self.record.shows(key)

    def _pick_facts(self) -> list[str]:
        """The amount, computed shares and the next date; a single one is no strip and stays in its section."""
        filled = [field for field in self.entity.fields.values() if self._filled(field.key) and not field.retired]
        money = sorted((one for one in filled if one.type.kind is Kind.MONEY), key=lambda one: not one.words)[:1]
        shares = [one for one in filled if one.type.kind is Kind.PERCENT and one.computed][:3]
        dates = [one for one in filled if one.type.kind is Kind.DATE][:1]
        picked = [one.key for one in (*money, *shares, *dates)][:_FACTS]
        return picked if len(picked) > 1 and any(is_right(self.entity.fields[key]) for key in picked) else []
