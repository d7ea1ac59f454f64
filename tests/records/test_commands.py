"""Creating, changing and deleting: what becomes of what somebody sent, and what is refused, in words."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.records import commands
from engine.records.commands import Stale
from engine.records.record import Record, display
from tests.records.desk import Desk, errors_of, line

D = Decimal


# ---- creating


def test_a_new_record_has_its_number_its_owner_and_its_defaults(desk: Desk) -> None:
    deal = desk.get("rep", desk.deal("rep"))

    assert str(deal.values["number"]).startswith("JY202603-")
    assert (deal.values["stage"], deal.values["owner"], deal.version) == ("open", desk.people["rep"], 1)
    assert (deal.values["share"], deal.values["serial"]) == (D("0.1"), "S")
    assert deal.values["until"] == date(2026, 4, 1)
    assert deal.values["created_at"] == deal.values["updated_at"] == desk.clock.at


def test_a_value_sent_empty_stays_empty_in_spite_of_a_default(desk: Desk) -> None:
    assert desk.get("chief", desk.deal(share="")).values["share"] is None


def test_what_comes_back_is_what_was_stored(desk: Desk) -> None:
    raw = {
        "kinds": "加急、大批", "weight": "12.345", "pieces": "7", "due": "2026年5月1日", "agreed": "是",
        "note": " 一\r\n二 ", "share": "12.5%", "seller": desk.people["rep"], "phone": "+86 138 0013 8000",
    }  # fmt: skip
    made = desk.deal(**raw)

    shown = desk.get("chief", made).values
    assert {key: shown[key] for key in raw} == {
        "kinds": ["rush", "bulk"], "weight": D("12.345"), "pieces": 7, "due": date(2026, 5, 1), "agreed": True,
        "note": "一\n二", "share": D("0.125"), "seller": desk.people["rep"], "phone": "13800138000",
    }  # fmt: skip
    assert {key: made.values[key] for key in raw} == {key: shown[key] for key in raw}


def test_a_time_without_a_zone_is_that_of_the_site(desk: Desk) -> None:
    deal = desk.deal(met="2026-03-04 14:30")

    assert desk.get("chief", deal).values["met"] == datetime(2026, 3, 4, 6, 30, tzinfo=UTC)
    again = desk.deal(met=deal.values["met"].isoformat())
    assert desk.get("chief", again).values["met"] == deal.values["met"]


def test_no_choice_at_all_is_missing(desk: Desk) -> None:
    assert desk.get("chief", desk.deal(kinds=["", ""])).values["kinds"] is None


def test_an_unknown_entity_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound) as refused:
        desk.create("chief", "unicorn")

    assert refused.value.text() == "没有“unicorn”这种记录。"


def test_who_has_no_rule_may_not_create(desk: Desk) -> None:
    for login in ("nobody", "guest", "eastern"):
        with pytest.raises(NotAllowed) as refused:
            desk.create(login, "deal", title="x")
        assert refused.value.text() == "你没有权限新建“交易”。"


def test_every_wrong_value_is_told_beside_its_field(desk: Desk) -> None:
    product = desk.product()

    said = errors_of(
        lambda: desk.deal(
            title="长" * 41, share="200", due="morgen", client=999_999, seller=4711, unknown="x", met=[],
            lines=[{"qty": "-1"}, {"product": product.id, "qty": "abc", "price": "1.23456", "color": "red"}],
        )
    )  # fmt: skip

    assert said == {
        "title": "最多 40 个字，现在是 41 个字，请缩短。",
        "share": "不能大于 100%。",
        "due": "日期应写作 2026-03-04 或 2026年3月4日。",
        "unknown": "没有“unknown”这个字段。",
        "lines.0.qty": "不能小于 0。",
        "lines.0.product": "请填写“产品”。",
        "lines.1.qty": "这里应填写数字，例如 1234.50。",
        "lines.1.price": "最多 4 位小数。",
        "lines.1.color": "没有“color”这个字段。",
        "client": "所选的“客户”不存在或你无权查看，请重新选择。",
        "seller": "所选的人员不存在或已停用，请重新选择。",
    }


def test_a_refused_record_leaves_nothing_behind(desk: Desk) -> None:
    before = desk.count("chief", "deal")
    first = desk.deal().values["number"]

    errors_of(lambda: desk.deal(share="200"))

    assert desk.count("chief", "deal") == before + 1
    assert int(str(desk.deal().values["number"])[-3:]) == int(str(first)[-3:]) + 1


def test_a_disabled_person_cannot_be_chosen(desk: Desk) -> None:
    assert "seller" in errors_of(lambda: desk.deal(seller=desk.people["gone"]))


# ---- completing: fetched, computed, required, judged


def test_fetched_values_come_from_the_link(desk: Desk) -> None:
    client = desk.client(phone="05748765432", region="west")

    assert {key: desk.deal(client=client.id).values[key] for key in ("phone", "region")} == {
        "phone": "05748765432",
        "region": "west",
    }
    typed = desk.deal(client=client.id, phone="13900139000")
    assert typed.values["phone"] == "13900139000"


def test_a_changed_link_fetches_what_nobody_types_and_leaves_what_somebody_typed(desk: Desk) -> None:
    first, second = desk.client(phone="05741111111", region="west"), desk.client(phone="05742222222", region="east")
    deal = desk.deal(client=first.id)

    changed = desk.update("chief", deal, client=second.id)

    assert (changed.values["region"], changed.values["phone"]) == ("east", "05741111111")
    emptied = desk.update("chief", changed, phone="")
    assert emptied.values["phone"] == "05742222222"


def test_what_is_computed_is_rounded_half_up_to_the_digits_of_its_field(desk: Desk) -> None:
    product = desk.product(price="0.125", cost="1.0050")
    deal = desk.deal(share="50", lines=[line(product, qty="1"), line(product, qty="3")])

    shown = desk.get("chief", deal).values
    assert [row["amount"] for row in shown["lines"]] == [D("0.13"), D("0.38")]
    assert (shown["total"], shown["cut"], shown["twice"]) == (D("0.51"), D("0.26"), D("0.52"))
    assert [row["cost"] for row in shown["lines"]] == [D("1.01"), D("1.01")]  # a fetched amount is rounded too
    assert deal.values["lines"] == shown["lines"]


def test_an_amount_too_large_to_keep_is_refused(desk: Desk) -> None:
    product = desk.product(price="99999999999999")

    said = errors_of(lambda: desk.deal(lines=[line(product, qty="9999999999999999")]))

    assert said == {"lines.0.amount": "数字过大，最多 18 位。"}


def test_a_rule_waits_until_its_fields_have_values(desk: Desk) -> None:
    assert desk.deal(met="2026-03-10 09:00").version == 1
    said = errors_of(lambda: desk.deal(met="2026-03-10 09:00", due="2026-03-09"))
    assert said == {"due": "交期不能早于会面"}
    assert errors_of(lambda: desk.deal(weight="1000")) == {"note": "超重要写备注"}
    assert desk.deal(weight="1000", note="n").version == 1


def test_a_rule_for_new_records_does_not_judge_old_ones(desk: Desk) -> None:
    assert errors_of(lambda: desk.deal(due="2026-03-01")) == {"due": "交期已过"}
    deal = desk.deal(due="2026-03-02")
    assert desk.update("chief", deal, due="2026-03-01").version == 2


def test_an_invisible_field_is_never_required_and_keeps_its_value(desk: Desk) -> None:
    assert desk.deal(share="60").version == 1
    assert errors_of(lambda: desk.deal(share="60", agreed=True)) == {"why": "请填写“理由”。"}
    deal = desk.deal(share="60", agreed=True, why="因为")

    hidden = desk.update("chief", deal, agreed=False)

    assert hidden.values["why"] == "因为"


# ---- changing


def test_an_update_changes_what_was_sent_and_nothing_else(desk: Desk) -> None:
    deal = desk.deal(note="a", weight="1")
    before = desk.get("chief", deal).values

    changed = desk.update("chief", deal, note="b")

    after = desk.get("chief", changed).values
    assert {key: value for key, value in after.items() if before[key] != value} == {"note": "b"}
    assert (changed.version, changed.values["note"]) == (2, "b")


def test_an_update_that_changes_nothing_writes_nothing(desk: Desk) -> None:
    deal = desk.deal(note="a", share="10")

    assert desk.update("chief", deal, note=" a ", share="10.00%").version == 1


def test_a_stale_version_is_told_with_the_record_as_it_is_now(desk: Desk) -> None:
    deal = desk.deal("rep", note="a")
    desk.clock.at = datetime(2026, 3, 5, 9, 7, tzinfo=UTC)
    desk.update("lead", deal, note="b", secret="keep out")

    with pytest.raises(Stale) as stale:
        desk.update("rep", deal, note="c")

    assert stale.value.text() == "这条记录已被 lead 的名字 在 03-05 17:07 修改过，请核对两边的内容后再保存。"
    assert (stale.value.record.version, stale.value.record.values["note"]) == (2, "b")
    assert "secret" not in stale.value.record.values
    for version in (0, -1, 3, 10**9):
        with pytest.raises(Stale):
            desk.update("rep", deal, note="c", seen=version)


def test_who_may_see_but_not_change_is_told_so_before_anything_else(desk: Desk) -> None:
    deal = desk.deal("rep")

    with pytest.raises(NotAllowed) as refused:
        desk.update("guest", deal, note="x", seen=99)

    assert refused.value.text() == "你可以查看这条记录，但不能修改它。"


def test_what_a_stage_locks_is_refused_and_the_rest_is_not(desk: Desk) -> None:
    product = desk.product()
    deal = desk.deal(lines=[line(product)])
    with desk.store.write() as session:
        from engine.records import writing

        entity, actor = session.app.entities["deal"], desk.actor("chief")
        locked = writing.lock_record(session, entity, deal.id, actor=actor)
        shut = writing.save_changes(
            session, entity, locked, {"stage": "shut"}, actor=actor, action="move", event="moved"
        )

    said = errors_of(lambda: desk.update("chief", shut, title="neu", lines=[], note="n"))
    assert said == {"title": "“标题”在“封存”阶段已锁定，不能修改。", "lines": "“明细”在“封存”阶段已锁定，不能修改。"}
    same = [{"id": row["id"]} for row in shut.values["lines"]]
    assert desk.update("chief", shut, title=deal.values["title"], lines=same, note="n").version == 3


# ---- uniqueness


def test_a_repeated_value_is_told_beside_its_field(desk: Desk) -> None:
    client = desk.client()

    said = errors_of(lambda: desk.client(name=client.values["name"]))

    other = client.values["name"]
    assert said == {"name": f"“名称”与已有记录重复，请核对。已有：{other}（负责人 chief 的名字）。"}


def test_a_deleted_record_gives_its_name_free(desk: Desk) -> None:
    client = desk.client()
    desk.delete("chief", client)

    assert desk.client(name=client.values["name"]).id != client.id


def test_a_uniqueness_over_several_fields_holds_only_where_it_says(desk: Desk) -> None:
    client = desk.client()
    same = {"title": desk.name("同名"), "client": client.id}
    desk.deal(**same)
    agreed = desk.deal(**same, agreed=True)
    number, title = agreed.values["number"], agreed.values["title"]

    said = {"client": f"这家客户已有同名交易。已有：{number} {title}（负责人 chief 的名字）。"}
    assert errors_of(lambda: desk.deal(**same, agreed=True)) == said
    third = desk.deal(**same)
    assert errors_of(lambda: desk.update("chief", third, agreed=True)) == said
    assert desk.get("chief", third).values["agreed"] is None


# ---- deleting


def test_a_deleted_record_is_as_if_it_had_never_been(desk: Desk) -> None:
    deal = desk.deal()

    desk.delete("chief", deal)

    for act in (lambda: desk.get("chief", deal), lambda: desk.update("chief", deal, note="x")):
        with pytest.raises(NotFound):
            act()
    assert deal.id not in desk.ids("chief", "deal", limit=200)


def test_deleting_needs_the_right_over_this_very_record(desk: Desk) -> None:
    foreign, own = desk.deal("chief"), desk.deal("remover")

    for login in ("rep", "lead", "remover"):
        record = desk.deal("rep") if login != "remover" else foreign
        with pytest.raises(NotAllowed) as refused:
            desk.delete(login, record)
        assert refused.value.text() == "你没有权限删除这条记录。"
    desk.delete("remover", own)


def test_what_others_link_to_stays(desk: Desk) -> None:
    client, product = desk.client(), desk.product()
    deal = desk.deal(client=client.id, lines=[line(product)])

    for record in (client, product):
        with pytest.raises(NotPossibleNow) as refused:
            desk.delete("chief", record)
        assert refused.value.text() == "还有其他记录引用它，不能删除：交易。"
    desk.delete("chief", deal)
    desk.delete("chief", client)
    desk.delete("chief", product)


def test_a_stale_delete_is_refused(desk: Desk) -> None:
    deal = desk.deal()
    desk.update("chief", deal, note="x")

    with pytest.raises(Stale):
        desk.delete("chief", deal)


@pytest.mark.parametrize("id_", [0, -1, 2**63, 10**30])
def test_an_id_no_database_knows_is_not_found(desk: Desk, id_: int) -> None:
    record = Record("deal", id_, 1, {})

    for act in (
        lambda: desk.get("chief", record),
        lambda: desk.update("chief", record, note="x"),
        lambda: desk.delete("chief", record),
    ):
        with pytest.raises(NotFound):
            act()


# ---- what is typed is never a 500


@pytest.mark.parametrize(
    "hostile", ["\x00", "\ud800", "'; DROP TABLE e_deal; --", "%_\\", "😀" * 10, "<b>", "{0}", "a" * 50]
)
def test_a_hostile_key_or_value_is_refused_or_kept_as_it_is(desk: Desk, hostile: str) -> None:
    try:
        made = desk.deal(title=hostile)
    except InvalidValues as invalid:
        assert [error.path for error in invalid.errors] == ["title"]
    else:
        assert desk.get("chief", made).values["title"] == hostile
    with pytest.raises(InvalidValues) as refused:
        desk.deal(**{hostile: "x"})
    refused.value.errors[0].text().encode("utf-8")


def test_a_preview_shows_nothing_of_a_record_one_may_not_see(desk: Desk) -> None:
    foreign = desk.client("chief", phone="05741234567", region="west")
    with desk.store.read() as session:
        from engine.records.evaluation import make_env

        entity, actor = session.app.entities["deal"], desk.actor("rep")
        rights = commands.require_create(session, entity, actor)
        values, errors = commands.complete_new(
            session, entity, {"client": foreign.id}, actor=actor, rights=rights, env=make_env(session, actor)
        )

    assert [error.path for error in errors] == ["client"]
    assert (values["client"], values.get("phone"), values.get("region")) == (None, None, None)


def test_a_record_is_called_by_its_display(desk: Desk) -> None:
    deal = desk.deal(title="大单")

    assert display(desk.store.app.entities["deal"], deal.values) == f"{deal.values['number']} 大单"
