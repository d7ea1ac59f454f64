"""Links by which somebody outside answers one record: what they show, until when, and what nobody learns without."""

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.automation import jobs
from engine.people import accounts
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


def test_what_is_printed_says_whose_it_is_once_that_is_said(desk: Desk, ticket: dict[str, Any]) -> None:
    paper = f"/e/ticket/{ticket['id']}/print/ticket"
    assert 'class="company"' not in desk.browser("ann").get(paper).get_data(as_text=True)
    said = {"name": "恒封密封", "timezone": "Asia/Shanghai", "letterhead": "沿海路 118 号\n开户行：宁波银行"}
    assert desk.browser("root").post("/admin/setup/site", data=said).status_code == 303
    desk.app.extensions["formwork.store"].reload()

    page = desk.browser("ann").get(paper).get_data(as_text=True)
    assert (
        '<p class="company">恒封密封</p><p class="fine">沿海路 118 号</p><p class="fine">开户行：宁波银行</p>' in page
    )


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


# ---- links that last

LASTING = """
follow:
  label: 给人看进度
  on:
    webhook: follows
    takes: {name: text, question: text}
    form:
      about: {print: ticket, when: "stage in ['open', 'work']", lasting: true, stale: 2h}
      title: 有问题？
      fields:
        name:     {label: 姓名, required: true}
        question: {label: 问题, required: true}
      done: 已收到。
  do:
    - create: visit
      link: ticket
      with: {topic: "join(payload.name, '问：', payload.question)"}
"""
PROGRESS = """
print: ticket
entity: ticket
label: 进度
title: 进 度
head: [title, stage, due]
lists:
  visit: {label: 经过, columns: [topic, done], where: "not done", sort: topic}
"""


@pytest.fixture
def lasting(open_desk: OpenDesk) -> Desk:
    files = {**with_rules(LASTING), "ticket/print.yaml": PROGRESS}
    return open_desk(definition=files, people=lambda store: add_people(store, PEOPLE))


def follow(desk: Desk, id: int, login: str = "ann") -> str:
    page = desk.browser(login).post(f"/e/ticket/{id}/link/ticket.follow").get_data(as_text=True)
    found = re.search(r'value="https?://[^"]*?(/form/follows/[\w-]+)"', page)
    assert found is not None, page
    return found[1]


def ask(desk: Desk, address: str, question: str, once: str | None = None) -> Any:
    stranger = desk.app.test_client()
    page = stranger.get(address, headers=ZH).get_data(as_text=True)
    found = re.search(r'name="_action_id" value="([0-9a-f]{32})"', page)
    assert found is not None, page
    typed = {"_action_id": once or found[1], "name": "王芳", "question": question}
    return stranger.post(address, data=typed, headers=ZH)


def topics(desk: Desk) -> list[str]:
    return sorted(one["topic"] for one in desk.program("lead").get("/visit").get_json()["items"])


def test_a_lasting_link_outlives_the_stage_and_takes_every_message_once(lasting: Desk) -> None:
    ticket = lasting.program("ann").made("ticket", title="门坏了", amount="4711.25")
    address = follow(lasting, ticket["id"])
    first = ask(lasting, address, "何时修好", "a" * 32)
    assert (first.status_code, first.headers["Location"]) == (303, f"{address}?sent=1")
    thanks = lasting.app.test_client().get(f"{address}?sent=1", headers=ZH).get_data(as_text=True)
    assert "已收到。" in thanks and "门坏了" in thanks and 'name="question"' in thanks, "more can be asked at once"
    assert ask(lasting, address, "何时修好", "a" * 32).status_code == 303, "a second click"
    begin(lasting, ticket)
    assert ask(lasting, address, "修好了吗").status_code == 303
    jobs.look(lasting.store)
    assert topics(lasting) == ["王芳问：何时修好", "王芳问：修好了吗"]
    shown = lasting.app.test_client().get(address, headers=ZH).get_data(as_text=True)
    assert "处理中" in shown and "4711" not in shown and "4,711" not in shown, "what is not printed is not there"


