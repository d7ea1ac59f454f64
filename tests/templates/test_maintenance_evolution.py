"""Version 2 of the maintenance template, published over the data of version 1: nothing anybody wrote is lost."""

from typing import Any

import pytest
from sqlalchemy import select

from engine.clock import SetClock
from engine.definition.source import SourceFolder
from engine.examples.running import play_folder
from engine.records.settling import settle_after
from engine.storage import catalog
from engine.storage.plan import PlanBlocked
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.templates.test_maintenance import MAINTENANCE, played

ORDINARY = "options: {a: A 关键, b: B 重要, c: C 一般}"
NARROWED = "options: {a: A 关键, b: B 重要}"
EDITS = (
    ("app.yaml", "version: 0.1.0", "version: 0.2.0"),
    # a field with another key
    ("equipment/entity.yaml", "power:           {type", "rated_power:     {was: power, type"),
    ("equipment/entity.yaml", "[status, power]", "[status, rated_power]"),
    # an option less, written both ways
    ("equipment/entity.yaml", ORDINARY, f"""{NARROWED}, migrate: "if(criticality = 'a', 'a', 'b')\""""),
    ("work_order/entity.yaml", ORDINARY, f"{NARROWED}, became: {{c: b}}"),
    # a field nobody fills in any more
    ("spare_part/entity.yaml", "max_length: 20}", "max_length: 20, retired: {since: 2026-03-01, reason: 已停用}}"),
    ("spare_part/entity.yaml", "[shelf, supplier]", "supplier"),
    ("spare_part/entity.yaml", ", unit_cost, shelf]", ", unit_cost]"),
    # a new field every work order has
    (
        "work_order/entity.yaml",
        "  reported_on:",
        "  channel: {type: choice, label: 报修方式, required: true, default: phone, options: {phone: 电话, scan: 扫码},"
        """ migrate: "if(stopped, 'phone', 'scan')"}\n  reported_on:""",
    ),
    ("work_order/entity.yaml", "[kind, urgency]", "[kind, urgency], channel"),
    ("locales/en.yaml", "      power: Power (kW)", "      rated_power: Power (kW)"),
    ("locales/en.yaml", "          c: C ordinary\n", ""),
)  # fmt: skip
UNTOUCHED = ("release_id", "version", "updated_at", "updated_by")
"""What says who wrote last, and what the search finds by."""


def second(leaving_out: str = "") -> SourceFolder:
    """Version 2; without the part of an edit that is named."""
    files = dict(to_folder(MAINTENANCE).files)
    for file, old, new in EDITS:
        assert old in files[file], old
        files[file] = files[file].replace(old, new.replace(leaving_out, "") if leaving_out else new)
    return SourceFolder(files)


def rows(store: Store) -> dict[str, dict[int, dict[str, Any]]]:
    """Everything that is written, by table and id."""
    found = {}
    with store.read() as session:
        for table in (*store.tables.entity.values(), *store.tables.lines.values()):
            every = session.connection.execute(select(table)).mappings()
            found[table.name] = {row["id"]: {k: v for k, v in row.items() if k not in UNTOUCHED} for row in every}
    return found


def test_every_value_of_version_1_is_there_in_version_2(make_store: MakeStore, clock: SetClock) -> None:
    store = played(make_store, clock)
    expected = rows(store)
    catalog.publish(store, second(), actor_id=None, settle=settle_after(store.app))
    for row in expected["e_equipment"].values():
        row["rated_power"] = row.pop("power")
        row["criticality"] = {"c": "b"}.get(row["criticality"], row["criticality"])
    for row in expected["e_work_order"].values():
        row["criticality"] = {"c": "b"}.get(row["criticality"], row["criticality"])
        row["channel"] = "phone" if row["stopped"] else "scan"
    found = rows(store)
    lost = {
        (table, id_, key): (row.get(key), found[table][id_].get(key))
        for table, every in expected.items()
        for id_, row in every.items()
        for key in {*row, *found[table][id_]}
        if row.get(key) != found[table][id_].get(key)
    }
    assert lost == {}
    assert {key: len(one) for key, one in found.items()} == {key: len(one) for key, one in expected.items()}
    assert {row["shelf"] for row in expected["e_spare_part"].values()} == {"A-01", "B-02", "C-03"}


def test_the_examples_hold_in_version_2_too() -> None:
    assert [one.problems for one in play_folder(second()) if one.problems] == []


@pytest.mark.parametrize(
    ("leaving_out", "said"),
    [(", became: {c: b}", "became"), ("was: power, ", "was: power")],
)
def test_what_version_2_does_not_say_about_the_data_is_asked_before_anything_changes(
    make_store: MakeStore, clock: SetClock, leaving_out: str, said: str
) -> None:
    store = played(make_store, clock)
    before = rows(store)
    changed = second(leaving_out)
    with pytest.raises(PlanBlocked, match=said):
        catalog.publish(store, changed, actor_id=None, settle=settle_after(store.app))
    assert rows(store) == before
