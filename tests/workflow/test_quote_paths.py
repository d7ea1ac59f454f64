"""Who signs a quote of the manufacturing template: the table of the price policy, one row each."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from engine.compiler.app import CompiledApp
from engine.compiler.compile import load_app
from engine.definition.source import read_folder
from engine.expression import Env
from engine.people.actor import Actor
from engine.places import find_data
from engine.workflow.approval.decisions import Submission
from engine.workflow.approval.plan import Person
from engine.workflow.approval.planning import plan_submission

REP = Actor(1, "rep", "rep", frozenset({"rep"}), None, frozenset(), "zh", "web")
KNOWN = {"status": "active", "term_days": 30}
NEW = {"status": "potential", "term_days": 30}


class Customer:
    """One customer behind every link."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def linked(self, entity: str, id: int) -> dict[str, Any]:
        return self.values

    def fold(self, fold: Any, record: Any, env: Any) -> None:
        return None

    def collection(self, entity: str, name: str, record: Any) -> tuple[Any, ...]:
        return ()


@pytest.fixture(scope="module")
def app() -> CompiledApp:
    return load_app(read_folder(find_data("templates") / "manufacturing"))


def submit(app: CompiledApp, customer: dict[str, Any] = KNOWN, **values: Any) -> Submission:
    discount = Decimal(values.pop("discount", "0"))
    price = Decimal(values.pop("price", "100"))
    line = {"list_price": Decimal(100), "price": price, "floor_price": Decimal(60), "cost": Decimal(50)}
    line |= values.pop("line", {})
    quote = {
        "id": 1, "customer": 7, "items": [line], "total": Decimal(values.pop("total", "1000")), "term_days": 30,
        "weighted_discount": discount, "worst_discount": discount, "margin": Decimal("0.40"), "prepay": Decimal("0.3"),
    }  # fmt: skip
    env = Env(REP.id, datetime(2026, 3, 3, tzinfo=UTC), date(2026, 3, 3), Customer(customer))
    entity, approval = app.entities["quote"], app.approvals["quote_price"]
    return plan_submission(entity, approval, quote | values, env, starter=Person(REP.id, REP.name))


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ({"discount": "0.06"}, ["manager"]),
        ({"discount": "0.10"}, ["manager"]),
        ({"discount": "0.1001"}, ["manager", "director"]),
        ({"discount": "0.15"}, ["manager", "director"]),
        ({"discount": "0.16"}, ["manager", "director", "finance", "general_manager"]),
        ({"weighted_discount": Decimal("0.01"), "worst_discount": Decimal("0.12")}, ["manager", "director"]),
        ({"margin": Decimal("0.1499")}, ["finance", "general_manager"]),
        ({"price": "55"}, ["finance", "general_manager"]),  # below the floor price
        ({"price": "49", "discount": "0.51"}, ["special"]),  # below cost: the general manager alone, with a reason
        ({"total": "500000.01"}, ["general_manager"]),
        ({"total": "500000.01", "discount": "0.06"}, ["manager", "general_manager"]),
        ({"term_days": 31}, ["finance"]),
        ({"customer": NEW, "prepay": Decimal("0.29")}, ["finance"]),
        ({"line": {"list_price": None}}, ["director"]),
    ],
)
def test_the_path_of_a_quote_follows_the_price_policy(app: CompiledApp, case: dict[str, Any], path: list[str]) -> None:
    submission = submit(app, **case)
    assert submission.auto_note is None
    assert [step.key for step in submission.steps if step.applies] == path


@pytest.mark.parametrize(
    "case",
    [
        {"discount": "0.05"},
        {"discount": "0.05", "total": "500000"},
        {"margin": Decimal("0.15")},
        {"customer": NEW, "prepay": Decimal("0.30")},
        {"term_days": 30},
    ],
)
def test_a_standard_price_needs_nobody(app: CompiledApp, case: dict[str, Any]) -> None:
    submission = submit(app, **case)
    assert submission.auto_note is not None
    assert submission.auto_note["zh"] == "标准价格，免审"


def test_below_cost_is_approved_only_with_a_reason(app: CompiledApp) -> None:
    steps = {step.key: step for step in submit(app, price="49").steps}
    assert "approve" in steps["special"].reason
    assert "approve" not in steps["director"].reason
