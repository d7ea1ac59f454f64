"""What a link may lead to can depend on the record it stands in: the same at every gate, and in what is offered."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.clock import SetClock
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError, InvalidValues
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.records import queries
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.store import Store
from engine.workflow.transitions import move_record
from tests.conftest import to_folder
from tests.records.databases import database_of
from tests.records.desk import APP, Desk, add_people, errors_of

FIRM = """\
entity: firm
label: 公司
display: "{name}"
fields:
  name: {type: text, label: 名称}
  head: {type: link, to: person, label: 负责人, where: "firm = record"}
  kind: {type: choice, label: 类别, options: {big: 大, small: 小}}
access:
  chief: {read: all, write: all, create: true}
"""

PERSON = """\
entity: person
label: 人员
display: "{name}"
fields:
  name:  {type: text, label: 姓名}
  firm:  {type: link, to: firm, label: 公司}
  limit: {type: money, label: 上限}
access:
  chief: {read: all, write: all, create: true}
"""

VISIT = """\
entity: visit
label: 拜访
fields:
  firm:   {type: link, to: firm, label: 公司}
  kind:   {type: choice, label: 类别, options: {big: 大, small: 小}, fetch: firm.kind, readonly: true}
  cost:   {type: money, label: 费用}
  person:
    type: link
    to: person
    label: 见了谁
    where: "firm = record.firm and default(limit, 1000) >= default(record.cost, 0)"
  other:  {type: link, to: firm, label: 同类公司, where: "kind = record.kind"}
  guests:
    type: lines
    label: 陪同
    fields:
      who: {type: link, to: person, label: 谁, where: "firm = record.firm"}
access:
  chief: {read: all, write: all, create: true, import: true}
"""

FLOW = """\
workflow: visit
entity: visit
label: 进程
stages:
  open: {label: 计划}
  done: {label: 完成, enter: {who: {fields: [person]}}}
moves:
  finish: {label: 完成, from: [open], to: [done]}
