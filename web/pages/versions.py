"""An earlier version of a record beside how it is now, and bringing some of it back.

Enters: a record's id and the number of a version. Leaves: the differences in words, or the record with the chosen
fields as they were. Must not judge what may be brought back: the command does.
"""

from collections.abc import Mapping
from typing import Any

from flask import g, redirect, render_template, request

from engine.compiler.app import Entity
from engine.errors import InvalidValues
from engine.records import noting, versions
from engine.records.commands import Stale
from engine.records.history import name_links
from engine.records.record import USER, Labels
from engine.records.rights import get_entity
from engine.records.versions import Version
from web.api.requests import read_id
from web.cells import Cells, record_url, title_of
from web.gate import locale, now, reads, writes
from web.history_view import say_value
from web.pages.frame import page_shell
from web.posted import read_version as seen_version
from web.readers import note_read
from web.shell import add_toast


@reads
def show(entity: str, record_id: str, number: str) -> Any:
    """Show what differs between a version and now."""
    return _page(entity, read_id(record_id), read_id(number))


@writes
def restore(entity: str, record_id: str, number: str) -> Any:
    """Bring the ticked fields back."""
    id_, of, ticked = read_id(record_id), read_id(number), request.form.getlist("fields")
    seen = seen_version(request.form)
    try:
        versions.restore_version(g.session, entity, id_, of, ticked, version=seen, actor=g.actor)
    except InvalidValues as refused:
        said = {error.path.partition(".")[0]: error.text(locale().language) for error in reversed(refused.errors)}
        return _page(entity, id_, of, said=said, ticked=ticked), 422
    except Stale as stale:
        add_toast(stale.text(locale().language), "error")
        return redirect(_url(entity, id_, of), 303)
    add_toast(locale().t("version.restored", count=len(set(ticked))))
    return redirect(record_url(entity, id_), 303)


def _url(entity: str, id_: int, number: int) -> str:
    return f"{record_url(entity, id_)}/versions/{number}"


def _page(
    entity: str, id_: int, number: int, *, said: Mapping[str, str] | None = None, ticked: list[str] | None = None
) -> Any:
    text, compiled = locale(), get_entity(g.session.app, entity)
    found = versions.read_version(g.session, entity, id_, number, actor=g.actor)
    note_read(entity, [id_], noting.PAGE)
    cells, said = Cells(text, now()), said or {}
    labels = name_links(g.session, compiled, found.since)
    rows = [_row(cells, compiled, found, key, labels) for key in found.differs]
    shown = {row["key"] for row in rows}
    view = {
        "title": text.t("version.title", number=number),
        "record_title": title_of(compiled, found.now),
        "record_url": record_url(entity, id_),
        "when": cells.when(found.at),
        "who": found.entry.actor if found.entry.actor_id is not None else None,
        "rows": [row | {"error": said.get(row["key"]), "ticked": row["key"] in (ticked or ())} for row in rows],
        "error": next((sentence for key, sentence in said.items() if key not in shown), None),
        "can_restore": any(row["restorable"] for row in rows),
        "url": _url(entity, id_, number),
        "version": found.now.version,
        "older_url": _url(entity, id_, number - 1) if number > 1 else None,
        "newer_url": _url(entity, id_, number + 1) if number + 1 < found.now.version else None,
        "empty": {"icon": "circle-check", "title": text.t("version.same"), "text": None, "action": None},
    }
    return render_template("pages/version.html", page=view, shell=page_shell())


def _row(cells: Cells, entity: Entity, found: Version, key: str, labels: Labels) -> dict[str, Any]:
    then, now_ = found.values.get(key), found.now.values.get(key)
    field = entity.fields.get(key)
    if field is not None:
        pair = [say_value(cells, field, value, labels) if value is not None else "" for value in (then, now_)]
        label = cells.locale.label(field.label)
    elif key == "stage":
        badges = [cells.stage(entity, value) for value in (then, now_)]
        pair, label = [badge["label"] if badge else "" for badge in badges], cells.locale.t("field.stage")
    else:
        pair, label = (
            [labels.get((USER, value), "") if value else "" for value in (then, now_)],
            cells.locale.t("field.owner"),
        )
    return {"key": key, "label": label, "then": pair[0], "now": pair[1], "restorable": key in found.restorable}


_ONE = "/e/<entity>/<record_id>/versions/<number>"
ROUTES = ((_ONE, ["GET"], show), (f"{_ONE}/restore", ["POST"], restore))
