"""What is typed into a form and not sent waits for whoever typed it, and for nobody else."""

import re
from datetime import timedelta

import pytest

from engine.automation.timers import sweep
from engine.changing.nightly import keep_nightly
from engine.people import accounts
from engine.records.form_drafts import KEPT_FOR, MOST
from tests.web.conftest import Browser, Desk

TOKEN = "a-form-of-mine-0001"


def keep(browser: Browser, path: str, token: str = TOKEN, **values: str) -> int:
    said = browser.post(
        f"{path}/draft", data={"_draft": token, **{key.replace("__", "."): value for key, value in values.items()}}
    )
    assert said.status_code in (200, 403, 404, 422), said.get_data(as_text=True)
    return said.status_code


def count(desk: Desk) -> int:
    with desk.store.read() as session:
        return int(session.connection.exec_driver_sql("SELECT count(*) FROM fw_form_drafts").scalar_one())


def offers(browser: Browser, path: str) -> list[str]:
    """Return where the drafts offered above a form are gone on with."""
    return re.findall(
        r'href="([^"]+_draft=\d+)"', browser.get(path).get_data(as_text=True).split('<form class="record-form"')[0]
    )


@pytest.fixture
def rep(desk: Desk) -> Browser:
    return desk.browser("rep1")


class TestANewRecord:
    def test_what_was_typed_is_offered_listed_and_shown_again_lines_too(self, desk: Desk, rep: Browser) -> None:
        lines = {"parts._order": "n7", "parts.n7.what": "垫片", "parts.n7.price": "12,5"}
        assert keep(rep, "/e/ticket/new", title="水泵漏水", price="一千", **lines) == 200

        form = rep.get("/e/ticket/new").get_data(as_text=True)
        assert "有一份未提交的草稿" in form and "水泵漏水" in form and 'value="水泵漏水"' not in form
        home = rep.get("/").get_data(as_text=True)
        assert "未提交" in home and "水泵漏水" in home

        (url,) = offers(rep, "/e/ticket/new")
        again = rep.get(url).get_data(as_text=True)
        assert 'value="水泵漏水"' in again and 'value="一千"' in again  # as it was typed, right or wrong
        assert 'value="垫片"' in again and 'value="12,5"' in again
        assert f'name="_draft" value="{TOKEN}"' in again and "还没有提交" in again

    def test_sending_the_form_ends_its_draft_and_what_arrives_late_is_forgotten(self, desk: Desk, rep: Browser) -> None:
        keep(rep, "/e/ticket/new", title="水泵漏水")
        assert rep.post("/e/ticket/new", data={"_draft": TOKEN, "title": ""}).status_code == 422
        assert offers(rep, "/e/ticket/new")
        assert rep.post("/e/ticket/new", data={"_draft": TOKEN, "title": "水泵漏水"}).status_code == 303
        assert keep(rep, "/e/ticket/new", title="水泵漏水") == 200
        assert offers(rep, "/e/ticket/new") == []
        assert "未提交" not in rep.get("/").get_data(as_text=True)

    def test_the_last_thing_typed_counts_another_form_is_another_draft_and_none_is_a_record(
        self, desk: Desk, rep: Browser
    ) -> None:
        keep(rep, "/e/ticket/new", title="水泵")
        keep(rep, "/e/ticket/new", title="水泵漏水")
        keep(rep, "/e/ticket/new", "a-form-of-mine-0002", title="另一张")
        first, second = offers(rep, "/e/ticket/new")
        assert 'value="另一张"' in rep.get(first).get_data(as_text=True)
        assert 'value="水泵漏水"' in rep.get(second).get_data(as_text=True)

        assert desk.program("rep1").get("/ticket?count=true").get_json()["count"] == 0
        assert "水泵漏水" not in rep.get("/e/ticket").get_data(as_text=True)

        assert rep.post(f"/drafts/{first.rpartition('=')[2]}/discard").headers["Location"] == "/e/ticket/new"
        assert offers(rep, "/e/ticket/new") == [second]
        assert "已提交、已放弃或已过期" in rep.get(first).get_data(as_text=True)


