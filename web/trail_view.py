"""A record with the whole trail of its approvals, on a page and on paper: for an audit.

Enters: a record and all its submissions as the reader may see them. Leaves: the view of ``pages/trail.html`` and the
same for the PDF. Must not leave anything out that was decided, nor show a field the reader may not see.
"""

from collections.abc import Sequence
from typing import Any

from engine.compiler.app import Entity
from engine.printing.trail import TrailPage
from engine.records.record import Record
from engine.storage.store import Session
from engine.workflow.approval.signing import read_signature
from engine.workflow.panel import Panel, PanelPerson, PanelStep
from web.approval_view import headline, person_word, say_skipped
from web.cells import Cells, subtitle_of, title_of
from web.gate import rule_place
from web.line_view import line_table
from web.printing import plain_table

_WIDE = 24
_HEADS = ("step", "person", "decision", "when", "reason")
_UNSAID = ("planned", "waiting")

View = dict[str, Any]


def view_trail(
    cells: Cells, entity: Entity, record: Record, panels: Sequence[Panel], *, back_url: str, pdf_url: str
) -> View:
    """Return a record with its approvals, the first submission first."""
    text = cells.locale
    subtitle = subtitle_of(cells, entity, record)
    about = f" {subtitle['text']}" if subtitle else ""
    return {
        "lang": text.language,
        "title": text.t("trail.title", entity=text.label(entity.label)),
        "number": str(record.values.get("number") or record.id),
        "name": f"{title_of(entity, record)}{about}",
        "printed": text.t("trail.printed", when=text.datetime(cells.now)),
        "entries": _entries(cells, entity, record),
        "tables": [
            line_table(cells, entity, field, record)
            for field in entity.line_fields
            if field.key not in record.hidden and record.values.get(field.key)
        ],
        "heads": [text.t(f"trail.{one}") for one in _HEADS],
        "rounds": [_round(cells, panel) for panel in reversed(panels)],
        "back_url": back_url,
        "pdf_url": pdf_url,
    }


def to_paper(session: Session, view: View) -> TrailPage:
    """Return the same as plain texts, signatures as the bytes of their pictures."""
    rounds = [one | {"rows": [_paper_row(session, one, row) for row in one["rows"]]} for one in view["rounds"]]
    return {
        "lang": view["lang"],
        "title": view["title"],
        "number": view["number"],
        "name": view["name"],
        "printed": view["printed"],
        "entries": view["entries"],
        "tables": [plain_table(table) for table in view["tables"]],
        "heads": view["heads"],
        "rounds": rounds,
    }


def _paper_row(session: Session, one: View, row: View) -> View:
    picture = list(read_signature(session, one["id"], row["file"])) if row["file"] is not None else None
    return row | {"signature": picture}


def _entries(cells: Cells, entity: Entity, record: Record) -> list[View]:
    system = ["stage", "owner"] if entity.workflow is not None else ["owner"]
    keys = [key for key, field in entity.fields.items() if not field.type.has_rows and not field.retired]
    made = []
    for key in (*system, *keys):
        if not record.shows(key):
            continue
        field = entity.fields.get(key)
        if field is not None and field.type.has_files:
            said = cells.locale.t("text.comma").join(str(one["name"]) for one in record.values[key])
        else:
            cell = cells.of_record(entity, key, record)
            said = str((cell.get("title") if cell["kind"] in ("date", "datetime") else cell["text"]) or "")
        label = cells.locale.label(field.label) if field is not None else cells.locale.t(f"field.{key}")
        made.append({"label": label, "text": said, "wide": len(said) > _WIDE})
    return made


def _round(cells: Cells, panel: Panel) -> View:
    text = cells.locale
    lines = [text.t("trail.submitted", who=panel.starter.name, when=text.datetime(panel.started_at))]
    lines.append(_ended(cells, panel))
    if panel.auto_note is not None:
        lines.append(text.label(panel.auto_note))
    if panel.copies:
        names = text.t("text.comma").join(dict.fromkeys(copy.person.name for copy in panel.copies))
        lines.append(text.t("trail.copies", names=names))
    return {
        "id": panel.id,
        "title": text.t("trail.round", n=panel.round, approval=text.label(panel.label)),
        "lines": lines,
        "rows": [_row(cells, panel, step, one) for step in panel.steps for one in step.people if _belongs(step, one)],
        "skipped": [
            text.t("trail.skipped", step=text.label(step.label), why=say_skipped(cells, step, panel.starter.name))
            for step in panel.steps
            if step.skipped and panel.auto_note is None
        ],
        "comments": [
            text.t("trail.comment", who=one.person.name, when=text.datetime(one.at), text=one.text)
            for one in panel.comments
        ],
    }


def _ended(cells: Cells, panel: Panel) -> str:
    text = cells.locale
    if panel.ended_at is None:
        return headline(cells, panel)
    who = panel.ended_by.name if panel.ended_by is not None else ""
    said = text.t(f"outcome.{panel.status}")
    told = text.t("trail.ended", what=said, who=who, when=text.datetime(panel.ended_at)).strip()
    return f"{told} {panel.ended_reason}".strip()


def _belongs(step: PanelStep, person: PanelPerson) -> bool:
    """People who would be asked later are no part of a trail."""
    return step.skipped in ("", "gone") and person.status not in _UNSAID


def _row(cells: Cells, panel: Panel, step: PanelStep, person: PanelPerson) -> View:
    text = cells.locale
    at = person.at if person.at is not None else person.since
    rule = [text.t("approval.because", rule=one) for one in (step.branch_rule, step.rule) if one]
    said = [one for one in (person.question, person.reason) if one]
    return {
        "step": text.label(step.label),
        "rule": [*rule, *([person.why] if person.why else []), *filter(None, [rule_place(step.place)])],
        "person": person.name,
        "by": text.t("approval.by", name=person.by) if person.by else "",
        "decision": person_word(cells, person),
        "when": text.datetime(at) if at is not None else "",
        "reason": " — ".join(said),
        "file": person.signature,
        "signature": f"/approvals/{panel.id}/signatures/{person.signature}" if person.signature is not None else None,
    }
