"""Reports on pages: a figure says how it is defined, of which period and how many rows, and opens just those rows."""

import csv
import html
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from engine.automation.jobs import look
from engine.exporting import working
from engine.reports import Counting, StillCounting, kept
from engine.reports.closing import close_months
from engine.storage.store import Session, Store
from engine.storage.system_tables import audit
from tests.reports.market import FULL
from tests.web.conftest import Browser, Desk, OpenDesk, add_people

PEOPLE = {"bo": ("north", "boss"), "ann": ("north", "rep"), "ben": ("south", "rep"), "dee": ("south", "clerk"),
          "root": ("north", "admin")}  # fmt: skip
BOARD = "/dashboards/home"
TILES = f"{BOARD}/tiles"
STRANGE = (
    "period=nonsense", "period=2026-99", "from=2026-03-31&to=2026-03-01", "by=nothing", "by=date.month&by=owner",
    "chart=pie", "f.owner=abc", "f.owner=99999999999999999999", "f.nothing=1", "compare=yes", "by=amount",
    f"by={'x' * 999}", "f.region=%00", "period=0001-01-01..9999-12-31&by=date.day", "c.owner=x", "offset=-1",
    "offset=9e9", "by=date.day&period=all",
)  # fmt: skip
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ROWS = re.compile(r'<a href="(/(?:figures|funnels)/[^"]+/rows\?[^"]+)">[^<]*</a> <small class="muted">n=(\d+)')


def let_in(store: Store) -> None:
    add_people(store, PEOPLE)


@pytest.fixture
def market(open_desk: OpenDesk) -> Desk:
    """Three deals of Ann in the east, one of Ben in the south; one deal of each was won this month."""
    desk = open_desk(definition=FULL, people=let_in)
    bo = desk.program("bo")
    today = desk.clock.now().date().isoformat()
    east = bo.made("client", name="<b>东方</b>", region="east", owner=desk.ids["ann"])
    south = bo.made("client", name="南海", region="south", owner=desk.ids["ben"])
    for owner, client, amounts in (("ann", east, ("100.50", "250", "40")), ("ben", south, ("900",))):
        for amount in amounts:
            made = bo.made("deal", name=f"{owner} {amount}", client=client["id"], amount=amount, owner=desk.ids[owner],
                           got_at=f"{today}T01:00:00Z", signed=today, cost="10")  # fmt: skip
            for move in ("quote", "argue", "win") if amount in ("250", "900") else ("quote",):
                done = bo.post(f"/deal/{made['id']}/moves/{move}", {}, If_Match=f'"{made["version"]}"')
                assert done.status_code == 200, done.get_data(as_text=True)
                made = bo.get(f"/deal/{made['id']}").get_json()
    return desk


