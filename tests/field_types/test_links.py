"""A field that leads to several records, on both databases: kept by the database, found, counted, shown, turned."""

import re
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from engine import reports
from engine.errors import InvalidValues, NotPossibleNow
from engine.exporting.sheets import Columns
from engine.importing.sheets import Sheet, read_sheet
from engine.records import commands, merging, queries
from engine.records.filters import Filter
from engine.records.unmerging import undo_merge
from engine.records.versions import restore_version
from engine.workflow.many import update_many
from tests.field_types.test_records import actor_of, bring_in, change, create, found, read
from tests.web.conftest import Desk


def partners(samples: Desk, *names: str) -> list[int]:
    with samples.store.write() as session:
        lead = actor_of(samples)
        return [commands.create_record(session, "partner", {"name": name}, actor=lead).id for name in names]


def entries(samples: Desk) -> list[tuple[int, int, int]]:
    table = samples.store.tables.entries["sample", "links"]
    with samples.store.read() as session:
        columns = (table.c.parent_id, table.c.leads_to, table.c.position)
        query = select(*columns).order_by(table.c.parent_id, table.c.position)
        return [tuple(row) for row in session.connection.execute(query)]


def test_the_database_keeps_each_of_them_there_and_once_in_order(samples: Desk) -> None:
    one, two, three = partners(samples, "甲", "乙", "丙")
    made = create(samples, {"links": [two, one, two]})
    assert read(samples, made.id).values["links"] == [two, one]
    assert entries(samples) == [(made.id, two, 0), (made.id, one, 1)]
    made = change(samples, made, {"links": f"{three}, {two}"})
    assert entries(samples) == [(made.id, three, 0), (made.id, two, 1)]
    assert read(samples, made.id).labels["partner", three] == "丙"
    table = samples.store.tables.entries["sample", "links"]
    for row in ({"parent_id": made.id, "leads_to": 999}, {"parent_id": made.id, "leads_to": two}):
        with pytest.raises(IntegrityError), samples.store.write() as session:
            session.connection.execute(insert(table).values(position=9, **row))
    change(samples, made, {"links": []})
    assert entries(samples) == []


def test_a_list_is_filtered_by_it_and_formulas_ask_it(samples: Desk) -> None:
    one, two, three = partners(samples, "甲", "乙", "丙")
    both = create(samples, {"links": [one, two], "link": two}).id
    only, none = create(samples, {"links": [two], "link": one}).id, create(samples, {}).id
    for operator, value, ids in (
        ("eq", str(one), [both]), ("in", [one, three], [both]), ("contains", two, [both, only]),
        ("ne", str(one), [only, none]), ("missing", None, [none]), ("present", None, [both, only]),
    ):  # fmt: skip
        assert sorted(found(samples, Filter("links", operator, value))) == ids, operator
    told = [read(samples, id_).values for id_ in (both, only, none)]
    assert [(one["linked"], one["among"]) for one in told] == [(2, True), (1, False), (0, False)]
    with samples.store.read() as session:
        page = queries.list_records(session, "sample", queries.ListQuery(), actor=actor_of(samples))
    assert page.labels["partner", one] == "甲"
    assert samples.browser("lead").get(f"/e/sample?links={one}").get_data(as_text=True).count("/e/sample/1") > 0


def test_what_cannot_be_chosen_is_said_beside_it(samples: Desk) -> None:
    one, *more = partners(samples, *"甲乙丙丁")
    for raw, code in (
        ([one, 999], "value.link_missing"), ([998, 999], "value.link_missing"), ("甲", "value.link"),
        ([one, *more], "value.too_many_links"), ({"a": 1}, "value.link"), (True, "value.links"),
    ):  # fmt: skip
        with pytest.raises(InvalidValues) as caught:
            create(samples, {"links": raw})
        assert [(error.path, error.code) for error in caught.value.errors] == [("links", code)], raw


