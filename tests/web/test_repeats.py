"""A request that arrives twice is done once: programs with ``Idempotency-Key``, forms and batches with their own."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from threading import Barrier
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.web.conftest import Browser, Desk, Program
from web.repeats import HEADER, REPLAYED

pytestmark = pytest.mark.both_databases

KEY = {"Idempotency_Key": "order-4711"}


def count(desk: Desk, login: str = "rep1") -> int:
    return len(desk.program(login).get("/ticket").get_json()["items"])


def part(browser: Browser, step: str = "apply", **data: str) -> TestResponse:
    given = {"field": "kind", "kind": "repair", "step": step, **data}
    return browser.post("/e/ticket/many/part", data=given)


class TestPrograms:
    def test_the_same_key_is_answered_as_the_first_time_and_marked(self, desk: Desk) -> None:
        rep = desk.program("rep1")
        first, again = (rep.post("/ticket", {"title": "A"}, **KEY) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.get_data() == first.get_data() and again.headers["ETag"] == first.headers["ETag"]
        assert (first.headers.get(REPLAYED), again.headers[REPLAYED]) == (None, "true")
        assert count(desk) == 1
        assert rep.post("/ticket", {"title": "A"}).status_code == 201 and count(desk) == 2

    def test_the_same_key_for_something_else_is_refused(self, desk: Desk) -> None:
        rep = desk.program("rep1")
        rep.post("/ticket", {"title": "A"}, **KEY)
        for other in (rep.post("/ticket", {"title": "B"}, **KEY), rep.post("/client", {"name": "A"}, **KEY)):
            assert other.status_code == 422
            assert [error["code"] for error in other.get_json()["errors"]] == ["storage.key_of_another"]
        assert count(desk) == 1

    def test_keys_belong_to_whoever_sends_them(self, desk: Desk) -> None:
        mine = desk.program("rep1").post("/ticket", {"title": "A"}, **KEY).get_json()
        theirs = desk.program("rep2").post("/ticket", {"title": "A"}, **KEY).get_json()
        assert mine["id"] != theirs["id"]

    def test_a_refusal_did_nothing_and_keeps_no_key(self, desk: Desk) -> None:
        rep = desk.program("rep1")
        assert rep.post("/ticket", {"title": ""}, **KEY).status_code == 422
        assert rep.post("/ticket", {"title": "A"}, **KEY).status_code == 201

    def test_a_key_is_kept_for_a_day(self, desk: Desk) -> None:
        rep = desk.program("rep1")
        first = rep.post("/ticket", {"title": "A"}, **KEY).get_json()["id"]
        desk.clock.at += timedelta(hours=23, minutes=59)
        assert rep.post("/ticket", {"title": "A"}, **KEY).get_json()["id"] == first
        desk.clock.at += timedelta(minutes=1)
        second = rep.post("/ticket", {"title": "A"}, **KEY).get_json()["id"]
        assert second != first and rep.post("/ticket", {"title": "A"}, **KEY).get_json()["id"] == second

    @pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 201])
    def test_what_is_no_key_is_said(self, desk: Desk, key: str) -> None:
        said = desk.program("rep1").post("/ticket", {"title": "A"}, Idempotency_Key=key)
        assert said.status_code == 422 and said.get_json()["errors"][0]["path"] == HEADER
        assert count(desk) == 0

    def test_changes_moves_deletions_and_batches_take_keys(self, desk: Desk) -> None:
        rep = desk.program("lead")
        made = [rep.made("ticket", title=title, answer="好") for title in "ABC"]
        seen = [{"id": one["id"], "version": 1} for one in made]
        asked: list[tuple[str, str, Any, dict[str, str]]] = [
            ("PATCH", f"/ticket/{made[0]['id']}", {"kind": "repair"}, {"If_Match": '"1"'}),
            ("POST", f"/ticket/{made[1]['id']}/moves/finish", {}, {"If_Match": '"1"'}),
            ("DELETE", f"/ticket/{made[2]['id']}", None, {"If_Match": '"1"'}),
            ("POST", "/ticket/changes", {"records": seen, "values": {"kind": "other"}, "rehearse": True}, {}),
        ]
        for at, (method, path, body, headers) in enumerate(asked):
            key = {"Idempotency_Key": f"key-{at}"}
            first, again = (rep.call(method, path, body, **headers, **key) for _ in range(2))
            assert first.status_code < 300, (path, first.get_data(as_text=True))
            assert (again.status_code, again.get_data()) == (first.status_code, first.get_data()), path
            assert again.headers[REPLAYED] == "true", path

    def test_an_upload_takes_a_key(self, desk: Desk) -> None:
        rep = desk.program("rep1")

        def send(content: bytes) -> TestResponse:
            headers = {"Authorization": f"Bearer {rep.token}", HEADER: "file-1"}
            data = {"file": (BytesIO(content), "note.txt")}
            return rep.client.post("/api/v1/files", data=data, headers=headers, content_type="multipart/form-data")

        first, again = send(b"hello"), send(b"hello")
        assert (first.status_code, again.get_json()) == (201, first.get_json())
        assert send(b"other").status_code == 422

    def test_every_route_that_changes_something_says_so_in_openapi(self, desk: Desk) -> None:
        paths = desk.program("root").get("/openapi.json").get_json()["paths"]
        changing = {
            (path, method): [one.get("name") for one in told.get("parameters", ())]
            for path, operations in paths.items()
            for method, told in operations.items()
            if method in ("post", "put", "patch", "delete")
        }
        assert len(changing) > 10
        assert {where for where, names in changing.items() if names.count(HEADER) != 1} == set()

    def test_no_route_that_changes_something_goes_another_way(self, desk: Desk) -> None:
        views = {
            rule.endpoint: getattr(desk.app.view_functions[rule.endpoint], "formwork_gate", None)
            for rule in desk.app.url_map.iter_rules()
            if rule.rule.startswith("/api/") and rule.methods & {"POST", "PUT", "PATCH", "DELETE"}  # type: ignore[operator]
        }
        others = {name for name, gate in views.items() if gate != "writes"}
        assert len(views) > 10 and others == {"api.upload_file"}, "it keeps its answer itself, see the test above"

    def test_a_hundred_at_once_are_done_once(self, desk: Desk) -> None:
        token, barrier = desk.program("rep1").token, Barrier(20)

        def send(at: int) -> tuple[int, Any]:
            if at < 20:
                barrier.wait(120)
            said = Program(desk.app.test_client(), token).post("/ticket", {"title": "A"}, **KEY)
            return said.status_code, said.get_json()

        with ThreadPoolExecutor(20) as pool:
            told = list(pool.map(send, range(100)))
        statuses = Counter(status for status, _ in told)
        assert statuses[201] + statuses[409] == 100 and statuses[201] > 0, statuses
        assert {body["code"] for status, body in told if status == 409} <= {"storage.key_in_use"}
        assert len({body["id"] for status, body in told if status == 201}) == 1 and count(desk) == 1


class TestForms:
    def test_a_form_that_is_sent_twice_makes_one_record(self, desk: Desk) -> None:
        rep = desk.browser("rep1")
        form = rep.get("/e/ticket/new").get_data(as_text=True)
        action = re.search(r'name="_action_id" value="([^"]+)"', form)[1]  # type: ignore[index]
        first, again = (rep.post("/e/ticket/new", data={"title": "A", "_action_id": action}) for _ in range(2))
        assert (first.status_code, again.status_code) == (303, 303)
        assert again.headers["Location"] == first.headers["Location"] and count(desk) == 1
        other = rep.post("/e/ticket/new", data={"title": "B", "_action_id": action})
        assert other.status_code == 303 and count(desk) == 2, "somebody went back to the form and means another record"

    def test_a_hundred_clicks_on_one_button_make_one_record(self, desk: Desk) -> None:
        rep, barrier = desk.browser("rep1"), Barrier(20)
        csrf, jar = rep.csrf(), rep.client

        def send(at: int) -> tuple[int, str]:
            client = desk.app.test_client()
            client._cookies = dict(jar._cookies)  # type: ignore[attr-defined]
            if at < 20:
                barrier.wait(120)
            data = {"title": "A", "_action_id": "one-click"}
            said = client.post("/e/ticket/new", data=data, headers={"X-CSRFToken": csrf})
            return said.status_code, said.headers.get("Location", "")

        with ThreadPoolExecutor(20) as pool:
            told = set(pool.map(send, range(100)))
        assert len(told) == 1 and count(desk) == 1, told


class TestBatches:
    def test_a_part_whose_answer_was_lost_is_answered_as_done(self, desk: Desk) -> None:
        made = [desk.program("rep1").made("ticket", title=title) for title in "AB"]
        records = ",".join(f"{one['id']}:1" for one in made)
        rep = desk.browser("rep1")
        lost, again = (part(rep, records=records, _action_id="part-1").get_data(as_text=True) for _ in range(2))
        assert again == lost and f'data-changed="{records}"' in again and "已被" not in again
        anew = part(rep, records=records, _action_id="part-2").get_data(as_text=True)
        assert 'data-changed=""' in anew
        history = desk.program("rep1").get(f"/ticket/{made[0]['id']}/history").get_json()["items"]
        assert len(history) == 2

    def test_a_rehearsal_is_made_anew_every_time(self, desk: Desk) -> None:
        one = desk.program("rep1").made("ticket", title="A")
        rep, records = desk.browser("rep1"), f"{one['id']}:1"
        assert f'data-changed="{records}"' in part(rep, "preview", records=records, _action_id="x").get_data(True)
        desk.program("rep1").patch(f"/ticket/{one['id']}", {"kind": "other"}, 1)
        assert 'data-changed=""' in part(rep, "preview", records=records, _action_id="x").get_data(as_text=True)
