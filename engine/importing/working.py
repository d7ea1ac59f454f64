"""Going through the rows of an import: rehearse them, write them, take them back; a few rows at a time.

Enters: an import somebody set going. Leaves: records, each with the state of its row in the same transaction: whoever
is killed midway, and by whomever the work is gone on with, each row is done once. Must not have rules of its own, nor
hold anybody up for long.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, update

from engine import messages
from engine.errors import FormworkError, InvalidValues, NotPossibleNow
from engine.importing import batches
from engine.importing.batches import Import, ImportRow, list_active, list_rows, lock_import, require_import
from engine.importing.columns import choose_columns
from engine.importing.judging import Intent, Judge, Problem
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.bulk import insert_records
from engine.records.commands import take_back, update_record
from engine.records.history import former_lines, former_values
from engine.records.writing import insert_record
from engine.storage.faults import Unavailable
from engine.storage.import_tables import import_rows
from engine.storage.priorities import LATER
from engine.storage.store import Session, Store

CHUNK = 250
"""Rows rehearsed, written or taken back in one transaction."""

Progress = Callable[[int, int], None]
_log = logging.getLogger("formwork.importing")


def work(store: Store) -> int:
    """Go on with everything that was set going; return how many imports were worked on."""
    with store.read() as session:
        active = list_active(session)
    for id_ in active:
        go_on(store, id_)
    return len(active)


def go_on(
    store: Store, id: int, *, seconds: float | None = None, progress: Progress = lambda done, total: None
) -> None:
    """Go on with one import until it is through, or for so many seconds; ``progress(done, total)`` after each chunk."""
    until = None if seconds is None else time.monotonic() + seconds
    with store.read() as session:
        done, total = count_done(session, id)
    while (rows := _step(store, id)) is not None:
        if rows:
            done += rows
            progress(done, total)
        if until is not None and time.monotonic() > until:
            return


def count_done(session: Session, id: int) -> tuple[int, int]:
    """Return how many rows the work under way has gone through, and of how many."""
    found, counts = batches.find_import(session, id), batches.count_rows(session, id)
    if found is None:
        return 0, 0
    back = counts.get("undone", 0) + counts.get("kept", 0)
    if found.state == "undoing":
        return back, back + counts.get("created", 0) + counts.get("updated", 0)
    waiting = counts.get("new", 0) + (counts.get("ready", 0) if found.state == "running" else 0)
    return found.total - waiting, found.total


def _step(store: Store, id_: int) -> int | None:
    """Do a few rows and return how many, None when there is nothing to do here."""
    try:
        with store.write() as session:
            found = lock_import(session, id_)
            if found is None or not found.is_active:
                return None
            actor = accounts.get_actor(session.connection, found.user, via="import")
            require_import(session, found.entity, actor)
            found = _with_columns(session, found, actor)
            session.priority = LATER
            rows = _DO[found.state](session, found, actor)
            if rows < CHUNK:
                _finish(session, found, actor)
            return rows
    except Unavailable:
        raise  # nobody's fault: the next look tries again
    except FormworkError as error:
        _interrupt(store, id_, _said(error))
    except Exception:
        _log.exception("Import %s failed", id_)
        _interrupt(store, id_, {language: messages.text("import.failed", language) for language in messages.LANGUAGES})
    return None


def _with_columns(session: Session, found: Import, actor: Actor) -> Import:
    """Return the import with columns that are still fields; raises ``NotPossibleNow`` when one is no more."""
    entity, rights = require_import(session, found.entity, actor)
    chosen = {column.at: (column.key, column.reading) for column in found.columns}
    try:
        columns = choose_columns(entity, rights, found.columns, chosen)
    except InvalidValues as invalid:
        raise NotPossibleNow("import.outdated", name=invalid.errors[0].params.get("name", "")) from None
    return replace(found, columns=tuple(columns))


def _finish(session: Session, found: Import, actor: Actor) -> None:
    if found.state == "checking":
        batches.checked(session, found)
    else:
        batches.finish(session, found, actor=actor)


def _interrupt(store: Store, id_: int, error: dict[str, str]) -> None:
    with store.write() as session:
        found = lock_import(session, id_)
        if found is not None and found.is_active:
            batches.interrupt(session, found, error, None)


# ---- rehearsing and writing


@dataclass(frozen=True)
class Outcome:
    """What became of a row."""

    row: int
    state: str
    record_id: int | None = None
    version: int | None = None
    problems: tuple[Problem, ...] = ()


def _check(session: Session, found: Import, actor: Actor) -> int:
    """Do everything to the rows that writing them does, and take it back."""
    rows = list_rows(session, found.id, ("new",), limit=CHUNK)
    with session.attempt() as attempt:
        work = _Chunk(session, found, rows, actor)
        work.bring_in()
        attempt.undo()
    work.keep([one if one.problems else work.ready(one) for one in work.outcomes.values()])
    return len(rows)


def _run(session: Session, found: Import, actor: Actor) -> int:
    rows = list_rows(session, found.id, ("new", "ready"), limit=CHUNK)
    work = _Chunk(session, found, rows, actor)
    work.bring_in()
    work.keep(list(work.outcomes.values()))
    return len(rows)


class _Chunk:
    """A few rows on their way."""

    def __init__(self, session: Session, found: Import, rows: Sequence[ImportRow], actor: Actor) -> None:
        self.session, self.found, self.rows, self.actor = session, found, rows, actor
        self.judge = Judge(session, found, rows, actor=actor)
        self.outcomes: dict[int, Outcome] = {}
        self.seen: dict[int, tuple[int, int]] = {}

    def bring_in(self) -> None:
        """Judge and write the rows; each comes to an outcome."""
        fresh: list[Intent] = []
        for row in self.rows:
            intent = self.judge.judge(row)
            if intent.problems:
                self.outcomes[row.row] = Outcome(row.row, "wrong", problems=intent.problems)
            elif intent.id is not None:
                self.outcomes[row.row] = self._update(intent, intent.id)
            elif self.judge.entity.duplicates:  # the next row may be the same as this one
                self._create_alone(intent)
            else:
                fresh.append(intent)
        self._create(fresh)

    def ready(self, rehearsed: Outcome) -> Outcome:
        """Return what is kept of a row that went well and was taken back: what it is about to change, as seen."""
        return Outcome(rehearsed.row, "ready", *self.seen.get(rehearsed.row, (None, None)))

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of the rows."""
        self.judge.once.keep({one.row for one in outcomes if not one.problems})
        _keep(self.session, self.found, outcomes)

    def _update(self, intent: Intent, id_: int) -> Outcome:
        self.seen[intent.row] = (id_, intent.version)
        entity = self.judge.entity.key
        with self.session.attempt() as attempt:
            try:
                record = update_record(self.session, entity, id_, intent.raw, version=intent.version, actor=self.actor)
            except FormworkError as refused:
                attempt.undo()
                return Outcome(intent.row, "wrong", problems=self.judge.say(_errors(refused), intent.row))
        return Outcome(intent.row, "same" if record.version == intent.version else "updated", id_, record.version)

    def _create(self, fresh: Sequence[Intent]) -> None:
        """Write new records all at once; where two meet in the database, one after another."""
        with self.session.attempt() as attempt:
            try:
                self._insert(fresh)
                return
            except InvalidValues:
                attempt.undo()
        for intent in fresh:
            self._create_alone(intent)

    def _create_alone(self, intent: Intent) -> None:
        with self.session.attempt() as attempt:
            try:
                self._insert([intent])
            except InvalidValues as invalid:
                attempt.undo()
                self.outcomes[intent.row] = Outcome(
                    intent.row, "wrong", problems=self.judge.say(invalid.errors, intent.row)
                )

    def _insert(self, fresh: Sequence[Intent]) -> None:
        judge, reminds = self.judge, self.found.reminds
        values = [dict(intent.values or {}) for intent in fresh]
        lines = any(one.get(lines.key) for one in values for lines in judge.entity.line_fields)
        if lines or judge.entity.writes_others:
            ids = [self._insert_alone(one) for one in values]
        else:
            ids = insert_records(
                self.session, judge.entity, values, actor=self.actor, env=judge.env, action="import", reminds=reminds
            )
        for intent, id_ in zip(fresh, ids, strict=True):
            self.outcomes[intent.row] = Outcome(intent.row, "created", id_, 1)

    def _insert_alone(self, values: dict[str, Any]) -> int:
        made = insert_record(
            self.session, self.judge.entity, values, actor=self.actor, env=self.judge.env, action="import",
            reminds=self.found.reminds,
        )  # fmt: skip
        return made.id


