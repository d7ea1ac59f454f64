"""A site whose definitions use the whole vocabulary of approvals, on the payments app, and shorthand for its people."""

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

from engine.definition.source import read_folder
from engine.people import groups
from engine.records.record import Record
from engine.storage.database import Database
from engine.workflow.approval import log
from tests.workflow.site import APP, Site, make_people, open_site

MOVES = """\
  rich:     {label: 会审, from: [draft], to: [approved], during: review, approval: rich}
  pick:     {label: 自选, from: [draft], to: [approved], during: review, approval: pick}
  worked:   {label: 办理, from: [draft], to: [approved], during: review, approval: worked}
  called:   {label: 子审批, from: [draft], to: [approved], during: review, approval: called}
  pooled:   {label: 认领, from: [draft], to: [approved], during: review, approval: pooled}
  free:     {label: 放开, from: [draft], to: [open], during: review, approval: free}
  late:     {label: 限时, from: [draft], to: [approved], during: review, approval: late}
"""
FILES = {
    "rich": """\
approval: rich
entity: payment
label: 会审
guard: [items]
defaults:
  allow: [approve, refuse, return, transfer, consult, add_before, add_after, remove, cc, comment]
  duplicate: none
steps:
  boss: {label: 上级, who: [{manager_of: starter}]}
  side:
    label: 会审
    parallel:
      money: {label: 财务, steps: {finance: {label: 财务会签, who: [{role: finance}], decide: all}}}
      board: {label: 委员会, steps: {board: {label: 票签, who: [{group: board}], decide: share, share: 2/3}}}
  sign: {label: 签批, who: [{user: chair}], signature: handwritten}
return: {to: [starter, done_step], then: jump}
cc: {finished: [{user: other}]}
revoke: {within: 3d, through: undo}
urge: {every: 1h, at_most: 2}
withdraw: {until: first_decision, data: restore}
""",
    "undo": """\
approval: undo
entity: payment
label: 撤销审批
guard: [items]
steps: {boss: {label: 上级, who: [{manager_of: starter}]}}
""",
    "pick": """\
approval: pick
entity: payment
label: 自选
guard: [items]
steps:
  one:
    label: 自选审批人
    who: [{chosen_by: starter, from: [{role: finance}, {role: director}], min: 1, max: 2}]
    decide: all
  owner: {label: 按负责人, when: urgent, who: [{role: finance, match: title}]}
""",
    "worked": """\
approval: worked
entity: payment
label: 办理
guard: [items]
steps:
  fill: {label: 填毛利, who: [{user: manager}], work: [margin]}
  thin: {label: 总监, when: "margin < 15%", who: [{role: director}]}
  rest: {label: 财务, who: [{user: money}]}
withdraw: {until: any_time, data: restore}
""",
    "called": """\
approval: called
entity: payment
label: 总审批
guard: [items]
steps: {sub: {label: 子审批, call: undo}, last: {label: 财务, who: [{user: money}]}}
""",
    "pooled": """\
approval: pooled
entity: payment
label: 认领
guard: [items]
steps: {pool: {label: 财务池, who: [{role: finance}], claim: true}}
""",
    "free": """\
approval: free
entity: payment
label: 放开
guard: [items]
steps: {boss: {label: 上级, who: [{manager_of: starter}]}}
revoke: {through: undo}
""",
    "late": """\
approval: late
entity: payment
label: 限时
guard: [items]
steps:
  boss:
    label: 上级
    who: [{manager_of: starter}]
    due: 4h
    late:
      half: {at: 50%, do: [{remind: [{person: holder}]}]}
      full: {at: 100%, do: [{escalate: [{manager_of: holder}]}]}
      over: {at: 8h, do: [{hand_over: [{user: money}]}]}
""",
}


def open_vocabulary(database: Database, folder: Path) -> Site:
    sources = read_folder(APP)
    files = dict(sources.files)
    files["app.yaml"] = files["app.yaml"].replace("menu:", "groups:\n  board: {label: 委员会}\nmenu:")
    files["payment/workflow.yaml"] = files["payment/workflow.yaml"].replace("moves:\n", "moves:\n" + MOVES)
    files["payment/workflow.yaml"] = files["payment/workflow.yaml"].replace(
        "  approved:", "  open:     {label: 进行中}\n  approved:", 1
    )
    files |= {f"payment_{key}/approval.yaml": text for key, text in FILES.items()}
    opened = open_site(database, folder, type(sources)(files), make_people)
    with opened.store.write() as session:
        for login in ("boss", "money", "chair"):
            groups.set_groups(session, opened.people[login], ["board"], actor=None)
    return opened


def do(site: Site, login: str, command: Any, *given: Any, **more: Any) -> Any:
    with site.store.write() as session:
        return command(session, *given, actor=site.actor(login), **more)


def png() -> str:
    raw = b"".join(b"\x00" + bytes([at * 40 % 256] * 12) for at in range(4))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(whole).decode()


def open_task(site: Site, login: str, record: Record) -> int:
    with site.store.read() as session:
        kept = log.read(session, site.approval(record))
    assert kept is not None
    mine = next(task for task in kept.state.open_tasks if task.person.id == site.people[login])
    return kept.task_ids[mine.number - 1]
