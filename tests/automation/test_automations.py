"""What the YAML says happens by itself: once for each occasion, at its time, by the rules that hold for people too."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from engine.automation import assigning, doing, jobs, notices, running, runs, states
from engine.changing.nightly import keep_nightly
from engine.clock import SetClock
from engine.people import accounts, delegations, groups
from engine.people.actor import Actor
from engine.records import commands, queries
from engine.records.comments import add_comment
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.automation_tables import runs as table
from engine.storage.store import Store
from engine.storage.system_tables import history, outbox
from engine.workflow.transitions import move_record
from tests.automation.helpdesk import HELPDESK, with_rules
from tests.conftest import to_folder
from tests.records.databases import database_of

MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai


class Desk:
    """A store with three people, and short ways to do what people do."""

    def __init__(self, store: Store, clock: SetClock) -> None:
        self.store, self.clock = store, clock
        self.ids: dict[str, int] = {}

    def publish(self, rules: str, entity: str = "ticket") -> None:
        catalog.publish(self.store, to_folder(with_rules(rules, entity)), actor_id=None)
        jobs.look(self.store)

    def actor(self, login: str) -> Actor:
        with self.store.read() as session:
            return accounts.get_actor(session.connection, self.ids[login], via="web")

    def create(self, entity: str = "ticket", login: str = "ann", **raw: Any) -> Record:
        raw = {"title": "漏水", **raw} if entity == "ticket" else raw
        with self.store.write() as session:
            made = commands.create_record(session, entity, raw, actor=self.actor(login))
        jobs.look(self.store)
        return made

    def change(self, record: Record, login: str = "boss", **raw: Any) -> None:
        with self.store.write() as session:
            now = queries.get_record(session, record.entity, record.id, actor=self.actor(login))
            commands.update_record(session, record.entity, record.id, raw, version=now.version, actor=self.actor(login))
        jobs.look(self.store)

    def move(self, record: Record, move: str, login: str = "ann", **raw: Any) -> None:
        with self.store.write() as session:
            now = queries.get_record(session, record.entity, record.id, actor=self.actor(login))
            move_record(session, "ticket", record.id, move, raw=raw, version=now.version, actor=self.actor(login))
        jobs.look(self.store)

    def wait(self, **time: int) -> None:
        self.clock.advance(timedelta(**time))
        jobs.look(self.store)

    def values(self, record: Record) -> dict[str, Any]:
        with self.store.read() as session:
            return dict(queries.get_record(session, record.entity, record.id, actor=self.actor("boss")).values)

    def told(self, record: Record) -> list[tuple[str, str]]:
        names = {id_: login for login, id_ in self.ids.items()}
        with self.store.read() as session:
            return [(names[user], said) for user, said in notices.list_told(session, record.entity, record.id)]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.store.read() as session:
            return [tuple(row) for row in session.connection.execute(text(sql))]

    def runs(self, record: Record) -> list[tuple[str, str]]:
        with self.store.read() as session:
            found = runs.list_runs(session, entity=record.entity, record_id=record.id)
        return [(one.automation.partition(".")[2], one.state) for one in reversed(found)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("automations")
    clock = SetClock(MONDAY)
    with database_of(request, folder) as database:
        store = Store(database, folder / "files", clock)
        catalog.publish(store, to_folder(HELPDESK), actor_id=None)
        desk = Desk(store, clock)
        with store.write() as session:
            for login, role in (("boss", "boss"), ("ann", "agent"), ("bob", "agent"), ("root", "admin")):
                manager = desk.ids.get("boss")
                desk.ids[login] = accounts.create_user(
                    session, login=login, name=login, password=None, roles=[role], actor=None, manager=manager
                )
        yield desk


@pytest.fixture
def desk(shared: Desk) -> Desk:
    """The desk on Monday morning, with nothing under way."""
    shared.clock.at = MONDAY
    with shared.store.write() as session:
        for name in ("fw_runs", "fw_automations", "fw_assignments", "fw_notices", "fw_outbox"):
            session.connection.execute(text(f"DELETE FROM {name}"))
        session.connection.execute(text("UPDATE e_ticket SET deleted_at = created_at"))
    return shared


# ---- what starts one


def test_created_changed_moved_commented_and_a_file_start_what_they_should(desk: Desk) -> None:
    desk.publish("""
