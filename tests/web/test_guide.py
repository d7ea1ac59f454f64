"""The set-up guide: what is there counts by itself, each step has its page, the time it takes is kept."""

import html
import re
from datetime import timedelta

from sqlalchemy import select

from engine.definition.source import read_folder
from engine.guiding import timing
from engine.guiding.steps import read_guide
from engine.storage.system_tables import audit, departments, users
from tests.reports.market import FULL
from tests.web.conftest import DESK, Browser, Desk, OpenDesk, add_people

PAGES = ("", "/site", "/people", "/modules", "/calendar", "/demo", "/trial", "/people/template")
POSTS = ("/say", "/close", "/site", "/modules", "/calendar", "/people/look", "/people", "/demo/load", "/demo/clear",
         "/trial/begin", "/trial/end")  # fmt: skip
SHEET = "登录名,姓名,角色,部门,上级\nli,李强,客服,华东区,王芳\nwang,王芳,主管,华东区,\n"


def states(desk: Desk) -> dict[str, str]:
    with desk.store.read() as session:
        return {one.key: one.state for one in read_guide(session).steps}


def actions(desk: Desk) -> list[str]:
    with desk.store.read() as session:
        return list(session.connection.scalars(select(audit.c.action).order_by(audit.c.id)))


def posted_sheet(browser: Browser, text: str) -> tuple[str, str]:
    """Let a sheet be looked at; return the page, and what its button would post."""
    page = browser.post("/admin/setup/people/look", data={"pasted": text}).get_data(as_text=True)
    found = re.search(r'name="sheet" value="([^"]*)"', page)
    return page, html.unescape(found[1]) if found else ""


def test_administrators_alone_meet_the_guide_and_can_put_it_away(desk: Desk) -> None:
    for login in ("rep1", "lead"):
        browser = desk.browser(login)
        assert "/admin/setup" not in browser.get("/").get_data(as_text=True)
        assert {browser.get(f"/admin/setup{one}").status_code for one in PAGES} == {403}
        assert {browser.post(f"/admin/setup{one}").status_code for one in POSTS} == {403}
    root = desk.browser("root")
    assert {root.get(f"/admin/setup{one}").status_code for one in PAGES} == {200}
    assert "下一步：公司名称与时区" in root.get("/").get_data(as_text=True)
    assert root.post("/admin/setup/close", data={"closed": "1"}).headers["Location"] == "/"
    assert "下一步：" not in root.get("/").get_data(as_text=True)
    assert root.post("/admin/setup/say", data={"step": "nix", "said": "done"}).status_code == 404
    assert root.post("/admin/setup/say", data={"step": "channels", "said": "skipped"}).status_code == 303
    assert states(desk)["channels"] == "skipped"


def test_the_name_of_the_site_stands_on_every_page_at_once(desk: Desk) -> None:
    root, rep = desk.browser("root"), desk.browser("rep1")
    refused = root.post("/admin/setup/site", data={"name": "", "timezone": "Mars/Base"})
    assert refused.status_code == 422 and "没有这个时区" in refused.get_data(as_text=True)

    assert root.post("/admin/setup/site", data={"name": "恒封密封", "timezone": "Europe/Berlin"}).status_code == 303

    assert "恒封密封" in rep.get("/e/ticket").get_data(as_text=True)
    with desk.store.write() as session:
        assert (session.app.timezone, session.app.label["en"]) == ("Europe/Berlin", "恒封密封")
    assert states(desk)["site"] == "done"
    assert actions(desk)[-1] == "setting.named"


def test_people_come_in_from_a_sheet_all_or_none(desk: Desk) -> None:
    root, before = desk.browser("root"), len(desk.ids)
    page, _ = posted_sheet(root, SHEET.replace("主管", "长官").replace("王芳\n", "赵云\n"))
    assert "没有角色“长官”" in page and "找不到“赵云”" in page and "全部导入" not in page
    page, _ = posted_sheet(root, "登录名,部门\nli,x\n")
    assert "缺少这些列：姓名、角色" in page
    page, sheet = posted_sheet(root, SHEET.replace("li,", "rep1,"))
    assert "rep1" in page and root.post("/admin/setup/people", data={"sheet": sheet}).status_code == 422
    assert root.post("/admin/setup/people", data={"sheet": "[[1]]"}).status_code == 422

    page, sheet = posted_sheet(root, SHEET)
    assert "将新建部门：华东区" in page and "李强" in page and "上级：王芳" in page
    with desk.store.read() as session:
        assert len(session.connection.execute(select(users.c.id)).all()) == before, "a look creates nobody"
    done = root.post("/admin/setup/people", data={"sheet": sheet}).get_data(as_text=True)

    assert "已添加 2 人" in done and done.count("/join/") == 2
    with desk.store.read() as session:
        found = {row.login: row for row in session.connection.execute(select(users))}
        team = session.connection.scalar(select(departments.c.id).where(departments.c.name == "华东区"))
    assert (found["li"].manager_id, found["li"].department_id) == (found["wang"].id, team)
    assert found["li"].password_hash is None


