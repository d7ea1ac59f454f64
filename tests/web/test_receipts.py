"""Who opened what was sent: noted by the page itself, shown to those the dashboard names, told to its readers."""

from datetime import timedelta

import pytest

from engine.automation import receipts
from engine.channels.message import Message
from engine.channels.posting import Person, post
from tests.reports.market import FULL
from tests.web.conftest import Desk, OpenDesk, add_people
from tests.web.test_report_pages import text

PEOPLE = {"bo": ("north", "boss"), "ann": ("north", "rep"), "dee": ("south", "clerk"), "root": ("north", "admin")}
BRIEF = """\
dashboard: brief
label: 周报
for: [boss]
receipts: [clerk]
rows:
  - [{figure: deal.count}]
"""
PAGE = "/dashboards/brief"


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """A brief for the boss, of which clerks see who opened it, sent to the boss and a rep."""
    found = open_desk(
        definition={**FULL, "dashboards/brief.yaml": BRIEF}, people=lambda store: add_people(store, PEOPLE)
    )
    send(found, "w10")
    return found


def send(desk: Desk, key: str) -> None:
    with desk.store.write() as session:
        people = [Person(desk.ids[login]) for login in ("bo", "ann")]
        post(session, Message(title="本周", path=f"{PAGE}?period=week"), to=people, key=key)


def seen(desk: Desk) -> list[tuple[str, bool]]:
    with desk.store.read() as session:
        return [(one.who, one.opened is not None) for one in receipts.list_receipts(session, PAGE)]


def test_opening_the_page_is_noted_once_with_its_moment(desk: Desk) -> None:
    names = dict(seen(desk))
    assert len(names) == 2 and not any(names.values())
    text(desk.browser("bo"), PAGE)
    with desk.store.read() as session:
        first = [one.opened for one in receipts.list_receipts(session, PAGE)]
    desk.clock.at += timedelta(hours=2)
    text(desk.browser("bo"), PAGE)
    with desk.store.read() as session:
        assert [one.opened for one in receipts.list_receipts(session, PAGE)] == first
    assert sum(opened for _, opened in seen(desk)) == 1

    send(desk, "w11")
    assert sum(opened for _, opened in seen(desk)) == 1, "what is sent next is to be opened anew"


def test_ticking_a_notice_off_or_seeing_as_is_not_opening(desk: Desk) -> None:
    desk.browser("bo").post("/notices/read")
    assert not any(opened for _, opened in seen(desk))
    boss = desk.browser("root")
    boss.post(f"/admin/people/{desk.ids['bo']}/see-as", data={"reason": "试"})
    text(boss, PAGE)
    assert not any(opened for _, opened in seen(desk))


def test_those_it_names_see_who_opened_it_and_its_readers_are_told_so(desk: Desk) -> None:
    reader = text(desk.browser("bo"), PAGE)
    watcher = text(desk.browser("dee"), PAGE)

    assert "看得到你什么时候打开过这一页" in reader and "谁打开过" not in reader
    assert "谁打开过" in watcher and watcher.count("还没打开") == 1 and "看得到你什么时候" not in watcher
    assert desk.browser("ann").get(PAGE).status_code == 404, "a rep may not open it"
    assert PAGE not in text(desk.browser("dee"), "/"), "to watch it does not make it one's home"


def test_opening_it_reads_the_notice(desk: Desk) -> None:
    bo = desk.browser("bo")
    assert bo.get("/live").get_json()["unread"] == 1
    text(bo, PAGE)
    assert bo.get("/live").get_json()["unread"] == 0