born:    {label: 新建, on: {created: true}, do: [{set: {mark: "'新'"}}]}
raised:  {label: 升级, on: {changed: [level], from: [low], to: [high]},
  do: [{notify: [{person: owner}], text: 升到高}]}
any:     {label: 任何修改, on: {changed: [any]}, when: "amount > 500",
  do: [{notify: [{role: boss}], text: "{amount}"}]}
closed:  {label: 关闭, on: {moved: [shut]}, do: [{notify: [{role: boss}], text: 关了}]}
spoken:  {label: 评论, on: {commented: true}, do: [{notify: [{person: owner}], text: 有评论}]}
""")
    ticket = desk.create(level="low")
    assert (desk.values(ticket)["mark"], desk.runs(ticket)) == ("新", [("born", "done"), ("any", "skipped")])

    desk.change(ticket, level="high")
    desk.change(ticket, level="low")
    assert desk.told(ticket) == [("ann", "升到高")]

    desk.change(ticket, amount="1200")
    desk.move(ticket, "close")
    assert desk.told(ticket)[1:] == [("boss", "1,200.00"), ("boss", "1,200.00"), ("boss", "关了")]

    with desk.store.write() as session:
        add_comment(session, "ticket", ticket.id, text="看一下", actor=desk.actor("boss"))
    jobs.look(desk.store)
    assert desk.told(ticket)[-1] == ("ann", "有评论")


def test_a_clock_that_jumps_ahead_and_back_again_does_nothing_twice_and_forgets_nothing(desk: Desk) -> None:
    desk.publish("""
daily: {label: 每日, on: {every: "day 09:00", once: true}, do: [{notify: [{role: boss}], text: 早}]}
dated: {label: 到期, on: {at: [due]}, do: [{set: {count: "default(count, 0) + 1"}}]}
waits: {label: 等待, on: {created: true}, do: [{wait: 1d}, {set: {mark: "'到'"}}]}
""")
    greeted = lambda: desk.rows("SELECT count(*) FROM fw_notices WHERE entity IS NULL")  # noqa: E731
    ticket = desk.create(due="2026-03-03")
    desk.wait(days=3)
    assert (desk.values(ticket)["count"], desk.values(ticket)["mark"], greeted()) == (1, "到", [(1,)])

    desk.wait(days=-5)
    other = desk.create(due="2026-03-01")
    assert (desk.values(other)["count"], greeted()) == (None, [(1,)])
    desk.wait(days=5)
    assert [desk.values(one)["count"] for one in (ticket, other)] == [1, 1]
    assert (desk.values(other)["mark"], greeted()) == ("到", [(1,)])
    desk.wait(days=1)
    assert greeted() == [(2,)]


def test_an_event_delivered_twice_starts_one_run(desk: Desk) -> None:
    desk.publish("""born: {label: 新建, on: {created: true}, do: [{set: {count: "default(count, 0) + 1"}}]}""")
    ticket = desk.create()
    with desk.store.write() as session:
        session.connection.execute(update(outbox).values(done_at=None))

    jobs.look(desk.store)

    assert desk.values(ticket)["count"] == 1


def test_a_date_gives_moments_that_follow_it_and_the_last_one_missed_is_told(desk: Desk) -> None:
    desk.publish("""
due: {label: 到期, on: {at: [7d before due, due, 3d after due], time: "09:00"},
  do: [{notify: [{person: owner}], text: "{due}"}]}
