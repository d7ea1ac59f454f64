"""A draft tried on what happened: what it would have refused or sent another way, by the values of then."""

from datetime import timedelta

import pytest

from engine.changing.backtest import EntityTest, backtest
from engine.errors import NotFound
from engine.records.commands import update_record
from tests.changing.conftest import compiled, everything
from tests.changing.test_classes import ENTITY, WORKFLOW, Change
from tests.changing.test_simulation import APPROVAL
from tests.workflow.site import Site

NOTE_NEEDED: Change = (
    WORKFLOW, "review:   {label: 审批中,", "review:   {label: 审批中, enter: {note: {fields: [note]}},",
)  # fmt: skip
SMALLER: Change = (APPROVAL, '"total <= 100 and not thin"', '"total <= 600 and not thin"')
LARGER: Change = (APPROVAL, 'large: "total > 10000"', 'large: "total > 400"')
OTHERS: Change = (APPROVAL, "manager:  {label: 直属上级, who: [{manager_of: starter}]}",
                  "manager:  {label: 直属上级, who: [{role: director}]}")  # fmt: skip


def run(site: Site, *changes: Change, days: int = 90) -> EntityTest:
    with site.store.read() as session:
        found = backtest(session, compiled(*changes), days=days, entity="payment", language="zh")
    assert len(found) == 1
    return found[0]


def reasons(tally: object) -> dict[str, int]:
    return {one.code: one.count for one in tally.top()}  # type: ignore[attr-defined]


def edit(site: Site, id_: int, **values: object) -> None:
    with site.store.write() as session:
        actor = site.actor("clerk")
        update_record(session, "payment", id_, values, version=site.record(id_).version, actor=actor)


def test_moves_are_judged_by_the_values_of_then(site: Site) -> None:
    late, early, never = site.create(price=500), site.create(price=500, note="先写好"), site.create()
    site.move("clerk", late, "submit")
    site.decide("manager", late, "return")
    edit(site, late.id, note="后来才写")
    site.move("clerk", early, "submit")
    found = run(site, NOTE_NEEDED)
    assert (found.moves.seen, found.moves.differ) == (2, 1)
    assert [(one.code, one.count, one.records) for one in found.moves.top()] == [("note", 1, [late.id])]
    assert never.id not in found.moves.top()[0].records


def test_the_same_rules_refuse_nothing_and_send_nothing_another_way(site: Site) -> None:
    for price in (50, 500, 20_000):
        site.decide("manager", site.submitted(price=price)) if price > 100 else site.submitted(price=price)
    found = run(site)
    assert (found.moves.seen, found.moves.differ) == (3, 0)
    assert (found.approvals.seen, found.approvals.differ) == (3, 0)
    assert (found.saves.seen, found.saves.differ) == (3, 0)


@pytest.mark.parametrize(
    "change, expected",
    [(SMALLER, {"passes": 1}), (LARGER, {"longer": 1, "people": 1}), (OTHERS, {"people": 2, "shorter": 1})],
)
def test_which_approvals_would_have_gone_another_way(site: Site, change: Change, expected: dict[str, int]) -> None:
    for price in (50, 500, 20_000):
        site.submitted(price=price)
    assert reasons(run(site, change).approvals) == expected


def test_rules_and_required_fields_that_would_refuse_recent_saves(site: Site) -> None:
    poor, rich = site.create(), site.create(note="有说明")
    required: Change = (ENTITY, "note:     {type: long_text, label: 备注}",
                        "note:     {type: long_text, label: 备注, required: true}")  # fmt: skip
    found = run(site, required)
    assert (found.saves.seen, found.saves.differ) == (2, 1)
    assert found.saves.top()[0].records == [poor.id] and "备注" in found.saves.top()[0].text
    edit(site, poor.id, note="补上")
    assert (run(site, required).saves.seen, run(site, required).saves.differ) == (3, 1), rich


def test_what_is_older_is_left_out_and_nothing_is_written(site: Site) -> None:
    site.submitted()
    site.clock.at += timedelta(days=100)
    before = everything(site.store)
    assert run(site, NOTE_NEEDED).moves.seen == 0
    assert run(site, NOTE_NEEDED, days=200).moves.differ == 1
    assert everything(site.store) == before


def test_a_move_that_is_gone_is_named(site: Site) -> None:
    site.submitted()
    gone: Change = (WORKFLOW, "submit:   {label: 提交, from: [draft]", "submit:   {label: 提交, from: [ordered]")
    assert reasons(run(site, gone).moves) == {"no_move": 1}


def test_an_entity_that_is_not_there_is_refused(site: Site) -> None:
    with site.store.read() as session, pytest.raises(NotFound):
        backtest(session, compiled(), days=90, entity="nothing", language="zh")
