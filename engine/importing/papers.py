"""The files an import gives: a template to fill in, and the rows that were wrong, to be mended and brought back.

Enters: an entity and rights, or an import. Leaves: workbooks. Must not name a field the actor may not write, nor hold
all rows in memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from engine.compiler.app import Entity, Field
from engine.importing import batches
from engine.importing.batches import Import
from engine.importing.folding import more_rows, own_cells
from engine.importing.names import fillable, label_of
from engine.importing.staging import cells_of
from engine.messages import joined, say, text
from engine.printing.workbook import WorkbookWriter
from engine.records.rights import Rights
from engine.storage.store import Session

WRONG = ("wrong", "kept")
"""States of rows that somebody has to look at."""


def write_template(file: BinaryIO, entity: Entity, rights: Rights, language: str) -> None:
    """Write a workbook with a column for each field, a star behind what is required, choices offered in the cells."""
    found = fillable(entity, rights)
    fields = list(found.values())
    headers = [say(label_of(entity, key, one), language) + (" *" if one.required else "") for key, one in found.items()]
    book = WorkbookWriter(file, headers, name=say(entity.label, language))
    for at, one in enumerate(fields):
        options = [say(label, language) for key, label in one.options.items() if key not in one.retired_options]
        book.offer(at, options if not one.type.many else ())
    book.note(text("import.paper_help", language), _explain(fields, language))
    book.close()


def write_errors(file: BinaryIO, session: Session, found: Import, language: str) -> int:
    """Write the rows that are wrong, each with what is wrong behind it, and return how many."""
    columns = found.columns
    headers = [column.header for column in columns] + [text("import.paper_problem", language)]
    book = WorkbookWriter(file, headers, name=found.name.rpartition(".")[0] or found.name)
    count = 0
    for row in batches.walk_rows(session, found.id, WRONG):
        problems: Sequence[Mapping[str, Any]] = row.problems
        for number, kept in [(row.row, own_cells(row.cells)), *more_rows(row.cells)]:
            cells = cells_of(kept)
            shown = [cells[column.at] if column.at < len(cells) else None for column in columns]
            here = [one for one in problems if one.get("row", row.row) == number]
            wrong = {one["at"] for one in here}
            marked = [at for at, column in enumerate(columns) if column.at in wrong]
            book.add([*shown, say_problems(session, found, here, language)], marked)
        count += 1
    book.close()
    return count


def say_problems(session: Session, found: Import, problems: Sequence[Mapping[str, object]], language: str) -> str:
    """Return everything that is wrong with a row in one line."""
    said = []
    for one in problems:
        label, why = name_problem(session, found, one), str(one[language])
        said.append(placed(one, text("sheet.cell", language, label=label, why=why) if label else why, language))
    return joined(said, language)


def placed(problem: Mapping[str, object], said: str, language: str) -> str:
    """Return what is said of a problem, with the row of the file where a line said it."""
    return text("import.in_row", language, row=problem["row"], why=said) if "row" in problem else said


def name_problem(session: Session, found: Import, problem: Mapping[str, object]) -> object:
    """Return what a problem stands beside: its field, a column that is no field, or nothing."""
    key, *rest = str(problem["path"]).split(".")
    one = session.app.entities[found.entity].fields.get(key)
    if one is not None:
        return one.fields[rest[1]].label if len(rest) == 2 and rest[1] in one.fields else one.label
    return next((column.header for column in found.columns if column.at == problem["at"]), "")


def _explain(fields: Sequence[Field], language: str) -> list[str]:
    lines = [text("import.paper_text", language)]
    return lines + [f"{say(one.label, language)}: {say(one.type.typed, language)}" for one in fields]