""")
    ticket = desk.create(due=date(2026, 3, 12))
    desk.wait(days=2)  # Wednesday 10:00; the seventh day before is Thursday 09:00
    assert desk.told(ticket) == []
    desk.wait(hours=23)
    assert desk.told(ticket) == [("ann", "2026-03-12")]

    desk.change(ticket, due="2026-03-20")  # moved: what was armed for the old date does not come
    desk.wait(days=10)
    assert len(desk.told(ticket)) == 2  # the seventh day before the new one

    desk.wait(days=30)  # a standstill over the day and the third day after it
    assert [said for _, said in desk.told(ticket)] == ["2026-03-12", "2026-03-20", "2026-03-20"]


def test_a_date_that_moves_away_and_back_is_told_once_and_a_new_release_loses_nothing(desk: Desk) -> None:
    rules = """due: {label: 到期, on: {at: [due]}, do: [{notify: [{person: owner}], text: 到期}]}"""
    desk.publish(rules)
    ticket = desk.create(due=date(2026, 3, 5))
    desk.change(ticket, due="2026-03-20")
    desk.change(ticket, due="2026-03-05")
    desk.publish(rules.replace("[due]", "[due, 30d after due]"))
    desk.wait(days=3)
    assert len(desk.told(ticket)) == 1
    desk.change(ticket, due="2026-03-21")
    desk.change(ticket, due="2026-03-05")
    desk.wait(days=1)
    assert len(desk.told(ticket)) == 1


def test_working_minutes_after_a_moment_and_the_condition_at_that_time(desk: Desk) -> None:
    desk.publish("""
slow: {label: 超时, on: {at: [30wm after received]}, when: "stage = 'open'",
  do: [{notify: [{manager_of: owner}], text: 没人处理}]}
""")
    late = desk.create(received="2026-03-02T17:20")  # ten working minutes before closing time
    prompt = desk.create(received="2026-03-02T10:00")
    desk.move(prompt, "begin")
    desk.wait(hours=22)  # Tuesday 08:00
    assert (desk.told(late), desk.runs(prompt)) == ([], [("slow", "skipped")])

    desk.wait(minutes=51)  # 08:51, of which 21 are working minutes
    assert desk.told(late) == [("boss", "没人处理")]


def test_new_moments_arm_the_records_there_are_without_waking_the_past(desk: Desk) -> None:
    desk.publish("""other: {label: 无关, on: {created: true}, do: [{notify: [{role: boss}], text: 无}]}""")
    past, coming = desk.create(due=date(2026, 3, 1)), desk.create(due=date(2026, 3, 4))

    desk.publish("""due: {label: 到期, on: {at: [due]}, do: [{notify: [{person: owner}], text: 到期}]}""")
    desk.wait(days=3)

    assert (len(desk.told(past)), desk.told(coming)[-1]) == (1, ("ann", "到期"))


def test_a_schedule_comes_round_once_for_each_record_even_after_a_standstill(desk: Desk) -> None:
    desk.publish("""
weekly: {label: 周报, on: {every: "Monday 09:30"}, when: "level = 'high'",
  do: [{notify: [{person: owner}], text: 周报}]}
""")
    high, low = desk.create(level="high"), desk.create(level="low")
    assert desk.told(high) == []  # this Monday was before the automation
    desk.wait(days=7)
    desk.wait(minutes=1)
    assert (desk.told(high), desk.told(low)) == ([("ann", "周报")], [])
    desk.wait(days=21)
    assert len(desk.told(high)) == 2


def test_nothing_for_so_long_is_noticed_once(desk: Desk) -> None:
    desk.publish("""
quiet: {label: 久未回访, on: {idle: 5d, without: visit, time: "09:00"},
  do: [{notify: [{person: owner}], text: 该回访了}]}
