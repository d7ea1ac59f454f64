"""A chart on a page: everything it shows stands in a table, and no text of a person becomes markup."""

from decimal import Decimal

from jinja2 import Environment, FileSystemLoader

from engine.drawing.charts.chart import Cell, Chart, Series
from web.page_kit import PAGE_TEMPLATES, install_page_kit
from web.reporting.chart_view import view_chart

EVIL = "</script><b>王</b>"


def show(chart: Chart) -> str:
    env = Environment(loader=FileSystemLoader(PAGE_TEMPLATES), autoescape=True)
    install_page_kit(env, lambda: "zh")
    page = env.from_string("{% import 'parts/chart.html' as charts with context %}{{ charts.show(chart) }}")
    return page.render(chart=view_chart(chart, "c"))


def some(kind: str, *, total: Cell | None = None) -> Chart:
    cells = (
        Cell(Decimal(12), "12 分钟", 34, "/reports/response/rows?owner=3"),
        Cell(None),
        Cell(Decimal(3), "3 分钟", 2, few=True),
    )
    return Chart(kind, "首次响应", ("甲", "乙", EVIL), (Series("中位数", cells, "minutes", total=total),), by="负责人")  # type: ignore[arg-type]


def test_the_table_holds_every_figure_with_its_count_and_its_rows() -> None:
    page = show(some("bars", total=Cell(Decimal(9), "9 分钟", 36)))
    assert '<a href="/reports/response/rows?owner=3">12 分钟</a> <small class="muted">n=34</small>' in page
    assert ">—</td>" in page
    assert 'is-few">3 分钟 <small class="muted">n=2</small>' in page
    assert "合计" in page and "9 分钟" in page


def test_a_name_is_text_in_the_drawing_the_data_and_the_table() -> None:
    page = show(some("bars"))
    assert EVIL not in page and "<b>" not in page
    assert page.count("<script") == page.count("</script>") == 1


def test_a_heat_map_and_a_pivot_have_a_row_for_each_series() -> None:
    rows = tuple(Series(name, (Cell(Decimal(1), "1"), Cell(Decimal(2), "2"))) for name in ("一店", "二店"))
    table = view_chart(Chart("pivot", "到店", ("9时", "10时"), rows, by="时", across="门店"), "c")
    assert [row["label"] for row in table["table"]["rows"]] == ["一店", "二店"]
    assert table["table"]["by"] == "门店" and table["open"] and not table["drawn"]


def test_a_table_by_itself_stands_open_and_a_chart_without_values_says_so() -> None:
    assert "<details" not in show(some("table"))
    empty = Chart("bars", "空", ("甲",), (Series("数", (Cell(None),)),))
    assert "这段时间没有数据" in show(empty)
