"""From written entities to compiled entities.

Enters: ``EntityDefinition``. Leaves: ``Entity`` with a good form and list even where the author wrote none. Must not
know the workflow's insides; it is handed in compiled.
"""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import Any

from engine import messages
from engine.compiler.app import (
    SYSTEM_FIELDS,
    Access,
    Board,
    CalendarView,
    Entity,
    Expression,
    Field,
    Locked,
    ReadingRules,
    Section,
    Workflow,
    find_beyond,
)
from engine.compiler.books import compile_books
from engine.compiler.compilation import Compilation
from engine.compiler.duplicates import compile_disputes, compile_duplicates, compile_merge
from engine.compiler.field_types import FIELD_TYPES
from engine.compiler.fields import compile_fields, compute_order
from engine.compiler.makes import compile_make
from engine.compiler.ownership import compile_ownership, owned_fields
from engine.compiler.rules import compile_rules, compile_uniques
from engine.definition.model import AccessDefinition, EntityDefinition, Reference
from engine.expression import BOOLEAN, Kind, Type

SCOPES = ("own", "team", "shared", "all")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_COLUMNS = 7
_PLACES = max(declared.listed for declared in FIELD_TYPES.values())
_FILTERS = 6
_CARD = 3


def compile_entity(compilation: Compilation, written: EntityDefinition, workflow: Workflow | None) -> Entity:
    """Return the compiled entity."""
    path = f"entities.{written.key}"
    typed = compile_fields(compilation, written.fields, written.key, path)
    fields = typed | owned_fields(compilation, written, path)
    display = _display(compilation, written, fields)
    columns = _columns(compilation, written, fields, display, workflow)
    access = _access(compilation, written, fields, display)
    return Entity(
        key=written.key,
        label=compilation.label(f"{path}.label", written.label),
        help=compilation.label(f"{path}.help", written.help),
        icon=written.icon,
        location=written.location,
        fields=fields,
        shape=compilation.shapes[written.key],
        number=written.number,
        display=display,
        rules=compile_rules(compilation, written, path),
        unique=compile_uniques(compilation, written, fields, path),
        sections=_sections(compilation, written, typed, path),
        columns=columns,
        sort=_sort(compilation, written, fields),
        filters=_filters(compilation, written, fields, workflow),
        board=_board(compilation, written, fields, columns),
        calendar=_calendar(compilation, written, fields, columns),
        access=access,
        scopes=_scopes(compilation, written),
        **_written(compilation, written, path),
        workflow=workflow,
        duplicates=compile_duplicates(compilation, written, fields, path),
        merge=compile_merge(compilation, written, access),
        disputes=compile_disputes(compilation, written, access),
        compute_order=compute_order(compilation, fields),
        search=_search(fields, display, columns),
        ownership=compile_ownership(compilation, written, fields, access, path),
        **_said(compilation, written, path),
        derived=frozenset(_derived(written)),
    )


def _written(compilation: Compilation, written: EntityDefinition, path: str) -> dict[str, Any]:
    """Return what a record writes: others that people make from it, and entries of ledgers."""
    makes = {key: compile_make(compilation, make, written.key, path) for key, make in written.makes.items()}
    return {"makes": makes, "books": compile_books(compilation, written)}


def _said(compilation: Compilation, written: EntityDefinition, path: str) -> dict[str, Any]:
    """Return what reading a record comes with, and what is known of the entity itself."""
    return {
        "reading": _reading_rules(compilation, written, path),
        "was": written.was,
        "retired": written.retired is not None,
    }


def _reading_rules(compilation: Compilation, written: EntityDefinition, path: str) -> ReadingRules:
    """Return what reading a record comes with: nothing where nothing is written."""
    rules = written.reading
    if rules is None:
        return ReadingRules()
    locked = None
    if rules.locked is not None:
        left = compilation.expression(rules.locked.left, written.key, Type(Kind.NUMBER), sql=True)
        text = compilation.label(f"{path}.locked", rules.locked.text)
        locked = Locked(text, left) if left is not None else None
    return ReadingRules(locked, rules.noted, rules.marked)


def _derived(written: EntityDefinition) -> Iterator[str]:
    """Yield the settings that follow from the rest, because nobody wrote them."""
    listed, board, calendar = written.list, written.board, written.calendar
    said = {
        "display": written.display,
        "sections": written.form,
        "columns": listed and listed.columns,
        "filters": listed and listed.filters,
        "board/card": board and board.card,
        "board/sum": board and board.sum,
        "calendar/card": calendar and calendar.card,
        "calendar/date": calendar and calendar.date,
    }
    yield from (name for name, found in said.items() if not found)


