"""A record stays with its owner while something happens, leaves them for a pool after a warning, and is taken once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.automation.outbox import drain
from engine.automation.timers import sweep
from engine.clock import SetClock
from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people.actor import engine_actor
from engine.records import commands, merging, pooled, pools, queries
from engine.records.queries import ListQuery
from engine.records.record import Record
from engine.records.settling import settle_after
from engine.records.spans import list_spans
from engine.storage import catalog
from engine.storage.store import Session, Store
from engine.storage.system_tables import notices
from tests.conftest import to_folder
from tests.racing import at_once
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # Monday, 09:00 in Shanghai
DAY = timedelta(days=1)

FIRM = """\
entity: firm
label: 公司
display: "{name}"
fields:
  name:  {type: text, label: 名称, required: true}
  grade: {type: choice, label: 等级, options: {a: A, b: B}}
  phone: {type: phone, label: 电话}
  city:  {type: choice, label: 城市, options: {nb: 宁波, hz: 杭州}}
  won:   {type: boolean, label: 成交}
merge: {who: [chief]}
ownership:
  pools:
    public: {label: 公海, members: [rep], admins: [lead], shows: [city]}
    old:    {label: 老客户池, members: [lead]}
  protect:
    top:    {when: "grade = 'a'", without: visit, counting: "real", for: 15d, to: public}
    others: {when: "grade is missing or grade = 'b'", without: visit, counting: "real", for: 30d, to: public}
  exempt: "won"
  warn: 3d
  claim: {per_day: 3, at_most: 4, counting: "won is missing or not won", cool_off: 15d, locks: 1}
access:
  rep:   {read: own, write: own, create: true}
  lead:  {read: team, write: team}
  chief: {read: all, write: all, create: true, delete: all}
"""
VISIT = """\
entity: visit
label: 拜访
fields:
  firm: {type: link, to: firm, label: 公司, required: true}
  real: {type: boolean, label: 有效, default: true}
access:
  rep:   {read: own, write: own, create: true, delete: own}
  chief: {read: all, create: true}
