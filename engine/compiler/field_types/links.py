"""Pointing at something that has a record of its own: a linked record or several, a person or several, a department.

Enters: ids. Leaves: ids. Must not ask whether they exist: that is asked later, for all links of a record at once.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.compiler.field_types.declaration import ENTERED, EQUAL, ORDERED, FieldType, schema
from engine.compiler.readers import Wrong, is_empty, parse_id
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

MOST_PEOPLE = 200
MOST_LINKS = 50
"""Records one field leads to at most; ``max`` asks for fewer."""


def read_id(raw: Any, field: "Field") -> int:
    """Read the id of a linked record, user or department."""
    return parse_id(raw)


def read_people(raw: Any, field: "Field") -> list[int]:
    """Read the ids of several people, without repeats, in order."""
    ids = _read_ids(raw, "value.users")
    if len(ids) > MOST_PEOPLE:
        raise Wrong("value.too_many_users", max=MOST_PEOPLE)
    return ids


def read_links(raw: Any, field: "Field") -> list[int]:
    """Read the ids of several linked records, without repeats, in order."""
    ids = _read_ids(raw, "value.links")
    most = MOST_LINKS if field.max is None else int(field.max)
    if len(ids) > most:
        raise Wrong("value.too_many_links", max=most)
    return ids


def _read_ids(raw: Any, code: str) -> list[int]:
    parts = raw.split(",") if isinstance(raw, str) else raw
    if isinstance(parts, int | Mapping) and not isinstance(parts, bool):
        parts = [parts]
    if not isinstance(parts, Sequence) or isinstance(parts, bytes):
        raise Wrong(code)
    return list(dict.fromkeys(parse_id(part) for part in parts if not is_empty(part)))


_ID = schema(type="integer", minimum=1)
_IDS = schema(type="array", uniqueItems=True, maxItems=MOST_PEOPLE, items={"type": "integer", "minimum": 1})


def _links_schema(field: "Field") -> dict[str, Any]:
    most = MOST_LINKS if field.max is None else int(field.max)
    return {"type": "array", "uniqueItems": True, "maxItems": most, "items": {"type": "integer", "minimum": 1}}


_CHOSEN = ORDERED | {"in"}

TYPES = (
    FieldType(
        key="link",
        kind=Kind.LINK,
        column="link",
        parse=read_id,
        json_schema=_ID,
        widget="link",
        cell="linked",
        filter="link",
        operators=_CHOSEN,
        keys=frozenset({"default", "to", "where", "quick_create", "unique", "found_by", "make_missing", "best"}),
        needs=frozenset({"to"}),
        listed=1,
        in_display=True,
        definition={"type": "link", "to": "customer"},
        example="12",
        filtered_by_default=True,
        purpose={
            "zh": "链接到另一条记录，例如报价的客户。",
            "en": "A link to another record: the customer of a quote.",
        },
        typed={
            "zh": "在表单中输入名称或编号查找；JSON 用 id；导入表格写编号或名称。",
            "en": "In a form by name or number; in JSON its id; in a sheet its number or name.",
        },
    ),
    FieldType(
        key="links",
        kind=Kind.LINKS,
        column="json",
        parse=read_links,
        to_json=list,
        to_form=list,
        json_schema=_links_schema,
        widget="links",
        cell="several_linked",
        filter="link",
        operators=EQUAL | {"in", "contains"},
        basis=ENTERED,
        keys=frozenset({"to", "where", "max"}),
        needs=frozenset({"to"}),
        definition={"type": "links", "to": "customer"},
        example="12, 15",
        sortable=False,
        many=True,
        wide=True,
        in_lines=False,
        filtered_by_default=True,
        purpose={
            "zh": "链接到几条记录，例如商机的产品线；数据库保证每条都在、不重复。公式写作 line in product_lines。",
            "en": "Links to several records, such as the product lines of a deal; the database keeps each there, "
            "once. In a formula: line in product_lines.",
        },
        typed={
            "zh": "在表单中逐个查找添加；JSON 用 id 列表；导入表格写用逗号分开的编号或名称。最多 50 条，max 可以更少。",
            "en": "In a form one by one; in JSON a list of ids; in a sheet numbers or names with commas. At most 50, "
            "fewer with max.",
        },
    ),
    FieldType(
        key="user",
        kind=Kind.USER,
        column="user",
        parse=read_id,
        json_schema=_ID,
        widget="user",
        cell="linked",
        filter="user",
        operators=_CHOSEN,
        keys=frozenset({"default"}),
        in_display=True,
        definition={"type": "user"},
        example="3",
        purpose={"zh": "一个人，例如项目经理。", "en": "A person, such as the project manager."},
        typed={
            "zh": "在表单中按姓名或登录名查找；JSON 用 id；导入表格写登录名或姓名。",
            "en": "In a form by name or login; in JSON the id; in a sheet the login or name.",
        },
    ),
    FieldType(
        key="users",
        kind=Kind.USERS,
        column="json",
        parse=read_people,
        to_json=list,
        to_form=list,
        json_schema=_IDS,
        widget="users",
        cell="people",
        filter="user",
        operators=EQUAL | {"in", "contains"},
        basis=ENTERED,
        definition={"type": "users"},
        example="3, 5",
        sortable=False,
        many=True,
        wide=True,
        in_lines=False,
        purpose={
            "zh": "几个人，例如受邀参与的工程师。公式写作 user in invited，可用于权限范围。",
            "en": "Several people, such as the engineers invited. A formula, a scope too, says user in invited.",
        },
        typed={
            "zh": "在表单中逐个查找添加；JSON 用 id 列表；导入表格写用逗号分开的登录名或姓名。最多 200 人。",
            "en": "In a form one by one; in JSON a list of ids; in a sheet logins or names with commas. At most 200.",
        },
    ),
    FieldType(
        key="department",
        kind=Kind.DEPARTMENT,
        column="department",
        parse=read_id,
        json_schema=_ID,
        widget="department",
        cell="linked",
        filter="department",
        operators=_CHOSEN,
        definition={"type": "department"},
        example="2",
        purpose={"zh": "一个部门，例如承接部门。", "en": "A department, such as the one in charge."},
        typed={
            "zh": "在表单中按名称查找；JSON 用 id；导入表格写部门的键或名称。",
            "en": "In a form by name; in JSON its id; in a sheet its key or name.",
        },
    ),
)