class TestARecord:
    def test_a_draft_says_what_changed_since_and_saving_it_lets_one_choose(self, desk: Desk, rep: Browser) -> None:
        program = desk.program("rep1")
        made = program.made("ticket", title="水泵漏水", price="100")
        path = f"/e/ticket/{made['id']}/edit"
        keep(rep, path, _version=str(made["version"]), title="水泵漏水严重", price="120")
        assert "此后" not in rep.get(path).get_data(as_text=True)
        program.patch(f"/ticket/{made['id']}", {"price": "90"}, made["version"])

        (url,) = offers(rep, path)
        assert "此后 Rep1 改了：报价" in rep.get(path).get_data(as_text=True)
        form = rep.get(url).get_data(as_text=True)
        assert 'value="水泵漏水严重"' in form and f'name="_version" value="{made["version"]}"' in form
        sent = {"_draft": TOKEN, "_version": str(made["version"]), "title": "水泵漏水严重", "price": "120"}
        asked = rep.post(path, data=sent)
        assert asked.status_code == 409 and f'name="_draft" value="{TOKEN}"' in asked.get_data(as_text=True)
        assert rep.post(path, data=sent | {"_version": "2", "_take.price": "theirs"}).status_code == 303
        assert offers(rep, path) == []

    def test_it_is_private_and_dies_with_the_right_to_write(self, desk: Desk, rep: Browser) -> None:
        made = desk.program("rep1").made("ticket", title="水泵漏水")
        path = f"/e/ticket/{made['id']}/edit"
        keep(rep, path, _version="1", title="我的改动")
        lead = desk.browser("lead")
        (url,) = offers(rep, path)
        assert offers(lead, path) == [] and "我的改动" not in lead.get(url).get_data(as_text=True)
        lead.post(f"/drafts/{url.rpartition('=')[2]}/discard")
        assert offers(rep, path) == [url]
        assert keep(desk.browser("rep2"), path, title="别人的") == 404
        assert keep(desk.browser("root"), path, title="只能看") == 403

        with desk.store.write() as session:
            accounts.set_roles(session, desk.ids["rep1"], ["guest"], actor=None)
        left = desk.browser("rep1")
        assert left.get(url).status_code in (403, 404) and "我的改动" not in left.get("/").get_data(as_text=True)

    def test_values_of_fields_that_became_closed_are_not_offered(self, desk: Desk) -> None:
        lead = desk.browser("lead")
        lines = {"parts._order": "n1", "parts.n1.what": "垫片", "parts.n1.cost": "8.88"}
        keep(lead, "/e/ticket/new", title="水泵漏水", floor="7777", nothing="x", **lines)
        with desk.store.write() as session:
            accounts.set_roles(session, desk.ids["lead"], ["rep"], actor=None)
        lead = desk.browser("lead")
        (url,) = offers(lead, "/e/ticket/new")
        form = lead.get(url).get_data(as_text=True)
        assert 'value="水泵漏水"' in form and 'value="垫片"' in form
        assert "7777" not in form and "8.88" not in form


class TestLimits:
    def test_a_draft_that_is_too_large_is_refused_the_oldest_make_room_and_all_expire(
        self, desk: Desk, rep: Browser
    ) -> None:
        assert keep(rep, "/e/ticket/new", title="x" * 200_001) == 422
        assert keep(rep, "/e/ticket/new", token="no", title="x") == 422
        for at in range(MOST + 2):
            keep(rep, "/e/ticket/new", f"a-form-of-mine-{at:04}", title=f"第{at}张")
            desk.clock.advance(timedelta(seconds=1))
        assert count(desk) == MOST
        keep_nightly(desk.store)
        desk.clock.advance(KEPT_FOR)
        sweep(desk.store)
        assert count(desk) == 0

    def test_a_session_that_ended_is_told_where_to_sign_in(self, desk: Desk) -> None:
        said = desk.browser().post(
            "/e/ticket/new/draft",
            data={"_draft": TOKEN},
            headers={"HX-Request": "true", "Referer": "http://localhost/e/ticket/new"},
        )
        assert (said.status_code, said.headers["HX-Redirect"]) == (401, "/login?next=/e/ticket/new")
