"""What every page of a signed-in person has around it.

Enters: the request's session and actor. Leaves: the shell with the numbers of approvals that wait and of news,
and with the tour that runs here or begins here.
"""

from typing import Any

from flask import g

from engine.automation import notices
from engine.records import disputes
from engine.workflow import inbox
from web.shell import make_shell
from web.tour_view import view_tours


def page_shell(*, q: str = "", waiting: int | None = None) -> dict[str, Any]:
    """Return the shell of a page; ``waiting`` is how many approvals wait, where the page has counted them."""
    counted = count_waiting() if waiting is None else waiting
    unread = notices.count_news(g.session, actor=g.actor)
    return make_shell(waiting=counted, unread=unread, q=q, tours=view_tours())


def count_waiting() -> int:
    """Return how much waits for the reader's decision: approvals, and requests about records that were met."""
    return inbox.count_tasks(g.session, actor=g.actor) + disputes.count_asked(g.session, actor=g.actor)
