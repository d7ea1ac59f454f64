"""A record called after another carries its name everywhere, and is found by it after a rename; no query per row."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import event as sqlalchemy_event

from engine.clock import SetClock
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.people import accounts
from engine.records import queries
from engine.records.history import list_history, name_links
from engine.records.record import Record, display
from engine.records.settling import settle_after
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people

FIRM = """\
entity: firm
label: 公司
display: "{name}"
fields:
  name: {type: text, label: 名称, required: true}
access:
  chief: {read: all, write: all, create: true}
"""
OFFER = """\
entity: offer
label: 报价
number: {pattern: "BJ-{seq:3}"}
display: "{number} {firm}"
fields:
  firm: {type: link, to: firm, label: 公司}
  note: {type: text, label: 备注}
access:
  chief: {read: all, write: all, create: true}
"""
VISIT = """\
entity: visit
label: 拜访
display: "{offer} {note}"
fields:
  offer: {type: link, to: offer, label: 报价}
  note:  {type: text, label: 备注}
access:
  chief: {read: all, write: all, create: true, import: true}
"""
DUTY = """\
entity: duty
label: 值班
display: "{person} {note}"
fields:
  person: {type: user, label: 谁}
  note:   {type: text, label: 备注}
access:
  chief: {read: all, write: all, create: true}
"""
SHIFT = """\
entity: shift
label: 换班
display: "{duty} 换"
fields:
  duty: {type: link, to: duty, label: 值班}
access:
  chief: {read: all, write: all, create: true}
