"""A report or dashboard in a message goes along as a picture: by each kind of channel, once, as its reader sees it."""

import base64
import email
import email.policy
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import text

from engine.automation import jobs
from engine.automation.previewing import preview
from engine.channels import managing, pictures, registry, working
from engine.channels.registry import Given
from engine.clock import SetClock
from engine.people import accounts
from engine.records import commands
from engine.storage.store import Store
from tests.automation.helpdesk import with_rules
from tests.channels import receivers
from tests.channels.receivers import Mailbox, Receiver
from tests.channels.test_sending import KEY, MAIL
from tests.conftest import MakeStore
from web.page_kit import FONTS

RULES = """
monthly:
  label: 月报
  on: {every: "day 08:30", once: true}
  do:
    - {post: ding, as: [{role: boss}], text: 各级别, report: ticket.by_level, period: month}
    - {post: wecom, as: [{role: boss}], text: 各级别, report: ticket.by_level}
    - {post: feishu, as: [{role: boss}], text: 各级别, dashboard: all}
    - {notify: [{role: boss}, {role: agent}], text: 各级别, dashboard: all}
"""
REPORTS = """\
reports: ticket
figures:
  open:   {label: 未关闭, value: "count(where stage != 'shut')"}
  amount: {label: 金额, date: created_at, value: "sum(amount)", unit: money}
  share:  {label: 高级别占比, value: "count(where level = 'high') / count()", unit: percent}
layouts:
  by_level: {label: 各级别雷达图, show: [amount, open, share], by: [level], period: month, chart: radar}
"""
DASHBOARD = """\
dashboard: all
label: 工单
for: [boss, agent]
period: month
rows:
  - [{figure: ticket.open}, {figure: ticket.amount}]
  - [{report: ticket.by_level}]
  - [{list: ticket, label: 工单, columns: [title, level, amount, due, owner], top: 5}]
"""


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    def let_in(found: Store) -> None:
        with found.write() as session:
            for login, role in (("chief", "boss"), ("ann", "agent"), ("root", "admin")):
                accounts.create_user(
                    session, login=login, name=login.title(), password=None, roles=[role], actor=None,
                    email=f"{login}@example.com",
                )  # fmt: skip

    found = make_store(with_rules(RULES) | {"ticket/reports.yaml": REPORTS, "dashboards/all.yaml": DASHBOARD}, let_in)
    found.secret_key, found.public_url, found.fonts = KEY, "https://crm.example.com", FONTS
    return found


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Receiver, Mailbox]]:
    with receivers.http_receiver() as http, receivers.smtp_receiver(tmp_path) as smtp:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        yield http, smtp


def open_channels(store: Store, http: Receiver, smtp: Mailbox) -> None:
    with store.write() as session:
        for name, kind in (("ding", "dingtalk"), ("wecom", "wecom"), ("feishu", "feishu")):
            given = Given(name, kind, address=f"{http.url}/{name}?key=abcdef", inside=True)
            registry.create_channel(session, given, key=KEY, actor=None)
        mail = Given("mail", "email", address=f"127.0.0.1:{smtp.port}", inside=True, personal=True, **MAIL)
        registry.create_channel(session, mail, key=KEY, actor=None)


def create(store: Store, owner: int, **raw: Any) -> None:
    with store.write() as session:
        commands.create_record(session, "ticket", raw, actor=accounts.get_actor(session.connection, owner))


def kept(store: Store) -> list[Any]:
    with store.read() as session:
        return list(session.connection.execute(text("SELECT key, page FROM fw_pictures ORDER BY id")))


