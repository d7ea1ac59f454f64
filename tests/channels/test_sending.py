"""Messages arrive at real servers, signed and within their limits, whatever those servers do."""

import base64
import email
import email.policy
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from engine.automation.jobs import WorkerThread
from engine.channels import addresses, managing, reaching, registry, working
from engine.channels.addresses import Unreachable
from engine.channels.choices import Choices, Way, choose
from engine.channels.claiming import LEASE, claim
from engine.channels.kinds import dingtalk, feishu, webhooks, wecom
from engine.channels.message import Message
from engine.channels.posting import Dialler, Email, Endpoint, Person, Receiver, Robot, post
from engine.channels.registry import Given
from engine.clock import SetClock
from engine.errors import InvalidValues
from engine.people import accounts
from engine.storage import catalog
from engine.storage.delivery_tables import channels, deliveries, message_choices
from engine.storage.store import Store
from engine.storage.system_tables import notices
from tests.channels import receivers
from tests.channels.receivers import Mailbox
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.storage.workshop import WORKSHOP

NINE = datetime(2026, 3, 2, 1, 7, tzinfo=UTC)  # 09:07 in Shanghai
KEY = "the key of this installation, long enough"
MAIL = {"secret": "open sesame", "user": "crm", "sender": "CRM <crm@example.com>", "security": "starttls"}
WHSEC = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@dataclass
class World:
    """A site with people, and the servers its messages go to."""

    store: Store
    http: receivers.Receiver
    smtp: Mailbox

    @property
    def clock(self) -> SetClock:
        assert isinstance(self.store.clock, SetClock)
        return self.store.clock

    def channel(self, kind: str, name: str = "", path: str = "/robot?access_token=abcdef", **more: Any) -> str:
        """Make a channel to one of the servers and return its name."""
        address = f"127.0.0.1:{self.smtp.port}" if kind == "email" else self.http.url + path
        given = Given(name or kind, kind, address=address, inside=True)
        with self.store.write() as session:
            registry.create_channel(session, replace(given, **more), key=KEY, actor=None)
        return name or kind

    def tell(self, to: Receiver, title: str = "Hello", key: str = "", **more: Any) -> None:
        with self.store.write() as session:
            post(session, Message(title=title, **more), to=to, key=key or title)

    def send(self) -> int:
        return working.deliver(self.store)

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))

    def rows(self) -> list[Any]:
        with self.store.read() as session:
            return list(session.connection.execute(select(deliveries).order_by(deliveries.c.id)))

    def states(self) -> list[tuple[str, int, str | None]]:
        return [(row.state, row.attempts, row.error) for row in self.rows()]

    def notices(self) -> list[tuple[int, str]]:
        with self.store.read() as session:
            return [tuple(row) for row in session.connection.execute(select(notices.c.user_id, notices.c.kind))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is about servers on one database, and what is about who sends what on both."""
    kinds = ["sqlite"] if "world" in metafunc.fixturenames else ["sqlite", "postgresql"]
    if "any_store" in metafunc.fixturenames:
        metafunc.parametrize("any_store", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def any_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("sending")
    with database_of(request, folder) as database:
        store = Store(database, folder / "files", SetClock(NINE))
        store.secret_key, store.public_url = KEY, "https://crm.example.com"
        catalog.publish(store, to_folder(WORKSHOP), actor_id=None)
        with store.write() as session:
            for login, role in (("anna", "admin"), ("bert", "admin")):
                known = {"email": f"{login}@example.com", "mobile": "13800000000", "language": "en"}
                accounts.create_user(
                    session, login=login, name=login.title(), password=None, roles=[role], actor=None, **known
                )
        yield store


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[receivers.Receiver, Mailbox]]:
    folder = tmp_path_factory.mktemp("servers")
    with (
        pytest.MonkeyPatch.context() as patched,
        receivers.http_receiver() as http,
        receivers.smtp_receiver(folder) as smtp,
    ):
        patched.setenv("SSL_CERT_FILE", str(folder / "certificate.pem"))
        yield http, smtp


def world_of(store: Store, servers: tuple[receivers.Receiver, Mailbox]) -> World:
    world = World(store, *servers)
    world.clock.at = NINE
    for kept in (world.http.got, world.http.replies, world.smtp.letters, world.smtp.replies, world.smtp.logins):
        kept.clear()  # type: ignore[attr-defined]
    with store.write() as session:
        session.connection.execute(update(deliveries).values(merged_into_id=None))
        for table in (deliveries, channels, notices, message_choices):
            session.connection.execute(delete(table))
    return world


@pytest.fixture
def anywhere(any_store: Store, servers: tuple[receivers.Receiver, Mailbox]) -> World:
    """The world on each database."""
    return world_of(any_store, servers)


@pytest.fixture
def world(any_store: Store, servers: tuple[receivers.Receiver, Mailbox]) -> World:
    """The world on SQLite: servers outside do not know the database."""
    return world_of(any_store, servers)


# ---- what leaves


def test_signatures_are_those_of_the_providers() -> None:
    signed = dingtalk.sign("SECformworkdemo", 1_700_000_000_000)
    assert signed == "Ta6wJy3W9YdFMgg%2FY9AXvoXG85q91BMZWkfooOvpVpU%3D"
    assert feishu.sign("formworkdemo", 1_700_000_000) == "bXMfdx6HqBL+YxQuN77YbQZWJKe/WNYBtAshgnDXvqg="
    # The example of the Standard Webhooks specification.
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    made = webhooks.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


HOSTILE = 'Offer [x](http://evil.test) <font color="red">now</font> <@all> **b** `c` #1\n# heading'


def test_robots_get_one_message_each_and_nothing_typed_is_markup(world: World) -> None:
    for kind, secret in (("dingtalk", "SECx"), ("wecom", None), ("feishu", "s3")):
        world.channel(kind, secret=secret, keyword="CRM", path=f"/{kind}?access_token=abcdef")
        facts, mentions = (("Amount", "¥1,200.00"),), (1,) if kind == "dingtalk" else ()
        world.tell(Robot(kind), HOSTILE, kind, text=HOSTILE, facts=facts, about=("machine", 4), mentions=mentions)
    assert world.send() == 3
    assert {row.state for row in world.rows()} == {"sent"}
    by_kind = {got.path.split("?")[0][1:]: got for got in world.http.got}

    ding = by_kind["dingtalk"].json
    at = int(NINE.timestamp() * 1000)
    assert by_kind["dingtalk"].path.endswith(f"&timestamp={at}&sign={dingtalk.sign('SECx', at)}")
    assert ding["at"] == {"atMobiles": ["13800000000"], "isAtAll": False}
    text = ding["markdown"]["text"]
    assert "@13800000000" in text and "(https://crm.example.com/e/machine/4)" in text and text.startswith("#### CRM ")
    assert "Amount：¥1,200.00" in text
    for markdown in (text, by_kind["wecom"].json["markdown"]["content"]):
        assert not any(sign in markdown for sign in ("[x]", "<font", "<@", "**b", "`c`", "\n# ")), markdown

    card = by_kind["feishu"].json
    seconds = int(NINE.timestamp())
    assert (card["timestamp"], card["sign"]) == (str(seconds), feishu.sign("s3", seconds))
    assert card["card"]["elements"][0]["text"]["tag"] == "plain_text"
    assert card["card"]["elements"][1]["actions"][0]["url"] == "https://crm.example.com/e/machine/4"


def test_long_texts_are_split_by_bytes_and_go_on_where_they_broke_off(world: World) -> None:
    world.channel("wecom")
    world.http.replies.extend([{"errcode": 0}, 500])
    world.tell(Robot("wecom"), "长文", text="\n".join(f"第{number}行：" + "字" * 100 for number in range(30)))
    world.send()
    assert world.states() == [("waiting", 1, "channel.wrong_answer")]
    world.later(minutes=1)
    world.send()
    assert world.states() == [("sent", 2, None)]
    contents = [got.json["markdown"]["content"] for got in world.http.got]
    assert len(contents) > 2 and all(len(one.encode()) <= wecom.MARKDOWN for one in contents)
    assert contents[1] == contents[2]  # the part that failed; the first was not sent again
    assert all(f"第{number}行" in "".join(contents) for number in range(30))


def test_webhooks_carry_an_event_signed_by_both_secrets_while_they_rotate(world: World) -> None:
    world.channel("webhook", secret=WHSEC, path="/hook")
    with world.store.write() as session:
        (channel,) = registry.list_channels(session, actor=None)
        new = registry.rotate_secret(session, channel.id, key=KEY, actor=None)
    world.tell(Endpoint("webhook"), "x", event="quote.approved", data={"no": "Q-1"}, about=("machine", 4))
    world.send()
    world.later(hours=25)
    world.tell(Endpoint("webhook"), "y", event="quote.approved")
    world.send()
    first, second = world.http.got
    sent = {
        "type": "quote.approved",
        "timestamp": NINE.isoformat(),
        "data": {"no": "Q-1", "record": {"entity": "machine", "id": 4}},
    }
    assert first.json == sent
    for secret in (WHSEC, new):
        assert webhooks.is_signed([secret], first.headers, first.body, now=NINE.timestamp())
    assert not webhooks.is_signed([WHSEC], second.headers, second.body, now=world.clock.at.timestamp())
    assert webhooks.is_signed([new], second.headers, second.body, now=world.clock.at.timestamp())
    assert not webhooks.is_signed([new], second.headers, second.body, now=world.clock.at.timestamp() + 301)
    assert not webhooks.is_signed([new], second.headers, second.body + b" ", now=world.clock.at.timestamp())
    assert first.headers["webhook-id"] == world.rows()[0].message_id
    # By hand, as a receiver would.
    content = f"{first.headers['webhook-id']}.{first.headers['webhook-timestamp']}.".encode() + first.body
    expected = base64.b64encode(hmac.new(base64.b64decode(WHSEC[6:]), content, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in first.headers["webhook-signature"].split()


def test_letters_arrive_as_text_and_html_and_no_line_of_a_title_becomes_a_header(world: World) -> None:
    world.channel("email", **MAIL)
    title = "Quote\r\nBcc: all@example.com <b>now</b>"
    world.tell(Email("anna@example.com"), title, "k", text="<script>alert(1)</script>", about=("machine", 4))
    world.tell(Email("no address"), "Nobody", "n")
    world.send()
    assert world.states() == [("sent", 1, None), ("dead", 1, "channel.bad_recipient")]
    ((to, content),) = world.smtp.letters
    letter = email.message_from_bytes(content, policy=email.policy.default)
    assert (to, world.smtp.logins) == (["anna@example.com"], ["crm"])
    assert letter["Bcc"] is None and letter["Subject"] == "Quote Bcc: all@example.com <b>now</b>"
    assert letter["Message-ID"] == f"<{world.rows()[0].message_id}@example.com>"
    html = letter.get_body(("html",)).get_content()
    assert "&lt;script&gt;" in html and "<script>" not in html and "<b>" not in html
    assert "https://crm.example.com/e/machine/4" in letter.get_body(("plain",)).get_content()


def test_a_wrong_password_is_not_tried_again_and_a_full_server_is(world: World) -> None:
    world.channel("email", **MAIL | {"secret": "wrong"})
    world.channel("email", "other", **MAIL)
    world.smtp.replies.append("452 full")
    world.tell(Email("anna@example.com", "email"), "a")
    world.tell(Email("anna@example.com", "other"), "b")
    world.send()
    assert world.states()[:2] == [("dead", 1, "channel.refused"), ("waiting", 1, "channel.wrong_answer")]


def test_a_dialler_is_asked_to_call_with_what_to_say_and_where_to_answer(world: World) -> None:
    world.channel("dialler", path="/call")
    world.tell(Dialler("dialler", "13811112222"), "Call", text="您好，报价将到期", data={"contact": 9})
    world.send()
    (got,) = world.http.got
    task = world.rows()[0].message_id
    assert got.json == {
        "task": task,
        "phone": "13811112222",
        "script": "您好，报价将到期",
        "callback": f"https://crm.example.com/calls/{task}",
        "data": {"contact": 9},
    }


# ---- what goes wrong


def test_failures_are_tried_again_and_then_given_up_and_sent_again_with_one_click(world: World) -> None:
    world.channel("dingtalk")
    world.http.replies.extend([500, {"errcode": -1}, 502, 500, 500])
    world.tell(Robot("dingtalk"))
    for minutes in (0, 1, 5, 30, 120):
        world.later(minutes=minutes - 0.1)
        assert world.send() == (0 if minutes else 0 + 1) or minutes == 0
        world.later(minutes=0.1)
        world.send()
    assert world.states() == [("dead", 5, "channel.wrong_answer")]
    assert world.notices() == [(1, "deliveries_failed"), (2, "deliveries_failed")]
    with world.store.write() as session:
        managing.replay(session, world.rows()[0].id, actor=None)
    world.send()
    assert [row.state for row in world.rows() if row.channel == "dingtalk"] == ["sent"]


@pytest.mark.parametrize(
    ("reply", "state", "code"),
    [
        ({"errcode": 310000, "errmsg": "sign not match"}, "dead", "channel.refused"),
        ("redirect", "dead", "channel.refused"),
        ({"errcode": 130101}, "waiting", "channel.too_fast"),
        ("reset", "waiting", "channel.broken_off"),
        ("hang", "waiting", "channel.too_slow"),
        ("endless", "waiting", "channel.wrong_answer"),
        ("drip", "waiting", "channel.wrong_answer"),
    ],
)
def test_a_robot_that_misbehaves(
    world: World, monkeypatch: pytest.MonkeyPatch, reply: Any, state: str, code: str
) -> None:
    monkeypatch.setattr(reaching, "TOTAL_SECONDS", 0.6)
    world.channel("dingtalk")
    world.http.replies.append(reply)
    world.tell(Robot("dingtalk"))
    assert world.send() == 1
    row = next(row for row in world.rows() if row.channel == "dingtalk")
    assert (row.state, row.attempts, row.error) == (state, 1, code)
    assert len(world.http.got) == 1  # no redirect was followed


def test_one_that_hangs_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "TOTAL_SECONDS", 0.6)
    world.channel("webhook", path="/slow", secret=WHSEC)
    world.channel("dingtalk")
    world.http.replies.append("hang")
    for number in range(5):
        world.tell(Endpoint("webhook"), f"w{number}")
    world.send()
    assert [row.attempts for row in world.rows()] == [1, 0, 0, 0, 0]  # it is left alone for a minute
    world.tell(Robot("dingtalk"), "d")
    assert world.send() == 1
    world.later(minutes=1)
    world.send()
    assert {row.state for row in world.rows()} == {"sent"}


def test_webhooks_are_tried_for_three_days_and_one_that_is_gone_is_turned_off(world: World) -> None:
    assert sum(working.WEBHOOK_RETRY_AFTER, timedelta()) > timedelta(hours=72)
    world.channel("webhook", path="/gone", secret=WHSEC)
    world.http.replies.append(410)
    world.tell(Endpoint("webhook"))
    world.tell(Endpoint("webhook"), "Second")
    world.send()
    assert world.states()[:2] == [("dead", 1, "channel.gone"), ("waiting", 0, None)]
    with world.store.read() as session:
        (channel,) = registry.list_channels(session, actor=None)
    assert channel.disabled_at is not None


def test_whoever_dies_between_sending_and_noting_it_leaves_it_to_be_sent_again_under_the_same_id(
    anywhere: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What a process that ends looks like from inside."""

    def die(*args: Any) -> None:
        raise Killed

    anywhere.channel("webhook", path="/hook", secret=WHSEC)
    anywhere.tell(Endpoint("webhook"))
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(working, "_settle", die)
        anywhere.send()
    assert [row.state for row in anywhere.rows()] == ["sending"]
    assert anywhere.send() == 0
    anywhere.clock.advance(LEASE)
    assert anywhere.send() == 1
    first, second = anywhere.http.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"] and first.body == second.body
    assert anywhere.states() == [("sent", 2, None)]


def test_what_ends_whoever_sends_it_again_and_again_is_put_aside(world: World) -> None:
    world.channel("webhook", path="/hook", secret=WHSEC)
    world.tell(Endpoint("webhook"))
    for _ in range(15):
        with world.store.write() as session:
            assert claim(session, "webhook", key=KEY, base=None) is not None
        world.clock.advance(LEASE)
    assert world.send() == 0
    assert world.states() == [("parked", 15, "channel.poison")]


def test_two_workers_at_once_send_everything_once(anywhere: World) -> None:
    for name in ("one", "two"):
        anywhere.channel("webhook", name, path=f"/{name}", secret=WHSEC)
    for number in range(20):
        anywhere.tell(Endpoint("one"), f"m{number}")
        anywhere.tell(Endpoint("two"), f"m{number}")
    barrier = threading.Barrier(3)

    def run() -> None:
        barrier.wait(20)
        working.deliver(anywhere.store)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    working.deliver(anywhere.store)
    ids = [got.headers["webhook-id"] for got in anywhere.http.got]
    assert len(ids) == len(set(ids)) == 40
    assert {row.state for row in anywhere.rows()} == {"sent"}


def test_a_worker_sends_soon_after_the_commit_and_what_is_urgent_first(world: World) -> None:
    world.channel("webhook", path="/hook", secret=WHSEC)
    worker = WorkerThread(world.store)
    with world.store.write() as session:
        for kind in ("report", "reminder", "approval"):
            post(session, Message(kind=kind, event=kind), to=Endpoint("webhook"), key=kind)  # type: ignore[arg-type]
    world.store.bell = worker.ring
    worker.start()
    try:
        worker.ring()
        for _ in range(200):
            if len(world.http.got) == 3:
                break
            time.sleep(0.05)
    finally:
        worker.stop()
        world.store.bell = None
    assert [got.json["type"] for got in world.http.got] == ["approval", "reminder", "report"]
    assert {row.state for row in world.rows()} == {"sent"}


# ---- how much, when


def test_a_robot_sends_what_it_may_and_the_rest_as_one(anywhere: World) -> None:
    anywhere.channel("dingtalk")
    for number in range(30):
        anywhere.tell(Robot("dingtalk"), f"Message {number}", about=("machine", number))
    anywhere.send()
    assert len(anywhere.http.got) == 18
    last = anywhere.http.got[-1].json["markdown"]["text"]
    assert all(f"Message {number}]" in last for number in range(17, 30)) and "/e/machine/29" in last
    anywhere.tell(Robot("dingtalk"), "One more")
    anywhere.later(seconds=59)
    assert anywhere.send() == 0
    anywhere.later(seconds=1)
    assert anywhere.send() == 1
    assert {row.state for row in anywhere.rows()} == {"sent", "merged"}


def test_feishu_is_left_alone_at_full_and_half_hours(world: World) -> None:
    world.channel("feishu")
    world.clock.at = NINE.replace(minute=30)
    for number in range(4):
        world.tell(Robot("feishu"), f"{number}")
    waits = [(row.due_at - world.clock.at).total_seconds() for row in world.rows()]
    assert all(60 <= wait < 240 for wait in waits) and len(set(waits)) > 1


def test_the_night_comes_as_one_letter_in_the_morning_without_what_was_read_meanwhile(anywhere: World) -> None:
    anywhere.channel(
        "email", secret="open sesame", user="crm", sender="crm@example.com", security="starttls", personal=True
    )
    with anywhere.store.write() as session:
        anna = accounts.get_actor(session.connection, 1)
        choose(session, Choices({"report": Way("digest")}, quiet_from="21:00", quiet_until="07:30"), actor=anna)
    anywhere.clock.at = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)  # 22:00
    for title in ("Alpha", "Beta", "Gamma"):
        anywhere.tell(Person(1), title, about=("machine", 4))
    anywhere.tell(Person(1), "Numbers", kind="report")
    anywhere.send()
    assert anywhere.smtp.letters == []
    with anywhere.store.write() as session:
        read = update(notices).where(notices.c.key == "Beta-1").values(read_at=session.now())
        session.connection.execute(read)
    anywhere.clock.at = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    anywhere.send()
    ((_, content),) = anywhere.smtp.letters
    text = email.message_from_bytes(content, policy=email.policy.default).get_body(("plain",)).get_content()
    assert "Alpha" in text and "Gamma" in text and "Beta" not in text and "Numbers" not in text
    anywhere.clock.at = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)
    anywhere.send()
    assert len(anywhere.smtp.letters) == 2
    assert sorted(row.state for row in anywhere.rows()) == ["dropped", "merged", "merged", "sent", "sent"]


