"""The recycle bin of an entity: what was deleted, and bringing it back.

Enters: an entity, a record's id. Leaves: the page of what the reader may bring back, or the record that is there again.
Must not judge: the command does.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.errors import InvalidValues
from engine.records import commands, recycling
from engine.records.rights import get_entity
from web.api.requests import read_id
from web.cells import Cells, record_url
from web.gate import locale, now, reads, writes
from web.pages.frame import page_shell
from web.shell import ENTITY_URL, add_toast


@reads
def show(entity: str) -> Any:
    """Show what was deleted, the last first."""
    before = request.args.get("before", "")
    return _page(entity, before=read_id(before) if before else None)


@writes
def restore(entity: str, record_id: str) -> Any:
    """Bring a record back."""
    id_ = read_id(record_id)
    try:
        commands.restore_record(g.session, entity, id_, actor=g.actor)
    except InvalidValues as refused:
        return _page(entity, refused={id_: refused.errors[0].text(locale().language)}), 422
    add_toast(locale().t("bin.restored"))
    return redirect(record_url(entity, id_), 303)


def _page(entity: str, *, before: int | None = None, refused: dict[int, str] | None = None) -> Any:
    text, compiled = locale(), get_entity(g.session.app, entity)
    cells, label = Cells(text, now()), text.label(compiled.label)
    found = recycling.list_deleted(g.session, entity, actor=g.actor, before=before, limit=recycling.PAGE + 1)
    url = f"{ENTITY_URL.format(entity=entity)}/deleted"
    shown = found[: recycling.PAGE]
    view = {
        "title": text.t("bin.title", entity=label),
        "list_label": label,
        "list_url": ENTITY_URL.format(entity=entity),
        "entries": [
            {
                "title": one.title,
                "number": one.number if one.number and one.number not in one.title else None,
                "when": cells.when(one.at),
                "who": one.by,
                "error": (refused or {}).get(one.id),
                "restore_url": f"{record_url(entity, one.id)}/restore",
            }
            for one in shown
        ],
        "more_url": f"{url}?before={shown[-1].id}" if len(found) > len(shown) else None,
        "empty": {"icon": "trash", "title": text.t("bin.empty"), "text": text.t("bin.empty_text"), "action": None},
    }
    return render_template("pages/deleted.html", page=view, shell=page_shell())


ROUTES = (
    ("/e/<entity>/deleted", ["GET"], show),
    ("/e/<entity>/<record_id>/restore", ["POST"], restore),
)
