"""Records in a stage nothing leads out of get another one by plan, through the one gate."""

from typing import Any

import pytest
from sqlalchemy import select, update

from engine.changing.restaging import Restaging, plan_restaging, restage
from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.records.record import Record
from engine.storage.system_tables import audit
from tests.workflow.site import Site


def strand(site: Site, record: Record, stage: str = "nowhere") -> None:
    """Put a record into a stage that the workflow does not know, as data of another program may have it."""
    with site.store.write() as session:
        table = session.tables.entity["payment"]
        session.connection.execute(update(table).where(table.c.id == record.id).values(stage=stage))


def planned(site: Site, by_stage: dict[str, str], by_record: dict[int, str] | None = None) -> list[Restaging]:
    with site.store.read() as session:
        stages = {("payment", stage): to for stage, to in by_stage.items()}
        return plan_restaging(session, stages, {("payment", id_): to for id_, to in (by_record or {}).items()})


def done(site: Site, one: Restaging, actor: str = "admin", reason: str = "换系统") -> None:
    with site.store.write() as session:
        restage(session, one, reason=reason, actor=site.actor(actor))


def verdicts(found: list[Restaging]) -> list[tuple[int, str, str]]:
    return [(one.record_id, one.to, getattr(one.refused, "code", "")) for one in found]


def test_every_record_gets_the_stage_of_its_stage_or_its_own(site: Site) -> None:
    first, second, third = site.create(), site.create(), site.create()
    for record in (first, second, third):
        strand(site, record)
    found = planned(site, {"nowhere": "draft"}, {second.id: "approved"})
    assert verdicts(found) == [(first.id, "draft", ""), (second.id, "approved", ""), (third.id, "draft", "")]
    for one in found:
        done(site, one)
    assert [site.stage(record) for record in (first, second, third)] == ["draft", "approved", "draft"]
    entry = site.history(first)[-1]
    assert (entry.action, entry.changes["stage"], entry.note) == ("move", ["nowhere", "draft"], "换系统")
    with site.store.read() as session:
        rows = session.connection.execute(select(audit.c.subject, audit.c.details).where(audit.c.action == "stage.map"))
        assert [row.subject for row in rows] == [f"payment:{record.id}" for record in (first, second, third)]
    site.move("clerk", first, "submit")
    assert planned(site, {"nowhere": "draft"}) == []


def test_the_gate_holds_and_a_record_that_can_move_is_left_to_its_moves(site: Site) -> None:
    stuck, fine = site.create(), site.create()
    strand(site, stuck)
    found = planned(site, {"nowhere": "paid"}, {fine.id: "approved"})
    assert verdicts(found) == [
        (stuck.id, "paid", "migrate.record_missing"), (fine.id, "approved", "migrate.record_not_stuck"),
    ]  # fmt: skip
    for one in found:
        with pytest.raises(NotPossibleNow):
            done(site, one)
    assert (site.stage(stuck), site.stage(fine)) == ("nowhere", "draft")


def test_it_is_for_administrators_with_a_reason_and_only_as_planned(site: Site) -> None:
    record = site.create()
    strand(site, record)
    [one] = planned(site, {"nowhere": "draft"})
    errors: list[tuple[dict[str, Any], type[FormworkError]]] = [
        ({"actor": "boss"}, NotAllowed), ({"reason": " "}, InvalidValues),
    ]  # fmt: skip
    for more, error in errors:
        with pytest.raises(error):
            done(site, one, **more)
    done(site, one)
    written = site.rows()
    with pytest.raises(NotPossibleNow):
        done(site, one)
    strand(site, record)
    with pytest.raises(NotPossibleNow):  # it stands there again, at another version
        done(site, one)
    assert site.rows() == written


def test_a_stage_or_record_there_is_none_of_is_named(site: Site) -> None:
    with pytest.raises(InvalidValues):
        planned(site, {"nowhere": "elsewhere"})
    with pytest.raises(NotFound):
        planned(site, {}, {99: "draft"})
