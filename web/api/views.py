"""Views of lists, boards and calendars over HTTP: list, make, change, delete.

Enters: an entity's key, JSON bodies. Leaves: JSON. Must not hold a rule: each view calls one command or query.
"""

from typing import Any

from flask import g

from engine.errors import FieldError, InvalidValues
from engine.records import queries, views
from engine.records.rights import get_entity
from engine.records.views import SavedView, from_plain, to_plain
from web.api.answers import answer
from web.api.requests import read_id, read_object
from web.gate import reads, writes

_CONTENT = ("filters", "where", "sort", "columns", "text", "group", "page", "by", "span")
_KNOWN = (*_CONTENT, "name", "audience", "default")


@reads
def list_views(entity: str) -> Any:
    """Answer the views of a list that the caller may use."""
    return answer({"items": [_said(entity, view) for view in views.list_views(g.session, entity, actor=g.actor)]})


@writes
def create_view(entity: str) -> Any:
    """Keep a view."""
    sent = _read()
    view = views.create_view(
        g.session, entity, sent.get("name") or "", from_plain(sent), audience=sent.get("audience"), actor=g.actor
    )
    return _answer_for(entity, view, sent, 201)


@writes
def update_view(entity: str, view_id: str) -> Any:
    """Change what was sent of a view."""
    view, sent = views.get_view(g.session, entity, read_id(view_id), actor=g.actor), _read()
    if sent.keys() - {"default"}:
        content = from_plain(to_plain(view.content) | {key: sent[key] for key in _CONTENT if key in sent})
        audience = sent.get("audience", view.audience)
        name = sent.get("name") or view.name
        view = views.update_view(
            g.session, entity, view.id, name=name, content=content, audience=audience, actor=g.actor
        )
    return _answer_for(entity, view, sent, 200)


@writes
def delete_view(entity: str, view_id: str) -> Any:
    """Forget a view."""
    views.delete_view(g.session, entity, read_id(view_id), actor=g.actor)
    return "", 204


ROUTES = (
    ("/<entity>/views", ["GET"], list_views),
    ("/<entity>/views", ["POST"], create_view),
    ("/<entity>/views/<view_id>", ["PATCH"], update_view),
    ("/<entity>/views/<view_id>", ["DELETE"], delete_view),
)


def _read() -> dict[str, Any]:
    sent = read_object()
    errors = [
        FieldError(name[:60], "people.unknown_member", {"name": name[:60], "known": ", ".join(_KNOWN)})
        for name in sent
        if name not in _KNOWN
    ]
    texts = [name for name in ("name", "audience") if not isinstance(sent.get(name, ""), str | None)]
    errors += [FieldError(name, "people.wrong_member", {"kind": "string"}) for name in texts]
    if not isinstance(sent.get("default", False), bool):
        errors.append(FieldError("default", "people.wrong_member", {"kind": "boolean"}))
    if errors:
        raise InvalidValues(errors)
    return sent


def _answer_for(entity: str, view: SavedView, sent: dict[str, Any], status: int) -> Any:
    if "default" in sent and sent["default"] != view.is_default:
        views.set_default_view(g.session, entity, view.id if sent["default"] else None, actor=g.actor)
        view = views.get_view(g.session, entity, view.id, actor=g.actor)
    return answer(_said(entity, view), status)


def _said(entity: str, view: SavedView) -> dict[str, Any]:
    """Return a view without what the caller may not see; ``left_out`` says how much that is."""
    compiled = get_entity(g.session.app, entity)
    rights = queries.require_read(g.session, compiled, g.actor)
    content, left_out = views.fitted(compiled, rights, view.content)
    about = {"id": view.id, "name": view.name, "audience": view.audience, "owner": view.owner_id}
    return about | to_plain(content) | {"default": view.is_default, "can_edit": view.can_edit, "left_out": left_out}
