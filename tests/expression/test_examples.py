"""What expressions mean, as a table: each line is worked out in Python, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, select

from engine.expression import Checked, check_text, compile_python
from engine.expression.sql import compile_sql, sql_parameters
from tests.expression.conftest import SOURCE, TABLES, Answers, check_quote, in_sql
from tests.expression.world import NOW, SHAPES, World

RECORD: dict[str, Any] = {
    "id": 1,
    "number": "BJ2026-0001",
    "name": "球阀 F-100",
    "amount": Decimal("300000.00"),
    "paid": Decimal("0.00"),
    "discount": Decimal("0.2200"),
    "qty": Decimal("3.0000"),
    "visits_planned": 7,
    "stage": "sent",
    "archived": False,
    "due": date(2026, 3, 5),
    "created_at": datetime(2026, 3, 1, 17, 0, 0, 500_000, tzinfo=UTC),
    "closed_at": datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC),
    "effort": timedelta(hours=-30),
    "customer": 1,
    "owner": 1,
    "team": 1,
    "invited": [1, 2],
    "tags": ["valve"],
    "scan": [],
    "place": {"lat": 29.868336, "lng": 121.54399},
    "items": [
        {
            "qty": Decimal(100),
            "price": Decimal("78.00"),
            "discount": Decimal("0.0500"),
            "total": Decimal("7410.00"),
            "boxes": 2,
            "product": 1,
        },
        {
            "qty": Decimal(1),
            "price": None,
            "discount": Decimal("0.2200"),
            "total": None,
            "boxes": None,
            "product": None,
        },
    ],
}
WORLD = World(
    {
        "@user": [{"id": 1, "login": "rep.one", "department": 1}],
        "@department": [{"id": 1, "key": "sales"}],
        "product": [{"id": 1, "line": "valve", "name": "F-100"}],
        "customer": [
            {
                "id": 1,
                "name": "甬江阀门",
                "grade": "A",
                "credit": Decimal("0.10"),
                "location": {"lat": 29.8695, "lng": 121.54399},
            }
        ],
        "visit": [
            {"id": 1, "quote": 1, "at": NOW, "hours": Decimal("0.1"), "done": True},
            {"id": 2, "quote": 1, "at": None, "hours": Decimal("0.2"), "done": None},
            {"id": 3, "quote": 1, "at": None, "hours": Decimal(9), "done": True, "deleted_at": NOW},
        ],
        "quote": [RECORD],
    }
)

EXAMPLES: dict[str, Any] = {
    # numbers are exact decimals
    "0.1 + 0.2 = 0.3": True,
    "amount * (1 - discount)": Decimal("234000"),
    "amount * (1 - discount) > 10000 and stage in ['sent', 'approved'] and not archived": True,
    "amount / 7": Decimal("42857.142857"),
    "-amount / 7": Decimal("-42857.142857"),
    "1 / 8 * 8": Decimal("1"),
    "visits_planned / 2": Decimal("3.5"),
    "discount * discount * discount": Decimal("0.010648"),
    "amount / paid": None,
    "visits_planned - 2 * 3": Decimal("1"),
    "(visits_planned - 2) * 3": Decimal("15"),
    "30万 = amount and 0.003亿 = amount": True,
    "discount >= 22%": True,
    "discount < 22.0001%": True,
    "round(amount / 7, 2)": Decimal("42857.14"),
    "round(2.5)": Decimal("3"),
    "round(-2.5)": Decimal("-3"),
    "round(1.005, 2)": Decimal("1.01"),
    "abs(-2.5)": Decimal("2.5"),
    "max(amount, 500000)": Decimal("500000"),
    "max(win_rate, 15%)": Decimal("0.15"),
    "min(discount, win_rate)": Decimal("0.22"),
    # texts, choices, people
    "name = '球阀 F-100'": True,
    "contains(name, 'F-') and starts_with(number, 'BJ') and length(name) = 8": True,
    "text(1250.50) = '1250.5' and text(15%) = '15%' and text(-0.5 * 0) = '0' and text(stage) = stage": True,
    "text(due) = '2026-03-05' and text(created_at) = '2026-03-02 01:00'": True,
    "text(90m) = '1h 30m' and text(-3d) = '-3d' and text(0m) = '0m'": True,
    "date('2026年3月4日') = 2026-03-04 and date(' 2026/3/4 ') = 2026-03-04": True,
    "date('2026-02-30') is missing and date('4.3.2026') is missing and date(name) is missing": True,
    "date(text(due)) = due and number(text(12.5)) = 12.5": True,
    "number('1,250.5') = 1250.5 and number('12 ') = 12 and number(name) is missing": True,
    "contains(name, '%') or starts_with(name, 'F')": False,
    "join(number, ' ', 备注, name)": "BJ2026-0001 球阀 F-100",
    "join(备注, 备注)": None,
    "'it''s' = \"it's\"": True,
    "stage in ['draft', 'sent']": True,
    "owner = user and user in invited": True,
    "owner in ['rep.one', 'rep.two']": True,
    "user.department = 'sales' and owner.login = 'rep.one'": True,
    "user.department = team and team != 'quality' and owner.department = user.department": True,
    "user.department in ['sales', 'quality'] and user.department is not missing": True,
    "'director' in user.roles and 'admin' not in user.roles": True,
    "name in user.roles": False,
    "'valve' in tags and 'pump' not in tags": True,
    "count(invited)": 2,
    "customer.grade = 'A'": True,
    "customer.grade": "A",
    "if(customer.grade = 'A', 5%, 0%)": Decimal("0.05"),
    # missing values
    "win_rate is missing and discount is not missing": True,
    "scan is missing and tags is not missing": True,
    "win_rate > 0": False,
    "win_rate <= 0": False,
    "not win_rate > 0": True,
    "win_rate != 5%": True,
    "signed = customer.since": True,
    "signed != due": True,
    "备注 = 'x'": False,
    "备注 != 'x'": True,
    "备注 in ['x', 'y']": False,
    "备注 not in ['x', 'y']": True,
    "win_rate between 0 and 1": False,
    "amount * win_rate": None,
    "default(win_rate, 10%) * amount": Decimal("30000"),
    "if(archived, 1)": None,
    "if(archived, amount, missing)": None,
    "customer.key_account": None,
    "not customer.key_account": True,
    "customer.key_account and true": False,
    "customer.region is missing": True,
    # dates, moments, durations
    "today() + 3d = due": True,
    "due - today() < 4d": True,
    "days(due - today())": 3,
    "due - 1w": date(2026, 2, 26),
    "2024-02-28 + 2d = 2024-03-01": True,
    "due between today() and 2026-12-31": True,
    "due + effort": date(2026, 3, 3),
    "days(effort)": -2,
    "hours(effort)": -30,
    "minutes(effort)": -1800,
    "created_at - closed_at": timedelta(hours=1, seconds=1),
    "created_at + 90m": datetime(2026, 3, 1, 18, 30, 0, 500_000, tzinfo=UTC),
    "now() - created_at > 8h": True,
    "date(created_at) = today() and date(closed_at) = today() - 1d": True,
    "year(due) * 100 + month(due)": Decimal("202603"),
    "month_end(due)": date(2026, 3, 31),
    "month_end(2028-02-10) = 2028-02-29 and month_end(9999-12-01) = 9999-12-31": True,
    "add_days(month_end(due), visits_planned)": date(2026, 4, 7),
    "add_days(due, 0 - 2.5)": date(2026, 3, 2),
    "add_days(due, 400万) is missing and add_days(due, 9999999999) is missing": True,
    "add_days(0001-01-01, 0 - 1) is missing": True,
    "9999-12-31 + 1d": None,
    "0001-01-01 - 1d is missing": True,
    # places: a thousandth of a degree of latitude is 111.195 m, so 0.001164 degrees are 129.4 m
    "distance(place, customer.location)": 129,
    "distance(place, place) = 0 and distance(customer.location, place) < 200": True,
    "distance(place, if(archived, place))": None,
    "default(distance(if(archived, place), place), 7) = 7": True,
    # many rows
    "sum(items.total)": Decimal("7410"),
    "count(items)": 2,
    "avg(items.discount)": Decimal("0.135"),
    "median(items.discount)": Decimal("0.135"),
    "max(items.discount)": Decimal("0.22"),
    "min(items.price)": Decimal("78"),
    "count(items where product.line = 'valve')": 1,
    "sum(items.total where qty > 100)": Decimal("0"),
    "max(items.price where qty > 100)": None,
    "any(items where discount > 15%) and not all(items where discount > 15%)": True,
    "all(items where price > 0)": False,
    "count(visits where done)": 1,
    "sum(visits.hours) = 0.3": True,
    "sum(visits.hours) / count(visits)": Decimal("0.15"),
    "max(visits.at) = now()": True,
}


@pytest.mark.parametrize("text", list(EXAMPLES))
def test_an_expression_means_the_same_in_python(text: str) -> None:
    assert compile_python(check_quote(text))(RECORD, WORLD.env()) == EXAMPLES[text]


def test_an_expression_means_the_same_in_sql(empty_database: Connection) -> None:
    WORLD.store(empty_database, TABLES)
    found = {text: in_sql(empty_database, check_quote(text), WORLD)[1] for text in EXAMPLES}
    assert found == EXAMPLES


def test_names_of_let_stand_for_their_expressions() -> None:
    let = {"disc": check_quote("max(items.discount)"), "amt": check_quote("sum(items.total)")}
    checked = check_text("disc > 20% or amt >= 500000", SHAPES, "quote", let=let)
    assert compile_python(checked)(RECORD, WORLD.env()) is True
    assert checked.uses == {("items",), ("items", "discount"), ("items", "total")}


def test_an_expression_knows_what_it_reads() -> None:
    checked = check_quote("customer.grade = 'A' and owner = user and count(items where product.line = 'valve') > 0")
    assert checked.uses == {
        ("customer",),
        ("customer", "grade"),
        ("owner",),
        ("items",),
        ("items", "product"),
        ("items", "product", "line"),
    }
    assert checked.context == {"user"}
    assert check_quote("date(created_at) <= today() and due + 2wd > today()").context == {"today", "offset", "calendar"}


def test_nobody_owns_a_record_without_an_owner() -> None:
    mine = compile_python(check_quote("owner = user"))
    assert mine({"owner": None}, WORLD.env(user=None)) is False
    assert mine({"owner": None}, WORLD.env(user=1)) is False


def test_nobody_is_in_no_department_and_has_no_role(empty_database: Connection) -> None:
    record = RECORD | {"team": None}
    world = World(WORLD.records | {"quote": [record]})
    world.store(empty_database, TABLES)
    nobody = {
        "user.department = team": False,
        "user.department != team": True,
        "user.department = 'sales'": False,
        "user.department is missing": True,
        "user.department is not missing": False,
        "'admin' in user.roles": False,
        "备注 in user.roles": False,
    }
    for text, expected in nobody.items():
        checked, env = check_quote(text), world.env(user=None)
        assert compile_python(checked)(record, env) is expected
        statement = select(compile_sql(checked, SOURCE)).select_from(TABLES["quote"])
        assert empty_database.execute(statement, sql_parameters(checked, env)).scalar_one() is expected


def test_a_line_is_checked_and_evaluated_by_itself() -> None:
    checked = check_text("qty * price * (1 - discount)", SHAPES, "quote.items")
    assert compile_python(checked)(RECORD["items"][0], WORLD.env()) == Decimal("7410")


@pytest.mark.parametrize("places", [0, 2, 6])
def test_products_and_quotients_keep_six_places_rounded_half_up(
    places: int, in_python: Callable[[Checked], Answers], database: Connection, world: World
) -> None:
    checked = check_quote(f"round(qty * discount * win_rate * 0.5 / 3, {places})")
    found = in_sql(database, checked, world)
    assert found == in_python(checked)
    assert all(value is None or -Decimal(value).as_tuple().exponent <= places for value in found.values())