"""

VISITS: Mapping[str, str] = {
    "app.yaml": APP.replace("[client, product, stock, slip, deal]", "[firm, person, visit]"),
    "firm/entity.yaml": FIRM,
    "person/entity.yaml": PERSON,
    "visit/entity.yaml": VISIT,
    "visit/workflow.yaml": FLOW,
}
SAID = "所选的“{}”不符合条件，请重新选择。"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def visits(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("visits")
    with database_of(request, folder) as database:
        clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        desk = Desk(Store(database, folder / "files", clock), clock)
        catalog.publish(desk.store, to_folder(VISITS), actor_id=None)
        with desk.store.write() as session:
            add_people(session, desk)
        yield desk


def two_firms(desk: Desk) -> tuple[Record, Record, Record, Record]:
    """Two firms, and somebody of each."""
    big = desk.create("chief", "firm", name=desk.name("大"), kind="big")
    small = desk.create("chief", "firm", name=desk.name("小"), kind="small")
    return big, small, someone(desk, big), someone(desk, small)


def someone(desk: Desk, firm: Record, **more: Any) -> Record:
    return desk.create("chief", "person", name=desk.name("人"), firm=firm.id, **more)


def test_a_link_is_judged_with_the_record_it_stands_in(visits: Desk) -> None:
    big, small, hers, his = two_firms(visits)

    made = visits.create("chief", "visit", firm=big.id, person=hers.id, guests=[{"who": hers.id}])
    assert made.values["person"] == hers.id
    assert errors_of(lambda: visits.create("chief", "visit", firm=big.id, person=his.id)) == {
        "person": SAID.format("见了谁")
    }
    guests = [{"who": hers.id}, {"who": his.id}]
    assert errors_of(lambda: visits.create("chief", "visit", firm=big.id, guests=guests)) == {
        "guests.1.who": SAID.format("谁")
    }
    assert errors_of(lambda: visits.create("chief", "visit", person=hers.id)) == {"person": SAID.format("见了谁")}


def test_what_is_fetched_counts_too(visits: Desk) -> None:
    big, small, *_ = two_firms(visits)

    visits.create("chief", "visit", firm=big.id, other=big.id)
    assert errors_of(lambda: visits.create("chief", "visit", firm=big.id, other=small.id)) == {
        "other": SAID.format("同类公司")
    }


def test_a_link_that_stayed_is_judged_again_when_what_it_depends_on_changed(visits: Desk) -> None:
    big, small, hers, his = two_firms(visits)
    made = visits.create("chief", "visit", firm=big.id, person=hers.id, guests=[{"who": hers.id}])

    said = errors_of(lambda: visits.update("chief", made, firm=small.id))

    assert said == {"person": SAID.format("见了谁"), "guests.0.who": SAID.format("谁")}
    moved = visits.update("chief", made, firm=small.id, person=his.id, guests=[])
    assert moved.values["person"] == his.id


def test_what_became_of_the_linked_record_holds_nobody_back(visits: Desk) -> None:
    big, small, hers, _ = two_firms(visits)
    made = visits.create("chief", "visit", firm=big.id, person=hers.id)
    visits.update("chief", hers, firm=small.id)

    assert visits.update("chief", made, other=big.id).values["other"] == big.id


def test_it_holds_for_what_a_move_fills_in_and_for_imports(visits: Desk) -> None:
    big, _, hers, his = two_firms(visits)
    made = visits.create("chief", "visit", firm=big.id)

    def finish(person: Record) -> Record:
        with visits.store.write() as session:
            raw, actor = {"person": person.id}, visits.actor("chief")
            return move_record(session, "visit", made.id, "finish", raw=raw, version=made.version, actor=actor)

    assert errors_of(lambda: finish(his)) == {"person": SAID.format("见了谁")}
    assert finish(hers).values["stage"] == "done"
    rows = [(2, [big.values["name"], his.values["name"]]), (3, [big.values["name"], hers.values["name"]])]
    result = imports.import_records(visits.store, "visit", Sheet(("公司", "见了谁"), rows), actor=visits.actor("chief"))
    assert [refused.row for refused in result.refused] == [2]
    assert result.created == 1


def offered(desk: Desk, field: str, **record: Any) -> set[int]:
    with desk.store.read() as session:
        target = "firm" if field == "other" else "person"
        found = queries.pick(
            session, target, "", actor=desk.actor("chief"), limit=100, link=("visit", field), record=record
        )
    return {one.id for one in found}


def test_only_what_may_be_chosen_is_offered_and_all_of_it(visits: Desk) -> None:
    big, small, hers, his = two_firms(visits)
    cheap = someone(visits, big, limit="10")

    assert offered(visits, "person", firm=big.id, cost=None) == {hers.id, cheap.id}
    assert offered(visits, "person", firm=big.id, cost=11) == {hers.id}
    assert offered(visits, "guests.who", firm=small.id) == {his.id}
    assert {big.id}.issubset(offered(visits, "other", kind="big"))
    assert small.id not in offered(visits, "other", kind="big")
    for person in (hers, his, cheap):
        for cost in (None, "11"):
            allowed = person.id in offered(visits, "person", firm=big.id, cost=None if cost is None else 11)
            try:
                visits.create("chief", "visit", firm=big.id, cost=cost, person=person.id)
            except InvalidValues:
                assert not allowed
            else:
                assert allowed


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("firm = record.frim", "'visit' has no 'frim'. Did you mean firm?"),
        ("firm = record.cost", "You cannot compare a link with an amount of money."),
        ("firm = record.firm.kind", "record.firm.kind"),
        ("firm = record", "You cannot compare"),
        ("name = record.guests", "record.guests"),
    ],
)
def test_a_mistake_about_the_record_is_told_with_its_place(written: str, says: str) -> None:
    texts = dict(VISITS)
    texts["visit/entity.yaml"] = VISIT.replace(
        "firm = record.firm and default(limit, 1000) >= default(record.cost, 0)", written
    )
    with pytest.raises(DefinitionError) as refused:
        load_app(SourceFolder(texts))
    said = [problem.text("en") for problem in refused.value.problems]
    assert len(said) == 1
    assert said[0].startswith("visit/entity.yaml:11:")
    assert says in said[0]


def test_a_link_may_lead_back_to_the_record_itself(visits: Desk) -> None:
    big, _, hers, his = two_firms(visits)

    assert visits.update("chief", big, head=hers.id).values["head"] == hers.id
    assert errors_of(lambda: visits.update("chief", visits.get("chief", big), head=his.id)) == {
        "head": SAID.format("负责人")
    }
    assert errors_of(lambda: visits.create("chief", "firm", head=his.id)) == {"head": SAID.format("负责人")}


def test_only_the_condition_of_a_link_may_name_the_record() -> None:
    texts = {**VISITS, "firm/entity.yaml": FIRM + 'rules:\n  a: {check: "name = record.name", message: 错}\n'}
    with pytest.raises(DefinitionError) as refused:
        load_app(SourceFolder(texts))
    assert "'firm' has no 'record'" in refused.value.problems[0].text("en")