def _errors(refused: FormworkError) -> Sequence[Any]:
    return refused.errors if isinstance(refused, InvalidValues) else [refused]


def _said(error: FormworkError) -> dict[str, str]:
    return {
        language: messages.joined((one.text(language) for one in _errors(error)), language)
        for language in messages.LANGUAGES
    }


def _keep(session: Session, found: Import, outcomes: Sequence[Outcome]) -> None:
    c = import_rows.c

    def build() -> Any:
        names = ("state", "problems", "record_id", "version")
        own = (c.import_id == bindparam("of_import"), c.row == bindparam("of_row"))
        return (
            update(import_rows)
            .where(*own)
            .values({name: bindparam(f"new_{name}", type_=c[name].type) for name in names})
        )

    rows = [
        {
            "of_import": found.id, "of_row": one.row, "new_state": one.state,
            "new_problems": list(one.problems) or None,
            "new_record_id": one.record_id, "new_version": one.version,
        }
        for one in outcomes
    ]  # fmt: skip
    session.prepared("keep import outcome", build).execute_many(session.connection, rows)


# ---- taking back


def _undo(session: Session, found: Import, actor: Actor) -> int:
    """Take back the last rows first: an earlier one may be what a later one links to."""
    rows = list_rows(session, found.id, ("created", "updated"), limit=CHUNK, latest_first=True)
    _keep(session, found, [_undo_row(session, found, row, actor) for row in rows])
    return len(rows)


def _undo_row(session: Session, found: Import, row: ImportRow, actor: Actor) -> Outcome:
    assert row.record_id is not None and row.version is not None  # noqa: S101 - it was written
    with session.attempt() as attempt:
        try:
            if row.state == "created":
                take_back(session, found.entity, row.record_id, version=row.version, actor=actor)
            else:
                entity = session.app.entities[found.entity]
                raw = former_values(session, entity, row.record_id, row.version)
                raw |= former_lines(session, entity, row.record_id, row.version)
                update_record(session, found.entity, row.record_id, raw, version=row.version, actor=actor)
        except FormworkError as refused:
            attempt.undo()
            problems = [{"at": None, "path": "", **_said_of(one)} for one in _errors(refused)]
            return Outcome(row.row, "kept", row.record_id, row.version, tuple(problems))
    return Outcome(row.row, "undone", row.record_id, row.version)


def _said_of(error: Any) -> dict[str, str]:
    return {language: error.text(language) for language in messages.LANGUAGES}


_DO: dict[str, Callable[[Session, Import, Actor], int]] = {"checking": _check, "running": _run, "undoing": _undo}
