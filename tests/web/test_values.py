"""Figures as they are read: a value that is not its target never reads as if it were."""

from decimal import Decimal

import pytest

from engine.drawing.charts.chart import Unit
from engine.reports.values import say_beside, say_in_unit
from web.i18n import Locale
from web.reporting.figure_words import say_aimed

ENGLISH, CHINESE = Locale("en"), Locale("zh")


@pytest.mark.parametrize(
    ("value", "target", "unit", "said"),
    [
        ("0.0051", "0.005", "percent", ("0.51%", "0.5%")),
        ("0.0049999", "0.005", "percent", ("0.49999%", "0.5%")),
        ("0.005", "0.005", "percent", ("0.5%", "0.5%")),
        ("0.0062", "0.005", "percent", ("0.6%", "0.5%")),
        ("9.996", "10", "number", ("9.996", "10")),
        ("2.04", "2", "days", ("2.04 days", "2 days")),
        ("59.96", "60", "minutes", ("59.96 min", "1 h")),
        ("125.2", "125", "minutes", ("2 h 5.2 min", "2 h 5 min")),
        ("100.004", "100", "money", ("¥100.004", "¥100.000")),
    ],
)
def test_a_value_that_is_not_its_target_has_as_many_digits_as_tell_them_apart(
    value: str, target: str, unit: Unit, said: tuple[str, str]
) -> None:
    assert say_beside(ENGLISH, Decimal(value), Decimal(target), unit) == said


def test_what_differs_by_next_to_nothing_and_what_is_missing_reads_as_ever() -> None:
    assert say_beside(ENGLISH, Decimal("0.005000000000001"), Decimal("0.005"), "percent") == ("0.5%", "0.5%")
    assert say_beside(ENGLISH, None, Decimal("0.005"), "percent") == ("—", "0.5%")
    assert say_beside(ENGLISH, Decimal("0.005"), None, "percent") == ("0.5%", "—")


def test_a_large_amount_on_a_tile_gets_its_cents_back_where_they_tell_it_from_its_target() -> None:
    assert say_aimed(CHINESE, Decimal("1199999.60"), Decimal(1200000), "money") == ("¥1,199,999.60", "¥1,200,000.00")
    assert say_aimed(CHINESE, Decimal("1199990.60"), Decimal(1200000), "money") == ("¥1,199,991", "¥1,200,000")


def test_negative_minutes_keep_their_sign_and_whole_ones_have_no_point() -> None:
    assert say_in_unit(ENGLISH, Decimal("-125.2"), "minutes") == "-2 h 5 min"
    assert say_in_unit(ENGLISH, Decimal("60000"), "minutes") == "1,000 h"
