"""Views that people keep under a name: which page shows what, in which order, with which columns, and for whom.

A list, a board and a calendar have one kind of view: the page is a part of it.

Enters: an entity, what its list shows, the actor. Leaves: ``SavedView``. Must not show a field somebody may not see:
what a shared view says about one is left out for them, and counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues, NotAllowed, NotFound
from engine.people.actor import Actor
from engine.records.condition_text import conditions_of, plain
from engine.records.figures import groupable_keys
from engine.records.filters import Filter, FilterGroup
from engine.records.list_query import dated_keys
from engine.records.listing import readable_keys, shown_keys
from engine.records.marks import marks_of
from engine.records.queries import ListQuery, check_list, require_read
from engine.records.rights import Rights, get_entity
from engine.storage.journal import write_audit
from engine.storage.store import Session
from engine.storage.system_tables import users
from engine.storage.view_tables import view_defaults, views

EVERYBODY = "*"
LIST, BOARD, CALENDAR = "list", "board", "calendar"
PAGES = (LIST, BOARD, CALENDAR)
MONTH, WEEK = "month", "week"
MOST = 50
"""Views one person keeps of one list."""

MOST_COLUMNS = 20
PLAIN = ("eq", "in", "gte", "lte", "contains", "within", "missing", "present")
"""How ``filters`` of a view compare; whatever else stands in ``where``."""

LONGEST_NAME = 60


@dataclass(frozen=True)
class ViewContent:
    """What a page shows: what meets all of ``filters`` and the group ``where``.

    ``sort`` is a field, with a minus in front the largest first; no columns are those of the list. ``page`` is where
    it is shown: a list, a board, or a calendar of a month or a week (``span``) by the date ``by`` (None: its own).
    """

    filters: tuple[Filter, ...] = ()
    where: FilterGroup | None = None
    sort: str | None = None
    columns: tuple[str, ...] = ()
    text: str = ""
    group: str | None = None
    page: str = LIST
    by: str | None = None
    span: str = MONTH


@dataclass(frozen=True)
class SavedView:
    """A view as one actor sees it; ``audience`` is a role, ``*`` for everybody, None for its owner alone."""

    id: int
    name: str
    audience: str | None
    owner_id: int
    owner: str
    content: ViewContent
    is_default: bool
    can_edit: bool


def list_views(session: Session, entity: str, *, actor: Actor) -> list[SavedView]:
    """Return the actor's own views of a list and those shared with them, by name; the own come first."""
    compiled = get_entity(session.app, entity)
    sharer = may_share(require_read(session, compiled, actor), actor)
    chosen = and_(view_defaults.c.view_id == views.c.id, view_defaults.c.user_id == actor.id)
    shared = views.c.audience.in_([EVERYBODY, *sorted(actor.roles)])
    found = (
        select(views, users.c.name.label("owner_name"), view_defaults.c.view_id.label("default_id"))
        .join(users, users.c.id == views.c.owner_id)
        .outerjoin(view_defaults, chosen)
        .where(views.c.entity == entity, or_(views.c.owner_id == actor.id, shared))
        .order_by((views.c.owner_id == actor.id).desc(), views.c.name, views.c.id)
    )
    return [_view(row, sharer, actor) for row in session.connection.execute(found).mappings()]


def get_view(session: Session, entity: str, id: int, *, actor: Actor) -> SavedView:
    """Return one view; raises ``NotFound`` alike for none and for one of others that is not shared with the actor."""
    for view in list_views(session, entity, actor=actor):
        if view.id == id:
            return view
    raise NotFound()


def create_view(
    session: Session, entity: str, name: str, content: ViewContent, *, audience: str | None = None, actor: Actor
) -> SavedView:
    """Keep what a list shows under a name; raises ``InvalidValues``, ``NotAllowed`` for who may not share it so."""
    _judge(session, entity, name, content, audience, None, actor)
    own = select(views.c.id).where(views.c.entity == entity, views.c.owner_id == actor.id)
    if len(session.connection.execute(own).all()) >= MOST:
        raise InvalidValues([FieldError("name", "record.many_views", {"max": MOST})])
    row = {"entity": entity, "owner_id": actor.id} | _row(session, name, content, audience)
    with once(session):
        id_ = session.connection.execute(insert(views).values(row).returning(views.c.id)).scalar_one()
    write_audit(session, "view.create", f"view:{id_}", {"entity": entity, "audience": audience}, actor=actor)
    return get_view(session, entity, id_, actor=actor)


