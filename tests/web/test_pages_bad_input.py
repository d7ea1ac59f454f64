"""What is sent to the pages by mistake or on purpose: clear words, the right status, nothing half done."""

import re
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.web.conftest import Browser, Desk

pytestmark = pytest.mark.both_databases

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
LINE = {"parts._order": "n1", "parts.n1._id": ""}


def words(answer: TestResponse) -> str:
    """The visible words of a page."""
    body = re.sub(r"<(script|template)\b.*?</\1>", " ", answer.get_data(as_text=True), flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def errors_at(answer: TestResponse) -> dict[str, str]:
    """The sentence beside each wrong field, by the id of its input."""
    found = re.findall(r'<p class="field-error" id="([^"]+)-error"[^>]*>(.*?)</p>', answer.get_data(as_text=True))
    return {key: unescape(re.sub(r"<[^>]+>", "", text)).strip() for key, text in found}


def new_ticket(browser: Browser, **values: Any) -> str:
    answer = browser.post("/e/ticket/new", data={"title": "泵漏水", **values})
    assert answer.status_code == 303, words(answer)
    return answer.location


def count(browser: Browser) -> int:
    return len(re.findall("data-row-url", browser.get("/e/ticket").get_data(as_text=True)))


@pytest.fixture
def rep(desk: Desk) -> Browser:
    return desk.browser("rep1")


class TestForms:
    def test_a_missing_value_is_told_at_its_field_and_the_rest_is_kept(self, rep: Browser) -> None:
        answer = rep.post("/e/ticket/new", data={"title": "", "price": "12.5", "answer": "先看看", "kind": "repair"})
        assert answer.status_code == 422
        assert list(errors_at(answer)) == ["f-title"]
        page = answer.get_data(as_text=True)
        assert 'value="12.5"' in page
        assert "先看看" in page
        assert re.search(r'value="repair"[^>]*checked', page)
        assert count(rep) == 0

    @pytest.mark.parametrize(
        ("field", "typed"),
        [
            ("price", "一百"),
            ("price", "-1"),
            ("price", "1e999999999"),
            ("price", "9" * 400),
            ("price", "NaN"),
            ("share", "百分之五"),
            ("due_on", "2026-02-30"),
            ("due_on", "tomorrow"),
            ("called", "2026-13-01T25:00"),
            ("kind", "no-such-option"),
            ("client", "999999"),
            ("client", "9" * 40),
            ("client", "abc"),
            ("title", "长" * 61),
            ("title", "bell\x07"),
        ],
    )
    def test_a_mistyped_value_is_told_at_its_field_and_shown_as_it_was_typed(
        self, rep: Browser, field: str, typed: str
    ) -> None:
        answer = rep.post("/e/ticket/new", data={"title": "泵漏水", field: typed})
        assert answer.status_code == 422
        assert list(errors_at(answer)) == [f"f-{field}"]
        if field in ("price", "share", "title"):
            assert f'value="{typed}"' in answer.get_data(as_text=True)
        assert count(rep) == 0

    @pytest.mark.parametrize("name", ["no_such_field", "stage", "number", "total", "id", "version", "created_by"])
    def test_a_value_that_is_not_on_the_form_is_refused_and_named(self, rep: Browser, name: str) -> None:
        answer = rep.post("/e/ticket/new", data={"title": "泵漏水", name: "1"})
        assert answer.status_code == 422
        assert "note-error" in answer.get_data(as_text=True)
        assert count(rep) == 0

    def test_a_field_the_reader_may_not_see_is_refused_like_one_that_does_not_exist(self, rep: Browser) -> None:
        hidden = rep.post("/e/ticket/new", data={"title": "泵漏水", "floor": "1"})
        absent = rep.post("/e/ticket/new", data={"title": "泵漏水", "floors": "1"})
        assert hidden.status_code == absent.status_code == 422
        assert "底价" not in words(hidden)

    def test_a_wrong_cell_of_a_line_table_is_told_in_its_cell(self, rep: Browser) -> None:
        answer = rep.post("/e/ticket/new", data={"title": "泵漏水", **LINE, "parts.n1.what": "", "parts.n1.price": "x"})
        assert answer.status_code == 422
        assert set(errors_at(answer)) == {"f-parts-n1-what", "f-parts-n1-price"}
        assert "配件 第 1 行 价格" in words(answer)

    @pytest.mark.parametrize(
        "names",
        [
            {"parts.n1.cost": "1"},
            {"parts.n1.nothing": "1"},
            {"parts.n1.twice": "1"},
            {"parts.n1._id": "999999", "parts.n1.price": "3"},
            {"parts.n1._id": "x", "parts.n1.price": "3"},
            {"parts": "text instead of rows"},
        ],
    )
    def test_strange_rows_are_refused(self, rep: Browser, names: dict[str, str]) -> None:
        answer = rep.post("/e/ticket/new", data={"title": "泵漏水", **LINE, "parts.n1.what": "密封圈"} | names)
        assert answer.status_code == 422, words(answer)
        assert count(rep) == 0

    def test_more_rows_than_a_table_may_have_are_refused(self, rep: Browser) -> None:
        rows = {"parts._order": [f"n{at}" for at in range(900)]} | {f"parts.n{at}.what": "x" for at in range(90)}
        answer = rep.post("/e/ticket/new", data={"title": "泵漏水", **rows})
        assert answer.status_code in (303, 413, 422)

    def test_a_body_that_is_too_large_is_413_in_words(self, rep: Browser) -> None:
        answer = rep.post("/e/ticket/new", data={"title": "泵漏水", "answer": "x" * 5_000_000})
        assert answer.status_code == 413
        assert "太大" in words(answer)

    def test_markup_comes_back_as_text(self, rep: Browser) -> None:
        url = new_ticket(rep, title='<b onclick="x">粗</b>', answer="<script>alert(1)</script>")
        page = rep.get(url).get_data(as_text=True)
        assert "<b onclick" not in page
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page

    def test_a_form_without_its_token_is_refused_and_writes_nothing(self, rep: Browser) -> None:
        answer = rep.post("/e/ticket/new", csrf=False, data={"title": "泵漏水"})
        assert answer.status_code == 400
        assert count(rep) == 0

    def test_a_query_may_not_fill_in_what_the_form_does_not_ask(self, rep: Browser) -> None:
        answer = rep.get("/e/ticket/new?title=预填&floor=5&total=9&stage=done&parts=3&nothing=1")
        assert answer.status_code == 200
        assert 'value="预填"' in answer.get_data(as_text=True)

    @pytest.mark.parametrize("path", ["/e/ticket/new/preview", "/e/ticket/1/edit/preview"])
    def test_a_preview_of_nonsense_answers_what_it_can(self, rep: Browser, path: str) -> None:
        new_ticket(rep)
        nonsense = {
            "title": "",
            "price": "x",
            "client": "99",
            "zzz": "1",
            **LINE,
            "parts.n1.price": "7",
            "parts.n1.q": "1",
        }
        answer = rep.post(path, data=nonsense)
        assert answer.status_code == 200
        assert "¥14.00" in words(answer)


class TestVersions:
    def test_a_stale_form_shows_both_values_and_loses_none(self, desk: Desk, rep: Browser) -> None:
        url = new_ticket(rep, price="10", answer="旧")
        desk.browser("lead").post(f"{url}/edit", data={"_version": "1", "price": "20", "kind": "other"})
        answer = rep.post(
            f"{url}/edit", data={"_version": "1", "title": "泵漏水", "price": "30", "kind": "", "answer": "新"}
        )
        assert answer.status_code == 409
        page = answer.get_data(as_text=True)
        assert "30" in words(answer)
        assert "¥20.00" in words(answer)
        assert set(re.findall(r'name="_take\.(\w+)"', page)) == {"price", "kind"}
        assert re.search(r'type="hidden" name="_take\.kind" value="theirs"', page)
        assert rep.get(url).get_data(as_text=True).count("¥20.00") >= 1

        again = {"_version": "2", "title": "泵漏水", "price": "30", "kind": "", "answer": "新", "_take.kind": "theirs",
                 "_take.price": "mine"}  # fmt: skip
        assert rep.post(f"{url}/edit", data=again).status_code == 303
        said = words(rep.get(url))
        assert "¥30.00" in said
        assert "其他" in said
        assert "新" in said

    def test_line_tables_are_not_overwritten_silently(self, desk: Desk, rep: Browser) -> None:
        url = new_ticket(rep, **LINE, **{"parts.n1.what": "密封圈", "parts.n1.price": "3"})
        row = re.search(r'name="(parts\.\w+)\._id" value="(\d+)"', rep.get(f"{url}/edit").get_data(as_text=True))
        assert row is not None
        token = row[1].partition(".")[2]
        same = {"parts._order": token, f"parts.{token}._id": row[2], f"parts.{token}.what": "密封圈"}
        lead = desk.browser("lead")
        assert lead.post(f"{url}/edit", data={"_version": "1", **same, f"parts.{token}.price": "8"}).status_code == 303

        untouched = {"_version": "1", "title": "改了标题", **same, f"parts.{token}.price": "3"}
        answer = rep.post(f"{url}/edit", data=untouched)
        assert answer.status_code == 409
        assert '<input type="hidden" name="_take.parts" value="theirs">' in answer.get_data(as_text=True)
        touched = rep.post(f"{url}/edit", data=untouched | {f"parts.{token}.price": "4"})
        assert re.search(r'type="radio" name="_take\.parts" value="mine"', touched.get_data(as_text=True))
        assert "密封圈 · ¥8.00" in words(touched)

    @pytest.mark.parametrize("version", ["", "0", "x", "-1", "1.5", "99999999999999999999"])
    def test_a_form_without_a_version_of_the_record_changes_nothing(self, rep: Browser, version: str) -> None:
        url = new_ticket(rep)
        answer = rep.post(f"{url}/edit", data={"_version": version, "title": "改了"})
        assert answer.status_code == 409
        assert "泵漏水" in words(rep.get(url))

    def test_a_stale_move_is_409_and_leaves_the_record_where_it_is(self, desk: Desk, rep: Browser) -> None:
        url = new_ticket(rep, answer="好了")
        assert rep.post(f"{url}/edit", data={"_version": "1", "title": "泵不漏了"}).status_code == 303
        assert rep.post(f"{url}/moves/finish", data={"_version": "1"}).status_code == 409
        dialog = rep.post(f"{url}/moves/finish", data={"_version": "1"}, headers={"HX-Request": "true"})
        assert dialog.status_code == 409
        assert dialog.headers["HX-Redirect"] == url
        assert "待处理" in words(rep.get(url))


class TestMoves:
    def test_a_refused_move_lists_what_is_missing_at_its_fields(self, rep: Browser) -> None:
        url = new_ticket(rep)
        answer = rep.post(f"{url}/moves/finish", data={"_version": "1"})
        assert answer.status_code == 422
        assert list(errors_at(answer)) == ["f-answer"]
        assert "待处理" in words(rep.get(url))
        filled = rep.post(f"{url}/moves/finish", data={"_version": "1", "answer": "换了密封圈"})
        assert filled.status_code == 303
        assert "已完成" in words(rep.get(url))

    def test_a_move_takes_no_other_values_along(self, rep: Browser) -> None:
        url = new_ticket(rep)
        answer = rep.post(
            f"{url}/moves/finish", data={"_version": "1", "answer": "好了", "floor": "1", "stage": "done"}
        )
        assert answer.status_code == 422
        assert "待处理" in words(rep.get(url))

    def test_a_move_that_needs_a_reason_asks_for_it(self, desk: Desk, rep: Browser) -> None:
        url = new_ticket(rep, answer="好了")
        answer = desk.browser("lead").post(f"{url}/moves/drop", data={"_version": "1", "reason": "  "})
        assert answer.status_code == 422
        assert list(errors_at(answer)) == ["reason"]

    @pytest.mark.parametrize(("move", "status"), [("drop", 403), ("nothing", 404)])
    def test_a_move_that_is_not_mine_or_not_there(self, rep: Browser, move: str, status: int) -> None:
        url = new_ticket(rep)
        assert rep.post(f"{url}/moves/{move}", data={"_version": "1", "reason": "x"}).status_code == status
        assert rep.get(f"{url}/moves/{move}").status_code == 409


class TestDecisions:
    @pytest.fixture
    def task(self, desk: Desk, rep: Browser) -> str:
        url = new_ticket(rep, answer="好了")
        assert rep.post(f"{url}/moves/ask", data={"_version": "1"}).status_code == 303
        queue = desk.browser("lead").get("/approvals").get_data(as_text=True)
        return re.search(r'href="(/approvals/\d+)"', queue)[1]  # type: ignore[index]

    def test_a_second_click_decides_once(self, desk: Desk, task: str) -> None:
        lead = desk.browser("lead")
        posted = {"decision": "approve", "_action_id": "a" * 32}
        answers = [lead.post(task, data=posted) for _ in range(2)]
        assert [one.status_code for one in answers] == [303, 303]
        other_tab = lead.post(task, data=posted | {"_action_id": "b" * 32})
        assert other_tab.status_code == 409
        assert "同意" in words(other_tab)
        assert words(desk.browser("rep1").get("/e/ticket/1")).count("在“主管”同意") == 1

    @pytest.mark.parametrize("decision", ["refuse", "return"])
    def test_a_no_needs_a_reason(self, desk: Desk, task: str, decision: str) -> None:
        lead = desk.browser("lead")
        answer = lead.post(task, data={"decision": decision, "reason": " "})
        assert answer.status_code == 422
        assert 'id="reason-error"' in answer.get_data(as_text=True)
        assert task in lead.get("/approvals").get_data(as_text=True)

    @pytest.mark.parametrize("decision", ["", "maybe", "approve\x00", "x" * 5000])
    def test_an_unknown_decision_decides_nothing(self, desk: Desk, task: str, decision: str) -> None:
        lead = desk.browser("lead")
        assert lead.post(task, data={"decision": decision}).status_code == 422
        assert task in lead.get("/approvals").get_data(as_text=True)

    @pytest.mark.parametrize("login", ["rep1", "rep2", "root"])
    def test_somebody_elses_task_is_not_there(self, desk: Desk, task: str, login: str) -> None:
        other = desk.browser(login)
        assert other.get(task).status_code == 404
        assert other.post(task, data={"decision": "approve"}).status_code == 404

    def test_a_record_people_decide_about_cannot_be_changed(self, desk: Desk, rep: Browser, task: str) -> None:
        answer = rep.post("/e/ticket/1/edit", data={"_version": "2", "title": "改了"})
        assert answer.status_code in (403, 409, 422)
        assert "泵漏水" in words(rep.get("/e/ticket/1"))

    def test_withdrawing_leads_nowhere_but_to_this_site(self, rep: Browser, task: str) -> None:
        withdraw = re.search(r'action="(/approvals/withdraw/\d+)"', rep.get("/e/ticket/1").get_data(as_text=True))
        assert withdraw is not None
        answer = rep.post(withdraw[1], data={"next": "//evil.example/x"})
        assert answer.status_code == 303
        assert answer.location == "/approvals?box=started"


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        ["/e/ticket/{id}", "/e/ticket/{id}/edit", "/e/ticket/{id}/moves/finish", "/e/ticket/{id}/history",
         "/e/ticket/{id}/make/x", "/e/ticket/{id}/print/x", "/e/ticket/{id}/print/x.pdf"],
    )  # fmt: skip
    def test_a_foreign_record_answers_as_if_it_did_not_exist(self, desk: Desk, rep: Browser, path: str) -> None:
        foreign = new_ticket(desk.browser("rep2")).rpartition("/")[2]
        answers = [rep.get(path.format(id=id_)) for id_ in (foreign, "424242")]
        assert [one.status_code for one in answers] == [404, 404]
        assert words(answers[0]) == words(answers[1])

    @pytest.mark.parametrize("id_", ["0", "-1", "x", "1e3", "９", "9" * 30, "1%00"])
    def test_an_id_that_cannot_be_one_is_not_found(self, rep: Browser, id_: str) -> None:
        assert rep.get(f"/e/ticket/{id_}").status_code == 404
        assert rep.get(f"/approvals/{id_}").status_code == 404
        assert rep.get(f"/files/{id_}").status_code == 404

    @pytest.mark.parametrize(
        "query",
        ["sort=nothing", "sort=floor", "sort=-parts", "after=garbage", "price.from=abc", "stage=x&stage=y", 
         "q=" + "长" * 300, "owner=x", "client=" + "9" * 30, "floor=1", "cols=floor,parts,x", "kind=nope"],
    )  # fmt: skip
    def test_a_strange_list_query_still_shows_a_list(self, rep: Browser, query: str) -> None:
        new_ticket(rep)
        answer = rep.get(f"/e/ticket?{query}")
        assert answer.status_code == 200
        assert "底价" not in words(answer)

    @pytest.mark.parametrize(
        "path", ["/search?q=%00", "/search?q=" + "x" * 5000, "/pick/client?q=%25&for=a.b.c", "/pick-person?q='--",
                 "/approvals?box=nothing", "/approvals?after=x"],
    )  # fmt: skip
    def test_strange_searches_answer_calmly(self, rep: Browser, path: str) -> None:
        assert rep.get(path).status_code in (200, 404, 422)

    @pytest.mark.parametrize("path", ["/pick/nothing?q=a", "/e/nothing", "/e/nothing/new", "/files?for=ticket.nothing"])
    def test_what_is_not_there_is_404(self, rep: Browser, path: str) -> None:
        assert (rep.post(path) if path.startswith("/files") else rep.get(path)).status_code == 404

    def test_a_role_without_rights_sees_no_list_and_no_form(self, desk: Desk) -> None:
        guest = desk.browser("guest")
        assert guest.get("/e/ticket").status_code in (403, 404)
        assert guest.get("/e/ticket/new").status_code in (403, 404)


