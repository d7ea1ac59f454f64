"""Changing and moving many records in one request: each as if it had been sent alone."""

from typing import Any

import pytest

from tests.web.conftest import Desk, Program


def _seen(*records: dict[str, Any]) -> list[dict[str, int]]:
    return [{"id": one["id"], "version": one["version"]} for one in records]


def _change(program: Program, body: dict[str, Any]) -> dict[str, Any]:
    said = program.post("/ticket/changes", body)
    assert said.status_code == 200, said.get_data(as_text=True)
    return said.get_json()


def test_one_that_is_refused_holds_no_other_back(desk: Desk) -> None:
    rep, other = desk.program("rep1"), desk.program("rep2")
    good, foreign, old = rep.made("ticket", title="A"), other.made("ticket", title="B"), rep.made("ticket", title="C")
    rep.patch(f"/ticket/{old['id']}", {"title": "C2"}, 1)
    said = _change(rep, {"records": _seen(good, foreign, old), "values": {"kind": "repair"}})
    assert [item["status"] for item in said["items"]] == ["done", "refused", "refused"]
    assert [item.get("http_status") for item in said["items"]] == [None, 404, 409]
    assert (said["done"], said["refused"], said["items"][0]["version"]) == (1, 2, 2)
    assert rep.get(f"/ticket/{good['id']}").get_json()["kind"] == "repair"
    assert rep.get(f"/ticket/{old['id']}").get_json()["kind"] is None


def test_a_record_is_told_the_sentence_it_would_be_told_alone(desk: Desk) -> None:
    rep = desk.program("rep1")
    ticket, wrong = rep.made("ticket", title="A"), {"price": "-1", "title": ""}
    alone = rep.patch(f"/ticket/{ticket['id']}", wrong, 1).get_json()["errors"]
    item = _change(rep, {"records": _seen(ticket), "values": wrong})["items"][0]
    assert item["errors"] == alone
    assert all(error["text"].rstrip("。") in item["detail"] for error in alone)


def test_two_that_cannot_both_have_a_value_are_told_apart(desk: Desk) -> None:
    rep = desk.program("rep1")
    first, second = rep.made("client", name="甲"), rep.made("client", name="乙")
    said = rep.post("/client/changes", {"records": _seen(second, first), "values": {"name": "丙"}}).get_json()
    assert [item["status"] for item in said["items"]] == ["refused", "done"]
    assert said["items"][0]["errors"][0]["path"] == "name"
    assert {rep.get(f"/client/{one['id']}").get_json()["name"] for one in (first, second)} == {"丙", "乙"}


def test_a_rehearsal_says_what_would_happen_and_keeps_nothing(desk: Desk) -> None:
    rep = desk.program("rep1")
    ticket = rep.made("ticket", title="A")
    said = _change(rep, {"records": _seen(ticket), "values": {"title": "B"}, "rehearse": True})
    assert said["done"] == 1
    kept = rep.get(f"/ticket/{ticket['id']}").get_json()
    assert (kept["title"], kept["version"]) == ("A", 1)
    assert len(rep.get(f"/ticket/{ticket['id']}/history").get_json()["items"]) == 1


def test_a_move_is_made_with_each_that_may_make_it(desk: Desk) -> None:
    rep = desk.program("rep1")
    ready, bare = rep.made("ticket", title="A", answer="好了"), rep.made("ticket", title="B")
    said = rep.post("/ticket/moves/finish", {"records": _seen(bare, ready)}).get_json()
    alone = rep.call("POST", f"/ticket/{bare['id']}/moves/finish", {}, If_Match='"1"').get_json()
    assert [item["status"] for item in said["items"]] == ["refused", "done"]
    assert said["items"][0]["missing"] == alone["missing"] != []
    assert [rep.get(f"/ticket/{one['id']}").get_json()["stage"] for one in (bare, ready)] == ["open", "done"]


def test_what_a_move_needs_can_be_filled_in_for_all(desk: Desk) -> None:
    rep = desk.program("rep1")
    tickets = [rep.made("ticket", title=title) for title in "AB"]
    said = rep.post("/ticket/moves/finish", {"records": _seen(*tickets), "values": {"answer": "一并处理"}}).get_json()
    assert said["done"] == 2


def test_an_unknown_move_is_404(desk: Desk) -> None:
    assert (
        desk.program("rep1").post("/ticket/moves/nonsense", {"records": [{"id": 1, "version": 1}]}).status_code == 404
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"records": []},
        {"records": [1]},
        {"records": [{"id": 1}]},
        {"records": [{"id": True, "version": 1}]},
        {"records": [{"id": 1, "version": 1}, {"id": 1, "version": 1}]},
        {"records": [{"id": at, "version": 1} for at in range(1, 502)]},
        {"records": [{"id": 1, "version": 1}], "values": []},
        {"records": [{"id": 1, "version": 1}], "ids": []},
    ],
)
def test_a_strange_body_is_422(desk: Desk, body: dict[str, Any]) -> None:
    assert desk.program("rep1").post("/ticket/changes", body).status_code == 422
