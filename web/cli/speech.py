"""Which language the command line speaks, and how help texts are found.

Enters: arguments and environment, commands whose help is a message code. Leaves: commands whose help is text. Must not
import anything heavy.
"""

from collections.abc import Mapping, Sequence

import click

from engine import messages
from web.cli.help_page import context_class

_ENVIRONMENT = ("FORMWORK_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def find_language(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the language of ``--lang``, else of the environment when it names one of ours, else Chinese."""
    asked = [_value_after(arguments, index) for index, word in enumerate(arguments) if word.split("=")[0] == "--lang"]
    for wanted in (*asked, *(environ.get(name, "") for name in _ENVIRONMENT)):
        if wanted[:2].lower() in messages.LANGUAGES:
            return wanted[:2].lower()
    return messages.DEFAULT_LANGUAGE


def speak(command: click.Command, language: str) -> click.Command:
    """Put the texts of ``language`` in place of the codes in a command, its options and its subcommands."""
    command.help = _said(command, language)
    command.context_class = context_class(language)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            parameter.help = _said(parameter, language)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            speak(below, language)
    return command


def _said(thing: click.Command | click.Option, language: str) -> str | None:
    """Return the help text; the code stays with the thing, since it may speak another language next time."""
    code = getattr(thing, "help_code", None) or thing.help
    thing.help_code = code  # type: ignore[union-attr]
    return messages.text(code, language) if code and code.startswith("cli.") else code


def _value_after(arguments: Sequence[str], index: int) -> str:
    _, equals, value = arguments[index].partition("=")
    if equals:
        return value
    return arguments[index + 1] if index + 1 < len(arguments) else ""
