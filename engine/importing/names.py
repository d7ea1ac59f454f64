"""What a column of a spreadsheet may be called: the keys and labels of the fields somebody may fill in.

Enters: an entity and rights. Leaves: field by folded name. Must not name a field that may not be written: a hidden one
is a column like none.
"""

import re
import unicodedata
from collections.abc import Mapping

from engine.compiler.app import Entity, Field
from engine.compiler.app.parts import Label
from engine.records.duplicates import NOT_DUPLICATE
from engine.records.rights import Rights

OWNER, NUMBER = "owner", "number"

_UNIT = re.compile(r"[(（\[【]([^()（）\[\]【】]{1,12})[)）\]】]$")
_FACTORS = {"千": 1_000, "万": 10_000, "百万": 1_000_000, "千万": 10_000_000, "亿": 100_000_000}
_OTHER_NAMES = {
    OWNER: ("owner", "负责人"),
    NUMBER: ("number", "编号", "no."),
    NOT_DUPLICATE: (NOT_DUPLICATE, "非重复理由", "why no duplicate"),
}


def fold(header: str) -> str:
    """Return a header as it is compared: one width, no star of a required field, lower case."""
    return unicodedata.normalize("NFKC", header).strip().rstrip("*").strip().lower()


def without_unit(header: str) -> str:
    """Return a header without the unit behind it: ``金额（万元）`` is ``金额``."""
    return _UNIT.sub("", header.strip()).strip()


def unit_of(header: str) -> int:
    """Return what numbers under a header are multiplied by: 10,000 under ``金额（万元）``, else 1."""
    match = _UNIT.search(header.strip())
    unit = match[1].removesuffix("元").removeprefix("单位").strip(":： ") if match else ""
    return _FACTORS.get(unit, 1)


def fillable(entity: Entity, rights: Rights) -> Mapping[str, Field]:
    """Return the fields a column may fill in, by key, columns of line tables as ``items.qty``; files have no cell."""
    rights = rights.entering
    closed = rights.hidden | rights.readonly
    found = {key: one for key, one in entity.fields.items() if _has_cell(one) and key not in closed}
    for lines in entity.line_fields:
        if not (lines.readonly or lines.retired or lines.key in closed):
            cells = {f"{lines.key}.{key}": one for key, one in lines.fields.items() if _has_cell(one)}
            found |= {path: one for path, one in cells.items() if path not in closed}
    return found


def _has_cell(one: Field) -> bool:
    return one.stored and not one.readonly and not one.retired and not one.type.has_files


def other_keys(entity: Entity) -> tuple[str, ...]:
    """Return what a column may be beside a field: the owner, the number, why a row is no duplicate."""
    found = [OWNER]
    found += [NUMBER] if entity.number is not None else []
    found += [NOT_DUPLICATE] if entity.duplicates else []
    return tuple(found)


def name_columns(entity: Entity, rights: Rights) -> dict[str, str]:
    """Return the key by every folded name a column may have, in any language of the app."""
    found: dict[str, str] = {}
    for key, one in fillable(entity, rights).items():
        for name in (key, *label_of(entity, key, one).values()):
            found.setdefault(fold(name), key)
    for key in other_keys(entity):
        for name in _OTHER_NAMES[key]:
            found.setdefault(name, key)
    for key, one in fillable(entity, rights).items():  # a column of a line table by its own name, where that is free
        for name in one.label.values():
            found.setdefault(fold(name), key)
    return found


def label_of(entity: Entity, key: str, one: Field) -> Label:
    """Return what a field is called; a column of a line table with its table in front."""
    lines, _, cell = key.partition(".")
    if not cell:
        return one.label
    table = entity.fields[lines].label
    return {language: f"{table.get(language) or next(iter(table.values()))} {name}"
            for language, name in one.label.items()}  # fmt: skip