""")
    ticket, visited = desk.create(), desk.create()
    desk.wait(days=3)
    desk.create("visit", ticket=visited.id, topic="电话")
    for _ in range(4):
        desk.wait(days=1)
    assert (desk.told(ticket), desk.told(visited)) == ([("ann", "该回访了")], [])
    desk.wait(days=2)
    assert len(desk.told(visited)) == 1


# ---- what is done


def test_steps_branch_wait_and_go_through_linked_records(desk: Desk) -> None:
    desk.publish("""
care:
  label: 关怀
  on: {moved: [work]}
  do:
    - create: visit
      link: ticket
      with: {topic: "join('回访 ', title)"}
    - wait: 2d
    - if: "level = 'high'"
      then: [{set: {mark: "'高'"}}]
      else: [{set: {mark: "'普通'"}}]
    - for_each: visit
      where: "done is missing"
      do:
        - set: {topic: "join(topic, ' ', record.mark)"}
    - move: close
""")
    ticket = desk.create(level="high")
    desk.move(ticket, "begin")
    assert desk.runs(ticket) == [("care", "pending")]
    desk.wait(days=1)
    assert desk.values(ticket)["mark"] is None
    desk.wait(days=1)

    assert (desk.values(ticket)["mark"], desk.values(ticket)["stage"]) == ("高", "shut")
    with desk.store.read() as session:
        [topic] = session.connection.scalars(text("SELECT topic FROM e_visit WHERE ticket = :id"), {"id": ticket.id})
        run = runs.list_runs(session, entity="ticket", record_id=ticket.id)[0]
        vias = session.connection.scalars(select(history.c.via).where(history.c.record_id == ticket.id)).all()
    assert topic == "回访 漏水 高"
    each = run.trace[4]["records"][0]
    assert [line["step"] for line in run.trace] == ["1", "2", "3", "3.then.1", "4", f"{each}:4.1", "5"]
    assert run.trace[0]["at"] == "ticket/automations.yaml:7"
    assert vias.count("automation") == 2


def test_a_refused_step_does_nothing_and_says_why(desk: Desk) -> None:
    desk.publish("""
bad: {label: 关闭, on: {changed: [level]}, do: [{set: {amount: "1"}}, {move: close}]}
""")
    ticket = desk.create()
    desk.change(ticket, level="high")

    assert (desk.values(ticket)["amount"], desk.values(ticket)["stage"]) == (None, "open")
    with desk.store.read() as session:
        [run] = runs.list_runs(session, entity="ticket", record_id=ticket.id)
    assert (run.state, run.error and run.error["step"]) == ("failed", "2")
    assert "标注" in str(run.error)


def test_rules_hold_for_automations_too(desk: Desk) -> None:
    desk.publish("""minus: {label: 负数, on: {changed: [level]}, do: [{set: {amount: "0 - 5"}}]}""")
    ticket = desk.create()
    desk.change(ticket, level="high")
    assert (desk.runs(ticket), desk.values(ticket)["amount"]) == ([("minus", "failed")], None)


def test_assignments_go_round_leave_out_who_is_away_and_keep_the_reason(desk: Desk) -> None:
    desk.publish("""
deal: {label: 分派, on: {created: true}, do: [{assign: [{role: agent}], at_most: 3, counting: "stage = 'open'"}]}
""")
    with desk.store.write() as session:
        now = session.now()
        delegations.create_delegation(
            session, principal=desk.ids["ann"], deputy=desk.ids["bob"], actor=None,
            starts_at=now + timedelta(hours=2), ends_at=now + timedelta(hours=4),
        )  # fmt: skip
    owners = [desk.values(desk.create(login="boss"))["owner"] for _ in range(4)]
    assert owners == [desk.ids["ann"], desk.ids["bob"]] * 2
    desk.wait(hours=3)
    away = desk.create(login="boss")
    assert desk.values(away)["owner"] == desk.ids["bob"]
    full = desk.create(login="boss")
    assert (desk.runs(full), desk.values(full)["owner"]) == ([("deal", "failed")], desk.ids["boss"])
    with desk.store.read() as session:
        kept = session.connection.execute(select(assigning.assignments.c.why)).scalars().all()
    assert kept[-1] == {"step": "1", "by": "turn", "among": 2, "away": [desk.ids["ann"]], "full": [], "load": 2}


def test_where_nobody_is_found_the_next_people_are_asked_and_what_fired_is_kept(desk: Desk) -> None:
    desk.publish("""
