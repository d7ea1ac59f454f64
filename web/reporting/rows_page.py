"""The rows behind a figure, as a list one can open: as many as its n.

Enters: a figure and the rows the engine read for its reader. Leaves: the ``page`` of ``pages/report_rows.html``. Must
not read anything more about a record than was read for the reader.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from engine.compiler.app import Entity, Field, Figure, Funnel, Rows
from engine.compiler.report_rows import said_of_changes
from engine.records.record import USER, Record
from engine.records.rights import find_rights
from engine.reports.results import Behind
from engine.reports.spans import say_period
from web.cells import EMPTY, Cell, Cells, record_url, title_of
from web.columns import column_label, phone_slots, view_column
from web.gate import locale, now
from web.reporting.address import CELL, Asked, figure_url, report_url
from web.reporting.definitions import view_definition
from web.reporting.figure_words import say_counted
from web.reporting.rows_words import say_rows

PAGE = 50
_MOST_OFFSET = 1_000_000
_STAGES, _PEOPLE, _MOMENTS, _OPTIONS = ("from", "to"), ("by", "owner"), ("at", "until"), ("field", "via")


def read_offset(query: Mapping[str, str]) -> int:
    """Return how many rows an address leaves out; nothing for what is no number."""
    written = query.get("offset", "")
    return min(int(written), _MOST_OFFSET) if written.isascii() and written.isdigit() and len(written) < 10 else 0


def view_rows(asked: Asked, figure: Figure, behind: Behind, offset: int, *, report: str = "") -> dict[str, Any]:
    """Return the page of the rows of a figure; ``report`` is the one it was looked at in."""
    text = locale()
    known = g.session.app.reports.get(report)
    path = report_url(known.key) if known is not None else figure_url(figure.key)
    back = asked.address(path=path, **{f"{CELL}{key}": None for key in asked.cell})
    label = text.label(figure.label)
    more = {"report": report} if known is not None else {}
    about = {
        "label": label,
        "count": say_counted(text, behind.n, figure.at_least)["text"],
        "about": view_definition(text, figure, asked.period),
    }
    return _Listing(behind, figure.rows).view() | {
        "title": text.t("report.rows_of", figure=label),
        "report_label": text.label(known.label) if known is not None else label,
        "back_url": back,
        "said": say_rows(figure, asked.period, asked.filters, asked.cell),
        "about": about,
        "more_url": _more(asked, behind, offset, **more),
        "export_url": _export(asked, behind, **more),
    }


def view_funnel_rows(asked: Asked, funnel: Funnel, step: str, behind: Behind, offset: int) -> dict[str, Any]:
    """Return the page of the rows that got as far as a step."""
    text = locale()
    said = next((text.label(one.label) for one in funnel.steps if one.key == step), step)
    label = text.label(funnel.label)
    about = {"help": text.label(funnel.help), "said": said, "period": say_period(text, asked.period),
             "version": funnel.digest[:8]}  # fmt: skip
    return _Listing(behind, funnel.rows).view() | {
        "title": text.t("report.rows_of", figure=said),
        "report_label": label,
        "back_url": asked.address(),
        "said": say_rows(funnel, asked.period, asked.filters, asked.cell),
        "about": {"label": label, "count": f"n={behind.n:,}", "about": about},
        "more_url": _more(asked, behind, offset, step=step),
        "export_url": _export(asked, behind, step=step),
    }


class _Listing:
    """Columns and rows of what the engine read."""

    def __init__(self, behind: Behind, rows: Rows) -> None:
        self.behind, self.rows = behind, rows
        self.lines = _line_fields(rows.entity, rows.lines)
        self.entity: Entity = g.session.app.entities[behind.entity]
        self.cells = Cells(locale(), now())

    def view(self) -> dict[str, Any]:
        """Return columns, rows and how many there are."""
        shown = [key for key in self.behind.columns if any(self._has(one, key) for one in self.behind.records)]
        shown = shown or list(self.behind.columns[:1])
        keys = self._own_keys()
        slots = phone_slots(self.entity, [*shown[:1], *(f"row.{key}" for key in keys), *shown[1:]])
        columns = [view_column(self.entity, key, column_label(self.entity, key), slots.get(key)) for key in shown]
        own = [view_column(self.entity, f"row.{key}", self._own_label(key), slots.get(f"row.{key}")) for key in keys]
        return {
            "columns": [*columns[:1], *own, *columns[1:]],
            "rows": [self._row(at, record, shown) for at, record in enumerate(self.behind.records)],
            "count_text": locale().t("report.count", count=f"{self.behind.n:,}"),
        }

    def _own_keys(self) -> list[str]:
        return list(dict.fromkeys(key for line in self.behind.lines for key in line if line[key] is not None))

    def _own_label(self, key: str) -> str:
        if self.lines is not None and key in self.lines:
            return locale().label(self.lines[key].label)
        return locale().say(f"report.change.{key}" if self.rows.changes else f"report.field.{key}")

    def _row(self, at: int, record: Record, shown: Sequence[str]) -> dict[str, Any]:
        cells: dict[str, Cell] = {key: self.cells.of_record(self.entity, key, record) for key in shown}
        if self.behind.lines:
            cells |= {f"row.{key}": self._own_cell(key, value) for key, value in self.behind.lines[at].items()}
        return {
            "id": record.id, "url": record_url(self.entity.key, record.id), "title": title_of(self.entity, record),
            "cells": cells, "late": False, "edit": (), "tick": None,
        }  # fmt: skip

    def _own_cell(self, key: str, value: Any) -> Cell:
        if value is None:
            return EMPTY
        if self.lines is not None and key in self.lines:
            return self.cells.of_field(self.lines[key], value, self.behind.labels)
        if key in _STAGES:
            badge = self.cells.stage(self.entity, value) or {"label": str(value), "tone": "grey"}
            return self.cells.plain("stage", badge["label"], tone=badge["tone"])
        if self.rows.changes and key in _OPTIONS:
            said = said_of_changes(self.entity, key).get(value)
            return self.cells.plain("text", locale().label(said) if said else str(value))
        if key in _PEOPLE:
            return self.cells.user(self.behind.labels.get((USER, value), f"#{value}"))
        return self.cells.moment(value) if key in _MOMENTS else self.cells.plain("text", str(value))

    @staticmethod
    def _has(record: Record, key: str) -> bool:
        return bool(record.masked.get(key)) or record.values.get(key) not in (None, "", [])


def _line_fields(entity: str, lines: str | None) -> Mapping[str, Field] | None:
    return g.session.app.entities[entity].fields[lines].fields if lines else None


def _export(asked: Asked, behind: Behind, **more: str) -> str | None:
    """Return where the rows are exported, for whoever may and while there are some."""
    if not behind.n or not find_rights(g.session.app, g.session.app.entities[behind.entity], g.actor).export:
        return None
    return asked.rows_address(f"{asked.url}/rows/export", asked.cell.items(), **more)


def _more(asked: Asked, behind: Behind, offset: int, **more: str) -> str | None:
    after = offset + len(behind.records)
    if not behind.records or after >= behind.n:
        return None
    return asked.rows_address(f"{asked.url}/rows", asked.cell.items(), offset=str(after), **more)