def test_a_lasting_link_ends_with_its_condition_and_its_maker(lasting: Desk) -> None:
    ticket = lasting.program("ann").made("ticket", title="门坏了", mark="x")
    address, stranger = follow(lasting, ticket["id"]), lasting.app.test_client()
    url = f"/e/ticket/{ticket['id']}/link/ticket.follow"
    assert "次数不限" in lasting.browser("ann").get(url).get_data(as_text=True)
    program = lasting.program("ann")
    moved = program.call("POST", f"/ticket/{ticket['id']}/moves/close", {}, If_Match=f'"{ticket["version"]}"')
    assert moved.status_code == 200
    over = stranger.get(address, headers=ZH)
    assert over.status_code == 410 and "门坏了" not in over.get_data(as_text=True)
    assert "不再显示内容" in over.get_data(as_text=True)
    late = {"_action_id": "b" * 32, "name": "王芳", "question": "还在吗"}
    assert stranger.post(address, data=late, headers=ZH).status_code == 410
    assert stranger.get(f"{address}?sent=1", headers=ZH).status_code == 410, "the thanks show no more than the link"
    assert lasting.browser("ann").post(url).status_code == 409
    other = lasting.program("bob").made("ticket", title="窗坏了")
    address = follow(lasting, other["id"], "bob")
    assert stranger.get(address, headers=ZH).status_code == 200
    with lasting.store.write() as session:
        accounts.disable_user(session, lasting.ids["bob"], actor=None)
    gone = stranger.get(address, headers=ZH)
    assert gone.status_code == 410 and "窗坏了" not in gone.get_data(as_text=True)


def test_a_link_says_as_of_when_it_is_once_that_is_long_ago(lasting: Desk) -> None:
    program, stranger = lasting.program("ann"), lasting.app.test_client()
    ticket = program.made("ticket", title="门坏了")
    address = follow(lasting, ticket["id"])

    def as_of() -> str | None:
        found = re.search(r"数据截至 ([-\d]+ [\d:]+)", stranger.get(address, headers=ZH).get_data(as_text=True))
        return found[1] if found is not None else None

    def local() -> str:
        return lasting.clock.now().astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")

    made_at = local()
    assert as_of() is None
    lasting.clock.advance(timedelta(hours=2, minutes=1))
    assert as_of() == made_at
    changed = program.call("PATCH", f"/ticket/{ticket['id']}", {"amount": "5"}, If_Match=f'"{ticket["version"]}"')
    assert changed.status_code == 200 and as_of() == made_at, "what is not printed makes nothing fresh"
    visit, visited_at = program.made("visit", ticket=ticket["id"], topic="已派人"), local()
    assert as_of() is None
    lasting.clock.advance(timedelta(hours=3))
    assert as_of() == visited_at
    program.call("PATCH", f"/visit/{visit['id']}", {"done": True}, If_Match=f'"{visit["version"]}"')
    page = stranger.get(address, headers=ZH).get_data(as_text=True)
    assert "数据截至" not in page and "已派人" not in page and "暂无" in page, "it left the list, which is news"
    assert "Data as of" not in page


def test_a_list_prints_what_its_reader_may_see(lasting: Desk) -> None:
    ticket = lasting.program("ann").made("ticket", title="门坏了")
    for login, topic in (("ann", "乙 自己的"), ("ann", "甲 也是"), ("lead", "别人的")):
        lasting.program(login).made("visit", ticket=ticket["id"], topic=topic)
    mine = lasting.app.test_client().get(follow(lasting, ticket["id"]), headers=ZH).get_data(as_text=True)
    assert 0 < mine.index("乙 自己的") < mine.index("甲 也是") and "别人的" not in mine
    paper = lasting.browser("lead").get(f"/e/ticket/{ticket['id']}/print/ticket").get_data(as_text=True)
    assert "经过" in paper and paper.index("乙 自己的") < paper.index("别人的")
