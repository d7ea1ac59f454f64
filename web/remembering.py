"""What loading a published release works out again and again, kept in the home folder.

Enters: the home folder. Leaves: expressions of a stored release read without the grammar, whose library takes 3 MiB of
every process. Must not be open while something is published: what is new is always read and checked in full.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import memory
from engine.places import find_data

FILE = "expressions.json"


@contextmanager
def remembering(home: Path) -> Iterator[None]:
    """Recall how expressions are read, and remember there what was not known."""
    with memory.opened(home / FILE, notation()):
        yield


def notation() -> list[Path]:
    """Return the files that say what is right: when one of them changes, nothing is remembered."""
    engine = Path(memory.__file__).parent
    code = [path for folder in ("definition", "expression", "compiler") for path in (engine / folder).rglob("*.[pl]*")]
    return [*code, *find_data("schemas").glob("*.json")]
