"""The items of a plan, for people and for tools: what changes, where it is written, which records stand in the way.

Enters: a plan and the store whose records it speaks of. Leaves: lines of text, or plain data for ``--json``. Must not
publish anything.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import messages
from web.cli.site import Site

if TYPE_CHECKING:
    from engine.changing.classes import Found
    from engine.storage.plan import Group, Plan, PlanItem
    from engine.storage.store import Session, Store

MARKS = {"added": "+", "removed": "-", "changed": "~", "renamed": ">", "data": "=", "blocked": "!"}
_PAGE = "/e/{entity}/{id}"


@dataclass(frozen=True)
class Named:
    """A record as a person finds it."""

    id: int
    name: str
    url: str


def lines_of(site: Site, items: "Iterable[PlanItem]", session: "Session | None" = None) -> Iterator[str]:
    """Yield one line for each change, and one below it for each record that stands in its way."""
    for item in items:
        yield f"{MARKS.get(item.kind, ' ')} {item.text(site.language)}{_place(item)}"
        if session is None:
            continue
        if item.groups:
            yield from _group_lines(site, session, item)
            continue
        named = name_records(session, item.entity, item.records)
        yield from (f"    {one.name}  {one.url}" for one in named)
        if named and item.rows > len(named):
            yield "    " + site.text("cli.plan_more", count=item.rows - len(named))


def _group_lines(site: Site, session: "Session", item: "PlanItem") -> Iterator[str]:
    """Yield a line for each value that repeats, and one below it for each record that holds it."""
    for group in item.groups:
        said = site.text("cli.plan_comma").join(_say_values(site, session, item, group))
        yield "    " + site.text("cli.plan_group", values=said, count=group.rows)
        named = name_records(session, item.entity, group.records)
        yield from (f"      {one.name}  {one.url}" for one in named)
        if group.rows > len(named):
            yield "      " + site.text("cli.plan_more", count=group.rows - len(named))
    shown = sum(group.rows for group in item.groups)
    if item.rows > shown:
        yield "    " + site.text("cli.plan_more", count=item.rows - shown)


def _say_values(site: Site, session: "Session", item: "PlanItem", group: "Group") -> Iterator[str]:
    """Yield the values of a group as people know them: an option by its label, a link by the name it leads to."""
    entity = session.app.entities.get(item.entity or "")
    for key, value in group.values.items():
        field = None if entity is None else entity.fields.get(key)
        if field is not None and field.to is not None:
            named = name_records(session, field.to, value if isinstance(value, list) else (value,))
            yield site.text("cli.plan_comma").join(one.name for one in named) or str(value)
        elif field is not None and value in field.options:
            yield messages.say(field.options[value], site.language)
        else:
            yield str(value)


def class_lines(site: Site, session: "Session", found: "Iterable[Found]") -> Iterator[str]:
    """Yield one line for each class of what is under way, and one below it for each record to look at."""
    for one in found:
        said = site.text(one.code, count=one.count, **one.params)
        yield "  " + site.text("class.line", kind=site.text(f"class.kind_{one.kind}"), text=said)
        if one.people:
            names = ", ".join(f"{name} ({count})" for name, count in one.people.most_common())
            yield "    " + site.text("class.people", names=names)
        for record in name_addresses(session, one.records):
            yield f"    {record.name}  {record.url}"
        if len(one.records) < one.count and one.records:
            yield "    " + site.text("cli.plan_more", count=one.count - len(one.records))


def class_data(site: Site, session: "Session", found: "Iterable[Found]") -> list[dict[str, Any]]:
    """Return the classes as plain data."""
    return [
        {
            "class": one.kind,
            "code": one.code,
            "text": site.text(one.code, count=one.count, **one.params),
            "count": one.count,
            "people": dict(one.people.most_common()),
            "records": [vars(record) for record in name_addresses(session, one.records)],
        }
        for one in found
    ]


def name_addresses(session: "Session", addresses: "Sequence[tuple[str, int]]") -> list[Named]:
    """Return records by entity and id, as they are called today."""
    from engine.records import called

    found: list[Named] = []
    for key in dict.fromkeys(entity for entity, _ in addresses):
        entity = session.app.entities.get(key)
        ids = tuple(id_ for one, id_ in addresses if one == key)
        named = called.name_records(session, entity, ids) if entity is not None else {}
        found += [Named(id_, name, _PAGE.format(entity=key, id=id_)) for id_, name in named.items()]
    return found


def as_data(site: Site, store: "Store", plan: "Plan", *, sql: bool, classes: "Iterable[Found]" = ()) -> dict[str, Any]:
    """Return a plan as plain data."""
    with store.read() as session:
        items = [_item_data(site, session, item) for item in plan.items]
        under_way = class_data(site, session, classes)
    found = {
        "blocked": plan.blocked,
        "changes": plan.digest != store.app.digest,
        "release": plan.base_release,
        "digest": plan.digest,
        "effect": plan.effect,
        "items": items,
        "under_way": under_way,
    }
    return {**found, "statements": list(plan.statements)} if sql else found


def name_records(session: "Session", key: str | None, ids: "Sequence[int]") -> list[Named]:
    """Return records of an entity as they are called today; none when the entity is not there yet."""
    from engine.records import called

    entity = session.app.entities.get(key or "")
    if entity is None or not ids:
        return []
    named = called.name_records(session, entity, ids)
    return [Named(id_, name, _PAGE.format(entity=entity.key, id=id_)) for id_, name in named.items()]


def _item_data(site: Site, session: "Session", item: "PlanItem") -> dict[str, Any]:
    return {
        "kind": item.kind,
        "code": item.code,
        "thing": item.thing,
        "text": item.text(site.language),
        "rows": item.rows,
        "place": None if item.location is None else str(item.location),
        "records": [vars(one) for one in name_records(session, item.entity, item.records)],
        "groups": [
            {
                "values": group.values,
                "rows": group.rows,
                "records": [vars(one) for one in name_records(session, item.entity, group.records)],
            }
            for group in item.groups
        ],
    }


def _place(item: "PlanItem") -> str:
    """Say where it is written, for what must be settled first."""
    return f"  {item.location}" if item.kind == "blocked" and item.location else ""
