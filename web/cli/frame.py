"""The outermost command: global options, lazy commands, and every error as one sentence.

Enters: arguments. Leaves: exit code 0, 1 (could not be done), 2 (wrongly called) or 130 (interrupted). Must not show a
traceback, unless ``FORMWORK_DEBUG`` asks for one.
"""

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import click

from engine import messages
from engine.errors import DefinitionError, FormworkError, InvalidValues
from web.cli.garbage import no_looking_back
from web.cli.help_page import context_class
from web.cli.speech import speak
from web.cli.usage import explain_usage, find_command


class Formwork(click.Group):
    """``formwork``: knows its commands by name, imports one when it is called."""

    def __init__(self, commands: Mapping[str, str], language: str) -> None:
        super().__init__("formwork", params=_options(language), help=messages.text("cli.about", language))
        self.modules, self.language = commands, language
        self.context_class = context_class(language)
        self.context_settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order a newcomer meets them."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        module = self.modules.get(cmd_name)
        if module is None:
            return None
        with no_looking_back(stays=True):
            loaded = importlib.import_module(module)
        return speak(getattr(loaded, f"{cmd_name.replace('-', '_')}_command"), self.language)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any of them."""
        rows = [(name, messages.text(f"cli.{name.replace('-', '_')}", self.language)) for name in self.modules]
        with formatter.section(messages.text("cli.commands", self.language)):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Hand the site to the command."""
        from web.cli.site import Site

        ctx.obj = Site(self.language, ctx.params.pop("home"), os.environ)
        ctx.params.pop("lang")
        return super().invoke(ctx)

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run, say what went wrong if anything did, and exit."""
        given = _global_first(sys.argv[1:] if args is None else args)
        try:
            code = super().main(given, prog_name or "formwork", standalone_mode=False)
        except Exception as error:
            code = self._explain(error, given)
        except KeyboardInterrupt:
            code = 130
        sys.exit(code if isinstance(code, int) else 0)

    def _explain(self, error: Exception, given: Sequence[str]) -> int:
        if os.environ.get("FORMWORK_DEBUG"):
            raise error
        if isinstance(error, click.UsageError):
            for line in explain_usage(error, *find_command(self, given), self.language):
                click.echo(line, err=True)
            return 2
        for kind, code, explain in _EXPLAINED:
            if isinstance(error, kind):
                for line in explain(error, self.language):
                    click.echo(line, err=True)
                return code
        click.echo(
            messages.text("cli.bug", self.language, kind=type(error).__name__, detail=_first_line(error)), err=True
        )
        return 1


def _global_first(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front: people write ``formwork run --home here`` as well."""
    moved: list[str] = []
    rest: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word == "--":
            return [*moved, *rest, word, *words]
        target = moved if word.split("=")[0] in _GLOBAL else rest
        target.append(word)
        if word in _GLOBAL and words:
            target.append(words.pop(0))
    return [*moved, *rest]


def _options(language: str) -> list[click.Parameter]:
    lang = click.Option(["--lang"], metavar="zh|en", help=messages.text("cli.option_lang", language))
    home = click.Option(["--home"], type=click.Path(file_okay=False), help=messages.text("cli.option_home", language))
    version = click.version_option(
        package_name="formwork", message="%(version)s", help=messages.text("cli.option_version", language)
    )
    holder = version(click.Command("holder"))
    return [home, lang, *holder.params]


def _definition(error: Any, language: str) -> list[str]:
    count = len(error.problems)
    return [problem.text(language) for problem in error.problems] + [
        messages.text("cli.problems", language, count=count)
    ]


def _values(error: Any, language: str) -> list[str]:
    said = [f"{item.path}: {item.text(language)}" if item.path else item.text(language) for item in error.errors]
    return said + [item.message for item in error.missing]


def _said(error: Any, language: str) -> list[str]:
    return [error.text(language)]


def _operating_system(error: Any, language: str) -> list[str]:
    said = {"path": error.filename or "", "reason": error.strerror or str(error)}
    return [messages.text("cli.os_error", language, **said)]


def _click(error: Any, language: str) -> list[str]:
    return [error.format_message()]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:300]


def _quiet(error: Any, language: str) -> list[str]:
    return []


_GLOBAL = ("--home", "--lang")
_EXPLAINED: tuple[tuple[type[Exception], int, Callable[[Any, str], list[str]]], ...] = (
    (DefinitionError, 1, _definition),
    (InvalidValues, 1, _values),
    (FormworkError, 1, _said),
    (click.Abort, 130, _quiet),
    (click.ClickException, 1, _click),
    (BrokenPipeError, 1, _quiet),
    (OSError, 1, _operating_system),
)
