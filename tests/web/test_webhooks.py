"""What other systems send, and visitors of a website: once for each id, about the record it names; all else is answered
in words.
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from engine.automation import hooks, jobs
from engine.changing.choosing import switch_module
from engine.clock import SetClock
from tests.automation.helpdesk import with_rules
from tests.web.conftest import Desk, OpenDesk, add_people

RULES = """
paid:
  label: 收款回执
  on: {webhook: receipts, takes: {number: text, state: text, amount: money from order.total, day: date},
       find: {title: payload.number}}
  when: "payload.state = 'paid'"
  do:
    - set: {amount: payload.amount, due: payload.day, count: "default(count, 0) + 1"}
    - notify: [{role: boss}]
      text: "{title} 收到 {payload.amount}"
    - for_each: visit
      where: "topic = payload.number"
      do: [{set: {done: "payload.amount > 0"}}]
form:
  label: 官网表单
  on: {webhook: site_form, takes: {name: text, urgent: boolean}}
  do: [{create: ticket, owner: [{role: boss}], with: {title: payload.name, level: "if(payload.urgent, 'high', 'low')"}}]
"""
PEOPLE = {"ann": ("north", "agent"), "lead": ("north", "boss"), "root": ("north", "admin")}


def unique_titles() -> dict[str, str]:
    files = with_rules(RULES)
    unique = "label: 标题, required: true, unique: true"
    return {**files, "ticket/entity.yaml": files["ticket/entity.yaml"].replace("label: 标题, required: true", unique)}


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    return open_desk(definition=unique_titles(), people=lambda store: add_people(store, PEOPLE))


class Sender:
    """Another system: signs what it sends as the convention says, by its own means, and sends it over HTTP."""

    def __init__(self, port: int, clock: SetClock, secret: str) -> None:
        self.port, self.clock, self.secret = port, clock, secret

    def send(
        self, hook: str, body: Any, *, id: str = "msg_1", late: int = 0, method: str = "POST", **headers: str
    ) -> tuple[int, Any]:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = str(int(self.clock.now().timestamp()) - late)
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{id}.{stamp}.".encode() + sent, hashlib.sha256).digest()
        signed = {"webhook-id": id, "webhook-timestamp": stamp, "Content-Type": "application/json",
                  "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, f"/hooks/{hook}", sent, signed | headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json" and said["detail"], said
        connection.close()
        return answer.status, said


@contextmanager
def sending(desk: Desk, hook: str) -> Iterator[Sender]:
    """Serve the desk over HTTP to a system that was given the secret of an address."""
    with desk.store.write() as session:
        secret = hooks.renew_secret(session, hook, key=desk.app.config["SECRET_KEY"], actor=None)
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Sender(server.port, desk.clock, secret)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


PAID = {"number": "漏水", "state": "paid", "order": {"total": "1200.50"}, "day": "2026-03-05", "more": {"x": [1]}}


def test_what_is_sent_about_a_record_is_done_once_however_often_it_comes(desk: Desk) -> None:
    made = desk.program("lead").made("ticket", title="漏水")
    for topic in ("漏水", "别的"):
        desk.program("lead").made("visit", ticket=made["id"], topic=topic)
    with sending(desk, "receipts") as sender:
        with ThreadPoolExecutor(8) as pool:
            answers = [one.result() for one in [pool.submit(sender.send, "receipts", PAID) for _ in range(16)]]
        jobs.look(desk.store)
        assert sorted(status for status, _ in answers) == [200] * 15 + [202]
        assert len({said["run"] for _, said in answers}) == 1
        later = sender.send("receipts", PAID | {"order": {"total": 9}}, late=200)
        other = sender.send("receipts", PAID | {"state": "open"}, id="msg_2")
        assert (later[0], other[0]) == (200, 202)
        jobs.look(desk.store)
    now = desk.program("lead").get(f"/ticket/{made['id']}").json
    assert (now["amount"], now["due"], now["count"]) == ("1200.50", "2026-03-05", 1)
    assert {one["topic"]: one["done"] for one in desk.program("lead").get("/visit").json["items"]} == {
        "漏水": True,
        "别的": None,
    }
    assert "漏水 收到 1,200.50" in desk.browser("lead").get("/notices").get_data(as_text=True)
    admin = desk.browser("root")
    page = admin.get("/admin/automations/ticket.paid").get_data(as_text=True)
    assert "/hooks/receipts" in page and "order.total" in page and "条件" in page
    tried = admin.post("/admin/automations/ticket.paid/preview", data={"record": str(made["id"])})
    assert tried.status_code == 200  # with what came last


def test_what_is_sent_may_make_a_record_and_parts_may_lie_in_data(desk: Desk) -> None:
    with sending(desk, "site_form") as sender:
        standard = {"type": "form.sent", "timestamp": "2026-03-02T02:00:00Z", "data": {"name": "停电", "urgent": True}}
        assert sender.send("site_form", standard)[0] == 202
    jobs.look(desk.store)
    (made,) = desk.program("lead").get("/ticket").json["items"]
    assert (
        made["title"],
        made["level"],
        made["owner"]["id"] if isinstance(made["owner"], dict) else made["owner"],
    ) == (
        "停电",
        "high",
        desk.ids["lead"],
    )


def test_whatever_else_comes_is_answered_in_words_and_does_nothing(desk: Desk) -> None:
    desk.program("lead").made("ticket", title="漏水")
    with sending(desk, "receipts") as sender:
        for more in (
            {"late": 301}, {"late": -301}, {"webhook-signature": "v1,AAAA"}, {"webhook-signature": ""},
            {"webhook-timestamp": "\xb9\xb2"}, {"webhook-timestamp": "nan"}, {"id": ""}, {"id": "x" * 201},
        ):  # fmt: skip
            assert sender.send("receipts", PAID, **more)[0] == 401, more
        for hook in ("site_form", "nix", "%E6%94%B6", "%00", "x" * 300):
            assert sender.send(hook, PAID)[0] == 401, hook
        assert sender.send("receipts", PAID | {"number": "没有"})[0] == 404
        for body in (
            b"", b"[]", b"no", b"\xff\xfe", b"[" * 20_000, b"9" * 6_000, PAID | {"number": None},
            PAID | {"number": "\x00"}, PAID | {"number": "x" * 9_000},
            PAID | {"order": {"total": "much"}}, PAID | {"order": {"total": {"a": 1}}}, PAID | {"day": "2026-02-30"},
            PAID | {"order": {"total": "1e400"}}, b'{"number": "x", "order": {"total": 1e999}}',
        ):  # fmt: skip
            assert sender.send("receipts", body)[0] == 422, body
        assert sender.send("receipts", {"number": "x" * 70_000})[0] == 413
        assert sender.send("receipts", PAID, method="GET")[0] == 405
        with desk.store.read() as session:
            assert session.connection.exec_driver_sql("SELECT count(*) FROM fw_runs").scalar() == 0
            assert session.connection.exec_driver_sql("SELECT count(*) FROM fw_received").scalar() == 0

        admin = desk.browser("root")
        assert admin.post("/admin/automations/ticket.paid/disable").status_code == 303
        assert sender.send("receipts", PAID)[0] == 409
        admin.post("/admin/automations/ticket.paid/enable")
        assert sender.send("receipts", PAID)[0] == 202


def test_administrators_make_and_change_the_secret_and_close_the_address(desk: Desk) -> None:
    address = "/admin/automations/ticket.paid"
    desk.program("lead").made("ticket", title="漏水")
    admin = desk.browser("root")
    assert "生成密钥" in admin.get(address).get_data(as_text=True)
    assert desk.browser("lead").post(f"{address}/secret").status_code == 403
    with sending(desk, "receipts") as sender:
        page = admin.post(f"{address}/secret").get_data(as_text=True)
        made = re.search(r'value="(whsec_[^"]+)"', page)
        assert made is not None and made[1] not in admin.get(address).get_data(as_text=True)
        assert sender.send("receipts", PAID, id="old")[0] == 202
        newer = Sender(sender.port, desk.clock, made[1])
        assert newer.send("receipts", PAID, id="new")[0] == 202
        desk.clock.advance(hooks.OVERLAP)
        assert sender.send("receipts", PAID, id="too late")[0] == 401
        assert newer.send("receipts", PAID, id="newer")[0] == 202
        admin = desk.browser("root")  # the next day: signed in anew
        assert admin.post(f"{address}/close").headers["Location"] == address
        assert newer.send("receipts", PAID, id="closed")[0] == 401
    log = admin.get("/admin/audit").get_data(as_text=True)
    assert "生成了接收地址的密钥" in log and "关闭了接收地址" in log and made[1] not in log


def test_too_much_from_one_place_is_turned_away_for_a_while(open_desk: OpenDesk) -> None:
    desk = open_desk(
        definition=unique_titles(), people=lambda store: add_people(store, PEOPLE), hook_limit="3 per 1 minute"
    )
    with sending(desk, "site_form") as sender:
        answers = [sender.send("site_form", {"name": str(number)}, id=f"msg_{number}")[0] for number in range(5)]
    assert answers == [202] * 3 + [429] * 2


ASKED = """
repair:
  label: 官网报修
  on:
    webhook: repair
    takes: {name: text from ticket.name, phone: text, level: text, amount: money, more: long_text}
    form:
      title: 报修
      intro: 写下什么坏了。
      fields:
        name:   {label: 什么坏了}
        phone:  {label: 手机, required: true, help: 只用来回复}
        level:  {label: 急不急, options: {low: 不急, high: 急}}
        amount: {label: 值多少}
        more:   {label: 说明}
      consent: 同意用来回复
      frames: [https://www.example.com]
  do:
    - create: ticket
      owner: [{role: boss}]
      with: {title: payload.name, phone: payload.phone, level: payload.level, amount: payload.amount,
             mark: payload.more}
about:
  label: 官网留言
  on: {webhook: word, takes: {said: text}, find: {title: "'官网'"}, form: {title: 留言, fields: {said: {label: 说}}}}
  do: [{set: {mark: payload.said}}]
plain:
  label: 没有表单
  on: {webhook: plain, takes: {name: text}}
  do: [{create: ticket, owner: [{role: boss}], with: {title: payload.name}}]
"""


@pytest.fixture
def asking(open_desk: OpenDesk) -> Desk:
    files = {**with_rules(ASKED), "locales/en.yaml": ENGLISH}
    files["app.yaml"] = files["app.yaml"].replace("[zh]", "[zh, en]")
    files["app.yaml"] += "modules:\n  jobs: {label: 报修, entities: [ticket, visit]}\n"
    unique = "label: 标题, required: true, unique: true}\n  phone: {type: phone, label: 电话"
    files["ticket/entity.yaml"] = files["ticket/entity.yaml"].replace("label: 标题, required: true", unique)
    return open_desk(definition=files, people=lambda store: add_people(store, PEOPLE), form_limit="9 per 1 minute")


ENGLISH = """
locale: en
automations:
  ticket:
    repair: {form: {title: Repair, consent: You may answer me, fields: {phone: {label: Mobile, help: To answer you}}}}
"""


def test_a_visitor_fills_in_a_form_and_it_is_done_once(asking: Desk) -> None:
    stranger, text = asking.app.test_client(), {"Accept-Language": "zh-CN"}
    shown = stranger.get("/form/repair", headers=text)
    page = shown.get_data(as_text=True)
    assert (shown.status_code, shown.headers.get("Set-Cookie")) == (200, None) and "csrf" not in page
    assert "frame-ancestors https://www.example.com" in shown.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in shown.headers
    english = stranger.get("/form/repair?lang=en").get_data(as_text=True)
    assert "<h1>Repair</h1>" in english and "Mobile" in english and "To answer you" in english
    once = re.search(r'name="_action_id" value="([0-9a-f]{32})"', page)
    assert once is not None
    token = {"_action_id": once[1]}
    typed = token | {"name": "门 <b>坏了", "phone": "12", "level": "soon", "amount": "much", "_consent": ""}
    wrong = stranger.post("/form/repair", data=typed, headers=text)
    again = wrong.get_data(as_text=True)
    assert wrong.status_code == 422 and "门 &lt;b&gt;坏了" in again and once[1] in again
    assert again.count('class="field-error"') == 4 and "请勾选同意后再提交" in again and "有 4 处需要修改" in again
    assert 'value="12"' in again and "没有这个选项" in again
    empty = stranger.post("/form/repair", data=token | {"_consent": "true"}, headers=text)
    assert empty.get_data(as_text=True).count('class="field-error"') == 2, "a title is what every ticket must have"
    right = typed | {"phone": "+86 138-0013 8000", "level": "high", "amount": "12.50", "_consent": "true"}
    for _ in range(2):
        sent = stranger.post("/form/repair", data=right, headers=text)
        assert (sent.status_code, sent.headers["Location"]) == (303, "/form/repair?sent=1")
    assert "已收到" in stranger.get("/form/repair?sent=1", headers=text).get_data(as_text=True)
    jobs.look(asking.store)
    (made,) = asking.program("lead").get("/ticket").json["items"]
    found = (made["title"], made["phone"], made["level"], made["amount"])
    assert found == ("门 <b>坏了", "13800138000", "high", "12.50")
    assert asking.browser("root").get("/admin/automations/ticket.repair").get_data(as_text=True).count("/form/repair")
    with sending(asking, "repair") as sender:
        assert sender.send("repair", {"ticket": {"name": "窗"}, "level": "soon"})[0] == 422, "no option for anybody"
        assert sender.send("repair", {"ticket": {"name": "窗"}, "level": "low"})[0] == 202


def test_a_form_is_closed_unless_it_can_take_something_and_keeps_nothing_else(asking: Desk) -> None:
    stranger, admin = asking.app.test_client(), asking.browser("root")

    def status(name: str) -> int:
        return stranger.get(f"/form/{name}").status_code

    assert [status(name) for name in ("repair", "word", "plain", "nix", "%00")] == [200, 404, 404, 404, 404]
    assert "没有标题为“官网”的工单" in admin.get("/admin/automations/ticket.about").get_data(as_text=True)
    asking.program("lead").made("ticket", title="官网")
    plain = stranger.get("/form/word").headers
    assert (plain["X-Frame-Options"], "frame-ancestors 'none'" in plain["Content-Security-Policy"]) == ("DENY", True)
    right = {"name": "门", "phone": "13800138000", "_consent": "true", "_action_id": "0" * 32}
    assert stranger.post("/form/repair", data=right | {"_homepage": "http://spam.example"}).status_code == 303
    assert stranger.post("/form/repair", data=right | {"_action_id": "x"}).status_code == 422
    assert stranger.post("/form/repair", data=right | {"more": "x" * 140_000}).status_code == 413
    assert stranger.post("/form/repair", data=right | {"more": "x" * 11_000}).status_code == 422
    admin.post("/admin/automations/ticket.repair/disable")
    assert (status("repair"), stranger.post("/form/repair", data=right).status_code) == (404, 404)
    admin.post("/admin/automations/ticket.repair/enable")
    with asking.store.write() as session:
        switch_module(session, "jobs", on=False, actor=None)
    asking.app.extensions["formwork.store"].reload()
    assert (status("repair"), status("word")) == (404, 404)
    with asking.store.write() as session:
        switch_module(session, "jobs", on=True, actor=None)
    asking.app.extensions["formwork.store"].reload()
    answers = [stranger.post("/form/repair", data=right | {"phone": "1"}) for _ in range(6)]
    assert [one.status_code for one in answers] == [422] * 5 + [429] and answers[-1].headers["Retry-After"]
    assert 'value="门"' in answers[-1].get_data(as_text=True)
    with asking.store.read() as session:
        assert session.connection.exec_driver_sql("SELECT count(*) FROM fw_received").scalar() == 0
