"""From written prints to compiled ones.

Enters: ``PrintDefinition``. Leaves: ``Print``. Must not let through a column that is not there, or a list of records
that do not link to the printed one.
"""

from collections.abc import Iterator, Sequence

from engine.compiler.app import Label, Print, PrintList
from engine.compiler.compilation import Compilation
from engine.compiler.shapes import has_files, has_kind, has_rows
from engine.definition.model import PrintDefinition, PrintListDefinition, Reference
from engine.expression import BOOLEAN, Kind

_SYSTEM = ("number", "stage", "owner", "created_at", "updated_at")


def compile_print(compilation: Compilation, written: PrintDefinition) -> Print | None:
    """Return the compiled print, or None when its entity does not exist."""
    entity_key = compilation.require(written.entity, compilation.definition.entities, "E001")
    path = f"prints.{written.key}"
    if entity_key is None:
        compilation.set_aside(path)
        return None
    fields = compilation.definition.entities[entity_key].fields
    compilation.require_all((*written.head, *written.totals), [*fields, *_SYSTEM], "E002", entity=entity_key)
    if written.words is not None:
        compilation.require(written.words, [k for k, f in fields.items() if has_kind(f, Kind.MONEY)], "P002")
    if written.lines is not None:
        tables = [key for key, field in fields.items() if has_rows(field)]
        table = compilation.require(written.lines, tables, "P001")
        if table is not None:
            compilation.require_all(written.columns, fields[table].fields, "E002", entity=f"{entity_key}.{table}")
    return Print(
        key=written.key,
        entity=entity_key,
        label=compilation.label(f"{path}.label", written.label),
        title=compilation.label(f"{path}.title", written.title),
        definition=written,
        watermark=compilation.label(f"{path}.watermark", written.watermark),
        watermark_when=compilation.expression(written.watermark_when, entity_key, BOOLEAN),
        notes=_numbered(compilation, f"{path}.notes", written.notes),
        signatures=_numbered(compilation, f"{path}.signatures", written.signatures),
        lists=tuple(_lists(compilation, written, entity_key, path)),
    )


def _lists(compilation: Compilation, written: PrintDefinition, entity: str, path: str) -> Iterator[PrintList]:
    found = compilation.shapes[entity].collections
    linking = {key: one for key, one in found.items() if one.of_records}
    for key, one in written.lists.items():
        place = f"{path}.lists.{key}"
        named = compilation.require(Reference(key, one.location), list(linking), "P003", entity=entity)
        if named is None:
            compilation.set_aside(place)
            continue
        of = linking[named].entity
        fields = compilation.definition.entities[of].fields
        single = [name for name, field in fields.items() if not has_rows(field) and not has_files(field)]
        yield PrintList(
            key=key,
            label=compilation.label(place, one.label),
            entity=of,
            via=linking[named].via or "",
            columns=compilation.require_all(one.columns, [*single, *_SYSTEM], "E002", entity=of),
            where=compilation.expression(one.where, of, BOOLEAN),
            sort=_sort(compilation, one, [*single, *_SYSTEM], of),
        )


def _sort(
    compilation: Compilation, written: PrintListDefinition, known: Sequence[str], entity: str
) -> tuple[str, bool] | None:
    if written.sort is None:
        return None
    name = Reference(written.sort.name.removeprefix("-"), written.sort.location)
    key = compilation.require(name, known, "E002", entity=entity)
    return None if key is None else (key, written.sort.name.startswith("-"))


def _numbered(compilation: Compilation, path: str, texts: Sequence[str]) -> tuple[Label, ...]:
    return tuple(compilation.label(f"{path}.{at}", text) for at, text in enumerate(texts))
