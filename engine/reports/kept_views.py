"""What people chose on the page of a report, a figure or a funnel, kept under a name: a period, dimensions, filters.

Enters: of what, a name, the parts of an address, for whom, the actor. Leaves: ``ReportView``. Must not keep a figure: a
view is asked anew by whoever opens it, under their own rights, and what it says about a dimension they may not see is
left out for them, and counted. Names and sharing are those of the views of lists (``records/views``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Select, delete, insert, or_, select, update

from engine.compiler.app import Figure, Funnel
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people.actor import Actor
from engine.records.rights import find_rights
from engine.records.views import EVERYBODY, MOST, judge_kept, may_share, once
from engine.reports.asking import dimensions_of, find_figure, find_funnel, find_report, is_own_date
from engine.storage.journal import write_audit
from engine.storage.store import Session
from engine.storage.system_tables import users
from engine.storage.view_tables import report_views as kept

Kind = Literal["report", "figure", "funnel"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Part = tuple[str, str]
"""A part of an address: ``("period", "last month")``, ``("by", "owner")``, ``("f.region", "east")``."""

FILTER = "f."
_PLAIN = ("period", "by", "compare", "chart")
_NONE = "none"
_MOST_PARTS, _LONGEST = 100, 200


@dataclass(frozen=True)
class ReportView:
    """A view as one actor sees it; ``audience`` is a role, ``*`` for everybody, None for its owner alone."""

    id: int
    kind: Kind
    key: str
    name: str
    audience: str | None
    owner_id: int
    owner: str
    parts: tuple[Part, ...]
    can_edit: bool


def list_views(session: Session, *, kind: Kind, key: str, actor: Actor) -> list[ReportView]:
    """Return the actor's own views of a report and those shared with them; raises ``NotFound`` for no such report."""
    find_of(session, kind, key, actor)
    return _read(session, _seen(actor).where(kept.c.kind == kind, kept.c.key == key), actor)


def list_all(session: Session, *, actor: Actor) -> list[ReportView]:
    """Return the actor's views, and those shared with them, of everything that is there for them."""
    return _read(session, _seen(actor), actor)


def get_view(session: Session, id: int, *, actor: Actor) -> ReportView:
    """Return one view; raises ``NotFound`` alike for none, one of others that is not shared, and one of nothing."""
    for view in _read(session, _seen(actor).where(kept.c.id == id), actor):
        return view
    raise NotFound()


def create_view(
    session: Session,
    name: str,
    parts: Sequence[Part],
    *,
    kind: Kind,
    key: str,
    audience: str | None = None,
    actor: Actor,
) -> ReportView:
    """Keep what a page shows under a name; raises ``InvalidValues``, ``NotAllowed`` for who may not share it so."""
    _judge(session, kind, key, name, parts, audience, None, actor)
    own = select(kept.c.id).where(kept.c.kind == kind, kept.c.key == key, kept.c.owner_id == actor.id)
    if len(session.connection.execute(own).all()) >= MOST:
        raise InvalidValues([FieldError("name", "record.many_views", {"max": MOST})])
    row = {"kind": kind, "key": key, "owner_id": actor.id} | _row(session, name, parts, audience)
    with once(session):
        id_ = session.connection.execute(insert(kept).values(row).returning(kept.c.id)).scalar_one()
    write_audit(session, "report_view.create", f"report_view:{id_}", {"of": key, "audience": audience}, actor=actor)
    return get_view(session, id_, actor=actor)


def update_view(
    session: Session, id: int, *, name: str, parts: Sequence[Part], audience: str | None, actor: Actor
) -> ReportView:
    """Change a view; raises as ``create_view`` does."""
    view = _editable(session, id, actor)
    _judge(session, view.kind, view.key, name, parts, audience, view.audience, actor)
    with once(session):
        session.connection.execute(update(kept).where(kept.c.id == id).values(_row(session, name, parts, audience)))
    write_audit(session, "report_view.update", f"report_view:{id}", {"of": view.key, "audience": audience}, actor=actor)
    return get_view(session, id, actor=actor)


def delete_view(session: Session, id: int, *, actor: Actor) -> None:
    """Forget a view."""
    view = _editable(session, id, actor)
    session.connection.execute(delete(kept).where(kept.c.id == id))
    write_audit(session, "report_view.delete", f"report_view:{id}", {"of": view.key}, actor=actor)


