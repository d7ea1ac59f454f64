"""Amounts in capitals, by the examples of the 支付结算办法 and the rules they stand for."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.printing.capitals import in_capitals

# the examples of annex 1, in the form without the 零 it leaves to the writer, and 整 after 角
STANDARD = [
    ("1409.50", "壹仟肆佰零玖元伍角整"),
    ("6007.14", "陆仟零柒元壹角肆分"),
    ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
    ("107000.53", "壹拾万柒仟元伍角叁分"),
    ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
    ("325.04", "叁佰贰拾伍元零肆分"),
]
OTHERS = [
    ("0", "零元整"),
    ("0.004", "零元整"),
    ("0.005", "壹分"),
    ("0.01", "壹分"),
    ("0.10", "壹角整"),
    ("0.25", "贰角伍分"),
    ("1", "壹元整"),
    ("1.05", "壹元零伍分"),
    ("10", "壹拾元整"),
    ("11", "壹拾壹元整"),
    ("100.1", "壹佰元壹角整"),
    ("1001", "壹仟零壹元整"),
    ("1010", "壹仟零壹拾元整"),
    ("10000", "壹万元整"),
    ("10001", "壹万零壹元整"),
    ("10010.50", "壹万零壹拾元伍角整"),
    ("12345.67", "壹万贰仟叁佰肆拾伍元陆角柒分"),
    ("100000", "壹拾万元整"),
    ("100500", "壹拾万零伍佰元整"),
    ("1000000", "壹佰万元整"),
    ("10000000", "壹仟万元整"),
    ("10203040.50", "壹仟零贰拾万叁仟零肆拾元伍角整"),
    ("100000000", "壹亿元整"),
    ("100000001", "壹亿零壹元整"),
    ("100010000", "壹亿零壹万元整"),
    ("150000000", "壹亿伍仟万元整"),
    ("1000000001", "壹拾亿零壹元整"),
    ("20000100000", "贰佰亿零壹拾万元整"),
    ("1234500000000", "壹万贰仟叁佰肆拾伍亿元整"),
    ("9999999999999999.99", "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ("-1234.50", "负壹仟贰佰叁拾肆元伍角整"),
    ("-0.001", "零元整"),
    ("1.995", "贰元整"),
]


@pytest.mark.parametrize(("amount", "said"), STANDARD + OTHERS)
def test_an_amount_is_said_as_the_standard_writes_it(amount: str, said: str) -> None:
    assert in_capitals(Decimal(amount)) == said


VALUES = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}


def back(said: str) -> Decimal:
    """Read capitals as a person does: digits times their places, 万 and 亿 gathering what stands before them."""
    whole, _, rest = said.removesuffix("整").rpartition("元")
    total = section = digit = 0
    for one in whole:
        if one in VALUES:
            digit = VALUES[one]
        elif one == "亿":
            total, section, digit = (total + section + digit) * 10**8, 0, 0
        elif one == "万":
            total, section, digit = total + (section + digit) * 10**4, 0, 0
        else:
            section, digit = section + digit * {"拾": 10, "佰": 100, "仟": 1000}[one], 0
    cents = sum(VALUES[rest[at - 1]] * {"角": 10, "分": 1}[rest[at]] for at in range(len(rest)) if rest[at] in "角分")
    return Decimal(total + section + digit) + Decimal(cents) / 100


@given(st.integers(0, 10**18 - 1))
def test_what_is_said_is_the_amount_and_zeros_are_said_once(cents: int) -> None:
    said = in_capitals(Decimal(cents) / 100)

    assert back(said) == Decimal(cents) / 100
    assert "零零" not in said
    assert not said.startswith("零") or said == "零元整"
    assert "零元" not in said.removeprefix("零元整")
