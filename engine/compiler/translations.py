"""What an app says in its default language only, and the locale that says the rest.

Enters: a compilation that has made every label. Leaves: the missing texts by language, and a ``locales/`` file to fill
in. Must not count a text that another one stands for.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from engine.compiler.compilation import Compilation
from engine.definition.model import AppDefinition

_PARTS = (
    "app", "roles", "groups", "modules", "menu_groups", "entities", "workflows", "approvals", "prints", "automations",
    "reports", "dashboards", "tours",
)  # fmt: skip


def find_untranslated(compilation: Compilation) -> Mapping[str, Mapping[str, str]]:
    """Return language -> place in its locale (``entities.quote.fields.total``) -> text in the default language.

    The move that an outcome makes has the outcome's label in every language.
    """
    served = set(_moves_of_outcomes(compilation.definition))
    found = {
        language: {path: texts[path] for path in sorted(texts.keys() - served, key=_place)}
        for language, texts in compilation.untranslated.items()
    }
    return {language: texts for language, texts in found.items() if texts}


def write_locale(language: str, untranslated: Mapping[str, str]) -> str:
    """Return a ``locales/<language>.yaml`` with an empty text for each missing one, the text to translate beside it.

    It cannot be published before it is filled in: an empty text is refused with its place.
    """
    lines = [f"locale: {language}"]
    _write(_nest(untranslated), untranslated, "", lines, 0)
    return "\n".join(lines) + "\n"


def _place(path: str) -> tuple[object, ...]:
    """The order of a locale: the app, its roles, then each thing; what a map numbers stays in that order."""
    first, *rest = path.split(".")
    return _PARTS.index(first), *(f"{int(part):04}" if part.isdecimal() else part for part in rest)


def _moves_of_outcomes(definition: AppDefinition) -> list[str]:
    return [
        f"workflows.{workflow.key}.moves.{key}"
        for workflow in definition.workflows.values()
        for key in workflow.stages.keys() & workflow.moves.keys()
        if workflow.moves[key].location == workflow.stages[key].location
    ]


def _nest(paths: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in paths:
        inner = tree
        for part in path.split("."):
            inner = inner.setdefault(part, {})
    return tree


def _write(tree: Mapping[str, Any], texts: Mapping[str, str], before: str, lines: list[str], depth: int) -> None:
    """A text with others below it, such as a field with options, stands under ``label``."""
    for part, below in tree.items():
        path = f"{before}.{part}" if before else part
        indent = "  " * depth
        if not below and _is_rule(path):
            lines += [f"{indent}{_key(part)}:", f"{indent}  label: {_empty(texts[path])}"]
            continue
        if not below:
            lines.append(f"{indent}{_key(part)}: {_empty(texts[path])}")
            continue
        lines.append(f"{indent}{_key(part)}:")
        if all(key.isdecimal() for key in below):  # the notes of a printed page are a list
            lines += [f"{indent}  - {_empty(texts[f'{path}.{key}'])}" for key in below]
            continue
        if path in texts:
            lines.append(f"{indent}  label: {_empty(texts[path])}")
        _write(below, texts, path, lines, depth + 1)


def _is_rule(path: str) -> bool:
    """Tell whether a place is that of an automation, whose label stands beside its texts even alone."""
    return path.startswith("automations.") and path.count(".") == 2


def _key(part: str) -> str:
    """Return a key that is read as text: ``1`` and ``true`` in quotes."""
    return part if yaml.safe_load(part) == part else f'"{part}"'


def _empty(text: str) -> str:
    return f'""  # {" ".join(text.split())}'
