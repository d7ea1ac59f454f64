"""One expression, three back ends, one answer: random well-typed expressions over random rows with missing values."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.expression import Checked, Kind
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
        "count(invited)",
        "count(tags)",
        "count(items where total > 100)",
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
        "customer.region is missing",
    ],
    "date": ["due", "signed", "today()", "2026-03-01", "customer.since", "max(items.ready_on)"],
    "datetime": ["created_at", "closed_at", "now()", "max(visits.at)"],
    "duration": ["effort", "3d", "90m", "2w"],
    "text": ["name", "customer.name", "'Valve'", "'阀门'", "''", "'%_'", "'a''b'", "number", "join(stage, 备注)"],
    "choice": ["stage", "'sent'", "'draft'"],
}
_RATES = st.sampled_from(_LEAVES["percent"])
_FACTORS = st.sampled_from(_LEAVES["percent"] + _LEAVES["number"][:6])
_DAYS = st.sampled_from(["3d", "2w", "effort", "(due - signed)"])
_EQUAL = st.sampled_from(["=", "!="])
_ORDER = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int) -> str:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        leaf = draw(st.sampled_from(_LEAVES[kind]))
        return f"({leaf})" if kind == "boolean" else leaf
    make = draw(st.sampled_from(_MAKERS[kind]))
    return make(lambda wanted: draw(expressions(wanted, depth - 1)), draw)


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
        lambda part, draw: f"length({part('text')})",
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
        lambda part, draw: f"date({part('datetime')})",
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
    "text": [*_either("text"), lambda part, draw: f"join({part('text')}, {part('text')})"],
    "choice": _either("choice"),
}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
@pytest.mark.parametrize("kind", list(_LEAVES))
def test_python_and_sql_give_the_same_value_for_every_row(
    kind: str, data: st.DataObject, database: Connection, in_python: Callable[[Checked], Answers], world: World
) -> None:
    checked = check_quote(data.draw(expressions(kind, depth=3)))
    expected = in_python(checked)
    assert in_sql(database, checked, world) == expected
    if checked.type.kind is Kind.BOOLEAN:
        assert where_in_sql(database, checked, world) == {id for id, value in expected.items() if value}
