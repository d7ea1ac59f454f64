"""The pages of exports as one reader sees them.

Enters: an export, or the list somebody is about to take out. Leaves: the ``page`` of ``pages/export.html`` and
``pages/exports.html``. Must not read a record: what leaves is counted by the engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import g
from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity, Field
from engine.errors import FormworkError, InvalidValues, NotFound
from engine.exporting.journeys import JourneyAsked, taken_along
from engine.exporting.journeys import headers as journey_headers
from engine.exporting.requests import FORMATS, MOST_ROWS, Export
from engine.records.queries import get_record
from engine.records.rights import get_entity
from engine.records.views import ViewContent
from engine.reports.behind import RowsAsked
from engine.storage.files import clean_name
from web.cells import Cells, record_url, title_of
from web.columns import column_label
from web.filter_words import FilterWords, name_filtered
from web.gate import locale, now
from web.reporting.rows_words import export_again_url, say_behind
from web.shell import ENTITY_URL
from web.view_address import address_of

EXPORTS_URL = "/exports"
_TONES = {"asked": "amber", "running": "blue", "done": "green", "refused": "red", "failed": "red"}


@dataclass(frozen=True)
class Taken:
    """What somebody is about to take out: the list at ``back_url``, the rows ``behind`` a figure, or a ``journey``.

    It is asked for at ``url`` with the query ``listed``; ``lines`` are the line tables that may leave with it, ``name``
    is what the record of a journey is called.
    """

    entity: Entity
    content: ViewContent
    url: str
    listed: str
    back_url: str
    lines: Sequence[Field]
    behind: RowsAsked | None = None
    journey: JourneyAsked | None = None
    name: str = ""


def export_url(id_: int) -> str:
    """Return the address of an export."""
    return f"{EXPORTS_URL}/{id_}"


def name_file(found: Export) -> str:
    """Return what the file of an export is called."""
    label = _name(found) or locale().label(get_entity(g.session.app, found.entity).label)
    day = locale().local(found.created_at)
    return clean_name(f"{label}-{day:%Y%m%d-%H%M}.{found.format}")


def view_ask(taken: Taken, rows: int, form: Mapping[str, str], refused: FormworkError | None = None) -> dict[str, Any]:
    """Return the page that says what would leave and asks how."""
    text, most = locale(), g.session.app.ask_export_above
    chosen = form.get("format") or FORMATS[0]
    return _head(taken.entity, taken.back_url, taken.behind, taken.name) | {
        "step": "ask",
        "action_url": taken.url,
        "list": taken.listed,
        "back_url": taken.back_url,
        "rows": text.t("export.rows", n=f"{rows:,}"),
        "asks": rows > most,
        "asks_text": text.t("export.asks", most=f"{most:,}"),
        "blocked": text.t("export.too_many", max=f"{MOST_ROWS:,}") if rows > MOST_ROWS else None,
        "formats": [{"value": one, "label": text.t(f"export.{one}"), "selected": one == chosen} for one in FORMATS],
        "lines": _lines(taken.lines, form),
        "reason": form.get("reason", ""),
        "errors": _errors(refused),
        **_what(taken.entity, taken.content, taken.behind, taken.journey),
    }


def view_export(found: Export, decides: bool, refused: FormworkError | None = None) -> dict[str, Any]:
    """Return the page of an export: for whoever asked for it, or who is to decide about it."""
    entity, text, cells = get_entity(g.session.app, found.entity), locale(), Cells(locale(), now())
    url, mine = export_url(found.id), found.user == g.actor.id
    expired = found.expires_at is not None and found.expires_at <= now()
    state = "expired" if found.state == "done" and expired else found.state
    ready = mine and state == "done"
    return _head(entity, EXPORTS_URL, found.behind, _name(found)) | {
        "step": "state",
        "url": url,
        "state": text.t(f"export.state_{state}"),
        "tone": _TONES.get(state, "grey"),
        "hint": text.t(f"export.hint_{state}") if mine and state in ("asked", "expired", "stopped") else None,
        "who": cells.person(found.user_name),
        "when": cells.when(found.created_at),
        "rows": text.t("export.rows", n=f"{found.total:,}"),
        "format": text.t(f"export.{found.format}"),
        "with_lines": text.t("text.comma").join(
            text.label(entity.fields[one].label) for one in found.lines if one in entity.fields
        ),
        "reason": found.reason,
        "decided": text.t(f"export.decided_{'refused' if state == 'refused' else 'approved'}", who=found.decided_by)
        if found.decided_by
        else None,
        "answer": found.answer,
        "error": (found.error or {}).get(text.language) or next(iter((found.error or {}).values()), None),
        "progress": _progress(found) if found.is_active else None,
        "file_url": f"{url}/file" if ready else None,
        "file_name": name_file(found) if ready else None,
        "file_size": text.size(found.size or 0) if ready else None,
        "until": text.t("export.until", when=text.datetime(found.expires_at)) if ready and found.expires_at else None,
        "again_url": _again(entity, found) if mine else None,
        "can_stop": mine and state in ("asked", "running"),
        "decides": decides and state == "asked",
        "errors": _errors(refused),
        **_what(entity, found.content, found.behind, found.journey),
    }


def view_exports(mine: Sequence[Export], asked: Sequence[Export]) -> dict[str, Any]:
    """Return the page of all exports: those that wait for the reader, and their own."""
    return {
        "title": locale().t("export.mine"),
        "asked": [_row(one) for one in asked],
        "mine": [_row(one) for one in mine],
        "empty": {"icon": "download", "title": locale().t("export.none_yet"), "text": locale().t("export.none_hint"),
                  "action": None},
    }  # fmt: skip


def _lines(tables: Sequence[Field], form: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the line tables that may leave with the list."""
    chosen = form.getlist("lines") if isinstance(form, MultiDict) else []
    return [{"value": one.key, "label": locale().label(one.label), "checked": one.key in chosen} for one in tables]


