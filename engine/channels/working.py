"""Sending what is due: by one worker at a time, outside of any transaction, until it arrived or was given up.

Enters: a store. Leaves: messages at their receivers, at least once and under the same id; rows that say what became of
them. Must not hold a row or a transaction while a server makes it wait, nor let one that hangs hold up the others:
each channel is emptied by itself, and one that nobody answers at is left alone for a minute.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import select, update

from engine.channels.addresses import Unreachable
from engine.channels.claiming import LEASE, Turn, charge, claim, is_due, is_usable
from engine.channels.composing import JUDGES
from engine.channels.message import Message
from engine.channels.opened import SIGNED
from engine.channels.pace import spread
from engine.channels.parcels import SENT, Drawn, Letter, Parcel, Post, Verdict
from engine.channels.posting import tell
from engine.errors import NotPossibleNow
from engine.people import directory
from engine.people.actor import ADMIN
from engine.storage.delivery_tables import channels, deliveries
from engine.storage.store import Session, Store

RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120))
"""How long to wait after each failure of a robot or an e-mail server."""
WEBHOOK_RETRY_AFTER = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800)) + tuple(
    timedelta(hours=hours) for hours in (2, 5, 10, 14, 18, 23)
)
"""The same of a webhook: given up after 72 hours."""
PAUSE = 60
"""Seconds that a channel is left alone whose server did not answer."""
WORKERS = 4
BUDGET = 30.0
"""Seconds after which one look ends, so that whoever looks is not gone for long; the next one goes on."""

_log = logging.getLogger("formwork.channels")


def deliver(store: Store) -> int:
    """Send what is due and return how many attempts were made."""
    names = find_ready(store)
    if len(names) < 2:
        return sum(_empty(store, name) for name in names)
    with ThreadPoolExecutor(min(len(names), WORKERS), "formwork-sending") as pool:
        return sum(pool.map(lambda name: _empty(store, name), names))


def find_ready(store: Store) -> list[str]:
    """Return the channels that have something to send, those with the most urgent first."""
    c, d = channels.c, deliveries.c
    with store.read() as session:
        now = session.now()
        next_ = select(d.priority).where(d.channel == c.name, is_due(now)).order_by(d.priority, d.due_at, d.id).limit(1)
        first = next_.correlate(channels).scalar_subquery().label("first")
        rows = session.connection.execute(select(c.name, first).where(is_usable(now))).all()
        return [row.name for row in sorted(rows, key=lambda row: row.first or 0) if row.first is not None]


def retries_of(kind: str) -> tuple[timedelta, ...]:
    """Return how long to wait after each failure of a kind of channel."""
    return WEBHOOK_RETRY_AFTER if kind in SIGNED else RETRY_AFTER


def send_parcel(parcel: Post | Letter, turn: Turn) -> Verdict:
    """Send one parcel and return what came of it; raises ``Unreachable``."""
    assert turn.channel is not None  # noqa: S101 - whoever has parcels has a channel
    from engine.channels import reaching, smtp  # loaded when the first message leaves

    if isinstance(parcel, Letter):
        return smtp.send(parcel, turn.channel)
    answer = reaching.post(parcel.url, parcel.body, parcel.headers, inside=turn.channel.inside)
    return JUDGES[turn.kind](answer)


def _empty(store: Store, name: str) -> int:
    """Send by one channel until nothing is due, or the provider or its server wants a rest."""
    done, until = 0, monotonic() + BUDGET
    try:
        with store.write() as session:
            turn = claim(session, name, key=store.secret_key, base=store.public_url)
        while turn is not None:
            verdict, parts = _send(store, turn)
            done += 1
            with store.write() as session:
                _settle(session, name, turn, verdict, parts)
                rest = monotonic() > until
                turn = None if rest else claim(session, name, key=store.secret_key, base=store.public_url)
    except Exception:  # whatever goes wrong with one channel must not stop the others
        _log.exception("Sending by a channel failed; the next look tries again")
    return done


def _send(store: Store, turn: Turn) -> tuple[Verdict, int]:
    """Send the parts that have not arrived yet; return what came of it and how many have arrived in all."""
    if turn.failed is not None:
        return turn.failed, turn.parts
    parts = turn.parts
    for parcel in turn.parcels[turn.parts :]:
        if parts > turn.parts:
            _note_part(store, turn, parts)
        try:
            whole = _finish(parcel, store.fonts)
            verdict = SENT if whole is None else send_parcel(whole, turn)
        except Unreachable as refused:
            verdict = _failed(refused)
        if verdict.state != "sent":
            return verdict, parts
        parts += 1
    return SENT, parts


def _finish(parcel: Parcel, fonts: Path | None) -> Post | Letter | None:
    """Return a parcel with its picture, without where none can be drawn; None when nothing is left of it."""
    if not isinstance(parcel, Drawn):
        return parcel
    try:
        return parcel.put(parcel.picture.draw(fonts))
    except NotPossibleNow as refused:
        _log.warning("A message leaves without its picture: %s", refused)
        return parcel.plain


def _failed(refused: Unreachable) -> Verdict:
    if refused.lasting:
        return Verdict("refused", refused.code, refused.detail)
    return Verdict("retry", refused.code, refused.detail, rest=PAUSE)


def _note_part(store: Store, turn: Turn, parts: int) -> None:
    with store.write() as session:
        later = {"parts": parts, "claimed_until": session.now() + LEASE}
        session.connection.execute(update(deliveries).where(*_mine(turn)).values(later))


def _settle(session: Session, name: str, turn: Turn, verdict: Verdict, parts: int) -> None:
    """Write what became of an attempt, unless somebody else took it over meanwhile."""
    waits = retries_of(turn.kind)
    now, given_up = session.now(), turn.attempts > len(waits) or turn.is_test
    values: dict[str, Any] = {
        "parts": parts,
        "claim": None,
        "error": verdict.code,
        "answer": verdict.answer[:2000] or None,
    }
    if verdict.state == "sent":
        values |= {"state": "sent", "ended_at": now}
    elif verdict.state == "retry" and not given_up:
        wait = max(waits[turn.attempts - 1], timedelta(seconds=verdict.rest))
        values |= {"state": "waiting", "due_at": spread(turn.kind, now + wait, session.app.timezone, turn.claim)}
    else:
        values |= {"state": "dead", "ended_at": now}
    changed = session.connection.execute(update(deliveries).where(*_mine(turn)).values(values)).rowcount
    charge(session, name, parts - turn.parts - 1)
    if verdict.rest:
        _rest(session, name, timedelta(seconds=verdict.rest))
    if verdict.code == "channel.gone":
        session.connection.execute(update(channels).where(channels.c.name == name).values(disabled_at=now))
    if changed and values["state"] == "dead" and not turn.is_test:
        _tell_admins(session, name, turn.kind)


def _rest(session: Session, name: str, length: timedelta) -> None:
    rest = {"paused_until": session.now() + length}
    session.connection.execute(update(channels).where(channels.c.name == name).values(rest))


def _tell_admins(session: Session, name: str, kind: str) -> None:
    """Tell the administrators that something did not arrive, once a day for each channel."""
    message = Message(
        kind="report", notice="deliveries_failed", params={"channel": name}, path="/admin/deliveries?state=dead"
    )
    for person in directory.holders_of(session.connection, ADMIN):
        tell(session, person.id, message, key=f"deliveries-failed/{name}/{session.now():%Y-%m-%d}")


def _mine(turn: Turn) -> tuple[Any, ...]:
    c = deliveries.c
    return c.id == turn.id, c.claim == turn.claim, c.state == "sending"
