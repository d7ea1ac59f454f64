"""Figures that take long: tried for a moment, else worked out in the background, and kept for an hour.

Enters: a statement with its values, and what it was asked for. Leaves: its rows, at once or as they were kept;
``StillCounting`` while nobody has them. Must not give anybody what their own statement would not find: an answer is
kept under the whole text of its statement and every value in it but the present moment, so the release, the period, the
filters, the rights and the scope of the reader are all part of the key.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update

from engine.errors import NotPossibleNow
from engine.people.actor import Actor
from engine.records.sql import insert_into
from engine.storage.bounds import TooMuch, bounded
from engine.storage.count_tables import counts
from engine.storage.prepared import Prepared
from engine.storage.store import Session

FIRST_TRY: Final = 0.5
"""Seconds that the figures of one page may take before they are worked out in the background."""
_AT_LEAST = 0.1
_LONG = timedelta(seconds=FIRST_TRY / 2)
FRESH: Final = timedelta(minutes=5)
"""So long an answer is shown as it is; afterwards it is shown, and worked out again."""
KEPT: Final = timedelta(hours=1)
UNWANTED: Final = timedelta(minutes=2)
"""After so long without anybody waiting for it, a figure that was asked for is not begun."""
_SEEN_EVERY = timedelta(seconds=20)
_AGAIN_AFTER = timedelta(minutes=5)
"""After a failure."""
MOST_WAITING: Final = 60
"""Figures that wait for one person."""
LONGEST: Final = 300.0
"""Seconds that a figure may take in the background."""
LEASE: Final = timedelta(seconds=LONGEST + 30)
MOST_ATTEMPTS: Final = 2
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"

Asked = Mapping[str, Any]
"""What is asked as plain data: ``what`` (figure, funnel, list, announced), ``key``, the period, dimensions, filters."""
Rows = list[tuple[Any, ...]]


class StillCounting(NotPossibleNow):
    """Figures are being worked out: ``done`` of ``total`` are there; since when; what it took before; their keys."""

    def __init__(
        self, since: datetime, took: timedelta | None, done: int = 0, total: int = 1, keys: Sequence[str] = ()
    ) -> None:
        super().__init__("report.counting")
        self.since, self.took, self.done, self.total, self.keys = since, took, done, total, tuple(keys)

    @classmethod
    def of(cls, some: "Sequence[StillCounting]", done: int) -> "StillCounting":
        """Return several as one, beside ``done`` that are there."""
        known = [one.took for one in some if one.took is not None]
        took = sum(known, timedelta()) if len(known) == len(some) else None
        keys = [key for one in some for key in one.keys]
        there, every = (sum(getattr(one, name) for one in some) for name in ("done", "total"))
        return cls(min(one.since for one in some), took, done + there, done + every, keys)


@dataclass
class Counting:
    """How the figures of one page are found: ``seconds`` for all of them; ``as_of`` is that of the oldest kept."""

    seconds: float = FIRST_TRY
    as_of: datetime | None = None

    def rows(self, session: Session, statement: Prepared, given: Mapping[str, Any], asked: Asked, actor: Actor) -> Rows:
        """Return the rows of a statement; raises ``StillCounting``, and ``NotPossibleNow`` for what cannot be had."""
        key, now = key_of(session, statement, given), session.now()
        kept = _find(session, key)
        if kept is None or _is_quick(kept, now):
            try:
                return self._try(session, statement, given, partial(_ask, key=key, asked=asked, user=actor.id))
            except StillCounting as still:
                still.keys = (key,)
                raise
        ask = partial(_ask, key=key, asked=asked, user=actor.id)
        if kept.answer is not None and kept.counted_at is not None and now - kept.counted_at < KEPT:
            if now - kept.counted_at >= FRESH and kept.state == DONE:
                session.aside(ask)
            self.as_of = min(filter(None, (self.as_of, kept.counted_at)))
            return read_rows(kept.answer)
        if kept.state == FAILED and kept.worked_at is not None and now - kept.worked_at < _AGAIN_AFTER:
            raise NotPossibleNow("report.too_slow")
        if kept.state not in (WAITING, RUNNING) or now - kept.seen_at > _SEEN_EVERY:
            session.aside(ask)
        since = kept.asked_at if kept.state in (WAITING, RUNNING) else now
        raise StillCounting(since, kept.took, keys=[key])

    def _try(
        self, session: Session, statement: Prepared, given: Mapping[str, Any], ask: Callable[[Session], object]
    ) -> Rows:
        began = time.monotonic()
        try:
            with bounded(session.connection, statements=1, seconds=max(self.seconds, _AT_LEAST)):
                return statement.fetch_all(session.connection, given)
        except TooMuch:
            session.aside(ask)
            raise StillCounting(session.now(), None) from None
        finally:
            self.seconds -= time.monotonic() - began


@dataclass
class Recording:
    """What the background works out: the rows of each statement by its key, and how long it took."""

    found: dict[str, tuple[Rows, timedelta]] = field(default_factory=dict)
    as_of: datetime | None = None

    def rows(self, session: Session, statement: Prepared, given: Mapping[str, Any], asked: Asked, actor: Actor) -> Rows:
        """Return the rows of a statement, whatever time it takes up to ``LONGEST``."""
        began = time.monotonic()
        with bounded(session.connection, statements=1, seconds=LONGEST):
            found = statement.fetch_all(session.connection, given)
        took = timedelta(seconds=time.monotonic() - began)
        self.found[key_of(session, statement, given)] = found, took
        return found


def key_of(session: Session, statement: Prepared, given: Mapping[str, Any]) -> str:
    """Return what an answer is kept under: the release, the statement, and every value it takes but the moment."""
    values = [(name, repr(given[name])) for name in sorted(statement.names) if name in given and name != "now"]
    said = json.dumps([session.release_id, statement.sql, values], ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True)
class _Kept:
    state: str
    asked_at: datetime
    seen_at: datetime
    worked_at: datetime | None
    answer: Any
    counted_at: datetime | None
    took_ms: int | None

    @property
    def took(self) -> timedelta | None:
        return None if self.took_ms is None else timedelta(milliseconds=self.took_ms)


def _find(session: Session, key: str) -> _Kept | None:
    c = counts.c
    asked = select(c.state, c.asked_at, c.seen_at, c.worked_at, c.answer, c.counted_at, c.took_ms).where(c.key == key)
    row = session.connection.execute(asked).first()
    return None if row is None else _Kept(*row)


def _is_quick(kept: _Kept, now: datetime) -> bool:
    """Tell whether an answer grew old and need not be kept: it did not take long the last time."""
    if kept.state != DONE or kept.took is None or kept.counted_at is None:
        return False
    return now - kept.counted_at >= FRESH and kept.took < _LONG


# ---- asking, and answering


def _ask(session: Session, *, key: str, asked: Asked, user: int) -> None:
    """Have a figure worked out, or say that somebody still waits for it."""
    now, c = session.now(), counts.c
    again = {
        "state": WAITING, "asked": dict(asked), "user_id": user, "asked_at": now, "seen_at": now, "attempts": 0,
        "worked_at": None,
    }  # fmt: skip
    at_it = session.connection.execute(
        update(counts).where(c.key == key, c.state.in_((WAITING, RUNNING))).values(seen_at=now)
    )
    if at_it.rowcount:
        return
    waiting = select(func.count()).where(c.user_id == user, c.state == WAITING)
    if (session.connection.scalar(waiting) or 0) >= MOST_WAITING:
        return
    if not session.connection.execute(update(counts).where(c.key == key).values(again)).rowcount:
        session.connection.execute(_new(session, {"key": key, **again}))
    session.has_events = True  # somebody is to look


def stop(session: Session, keys: Sequence[str], *, actor: Actor) -> int:
    """Call off figures that the actor asked for and nobody has yet; return how many.

    What somebody else asked for before goes on. Whoever is at it stops as soon as it sees that nobody wants it.
    """
    c = counts.c
    mine = (c.key.in_(list(keys)[:MOST_WAITING]), c.user_id == actor.id, c.state.in_((WAITING, RUNNING)))
    kept = update(counts).where(*mine, c.answer.is_not(None)).values(state=DONE)
    begun = delete(counts).where(*mine, c.answer.is_(None))
    return sum(session.connection.execute(one).rowcount for one in (kept, begun))


def is_wanted(session: Session, key: str) -> bool:
    """Tell whether a figure that is being worked out is still wanted."""
    c = counts.c
    return session.connection.execute(select(c.key).where(c.key == key, c.state == RUNNING)).first() is not None


def list_due(session: Session) -> list[str]:
    """Return the keys of what is to be worked out, in the order it was asked for."""
    now = session.now()
    found = select(counts.c.key).where(is_free(now, now - LEASE)).order_by(counts.c.asked_at).limit(MOST_WAITING)
    return list(session.connection.scalars(found))


def claim(session: Session, key: str) -> tuple[Asked, int] | None:
    """Take a figure on; None when it is not to be had, or nobody waits for it any more."""
    now, c = session.now(), counts.c
    unwanted = and_(c.key == key, c.state == WAITING, c.seen_at < now - UNWANTED, c.answer.is_(None))
    session.connection.execute(delete(counts).where(unwanted))
    spent = and_(c.key == key, is_free(now, now - LEASE), c.attempts >= MOST_ATTEMPTS)
    session.connection.execute(update(counts).where(spent).values(state=FAILED, worked_at=now))
    taken = update(counts).where(c.key == key, is_free(now, now - LEASE))
    taken = taken.values(state=RUNNING, worked_at=now, attempts=c.attempts + 1)
    row = session.connection.execute(taken.returning(c.asked, c.user_id)).first()
    return None if row is None else (row[0], row[1])


def answer(session: Session, key: str, found: tuple[Rows, timedelta] | None, at: datetime) -> None:
    """Keep what a figure came to at a moment; None: it could not be worked out."""
    values: dict[str, Any] = {"state": FAILED, "worked_at": session.now()}
    if found is not None:
        rows, took = found
        values = {
            "state": DONE, "answer": write_rows(rows), "counted_at": at, "took_ms": took // timedelta(milliseconds=1),
            "worked_at": session.now(),
        }  # fmt: skip
    session.connection.execute(update(counts).where(counts.c.key == key, counts.c.state != DONE).values(values))


def add(session: Session, key: str, found: tuple[Rows, timedelta], at: datetime, *, asked: Asked, user: int) -> None:
    """Keep what was worked out beside another and took long, where nobody asked for it yet."""
    now, there = session.now(), select(counts.c.key).where(counts.c.key == key)
    if found[1] < _LONG or session.connection.execute(there).first() is not None:
        return
    row = {"key": key, "asked": dict(asked), "user_id": user, "state": WAITING, "asked_at": now, "seen_at": now}
    session.connection.execute(_new(session, {"attempts": 0, **row}))
    answer(session, key, found, at)


def _new(session: Session, row: Mapping[str, Any]) -> Any:
    """Return what keeps a row for a figure, unless somebody asks for the same at this moment."""
    return insert_into(counts, session.connection.dialect).values(row).on_conflict_do_nothing()


def forget_old(session: Session) -> None:
    """Remove answers too old to be shown, and failures."""
    old = session.now() - KEPT
    session.connection.execute(delete(counts).where(counts.c.state.in_((DONE, FAILED)), counts.c.worked_at < old))


def is_free(now: Any, since: Any) -> ColumnElement[bool]:
    """Return the condition that a figure is to be worked out, one that nobody worked on ``since`` then included."""
    c = counts.c
    return or_(c.state == WAITING, and_(c.state == RUNNING, c.worked_at < since))


# ---- rows as plain data


def write_rows(rows: Rows) -> Any:
    """Return rows as plain data."""
    return [[_plain(one) for one in row] for row in rows]


def read_rows(written: Any) -> Rows:
    """Return the rows that plain data describes."""
    return [tuple(_typed(one) for one in row) for row in written]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if isinstance(value, datetime):
        return ["moment", value.isoformat()]
    return ["day", value.isoformat()] if isinstance(value, date) else value


def _typed(written: Any) -> Any:
    return _TYPES[written[0]](written[1]) if isinstance(written, list) else written


_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "decimal": Decimal, "moment": datetime.fromisoformat, "day": date.fromisoformat,
}  # fmt: skip