def update_view(
    session: Session, entity: str, id: int, *, name: str, content: ViewContent, audience: str | None, actor: Actor
) -> SavedView:
    """Change a view; raises as ``create_view`` does."""
    view = _editable(session, entity, id, actor)
    _judge(session, entity, name, content, audience, view.audience, actor)
    with once(session):
        session.connection.execute(update(views).where(views.c.id == id).values(_row(session, name, content, audience)))
    write_audit(session, "view.update", f"view:{id}", {"entity": entity, "audience": audience}, actor=actor)
    return get_view(session, entity, id, actor=actor)


def delete_view(session: Session, entity: str, id: int, *, actor: Actor) -> None:
    """Forget a view; whoever begins with it begins with the whole list again."""
    _editable(session, entity, id, actor)
    session.connection.execute(delete(view_defaults).where(view_defaults.c.view_id == id))
    session.connection.execute(delete(views).where(views.c.id == id))
    write_audit(session, "view.delete", f"view:{id}", {"entity": entity}, actor=actor)


def set_default_view(session: Session, entity: str, id: int | None, *, actor: Actor) -> None:
    """Begin with a view whenever the actor opens the list, or with the whole list when ``id`` is None."""
    require_read(session, get_entity(session.app, entity), actor)
    if id is not None:
        get_view(session, entity, id, actor=actor)
    mine = and_(view_defaults.c.user_id == actor.id, view_defaults.c.entity == entity)
    session.connection.execute(delete(view_defaults).where(mine))
    if id is not None:
        session.connection.execute(insert(view_defaults).values(user_id=actor.id, entity=entity, view_id=id))
    write_audit(session, "view.default", f"view:{id}", {"entity": entity}, actor=actor)


def may_share(rights: Rights, actor: Actor) -> bool:
    """Tell whether the actor may show a view to others."""
    return bool(rights.read) and (rights.share_views or actor.is_admin)


def judge_kept(session: Session, name: str, audience: str | None, was: str | None, *, sharer: bool) -> list[FieldError]:
    """Return what is wrong about a name and for whom it is; raises ``NotAllowed`` for who may not share it so."""
    errors = [] if 0 < len(name.strip()) <= LONGEST_NAME else [FieldError("name", "record.view_name")]
    known = {EVERYBODY, *(key for key, role in session.app.roles.items() if not role.retired)}
    if audience is not None and audience != was:
        if not sharer:
            raise NotAllowed("record.no_share_views")
        errors += [] if audience in known else [FieldError("audience", "value.choice", {"options": ", ".join(known)})]
    return errors


def pages_of(entity: Entity, rights: Rights) -> tuple[str, ...]:
    """Return the pages the records of an entity can be looked at on."""
    possible = {LIST: True, BOARD: entity.workflow is not None, CALENDAR: bool(dated_keys(entity, rights))}
    return tuple(page for page in PAGES if possible[page])


def fitted(entity: Entity, rights: Rights, content: ViewContent) -> tuple[ViewContent, int]:
    """Return a view without what the reader may not see, and how many conditions, columns and sorts that were.

    A page that the reader or a newer release does not have gives way to the list.
    """
    columns, askable = shown_keys(entity, rights), readable_keys(entity, rights)
    allowed = {*askable, *marks_of(entity)}
    where, left_out = (None, 0) if content.where is None else _without(content.where, allowed)
    kept = tuple(key for key in content.columns if key in columns)
    sort = content.sort if content.sort is None or content.sort.removeprefix("-") in askable else None
    left_out += len(content.columns) - len(kept) + (sort != content.sort)
    filters = tuple(one for one in content.filters if one.field in allowed)
    left_out += len(content.filters) - len(filters)
    group = content.group if content.group in groupable_keys(entity, rights) else None
    left_out += group != content.group
    page = content.page if content.page in pages_of(entity, rights) else LIST
    by = content.by if page == CALENDAR and content.by in dated_keys(entity, rights) else None
    left_out += (page != content.page) + (page == CALENDAR and by != content.by)
    return ViewContent(filters, where, sort, kept, content.text, group, page, by, content.span), left_out


def applied(query: ListQuery, content: ViewContent) -> ListQuery:
    """Return a query over what a view lists; what the query says itself about order and columns comes first."""
    sort, descending = query.sort, query.descending
    if sort is None and content.sort is not None:
        sort, descending = content.sort.removeprefix("-"), content.sort.startswith("-")
    where = () if content.where is None else (content.where,)
    return ListQuery(
        filters=(*query.filters, *content.filters, *where), sort=sort, descending=descending, after=query.after,
        limit=query.limit, text=query.text or content.text, columns=query.columns or content.columns,
    )  # fmt: skip


def to_plain(content: ViewContent) -> dict[str, Any]:
    """Return a view as plain data, as it is stored and sent."""
    where = None if content.where is None else plain(content.where)
    filters = [plain(one) for one in content.filters]
    said = {"sort": content.sort, "columns": list(content.columns), "text": content.text, "group": content.group}
    shown = {"page": content.page, "by": content.by, "span": content.span}
    return {"filters": filters, "where": where} | said | shown