def test_a_group_learns_nothing_of_what_is_told_to_one_of_its_people(world: World) -> None:
    world.channel("dingtalk", personal=True)
    with world.store.write() as session:
        anna = accounts.get_actor(session.connection, 1)
        choose(session, Choices({"approval": Way("now", ("dingtalk",))}), actor=anna)
    world.tell(Person(1), "Secret customer", kind="approval", task=5, facts=(("Amount", "9"),))
    world.send()
    text = world.http.got[0].json["markdown"]["text"]
    assert "Secret" not in text and "Amount" not in text
    assert "Anna" in text and "@13800000000" in text and "/approvals/5" in text


# ---- where to


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "fc00::1",
     "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "100.64.0.1", "224.0.0.1"],
)  # fmt: skip
def test_addresses_inside_are_refused_in_any_clothes(address: str) -> None:
    assert not addresses.is_allowed(address, inside=False)
    assert addresses.is_allowed("8.8.8.8", inside=False) and addresses.is_allowed("2606:4700::1111", inside=False)
    assert not addresses.is_allowed("169.254.169.254", inside=True) and addresses.is_allowed("10.1.2.3", inside=True)


@pytest.mark.parametrize(
    "url",
    ["https://localhost:1/x", "https://2130706433/", "https://0x7f.1/", "https://[::ffff:7f00:1]/", "https://127.1/"],
)
def test_a_name_that_leads_inside_is_not_reached(url: str) -> None:
    with pytest.raises(Unreachable) as refused:
        reaching.post(url, b"{}", {})
    assert refused.value.code in ("channel.inside", "channel.no_host")