deal:
  label: 分派
  on: {created: true}
  do:
    - assign: [{role: agent, match: level}]
      at_most: 1
      then: [{set: {count: "1"}}]
      else:
        - assign: [{user: bob}]
          at_most: 2
          then: [{set: {count: "2"}}]
          else: [{set: {count: "3"}}]
    - notify: [{role: boss}]
      text: "{title} {count}"
""")
    with desk.store.write() as session:
        groups.set_responsible(session, desk.ids["ann"], "level", ["high"], actor=None)
    made = [desk.create(login="boss", level=level) for level in ("high", "high", "low", "low")]

    assert [desk.values(one)["owner"] for one in made] == [desk.ids[who] for who in ("ann", "bob", "bob", "boss")]
    assert [desk.values(one)["count"] for one in made] == [1, 2, 2, 3]
    assert [desk.runs(one) for one in made] == [[("deal", "done")]] * 4
    with desk.store.read() as session:
        kept = session.connection.execute(select(assigning.assignments.c.why)).scalars().all()
    assert [why["step"] for why in kept] == ["1", "1.else.1", "1.else.1"]
    assert [told for one in made for told in desk.told(one)] == [("boss", f"漏水 {n}") for n in (1, 2, 2, 3)]


def test_whoever_is_disabled_is_given_nothing(desk: Desk) -> None:
    desk.publish("""
deal: {label: 分派, on: {created: true}, do: [{assign: [{role: agent}], else: [{set: {count: "0"}}]}]}
""")
    with desk.store.write() as session:
        accounts.disable_user(session, desk.ids["ann"], actor=None)
    assert [desk.values(desk.create(login="boss"))["owner"] for _ in range(2)] == [desk.ids["bob"]] * 2
    with desk.store.write() as session:
        accounts.disable_user(session, desk.ids["bob"], actor=None)
    nobody = desk.create(login="boss")
    with desk.store.write() as session:
        for login in ("ann", "bob"):
            accounts.enable_user(session, desk.ids[login], actor=None)
    assert (desk.values(nobody)["owner"], desk.values(nobody)["count"]) == (desk.ids["boss"], 0)


def test_nobody_is_told_what_is_hidden_from_them(desk: Desk) -> None:
    desk.publish("""
leak: {label: 泄露, on: {changed: [level]},
  do: [{notify: [{role: agent}, {role: boss}], text: "{title} {secret}"}]}
""")
    ticket = desk.create()
    desk.change(ticket, secret="100", level="high")
    assert desk.told(ticket) == [("ann", "漏水 •••"), ("boss", "漏水 100")]  # bob may not see the record


# ---- what goes wrong


def test_a_loop_is_found_and_stopped(desk: Desk) -> None:
    desk.publish("""
ping: {label: 来, on: {changed: [count]}, do: [{set: {amount: "default(amount, 0) + 1"}}]}
pong: {label: 回, on: {changed: [amount]}, do: [{set: {count: "default(count, 0) + 1"}}]}
""")
    ticket = desk.create()
    desk.change(ticket, count=1)
    assert desk.runs(ticket) == [("ping", "done"), ("pong", "done"), ("ping", "stopped")]
    assert (desk.values(ticket)["count"], desk.values(ticket)["amount"]) == (2, 1)


def test_an_automation_that_keeps_failing_is_set_aside_and_the_rest_goes_on(desk: Desk) -> None:
    desk.publish("""
