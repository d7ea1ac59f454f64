"""Where the rows stand that a ``for_each`` goes through, and what an author may say of one.

Enters: ``items`` or ``plan.rows`` as written, the shape of the record. Leaves: the link to follow and the line table,
and the shape of a row: its columns, and ``row``, its number. Must not look at what is done for each.
"""

from dataclasses import replace
from typing import Final

from engine.compiler.app import Do
from engine.compiler.compilation import Compilation
from engine.compiler.shapes import has_rows, leads_to
from engine.definition.model import DoDefinition, Reference
from engine.expression.types import COUNT

DONE_FOR_ROWS: Final = ("create", "if")
"""Steps a row can have: it is no record of its own."""
NUMBER: Final = "row"


def find_gone_through(
    compilation: Compilation, name: Reference, shape: str
) -> tuple[str, tuple[str, str] | None] | None:
    """Return the shape of what is gone through, and where it stands unless it is records that link here."""
    linking = {key: one for key, one in compilation.shapes[shape].collections.items() if one.of_records}
    tables, links = row_tables(compilation, shape), linked_records(compilation, shape)
    known = compilation.require(name, [*linking, *tables, *links], "R017", entity=shape)
    if known is None:
        return None
    if known in linking:
        return linking[known].entity, None
    if known in tables:
        return numbered_rows(compilation, shape, tables[known]), tables[known]
    return links[known], (known, "")


def row_tables(compilation: Compilation, entity: str) -> dict[str, tuple[str, str]]:
    """Return what may be written for rows, each with the link of ``entity`` (none for its own) and the line table."""
    entities = compilation.definition.entities
    fields = entities[entity].fields if entity in entities else {}
    found = {key: ("", key) for key, field in fields.items() if has_rows(field)}
    for key, field in fields.items():
        target = entities.get(leads_to(field) or "")
        tables = target.fields if target is not None else {}
        found |= {f"{key}.{one}": (key, one) for one, lines in tables.items() if has_rows(lines)}
    return found


def linked_records(compilation: Compilation, entity: str) -> dict[str, str]:
    """Return the links of a record of ``entity``, each with where it leads: the one record there is gone to."""
    entities = compilation.definition.entities
    fields = entities[entity].fields if entity in entities else {}
    return {key: to for key, one in fields.items() if (to := leads_to(one)) in entities and to is not None}


def numbered_rows(compilation: Compilation, entity: str, place: tuple[str, str]) -> str:
    """Return the key of the shape of a row that knows its number; the shape is made where it is new."""
    link, lines = place
    field = compilation.definition.entities[entity].fields.get(link)
    target = field.to.name if field is not None and field.to is not None else entity
    plain = compilation.shapes[f"{target}.{lines}"]
    key = f"{plain.key}#"
    fields = {NUMBER: COUNT} | dict(plain.fields)
    compilation.shapes = {**compilation.shapes, key: replace(plain, key=key, fields=fields)}
    return key


def check_rest(compilation: Compilation, written: DoDefinition, *, within: bool) -> None:
    """Refuse a rest of what is made once only, or of a value nobody gives."""
    for key, text in written.rest.items():
        if not within:
            compilation.refuse("R015", text.location)
        else:
            compilation.require(Reference(key, text.location), written.values, "R016")


def check_rests(compilation: Compilation, loop: Do, program: list[Do]) -> None:
    """Refuse a rest of what is not made each time: of all that are made, the last one gets it."""
    for step in program:
        if step.rest and "." in step.path.removeprefix(f"{loop.path}."):
            compilation.refuse("R015", step.location)
