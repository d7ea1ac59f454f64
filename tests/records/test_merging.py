"""Two records of one thing become one with all that led to either; undone, both are as they were."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from engine.clock import SetClock
from engine.errors import FormworkError, NotAllowed, NotFound, NotPossibleNow
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.records import commands, comments, recycling, sharing
from engine.records.commands import restore_record
from engine.records.history import list_history
from engine.records.merges import Merged, find_merged_away, list_merges
from engine.records.merging import find_choices, merge_records
from engine.records.queries import search
from engine.records.record import Record
from engine.records.settling import settle_after
from engine.records.sharing import Recipient
from engine.records.unmerging import undo_merge
from engine.records.uploads import create_upload
from engine.storage import catalog
from engine.storage.approval_tables import approvals
from engine.storage.dispute_tables import disputes, duplicate_hits
from engine.storage.form_draft_tables import form_drafts
from engine.storage.merge_tables import merges
from engine.storage.share_tables import shares
from engine.storage.stage_tables import evidence
from engine.storage.store import Store
from engine.storage.system_columns import metadata
from engine.storage.system_tables import files
from tests.conftest import to_folder
from tests.racing import at_once
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people, errors_of

FIRM = """\
entity: firm
label: 公司
number: {pattern: "KH{seq:4}"}
display: "{name}"
fields:
  name:   {type: text, label: 名称, required: true}
  code:   {type: text, label: 代码, unique: true}
  phone:  {type: phone, label: 电话}
  grade:  {type: choice, label: 等级, options: {a: 甲, b: 乙}}
  tags:   {type: choices, label: 标签, options: {x: 急, y: 样, z: 大}}
  limit:  {type: money, label: 额度}
  parent: {type: link, to: firm, label: 上级}
  papers: {type: file, label: 文件, many: true}
  models:
    type: lines
    label: 常用型号
    max_rows: 6
    fields:
      part: {type: text, label: 料号}
      qty:  {type: integer, label: 数量}
  bought: {type: money, label: 成交, computed: "sum(order.amount)"}
  room:   {type: money, label: 余额, computed: "limit - bought"}
rules:
  graded: {check: "grade = 'a' or phone is not missing", message: 乙级要留电话, fields: [phone]}
duplicates:
  same_code: {block: true, match: {code: exact}}
  alike:     {match: {name: 85%}}
merge: {who: [lead, chief], undo: 10d}
access:
  rep:   {read: own, write: own, create: true}
  lead:  {read: team, write: team, create: true, hide: [limit]}
  chief: {read: all, write: all, create: true, delete: all, import: true}
  guest: {read: all}
"""
ORDER = """\
entity: order
label: 订单
number: {pattern: "DD{seq:4}"}
fields:
  firm:   {type: link, to: firm, label: 公司, required: true}
  title:  {type: text, label: 标题}
  amount: {type: money, label: 金额}
  terms:  {type: text, label: 条件, computed: "firm.grade"}
  also:
    type: lines
    label: 同去
    fields:
      with: {type: link, to: firm, label: 公司}
      note: {type: text, label: 说明}
unique:
  once: {fields: [firm, title], message: 这家公司已有同名订单}
access:
  rep:   {read: own, write: own, create: true}
  chief: {read: all, write: all, create: true, delete: all, import: true}
