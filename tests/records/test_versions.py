"""Earlier versions: what a record said then, and chosen fields brought back under the same rules."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidValues, NotAllowed, NotFound
from engine.records import versions
from engine.records.commands import Stale
from engine.records.history import list_history
from engine.records.record import Record
from engine.records.versions import Version
from engine.storage.journal import write_history
from tests.records.desk import Desk, errors_of, line
from tests.records.test_history import RAW, typed
from tests.records.test_uploads import upload


def read(desk: Desk, login: str, record: Record, number: int) -> Version:
    with desk.store.read() as session:
        return versions.read_version(session, record.entity, record.id, number, actor=desk.actor(login))


def restore(desk: Desk, login: str, record: Record, number: int, *fields: str, seen: int | None = None) -> Record:
    with desk.store.write() as session:
        return versions.restore_version(
            session, record.entity, record.id, number, fields, version=seen or record.version, actor=desk.actor(login)
        )


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.reuse, Phase.generate),  # every step is a transaction: making a failure smaller takes minutes
)
@given(steps=st.lists(st.fixed_dictionaries({}, optional=RAW), min_size=1, max_size=5))
def test_every_version_says_what_the_record_said_then(desk: Desk, steps: list[dict[str, Any]]) -> None:
    product, client = desk.product(price="0.335", cost="0.3"), desk.client(phone="05741234567")
    papers = {name: upload(desk, "chief", f"{name}.txt")["id"] for name in ("one", "two")}
    made = desk.deal()
    seen = {1: desk.get("chief", made).values}
    for step in steps:
        raw = typed(desk, step, made, product.id, client.id, papers)
        try:
            made = desk.update("chief", made, **raw)
        except InvalidValues:
            continue
        papers |= {"one": upload(desk, "chief", "one.txt")["id"]} if raw.get("papers") == [] else {}
        seen[made.version] = desk.get("chief", made).values
    for number, values in seen.items():
        then = read(desk, "chief", made, number).values
        told = {key: value for key, value in values.items() if key in desk.store.app.entities["deal"].fields}
        assert {key: plain(then.get(key)) for key in told} == {key: plain(value) for key, value in told.items()}


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain_row(one) if isinstance(one, dict) else one for one in value] or None
    return value or None if isinstance(value, str) else value


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "name") if "sha256" in row or set(row) == {"id", "name"} else tuple(row)
    return {key: row[key] for key in names if row[key] is not None}


def test_chosen_fields_come_back_and_the_others_stay(desk: Desk) -> None:
    product = desk.product()
    deal = desk.deal(note="旧", share="15%", kinds=["rush"], lines=[line(product), line(product, qty="3")])
    kept = deal.values["lines"][0]["id"]
    later = desk.update("chief", deal, note="新", share="20%", kinds=["test"], due="2030-01-01", lines=[{"id": kept}])

    found = read(desk, "chief", later, 1)
    assert {"note", "share", "kinds", "due", "lines", "total", "cut"} <= set(found.differs)
    assert set(found.restorable) == {"note", "share", "kinds", "due", "lines"}

    back = restore(desk, "chief", later, 1, "note", "share", "lines")
    assert (back.values["note"], back.values["kinds"]) == ("旧", ["test"])
    assert back.values["share"] == deal.values["share"]
    assert [row["qty"] for row in back.values["lines"]] == [row["qty"] for row in deal.values["lines"]]
    assert back.values["total"] == deal.values["total"]
    with desk.store.read() as session:
        [entry, *_] = list_history(session, "deal", deal.id, actor=desk.actor("chief"))
    assert entry.details == {"restored": 1}


def test_what_is_worked_out_hidden_or_not_theirs_to_write_is_not_brought_back(desk: Desk) -> None:
    deal = desk.deal("rep", note="旧")
    later = desk.update("chief", deal, note="新", secret="密", pieces=3)
    found = read(desk, "rep", later, 1)
    assert "secret" not in found.differs
    assert "secret" not in found.values
    assert "pieces" in found.differs
    assert found.restorable == ("note",)
    for key in ("pieces", "secret", "stage", "number", "nothing"):
        assert set(errors_of(lambda key=key: restore(desk, "rep", later, 1, "note", key))) == {key}
    assert set(errors_of(lambda: restore(desk, "rep", later, 1))) == {"fields"}
    with pytest.raises(NotFound):
        read(desk, "stranger", later, 1)
    with pytest.raises(NotAllowed):
        restore(desk, "guest", later, 1, "note")


def test_an_old_value_is_judged_by_the_rules_of_today(desk: Desk) -> None:
    product = desk.product()
    deal = desk.deal(lines=[line(product)])
    emptied = desk.update("chief", deal, lines=[])
    desk.delete("chief", product)
    assert set(errors_of(lambda: restore(desk, "chief", emptied, 1, "lines"))) == {"lines.0.product"}
    assert desk.get("chief", deal).version == emptied.version


def test_whoever_changed_it_meanwhile_is_not_overwritten(desk: Desk) -> None:
    deal = desk.deal(note="一")
    second = desk.update("chief", deal, note="二")
    desk.update("chief", second, note="三")
    with pytest.raises(Stale):
        restore(desk, "chief", second, 1, "note")


@pytest.mark.parametrize("number", [0, -1, 3, 2**70])
def test_a_version_that_never_was_is_not_found(desk: Desk, number: int) -> None:
    deal = desk.update("chief", desk.deal(note="一"), note="二")
    with pytest.raises(NotFound):
        read(desk, "chief", deal, number)


def test_who_made_a_version_is_not_who_decided_about_it_later(desk: Desk) -> None:
    deal = desk.update("rep", desk.deal("rep", note="一"), note="二")
    with desk.store.write() as session:  # as sharing and deciding do: the version stays
        write_history(session, "deal", deal.id, deal.version, "share", {"": {}}, actor=desk.actor("chief"))
    later = desk.update("chief", deal, note="三")
    found = read(desk, "rep", later, deal.version)
    assert (found.entry.action, found.entry.actor) == ("update", "rep 的名字")
    assert found.values["note"] == "二"
