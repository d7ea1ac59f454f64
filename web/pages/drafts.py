"""Keeping what is typed into a form of a record, and throwing it away.

Enters: the whole form as it stands, under the token it made for itself. Leaves: when it was kept. Must not read values:
the form is kept as it was typed, and judged when it is sent.
"""

from typing import Any

from flask import g, jsonify, redirect, request

from engine.records import form_drafts
from web.api.requests import read_id
from web.cells import record_url
from web.draft_view import ASKED
from web.gate import locale, writes
from web.posted import read_version
from web.shell import ENTITY_URL, add_toast

_NOT_KEPT = ("csrf_token", "_action_id", "_resume", "_version", ASKED)


@writes
def keep_new(entity: str) -> Any:
    """Keep what stands in the form of a new record."""
    return _keep(entity, None)


@writes
def keep_changed(entity: str, record_id: str) -> Any:
    """Keep what stands in the form of a record that is being changed."""
    return _keep(entity, read_id(record_id))


@writes
def discard(draft_id: str) -> Any:
    """Throw a draft away and show the form without it."""
    found = form_drafts.discard_draft(g.session, read_id(draft_id), actor=g.actor)
    add_toast(locale().t("draft.discarded"))
    if found is None:
        return redirect("/", 303)
    if found.record_id is None:
        return redirect(f"{ENTITY_URL.format(entity=found.entity)}/new", 303)
    return redirect(f"{record_url(found.entity, found.record_id)}/edit", 303)


ROUTES = (
    ("/e/<entity>/new/draft", ["POST"], keep_new),
    ("/e/<entity>/<record_id>/edit/draft", ["POST"], keep_changed),
    ("/drafts/<draft_id>/discard", ["POST"], discard),
)


def _keep(entity: str, record_id: int | None) -> Any:
    content = [(name, value) for name, value in request.form.items(multi=True) if name not in _NOT_KEPT]
    at = form_drafts.keep_draft(
        g.session, entity, record_id, request.form.get(ASKED, ""), content, version=read_version(request.form),
        actor=g.actor,
    )  # fmt: skip
    return jsonify({"at": f"{locale().local(at):%H:%M}"})
