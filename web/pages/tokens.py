"""Making a token: for oneself, or as an administrator for a service or somebody else.

Enters: a form about what the token is called, until when, and what it reaches. Leaves: the token, shown this once. Must
not keep it anywhere: what is stored is a hash.
"""

from dataclasses import replace
from typing import Any

from flask import g, render_template, request

from engine.errors import InvalidValues, NotAllowed
from engine.people import accounts, roster, tokens
from engine.people.actor import Actor, require_admin
from engine.records.rights import require_scope
from web.admin_fields import read_day, said
from web.api.requests import read_id
from web.gate import locale, private, reads, writes
from web.pages.frame import page_shell
from web.token_form import FIELDS, TokenForm

OWN = "/settings/tokens/new"


@private
@reads
def new() -> Any:
    """Show the form for a token of one's own."""
    return _page(g.actor, OWN, "/settings/account", {})


@writes
def create() -> Any:
    """Make a token of one's own and show it."""
    return _make(g.actor, OWN, "/settings/account")


@reads
def new_for(user_id: str) -> Any:
    """Show the form for a token that acts as a service or somebody else."""
    return _page(_owner(user_id), f"/admin/people/{user_id}/tokens/new", f"/admin/people/{user_id}", {})


@writes
def create_for(user_id: str) -> Any:
    """Make a token that acts as a service or somebody else, and show it."""
    return _make(_owner(user_id), f"/admin/people/{user_id}/tokens/new", f"/admin/people/{user_id}")


ROUTES = (
    (OWN, ["GET"], new),
    (OWN, ["POST"], create),
    ("/admin/people/<user_id>/tokens/new", ["GET"], new_for),
    ("/admin/people/<user_id>/tokens/new", ["POST"], create_for),
)


def _owner(user_id: str) -> Actor:
    require_admin(g.actor)
    entry = roster.get_entry(g.session.connection, read_id(user_id))
    return accounts.get_actor(g.session.connection, entry.id)


def _make(owner: Actor, url: str, back_url: str) -> Any:
    try:
        scope, until = TokenForm(owner).read(), read_day("until", end=True)
        require_scope(g.session.app, replace(owner, scope=scope))
        made = tokens.create_token(
            g.session, user_id=owner.id, label=request.form.get("label", ""), expires_at=until, scope=scope,
            actor=g.actor,
        )  # fmt: skip
    except InvalidValues as refused:
        return _page(owner, url, back_url, said(refused, FIELDS)), 422
    except NotAllowed as refused:
        return _page(owner, url, back_url, said(refused)), 422
    return _page(owner, url, back_url, {}, made)


def _page(owner: Actor, url: str, back_url: str, errors: dict[str, str], made: str | None = None) -> str:
    form, text = TokenForm(owner), locale()
    page = {
        "title": text.t("token.new_of", name=owner.name),
        "url": url,
        "back_url": back_url,
        "error": errors.get(""),
        "fields": form.fields(errors),
        "entities": form.entities(),
        "made": made,
    }
    return render_template("pages/token.html", page=page, shell=page_shell())
