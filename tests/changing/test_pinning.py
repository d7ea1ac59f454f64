"""19: publishing changes nothing in a running approval, at any moment of it.

Two runs of the same random actions on the same payments: one under a release that never changes, one with a random
draft published before every action. What anybody may do, what is asked of whom, and how it ends are the same.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from engine.definition.source import read_folder
from engine.errors import FormworkError
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.database import Database, open_database
from engine.workflow.approval import involving, log
from tests.changing.conftest import draft_of
from tests.changing.test_classes import ALL, GONE, ONE_MORE, Change, seen_by_all
from tests.changing.test_migrating import NOBODY, armed
from tests.workflow.site import APP, Site, make_people, open_site

CHANGES: tuple[tuple[Change, ...], ...] = (*((one,) for one in (*ALL, ONE_MORE, GONE)), NOBODY)
ACTIONS = ("approve", "approve", "approve", "refuse", "return", "comment", "withdraw", "transfer", "add")


def run(site: Site, seed: int, *, publishes: bool) -> list[Any]:
    """All that is seen after each of some random actions."""
    dice, drafts = random.Random(seed), random.Random(seed + 1)
    records = [site.submitted(price=price) for price in (500, 20_000, 20_000)]
    seen: list[Any] = []
    for _ in range(10):
        if publishes:
            catalog.publish(site.store, draft_of(*drafts.choice(CHANGES)), actor_id=None)
        record = dice.choice(records)
        seen.append((act(site, record, dice), look(site, records)))
    return seen


def act(site: Site, record: Record, dice: random.Random) -> str:
    """One random action by somebody who has it, or by the starter; what is refused is told by its kind."""
    action, who, heir = dice.choice(ACTIONS), dice.random(), dice.choice(["money", "money2", "chair"])
    with site.store.read() as session:
        kept = log.read(session, site.approval(record))
    assert kept is not None
    waiting = kept.state.open_tasks
    task = waiting[int(who * len(waiting))] if waiting else None
    logins = {id_: login for login, id_ in site.people.items()}
    try:
        if action == "withdraw":
            site.withdraw("clerk", record)
        elif task is None:
            return "nobody has it"
        else:
            _do(site, record, action, kept.task_ids[task.number - 1], logins[task.person.id], site.people[heir])
    except FormworkError as error:
        return type(error).__name__
    return action


def _do(site: Site, record: Record, action: str, task: int, login: str, heir: int) -> None:
    actor = site.actor(login)
    if action == "comment":
        with site.store.write() as session:
            involving.comment(session, site.approval(record), "看过", actor=actor)
    elif action == "transfer":
        with site.store.write() as session:
            involving.transfer(session, task, heir, reason="出差", actor=actor)
    elif action == "add":
        with site.store.write() as session:
            involving.add(session, task, [heir], where="before", reason="请先看", actor=actor)
    else:
        site.decide(login, record, action, task=task)


def look(site: Site, records: list[Record]) -> list[Any]:
    """What everybody sees of each approval, its timers, and the stage its record is in."""
    ids = [record.id for record in records]
    panels = {key: [plain(one) for one in found] for key, found in seen_by_all(site, ids).items()}
    return [panels, [armed(site, record) for record in records], [site.stage(record) for record in records]]


def plain(panel: Any) -> Any:
    """A panel without what only names the release it is read under."""
    return vars(panel) | {"label": "", "shown": ()}


@pytest.mark.parametrize("seed", range(4))
def test_what_runs_does_not_notice_that_something_is_published(database: Database, tmp_path: Path, seed: int) -> None:
    busy = open_site(database, tmp_path / "busy", read_folder(APP), make_people)
    aside = open_database(f"sqlite:///{tmp_path / 'calm.sqlite'}")
    try:
        calm = open_site(aside, tmp_path / "calm", read_folder(APP), make_people)
        expected = run(calm, seed, publishes=False)
        for at, (one, other) in enumerate(zip(run(busy, seed, publishes=True), expected, strict=True)):
            assert one == other, f"seed {seed}, after action {at}"
    finally:
        aside.close()
