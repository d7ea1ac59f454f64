"""Masked fields: part of a value for whoever may not see it whole, on every path, and never a way to the rest."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.clock import SetClock
from engine.errors import InvalidValues, NotAllowed
from engine.records import figures, history, queries, versions, views
from engine.records.filters import Filter
from engine.records.queries import ListQuery
from engine.records.record import Record
from engine.records.views import ViewContent
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.conftest import MONDAY
from tests.records.databases import database_of
from tests.records.desk import DESK, Desk, add_people, errors_of

RULES = {
    "  lead:    {read: team, write: team, create: true}\n": (
        "  lead:    {read: all, write: all, create: true, import: true, mask: [phone, limit], unmask: team}\n"
    ),
    "  guest:   {read: all, hide: [phone, limit, partner]}": (
        "  guest:   {read: all, mask: [phone, code, limit, name2]}"
    ),
    "  partner: {type: link": "  name2:   {type: text, label: 别名, search: true}\n  partner: {type: link",
}
PHONE, PART = "13812345678", "138****5678"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    files = dict(DESK)
    for old, new in RULES.items():
        assert old in files["client/entity.yaml"]
        files["client/entity.yaml"] = files["client/entity.yaml"].replace(old, new, 1)
    folder = tmp_path_factory.mktemp("desk")
    with database_of(request, folder) as database:
        clock = SetClock(MONDAY)
        store = Store(database, folder / "files", clock)
        catalog.publish(store, to_folder(files), actor_id=None)
        desk = Desk(store, clock)
        with store.write() as session:
            add_people(session, desk)
        yield desk


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    return shared_desk


@pytest.fixture
def far(desk: Desk) -> Record:
    """A client of somebody in no team of the lead's."""
    return desk.client(phone=PHONE, limit="4321.50")


@pytest.fixture
def near(desk: Desk) -> Record:
    """A client of somebody in the lead's team."""
    return desk.client("rep", phone=PHONE)


def asked(desk: Desk, login: str, act: Callable[..., Any]) -> Any:
    with desk.store.read() as session:
        return act(session, actor=desk.actor(login))


def test_each_type_says_in_its_own_way_what_is_left(desk: Desk) -> None:
    far = desk.client(phone=PHONE, limit="4321.50", code="91350100M000100Y43")
    found = desk.get("guest", far)

    assert found.masked == {"phone": PART, "code": "9135****0Y43", "limit": "****", "name2": ""}
    assert not {"phone", "code", "limit", "name2"} & found.values.keys()
    assert {"phone", "code", "limit", "name2"} <= found.hidden


def test_a_field_is_whole_in_the_records_that_unmask_names(desk: Desk, far: Record, near: Record) -> None:
    assert desk.get("lead", near).values["phone"] == PHONE
    assert desk.get("lead", near).masked == {}
    assert desk.get("lead", far).masked == {"phone": PART, "limit": "****"}
    listed = {one.id: one for one in desk.page("lead", "client", columns=("phone",), limit=200).records}
    assert listed[near.id].values["phone"] == PHONE
    assert "phone" not in listed[far.id].values
    assert listed[far.id].masked["phone"] == PART


def test_who_gives_a_record_away_sees_part_of_it_from_then_on(desk: Desk, near: Record) -> None:
    kept = desk.update("lead", near, owner=desk.people["stranger"])

    assert desk.get("lead", kept).masked["phone"] == PART


@pytest.mark.parametrize("field", ["phone", "limit"])
def test_a_masked_field_can_be_neither_sorted_filtered_grouped_nor_added_up(desk: Desk, field: str) -> None:
    unknown = f"没有“{field}”"
    for query in (
        ListQuery(sort=field),
        ListQuery((Filter(field, "eq", "1"),)),
        ListQuery((Filter(field, "missing"),)),
    ):
        with pytest.raises(InvalidValues) as refused:
            asked(desk, "lead", lambda session, actor, query=query: queries.list_records(
                session, "client", query, actor=actor))  # fmt: skip
        assert refused.value.errors[0].code == "record.bad_filter", unknown
    rights = asked(desk, "lead", lambda session, actor: queries.require_read(
        session, session.app.entities["client"], actor))  # fmt: skip
    entity = desk.store.app.entities["client"]
    assert field not in figures.groupable_keys(entity, rights) + figures.summable_keys(entity, rights)


def test_a_record_is_found_by_a_masked_value_only_where_it_is_whole(desk: Desk) -> None:
    phone = "13755502468"
    far, near = desk.client(phone=phone), desk.client("rep", phone=phone)

    def hits(login: str, text: str) -> set[int]:
        return {one.id for one in asked(desk, login, lambda session, actor: queries.pick(
            session, "client", text, actor=actor, limit=200))}  # fmt: skip

    assert hits("lead", phone) == {near.id}
    assert hits("lead", far.values["name"]) == {far.id}
    assert hits("guest", phone) == set()
    assert hits("chief", phone) == {far.id, near.id}
    assert set(desk.ids("lead", "client", text=phone)) == {near.id}


def test_history_and_versions_say_nothing_of_what_is_masked(desk: Desk, far: Record) -> None:
    later = desk.update("chief", far, phone="13900001111")

    entries = asked(desk, "lead", lambda session, actor: history.list_history(
        session, "client", far.id, actor=actor))  # fmt: skip
    old = asked(desk, "lead", lambda session, actor: versions.read_version(
        session, "client", far.id, 1, actor=actor))  # fmt: skip

    assert [one.changes.keys() & {"phone", "limit"} for one in entries] == [set(), set()]
    assert old.differs == () and old.restorable == ()
    assert PHONE not in repr(old.values) and later.values["phone"] not in repr(old)


@pytest.mark.parametrize("sent", [PART, "13900002222", ""])
def test_nobody_writes_what_they_see_in_part(desk: Desk, far: Record, sent: str) -> None:
    said = errors_of(lambda: desk.update("lead", far, phone=sent, region="west"))

    assert said == {"phone": "你只能看到“电话”的一部分，不能修改；请不要填写。"}
    assert desk.update("lead", far, region="west").masked["phone"] == PART
    assert desk.get("chief", far).values["phone"] == PHONE


def test_whoever_makes_a_record_types_everything_of_it(desk: Desk) -> None:
    made = desk.client("lead", phone=PHONE, limit="5")

    assert made.values["phone"] == PHONE
    assert desk.get("lead", made).values["phone"] == PHONE


def test_a_view_keeps_a_masked_column_and_drops_a_masked_condition(desk: Desk) -> None:
    content = ViewContent((Filter("phone", "eq", PHONE),), None, "-phone", ("name", "phone"), "", None)
    rights = asked(desk, "guest", lambda session, actor: queries.require_read(
        session, session.app.entities["client"], actor))  # fmt: skip

    fitted, left_out = views.fitted(desk.store.app.entities["client"], rights, content)

    assert (fitted.columns, fitted.filters, fitted.sort, left_out) == (("name", "phone"), (), None, 2)


def test_whoever_also_has_a_role_that_shows_a_field_sees_it_whole(desk: Desk, far: Record) -> None:
    from engine.people import accounts

    with desk.store.write() as session:
        desk.people["both"] = accounts.create_user(
            session, login=desk.name("both"), name="两职", password=None, roles=["guest", "chief"], department=None,
            actor=None,
        )  # fmt: skip

    assert desk.get("both", far).values["phone"] == PHONE


def test_a_record_nobody_may_read_stays_away(desk: Desk, far: Record) -> None:
    with pytest.raises(NotAllowed):
        desk.get("nobody", far)
