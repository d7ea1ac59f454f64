"""Sharing a record from its page.

Enters: a record, whom it is shared with, how and until when. Leaves: the record's page, or the form with what is
wrong. Must not decide who may share: the command does.
"""

from typing import Any

from flask import g, jsonify, redirect, render_template, request

from engine.errors import FieldError, InvalidValues
from engine.records import queries, sharing
from engine.records.rights import get_entity
from web.admin_fields import read_day, said
from web.api.requests import read_id
from web.cells import record_url, title_of
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.share_view import share_form
from web.shell import add_toast

_FIELDS = ("to", "access", "until")
_MOST = 20


@writes
def share(entity: str, record_id: str) -> Any:
    """Share a record with somebody."""
    id_ = read_id(record_id)
    try:
        picked = request.form.get("to", "").strip() or request.form.get("to._text", "").strip()
        to = sharing.find_recipient(g.session, picked)
        if to is None:
            raise InvalidValues([FieldError("to", "share.nobody" if picked else "people.empty")])
        access: sharing.Access = "write" if request.form.get("access") == "write" else "read"
        ends_at = read_day("until", end=True)
        sharing.share_record(g.session, entity, id_, to, access, ends_at=ends_at, actor=g.actor)
    except InvalidValues as refused:
        return _page(entity, id_, said(refused, _FIELDS)), 422
    add_toast(locale().t("share.did"))
    return redirect(f"{record_url(entity, id_)}#shares", 303)


@writes
def end(entity: str, record_id: str, share_id: str) -> Any:
    """End a share now."""
    id_ = read_id(record_id)
    sharing.end_share(g.session, entity, id_, read_id(share_id), actor=g.actor)
    add_toast(locale().t("share.ended"))
    return redirect(f"{record_url(entity, id_)}#shares", 303)


@reads
def recipients() -> Any:
    """Answer whom a record may be shared with: people, departments and groups."""
    words = request.args.get("q", "")[:60]
    found = sharing.say_recipients(g.session, words, locale().language, limit=_MOST + 1)
    items = [{"value": f"{one.kind}:{one.key}", "text": name, "hint": hint} for one, name, hint in found]
    return jsonify({"items": items[:_MOST], "more": len(items) > _MOST})


ROUTES = (
    ("/e/<entity>/<record_id>/shares", ["POST"], share),
    ("/e/<entity>/<record_id>/shares/<share_id>/end", ["POST"], end),
    ("/pick-recipient", ["GET"], recipients),
)


def _page(entity: str, id_: int, errors: dict[str, str]) -> str:
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    url = record_url(entity, id_)
    page = {
        "title": title_of(get_entity(g.session.app, entity), record),
        "url": url,
        "form": share_form(f"{url}/shares", errors),
    }
    return render_template("pages/share.html", page=page, shell=page_shell())