def fitted(session: Session, view: ReportView, *, actor: Actor) -> tuple[tuple[Part, ...], int]:
    """Return a view without the dimensions its reader may not see, or that are gone, and how many parts those were."""
    known = _dimensions(session, view.kind, view.key, actor)
    left = tuple(part for part in view.parts if _is_known(part, known))
    return left, len(view.parts) - len(left)


def is_sharer(session: Session, kind: Kind, key: str, *, actor: Actor) -> bool:
    """Return whether the actor may show views of a report to others: as of the lists of all it counts."""
    entities = {one.rows.entity for one in find_of(session, kind, key, actor)}
    rights = (find_rights(session.app, session.app.entities[one], actor) for one in entities)
    return all(may_share(one, actor) for one in rights)


def find_of(session: Session, kind: Kind, key: str, actor: Actor) -> Sequence[Figure | Funnel]:
    """Return the figures or the funnel a page shows; raises ``NotFound`` for what is not there for the actor."""
    if kind == "report":
        return find_report(session, key, actor=actor)[1]
    if kind == "figure":
        return (find_figure(session, key, actor=actor),)
    if kind == "funnel":
        return (find_funnel(session, key, actor=actor),)
    raise NotFound()


def _seen(actor: Actor) -> Select[Any]:
    shared = kept.c.audience.in_([EVERYBODY, *sorted(actor.roles)])
    return (
        select(kept, users.c.name.label("owner_name"))
        .join(users, users.c.id == kept.c.owner_id)
        .where(or_(kept.c.owner_id == actor.id, shared))
        .order_by((kept.c.owner_id == actor.id).desc(), kept.c.name, kept.c.id)
    )


def _read(session: Session, query: Select[Any], actor: Actor) -> list[ReportView]:
    """Return the views a query finds, of what the actor may see."""
    sharer: dict[tuple[Kind, str], bool | None] = {}
    found = []
    for row in session.connection.execute(query):
        of = row.kind, row.key
        if of not in sharer:
            try:
                sharer[of] = is_sharer(session, row.kind, row.key, actor=actor)
            except NotFound:
                sharer[of] = None
        can_share = sharer[of]
        if can_share is not None:
            parts = tuple((name, value) for name, value in row.parts)
            mine = row.owner_id == actor.id
            found.append(
                ReportView(
                    row.id, row.kind, row.key, row.name, row.audience, row.owner_id, row.owner_name, parts,
                    mine or can_share,
                )
            )  # fmt: skip
    return found


def _editable(session: Session, id: int, actor: Actor) -> ReportView:
    view = get_view(session, id, actor=actor)
    if not view.can_edit:
        raise NotAllowed("record.no_edit_view", name=view.owner)
    return view


def _judge(
    session: Session,
    kind: Kind,
    key: str,
    name: str,
    parts: Sequence[Part],
    audience: str | None,
    was: str | None,
    actor: Actor,
) -> None:
    known = _dimensions(session, kind, key, actor)
    errors = judge_kept(session, name, audience, was, sharer=is_sharer(session, kind, key, actor=actor))
    wrong = [part for part in parts if not _is_known(part, known) or len(part[1]) > _LONGEST]
    wrong += parts[_MOST_PARTS:]
    errors += [FieldError("parts", "record.bad_filter", {"field": part[0].removeprefix(FILTER)[:60]}) for part in wrong]
    if errors:
        raise InvalidValues(errors)


def _dimensions(session: Session, kind: Kind, key: str, actor: Actor) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for one in find_of(session, kind, key, actor):
        found |= dimensions_of(session, one, actor=actor)
    return found


def _is_known(part: Part, dimensions: Mapping[str, Any]) -> bool:
    name, value = part
    if name == "by":
        return value == _NONE or is_own_date(value) or value in dimensions
    return name in _PLAIN or (name.startswith(FILTER) and name.removeprefix(FILTER) in dimensions)


def _row(session: Session, name: str, parts: Sequence[Part], audience: str | None) -> dict[str, Any]:
    said = [[one, value] for one, value in parts]
    return {"name": name.strip(), "parts": said, "audience": audience, "updated_at": session.now()}