def test_the_letterhead_stands_below_the_name_on_paper_once_it_is_said(desk: Desk) -> None:
    root = desk.browser("root")
    many = "\n".join(f"第{one}行" for one in range(9))
    refused = root.post("/admin/setup/site", data={"name": "恒封密封", "timezone": "Asia/Shanghai", "letterhead": many})
    assert refused.status_code == 422 and "单据抬头最多 6 行" in refused.get_data(as_text=True)

    below = "宁波市北仑区沿海路 118 号\n\n 开户行：宁波银行北仑支行  账号 3901 2200 "
    said = {"name": "恒封密封", "timezone": "Asia/Shanghai", "letterhead": below}
    assert root.post("/admin/setup/site", data=said).status_code == 303

    with desk.store.read() as session:
        assert session.app.choices.letterhead == (
            "宁波市北仑区沿海路 118 号",
            "开户行：宁波银行北仑支行 账号 3901 2200",
        )
    assert "宁波市北仑区沿海路 118 号" in desk.browser("root").get("/admin/setup/site").get_data(as_text=True)


def test_modules_are_switched_by_phase_and_days_by_hand(open_desk: OpenDesk) -> None:
    texts = dict(read_folder(DESK).files)
    modules = (
        "modules:\n  base: {label: 客户, entities: [client]}\n"
        "  desk: {label: 工单, entities: [ticket], needs: [base], phase: 2}\n"
    )
    texts["app.yaml"] = texts["app.yaml"].replace("menu:", f"{modules}menu:")
    desk = open_desk(definition=texts)
    root, rep = desk.browser("root"), desk.browser("rep1")
    assert rep.get("/e/ticket").status_code == 200

    assert root.post("/admin/setup/modules", data={"only": "1"}).status_code == 303

    assert rep.get("/e/ticket").status_code == 404 and "/e/ticket" not in rep.get("/").get_data(as_text=True)
    assert "第二期" in root.get("/admin/setup/modules").get_data(as_text=True)
    assert root.post("/admin/setup/modules", data={"module": "desk", "on": "1"}).status_code == 303
    assert rep.get("/e/ticket").status_code == 200
    assert root.post("/admin/setup/modules", data={"module": "moon", "on": "1"}).status_code == 404
    assert states(desk)["modules"] == "done"
    assert actions(desk)[-2:] == ["setting.module_off", "setting.module_on"]

    given = {"day": "2026-03-07", "works": "work", "note": "补班"}
    assert root.post("/admin/setup/calendar", data={"day": "", "works": "off"}).status_code == 422
    assert root.post("/admin/setup/calendar", data=given).status_code == 303
    assert "补班" in root.get("/admin/setup/calendar").get_data(as_text=True)
    assert states(desk)["calendar"] == "done"


def test_the_time_of_a_step_is_kept_without_breaks(desk: Desk) -> None:
    root = desk.browser("root")
    root.get("/admin/setup/site")
    desk.clock.at += timedelta(minutes=4)
    root.get("/admin/setup/calendar")
    desk.clock.at += timedelta(hours=3)  # lunch
    root.get("/admin/setup")
    with desk.store.read() as session:
        kept = timing.read_kept(session)
    assert kept.spent == {"site": 240} and kept.seconds == 240
    assert "已用时 4 分钟" in root.get("/admin/setup").get_data(as_text=True)


def test_a_trial_begins_once_and_ends_with_its_report(desk: Desk) -> None:
    root = desk.browser("root")
    assert root.post("/admin/setup/trial/end").status_code == 409
    assert root.post("/admin/setup/trial/begin").status_code == 303
    assert root.post("/admin/setup/trial/begin").status_code == 409
    desk.clock.at += timedelta(days=13)
    assert "第 14 天，共 14 天" in desk.browser("root").get("/admin/setup/trial").get_data(as_text=True)
    assert desk.browser("root").post("/admin/setup/trial/end").status_code == 303
    assert actions(desk)[-1] == "setting.trial_ended"


def test_the_report_of_a_trial_holds_the_figures_the_definition_names_over_its_days(open_desk: OpenDesk) -> None:
    board = "dashboard: fortnight\nlabel: 试用指标\ntrial: true\nrows:\n  - [{figure: deal.count}]\n"
    people = {"root": ("north", "admin")}
    desk = open_desk(
        definition={**FULL, "dashboards/fortnight.yaml": board}, people=lambda store: add_people(store, people)
    )

    def report() -> str:
        return html.unescape(desk.browser("root").get("/admin/setup/trial").get_data(as_text=True))

    began = desk.clock.at.date()
    assert "试用指标" not in report(), "before it begins there are no days to look at"
    desk.browser("root").post("/admin/setup/trial/begin")
    desk.clock.at += timedelta(days=5)
    assert f"/dashboards/fortnight/rows/0?period={began}..{began + timedelta(days=5)}" in report()
    desk.clock.at += timedelta(days=30)
    assert f"/dashboards/fortnight/rows/0?period={began}..{began + timedelta(days=14)}" in report()
    row = desk.browser("root").get(f"/dashboards/fortnight/rows/0?period={began}..{began + timedelta(days=14)}")
    assert row.status_code == 200 and "figure-value" in row.get_data(as_text=True)


def test_a_release_without_dashboards_says_that_its_trial_has_no_figures(desk: Desk) -> None:
    desk.browser("root").post("/admin/setup/trial/begin")
    assert "这里没有指标" in desk.browser("root").get("/admin/setup/trial").get_data(as_text=True)


def test_a_release_without_a_demo_says_so(desk: Desk) -> None:
    root = desk.browser("root")
    assert "没有附带演示数据" in root.get("/admin/setup/demo").get_data(as_text=True)
    assert root.post("/admin/setup/demo/load").status_code == 409
