"""Administrators set channels, send a test and look after what failed; everybody chooses how they are told."""

import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from engine.automation import outbox
from engine.channels import managing, working
from engine.channels.kinds import webhooks
from engine.channels.message import Message
from engine.channels.posting import Dialler, Person, Robot, post
from engine.storage.database import Database
from engine.storage.delivery_tables import deliveries
from engine.storage.store import Store
from engine.storage.system_tables import outbox as events
from tests.channels.receivers import Receiver, http_receiver
from tests.web.conftest import Browser, Desk

KEY = "a-key-for-tests-that-is-long-enough-0123456789"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """SQLite alone: nothing here depends on the database."""
    return sqlite_database


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as found:
        yield found


@pytest.fixture
def root(desk: Desk) -> Browser:
    desk.store.secret_key, desk.store.public_url = KEY, "https://crm.example.com"
    return desk.browser("root")


def make(root: Browser, kind: str, address: str, **more: str) -> str:
    """Make a channel by its form and return its page."""
    form = {"name": kind, "address": address, "inside": "true", **more}
    answer = root.post(f"/admin/channels/new/{kind}", data=form)
    assert answer.status_code in (200, 303), answer.get_data(as_text=True)
    return re.search(r'href="(/admin/channels/\d+)"', root.get("/admin/channels").get_data(as_text=True))[1]  # type: ignore[index]


def last(store: Store) -> int:
    with store.read() as session:
        return session.connection.scalars(select(deliveries.c.id).order_by(deliveries.c.id.desc())).first() or 0


def test_a_channel_is_set_tested_and_shows_no_secret(desk: Desk, root: Browser, receiver: Receiver) -> None:
    url = make(root, "dingtalk", f"{receiver.url}/robot?access_token=tokenvalue", secret="SECverysecret")
    page = root.get(url).get_data(as_text=True)
    assert "tokenvalue" not in page and "verysecret" not in page and f"127.0.0.1:{receiver.port}" in page
    answer = root.post(f"{url}/test")
    assert answer.status_code == 303
    receiver.replies.append({"errcode": 310000, "errmsg": "sign not match <b>"})
    working.deliver(desk.store)
    shown = root.get(answer.headers["Location"]).get_data(as_text=True)
    assert "测试消息" in shown and "310000" in shown and "&lt;b&gt;" in shown and "失败" in shown
    assert "tokenvalue" not in shown and "verysecret" not in shown and "atMobiles" in shown
    assert root.post(f"{answer.headers['Location']}/replay").status_code == 303
    working.deliver(desk.store)
    assert "已送达" in root.get(answer.headers["Location"]).get_data(as_text=True)
    assert len(receiver.got) == 2

    moved = root.post(url, data={"address": "https://evil.example.com/robot"})
    assert moved.status_code == 422 and "重新填写密钥" in moved.get_data(as_text=True)
    kept = root.post(url, data={"keyword": "CRM", "inside": "true"})
    assert kept.status_code == 303
    assert root.post(f"{url}/turn").status_code == 303
    assert "已停用" in root.get("/admin/channels").get_data(as_text=True)
    assert root.post(f"{url}/test").status_code == 422
    assert root.post(f"{url}/delete").status_code == 303


