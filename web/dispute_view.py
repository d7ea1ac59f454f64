"""What was met of others' records and what is asked for because of it, as pages show it.

Enters: hits and requests as their reader may know them. Leaves: the ``page`` of ``pages/met.html``,
``pages/dispute.html`` and ``pages/duplicate_log.html``, and entries for the queue. Must not show of a record more than
``show_others`` tells.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from engine.compiler.app import Entity
from engine.records.disputes import APPEAL, ASKED, COLLABORATE, Dispute, MetRecord
from engine.records.duplicate_log import Logged
from engine.records.duplicates import Other
from engine.records.match_keys import said
from web.admin_fields import text_field
from web.cells import Cells, record_url
from web.gate import locale, now

TONES = {"asked": "amber", "granted": "green", "refused": "red", "withdrawn": "grey"}
OUTCOMES = {"seen": "grey", "refused": "red", "confirmed": "amber"}


def dispute_url(id_: int) -> str:
    """Return the address of a request."""
    return f"/disputes/{id_}"


def log_url(entity: str) -> str:
    """Return where everything is listed that the duplicate rules of an entity found."""
    return f"/e/{entity}/duplicates"


def view_met(
    met: Sequence[MetRecord], own: Sequence[Dispute], *, posted: Mapping[str, str], errors: Mapping[str, str],
    refused: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return what somebody met and asked for; ``refused`` is the hit whose form was sent and comes back."""
    text, cells = locale(), Cells(locale(), now())
    return {
        "title": text.t("dispute.met_title"),
        "met": [_met(cells, one, posted if one.hit.id == refused else {}, errors if one.hit.id == refused else {})
                for one in met],
        "own": [_row(cells, one) for one in own],
        "empty": {"icon": "circle-check", "title": text.t("dispute.none_met"), "text": text.t("dispute.none_met_text"),
                  "action": None},
    }  # fmt: skip


def view_dispute(found: Dispute, *, decides: bool, errors: Mapping[str, str]) -> dict[str, Any]:
    """Return one request, for whoever asked or is to answer."""
    text, cells, entity = locale(), Cells(locale(), now()), _entity(found.entity)
    mine = found.user_id == g.actor.id
    return {
        "title": text.t(f"dispute.{found.kind}_title"),
        "state": {"label": text.t(f"dispute.state_{found.state}"), "tone": TONES[found.state]},
        "who": cells.person(found.user),
        "when": cells.when(found.asked_at),
        "due": cells.due(found.due_at) if found.due_at and found.state == ASKED else None,
        "late": found.is_late(now()),
        "about": _about(entity, found.other),
        "owner": cells.person(found.other.owner) if found.other else None,
        "reason": found.reason,
        "answer": found.answer,
        "decided": text.t("dispute.decided_by", who=found.decided_by) if found.decided_by else None,
        "decided_when": cells.when(found.decided_at) if found.decided_at else None,
        "url": dispute_url(found.id),
        "decides": decides,
        "can_withdraw": mine and found.state == ASKED,
        "gives": text.t(f"dispute.gives_{_gives(entity, found.kind)}", name=found.user),
        "until": text_field("until", text.t("share.until"), errors=dict(errors), id="dispute-until", kind="date",
                            help=text.t("share.until_help")) if _gives(entity, found.kind) != "ownership" else None,
        "back": {"label": text.t("shell.approvals"), "url": "/approvals"} if not mine else
        {"label": text.t("dispute.met_title"), "url": "/duplicates"},
        "errors": errors,
    }  # fmt: skip


def view_log(entity: Entity, found: Sequence[Logged], more: int | None) -> dict[str, Any]:
    """Return everything that was met, the last first."""
    text, cells = locale(), Cells(locale(), now())
    return {
        "title": text.t("dispute.log_title", entity=text.label(entity.label)),
        "list": {"label": text.label(entity.label), "url": f"/e/{entity.key}"},
        "rows": [_logged(cells, entity, one) for one in found],
        "more_url": f"{log_url(entity.key)}?before={more}" if more else None,
        "empty": {"icon": "circle-check", "title": text.t("dispute.log_empty"), "text": None, "action": None},
    }


