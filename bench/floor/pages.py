"""One page of opportunities: filtered, sorted, within the actor's scope, by keyset.

Query arguments enter; rows and the cursor of the next page leave. Never counts and never skips rows.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, tuple_

from bench.floor.access import Actor, Refused, rows_within
from bench.floor.rules import OPPORTUNITY, WrongValue
from bench.floor.search import is_found, searched
from bench.floor.tables import customer, opportunity, users

# sort key: how its value in a cursor is read back
_SORTS: dict[str, Callable[[str], Any]] = {"amount": Decimal, "number": str, "created_at": datetime.fromisoformat}
_FILTERS = {
    "stage": lambda: opportunity.c.stage == bindparam("stage"),
    "region": lambda: opportunity.c.region == bindparam("region"),
    "customer": lambda: opportunity.c.customer_id == bindparam("customer"),
    "amount.min": lambda: opportunity.c.amount >= bindparam("amount.min"),
    "amount.max": lambda: opportunity.c.amount <= bindparam("amount.max"),
    "q": is_found,
}


def page_of_opportunities(connection: Connection, actor: Actor, arguments: Mapping[str, str]) -> dict[str, Any]:
    """Raises Refused 422 for a filter, sort, limit or cursor that is not one."""
    given = dict(arguments)
    sort, limit, after = given.pop("sort", "-created_at"), given.pop("limit", "50"), given.pop("after", None)
    if sort.lstrip("-") not in _SORTS or not limit.isdecimal() or not 1 <= int(limit) <= 200:
        raise Refused(422, "invalid", errors={"sort": "unknown_field"})
    binds = {name: _filter_value(name, value) for name, value in given.items() if name != "q"} | actor.binds
    binds |= searched(given["q"]) if "q" in given else {}
    if after is not None:
        binds |= _read_cursor(after, sort)
    query = _query(actor.read, tuple(sorted(given)), sort, after is not None)
    rows = connection.execute(query, binds | {"limit": int(limit) + 1}).all()
    more = len(rows) > int(limit)
    rows = rows[: int(limit)]
    return {"items": [_item(row) for row in rows], "next": _cursor(rows[-1], sort) if more else None}


def _item(row: Any) -> dict[str, Any]:
    return {
        "id": row[0], "number": row[1], "version": row[2], "name": row[3], "stage": row[4], "amount": row[5],
        "expected_close": row[6], "region": row[7], "created_at": row[8],
        "customer": {"id": row[9], "name": row[10]}, "owner": {"id": row[11], "name": row[12]},
    }  # fmt: skip


@cache
def _query(scope: str | None, filters: tuple[str, ...], sort: str, continued: bool) -> Select[Any]:
    o, column = opportunity.c, opportunity.c[sort.lstrip("-")]
    query = select(
        o.id, o.number, o.version, o.name, o.stage, o.amount, o.expected_close, o.region, o.created_at,
        customer.c.id, customer.c.name, users.c.id, users.c.name,
    ).select_from(opportunity.join(customer).join(users, users.c.id == o.owner_id))  # fmt: skip
    query = query.where(rows_within(opportunity, scope), *[_FILTERS[name]() for name in filters])
    key, last = tuple_(column, o.id), tuple_(bindparam("after_key", type_=column.type), bindparam("after_id"))
    if sort.startswith("-"):
        query = query.where(key < last) if continued else query
        return query.order_by(column.desc(), o.id.desc()).limit(bindparam("limit"))
    query = query.where(key > last) if continued else query
    return query.order_by(column, o.id).limit(bindparam("limit"))


def _filter_value(name: str, value: str) -> Any:
    if name not in _FILTERS:
        raise Refused(422, "invalid", errors={name: "unknown_field"})
    field = name.partition(".")[0]
    try:
        return value if field == "stage" else OPPORTUNITY[field](value)
    except WrongValue as problem:
        raise Refused(422, "invalid", errors={name: str(problem)}) from None


def _cursor(row: Any, sort: str) -> str:
    key = row._mapping[sort.lstrip("-")]
    return base64.urlsafe_b64encode(json.dumps([sort, str(key), row[0]]).encode()).decode()


def _read_cursor(after: str, sort: str) -> dict[str, Any]:
    try:
        made_for, key, row_id = json.loads(base64.urlsafe_b64decode(after))
        if made_for != sort:
            raise ValueError
        return {"after_key": _SORTS[sort.lstrip("-")](key), "after_id": int(row_id)}
    except (ValueError, TypeError, ArithmeticError):
        raise Refused(422, "invalid", errors={"after": "cursor"}) from None