def test_what_is_wrong_with_a_channel_is_said_beside_its_field(root: Browser) -> None:
    form = {"name": "a/b", "address": "http://example.com/x", "secret": "plain", "rate": "0"}
    answer = root.post("/admin/channels/new/webhook", data=form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and 'value="a/b"' in page
    for said in ("名称须为", "https://", "whsec_", "每分钟条数"):
        assert said in page, said
    mail = {"name": "m", "address": "mail.example.com", "sender": "nobody", "secret": "x", "security": "none"}
    page = root.post("/admin/channels/new/email", data=mail).get_data(as_text=True)
    assert "请写发件人地址" in page and "有密码时须加密" in page


def test_the_secret_of_a_webhook_is_shown_once_and_changed(root: Browser, receiver: Receiver) -> None:
    made = root.post("/admin/channels/new/webhook", data={"name": "erp", "address": "https://erp.example.com/hook"})
    secret = re.search(r'value="(whsec_[^"]+)"', made.get_data(as_text=True))[1]  # type: ignore[index]
    page = root.get("/admin/channels").get_data(as_text=True)
    url = re.search(r'href="(/admin/channels/\d+)"', page)[1]  # type: ignore[index]
    assert secret not in root.get(url).get_data(as_text=True)
    again = re.search(r'value="(whsec_[^"]+)"', root.post(f"{url}/rotate").get_data(as_text=True))[1]  # type: ignore[index]
    assert again != secret and "旧密钥同时签名到" in root.get(url).get_data(as_text=True)


def test_what_failed_is_sent_again_put_aside_or_given_up(desk: Desk, root: Browser, receiver: Receiver) -> None:
    make(root, "dingtalk", f"{receiver.url}/robot?access_token=x")
    with desk.store.write() as session:
        for number in range(4):
            post(session, Message(title=f"第{number}条"), to=Robot("dingtalk"), key=f"k{number}")
    receiver.replies.extend([{"errcode": 310000}] * 2)
    first = last(desk.store) - 3
    assert root.post(f"/admin/deliveries/{first + 2}/park").status_code == 303
    assert root.post(f"/admin/deliveries/{first + 3}/drop").status_code == 303
    working.deliver(desk.store)
    page = root.get("/admin/deliveries?state=dead").get_data(as_text=True)
    assert "第0条" in page and "第1条" in page and "第2条" not in page and "对方拒绝了" in page
    told = root.get("/notices").get_data(as_text=True)
    assert "有消息没有送达" in told
    assert root.post("/admin/deliveries/replay", data={"state": "dead", "channel": ""}).status_code == 303
    working.deliver(desk.store)
    with desk.store.read() as session:
        states = list(session.connection.scalars(select(deliveries.c.state).order_by(deliveries.c.id)))
        counts = managing.count_by_state(session)
    assert states == ["sent", "sent", "parked", "dropped"] and counts["parked"] == 1
    late = root.post(f"/admin/deliveries/{first}/drop", follow_redirects=True).get_data(as_text=True)
    assert "已经发出或已处理" in late


def test_a_title_names_no_record_its_reader_may_not_see(desk: Desk, root: Browser, receiver: Receiver) -> None:
    make(root, "dingtalk", f"{receiver.url}/robot?access_token=x")
    with desk.store.write() as session:
        for key, about in (("seen", None), ("closed", ("ticket", 4711))):
            post(session, Message(title=f"关于{key}", about=about), to=Robot("dingtalk"), key=key)
    for path in ("/admin/deliveries", f"/admin/deliveries/{last(desk.store)}"):
        page = root.get(path).get_data(as_text=True)
        assert "关于closed" not in page and "关于你无权查看的记录" in page, path
    assert "关于seen" in root.get("/admin/deliveries").get_data(as_text=True)


def test_everybody_chooses_how_they_are_told(desk: Desk, root: Browser) -> None:
    rep = desk.browser("rep1")
    assert "还没有开放站外渠道" in rep.get("/settings/messages").get_data(as_text=True)
    mail = {"name": "mail", "address": "smtp.example.com:587", "sender": "crm@example.com", "personal": "true"}
    assert root.post("/admin/channels/new/email", data=mail).status_code == 303
    form = {
        "approval.when": "now", "approval.channels": "mail", "reminder.when": "digest", "reminder.channels": "mail",
        "mention.when": "never", "mention.channels": "", "report.when": "now", "report.channels": "mail",
        "quiet": "true", "quiet_from": "23:00", "quiet_until": "06:30", "digest_at": "07:45", "timezone": "",
    }  # fmt: skip
    assert rep.post("/settings/messages", data=form).status_code == 303
    page = rep.get("/settings/messages").get_data(as_text=True)
    assert 'value="23:00"' in page and 'value="07:45"' in page
    wrong = rep.post("/settings/messages", data=form | {"timezone": "Moon", "quiet_from": "25:00"})
    said = wrong.get_data(as_text=True)
    assert wrong.status_code == 422 and "时区" in said and 'value="Moon"' in said
    other = desk.browser("rep2").get("/settings/messages").get_data(as_text=True)
    assert 'value="23:00"' not in other
    for path in ("/admin/channels", "/admin/channels/new/email", "/admin/deliveries"):
        assert rep.get(path).status_code == 403


def test_a_message_leads_where_it_says_and_is_read(desk: Desk) -> None:
    with desk.store.write() as session:
        told = Message(title={"zh": "周报好了", "en": "Report"}, path="/settings/account", kind="report")
        post(session, told, to=[Person(desk.ids["rep1"])], key="report")
    rep = desk.browser("rep1")
    assert rep.get("/live").get_json()["unread"] == 1
    for path in ("/", "/notices"):
        assert "周报好了" in rep.get(path).get_data(as_text=True)
    opened = re.search(r'action="(/notices/\d+/open)"', rep.get("/notices").get_data(as_text=True))[1]  # type: ignore[index]
    assert rep.post(opened).headers["Location"] == "/settings/account"
    assert rep.get("/live").get_json()["unread"] == 0


def test_a_dialler_tells_once_what_came_of_a_call(desk: Desk, root: Browser, receiver: Receiver) -> None:
    made = root.post(
        "/admin/channels/new/dialler", data={"name": "calls", "address": receiver.url, "inside": "true"}
    ).get_data(as_text=True)
    secret = re.search(r'value="(whsec_[^"]+)"', made)[1]  # type: ignore[index]
    with desk.store.write() as session:
        post(session, Message(title="您好"), to=Dialler("calls", "13800000000"), key="c")
    working.deliver(desk.store)
    call = receiver.got[0].json
    assert call["callback"] == f"https://crm.example.com/calls/{call['task']}"
    body = json.dumps({"answered": True, "duration": 42, "intent": "renew", "do_not_call": False}).encode()
    now = int(desk.clock.at.timestamp())
    headers = {
        "webhook-id": "r1",
        "webhook-timestamp": str(now),
        "webhook-signature": webhooks.sign(secret, "r1", now, body),
    }
    dialler, path = desk.app.test_client(), f"/calls/{call['task']}"
    assert dialler.post(path, data=body).status_code == 404
    assert dialler.post(path, data=body + b" ", headers=headers).status_code == 404
    assert dialler.post("/calls/msg_none", data=body, headers=headers).status_code == 404
    assert [dialler.post(path, data=body, headers=headers).status_code for _ in range(2)] == [204, 204]
    with desk.store.read() as session:
        told = session.connection.execute(select(events.c.payload).where(events.c.type == "call.ended")).all()
    assert [row.payload["intent"] for row in told] == ["renew"]
    outbox.drain(desk.store)
