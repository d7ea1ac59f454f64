"""Lines are added, changed, removed and put in order by their ids; whose id it is not is refused."""

from decimal import Decimal
from typing import Any

import pytest

from tests.records.desk import Desk, errors_of, line

D = Decimal


def test_lines_are_added_changed_removed_and_put_in_order(desk: Desk) -> None:
    first, second, third = desk.product(price="1"), desk.product(price="2"), desk.product(price="3")
    deal = desk.deal(lines=[line(first), line(second)])
    ids = [row["id"] for row in deal.values["lines"]]

    changed = desk.update("chief", deal, lines=[line(third), {"id": ids[1], "qty": "5"}, {"id": ids[0]}])

    rows = desk.get("chief", changed).values["lines"]
    assert [(row["product"], row["qty"], row["memo"]) for row in rows] == [
        (third.id, D("2.00"), "无"),
        (second.id, D("5.00"), "无"),
        (first.id, D("2.00"), "无"),
    ]
    assert [row["id"] for row in rows[1:]] == [ids[1], ids[0]]
    assert changed.values["total"] == D("18.00")
    assert changed.values["lines"] == rows

    left = desk.update("chief", changed, lines=[{"id": ids[0]}])
    assert [row["id"] for row in desk.get("chief", left).values["lines"]] == [ids[0]]
    assert desk.update("chief", left, lines=[]).values["total"] == D("0.00")


def test_lines_not_sent_stay(desk: Desk) -> None:
    deal = desk.deal(lines=[line(desk.product())])

    assert desk.update("chief", deal, note="n").values["lines"] == deal.values["lines"]


@pytest.mark.parametrize("row_id", ["foreign", 0, -1, True, "x", "9" * 5000, [[]], {"a": 1}, 10**30, 1.0])
def test_the_line_of_another_record_is_as_good_as_gone(desk: Desk, row_id: Any) -> None:
    product = desk.product()
    foreign, deal = desk.deal(lines=[line(product)]), desk.deal(lines=[line(product)])
    given = foreign.values["lines"][0]["id"] if row_id == "foreign" else row_id

    said = errors_of(lambda: desk.update("chief", deal, lines=[{"id": given, "qty": "9"}]))

    assert said["lines.0"] == "这一行已被删除，请刷新后重试。"
    assert desk.get("chief", foreign).values["lines"] == foreign.values["lines"]


def test_a_line_sent_twice_is_refused(desk: Desk) -> None:
    deal = desk.deal(lines=[line(desk.product())])
    id_ = deal.values["lines"][0]["id"]

    assert list(errors_of(lambda: desk.update("chief", deal, lines=[{"id": id_}, {"id": id_}]))) == ["lines.1"]


def test_blank_lines_are_left_out_and_wrong_ones_are_counted(desk: Desk) -> None:
    product = desk.product()

    made = desk.deal(lines=[{}, {"qty": "", "product": None}, line(product), {"memo": " "}])
    assert len(made.values["lines"]) == 1
    said = errors_of(lambda: desk.deal(lines=[{"qty": "x"}, {"qty": "y"}, line(product, qty="z")]))
    assert [path for path in said if path.endswith("qty")] == ["lines.0.qty", "lines.1.qty", "lines.2.qty"]


@pytest.mark.parametrize("raw", ["x", 5, {"0": {}}, [1, 2], ["a"], True])
def test_lines_that_are_no_lines_are_refused(desk: Desk, raw: Any) -> None:
    assert errors_of(lambda: desk.deal(lines=raw)) == {"lines": "明细应为若干行。"}


def test_too_many_lines_are_refused(desk: Desk) -> None:
    product = desk.product()

    assert errors_of(lambda: desk.deal(lines=[line(product)] * 6)) == {"lines": "最多 5 行。"}


def test_a_link_that_stood_in_its_line_before_is_not_judged_again(desk: Desk) -> None:
    product = desk.product()
    deal = desk.deal(lines=[line(product)])
    desk.update("chief", product, state="ended")
    row = deal.values["lines"][0]["id"]

    changed = desk.update("chief", deal, lines=[{"id": row, "product": product.id, "qty": "3"}])

    assert changed.values["lines"][0]["qty"] == D("3.00")
    said = errors_of(lambda: desk.update("chief", changed, lines=[{"id": row}, line(product)]))
    assert said == {"lines.1.product": "所选的“产品”不符合条件，请重新选择。"}
