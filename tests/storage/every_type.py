"""A machine with one field of every type that a formula may change, and what people type into each."""

import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from engine.compiler.field_types import FIELD_TYPES
from engine.people import departments
from engine.people.actor import Actor
from engine.storage.store import Store
from tests.field_types.values import TYPED as PLAIN
from tests.storage.living import hire, make
from tests.storage.workshop import edited

TYPES = tuple(key for key, one in FIELD_TYPES.items() if "migrate" in one.basis | one.keys)
"""Every type whose values a ``migrate:`` can make of others."""

MANY = bool(os.environ.get("FORMWORK_CHANGE_EXAMPLES"))
SHIFTS = range(1, len(TYPES)) if MANY else (1, 9, 17)
"""How far a type is from the one its values go to: some pairs, or all of them when asked for."""

POINTING = ("link", "links", "user", "users", "department")

PLACE = """\
entity: place
label: 车间
fields:
  name: {type: text, label: 名称}
access:
  admin: {read: all, write: all, create: true, delete: all}
"""
WRITTEN: Mapping[str, str] = {
    "choice": "type: choice, options: {price: 价格, delivery: 交期}",
    "choices": "type: choices, options: {price: 价格, delivery: 交期}",
    "link": "type: link, to: place",
    "links": "type: links, to: place",
    "decimal": "type: decimal, scale: 3",
}


def typed(key: str) -> str:
    """Return how a type is written in a field."""
    return WRITTEN.get(key, f"type: {key}")


def written(types: Mapping[str, str], more: str = "") -> dict[str, str]:
    """Return the workshop whose machines have fields of these types, by key; ``more`` stands in each."""
    lines = "".join(f"  {key}: {{{typed(type_)}, label: {key}{more}}}\n" for key, type_ in types.items())
    texts = edited(
        ("app.yaml", "menu: [machine, job]", "menu: [machine, job, place]"),
        ("machine/entity.yaml", "access:\n", f"{lines}access:\n"),
    )
    return {**texts, "place/entity.yaml": PLACE}


def furnish(store: Store) -> tuple[Actor, dict[str, Any]]:
    """Make what links, people and departments lead to; return who does, and what is typed into each type."""
    boss = hire(store)
    hire(store, "wang")
    with store.write() as session:
        north = departments.create_department(session, actor=None, key="north", name="北区")
    hall = make(store, boss, "place", name="一号车间")
    return boss, {
        **PLAIN,
        "link": hall.id,
        "links": [hall.id],
        "user": boss.id,
        "users": [boss.id],
        "department": north,
    }


def named(key: str) -> str:
    """Return the field of a type."""
    return f"f_{key}"


def row_of(at: int) -> str:
    """Return the field of a row of a table of cases: all are tried in one publish."""
    return f"case_{at}"


def told(value: Any, type_: str, known: Mapping[str, Any]) -> Any:
    """Return a value of a table of cases; what names somebody or something is its id where the type points."""
    if type_ not in POINTING:
        return value
    return [known.get(one, one) for one in value] if isinstance(value, list) else known.get(value, value)


def values(store: Store, id_: int, *fields: str) -> dict[str, Any]:
    """Return the values of one machine in some fields, or in the fields of every type."""
    with store.read() as session:
        table = session.tables.entity["machine"]
        row = session.connection.execute(select(table).where(table.c.id == id_)).mappings().one()
        return {key: row[key] for key in fields} or {key: row[named(key)] for key in TYPES}


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between the values of two moments."""
    return {key: (one[key], other[key]) for key in one if one[key] != other[key]}
