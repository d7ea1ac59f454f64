"""What stands still, for administrators: a list with what sets each thing going again.

Enters: nothing, or the address of one thing and what to do with it. Leaves: pages. Must not mend more than was asked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from flask import g, redirect, render_template, request

from engine.changing import stranded
from engine.changing.migrating import Verdict, plan_migration
from engine.changing.restaging import plan_restaging, restage
from engine.changing.stranded import Stranded, find_stranded
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.records.called import name_records
from engine.workflow.approval import commands
from web.admin_fields import person_field, read_person, said, text_field
from web.api.requests import read_id
from web.cells import record_url
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/admin/stranded"
_MOST = 200
_FIELDS = ("to", "reason", "stage")


@reads
def show() -> Any:
    """Show everything that stands still, and what waits in a step that the present release does not have so."""
    _require_admin()
    return _page()


@writes
def fix(kind: str, thing_id: str) -> Any:
    """Set one thing going again, as its form says."""
    _require_admin()
    address = f"{kind}/{read_id(thing_id)}"
    try:
        _fix(kind, read_id(thing_id))
    except (InvalidValues, NotPossibleNow) as refused:
        return _page(address, said(refused, _FIELDS)), 422
    except NotFound:
        add_toast(locale().t("stranded.gone"), "info")
        return redirect(URL, 303)
    add_toast(locale().t("stranded.done"))
    return redirect(URL, 303)


@writes
def terminate(approval_id: str) -> Any:
    """End an approval from its row."""
    _require_admin()
    id_ = read_id(approval_id)
    try:
        commands.terminate(g.session, id_, reason=request.form.get("reason"), actor=g.actor)
    except (InvalidValues, NotPossibleNow) as refused:
        return _page(f"approval/{id_}", said(refused, _FIELDS)), 422
    add_toast(locale().t("approval.did_terminate"))
    return redirect(URL, 303)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/<any(task, approval, timer, record):kind>/<thing_id>", ["POST"], fix),
    (f"{URL}/approval/<approval_id>/end", ["POST"], terminate),
)


def _require_admin() -> None:
    if not g.actor.is_admin:
        raise NotAllowed("people.not_admin")


def _fix(kind: str, id_: int) -> None:
    reason = request.form.get("reason", "").strip()
    if kind != "record":
        if kind == "task" and not reason:
            reason = locale().t("stranded.title")
        stranded.fix(g.session, kind, id_, to=read_person("to"), reason=reason if kind == "task" else "", actor=g.actor)
        return
    found = _find("record", id_, request.form.get("entity", ""))
    stage = request.form.get("stage", "")
    if not stage:
        raise InvalidValues([FieldError("stage", "people.empty")])
    [planned] = plan_restaging(g.session, {}, {(found.entity, found.record_id): stage})
    restage(g.session, planned, reason=reason, actor=g.actor)


def _find(kind: str, id_: int, entity: str) -> Stranded:
    for one in find_stranded(g.session):
        if (one.kind, one.id) == (kind, id_) and one.entity == entity:
            return one
    raise NotFound("stranded.not_found", address=f"{kind}/{id_}")


# ---- the list


def _page(address: str = "", errors: dict[str, str] | None = None) -> str:
    found = list(find_stranded(g.session))
    waiting = [] if g.session.release_id is None else list(_waiting())
    names = names_of(
        [*((one.entity, one.record_id) for one in found), *((one.entity, one.record_id) for one in waiting)]
    )
    text = locale()
    rows = [_row(one, names, errors if one.address == address and errors else {}) for one in found[:_MOST]]
    page = {
        "title": text.t("stranded.title"),
        "rows": rows,
        "more": text.t("stranded.more", n=len(found) - _MOST) if len(found) > _MOST else None,
        "waiting": [_waiting_row(one, names) for one in waiting[:_MOST]],
        "waiting_count": len(waiting),
        "together": _together(waiting),
        "empty": {
            "icon": "circle-check", "title": text.t("stranded.empty"), "text": text.t("stranded.empty_text"),
            "action": {"label": text.t("hand_over.title"), "url": "/handover", "icon": None, "method": "get"},
        },
        "error": (errors or {}).get(""),
    }  # fmt: skip
    return render_template("pages/stranded.html", page=page, shell=page_shell())


def _row(one: Stranded, names: dict[tuple[str, int], str], errors: dict[str, str]) -> dict[str, Any]:
    text, base = locale(), f"{URL}/{one.kind}/{one.id}"
    prefix = f"{one.kind}-{one.entity}-{one.id}"
    known = (one.entity, one.record_id) in names
    row: dict[str, Any] = {
        "key": prefix,
        "kind": text.t(f"stranded.kind_{one.kind}"),
        "title": names.get((one.entity, one.record_id)) or text.t(f"stranded.kind_{one.kind}"),
        "url": record_url(one.entity, one.record_id) if known else None,
        "text": text.say(f"stranded.{one.kind}", **one.params),
        "action_url": base,
        "entity": one.entity,
        "error": errors.get(""),
        "fields": [],
        "label": text.t(f"stranded.fix_{one.kind}"),
        "links": [],
        "end_url": None,
    }
    reason = text_field("reason", text.t("stranded.reason"), errors=errors, id=f"{prefix}-reason")
    if one.kind == "task":
        to = person_field(
            "to", text.t("stranded.to"), errors=errors, id=f"{prefix}-to", help=text.t("stranded.to_help")
        )
        row["fields"] = [to, reason]
    elif one.kind == "approval":
        row["end_url"], row["end_field"] = f"{base}/end", reason | {"required": True}
        row["links"] = [{"label": text.t("stranded.move"), "url": f"{base}/move"}]
    elif one.kind == "record":
        row["fields"] = [_stages(one, errors, prefix), reason | {"required": True}]
    return row


def _stages(one: Stranded, errors: dict[str, str], prefix: str) -> dict[str, Any]:
    entity = g.session.app.entities[one.entity]
    stages = entity.workflow.stages if entity.workflow is not None else {}
    options = [{"value": "", "label": "", "selected": True}]
    options += [
        {"value": key, "label": locale().label(stage.label), "selected": False} for key, stage in stages.items()
    ]
    more = {"kind": "choice", "style": "select", "options": options, "required": True}
    return text_field("stage", locale().t("stranded.stage"), errors=errors, id=f"{prefix}-stage", **more)


def _waiting() -> Iterator[Verdict]:
    """Yield what runs under an earlier release and waits in a step that asks for something else by now."""
    yield from plan_migration(g.session, classes=["mapping"]).verdicts


def _waiting_row(one: Verdict, names: dict[tuple[str, int], str]) -> dict[str, Any]:
    return {
        "title": names.get((one.entity, one.record_id)) or "–",
        "text": locale().t("stranded.waits", approval=locale().label(one.label), release=one.release or "–"),
        "url": f"{URL}/approval/{one.id}/move",
    }


def _together(waiting: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return, for each definition of which several wait, the link to moving them together."""
    counted, labels = Counter(one.approval for one in waiting), {one.approval: one.label for one in waiting}
    return [
        {
            "label": locale().t("stranded.move_together", approval=locale().label(labels[key]), n=count),
            "url": f"{URL}/moves/{key}",
        }
        for key, count in counted.items()
        if count > 1
    ]


def names_of(addresses: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return what the records at these addresses are called, whoever may see them: for administrators."""
    found: dict[tuple[str, int], str] = {}
    for key in dict.fromkeys(entity for entity, _ in addresses):
        entity = g.session.app.entities.get(key)
        ids = [id_ for one, id_ in addresses if one == key]
        if entity is not None:
            found |= {(key, id_): name for id_, name in name_records(g.session, entity, ids).items()}
    return found
