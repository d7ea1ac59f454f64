"""From written books to compiled ones: what a record writes into a ledger when something becomes true of it.

Enters: ``EntityDefinition``. Leaves: ``Book``, and problems. Must not accept a record that could never be complete, nor
books that write each other without end.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from engine.compiler.app import Book, Entity, Expression
from engine.compiler.compilation import Compilation
from engine.compiler.dead_ends import must_be_typed
from engine.compiler.shapes import field_type, has_rows, leads_to
from engine.definition.model import BookDefinition, EntityDefinition, ExpressionText, Reference
from engine.expression import BOOLEAN


def compile_books(compilation: Compilation, written: EntityDefinition) -> tuple[Book, ...]:
    """Return the books of an entity, in file order."""
    found = (_book(compilation, book, written) for book in written.books.values())
    return tuple(book for book in found if book is not None)


def check_books(compilation: Compilation, entities: Mapping[str, Entity]) -> None:
    """Note a problem where the records written would write records in turn, and never come to an end."""
    graph = {key: {book.into for book in entity.books} for key, entity in entities.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        first = next(iter(compilation.definition.entities[circle[0]].books.values()))
        compilation.refuse("E114", first.location, cycle=" → ".join(circle))


def missing_fields(target: EntityDefinition, given: set[str]) -> Iterator[str]:
    """Yield the fields a record of ``target`` cannot do without and that are not ``given``."""
    for key, field in target.fields.items():
        if key not in given and field.retired is None and (must_be_typed(field) or field.min_rows > 0):
            yield key


def _book(compilation: Compilation, written: BookDefinition, source: EntityDefinition) -> Book | None:
    into = compilation.require(written.into, compilation.definition.entities, "E001")
    when = compilation.expression(written.when, source.key, BOOLEAN)
    rows = _rows(compilation, written, source)
    if into is None or when is None or (written.rows is not None and rows is None):
        return None
    target = compilation.definition.entities[into]
    links = [key for key, field in target.fields.items() if leads_to(field) == source.key]
    compilation.require(written.back, links, "E019", entity=into, source=source.key)
    for key in missing_fields(target, {*written.set, written.back.name}):
        compilation.refuse("E113", written.location, name=key, entity=into)
    shape, outer = (source.key, None) if rows is None else (f"{source.key}.{rows}", source.key)
    where = compilation.expression(written.where, shape, BOOLEAN, outer=outer)
    set_ = _set(compilation, written.set, target, shape, outer)
    return Book(
        key=written.key,
        into=into,
        back=written.back.name,
        when=when,
        set=set_,
        rows=rows,
        where=where,
        beside=_beside(compilation, written, source, rows),
    )


def _rows(compilation: Compilation, written: BookDefinition, source: EntityDefinition) -> str | None:
    if written.rows is None:
        return None
    tables = [key for key, field in source.fields.items() if has_rows(field)]
    return compilation.require(written.rows, tables, "E002", entity=source.key)


def _set(
    compilation: Compilation,
    written: Mapping[str, ExpressionText],
    target: EntityDefinition,
    shape: str,
    outer: str | None,
) -> dict[str, Expression]:
    found = {}
    for key, text in written.items():
        named = compilation.require(Reference(key, text.location), target.fields, "E002", entity=target.key)
        field = target.fields.get(named or "")
        if field is None:
            continue
        if field.computed is not None or (field.found_by and field.readonly) or has_rows(field):
            compilation.refuse("E066", text.location, name=key, entity=target.key)
        value = compilation.expression(text, shape, field_type(field), outer=outer)
        if value is not None:
            found[key] = value
    return found


def _beside(compilation: Compilation, written: BookDefinition, source: EntityDefinition, rows: str | None) -> str:
    """Return the field, or the column of the line, beside which a refusal is said; the first unless written."""
    fields = source.fields if rows is None else source.fields[rows].fields
    if written.beside is not None:
        return compilation.require(written.beside, fields, "E002", entity=source.key) or ""
    return "" if rows is None else next(iter(fields), "")