"""
FIRMS = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[firm, visit]"),
    "firm/entity.yaml": FIRM,
    "visit/entity.yaml": VISIT,
}
PLAIN = {**FIRMS, "firm/entity.yaml": FIRM[: FIRM.index("merge:")] + FIRM[FIRM.index("access:") :]}


class Firms(Desk):
    """The desk, and what one may do with pools."""

    def take(self, login: str, record: Record) -> None:
        self._do(lambda session: pools.claim_record(session, "firm", record.id, actor=self.actor(login)))

    def release(self, login: str, record: Record, pool: str = "public", reason: str = "不做了") -> None:
        self._do(
            lambda session: pools.release_record(session, "firm", record.id, pool, reason, actor=self.actor(login))
        )

    def give(self, login: str, record: Record, to: str) -> None:
        self._do(
            lambda session: pools.assign_record(session, "firm", record.id, self.people[to], actor=self.actor(login))
        )

    def keep(self, login: str, record: Record, keep: bool = True) -> None:
        self._do(lambda session: pools.keep_record(session, "firm", record.id, keep=keep, actor=self.actor(login)))

    def pooled(self, name: str) -> Record:
        firm = self.create("chief", "firm", name=name)
        self.release("chief", firm)
        return firm

    def look(self, moment: datetime | None = None) -> None:
        """Let everything happen that is due."""
        if moment is not None:
            self.clock.at = moment
        sweep(self.store)
        drain(self.store)

    def state(self, record: Record) -> tuple[str | None, str | None, datetime | None]:
        """Return owner, pool and until when, as the chief sees them."""
        values = self.get("chief", record).values
        owner = next((login for login, id_ in self.people.items() if id_ == values["owner"]), None)
        return owner, values["pool"], values["protected_until"]

    def whys(self, record: Record) -> list[str]:
        with self.store.read() as session:
            return [one.why for one in reversed(list_spans(session, "firm", record.id))]

    def told(self, login: str, record: Record) -> list[str]:
        with self.store.read() as session:
            own = (notices.c.user_id == self.people[login], notices.c.record_id == record.id)
            return list(session.connection.scalars(select(notices.c.kind).where(*own).order_by(notices.c.id)))

    def _do(self, act: Callable[[Session], None]) -> None:
        with self.store.write() as session:
            act(session)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firms]:
    folder = tmp_path_factory.mktemp("firms")
    with database_of(request, folder) as database:
        clock = SetClock(START)
        desk = Firms(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(FIRMS), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


@pytest.fixture
def firms(shared: Firms) -> Firms:
    """The same desk, later for each test, when everybody has lost what they had."""
    for days in (400, 4):
        shared.look(shared.clock.at.replace(hour=1, minute=0, second=0) + days * DAY)
    return shared


def refused(act: Callable[[], Any]) -> FormworkError:
    with pytest.raises(FormworkError) as caught:
        act()
    return caught.value


def said(error: FormworkError) -> str:
    if isinstance(error, InvalidValues):
        return " ".join(one.text() for one in error.errors)
    return error.text()  # type: ignore[attr-defined,no-any-return]


# ---- time runs out


def test_a_record_leaves_its_owner_after_a_warning(firms: Firms) -> None:
    now = firms.clock.at
    firm = firms.create("rep", "firm", name="甬江", grade="a")
    assert firms.state(firm) == ("rep", None, now + 15 * DAY)

    firms.look(now + 11 * DAY)
    assert firms.told("rep", firm) == []
    firms.look(now + 12 * DAY)
    assert firms.told("rep", firm) == ["ownership_warned"]
    firms.look(now + 15 * DAY - timedelta(minutes=1))
    assert firms.state(firm)[0] == "rep"
    firms.look(now + 15 * DAY)
    firms.look()

    assert firms.state(firm) == (None, "public", None)
    assert firms.told("rep", firm) == ["ownership_warned", "ownership_reclaimed"]
    assert firms.whys(firm) == ["created", "reclaimed"]


def test_what_happens_with_it_begins_the_time_anew(firms: Firms) -> None:
    now = firms.clock.at
    firm = firms.create("rep", "firm", name="甬江", grade="a")
    firms.look(now + 14 * DAY)
    firms.create("rep", "visit", firm=firm.id, real=False)  # does not count
    firms.look()
    assert firms.state(firm)[2] == now + 17 * DAY

    firms.create("rep", "visit", firm=firm.id)
    firms.look()
    assert firms.state(firm)[2] == now + 29 * DAY
    firms.look(now + 25 * DAY)
    assert firms.state(firm)[0] == "rep"
    firms.look(now + 26 * DAY)
    firms.look(now + 29 * DAY)

    assert firms.state(firm)[1] == "public"
    assert firms.told("rep", firm).count("ownership_warned") == 2


def test_a_visit_written_down_in_the_last_minute_counts_though_nobody_has_looked_yet(firms: Firms) -> None:
    now = firms.clock.at
    firm = firms.create("rep", "firm", name="甬江", grade="a")
    firms.look(now + 12 * DAY)
    firms.clock.at = now + 15 * DAY - timedelta(seconds=1)
    firms.create("rep", "visit", firm=firm.id)
    firms.clock.at = now + 15 * DAY
    sweep(firms.store)  # before the event of the visit is delivered

    assert firms.state(firm)[0] == "rep"


def test_its_own_grade_changes_the_time(firms: Firms) -> None:
    now = firms.clock.at
    firm = firms.create("rep", "firm", name="甬江", grade="b")
    firms.clock.at = now + 1 * DAY
    changed = firms.update("chief", firm, grade="a")
    assert firms.state(firm)[2] == now + 15 * DAY
    firms.update("chief", changed, phone="13800138000")

    assert firms.state(firm)[2] == now + 15 * DAY


def test_after_a_standstill_nobody_loses_a_record_unwarned(firms: Firms) -> None:
    now = firms.clock.at
    unwarned = firms.create("rep", "firm", name="甬江", grade="a")
    warned = firms.create("rep", "firm", name="东海", grade="a")
    firms.look(now + 2 * DAY)
    firms.create("rep", "visit", firm=unwarned.id)
    firms.look()
    firms.look(now + 12 * DAY)
    assert (firms.told("rep", warned), firms.told("rep", unwarned)) == (["ownership_warned"], [])

    firms.look(now + 60 * DAY)
    assert firms.state(warned)[1] == "public"
    assert firms.state(unwarned) == ("rep", None, now + 63 * DAY)
    firms.look(now + 63 * DAY)

    assert firms.state(unwarned)[1] == "public"
    assert firms.whys(unwarned) == ["created", "reclaimed"]


def test_what_is_exempt_or_locked_stays_until_it_is_not(firms: Firms) -> None:
    now = firms.clock.at
    won = firms.create("rep", "firm", name="甬江", won=True)
    locked = firms.create("rep", "firm", name="东海")
    firms.keep("rep", locked)
    assert (firms.state(won)[2], firms.state(locked)[2]) == (None, None)
    firms.look(now + 90 * DAY)
    assert (firms.state(won)[0], firms.state(locked)[0]) == ("rep", "rep")

    firms.update("rep", won, won=False)
    firms.keep("rep", locked, keep=False)
    assert (firms.state(won)[2], firms.state(locked)[2]) == (now + 93 * DAY, now + 93 * DAY)
    firms.look()
    firms.look(now + 93 * DAY)

    assert (firms.state(won)[1], firms.state(locked)[1]) == ("public", "public")


def test_one_locks_as_many_as_may_be_and_only_ones_own(firms: Firms) -> None:
    first, second = (firms.create("rep", "firm", name=name) for name in ("甬江", "东海"))
    firms.keep("rep", first)
    firms.keep("rep", first)

    assert "1" in said(refused(lambda: firms.keep("rep", second)))
    assert isinstance(refused(lambda: firms.keep("chief", second)), NotAllowed)
    firms.keep("chief", first, keep=False)
    firms.keep("rep", second)
    firms.keep("rep", second, keep=False)


# ---- taking, giving back, giving out


def test_of_many_who_take_a_record_at_once_one_has_it_and_the_others_are_told_who(firms: Firms) -> None:
    firm = firms.pooled("甬江")
    logins = ["rep", "rep2", "stranger", "rep", "rep2", "stranger"]
    answers = at_once(len(logins), lambda number: firms.take(logins[number], firm))

    owner = firms.state(firm)[0]
    assert answers.count(None) == 1
    assert all(isinstance(one, NotPossibleNow) for one in answers if one is not None)
    told = {said(one) for one in answers if one is not None}
    assert any(firms.actor(owner or "").name in one for one in told)
    assert firms.whys(firm) == ["created", "released", "claimed"]


def test_somebody_who_takes_many_at_once_gets_no_more_than_a_day_allows(firms: Firms) -> None:
    found = [firms.pooled(f"甬江{number}") for number in range(6)]
    answers = at_once(6, lambda number: firms.take("rep", found[number]))

    assert answers.count(None) == 3
    assert {said(one) for one in answers if one is not None} == {"你今天已领取 3 条，达到每天的上限；请明天再来。"}
    firms.clock.at += DAY
    left = next(one for one, answer in zip(found, answers, strict=True) if answer is not None)
    firms.take("rep", left)


def test_what_one_owns_already_counts_but_for_what_is_won(firms: Firms) -> None:
    for number in range(4):
        firms.create("stranger", "firm", name=f"甬江{number}")
    firm = firms.pooled("东海")
    assert "4" in said(refused(lambda: firms.take("stranger", firm)))
    with firms.store.read() as session:
        mine = queries.list_records(session, "firm", ListQuery(), actor=firms.actor("stranger")).records[0]
    firms.update("stranger", mine, won=True)

    firms.take("stranger", firm)


def test_whoever_gave_a_record_back_waits_before_taking_it_again(firms: Firms) -> None:
    firm = firms.create("rep", "firm", name="甬江")
    firms.release("rep", firm, reason="联系不上")
    firms.clock.at += 14 * DAY
    assert "冷却" in said(refused(lambda: firms.take("rep", firm)))
    firms.clock.at += 1 * DAY
    firms.take("rep", firm)

    assert firms.whys(firm) == ["created", "released", "claimed"]


def test_giving_back_needs_a_reason_a_pool_and_the_right(firms: Firms) -> None:
    firm = firms.create("rep", "firm", name="甬江")
    assert "原因" in said(refused(lambda: firms.release("rep", firm, reason=" ")))
    assert "public" in said(refused(lambda: firms.release("rep", firm, pool="nowhere")))
    assert isinstance(refused(lambda: firms.release("stranger", firm)), NotFound)
    firms.release("rep", firm, pool="old")
    assert isinstance(refused(lambda: firms.release("chief", firm)), NotPossibleNow)
    assert isinstance(refused(lambda: firms.take("rep", firm)), NotFound)  # no pool of theirs


def test_whoever_looks_after_a_pool_gives_to_members_and_takes_nothing(firms: Firms) -> None:
    firm = firms.pooled("甬江")
    assert isinstance(refused(lambda: firms.take("lead", firm)), NotAllowed)
    assert isinstance(refused(lambda: firms.give("rep", firm, "rep")), NotAllowed)
    assert isinstance(refused(lambda: firms.give("lead", firm, "chief")), InvalidValues)
    firms.give("lead", firm, "rep2")
    firms.look()

    assert firms.state(firm)[0] == "rep2"
    assert firms.told("rep2", firm) == ["ownership_assigned"]
    assert said(refused(lambda: firms.take("rep", firm))).startswith("你晚了一步")


def test_an_owner_chosen_in_a_form_takes_a_record_out_of_its_pool(firms: Firms) -> None:
    firm = firms.pooled("甬江")
    seen = firms.get("chief", firm)
    edited = firms.update("chief", seen, owner="", phone="13800138000")
    assert firms.state(firm)[1] == "public"
    firms.update("chief", edited, owner=firms.people["rep"])

    assert firms.state(firm) == ("rep", None, firms.clock.at + 30 * DAY)
    assert firms.whys(firm) == ["created", "released", "assigned"]
    assert "pool.no_admin" in str(
        [one.code for one in refused(lambda: firms.create("chief", "firm", name="东海", pool="public")).errors]  # type: ignore[attr-defined]
    )


def test_the_engine_gives_an_owner_as_anybody_does_but_writes_no_pool_into_a_record(firms: Firms) -> None:
    owned, pooled_one = firms.create("rep", "firm", name="甬江"), firms.pooled("东海")
    engine = engine_actor(firms.people["chief"], None)

    def fill(record: Record, **raw: Any) -> None:
        with firms.store.write() as session:
            seen = firms.get("chief", record).version
            commands.update_record(session, "firm", record.id, raw, version=seen, actor=engine)

    for kept in ({"pool": "public"}, {"pool": ""}, {"protected_until": "2026-09-01T08:00"}):
        refusal = refused(lambda kept=kept: fill(owned, **kept))  # type: ignore[misc]
        assert [(one.path, one.code) for one in refusal.errors] == [(*kept, "value.readonly")]  # type: ignore[attr-defined]
    fill(pooled_one, owner=firms.people["rep"])

    assert firms.state(owned)[:2] == firms.state(pooled_one)[:2] == ("rep", None)
    assert firms.whys(owned) == ["created"]


def test_of_two_that_become_one_the_owner_stays_and_no_pool(firms: Firms) -> None:
    pooled_one, owned = firms.pooled("甬江"), firms.create("rep", "firm", name="甬江阀门")
    kept, other = firms.get("chief", pooled_one), firms.get("chief", owned)
    with firms.store.write() as session:
        merging.merge_records(
            session, "firm", kept.id, other.id, {}, versions=(kept.version, other.version), actor=firms.actor("chief")
        )
    assert firms.state(kept)[:2] == ("rep", None)

    also = firms.pooled("东海")
    kept, other = firms.get("chief", kept), firms.get("chief", also)
    with firms.store.write() as session:
        merging.merge_records(
            session, "firm", kept.id, other.id, {}, versions=(kept.version, other.version), actor=firms.actor("chief")
        )
    assert firms.state(kept)[:2] == ("rep", None)


def test_a_deleted_record_is_nobodys_until_it_comes_back(firms: Firms) -> None:
    from engine.records.commands import restore_record

    now = firms.clock.at
    firm = firms.create("chief", "firm", name="甬江")
    firms.delete("chief", firm)
    firms.look(now + 40 * DAY)
    with firms.store.write() as session:
        restore_record(session, "firm", firm.id, actor=firms.actor("chief"))

    assert firms.state(firm) == ("chief", None, now + 70 * DAY)
    assert firms.whys(firm) == ["created", "restored"]


# ---- what is seen of it


def test_a_member_sees_of_a_pooled_record_what_the_pool_shows_and_nothing_else(firms: Firms) -> None:
    firm = firms.create("stranger", "firm", name="甬江阀门", phone="13800138000", city="nb", grade="a")
    firms.release("stranger", firm)
    actor = firms.actor("rep")
    with firms.store.read() as session:
        page = pooled.list_pooled(session, "firm", "public", ListQuery(), actor=actor)
        mine = next(one for one in page.records if one.id == firm.id)
        alone = pooled.find_pooled(session, "firm", firm.id, actor=actor)
        assert alone is not None
        for found in (mine, alone):
            assert found.values == {
                "id": firm.id, "number": None, "name": "甬江阀门", "city": "nb", "pool": "public",
            }  # fmt: skip
        for asked in (ListQuery(sort="phone"), ListQuery(sort="created_by")):
            with pytest.raises(InvalidValues):
                pooled.list_pooled(session, "firm", "public", asked, actor=actor)
        assert not pooled.list_pooled(session, "firm", "public", ListQuery(text="13800138000"), actor=actor).records
        with pytest.raises(NotFound):
            queries.get_record(session, "firm", firm.id, actor=actor)
        with pytest.raises(NotFound):
            pooled.list_pooled(session, "firm", "old", ListQuery(), actor=actor)
        whole = pooled.find_pooled(session, "firm", firm.id, actor=firms.actor("chief"))
        assert whole is not None
        assert whole.values["phone"] == "13800138000"


def test_a_search_finds_what_is_in_a_pool_by_what_that_shows_for_its_members_alone(firms: Firms) -> None:
    firm = firms.create("stranger", "firm", name="潮汐蝶阀", phone="13911112222", city="nb", grade="a")
    firms.release("stranger", firm)

    def ids(login: str, text: str) -> list[int]:
        with firms.store.read() as session:
            return [one.id for one in queries.search(session, text, actor=firms.actor(login)).get("firm", [])]

    assert ids("rep", "潮汐") == ids("rep", "cxdf") == ids("lead", "潮汐") == ids("chief", "潮汐") == [firm.id]
    assert ids("rep", "潮汐螺阀") == [firm.id], "a name that is nearly so"
    assert ids("chief", "13911112222") == [firm.id]
    assert ids("rep", "13911112222") == ids("guest", "潮汐") == []
    with firms.store.read() as session:
        assert queries.pick(session, "firm", "潮汐", actor=firms.actor("rep")) == [], "nothing to link to"
    firms.take("rep", firm)
    assert ids("rep", "13911112222") == [firm.id] and ids("rep2", "潮汐") == []


# ---- publishing


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_records_that_are_there_begin_when_their_entity_gets_ownership(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("plain")
    request.param = kind  # type: ignore[attr-defined]
    with database_of(request, folder) as database:
        desk = Firms(Store(database, folder / "files", SetClock(START)), SetClock(START))
        desk.clock = desk.store.clock  # type: ignore[assignment]
        catalog.publish(desk.store, to_folder(PLAIN), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        firm = desk.create("rep", "firm", name="甬江", grade="a")
        desk.clock.at = START + 100 * DAY
        before = desk.store.app
        catalog.publish(desk.store, to_folder(FIRMS), actor_id=None, settle=settle_after(before))
        desk.look()

        assert desk.state(firm) == ("rep", None, START + 115 * DAY)
        assert desk.whys(firm) == ["begun"]
        shorter = {**FIRMS, "firm/entity.yaml": FIRM.replace("for: 15d", "for: 4d")}
        desk.clock.at += 10 * DAY
        before = desk.store.app
        catalog.publish(desk.store, to_folder(shorter), actor_id=None, settle=settle_after(before))
        desk.look()
        assert desk.state(firm)[2] == START + 113 * DAY
        assert desk.told("rep", firm) == ["ownership_warned"]
