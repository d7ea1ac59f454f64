"""The command line: ``formwork``.

Enters: arguments. Leaves: an exit code, answers on standard output, one sentence on standard error when something is
wrong. Must stay quick to start: each command's module is imported when the command is called, heavy libraries later.
"""

import gc
import os
import sys
from collections.abc import Sequence

from web.cli.frame import Formwork
from web.cli.speech import find_language

OBJECTS = 20_000
"""New objects before Python looks for garbage: with its 700, that is an eighth of the time a command takes to load."""
COMMANDS = {
    "run": "web.cli.serving",
    "worker": "web.cli.serving",
    "new": "web.cli.writing",
    "format": "web.cli.writing",
    "schemas": "web.cli.writing",
    "check": "web.cli.checking",
    "test": "web.cli.examples",
    "plan": "web.cli.definitions",
    "publish": "web.cli.definitions",
    "releases": "web.cli.definitions",
    "rollback": "web.cli.releases",
    "diff": "web.cli.releases",
    "purge": "web.cli.purging",
    "export": "web.cli.releases",
    "expand": "web.cli.sites",
    "upgrade": "web.cli.sites",
    "sync": "web.cli.syncing",
    "explain": "web.cli.explaining",
    "simulate": "web.cli.simulating",
    "backtest": "web.cli.backtesting",
    "migrate": "web.cli.migrating",
    "stranded": "web.cli.stranding",
    "draw": "web.cli.drawing",
    "import": "web.cli.data",
    "records": "web.cli.records",
    "import-schema": "web.cli.importing",
    "user": "web.cli.people",
    "token": "web.cli.people",
    "department": "web.cli.departments",
    "calendar": "web.cli.calendars",
    "channel": "web.cli.channels",
    "module": "web.cli.modules",
    "demo": "web.cli.demo",
    "setup": "web.cli.setup",
    "search": "web.cli.searching",
    "automation": "web.cli.automating",
    "report": "web.cli.counting",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(OBJECTS)
    given = list(sys.argv[1:] if arguments is None else arguments)
    make_cli(find_language(given, os.environ)).main(given, prog_name="formwork")


def make_cli(language: str) -> Formwork:
    """Return the group of all commands, speaking ``language``."""
    return Formwork(COMMANDS, language)
