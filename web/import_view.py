"""An import as its pages show it: the columns and their samples, rows with what is wrong, what became of them.

Enters: an import. Leaves: the ``page`` of ``pages/import.html`` and ``pages/import_steps.html``. Must not change
anything.
"""

from collections.abc import Sequence
from typing import Any

from flask import g, request

from engine.compiler.app import Entity, Field
from engine.compiler.cells import DATE_ORDERS, Reading, is_dated, is_number, is_share, read_cell
from engine.compiler.readers import Wrong
from engine.errors import FieldError
from engine.importing import batches, papers, working
from engine.importing.batches import CREATE, MODES, UNDO_WITHIN, Import, ImportRow
from engine.importing.columns import Column
from engine.importing.folding import more_rows
from engine.importing.names import fillable, label_of, other_keys
from engine.importing.sheets import MAX_BYTES, MAX_ROWS, said
from engine.importing.staging import cells_of
from engine.records.rights import get_entity
from web.cells import Cells, record_url
from web.gate import locale, now
from web.import_choices import UNITS, Choices
from web.shell import ENTITY_URL

ROWS = 50
"""Rows on a page."""

STEPS = ("file", "columns", "rows", "result")
_STEP = {"mapping": "columns", "checking": "rows", "checked": "rows"}
_WRITTEN = ("created", "updated", "same")


def import_url(id_: int) -> str:
    """Return the address of an import."""
    return f"/imports/{id_}"


