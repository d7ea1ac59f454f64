"""Nobody assigns what is not theirs: system fields, hidden and read-only ones, other people's records."""

from typing import Any

import pytest

from tests.records.desk import Desk, errors_of, line


@pytest.mark.parametrize(
    "key",
    ["id", "number", "stage", "team", "version", "created_at", "created_by", "updated_by", "owner_id", "team_id",
     "release_id", "deleted_at", "search_text", "secret", "old", "", "unknown", "__class__", "lines.0.qty"],
)  # fmt: skip
def test_a_system_hidden_retired_or_unknown_field_is_answered_as_unknown(desk: Desk, key: str) -> None:
    made = desk.deal("rep")

    for act in (lambda: desk.deal("rep", **{key: "1"}), lambda: desk.update("rep", made, **{key: "1"})):
        assert errors_of(act) == {key: f"没有“{key}”这个字段。"}
    assert desk.get("rep", made).version == 1


@pytest.mark.parametrize("key", ["serial", "region", "total", "cut", "pieces"])
def test_a_readonly_or_computed_field_is_refused(desk: Desk, key: str) -> None:
    made = desk.deal("rep")
    label = desk.store.app.entities["deal"].fields[key].label["zh"]

    for act in (lambda: desk.deal("rep", **{key: "1"}), lambda: desk.update("rep", made, **{key: "1"})):
        assert errors_of(act) == {key: f"“{label}”由系统填写，不能修改。"}


def test_hidden_and_readonly_columns_of_lines_are_refused(desk: Desk) -> None:
    product = desk.product()

    said = errors_of(lambda: desk.deal("rep", lines=[line(product, cost="1", memo="x", amount="5", id=7)]))

    assert said == {
        "lines.0.cost": "没有“cost”这个字段。",
        "lines.0.memo": "“说明”由系统填写，不能修改。",
        "lines.0.amount": "“金额”由系统填写，不能修改。",
        "lines.0": "这一行已被删除，请刷新后重试。",
    }


def test_a_field_readonly_from_the_start_cannot_be_slipped_in(desk: Desk) -> None:
    agreed = desk.deal(agreed=True, why="x", fixed="a")  # nothing is agreed before it exists

    assert errors_of(lambda: desk.update("chief", agreed, fixed="b")) == {
        "fixed": "“定稿后不改”现在不能修改，请保持原值。"
    }
    assert desk.update("chief", agreed, fixed="a", note="n").values["note"] == "n"  # sent unchanged is no change


@pytest.mark.parametrize("raw", [None, "", "  "])
def test_the_owner_is_whoever_creates(desk: Desk, raw: Any) -> None:
    rep = desk.actor("rep")

    made = desk.get("rep", desk.deal("rep", owner=raw))

    assert (made.values["owner"], made.values["team"]) == (rep.id, rep.team)


def test_who_may_write_more_than_their_own_may_choose_the_owner(desk: Desk) -> None:
    stranger = desk.actor("stranger")

    for login, given in (("chief", stranger.id), ("lead", str(stranger.id)), ("chief", {"id": stranger.id})):
        made = desk.create(login, "deal", title=desk.name("a"), owner=given)
        assert (made.values["owner"], made.values["team"]) == (stranger.id, stranger.team)


@pytest.mark.parametrize("raw", [True, 1.0, [[]], "abc", "9" * 5000, -1, 2**70, {"id": {}}, 4711])
def test_an_owner_that_is_nobody_is_refused(desk: Desk, raw: Any) -> None:
    missing = {"owner": "所选的人员不存在或已停用，请重新选择。"}

    assert errors_of(lambda: desk.deal("chief", owner=raw)) == missing
    made = desk.deal()
    assert errors_of(lambda: desk.update("chief", made, owner=raw)) == missing


def test_nobody_gives_away_or_takes_a_record_by_a_scope_of_their_own(desk: Desk) -> None:
    missing = {"owner": "所选的人员不存在或已停用，请重新选择。"}
    own = desk.deal("rep")
    east = desk.deal(client=desk.client(region="east").id)

    assert errors_of(lambda: desk.update("rep", own, owner=desk.people["rep2"])) == missing
    assert errors_of(lambda: desk.update("eastern", east, owner=desk.people["eastern"])) == missing
    assert errors_of(lambda: desk.deal("rep", owner=desk.people["rep2"])) == missing
    assert desk.update("eastern", east, owner=desk.people["chief"], note="n").values["owner"] == desk.people["chief"]


def test_an_owner_sent_empty_keeps_the_record_where_it_is(desk: Desk) -> None:
    made = desk.deal("rep")

    assert "owner" in errors_of(lambda: desk.update("chief", made, owner=""))
    assert desk.get("chief", made).values["owner"] == desk.people["rep"]