bad:  {label: 坏, on: {changed: [level]}, do: [{move: close}]}
good: {label: 好, on: {changed: [level]}, do: [{notify: [{person: owner}], text: 好}]}
""")
    ticket = desk.create()
    for turn in range(6):
        desk.change(ticket, level="high" if turn % 2 == 0 else "low")

    with desk.store.read() as session:
        state = states.read_states(session)["ticket.bad"]
        waiting = session.connection.scalar(select(func.count()).select_from(table).where(table.c.state == "pending"))
    assert state.disabled_at is not None and state.why is not None and "标注" in str(state.why)
    assert [state for key, state in desk.runs(ticket) if key == "bad"] == ["failed"] * 5 + ["dropped"]
    assert (len(desk.told(ticket)), waiting) == (6, 0)

    with desk.store.write() as session:
        states.enable(session, "ticket.bad", actor=desk.actor("root"))
    desk.change(ticket, level="high", mark="有")
    assert (desk.values(ticket)["stage"], desk.runs(ticket)[-2][1]) == ("shut", "done")


def test_a_run_that_breaks_is_tried_again_and_then_parked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.publish("""born: {label: 新建, on: {created: true}, do: [{set: {mark: "'新'"}}]}""")

    def burst(scene: Any, step: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setitem(doing.DO, "set", burst)  # type: ignore[arg-type]
    ticket = desk.create()
    assert desk.runs(ticket) == [("born", "pending")]
    for wait in running.RETRY_AFTER:
        desk.wait(seconds=int(wait.total_seconds()) + 1)
    assert desk.runs(ticket) == [("born", "parked")]


def test_a_program_that_changed_does_not_go_on_from_the_middle(desk: Desk) -> None:
    rule = """care: {{label: 关怀, on: {{created: true}}, do: [{{wait: 1d}}, {{set: {{mark: "'{}'"}}}}]}}"""
    desk.publish(rule.format("一"))
    ticket = desk.create()
    desk.publish(rule.format("二"))
    desk.wait(days=2)
    assert (desk.runs(ticket), desk.values(ticket)["mark"]) == ([("care", "dropped")], None)


def test_a_renamed_automation_goes_on(desk: Desk) -> None:
    desk.publish("""care: {label: 关怀, on: {created: true}, do: [{wait: 1d}, {set: {mark: "'到'"}}]}""")
    ticket = desk.create()
    desk.publish("""after: {label: 关怀, was: care, on: {created: true},
  do: [{wait: 1d}, {set: {mark: "'到'"}}]}""")
    desk.wait(days=2)
    assert (desk.runs(ticket), desk.values(ticket)["mark"]) == ([("after", "done")], "到")


def test_what_came_to_nothing_is_forgotten_after_a_week_and_what_waits_is_not(desk: Desk) -> None:
    desk.publish("""
never: {label: 从不, on: {created: true}, when: "level = 'high'", do: [{set: {mark: "'高'"}}]}
later: {label: 以后, on: {created: true}, do: [{set: {mark: "'到'"}}, {wait: 90d}, {set: {mark: "'过'"}}]}
""")
    ticket = desk.create()
    assert desk.runs(ticket) == [("never", "skipped"), ("later", "pending")]
    for _ in range(9):
        desk.wait(days=1)
        keep_nightly(desk.store)
        jobs.look(desk.store)
    assert desk.runs(ticket) == [("later", "pending")]
    desk.wait(days=90)
    assert desk.values(ticket)["mark"] == "过"


def test_two_workers_at_once_run_each_once(desk: Desk, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    desk.publish("""born: {label: 新建, on: {created: true}, do: [{set: {count: "default(count, 0) + 1"}}]}""")
    with desk.store.write() as session:
        made = [
            commands.create_record(session, "ticket", {"title": str(number)}, actor=desk.actor("ann"))
            for number in range(30)
        ]
    look: Callable[[int], int] = lambda _: jobs.look(desk.store)  # noqa: E731
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, range(8)))
    jobs.look(desk.store)
    assert {desk.values(one)["count"] for one in made} == {1}
