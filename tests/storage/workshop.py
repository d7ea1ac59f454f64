"""A small app about machines and repair jobs, and ways to edit it as an author would."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert

from engine.storage.store import Session, Store

APP = """\
app: workshop
label: 设备维修
version: 1.0.0
language: zh
languages: [zh]
timezone: Asia/Shanghai
currency: CNY
roles:
  admin: {label: 管理员}
  fitter: {label: 维修工}
menu: [machine, job]
"""

MACHINE = """\
entity: machine
label: 设备
fields:
  name:   {type: text, label: 名称, required: true, max_length: 60}
  code:   {type: text, label: 编码, unique: true}
  kind:   {type: choice, label: 类别, options: {lathe: 车床, mill: 铣床, saw: 锯床}}
  price:  {type: money, label: 原值}
  power:  {type: integer, label: 功率}
  size:   {type: text, label: 尺寸}
  bought: {type: date, label: 购置日期}
access:
  admin: {read: all, write: all, create: true, delete: all}
"""

JOB = """\
entity: job
label: 维修单
number: {pattern: "WX{yyyy}-{seq:4}", reset: yearly}
display: "{number}"
fields:
  machine: {type: link, to: machine, label: 设备, required: true}
  fault:   {type: long_text, label: 故障}
  report:  {type: file, label: 报告, many: true}
  parts:
    type: lines
    label: 配件
    fields:
      part: {type: text, label: 配件名, required: true}
      qty:  {type: decimal, label: 数量, scale: 2}
      cost: {type: money, label: 单价}
unique:
  one_open: {fields: [machine], where: "stage != 'done'"}
list: {columns: [number, machine, stage], sort: "-created_at", filters: [stage, machine]}
access:
  admin:  {read: all, write: all, create: true, delete: all}
  fitter: {read: own, write: own, create: true}
"""

FLOW = """\
workflow: job
entity: job
label: 维修
stages:
  open:    {label: 待修}
  repair:  {label: 修理中, due: 3wd}
outcomes:
  done:
    label: 完成
    enter:
      what: {fields: [fault]}
moves:
  start:  {label: 开工, from: [open], to: [repair]}
  finish: {label: 完工, from: [repair], to: [done]}
"""

WORKSHOP: Mapping[str, str] = {
    "app.yaml": APP,
    "machine/entity.yaml": MACHINE,
    "job/entity.yaml": JOB,
    "job/workflow.yaml": FLOW,
}


def edited(*edits: tuple[str, str, str], texts: Mapping[str, str] = WORKSHOP) -> dict[str, str]:
    """Return the texts with ``(path, old, new)`` replaced; an edit that finds nothing is a mistake of the test."""
    result = dict(texts)
    for path, old, new in edits:
        assert old in result[path], f"{old!r} is not in {path}"
        result[path] = result[path].replace(old, new)
    return result


def with_field(line: str) -> dict[str, str]:
    """Return the texts with one more field at the end of the machines."""
    return edited(("machine/entity.yaml", "access:\n", f"  {line}\naccess:\n"))


def add_record(session: Session, entity: str, **values: Any) -> int:
    """Put a row into the table of an entity, past every rule, and return its id."""
    now = session.now()
    row = {"created_at": now, "updated_at": now, "version": 1, **values}
    table = session.tables.entity[entity]
    return session.connection.execute(insert(table).values(**row).returning(table.c.id)).scalar_one()


def add_machines(store: Store, *rows: dict[str, Any]) -> list[int]:
    """Put machines into the store."""
    with store.write() as session:
        return [add_record(session, "machine", **row) for row in rows]