def from_plain(found: Mapping[str, Any]) -> ViewContent:
    """Return the view that plain data describes; raises ``InvalidValues``."""
    sort, columns, text = found.get("sort") or None, found.get("columns") or [], found.get("text") or ""
    group, by = found.get("group") or None, found.get("by") or None
    page, span = found.get("page") or LIST, found.get("span") or MONTH
    texts = (
        ("sort", sort or ""),
        ("text", text),
        ("group", group or ""),
        ("page", page),
        ("by", by or ""),
        ("span", span),
    )
    wrong = [key for key, value in texts if not isinstance(value, str)]
    if not isinstance(columns, list | tuple) or not all(isinstance(one, str) for one in columns):
        wrong.append("columns")
    if wrong:
        raise InvalidValues([FieldError(key, "people.wrong_member", {"kind": "string"}) for key in wrong])
    alone = conditions_of({"all": found["filters"]}) if found.get("filters") else None
    filters = () if alone is None else tuple(one for one in alone.items if isinstance(one, Filter))
    return ViewContent(
        filters, conditions_of(found.get("where")), sort, tuple(columns), text[:100], group, page, by, span
    )


# ---- one view


class once:
    """Turn a name that is taken into a sentence at its field."""

    def __init__(self, session: Session) -> None:
        self._inside = session.surviving()

    def __enter__(self) -> None:
        self._inside.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._inside.__exit__(kind, error, trace)
        if isinstance(error, IntegrityError):
            raise InvalidValues([FieldError("name", "record.view_taken")]) from None


def _judge(
    session: Session, entity: str, name: str, content: ViewContent, audience: str | None, was: str | None, actor: Actor
) -> None:
    compiled = get_entity(session.app, entity)
    rights = require_read(session, compiled, actor)
    errors = judge_kept(session, name, audience, was, sharer=may_share(rights, actor))
    errors += [FieldError("filters", "record.bad_where") for one in content.filters if one.operator not in PLAIN]
    columns = shown_keys(compiled, rights)
    unknown = [key for key in content.columns if key not in columns]
    if content.group is not None and content.group not in groupable_keys(compiled, rights):
        errors.append(FieldError("group", "record.bad_filter", {"field": content.group[:60]}))
    errors += [FieldError("columns", "record.bad_filter", {"field": key[:60]}) for key in unknown]
    errors += _misplaced(compiled, rights, content)
    if len(content.columns) > MOST_COLUMNS:
        errors.append(FieldError("columns", "record.many_columns", {"max": MOST_COLUMNS}))
    if errors:
        raise InvalidValues(errors)
    check_list(session, entity, applied(ListQuery(), content), actor=actor)


def _misplaced(entity: Entity, rights: Rights, content: ViewContent) -> list[FieldError]:
    """Return what is wrong about the page a view is for."""
    pages, spans = pages_of(entity, rights), (MONTH, WEEK)
    errors = []
    if content.page not in pages:
        errors.append(FieldError("page", "value.choice", {"options": ", ".join(pages)}))
    if content.span not in spans:
        errors.append(FieldError("span", "value.choice", {"options": ", ".join(spans)}))
    if content.by is not None and (content.page != CALENDAR or content.by not in dated_keys(entity, rights)):
        errors.append(FieldError("by", "record.bad_filter", {"field": content.by[:60]}))
    return errors


def _editable(session: Session, entity: str, id: int, actor: Actor) -> SavedView:
    view = get_view(session, entity, id, actor=actor)
    if not view.can_edit:
        raise NotAllowed("record.no_edit_view", name=view.owner)
    return view


def _row(session: Session, name: str, content: ViewContent, audience: str | None) -> dict[str, Any]:
    return {"name": name.strip(), "content": to_plain(content), "audience": audience, "updated_at": session.now()}


def _view(row: Mapping[Any, Any], sharer: bool, actor: Actor) -> SavedView:
    mine = row["owner_id"] == actor.id
    return SavedView(
        row["id"], row["name"], row["audience"], row["owner_id"], row["owner_name"], from_plain(row["content"]),
        row["default_id"] is not None, mine or sharer,
    )  # fmt: skip


def _without(group: FilterGroup, allowed: set[str]) -> tuple[FilterGroup | None, int]:
    kept: list[Filter | FilterGroup] = []
    left_out = 0
    for one in group.items:
        if isinstance(one, FilterGroup):
            inner, gone = _without(one, allowed)
            left_out += gone
            kept += [] if inner is None else [inner]
        elif one.field in allowed:
            kept.append(one)
        else:
            left_out += 1
    return (FilterGroup(group.joined, tuple(kept)) if kept else None), left_out
