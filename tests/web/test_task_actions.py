"""What may be done with tasks and approvals besides deciding, as another program does it."""

import pytest

from tests.web.conftest import Desk


def _asked(desk: Desk) -> tuple[int, int]:
    """A ticket that waits for the lead: its task and its approval."""
    rep = desk.program("rep1")
    made = rep.made("ticket", title="a")["id"]
    rep.post(f"/ticket/{made}/moves/ask", {"values": {"answer": "x"}}, If_Match='"1"')
    task = next(item for item in desk.program("lead").get("/tasks").get_json()["items"] if item["record"] == made)
    return task["task"], task["approval_id"]


def test_the_starter_urges_and_withdraws_and_everybody_remarks(desk: Desk) -> None:
    rep, lead = desk.program("rep1"), desk.program("lead")
    task, approval = _asked(desk)
    assert rep.post(f"/approvals/{approval}/urge", {}).status_code == 200
    assert rep.post(f"/approvals/{approval}/urge", {}).status_code == 409, "not so soon again"
    assert lead.post(f"/approvals/{approval}/urge", {}).status_code == 403
    assert lead.post(f"/approvals/{approval}/comment", {"text": "看一下"}).status_code == 200
    assert lead.post(f"/approvals/{approval}/comment", {"text": " "}).status_code == 422
    assert lead.post(f"/approvals/{approval}/terminate", {"reason": "x"}).status_code == 403
    assert rep.post(f"/approvals/{approval}/withdraw", {}).get_json()["status"] == "withdrawn"
    assert lead.post(f"/tasks/{task}/approve", {}).status_code == 409


@pytest.mark.both_databases
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_a_number_no_database_holds_is_no_id(desk: Desk, number: int) -> None:
    lead = desk.program("lead")
    task, approval = _asked(desk)
    for address, sent in {
        "/tasks/decide": {"tasks": [number], "decision": "approve"},
        f"/tasks/{task}/transfer": {"people": [number], "reason": "x"},
        f"/approvals/{approval}/comment": {"text": "x", "people": [number]},
    }.items():
        assert lead.post(address, sent).status_code == 422, address


def test_many_tasks_are_answered_one_by_one(desk: Desk) -> None:
    lead = desk.program("lead")
    first, second = _asked(desk)[0], _asked(desk)[0]
    said = lead.post("/tasks/decide", {"tasks": [first, second, 99], "decision": "refuse"}).get_json()["outcomes"]
    assert [one["status"] for one in said] == [None, None, None], "a refusal needs a reason, and 99 is not there"
    assert all(one["error"] for one in said)
    own = {"tasks": [first], "decision": "refuse", "reasons": {str(first): "重复"}}
    for wrong in ({"reasons": {"x": "重复"}}, {"reasons": {str(first): 1}}, {"reasons": ["重复"]}):
        assert lead.post("/tasks/decide", own | wrong).status_code == 422
    assert lead.post("/tasks/decide", own).get_json()["outcomes"][0]["status"] == "refused"
    assert [one["reason"] for one in lead.get("/tasks?box=done").get_json()["items"]] == ["重复"]
    first = _asked(desk)[0]
    said = lead.post("/tasks/decide", {"tasks": [first, second], "decision": "approve"}).get_json()["outcomes"]
    assert [one["status"] for one in said] == ["approved", "approved"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("transfer", {"people": [1], "reason": "x"}, 403),  # the step does not offer it
        ("transfer", {"people": ["a"]}, 422),
        ("transfer", {"people": "a"}, 422),
        ("add", {"people": [1], "where": "beside"}, 422),
        ("consult", {"nonsense": 1}, 422),
        ("complete", {"values": {}}, 403),
        ("claim", {}, 403),
        ("retract", {}, 409),
        ("approve", {"signature": "nonsense"}, 422),
        ("return", {"reason": "x", "to": "nowhere"}, 422),
        ("explode", {}, 404),
    ],
)
def test_what_is_not_offered_or_cannot_be_read_is_refused_in_words(
    desk: Desk, path: str, body: dict[str, object], status: int
) -> None:
    task, _ = _asked(desk)
    said = desk.program("lead").post(f"/tasks/{task}/{path}", body)
    assert said.status_code == status, said.get_data(as_text=True)
    assert desk.program("lead").post(f"/tasks/{task}/approve", {}).get_json()["status"] == "approved"
