"""Records with lines in a flat file: rows that are one record come in, are judged and taken back as one."""

import io
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from engine.importing import papers
from tests.importing.bringing import choose, counts, put, rows_of, run, see, told, undo
from tests.records.desk import Desk, line

HEADER = ["编号", "标题", "联系电话", "明细 产品", "数量", "明细 单价", "说明"]


def file(desk: Desk, title: str, sku: str) -> list[list[Any]]:
    return [
        HEADER,
        ["A1", f"{title}a", "13800138000", sku, "2", "10", "头"],
        ["A1", "", "", sku, "3.5", "20", ""],
        ["", "", "", sku, "1", "", "尾"],
        ["A2", f"{title}b", "", sku, "4", "5", ""],
        ["A3", f"{title}c", "", "", "", "", ""],
    ]


def deals(desk: Desk, title: str) -> list[Any]:
    page = desk.page("chief", "deal", text=title, sort="title", columns=("title",), limit=20)
    return [desk.get("chief", one) for one in page.records]


def test_rows_of_one_number_are_one_record_with_its_lines_and_taken_back_as_one(desk: Desk) -> None:
    sku, title = desk.name("SKU"), desk.name("行")
    product = desk.product(sku=sku, price="9.99")

    found = put(desk, file(desk, title, sku), "deal")
    assert [one.key for one in found.columns] == [
        "number", "title", "phone", "lines.product", "lines.qty", "lines.price", "lines.memo"]  # fmt: skip
    checked = choose(desk, found)
    assert told(desk, found) == {} and (checked.total, counts(desk, found)) == (3, {"ready": 3})
    run(desk, checked)

    first, second, third = deals(desk, title)
    shown = [(one["product"], one["qty"], one["price"], one["memo"]) for one in first.values["lines"]]
    assert shown == [
        (product.id, Decimal("2"), Decimal("10"), "头"), (product.id, Decimal("3.5"), Decimal("20"), "无"),
        (product.id, Decimal("1"), Decimal("9.99"), "尾"),
    ]  # fmt: skip
    assert first.values["total"] == Decimal("99.99") and first.values["number"] != "A1"
    assert len(second.values["lines"]) == 1 and third.values["lines"] == []

    assert counts(desk, undo(desk, checked)) == {"undone": 3}
    assert deals(desk, title) == []


def test_what_is_wrong_is_said_at_its_cell_and_row_and_the_file_to_mend_has_all_rows(desk: Desk) -> None:
    sku, title = desk.name("SKU"), desk.name("错")
    desk.product(sku=sku)
    rows = file(desk, title, sku)
    rows[2][4], rows[2][2] = "很多", "13900139000"
    rows[3][3] = "没有的产品"

    found = choose(desk, put(desk, rows, "deal"))

    (problems,) = (row.problems for row in rows_of(desk, found, "wrong"))
    where = sorted((one.get("row"), one["at"]) for one in problems if one.get("row"))
    assert where == [(3, 4), (4, 3)]
    differs = next(one for one in problems if "row" not in one)
    assert (differs["at"], differs["zh"]) == (2, "第 3 行和第 2 行是同一条记录，但这里写的不一样。")

    made = io.BytesIO()
    with desk.store.read() as session:
        papers.write_errors(made, session, see(desk, found.id), "zh")
    cells = CalamineWorkbook.from_filelike(io.BytesIO(made.getvalue())).get_sheet_by_index(0).to_python()
    assert [row[0] for row in cells[1:]] == ["A1", "A1", ""]
    assert "数量" in cells[2][-1] and "没有的产品" in cells[3][-1]

    again = choose(desk, found, keys={"明细 产品": None, "数量": None, "明细 单价": None, "说明": None})
    assert (again.total, counts(desk, again)["ready"]) == (5, 5)  # without lines each row is a record again


def test_a_change_takes_the_lines_of_the_file_for_those_there_were_and_gives_them_back(desk: Desk) -> None:
    sku, title = desk.name("SKU"), desk.name("改")
    product = desk.product(sku=sku)
    made = desk.create("chief", "deal", title=title, lines=[line(product, qty="7", price="3")])
    number = made.values["number"]
    rows = [["编号", "产品", "数量", "明细 单价"], [number, sku, "1", "10"], [number, sku, "2", "10"]]

    found = run(desk, choose(desk, put(desk, rows, "deal"), mode="update", by="number"))

    assert counts(desk, found) == {"updated": 1}
    assert [one["qty"] for one in desk.get("chief", made).values["lines"]] == [1, 2]
    undo(desk, found)
    back = desk.get("chief", made).values
    assert [(one["qty"], one["price"]) for one in back["lines"]] == [(7, 3)] and back["total"] == 21


def test_a_record_may_have_many_lines_across_pieces_and_no_more_than_it_may_have(desk: Desk) -> None:
    sku, title = desk.name("SKU"), desk.name("长")
    desk.product(sku=sku)
    rows: list[list[Any]] = [["标题", "产品", "数量"]]
    rows += [[f"{title}{at // 4:03}", sku, "1"] for at in range(1_000)]
    rows += [[f"{title}太多", sku, "1"]] * 6

    found = choose(desk, put(desk, rows, "deal"))

    assert (found.total, counts(desk, found)) == (251, {"ready": 250, "wrong": 1})


@pytest.mark.parametrize("login", ["lead"])
def test_columns_of_lines_that_may_not_be_written_are_not_offered(desk: Desk, login: str) -> None:
    found = put(desk, [["标题", "明细 成本", "明细 金额", "明细 产品"], ["x", "1", "1", "y"]], "deal", login)
    assert [one.key for one in found.columns] == ["title", None, None, "lines.product"]
