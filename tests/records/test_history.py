"""History replays to the record: whatever was done to it, the changes laid over each other are what is stored."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.compiler.app import Field
from engine.errors import InvalidValues
from engine.records import history
from engine.records.history import Entry
from engine.records.record import Record
from tests.records.desk import Desk
from tests.records.test_uploads import upload

RAW: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["", "a", "乙", "%_\\'\"", "😀"]),
    "kinds": st.sampled_from(["", "rush", "rush,bulk", ["test"]]),
    "share": st.sampled_from(["", "0", "10", "12.34%", "50"]),
    "weight": st.sampled_from(["", "0", "0.001", "999.999"]),
    "pieces": st.sampled_from([None, 0, -5, 10**17]),
    "due": st.sampled_from(["", "2026-04-01", "2026-12-31"]),
    "met": st.sampled_from(["", "2026-03-04 14:30", "2026-03-05T01:02:03.000456+00:00"]),
    "agreed": st.sampled_from([None, True, False]),
    "note": st.sampled_from(["", "n", "一\n二"]),
    "why": st.sampled_from(["", "w"]),
    "client": st.sampled_from([None, "client"]),
    "seller": st.sampled_from([None, "rep", "chief"]),
    "owner": st.sampled_from(["rep", "chief"]),
    "secret": st.sampled_from(["", "x"]),
    "papers": st.sampled_from([[], ["one"], ["two", "one"]]),
    "lines": st.lists(st.tuples(st.sampled_from(["new", "keep"]), st.sampled_from(["1", "2.5", "0.01"])), max_size=3),
}
STEPS = st.lists(st.fixed_dictionaries({}, optional=RAW), min_size=1, max_size=5)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.reuse, Phase.generate),  # every step is a transaction: making a failure smaller takes minutes
)
@given(steps=STEPS)
def test_the_changes_laid_over_each_other_are_the_record(desk: Desk, steps: list[dict[str, Any]]) -> None:
    made: Record | None = None
    product, client = desk.product(price="0.335", cost="0.3"), desk.client(phone="05741234567")
    papers = {name: upload(desk, "chief", f"{name}.txt")["id"] for name in ("one", "two")}
    for step in steps:
        raw = typed(desk, step, made, product.id, client.id, papers)
        try:
            made = desk.deal(**raw) if made is None else desk.update("chief", made, **raw)
        except InvalidValues:
            continue
        papers |= {"one": upload(desk, "chief", "one.txt")["id"]} if raw.get("papers") == [] else {}
    if made is None:
        return

    stored = desk.get("chief", made).values
    entries = entries_of(desk, made)
    replayed = replay(desk, entries)

    assert [entry.version for entry in entries] == list(range(1, made.version + 1))
    for key, value in replayed.items():
        assert value == told(desk, key, stored[key]), key
    assert set(replayed) >= {
        key for key, value in stored.items() if key in desk.store.app.entities["deal"].fields and value
    }


def typed(
    desk: Desk, step: dict[str, Any], made: Record | None, product: int, client: int, papers: dict[str, int]
) -> dict[str, Any]:
    """What a step sends: names become ids."""
    raw = dict(step)
    if raw.get("client"):
        raw["client"] = client
    for key in ("seller", "owner"):
        if raw.get(key):
            raw[key] = desk.people[raw[key]]
    if "papers" in raw:
        held = [one["id"] for one in made.values["papers"]] if made is not None else []
        raw["papers"] = held[:1] if held else [papers[name] for name in raw["papers"]]
    if "lines" in raw:
        ids = [row["id"] for row in made.values["lines"]] if made is not None else []
        kept = {"id": ids.pop()} if ids else {"product": product}
        raw["lines"] = [
            {"product": product, "qty": qty} if way == "new" or at else {**kept, "qty": qty}
            for at, (way, qty) in enumerate(raw["lines"])
        ]
    return raw


def entries_of(desk: Desk, record: Record) -> list[Entry]:
    with desk.store.read() as session:
        found = history.list_history(session, record.entity, record.id, actor=desk.actor("chief"), limit=200)
    return found[::-1]


def replay(desk: Desk, entries: list[Entry]) -> dict[str, Any]:
    """Lay the changes over each other; each must start from where the one before ended."""
    values: dict[str, Any] = {}
    for entry in entries:
        for key, (old, new) in entry.changes.items():
            assert values.get(key) == old, (key, entry.version)
            values[key] = new
    return values


def told(desk: Desk, key: str, value: Any) -> Any:
    """A value as the history keeps it."""
    field: Field | None = desk.store.app.entities["deal"].fields.get(key)
    if field is None or value is None or value == []:
        return None if value == [] else value
    if field.type.key == "file":
        return [{"id": one["id"], "name": one["name"]} for one in value]
    if field.type.key == "lines":
        return [
            {"id": row["id"]} | {k: f.type.to_json(row[k]) for k, f in field.fields.items() if row[k] is not None}
            for row in value
        ]
    return field.type.to_json(value)


def test_an_entry_says_who_when_how_and_why(desk: Desk) -> None:
    deal = desk.deal("rep", note="a")
    desk.update("lead", deal, note="b")

    first, second = entries_of(desk, deal)

    assert (first.action, first.actor, first.via, first.at) == ("create", "rep 的名字", "web", desk.clock.at)
    assert (second.action, second.actor, second.changes) == ("update", "lead 的名字", {"note": ["a", "b"]})
    assert first.changes["share"] == [None, "10%"]


def test_a_value_in_the_history_can_be_read_again_as_it_is(desk: Desk) -> None:
    fields = desk.store.app.entities["deal"].fields
    deal = desk.deal(share="12.5", weight="1.5", met="2026-03-04 14:30", due="2026-05-01", kinds="rush", agreed=True)

    for key in ("share", "weight", "met", "due", "kinds", "agreed"):
        kept = entries_of(desk, deal)[0].changes[key][1]
        assert fields[key].type.parse(kept, fields[key]) == deal.values[key]


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (0, 1), (-3, 1), (10**9, 3)])
def test_the_history_comes_in_pages(desk: Desk, limit: int, expected: int) -> None:
    deal = desk.deal()
    for note in "ab":
        deal = desk.update("chief", deal, note=note)
    with desk.store.read() as session:
        actor = desk.actor("chief")
        newest = history.list_history(session, "deal", deal.id, actor=actor, limit=limit)
        older = history.list_history(session, "deal", deal.id, actor=actor, before=newest[0].id)

    assert (len(newest), len(older), newest[0].version) == (expected, 2, 3)