def test_what_is_linked_to_is_not_deleted_and_what_links_is(samples: Desk) -> None:
    (one,) = partners(samples, "甲")
    made = create(samples, {"links": [one]})
    lead = actor_of(samples)
    with pytest.raises(NotPossibleNow, match="样例"), samples.store.write() as session:
        commands.delete_record(session, "partner", one, version=1, actor=lead)
    with samples.store.write() as session:
        commands.delete_record(session, "sample", made.id, version=1, actor=lead)
        commands.delete_record(session, "partner", one, version=1, actor=lead)
    assert entries(samples) == [(made.id, one, 0)], "in the recycle bin it keeps what it leads to"
    with samples.store.write() as session:  # gone for good
        session.connection.execute(delete(session.tables.entity["sample"]))
    assert entries(samples) == []


def test_two_that_become_one_are_one_entry_and_undone_two(samples: Desk) -> None:
    one, two, three = partners(samples, "甲", "乙", "丙")
    both, other = create(samples, {"links": [one, three, two]}), create(samples, {"links": [two]})
    lead = actor_of(samples)
    with samples.store.write() as session:
        _, merge = merging.merge_records(session, "partner", one, two, {}, versions=(1, 1), actor=lead)
    assert [read(samples, id_).values["links"] for id_ in (both.id, other.id)] == [[one, three], [one]]
    assert entries(samples) == [(both.id, one, 0), (both.id, three, 1), (other.id, one, 0)]
    with samples.store.write() as session:
        undo_merge(session, merge, actor=lead)
    assert [read(samples, id_).values["links"] for id_ in (both.id, other.id)] == [[one, three, two], [two]]
    assert entries(samples) == [(both.id, one, 0), (both.id, three, 1), (both.id, two, 2), (other.id, two, 0)]


def test_what_is_kept_of_two_leads_to_no_more_than_it_may(samples: Desk) -> None:
    one, two, three, four = partners(samples, *"甲乙丙丁")
    kept, other = create(samples, {"links": [one, two]}), create(samples, {"links": [three, four]})
    lead = actor_of(samples)
    with pytest.raises(InvalidValues) as caught, samples.store.write() as session:
        merging.merge_records(session, "sample", kept.id, other.id, {"links": "both"}, versions=(1, 1), actor=lead)
    assert [(error.path, error.code) for error in caught.value.errors] == [("links", "value.too_many_links")]
    with samples.store.write() as session:  # nobody asked for both: what stood there stays
        merging.merge_records(session, "sample", kept.id, other.id, {}, versions=(1, 1), actor=lead)
    assert read(samples, kept.id).values["links"] == [one, two]


def test_what_comes_back_from_the_bin_or_out_of_a_merge_has_its_entries(samples: Desk) -> None:
    one, two = partners(samples, "甲", "乙")
    kept, other = create(samples, {"links": [one]}), create(samples, {"links": [two, one]})
    lead, whole = actor_of(samples), [(1, one, 0), (2, two, 0), (2, one, 1)]
    assert entries(samples) == whole
    with samples.store.write() as session:
        commands.delete_record(session, "sample", other.id, version=1, actor=lead)
    with samples.store.write() as session:
        commands.restore_record(session, "sample", other.id, actor=lead)
    assert entries(samples) == whole
    with samples.store.write() as session:
        _, merge = merging.merge_records(
            session, "sample", kept.id, other.id, {"links": "both"}, versions=(1, 3), actor=lead
        )
    assert read(samples, kept.id).values["links"] == [one, two]
    with samples.store.write() as session:
        undo_merge(session, merge, actor=lead)
    assert [read(samples, id_).values["links"] for id_ in (kept.id, other.id)] == [[one], [two, one]]
    assert entries(samples) == whole


