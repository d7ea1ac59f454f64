"""Charts as they are drawn without a browser: lengths, gaps, scores and what is said, worked out by hand."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.drawing.charts.chart import Cell, Chart, Series, Step, Unit
from engine.drawing.charts.drawn import as_kind, draw_chart
from engine.drawing.charts.heat import level
from engine.drawing.charts.plot import Dot, Plot, Shape, Words, text_width
from engine.drawing.charts.radar import scores
from engine.drawing.charts.scale import make_scale, short, stretches
from engine.drawing.charts.svg import write_svg
from engine.drawing.charts.table import view_table
from engine.printing.report import ReportPage, render_picture, render_report
from web.page_kit import FONTS


def cells(*values: str | int | None, targets: tuple[str | None, ...] = ()) -> tuple[Cell, ...]:
    aims = [None if one is None else Decimal(one) for one in targets] or [None] * len(values)
    return tuple(
        Cell(target=aim) if value is None else Cell(Decimal(value), str(value), n=7, target=aim)
        for value, aim in zip(values, aims, strict=True)
    )


def chart(*series: Series, kind: str = "bars", categories: tuple[str, ...] = ("甲", "乙", "丙")) -> Chart:
    return Chart(kind, "图", categories, series, by="人")  # type: ignore[arg-type]


def plot_of(drawn: Chart) -> Plot:
    [plot] = draw_chart(drawn, 600)
    return plot


def shapes(plot: Plot, look: str) -> list[Shape]:
    found = [piece for piece in plot.pieces if isinstance(piece, Shape) and piece.look == look]
    return [shape for shape in found if shape.said or not shape.filled]  # what the legend shows says nothing


def height(shape: Shape) -> float:
    return max(y for _, y in shape.points) - min(y for _, y in shape.points)


@pytest.mark.parametrize(
    ("values", "unit", "steps"),
    [
        ([3, 47], "number", (0, 10, 20, 30, 40, 50)),
        ([-12, 30], "number", (-20, -10, 0, 10, 20, 30)),
        ([110], "minutes", (0, 30, 60, 90, 120)),
        (["0.42"], "percent", (0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        ([0, 0], "number", (0, 1)),
    ],
)
def test_an_axis_takes_round_steps_and_begins_at_zero(values: list[str], unit: Unit, steps: tuple[float, ...]) -> None:
    assert make_scale([Decimal(value) for value in values], unit).steps == pytest.approx(steps)


@pytest.mark.parametrize(
    ("value", "unit", "language", "said"),
    [
        (1_250_000, "money", "zh", "¥125万"), (-30_000, "money", "zh", "-¥3万"), (2.5e8, "number", "zh", "2.5亿"),
        (45, "minutes", "zh", "45分"),
        (1_250_000, "money", "en", "¥1.25M"), (0.125, "percent", "zh", "12.5%"), (0, "money", "zh", "¥0"),
    ],
)  # fmt: skip
def test_values_at_an_axis_are_short(value: float, unit: Unit, language: str, said: str) -> None:
    assert short(value, unit, language) == said


def test_bars_are_as_long_as_their_values_and_a_missing_one_has_none() -> None:
    plot = plot_of(chart(Series("数", cells(10, 20, None))))
    bars = shapes(plot, "series-1")
    assert len(bars) == 2
    assert height(bars[1]) == pytest.approx(2 * height(bars[0]))
    assert bars[0].said == "甲 · 数: 10 (n=7)"


def test_bars_say_their_values_shortly_where_exact_ones_would_run_into_each_other() -> None:
    money = (Cell(Decimal(734592), "¥734,592.00", n=7), Cell(Decimal(756592), "¥756,592.00", n=7))
    drawn = chart(Series("额", money * 2, "money"), categories=("一", "二", "三", "四"))
    wide, narrow = (next(iter(draw_chart(drawn, width))).pieces for width in (600, 340))
    exact, brief = ([one.said for one in pieces if isinstance(one, Words)] for pieces in (wide, narrow))
    assert "¥734,592.00" in exact and "¥734,592.00" not in brief and "¥73.46万" in brief


def pareto(kind: str = "bars", names: tuple[str, ...] = ("甲", "乙", "丙"), whole: str = "1") -> Chart:
    shares = tuple(Cell(Decimal(one), f"{one} 累计") for one in ("0.5", whole, "1"))
    return chart(
        Series("数", cells(5, 3, 2)), Series("去年", cells(1, 2, 4), role="before"),
        Series("累计", shares, "percent", "cumulated"),
        Series("率", cells(1, 1, 1), "percent"), Series("价", cells(7, 8, 9)),
        kind=kind, categories=names,
    )  # fmt: skip


@pytest.mark.parametrize("names", [("甲", "乙", "丙"), ("很长很长的一个产品线名字", "乙", "丙")])
def test_a_pareto_has_bars_and_the_line_of_their_share_along_an_axis_of_its_own(names: tuple[str, ...]) -> None:
    first, *others = draw_chart(pareto(names=names), 600)
    assert len(others) == 2  # the share of something else, and the other figure, by themselves
    assert len(shapes(first, "series-1")) == 3 and len(shapes(first, "before")) == 3
    dots = [piece for piece in first.pieces if isinstance(piece, Dot)]
    assert [dot.said for dot in dots] == [
        f"{name} · 累计: {said} 累计" for name, said in zip(names, ("0.5", "1", "1"), strict=True)
    ]
    ends = [piece for piece in first.pieces if isinstance(piece, Words) and piece.said in ("0%", "100%")]
    lies = len(names[0]) > 3
    low, high = ((one.x if lies else one.y - 4) for one in ends)
    along = [dot.x if lies else dot.y for dot in dots]
    assert along == pytest.approx([(low + high) / 2, high, high])
    for plot in (first, *others):
        assert all(0 <= (one.x if isinstance(one, Words) else 0) <= 600 for one in plot.pieces)


def test_a_line_beyond_the_whole_has_room_and_other_kinds_leave_it_to_the_table() -> None:
    first = next(iter(draw_chart(pareto(whole="1.4"), 600)))
    assert min(piece.y for piece in first.pieces if isinstance(piece, Dot)) > 24
    assert "150%" in [piece.said for piece in first.pieces if isinstance(piece, Words)]
    for kind in ("line", "radar"):
        assert "累计" not in str([plot.pieces for plot in draw_chart(pareto(kind), 600)])
    assert view_table(pareto("table"))["heads"] == ["数", "累计", "率", "价"]


def test_stacked_bars_stand_on_each_other() -> None:
    plot = plot_of(chart(Series("一", cells(1, 2, 3)), Series("二", cells(4, None, 1)), kind="stacked"))
    lower, upper = shapes(plot, "series-1")[0], shapes(plot, "series-2")[0]
    assert min(y for _, y in lower.points) == pytest.approx(max(y for _, y in upper.points))
    assert height(upper) == pytest.approx(4 * height(lower))


def test_many_names_make_bars_that_lie() -> None:
    names = tuple(f"第{at}组" for at in range(10))
    bars = shapes(plot_of(chart(Series("数", cells(*range(1, 11))), categories=names)), "series-1")
    assert len({min(x for x, _ in bar.points) for bar in bars}) == 1
    assert len({min(y for _, y in bar.points) for bar in bars}) == 10


def test_a_line_breaks_where_there_is_no_value() -> None:
    names = ("一", "二", "三", "四", "五")
    plot = plot_of(chart(Series("数", cells(1, 2, None, 4, 5)), kind="line", categories=names))
    lines = [shape for shape in shapes(plot, "series-1") if not shape.filled]
    assert [len(line.points) for line in lines] == [2, 2]
    assert len([piece for piece in plot.pieces if isinstance(piece, Dot)]) == 4


def test_a_radar_scores_against_the_target_else_against_the_best_with_a_cap() -> None:
    # min(actual / target, 1.2) / 1.2 x 100, kpis 4.5: 12/10 and 30/10 are both full, 6/10 is 50.
    assert scores(Series("数", cells(12, 30, 6), target=Decimal(10))) == pytest.approx((100, 100, 50))
    assert scores(Series("数", cells(40, 20, None))) == (100, 50, None)
    # Where less is better the ratio is turned: 30 minutes against a target of 15 are half of it.
    less = Series("数", cells(30, 15, 0), target=Decimal(15), less_is_better=True)
    assert scores(less) == pytest.approx((50 / 1.2, 100 / 1.2, 100))
    # A target of one's own goes before that of all.
    own = Series("数", cells(6, 6, 6, targets=("5", None, "12")), target=Decimal(10))
    assert scores(own) == pytest.approx((100, 50, 50 / 1.2))


@pytest.mark.parametrize("width", [220, 340, 640])
@pytest.mark.parametrize("kind", ["bars", "stacked", "line", "radar"])
def test_a_legend_names_every_series_in_as_many_lines_as_it_takes_and_above_what_is_drawn(
    kind: str, width: int
) -> None:
    named = tuple(f"{name} sales region" for name in ("North", "South", "Eastern", "Western", "Central"))
    series = tuple(Series(one, cells(1, 2, 3, 4, 5)) for one in named)
    groups = chart(*series, kind=kind, categories=("a", "b", "c", "d", "e"))
    if kind == "radar":
        groups = chart(*(Series(one, cells(1, 2, 3, 4, 5)) for one in "abcd"), kind=kind, categories=named)
    (plot,) = draw_chart(groups, width)
    legend = [piece for piece in plot.pieces if isinstance(piece, Words) and piece.said in named]
    assert [piece.said for piece in legend] == list(named)
    assert all(piece.x + text_width(piece.said) <= width for piece in legend)
    places = [(piece.y, piece.x) for piece in legend]
    assert places == sorted(set(places)) and len({y for y, _ in places}) > 1
    drawn = [piece for piece in plot.pieces if isinstance(piece, Shape) and (piece.said or piece.look == "grid")]
    assert min(y for piece in drawn for _, y in piece.points) > max(y for y, _ in places)
    assert max(y for piece in drawn for _, y in piece.points) <= plot.height


@pytest.mark.parametrize("width", [300, 520])
def test_the_names_of_the_axes_of_a_radar_lie_within_it(width: int) -> None:
    named = ("New customers", "Collected on time", "Amount", "Win rate of deals")
    radar = chart(*(Series(one, cells(1, 2, 3)) for one in named), kind="radar")
    (plot,) = draw_chart(radar, width)
    names = [piece for piece in plot.pieces if isinstance(piece, Words) and piece.said in named]
    assert len(names) == 4
    for piece in names:
        wide = text_width(piece.said)
        left = piece.x - {"start": 0, "middle": wide / 2, "end": wide}[piece.anchor]
        assert left >= 0 and left + wide <= width, piece


def test_a_radar_of_two_figures_is_drawn_as_bars() -> None:
    two = chart(Series("一", cells(1, 2, 3)), Series("二", cells(1, 2, 3)), kind="radar")
    assert len(shapes(plot_of(two), "series-1")) == 3


def test_figures_of_different_units_get_axes_of_their_own() -> None:
    both = chart(Series("分钟", cells(1, 2, 3), "minutes"), Series("率", cells("0.1", "0.2", "0.3"), "percent"))
    assert [one.title for one in both.by_unit()] == ["分钟", "率"]
    assert len(list(draw_chart(both))) == 2
    assert list(draw_chart(as_kind(both, "table"))) == []


def test_a_funnel_is_as_wide_as_its_counts_and_says_what_part_went_on() -> None:
    funnel = chart(
        Series("数", cells(100, 50, 10)), Series("率", cells(None, "0.5", "0.2"), "percent", "rate"), kind="funnel"
    )
    plot = plot_of(funnel)
    boxes = [piece for piece in plot.pieces if isinstance(piece, Shape) and piece.look == "series-1"]
    wide = [max(x for x, _ in box.points) - min(x for x, _ in box.points) for box in boxes]
    assert wide[1] == pytest.approx(wide[0] / 2)
    assert {"0.5", "0.2"} <= {piece.said for piece in plot.pieces if isinstance(piece, Words)}


def waterfall(*values: int | None, names: tuple[str, ...] = ("从", "涨", "降", "到")) -> Chart:
    made = [Cell() if value is None else Cell(Decimal(value), f"{value:+}", n=7) for value in values]
    wholes = (True, *[False] * (len(values) - 2), True)
    steps = tuple(Step(name, cell, whole=whole) for name, cell, whole in zip(names, made, wholes, strict=True))
    return replace(chart(Series("数", cells(1, 2, 3)), kind="waterfall"), steps=steps)


@pytest.mark.parametrize("names", [("从", "涨", "降", "到"), ("很长很长的一个指标名字", "涨", "降", "到")])
def test_a_waterfall_has_whole_bars_at_both_ends_and_steps_that_begin_where_the_last_ended(
    names: tuple[str, ...],
) -> None:
    drawn = waterfall(100, 40, -60, 80, names=names)
    plot = plot_of(drawn)
    [begin, end], [rise], [fall] = (shapes(plot, look) for look in ("series-1", "series-4", "series-2"))
    along = 0 if len(names[0]) > 3 else 1
    reach = [(min(p[along] for p in one.points), max(p[along] for p in one.points)) for one in (begin, rise, fall, end)]
    (from_, ended), (rise_low, rise_high), (fall_low, fall_high), (left, right) = reach
    if along:  # up is towards zero
        from_, ended, rise_low, rise_high, fall_low, fall_high, left, right = (
            -one for one in (ended, from_, rise_high, rise_low, fall_high, fall_low, right, left)
        )
    assert from_ == left and rise_low == pytest.approx(ended)
    assert fall_high == pytest.approx(rise_high) and fall_low == pytest.approx(right)
    said = [piece.said for piece in plot.pieces if isinstance(piece, Words)]
    assert {"+100", "+40", "-60", "+80"} <= set(said)  # rise and fall are told apart without colour
    assert rise.said == f"{names[1]}: +40 (n=7)"
    assert view_table(drawn)["heads"] == ["数"]  # the table keeps every line


def test_a_waterfall_reaches_below_zero_and_a_step_without_value_is_no_bar() -> None:
    drawn = waterfall(10, None, -30, -20)
    assert [(int(low), int(high)) for low, high in stretches(drawn)] == [(0, 10), (10, 10), (10, -20), (0, -20)]
    plot = plot_of(drawn)
    assert not shapes(plot, "series-4") and len(shapes(plot, "series-1")) == 2 and len(shapes(plot, "series-2")) == 1
    assert waterfall(None, None, None, None).is_empty and not waterfall(0, None, None, None).is_empty


def test_heat_takes_five_colours_by_value() -> None:
    assert [level(value, 0, 100) for value in (0, 19, 20, 99, 100)] == [1, 1, 2, 5, 5]


def test_nothing_is_drawn_of_a_chart_without_values_nor_of_a_funnel_of_nobody() -> None:
    assert list(draw_chart(chart(Series("数", cells(None, None, None))))) == []
    assert chart(Series("数", cells(0, 0, 0)), kind="funnel").is_empty
    assert not chart(Series("数", cells(1, 0, 0)), kind="funnel").is_empty
    assert not chart(Series("数", cells(0, 0, 0))).is_empty
    assert chart(Series("a", cells(0, None, 0)), Series("b", cells(0, 0, 0)), kind="radar").is_empty
    assert not chart(Series("a", cells(0, None, 0)), Series("b", cells(0, 1, 0)), kind="radar").is_empty


def test_a_file_of_a_chart_escapes_every_text() -> None:
    evil = "<script>alert(1)</script>"
    written = write_svg(
        plot_of(chart(Series(evil, cells(1, 2, 3)), Series("b", cells(1, 2, 3)), categories=(evil, "&", '"')))
    )
    root = ElementTree.fromstring(written)
    assert not root.findall(".//{http://www.w3.org/2000/svg}script")
    assert "<script" not in written


def test_a_report_becomes_a_pdf_and_one_picture() -> None:
    if not FONTS.is_dir():
        pytest.skip("the fonts are not cut; run.py does it")
    svg = [write_svg(plot) for plot in draw_chart(chart(Series("数", cells(1, 2, 3))))]
    table = {"columns": [{"label": "人", "right": False}, {"label": "数", "right": True}], "rows": [["#甲*[", "1"]]}
    block = {"title": "首次响应", "lines": [], "charts": svg, "table": table, "notes": ["2026-11"]}
    page: ReportPage = {"lang": "zh", "title": "月报", "lines": [], "printed": "2026-11-30", "blocks": [block]}  # type: ignore[list-item]
    assert render_report(page, FONTS).startswith(b"%PDF")
    picture = render_picture(page, Path(FONTS))
    assert picture.startswith(b"\x89PNG") and int.from_bytes(picture[16:20], "big") == 1040
