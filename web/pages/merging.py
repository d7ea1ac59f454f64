"""Merging two records of one thing, looking at a merge, and undoing it.

Enters: the record that is kept, the other, what is taken from which. Leaves: the record, or the page with what is
wrong. Must not decide what may be merged or undone: the commands do.
"""

from collections.abc import Mapping
from typing import Any

from flask import g, redirect, render_template, request

from engine.compiler.app import Entity
from engine.errors import InvalidValues, NotFound, NotPossibleNow
from engine.records import queries
from engine.records.aliases import last_of
from engine.records.commands import Stale
from engine.records.merges import get_merge, require_merge
from engine.records.merging import find_choices, merge_records
from engine.records.record import Record
from engine.records.unmerging import undo_merge
from web.api.requests import read_id
from web.cells import record_url
from web.gate import locale, reads, writes
from web.merge_view import view_choosing, view_merge, view_merged
from web.pages.frame import page_shell
from web.posted import read_version
from web.shell import add_toast

_TAKE = "take."


@reads
def show(entity: str, record_id: str) -> Any:
    """Show both records side by side, or ask for the other one."""
    compiled, id_ = require_merge(g.session, entity, g.actor), read_id(record_id)
    kept = queries.get_record(g.session, entity, id_, actor=g.actor)
    picked = request.args.get("with", "")
    if not picked:
        return _choose(compiled, kept)
    if not (picked.isascii() and picked.isdecimal() and len(picked) < 19) or int(picked) == id_:
        return _choose(compiled, kept, locale().t("merge.with_missing")), 422
    try:
        other = queries.get_record(g.session, entity, int(picked), actor=g.actor)
    except NotFound:
        return _choose(compiled, kept, locale().t("merge.with_missing")), 422
    return _page(compiled, kept, other)


@writes
def merge(entity: str, record_id: str) -> Any:
    """Merge the other record into this one."""
    compiled, id_ = require_merge(g.session, entity, g.actor), read_id(record_id)
    form, other = request.form, read_id(request.form.get("with", ""))
    take = {name.removeprefix(_TAKE): side for name, side in form.items() if name.startswith(_TAKE)}
    seen = (read_version(form), read_version(form, "_other_version"))
    try:
        with g.session.attempt():  # refused, the page shows both as they are
            _, made = merge_records(g.session, entity, id_, other, take, versions=seen, actor=g.actor)
    except (InvalidValues, NotPossibleNow) as refused:
        if isinstance(refused, Stale):
            add_toast(refused.text(locale().language), "error")
            return redirect(f"{record_url(entity, id_)}/merge?with={other}", 303)
        pair = [queries.get_record(g.session, entity, one, actor=g.actor) for one in (id_, other)]
        status = 422 if isinstance(refused, InvalidValues) else 409
        return _page(compiled, *pair, taken=take, errors=_said(refused)), status
    add_toast(locale().t("merge.done"), undo=f"/merges/{made}/undo", undo_label=locale().t("merge.undo"))
    return redirect(record_url(entity, id_), 303)


@reads
def merged(merge_id: str) -> Any:
    """Show a merge: what went into what, and undoing it."""
    return _merged(read_id(merge_id))


@writes
def undo(merge_id: str) -> Any:
    """Undo a merge, and show what stays as it is."""
    done = undo_merge(g.session, read_id(merge_id), actor=g.actor)
    add_toast(locale().t("merge.was_undone"))
    return redirect(f"/merges/{done.id}", 303)


ROUTES = (
    ("/e/<entity>/<record_id>/merge", ["GET"], show),
    ("/e/<entity>/<record_id>/merge", ["POST"], merge),
    ("/merges/<merge_id>", ["GET"], merged),
    ("/merges/<merge_id>/undo", ["POST"], undo),
)


def _choose(entity: Entity, record: Record, error: str | None = None) -> str:
    page = view_choosing(entity, record, error)
    return render_template("pages/merge_choose.html", page=page, shell=page_shell())


def _page(
    entity: Entity,
    kept: Record,
    other: Record,
    *,
    taken: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> str:
    choices = find_choices(g.session, entity, kept, other, actor=g.actor)
    page = view_merge(entity, kept, other, choices, taken=taken or {}, errors=errors or {})
    return render_template("pages/merge.html", page=page, shell=page_shell())


def _merged(id_: int) -> str:
    found = get_merge(g.session, id_, actor=g.actor)
    kept = queries.get_record(g.session, found.entity, last_of(g.session, found.entity, found.kept_id), actor=g.actor)
    page = view_merged(g.session.app.entities[found.entity], found, kept)
    return render_template("pages/merged.html", page=page, shell=page_shell())


def _said(refused: InvalidValues | NotPossibleNow) -> dict[str, str]:
    language = locale().language
    if isinstance(refused, NotPossibleNow):
        return {"": refused.text(language)}
    return {error.path.partition(".")[0]: error.text(language) for error in reversed(refused.errors)}
