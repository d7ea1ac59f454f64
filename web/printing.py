"""A record on paper: from its values to texts in the reader's language.

Enters: a record as the reader may see it, a print and the records of its lists. Leaves: the view of
``pages/print.html`` and the same for the PDF. Must not look anything up that the reader did not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.compiler.app import CompiledApp, Entity, Field, Print
from engine.people.actor import Actor
from engine.printing.capitals import in_capitals
from engine.printing.pdf import PrintPage
from engine.records.evaluation import make_env
from engine.records.printed import Listed
from engine.records.record import Record
from engine.storage.store import Session
from engine.workflow.panel import Panel
from web.cells import Cell, Cells, is_right

_WIDE = 24
"""From so many characters on an entry takes the whole width."""


@dataclass(frozen=True)
class PrintView:
    """What the browser's page shows, with the parts the PDF draws differently."""

    page: dict[str, Any]
    totals: list[dict[str, str]]


def prints_of(app: CompiledApp, entity: Entity) -> list[Print]:
    """Return the prints of an entity."""
    return [printed for printed in app.prints.values() if printed.entity == entity.key]


def view_print(
    cells: Cells,
    session: Session,
    entity: Entity,
    record: Record,
    printed: Print,
    panel: Panel | None,
    lists: Sequence[Listed] = (),
    *,
    actor: Actor,
    back_url: str,
    pdf_url: str,
    mark: str | None = None,
) -> PrintView:
    """Return a record on paper; ``mark`` says who reads it."""
    text, definition = cells.locale, printed.definition
    totals = [_entry(cells, entity, ref.name, record) for ref in definition.totals if _shown(record, ref.name)]
    asked = printed.watermark_when
    marked = asked is None or asked.run(record.values, make_env(session, actor)) is True
    page = {
        "app": text.label(session.app.label),
        "lang": text.language,
        "title": text.label(printed.title),
        "number": str(record.values.get("number") or record.id),
        "company": _letterhead(session.app),
        "date_text": text.date(record.values["created_at"]),
        "watermark": (text.label(printed.watermark) or None) if marked else None,
        "mark": mark,
        "parties": [],
        "entries": [_entry(cells, entity, ref.name, record) for ref in definition.head if _shown(record, ref.name)],
        "tables": _tables(cells, entity, record, printed, totals),
        "lists": [_list(cells, session.app.entities[one.list.entity], one) for one in lists],
        "words": _words(cells, entity, record, printed),
        "notes": [text.label(note) for note in printed.notes],
        "signatures": [text.label(name) for name in printed.signatures],
        "approval": _approval(cells, panel),
        "back_url": back_url,
        "pdf_url": pdf_url,
    }
    return PrintView(page, totals)


def _letterhead(app: CompiledApp) -> dict[str, Any] | None:
    """Whose paper it is: what administrators called the site, and what stands below; None until they did."""
    chosen = app.choices
    return None if chosen.name is None else {"name": chosen.name, "lines": list(chosen.letterhead)}


def to_page(view: PrintView) -> PrintPage:
    """Return the same as plain texts for the PDF."""
    page = view.page
    return {
        "lang": page["lang"],
        "title": page["title"],
        "number": page["number"],
        "company": page["company"],
        "date_text": page["date_text"],
        "watermark": page["watermark"],
        "mark": page["mark"],
        "parties": page["parties"],
        "entries": page["entries"],
        "tables": [plain_table(table) for table in page["tables"]],
        "totals": [{"label": one["label"], "text": one["text"]} for one in view.totals],
        "lists": [plain_table(table) | {"label": table["label"]} for table in page["lists"]],
        "words": page["words"],
        "notes": page["notes"],
        "approval": page["approval"],
        "signatures": page["signatures"],
    }


def _shown(record: Record, key: str) -> bool:
    return record.shows(key)


def _entry(cells: Cells, entity: Entity, key: str, record: Record) -> dict[str, Any]:
    cell = cells.of_record(entity, key, record)
    field = entity.fields.get(key)
    label = cells.locale.label(field.label) if field else cells.locale.t(f"field.{key}")
    said = cell.get("title") if cell["kind"] in ("date", "datetime") else cell["text"]
    return {"label": label, "text": str(said or ""), "wide": len(str(said or "")) > _WIDE}


def _tables(
    cells: Cells, entity: Entity, record: Record, printed: Print, totals: list[dict[str, str]]
) -> list[dict[str, Any]]:
    lines = printed.definition.lines
    if lines is None or lines.name in record.hidden:
        return []
    field = entity.fields[lines.name]
    rows = record.values.get(lines.name) or []
    columns = [
        field.fields[ref.name] for ref in printed.definition.columns if f"{lines.name}.{ref.name}" not in record.hidden
    ]
    columns = [column for column in columns if any(row.get(column.key) is not None for row in rows)]
    return [{
        "label": cells.locale.label(field.label),
        "columns": [_column(cells, column) for column in columns],
        "rows": [
            _row({column.key: cells.of_field(column, row.get(column.key), record.labels) for column in columns})
            for row in rows
        ],
        "totals": [
            {"label": one["label"], "text": one["text"], "strong": at == 0, "note": None}
            for at, one in enumerate(totals)
        ],
    }]  # fmt: skip


def _list(cells: Cells, entity: Entity, listed: Listed) -> dict[str, Any]:
    """Return the records that link to the printed one as a table; a column that is empty in all of them is left out."""
    one, records = listed.list, listed.records
    columns = [key for key in one.columns if any(record.shows(key) for record in records)]
    return {
        "label": cells.locale.label(one.label or entity.label),
        "columns": [
            _column(cells, entity.fields[key])
            if key in entity.fields
            else {"key": key, "label": cells.locale.t(f"field.{key}"), "align": None, "wide": False}
            for key in columns
        ],
        "rows": [_row({key: cells.of_record(entity, key, record) for key in columns}) for record in records],
        "totals": [],
    }


def _row(found: Mapping[str, Cell]) -> dict[str, Any]:
    """Return a row on paper: days are written out, since "tomorrow" is true for a day."""
    said = {
        key: cell | {"text": cell["title"]} if cell["kind"] in ("date", "datetime") and cell.get("title") else cell
        for key, cell in found.items()
    }
    return {"cells": said, "note": None, "url": None, "changed": False}


def _column(cells: Cells, column: Field) -> dict[str, Any]:
    right = is_right(column)
    return {
        "key": column.key,
        "label": cells.locale.label(column.label),
        "align": "right" if right else None,
        "wide": column.to is not None,
    }


def plain_table(table: Mapping[str, Any]) -> Any:
    """Return a table of cells as plain texts for a PDF."""
    return {
        "columns": [{"label": column["label"], "right": column["align"] == "right"} for column in table["columns"]],
        "rows": [[str(row["cells"][column["key"]]["text"]) for column in table["columns"]] for row in table["rows"]],
    }


def _words(cells: Cells, entity: Entity, record: Record, printed: Print) -> dict[str, str] | None:
    words = printed.definition.words
    if words is None or record.values.get(words.name) is None:
        return None
    return {"label": cells.locale.t("print.words"), "text": in_capitals(record.values[words.name])}


def _approval(cells: Cells, panel: Panel | None) -> list[dict[str, str]]:
    if panel is None or panel.status != "approved":
        return []
    text = cells.locale
    if panel.auto_note is not None:
        return [{"label": text.label(panel.label), "text": text.label(panel.auto_note)}]
    return [
        {"label": text.label(step.label), "text": f"{person.name} {text.datetime(person.at)}".strip()}
        for step in panel.steps for person in step.people if person.status in ("approved", "cited")
    ]  # fmt: skip
