"""Links by which somebody outside answers one record: what they show, until when, and what nobody learns without."""

import re
from datetime import timedelta
from typing import Any

import pytest

from engine.automation import jobs
from tests.automation.helpdesk import with_rules
from tests.web.conftest import Desk, OpenDesk, add_people

RULES = """
answer:
  label: 请客户答复
  on:
    webhook: answers
    takes: {said: text, name: text}
    form:
      about: {print: ticket, when: "stage = 'work'", until: due}
      title: 您的答复
      fields:
        said: {label: 答复, required: true, options: {good: 好, bad: 不好}}
        name: {label: 姓名, required: true}
  do:
    - create: visit
      link: ticket
      with: {topic: "join(payload.name, ' ', payload.said)"}
    - if: "payload.said = 'good'"
      then: [{set: {mark: payload.name}}, {move: close}]
    - notify: [{person: owner}]
      text: "{payload.name} 答复了 {title}"
"""
PRINT = """
print: ticket
entity: ticket
label: 工单
title: 工 单
head: [title, amount, secret]
notes: [请核对]
watermark: {text: 未受理, when: "stage = 'open'"}
"""
PEOPLE = {"ann": ("north", "agent"), "bob": ("north", "agent"), "lead": ("north", "boss"), "root": ("north", "admin")}
ZH = {"Accept-Language": "zh-CN"}


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    files = {**with_rules(RULES), "ticket/print.yaml": PRINT}
    return open_desk(definition=files, people=lambda store: add_people(store, PEOPLE), form_limit="6 per 1 minute")


@pytest.fixture
def ticket(desk: Desk) -> dict[str, Any]:
    made = desk.program("ann").made("ticket", title="门坏了", amount="12.5")
    desk.program("lead").call("PATCH", f"/ticket/{made['id']}", {"secret": "八块"}, If_Match='"1"')
    return made


def make_link(desk: Desk, ticket: dict[str, Any], login: str = "ann") -> str:
    page = desk.browser(login).post(f"/e/ticket/{ticket['id']}/link/ticket.answer").get_data(as_text=True)
    found = re.search(r'value="https?://[^"]*?(/form/answers/[\w-]+)"', page)
    assert found is not None, page
    return found[1]


def begin(desk: Desk, ticket: dict[str, Any]) -> None:
    program, url = desk.program("ann"), f"/ticket/{ticket['id']}"
    version = program.get(url).get_json()["version"]
    moved = program.call("POST", f"{url}/moves/begin", {}, If_Match=f'"{version}"')
    assert moved.status_code == 200, moved.get_data(as_text=True)


def answers(page: str, said: str = "good") -> dict[str, str]:
    once = re.search(r'name="_action_id" value="([0-9a-f]{32})"', page)
    assert once is not None
    return {"_action_id": once[1], "said": said, "name": "王芳"}


def test_a_link_shows_what_is_printed_and_takes_one_answer(desk: Desk, ticket: dict[str, Any]) -> None:
    begin(desk, ticket)
    address, stranger = make_link(desk, ticket), desk.app.test_client()
    shown = stranger.get(address, headers=ZH)
    page = shown.get_data(as_text=True)
    assert (shown.status_code, shown.headers.get("Set-Cookie")) == (200, None)
    assert "<script" not in page and "csrf" not in page and "门坏了" in page and "12.5" in page and "请核对" in page
    assert "八块" not in page and "底价" not in page, "the maker may not see it"
    assert shown.headers["Cache-Control"] == "no-store" and 'name="robots" content="noindex"' in page
    assert 'lang="en"' in stranger.get(f"{address}?lang=en").get_data(as_text=True)
    empty = stranger.post(address, data=answers(page) | {"name": ""}, headers=ZH)
    assert empty.status_code == 422 and "门坏了" in empty.get_data(as_text=True)
    sent = stranger.post(address, data=answers(page), headers=ZH)
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{address}?sent=1")
    assert "已经答复过了" in stranger.get(f"{address}?sent=1", headers=ZH).get_data(as_text=True)
    again = stranger.post(address, data=answers(page, "bad") | {"_action_id": "0" * 32}, headers=ZH)
    assert again.status_code == 410
    jobs.look(desk.store)
    found = desk.program("lead").get(f"/ticket/{ticket['id']}").get_json()
    assert (found["stage"], found["mark"]) == ("shut", "王芳")
    (visit,) = desk.program("lead").get("/visit").get_json()["items"]
    assert visit["topic"] == "王芳 good"
    over = stranger.get(address, headers=ZH)
    assert over.status_code == 410 and "门坏了" not in over.get_data(as_text=True)
    trail = desk.browser("root").get("/admin/audit").get_data(as_text=True)
    assert "生成了给外部人员的链接" in trail and trail.count("外部人员打开了链接") >= 1


def test_a_link_ends_with_the_stage_the_last_day_and_its_maker(desk: Desk, ticket: dict[str, Any]) -> None:
    ann = desk.browser("ann")
    url = f"/e/ticket/{ticket['id']}/link/ticket.answer"
    assert ann.post(url).status_code == 409, "not in this stage"
    begin(desk, ticket)
    last = (desk.clock.now() + timedelta(days=2)).date().isoformat()
    program = desk.program("ann")
    version = program.get(f"/ticket/{ticket['id']}").get_json()["version"]
    program.call("PATCH", f"/ticket/{ticket['id']}", {"due": last}, If_Match=f'"{version}"')
    assert "请客户答复" in ann.get(f"/e/ticket/{ticket['id']}").get_data(as_text=True)
    assert desk.browser("bob").post(url).status_code == 404
    assert ann.post(f"/e/ticket/{ticket['id']}/link/ticket.nix").status_code == 404
    address, stranger = make_link(desk, ticket), desk.app.test_client()
    assert stranger.get(address).status_code == 200
    assert "首次打开" in ann.get(url).get_data(as_text=True)
    desk.clock.at += timedelta(days=3)
    assert stranger.get(address).status_code == 410
    desk.clock.at -= timedelta(days=3)
    assert stranger.get(address).status_code == 200
    assert stranger.get("/form/answers").status_code == 404, "no form without a link"


def test_nobody_learns_anything_without_a_link(desk: Desk, ticket: dict[str, Any]) -> None:
    begin(desk, ticket)
    address, stranger = make_link(desk, ticket), desk.app.test_client()
    token = address.rpartition("/")[2]
    other = token[:4] + ("A" if token[4] != "A" else "B") + token[5:]
    tries = [other, token[:-1], "x", "é", "A" * 400]
    assert {stranger.get(f"/form/answers/{one}").status_code for one in tries} == {404}
    assert stranger.get(f"/form/nix/{token}").status_code == 404, "it is signed for its address"
    assert stranger.get("/form/answers/y").status_code == 429, "who tries many waits"
    assert stranger.get(address).status_code == 200, "and nobody else does"
