"""The same firm is not entered twice, whoever types it and however they write it; who knows better says why."""

import math
import random
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select, text

from engine.clock import SetClock
from engine.errors import InvalidValues
from engine.expression.earth import Point, metres_between
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.records import duplicates
from engine.records import match_keys as keys_of
from engine.records.duplicates import find_duplicates
from engine.records.history import list_history
from engine.records.likeness import core_name, grams, lengths_alike, lost_grams, mail_domain, scores, text_key
from engine.records.nearby import cell_of, cells_near
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.match_tables import match_grams, match_keys
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.racing import at_once
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people, errors_of

FIRM = """\
entity: firm
label: 公司
display: "{name}"
fields:
  name:  {type: text, label: 名称, required: true}
  code:  {type: credit_code, label: 信用代码}
  phone: {type: phone, label: 电话}
  city:  {type: choice, label: 城市, options: {nb: 宁波, hz: 杭州}}
  spot:  {type: geo, label: 位置}
  mail:  {type: email, label: 邮箱}
duplicates:
  same_code: {block: true, match: {code: exact}, message: 这个信用代码已经建档。}
  same_name: {block: true, match: {name: exact}}
  alike:     {match: {name: 85%}, message: 名称很像已有的公司。}
  same_line: {match: {phone: exact, city: exact}}
  near:      {match: {spot: 200m}, message: 200 米内已有公司。}
  same_mail: {match: {mail: domain}, message: 邮箱域名相同。}
access:
  rep:   {read: own, write: own, create: true, import: true}
  chief: {read: all, write: all, create: true, delete: all, import: true}
"""
PLAIN = FIRM[: FIRM.index("duplicates:")] + FIRM[FIRM.index("access:") :]
FIRMS = {"app.yaml": APP.replace("[client, product, stock, slip, deal]", "[firm]"), "firm/entity.yaml": FIRM}
CODE = "91350100M000100Y43"