def text(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    return answer.get_data(as_text=True)


def linked(page: str) -> Iterator[tuple[str, int]]:
    """Yield the addresses of rows on a page with the n beside each."""
    yield from ((html.unescape(url), int(n)) for url, n in _ROWS.findall(page))


def test_what_is_too_early_to_judge_by_is_grey_and_says_why(market: Desk) -> None:
    """On its tile, in chart and table, on paper, in the spreadsheet, over the API; elsewhere nothing of the kind."""
    bo, why = market.browser("bo"), "还有不满 10 天的"
    page = text(bo, "/figures/deal.fresh?by=owner")
    assert f"n=4 · {why}" in page and f"灰色：{why}（新到的）" in page
    assert "figure-tile is-few" in page and page.count("num is-few") == 3 and "look-few" in page
    assert why not in text(bo, "/figures/deal.count?by=owner")
    paper = PdfReader(io.BytesIO(bo.get("/figures/deal.fresh/pdf?by=owner").get_data()))
    assert why in "".join(one.extract_text() for one in paper.pages)
    book = CalamineWorkbook.from_filelike(io.BytesIO(bo.get("/figures/deal.fresh/sheet?by=owner").get_data()))
    assert f"{why} (Ann、Ben)" in str(book.get_sheet_by_index(1).to_python())
    found = market.program("bo").get("/reports/figures/deal.fresh?by=owner").get_json()
    assert [one["cells"][0]["provisional"] for one in found["lines"]] == [True, True]
    market.clock.at += timedelta(days=11)
    assert why not in text(market.browser("bo"), "/figures/deal.fresh?by=owner&period=year")


def test_every_figure_opens_as_many_rows_as_its_n(market: Desk) -> None:
    pages = ("/reports/deal.overview", "/reports/deal.months?by=owner", "/reports/deal.lines", "/reports/deal.regions",
             "/figures/deal.count?by=tags", "/figures/deal.moves?by=owner", "/figures/deal.count?by=region&f.owner=me",
             "/figures/deal.count?by=date.day", "/figures/deal.edits?by=field")  # fmt: skip
    for login in ("bo", "ann", "ben"):
        browser, seen = market.browser(login), 0
        for page in pages:
            for url, n in linked(text(browser, page)):
                rows = text(browser, url)
                assert f">{n} 条<" in rows, url
                assert rows.count("data-row-url=") == n, url
                seen += 1
        assert seen > 10


def taken(browser: Browser, rows: str, **form: str) -> str:
    """Follow a page of rows to its export, ask for a file and return the address of the export."""
    link = re.search(r'export-link[^"]*" href="([^"]+)"', text(browser, rows))
    assert link is not None, rows
    asked = urlsplit(html.unescape(link[1]))
    text(browser, f"{asked.path}?{asked.query}")
    answer = browser.post(asked.path, data={"list": asked.query, "format": "csv", **form})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def file_of(browser: Browser, export: str) -> list[list[str]]:
    with browser.get(f"{export}/file") as file:
        assert file.status_code == 200
        return list(csv.reader(io.StringIO(file.get_data().decode("utf-8-sig"))))


def test_the_rows_behind_a_figure_leave_as_a_list_does(market: Desk) -> None:
    ann, bo, dee = market.browser("ann"), market.browser("bo"), market.browser("dee")
    own = taken(ann, "/figures/deal.count/rows?period=month&f.owner=me")
    said, rows = text(ann, own), file_of(ann, own)
    assert "数量 · 2026 年 3 月" in said and "/figures/deal.count/rows/export?period=2026-03&amp;f.owner=me" in said
    assert "Ann" in rows[0][0] and sorted(row[0] for row in rows[2:]) == ["ann 100.50", "ann 250", "ann 40"]
    assert "成本" not in rows[1] and bo.get(f"{own}/file").status_code == 404
    with market.store.read() as session:
        told = session.connection.execute(select(audit.c.action, audit.c.details).order_by(audit.c.id)).all()
    logged = [details["behind"] for action, details in told if action.startswith("exporting.")]
    assert [(one["of"], one["filters"]) for one in logged] == [("deal.count", {"owner": ["me"]})] * 3

    moved = file_of(bo, taken(bo, f"/figures/deal.moves/rows?period=month&c.owner={market.ids['ben']}"))
    assert (
        dict(zip(moved[1], moved[2], strict=True)).items()
        >= {"从阶段": "线索", "到阶段": "报价", "操作人": "Bo"}.items()
    )
    name = f"/figures/deal.edits/rows?period=month&c.field=name&c.owner={market.ids['ben']}"
    assert "更改时间" in text(bo, name) and "接口" in text(bo, name)
    edits = file_of(bo, taken(bo, name))
    assert {row[edits[1].index("字段")] for row in edits[2:]} == {"名称"}
    market.program("bo").made("deal", name="带明细", items=[{"kind": "x", "qty": "2", "price": "3.50"}, {"kind": "y"}])
    lines = file_of(bo, taken(bo, "/figures/deal.below/rows"))
    kind, price = (lines[1].index(name) for name in ("品类", "单价"))
    assert [(row[0], row[kind], row[price]) for row in lines[2:]] == [
        ("带明细", "阀门", "3.50"),
        ("带明细", "油封", ""),
    ]
    won = file_of(ann, taken(ann, "/funnels/deal.sales/rows?step=won&period=month"))
    assert [row[0] for row in won[2:]] == ["ann 250"]

    assert "export-link" not in text(dee, "/figures/deal.count/rows?period=month")
    text(dee, "/figures/deal.count/rows/export", 403)
    text(ann, "/figures/deal.margin/rows/export", 404)
    assert ann.post("/figures/deal.margin/rows/export", data={"format": "csv"}).status_code == 404
    assert bo.post("/funnels/deal.sales/rows/export", data={"list": "step=nix", "format": "csv"}).status_code == 422


def test_many_rows_behind_a_figure_wait_for_somebody_else(market: Desk) -> None:
    bo, root, program = market.browser("bo"), market.browser("root"), market.program("bo")
    refused = bo.post("/figures/deal.count/rows/export", data={"list": "period=month", "format": "csv"})
    assert refused.status_code == 422 and 'id="reason-error"' in refused.get_data(as_text=True)
    export = taken(bo, "/figures/deal.count/rows?period=month", reason="对账")
    assert bo.get(f"{export}/file").status_code == 409
    assert "数量 · 2026 年 3 月" in text(root, export)
    assert root.post(f"{export}/approve").status_code == 303
    working.work(market.store)
    assert len(file_of(bo, export)) == 6

    cell = f"period=2026-03&cell=owner:{market.ids['ann']}"
    made = program.post(f"/reports/figures/deal.count/rows/exports?{cell}", {"format": "csv"})
    assert (made.status_code, made.get_json()["total"], made.get_json()["figure"]) == (201, 3, "deal.count")
    step = program.post(f"/reports/funnels/deal.sales/won/rows/exports?{cell}", {"format": "xlsx"})
    assert (step.status_code, step.get_json()["total"]) == (201, 1)
    assert program.post("/reports/figures/deal.count/rows/exports", {"columns": ["cost"]}).status_code == 422


def test_a_figure_says_how_it_is_defined(market: Desk) -> None:
    page = text(market.browser("bo"), "/reports/deal.overview")
    assert "计数（阶段 等于 “赢单”） ÷ 计数（阶段 是 “赢单”、“丢单” 之一）" in page
    assert "按签约日归入时期" in page and "2026 年 3 月" in page and "n=" in page
    assert "少于 5，仅供参考" in page  # two deals are closed, the figure needs five


def test_the_address_holds_everything_and_keeps_it(market: Desk) -> None:
    browser = market.browser("bo")
    given = {"period": "2026-Q1", "by": "region", "compare": "previous", "chart": "bars"}
    given["f.owner"] = str(market.ids["ann"])
    page = text(browser, f"/reports/deal.overview?{urlencode(given)}")
    assert "2026 年第 1 季度" in page and "Ann" in page  # the chip says whom it is narrowed to
    links = {html.unescape(url) for url in re.findall(r'href="(/reports/deal\.overview\?[^"]+)"', page)}
    assert len(links) > 12
    for url in links:
        asked = parse_qs(urlsplit(url).query)
        # a link changes one thing and leaves the rest
        changed = [name for name, value in given.items() if asked.get(name) != [value]]
        assert len(changed) <= 1, url
    again = text(market.browser("ben"), "/reports/deal.overview?by=region&chart=bars")
    heads = re.findall(r'<th scope="row">([^<]+)</th>', again)
    assert heads == ["华南", "合计"]  # the same link, under the rights of whoever opens it


def test_what_is_hidden_from_somebody_is_no_figure_for_them(market: Desk) -> None:
    ann, dee = market.browser("ann"), market.browser("dee")
    assert "毛利" not in text(ann, "/reports/deal.overview")
    text(ann, "/figures/deal.margin", 404)
    text(ann, "/figures/deal.margin/rows", 404)
    text(dee, "/figures/deal.middle", 404)
    assert "概览" in text(ann, "/reports") and "首页" in text(ann, "/reports")
    text(ann, f"{TILES}/0-1", 404)  # what it adds up is hidden
    text(dee, BOARD, 404)


def test_reports_are_found_by_what_they_are_called_by_sound_and_by_the_thing_they_are_about(market: Desk) -> None:
    ann = market.browser("ann")
    for words, found in (
        ("概览", {"概览"}), ("GaiLan", {"概览"}), ("gl", {"概览"}), ("漏 商机", {"漏斗"}), ("shou", {"首页"}),
        ("毛利", set()), ("%25 _", set()), ("<b>", set()),
    ):  # fmt: skip
        page = text(ann, f"/reports?{urlencode({'q': words})}")
        named = set(re.findall(r"data-row-link>.*?<span>([^<]+?)\s*<", page))
        assert named == found, words
        assert ("没有找到这样的报表" in page) == (not found)
        assert f'value="{html.escape(words)}"' in page, "what was typed is still there"


def test_where_there_is_nothing_the_period_before_is_a_click_away(market: Desk) -> None:
    bo = market.browser("bo")
    for page, period, before in (
        (f"{TILES}/1-0", "2026-01", "2025-12"),
        ("/reports/deal.overview", "2026-01", "2025-12"),
        ("/funnels/deal.sales", "2026-01", "2025-12"),
    ):
        answer = text(bo, f"{page}?period={period}")
        (url,) = re.findall(r'这段时间没有数据。 <a href="([^"]+)" rel="nofollow">看上一期</a>', answer)
        assert f"period={before}" in url
        assert "看上一期" not in text(bo, page), "there is something in this one"


def test_a_tile_that_did_not_change_is_not_sent_again(market: Desk) -> None:
    ann = market.browser("ann")
    tile = text(ann, f"{TILES}/0-0")
    assert "3 <small" in re.sub(r"\s+", " ", tile) or ">3</a>" in tile
    have = re.search(r'name="have" value="(\w+)"', tile)
    assert have is not None
    assert ann.get(f"{TILES}/0-0?have={have[1]}").status_code == 204
    market.program("ann").made("deal", name="又一个", got_at=market.clock.now().isoformat())
    assert ">4</a>" in text(ann, f"{TILES}/0-0?have={have[1]}")


def test_the_figures_of_a_row_come_at_once_and_other_tiles_alone(market: Desk) -> None:
    ann, bo = market.browser("ann"), market.browser("bo")
    board = text(ann, BOARD)
    assert f"{TILES}/0-0" not in board and f"{TILES}/1-0" in board
    row, whole = text(ann, f"{BOARD}/rows/0"), text(bo, f"{BOARD}/rows/0")
    assert 'id="tile-0-0"' in row and 'id="tile-0-1"' not in row and 'id="tile-0-1"' in whole  # hidden from Ann
    have = re.search(r'name="have" value="(\w+)"', row)
    assert have is not None
    assert ann.get(f"{BOARD}/rows/0?have={have[1]}").status_code == 204
    market.program("ann").made("deal", name="又一个", got_at=market.clock.now().isoformat())
    assert ">4</a>" in text(ann, f"{BOARD}/rows/0?have={have[1]}")
    for other in ("1", "9", "-1", "x"):
        text(ann, f"{BOARD}/rows/{other}", 404)


def test_the_dashboard_of_a_role_is_on_its_first_page(market: Desk) -> None:
    assert f'hx-get="{BOARD}/rows/0?period=' in text(market.browser("ann"), "/")
    assert "/dashboards/" not in text(market.browser("dee"), "/")


def test_a_list_on_a_dashboard_shows_what_is_the_readers(market: Desk) -> None:
    market.program("ann").made("deal", name="在谈 & 未报", amount="70")
    tile = text(market.browser("ann"), f"{TILES}/2-0")
    assert "在谈 &amp; 未报" in tile and "ben" not in tile
    assert "金额 ¥70.00" in tile, "a number says what it is"
    assert "没有需要处理的" in text(market.browser("ben"), f"{TILES}/2-0")


def test_a_funnel_opens_the_rows_of_each_step(market: Desk) -> None:
    bo = market.browser("bo")
    page = text(bo, "/funnels/deal.sales")
    counts = {}
    for url in set(re.findall(r'href="(/funnels/deal\.sales/rows\?[^"]+)"', page)):
        rows = text(bo, html.unescape(url))
        counts[parse_qs(urlsplit(html.unescape(url)).query)["step"][0]] = rows.count("data-row-url=")
    assert counts == {"open": 4, "offer": 4, "talk": 2, "won": 2}
    assert "50%" in page


def sheet_of(browser: Browser, path: str) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(browser.get(path).get_data())).get_sheet_by_index(0).to_python()