def _known(fields: Mapping[str, Field]) -> list[str]:
    return [*fields, *SYSTEM_FIELDS]


def _display(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field]
) -> tuple[tuple[str, str | None], ...]:
    pattern = written.display or _default_display(written, fields)
    parts: list[tuple[str, str | None]] = []
    end = 0
    for match in _PLACEHOLDER.finditer(pattern):
        name = Reference(match.group(1), written.display_location or written.location)
        known = [*(key for key, field in fields.items() if field.type.in_display), "id", "number"]
        if compilation.require(name, known, "E020", entity=written.key):
            parts.append((pattern[end : match.start()], name.name))
        end = match.end()
    return tuple(parts) + (((pattern[end:], None),) if pattern[end:] else ())


def _default_display(written: EntityDefinition, fields: Mapping[str, Field]) -> str:
    text = next((key for key, field in fields.items() if field.type.key == "text"), None)
    if text is not None:
        return f"{{{text}}}"
    return "{number}" if written.number else "{id}"


def _sections(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field], path: str
) -> tuple[Section, ...]:
    sections = []
    for section in written.form.values():
        rows = tuple(compilation.require_all(row, fields, "E002", entity=written.key) for row in section.fields)
        label = compilation.label(f"{path}.sections.{section.key}", section.label)
        sections.append(Section(section.key, label, tuple(row for row in rows if row)))
    placed = {key for section in sections for row in section.rows for key in row}
    return tuple(sections) + _rest(compilation, fields, placed)


def _rest(compilation: Compilation, fields: Mapping[str, Field], placed: set[str]) -> tuple[Section, ...]:
    """Fields the author placed nowhere: two beside each other, line tables and long texts on their own."""
    wide: list[str] = []
    narrow: list[str] = []
    for key, field in fields.items():
        if key not in placed and not field.retired:
            (wide if field.type.wide else narrow).append(key)
    rows = [tuple(narrow[at : at + 2]) for at in range(0, len(narrow), 2)] + [(key,) for key in wide]
    if not rows:
        return ()
    code = "form.more" if placed else "form.basics"
    label = {language: messages.text(code, language) for language in compilation.definition.languages}
    return (Section("more_fields" if placed else "basics", label, tuple(rows)),)


def _columns(
    compilation: Compilation,
    written: EntityDefinition,
    fields: Mapping[str, Field],
    display: tuple[tuple[str, str | None], ...],
    workflow: Workflow | None,
) -> tuple[str, ...]:
    if written.list is not None and written.list.columns:
        shown = [key for key, field in fields.items() if field.stored]
        return compilation.require_stored(written.list.columns, [*shown, *SYSTEM_FIELDS], written)
    keys = [key for _, key in display if key]
    keys += ["stage"] if workflow else []
    for place in range(1, _PLACES + 1):
        keys += [key for key, field in fields.items() if field.type.listed == place and not field.retired][:2]
    return tuple(dict.fromkeys(keys))[: _COLUMNS - 1] + ("owner",)


def _sort(compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field]) -> tuple[str, bool]:
    if written.list is None or written.list.sort is None:
        return "id", True
    reference = written.list.sort
    name = Reference(reference.name.removeprefix("-"), reference.location)
    sortable = [key for key, field in fields.items() if field.stored and field.type.sortable]
    if compilation.require(name, [*sortable, *SYSTEM_FIELDS], "E014", entity=written.key) is None:
        return "id", True
    return name.name, reference.name.startswith("-")


def _filters(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field], workflow: Workflow | None
) -> tuple[str, ...]:
    stored = [key for key, field in fields.items() if field.stored]
    if written.list is not None and written.list.filters:
        return compilation.require_all(written.list.filters, [*stored, *SYSTEM_FIELDS], "E014", entity=written.key)
    keys = ["stage"] if workflow else []
    keys += [key for key in stored if fields[key].type.filtered_by_default and not fields[key].retired]
    return (*keys[: _FILTERS - 1], "owner")


def _board(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field], columns: tuple[str, ...]
) -> Board:
    """Return the board: as written, else with what the list shows first and the first amount."""
    present = {key: field for key, field in fields.items() if field.stored and not field.retired}
    amounts = [key for key, field in present.items() if field.type.column in ("decimal", "integer")]
    board = written.board
    if board is None or not board.card:
        card = tuple(key for key in columns if key in present)[:_CARD]
    else:
        card = compilation.require_stored(board.card, [*present, *SYSTEM_FIELDS], written)
    if board is not None and board.sum is not None:
        return Board(card, compilation.require(board.sum, amounts, "E064", entity=written.key))
    money = (key for key in amounts if fields[key].type.key == "money")
    return Board(card, next(money, None))