def test_each_channel_gets_the_picture_in_its_own_way_and_once(
    store: Store, clock: SetClock, servers: tuple[Receiver, Mailbox], tmp_path: Path
) -> None:
    if not FONTS.is_dir():
        pytest.skip("the fonts are not cut; run.py does it")
    http, smtp = servers
    open_channels(store, http, smtp)
    jobs.look(store)
    create(store, 2, title="停电", level="high", amount="5000", due="2026-03-09")
    create(store, 1, title="灯坏", level="low", amount="200")
    clock.advance(timedelta(days=1))
    for _ in range(3):
        jobs.look(store)
    working.deliver(store)
    again = Store(store.database, tmp_path / "files", clock)  # as after a restart
    again.secret_key, again.public_url, again.fonts = KEY, store.public_url, FONTS
    clock.advance(timedelta(minutes=10))  # Feishu is left alone at full hours
    jobs.look(again)
    working.deliver(again)

    got = {(one.path[:5], one.json.get("msgtype") or one.json["msg_type"]) for one in http.got}
    assert got == {("/ding", "markdown"), ("/weco", "markdown"), ("/weco", "image"), ("/feis", "interactive")}
    assert len(http.got) == 4, "once, whatever started again"

    ding = next(one for one in http.got if one.path.startswith("/ding")).json["markdown"]["text"]
    address = ding.partition("![](")[2].partition(")")[0]
    assert address.startswith("https://crm.example.com/pictures/1-") and address.endswith(".png")
    assert "(https://crm.example.com/reports/ticket.by_level?period=month)" in ding
    image = next(one.json["image"] for one in http.got if one.json.get("msgtype") == "image")
    png = base64.b64decode(image["base64"])
    assert hashlib.md5(png, usedforsecurity=False).hexdigest() == image["md5"]
    assert Image.open(io.BytesIO(png)).size[0] > 1000
    card = next(one.json["card"] for one in http.got if "card" in one.json)
    buttons = card["elements"][-1]["actions"]
    assert [one["text"]["content"] for one in buttons] == ["打开", "看图"]
    assert "/pictures/" in buttons[1]["url"]

    letters = {to[0]: email.message_from_bytes(body, policy=email.policy.default) for to, body in smtp.letters}
    assert letters.keys() == {"chief@example.com", "ann@example.com"}
    html = letters["ann@example.com"].get_body(("html",)).get_content()
    (inline,) = [one for one in letters["ann@example.com"].walk() if one.get_content_type() == "image/png"]
    assert f"cid:{inline['Content-ID'][1:-1]}" in html and inline.get_content_disposition() == "inline"
    assert Image.open(io.BytesIO(inline.get_content())).format == "PNG"


def test_a_picture_shows_what_its_reader_may_see(store: Store, clock: SetClock) -> None:
    jobs.look(store)
    create(store, 2, title="停电", level="high", amount="5000")
    create(store, 1, title="灯坏", level="low", amount="200")
    clock.advance(timedelta(days=1))
    jobs.look(store)
    pages = {key: page if isinstance(page, str) else json.dumps(page, ensure_ascii=False) for key, page in kept(store)}
    assert len(pages) == 5
    ann = next(page for key, page in pages.items() if "Person(id=2)" in key)
    chief = next(page for key, page in pages.items() if "Person(id=1)" in key)
    assert "灯坏" in json.dumps(json.loads(chief), ensure_ascii=False)
    assert "灯坏" not in json.dumps(json.loads(ann), ensure_ascii=False)
    radar = json.loads(ann)["blocks"][1]
    assert radar["title"] == "各级别雷达图" and "<polygon" in radar["charts"][0]
    assert ["高", "¥5,000.00 (n=1)", "1 (n=1)", "100% (n=1)"] in radar["table"]["rows"]
    with store.write() as session:
        seen = preview(session, "ticket.monthly", None, actor=None)
        assert all(one.picture is not None for one in seen.said)
    assert len(kept(store)) == 5, "a preview keeps none"


def test_an_address_is_signed_ends_and_is_shown_with_the_payload(
    store: Store, clock: SetClock, servers: tuple[Receiver, Mailbox]
) -> None:
    open_channels(store, *servers)
    jobs.look(store)
    clock.advance(timedelta(days=1))
    jobs.look(store)
    with store.read() as session:
        found = pictures.find(session, 1, key=KEY)
        assert found is not None and found.path is not None
        name = found.path.removeprefix(pictures.PREFIX)
        assert pictures.find_by_name(session, name, key=KEY) is not None
        signature = name.partition("-")[2]
        for wrong in (
            f"2-{signature}",
            name.replace(".png", ""),
            f"1-{'A' * 43}.png",
            "1",
            "",
            "x-y",
            f"01-{signature}",
        ):
            assert pictures.find_by_name(session, wrong, key=KEY) is None, wrong
        assert pictures.find_by_name(session, name, key="another key") is None
        (row,) = session.connection.execute(text("SELECT id FROM fw_deliveries WHERE channel = 'ding'"))
        (shown,) = managing.preview(session, row.id, key=KEY, base=store.public_url, actor=None)
        assert f"![](https://crm.example.com{found.path})" in shown.body
        (row,) = session.connection.execute(text("SELECT id FROM fw_deliveries WHERE channel = 'wecom'"))
        said, image = managing.preview(session, row.id, key=KEY, base=store.public_url, actor=None)
        assert "markdown" in said.body and image.picture is not None and image.picture.startswith("/pictures/2-")
    clock.advance(pictures.KEPT)
    with store.write() as session:
        assert pictures.find_by_name(session, name, key=KEY) is None
        (shown,) = managing.preview(session, 1, key=KEY, base=store.public_url, actor=None)
        assert "/pictures/" not in shown.body, "what is sent so late goes without"
        assert pictures.forget_old(session) == 5
