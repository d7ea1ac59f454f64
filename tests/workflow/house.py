"""A site whose approvals are drawn at random: one kind of thing, a move for each approval, people by their numbers.

Person ``n`` is the user with id ``n`` and login ``p<n>``, so that what is drawn means the same on a database as on the
pure core.
"""

import json
import random
from collections.abc import Mapping
from pathlib import Path

from engine.definition.source import SourceFolder
from engine.people import accounts, groups
from engine.storage.database import Database
from engine.storage.store import Session
from tests.workflow.office import ADMIN, GROUPS, MANAGERS, PEOPLE, ROLES
from tests.workflow.random_definitions import Definition, make_definition
from tests.workflow.site import Site, open_site

APP = """\
app: house
label: 房
version: 1.0.0
language: zh
languages: [zh]
timezone: Asia/Shanghai
currency: CNY
roles:
  staff: {label: 员工}
  alpha: {label: 甲}
  beta:  {label: 乙}
  gamma: {label: 丙}
  delta: {label: 丁}
  admin: {label: 管理员}
groups:
  north: {label: 北}
  south: {label: 南}
menu: [thing]
"""
THING = """\
entity: thing
label: 事
display: "{title}"
fields:
  title:  {type: text, label: 名称, required: true}
  cost:   {type: integer, label: 费用}
  flag:   {type: boolean, label: 标志}
  note:   {type: text, label: 说明}
  expert: {type: user, label: 专家}
  other:  {type: link, to: thing, label: 另一件}
access:
  staff: {read: all, write: all, create: true}
  admin: {read: all, write: all, create: true, delete: all}
"""
FLOW = """\
workflow: thing
entity: thing
label: 流程
stages:
  draft:  {label: 草稿}
  review: {label: 审批中}
  done:   {label: 完成, enter: {note: {fields: [note]}}}
outcomes:
  no: {label: 否, tone: danger}
moves:
  skip:  {label: 直接, from: [draft], to: [done]}
  back:  {label: 退回, from: [done], to: [draft]}
  drop:  {label: 放弃, from: [done], to: [no]}
  again: {label: 重开, from: [no], to: [draft]}
"""
TOPS = ("a0", "a1", "a2", "a3")
SUBS = ("sub0", "sub1")


def draw_definitions(dice: random.Random) -> dict[str, Definition]:
    """The approvals of one release: some that are submitted to, some that these wait for, and one to undo others."""
    tops = {key: make_definition(dice, calls=SUBS) for key in TOPS}
    return tops | {key: make_definition(dice, calls=(), chooses=False) for key in (*SUBS, "undo")}


def write_sources(definitions: Mapping[str, Definition]) -> SourceFolder:
    """The files of a release: a move for each approval that is submitted to; every other one refuses to ``no``."""
    moves = {key: f"go_{key}" for key in definitions if key in TOPS}
    refused = {key: ", refused: no" if at % 2 else "" for at, key in enumerate(moves)}
    lines = [
        f"  {move}: {{label: {move}, from: [draft], to: [done], during: review, approval: {key}{refused[key]}}}\n"
        for key, move in moves.items()
    ]
    files = {"app.yaml": APP, "thing/entity.yaml": THING, "thing/workflow.yaml": FLOW + "".join(lines)}
    for key, definition in definitions.items():
        files[f"thing_{key}/approval.yaml"] = json.dumps(definition.written(key), ensure_ascii=False, indent=1)
    return SourceFolder(files)


def open_house(database: Database, folder: Path, definitions: Mapping[str, Definition]) -> Site:
    return open_site(database, folder, write_sources(definitions), _make_people)


def _make_people(session: Session, site: Site) -> None:
    for number in (*PEOPLE, ADMIN):
        login = f"p{number}"
        own = [key for key, held in ROLES.items() if number in held]
        roles = ["admin"] if number == ADMIN else ["staff", *own]
        made = accounts.create_user(
            session, login=login, name=f"person {number}", password=None, roles=roles, actor=None
        )
        assert made == number
        site.people[login] = made
    for number, manager in MANAGERS.items():
        accounts.update_user(session, number, manager=manager, actor=None)
    for number in PEOPLE:
        groups.set_groups(session, number, [key for key, held in GROUPS.items() if number in held], actor=None)
