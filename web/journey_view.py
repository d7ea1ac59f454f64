"""A record's chain and journey, as ``pages/journey.html`` shows them.

Enters: a record its reader may see. Leaves: the rings of its chain with stage, amount, owner, day and what is missing;
what happened, the newest first. Must not show what the engine did not return.
"""

from typing import Any
from urllib.parse import urlencode

from flask import g

from engine.compiler.app import Entity
from engine.expression import Kind
from engine.records import queries
from engine.records.chain import Ring, find_chain, links_between
from engine.records.history import name_links
from engine.records.journey import KINDS, Happening, list_journey
from engine.records.record import USER, Labels, Record
from engine.records.rights import find_rights
from engine.workflow.transitions import list_moves
from web.cells import Cells, record_url, subtitle_of, title_of
from web.gate import locale, now
from web.history_view import view_entry
from web.record_view import view_missing
from web.related_view import create_url
from web.shell import ENTITY_URL

_ASKED = 6
"""Records of a chain that are asked what they lack: those in front of the reader."""
_SHOWN = 5

View = dict[str, Any]


def view_head(record: Record, kind: str) -> View:
    """Return the head of the page and the kinds to choose from."""
    entity, text = g.session.app.entities[record.entity], locale()
    url = f"{record_url(record.entity, record.id)}/journey"
    kinds = [
        {"label": text.t(f"journey.kind_{one}"), "url": f"{url}?kind={one}", "active": one == kind} for one in KINDS
    ]
    name, chosen = title_of(entity, record), kind in KINDS
    may = find_rights(g.session.app, entity, g.actor).export
    return {
        "title": text.t("journey.title", name=name),
        "crumbs": [
            {"label": text.label(entity.label), "url": ENTITY_URL.format(entity=record.entity)},
            {"label": name, "url": record_url(record.entity, record.id)},
        ],
        "kinds": [{"label": text.t("journey.all"), "url": url, "active": not chosen}, *kinds],
        "export_url": f"{url}/export{f'?kind={kind}' if chosen else ''}" if may else None,
    }


def view_happenings(record: Record, kind: str, after: str | None) -> View:
    """Return what happened and where older things are; an unknown ``kind`` means all."""
    kinds = [one for one in KINDS if one == kind] or KINDS
    found, further = list_journey(g.session, record.entity, record.id, actor=g.actor, kinds=kinds, after=after)
    cells, labels = Cells(locale(), now()), _labels(found)
    url = f"{record_url(record.entity, record.id)}/journey"
    more = {"after": further} | ({"kind": kind} if kinds is not KINDS else {})
    return {
        "happenings": [_happening(cells, one, labels) for one in found],
        "more_url": f"{url}?{urlencode(more)}" if further else None,
    }


def view_chain(record: Record) -> list[View]:
    """Return the rings of the chain; [] when the record belongs to none."""
    cells = Cells(locale(), now())
    rings = find_chain(g.session, record, actor=g.actor)
    nearest = sorted((one for ring in rings for one in ring.records[:1]), key=lambda one: one.entity != record.entity)
    asked = {(one.entity, one.id) for one in [record, *nearest][:_ASKED]}
    return [_ring(cells, ring, rings, record, asked) for ring in rings]


def _ring(cells: Cells, ring: Ring, rings: list[Ring], here: Record, asked: set[tuple[str, int]]) -> View:
    entity = g.session.app.entities[ring.entity]
    return {
        "label": cells.locale.label(entity.label),
        "icon": entity.icon,
        "entries": [_link(cells, entity, one, here, (one.entity, one.id) in asked) for one in ring.records[:_SHOWN]],
        "more": ring.more or len(ring.records) > _SHOWN,
        "create": None if ring.records else _create(cells, entity, rings),
    }


def _link(cells: Cells, entity: Entity, one: Record, here: Record, asked: bool) -> View:
    owner, key = one.values.get("owner"), one.values.get("stage") or ""
    open_ = entity.workflow is not None and key in entity.workflow.stages and not entity.workflow.stages[key].outcome
    subtitle = subtitle_of(cells, entity, one)
    return {
        "title": title_of(entity, one),
        "number": one.values.get("number"),
        "url": record_url(entity.key, one.id),
        "here": (one.entity, one.id) == (here.entity, here.id),
        "stage": cells.stage(entity, one.values.get("stage")),
        "about": subtitle["text"] if subtitle else None,
        "amount": _amount(cells, entity, one) if entity.workflow is not None else None,
        "owner": cells.person(one.labels.get((USER, owner), "")) if owner is not None else None,
        "updated": cells.when(one.values["updated_at"]),
        "missing": _missing(entity, one) if open_ and asked else None,
    }


def _amount(cells: Cells, entity: Entity, one: Record) -> View | None:
    filled = [
        field for field in entity.fields.values()
        if field.type.kind is Kind.MONEY and not field.retired and one.values.get(field.key) is not None
    ]  # fmt: skip
    best = min(filled, key=lambda field: not field.words, default=None)
    return None if best is None else cells.of_record(entity, best.key, one)


def _missing(entity: Entity, one: Record) -> str | None:
    """Return what the next stage still needs, for whoever may see the record."""
    whole = queries.get_record(g.session, one.entity, one.id, actor=g.actor)
    wanted = view_missing(entity, whole, list_moves(g.session, whole, actor=g.actor))
    if wanted is None:
        return None
    what = locale().t("text.comma").join(item["text"] for item in wanted["entries"])
    return locale().t("journey.lacks", what=what)


def _create(cells: Cells, entity: Entity, rings: list[Ring]) -> View | None:
    """Return where the missing ring is made, linked to the nearest one before it."""
    hidden = find_rights(g.session.app, entity, g.actor).hidden
    at = next(at for at, ring in enumerate(rings) if ring.entity == entity.key)
    for ring in reversed(rings[:at]):
        link = next(links_between(g.session.app, entity, ring.entity, hidden), None)
        if link is not None and ring.records:
            url = create_url(entity, entity.fields[link], ring.records[0].id)
            label = cells.locale.t("list.create", entity=cells.locale.label(entity.label))
            return None if url is None else {"url": url, "label": label}
    return None


# ---- what happened


def _labels(found: list[Happening]) -> dict[str, Labels]:
    """Return, for each kind of record, what everything named in its entries is called."""
    labels = {}
    for key in {one.entity for one in found}:
        entries = [one.entry for one in found if one.entity == key and one.entry is not None]
        labels[key] = name_links(g.session, g.session.app.entities[key], entries)
    return labels


def _happening(cells: Cells, one: Happening, labels: dict[str, Labels]) -> View:
    entity, text = g.session.app.entities[one.entity], cells.locale
    told: View = {
        "when": cells.when(one.at),
        "who": cells.person(one.actor) if one.actor else None,
        "reason": None,
        "changes": [],
        "text": None,
        "about": None,
    }
    if one.entry is not None:
        told |= view_entry(cells, g.session.app, entity, one.entry, labels[one.entity])
    if one.kind == "remarks":
        told |= {"icon": "message", "what": text.t("journey.remark"), "text": one.text}
    elif one.kind == "files":
        told |= {"icon": "paperclip", "what": text.t("journey.file", name=one.text)}
    elif one.kind == "linked":
        label = text.label(entity.label)
        came = one.entry is not None and one.entry.action != "move"
        what = text.t("journey.linked_create" if came else "journey.linked_move", entity=label, what=told["what"])
        about = {"text": one.name or label, "url": record_url(one.entity, one.record_id)}
        told |= {"what": what, "about": about, "changes": [], "icon": "link"}
    return told