def test_the_address_that_was_judged_is_the_one_that_is_reached(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere the second time it is asked is asked once only."""
    asked = []

    def lead(host: str, port: int, *more: Any, **named: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", lead)
    url = f"http://elsewhere.test:{world.http.port}/hook"
    with pytest.raises(Unreachable, match=r"channel\.inside"):
        reaching.post(f"https://elsewhere.test:{world.http.port}/hook", b"{}", {})
    assert reaching.post(url, b"{}", {}, inside=True).status == 200
    assert world.http.got[0].headers["host"] == f"elsewhere.test:{world.http.port}"
    assert asked.count("elsewhere.test") == 2


def test_a_server_must_prove_the_name_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = receivers.make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    reaching._trust.cache_clear()
    with receivers.http_receiver(certificate) as server:
        assert reaching.post(f"https://127.0.0.1:{server.port}/", b"{}", {}, inside=True).status == 200
        with pytest.raises(Unreachable, match="no_connection"):
            reaching.post(f"https://localhost:{server.port}/", b"{}", {}, inside=True)
    reaching._trust.cache_clear()


def test_secrets_are_sealed_masked_and_not_kept_for_another_host(world: World) -> None:
    world.channel("dingtalk", secret="SECverysecret", path="/robot/send?access_token=tokenvalue")
    world.tell(Robot("dingtalk"), "Shown")
    with world.store.write() as session:
        row = session.connection.execute(select(channels)).one()
        assert "tokenvalue" not in str(row) and "verysecret" not in str(row)
        (shown,) = managing.preview(session, world.rows()[0].id, key=KEY, base=None, actor=None)
        assert "tokenvalue" not in str(shown) and "sign=•" in shown.to and "Shown" in shown.body
        given = Given("dingtalk", "dingtalk", address="https://evil.example.com/robot", inside=True)
        with pytest.raises(InvalidValues) as refused:
            registry.update_channel(session, row.id, given, key=KEY, actor=None)
        assert [error.path for error in refused.value.errors] == ["secret"]
    world.store.secret_key = "another key of another installation"
    try:
        world.send()
    finally:
        world.store.secret_key = KEY
    assert world.states()[0] == ("dead", 1, "channel.other_key")
    assert world.http.got == []
