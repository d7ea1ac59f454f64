"""Row scopes and hidden fields hold on every way to the data; what one may not see answers like what is not there."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound
from engine.records import history, queries
from engine.records.filters import OPERATORS, Filter
from engine.records.record import Record
from engine.records.uploads import get_file
from tests.records.desk import Desk, errors_of


@pytest.fixture
def deals(desk: Desk) -> dict[str, Record]:
    """A deal of each: the rep, a colleague, somebody elsewhere, the chief in the east and in the west."""
    east, west = desk.client(region="east"), desk.client(region="west")
    return {
        "rep": desk.deal("rep"),
        "rep2": desk.deal("rep2"),
        "stranger": desk.deal("stranger"),
        "east": desk.deal("chief", client=east.id),
        "west": desk.deal("chief", client=west.id),
    }


SEEN = {
    "rep": {"rep"},
    "rep2": {"rep2"},
    "lead": {"rep", "rep2"},
    "chief": {"rep", "rep2", "stranger", "east", "west"},
    "eastern": {"east"},
    "guest": {"rep", "rep2", "stranger", "east", "west"},
    "remover": {"rep", "rep2", "stranger", "east", "west"},
}


def refusal_of(act: Callable[[], Any]) -> str:
    """What somebody is answered, byte for byte."""
    try:
        act()
    except InvalidValues as invalid:
        return repr([(error.path, error.code, error.text("zh"), error.text("en")) for error in invalid.errors])
    except FormworkError as error:
        return repr((type(error), error.args, error.text("zh"), error.text("en")))  # type: ignore[attr-defined]
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("login", SEEN)
def test_each_scope_shows_its_records_on_every_way(desk: Desk, deals: dict[str, Record], login: str) -> None:
    ours = {record.id: name for name, record in deals.items()}

    listed = {ours[id_] for id_ in desk.ids(login, "deal", limit=200) if id_ in ours}
    opened = {name for name, record in deals.items() if can(lambda record=record: desk.get(login, record))}
    with desk.store.read() as session:
        hits = queries.search(session, "交易", actor=desk.actor(login), limit=200)
        picked = queries.pick(session, "deal", "", actor=desk.actor(login), limit=200)
    found = {ours[hit.id] for hit in hits.get("deal", []) if hit.id in ours}
    offered = {ours[hit.id] for hit in picked if hit.id in ours}

    assert listed == opened == found == offered == SEEN[login]


def can(act: Callable[[], Any]) -> bool:
    try:
        act()
    except NotFound:
        return False
    return True


def test_a_foreign_record_answers_like_one_that_is_not_there(desk: Desk, deals: dict[str, Record]) -> None:
    foreign, absent = deals["stranger"], Record("deal", 10**9, 1, {})

    def ways(record: Record) -> list[str]:
        with desk.store.read() as session:
            actor = desk.actor("rep")
            told = refusal_of(lambda: history.list_history(session, "deal", record.id, actor=actor))
        return [
            refusal_of(lambda: desk.get("rep", record)),
            refusal_of(lambda: desk.update("rep", record, note="x")),
            refusal_of(lambda: desk.update("rep", record, unknown="x", seen=99)),
            refusal_of(lambda: desk.delete("rep", record)),
            told,
        ]

    assert ways(foreign) == ways(absent)
    assert desk.get("chief", foreign).version == 1


def test_a_link_to_a_foreign_record_is_refused_like_one_to_nothing(desk: Desk) -> None:
    foreign = desk.client("stranger")
    made = desk.deal("rep")

    for act in (desk.deal, lambda login, **raw: desk.update(login, made, **raw)):
        refused = refusal_of(lambda act=act: act("rep", client=foreign.id))
        assert refused == refusal_of(lambda act=act: act("rep", client=10**9))
        assert "不存在或你无权查看" in refused
    assert desk.deal("stranger", client=foreign.id).values["client"] == foreign.id


def test_a_deleted_record_cannot_be_linked(desk: Desk) -> None:
    client = desk.client()
    desk.delete("chief", client)

    assert list(errors_of(lambda: desk.deal(client=client.id))) == ["client"]


def test_write_scope_is_judged_by_the_record(desk: Desk, deals: dict[str, Record]) -> None:
    assert desk.get("eastern", deals["east"]).can_write
    assert not desk.get("guest", deals["east"]).can_write
    moved = desk.update("chief", deals["east"], client=desk.client(region="west").id)
    assert not can(lambda: desk.get("eastern", moved))


def test_who_has_no_rule_sees_nothing(desk: Desk, deals: dict[str, Record]) -> None:
    for act in (
        lambda: desk.page("nobody", "deal"),
        lambda: desk.get("nobody", deals["rep"]),
        lambda: desk.count("nobody", "deal"),
    ):
        with pytest.raises(NotAllowed) as refused:
            act()
        assert refused.value.text() == "你没有权限查看“交易”。"
    with desk.store.read() as session:
        assert queries.search(session, "交易", actor=desk.actor("nobody")) == {}


# ---- hidden fields


@pytest.fixture
def told(desk: Desk) -> Record:
    """A deal with a value in everything the guest may not see, and a history."""
    client = desk.client(name=desk.name("秘密客户"))
    line = {"product": desk.product(price="7", cost="3").id, "qty": "2"}
    made = desk.deal(secret="xyzzy", client=client.id, lines=[line])
    return desk.update("chief", made, secret="plugh", note="n")


HIDDEN = ("secret", "total", "cut", "twice", "client")


def test_hidden_values_are_not_there(desk: Desk, told: Record) -> None:
    shown = desk.get("guest", told)
    listed = next(one for one in desk.page("guest", "deal", limit=200).records if one.id == told.id)

    for record in (shown, listed):
        assert not set(HIDDEN) & set(record.values)
        assert "秘密客户" not in str(record.labels)
    assert "papers" not in shown.values
    assert "cost" not in shown.values["lines"][0]
    assert shown.values["lines"][0]["amount"] is not None


def test_what_a_command_gives_back_has_no_hidden_values(desk: Desk) -> None:
    line = {"product": desk.product(cost="3").id, "qty": "2"}

    made = desk.deal("rep", lines=[line])
    changed = desk.update("rep", made, note="n")

    for record in (made, changed):
        assert "secret" not in record.values
        assert "cost" not in record.values["lines"][0]
    assert desk.get("chief", made).values["lines"][0]["cost"] == 3  # and saving did not empty what the rep cannot see


@pytest.mark.parametrize("key", HIDDEN)
def test_sorting_or_filtering_by_a_hidden_field_answers_like_an_unknown_one(desk: Desk, told: Record, key: str) -> None:
    for act in (
        lambda name: desk.page("guest", "deal", sort=name),
        *(lambda name, sign=sign: desk.page("guest", "deal", Filter(name, sign, "1")) for sign in OPERATORS),
        lambda name: desk.count("guest", "deal", Filter(name, "present")),
    ):
        assert refusal_of(lambda act=act: act(key)).replace(key, "?") == refusal_of(lambda act=act: act("nix")).replace(
            "nix", "?"
        )
    assert desk.page("chief", "deal", sort=key).records


def test_hidden_columns_of_a_list_are_left_out_like_unknown_ones(desk: Desk, told: Record) -> None:
    page = desk.page("guest", "deal", columns=("title", "secret", "nix"))

    assert page.columns == ("title",)


def test_a_list_sorted_by_what_one_may_not_see_is_sorted_by_age(desk: Desk, told: Record) -> None:
    page = desk.page("guest", "deal")

    assert (page.sort, page.descending) == ("id", True)
    assert (desk.page("chief", "deal").sort, desk.page("chief", "deal").descending) == ("total", True)


def test_searching_does_not_find_by_hidden_values(desk: Desk, told: Record) -> None:
    client = desk.get("chief", told).labels["client", told.values["client"]]

    for text in ("plugh", client, "秘密客户"):
        assert told.id in desk.ids("chief", "deal", text=text, limit=200)
        assert told.id not in desk.ids("guest", "deal", text=text, limit=200)
        with desk.store.read() as session:
            hits = queries.search(session, text, actor=desk.actor("guest"), limit=200)
        assert told.id not in [hit.id for hit in hits.get("deal", [])]
    for text in (str(told.values["number"]), str(told.values["title"]), str(told.values["number"]).lower()[3:]):
        assert told.id in desk.ids("guest", "deal", text=text, limit=200)


def test_a_linked_name_finds_for_who_may_see_it_though_another_value_is_hidden(desk: Desk) -> None:
    client = desk.client("rep", name=desk.name("甬江阀门"))
    deal = desk.deal("rep", client=client.id)

    assert desk.ids("rep", "deal", text=str(client.values["name"])) == [deal.id]


def test_the_history_tells_nothing_hidden(desk: Desk, told: Record) -> None:
    with desk.store.read() as session:
        entries = history.list_history(session, "deal", told.id, actor=desk.actor("guest"))
        whole = history.list_history(session, "deal", told.id, actor=desk.actor("chief"))

    assert not {key for entry in entries for key in entry.changes} & set(HIDDEN)
    assert "cost" not in entries[-1].changes["lines"][1][0]
    assert "xyzzy" not in repr(entries)
    assert whole[0].changes["secret"] == ["xyzzy", "plugh"]
    assert "cost" in whole[-1].changes["lines"][1][0]


def test_a_file_in_a_hidden_field_is_not_found(desk: Desk, told: Record) -> None:
    from tests.records.test_uploads import upload

    paper = upload(desk, "chief", "a.txt")
    desk.update("chief", desk.get("chief", told), papers=[paper["id"]])

    with desk.store.read() as session:
        assert get_file(session, paper["id"], actor=desk.actor("chief"))["name"] == "a.txt"
        with pytest.raises(NotFound):
            get_file(session, paper["id"], actor=desk.actor("guest"))


def test_a_field_is_hidden_only_when_every_role_that_reads_hides_it(desk: Desk, told: Record) -> None:
    from dataclasses import replace

    both = replace(desk.actor("guest"), roles=frozenset({"guest", "lead"}))
    with desk.store.read() as session:
        shown = queries.get_record(session, "deal", told.id, actor=both)

    assert shown.values["secret"] == "plugh"
