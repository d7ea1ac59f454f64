"""Records of others that were met, and what is asked for because of it, over HTTP.

Enters: a hit of the caller's own and a reason, or an answer. Leaves: JSON. Must not decide who may ask or answer, nor
tell more of a record than the engine does: the commands and queries do.
"""

from typing import Any

from flask import g, request

from engine.records import disputes, duplicate_log
from engine.records.disputes import Dispute, MetRecord
from engine.records.duplicate_log import Logged
from engine.records.duplicates import Other
from web.api.answers import answer, iso
from web.api.requests import read_fields, read_id, read_moment
from web.gate import reads, writes


@reads
def list_met() -> Any:
    """Answer what the caller met of others lately, and what may be asked for because of it."""
    return answer({"items": [_met(one) for one in disputes.list_met(g.session, actor=g.actor)]})


@writes
def ask_dispute(hit_id: str) -> Any:
    """Ask to collaborate on a record that was met (``collaborate``), or appeal for it (``appeal``)."""
    sent = read_fields("kind", "reason")
    made = disputes.ask(g.session, read_id(hit_id), sent["kind"] or "", sent["reason"] or "", actor=g.actor)
    return answer(_said(disputes.get_dispute(g.session, made, actor=g.actor)), 201)


@reads
def list_disputes() -> Any:
    """Answer the caller's own requests, and those that wait for their answer."""
    own, asked = disputes.list_own(g.session, actor=g.actor), disputes.list_asked(g.session, actor=g.actor)
    return answer({"items": [_said(one) for one in own], "to_decide": [_said(one) for one in asked]})


@reads
def show_dispute(dispute_id: str) -> Any:
    """Answer one request, to whoever asked or is to answer."""
    return answer(_said(disputes.get_dispute(g.session, read_id(dispute_id), actor=g.actor)))


@writes
def grant_dispute(dispute_id: str) -> Any:
    """Say yes."""
    id_, sent = read_id(dispute_id), read_fields("until", "answer")
    ends_at = None if sent["until"] is None else read_moment("until", sent["until"])
    disputes.grant(g.session, id_, ends_at=ends_at, answer=sent["answer"] or "", actor=g.actor)
    return answer(_said(disputes.get_dispute(g.session, id_, actor=g.actor)))


@writes
def refuse_dispute(dispute_id: str) -> Any:
    """Say no, and why."""
    id_ = read_id(dispute_id)
    disputes.refuse(g.session, id_, reason=read_fields("reason")["reason"] or "", actor=g.actor)
    return answer(_said(disputes.get_dispute(g.session, id_, actor=g.actor)))


@writes
def withdraw_dispute(dispute_id: str) -> Any:
    """Take the caller's own request back."""
    id_ = read_id(dispute_id)
    disputes.withdraw(g.session, id_, actor=g.actor)
    return answer(_said(disputes.get_dispute(g.session, id_, actor=g.actor)))


@reads
def list_duplicates(entity: str) -> Any:
    """Answer everything the duplicate rules of an entity found, to the roles the definition names."""
    before = request.args.get("before", "")
    _, found = duplicate_log.list_log(
        g.session, entity, actor=g.actor, before=read_id(before) if before else None, limit=_PAGE
    )
    items = [_logged(one) for one in found]
    return answer({"items": items, "next": found[-1].hit.id if len(found) == _PAGE else None})


_PAGE = 200
_ONE = "/disputes/<dispute_id>"
ROUTES = (
    ("/duplicate-hits", ["GET"], list_met),
    ("/duplicate-hits/<hit_id>/disputes", ["POST"], ask_dispute),
    ("/disputes", ["GET"], list_disputes),
    (_ONE, ["GET"], show_dispute),
    (f"{_ONE}/grant", ["POST"], grant_dispute),
    (f"{_ONE}/refuse", ["POST"], refuse_dispute),
    (f"{_ONE}/withdraw", ["POST"], withdraw_dispute),
    ("/<entity>/duplicates", ["GET"], list_duplicates),
)


def _met(one: MetRecord) -> dict[str, Any]:
    return {
        "id": one.hit.id,
        "entity": one.hit.entity,
        "rule": one.hit.rule,
        "typed": one.hit.typed,
        "at": iso(one.hit.last_at),
        "record": _other(one.other),
        "kinds": list(one.kinds),
        "open": one.open,
    }


def _said(one: Dispute) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "entity": one.entity,
        "record": _other(one.other),
        "asker": one.user,
        "reason": one.reason,
        "asked_at": iso(one.asked_at),
        "due_at": iso(one.due_at),
        "state": one.state,
        "decided_by": one.decided_by,
        "decided_at": iso(one.decided_at),
        "answer": one.answer,
    }


def _logged(one: Logged) -> dict[str, Any]:
    return {
        "id": one.hit.id,
        "user": one.hit.user,
        "rule": one.hit.rule,
        "typed": one.hit.typed,
        "first_at": iso(one.hit.first_at),
        "last_at": iso(one.hit.last_at),
        "times": one.hit.times,
        "via": one.hit.via,
        "outcome": one.hit.outcome,
        "why": one.hit.why,
        "record": _other(one.other),
        "made": _other(one.made),
        "asked": [{"kind": kind, "state": state} for kind, state in one.asked],
    }


def _other(one: Other | None) -> dict[str, Any] | None:
    """Return what the caller may know of a record: ``id`` and ``name`` are null where they may not see it."""
    return None if one is None else {"id": one.id, "name": one.name, "owner": one.owner, "last_active": iso(one.day)}
