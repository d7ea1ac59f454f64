"""Figures that add up: the steps of a waterfall, and what is said in a message where they do not reconcile."""

from dataclasses import replace
from decimal import Decimal

from engine import reports
from engine.automation.picturing import make_page
from engine.automation.showing import Found, Part, Teller
from engine.records.evaluation import make_env
from engine.reports.adding import can_add, say_difference, steps_of
from engine.reports.charting import kinds_of
from engine.speaking import Speaker
from tests.reports.conftest import Market


def test_a_message_says_by_how_much_a_sum_does_not_reconcile_and_has_the_waterfall_as_a_picture(market: Market) -> None:
    with market.store.read() as session:
        bo = market.actor(session, "bo")
        told = [reports.run(session, "deal.falls", actor=bo, period="2026-03", by=by) for by in (["region"], [])]
        teller = Teller(session, bo, "zh", make_env(session, bo))
        for found in told:
            shown = Found({"zh": "瀑布"}, (Part({"zh": "瀑布"}, found),))
            won, margin, lines = (cell.value for cell in found.total.cells if cell is not None)
            difference = abs(lines - (won - margin))
            assert difference and f"对不上 ¥{difference:,.2f}：" in teller.text(shown)
            [block] = make_page(teller, shown, "晨报")["blocks"]
            assert len(block["charts"]) == 1 and block["notes"][0].startswith("对不上")


def test_what_reconciles_says_nothing_and_who_does_not_see_every_figure_has_no_waterfall(market: Market) -> None:
    speaker = Speaker("zh", "Asia/Shanghai", "CNY")
    with market.store.read() as session:
        found = reports.run(session, "deal.falls", actor=market.actor(session, "bo"), period="2026-03")
    assert [(figure.key, sign) for figure, _, sign in steps_of(found)] == [
        ("deal.won", 0),
        ("deal.margin", -1),
        ("deal.lines", 0),
    ]
    won, margin, lines = found.total.cells
    assert won is not None and margin is not None and lines is not None
    right = replace(lines, value=Decimal(won.value) - Decimal(margin.value))
    assert say_difference(speaker, replace(found, total=replace(found.total, cells=(won, margin, right)))) is None
    part = replace(found, figures=found.figures[:2], total=replace(found.total, cells=(won, margin)))
    assert can_add(found) and "waterfall" in kinds_of(found)
    assert not can_add(part) and "waterfall" not in kinds_of(part) and say_difference(speaker, part) is None
