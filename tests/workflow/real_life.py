"""What happens around random approvals on a real database: people come and go, releases change, clicks repeat."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine.changing import leaving
from engine.changing.migrating import Verdict, migrate, plan_migration
from engine.errors import FormworkError, NotPossibleNow
from engine.people import accounts, delegations, groups
from engine.storage import catalog
from engine.workflow.approval import batch
from engine.workflow.approval.moving import TIMERS, Chosen
from tests.workflow import deeds
from tests.workflow.commands import DeedOn, Draft
from tests.workflow.deeds import Deed
from tests.workflow.house import TOPS, write_sources
from tests.workflow.office import ADMIN, PEOPLE, Delegation
from tests.workflow.random_definitions import Definition, vary
from tests.workflow.real_plays import Play, code_of, plain
from tests.workflow.site import Site

DEEDS = [*deeds.OFTEN, *deeds.OFTEN, "revoke", "revoke"]
AROUND = [
    *["submit"] * 8, *["clock"] * 4, *["edit"] * 3, "move", "move", "leave", "leave", "delegate", "delegate", "regroup",
    "depart", "batch", "batch", "draft", "replay", "replay", "publish", "migrate", "record",
]  # fmt: skip


class Life(Play):
    """A play with everything around it."""

    def __init__(self, site: Site, definitions: Mapping[str, Definition], dice: random.Random) -> None:
        super().__init__(site, definitions, dice)
        for _ in range(3):
            self._submit()

    def act(self) -> None:
        """Let one thing happen."""
        self.site.clock.at += timedelta(minutes=1)
        name = self.dice.choice(DEEDS if self.dice.random() < 0.65 else AROUND)
        if name in AROUND:
            getattr(self, f"_{name}")()
            return
        act = self.draw_deed(name)
        if act is not None:
            self.do(act, *self.expected(self.house.approvals[act.approval], act.deed))

    def _submit(self) -> None:
        act = self.draw_submission()
        self.do(act, self.may_submit(act))

    def _move(self) -> None:
        act = self.draw_submission(self.dice.choice(["skip", "back", "drop", "again"]))
        self.do(act, self.may_submit(act))

    def _edit(self) -> None:
        act = self.draw_edit()
        self.do(act, self.may_edit(act))

    def _record(self) -> None:
        self._make_record()

    def _clock(self) -> None:
        self.site.clock.at += timedelta(hours=self.dice.choice([1, 5, 40]))
        self.sweep()

    def _draft(self) -> None:
        """A draft is whoever's has the task, and decides nothing."""
        act = self.draw_deed("approve")
        if act is not None and act.task:
            facing = self.facing(self.house.approvals[act.approval], act.deed)
            task = facing.state.tasks[act.deed.task - 1]
            mine = act.deed.by == task.person.id or task.person.id in facing.principals
            able = mine and task.status == "open" and act.deed.by not in self.office.away
            self.do(Draft(act.task, act.deed.by), able)

    def _replay(self) -> None:
        """3: an action sent again gets its first answer and changes nothing, however much later."""
        if self.done:
            act, answer = self.dice.choice(self.done)
            rows = self.site.rows()
            try:
                with self.site.store.write() as session:
                    assert act(session) == answer, f"{act} was answered otherwise"
            except FormworkError as refused:  # whoever it was has gone, or is nobody's deputy any more
                assert act.deed.by in self.office.away or self._was_deputy(act), f"{act}: {code_of(refused)}"
            assert self.site.rows() == rows

    def _was_deputy(self, act: DeedOn) -> bool:
        kept = self.house.approvals[act.approval]
        return bool(act.deed.task) and kept.state.tasks[act.deed.task - 1].person.id != act.deed.by

    def _batch(self) -> None:
        """Each of many is decided as it would be alone; what one lacks holds up no other."""
        running = [kept for kept in self.house.approvals.values() if kept.state.open_tasks and kept.parent_id is None]
        if not running:
            return
        by = self.dice.choice([task.person.id for kept in running for task in kept.state.open_tasks])
        decision = self.dice.choice(["approve", "approve", "refuse"])
        wanted: dict[int, tuple[bool, Any]] = {}
        for kept in running:
            mine = [task for task in kept.state.open_tasks if task.person.id == by]
            if mine and not kept.state.parent and not self.house.children(kept.id):
                deed = Deed(decision, by, mine[0].number, said="because")
                wanted[kept.task_ids[mine[0].number - 1]] = self.expected(kept, deed)
        self.told.append(f"{self.site.clock.at:%d %H:%M} batch {decision} by {by}: {list(wanted)}")
        if by in self.office.away:
            return
        with self.site.store.write() as session:
            actor = accounts.get_actor(session.connection, by)
            answers = batch.decide_many(session, list(wanted), decision, reason="because", actor=actor)
        for one in answers:
            refused = one.refused is None or self._is_gate(one.refused)
            assert (one.refused is None) == wanted[one.task][0] or refused, f"{one.task}: {one.refused}"
        self.look()

    # ---- people

    def _leave(self) -> None:
        gone = self.dice.randint(1, 8)
        with self.site.store.write() as session:
            if gone in self.office.away or len(self.office.away) > 3:
                for one in self.office.away:
                    accounts.enable_user(session, one, actor=None)
                self.office.away = frozenset()
            else:
                accounts.disable_user(session, gone, actor=None)
                self.office.away |= {gone}
        self.told.append(f"away {set(self.office.away)}")

    def _depart(self) -> None:
        """Somebody hands everything over and goes."""
        going, heir = self.dice.sample(range(1, 9), 2)
        self.told.append(f"{going} hands over to {heir}")
        try:
            with self.site.store.write() as session:
                leaving.leave(session, going, heir, actor=accounts.get_actor(session.connection, ADMIN))
        except FormworkError:
            return
        now = self.site.clock.at
        self.office.away |= {going}
        self.office.delegations = [
            replace(one, ends=min(one.ends, now)) if going in (one.principal, one.deputy) else one
            for one in self.office.delegations
        ]
        self.look()
        assert not any(
            task.person.id == going for kept in self.house.approvals.values() for task in kept.state.open_tasks
        )

    def _delegate(self) -> None:
        """9: chains are short and never a ring."""
        now = self.site.clock.at
        asked = [task.person.id for kept in self.house.approvals.values() for task in kept.state.open_tasks]
        principal = self.dice.choice(asked or PEOPLE)
        deputy = self.dice.choice(PEOPLE)
        made = Delegation(principal, deputy, now, now + timedelta(hours=self.dice.choice([2, 30, 300])))
        self.told.append(f"{made}")
        try:
            with self.site.store.write() as session:
                delegations.create_delegation(
                    session, principal=principal, deputy=deputy, starts_at=made.starts, ends_at=made.ends, actor=None
                )
        except FormworkError:
            return
        self.office.delegations.append(made)
        assert principal not in self.office.principals(principal, now)

    def _regroup(self) -> None:
        key = self.dice.choice(list(self.office.groups))
        self.office.groups[key] = tuple(self.dice.sample(PEOPLE, self.dice.randint(0, 3)))
        with self.site.store.write() as session:
            for one in PEOPLE:
                own = [name for name, members in self.office.groups.items() if one in members]
                groups.set_groups(session, one, own, actor=None)
        self.told.append(f"{key} is {self.office.groups[key]}")

    # ---- releases

    def _publish(self) -> None:
        """19: a newer release changes nothing in what runs."""
        before = self.house
        self.definitions |= {key: vary(self.definitions[key], self.dice) for key in self.dice.sample(TOPS, 2)}
        self.told.append("publish")
        catalog.publish(self.site.store, write_sources(self.definitions), actor_id=None)
        self.look()
        assert {id_: kept.events for id_, kept in self.house.approvals.items()} == {
            id_: kept.events for id_, kept in before.approvals.items()
        }

    def _migrate(self) -> None:
        """20: what is planned happens, what is refused is untouched, and done again nothing happens."""
        chosen = Chosen(timers=self.dice.choice(TIMERS))
        with self.site.store.read() as session:
            plan = plan_migration(session, chosen=chosen)
        self.told.append(f"migrate {[(one.id, one.kind) for one in plan.verdicts]}")
        moved: set[int] = set()
        for verdict in plan.verdicts:
            self._migrate_one(plan, verdict, moved)
        with self.site.store.read() as session:
            again = (
                plan_migration(session, ids=sorted(moved & self._running())).moves if moved & self._running() else ()
            )
        assert not again, [one.id for one in again]

    def _running(self) -> set[int]:
        return {id_ for id_, kept in self.house.approvals.items() if kept.state.running}

    def _migrate_one(self, plan: Any, verdict: Verdict, moved: set[int]) -> None:
        before, rows = self.house.approvals[verdict.id], self.site.rows()
        try:
            with self.site.store.write() as session:
                admin = accounts.get_actor(session.connection, ADMIN)
                migrate(session, plan, verdict, reason="新制度", actor=admin)
        except NotPossibleNow as refused:
            touched = len(before.events) != verdict.seen  # by moving another it waits for, or that waits for it
            assert verdict.kind == "refused" or touched, f"{verdict.id}: {code_of(refused)}"
            assert self.site.rows() == rows
            return
        self.look()
        made = self.house.approvals[verdict.id].events[len(before.events) :]
        planned = verdict.moving.events if verdict.moving is not None else ()
        assert _without_mover(made[: len(planned)]) == _without_mover(planned)
        assert verdict.kind == "moves" or self.site.rows() == rows
        moved.add(verdict.id)


def _without_mover(events: Any) -> Any:
    return [[type_, {**data, "by": None} if type_ == "migrated" else data] for type_, data in plain(events)]
