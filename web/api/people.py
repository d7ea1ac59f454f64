"""Handing over, deputies and what stands still, over HTTP.

Enters: ids of people, parts, days, a reason. Leaves: a plan, or with its digest what was done. Must not decide who may:
``engine.changing`` and ``engine.people`` do.
"""

from typing import Any

from flask import g

from engine.changing import handing_over
from engine.changing.handing_over import PARTS, HandOver
from engine.changing.stranded import find_stranded
from engine.errors import FieldError, InvalidValues, NotAllowed
from engine.people import delegations
from web.api.answers import answer, iso
from web.api.requests import read_fields, read_id, read_moment, read_texts
from web.gate import locale, reads, writes


@reads
def stranded() -> Any:
    """Answer everything that stands still; administrators only."""
    if not g.actor.is_admin:
        raise NotAllowed("people.not_admin")
    items = [
        {
            "address": one.address,
            "entity": one.entity or None,
            "record": one.record_id or None,
            "said": locale().say(f"stranded.{one.kind}", **one.params),
        }
        for one in find_stranded(g.session)
    ]
    return answer({"items": items})


@writes
def hand_over() -> Any:
    """Answer what would move; with the ``digest`` of that answer and a ``reason`` move it, now or ``on`` a day."""
    lists = ("parts", "tasks")
    sent = read_fields(
        "from", "to", "parts", "tasks", "pools", "digest", "reason", "on", lists=lists, objects=("pools",)
    )
    plan = handing_over.plan_hand_over(
        g.session,
        read_id(sent["from"] or ""),
        None if sent["to"] is None else read_id(sent["to"]),
        parts=[str(one) for one in sent["parts"] or PARTS],
        only=[read_id(str(one)) for one in sent["tasks"] or ()],
        pools=read_texts(sent["pools"], "pools"),
        actor=g.actor,
    )
    if sent["digest"] is None:
        return answer(_plan(plan) | {"done": False})
    if sent["digest"] != plan.digest:
        raise InvalidValues([FieldError("digest", "hand_over.changed")])
    at = None if sent["on"] is None else read_moment("on", sent["on"])
    done = handing_over.hand_over(g.session, plan, reason=sent["reason"] or "", at=at, actor=g.actor)
    return answer(_plan(plan) | {"done": done is not None, "on": iso(at) if at is not None else None})


@reads
def list_delegations() -> Any:
    """Answer one's delegations that are not over, of oneself and to oneself."""
    found = delegations.list_delegations(g.session, g.actor.id)
    return answer({"items": [_delegation(one) for one in found]})


@writes
def delegate() -> Any:
    """Let ``to`` decide for oneself between two moments."""
    sent = read_fields("to", "from", "until")
    start, until = (read_moment(name, sent[name] or "") for name in ("from", "until"))
    made = delegations.create_delegation(
        g.session, principal=g.actor.id, deputy=read_id(sent["to"] or ""), starts_at=start, ends_at=until, actor=g.actor
    )
    return answer({"id": made}, 201)


@writes
def end_delegation(delegation_id: str) -> Any:
    """End one of one's own delegations now."""
    delegations.end_delegation(g.session, read_id(delegation_id), actor=g.actor)
    return answer({"ended": True})


ROUTES = (
    ("/tasks/stranded", ["GET"], stranded),
    ("/tasks/hand-over", ["POST"], hand_over),
    ("/tasks/delegations", ["GET"], list_delegations),
    ("/tasks/delegations", ["POST"], delegate),
    ("/tasks/delegations/<delegation_id>/end", ["POST"], end_delegation),
)


def _plan(plan: HandOver) -> dict[str, Any]:
    items = [
        {
            "part": one.part,
            "what": one.what,
            "entity": one.entity or None,
            "record": one.record_id or None,
            "task": one.id or None,
            "note": locale().label(one.note) or None,
            "to": one.to or None,
            "pool": one.pool or None,
        }
        for one in plan.items
    ]
    people = {"from": plan.going.id, "to": plan.taker.id}
    return people | {"parts": list(plan.parts), "items": items, "digest": plan.digest}


def _delegation(one: delegations.Delegation) -> dict[str, Any]:
    moments = {"from": iso(one.starts_at), "until": iso(one.ends_at)}
    return {"id": one.id, "principal": one.principal, "deputy": one.deputy} | moments
