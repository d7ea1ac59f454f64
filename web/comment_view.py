"""What is said about a record, as ``parts/comments.html`` shows it.

Enters: a record its reader may see. Leaves: the newest remarks, a box for the next, whether the reader follows.
Must not show a remark that was taken back.
"""

import secrets
from typing import Any

from flask import g

from engine.records.comments import LONGEST, PAGE, Comment, list_comments, list_followers
from web.cells import Cells, record_url


def view_talk(cells: Cells, entity: str, id_: int, *, typed: str = "", refused: str | None = None) -> dict[str, Any]:
    """Return the remarks of a record; ``typed`` is what stands in the box, ``refused`` why it was not taken."""
    follows = g.actor.id in list_followers(g.session, entity, id_)
    return view_older(cells, entity, id_, None) | {
        "url": f"{record_url(entity, id_)}/comments",
        "follow_url": f"{record_url(entity, id_)}/follow",
        "follows": follows,
        "typed": typed,
        "error": refused,
        "longest": LONGEST,
        "action_id": secrets.token_urlsafe(12),
    }


def view_older(cells: Cells, entity: str, id_: int, before: int | None) -> dict[str, Any]:
    """Return remarks older than ``before``, newest first, and where still older ones are."""
    found = list_comments(g.session, entity, id_, actor=g.actor, before=before, limit=PAGE + 1)
    url = f"{record_url(entity, id_)}/comments"
    shown = found[:PAGE]
    more = f"{url}?before={shown[-1].id}" if len(found) > PAGE else None
    return {"entries": [_view(cells, one, url) for one in shown], "more_url": more}


def _view(cells: Cells, one: Comment, url: str) -> dict[str, Any]:
    own = one.author_id == g.actor.id and not one.removed
    return {
        "who": cells.person(one.author),
        "text": one.text,
        "when": cells.when(one.at),
        "removed": one.removed,
        "remove_url": f"{url}/{one.id}/remove" if own else None,
    }