def _name(found: Export) -> str:
    """Return what the journey of an export is called, "" for a list or a record the reader may not see."""
    if found.journey is None:
        return ""
    try:
        record = get_record(g.session, found.entity, found.journey.record_id, actor=g.actor)
    except NotFound:
        return ""
    return title_of(get_entity(g.session.app, found.entity), record)


def _label(found: Export) -> str:
    name = _name(found)
    return (
        locale().t("journey.title", name=name)
        if name
        else locale().label(get_entity(g.session.app, found.entity).label)
    )


def _head(entity: Entity, back: str, behind: RowsAsked | None = None, name: str = "") -> dict[str, Any]:
    label = locale().label(entity.label)
    list_url = ENTITY_URL.format(entity=entity.key)
    crumb = {"label": label, "url": back if back.startswith(list_url) else list_url}
    if name:
        crumb = {"label": locale().t("journey.title", name=name), "url": back}
    return {
        "title": locale().t("export.title", entity=locale().t("journey.title", name=name) if name else label),
        "crumbs": [{"label": locale().t("reports.title"), "url": "/reports"}] if behind is not None else [crumb],
        "exports_url": EXPORTS_URL,
    }


def _row(found: Export) -> dict[str, Any]:
    text, cells = locale(), Cells(locale(), now())
    return {
        "url": export_url(found.id),
        "label": _label(found),
        "who": found.user_name,
        "rows": text.t("export.rows", n=f"{found.total:,}"),
        "state": text.t(f"export.state_{found.state}"),
        "tone": _TONES.get(found.state, "grey"),
        "when": cells.when(found.created_at),
        "reason": found.reason,
    }


def _what(
    entity: Entity, content: ViewContent, behind: RowsAsked | None, journey: JourneyAsked | None
) -> dict[str, Any]:
    """Return in words which list it is, the rows of which figure, or which journey: its columns, conditions, search."""
    if journey is not None:
        return _what_happened(entity, journey)
    filters = (*content.filters, *(() if content.where is None else (content.where,)))
    words = FilterWords(Cells(locale(), now()), entity, name_filtered(entity, filters)).chips(filters, lambda **_: "")
    conditions = [locale().t("form.colon").join(filter(None, (one["label"], one["text"]))) for one in words]
    return {
        "columns": [column_label(entity, key) for key in content.columns],
        "figure": say_behind(behind) if behind is not None else None,
        "conditions": conditions,
        "search": content.text or None,
    }


def _what_happened(entity: Entity, journey: JourneyAsked) -> dict[str, Any]:
    _, left = taken_along(g.session.app, entity.key, g.actor)
    text, app = locale(), g.session.app
    return {
        "columns": journey_headers(text.language),
        "figure": None,
        "conditions": [text.t(f"journey.kind_{journey.kind}")] if journey.kind else [],
        "search": None,
        "left_out": [text.label(app.entities[key].label) for key in left if "linked" in journey.kinds],
    }


def _progress(found: Export) -> dict[str, Any]:
    said = locale().t("export.at", done=f"{found.done:,}", total=f"{found.total:,}")
    return {"done": found.done, "total": max(found.total, 1), "text": said}


def _again(entity: Entity, found: Export) -> str:
    """Return where the same is exported once more."""
    if found.behind is not None:
        return export_again_url(found.behind)
    if found.journey is not None:
        kind = f"?kind={found.journey.kind}" if found.journey.kind else ""
        return f"{record_url(entity.key, found.journey.record_id)}/journey/export{kind}"
    query = address_of(entity, found.content).partition("?")[2]
    return f"{ENTITY_URL.format(entity=entity.key)}/export?{query}"


def _errors(refused: FormworkError | None) -> dict[str, str]:
    if refused is None:
        return {}
    if isinstance(refused, InvalidValues):
        return {error.path: error.text(locale().language) for error in refused.errors}
    return {"": refused.text(locale().language)}  # type: ignore[attr-defined]
