"""20: moving what runs to the release that holds: the plan is what happens; what cannot be moved stays as it was."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.changing.migrating import AS_IT_IS, MigrationPlan, Verdict, migrate, plan_migration
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.approval_tables import approval_events, approvals, tasks
from engine.storage.stage_tables import timers
from engine.storage.system_tables import audit
from engine.workflow.approval import drafts, log, task_rows
from engine.workflow.approval.fold import fold
from engine.workflow.approval.moving import TIMERS, Chosen
from tests.changing.conftest import draft_of
from tests.changing.test_classes import (
    ALL,
    APPROVAL,
    GONE,
    LONGER,
    MANAGER,
    ONE_MORE,
    OTHER_PEOPLE,
    UNGUARDED,
    WORKFLOW,
    Change,
)
from tests.workflow.site import Site

FIRST: Change = (APPROVAL, MANAGER, f"before:   {{label: 预审, who: [{{role: finance}}]}}\n  {MANAGER}")
OTHER_MOVE: Change = (
    WORKFLOW,
    "to: [approved], during: review, approval: spend",
    "to: [approved], during: review, approval: everyone",
)
NOBODY: tuple[Change, ...] = (
    (APPROVAL, MANAGER, "manager:  {label: 直属上级, who: [{role: legal}]}"),
    (APPROVAL, "empty: {assign: [{role: admin}]}", "empty: {assign: [{role: legal}]}"),
)
LATE = (
    "late: {soon: {at: 4wh, do: [{remind: [{person: holder}]}]}, over: {at: 3d, do: [{hand_over: [{role: finance}]}]}}"
)


def publish(site: Site, *changes: Change) -> None:
    catalog.publish(site.store, draft_of(*changes), actor_id=None)


def planned(site: Site, *, chosen: Chosen = AS_IT_IS, **which: Any) -> MigrationPlan:
    with site.store.read() as session:
        return plan_migration(session, chosen=chosen, **which)


def moved(site: Site, plan: MigrationPlan, actor: str = "admin", reason: str = "新制度") -> None:
    for verdict in plan.moves:
        with site.store.write() as session:
            migrate(session, plan, verdict, reason=reason, actor=site.actor(actor))


def fates(verdict: Verdict) -> dict[str, tuple[str, str]]:
    assert verdict.moving is not None, verdict.refused
    return {one.step: (one.fate, one.why) for one in verdict.moving.steps}


def armed(site: Site, record: Record) -> dict[str, Any]:
    with site.store.read() as session:
        own = (timers.c.record_id == record.id, timers.c.state == "pending", timers.c.kind == task_rows.LATE)
        return dict(session.connection.execute(select(timers.c.key, timers.c.due_at).where(*own)).all())


def rows_of(site: Site, record: Record) -> Any:
    """All that is kept of a record's approval."""
    with site.store.read() as session:
        own = approvals.c.id == site.approval(record)
        return (
            session.connection.execute(select(approvals).where(own)).all(),
            session.connection.execute(select(tasks).where(tasks.c.approval_id == site.approval(record))).all(),
            session.connection.execute(
                select(timers).where(timers.c.record_id == record.id).order_by(timers.c.id)
            ).all(),
        )


def test_what_runs_under_the_present_release_or_its_rules_is_not_moved(site: Site) -> None:
    site.submitted()
    assert planned(site).verdicts == ()
    publish(site, (WORKFLOW, "label: 付款流程", "label: 付款的流程"))
    assert [one.kind for one in planned(site).verdicts] == ["same"]


