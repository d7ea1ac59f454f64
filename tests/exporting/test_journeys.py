"""The journey of a record taken out of the house: what its asker may take, marked, allowed, logged, theirs alone."""

from datetime import datetime

import pytest
from sqlalchemy import select

from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.exporting import requests, working
from engine.exporting.journeys import JourneyAsked
from engine.exporting.requests import Export
from engine.records import comments
from engine.records.journey import Kind
from engine.records.record import Record
from engine.records.views import ViewContent
from engine.storage.system_tables import audit
from tests.exporting.conftest import ABOVE, Office
from tests.exporting.test_exports import cells_of, parts_of, rows_of

HEADERS = ["时间", "谁", "类别", "对象", "记录", "做了什么", "改了什么", "说明"]


def ask(desk: Office, login: str, record: Record, kind: Kind | None = None, *, format: str = "csv", reason: str = "",
        language: str = "zh") -> Export:  # fmt: skip
    with desk.store.write() as session:
        return requests.ask(
            session, record.entity, ViewContent(), format=format, language=language, reason=reason,
            journey=JourneyAsked(record.id, kind), actor=desk.actor(login),
        )  # fmt: skip


def take(desk: Office, login: str, record: Record, kind: Kind | None = None, *, format: str = "csv") -> bytes:
    found = ask(desk, login, record, kind, format=format)
    working.go_on(desk.store, found.id)
    return desk.file(login, found)


@pytest.fixture
def client(desk: Office) -> Record:
    """A client of the rep's, talked about and changed, with a deal of the chief's and one of their own."""
    made = desk.client("rep", name=desk.name("程"), phone="13811112222")
    changed = desk.update("chief", made, phone="13833334444", limit="88.50", region="west")
    with desk.store.write() as session:
        comments.add_comment(session, "client", made.id, "=约了周三", actor=desk.actor("rep"))
    desk.create("chief", "deal", title="大单", client=made.id)
    desk.create("rep", "deal", title="小单", client=made.id)
    return changed


def test_a_journey_leaves_as_it_is_seen_the_newest_first(desk: Office, client: Record) -> None:
    rows = rows_of(take(desk, "chief", client))

    assert "chief 的名字" in rows[0][0] and rows[1] == HEADERS
    told = {(row[2], row[5]) for row in rows[2:]}
    assert {("修改", "新建"), ("相关记录", "新建"), ("评论", "评论")} <= told
    assert [row[3] for row in rows[2:]].count("交易") == 2 and any("大单" in row[4] for row in rows[2:])
    assert sorted((row[0] for row in rows[2:]), reverse=True) == [row[0] for row in rows[2:]]
    (change,) = (row[6].split("\n") for row in rows[2:] if "\n" in row[6])
    assert {"电话：13811112222 → 13833334444", "额度：— → 88.50", "区域：东 → 西"} == set(change)
    assert "'=约了周三" in {row[7] for row in rows[2:]}


def test_what_is_hidden_or_may_not_be_taken_out_does_not_leave_with_it(desk: Office, client: Record) -> None:
    content = take(desk, "rep", client, format="xlsx")

    cells = cells_of(content)
    assert cells[0] == HEADERS and isinstance(cells[1][0], datetime)
    said = "\n".join(str(cell) for row in cells for cell in row)
    assert "13833334444" in said and "88.50" not in said and "额度" not in said
    assert "交易" not in said, "a rep may not export deals, so none leaves with a client"
    noted = "\n".join(str(cell) for row in cells_of(content, 1) for cell in row)
    assert "交易" in noted and "没有导出权限" in noted and str(client.values["name"]) in noted
    assert any("导出" in part for name, part in parts_of(content).items() if "sheet" in name)


def test_one_kind_leaves_alone(desk: Office, client: Record) -> None:
    assert {row[2] for row in rows_of(take(desk, "chief", client, "remarks"))[2:]} == {"评论"}
    with pytest.raises(InvalidValues):
        JourneyAsked.from_plain({"record": client.id, "kind": "nothing"})


def test_who_may_not_export_or_not_see_the_record_gets_no_journey(desk: Office, client: Record) -> None:
    strange = desk.client("chief", name=desk.name("别"))

    with pytest.raises(NotAllowed):
        ask(desk, "eastern", client)
    with pytest.raises(NotFound):
        ask(desk, "rep", strange)
    found = ask(desk, "rep", client)
    with pytest.raises(NotFound):
        desk.see("lead", found)


def test_it_is_logged_with_whose_journey_it_was(desk: Office, client: Record) -> None:
    found = ask(desk, "chief", client)
    working.go_on(desk.store, found.id)
    desk.file("chief", found)

    with desk.store.read() as session:
        rows = session.connection.execute(select(audit.c.action, audit.c.details).order_by(audit.c.id)).all()
    logged = [(action, one) for action, one in rows if (one or {}).get("export") == found.id]
    assert [action for action, _ in logged] == ["exporting.asked", "exporting.done", "exporting.fetched"]
    assert all(one["journey"] == {"record": client.id, "kind": None} for _, one in logged)
    assert desk.see("chief", found).total == len(rows_of(desk.file("chief", found))) - 2 == found.total


def test_a_long_one_waits_for_somebody_else(desk: Office, client: Record) -> None:
    for at in range(ABOVE):
        client = desk.update("chief", client, phone=f"138{at:08}")
    with pytest.raises(InvalidValues) as refused:
        ask(desk, "rep", client)
    assert refused.value.errors[0].code == "export.no_reason"

    found = ask(desk, "rep", client, reason="交给法务")
    assert found.state == "asked"
    desk.approve("chief", found)
    working.go_on(desk.store, found.id)
    assert len(rows_of(desk.file("rep", found))) - 2 == desk.see("rep", found).total > ABOVE


def test_a_journey_of_a_record_that_is_no_longer_theirs_is_not_fetched(desk: Office, client: Record) -> None:
    found = ask(desk, "rep", client)
    working.go_on(desk.store, found.id)
    desk.file("rep", found)
    desk.update("chief", client, owner=desk.people["chief"])

    with pytest.raises((NotFound, NotPossibleNow)):
        desk.file("rep", found)
