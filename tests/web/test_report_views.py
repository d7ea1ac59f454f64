"""What somebody chose on a report's page is kept under a name: for them, or for others under their own rights."""

import re

import pytest

from engine.definition.source import SourceFolder
from engine.storage import catalog
from tests.reports.market import FULL
from tests.web.conftest import Browser, Desk, OpenDesk, add_people

PEOPLE = {"bo": ("north", "boss"), "ann": ("north", "rep"), "dee": ("south", "clerk"), "root": ("north", "admin")}
QUERY = "period=last+month&by=owner&chart=table&f.region=east"


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    return open_desk(definition=FULL, people=lambda store: add_people(store, PEOPLE))


def keep(browser: Browser, name: str = "东片", query: str = QUERY, *, key: str = "deal.months", **more: str) -> str:
    """Keep a view and return its address."""
    form = {"kind": "report", "key": key, "list": query, "name": name} | more
    said = browser.post("/report-views/new", data=form)
    assert said.status_code == 303, said.get_data(as_text=True)
    return said.headers["Location"]


def page_of(browser: Browser, url: str) -> str:
    return browser.get(url).get_data(as_text=True)


def test_a_view_opens_the_page_as_it_was_kept_and_is_renamed_changed_and_forgotten(desk: Desk) -> None:
    ann = desk.browser("ann")
    address = keep(ann)
    opened = ann.get(address)
    assert opened.status_code == 303
    assert opened.headers["Location"] == f"/reports/deal.months?{QUERY}&view={address.rpartition('/')[2]}"
    page = page_of(ann, opened.headers["Location"])
    assert re.search(r'aria-current="true">\s*东片', page) and "改名、共享…" in page
    assert "保存到" not in page, "nothing was changed"
    other = page_of(ann, opened.headers["Location"].replace("chart=table", "chart=bars"))
    assert "保存到“东片”" in other

    assert ann.post(f"{address}/content", data={"list": "by=date.month"}).status_code == 303
    assert ann.get(address).headers["Location"].startswith("/reports/deal.months?by=date.month&view=")
    assert ann.post(f"{address}/edit", data={"name": "按月"}).status_code == 303
    assert "按月" in page_of(ann, "/reports") and "东片" not in page_of(ann, "/reports/deal.months")
    assert ann.post(f"{address}/delete").headers["Location"] == "/reports/deal.months"
    assert ann.get(address).status_code == 404
    with desk.store.read() as session:
        done = session.connection.exec_driver_sql("SELECT action FROM fw_audit WHERE action LIKE 'report_view%'")
        assert [row[0].partition(".")[2] for row in done] == ["create", "update", "update", "delete"]


def test_views_and_baselines_follow_a_report_and_a_figure_to_their_new_keys(desk: Desk) -> None:
    ann, root = desk.browser("ann"), desk.browser("root")
    months, ninety = keep(ann), keep(ann, kind="figure", key="deal.p90")
    assert root.post("/admin/baselines", data={"value.deal.p90": "1234"}).status_code == 303
    reports = FULL["deal/reports.yaml"].replace("[count, middle, p90]", "[count, middle, ninety]")
    for former, now in (("p90", "ninety"), ("months", "by_month")):
        reports, times = re.subn(rf"^  {former}:( *)\{{", rf"  {now}:\1{{was: {former}, ", reports, flags=re.MULTILINE)
        assert times == 1, former
    catalog.publish(desk.store, SourceFolder({**FULL, "deal/reports.yaml": reports}), actor_id=None)
    desk.app.extensions["formwork.store"].reload()
    assert ann.get(months).headers["Location"].startswith("/reports/deal.by_month?")
    assert ann.get(ninety).headers["Location"].startswith("/figures/deal.ninety?")
    assert 'name="value.deal.ninety" value="1234' in re.sub(r"\s+", " ", page_of(root, "/admin/baselines"))


def test_names_are_their_owners_own_and_once(desk: Desk) -> None:
    ann = desk.browser("ann")
    keep(ann)
    for name, status in (("东片", 422), ("", 422), ("x" * 61, 422)):
        form = {"kind": "report", "key": "deal.months", "name": name}
        assert ann.post("/report-views/new", data=form).status_code == status, name
    for kind, key in (("report", "deal.nothing"), ("dashboard", "home"), ("figure", "deal.months"), ("", "")):
        assert ann.post("/report-views/new", data={"kind": kind, "key": key, "name": "a"}).status_code == 404
    for kind, key in (("figure", "deal.count"), ("funnel", "deal.sales")):
        said = ann.post("/report-views/new", data={"kind": kind, "key": key, "name": "东片", "list": "period=all"})
        assert said.status_code == 303, said.get_data(as_text=True)
        assert ann.get(said.headers["Location"]).headers["Location"].startswith(f"/{kind}s/{key}?period=all&view=")
    assert ann.post("/report-views/new", data={
        "kind": "report", "key": "deal.months", "name": "b", "list": "by=nothing"
    }).status_code == 422  # fmt: skip


def test_a_shared_view_counts_what_its_reader_may_see_and_only_who_may_share_does(desk: Desk) -> None:
    root, ann, bo = desk.browser("root"), desk.browser("ann"), desk.browser("bo")
    own = keep(ann)
    for browser in (bo, root):
        assert browser.get(own).status_code == 404, "not shared"
    refused = ann.post("/report-views/new", data={
        "kind": "report", "key": "deal.months", "name": "c", "audience": "*"
    })  # fmt: skip
    assert refused.status_code == 403
    assert 'name="audience"' not in page_of(ann, "/report-views/new?kind=report&key=deal.months")
    assert 'name="audience"' in page_of(root, "/report-views/new?kind=report&key=deal.months")
    shared = keep(root, "东区", audience="rep")
    assert ann.get(shared).status_code == 303 and bo.get(shared).status_code == 404
    assert "东区" in page_of(ann, "/reports") and "东区" not in page_of(bo, "/reports")
    assert ann.post(f"{shared}/edit", data={"name": "x"}).status_code == 403
    assert ann.post(f"{shared}/delete").status_code == 403
    assert "改名、共享…" not in page_of(ann, ann.get(shared).headers["Location"])


def test_programs_keep_and_read_views_too(desk: Desk) -> None:
    ann = desk.program("ann")
    sent = {"kind": "report", "key": "deal.months", "name": "东片", "query": QUERY}
    made = ann.post("/reports/views", sent)
    assert made.status_code == 201, made.get_data(as_text=True)
    id_ = made.json["id"]
    assert made.json | sent == made.json and made.json["can_edit"] and made.json["left_out"] == 0
    assert [one["id"] for one in ann.get("/reports/views").json["items"]] == [id_]
    changed = ann.call("PATCH", f"/reports/views/{id_}", {"name": "新名"})
    assert (changed.status_code, changed.json["name"], changed.json["query"]) == (200, "新名", QUERY)
    assert desk.program("bo").get("/reports/views").json["items"] == []
    assert desk.program("bo").call("PATCH", f"/reports/views/{id_}", {"name": "a"}).status_code == 404
    assert ann.post("/reports/views", sent | {"key": "deal.nothing"}).status_code == 404
    assert ann.post("/reports/views", sent | {"extra": 1}).status_code == 422
    assert ann.call("DELETE", f"/reports/views/{id_}").status_code == 204
    assert ann.get("/reports/views").json["items"] == []