@pytest.fixture(params=["sqlite", "postgresql"])
def firms(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("firms")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(FIRMS), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def likeness(one: str, other: str) -> float:
    return scores(one, {1: other}, 0)[0][1]


def firm(desk: Desk, name: str, login: str = "chief", **more: str) -> Record:
    return desk.create(login, "firm", name=name, **more)


@pytest.mark.parametrize(
    ("written", "core"),
    [
        ("宁波甬江阀门（集团）股份有限公司", "甬江阀门"),
        ("浙江省宁波市甬江阀门厂", "甬江阀门"),
        (" 甬江　阀门 ", "甬江阀门"),
        ("ＡＢＣ Valve Co., Ltd.", "abcvalve"),
        ("宁波公司", "宁波"),
        ("有限公司", "有限公司"),
        ("上海电气", "电气"),
    ],
)
def test_what_all_companies_are_called_does_not_count(written: str, core: str) -> None:
    assert core_name(written) == core


@pytest.mark.parametrize("least", [0.5, 0.7, 0.8, 0.85, 0.9, 1.0])
def test_texts_of_just_the_lengths_asked_for_can_be_alike_enough(least: float) -> None:
    letters = "甬江阀门东海精密铸造有限公司" * 6
    for length in range(1, 25):
        text_ = letters[:length]
        enough = [more for more in range(1, 80) if likeness(text_, letters[:more]) >= least]
        assert lengths_alike(text_, least) == (enough[0], enough[-1]), length


def test_any_two_texts_alike_enough_lack_no_more_of_their_pairs_than_their_lengths_let_them() -> None:
    letters = "甬江阀门东海"
    texts = [a + b + c + d for a in letters for b in letters for c in letters[:3] for d in letters[:2]]
    texts += [text_ + more for text_ in texts[::7] for more in ("机", "机械", "机械制造")]
    for one in texts[::23]:
        for other in texts:
            if likeness(one, other) >= 0.7:
                lost = lost_grams(len(one), len(other), 0.7)
                assert len(grams(one) - grams(other)) <= lost, (one, other)


def test_the_same_code_name_or_line_is_found_however_it_is_written(firms: Desk) -> None:
    firm(firms, "宁波甬江阀门有限公司", code=CODE, phone="0574-8765 4321", city="nb")

    assert errors_of(lambda: firm(firms, "另一家", code=CODE.lower())) == {
        "code": "这个信用代码已经建档。已有：宁波甬江阀门有限公司（负责人 chief 的名字）。"
    }
    assert "name" in errors_of(lambda: firm(firms, "宁波 甬江阀门（有限公司）"))
    said = errors_of(lambda: firm(firms, "第三家", phone="+86 057487654321", city="nb"))
    assert said == {
        "phone": "已有一条相同的“电话”。已有：宁波甬江阀门有限公司（负责人 chief 的名字）。如果不是重复，请写明理由。"
    }
    assert firm(firms, "第四家", phone="057487654321", city="hz").id


def test_names_that_are_alike_ask_and_why_not_is_kept_with_who_said_so(firms: Desk) -> None:
    first = firm(firms, "宁波东海精密铸造有限公司")
    assert "名称很像已有的公司。" in errors_of(lambda: firm(firms, "浙江东海精密铸造厂"))["name"]
    assert errors_of(lambda: firm(firms, "浙江东海精密铸造厂", not_duplicate="  "))

    made = firm(firms, "浙江东海精密铸造厂", not_duplicate="另一家，法人不同")

    with firms.store.read() as session:
        entry = list_history(session, "firm", made.id, actor=firms.actor("chief"))[0]
    assert (entry.actor, entry.note) == ("chief 的名字", "另一家，法人不同")
    assert entry.details == {"not_duplicate": {"why": "另一家，法人不同", "rules": {"alike": [first.id]}}}
    assert firms.update("chief", made, phone="13800001111").version == 2  # asked once, not at every save


def test_an_update_is_asked_too_and_a_rule_that_blocks_takes_no_reason(firms: Desk) -> None:
    firm(firms, "华丰轴承有限公司", code=CODE)
    other = firm(firms, "大明电缆有限公司")

    said = errors_of(lambda: firms.update("chief", other, code=CODE, not_duplicate="就是要"))
    assert list(said) == ["code"]
    assert "name" in errors_of(lambda: firms.update("chief", other, name="杭州华丰轴承厂"))
    changed = firms.update("chief", other, name="杭州华丰轴承厂", not_duplicate="分厂")
    with firms.store.read() as session:
        entry = list_history(session, "firm", other.id, actor=firms.actor("chief"))[0]
    assert (changed.values["name"], entry.note) == ("杭州华丰轴承厂", "分厂")


def test_of_a_record_nobody_may_see_only_whose_and_when_is_said(firms: Desk) -> None:
    firm(firms, "秘密机械有限公司", "rep2", code=CODE, phone="13900000000")

    said = errors_of(lambda: firm(firms, "某厂", "rep", code=CODE))

    assert said == {"code": "这个信用代码已经建档。那一条你看不到：负责人 rep2 的名字，最近活动 2026-03-02。"}


def test_a_deleted_record_is_no_duplicate_and_neither_is_the_record_itself(firms: Desk) -> None:
    made = firm(firms, "北海渔具有限公司", code=CODE)
    made = firms.update("chief", made, name="北海 渔具有限公司")
    firms.delete("chief", made)

    assert firm(firms, "北海渔具有限公司", code=CODE).id
    with firms.store.read() as session:
        left = session.connection.scalars(select(match_grams.c.record_id).distinct()).all()
    assert made.id not in left


def test_of_many_at_once_with_one_code_exactly_one_is_made(firms: Desk) -> None:
    answers = at_once(6, lambda number: firm(firms, f"{'甲乙丙丁戊己'[number]}号公司", code=CODE))

    assert sum(isinstance(answer, Record) for answer in answers) == 1
    assert all(isinstance(answer, (Record, InvalidValues)) for answer in answers)
    assert {error.path for one in answers if isinstance(one, InvalidValues) for error in one.errors} == {"code"}


def test_an_import_judges_each_row_those_before_it_included(firms: Desk) -> None:
    firm(firms, "南山食品有限公司")
    rows = [
        (2, ["南山食品厂", ""]),
        (3, ["南山食品厂", "两家公司"]),
        (4, ["西湖茶业有限公司", ""]),
        (5, ["西湖茶业（有限公司）", "x"]),
    ]
    result = imports.import_records(
        firms.store, "firm", Sheet(("名称", "非重复理由"), rows), actor=firms.actor("chief")
    )

    assert result.created == 2
    assert [one.row for one in result.refused] == [2, 5]


def test_publishing_a_rule_finds_what_was_there_before_and_refuses_no_record_there_is(firms: Desk) -> None:
    catalog.publish(firms.store, to_folder({**FIRMS, "firm/entity.yaml": PLAIN}), actor_id=None, settle=settling(firms))
    old = [firm(firms, "旧账有限公司", code=CODE) for _ in range(2)]
    catalog.publish(firms.store, to_folder(FIRMS), actor_id=None, settle=settling(firms))

    assert "code" in errors_of(lambda: firm(firms, "新来的", code=CODE))
    assert firms.update("chief", old[1], phone="13800002222").version == 2
    with firms.store.read() as session:
        blocking = select(match_keys.c.record_id).where(match_keys.c.rule == "same_code", match_keys.c.blocks)
        assert session.connection.scalars(blocking).all() == [old[0].id]


def settling(desk: Desk):  # type: ignore[no-untyped-def]
    from engine.records.settling import settle_after

    return settle_after(desk.store.app)


def test_candidates_are_found_by_an_index_among_very_many(firms: Desk) -> None:
    sqlite = firms.store.database.dialect == "sqlite"
    sent: list[tuple[str, Any]] = []
    with firms.store.write() as session:
        pairs = [
            {"entity": "firm", "rule": "alike", "gram": gram, "length": 4 + at % 9, "record_id": 10_000 + at}
            for at in range(3_000)
            for gram in grams(f"{chr(0x4E00 + at % 500)}{chr(0x5000 + at)}机械")
        ]
        session.connection.execute(match_grams.insert(), pairs)
        if not sqlite:
            session.connection.execute(text("ANALYZE fw_match_grams"))
    with firms.store.read() as session:
        event.listen(session.connection, "before_cursor_execute", lambda *given: sent.append(given[2:4]))
        find_duplicates(session, session.app.entities["firm"], {"name": "甬江机械"}, {}, actor=firms.actor("chief"))
        counted = "group_concat" if sqlite else "GROUP BY"
        asked, values = next(one for one in sent if "fw_match_grams" in one[0] and counted in one[0])
        explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        rows = session.connection.exec_driver_sql(explain + asked, values)
        plan = "\n".join(str(row) for row in rows)
    assert "Seq Scan" not in plan
    assert "SCAN fw_match_grams" not in plan
    assert ("length=?" if sqlite else "(length >= ") in plan, plan


def test_those_that_share_most_pairs_are_the_same_however_they_are_counted(tmp_path: Path) -> None:
    letters, dice, entity = "甬江阀门东海精密", random.Random(4), "firm"
    database = open_database(f"sqlite:///{tmp_path / 'f.sqlite3'}")
    clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
    store = Store(database, tmp_path / "files", clock)
    catalog.publish(store, to_folder(FIRMS), actor_id=None)
    names = ["".join(dice.choices(letters, k=dice.randint(2, 9))) for _ in range(900)]
    with store.write() as session:
        rule = next(one for one in session.app.entities[entity].duplicates if one.key == "alike")
        keys_of.write_keys(
            session, session.app.entities[entity], rule,
            [(at, keys_of.MatchKey("", (name,)), False) for at, name in enumerate(names, 1)],
        )  # fmt: skip
        shortest, longest = 3, 9
        for name in names[:40]:
            shared = [dice.randint(1, 3) for _ in range(shortest, longest + 1)]
            wanted = {"entity": entity, "rule": "alike", "grams": sorted(grams(name))[:5], "shared": shared,
                      "shortest": shortest, "longest": longest, "limit": 500}  # fmt: skip
            grouped = duplicates._sharing(session).fetch_all(session.connection, wanted)
            assert sorted(duplicates._likely(session, wanted)) == sorted(grouped)
    database.close()


@given(st.text(max_size=30))
def test_a_key_is_the_text_in_small_letters_of_one_width_without_marks(said: str) -> None:
    assert text_key(said) == re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", said).casefold())


def test_what_one_rule_refuses_for_no_other_asks_about(firms: Desk) -> None:
    firm(firms, "宁波东海精密铸造有限公司")
    with pytest.raises(InvalidValues) as refused:
        firm(firms, "宁波东海精密铸造有限公司")
    assert [(error.path, error.code) for error in refused.value.errors] == [("name", "value.duplicate")]
    with pytest.raises(InvalidValues) as asked:
        firm(firms, "浙江东海精密铸造厂")
    assert [error.code for error in asked.value.errors] == ["value.duplicate_maybe"]


# ---- near each other

METRE = 1 / 111_195.08
"""Degrees of latitude."""


@given(
    lat=st.floats(-90, 90), lng=st.floats(-180, 180), turn=st.floats(0, 6.283), far=st.floats(0, 1),
    metres=st.sampled_from([1, 200, 5_000, 99_999]),
)  # fmt: skip
def test_whatever_is_near_lies_in_one_of_the_cells_around(
    lat: float, lng: float, turn: float, far: float, metres: int
) -> None:
    here = Point(lat, lng)
    up = lat + far * metres * METRE * math.sin(turn)
    wide = max(math.cos(math.radians(lat)), 1e-9)
    along = (lng + far * metres * METRE * math.cos(turn) / wide + 180) % 360 - 180
    there = Point(max(-90.0, min(90.0, up)), along)
    if metres_between(here, there) <= metres:
        assert cell_of(there, metres) in cells_near(here, metres)


def test_the_distance_is_that_of_the_great_circle() -> None:
    ningbo, shanghai = Point(29.868336, 121.54399), Point(31.230416, 121.473701)
    assert metres_between(ningbo, shanghai) == pytest.approx(151_600, abs=200)
    assert metres_between(Point(0, 179.9999), Point(0, -179.9999)) == pytest.approx(22.2, abs=0.1)


def test_a_firm_near_another_asks_whether_it_is_the_same(firms: Desk) -> None:
    first = firm(firms, "甬江阀门", spot="29.868336, 121.543990")
    near, far = f"{29.868336 + 150 * METRE:.6f}, 121.543990", f"{29.868336 + 250 * METRE:.6f}, 121.543990"
    with pytest.raises(InvalidValues) as refused:
        firm(firms, "四明泵业", spot=near)
    assert [(one.path, one.code) for one in refused.value.errors] == [("spot", "value.duplicate_maybe")]
    assert "200 米内已有公司。" in refused.value.errors[0].text("zh") and "甬江阀门" in refused.value.errors[0].text(
        "zh"
    )
    with pytest.raises(InvalidValues) as hidden:
        firm(firms, "四明泵业", login="rep2", spot=near)
    assert "甬江阀门" not in hidden.value.errors[0].text("zh"), "whoever may not see it learns whose it is"
    firm(firms, "东海油封", spot=far)
    firm(firms, "四明泵业", spot=near, not_duplicate="同一园区两家")

    firms.update("chief", first, spot="30.000000, 121.543990")
    firm(firms, "北仑机械", spot="29.868336, 121.543990", not_duplicate="又一家")
    with pytest.raises(InvalidValues):
        firm(firms, "镇海机械", spot="30.000100, 121.543990")


@pytest.mark.parametrize("other", ["sales@yongjiang.cn", "Sales.Two@YongJiang.CN", "ｓａｌｅｓ@yongjiang.cn"])
def test_a_firm_with_the_mail_domain_of_another_asks_and_tells_no_address(firms: Desk, other: str) -> None:
    firm(firms, "甬江阀门", mail="li.hong@yongjiang.cn")

    said = errors_of(lambda: firm(firms, "四明泵业", login="rep2", mail=other))
    firm(firms, "四明泵业", login="rep2", mail=other, not_duplicate="同一集团")

    assert list(said) == ["mail"] and said["mail"].startswith("邮箱域名相同。")
    assert not any(told in said["mail"] for told in ("li.hong", "yongjiang", "甬江")), "only whose it is"


@pytest.mark.parametrize("host", ["qq.com", "VIP.163.com", "gmail.com", "sina.com.cn", "proton.me"])
def test_where_anybody_has_an_address_no_two_firms_are_the_same(firms: Desk, host: str) -> None:
    assert firm(firms, "甬江阀门", mail=f"a@{host}").id != firm(firms, "四明泵业", login="rep2", mail=f"b@{host}").id


def test_the_mail_domain_follows_what_is_changed(firms: Desk) -> None:
    first = firm(firms, "甬江阀门", mail="a@yongjiang.cn")
    first = firms.update("chief", first, mail="a@qq.com")
    firm(firms, "四明泵业", mail="b@yongjiang.cn")

    assert "mail" in errors_of(lambda: firms.update("chief", first, mail="c@yongjiang.cn"))
    assert mail_domain("b@mail.yongjiang.cn") != mail_domain("b@yongjiang.cn"), "a host below may be of another unit"


def test_a_number_written_as_from_abroad_is_the_same_line(firms: Desk) -> None:
    firm(firms, "甬江阀门", phone="0574-88123456", city="nb")
    for written in ("+86 574 8812 3456", "0086-574-88123456", "(0574) 88123456"):
        assert "phone" in errors_of(lambda given=written: firm(firms, "四明泵业", phone=given, city="nb"))  # type: ignore[misc]
    firm(firms, "四明泵业", phone="0571-88123456", city="nb")
