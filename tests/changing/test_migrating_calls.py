"""20: approvals that wait for others are moved too: what they wait for goes on, is called off, or is called."""

from pathlib import Path

import pytest
from sqlalchemy import select

from engine.changing.migrating import Verdict, migrate, plan_migration
from engine.definition.source import SourceFolder
from engine.errors import NotPossibleNow
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.approval_tables import approvals
from engine.storage.database import Database
from engine.storage.system_tables import releases
from tests.workflow.site import Site
from tests.workflow.vocabulary import FILES, open_vocabulary

STEPS = "steps: {sub: {label: 子审批, call: undo}, last: {label: 财务, who: [{user: money}]}}"


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_vocabulary(database, tmp_path)


def publish(site: Site, steps: str, undo: str = FILES["undo"]) -> None:
    with site.store.read() as session:
        sources = session.connection.scalars(select(releases.c.sources).order_by(releases.c.id.desc())).first()
    assert sources is not None
    flow = sources["payment/workflow.yaml"].rstrip("\n") + "\n"
    flow += "" if "close:" in flow else "  close: {label: 关闭, from: [open], to: [void], reason: required}\n"
    called = FILES["called"].replace(STEPS, steps)
    files = {**sources, "payment_called/approval.yaml": called, "payment/workflow.yaml": flow}
    files["payment_undo/approval.yaml"] = undo
    catalog.publish(site.store, SourceFolder(files), actor_id=None)


def moved(site: Site, record: Record) -> Verdict:
    with site.store.read() as session:
        own = (approvals.c.record_id == record.id, approvals.c.parent_id.is_(None))
        [id_] = session.connection.scalars(select(approvals.c.id).where(*own))
        plan = plan_migration(session, ids=[id_])
    with site.store.write() as session:
        migrate(session, plan, plan.verdicts[0], reason="新制度", actor=site.actor("admin"))
    return plan.verdicts[0]


def states(site: Site, record: Record) -> dict[str, str]:
    with site.store.read() as session:
        c = approvals.c
        rows = session.connection.execute(select(c.approval, c.state).where(c.record_id == record.id).order_by(c.id))
        return {row[0]: row[1] for row in rows}


def test_what_is_waited_for_goes_on_when_its_step_stays(site: Site) -> None:
    record = site.submitted("called")
    assert states(site, record) == {"called": "running", "undo": "running"}
    publish(site, STEPS.replace("label: 财务", "label: 会计"))
    moved(site, record)
    assert states(site, record) == {"called": "running", "undo": "running"}


def test_what_is_waited_for_is_called_off_when_its_step_is_gone(site: Site) -> None:
    record = site.submitted("called")
    publish(site, "steps: {last: {label: 财务, who: [{user: money}]}}")
    moved(site, record)
    assert states(site, record) == {"called": "running", "undo": "withdrawn"}
    with site.store.read() as session:
        assert session.connection.scalar(select(approvals.c.state).where(approvals.c.approval == "called")) == "running"


def test_a_step_that_came_calls_what_it_waits_for(site: Site) -> None:
    publish(site, "steps: {last: {label: 财务, who: [{user: money}]}}")
    record = site.submitted("called")
    assert states(site, record) == {"called": "running"}
    publish(site, STEPS)
    moved(site, record)
    assert states(site, record) == {"called": "running", "undo": "running"}


AT_ONCE = FILES["undo"] + 'auto_pass: {when: "total <= 1000", note: 小额免审}\n'
LAST = "{label: 财务, who: [{user: money}]}"


def told(verdict: Verdict) -> dict[str, str]:
    assert verdict.moving is not None, verdict.refused
    return {one.step: one.fate for one in verdict.moving.steps}


def test_what_is_called_and_needs_nobody_lets_the_plan_go_on_to_the_next_step(site: Site) -> None:
    publish(site, f"steps: {{last: {LAST}}}", AT_ONCE)
    small, large = site.submitted("called", price=500), site.submitted("called", price=5_000)
    publish(site, f"steps: {{sub: {{label: 子审批, call: undo}}, after: {LAST}, last: {LAST}}}", AT_ONCE)
    assert told(moved(site, small)) == {"sub": "passes", "after": "asked", "last": "open"}
    assert told(moved(site, large)) == {"sub": "called", "after": "later", "last": "open"}
    assert states(site, small) == {"called": "running", "undo": "approved"}
    assert states(site, large) == {"called": "running", "undo": "running"}
    assert sorted(site.waiting(small)) == ["money", "money"] and site.waiting(large).count("money") == 1


def test_a_plan_says_that_all_passes_when_what_is_called_needs_nobody(site: Site) -> None:
    publish(site, f"steps: {{last: {LAST}}}", AT_ONCE)
    record = site.submitted("called", price=500)
    publish(site, "steps: {sub: {label: 子审批, call: undo}}", AT_ONCE)
    verdict = moved(site, record)
    assert verdict.moving is not None and verdict.moving.approves
    assert (site.stage(record), states(site, record)) == ("approved", {"called": "approved", "undo": "approved"})


def test_a_plan_refuses_what_would_find_nobody_after_a_call_that_needs_nobody(site: Site) -> None:
    publish(site, f"steps: {{last: {LAST}}}", AT_ONCE)
    record = site.submitted("called", price=500)
    lost = "{label: 没有人, who: [{role: legal}]}"
    steps = f"steps: {{sub: {{label: 子审批, call: undo}}, nobody: {lost}}}"
    publish(site, f"defaults: {{empty: {{assign: [{{role: legal}}]}}}}\n{steps}", AT_ONCE)
    with pytest.raises(NotPossibleNow, match="migrate.nobody"):
        moved(site, record)
    assert states(site, record) == {"called": "running"}
