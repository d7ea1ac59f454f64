"""Everything that was told to whoever asks, page by page.

Enters: the actor. Leaves: their own notices, the newest first. Must not show anybody else's.
"""

from typing import Any

from flask import g, render_template, request

from engine.automation import notices
from web.cells import Cells
from web.gate import locale, now, reads
from web.notice_view import view_notice
from web.pages.frame import page_shell

URL = "/notices"
_PAGE = 50


@reads
def show() -> Any:
    """Show a page of notices."""
    cells, text = Cells(locale(), now()), locale()
    found = notices.list_notices(g.session, actor=g.actor, limit=_PAGE + 1, before=_before())
    page = {
        "title": text.t("notices.title"),
        "entries": [view_notice(cells, one) for one in found[:_PAGE]],
        "more_url": f"{URL}?before={found[_PAGE - 1].id}" if len(found) > _PAGE else None,
        "settings_url": "/settings/messages",
        "empty": {"icon": "bell", "title": text.t("notices.none"), "text": text.t("notices.none_text"), "action": None},
    }
    return render_template("pages/notices.html", page=page, shell=page_shell())


ROUTES = ((URL, ["GET"], show),)


def _before() -> int | None:
    said = request.args.get("before", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None
