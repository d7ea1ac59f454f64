"""One box over everything: found by what people remember of a thing, the best first, never past anybody's rights."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from engine.automation import outbox
from engine.records import commands, queries, ranking, search_terms
from engine.records.filters import Filter
from engine.records.likeness import text_key
from engine.records.queries import Found, ListQuery
from engine.records.record import Record
from engine.records.search_terms import rebuild_in_turns
from engine.romanised import syllables
from engine.storage.search_tables import search_terms as table
from tests.records.desk import Desk


def hits(desk: Desk, login: str, words: str, entity: str = "client") -> list[Found]:
    with desk.store.read() as session:
        return queries.search(session, words, actor=desk.actor(login), limit=50).get(entity, [])


def ids(desk: Desk, login: str, words: str, entity: str = "client") -> list[int]:
    return [one.id for one in hits(desk, login, words, entity) if not one.near]


def test_a_name_is_found_by_any_part_by_its_sound_and_by_its_initials(desk: Desk) -> None:
    firm = desk.client(name="宁波甬灵江阀门有限公司")

    for words in (
        "甬灵江阀门", "灵江", "宁波甬灵", "甬灵 公司", "yonglingjiang", "lingjiangfamen", "yljfm", "nbyljfmyxgs", "YLJ",
        "甬灵江阀門有限公司"[:3], "ｙｌｊｆｍ",
    ):  # fmt: skip
        assert firm.id in ids(desk, "chief", words), words


def test_readings_that_depend_on_the_word_are_those_people_type(desk: Desk) -> None:
    firm = desk.client(name="重庆厦门行业银行")

    assert firm.id in ids(desk, "chief", "chongqingxiamen")
    assert firm.id in ids(desk, "chief", "cqxmhyyh")


def test_a_number_a_code_and_a_phone_are_found_by_their_parts_whatever_stands_between(desk: Desk) -> None:
    product = desk.product(sku="DN-50/PTFE.7731", name="密封垫")
    firm = desk.client(phone="138-0574 6691")

    for words in ("dn50", "DN-50", "50/ptfe", "ptfe.77", "7731", "fe77"):
        assert product.id in ids(desk, "chief", words, "product"), words
    for words in ("6691", "05746691", "138-0574", "1380574 6691"):
        assert firm.id in ids(desk, "chief", words), words


def test_the_best_comes_first(desk: Desk) -> None:
    deal = desk.deal(title="编号在名称里")
    number = str(desk.get("chief", deal).values["number"])
    named = desk.deal(title=f"{number}")
    longer = desk.deal(title=f"{number}的续单")
    inside = desk.deal(title=f"续{number}")

    assert ids(desk, "chief", number, "deal") == [deal.id, named.id, longer.id, inside.id]

    whole = desk.client(name="qzw")
    prefix = desk.client(name="qzw阀门")
    initials = desk.client(name="强志伟公司")
    within = desk.client(name="阀门qzw")
    for _ in range(2):  # ranks do not hang on what came last
        assert ids(desk, "chief", "qzw") == [whole.id, prefix.id, initials.id, within.id]


def test_what_links_to_a_thing_is_found_by_its_name_and_by_the_new_one_at_once(desk: Desk) -> None:
    firm = desk.client(name="旧港轴承")
    deal = desk.deal(title="年单", client=firm.id)

    [found] = [one for one in hits(desk, "chief", "旧港", "deal") if one.id == deal.id]
    assert (found.field, found.said) == ("client", "旧港轴承")
    assert deal.id in ids(desk, "chief", "jgzc", "deal")

    desk.update("chief", firm, name="新港轴承")

    assert ids(desk, "chief", "旧港", "deal") == []
    assert deal.id in ids(desk, "chief", "新港 年单", "deal")


def test_a_slip_is_forgiven_when_nothing_else_fits_and_said(desk: Desk) -> None:
    firm = desk.client(name="鑫淼磊焱机械")
    latin = desk.client(name="Kolbenschmidt")

    for words, wanted in (
        ("鑫淼雷焱机械", firm),
        ("辛秒雷燕", firm),
        ("kolbenschmit", latin),
        ("kolbemschmidt", latin),
    ):
        found = hits(desk, "chief", words)
        assert [one.id for one in found][:1] == [wanted.id], words
        assert all(one.near for one in found), words
    assert not hits(desk, "chief", "鑫淼")[0].near
    assert hits(desk, "chief", "完全不相干的名字") == []


@pytest.mark.parametrize("words", ["", " ", "-", "%", "_", "。，", "\x00", "'; DROP TABLE x --", "x" * 300, "%_\\"])
def test_marks_find_nothing_and_break_nothing(desk: Desk, words: str) -> None:
    desk.client(name=desk.name("100%纯棉_a\\b"))

    if not text_key(words):
        assert hits(desk, "chief", words) == []
    desk.page("chief", "client", text=words)


def test_a_list_a_picker_and_its_count_use_the_same_words(desk: Desk) -> None:
    firm = desk.client(name="青瓷器皿厂", region="east", phone="0574-8877 1234")
    desk.client(name="青瓷器皿店", region="west")

    east = Filter("region", "eq", "east")
    assert desk.ids("chief", "client", east, text="qcqm") == [firm.id]
    assert desk.count("chief", "client", text="qcqm") == 2
    with desk.store.read() as session:
        offered = queries.pick(session, "client", "1234 青瓷", actor=desk.actor("chief"), limit=5)
    assert [(one.id, one.field) for one in offered] == [(firm.id, "phone")]


def test_words_of_thousands_of_records_are_found_as_those_of_few(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    firm = desk.client(name="千帆竞渡集团")
    mine = [desk.deal(title=f"千帆{at}号", client=firm.id).id for at in range(6)]
    theirs = desk.deal("rep", title="千帆七号").id
    exact = desk.deal(title="千帆").id
    everything = set(ids(desk, "chief", "千帆", "deal"))

    monkeypatch.setattr("engine.records.finding.FEW", 2)
    monkeypatch.setattr("engine.records.listing.FEW", 2)
    desk.store.reload()

    assert set(ids(desk, "chief", "千帆", "deal")) == everything == {*mine, theirs, exact}
    assert ids(desk, "chief", "千帆", "deal")[0] == exact
    assert ids(desk, "rep", "千帆", "deal") == [theirs]
    assert set(desk.ids("chief", "deal", text="千帆 竞渡")) == set(mine)
    assert set(desk.ids("chief", "deal", text="jingdu")) == set(mine)
    assert set(desk.ids("guest", "deal", text="千帆")) == {*mine, theirs, exact}
    assert desk.ids("guest", "deal", text="竞渡") == []  # the customer of a deal is hidden from guests


def test_of_very_many_the_newest_and_those_called_just_so_are_shown_and_how_many_there_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = desk.deal(title="万重山")
    made = [desk.deal("rep" if at % 2 else "chief", title=f"过万重山{at}号").id for at in range(8)]

    def counted(login: str, limit: int) -> tuple[list[int], int]:
        with desk.store.read() as session:
            found = queries.search_counted(session, "万重山", actor=desk.actor(login), limit=limit)["deal"]
        return [one.id for one in found.found], found.count

    assert counted("chief", 50) == ([exact.id, *reversed(made)], 9)
    assert counted("rep", 2) == (list(reversed(made))[:3:2], 4)

    monkeypatch.setattr(ranking, "MANY", 3)
    assert counted("chief", 4) == ([exact.id, *list(reversed(made))[:3]], 4)
    assert counted("rep", 2) == (list(reversed(made))[:3:2], 4)
    assert set(desk.ids("chief", "deal", text="万重山")) == {exact.id, *made}  # whoever looks on finds them all


def test_a_record_in_the_recycle_bin_is_not_found_until_it_comes_back(desk: Desk) -> None:
    deal = desk.deal(title="回收再来")
    desk.delete("chief", deal)
    assert ids(desk, "chief", "回收再来", "deal") == []

    with desk.store.write() as session:
        commands.restore_record(session, "deal", deal.id, actor=desk.actor("chief"))

    assert ids(desk, "chief", "hszl", "deal") == [deal.id]


def test_terms_are_rewritten_with_the_values_and_can_be_made_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [desk.client(name=f"重建{at}号厂") for at in range(5)]
    desk.update("chief", made[0], name="改建零号厂")
    assert ids(desk, "chief", "重建0") == []

    def terms() -> list[tuple[object, ...]]:
        with desk.store.read() as session:
            return sorted(map(tuple, session.connection.execute(select(table)).all()))

    kept = terms()
    with desk.store.write() as session:
        session.connection.execute(delete(table).where(table.c.record_id == made[1].id, table.c.entity == "client"))
    assert ids(desk, "chief", "重建1") == []

    monkeypatch.setattr(search_terms, "_BATCH", 2)
    with desk.store.write() as session:
        rebuild_in_turns(session, "client")
    while outbox.drain(desk.store):
        pass

    assert terms() == kept
    with desk.store.read() as session:
        assert session.connection.scalar(select(func.count()).select_from(table)) == len(kept)


# ---- rights


def test_nobody_finds_what_they_may_not_see_nor_by_what_is_hidden_from_them(desk: Desk) -> None:
    theirs = desk.client("rep2", name="他人客户", phone="0577-3344 5566")
    own = desk.client("rep", name="自己客户", phone="0577-3344 7788")
    partner = desk.client(name="隐身伙伴")
    linked = desk.client(name="台面公司", partner=partner.id)
    deal = desk.deal("rep", title="机密单", client=own.id)
    desk.update("chief", deal, secret="狐狸计划")

    assert ids(desk, "rep", "05773344") == [own.id]
    assert ids(desk, "rep", "他人客户") == []
    assert theirs.id in ids(desk, "guest", "他人客户")
    assert ids(desk, "guest", "33445566") == []
    assert ids(desk, "guest", "隐身伙伴") == [partner.id]  # not by the link that is hidden
    assert linked.id in ids(desk, "guest", "台面")
    assert ids(desk, "rep", "狐狸计划", "deal") == []
    assert ids(desk, "chief", "狐狸", "deal") == [deal.id]
    assert hits(desk, "guest", "自己客户", "deal") == []
    assert hits(desk, "nobody", "客户") == []
    with desk.store.read() as session:
        offered = queries.pick(session, "client", "他人客沪", actor=desk.actor("rep"))  # near is no way around
    assert theirs.id not in [one.id for one in offered]


_PARTS = ("甬江", "阀门", "轴承", "海", "dn50", "7788", "红")
_TEXTS = st.lists(st.sampled_from(_PARTS), min_size=1, max_size=3).map("".join)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    made=st.lists(st.tuples(st.sampled_from(["rep", "rep2", "chief"]), _TEXTS, _TEXTS), min_size=1, max_size=4),
    asked=st.lists(st.sampled_from([*_PARTS, "yj", "famen", "江阀", "50", "zc"]), min_size=1, max_size=2),
)
def test_found_is_exactly_what_may_be_seen_and_has_the_words_where_it_may_be_seen(
    desk: Desk, made: list[tuple[str, str, str]], asked: list[str]
) -> None:
    tag = desk.name("t")
    records = [(who, desk.deal(who, title=f"{title}{tag}"), title, secret) for who, title, secret in made]
    for _, record, _, secret in records:
        desk.update("chief", record, secret=secret)

    for login, sees_secret in (("chief", True), ("rep", False), ("rep2", False), ("guest", False), ("lead", True)):
        visible = {"rep": {"rep"}, "rep2": {"rep2"}, "lead": {"rep", "rep2"}}.get(login, {"rep", "rep2", "chief"})
        wanted = {
            record.id
            for who, record, title, secret in records
            if who in visible
            and all(
                _has(f"{title}{tag}", one) or (sees_secret and one in secret) or one in _number(record) for one in asked
            )
        }
        with desk.store.read() as session:
            query = ListQuery(text=" ".join([*asked, tag]), limit=200)
            page = queries.list_records(session, "deal", query, actor=desk.actor(login))
        assert {one.id for one in page.records} == wanted, login


def _has(name: str, word: str) -> bool:
    said = syllables(text_key(name))
    initials = "".join(one[0] for one in said)
    starts = ["".join(said[at:]) for at in range(len(said))]
    return word in name or word in initials or any(one.startswith(word) for one in starts)


def _number(record: Record) -> str:
    return text_key(str(record.values["number"]))
