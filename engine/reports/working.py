"""Working figures out in the background, one statement at a time, as whoever asked would see them now.

Enters: a store in which figures wait. Leaves: their answers, kept. Must not have rights of its own: whoever asked is
asked again, and what they may no longer see is not answered; what a report announces, for who may still open it.
"""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from engine.errors import FormworkError
from engine.people import accounts
from engine.people.actor import Actor
from engine.reports import kept
from engine.reports.announcing import ANNOUNCED, announce_again
from engine.reports.boards import find_tile, run_list
from engine.reports.funnels import run_funnel
from engine.reports.kept import Recording
from engine.reports.periods import Period
from engine.reports.running import run_figure
from engine.storage.bounds import stopped_unless
from engine.storage.faults import Unavailable
from engine.storage.store import Session, Store

_log = logging.getLogger("formwork.figures")


def work(store: Store) -> int:
    """Work out every figure that waits and forget old ones; return how many were worked on."""
    with store.read() as session:
        due = kept.list_due(session)
    for key in due:
        _go_on(store, key)
    if due:
        with store.write() as session:
            kept.forget_old(session)
    return len(due)


def _go_on(store: Store, key: str) -> None:
    with store.write() as session:
        taken = kept.claim(session, key)
    if taken is None:
        return
    asked, user = taken
    recording = Recording()
    at = store.clock.now()
    try:
        with store.read() as session, stopped_unless(session.connection, partial(_is_wanted, store, key)):
            _run(session, asked, accounts.get_actor(session.connection, user, via="system"), recording)
    except Unavailable:
        raise  # nobody's fault: once its lease ended, another look tries again
    except FormworkError as error:
        _log.info("A figure was not worked out: %s", error)
    except Exception:
        _log.exception("A figure failed")
    with store.write() as session:
        kept.answer(session, key, recording.found.get(key), at)
        for other, found in recording.found.items():  # a figure made of others asks for each of them
            if other != key:
                kept.add(session, other, found, at, asked=asked, user=user)


def _is_wanted(store: Store, key: str) -> bool:
    with store.read() as session:
        return kept.is_wanted(session, key)


def _run(session: Session, asked: Mapping[str, Any], actor: Actor, recording: Recording) -> None:
    if asked["what"] == ANNOUNCED:
        announce_again(session, asked, actor=actor, counting=recording)
        return
    if asked["what"] == "list":
        run_list(session, find_tile(session, asked), actor=actor, counting=recording)
        return
    run: Any = run_funnel if asked["what"] == "funnel" else run_figure
    more = (
        {} if asked["what"] == "funnel" else {"compare": asked["compare"], "lenient": True, "so_far": "before" in asked}
    )
    run(
        session, asked["key"], actor=actor, period=Period.of(asked["period"]), filters=asked["filters"], by=asked["by"],
        counting=recording, **more,
    )  # fmt: skip