def test_a_spreadsheet_has_numbers_and_says_what_it_is(market: Desk) -> None:
    answer = market.browser("bo").get("/reports/deal.overview/sheet?compare=none")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    rows = book.get_sheet_by_index(0).to_python()
    assert rows[0][:2] == ["负责人", "数量"]
    by_owner = {row[0]: row for row in rows[1:]}
    assert by_owner["Ann"][1] == 3 and by_owner["合计"][1] == 4
    assert 1150 in by_owner["合计"]  # the sum of what was won, a number and no text
    notes = str(book.get_sheet_by_index(1).to_python())
    assert "Bo" in notes and "deal.rate" in notes and "2026 年 3 月" in notes


def test_a_waterfall_is_offered_where_it_is_said_how_figures_add_up_and_says_what_does_not_reconcile(
    market: Desk,
) -> None:
    bo = market.browser("bo")
    page = text(bo, "/reports/deal.falls")
    assert '"kind": "waterfall"' in page and "瀑布图" in page
    sentence = re.search(r"对不上 ¥[\d,.]+：赢单金额加减之后是 -?¥[\d,.]+，而明细金额是 ¥[\d,.]+。", page)
    assert sentence is not None
    assert all(f"/figures/deal.{key}/rows" in page for key in ("won", "margin"))
    assert "<tfoot>" in page and page.count('<th scope="row">') > 2  # every region stands in the table
    assert "瀑布图" not in text(bo, "/reports/deal.regions")
    assert "瀑布图" not in text(bo, "/reports/deal.falls?by=region&by=owner")
    paper = PdfReader(io.BytesIO(bo.get("/reports/deal.falls/pdf").get_data()))
    assert "对不上" in "".join(one.extract_text() for one in paper.pages)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(bo.get("/reports/deal.falls/sheet").get_data()))
    assert sentence[0] in str(sheet.get_sheet_by_index(1).to_python())


