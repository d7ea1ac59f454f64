"""The picture of a message is shown to whoever has its address, and to administrators beside the payload."""

import re
from datetime import timedelta

import pytest

from engine.automation import jobs
from engine.channels import pictures, registry
from engine.channels.registry import Given
from engine.clock import SetClock
from tests.automation.helpdesk import with_rules
from tests.web.conftest import Desk, OpenDesk, add_people
from tests.web.test_guard import KEY
from web.page_kit import FONTS

RULES = """
daily:
  label: 日报
  on: {every: "day 08:30", once: true}
  do: [{post: group, as: [{role: boss}], text: 各级别, report: ticket.by_level}]
"""
REPORTS = """\
reports: ticket
figures:
  open: {label: 未关闭, value: "count(where stage != 'shut')"}
layouts:
  by_level: {label: 各级别, show: [open], by: [level]}
"""
PEOPLE = {"lead": ("north", "boss"), "root": ("north", "admin")}


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    if not FONTS.is_dir():
        pytest.skip("the fonts are not cut; run.py does it")
    files = with_rules(RULES) | {"ticket/reports.yaml": REPORTS}
    return open_desk(definition=files, people=lambda store: add_people(store, PEOPLE), public_url="http://localhost")


def test_a_chat_shows_it_without_signing_in_until_it_ends(desk: Desk, clock: SetClock) -> None:
    desk.program("lead").made("ticket", title="漏水", level="low")
    with desk.store.write() as session:
        given = Given("group", "dingtalk", address="http://127.0.0.1:9/robot?access_token=x", inside=True)
        registry.create_channel(session, given, key=KEY, actor=None)
    jobs.look(desk.store)
    clock.advance(timedelta(days=1))
    jobs.look(desk.store)

    admin = desk.browser("root")
    page = admin.get("/admin/deliveries/1").get_data(as_text=True)
    (address,) = re.findall(r'<img src="(/pictures/[^"]+)"', page)
    stranger = desk.app.test_client()
    said = stranger.get(address)
    assert (said.status_code, said.mimetype) == (200, "image/png") and said.data.startswith(b"\x89PNG")
    assert said.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert len(said.headers.getlist("Cross-Origin-Resource-Policy")) == 1
    assert "sandbox" in said.headers["Content-Security-Policy"]
    assert stranger.get(address.replace("/1-", "/2-")).status_code == 404
    tried = admin.post("/admin/automations/ticket.daily/preview").get_data(as_text=True)
    assert '<img src="data:image/png;base64,' in tried
    clock.advance(pictures.KEPT)
    assert stranger.get(address).status_code == 404
