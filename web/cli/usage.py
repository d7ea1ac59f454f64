"""A command that was called wrongly, said in one sentence of the reader's language, and where its usage stands.

Enters: an error of click, the command that was meant, a language. Leaves: lines of text. Must not repeat click's own
words: what is wrong is told from the definition of the option or argument.
"""

from collections.abc import Sequence
from typing import Any

import click

from engine import messages


def find_command(group: click.Group, given: Sequence[str]) -> tuple[click.Context, list[str]]:
    """Return the context of the command that the words name, as far as they name one, and the words after it."""
    context, rest = click.Context(group, info_name="formwork"), list(given)
    for at, word in enumerate(given, start=1):
        command = context.command
        if not isinstance(command, click.Group):
            break
        below = command.get_command(context, word)
        if below is not None:
            context, rest = click.Context(below, parent=context, info_name=word), list(given[at:])
    return context, rest


def explain_usage(error: Any, meant: click.Context, words: Sequence[str], language: str) -> list[str]:
    """Return what is wrong with the ``words`` after the command that is meant, and how to see the usage."""
    context = error.ctx or meant
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and context.parent is None:
        return [error.format_message()]
    code, params = _find_words(error, context, words, language)
    said = messages.text(f"cli.usage_{code}", language, **params)
    hint = ""
    if getattr(error, "possibilities", None):
        hint = messages.text("problem.suggestion", language, suggestion=error.possibilities[0])
    help_ = messages.text("cli.usage_help", language, command=f"{context.command_path} --help")
    return [said + (f"{'' if language == 'zh' else ' '}{hint}" if hint else ""), help_]


def _find_words(error: Any, context: click.Context, words: Sequence[str], language: str) -> tuple[str, dict[str, Any]]:
    if isinstance(error, click.NoSuchOption):
        return "option", {"name": error.option_name}
    if isinstance(error, click.NoSuchCommand):
        return "command", {"name": error.command_name}
    if isinstance(error, click.BadOptionUsage):
        return _wrong_option(error.option_name, context)
    if isinstance(error, click.MissingParameter):
        kind = "missing_option" if _is_option(error) else "missing"
        return kind, {"name": _name_of(error)}
    if isinstance(error, click.BadParameter):
        code, params = _wrong_value(error, language)
        return code, params | {"name": _name_of(error), "value": _value_of(error, context, words)}
    if isinstance(context.command, click.Group):
        return "subcommand", {"command": context.command_path, "known": _listed(context.command.commands, language)}
    taken = [one.human_readable_name for one in context.command.params if isinstance(one, click.Argument)]
    params = {"command": context.command_path, "known": " ".join(taken)}
    return ("extra" if taken else "no_arguments"), params


def _wrong_option(name: str, context: click.Context) -> tuple[str, dict[str, Any]]:
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    found = next((one for one in options if name in (*one.opts, *one.secondary_opts)), None)
    return ("no_value" if found is not None and found.is_flag else "needs_value"), {"name": name}


def _wrong_value(error: Any, language: str) -> tuple[str, dict[str, Any]]:
    kind = error.param.type if error.param is not None else None
    if isinstance(kind, click.Choice):
        return "choice", {"known": _listed([str(one) for one in kind.choices], language)}
    if isinstance(kind, click.IntRange):
        code = "between" if kind.max is not None else "at_least"
        return code, {"min": kind.min, "max": kind.max}
    if isinstance(kind, click.DateTime):
        return "date", {}
    if isinstance(kind, click.Path):
        what = "any" if kind.file_okay and kind.dir_okay else "file" if kind.file_okay else "folder"
        return f"{'existing' if kind.exists else 'path'}_{what}", {}
    if kind is None:  # raised by a command of ours, in our words
        return "value", {"detail": error.message}
    return "wrong", {}


def _value_of(error: Any, context: click.Context, words: Sequence[str]) -> str:
    """Return what was written for an option or argument, as the command itself reads the words."""
    if error.param is None:
        return ""
    found = context.command.make_parser(context).parse_args(list(words))[0].get(error.param.name)
    return str(found[-1] if isinstance(found, list | tuple) and found else found)


def _name_of(error: Any) -> str:
    if error.param is None:
        return str(error.param_hint or "")
    return max(error.param.opts, key=len) if _is_option(error) else str(error.param.human_readable_name)


def _is_option(error: Any) -> bool:
    return isinstance(error.param, click.Option) or str(error.param_hint or "").startswith("--")


def _listed(names: Any, language: str) -> str:
    return ("、" if language == "zh" else ", ").join(names)
