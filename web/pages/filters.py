"""The conditions of a list, put together in a form of their own.

Enters: the query of the list, or the form as it stands. Leaves: the form, with a row more or less, or the way back to
the list, or to the board or calendar that ``page`` says. Must not change anything: whatever it leads to stands in the
address.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import g, render_template, request

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues
from engine.records import queries
from engine.records.condition_text import read_conditions, write_conditions
from engine.records.filters import FilterGroup
from engine.records.queries import ListQuery
from engine.records.rights import get_entity
from web.filter_form import FilterForm, FilterFormView, form_of, pickers_in, read_form
from web.filter_words import name_filtered
from web.gate import locale, reads
from web.pages.forms import go_to
from web.pages.frame import page_shell
from web.picked import settle
from web.posted import Unread
from web.shell import ENTITY_URL
from web.view_address import place_of

_LONGEST_LIST = 4_000
_GONE = ("where", "after", "cols")


@reads
def show(entity: str) -> Any:
    """Show the form, change its rows, or go to the list with its conditions."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    action = request.args.get("do", "")
    if "list" not in request.args:
        return _draw(compiled, form_of(_stored()), request.query_string.decode("ascii", "ignore"))
    settled, unread = settle(pickers_in(compiled, request.args), request.args)
    form, listed = read_form(settled), request.args["list"][:_LONGEST_LIST]
    if action == "apply" and unread:
        return _draw(compiled, form, listed, unread=unread)
    if action == "apply":
        errors = _errors(compiled, form.group())
        return _draw(compiled, form, listed, errors=errors) if errors else go_to(_address(compiled, form, listed))
    form, fresh = _changed(form, action)
    return _draw(compiled, form, listed, fresh=fresh, unread={} if action.startswith("drop") else unread)


ROUTES = (("/e/<entity>/filter", ["GET"], show),)


def _stored() -> FilterGroup | None:
    """Return the group of the list; one that is not well written is begun anew."""
    try:
        return read_conditions(request.args.get("where", ""))
    except InvalidValues:
        return None


def _changed(form: FilterForm, action: str) -> tuple[FilterForm, int | None]:
    """Return the form after a button, and which row is new."""
    name, _, number = action.partition(".")
    at = int(number) if number.isascii() and number.isdecimal() and len(number) < 3 else 0
    if name == "add":
        form = form.with_row(min(at, len(form.joins) - 1))
        return form, len(form.rows) - 1
    if name == "group":
        form = form.with_group()
        return form, len(form.rows) - 1
    return (form.without_row(at), None) if name == "drop" else (form, None)


def _errors(entity: Entity, group: FilterGroup | None) -> list[FieldError]:
    """Return what the list would refuse."""
    query = ListQuery(filters=() if group is None else (group,), limit=1)
    try:
        queries.check_list(g.session, entity.key, query, actor=g.actor)
        if group is not None:
            read_conditions(write_conditions(group))
    except InvalidValues as invalid:
        return list(invalid.errors)
    return []


def _address(entity: Entity, form: FilterForm, listed: str) -> str:
    given = [(name, value) for name, value in parse_qsl(listed) if name not in _GONE]
    group = form.group()
    given += [] if group is None else [("where", write_conditions(group))]
    return place_of(entity.key, urlencode(given))


def _draw(
    entity: Entity,
    form: FilterForm,
    listed: str,
    *,
    fresh: int | None = None,
    errors: Sequence[FieldError] = (),
    unread: Mapping[str, Unread] = MappingProxyType({}),
) -> Any:
    allowed = queries.readable_keys(entity, queries.require_read(g.session, entity, g.actor))
    known = tuple(row.condition() for row in form.rows if row.field in allowed)
    view = FilterFormView(entity, allowed, name_filtered(entity, known)).view(form, errors, fresh=fresh, unread=unread)
    url = ENTITY_URL.format(entity=entity.key)
    made = view | {
        "title": locale().t("filter.title", entity=locale().label(entity.label)),
        "url": f"{url}/filter",
        "list": listed,
        "list_url": place_of(entity.key, listed),
    }
    fragment = bool(request.headers.get("HX-Request"))
    return render_template("pages/filter.html", form=made, fragment=fragment, shell=None if fragment else page_shell())
