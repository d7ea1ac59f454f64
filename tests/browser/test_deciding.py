"""Signing with mouse and finger, work, and approvers the starter chooses, at a desk and on a phone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.definition.source import SourceFolder, read_folder
from tests.browser.conftest import serve_app
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.web.conftest import DESK as FOLDER
from tests.web.conftest import PASSWORD, let_in

WIDTHS = pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
CHECK = """\
approval: check
entity: ticket
label: 复核
steps:
  pick: {label: 会审, who: [{chosen_by: starter, from: [{role: manager}, {role: admin}], min: 1, max: 2}], decide: all}
  fill: {label: 报价, who: [{role: manager}], work: [price]}
  sign: {label: 签字, who: [{role: manager}], signature: handwritten}
"""
Visit = Callable[[str, int], Visitor]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The small app of the pages' tests with this approval, served by a thread."""
    files = read_folder(FOLDER).files
    [name] = [name for name, text in files.items() if text.startswith("approval: check")]
    with serve_app(tmp_path_factory.mktemp("deciding"), SourceFolder({**files, name: CHECK}), let_in) as served:
        yield served


@pytest.fixture
def visit(chromium: Any, address: str) -> Iterator[Visit]:
    """Open a browser for somebody; at the end nothing may have gone wrong in any."""
    visitors: list[Visitor] = []

    def open_it(login: str, width: int) -> Visitor:
        size = {"width": width, "height": 900 if width >= DESK else 844}
        context = chromium.new_context(base_url=address, viewport=size, locale="zh-CN", has_touch=width < DESK)
        visitor = Visitor(context.new_page())
        visitors.append(visitor)
        visitor.sign_in(login, PASSWORD)
        return visitor

    yield open_it
    for visitor in visitors:
        visitor.page.context.close()
    assert [problem for visitor in visitors for problem in visitor.problems] == []


def judge(visitor: Visitor) -> None:
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()


def submitted(rep: Visitor, *chosen: str) -> str:
    """A ticket submitted to the people chosen; returns its path."""
    rep.open("/e/ticket/new")
    rep.fill("title", "漏水")
    rep.fill("answer", "换密封圈")
    rep.save()
    path = rep.path
    rep.open(f"{path}/moves/ask")
    picker = rep.page.locator("form.move").get_by_label("会审")
    judge(rep)
    picker.select_option(label=list(chosen))
    rep.page.locator("form.move .btn-primary").click()
    rep.see(".record-status", "等")
    return path


def open_task(visitor: Visitor, path: str) -> None:
    visitor.open(path)
    visitor.press("去审批")
    visitor.page.locator(f"h1 a[href='{path}']").wait_for()


def answer(visitor: Visitor) -> None:
    visitor.page.locator(".decide button.btn-primary[name=decision]").click()
    visitor.page.wait_for_load_state()


def draw(visitor: Visitor, width: int) -> None:
    """Draw a wave with the mouse, or with one finger where there is a touch screen."""
    canvas = visitor.page.locator("[data-canvas]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    points = [(box["x"] + 30 + at * 14, box["y"] + 30 + (at % 3) * 18) for at in range(12)]
    if width >= DESK:
        visitor.page.mouse.move(*points[0])
        visitor.page.mouse.down()
        for point in points[1:]:
            visitor.page.mouse.move(*point)
        visitor.page.mouse.up()
        return
    finger = visitor.page.context.new_cdp_session(visitor.page)
    for at, (x, y) in enumerate(points):
        kind = "touchMove" if at else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@WIDTHS
def test_whoever_submits_chooses_approvers_and_is_told_when_nobody_is_chosen(visit: Visit, width: int) -> None:
    rep = visit("rep1", width)
    rep.expect("422")
    rep.open("/e/ticket/new")
    rep.fill("title", "没选人")
    rep.fill("answer", "换密封圈")
    rep.save()
    rep.open(f"{rep.path}/moves/ask")
    rep.page.locator("form.move .btn-primary").click()
    rep.see("form.move [role=alert]", "会审")
    judge(rep)
    rep.page.get_by_label("会审").select_option(label=["Lead", "Root"])
    rep.page.locator("form.move .btn-primary").click()
    rep.see(".record-status", "Lead")
    assert "Root" in rep.text(".record-status")


@WIDTHS
def test_work_is_filled_in_and_a_signature_drawn_stands_in_the_trail(visit: Visit, width: int) -> None:
    rep, lead = visit("rep1", width), visit("lead", width)
    path = submitted(rep, "Lead")
    open_task(lead, path)
    answer(lead)

    open_task(lead, path)
    lead.expect("422")
    judge(lead)
    answer(lead)  # nothing filled in
    lead.see("#f-price-field .field-error", "请填写")
    assert lead.page.locator(".decide-other[open]").count() == 0, "nobody is asked why they refuse"
    judge(lead)
    lead.fill("price", "1280")
    answer(lead)

    open_task(lead, path)
    judge(lead)
    answer(lead)  # not signed
    lead.see("#signature-field .field-error", "签名")
    draw(lead, width)
    lead.page.locator("[data-use]").click()
    lead.page.locator("[data-files] input[type=hidden]:not([value=''])").wait_for(state="attached")
    judge(lead)
    answer(lead)

    lead.open(path)
    lead.see(".stage", "已完成")
    assert "¥1,280.00" in lead.text()
    lead.open(f"{path}/trail")
    signed = lead.page.locator(".trail-signature").first
    expect(signed).to_have_js_property("naturalWidth", 600)
    assert ink(lead) > 200
    judge(lead)


def ink(visitor: Visitor) -> int:
    """How many dark points the signature in the trail has."""
    return int(
        visitor.page.evaluate(
            """() => {
              const img = document.querySelector('.trail-signature'), canvas = document.createElement('canvas');
              canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
              const pen = canvas.getContext('2d');
              pen.drawImage(img, 0, 0);
              const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
              let dark = 0;
              for (let at = 0; at < data.length; at += 4) if (data[at] < 100) dark += 1;
              return dark;
            }"""
        )
    )
