"""The recycle bin: what is deleted can be brought back by whoever may delete it, whole, and under the same rules."""

from datetime import timedelta
from typing import Any

import pytest

from engine.errors import NotAllowed, NotFound, NotPossibleNow
from engine.records import commands, recycling
from engine.records.record import Record
from engine.records.recycling import Deleted
from tests.racing import at_once
from tests.records.desk import Desk, errors_of, line


def bin_of(desk: Desk, login: str, entity: str, **more: Any) -> list[Deleted]:
    with desk.store.read() as session:
        return recycling.list_deleted(session, entity, actor=desk.actor(login), **more)


def restore(desk: Desk, login: str, record: Record) -> Record:
    with desk.store.write() as session:
        return commands.restore_record(session, record.entity, record.id, actor=desk.actor(login))


def test_a_deleted_record_comes_back_as_it_was(desk: Desk) -> None:
    product, client = desk.product(), desk.client()
    deal = desk.deal(client=client.id, lines=[line(product)], note="记得")
    desk.delete("chief", deal)
    [gone] = bin_of(desk, "chief", "deal")
    assert (gone.id, gone.number, gone.by) == (deal.id, deal.values["number"], "chief 的名字")
    assert deal.values["title"] in gone.title

    back = restore(desk, "chief", deal)

    changed = {"version", "updated_at", "updated_by"}
    assert {k: v for k, v in back.values.items() if k not in changed} == {
        k: v for k, v in deal.values.items() if k not in changed
    }
    assert back.version == deal.version + 2
    assert desk.get("chief", deal).values["note"] == "记得"
    assert bin_of(desk, "chief", "deal") == []


def test_only_who_may_delete_a_record_finds_it_in_the_bin_and_brings_it_back(desk: Desk) -> None:
    deal = desk.deal("rep")
    desk.delete("chief", deal)
    for login in ("rep", "lead", "guest", "nobody", "remover"):
        assert bin_of(desk, login, "deal") == []
        with pytest.raises((NotFound, NotAllowed)):
            restore(desk, login, deal)
    own = desk.deal("remover")
    desk.delete("remover", own)
    assert [one.id for one in bin_of(desk, "remover", "deal")] == [own.id]
    assert [one.id for one in bin_of(desk, "chief", "deal")] == [own.id, deal.id]
    assert restore(desk, "remover", own).values["title"] == own.values["title"]


def test_the_bin_is_read_page_by_page_the_last_first(desk: Desk) -> None:
    made = [desk.client() for _ in range(5)]
    for number, client in enumerate(made):  # some in the same moment
        desk.clock.at += timedelta(minutes=number % 2)
        desk.delete("chief", client)
    first = bin_of(desk, "chief", "client", limit=3)
    rest = bin_of(desk, "chief", "client", limit=2, before=first[-1].id)
    assert [one.id for one in [*first, *rest]] == [one.id for one in reversed(made)]


def test_what_is_not_deleted_is_not_in_the_bin(desk: Desk) -> None:
    deal = desk.deal()
    for id_ in (deal, Record("deal", 2**62, 1, {}), Record("deal", -1, 1, {})):
        with pytest.raises(NotFound):
            restore(desk, "chief", id_)


def test_a_name_taken_meanwhile_is_said_beside_its_field(desk: Desk) -> None:
    client = desk.client()
    desk.delete("chief", client)
    desk.client(name=client.values["name"])
    assert set(errors_of(lambda: restore(desk, "chief", client))) == {"name"}
    assert client.id in [one.id for one in bin_of(desk, "chief", "client")]


def test_a_record_whose_link_is_deleted_waits_for_that_one(desk: Desk) -> None:
    product, client = desk.product(), desk.client()
    deal = desk.deal(client=client.id, lines=[line(product)])
    desk.delete("chief", deal)
    desk.delete("chief", product)
    with pytest.raises(NotPossibleNow, match="产品"):
        restore(desk, "chief", deal)
    restore(desk, "chief", product)
    assert restore(desk, "chief", deal).values["client"] == client.id


def test_brought_back_by_many_at_once_it_comes_back_once(desk: Desk) -> None:
    deal = desk.deal()
    desk.delete("chief", deal)
    answers = at_once(6, lambda _: restore(desk, "chief", deal))
    assert sum(isinstance(one, Record) for one in answers) == 1
    assert all(isinstance(one, Record | NotFound) for one in answers)
    assert desk.get("chief", deal).version == deal.version + 2


def test_of_two_with_one_name_brought_back_at_once_one_stays_in_the_bin(desk: Desk) -> None:
    first = desk.client()
    desk.delete("chief", first)
    second = desk.client(name=first.values["name"])
    desk.delete("chief", second)
    answers = at_once(2, lambda number: restore(desk, "chief", (first, second)[number]))
    assert sorted(type(one).__name__ for one in answers) == ["InvalidValues", "Record"]
    kept = {one.id for one in bin_of(desk, "chief", "client")} & {first.id, second.id}
    assert len(kept) == 1
