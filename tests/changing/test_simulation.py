"""Playing an approval ahead: who, when, what if late, what is missing; and nothing written."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.changing.drafts import see
from engine.changing.simulation import Simulation, simulate_record, simulate_values
from engine.changing.simulation_words import say_simulation
from engine.definition.source import read_folder
from engine.errors import NotFound
from engine.places import find_data
from engine.storage import catalog
from tests.changing.conftest import compiled, everything
from tests.cli.conftest import open_store
from tests.workflow.site import Site
from web import demo
from web.cli import make_cli
from web.settings import install_home

APPROVAL, WORKFLOW = "payment/approval.yaml", "payment/workflow.yaml"
LATE = (
    APPROVAL,
    "manager:  {label: 直属上级, who: [{manager_of: starter}]}",
    "manager:  {label: 直属上级, who: [{manager_of: starter}], late: "
    "{half: {at: 50%, do: [{remind: [{person: holder}]}]}, long: {at: 2wd, do: [{escalate: [{manager_of: holder}]}]}}}",
)


def simulate(site: Site, *changes: tuple[str, str, str], **values: str) -> Simulation:
    with site.store.read() as session:
        seen = see(session, compiled(*changes) if changes else None)
        return simulate_values(seen, "spend", values, actor=site.actor("clerk"))


def fates(simulation: Simulation) -> dict[str, tuple[str, list[str]]]:
    return {step.path.key: (step.path.fate, [one.name for one in step.path.people]) for step in simulation.steps}


def test_who_would_sign_in_which_order_and_who_would_not(site: Site) -> None:
    assert fates(simulate(site, total="20000")) == {
        "manager": ("asked", ["李经理"]),
        "expert": ("when", []),
        "director": ("asked", ["王总"]),
        "finance": ("asked", ["钱会计", "孙会计"]),
    }


def test_each_step_is_dated_as_late_as_it_could_open_by_the_working_calendar(site: Site) -> None:
    site.clock.at = datetime(2026, 3, 6, 8, 0, tzinfo=UTC)  # Friday, 16:00 in Shanghai
    first, _, second, third = simulate(site, total="20000").steps
    monday, tuesday = (datetime(2026, 3, day, 8, 0, tzinfo=UTC) for day in (9, 10))
    assert (first.opens, first.due) == (site.clock.at, monday)
    assert (second.opens, second.due) == (monday, tuesday)
    assert third.opens == tuesday


def test_the_dates_of_the_first_step_are_those_submitting_gives(site: Site) -> None:
    foreseen = simulate(site, total="500").steps[0]
    record = site.submitted(price=500)
    assert foreseen.due == site.state(record).open_tasks[0].due


def test_what_late_rules_would_do_to_whom(site: Site) -> None:
    first = simulate(site, LATE, total="500").steps[0]
    assert [(one.at.isoformat(), [who.name for who in one.people]) for one in first.late] == [
        ("2026-03-03T07:00:00+00:00", ["李经理"]),  # half of a working day after 10:00: lunch is not counted
        ("2026-03-05T02:00:00+00:00", ["王总"]),
    ]


def test_what_the_gate_still_misses_is_said_for_values_and_for_a_record(site: Site) -> None:
    needs = (WORKFLOW, "approved: {label: 已批准,", "approved: {label: 已批准, enter: {why: {fields: [note]}},")
    assert simulate(site, total="500").missing == ()
    assert [one.fields for one in simulate(site, needs, total="500").missing] == [("note",)]
    assert simulate(site, needs, total="500", note="急用").missing == ()
    record = site.create(price=500)
    with site.store.read() as session:
        found = simulate_record(see(session, compiled(needs)), "spend", record.id, actor=None)
    assert [one.fields for one in found.missing] == [("note",)]
    assert found.explained.starter.login == "clerk"


def test_a_draft_with_new_and_renamed_fields_reads_the_records_there_are(site: Site) -> None:
    hurry = "  hurry:    {type: boolean, label: 加急, was: urgent}\n  extra:    {type: text, label: 新}"
    renamed = ("payment/entity.yaml", "  urgent:   {type: boolean, label: 加急}", hurry)
    changes = (
        renamed,
        ("payment/entity.yaml", "urgent, margin", "hurry, extra, margin"),
        (APPROVAL, "thin, urgent, margin", "thin, hurry, margin"),
        (APPROVAL, "guard: [items, urgent, margin]", "guard: [items, hurry, margin]"),
        (APPROVAL, 'when: "large or thin"', 'when: "hurry and extra is missing"'),
        (WORKFLOW, 'when: "urgent is missing or not urgent"', 'when: "hurry is missing or not hurry"'),
    )
    record = site.create(price=500, urgent=True)
    with site.store.read() as session:
        found = simulate_record(see(session, compiled(*changes)), "spend", record.id, actor=None)
    assert fates(found)["director"] == ("asked", ["王总"])


def test_nothing_is_written_nor_a_number_drawn(site: Site) -> None:
    record = site.create(price=500)
    before = everything(site.store)
    simulate(site, LATE, total="20000")
    with site.store.read() as session:
        simulate_record(see(session), "spend", record.id, actor=None)
    assert everything(site.store) == before
    assert site.create().values["number"] == "FK2026-0002"


def test_a_record_that_is_not_there_is_not_found(site: Site) -> None:
    with site.store.read() as session, pytest.raises(NotFound):
        simulate_record(see(session), "spend", 99, actor=None)


def test_it_is_said_in_both_languages(site: Site) -> None:
    found = simulate(site, LATE, total="500")
    for language, word in (("zh", "最迟 2026-03-03 周二 10:00 开始"), ("en", "opens by 2026-03-03 Tue 10:00")):
        said = "\n".join(say_simulation(found, language))
        assert word in said and "李经理" in said


def test_the_command_plays_the_release_or_a_draft(tmp_path: Path) -> None:
    home, template = tmp_path / "home", find_data("templates") / "manufacturing"
    install_home(home)
    store, sources = open_store(home), read_folder(template)
    catalog.publish(store, sources, actor_id=None)
    demo.create_people(store, sources)
    store.database.close()

    def run(*more: str) -> str:
        given = ["--home", str(home), "simulate", "quote_price", "--with", "discount=22%,total=300,000", *more]
        result = CliRunner().invoke(make_cli("zh"), given)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert run().splitlines()[0] == "报价审批：依次由 区域经理 → 销售总监 → 财务 → 总经理 审批。"
    assert "到期" in run() and "需要的都齐了" in run("--as", "rep_wang")
    assert run("--folder", str(template)).splitlines()[-1].startswith("按未发布的草稿试算")
    assert '"fate": "asked"' in run("--json")