def test_the_share_so_far_stands_beside_its_figure_in_the_chart_and_wherever_the_report_goes(market: Desk) -> None:
    bo = market.browser("bo")  # 900 in the south, 250 in the east
    page = text(bo, "/reports/deal.pareto")
    assert "赢单金额累计占比" in page and "78.3%" in page and '"role": "cumulated"' in page
    rows = sheet_of(bo, "/reports/deal.pareto/sheet?compare=none")
    at = rows[0].index("赢单金额累计占比")
    assert [round(row[at], 6) for row in rows[1:3]] == [0.782609, 1] and rows[3][at] in ("", None)
    paper = "".join(
        one.extract_text() for one in PdfReader(io.BytesIO(bo.get("/reports/deal.pareto/pdf").get_data())).pages
    )
    assert "累计占比" in paper and "78.3%" in paper
    found = market.program("bo").get("/reports/deal.first").get_json()
    assert (found["cumulated"], found["more"], found["lines"][0]["cells"][0]["cumulated"]) == (
        "deal.won",
        1,
        "0.782609",
    )


def test_paper_has_the_chart_and_the_table(market: Desk) -> None:
    answer = market.browser("bo").get("/reports/deal.regions/pdf?chart=bars")
    said = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.get_data())).pages)
    assert answer.mimetype == "application/pdf"
    assert str(answer.headers).encode("latin-1") and "filename*=UTF-8''" in answer.headers["Content-Disposition"]
    assert "区域" in said and "¥900.00" in said and "n=1" in said