def test_an_open_step_that_asks_the_same_keeps_its_holder_draft_and_votes(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.decide("manager", record)
    task = site.task("boss", record)
    with site.store.write() as session:
        drafts.save_draft(session, task, "看一下毛利", actor=site.actor("boss"))
    publish(site, ONE_MORE, RELABELLED_REST)
    plan = planned(site)
    assert fates(plan.verdicts[0]) == {
        "manager": ("kept", ""), "second": ("asked", ""), "director": ("open", ""),
    }  # fmt: skip
    moved(site, plan)
    assert sorted(site.waiting(record)) == ["boss", "money", "money2"]
    assert site.task("boss", record) == task
    with site.store.read() as session:
        assert drafts.find_draft(session, task, actor=site.actor("boss")) == "看一下毛利"
    for login in ("boss", "money"):
        site.decide(login, record)
    site.decide("money2", record)
    assert site.stage(record) == "approved"


RELABELLED_REST: Change = (APPROVAL, "label: 总监", "label: 销售总监")


def test_a_step_that_asks_others_is_asked_again_and_its_votes_stay_in_history_only(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.decide("manager", record)
    publish(site, OTHER_PEOPLE)
    plan = planned(site)
    verdict = plan.verdicts[0]
    assert fates(verdict)["manager"] == ("again", "changed")
    again = next(one for one in verdict.moving.steps if one.step == "manager") if verdict.moving else None
    assert again is not None and (again.people, again.lost) == (("王总",), ("李经理",))
    moved(site, plan)
    state = site.state(record)
    assert [task.status for task in state.tasks_of("manager")] == ["approved", "open"]
    assert state.tasks_of("manager")[1].person.name == "王总"


def test_a_vote_of_somebody_who_would_not_be_asked_any_more_falls(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.decide("manager", record)
    with site.store.write() as session:
        accounts.update_user(session, site.people["clerk"], manager=site.people["boss"], actor=None)
    publish(site, LONGER)
    plan = planned(site)
    assert fates(plan.verdicts[0])["manager"] == ("again", "holder")
    moved(site, plan)
    assert "boss" in site.waiting(record)


def test_votes_about_other_content_fall(site: Site) -> None:
    record = site.submitted(price=20_000)
    site.decide("manager", record)
    publish(site, UNGUARDED)
    plan = planned(site)
    assert fates(plan.verdicts[0])["manager"] == ("again", "content")
    moved(site, plan)
    state = site.state(record)
    assert sorted(site.waiting(record)) == ["boss", "manager"]
    assert list(state.origin["guard"]) == ["items"]
    site.decide("manager", record)
    assert state.content == site.state(record).content


def test_a_step_that_is_gone_is_not_asked_any_more_and_the_next_is(site: Site) -> None:
    record = site.submitted(price=20_000)
    publish(site, GONE)
    plan = planned(site)
    assert fates(plan.verdicts[0]) == {"manager": ("gone", ""), "director": ("asked", "")}
    moved(site, plan)
    assert site.waiting(record) == ["boss"]
    assert [step.key for step in site.state(record).steps if step.gone] == ["manager"]
    site.decide("boss", record, "return")
    assert site.stage(record) == "draft"


def test_a_mapping_carries_a_step_over_with_whoever_holds_it(site: Site) -> None:
    record = site.submitted(price=20_000)
    task = site.task("manager", record)
    changes = (APPROVAL, MANAGER, "head:     {label: 部门负责人, who: [{role: director}]}")
    publish(site, changes)
    with pytest.raises(InvalidValues):
        planned(site, chosen=Chosen({"manager": "nowhere"}), definitions=["spend"])
    with pytest.raises(InvalidValues):
        planned(site, chosen=Chosen({"manager": "head"}))
    plan = planned(site, chosen=Chosen({"manager": "head"}), definitions=["spend"])
    assert fates(plan.verdicts[0])["head"] == ("open", "")
    moved(site, plan)
    assert (site.waiting(record), site.task("manager", record)) == (["manager"], task)
    with site.store.read() as session:
        assert session.connection.scalar(select(tasks.c.step).where(tasks.c.id == task)) == "head"
    site.decide("manager", record)
    assert site.waiting(record) == ["boss"]


def test_a_step_takes_the_place_of_one_nobody_was_asked_in_yet_and_of_no_other(site: Site) -> None:
    record, late = site.submitted(price=20_000), site.submitted(price=20_000)
    site.decide("manager", late)
    publish(site, GONE)
    plan = planned(site, chosen=Chosen({"manager": "director"}), definitions=["spend"])
    verdicts = {one.record_id: one for one in plan.verdicts}
    assert fates(verdicts[record.id]) == {"director": ("open", "")}
    assert "migrate.map_taken" in str(verdicts[late.id].refused)
    moved(site, plan)
    assert (site.waiting(record), sorted(site.waiting(late))) == (["manager"], ["boss"])
    assert [step.key for step in site.state(record).steps].count("director") == 1


@pytest.mark.parametrize("choice", TIMERS)
def test_timers_go_on_start_anew_or_are_dropped_as_chosen(site: Site, choice: Any) -> None:
    publish(site, (APPROVAL, MANAGER, MANAGER.replace("}]}", f"}}], {LATE}}}")))
    record = site.submitted(price=20_000)
    before, due = armed(site, record), site.state(record).open_tasks[0].due
    assert set(before) == {"soon", "over"} and due is not None
    later = LATE.replace(" over:", " other:")
    publish(site, LONGER, (APPROVAL, MANAGER, MANAGER.replace("}]}", f"}}], {later}}}")))
    site.clock.at += timedelta(hours=1)
    plan = planned(site, chosen=Chosen(timers=choice))
    moving = plan.verdicts[0].moving
    assert moving is not None
    moved(site, plan)
    after, [task] = armed(site, record), site.state(record).open_tasks
    told = {(one.rule, one.fate) for one in moving.timers}
    if choice == "drop":
        assert (after, task.due) == ({}, None)
        assert told == {("", "dropped"), ("soon", "dropped"), ("over", "dropped")}
    elif choice == "restart":
        assert set(after) == {"soon", "other"} and after["soon"] > before["soon"] and task.due > due
        assert told == {("", "restarted"), ("soon", "restarted"), ("other", "new"), ("over", "gone")}
    else:
        assert (after["soon"], task.due) == (before["soon"], due) and set(after) == {"soon", "other"}
        assert told == {("", "kept"), ("soon", "kept"), ("other", "new"), ("over", "gone")}
    with site.store.read() as session:
        row = session.connection.execute(select(tasks.c.due_at).where(tasks.c.id == site.task("manager", record)))
        assert row.scalar_one() == task.due
    site.decide("manager", record)
    assert not {key for key in armed(site, record) if key in before and armed(site, record)[key] == before[key]}


@pytest.mark.parametrize(
    "changes, code",
    [((OTHER_MOVE,), "migrate.move_gone"), (NOBODY, "migrate.nobody")],
)
def test_what_cannot_be_moved_says_why_and_stays_as_it_was(site: Site, changes: tuple[Change, ...], code: str) -> None:
    record = site.submitted(price=20_000)
    publish(site, *changes)
    before = rows_of(site, record)
    [verdict] = planned(site).verdicts
    assert verdict.kind == "refused" and getattr(verdict.refused, "code", "") == code
    plan = MigrationPlan(0, AS_IT_IS, (verdict,))
    with pytest.raises(NotPossibleNow), site.store.write() as session:
        migrate(session, plan, verdict, reason="x", actor=site.actor("admin"))
    assert rows_of(site, record) == before


def test_it_is_for_administrators_with_a_reason_and_leaves_who_when_and_what(site: Site) -> None:
    record = site.submitted(price=20_000)
    publish(site, OTHER_PEOPLE)
    plan = planned(site, ids=[site.approval(record)])
    for actor, reason, error in (("boss", "x", NotAllowed), ("admin", " ", InvalidValues)):
        with pytest.raises(error):
            moved(site, plan, actor, reason)
    moved(site, plan)
    with site.store.read() as session:
        row = session.connection.execute(select(audit).where(audit.c.action == "approval.migrate")).one()
        assert row.subject == f"approval:{site.approval(record)}" and row.actor_id == site.people["admin"]
        assert row.details["to"] == session.release_id and row.details["reason"] == "新制度"
        release = select(approvals.c.release_id).where(approvals.c.id == site.approval(record))
        assert session.connection.scalar(release) == session.release_id
    entry = site.history(record)[-1]
    assert (entry.action, entry.note, entry.actor_id) == ("migrate", "新制度", site.people["admin"])
    assert site.events(record)[-1] == "approval.asked"


def test_done_again_it_changes_nothing_and_what_moved_meanwhile_is_refused(site: Site) -> None:
    record, other = site.submitted(price=20_000), site.submitted(price=20_000)
    publish(site, OTHER_PEOPLE)
    plan = planned(site)
    site.decide("manager", other)
    before = rows_of(site, other)
    with site.store.write() as session:
        migrate(session, plan, plan.moves[0], reason="x", actor=site.actor("admin"))
    written = site.rows()
    with site.store.write() as session:
        migrate(session, plan, plan.moves[0], reason="x", actor=site.actor("admin"))
    assert site.rows() == written
    with pytest.raises(NotPossibleNow), site.store.write() as session:
        migrate(session, plan, plan.moves[1], reason="x", actor=site.actor("admin"))
    assert rows_of(site, other) == before
    publish(site, OTHER_PEOPLE, LONGER)
    with pytest.raises(NotPossibleNow), site.store.write() as session:
        migrate(session, plan, plan.moves[1], reason="x", actor=site.actor("admin"))
    assert [one.id for one in planned(site).moves] == [site.approval(record), site.approval(other)]


def test_what_was_moved_follows_the_renames_of_the_next_release(site: Site) -> None:
    record = site.submitted(price=20_000)
    publish(site, OTHER_PEOPLE)
    moved(site, planned(site))
    renamed = (APPROVAL, "  director: {label: 总监", "  chief:    {label: 总监, was: director")
    publish(site, OTHER_PEOPLE, renamed)
    state = site.state(record)
    assert [step.key for step in state.steps] == ["manager", "expert", "chief", "finance"]
    assert site.waiting(record) == ["boss"]
    assert planned(site).moves == ()
    site.decide("boss", record)
    assert site.waiting(record) == ["money", "money2"]


def test_ids_that_do_not_run_and_definitions_there_are_none_of_are_named(site: Site) -> None:
    record = site.submitted()
    site.decide("manager", record)
    publish(site, LONGER)
    for which in ({"ids": [site.approval(record)]}, {"definitions": ["nothing"]}):
        with pytest.raises(NotFound):
            planned(site, **which)


def test_a_class_is_moved_and_nothing_else(site: Site) -> None:
    first, second = site.submitted(price=20_000), site.submitted(price=20_000)
    site.decide("manager", second)
    publish(site, OTHER_PEOPLE)
    assert [one.id for one in planned(site, classes=["mapping"]).verdicts] == [site.approval(first)]
    assert [one.id for one in planned(site, classes=["moves"]).verdicts] == [site.approval(second)]


@pytest.mark.parametrize("seed", range(8))
def test_the_plan_is_what_happens_and_a_moved_approval_can_always_end(site: Site, seed: int) -> None:
    """Random approvals on random releases: the log folds to what is kept, the verdict to what was done, and what was
    moved ends like any other."""
    dice = random.Random(seed)
    records = [site.submitted(price=dice.choice([500, 20_000])) for _ in range(4)]
    for _ in range(dice.randint(1, 3)):
        for record in records:
            _answer(site, record, dice)
        publish(site, *dice.sample([*ALL, ONE_MORE, FIRST][: 6 + dice.randint(0, 3)], 1))
        plan = planned(site, chosen=Chosen(timers=dice.choice(TIMERS)))
        left = [one.id for one in plan.verdicts if one.kind != "moves"]
        before = _rows_of(site, left, records)
        moved(site, plan)
        assert _rows_of(site, left, records) == before, f"seed {seed}"
        for verdict in plan.moves:
            _check_done(site, verdict)
        assert planned(site).moves == (), f"seed {seed}"
    for record in records:
        for _ in range(20):
            if not site.waiting(record):
                break
            _answer(site, record, dice, always=True)
        assert not site.state(record).running, f"seed {seed}: {site.state(record)}"


def _rows_of(site: Site, ids: list[int], records: list[Record]) -> Any:
    return {site.approval(record): rows_of(site, record) for record in records if site.approval(record) in ids}


def _answer(site: Site, record: Record, dice: random.Random, *, always: bool = False) -> None:
    with site.store.read() as session:
        kept = log.read(session, site.approval(record))
    assert kept is not None
    if kept.state.open_tasks and (always or dice.random() < 0.5):
        task = dice.choice(kept.state.open_tasks)
        login = next(login for login, id_ in site.people.items() if id_ == task.person.id)
        site.decide(login, record, task=kept.task_ids[task.number - 1])


def _check_done(site: Site, verdict: Verdict) -> None:
    with site.store.read() as session:
        kept = log.read(session, verdict.id)
        assert kept is not None and verdict.moving is not None
        assert kept.state == fold(kept.events)
        before = fold(kept.events[: verdict.seen])
        made = kept.events[verdict.seen : verdict.seen + len(verdict.moving.events)]
        assert [event.type for event in made] == [event.type for event in verdict.moving.events]
        after = fold(kept.events[: verdict.seen + len(made)])
        new = [task.person.name for task in after.open_tasks if task.number > len(before.tasks)]
        assert sorted(new) == sorted(
            name for one in verdict.moving.steps for name in one.people if one.fate in ("asked", "again")
        )
        rows = {
            row.id: row for row in session.connection.execute(select(tasks).where(tasks.c.approval_id == verdict.id))
        }
        for task, id_ in zip(kept.state.tasks, kept.task_ids, strict=True):
            assert (rows[id_].step, rows[id_].due_at, rows[id_].state == "open") == (
                task.step, task.due, task.status == "open",
            )  # fmt: skip
        events = select(approval_events.c.type).where(approval_events.c.approval_id == verdict.id)
        assert "migrated" in session.connection.scalars(events).all()