def _calendar(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field], columns: tuple[str, ...]
) -> CalendarView:
    """Return the calendar: as written, else by the first date and with what the list shows first."""
    present = {key: field for key, field in fields.items() if field.stored and not field.retired}
    dates = [key for key, field in present.items() if field.type.kind in (Kind.DATE, Kind.DATETIME)]
    calendar = written.calendar
    card = tuple(key for key in columns if key in present)[:_CARD]
    if calendar is not None and calendar.card:
        card = compilation.require_stored(calendar.card, [*present, *SYSTEM_FIELDS], written)
    if calendar is not None and calendar.date is not None:
        return CalendarView(compilation.require(calendar.date, dates, "E069", entity=written.key), card)
    return CalendarView(next(iter(dates), None), card)


def _access(
    compilation: Compilation,
    written: EntityDefinition,
    fields: Mapping[str, Field],
    display: tuple[tuple[str, str | None], ...],
) -> dict[str, Access]:
    found = {}
    named = {key for _, key in display}
    for access in written.access.values():
        for hidden in access.hide:
            if hidden.name in named:  # what a record is called stands in links, lists and notices
                compilation.refuse("E021", hidden.location, name=hidden.name, entity=written.key)
        for masked in access.mask:
            field = fields.get(masked.name)
            if masked.name in named or (field is not None and not field.type.can_be_masked):
                compilation.refuse("E075", masked.location, name=masked.name, entity=written.key)
        role = compilation.require(access.role, compilation.definition.roles, "E003")
        if role is not None:
            found[role] = _access_of(compilation, written, access, fields, named)
    return found if written.retired is None else {key: _reading(access) for key, access in found.items()}


def _reading(access: Access) -> Access:
    """What is retired can be read by whoever could, and nothing else."""
    return replace(access, write=None, delete=None, create=False, bring_in=False, export=False)


def _access_of(
    compilation: Compilation,
    written: EntityDefinition,
    access: AccessDefinition,
    fields: Mapping[str, Field],
    display: Set[str | None],
) -> Access:
    def scope(reference: Reference | None) -> str | None:
        if reference is None:
            return None
        return compilation.require(reference, [*SCOPES, *written.scopes], "E004")

    # `items.cost` hides a column of a line table
    known = [*fields, *(f"{key}.{column}" for key, field in fields.items() for column in field.fields)]
    only = compilation.require_all(access.only, [*known, *SYSTEM_FIELDS], "E002", entity=written.key)
    beyond = find_beyond([key for key in only if key], fields, display) if access.only else frozenset()
    role = compilation.definition.roles.get(access.role.name)
    if role is not None and not role.service:  # pages show them to people everywhere
        beyond -= set(SYSTEM_FIELDS)
    return Access(
        role=access.role.name,
        location=access.role.location,
        read=scope(access.read),
        write=scope(access.write),
        delete=scope(access.delete),
        create=access.create,
        bring_in=access.bring_in,
        share_views=access.share_views,
        hide=frozenset(compilation.require_all(access.hide, known, "E002", entity=written.key)) | beyond,
        readonly=frozenset(compilation.require_all(access.readonly, known, "E002", entity=written.key)),
        mask=frozenset(compilation.require_all(access.mask, fields, "E002", entity=written.key)),
        unmask=scope(access.unmask),
        export=access.export,
        approve_export=access.approve_export,
    )


def _scopes(compilation: Compilation, written: EntityDefinition) -> dict[str, Expression]:
    found = {
        key: compilation.expression(scope.where, written.key, BOOLEAN, sql=True)
        for key, scope in written.scopes.items()
    }
    return {key: expression for key, expression in found.items() if expression is not None}


def _search(
    fields: Mapping[str, Field], display: tuple[tuple[str, str | None], ...], columns: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what a record is found by: its name, what the author says, and the links its list shows."""
    keys = ["number", *(key for _, key in display if key)]
    keys += [key for key in columns if key in fields and fields[key].to_one is not None]
    keys += [key for key, field in fields.items() if field.search and field.stored]
    keys += [key for key, field in fields.items() if field.type.always_searched]
    searchable = {key for key, field in fields.items() if field.type.searchable or field.to_one is not None} | {
        "number"
    }
    return tuple(key for key in dict.fromkeys(keys) if key in searchable)
