"""Writing the file of an export, page by page, as whoever asked for it sees the list at that moment.

Enters: an export that may be written. Leaves: its file, and notices. Must not have rights of its own: whoever asked is
asked again, and a worker that is killed leaves nothing but an export that another one writes anew.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from sqlalchemy import or_

from engine import messages
from engine.compiler.app import Entity, Figure, Funnel
from engine.errors import FormworkError, InvalidValues, NotPossibleNow
from engine.exporting import requests
from engine.exporting.journeys import JourneyRows, taken_along
from engine.exporting.requests import KEPT, LEASE, MOST_ATTEMPTS, Export, query_of, require_export
from engine.exporting.sealing import seal
from engine.exporting.sheets import ChangeColumns, Columns, LineTable, Mark, MoveColumns, RowColumns, open_sheet
from engine.messages import say, text
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.calling import name_of
from engine.records.evaluation import Lookups, site_zone
from engine.records.line_rows import line_keys, line_tables, list_rows
from engine.records.listing import MOST, shown_keys
from engine.records.queries import get_record, list_records
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.records.views import to_plain
from engine.reports.behind import RowsAsked, pages_behind, shape_of
from engine.storage.export_tables import exports
from engine.storage.faults import Unavailable
from engine.storage.store import Session, Store

AT_ONCE = 500
"""Rows that are written while a page waits; more are written in the background."""

_SIGN_OF_LIFE = 2_000
Progress = Callable[[int, int], None]
_log = logging.getLogger("formwork.exporting")


def work(store: Store) -> int:
    """Write every file that is due and remove those no longer kept; return how many were worked on."""
    with store.read() as session:
        due = requests.list_due(session)
    for id_ in due:
        go_on(store, id_)
    return len(due)


def go_on(store: Store, id: int, *, progress: Progress = lambda done, total: None) -> None:
    """Write one file, unless somebody is at it; a file that is no longer kept is removed."""
    try:
        found = _claim(store, id)
        if found is not None:
            _write(store, found, progress)
    except Unavailable:
        raise  # nobody's fault: the next look tries again
    except _Stopped:
        pass
    except FormworkError as error:
        _fail(store, id, _said(error))
    except Exception:
        _log.exception("Export %s failed", id)
        _fail(store, id, {language: text("export.failed", language) for language in messages.LANGUAGES})


class _Stopped(Exception):
    """Somebody took the export back, or another worker is at it."""


def _claim(store: Store, id_: int) -> Export | None:
    """Take the writing of a file on; None when there is nothing to write."""
    with store.write() as session:
        found, now = requests.find_export(session, id_), session.now()
        if found is None:
            return None
        if found.state == requests.DONE and found.expires_at is not None and found.expires_at <= now:
            _forget(store, session, found)
        if found.state != requests.RUNNING:
            return None
        free = or_(exports.c.worked_at.is_(None), exports.c.worked_at <= now - LEASE)
        if found.attempts >= MOST_ATTEMPTS:
            if requests.change(session, id_, exports.c.state == requests.RUNNING, free, worked_at=now):
                why = {one: text("export.gave_up", one, count=MOST_ATTEMPTS) for one in messages.LANGUAGES}
                requests.finish(session, found, None, "failed", error=why)
            return None
        taken = {"worked_at": now, "attempts": found.attempts + 1, "done": 0}
        if not requests.change(session, id_, exports.c.state == requests.RUNNING, free, **taken):
            return None
        return replace(found, attempts=found.attempts + 1)


def _write(store: Store, found: Export, progress: Progress) -> None:
    path = store.files.begin()
    try:
        with store.read() as session:
            actor, sealed = _asker(session, found)
            with path.open("wb") as file:
                rows = _write_rows(store, session, found, actor, file, progress)
        sha256, size = store.files.take(path)
    finally:
        path.unlink(missing_ok=True)
    with store.write() as session:
        now = session.now()
        requests.finish(session, found, actor, "done", done=rows, total=rows, sha256=sha256, size=size,
                        rights=sealed, expires_at=now + KEPT)  # fmt: skip


def _asker(session: Session, found: Export) -> tuple[Actor, str]:
    """Return whoever asked, as they are now; raises ``NotAllowed`` when they may no longer export."""
    actor = accounts.get_actor(session.connection, found.user, via="system")
    entity, rights = require_export(session, found.entity, actor)
    shown = shown_keys(entity, rights)
    if not all(key in shown for key in found.content.columns):
        raise NotPossibleNow("export.other_rights")
    return actor, seal(session, found.entity, found.behind, found.journey, actor)


def _write_rows(store: Store, session: Session, found: Export, actor: Actor, file: BinaryIO, progress: Progress) -> int:
    if found.journey is not None:
        return _write_journey(store, session, found, actor, file, progress)
    entity = session.app.entities[found.entity]
    columns = Columns(entity, found.content.columns, **_settings(session, found))
    beside = _beside(session, found, entity, actor)
    lines = _Lines(session, found, entity, actor)
    heads = columns if beside is None else RowColumns(columns, *beside)
    sheet = open_sheet(
        file, found.format, heads, _mark(session, found, actor), language=found.language, lines=lines.tables
    )
    rows = 0
    for page, own_cells in _pages(session, found, actor, lines.named_by, beside[0] if beside else None):
        for (record, own), cells in zip(lines.beside(page), own_cells, strict=True):
            sheet.add([*columns.cells(record), *cells], lines.name(record), own)
            rows += 1
            if rows % _SIGN_OF_LIFE == 0:
                _live(store, found, rows)
                progress(rows, found.total)
    sheet.close()
    progress(rows, rows)
    return rows


def _write_journey(
    store: Store, session: Session, found: Export, actor: Actor, file: BinaryIO, progress: Progress
) -> int:
    assert found.journey is not None  # noqa: S101 - what is written here
    entity = session.app.entities[found.entity]
    told = JourneyRows(session, entity, found.journey, language=found.language, actor=actor)
    sheet = open_sheet(file, found.format, told, _mark(session, found, actor), language=found.language)
    rows = 0
    for page in told.pages(requests.MOST_ROWS):
        for cells in page:
            sheet.add(cells)
        rows += len(page)
        _live(store, found, rows)
        progress(rows, found.total)
    sheet.close()
    progress(rows, rows)
    return rows


def _settings(session: Session, found: Export) -> dict[str, Any]:
    return {"language": found.language, "zone": site_zone(session.app), "currency": session.app.currency}


def _beside(session: Session, found: Export, entity: Entity, actor: Actor) -> tuple[Columns, str] | None:
    """Return the columns of rows of a figure that are no records, and what such rows are called."""
    shape = None if found.behind is None else shape_of(session, found.behind, actor=actor)
    if shape is None or not shape.own:
        return None
    if shape.changes:
        return ChangeColumns(entity, shape.own, **_settings(session, found)), text("export.changes", found.language)
    if shape.lines is None:
        return MoveColumns(entity, shape.own, **_settings(session, found)), text("export.moves", found.language)
    lines = entity.fields[shape.lines]
    return Columns(entity, shape.own, lines=lines, **_settings(session, found)), say(lines.label, found.language)


_Cells = Sequence[Any]


def _pages(
    session: Session, found: Export, actor: Actor, also: Sequence[str], own: Columns | None
) -> Iterator[tuple[Sequence[Record], Sequence[_Cells]]]:
    """Yield the records, a page of them in memory at a time, with the cells of the row each stands for.

    ``also`` are read beside the columns.
    """
    columns = tuple(dict.fromkeys((*found.content.columns, *also)))
    if found.behind is not None:
        for page in pages_behind(session, found.behind, columns, actor=actor, most=requests.MOST_ROWS):
            cells = [own.row_cells(row, page.labels) for row in page.lines] if own else [[] for _ in page.records]
            yield page.records, cells
        return
    query = replace(query_of(found.content), limit=MOST, columns=columns)
    rows = 0
    while rows < requests.MOST_ROWS:
        listed = list_records(session, found.entity, query, actor=actor)
        yield listed.records, [[] for _ in listed.records]
        rows += len(listed.records)
        if listed.next is None:
            return
        query = replace(query, after=listed.next)


class _Lines:
    """The line tables that leave with a list, and what their rows belong to: the number of a record, else its name."""

    def __init__(self, session: Session, found: Export, entity: Entity, actor: Actor) -> None:
        self._session, self._entity, self._actor = session, entity, actor
        rights = find_rights(session.app, entity, actor)
        self._fields = [one for one in line_tables(entity, rights) if one.key in found.lines]
        names = [key for key in entity.display_keys if key in shown_keys(entity, rights)]
        self.named_by: Sequence[str] = () if not self._fields else ("number",) if entity.number else names
        of = text("export.field_number", found.language) if entity.number else say(entity.label, found.language)
        settings = _settings(session, found)
        self.tables = [
            LineTable(one.key, say(one.label, found.language), of,
                      Columns(entity, line_keys(one, rights), lines=one, **settings))
            for one in self._fields
        ]  # fmt: skip
        self._written = 0

    def name(self, record: Record) -> str:
        """Return what the rows of a record belong to."""
        if not self._fields:
            return ""
        if self._entity.number:
            return str(record.values.get("number") or "")
        return name_of(self._session.app, self._entity, record.values, Lookups(self._session))

    def beside(self, page: Sequence[Record]) -> Iterator[tuple[Record, Sequence[Sequence[Sequence[Any]]]]]:
        """Yield each record with the cells of its rows, table by table; raises ``NotPossibleNow`` for too many."""
        read = [
            list_rows(self._session, self._entity, one, page, actor=self._actor) if page else ({}, {})
            for one in self._fields
        ]
        for record in page:
            own = [
                [table.columns.row_cells(row, labels) for row in rows.get(record.id, ())]
                for table, (rows, labels) in zip(self.tables, read, strict=True)
            ]
            self._written += sum(map(len, own))
            if self._written > requests.MOST_ROWS:
                raise NotPossibleNow("export.too_many", max=requests.MOST_ROWS)
            yield record, own


def _live(store: Store, found: Export, rows: int) -> None:
    """Give a sign of life; raises ``_Stopped`` when the export is not this worker's any more."""
    mine = (exports.c.state == requests.RUNNING, exports.c.attempts == found.attempts)
    with store.write() as session:
        if not requests.change(session, found.id, *mine, worked_at=session.now(), done=rows):
            raise _Stopped


