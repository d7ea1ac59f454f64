"""``formwork report``: numbers as somebody sees them, in lines and as JSON."""

import json
from pathlib import Path

from sqlalchemy import insert

from engine.definition.source import SourceFolder, read_folder
from engine.people import accounts
from engine.people.actor import engine_actor
from engine.records.commands import create_record
from engine.storage import catalog
from engine.storage.closing_tables import closed_months
from tests.cli.conftest import DESK, Run, open_store

REPORTS = """\
reports: ticket
figures:
  made:  {label: 新建, date: created_at, value: count(), closes: 5}
  quiet: {label: 没有的, date: created_at, where: "id < 0", value: avg(id)}
  gone:  {label: 走了的, date: created_at, where: "id < 0", value: count()}
  left:  {label: 剩下的, date: created_at, where: "id < 0", value: count()}
layouts:
  falls:
    label: 增减
    show: [made, gone, left]
    period: all
    chart: waterfall
    adds: {from: made, minus: [gone], to: left}
  stages: {label: 各阶段, show: [made, quiet], by: [owner], period: all}
funnels:
  way: {label: 走到哪, steps: {all: {label: 全部}, none: {label: 没有, when: "id < 0"}}}
"""


def test_numbers_are_printed_as_somebody_sees_them(run: Run, home: Path) -> None:
    store = open_store(home)
    folder = SourceFolder({**read_folder(DESK).files, "ticket/reports.yaml": REPORTS})
    catalog.publish(store, folder, actor_id=None)
    with store.write() as session:
        role = next(key for key, access in session.app.entities["ticket"].access.items() if access.read == "all")
        boss = accounts.create_user(
            session, login="ann", name="Ann", password=None, roles=(role,), department=None, actor=None
        )
        accounts.create_user(session, login="out", name="Out", password=None, roles=(), department=None, actor=None)
        create_record(session, "ticket", {"title": "漏水"}, actor=engine_actor(boss, None))
        month = {"figure": "ticket.made", "month": "2025-11", "value": "3", "n": 3, "digest": "x"}
        session.connection.execute(insert(closed_months).values(month | {"closed_at": session.now()}))
    store.database.close()

    listed = run("report", "--as", "ann").output
    assert "ticket.stages" in listed and "ticket.way" in listed and "ticket.made" in listed
    assert run("report", "--as", "out").output == ""
    said = run("report", "ticket.stages", "--as", "ann").output
    falls = run("report", "ticket.falls", "--as", "ann").output
    assert "1 does not reconcile: 新建, with what is added and taken away, comes to 1, but 剩下的 is 0." in falls
    assert "Period: all" in said and "(n=0)" in said and "—" in said
    assert "There is no report 'ticket.stages'" in run("report", "ticket.stages", "--as", "out").output
    closed = run("report", "ticket.made", "--as", "ann", "--period", "2025-11").output
    assert "(n=0) [3 when closed, n=3; adjusted by -3]" in closed
    told = json.loads(
        run("report", "ticket.made", "--as", "ann", "--period", "2026-03", "--by", "owner", "--json").output
    )
    assert told["period"]["name"] == "2026-03" and told["total"] == [{"value": 0, "n": 0}]
    funnel = json.loads(run("report", "ticket.way", "--as", "ann", "--json").output)
    assert [one["count"] for one in funnel["steps"]] == [1, 0]
    assert "cannot be" in run("report", "ticket.made", "--as", "ann", "--where", "owner=nobody").output