def view_waiting(found: Sequence[Dispute]) -> list[dict[str, Any]]:
    """Return requests as entries of the queue (``parts/tasks.html``)."""
    text, cells = locale(), Cells(locale(), now())
    return [
        {
            "url": dispute_url(one.id), "title": text.t(f"dispute.{one.kind}_title"),
            "record_title": _about(_entity(one.entity), one.other)["label"], "about": None,
            "starter": cells.person(one.user), "when": cells.when(one.asked_at), "late": one.is_late(cells.now),
            "due": cells.due(one.due_at) if one.due_at else None, "figures": [], "outcome": None, "holder": None,
            "unread": False, "tick": None, "ticked": False, "urge": None,
        }
        for one in found
    ]  # fmt: skip


def _met(cells: Cells, one: MetRecord, posted: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    text, entity = cells.locale, _entity(one.hit.entity)
    rule = next((rule for rule in entity.duplicates if rule.key == one.hit.rule), None)
    kinds = [{"value": kind, "label": text.t(f"dispute.{kind}"), "help": text.t(f"dispute.{kind}_help"),
              "chosen": posted.get("kind", one.kinds[0]) == kind} for kind in one.kinds]  # fmt: skip
    return {
        "id": one.hit.id,
        "entity": text.label(entity.label),
        "rule": _words(said(entity, rule)["message"]) if rule else one.hit.rule,
        "typed": one.hit.typed,
        "owner": cells.person(one.other.owner),
        "day": text.date(one.other.day),
        "when": cells.when(one.hit.last_at),
        "kinds": kinds,
        "open": text.t(f"dispute.{one.open}_open") if one.open else None,
        "url": f"/duplicate-hits/{one.hit.id}/ask",
        "reason": posted.get("reason", ""),
        "error": errors.get("reason"),
        "problem": errors.get(""),
    }


def _row(cells: Cells, one: Dispute) -> dict[str, Any]:
    text = cells.locale
    return {
        "url": dispute_url(one.id),
        "label": text.t(f"dispute.{one.kind}_title"),
        "about": _about(_entity(one.entity), one.other)["label"],
        "state": {"label": text.t(f"dispute.state_{one.state}"), "tone": TONES[one.state]},
        "when": cells.when(one.asked_at),
    }


def _logged(cells: Cells, entity: Entity, one: Logged) -> dict[str, Any]:
    text = cells.locale
    rule = next((rule for rule in entity.duplicates if rule.key == one.hit.rule), None)
    return {
        "who": cells.person(one.hit.user),
        "when": cells.when(one.hit.last_at),
        "times": one.hit.times if one.hit.times > 1 else None,
        "typed": one.hit.typed,
        "rule": _words(said(entity, rule)["message"]) if rule else one.hit.rule,
        "about": _about(entity, one.other),
        "owner": one.other.owner if one.other else None,
        "outcome": {"label": text.t(f"dispute.hit_{one.hit.outcome}"), "tone": OUTCOMES[one.hit.outcome]},
        "why": one.hit.why,
        "made": {"label": one.made.name, "url": record_url(entity.key, one.made.id)}
        if one.made is not None and one.made.id is not None
        else None,
        "asked": [
            {"label": f"{text.t(f'dispute.{kind}')} · {text.t(f'dispute.state_{state}')}", "tone": TONES[state]}
            for kind, state in one.asked
        ],
    }


def _about(entity: Entity, other: Other | None) -> dict[str, Any]:
    """Return what the reader may call the record, with its address where they may see it."""
    text = locale()
    if other is None:
        return {"label": text.t("dispute.gone"), "url": None}
    if other.id is None:
        label = text.t("dispute.hidden", entity=text.label(entity.label), owner=other.owner)
        return {"label": label, "url": None}
    return {"label": other.name, "url": record_url(entity.key, other.id)}


def _gives(entity: Entity, kind: str) -> str:
    if kind == COLLABORATE:
        return (entity.disputes.collaborate if entity.disputes else None) or "read"
    appeal = entity.disputes.appeal if entity.disputes else None
    return "ownership" if kind == APPEAL and appeal is not None and appeal.grants == "ownership" else "write"


def _entity(key: str) -> Entity:
    found: Entity = g.session.app.entities[key]
    return found


def _words(message: Any) -> str:
    return str(message.text(locale().language))
