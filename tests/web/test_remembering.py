"""A process that loads a published release reads its expressions without the grammar, once they are remembered."""

import os
import subprocess
import sys
from pathlib import Path

from bench.sides import Generic
from web.remembering import FILE

_LOADED = """
import sys
from web.app import make_wsgi
app = make_wsgi()
entity = app.extensions["formwork.store"].app.entities["opportunity"]
print("lark" in sys.modules, "PIL" in sys.modules, entity.rules[0].check.text)
"""


def _load(home: Path) -> list[str]:
    known = {"FORMWORK_HOME": str(home), "FORMWORK_DATABASE_URL": f"sqlite:///{home}/x.sqlite3"}
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], env=os.environ | known, check=True, capture_output=True, text=True
    )
    return done.stdout.split(maxsplit=2)


def test_the_second_start_needs_neither_the_grammar_nor_pictures(tmp_path: Path) -> None:
    Generic().prepare(f"sqlite:///{tmp_path}/x.sqlite3", tmp_path)
    assert _load(tmp_path)[1] == "False"
    assert _load(tmp_path) == ["False", "False", "expected_close >= today()\n"]
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    (tmp_path / FILE).write_text("damaged")
    assert _load(tmp_path) == ["True", "False", "expected_close >= today()\n"]