def view_start(entity: Entity, recent: Sequence[Import], error: str | None) -> dict[str, Any]:
    """Return the page that asks for a file."""
    text, cells = locale(), Cells(locale(), now())
    url = ENTITY_URL.format(entity=entity.key)
    return {
        "title": text.t("import.title", entity=text.label(entity.label)),
        "crumbs": [{"label": text.label(entity.label), "url": url}],
        "action_url": f"{url}/import",
        "template_url": f"{url}/import/template",
        "limits": text.t("import.limits", size=MAX_BYTES // 1_048_576, rows=f"{MAX_ROWS:,}"),
        "error": error,
        "steps": _steps("file"),
        "recent": [
            {
                "name": one.name,
                "url": import_url(one.id),
                "when": cells.when(one.created_at),
                "text": text.t(f"import.state_{one.state}"),
                "total": one.total,
            }
            for one in recent
        ],
    }


def view_import(found: Import, errors: Sequence[FieldError], asked: Choices | None) -> dict[str, Any]:
    """Return the page of the step an import is at."""
    entity, text = get_entity(g.session.app, found.entity), locale()
    url, counts = import_url(found.id), batches.count_rows(g.session, found.id)
    step = _STEP.get(found.state, "result")
    view: dict[str, Any] = {
        "title": text.t("import.title", entity=text.label(entity.label)),
        "crumbs": [{"label": text.label(entity.label), "url": ENTITY_URL.format(entity=entity.key)}],
        "name": found.name,
        "total": found.total,
        "url": url,
        "state": found.state,
        "step": step,
        "steps": _steps(step),
        "stopped": (found.error or {}).get(text.language),
        "error": next((one.text(text.language) for one in errors if not one.path.startswith("column.")), None),
        "progress": _progress(found) if found.is_active else None,
        "list_url": ENTITY_URL.format(entity=entity.key),
        "again_url": f"{ENTITY_URL.format(entity=entity.key)}/import",
    }
    if step == "columns":
        return view | _Columns(entity, found, errors, asked).view()
    if not found.is_active:
        view |= _Rows(entity, found, counts).view()
    return view


def _steps(current: str) -> list[dict[str, Any]]:
    here = STEPS.index(current)
    return [
        {"label": locale().t(f"import.step_{step}"), "done": at < here, "current": at == here}
        for at, step in enumerate(STEPS)
    ]


def _progress(found: Import) -> dict[str, Any]:
    done, total = working.count_done(g.session, found.id)
    said_of = locale().t(f"import.at_{found.state}", done=f"{done:,}", total=f"{total:,}")
    return {"done": done, "total": max(total, 1), "text": said_of, "can_stop": found.state == "running"}


class _Columns:
    """What the columns are, with their first cells and how they are read."""

    def __init__(self, entity: Entity, found: Import, errors: Sequence[FieldError], asked: Choices | None) -> None:
        self.entity, self.found, self.asked = entity, found, asked
        _, self.rights = batches.require_import(g.session, found.entity, g.actor)
        self.wrong = {one.path: one.text(locale().language) for one in errors}
        self.cells = Cells(locale(), now())
        self.fields = fillable(entity, self.rights)

    def view(self) -> dict[str, Any]:
        """Return the part of the page."""
        text = locale()
        mode = self.asked.mode if self.asked else self.found.mode
        match_by = self.asked.match_by if self.asked else self.found.match_by
        reminds = self.asked.reminds if self.asked else self.found.reminds
        keys = [key for key in self._match_keys()]
        return {
            "columns": [self._column(one) for one in self.found.columns],
            "modes": [
                {"value": one, "label": text.t(f"import.mode_{one}"), "selected": one == mode}
                for one in MODES
                if one == CREATE or (keys and self.rights.write)
            ],
            "match": [{"value": key, "label": self._label(key), "selected": key == match_by} for key in keys],
            "reminds": reminds,
            "has_stages": self.entity.workflow is not None,
            "missing": [self._label(key) for key in self._missing()],
        }

    def _missing(self) -> list[str]:
        """Return what people must fill in and has no column; of a line table only where the file has any of it."""
        chosen = {key for column in self.found.columns if (key := self._chosen(column)[0]) is not None}
        tables = {key.partition(".")[0] for key in chosen if "." in key}
        return [
            key
            for key, one in self.fields.items()
            if is_awaited(one) and key not in chosen and ("." not in key or key.partition(".")[0] in tables)
        ]

    def _match_keys(self) -> list[str]:
        return batches.match_keys(self.entity, [Column(0, "", key) for key in (*self.fields, *other_keys(self.entity))])

    def _chosen(self, column: Column) -> tuple[str | None, Reading]:
        return self.asked.columns[column.at] if self.asked else (column.key, column.reading)

    def _label(self, key: str) -> str:
        one = self.fields.get(key)
        return locale().label(label_of(self.entity, key, one)) if one is not None else locale().t(f"import.key_{key}")

    def _column(self, column: Column) -> dict[str, Any]:
        text, (key, reading) = locale(), self._chosen(column)
        offered = {one: self._label(one) for one in (*self.fields, *other_keys(self.entity))}
        field = self.fields.get(key or "")
        return {
            "at": column.at,
            "header": column.header or text.t("import.no_header", n=column.at + 1),
            "options": [{"value": one, "label": label, "selected": one == key} for one, label in offered.items()],
            "how": text.t(f"import.how_{column.how}") if column.how and key == column.key else None,
            "error": self.wrong.get(f"column.{column.at}"),
            "reads": self._reads(column, field, reading) if field is not None else None,
            "samples": self._samples(column, field, reading),
        }

    def _reads(self, column: Column, one: Field, reading: Reading) -> dict[str, Any] | None:
        text = locale()
        options: list[tuple[str, str, bool]]
        if is_dated(one):
            options = [(order, text.t(f"import.dates_{order}"), order == reading.dates) for order in DATE_ORDERS]
            needed = bool(column.forms.get("either")) and reading.dates is None
            return self._choice("dates", column, text.t("import.dates"), options, needed)
        if is_share(one):
            shares = (("percent", False), ("fraction", True))
            options = [(name, text.t(f"import.share_{name}"), reading.fraction is value) for name, value in shares]
            return self._choice("share", column, text.t("import.share"), options, False)
        if is_number(one):
            options = [(str(unit), text.t(f"import.unit_{unit}"), unit == reading.unit) for unit in UNITS]
            return self._choice("unit", column, text.t("import.unit"), options, False)
        return None

    def _choice(
        self, kind: str, column: Column, label: str, options: Sequence[tuple[str, str, bool]], needed: bool
    ) -> dict[str, Any]:
        shown = [{"value": value, "label": name, "selected": chosen} for value, name, chosen in options]
        open_choice = locale().t("import.dates_open" if kind == "dates" else "form.choose")
        blank = None if any(one["selected"] for one in shown) else open_choice
        note = locale().t("import.dates_needed", n=column.forms.get("either", 0)) if needed else None
        return {"name": f"{kind}.{column.at}", "label": label, "options": shown, "blank": blank, "note": note}

    def _samples(self, column: Column, one: Field | None, reading: Reading) -> list[dict[str, Any]]:
        return [self._sample(cell, one, reading) for cell in cells_of(column.samples)]

    def _sample(self, cell: Any, one: Field | None, reading: Reading) -> dict[str, Any]:
        shown = {"text": _plain(cell), "read": None, "error": None}
        if one is None or one.target is not None or (one.type.is_text and isinstance(cell, str)):
            return shown
        try:
            value = one.type.parse(read_cell(cell, one, reading), one)
        except Wrong as wrong:
            return shown | {"error": FieldError(one.key, wrong.code, wrong.params).text(locale().language)}
        read = self.cells.of_field(one, value, {})["text"] if not is_dated(one) else f"{value:%Y-%m-%d}"
        return shown | {"read": read if read != shown["text"] else None}


class _Rows:
    """Rows of an import, those that are wrong first."""

    def __init__(self, entity: Entity, found: Import, counts: dict[str, int]) -> None:
        self.entity, self.found, self.counts = entity, found, counts
        self.columns = [column for column in found.columns if column.key is not None]
        self.wrong = sum(counts.get(state, 0) for state in papers.WRONG)

    def view(self) -> dict[str, Any]:
        """Return the part of the page."""
        text, url = locale(), import_url(self.found.id)
        tabs = [(key, states) for key, states in self._tabs().items() if any(self.counts.get(one) for one in states)]
        shown = request.args.get("show", "")
        current = next((one for one in tabs if one[0] == shown), tabs[0] if tabs else ("all", ()))
        after = request.args.get("after", "")
        rows = batches.list_rows(
            g.session, self.found.id, current[1], after=int(after) if after.isdecimal() and len(after) < 8 else 0,
            limit=ROWS + 1,
        )  # fmt: skip
        ready = self.counts.get("ready", 0)
        written = sum(self.counts.get(state, 0) for state in _WRITTEN)
        return {
            "ready": ready,
            "wrong": self.wrong,
            "written": written,
            "counts": [
                {"label": text.t(f"import.row_{state}"), "n": self.counts[state]}
                for state in ("created", "updated", "same", "undone", "kept", "wrong", "ready", "new")
                if self.counts.get(state)
            ],
            "errors_url": f"{url}/errors" if self.wrong else None,
            "can_undo": self.found.can_undo(now()) and written > 0,
            "undo_days": UNDO_WITHIN.days,
            "tabs": [
                {
                    "label": text.t(f"import.tab_{key}"),
                    "n": sum(self.counts.get(one, 0) for one in states),
                    "url": f"{url}?show={key}",
                    "current": key == current[0],
                }
                for key, states in tabs
            ],
            "headers": [column.header for column in self.columns],
            "rows": [self._row(row) for row in rows[:ROWS]],
            "more_url": f"{url}?show={current[0]}&after={rows[ROWS - 1].row}" if len(rows) > ROWS else None,
        }

    def _tabs(self) -> dict[str, tuple[str, ...]]:
        return {state: (state,) for state in ("wrong", "kept", "ready", "created", "updated", "same", "undone")}

    def _row(self, row: ImportRow) -> dict[str, Any]:
        language, cells = locale().language, cells_of(row.cells)
        by_column: dict[int | None, list[str]] = {}
        known = {column.at for column in self.columns}
        for one in row.problems:
            at = one["at"] if one["at"] in known else None
            whole = papers.say_problems(g.session, self.found, [one], language)
            whole = whole if at is None else papers.placed(one, one[language], language)
            by_column.setdefault(at, []).append(whole)
        linked = row.record_id is not None and row.state in ("created", "updated", "same", "kept", "ready")
        return {
            "row": "–".join(str(at) for at in (row.row, *(one for one, _ in more_rows(row.cells)[-1:]))),
            "state": locale().t(f"import.row_{row.state}"),
            "tone": {"wrong": "red", "kept": "amber", "undone": "grey"}.get(row.state, "green"),
            "url": record_url(self.entity.key, row.record_id) if linked and row.record_id else None,
            "cells": [
                {
                    "label": column.header,
                    "text": _plain(cells[column.at]) if column.at < len(cells) else "",
                    "errors": by_column.get(column.at, []),
                }
                for column in self.columns
            ],
            "errors": by_column.get(None, []),
        }


def _plain(cell: Any) -> str:
    if hasattr(cell, "isoformat"):
        return str(cell.isoformat(" ") if hasattr(cell, "hour") else cell).removesuffix(" 00:00:00")
    return said(cell)[:200]


def is_awaited(field: Field) -> bool:
    """Tell whether a field must be filled in by somebody: it is required, and nothing fills it in by itself."""
    return field.required and field.default is None and field.default_from is None and not field.fetch
