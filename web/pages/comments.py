"""What people say about a record: leaving a remark, taking one back, following.

Enters: a record and a text. Leaves: the record's page again, or the same with what was typed and why it was refused.
Must not show anybody to mention who may not see the record.
"""

from typing import Any

from flask import g, jsonify, redirect, render_template, request

from engine.errors import InvalidValues
from engine.records import comments, queries
from engine.records.history import list_history
from engine.records.mentions import find_mentioned, suggest_people
from web.api.requests import read_id
from web.cells import Cells, record_url
from web.comment_view import view_older
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.record_view import HISTORY, view_record
from web.shell import add_toast


@writes
def add(entity: str, record_id: str) -> Any:
    """Leave a remark; whoever is mentioned or follows is told."""
    id_, form = read_id(record_id), request.form
    text = form.get("text", "")
    picked = [int(one) for one in form.getlist("people") if one.isdecimal() and len(one) < 19]
    if "_resume" in form:
        return _page(entity, id_, text, None)
    try:
        named = find_mentioned(g.session, text, picked)
        action = form.get("_action_id") or None
        comments.add_comment(g.session, entity, id_, text, mentioned=named, action_id=action, actor=g.actor)
    except InvalidValues as refused:
        return _page(entity, id_, text, refused.errors[0].text(locale().language)), 422
    add_toast(locale().t("decision.commented"))
    return redirect(f"{record_url(entity, id_)}#comments", 303)


@writes
def remove(entity: str, record_id: str, comment_id: str) -> Any:
    """Take one's own remark back."""
    id_ = read_id(record_id)
    comments.remove_comment(g.session, entity, id_, read_id(comment_id), actor=g.actor)
    return redirect(f"{record_url(entity, id_)}#comments", 303)


@writes
def follow(entity: str, record_id: str) -> Any:
    """Hear what is said about a record, or no more of it."""
    id_ = read_id(record_id)
    wanted = request.form.get("follow") == "1"
    (comments.follow if wanted else comments.unfollow)(g.session, entity, id_, actor=g.actor)
    add_toast(locale().t("comment.followed" if wanted else "comment.unfollowed"))
    return redirect(f"{record_url(entity, id_)}#comments", 303)


@reads
def people(entity: str, record_id: str) -> Any:
    """Answer whom a remark may mention: only people who may see the record."""
    id_ = read_id(record_id)
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    near = [record.values.get("owner"), *comments.list_followers(g.session, entity, id_)]
    letters = request.args.get("q", "")[:60]
    known = [one for one in near if one is not None]
    found = suggest_people(g.session, entity, id_, letters, near=known, actor=g.actor)
    return jsonify({"items": [{"value": str(one.id), "text": one.name, "hint": one.login} for one in found]})


@reads
def older(entity: str, record_id: str) -> Any:
    """Answer older remarks."""
    before = request.args.get("before", "")
    view = view_older(Cells(locale(), now()), entity, read_id(record_id), read_id(before) if before else None)
    return render_template("fragments/comments.html", talk=view)


def _page(entity: str, id_: int, text: str, error: str | None) -> Any:
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    found = list_history(g.session, entity, id_, actor=g.actor, limit=HISTORY + 1)
    view = view_record(record, found, typed=text, refused=error)
    return render_template("pages/record.html", record=view, shell=page_shell())


_ONE = "/e/<entity>/<record_id>/comments"
ROUTES = (
    (_ONE, ["POST"], add),
    (_ONE, ["GET"], older),
    (f"{_ONE}/people", ["GET"], people),
    (f"{_ONE}/<comment_id>/remove", ["POST"], remove),
    ("/e/<entity>/<record_id>/follow", ["POST"], follow),
)
