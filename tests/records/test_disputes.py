"""Whoever meets the record of somebody else learns whose it is, may ask for it, and everything that was met is kept."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.automation import outbox, timers
from engine.clock import SetClock
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.records import disputes, duplicate_log
from engine.records.disputes import Dispute, MetRecord
from engine.records.duplicate_log import Logged
from engine.records.duplicates import find_duplicates
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people, errors_of

FIRM = """\
entity: firm
label: 公司
display: "{name}"
fields:
  name:  {type: text, label: 名称, required: true}
  phone: {type: phone, label: 电话}
duplicates:
  same:  {block: true, match: {phone: exact}, message: 这个电话已有人跟进。}
  alike: {match: {name: 85%}}
disputes:
  collaborate: write
  appeal: {to: chief, within: 2wd}
  log: [chief]
access:
  rep:   {read: own, write: own, create: true, import: true}
  lead:  {read: team, write: team, create: true}
  chief: {read: all, write: all, create: true}
"""
VISIT = """\
entity: visit
label: 拜访
fields:
  firm: {type: link, to: firm, label: 公司}
access:
  rep: {read: own, write: own, create: true}
"""
FIRMS = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[firm, visit]"),
    "firm/entity.yaml": FIRM,
    "visit/entity.yaml": VISIT,
}
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("town")
    with database_of(request, folder) as database:
        clock = SetClock(START)
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(FIRMS), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def firm(town: Desk, login: str, phone: str) -> Record:
    return town.create(login, "firm", name=town.name(chr(0x4E00 + town.made * 7) * 3), phone=phone)


def met(town: Desk, login: str = "rep2") -> list[MetRecord]:
    with town.store.read() as session:
        return disputes.list_met(session, actor=town.actor(login))


def act(town: Desk, login: str, do: Callable[..., Any], *args: Any, **more: Any) -> Any:
    with town.store.write() as session:
        return do(session, *args, actor=town.actor(login), **more)


def waiting(town: Desk, login: str, **more: bool) -> list[Dispute]:
    with town.store.read() as session:
        return disputes.list_asked(session, actor=town.actor(login), **more)


def logged(town: Desk) -> list[Logged]:
    with town.store.read() as session:
        return duplicate_log.list_log(session, "firm", actor=town.actor("chief"))[1]


def meet(town: Desk, phone: str, login: str = "rep2") -> int:
    assert list(errors_of(lambda: firm(town, login, phone))) == ["phone"]
    return met(town, login)[0].hit.id


def told(town: Desk, login: str) -> list[tuple[str, str]]:
    from engine.automation import notices

    outbox.drain(town.store)
    with town.store.read() as session:
        found = notices.list_notices(session, actor=town.actor(login))
        return [(one.kind, one.params["what"]) for one in found]


def test_a_save_that_was_refused_is_kept_all_the_same_and_once_a_day(town: Desk) -> None:
    theirs = firm(town, "rep", "0574-10000001")
    for _ in range(2):
        meet(town, "057410000001")
    hit = met(town)[0]
    assert (hit.other.id, hit.other.name, hit.other.owner) == (None, None, "rep 的名字")
    assert (hit.hit.times, hit.hit.outcome, hit.hit.rule, hit.kinds) == (
        2,
        "refused",
        "same",
        ("collaborate", "appeal"),
    )
    seen = logged(town)[0]
    assert seen.other is not None and seen.other.id == theirs.id
    assert (seen.hit.user, seen.hit.typed) == ("rep2 的名字", "057410000001")
    with pytest.raises(NotAllowed), town.store.read() as session:
        duplicate_log.list_log(session, "firm", actor=town.actor("lead"))


def test_when_it_was_last_active_counts_what_was_done_about_it(town: Desk) -> None:
    theirs = firm(town, "rep", "0574-10000002")
    town.clock.at += timedelta(days=3)
    town.create("rep", "visit", firm=theirs.id)
    town.clock.at += timedelta(days=4)
    meet(town, "0574-10000002")
    assert met(town)[0].other.day == (START + timedelta(days=3)).date()
    town.clock.at = START


def test_what_is_saved_with_a_reason_is_kept_with_what_became_of_it(town: Desk) -> None:
    town.create("rep", "firm", name="东海精密铸造有限公司")
    made = town.create("rep2", "firm", name="浙江东海精密铸造厂", not_duplicate="另一家")
    seen = logged(town)[0]
    assert (seen.hit.outcome, seen.hit.why) == ("confirmed", "另一家")
    assert seen.made is not None and seen.made.id == made.id


def test_an_import_that_meets_somebody_elses_record_is_kept_too(town: Desk) -> None:
    firm(town, "rep", "0574-10000003")
    rows = Sheet(("名称", "电话"), [(2, ["齐齐哈尔", "0574-10000003"])])
    assert imports.import_records(town.store, "firm", rows, actor=town.actor("rep2")).created == 0
    assert met(town)[0].hit.typed == "057410000003"


def test_the_owner_lets_somebody_work_on_it_until_a_day(town: Desk) -> None:
    theirs = firm(town, "rep", "0574-10000004")
    hit = meet(town, "0574-10000004")
    assert errors_of(lambda: act(town, "rep2", disputes.ask, hit, "collaborate", "  ")) == {
        "reason": "请写明理由，裁定的人要看。"
    }
    id_ = act(town, "rep2", disputes.ask, hit, "collaborate", "他们二厂是我的客户")
    with pytest.raises(NotPossibleNow):
        act(town, "rep2", disputes.ask, hit, "appeal", "再来一次")
    assert ("dispute_collaborate", theirs.values["name"]) in told(town, "rep")
    assert [one.id for one in waiting(town, "rep")] == [id_]
    assert waiting(town, "chief") == [] and waiting(town, "rep2") == []
    with pytest.raises(NotFound):
        act(town, "chief", disputes.grant, id_)
    with pytest.raises(NotFound):
        act(town, "rep2", disputes.grant, id_)

    until = town.clock.at + timedelta(days=10)
    act(town, "rep", disputes.grant, id_, ends_at=until)

    assert town.get("rep2", theirs).can_write
    assert ("dispute_granted", theirs.values["name"]) in told(town, "rep2")
    assert met(town, "rep2") == [] or all(one.hit.id != hit for one in met(town, "rep2"))
    town.clock.at = until + timedelta(hours=1)
    with pytest.raises(NotFound):
        town.get("rep2", theirs)
    town.clock.at = START


def test_a_refusal_says_why_and_still_not_what_the_record_is_called(town: Desk) -> None:
    theirs = firm(town, "rep", "0574-10000005")
    id_ = act(town, "rep2", disputes.ask, meet(town, "0574-10000005"), "collaborate", "想一起跟")
    with pytest.raises(InvalidValues):
        act(town, "rep", disputes.refuse, id_, reason=" ")
    act(town, "rep", disputes.refuse, id_, reason="正在签约")
    with pytest.raises(NotPossibleNow):
        act(town, "rep", disputes.grant, id_)
    with town.store.read() as session:
        seen = disputes.get_dispute(session, id_, actor=town.actor("rep2"))
        with pytest.raises(NotFound):
            disputes.get_dispute(session, id_, actor=town.actor("stranger"))
    assert (seen.state, seen.answer) == ("refused", "正在签约")
    assert seen.other is not None and seen.other.name is None
    assert ("dispute_refused", "") in told(town, "rep2")
    assert theirs.values["name"] not in str(told(town, "rep2"))


def test_an_appeal_is_decided_by_the_role_in_time_and_gives_the_record(town: Desk) -> None:
    theirs = firm(town, "rep", "0574-10000006")
    id_ = act(town, "rep2", disputes.ask, meet(town, "0574-10000006"), "appeal", "先谈的是我")
    found = waiting(town, "chief")
    assert [(one.id, one.kind) for one in found] == [(id_, "appeal")]
    assert found[0].due_at == datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
    assert waiting(town, "chief", late=True) == []
    assert id_ not in [one.id for one in waiting(town, "rep")]
    town.clock.at = found[0].due_at + timedelta(minutes=1)
    timers.sweep(town.store)
    assert ("dispute_late", theirs.values["name"]) in told(town, "chief")
    assert [one.id for one in waiting(town, "chief", late=True)] == [id_]

    act(town, "chief", disputes.grant, id_, answer="邮件为证")

    assert town.get("rep2", theirs).values["owner"] == town.people["rep2"]
    with pytest.raises(NotFound):
        town.get("rep", theirs)
    asked = next(one.asked for one in logged(town) if one.hit.typed == "057410000006")
    assert asked == (("appeal", "granted"),)
    town.clock.at = START


def test_nobody_decides_their_own_and_nobody_is_asked_who_has_gone(town: Desk) -> None:
    firm(town, "chief", "0574-10000007")
    hit = meet(town, "0574-10000007")
    with pytest.raises(NotPossibleNow) as refused:  # the only chief owns it
        act(town, "rep2", disputes.ask, hit, "appeal", "想要")
    assert refused.value.code == "dispute.nobody"
    with pytest.raises(NotFound):
        act(town, "stranger", disputes.ask, hit, "collaborate", "不是我碰到的")
    with pytest.raises(NotAllowed):
        act(town, "rep2", disputes.ask, hit, "steal", "想要")
    id_ = act(town, "rep2", disputes.ask, hit, "collaborate", "想一起")
    act(town, "rep2", disputes.withdraw, id_)
    assert id_ not in [one.id for one in waiting(town, "chief")]


def test_where_the_definition_says_nothing_nothing_can_be_asked(town: Desk) -> None:
    from engine.compiler.compile import load_app

    said = FIRM[FIRM.index("disputes:") : FIRM.index("access:")]
    closed = load_app(to_folder({**FIRMS, "firm/entity.yaml": FIRM.replace(said, "")}))
    assert closed.entities["firm"].disputes is None and closed.entities["firm"].merge is None


def test_what_is_found_while_typing_costs_as_many_statements_however_much_links_there(town: Desk) -> None:
    theirs = firm(town, "rep", "0574-10000009")
    for _ in range(3):
        town.create("rep", "visit", firm=theirs.id)
    with town.store.read() as session:
        entity, actor = session.app.entities["firm"], town.actor("rep2")
        found = find_duplicates(session, entity, {"phone": "057410000009"}, {}, actor=actor)
    assert [other.owner for one in found for other in one.others] == ["rep 的名字"]
