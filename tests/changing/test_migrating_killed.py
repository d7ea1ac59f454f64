"""20 with 18: moving an approval that is killed at any statement leaves it wholly old or new, and is done by doing it
again; two processes that move the same approval move it once."""

from functools import partial
from typing import Any

import pytest

from engine.changing.migrating import MigrationPlan, migrate, plan_migration
from engine.records.record import Record
from tests.changing.test_classes import APPROVAL, MANAGER
from tests.changing.test_migrating import armed, publish, rows_of
from tests.racing import DONE, in_processes
from tests.workflow.site import Site
from tests.workflow.test_crash_points import _count_statements, _points, _run_killed, _settled

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

LATE = "late: {soon: {at: 4wh, do: [{remind: [{person: holder}]}]}}"
ASKS = (APPROVAL, MANAGER, MANAGER.replace("}]}", f"}}], {LATE}}}"))
ASKS_OTHERS = (APPROVAL, MANAGER, f"manager:  {{label: 直属上级, who: [{{role: director}}], {LATE}}}")


def planned(site: Site, record: Record) -> MigrationPlan:
    with site.store.read() as session:
        return plan_migration(session, ids=[site.approval(record)])


def do(site: Site, plan: MigrationPlan) -> None:
    with site.store.write() as session:
        migrate(session, plan, plan.verdicts[0], reason="新制度", actor=site.actor("admin"))


def seen(site: Site, record: Record) -> Any:
    return rows_of(site, record), site.history(record), site.events(record)


def test_killed_at_any_statement_it_is_wholly_old_or_new_and_is_done_by_doing_it_again(site: Site) -> None:
    publish(site, ASKS)
    records = [site.submitted(price=20_000) for _ in range(20)]
    publish(site, ASKS_OTHERS)
    first = records.pop()
    statements = _count_statements(site, partial(do, site, planned(site, first)))
    assert site.waiting(first) == ["boss"]
    for record, (when, number) in zip(records, _points(statements), strict=False):
        plan, before = planned(site, record), seen(site, record)
        assert _run_killed(site, partial(do, site, plan), when, number), f"{when} {number} of {statements}"
        _settled(site, record)
        assert seen(site, record) == before, f"half moved when killed {when} statement {number}"
        assert planned(site, record) == plan
        for _ in range(2):
            do(site, plan)
            assert (site.waiting(record), list(armed(site, record))) == (["boss"], ["soon"])
        kept = [one for one in site.history(record) if one.action == "migrate"]
        assert len(kept) == 1


def test_of_several_processes_that_move_one_approval_one_moves_it(site: Site) -> None:
    record = site.submitted(price=20_000)
    publish(site, ASKS_OTHERS)
    plan = planned(site, record)
    ended = in_processes([partial(do, site, plan) for _ in range(4)])
    assert set(ended) == {DONE}  # those that came later find it moved as planned
    assert [one.action for one in site.history(record)].count("migrate") == 1
    assert site.waiting(record) == ["boss"]
