"""Which kind of definition file stands under which name.

Enters: a relative path. Leaves: the kind, which is also the name of its schema. Must not read the file.
"""

import re
from typing import Final, Literal, TypeAlias, get_args

from engine.definition.problems import did_you_mean, listed, problem
from engine.errors import Location, Problem

Kind: TypeAlias = Literal[
    "app", "entity", "workflow", "approval", "print", "locale", "demo", "example", "pattern", "automations", "reports",
    "dashboard", "course",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_THING: Final = r"[^/]+"
_NAMES: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = (
    (re.compile(r"app\.yaml"), "app"),
    (re.compile(r"locales/[^/]+\.yaml"), "locale"),
    (re.compile(r"demo/[^/]+\.yaml"), "demo"),
    (re.compile(r"courses/[^/]+\.yaml"), "course"),
    (re.compile(rf"(?:{_THING}/)?examples/[^/]+\.yaml"), "example"),
    (re.compile(r"workflows/[^/]+\.yaml"), "pattern"),
    (re.compile(rf"{_THING}/entity\.yaml"), "entity"),
    (re.compile(rf"{_THING}/workflow\.yaml"), "workflow"),
    (re.compile(rf"{_THING}/approval\.yaml"), "approval"),
    (re.compile(rf"{_THING}/print\.yaml"), "print"),
    (re.compile(rf"{_THING}/automations\.yaml"), "automations"),
    (re.compile(rf"{_THING}/reports\.yaml"), "reports"),
    (re.compile(r"dashboards/[^/]+\.yaml"), "dashboard"),
)
KNOWN_NAMES: Final = (
    "app.yaml",
    "<thing>/entity.yaml",
    "<thing>/workflow.yaml",
    "<thing>/approval.yaml",
    "<thing>/print.yaml",
    "<thing>/automations.yaml",
    "<thing>/reports.yaml",
    "dashboards/<name>.yaml",
    "locales/<language>.yaml",
    "workflows/<pattern>.yaml",
    "demo/<name>.yaml",
    "courses/<name>.yaml",
    "<thing>/examples/<name>.yaml",
)
_LAST_NAMES: Final = (
    "app.yaml", "entity.yaml", "workflow.yaml", "approval.yaml", "print.yaml", "automations.yaml", "reports.yaml",
)  # fmt: skip


BASE: Final = "base/"
"""Where a site keeps the template it extends, which may be a site itself."""


def find_kind(path: str) -> Kind | None:
    """Return the kind of the file at ``path``, or None when no kind has such a name.

    What a site keeps under ``base/`` is of the kind it is in the template.
    """
    found = next((kind for pattern, kind in _NAMES if pattern.fullmatch(path)), None)
    return find_kind(path.removeprefix(BASE)) if found is None and path.startswith(BASE) else found


def check_name(path: str) -> Problem | None:
    """Return what is wrong with the name of a file, if anything."""
    if find_kind(path) is not None:
        return None
    if path.endswith(".yml"):
        return problem("D026", Location(path), name=path.removesuffix(".yml") + ".yaml")
    return problem("D025", Location(path), _suggest(path), known=listed(KNOWN_NAMES))


def _suggest(path: str) -> str | None:
    folder, _, name = path.rpartition("/")
    near = did_you_mean(name, _LAST_NAMES)
    candidate = near if near == "app.yaml" else f"{folder}/{near}"
    return candidate if near and candidate != path and find_kind(candidate) else None