"""
CALLED = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[firm, offer, visit, duty, shift]"),
    "duty/entity.yaml": DUTY,
    "shift/entity.yaml": SHIFT,
    "firm/entity.yaml": FIRM,
    "offer/entity.yaml": OFFER,
    "visit/entity.yaml": VISIT,
}


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("called")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(CALLED), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def found(desk: Desk, words: str) -> dict[str, list[str]]:
    """What the search box answers, by kind."""
    with desk.store.read() as session:
        hits = queries.search(session, words, actor=desk.actor("chief"))
        return {key: [one.text for one in many] for key, many in hits.items()}


def title(desk: Desk, record: Record) -> str:
    seen = desk.get("chief", record)
    return display(desk.store.app.entities[record.entity], seen.values, seen.labels)


def test_the_name_goes_everywhere_two_links_deep_and_follows_a_rename(house: Desk) -> None:
    firm = house.create("chief", "firm", name="旧名公司")
    offer = house.create("chief", "offer", firm=firm.id)
    visit = house.create("chief", "visit", offer=offer.id, note="初访")

    assert (title(house, offer), title(house, visit)) == ("BJ-001 旧名公司", "BJ-001 旧名公司 初访")
    assert found(house, "旧名") == {
        "firm": ["旧名公司"], "offer": ["BJ-001 旧名公司"], "visit": ["BJ-001 旧名公司 初访"],
    }  # fmt: skip

    house.update("chief", firm, name="新名公司")

    assert title(house, visit) == "BJ-001 新名公司 初访"
    assert found(house, "旧名") == {}
    assert found(house, "新名")["visit"] == ["BJ-001 新名公司 初访"]
    page = house.page("chief", "visit")
    assert page.labels["offer", offer.id] == "BJ-001 新名公司"
    with house.store.read() as session:
        entity = session.app.entities["visit"]
        entries = list_history(session, "visit", visit.id, actor=house.actor("chief"))
        assert name_links(session, entity, entries)["offer", offer.id] == "BJ-001 新名公司"


def test_a_record_is_called_after_a_person_and_follows_their_name(house: Desk) -> None:
    """On its page, in lists, over one link and two, in history and pickers; nobody in the field is nothing."""
    duty = house.create("chief", "duty", person=house.people["rep"], note="早班")
    shift = house.create("chief", "shift", duty=duty.id)
    house.create("chief", "duty", note="空班")

    def called() -> list[str]:
        page, actor = house.page("chief", "shift"), house.actor("chief")
        with house.store.read() as session:
            entity = session.app.entities["shift"]
            names = name_links(session, entity, list_history(session, "shift", shift.id, actor=actor))
            picked = [one.text for key in ("shift", "duty") for one in queries.pick(session, key, "", actor=actor)]
        return [title(house, duty), page.labels["duty", duty.id], names["duty", duty.id], title(house, shift), *picked]

    for name in ("rep 的名字", "改过的名字"):
        with house.store.write() as session:
            accounts.update_user(session, house.people["rep"], actor=None, name=name)
        assert called() == [f"{name} 早班"] * 3 + [f"{name} 早班 换"] * 2 + ["空班", f"{name} 早班"]


@pytest.mark.parametrize("words", ["李晓彤", "晓彤", "lixiaotong", "xiaot", "lxt", "李晓彤 早班"])
def test_it_is_found_by_the_name_of_that_person_in_every_way(house: Desk, words: str) -> None:
    """Written, by sound and by initials; over a link too, together with other words, and by a new name at once."""
    with house.store.write() as session:
        accounts.update_user(session, house.people["rep"], actor=None, name="李晓彤")
    duty = house.create("chief", "duty", person=house.people["rep"], note="早班")
    house.create("chief", "duty", person=house.people["chief"], note="早班")
    house.create("chief", "shift", duty=duty.id)

    assert found(house, words) == {"duty": ["李晓彤 早班"], "shift": ["李晓彤 早班 换"]}
    with house.store.read() as session:
        picked = queries.pick(session, "duty", words, actor=house.actor("chief"))
    assert [one.text for one in picked] == ["李晓彤 早班"]

    with house.store.write() as session:
        accounts.update_user(session, house.people["rep"], actor=None, name="周正")
    assert found(house, words) == {}
    assert found(house, "zhouzheng")["shift"] == ["周正 早班 换"]


def test_nobody_finds_by_a_person_what_they_may_not_read(house: Desk) -> None:
    house.create("chief", "duty", person=house.people["rep"], note="x")
    with house.store.read() as session:
        assert queries.search(session, "的名字", actor=house.actor("rep")) == {}


def test_a_rename_is_followed_by_search_at_once_whatever_leads_to_the_name(house: Desk) -> None:
    firm = house.create("chief", "firm", name="大户")
    versions = [house.create("chief", "offer", firm=firm.id).version for _ in range(8)]

    house.update("chief", firm, name="改名")

    assert len(found(house, "改名")["offer"]) == 8
    assert found(house, "大户") == {}
    assert [one.version for one in house.page("chief", "offer").records] == versions


def test_a_page_asks_as_many_questions_for_many_rows_as_for_one(house: Desk) -> None:
    def asked(limit: int) -> int:
        statements: list[str] = []
        engine = house.store.database.engine

        def note(*given: object) -> None:
            statements.append(str(given[2]))

        sqlalchemy_event.listen(engine, "before_cursor_execute", note)
        try:
            with house.store.read() as session:
                queries.pick(session, "visit", "", actor=house.actor("chief"), limit=limit)
        finally:
            sqlalchemy_event.remove(engine, "before_cursor_execute", note)
        return len(statements)

    for at in range(6):
        firm = house.create("chief", "firm", name=f"公司{at}")
        house.create("chief", "visit", offer=house.create("chief", "offer", firm=firm.id).id)
    asked(1), asked(6)

    assert asked(6) == asked(1)


def test_a_release_that_calls_a_record_otherwise_lets_it_be_found_by_that(house: Desk) -> None:
    firm = house.create("chief", "firm", name="甲")
    house.create("chief", "offer", firm=firm.id, note="n")
    house.create("chief", "visit", offer=1, note="访")
    plain = {**CALLED, "offer/entity.yaml": OFFER.replace("{number} {firm}", "{number} {note}")}

    catalog.publish(house.store, to_folder(plain), actor_id=None, settle=settle_after(house.store.app))

    assert "visit" not in found(house, "甲")
    catalog.publish(house.store, to_folder(CALLED), actor_id=None, settle=settle_after(house.store.app))
    assert found(house, "甲")["visit"] == ["BJ-001 甲 访"]


def test_a_sheet_names_a_record_by_its_whole_name(house: Desk) -> None:
    firm = house.create("chief", "firm", name="表中公司")
    house.create("chief", "offer", firm=firm.id)

    sheet = Sheet(("报价", "备注"), [(2, ["BJ-001", "x"])])
    result = imports.import_records(house.store, "visit", sheet, actor=house.actor("chief"))

    assert result.created == 1
