"""Spreadsheets: what people send is read, and what would harm the server is refused before it can."""

import csv
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from engine.errors import InvalidValues
from engine.importing import sheets, workbooks
from engine.importing.sheets import Sheet, read_sheet

ROWS = [["名称", "电话"], ["甬江阀门", "0574-87654321"], ["", ""], ["北方,机械", "010 1234567"]]
READ = Sheet(["名称", "电话"], [(2, ["甬江阀门", "0574-87654321"]), (4, ["北方,机械", "010 1234567"])])


def workbook(cells: Iterable[tuple[int, int, Any]]) -> bytes:
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
    for row, column, value in cells:
        if isinstance(value, datetime):
            sheet.write_datetime(row, column, value, day)
        else:
            sheet.write(row, column, value)
    book.close()
    return made.getvalue()


def table(rows: list[list[Any]], at: tuple[int, int] = (0, 0)) -> bytes:
    return workbook((at[0] + y, at[1] + x, cell) for y, row in enumerate(rows) for x, cell in enumerate(row))


def text(rows: list[list[str]], delimiter: str = ",") -> str:
    made = io.StringIO()
    csv.writer(made, delimiter=delimiter).writerows(rows)
    return made.getvalue()


def refusal_of(content: bytes, name: str) -> str:
    with pytest.raises(InvalidValues) as refused:
        read_sheet(content, name)
    return refused.value.errors[0].text()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_read_in_the_encodings_of_chinese_offices(encoding: str, delimiter: str) -> None:
    assert read_sheet(text(ROWS, delimiter).encode(encoding), "客户.CSV") == READ


def test_a_csv_may_begin_with_blank_lines_and_hold_line_breaks() -> None:
    read = read_sheet('\n\n名称;备注\n甲;"一\n二"\n'.encode(), "a.csv")

    assert (read.headers, [cells for _, cells in read.rows]) == (["名称", "备注"], [["甲", "一\n二"]])


def test_a_workbook_is_read_with_numbers_days_and_flags() -> None:
    day = datetime(2026, 3, 4)
    read = read_sheet(table([["a", "b", "c", "d"], ["x", 5, day, True]]), "a.xlsx")

    assert read == Sheet(["a", "b", "c", "d"], [(2, ["x", 5.0, day, True])])


def test_rows_keep_the_numbers_the_sheet_shows() -> None:
    assert read_sheet(table(ROWS, at=(4, 2)), "a.xlsx").rows == [(row + 4, cells) for row, cells in READ.rows]


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.xlsx.exe", "", "a\x00.csvx"])
def test_another_kind_of_file_is_refused(name: str) -> None:
    assert refusal_of(b"x", name).endswith("不是可以导入的文件，请用 .xlsx 或 .csv。")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"PK\x03\x04" + b"\x00" * 100,
        b"no zip at all",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        table(ROWS)[:-400],
    ],
    ids=["empty", "start", "zeros", "text", "old", "cut"],
)
@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.ods"])
def test_a_broken_workbook_is_refused(content: bytes, name: str) -> None:
    assert refusal_of(content, name) == "文件无法读取，可能已损坏或内容与扩展名不符，请另存为 .xlsx 或 .csv 后重试。"


@pytest.mark.parametrize("content", [b"", b"\n\n", b",,\n,,", b"\xef\xbb\xbf"])
def test_an_empty_table_is_refused(content: bytes) -> None:
    assert refusal_of(content, "a.csv") == "文件里没有内容，第一行应为字段名称。"


def test_bytes_that_are_no_text_are_refused() -> None:
    assert refusal_of(b"name\n\xff\xff\xff\xff", "a.csv").startswith("文件的文字编码无")
    assert refusal_of(b"\xff\xfea", "a.csv").startswith("文件的文字编码无")


def test_a_file_too_large_too_wide_or_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "20 MB" in refusal_of(b"x" * (sheets.MAX_BYTES + 1), "a.csv")
    assert "200" in refusal_of(text([["a"] * 201]).encode(), "a.csv")
    monkeypatch.setattr(sheets, "MAX_ROWS", 2)
    assert (
        refusal_of(text([["a"], ["1"], ["2"], ["3"]]).encode(), "a.csv") == "行数过多，一次最多 2 行，请拆分后再导入。"
    )


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as part,
    ):
        for _ in range(sheets.MAX_UNPACKED // 4_194_304 + 1):
            part.write(b"\x00" * 4_194_304)

    assert len(made.getvalue()) < 1_000_000
    assert "20 MB" in refusal_of(made.getvalue(), "a.xlsx")


def test_a_cell_far_away_does_not_end_the_server() -> None:
    content = workbook([(0, 0, "name"), (1_048_575, 16_383, "x")])

    assert len(content) < 10_000
    assert refusal_of(content, "a.xlsx").startswith("文件无法读取：内容过大，或有单元格远离其他内容。")


def test_a_workbook_that_says_too_much_is_cut_off(tmp_path: Path) -> None:
    program = Path(workbooks.__file__).read_text(encoding="utf-8")
    small = tmp_path / "reader.py"
    small.write_text(program.replace("MOST_OUTPUT = 256 * 1_048_576", "MOST_OUTPUT = 100_000"), encoding="utf-8")
    said = table([["name"], *[["x" * 30_000]] * 10])

    cut = subprocess.run([sys.executable, "-P", str(small)], input=said, capture_output=True, timeout=60)
    whole = subprocess.run([sys.executable, "-P", workbooks.__file__], input=said, capture_output=True, timeout=60)

    assert (cut.returncode, whole.returncode) == (workbooks.TOO_LARGE, 0)
    assert (cut.stdout.count(b"\n"), whole.stdout.count(b"\n")) == (4, 11)


def test_big5_is_told_from_gb18030_and_titles_and_bars_are_seen_through() -> None:
    rows = "客戶名單\n\n公司名稱|聯絡電話|地址\n台灣機械有限公司|0223456789|台北市\n".encode("big5")
    read = read_sheet(rows, "a.csv")
    assert read == Sheet(["公司名稱", "聯絡電話", "地址"], [(4, ["台灣機械有限公司", "0223456789", "台北市"])])


def test_what_an_export_guarded_against_formulas_comes_back_as_it_was() -> None:
    assert read_sheet("名称,备注\n'=1+1,'+86\n'quoted',''x\n".encode(), "a.csv").rows == [
        (2, ["=1+1", "+86"]),
        (3, ["'quoted'", "''x"]),
    ]


def test_a_formula_is_its_value_and_a_length_of_time_is_one() -> None:
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    sheet, clock = book.add_worksheet(), book.add_format({"num_format": "[h]:mm"})
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_formula(1, 0, "=1+1", None, 2)
    sheet.write_number(1, 1, 1.0625, clock)
    book.close()
    assert read_sheet(made.getvalue(), "a.xlsx").rows == [(2, [2.0, timedelta(hours=25, minutes=30)])]