def _mark(session: Session, found: Export, actor: Actor) -> Mark:
    """Return what a file says of itself: whose it is, from when, of which list, what was left out."""
    language, zone = found.language, site_zone(session.app)
    label = say(session.app.entities[found.entity].label, language)
    when = f"{session.now().astimezone(zone):%Y-%m-%d %H:%M}"
    line = text("export.mark", language, app=session.app.label, who=found.user_name, when=when, id=found.id)
    said = [text("export.note_list", language, entity=label)] if found.journey is None else []
    asked = {key: value for key, value in to_plain(found.content).items() if key != "columns" and value}
    if found.behind is not None:
        said.append(_say_figure(session, found.behind, language))
        asked = {key: one for key, one in found.behind.to_plain().items() if key in ("filters", "cell") and one}
    said += [] if found.journey is None else _say_journey(session, found, actor)
    said += [text("export.note_filter", language, filter=str(asked))] if asked else []
    said += [text("export.note_reason", language, reason=found.reason)] if found.reason else []
    return Mark(label, line, said, found.user_name)


def _say_journey(session: Session, found: Export, actor: Actor) -> list[str]:
    assert found.journey is not None  # noqa: S101 - what is said here
    entity, language = session.app.entities[found.entity], found.language
    record = get_record(session, found.entity, found.journey.record_id, actor=actor)
    name = name_of(session.app, entity, record.values, Lookups(session))
    said = [text("export.note_journey", language, record=name)]
    _, left = taken_along(session.app, found.entity, actor)
    entities = ", ".join(say(session.app.entities[key].label, language) for key in left)
    return said + ([text("export.note_left_out", language, entities=entities)] if left else [])


def _say_figure(session: Session, behind: RowsAsked, language: str) -> str:
    of: Figure | Funnel | None
    of = session.app.figures.get(behind.of) if behind.step is None else session.app.funnels.get(behind.of)
    label = behind.of if of is None else say(of.label, language)
    return text("export.note_figure", language, figure=label, period=behind.period.name)


def _forget(store: Store, session: Session, found: Export) -> None:
    if requests.change(session, found.id, exports.c.state == requests.DONE, state="expired") and found.sha256:
        store.files.discard(found.sha256, session.now())


def _fail(store: Store, id_: int, error: dict[str, str]) -> None:
    with store.write() as session:
        found = requests.find_export(session, id_)
        if found is not None and found.state == requests.RUNNING:
            requests.finish(session, found, None, "failed", error=error)


def _said(error: FormworkError) -> dict[str, str]:
    errors: Sequence[Any] = error.errors if isinstance(error, InvalidValues) else [error]
    return {one: " ".join(each.text(one) for each in errors) for one in messages.LANGUAGES}
