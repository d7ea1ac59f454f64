"""Whose a record is and until when, as its page shows it: days left, a lock, who had it before.

Enters: a record as its reader may see it. Leaves: ``owning`` of ``parts/owning.html``, the marks of a list, the cell of
the days left. Must not work out when a record leaves its owner: that is kept beside it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import g

from engine.compiler.app import Entity, Ownership
from engine.compiler.app.ownership import PROTECTED_UNTIL
from engine.people import directory
from engine.records.calendar import SiteCalendar
from engine.records.record import Record
from engine.records.spans import Span, list_spans, read_spans
from web.cells import Cell, Cells, record_url
from web.gate import now

_FEW = 0.3
"""The part of its time below which what is left is shown in red."""
_SHOWN = 20
_DAY = timedelta(days=1)


def find_ending(entity: Entity, records: Sequence[Record], shown: Collection[str]) -> frozenset[int]:
    """Return which of the records leave their owners soon; one query for all, none where no column says so."""
    if entity.ownership is None or PROTECTED_UNTIL not in shown:
        return frozenset()
    ends = {one.id: one.values.get(PROTECTED_UNTIL) for one in records if PROTECTED_UNTIL not in one.hidden}
    spans = read_spans(g.session, entity.key, [id_ for id_, until in ends.items() if until is not None])
    return frozenset(id_ for id_, span in spans.items() if _is_ending(entity.ownership, span, ends[id_]))


def left_cell(cells: Cells, until: datetime, *, ending: bool) -> Cell:
    """Return the days left as a cell."""
    left = until - cells.now
    days = max(0, -(-left // _DAY)) if left > _DAY else 0
    text = cells.locale.t("owning.days_left", n=days) if days else cells.locale.t("owning.ends_today")
    return cells.plain("left", text, title=cells.locale.datetime(until), tone="red" if ending else None)


def view_owning(cells: Cells, entity: Entity, record: Record) -> dict[str, Any] | None:
    """Return the panel; None for an entity without ownership."""
    owned = entity.ownership
    if owned is None:
        return None
    spans = list_spans(g.session, entity.key, record.id, limit=_SHOWN)
    open_ = next((span for span in spans if span.until is None), None)
    until = record.values.get(PROTECTED_UNTIL)
    left = left_cell(cells, until, ending=_is_ending(owned, open_, until)) if until is not None else None
    people = directory.people(g.session.connection, {one for span in spans for one in (span.owner, span.by)})
    mine = record.values.get("owner") == g.actor.id
    locked = open_ is not None and open_.locked_at is not None
    may_lock = (mine and owned.claim.locks > 0 and not locked) or (locked and (mine or record.owns))
    return {
        "left": left,
        "note": _note(cells, owned, open_, record, until),
        "locked": locked,
        "lock_url": f"{record_url(entity.key, record.id)}/keep" if may_lock else None,
        "spans": [_span(cells, owned, span, people) for span in spans],
    }


def _note(cells: Cells, owned: Ownership, span: Span | None, record: Record, until: Any) -> str | None:
    text = cells.locale
    if span is None or PROTECTED_UNTIL in record.hidden:
        return None
    if span.locked_at is not None:
        return text.t("owning.locked")
    rule = owned.protect.get(span.rule or "")
    if until is not None and rule is not None:
        to = text.label(owned.pools[rule.to].label)
        other = g.session.app.entities[rule.without[0]].label if rule.without else None
        if other is not None:
            return text.t("owning.without", what=text.label(other), pool=to)
        return text.t("owning.ends_in_pool", pool=to)
    return text.t("owning.stays") if record.values.get("owner") is not None and owned.protect else None


def _span(cells: Cells, owned: Ownership, span: Span, people: Any) -> dict[str, Any]:
    text = cells.locale
    pool = owned.pools.get(span.pool or "")
    holder = people[span.owner].name if span.owner in people else text.label(pool.label) if pool else span.pool or "–"
    return {
        "holder": holder,
        "icon": "user" if span.owner is not None else "users-group",
        "why": text.t(f"owning.why.{span.why}"),
        "by": people[span.by].name if span.by in people else text.t("history.system"),
        "note": span.note,
        "since": text.date(text.local(span.since).date()),
        "until": text.date(text.local(span.until).date()) if span.until is not None else None,
    }


def _is_ending(owned: Ownership, span: Span | None, until: datetime | None) -> bool:
    rule = owned.protect.get(span.rule or "") if span is not None else None
    if until is None or rule is None:
        return False
    app = g.session.app
    whole = SiteCalendar(app.calendar, app.timezone).due(now(), rule.span) - now()
    return until - now() < whole * _FEW
