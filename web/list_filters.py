"""The conditions of a list as its address holds them, and what its filter panel offers.

Enters: the keys the panel filters by, the query of the address. Leaves: ``Conditions`` for the query, ``filters`` for
``pages/list.html``. Must not offer a field the reader may not see: whoever calls hands over allowed keys.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity, Field
from engine.records import condition_text
from engine.records.filters import Conditions, Filter
from engine.records.marks import marks_of
from engine.records.periods import OFFERED
from engine.records.record import Labels
from web.columns import column_label
from web.filter_words import filter_of, options_of, pick_url, say_id, say_period, view_unread
from web.gate import locale
from web.posted import Unread

_MOST_CHOSEN = 50
_PARTS = frozenset({"after", "cols", "columns", "group", "page", "part", "q", "sort", "sums", "view", "where"})


def panel_keys(entity: Entity, allowed: Collection[str]) -> tuple[str, ...]:
    """Return what the panel filters by: the filters of the definition that the reader may see, and marks."""
    return (*(key for key in entity.filters if key in allowed), *marks_of(entity))


def filter_keys(entity: Entity, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return what an address may narrow the list by: whatever the reader may see, and marks.

    A field that is called like another part of the address is narrowed by in ``where``.
    """
    return tuple(key for key in (*allowed, *marks_of(entity)) if key not in _PARTS)


def read_filters(keys: Sequence[str], given: "MultiDict[str, str]") -> Iterator[Filter]:
    """Yield the conditions of the panel that an address asks for."""
    for key in keys:
        chosen = [value for value in given.getlist(key) if value][:_MOST_CHOSEN]
        if chosen:
            yield Filter(key, "in" if len(chosen) > 1 else "eq", chosen if len(chosen) > 1 else chosen[0])
        has = given.get(f"{key}.is")
        if has in ("missing", "present"):
            yield Filter(key, has)
        for ending, operator in (("from", "gte"), ("to", "lte"), ("has", "contains"), ("within", "within")):
            value = given.get(f"{key}.{ending}")
            if value:
                yield Filter(key, operator, value)


def read_conditions(keys: Sequence[str], given: "MultiDict[str, str]") -> Conditions:
    """Return all conditions of an address: those of the panel over ``keys``, and the group in ``where``.

    Raises ``InvalidValues`` when ``where`` is not well written.
    """
    group = condition_text.read_conditions(given.get("where", ""))
    return (*read_filters(keys, given), *(() if group is None else (group,)))


def pickers_of(entity: Entity, keys: Sequence[str]) -> dict[str, str]:
    """Return which of these keys are chosen in a picker, with what it leads to."""
    found = {key: filter_of(key, entity.fields.get(key))[1] for key in keys}
    return {key: target for key, target in found.items() if target is not None}


class FilterPanel:
    """Draws the panel of one list; ``unread`` is what was typed into its pickers and means no one thing."""

    def __init__(self, entity: Entity, labels: Labels, unread: Mapping[str, Unread]) -> None:
        self.entity, self.labels, self.unread = entity, labels, unread

    def offered(self, key: str) -> dict[str, Any]:
        """Return the input for one condition."""
        field = self.entity.fields.get(key)
        made = {"key": key, "label": column_label(self.entity, key), "name": key, "value": request.args.get(key, "")}
        options = self._options(key, field)
        if options is not None:
            presence = field is not None and field.type.filter == "presence"
            return made | {"kind": "choice", "options": options} | ({"name": f"{key}.is"} if presence else {})
        kind, target = filter_of(key, field)
        if kind in ("dates", "numbers", "times", "spans"):
            return made | self._range(key, kind)
        if target is not None:
            return made | {"kind": "link", "field": self._picker(key, target, made)}
        if kind == "contains":
            made |= {"name": f"{key}.has", "value": request.args.get(f"{key}.has", "")}
        return made | {"kind": "text"}

    def _options(self, key: str, field: Field | None) -> list[dict[str, Any]] | None:
        if field is not None and field.type.filter == "presence":
            return self._presence(key)
        chosen = set(request.args.getlist(key))
        options = options_of(self.entity, key).items()
        return [{"value": name, "label": label, "selected": name in chosen} for name, label in options] or None

    def _presence(self, key: str) -> list[dict[str, Any]]:
        chosen = request.args.get(f"{key}.is")
        return [
            {"value": name, "label": locale().t(f"list.{name}"), "selected": name == chosen}
            for name in ("present", "missing")
        ]

    def _range(self, key: str, kind: str) -> dict[str, Any]:
        made: dict[str, Any] = {"kind": {"dates": "date", "times": "time", "spans": "span"}.get(kind, "number")}
        for end in ("from", "to"):
            made[f"{end}_name"] = f"{key}.{end}"
            made[f"{end}_value"] = request.args.get(f"{key}.{end}", "")
        if kind == "dates":
            chosen = request.args.get(f"{key}.within", "")
            made["within_name"] = f"{key}.within"
            made["periods"] = [
                {"value": name, "label": say_period(name), "selected": name == chosen} for name in OFFERED
            ]
        return made

    def _picker(self, key: str, target: str, made: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **made,
            "id": f"filter-{key}",
            "kind": "link",
            "text": say_id(self.labels, target, str(made["value"])),
            "pick_url": pick_url(target),
            **view_unread(self.unread.get(key)),
        }
