"""The page of one record.

Enters: an address. Leaves: the record as its reader may see it, with what can be done with it now.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.records import commands, queries
from engine.records.history import list_history
from engine.records.rights import get_entity
from web.api.requests import read_id
from web.cells import Cells
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.posted import read_version
from web.record_view import HISTORY, view_record, view_trail
from web.shell import ENTITY_URL, add_toast


@reads
def show(entity: str, record_id: str) -> Any:
    """Show a record."""
    id_ = read_id(record_id)
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    found = list_history(g.session, entity, id_, actor=g.actor, limit=HISTORY + 1)
    return render_template("pages/record.html", record=view_record(record, found), shell=page_shell())


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
    commands.delete_record(g.session, entity, read_id(record_id), version=read_version(request.form), actor=g.actor)
    add_toast(locale().t("record.deleted", entity=locale().label(compiled.label)))
    return redirect(ENTITY_URL.format(entity=entity), 303)


ROUTES = (
    ("/e/<entity>/<record_id>", ["GET"], show),
    ("/e/<entity>/<record_id>/history", ["GET"], older),
    ("/e/<entity>/<record_id>/delete", ["POST"], delete),
)
