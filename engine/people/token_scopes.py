"""What a token is narrowed to, as somebody wrote it: entities, what may be done with them, fields, a condition.

Enters: plain data, from a form, a YAML file or a row: ``{customer: {may: [read], only: [name], where: "..."}}``.
Leaves: a ``Scope``, or the places where the data has another shape. Must not know the app: ``records/narrowing`` does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import FieldError, InvalidValues

ACTIONS = ("read", "create", "change", "delete", "move", "press")
_KEYS = ("may", "only", "write", "where")
_MOST_NAMES, _LONGEST_NAME, _LONGEST_WHERE = 200, 130, 2000


@dataclass(frozen=True, slots=True)
class Reach:
    """What a token reaches of one entity; no ``only`` is every field, no ``write`` every field of these."""

    entity: str
    may: frozenset[str]
    only: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    where: str = ""


Scope = tuple[Reach, ...]
"""An entity that is not in it is not reached."""


def read_scope(found: Any) -> Scope:
    """Return the scope that plain data describes; raises ``InvalidValues`` with each place that is wrong."""
    if not isinstance(found, Mapping) or not found:
        raise InvalidValues([FieldError("scope", "people.token_scope_shape")])
    errors = [error for key, written in found.items() for error in _check(str(key), written)]
    if errors:
        raise InvalidValues(errors)
    return tuple(
        Reach(
            str(key),
            frozenset(written["may"]),
            tuple(written.get("only") or ()),
            tuple(written.get("write") or ()),
            (written.get("where") or "").strip(),
        )
        for key, written in found.items()
    )


def write_scope(scope: Scope) -> dict[str, dict[str, Any]]:
    """Return a scope as plain data, without what was left out."""
    return {
        one.entity: {
            "may": [action for action in ACTIONS if action in one.may],
            **({"only": list(one.only)} if one.only else {}),
            **({"write": list(one.write)} if one.write else {}),
            **({"where": one.where} if one.where else {}),
        }
        for one in scope
    }


def _check(key: str, written: Any) -> Iterator[FieldError]:
    place = f"scope.{key}"[:_LONGEST_NAME]
    if not isinstance(written, Mapping) or not all(name in _KEYS for name in written):
        yield FieldError(place, "people.token_scope_keys", {"known": ", ".join(_KEYS)})
        return
    if not _are_names(written.get("may")) or not written["may"] or not set(written["may"]) <= set(ACTIONS):
        yield FieldError(f"{place}.may", "people.token_scope_may", {"known": ", ".join(ACTIONS)})
    for name in ("only", "write"):
        if not _are_names(written.get(name) or []):
            yield FieldError(f"{place}.{name}", "people.token_scope_names")
    where = written.get("where") or ""
    if not isinstance(where, str) or len(where) > _LONGEST_WHERE:
        yield FieldError(f"{place}.where", "people.token_scope_where", {"max": _LONGEST_WHERE})


def _are_names(found: Any) -> bool:
    is_list = isinstance(found, list | tuple) and len(found) <= _MOST_NAMES
    return is_list and all(isinstance(one, str) and len(one) <= _LONGEST_NAME for one in found)