class TestFiles:
    def upload(self, browser: Browser, content: bytes, name: str) -> TestResponse:
        head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--edge--\r\n"
        return browser.post("/files?for=ticket.scan", data=body, content_type="multipart/form-data; boundary=edge")

    @pytest.mark.parametrize(
        ("content", "name"),
        [
            (PNG, "scan.pdf"),
            (b"MZ\x90\x00", "scan.pdf"),
            (PDF, "scan.exe"),
            (b"<html>", "page.png"),
            (b"", "empty.pdf"),
        ],
    )
    def test_a_file_whose_content_is_not_its_ending_is_refused_in_words(
        self, rep: Browser, content: bytes, name: str
    ) -> None:
        answer = self.upload(rep, content, name)
        assert answer.status_code == 422
        assert re.search(r"[\u4e00-\u9fff]", answer.get_json()["detail"])

    def test_a_file_that_is_too_large_is_refused_in_words(self, rep: Browser) -> None:
        answer = self.upload(rep, PDF + b"0" * 1_200_000, "large.pdf")
        assert answer.status_code == 422
        assert "1" in answer.get_json()["detail"]

    def test_no_file_at_all_is_refused_in_words(self, rep: Browser) -> None:
        assert rep.post("/files?for=ticket.scan").status_code == 422

    @pytest.mark.parametrize("id_", ["999999", "x", "-1", "9" * 40])
    def test_a_file_that_was_never_sent_cannot_be_attached(self, rep: Browser, id_: str) -> None:
        answer = rep.post("/e/ticket/new", data={"title": "泵漏水", "scan": id_})
        assert answer.status_code == 422
        assert "f-scan" in errors_at(answer)

    def test_somebody_elses_file_cannot_be_attached_or_opened(self, desk: Desk, rep: Browser) -> None:
        sent = self.upload(desk.browser("rep2"), PDF, "合同.pdf").get_json()["id"]
        assert rep.post("/e/ticket/new", data={"title": "泵漏水", "scan": str(sent)}).status_code == 422
        assert rep.get(f"/files/{sent}").status_code == 404

    def test_a_form_that_comes_back_keeps_its_files(self, rep: Browser) -> None:
        sent = self.upload(rep, PDF, "扫描 件.pdf").get_json()["id"]
        answer = rep.post("/e/ticket/new", data={"title": "", "scan": ["", str(sent)]})
        assert answer.status_code == 422
        assert f'name="scan" value="{sent}"' in answer.get_data(as_text=True)
        assert "扫描 件.pdf" in words(answer)


class TestSigningInAgain:
    def test_a_form_sent_without_a_session_leads_back_to_it(self, desk: Desk) -> None:
        stranger = desk.browser()
        for csrf in (True, False):
            answer = stranger.post(
                "/e/ticket/new", csrf=csrf, data={"title": "x"}, headers={"Referer": "http://localhost/e/ticket/new"}
            )
            assert answer.status_code == 303
            assert answer.location.endswith("/login?next=/e/ticket/new")

    def test_what_was_typed_is_shown_again_and_not_stored(self, rep: Browser) -> None:
        posted = {"_resume": "yes", "title": "只写了一半", **LINE, "parts.n1.what": "密封圈", "parts.n1.price": "三"}
        answer = rep.post("/e/ticket/new", data=posted)
        assert answer.status_code == 200
        page = answer.get_data(as_text=True)
        assert 'value="只写了一半"' in page
        assert 'value="三"' in page
        assert count(rep) == 0
        url = new_ticket(rep)
        again = rep.post(f"{url}/edit", data={"_resume": "yes", "_version": "1", "title": "改了一半"})
        assert 'value="改了一半"' in again.get_data(as_text=True)
        assert "泵漏水" in words(rep.get(url))
