"""A value of every type, from what somebody typed through a column and back, on both databases."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from engine.compiler.app import Field
from engine.errors import FormworkError, InvalidValues
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.people import accounts
from engine.people.accounts import get_actor
from engine.people.actor import Actor
from engine.records import commands, history, queries
from engine.records.filters import Filter
from engine.records.queries import ListQuery
from engine.records.record import Record
from tests.field_types.values import LINE, TYPED, VALUES
from tests.web.conftest import Desk


def actor_of(samples: Desk, login: str = "lead") -> Actor:
    with samples.store.read() as session:
        return get_actor(session.connection, samples.ids[login])


def create(samples: Desk, raw: Mapping[str, Any], login: str = "lead") -> Record:
    with samples.store.write() as session:
        return commands.create_record(session, "sample", {"text": "甲", **raw}, actor=actor_of(samples, login))


def read(samples: Desk, id_: int, login: str = "lead") -> Record:
    with samples.store.read() as session:
        return queries.get_record(session, "sample", id_, actor=actor_of(samples, login))


def change(samples: Desk, record: Record, raw: Mapping[str, Any], login: str = "lead") -> Record:
    with samples.store.write() as session:
        return commands.update_record(
            session, "sample", record.id, raw, version=record.version, actor=actor_of(samples, login)
        )


def fields(samples: Desk) -> Mapping[str, Field]:
    return samples.store.app.entities["sample"].fields


def found(samples: Desk, *filters: Filter, login: str = "lead", **query: Any) -> list[int]:
    with samples.store.read() as session:
        page = queries.list_records(
            session, "sample", ListQuery(filters=filters, **query), actor=actor_of(samples, login)
        )
    return [record.id for record in page.records]


def test_a_value_of_every_type_comes_back_from_its_column(samples: Desk) -> None:
    made = create(samples, TYPED)

    values = read(samples, made.id).values
    assert {key: values[key] for key in VALUES} == VALUES
    assert values["number_series"] == "X2026-0001"
    assert values["vip"] is True
    assert fields(samples)["spent"].type.to_json(values["spent"]) == "3d 5h"


def test_what_a_form_holds_leaves_a_record_as_it_is(samples: Desk) -> None:
    made = create(samples, TYPED)
    raw = {key: fields(samples)[key].type.to_form(made.values[key]) for key in VALUES if key != "datetime"}

    with samples.store.write() as session:
        again = commands.update_record(session, "sample", made.id, raw, version=1, actor=actor_of(samples))
    assert (again.version, again.values["geo"]) == (1, VALUES["geo"])


def test_what_json_says_leaves_a_record_as_it_is(samples: Desk) -> None:
    made = create(samples, TYPED)
    raw = json.loads(json.dumps({key: fields(samples)[key].type.to_json(made.values[key]) for key in VALUES}))

    with samples.store.write() as session:
        again = commands.update_record(session, "sample", made.id, raw, version=1, actor=actor_of(samples))
    assert again.version == 1


def test_the_history_keeps_every_value(samples: Desk) -> None:
    made = create(samples, {})
    with samples.store.write() as session:
        commands.update_record(session, "sample", made.id, TYPED, version=1, actor=actor_of(samples))
    with samples.store.read() as session:
        entry = history.list_history(session, "sample", made.id, actor=actor_of(samples))[0]

    declared = fields(samples)
    kept = {key: declared[key].type.from_json(entry.changes[key][1]) for key in VALUES if key in entry.changes}
    assert kept == {key: value for key, value in VALUES.items() if key in kept}
    assert set(kept) == set(VALUES)


def test_a_line_holds_the_new_types_too(samples: Desk) -> None:
    made = create(samples, {"lines": [LINE | {"crew": "1"}]})
    row = read(samples, made.id).values["lines"][0]
    columns = fields(samples)["lines"].fields
    said = {key: columns[key].type.to_json(row[key]) for key in LINE}
    assert said == {"what": "安装", "start": "08:00", "spent": "1h 30m", "stars": 3, "ean": "036000291452",
                    "tint": "#aabbcc"}  # fmt: skip
    assert row["crew"] == 1


@pytest.mark.parametrize(
    ("key", "operator", "value", "hit"),
    [
        ("time", "eq", "09:30", True),
        ("time", "gte", "9:31", False),
        ("duration", "gte", "3d", True),
        ("duration", "lt", "3d", False),
        ("tags", "eq", "VIP", True),
        ("tags", "in", ["x", "华东"], True),
        ("tags", "eq", "vi", False),
        ("tags", "ne", "vip", False),
        ("address", "contains", "吴中", True),
        ("address", "contains", "玄武", False),
        ("rich_text", "contains", "样品", True),
        ("geo", "present", None, True),
        ("geo", "missing", None, False),
        ("json", "present", None, True),
        ("barcode", "contains", "690123", True),
        ("colour", "eq", "#1f8a70", True),
        ("rating", "gte", "4", True),
        ("rating", "gt", "4", False),
        ("choices", "eq", "price", True),
        ("number_series", "eq", "X2026-0001", True),
    ],
)
def test_a_list_is_filtered_by_it(samples: Desk, key: str, operator: str, value: Any, hit: bool) -> None:
    made, other = create(samples, TYPED), create(samples, {})
    hits = found(samples, Filter(key, operator, value))
    assert (made.id in hits) is hit
    assert (other.id in hits) is (operator in ("ne", "missing"))


@pytest.mark.parametrize("key", [key for key in VALUES if key not in ("geo", "json", "address", "rich_text", "colour")])
def test_a_list_is_sorted_by_it_page_after_page(samples: Desk, key: str) -> None:
    declared = fields(samples)[key]
    if not declared.type.sortable:
        with pytest.raises(InvalidValues):
            found(samples, sort=key)
        return
    made, other = create(samples, TYPED), create(samples, {"text": "乙"} if key == "text" else {})
    with samples.store.read() as session:
        actor = actor_of(samples)
        first = queries.list_records(session, "sample", ListQuery(sort=key, descending=True, limit=1), actor=actor)
        query = ListQuery(sort=key, descending=True, limit=1, after=first.next)
        second = queries.list_records(session, "sample", query, actor=actor)
    assert {first.records[0].id, second.records[0].id} == {made.id, other.id}
    if key != "text":
        assert first.records[0].id == made.id


@pytest.mark.parametrize("words", ["样品", "华东", "吴中", "X2026-0001", "6901234567892", "vip"])
def test_a_record_is_found_by_its_words(samples: Desk, words: str) -> None:
    made = create(samples, TYPED)
    create(samples, {"text": "别的"})
    assert made.id in found(samples, text=words)


def test_markup_is_no_word_a_record_is_found_by(samples: Desk) -> None:
    create(samples, TYPED)
    assert found(samples, text="strong") == []


# ---- people and departments


def test_somebody_invited_sees_the_record_and_nobody_else_does(samples: Desk) -> None:
    made = create(samples, {"users": [samples.ids["rep1"], samples.ids["lead"]]})
    assert read(samples, made.id, "rep1").labels["user", samples.ids["rep1"]] == "Rep1"
    with pytest.raises(FormworkError):
        read(samples, made.id, "rep2")
    assert found(samples, login="rep1") == [made.id]
    assert found(samples, login="rep2") == []
    assert found(samples, Filter("users", "eq", str(samples.ids["rep1"]))) == [made.id]
    assert found(samples, Filter("users", "eq", str(samples.ids["rep2"]))) == []


def test_an_id_within_another_is_not_that_person(samples: Desk) -> None:
    ids = sorted(samples.ids.values())
    create(samples, {"users": ids[1:]})
    with pytest.raises(FormworkError):
        read(samples, 1, next(login for login, id_ in samples.ids.items() if id_ == ids[0] and login.startswith("rep")))


def test_a_person_or_department_that_does_not_exist_is_refused(samples: Desk) -> None:
    with pytest.raises(InvalidValues) as caught:
        create(samples, {"users": [samples.ids["rep1"], 999], "department": "999", "person": 998})
    assert {(error.path, error.code) for error in caught.value.errors} == {
        ("users", "value.user_missing"), ("department", "value.department_missing"), ("person", "value.user_missing"),
    }  # fmt: skip


def test_whoever_is_disabled_stays_where_they_are_named_and_is_chosen_nowhere_else(samples: Desk) -> None:
    gone, lead = samples.ids["rep1"], samples.ids["lead"]
    made = create(samples, {"person": gone, "users": [gone, lead]})
    with samples.store.write() as session:
        accounts.disable_user(session, gone, actor=None)

    kept = change(samples, made, {"text": "乙", "person": str(gone), "users": [str(gone), str(lead)]})
    more = change(samples, kept, {"users": [gone, lead, samples.ids["rep2"]]})
    assert (more.values["person"], more.values["users"]) == (gone, [gone, lead, samples.ids["rep2"]])
    shown = read(samples, made.id)
    assert shown.labels["user", gone] == "Rep1"
    assert found(samples, Filter("users", "eq", str(gone))) == found(samples, Filter("person", "eq", str(gone)))

    left = change(samples, more, {"person": None, "users": [lead]})
    with pytest.raises(InvalidValues) as caught:
        change(samples, left, {"person": gone, "users": [gone, lead]})
    assert {(error.path, error.code) for error in caught.value.errors} == {
        ("users", "value.user_missing"), ("person", "value.user_missing"),
    }  # fmt: skip
    created, refused = bring_in(samples, Sheet(["text", "person", "users"], [(2, ["甲", "Rep1", "Rep1, lead"])]))
    assert (created, len(refused[0].split("；"))) == (0, 2)


def test_a_tag_written_in_capitals_is_the_same_tag_to_a_scope(samples: Desk) -> None:
    made = create(samples, {"tags": "Vip"})
    create(samples, {"tags": "vi, vip2"})
    assert found(samples, login="guest") == [made.id]


# ---- series


def test_numbers_are_drawn_last_and_none_is_lost(samples: Desk) -> None:
    create(samples, {})
    with pytest.raises(InvalidValues):
        create(samples, {"rating": "9"})
    assert create(samples, {}).values["number_series"] == "X2026-0002"


def test_a_number_cannot_be_typed(samples: Desk) -> None:
    with pytest.raises(InvalidValues) as caught:
        create(samples, {"number_series": "X2026-0009"})
    assert caught.value.errors[0].code == "value.readonly"


# ---- sheets


def test_a_sheet_brings_in_every_type_and_gives_the_same_cells_back(samples: Desk) -> None:
    known = fields(samples)
    keys = [key for key in TYPED if key != "boolean"]
    cells = [TYPED[key] for key in keys]
    people = {"person": "rep1", "users": "Rep1, rep2", "department": "north"}
    first = Sheet([*keys, *people], [(2, [*cells, *people.values()])])
    assert bring_in(samples, first) == (1, [])
    one = read(samples, 1).values
    assert {key: one[key] for key in keys} == {key: VALUES[key] for key in keys}
    assert (one["users"], one["department"]) == ([samples.ids["rep1"], samples.ids["rep2"]], 1)

    back = [known[key].type.to_sheet(one[key]) for key in keys]
    assert bring_in(samples, Sheet(keys, [(2, back)])) == (1, [])
    two = read(samples, 2).values
    text = {"rich_text": "<p>先看样品</p>"}  # a cell of a sheet has no markup
    assert {key: two[key] for key in keys} == {key: VALUES[key] for key in keys} | text


def test_a_sheet_is_told_whom_it_names_wrongly(samples: Desk) -> None:
    created, refused = bring_in(
        samples, Sheet(["text", "users", "department"], [(2, ["甲", "rep1, 无此人", "无此部门"])])
    )
    assert (created, refused) == (0, [
        "受邀人员：找不到人员“无此人”，请填写登录名或姓名；部门：没有叫“无此部门”的部门，请核对名称或键。"
    ])  # fmt: skip


def bring_in(samples: Desk, sheet: Sheet) -> tuple[int, list[str]]:
    result = imports.import_records(samples.store, "sample", sheet, actor=actor_of(samples))
    return result.created, [one.text("zh") for one in result.refused]
