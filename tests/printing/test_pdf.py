"""PDF pages hold what was asked for, in Chinese, and whatever people typed stays text."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pypdf
import pytest

from engine.errors import NotPossibleNow
from engine.printing import pdf
from engine.printing.pdf import PrintPage, render_pdf
from engine.printing.trail import TrailPage, render_trail
from web.page_kit import FONTS

pytest.importorskip("typst", reason="typst is not installed")

BUILT = Path(__file__).parent.parent.parent / "web" / "static" / "dist" / "fonts"
PAGE: PrintPage = {
    "lang": "zh",
    "title": "报价单",
    "number": "BJ202603-0001",
    "company": {"name": "甬江机械", "lines": ["宁波市江北区"]},
    "date_text": "2026-03-02",
    "watermark": None,
    "parties": [{"label": "客户", "lines": ["北方阀门厂"]}],
    "entries": [{"label": "付款条件", "text": "月结30天", "wide": False}],
    "tables": [
        {
            "columns": [{"label": "产品", "right": False}, {"label": "数量", "right": True}],
            "rows": [["密封垫 F-100", "1,200.00"], ["油封", "3.50"]],
        }
    ],
    "totals": [{"label": "合计", "text": "12,345.67"}],
    "lists": [
        {"label": "发货", "columns": [{"label": "运单号", "right": False}], "rows": [["SF139002"]]},
        {"label": "验收", "columns": [], "rows": []},
    ],
    "words": {"label": "大写", "text": "壹万贰仟叁佰肆拾伍元陆角柒分"},
    "notes": ["逾期请重新询价。"],
    "approval": [{"label": "区域经理", "text": "同意"}],
    "signatures": ["报价人"],
}


@pytest.fixture(scope="module")
def fonts() -> Path:
    """The fonts made at set-up, or those of the system; skips when neither is there."""
    found = BUILT if BUILT.is_dir() else pdf._system_fonts()
    if found is None:
        pytest.skip("no Chinese font: run the set-up, or install Noto Sans CJK")
    return found


def test_pages_look_for_fonts_where_the_set_up_puts_them() -> None:
    assert FONTS == BUILT, "without Chinese fonts on the system no page would have a PDF"


def text_of(content: bytes) -> str:
    """The text of all pages, without the spaces a PDF puts between pieces."""
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return "".join("".join(page.extract_text() for page in pages).split())


def page_with(**more: Any) -> PrintPage:
    return {**PAGE, **more}  # type: ignore[typeddict-item]


def test_every_value_stands_on_the_page(fonts: Path) -> None:
    said = text_of(render_pdf(PAGE, fonts))

    for value in (
        "报价单", "BJ202603-0001", "甬江机械", "宁波市江北区", "2026-03-02", "北方阀门厂", "付款条件", "月结30天",
        "密封垫F-100", "1,200.00", "油封", "12,345.67", "壹万贰仟叁佰肆拾伍元陆角柒分", "逾期请重新询价。",
        "区域经理同意", "报价人", "发货", "运单号", "SF139002", "验收",
    ):  # fmt: skip
        assert value in said, value


def test_an_unapproved_page_carries_its_watermark_on_every_sheet(fonts: Path) -> None:
    rows = [[f"产品 {at}", "1"] for at in range(120)]
    tables = [{**PAGE["tables"][0], "rows": rows}]

    content = render_pdf(page_with(watermark="未批准", tables=tables), fonts)

    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    assert len(pages) > 1
    assert all("未批准" in "".join(page.extract_text().split()) for page in pages)
    assert "未批准" not in text_of(render_pdf(page_with(tables=tables), fonts))


HOSTILE = [
    "#panic()", '#read("/etc/passwd")', "#let x = 1; $ x^2 $", "*stern* _unter_ `code`", "</w:t><script>",
    "\\u{41} \\n",
    "= Überschrift", "@verweis <marke>", "// nichts", "\"'", "{}[]()", "#sys.inputs",
]  # fmt: skip


def test_whatever_people_typed_stays_text(fonts: Path) -> None:
    rows = [[text, "1"] for text in HOSTILE]
    said = text_of(render_pdf(page_with(tables=[{**PAGE["tables"][0], "rows": rows}]), fonts))

    for text in HOSTILE:
        assert "".join(text.split()) in said.replace("“", '"').replace("”", '"').replace("’", "'").replace("‘", "'"), (
            text
        )


@pytest.mark.parametrize("text", ["😀", "\u202e", "a" * 5_000, "\n" * 50, "", "𠮷野家", "\x01"])
def test_an_odd_text_anywhere_still_gives_a_page(fonts: Path, text: str) -> None:
    page = page_with(
        title=text, number=text, notes=[text], entries=[{"label": text, "text": text, "wide": True}], signatures=[text],
        watermark=text,
    )  # fmt: skip
    assert render_pdf(page, fonts).startswith(b"%PDF")


@pytest.mark.parametrize("wide", [(False, True), (True, False), (False, True, False, False, True)])
def test_entries_stand_in_two_columns_and_a_wide_one_in_both(fonts: Path, wide: tuple[bool, ...]) -> None:
    entries = [{"label": f"字段{n}", "text": f"值{n}", "wide": one} for n, one in enumerate(wide)]
    said = text_of(render_pdf(page_with(entries=entries), fonts))
    assert [f"值{n}" in said for n in range(len(wide))] == [True] * len(wide)


def test_a_page_of_nothing_is_a_page(fonts: Path) -> None:
    empty: dict[str, Any] = {
        key: [] for key in ("parties", "entries", "tables", "lists", "totals", "notes", "approval", "signatures")
    }

    assert render_pdf(page_with(company=None, date_text="", words=None, **empty), fonts).startswith(b"%PDF")


def test_the_same_data_give_the_same_content(fonts: Path) -> None:
    assert text_of(render_pdf(PAGE, fonts)) == text_of(render_pdf(PAGE, fonts))


def test_without_a_chinese_font_nothing_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_SYSTEM_FONTS", (tmp_path,))
    pdf._system_fonts.cache_clear()
    try:
        with pytest.raises(NotPossibleNow) as refused:
            render_pdf(PAGE, tmp_path / "missing")
    finally:
        pdf._system_fonts.cache_clear()

    assert refused.value.text().startswith("没有找到中文字体")


def test_a_trail_prints_each_round_and_the_picture_of_a_signature(fonts: Path) -> None:
    picture = _png()
    row = {"step": "签批", "rule": ["条件：折扣 大于 10%"], "person": "王总", "by": "由李经理代为处理",
           "decision": "已同意", "when": "2026-03-02 10:00", "reason": "#eval(1) *粗*",
           "signature": list(picture)}  # fmt: skip
    rounds = [
        {"title": "第 1 次提交", "lines": ["已通过"], "rows": [row], "skipped": ["财务：不需要"], "comments": ["好"]}
    ]
    page: TrailPage = {
        "lang": "zh", "title": "报价单审批记录", "number": "BJ1", "name": "甬江机械", "printed": "打印于 2026-03-02",
        "entries": [{"label": "阶段", "text": "已批准", "wide": False}], "tables": PAGE["tables"],
        "heads": ["步骤", "人", "结果", "时间", "意见"], "rounds": rounds,
    }  # fmt: skip
    content = render_trail(page, fonts)
    said = text_of(content)
    for part in ("第1次提交", "王总", "由李经理代为处理", "#eval(1)*粗*", "财务：不需要", "折扣大于10%"):
        assert part in said, part
    assert len(pypdf.PdfReader(io.BytesIO(content)).pages[0].images) == 1


def _png() -> bytes:
    """A white picture of two pixels."""
    raw = zlib.compress(b"\x00\xff\xff")

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", raw) + chunk(b"IEND", b"")