def test_a_dashboard_is_printed_with_every_tile_under_the_rights_of_its_reader(market: Desk) -> None:
    def printed(login: str, query: str = "") -> str:
        page = text(market.browser(login), f"{BOARD}{query}")
        (url,) = re.findall(r'href="(/dashboards/home/pdf[^"]*)"', page)
        answer = market.browser(login).get(html.unescape(url))
        assert answer.mimetype == "application/pdf", answer.get_data(as_text=True)[:500]
        return "".join(one.extract_text() for one in PdfReader(io.BytesIO(answer.get_data())).pages)

    bo, ann = printed("bo"), printed("ann")
    for said in ("首页", "概览", "数量", "赢单金额", "¥1,150.00", "Ann", "Ben", "Bo"):
        assert said in bo, said
    assert "底价" in bo and "底价" not in ann and "Ben" not in ann
    assert "¥900.00" in printed("bo", "?f.region=south") and "¥1,150.00" not in printed("bo", "?f.region=south")
    text(market.browser("dee"), f"{BOARD}/pdf", 404)


def test_a_baseline_stands_beside_its_figure_for_good(market: Desk) -> None:
    root, bo = market.browser("root"), market.browser("bo")
    assert bo.get("/admin/baselines").status_code == 403
    assert "数量" in text(root, "/admin/baselines")
    wrong = root.post("/admin/baselines", data={"value.deal.rate": "很高"})
    assert wrong.status_code == 422 and "基线要填一个数" in wrong.get_data(as_text=True)
    root.post("/admin/baselines", data={"value.deal.rate": "12.5%", "value.deal.count": "2"})
    assert "12.5%" in text(bo, "/figures/deal.rate") and "基线" in text(bo, "/figures/deal.rate")
    root.post("/admin/baselines/compute", data={"figure": ["deal.count"], "period": "2026-03"})
    page = text(root, "/admin/baselines")
    assert "按 2026-03 计算" in page and 'value="4"' in page
    root.post("/admin/baselines", data={"value.deal.rate": ""})
    assert "12.5%" not in text(root, "/admin/baselines")
    assert "设定基线" in text(root, "/admin/audit")


def test_an_address_nobody_made_is_answered_and_never_an_error_of_ours(market: Desk) -> None:
    bo, reports = market.browser("bo"), ("/reports/deal.overview", "/figures/deal.count", "/funnels/deal.sales")
    others = (
        "/figures/deal.count/rows",
        BOARD,
        f"{TILES}/0-0",
        "/reports/deal.overview/sheet",
    )
    for query in STRANGE:
        for path in (*reports, *others):
            assert bo.get(f"{path}?{query}").status_code in (200, 422), (path, query)