def test_a_report_counts_a_record_under_each_and_under_none(samples: Desk) -> None:
    one, two = partners(samples, "甲", "乙")
    for links, money in (([one, two], "10"), ([two], "5"), ([], "1")):
        create(samples, {"links": links, "money": money})
    lead = actor_of(samples)
    with samples.store.read() as session:
        result = reports.run(session, "sample.by_partner", actor=lead)
        narrowed = reports.run(session, "sample.by_partner", actor=lead, filters={"links": [one]})
        none = reports.run(session, "sample.by_partner", actor=lead, filters={"links": [None]})
    told = {line.keys[0]: [int(cell.value) for cell in line.cells if cell] for line in result.lines}
    assert told == {one: [1, 10], two: [2, 15], None: [1, 1]}
    assert [int(cell.value) for cell in result.total.cells if cell] == [3, 16]
    assert result.labels["partner", one] == "甲"
    assert [[int(cell.value) for cell in at.total.cells if cell] for at in (narrowed, none)] == [[1, 10], [1, 1]]
    page = samples.browser("lead").get("/reports/sample.by_partner").get_data(as_text=True)
    assert "乙" in page


def test_a_sheet_names_them_and_gives_the_names_back(samples: Desk) -> None:
    one, two = partners(samples, "甲", "乙")
    assert bring_in(samples, Sheet(["text", "links"], [(2, ["一", "乙、甲"]), (3, ["二", "甲, 无"])])) == (
        1, ["多链接：找不到“无”，请填写已有记录的编号或名称。"],
    )  # fmt: skip
    made = read(samples, 1)
    assert made.values["links"] == [two, one]
    columns = Columns(samples.store.app.entities["sample"], ["links"], language="zh", zone=ZoneInfo("Asia/Shanghai"))
    assert columns.cells(made) == ["乙, 甲"]
    (comma,) = partners(samples, "丙, 丁, 公司")
    told = columns.cells(read(samples, create(samples, {"links": [comma, one]}).id))
    assert told == ["丙, 丁, 公司, 甲"]
    rows = [(2, ["三", *told]), (3, ["四", "甲；丙, 丁, 公司、乙"])]
    assert bring_in(samples, Sheet(["text", "links"], rows)) == (2, [])
    brought = [read(samples, found(samples, Filter("text", "eq", text))[0]).values["links"] for text in "三四"]
    assert brought == [[comma, one], [one, comma, two]], "the longest name that is one"
    rows = [(2, ["五", "丙, 丁"]), (3, ["六", "甲, 乙, 丙, 丁, 公司, 丙"]), (4, ["七", " ,、"]), (5, ["八", "甲,甲"])]
    assert bring_in(samples, Sheet(["text", "links"], rows)) == (
        2, ["多链接：找不到“丙”，请填写已有记录的编号或名称；多链接：找不到“丁”，请填写已有记录的编号或名称。",
            "多链接：找不到“丙”，请填写已有记录的编号或名称。"],
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_that_was_exported_is_read_back_as_it_was(samples: Desk, kind: str) -> None:
    one, comma, formula = partners(samples, "甲厂", "丙, 丁, 公司", "=1+1")
    for text, links in (("一", [comma, one]), ("二", [formula, one])):
        create(samples, {"text": text, "links": links})
    program = samples.program("lead")
    asked = program.post("/sample/exports", {"format": kind, "columns": ["text", "links"]}).get_json()
    file = program.get(f"/exports/{asked['id']}/file").get_data()
    assert bring_in(samples, read_sheet(file, f"again.{kind}")) == (2, [])
    for text, links in (("一", [comma, one]), ("二", [formula, one])):
        ids = found(samples, Filter("text", "eq", text))
        assert [read(samples, id_).values["links"] for id_ in ids] == [links, links]


def test_pages_and_programs_show_and_take_them(samples: Desk) -> None:
    one, two = partners(samples, "甲厂", "乙厂")
    browser = samples.browser("lead")
    posted = {"text": "甲", "links": ["", str(one)], "links._text": "乙厂"}  # without a script a name is typed
    place = browser.post("/e/sample/new", data=posted).headers["Location"]
    page, form = (browser.get(at).get_data(as_text=True) for at in (place, f"{place}/edit"))
    assert f'<a href="/e/partner/{one}">甲厂</a>、<a href="/e/partner/{two}">乙厂</a>' in page
    assert f'name="links" value="{two}"' in form and "乙厂</span>" in form
    browser.post(f"{place}/edit", data={"text": "甲", "links": ["", str(two)], "_version": "1"})
    history = browser.get(f"{place}/history").get_data(as_text=True)
    assert "甲厂、乙厂" in history
    program = samples.program("lead")
    told = program.get("/sample/1").get_json()
    assert (told["links"], told["_labels"]["partner"]) == ([two], {str(two): "乙厂"})
    assert program.patch("/sample/1", {"links": [one]}, 2).get_json()["links"] == [one]


def test_what_it_was_is_compared_restored_and_offered(samples: Desk) -> None:
    one, two = partners(samples, "甲厂", "乙厂")
    made = create(samples, {"links": [one, two]})
    change(samples, made, {"links": [two]})
    browser = samples.browser("lead")
    compared = browser.get("/e/sample/1/versions/1").get_data(as_text=True)
    assert "甲厂、乙厂" in compared
    with samples.store.write() as session:
        lead = actor_of(samples)
        restore_version(session, "sample", made.id, 1, ["links"], version=2, actor=lead)
    assert read(samples, made.id).values["links"] == [one, two]
    assert entries(samples) == [(made.id, one, 0), (made.id, two, 1)]
    assert "乙厂</span>" in browser.get(f"/e/sample/new?links={two}").get_data(as_text=True)
    offered = browser.get("/pick/partner?for=sample.links&q=乙").get_json()
    assert [item["text"] for item in offered["items"]] == ["乙厂"]
    stale = {"text": "甲", "links": ["", str(one)], "_version": "2"}  # filled in over [two]
    assert "甲厂、乙厂" in browser.post(f"/e/sample/{made.id}/edit", data=stale).get_data(as_text=True), "a conflict"


def test_many_records_are_given_the_same_ones(samples: Desk) -> None:
    one, two, three = partners(samples, "甲厂", "乙厂", "丙厂")
    made = [create(samples, {"links": [one, two]}), create(samples, {"links": [two]})]
    browser, told = samples.browser("lead"), {"records": f"{made[0].id}:1,{made[1].id}:1", "field": "links"}

    def ask(step: str, *ids: int) -> str:
        page = browser.post("/e/sample/many", data=told | {"links": ["", *map(str, ids)], "step": step})
        return " ".join(re.sub("<[^>]+>", " ", page.get_data(as_text=True)).split())

    assert "把“多链接”改为“丙厂、甲厂” 将修改 2 条" in ask("preview", three, one)
    refused = ask("preview", 998, 999)
    assert "2 条不能修改" in refused and refused.count("不存在或你无权查看") == 2, "one sentence for each record"
    with samples.store.write() as session:
        seen = [(record.id, 1) for record in made]
        update_many(session, "sample", seen, {"links": [three, one]}, actor=actor_of(samples))
    assert entries(samples) == [(record.id, *entry) for record in made for entry in ((three, 0), (one, 1))]


def test_a_program_is_told_in_one_sentence_and_never_fails(samples: Desk) -> None:
    one, *more = partners(samples, *"甲乙丙丁")
    program = samples.program("lead")
    made = program.made("sample", text="甲", links=[one])
    for raw, wrong in (
        ([998, 999], "所选的“多链接”不存在或你无权查看，请重新选择。"), ([one, *more], "最多选择 3 条记录。"),
        ("甲", "请从列表中选择一条记录。"), ([[one]], "请从列表中选择一条记录。"), ([True], "请从列表中选择一条记录。"),
        (True, "请从列表中选择记录。"), (1.5, "请从列表中选择记录。"), ([0], "请从列表中选择一条记录。"),
        ([-1], "请从列表中选择一条记录。"), ([10**40], "请从列表中选择一条记录。"), (["²"], "请从列表中选择一条记录。"),
        ({"id": {"id": 1}}, "请从列表中选择一条记录。"), ({}, "请从列表中选择一条记录。"),
    ):  # fmt: skip
        answers = program.post("/sample", {"text": "乙", "links": raw}), program.patch("/sample/1", {"links": raw}, 1)
        for answer in answers:
            assert (answer.status_code, [each["text"] for each in answer.get_json()["errors"]]) == (422, [wrong]), raw
    assert program.get("/sample/1").get_json()["version"] == made["version"]
    for raw in ([one, one, None], f"{one},", {"id": one}, [{"id": one}], one):
        assert program.made("sample", text="乙", links=raw)["links"] == [one], raw
    for query in ("eq=x", "in=1,x", "eq=", f"eq={10**40}", "gte=1"):
        assert program.get(f"/sample?filter.links.{query}").status_code == 422
    schemas = program.get("/openapi.json").get_json()["components"]["schemas"]
    typed, told = (schemas[f"sample.{name}"]["properties"]["links"] for name in ("values", "record"))
    assert (typed["type"], typed["maxItems"], typed["items"]["type"]) == ("array", 3, "integer")
    assert (told["type"], told["items"]["type"]) == (["array", "null"], "integer")


def test_whoever_may_not_see_them_keeps_them_and_chooses_none(samples: Desk) -> None:
    one, two, three = partners(samples, "甲厂", "乙厂", "丙厂")
    made = create(samples, {"links": [one, two], "link": one})
    browser, program = samples.browser("root"), samples.program("root")  # reads samples and no partner
    page = browser.get("/e/sample/1").get_data(as_text=True)
    assert "甲厂</a>、" in page and "乙厂" in page, "what a record leads to is called, as with a link to one"
    posted = {"text": "乙", "link": str(one), "_version": "1"}
    assert browser.post("/e/sample/1/edit", data=posted | {"links": ["", str(two), str(one)]}).status_code == 303
    assert read(samples, made.id).values["links"] == [two, one]
    for raw in ([one, two, three], [three]):
        answer = program.patch("/sample/1", {"links": raw}, 2)
        assert [error["code"] for error in answer.get_json()["errors"]] == ["value.link_missing"]
    assert "丙厂" not in browser.get(f"/e/sample/new?links={three}&link={three}").get_data(as_text=True)
    assert "丙厂" not in browser.get(f"/e/sample?links={three}").get_data(as_text=True)
    assert browser.get("/pick/partner?for=sample.links&q=").status_code in (403, 404)
    for by in ("link", "links"):  # nothing but the number of what may not be seen is told by a report
        assert "甲厂" not in browser.get(f"/reports/sample.by_partner?by={by}").get_data(as_text=True)


def test_the_page_of_each_lists_what_leads_to_it_by_either_field(samples: Desk) -> None:
    one, two = partners(samples, "甲厂", "乙厂")
    for raw in (
        {"text": "只链接", "link": one}, {"text": "两处", "link": one, "links": [one]},
        {"text": "在其中", "link": two, "links": [two, one]},
    ):  # fmt: skip
        create(samples, raw)
    browser = samples.browser("lead")

    def listed(at: int) -> list[str]:
        page = browser.get(f"/e/partner/{at}").get_data(as_text=True)
        return re.findall(r'data-row-link href="/e/sample/\d+">([^<]+)<', page)

    assert (listed(one), listed(two)) == (["在其中", "两处", "只链接"], ["在其中"])
    for _ in range(3):
        create(samples, {"text": "又", "links": [one]})
    assert listed(one) == ["又", "又", "又", "在其中", "两处"]
    page = browser.get(f"/e/partner/{one}").get_data(as_text=True)
    (more,) = re.findall(r'href="(/e/sample\?where=[^"]+)"', page)
    assert len(set(re.findall(r'href="(/e/sample/\d+)"', browser.get(unescape(more)).get_data(as_text=True)))) == 6
