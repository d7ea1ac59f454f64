"""What a publish means for what is under way; and that it changes nothing in it (invariant 19)."""

import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from engine.changing.classes import Found, classify, is_blocked
from engine.storage import catalog
from engine.workflow.panel import list_panels
from tests.changing.conftest import compiled, draft_of
from tests.workflow.site import Site

APPROVAL, WORKFLOW, ENTITY = "payment/approval.yaml", "payment/workflow.yaml", "payment/entity.yaml"
Change = tuple[str, str, str]

MANAGER = "manager:  {label: 直属上级, who: [{manager_of: starter}]}"
LONGER: Change = (APPROVAL, "  due: 1wd", "  due: 2wd")
RELABELLED: Change = (APPROVAL, "label: 直属上级", "label: 主管")
OTHER_PEOPLE: Change = (APPROVAL, MANAGER, "manager:  {label: 直属上级, who: [{role: director}]}")
ONE_MORE: Change = (APPROVAL, MANAGER, f"{MANAGER}\n  second:   {{label: 复核, who: [{{role: finance}}]}}")
LESS_ALLOWED: Change = (APPROVAL, "[approve, refuse, return, transfer, comment]", "[approve, refuse]")
RENAMED: Change = (APPROVAL, MANAGER, "boss:     {label: 直属上级, was: manager, who: [{manager_of: starter}]}")
GONE: Change = (APPROVAL, f"  {MANAGER}\n", "")
ALWAYS: Change = (APPROVAL, ', when: "large or thin"', "")
UNGUARDED: Change = (APPROVAL, "guard: [items, urgent, margin]", "guard: [items]")
ASKS_MORE: Change = (WORKFLOW, "draft:    {label: 草稿}", "draft:    {label: 草稿, enter: {note: {fields: [note]}}}")
ALL = (LONGER, RELABELLED, OTHER_PEOPLE, LESS_ALLOWED, ALWAYS, UNGUARDED, ASKS_MORE)


def classes(site: Site, *changes: Change) -> list[Found]:
    with site.store.read() as session:
        return classify(session, compiled(*changes))


def of_approvals(found: list[Found]) -> list[tuple[str, str, int]]:
    return [(one.kind, one.code, one.count) for one in found if "approval" in one.params]


@pytest.mark.parametrize(
    "change, kind, code",
    [
        (LONGER, "moves", "class.approval_moves"),
        (ONE_MORE, "moves", "class.approval_moves"),
        (RELABELLED, "moves", "class.approval_moves"),
        (OTHER_PEOPLE, "mapping", "class.step_changed"),
        (GONE, "mapping", "class.step_gone"),
        (ASKS_MORE, "unaffected", "class.approval_same"),
    ],
)
def test_a_running_approval_is_in_one_of_four_classes(site: Site, change: Change, kind: str, code: str) -> None:
    first, second = site.submitted(), site.submitted()
    found = classes(site, change)
    assert of_approvals(found) == [(kind, code, 2)]
    group = next(one for one in found if one.code == code)
    assert group.records == [("payment", first.id), ("payment", second.id)]


def test_an_approval_that_leads_into_a_stage_that_goes_away_keeps_the_draft_back(site: Site) -> None:
    changes = (
        (WORKFLOW, "  approved: {label: 已批准, tone: info, lock: [all]}\n", ""),
        (WORKFLOW, "to: [approved]", "to: [ordered]"),
        (WORKFLOW, "from: [approved]", "from: [ordered]"),
        (WORKFLOW, "from: [draft, approved]", "from: [draft]"),
    )
    assert not is_blocked(classes(site, *changes))
    site.submitted()
    found = classes(site, *changes)
    assert is_blocked(found) and of_approvals(found) == [("blocked", "class.blocked_stage", 1)]


def test_records_without_what_a_stage_asks_for_newly_are_listed_and_stay(site: Site) -> None:
    poor, rich = site.create(), site.create(note="有说明")
    found = next(one for one in classes(site, ASKS_MORE) if one.code == "class.without")
    assert (found.kind, found.count, found.records) == ("unaffected", 1, [("payment", poor.id)])
    catalog.publish(site.store, draft_of(ASKS_MORE), actor_id=None)
    assert site.stage(poor) == site.stage(rich) == "draft"


def test_what_a_change_leaves_with_no_way_out_is_said_before_with_whom_it_waits_for(site: Site) -> None:
    stuck = site.create()
    with site.store.write() as session:
        table = session.tables.entity["payment"]
        session.connection.execute(update(table).where(table.c.id == stuck.id).values(stage="ordered"))
    site.submitted()
    closed = (
        (WORKFLOW, "    label: 已下单\n", "    label: 已下单\n    retired: {since: 2026-03-01, reason: 不再下单}\n"),
        (WORKFLOW, "  end:      {label: 终止, from: [ordered], to: [void], reason: required}\n", ""),
        (
            WORKFLOW,
            "  strict_entry: {label: 直接下单, from: [draft], to: [ordered], during: review, approval: spend}\n",
            "",
        ),
    )
    found = {one.code: one for one in classes(site, *closed, GONE)}
    assert found["class.step_gone"].people == {"李经理": 1}
    dead = found["class.stage_stuck"]
    assert (dead.kind, dead.count, dead.records) == ("mapping", 1, [("payment", stuck.id)])


def test_what_is_not_looked_at_or_not_judged_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.changing.classes.MOST_LOOKED_AT", 2)
    for _ in range(3):
        site.create()
    asks_approval = (WORKFLOW, "label: 草稿}", "label: 草稿, enter: {note: {fields: [note]}, sure: {approval: spend}}}")
    found = {one.code: one for one in classes(site, asks_approval)}
    assert (found["class.without"].count, found["class.without_rest"].count) == (2, 1)
    assert found["class.without_unjudged"].count == 3


def test_records_follow_a_stage_that_was_renamed(site: Site) -> None:
    site.create()
    changes = (
        (WORKFLOW, "draft:    {label: 草稿}", "sketch:   {label: 草稿, was: draft}"),
        (WORKFLOW, "[draft", "[sketch"),
    )
    assert [(one.kind, one.count) for one in classes(site, *changes) if one.code == "class.stage_moves"] == [
        ("moves", 1)
    ]


def seen_by_all(site: Site, ids: list[int]) -> Any:
    """All that everybody may do about these approvals, and whom each step asks; only the wording of rules is left out:
    a condition whose rule a newer release no longer has is shown as it was written."""
    with site.store.read() as session:
        return {
            (login, id_): [
                replace(panel, steps=tuple(replace(step, rule="") for step in panel.steps))
                for panel in list_panels(session, "payment", id_, actor=site.actor(login))
            ]
            for login in site.people
            for id_ in ids
        }


@pytest.mark.parametrize("seed", [1, 2])
def test_publishing_changes_nothing_anybody_may_do_in_a_running_approval(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    running = [site.submitted(price=price) for price in (500, 20_000)]
    ids = [record.id for record in running]
    site.decide("manager", running[1])
    before = seen_by_all(site, ids)
    for _ in range(4):
        changes = chance.sample(ALL, chance.randint(1, 3))
        catalog.publish(site.store, draft_of(*changes), actor_id=None)
        assert seen_by_all(site, ids) == before, (seed, changes)
    site.decide("manager", running[0])
    assert site.state(running[0]).status == "approved"