def test_the_api_answers_figures_with_n_period_and_version(market: Desk) -> None:
    ann, bo = market.program("ann"), market.program("bo")
    known: dict[str, Any] = ann.get("/reports").get_json()
    assert "deal.margin" not in {one["key"] for one in known["figures"]}
    assert {"deal.overview"} <= {one["key"] for one in known["reports"]}
    found = bo.get("/reports/deal.overview?period=2026-03&by=region&compare=previous").get_json()
    assert found["period"] == {"name": "2026-03", "from": "2026-03-01", "to": "2026-03-31"}
    east = next(line for line in found["lines"] if line["keys"] == ["east"])
    assert east["cells"][0] == {"value": "3", "n": 3, "small": False, "previous": {"value": "0", "n": 0}}
    assert all(len(one["version"]) > 8 for one in found["figures"])
    rows = bo.get("/reports/figures/deal.count/rows?period=2026-03&cell=region:east&limit=2").get_json()
    assert (rows["n"], len(rows["items"])) == (3, 2)
    funnel = bo.get("/reports/funnels/deal.sales?period=2026-03").get_json()
    assert [one["count"] for one in funnel["total"]] == [4, 4, 2, 2]
    for wrong in ("filter=owner", "compare=sometime", "by=nothing", "period=never"):
        assert bo.get(f"/reports/deal.overview?{wrong}").status_code == 422, wrong
    assert ann.get("/reports/figures/deal.margin").status_code == 404


