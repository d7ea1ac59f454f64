"""One expression, three back ends, one answer: random well-typed expressions over random rows with missing values.

``FORMWORK_PARITY_EXAMPLES`` says how many per kind and database (40 unless given), ``FORMWORK_PARITY_SEED`` which; a
failure prints the seed it was found with.
"""

import os
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.expression import Checked, Kind
from engine.expression.sql import check_sql
from tests.expression.conftest import Answers, check_quote, in_sql, where_in_sql
from tests.expression.world import World

_LEAVES = {
    "money": [
        "amount",
        "paid",
        "customer.credit",
        "50000",
        "0.5",
        "sum(items.total)",
        "max(items.price)",
        "avg(items.total)",
        "median(items.total)",
        "sum(items.total where discount > 5%)",
        "min(items.total where qty >= 1 and product.line = 'valve')",
    ],
    "percent": ["discount", "win_rate", "15%", "0.5%", "max(items.discount)", "avg(items.discount)"],
    "number": [
        "qty",
        "visits_planned",
        "id",
        "3",
        "0",
        "1.25",
        "7",
        "count(items)",
        "count(visits where done)",
        "sum(visits.hours)",
        "avg(items.boxes)",
        "median(items.boxes)",
        "count(others)",
        "count(invited)",
        "count(tags)",
        "count(items where total > 100)",
        "count(items where product not in record.customer.models.product)",
        "sum(visits.hours where date(at) = record.due)",
    ],
    "boolean": [
        "archived",
        "true",
        "false",
        "customer.key_account",
        "any(items where discount > 15%)",
        "all(items where qty > 0)",
        "all(visits where done)",
        "any(visits where date(at) > 2026-03-01 or done)",
        "customer in others",
        "user in invited",
        "'valve' in tags",
        "'pump' not in tags",
        "owner = user",
        "owner = created_by",
        "owner != user",
        "owner in ['rep.one', 'rep.two']",
        "items is missing",
        "scan is not missing",
        "user.department = 'sales'",
        "user.department = team",
        "team in ['sales', 'quality']",
        "owner.department = user.department",
        "owner.disabled_at is missing",
        "owner.disabled_at > created_at",
        "user.department is missing",
        "'director' in user.roles",
        "name in user.roles",
        "customer.region is missing",
        "name in customer.models.part",
        "due not in customer.models.since",
        "paid in customer.models.price",
        "all(items where product in record.customer.models.product)",
        "any(items where total < record.amount and ready_on not in record.customer.models.since)",
        "any(visits where at > record.created_at)",
    ],
    "date": ["due", "signed", "today()", "2026-03-01", "customer.since", "max(items.ready_on)"],
    "datetime": ["created_at", "closed_at", "owner.disabled_at", "now()", "max(visits.at)"],
    "duration": ["effort", "3d", "90m", "2w"],
    "text": ["name", "customer.name", "'Valve'", "'阀门'", "''", "'%_'", "'a''b'", "number", "join(stage, 备注)"],
    "choice": ["stage", "'sent'", "'draft'"],
    "place": ["place", "customer.location"],
}
_RATES = st.sampled_from(_LEAVES["percent"])
_WRITTEN_NUMBERS = st.from_regex(
    r" ?[+-]?[0-9]{1,13}(,[0-9]{3})?(\.[0-9]{1,8})? ?|1,2,3|1e5|\.5|5\.|٣|x", fullmatch=True
)
_WRITTEN_DATES = st.from_regex(
    r"\A ?(1899|1900|2026|2200|2201|0000|9999)[-/.年](\d|0\d|1[0-3])[-/.月](\d|[0-3]\d)日? ?\Z"
)
_WRITTEN_OUT = ["money", "percent", "number", "date", "datetime", "duration", "text", "choice"]
_FACTORS = st.sampled_from(_LEAVES["percent"] + _LEAVES["number"][:6])
_DAYS = st.sampled_from(["3d", "2w", "effort", "(due - signed)"])
_EQUAL = st.sampled_from(["=", "!="])
_ORDER = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int, leaves: Mapping[str, Sequence[str]] = _LEAVES) -> str:
    """Well-typed expressions of a kind from ``leaves``, by kind."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        leaf = draw(st.sampled_from(leaves[kind]))
        return f"({leaf})" if kind == "boolean" else leaf
    kinds = [*_MAKERS[kind], *(_MORE_MAKERS.get(kind, ()) if "time" in leaves else ())]
    make = draw(st.sampled_from(kinds))
    return make(lambda wanted: draw(expressions(wanted, depth - 1, leaves)), draw)


Sub = Callable[[str], str]


def _compare(part: Sub, draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["money", "percent", "number", "date", "datetime", "duration", "text"]))
    return f"({part(kind)} {draw(_ORDER) if kind != 'text' else draw(_EQUAL)} {part(kind)})"


def _between(part: Sub, draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["money", "number", "date", "datetime"]))
    return f"({part(kind)} between {part(kind)} and {part(kind)})"


def _in(part: Sub, draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["number", "text", "choice", "money", "date"]))
    return f"({part(kind)} {draw(st.sampled_from(['in', 'not in']))} [{part(kind)}, {part(kind)}])"


def _missing(part: Sub, draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["money", "number", "date", "datetime", "duration", "text", "boolean"]))
    return f"({part(kind)} is {draw(st.sampled_from(['missing', 'not missing']))})"


def _either(kind: str) -> list[Callable[[Sub, st.DrawFn], str]]:
    return [
        lambda part, draw: f"if({part('boolean')}, {part(kind)}, {part(kind)})",
        lambda part, draw: f"if({part('boolean')}, {part(kind)})",
        lambda part, draw: f"default({part(kind)}, {part(kind)})",
    ]


def _numeric(kind: str) -> list[Callable[[Sub, st.DrawFn], str]]:
    return [
        *_either(kind),
        lambda part, draw: f"({part(kind)} {draw(st.sampled_from('+-'))} {part(kind)})",
        lambda part, draw: f"(-{part(kind)})",
        lambda part, draw: f"round({part(kind)}, {draw(st.integers(0, 4))})",
        lambda part, draw: f"abs({part(kind)})",
        lambda part, draw: f"{draw(st.sampled_from(['max', 'min']))}({part(kind)}, {part(kind)}, {part(kind)})",
    ]


_MAKERS: dict[str, list[Callable[[Sub, st.DrawFn], str]]] = {
    "money": [
        *_numeric("money"),
        lambda part, draw: f"({part('money')} * {draw(_FACTORS)})",
        lambda part, draw: f"({part('money')} / {part('number')})",
        lambda part, draw: f"({part('money')} / {part('percent')})",
    ],
    "percent": [*_numeric("percent"), lambda part, draw: f"({part('percent')} * {draw(_RATES)})"],
    "number": [
        *_numeric("number"),
        lambda part, draw: f"({part('number')} * {draw(_FACTORS)})",
        lambda part, draw: f"({part('money')} / {part('money')})",
        lambda part, draw: f"({part('number')} - {part('percent')})",
        lambda part, draw: f"{draw(st.sampled_from(['days', 'hours']))}({part('duration')})",
        lambda part, draw: f"{draw(st.sampled_from(['year', 'month']))}({part('date')})",
        lambda part, draw: f"distance({part('place')}, {part('place')})",
        lambda part, draw: f"length({part('text')})",
        lambda part, draw: f"number({part('text')})",
        lambda part, draw: f"number('{draw(_WRITTEN_NUMBERS)}')",
    ],
    "boolean": [
        *_either("boolean"),
        _compare,
        _compare,
        _between,
        _in,
        _missing,
        lambda part, draw: f"({part('boolean')} and {part('boolean')})",
        lambda part, draw: f"({part('boolean')} or {part('boolean')})",
        lambda part, draw: f"(not {part('boolean')})",
        lambda part, draw: f"({part('boolean')} {draw(_EQUAL)} {part('boolean')})",
        lambda part, draw: f"({part('choice')} {draw(_EQUAL)} {part('choice')})",
        lambda part, draw: f"(name {draw(st.sampled_from(['<', '>=']))} join({part('text')}, {part('text')}))",
        lambda part, draw: f"{draw(st.sampled_from(['contains', 'starts_with']))}({part('text')}, {part('text')})",
    ],
    "date": [
        *_either("date"),
        lambda part, draw: f"({part('date')} {draw(st.sampled_from('+-'))} {draw(_DAYS)})",
        lambda part, draw: f"month_end({part('date')})",
        lambda part, draw: f"add_days({part('date')}, {part('number')})",
        lambda part, draw: f"date({part('datetime')})",
        lambda part, draw: f"date({part('text')})",
        lambda part, draw: f"date('{draw(_WRITTEN_DATES)}')",
        lambda part, draw: f"{draw(st.sampled_from(['max', 'min']))}({part('date')}, {part('date')})",
    ],
    "datetime": [
        *_either("datetime"),
        lambda part, draw: f"({part('datetime')} {draw(st.sampled_from('+-'))} {part('duration')})",
    ],
    "duration": [
        *_either("duration"),
        lambda part, draw: f"({part('date')} - {part('date')})",
        lambda part, draw: f"({part('datetime')} - {part('datetime')})",
        lambda part, draw: f"({part('duration')} {draw(st.sampled_from('+-'))} {part('duration')})",
        lambda part, draw: f"(-{part('duration')})",
    ],
    "text": [
        *_either("text"),
        lambda part, draw: f"join({part('text')}, {part('text')})",
        lambda part, draw: f"text({part(draw(st.sampled_from(_WRITTEN_OUT)))})",
    ],
    "choice": _either("choice"),
    "place": _either("place"),
}


_PEERS = ["time", "department", "user", "link"]


def _peers(part: Sub, draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(_PEERS))
    return f"({part(kind)} {draw(_ORDER if kind == 'time' else _EQUAL)} {part(kind)})"


def _peers_between(part: Sub, draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["time", "duration", "percent"]))
    return f"({part(kind)} between {part(kind)} and {part(kind)})"


_MORE_MAKERS: dict[str, list[Callable[[Sub, st.DrawFn], str]]] = {
    "boolean": [
        _peers,
        _peers_between,
        lambda part, draw: f"({part('text')} {draw(st.sampled_from(['in', 'not in']))} labels)",
        lambda part, draw: f"({part(kind := draw(st.sampled_from(_PEERS)))} in [{part(kind)}, {part(kind)}])",
        lambda part, draw: f"({part(draw(st.sampled_from(_PEERS)))} is missing)",
    ],
    "text": [lambda part, draw: f"text({part('time')})"],
}
_MAKERS["time"] = [
    *_either("time"),
    lambda part, draw: f"{draw(st.sampled_from(['max', 'min']))}({part('time')}, {part('time')})",
]
for _kind in ("department", "user", "link"):
    _MAKERS[_kind] = _either(_kind)


EXAMPLES = int(os.environ.get("FORMWORK_PARITY_EXAMPLES", "40"))
SEED = int(os.environ.get("FORMWORK_PARITY_SEED", "20260302"))
AS_MANY_AS_ASKED_FOR = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("kind", list(_LEAVES))
def test_python_and_sql_give_the_same_value_for_every_row(
    kind: str, database: Connection, in_python: Callable[[Checked], Answers], world: World
) -> None:
    @seed(SEED)
    @AS_MANY_AS_ASKED_FOR
    @given(text=expressions(kind, depth=3))
    def compare(text: str) -> None:
        checked = check_quote(text)
        assume(not check_sql(checked))
        expected = in_python(checked)
        assert in_sql(database, checked, world) == expected, f"{text} (seed {SEED})"
        if checked.type.kind is Kind.BOOLEAN:
            assert where_in_sql(database, checked, world) == {id for id, value in expected.items() if value}, text

    compare()
