"""An import in one go, as the command line does it: staged, written, and told.

Enters: a ``Sheet`` whose header names the fields. Leaves: the records that are right, and for every other row what is
wrong in it. Must not do anything the steps do not: it only takes them one after another.
"""

from dataclasses import dataclass, field

from engine.errors import InvalidValues
from engine.importing import batches
from engine.importing.batches import get_import, require_import
from engine.importing.columns import require_known
from engine.importing.judging import Problem
from engine.importing.papers import say_problems
from engine.importing.sheets import Row, Sheet
from engine.importing.staging import stage
from engine.importing.working import Progress, go_on
from engine.messages import LANGUAGES
from engine.people.actor import Actor
from engine.storage.store import Store


@dataclass(frozen=True)
class Refused:
    """A row that was not brought in: its number in the sheet, what is wrong, and all of it in one line by language."""

    row: int
    problems: tuple[Problem, ...]
    said: dict[str, str]

    def text(self, language: str) -> str:
        """Return the mistakes in one line: ``客户名称：请填写…；…``."""
        return self.said[language]


@dataclass
class ImportResult:
    """What an import did, or would do; ``ready`` rows were rehearsed only."""

    id: int
    total: int
    created: int = 0
    updated: int = 0
    same: int = 0
    ready: int = 0
    refused: list[Refused] = field(default_factory=list)


def import_records(
    store: Store, entity: str, sheet: Sheet, *, actor: Actor, progress: Progress = lambda done, total: None
) -> ImportResult:
    """Create a record for each row of ``sheet``; ``progress(done, total)`` is called after each small transaction.

    Raises ``NotFound``, ``NotAllowed``, and ``InvalidValues`` when the header names a column that is no field.
    """
    rows: list[Row] = [(0, list(sheet.headers)), *sheet.rows]
    id_ = stage(store, entity, rows, name="", content=b"", actor=actor, header=0)
    with store.write() as session:
        found = get_import(session, id_, actor=actor)
        compiled, rights = require_import(session, entity, actor)
        try:
            require_known(compiled, rights, found.columns)
        except InvalidValues:
            batches.drop(session, id_, actor=actor)
            refused = True
        else:
            refused = False
            batches.start(session, id_, actor=actor)
    if refused:
        require_known(compiled, rights, found.columns)
    go_on(store, id_, progress=progress)
    return tell(store, id_, actor=actor)


def tell(store: Store, id: int, *, actor: Actor) -> ImportResult:
    """Return what became of the rows of an import."""
    with store.read() as session:
        found = get_import(session, id, actor=actor)
        counts = batches.count_rows(session, id)
        refused = [
            Refused(
                row.row,
                tuple(row.problems),
                {one: say_problems(session, found, row.problems, one) for one in LANGUAGES},
            )
            for row in batches.walk_rows(session, id, ("wrong",))
        ]
    done = {state: counts.get(state, 0) for state in ("created", "updated", "same", "ready")}
    return ImportResult(id, found.total, **done, refused=refused)
