"""The page of one record.

Enters: an address. Leaves: the record as its reader may see it, with what can be done with it now.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.errors import NotAllowed, NotFound
from engine.records import commands, locked, noting, pooled, queries
from engine.records.history import list_history
from engine.records.merges import find_merged_away
from engine.records.rights import get_entity
from web.api.requests import read_id
from web.cells import Cells, record_url
from web.gate import locale, now, reads, writes
from web.locked_view import view_locked
from web.merge_view import say_away
from web.pages.frame import page_shell
from web.pool_view import view_pooled
from web.posted import read_version
from web.readers import mark_of, note_read
from web.record_view import HISTORY, view_record, view_trail
from web.shell import ENTITY_URL, add_toast


@reads
def show(entity: str, record_id: str) -> Any:
    """Show a record; one in a pool as far as that shows it to whoever does not see it anyway, a locked one by name."""
    id_ = read_id(record_id)
    try:
        record = queries.get_record(g.session, entity, id_, actor=g.actor)
    except (NotFound, NotAllowed):
        in_pool = pooled.find_pooled(g.session, entity, id_, actor=g.actor)
        if in_pool is not None:
            view = view_pooled(get_entity(g.session.app, entity), in_pool)
            return render_template("pages/pooled.html", pooled=view, shell=page_shell())
        closed = locked.find_locked(g.session, entity, id_, actor=g.actor)
        if closed is not None:
            view = view_locked(get_entity(g.session.app, entity), closed)
            return render_template("pages/locked.html", locked=view, shell=page_shell())
        away = find_merged_away(g.session, entity, id_, actor=g.actor)
        if away is None:
            raise
        add_toast(say_away(away[0]), "info")
        return redirect(record_url(entity, away[1]), 302)
    note_read(entity, [id_], noting.PAGE)
    found = list_history(g.session, entity, id_, actor=g.actor, limit=HISTORY + 1)
    view = view_record(record, found)
    return render_template("pages/record.html", record=view, mark=mark_of(entity), shell=page_shell())


@reads
def older(entity: str, record_id: str) -> Any:
    """Answer older entries of the history."""
    id_, before = read_id(record_id), request.args.get("before", "")
    found = list_history(
        g.session, entity, id_, actor=g.actor, before=read_id(before) if before else None, limit=HISTORY + 1
    )
    compiled = get_entity(g.session.app, entity)
    return render_template("fragments/history.html", **view_trail(Cells(locale(), now()), compiled, id_, found))


@writes
def delete(entity: str, record_id: str) -> Any:
    """Put a record into the recycle bin."""
    compiled = get_entity(g.session.app, entity)
    id_ = read_id(record_id)
    commands.delete_record(g.session, entity, id_, version=read_version(request.form), actor=g.actor)
    said = locale().t("record.deleted", entity=locale().label(compiled.label))
    add_toast(said, undo=f"{record_url(entity, id_)}/restore", undo_label=locale().t("js.undo"))
    return redirect(ENTITY_URL.format(entity=entity), 303)


ROUTES = (
    ("/e/<entity>/<record_id>", ["GET"], show),
    ("/e/<entity>/<record_id>/history", ["GET"], older),
    ("/e/<entity>/<record_id>/delete", ["POST"], delete),
)