"""
BOOK = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[firm, order]"),
    "firm/entity.yaml": FIRM,
    "order/entity.yaml": ORDER,
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("book")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(BOOK), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def firm(book: Desk, login: str = "chief", **raw: Any) -> Record:
    raw = {"name": book.name("甬江阀门厂"), "phone": "0574-87654321", "not_duplicate": "试"} | raw
    return book.create(login, "firm", **raw)


def order(book: Desk, of: Record, login: str = "chief", **raw: Any) -> Record:
    return book.create(login, "order", **{"firm": of.id, "title": book.name("单")} | raw)


def merge(book: Desk, kept: Record, other: Record, login: str = "chief", **take: str) -> tuple[Record, int]:
    seen = tuple(book.get("chief", one).version for one in (kept, other))
    with book.store.write() as session:
        return merge_records(
            session, "firm", kept.id, other.id, take, versions=(seen[0], seen[1]), actor=book.actor(login)
        )


def undo(book: Desk, id: int, login: str = "chief") -> Merged:
    with book.store.write() as session:
        return undo_merge(session, id, actor=book.actor(login))


def later(book: Desk, **more: float) -> None:
    book.clock.at += timedelta(**(more or {"minutes": 1}))


def paper(book: Desk, name: str, login: str = "chief") -> int:
    with book.store.write() as session:
        stored = session.files.save(BytesIO(name.encode()), name)
        return int(create_upload(session, stored, actor=book.actor(login))["id"])


def talk(book: Desk, about: Record, text: str, login: str = "chief") -> None:
    with book.store.write() as session:
        comments.add_comment(session, about.entity, about.id, text, actor=book.actor(login))


def share(book: Desk, one: Record, login: str, access: sharing.Access = "read") -> None:
    to = Recipient("user", str(book.people[login]))
    with book.store.write() as session:
        sharing.share_record(session, "firm", one.id, to, access, ends_at=None, actor=book.actor("chief"))


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises((NotPossibleNow, NotAllowed)) as refused:
        act()
    return refused.value.text("zh")


def leave_traces(book: Desk, kept: Record, other: Record) -> None:
    """Requests about both, marks of evidence, one of which both have, and a draft of the one that goes."""
    at = book.clock.at
    with book.store.write() as session:
        run = session.connection.execute
        for login, about in (("rep", other), ("rep2", other), ("rep2", kept)):
            who = {"user_id": book.people[login], "entity": "firm", "record_id": about.id}
            hit = {"rule": "same", "day": "2026-03-02", "first_at": at, "last_at": at, "times": 1, "via": "web",
                   "typed": "x", "outcome": "refused"}  # fmt: skip
            hit_id = run(insert(duplicate_hits).values(who | hit).returning(duplicate_hits.c.id)).scalar_one()
            asked = {"hit_id": hit_id, "kind": "appeal", "reason": "我的", "asked_at": at, "state": "asked"}
            run(insert(disputes).values(who | asked))
        for sha, about, apart in (("a", other, ""), ("a", kept, ""), ("b", other, ""), ("c", kept, f"firm:{other.id}")):
            mark = {
                "sha256": sha,
                "name": "x.pdf",
                "entity": "firm",
                "record_id": about.id,
                "stage": "",
                "apart": apart,
            }
            run(insert(evidence).values(mark | {"at": at}))
        draft = {"user_id": book.people["rep"], "token": "t", "entity": "firm", "record_id": other.id, "version": 1}
        run(insert(form_drafts).values(draft | {"content": [["name", "新的"]], "updated_at": at}))


KEPT_TABLES = ("fw_comments", "fw_followers", "fw_match_keys", "fw_match_grams", "fw_search_terms", "fw_stays",
               "fw_disputes", "fw_evidence", "fw_form_drafts")  # fmt: skip


def whole(book: Desk) -> dict[str, Any]:
    """Everything there is about the records, but for the count of their versions and what is gone."""
    with book.store.read() as session:
        run, found = session.connection.execute, dict[str, Any]()
        tables = [*session.tables.entity.values(), *session.tables.lines.values()]
        tables += [metadata.tables[name] for name in KEPT_TABLES]
        for table in tables:
            rows = run(select(*(one for one in table.c if one.name not in ("version", "release_id"))))
            found[table.name] = sorted(repr(tuple(row)) for row in rows)
        hanging = select(files.c.id, files.c.record_id, files.c.field, files.c.position)
        found["files"] = sorted(map(tuple, run(hanging.where(files.c.deleted_at.is_(None)))))
        granted = select(shares.c.entity, shares.c.record_id, shares.c.user_id, shares.c.access)
        found["shares"] = sorted(map(tuple, run(granted)))
        return found


def test_of_two_values_the_filled_one_is_taken_then_the_newer_and_of_lists_both(book: Desk) -> None:
    kept = firm(book, code="", grade="a", tags=["x"], models=[{"part": "P1", "qty": 1}])
    later(book)
    other = firm(
        book, code="B-77", grade="b", limit="500", tags=["y", "x"], models=[{"part": "P2"}, {"part": "P1", "qty": 1}]
    )
    later(book)
    kept = book.update("chief", kept, phone="13800001111")
    with book.store.write() as session:
        choices = {
            one.key: one.side
            for one in find_choices(session, session.app.entities["firm"], kept, other, actor=book.actor("chief"))
        }
    assert choices == {"name": "other", "code": "other", "phone": "kept", "grade": "other", "tags": "both",
                       "limit": "other", "models": "both"}  # fmt: skip

    merged, _ = merge(book, kept, other, name="kept", grade="kept")

    said = merged.values
    assert (said["name"], said["code"], said["grade"], said["limit"]) == (kept.values["name"], "B-77", "a", 500)
    assert said["tags"] == ["x", "y"]
    assert [row["part"] for row in book.get("chief", kept).values["models"]] == ["P1", "P2"]


def test_everything_that_led_to_the_other_leads_to_the_one_that_is_kept(book: Desk) -> None:
    kept, other = firm(book, papers=[paper(book, "a.txt")]), firm(book, code="L-1", papers=[paper(book, "b.txt")])
    mine, theirs = order(book, kept, amount="10"), order(book, other, amount="20")
    beside = order(book, kept, also=[{"with": other.id, "note": "同去"}, {"with": kept.id}])
    binned = order(book, other)
    book.delete("chief", binned)
    talk(book, other, "来过电话", "guest")
    share(book, other, "rep", "write")
    share(book, kept, "rep2")

    merged, id_ = merge(book, kept, other)

    assert merged.values["bought"] == 30 and book.get("chief", kept).values["bought"] == 30
    assert book.get("chief", theirs).values["firm"] == kept.id
    assert [row["with"] for row in book.get("chief", beside).values["also"]] == [kept.id, kept.id]
    assert book.get("chief", beside).values["updated_by"] == book.people["chief"]
    assert sorted(one["name"] for one in book.get("chief", kept).values["papers"]) == ["a.txt", "b.txt"]
    with book.store.write() as session:
        chief = book.actor("chief")
        assert [one.text for one in comments.list_comments(session, "firm", kept.id, actor=chief)] == ["来过电话"]
        assert book.people["guest"] in comments.list_followers(session, "firm", kept.id)
        entry = list_history(session, "order", theirs.id, actor=chief)[0]
        assert (entry.action, entry.details["merge"]["id"]) == ("relink", id_)
        assert list_history(session, "firm", kept.id, actor=chief)[0].action in ("merge", "roll_up")
        restored = restore_record(session, "order", binned.id, actor=chief)
        assert restored.values["firm"] == kept.id
        assert other.id not in [one.id for one in recycling.list_deleted(session, "firm", actor=chief)]
        with pytest.raises(NotPossibleNow):
            restore_record(session, "firm", other.id, actor=chief)
    assert book.get("rep", kept).can_write and not book.get("rep2", kept).can_write
    assert book.get("chief", mine).version == mine.version
    with pytest.raises(NotFound):
        book.get("chief", other)


def test_the_old_number_and_the_old_address_lead_to_the_one_that_is_kept(book: Desk) -> None:
    first, second, third = firm(book, "rep"), firm(book), firm(book)
    gone, number = second, second.values["number"]
    merge(book, first, second)
    merge(book, third, first)
    with book.store.read() as session:
        chief = book.actor("chief")
        found = search(session, number, actor=chief)["firm"]
        assert [one.id for one in found] == [third.id]
        away = find_merged_away(session, "firm", gone.id, actor=chief)
        assert away is not None and away[1] == third.id and away[0].lost_number == number
        assert find_merged_away(session, "firm", gone.id, actor=book.actor("rep2")) is None
        assert [one.lost_id for one in list_merges(session, session.app.entities["firm"], third.id)] == [first.id]
    rows = Sheet(("公司", "标题", "金额"), [(2, [number, "旧编号的单", "7"])])
    assert imports.import_records(book.store, "order", rows, actor=book.actor("chief")).created == 1
    assert book.get("chief", third).values["bought"] == 7


def test_undone_everything_is_as_it_was(book: Desk) -> None:
    kept = firm(book, code="U-1", models=[{"part": "P1"}, {"part": "P2"}], papers=[paper(book, "a.txt")])
    later(book)
    other = firm(
        book,
        "rep",
        code="U-2",
        tags=["z"],
        models=[{"part": "P3"}],
        papers=[paper(book, "b.txt", "rep"), paper(book, "c.txt", "rep")],
        parent=None,
    )
    book.update("chief", kept, parent=other.id)
    order(book, other, amount="20", also=[{"with": other.id}, {"with": kept.id}])
    book.delete("chief", order(book, other))
    talk(book, other, "说过的话")
    share(book, other, "rep2")
    leave_traces(book, kept, other)
    before = whole(book)
    later(book, days=1)

    _, id_ = merge(book, kept, other, models="other", papers="other", owner="other")
    assert whole(book) != before
    with book.store.read() as session:
        run = session.connection.execute
        asked = run(select(disputes.c.user_id, disputes.c.record_id).where(disputes.c.state == "asked")).all()
        assert sorted(asked) == [
            (book.people["rep"], kept.id),
            (book.people["rep2"], kept.id),
            (book.people["rep2"], other.id),
        ]
        marks = run(
            select(evidence.c.sha256, evidence.c.record_id, evidence.c.apart).where(evidence.c.entity == "firm")
        )
        assert sorted(marks) == [
            ("a", kept.id, ""),
            ("a", other.id, ""),
            ("b", kept.id, ""),
            ("c", kept.id, f"firm:{kept.id}"),
        ]
        drafts = run(select(form_drafts.c.record_id, form_drafts.c.version)).all()
        assert drafts == [(kept.id, 0)]
    later(book, days=2)

    assert undo(book, id_).told == []
    assert whole(book) == before


@given(
    take=st.dictionaries(
        st.sampled_from(["name", "code", "phone", "grade", "tags", "limit", "models", "owner"]),
        st.sampled_from(["kept", "other"]),
    ),
    sides=st.lists(
        st.fixed_dictionaries(
            {
                "code": st.sampled_from(["", "C1", "C2"]),
                "grade": st.sampled_from(["", "a", "b"]),
                "limit": st.sampled_from(["", "100", "250.5"]),
                "tags": st.lists(st.sampled_from("xyz"), unique=True),
                "models": st.lists(
                    st.fixed_dictionaries({"part": st.sampled_from("PQR"), "qty": st.none() | st.integers(0, 9)}),
                    max_size=3,
                ),
            }
        ),
        min_size=2,
        max_size=2,
    ),
    orders=st.lists(st.tuples(st.booleans(), st.integers(1, 99)), max_size=3),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_is_merged_undone_at_once_is_as_it_was(
    book: Desk, take: dict[str, str], sides: list[dict[str, Any]], orders: list[tuple[bool, int]]
) -> None:
    pair = []
    for login, raw in zip(("chief", "rep"), sides, strict=True):
        code = book.name(raw["code"]) if raw["code"] else ""
        pair.append(firm(book, login, **raw | {"code": code}))
        later(book)
    for first, amount in orders:
        order(book, pair[0 if first else 1], amount=str(amount))
    kept, other = (book.get("chief", one) for one in pair)
    differing = {key: side for key, side in take.items() if key == "owner" or kept.values[key] != other.values[key]}
    before = whole(book)
    _, id_ = merge(book, kept, other, **differing)
    later(book)
    assert undo(book, id_).told == []
    assert whole(book) == before


def test_what_was_changed_since_stays_and_is_told(book: Desk) -> None:
    kept, other = firm(book, code="T-1", grade="a"), firm(book, code="T-2", limit="900")
    first, second, third = order(book, other), order(book, other), order(book, other)
    elsewhere = firm(book)
    merged, id_ = merge(book, kept, other, code="other", name="kept", phone="kept")
    book.update("chief", merged, limit="950", phone="13800002222")
    book.update("chief", book.get("chief", first), firm=elsewhere.id)
    book.update("chief", book.get("chief", second), title="改过标题")
    made_since = order(book, kept)

    undone = undo(book, id_)

    said = [one["zh"] for one in undone.told]
    name = first.values["title"]
    assert said == ["“额度”保持现状：后来改过。", f"订单“{name}”保持现状：它的关联后来改过。"]
    now = book.get("chief", kept).values
    assert (now["code"], now["limit"], now["phone"], now["grade"]) == ("T-1", 950, "13800002222", "a")
    assert book.get("chief", other).values["code"] == "T-2"
    assert [book.get("chief", one).values["firm"] for one in (first, second, third, made_since)] == [
        elsewhere.id, other.id, other.id, kept.id,
    ]  # fmt: skip
    assert book.get("chief", second).values["title"] == "改过标题"


def test_only_the_named_roles_may_merge_and_only_what_they_may_change(book: Desk) -> None:
    mine, other = firm(book, "rep"), firm(book, "rep")
    far = firm(book, "stranger")
    assert refusal(lambda: merge(book, mine, other, "rep")) == "你没有权限合并“公司”。"
    assert refusal(lambda: merge(book, mine, other, "guest")) == "你没有权限合并“公司”。"
    with pytest.raises(NotFound):
        merge(book, mine, far, "lead")
    merged, id_ = merge(book, mine, other, "lead")
    assert "limit" not in merged.values
    with pytest.raises(NotAllowed):
        undo(book, id_, "rep")
    assert undo(book, id_, "lead").undone_by == "lead 的名字"
    with pytest.raises(NotAllowed), book.store.write() as session:
        merge_records(session, "order", 1, 2, {}, versions=(1, 1), actor=book.actor("chief"))


def test_a_field_one_may_not_see_is_filled_but_never_chosen(book: Desk) -> None:
    kept, other = firm(book, "rep"), firm(book, "rep")
    other = book.update("chief", other, limit="700")
    assert errors_of(lambda: merge(book, kept, other, "lead", limit="kept")) == {
        "limit": "这一项不能这样选；请选 kept、other，可以多个的也可选 both。"
    }
    merge(book, kept, other, "lead")
    assert book.get("chief", kept).values["limit"] == 700


def test_what_does_not_go_together_is_said_beside_the_field_and_nothing_is_done(book: Desk) -> None:
    kept, other = firm(book, grade="a", phone=""), firm(book, grade="b")
    assert errors_of(lambda: merge(book, kept, other, grade="other", phone="kept")) == {"phone": "乙级要留电话"}
    assert errors_of(lambda: merge(book, kept, other, nothing="other"))
    six = [{"part": f"N{at}"} for at in range(4)]
    one, two = firm(book, models=six), firm(book, models=[{"part": f"M{at}"} for at in range(4)])
    assert errors_of(lambda: merge(book, one, two, models="both")) == {"models": "最多 6 行。"}
    assert book.get("chief", other).version == other.version


def test_what_links_there_and_cannot_come_along_refuses_it_by_name(book: Desk) -> None:
    kept, other = firm(book), firm(book)
    order(book, kept, title="同名")
    in_the_way = order(book, other, title="同名")
    said = refusal(lambda: merge(book, kept, other))
    assert said.startswith("订单“同名”转不过来：这家公司已有同名订单")
    assert book.get("chief", in_the_way).values["firm"] == other.id


def test_while_people_decide_about_one_of_them_nothing_is_merged(book: Desk) -> None:
    kept, other = firm(book), firm(book)
    running = {"approval": "x", "entity": "firm", "record_id": other.id, "move": "m", "state": "running"}
    with book.store.write() as session:
        session.connection.execute(approvals.insert().values(running | {"started_at": session.now()}))
    assert "审批" in refusal(lambda: merge(book, kept, other))
    with book.store.write() as session:
        session.connection.execute(approvals.delete())


def test_it_is_undone_once_in_time_and_not_when_its_place_is_taken(book: Desk) -> None:
    kept, other = firm(book), firm(book, code="Z-9")
    merged, id_ = merge(book, kept, other)
    later(book, days=3)
    book.update("chief", merged, code="Z-8")
    third = firm(book, code="Z-9")
    assert refusal(lambda: undo(book, id_)).startswith(f"“{other.values['name']}”恢复不了：")
    book.delete("chief", third)
    undo(book, id_)
    assert refusal(lambda: undo(book, id_)) == "chief 的名字 已经撤销了这次合并。"

    _, id_ = merge(book, kept, book.get("chief", other))
    _, above = merge(book, firm(book), book.get("chief", kept))
    with pytest.raises(NotPossibleNow):
        undo(book, id_)
    undo(book, above)
    later(book, days=11)
    assert refusal(lambda: undo(book, id_)) == "已过可以撤销这次合并的时间。"


def test_two_from_before_the_rule_may_be_merged_and_stand_beside_each_other_again(book: Desk) -> None:
    loose = FIRM.replace("  same_code: {block: true, match: {code: exact}}\n", "").replace(", unique: true", "")
    publish(book, {**BOOK, "firm/entity.yaml": loose})
    kept, other = firm(book, code="SAME"), firm(book, code="SAME")
    publish(book, {**BOOK, "firm/entity.yaml": FIRM.replace(", unique: true", "")})
    before = whole(book)
    _, id_ = merge(book, kept, other)
    undo(book, id_)
    assert whole(book) == before
    _, id_ = merge(book, other, kept)
    undo(book, id_)
    book.delete("chief", book.get("chief", other))
    publish(book, BOOK)


def publish(book: Desk, texts: Mapping[str, str]) -> None:
    catalog.publish(book.store, to_folder(dict(texts)), actor_id=None, settle=settle_after(book.store.app))


def test_of_merges_at_once_one_is_made(book: Desk) -> None:
    one, two = firm(book), firm(book)
    for one_of in (one, two, one):
        order(book, one_of)

    def act(number: int) -> Any:
        kept, other = (one, two) if number % 2 else (two, one)
        with book.store.write() as session:
            return merge_records(session, "firm", kept.id, other.id, {}, versions=(1, 1), actor=chief)

    chief = book.actor("chief")
    answers = at_once(4, act)

    assert sum(isinstance(answer, tuple) for answer in answers) == 1
    refused = [answer for answer in answers if not isinstance(answer, tuple)]
    assert all(isinstance(answer, (NotPossibleNow, NotFound)) for answer in refused), refused
    with book.store.read() as session:
        held = session.connection.scalars(select(merges.c.id).where(merges.c.lost_id.in_([one.id, two.id])))
        assert len(held.all()) == 1


def test_whoever_links_to_it_at_that_moment_waits_and_ends_at_the_one_that_is_kept_or_is_told(book: Desk) -> None:
    kept, other = firm(book), firm(book)
    chief = book.actor("chief")

    def act(number: int) -> Any:
        with book.store.write() as session:
            if number == 0:
                return merge_records(session, "firm", kept.id, other.id, {}, versions=(1, 1), actor=chief)
            raw = {"firm": other.id, "title": f"同时 {number}"}
            return commands.create_record(session, "order", raw, actor=chief)

    answers = at_once(5, act)

    assert isinstance(answers[0], (tuple, FormworkError))
    with book.store.read() as session:
        table = session.tables.entity["order"]
        left = session.connection.scalars(select(table.c.firm).where(table.c.title.like("同时%"))).all()
    assert set(left) <= ({kept.id} if isinstance(answers[0], tuple) else {kept.id, other.id})
