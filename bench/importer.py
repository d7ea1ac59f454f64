"""One import after another in a process of its own, so that its CPU can be told from the server's.

The product imports on the command line, so neither side is asked over HTTP: both are called the same way, as the
command calls the engine. Each line of standard input is a JSON job (`file`, `token`), answered by a line of JSON
(`created`, `refused`, `seconds`) on standard output; an empty answer says that the process is ready.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from web.cli import OBJECTS

Answer = dict[str, Any]
Import = Callable[[Path, str], Answer]


def main(open_side: Callable[[str, Path], Import]) -> None:
    """Arguments: the address of the database, the home folder."""
    gc.set_threshold(OBJECTS)
    bring_in = open_side(sys.argv[1], Path(sys.argv[2]))
    print("{}", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        began = time.perf_counter()
        answer = bring_in(Path(job["file"]), job["token"])
        print(json.dumps(answer | {"seconds": time.perf_counter() - began}, default=str), flush=True)


def open_floor(database_url: str, home: Path) -> Import:
    from bench.floor.access import get_actor
    from bench.floor.imports import import_opportunities
    from bench.floor.tables import Database

    database = Database(database_url)

    def bring_in(file: Path, token: str) -> Answer:
        with database.reading() as connection:
            actor = get_actor(connection, f"Bearer {token}")
        return import_opportunities(database, actor, file.read_bytes())

    return bring_in


def open_generic(database_url: str, home: Path) -> Import:
    from engine.clock import SystemClock
    from engine.importing.at_once import import_records
    from engine.importing.sheets import read_sheet
    from engine.people.tokens import find_by_token
    from engine.storage.database import open_database
    from engine.storage.store import Store

    store = Store(open_database(database_url), home / "files", SystemClock())

    def bring_in(file: Path, token: str) -> Answer:
        with store.read() as session:
            found = find_by_token(session.connection, token, now=session.now())
        assert found, "the token is not good"
        sheet = read_sheet(file.read_bytes(), file.name)
        result = import_records(store, "opportunity", sheet, actor=found.actor)
        return {"created": result.created, "refused": [[row.row, row.text("zh")] for row in result.refused]}

    return bring_in