def test_a_figure_that_takes_long_says_so_and_is_shown_as_of_when_it_was_worked_out(
    market: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_long(self: Counting, session: Session, statement: Any, given: Any, ask: Any) -> Any:
        session.aside(ask)
        raise StillCounting(session.now(), None)

    monkeypatch.setattr(Counting, "_try", too_long)
    ann, pages = market.browser("ann"), (f"{TILES}/1-0", f"{BOARD}/rows/0", "/funnels/deal.sales", f"{TILES}/2-0")
    for page in pages:
        said = text(ann, page)
        assert 'data-state="computing"' in said and "截至" not in said, page
    files = ("/reports/deal.overview/sheet", "/funnels/deal.sales/pdf", "/figures/deal.count/sheet?by=")
    for file in files:
        said = text(ann, file)
        assert 'data-state="computing"' in said and "文件在后台准备" in said, file
    assert look(market.store) > 4
    for file in files:
        ready = ann.get(file, headers={"HX-Request": "true"}).get_data(as_text=True)
        assert "文件准备好了" in ready and 'data-state="computing"' not in ready, file
        assert ann.get(file).mimetype in ("application/pdf", SHEET), file
    for page in pages:
        said = text(ann, page)
        assert 'data-state="computing"' not in said and "截至" in said, page
    assert 'data-state="computing"' in text(market.browser("ben"), f"{TILES}/1-0")  # who sees others is told others


def test_what_is_worked_out_can_be_called_off_by_whoever_asked(market: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(self: Counting, session: Session, statement: Any, given: Any, ask: Any) -> Any:
        session.aside(ask)
        raise StillCounting(session.now(), None)

    monkeypatch.setattr(Counting, "_try", too_long)
    page = "/figures/deal.count?period=2024&by="
    ann, bo = market.browser("ann"), market.browser("bo")
    keys = re.findall(r'name="key" value="([0-9a-f]+)"', text(ann, page))
    assert keys
    assert bo.post("/reports/counting/stop", data={"key": keys}).status_code == 303  # not bo's to call off
    with market.store.read() as session:
        assert set(keys) <= set(kept.list_due(session))
    assert ann.post("/reports/counting/stop", data={"key": keys}).headers["Location"] == "/reports"
    with market.store.read() as session:
        assert not set(keys) & set(kept.list_due(session))


def test_a_funnel_is_divided_and_each_step_opens_its_rows(market: Desk) -> None:
    bo = market.browser("bo")
    page = text(bo, "/funnels/deal.sales?by=owner")
    found = re.findall(r'<a href="(/funnels/deal\.sales/rows\?[^"]*c\.owner=[^"]+)">(\d+)</a>', page)
    assert len(found) > 4
    for url, n in found:
        assert text(bo, html.unescape(url)).count("data-row-url=") == int(n)


def test_what_had_no_rows_before_is_compared_with_nothing(market: Desk) -> None:
    assert "没有上一期的数" in text(market.browser("bo"), "/figures/deal.won?compare=previous")


def test_a_pivot_has_totals_that_open_their_rows(market: Desk) -> None:
    page = text(market.browser("bo"), "/figures/deal.count?by=region&by=owner&chart=pivot")
    assert page.count("合计") >= 2
    totals = {tuple(sorted(key for key in parse_qs(urlsplit(url).query) if key[:2] == "c.")): n
              for url, n in linked(page)}  # fmt: skip
    assert totals.keys() >= {(), ("c.owner",), ("c.owner", "c.region"), ("c.region",)} and totals[()] == 4


def test_a_pivot_leaves_as_its_page_shows_it_with_all_its_totals(market: Desk) -> None:
    bo = market.browser("bo")
    answer = bo.get("/reports/deal.overview/sheet?by=region&by=owner&compare=none&chart=pivot")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    head, *rows = book.get_sheet_by_index(0).to_python()
    assert head[:2] == ["区域", "指标"] and head[-1] == "合计" and {"Ann", "Ben"} <= set(head)
    found = {(row[0], row[1]): dict(zip(head[2:], row[2:], strict=True)) for row in rows}
    assert found["合计", "数量"]["合计"] == 4
    assert found["华东", "赢单金额"]["合计"] == found["华东", "赢单金额"]["Ann"] == 250
    assert found["合计", "赢单金额"] == {
        "Ann": 250,
        "Ben": 900,
        "合计": 1150,
        **dict.fromkeys(set(head[2:-1]) - {"Ann", "Ben"}, 0),
    }
    page = text(bo, "/reports/deal.overview?by=region&by=owner&compare=none&chart=pivot")
    shown = re.findall(r'<th scope="row">([^<]+ · [^<]+)</th>', page)
    assert shown == [f"{row[0]} · {row[1]}" for row in rows]
    flat = book.get_sheet_by_index(1).to_python()
    assert flat[0][:4] == ["区域", "负责人", "数量", "数量 n"] and flat[-1][0] == "合计" and flat[-1][2] == 4
    (one,) = [row for row in flat if row[:2] == ["华东", "Ann"]]
    assert found["华东", "数量"]["Ann"] == one[2]
    alone = sheet_of(bo, "/figures/deal.count/sheet?by=region&by=owner")
    assert alone[0][0] == "区域" and alone[-1][0] == "合计" and alone[-1][-1] == 4  # no column for the one figure


def test_three_dimensions_are_a_table_with_a_row_for_each_that_there_is(market: Desk) -> None:
    bo = market.browser("bo")
    divided = "by=region&by=owner&by=stage&compare=none"
    page = text(bo, f"/reports/deal.overview?{divided}")
    rows = ["华东 · Ann · 报价", "华东 · Ann · 赢单", "华南 · Ben · 赢单"]
    assert re.findall(r'<th scope="row">([^<]+ · [^<]+)</th>', page) == rows
    found = [(url, n) for url, n in linked(page) if url.count("c.") == 3]
    assert found
    for url, n in found:
        assert text(bo, url).count("data-row-url=") == n
    sheet = sheet_of(bo, f"/reports/deal.overview/sheet?{divided}")
    assert [" · ".join(row[:3]) for row in sheet[1:-1]] == rows
    paper = bo.get(f"/reports/deal.overview/pdf?{divided}").get_data()
    assert "报价" in "".join(one.extract_text() for one in PdfReader(io.BytesIO(paper)).pages)


def test_a_closed_month_stands_beside_what_was_corrected_since(market: Desk) -> None:
    assert close_months(market.store) == 1
    bo, ann = market.browser("bo"), market.browser("ann")
    month = market.clock.now().date().replace(day=1) - timedelta(days=1)
    late = market.program("bo").made("deal", name="补录", owner=market.ids["ann"], got_at=f"{month}T01:00:00Z")
    page = text(bo, f"/figures/deal.count?period={month:%Y-%m}")
    assert late["id"] and "已定的月份" in page and "2026-03-02 定下，n=0" in page
    assert re.search(r"定月时</dt><dd[^>]*>0</dd>.*之后更正</dt><dd[^>]*>\+1</dd>", page)
    row = page.split('id="report-closed"')[1].split("</tbody>")[0]
    said = [one.strip() for one in re.findall(r'num">(?:<a[^>]*>)?([^<]+)', row)]
    assert said[:2] == ["0", "2026-03-02"] and said[3:] == ["1", "+1"] and "/rows?" in row
    assert "已定的月份" in text(bo, "/figures/deal.count?period=2026&by=date.month")
    mine = text(ann, f"/figures/deal.count?period={month:%Y-%m}")
    assert "已定的月份" not in mine and "不显示已定的数" in mine
    for login, closed in (("bo", True), ("ann", False)):
        told = market.program(login).get(f"/reports/figures/deal.count?period={month:%Y-%m}").get_json()["total"][0]
        assert ("closed" in told) is closed and told["value"] == "1"
    asked = market.program("bo").get(f"/reports/figures/deal.count?period={month:%Y-%m}").get_json()
    assert asked["total"][0]["closed"].items() >= {"value": "0", "n": 0, "adjustment": "1"}.items()
    head, *lines = sheet_of(bo, "/figures/deal.count/sheet?period=2026&by=date.month")
    first = head.index("数量 定月时")
    assert head[first:] == ["数量 定月时", "数量 定月时 n", "数量 定于", "数量 版本", "数量 之后更正"]
    closed_rows = [line[first:] for line in lines if line[first] != ""]
    assert [[one[at] for at in (0, 1, 2, 4)] for one in closed_rows] == [[0, 0, date(2026, 3, 2), 1]]
    assert (
        lines[1][first:] == closed_rows[0] and len(lines) == 13
    )  # February alone: other months, and the year, are open
    for reader, there in ((bo, True), (ann, False)):
        assert ("数量 定月时" in sheet_of(reader, f"/figures/deal.count/sheet?period={month:%Y-%m}")[0]) is there
        paper = PdfReader(io.BytesIO(reader.get(f"/figures/deal.count/pdf?period={month:%Y-%m}").get_data()))
        said_there = "".join(one.extract_text() for one in paper.pages)
        assert ("已定的月份" in said_there and "+1" in said_there) is there
        assert ("不显示已定的数" in said_there) is not there


def test_who_came_first_is_announced_to_everybody_on_pages_and_in_files(market: Desk) -> None:
    market.clock.at += timedelta(days=30)  # March is over: Ben sold for 900, Ann for 250, and one of them is announced
    ann, ben = market.browser("ann"), market.browser("ben")
    for period in ("", "?period=2026-03&f.owner=me&by=region", "?period=2026-04&chart=bars"):
        page = text(ann, f"/reports/deal.best{period}")
        block = page.split('id="report-announced"')[1].split("</section>")[0]
        said = " ".join(re.sub(r"<[^>]*>", " ", block).split())
        assert "公布的名次：2026 年 3 月" in said and "1. Ben ¥900.00 你的各项 你的各项 你是第 2 名" in said, period
        assert "赢单金额 ¥250.00 n=1 数量 3 n=3" in said and "只按你看得到的记录算" in said
        assert "href" not in block and block.count("Ben") == 1 and "2. Ann" not in block  # nothing behind it opens
    assert "Ben" not in text(ann, "/reports/deal.best?period=2026-03").split('id="report-announced"')[0]
    assert "你是第 1 名" in text(ben, "/reports/deal.best") and "¥900.00" in text(ben, "/reports/deal.best")
    assert "只按你看得到的记录算" not in text(market.browser("bo"), "/reports/deal.best")
    assert "公布的名次" not in text(market.browser("dee"), "/reports/deal.best")  # amounts are hidden from Dee
    early = text(ann, "/reports/deal.best?period=2026-01")
    assert "这一期还没有人有名次：没有人算得出赢单金额" in early and "你没有名次" not in early

    book = CalamineWorkbook.from_filelike(io.BytesIO(ann.get("/reports/deal.best/sheet").get_data()))
    first, own = (book.get_sheet_by_name(name).to_python() for name in ("公布的名次：2026 年 3 月", "你的各项"))
    assert first == [["名次", "负责人", "赢单金额"], [1, "Ben", 900]]
    assert own == [["名次", "赢单金额", "赢单金额 n", "数量", "数量 n"], [2, 250, 1, 3, 3]]
    assert "前 1 名" in str(book.get_sheet_by_index(3).to_python())
    paper = PdfReader(io.BytesIO(ann.get("/reports/deal.best/pdf").get_data()))
    printed = "".join(one.extract_text() for one in paper.pages)
    assert "1. Ben" in printed and "¥900.00" in printed and "你是第 2 名" in printed

    told = market.program("ann").get("/reports/deal.best?filter=owner:me").get_json()["announced"]
    assert told["first"] == [{"rank": 1, "name": "Ben", "value": "900.00"}] and told["period"]["name"] == "2026-03"
    assert told["own"]["rank"] == 2 and told["own"]["cells"]["deal.count"] == {"value": "3", "n": 3, "small": False}
    assert market.program("dee").get("/reports/deal.best").get_json()["announced"] is None
    assert "能打开这张报表的每个人：前 1 名的姓名和这一个数" in text(ann, "/settings/visibility")
    assert market.program("bo").get("/reports/deal.regions").get_json()["announced"] is None
