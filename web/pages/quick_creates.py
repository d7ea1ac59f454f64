"""Making the record a link is to lead to, without leaving the form (``quick_create:``).

Enters: which link asks, and the few fields its dialog has. Leaves: the new record, chosen: as news to the script that
opened the dialog, or for a browser without scripts as the form that was left, everything in it as it was typed. Must
not judge: the command does, under the rights of whoever asks.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, g, make_response, render_template, request
from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity, Field
from engine.errors import FieldError, InvalidValues, NotFound
from engine.records import commands
from engine.records.queries import find_link, require_read
from engine.records.record import Record
from engine.records.rights import find_rights, get_entity
from web.api.requests import read_id
from web.cells import Cells
from web.duplicate_view import view_duplicates
from web.form_values import labels_of, link_errors, name_fresh, say_errors, type_new
from web.form_view import label_of
from web.gate import locale, now, reads, writes
from web.pages.forms import show_again
from web.pages.frame import page_shell
from web.picked import read_form
from web.posted import Posted
from web.widgets import Inputs

_PREFIX = "f-quick-"
_OUTER = "_outer"
_MOST_KEPT = 5_000


@reads
def ask() -> Any:
    """Show the few fields; the query may fill some in, ``q`` are the words that found nothing."""
    link = _link()
    entity = _target(link)
    rights = find_rights(g.session.app, entity, g.actor).entering
    given = {key: value for key, value in request.args.items() if key in link.quick_create}
    words = request.args.get("q", "").strip()
    named = next((key for key in link.quick_create if entity.fields[key].type.is_text), None)
    if words and named is not None:
        given.setdefault(named, words)
    raw = {key: value for key, value in given.items() if key not in rights.hidden | rights.readonly}
    return _answer(link, entity, raw, None, (), None)


@reads
def start() -> Any:
    """Show the few fields as a page, and keep what was typed in the form it was asked from."""
    link = _link()
    pairs = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"][:_MOST_KEPT]
    source = get_entity(g.session.app, request.args["for"].partition(".")[0])
    id_ = read_id(request.args["record"]) if "record" in request.args else None
    typed = read_form(source, request.form, record=id_).raw
    given = {there: typed.get(here, request.form.get(here, "")) for there, here in link.implied.items()}
    implied = {there: value for there, value in given.items() if isinstance(value, str)}
    entity = _target(link)
    raw = {there: value for there, value in implied.items() if there in link.quick_create and value}
    return _answer(link, entity, raw, None, (), json.dumps(pairs))


@writes
def create() -> Any:
    """Create the record, and choose it."""
    link = _link()
    entity = _target(link)
    outer = request.form.get(_OUTER)
    if outer is not None and "_back" in request.form:
        return _form_again(outer, None)
    posted = read_form(entity, request.form)
    try:
        record = commands.create_record(g.session, entity.key, posted.raw, actor=g.actor)
    except InvalidValues as invalid:
        return _answer(link, entity, posted.raw, posted, invalid.errors, outer)
    if outer is not None:
        return _form_again(outer, record)
    return _news(entity, record)


ROUTES = (
    ("/quick-create", ["GET"], ask),
    ("/quick-create", ["POST"], create),
    ("/quick-create/start", ["POST"], start),
)


def _link() -> Field:
    """Return the link that asks, as ``for`` names it (``quote.items.product``); raises ``NotFound``."""
    source, _, name = request.args.get("for", "").partition(".")
    link = find_link(g.session, (source, name))
    if link is None or not link.quick_create:
        raise NotFound()
    return link


def _target(link: Field) -> Entity:
    """Return what is made; raises ``NotAllowed`` when the reader may not make it, or not see what they made."""
    entity: Entity = g.session.app.entities[link.to]
    require_read(g.session, entity, g.actor)
    commands.require_create(g.session, entity, g.actor)
    return entity


def _answer(
    link: Field,
    entity: Entity,
    raw: Mapping[str, Any],
    posted: Posted | None,
    errors: Sequence[FieldError],
    outer: str | None,
) -> Response:
    text = locale()
    found = type_new(entity, raw)
    values = {key: found.values.get(key) for key in link.quick_create}
    inputs = Inputs(
        Cells(text, now()), entity, find_rights(g.session.app, entity, g.actor).entering,
        labels=labels_of(entity, values), errors=say_errors(errors),
        links=link_errors(errors), typed=posted.typed if posted else None,
        values=found.values, prefix=_PREFIX,
    )  # fmt: skip
    shown = [key for key in link.quick_create if key not in inputs.rights.hidden]
    stray = [error for error in errors if error.path not in shown]
    view = {
        "title": text.t("form.create_one", entity=text.label(entity.label)),
        "action_url": f"/quick-create?{request.query_string.decode()}",
        "fields": [inputs.field(entity.fields[key]) for key in shown],
        "errors": [{"label": label_of(entity, one.path), "text": one.text(text.language)} for one in stray],
        "duplicates": view_duplicates(found, posted, errors) if entity.duplicates else None,
        "outer": outer,
        "prefix": _PREFIX,
    }
    fragment = bool(request.headers.get("HX-Request"))
    shell = None if fragment else page_shell()
    page = render_template("pages/quick_create.html", quick=view, shell=shell, fragment=fragment)
    return make_response(page, 422 if errors else 200)


def _news(entity: Entity, record: Record) -> Response:
    """Tell the script which record to choose."""
    name = name_fresh(entity, record)
    told = {
        "formwork-created": {"value": str(record.id), "text": name},
        "formwork-toast": {"text": locale().t("form.created", name=name), "kind": "ok"},
    }
    return Response("", 204, headers={"HX-Trigger": json.dumps(told)})


def _form_again(outer: str, record: Record | None) -> Any:
    """Show the form that was left, with the new record chosen."""
    form = MultiDict(_pairs(outer))
    name = request.args.get("field", "")
    if record is not None and name:
        form.setlist(name, [str(record.id)])
        form.poplist(f"{name}._text")
    entity = request.args.get("for", "").partition(".")[0]
    return show_again(entity, request.args.get("record"), form)


def _pairs(outer: str) -> list[tuple[str, str]]:
    """Return the names and values of the form that was left; what is no such list is none."""
    try:
        kept = json.loads(outer)
    except ValueError:
        return []
    pairs = kept if isinstance(kept, list) else []
    return [(one[0], one[1]) for one in pairs if _is_pair(one)]


def _is_pair(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one)
