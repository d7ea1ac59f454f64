"""Pools: looking at one, taking a record from it, giving one back, giving one out, keeping one.

Enters: a pool or a record, and what was posted. Leaves: the pool, the record, or the form with what is wrong. Must not
decide who may: the commands do.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.records import pooled, pools, queries
from engine.records.rights import get_entity
from web.admin_fields import said, text_field
from web.api.requests import read_id
from web.cells import record_url, title_of
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.pool_view import PoolView
from web.shell import add_toast


@reads
def show(entity: str, pool: str) -> Any:
    """Show a pool, or its next rows."""
    compiled = get_entity(g.session.app, entity)
    pooled.require_pool(g.session, compiled, pool, g.actor)
    assert compiled.ownership is not None  # noqa: S101 - it has this pool
    view = PoolView(compiled, compiled.ownership.pools[pool])
    if request.headers.get("HX-Request") and request.args.get("after"):
        return render_template("fragments/rows.html", list=view.rows())
    return render_template("pages/pool.html", pool=view.whole(), shell=page_shell())


@writes
def claim(entity: str, record_id: str) -> Any:
    """Take a record from its pool."""
    id_ = read_id(record_id)
    pools.claim_record(g.session, entity, id_, actor=g.actor)
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    add_toast(locale().t("pool.claimed", what=title_of(get_entity(g.session.app, entity), record)))
    return redirect(record_url(entity, id_), 303)


@reads
def ask_release(entity: str, record_id: str) -> Any:
    """Show the form that gives a record back."""
    return _release_page(entity, read_id(record_id), {})


@writes
def release(entity: str, record_id: str) -> Any:
    """Give a record back to a pool."""
    id_, form = read_id(record_id), request.form
    try:
        pools.release_record(g.session, entity, id_, form.get("pool", ""), form.get("reason", ""), actor=g.actor)
    except InvalidValues as refused:
        return _release_page(entity, id_, said(refused, ("pool", "reason"))), 422
    add_toast(locale().t("pool.released"))
    return redirect(_pool_url(entity, form.get("pool", "")), 303)


@reads
def ask_assign(entity: str, record_id: str) -> Any:
    """Show the form that gives a record to somebody."""
    return _assign_page(entity, read_id(record_id), {})


@writes
def assign(entity: str, record_id: str) -> Any:
    """Give a record in a pool to a member."""
    id_ = read_id(record_id)
    before = pooled.find_pooled(g.session, entity, id_, actor=g.actor)
    try:
        to = request.form.get("to", "")
        if not to.isdecimal() or len(to) > 18:
            raise InvalidValues([FieldError("to", "people.empty")])
        pools.assign_record(g.session, entity, id_, int(to), actor=g.actor)
    except InvalidValues as refused:
        return _assign_page(entity, id_, said(refused, ("to",))), 422
    add_toast(locale().t("pool.assigned"))
    return redirect(_pool_url(entity, before.values["pool"] if before is not None else ""), 303)


@writes
def keep(entity: str, record_id: str) -> Any:
    """Lock a record of one's own, or let go of that."""
    id_, wanted = read_id(record_id), request.form.get("keep") == "yes"
    pools.keep_record(g.session, entity, id_, keep=wanted, actor=g.actor)
    add_toast(locale().t("pool.kept" if wanted else "pool.let_go"))
    return redirect(f"{record_url(entity, id_)}#owning", 303)


ROUTES = (
    ("/e/<entity>/pools/<pool>", ["GET"], show),
    ("/e/<entity>/<record_id>/claim", ["POST"], claim),
    ("/e/<entity>/<record_id>/release", ["GET"], ask_release),
    ("/e/<entity>/<record_id>/release", ["POST"], release),
    ("/e/<entity>/<record_id>/assign", ["GET"], ask_assign),
    ("/e/<entity>/<record_id>/assign", ["POST"], assign),
    ("/e/<entity>/<record_id>/keep", ["POST"], keep),
)


def _pool_url(entity: str, pool: str) -> str:
    """Return where a pool is, for whoever sees it; else the list."""
    compiled = get_entity(g.session.app, entity)
    seen = {one.key for one in pooled.list_pools(g.session.app, compiled, g.actor)}
    return f"/e/{entity}/pools/{pool}" if pool in seen else f"/e/{entity}"


def _release_page(entity: str, id_: int, errors: dict[str, str]) -> str:
    compiled, text = get_entity(g.session.app, entity), locale()
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    if compiled.ownership is None:
        raise NotFound()
    if not record.owns:
        raise NotAllowed("pool.not_yours")
    known = compiled.ownership.pools
    chosen = request.form.get("pool") or next(iter(known))
    options = [{"value": key, "label": text.label(one.label), "selected": key == chosen} for key, one in known.items()]
    fields = [
        text_field("pool", text.t("pool.to"), errors=errors, kind="choice", style="radio", options=options, width=2),
        text_field("reason", text.t("pool.reason"), errors=errors, kind="long_text", required=True, width=2),
    ]
    return _form(record_url(entity, id_), title_of(compiled, record), "release", fields, errors)


def _assign_page(entity: str, id_: int, errors: dict[str, str]) -> str:
    compiled, text = get_entity(g.session.app, entity), locale()
    record = pooled.find_pooled(g.session, entity, id_, actor=g.actor)
    if record is None or compiled.ownership is None:
        raise NotFound()
    pool = compiled.ownership.pools[record.values["pool"]]
    if g.actor.roles.isdisjoint(pool.admins):
        raise NotFound()
    chosen = request.form.get("to", "")
    takers = pools.list_takers(g.session, pool, limit=500)
    options = [{"value": str(id_), "label": name, "selected": str(id_) == chosen} for id_, name in takers]
    field = text_field(
        "to", text.t("pool.to_whom"), errors=errors, kind="choice", options=options, required=True, width=2
    )
    return _form(record_url(entity, record.id), title_of(compiled, record), "assign", [field], errors)


def _form(url: str, title: str, action: str, fields: list[dict[str, Any]], errors: dict[str, str]) -> str:
    page = {
        "title": title,
        "url": url,
        "head": locale().t(f"pool.{action}"),
        "post_url": f"{url}/{action}",
        "fields": fields,
        "error": errors.get(""),
        "danger": action == "release",
    }
    return render_template("pages/pool_form.html", page=page, shell=page_shell())
