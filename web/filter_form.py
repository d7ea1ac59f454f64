"""The form that puts conditions together: any field, a comparison, a value, in groups of all or any.

Enters: the group a list is narrowed by, or the form as it stands in the address. Leaves: the ``form`` of
``pages/filter.html``, or the group to list by. Must not offer a field the reader may not see, nor judge a value: the
list does.

In the address a row is ``N.f`` (field), ``N.o`` (comparison), ``N.v`` (values) and ``N.g`` (its group); ``join`` and
``join.G`` say whether all or any of the groups, and of the rows of one, must hold; ``list`` is the query of the list.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity
from engine.compiler.field_types import FilterKind
from engine.errors import FieldError
from engine.records.condition_text import JOINED
from engine.records.filters import ME, Filter, FilterGroup, comparisons
from engine.records.listing import MOST_CONDITIONS
from engine.records.marks import marks_of
from engine.records.periods import OFFERED
from engine.records.record import Labels
from web.columns import column_label
from web.filter_words import filter_of, options_of, pick_url, say_id, say_period, view_unread
from web.gate import locale
from web.posted import Unread

IS_ME = "is_me"
"""What the form offers as a comparison and the list knows as ``eq me``."""

_COMPARISONS: Mapping[FilterKind, tuple[str, ...]] = {
    "text": ("contains", "eq", "ne", "present", "missing"),
    "contains": ("contains", "present", "missing"),
    "options": ("in", "ne", "present", "missing"),
    "yes_no": ("eq", "present", "missing"),
    "numbers": ("gte", "lte", "gt", "lt", "eq", "ne", "present", "missing"),
    "dates": ("within", "gte", "lte", "present", "missing"),
    "times": ("gte", "lte", "present", "missing"),
    "spans": ("gte", "lte", "present", "missing"),
    "link": ("eq", "ne", "present", "missing"),
    "user": ("eq", IS_ME, "ne", "present", "missing"),
    "department": ("eq", "ne", "present", "missing"),
    "presence": ("present", "missing"),
}
_TYPED: Mapping[FilterKind, str] = {"numbers": "number", "dates": "date", "times": "time", "spans": "span"}
_WITHOUT_VALUE = ("missing", "present", IS_ME)
_ROW = re.compile(r"(\d{1,3})\.f")
_MOST_VALUES = 50
_LONGEST = 200


@dataclass(frozen=True)
class Row:
    """One condition as it stands in the form: nothing of it need be right."""

    group: int
    field: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()

    def condition(self) -> Filter:
        """Return the condition the row asks for."""
        if self.operator in _WITHOUT_VALUE:
            return Filter(self.field, "eq", ME) if self.operator == IS_ME else Filter(self.field, self.operator)
        several = self.operator == "in"
        return Filter(self.field, self.operator, list(self.values) if several else "".join(self.values[:1]))


@dataclass(frozen=True)
class FilterForm:
    """The form as it stands: ``join`` over the groups, ``joins`` within each."""

    rows: tuple[Row, ...]
    join: str = "all"
    joins: tuple[str, ...] = ("all",)

    def group(self) -> FilterGroup | None:
        """Return what is to be listed by, None when no row says anything."""
        groups = []
        for at, joined in enumerate(self.joins):
            conditions = tuple(row.condition() for row in self.rows if row.group == at and row.field)
            if conditions:
                groups.append(FilterGroup(joined, conditions))
        if len(groups) < 2:
            return groups[0] if groups else None
        return FilterGroup(self.join, tuple(one.items[0] if len(one.items) == 1 else one for one in groups))

    def with_row(self, group: int) -> "FilterForm":
        """Return the form with another empty row at the end of a group."""
        return replace(self, rows=(*self.rows, Row(group))) if len(self.rows) < MOST_CONDITIONS else self

    def with_group(self) -> "FilterForm":
        """Return the form with another group that has one empty row."""
        return replace(self, joins=(*self.joins, "all")).with_row(len(self.joins))

    def without_row(self, at: int) -> "FilterForm":
        """Return the form without a row; one that would be left empty has an empty row."""
        rows = self.rows[:at] + self.rows[at + 1 :]
        return replace(self, rows=rows or (Row(0),))


def form_of(group: FilterGroup | None) -> FilterForm:
    """Return the form that shows a group."""
    if group is None:
        return FilterForm((Row(0),))
    if not any(isinstance(one, FilterGroup) for one in group.items):
        return FilterForm(tuple(_row(0, one) for one in group.items), joins=(group.joined,))
    rows: list[Row] = []
    joins = []
    for at, one in enumerate(group.items):
        inner = one if isinstance(one, FilterGroup) else FilterGroup("all", (one,))
        joins.append(inner.joined)
        rows += [_row(at, item) for item in inner.items]
    return FilterForm(tuple(rows), group.joined, tuple(joins))


def read_form(given: "MultiDict[str, str]") -> FilterForm:
    """Return the form as it was sent; a row whose field or comparison is another one loses what belonged to the old."""
    found = sorted(int(match[1]) for name in given if (match := _ROW.fullmatch(name)))[:MOST_CONDITIONS]
    rows = []
    for at in found:
        values = tuple(value[:_LONGEST] for value in given.getlist(f"{at}.v")[:_MOST_VALUES] if value)
        group = given.get(f"{at}.g", "0")
        number = int(group) if group.isascii() and group.isdecimal() and len(group) < 3 else 0
        rows.append(Row(number, given[f"{at}.f"], given.get(f"{at}.o", ""), values))
    last = max((row.group for row in rows), default=0)
    joins = tuple(_joined(given.get(f"join.{at}")) for at in range(min(last, MOST_CONDITIONS) + 1))
    rows = [replace(row, group=min(row.group, len(joins) - 1)) for row in rows]
    return FilterForm(tuple(rows) or (Row(0),), _joined(given.get("join")), joins)


def pickers_in(entity: Entity, given: "MultiDict[str, str]") -> dict[str, str]:
    """Return the names of the pickers in the form as it was sent, with what each leads to."""
    found = {}
    for at in [match[1] for name in given if (match := _ROW.fullmatch(name))][:MOST_CONDITIONS]:
        key = given[f"{at}.f"]
        target = filter_of(key, entity.fields.get(key))[1]
        if target is not None:
            found[f"{at}.v"] = target
    return found


def _joined(said: str | None) -> str:
    return said if said in JOINED else "all"


def _row(group: int, one: Filter | FilterGroup) -> Row:
    assert isinstance(one, Filter)  # noqa: S101 - groups stand one level deep
    if one.operator == "eq" and one.value == ME:
        return Row(group, one.field, IS_ME)
    values = one.value if isinstance(one.value, list) else [one.value]
    return Row(group, one.field, one.operator, tuple(str(value) for value in values if value is not None))


class FilterFormView:
    """Draws the form for one reader; ``allowed`` are the keys they may filter by."""

    def __init__(self, entity: Entity, allowed: Sequence[str], labels: Labels) -> None:
        self.entity, self.labels = entity, labels
        self.unread: Mapping[str, Unread] = {}
        self.keys = [*(key for key in allowed if key != "id"), *marks_of(entity)]

    def view(
        self,
        form: FilterForm,
        errors: Sequence[FieldError],
        *,
        fresh: int | None = None,
        unread: Mapping[str, Unread] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """Return the groups with their rows.

        ``fresh`` is the row somebody just asked for, ``unread`` what was typed into pickers and means no one thing.
        """
        self.unread = unread
        wrong = {error.path: error.text(locale().language) for error in errors}
        groups = []
        for at, joined in enumerate(form.joins):
            rows = [
                self._row(number, row, wrong.pop(row.field, None) if row.field else None) | {"fresh": number == fresh}
                for number, row in enumerate(form.rows)
                if row.group == at
            ]
            if rows:
                groups.append({"number": at, "joined": joined, "rows": rows})
        return {"groups": groups, "joined": form.join, "errors": list(wrong.values()),
                "full": len(form.rows) >= MOST_CONDITIONS}  # fmt: skip

    def _row(self, number: int, row: Row, error: str | None) -> dict[str, Any]:
        fields = [
            {"value": key, "label": column_label(self.entity, key), "selected": key == row.field} for key in self.keys
        ]
        made = {"number": number, "group": row.group, "fields": fields, "operators": [], "error": error, "input": None}
        if row.field not in self.keys:
            return made
        kind = filter_of(row.field, self.entity.fields.get(row.field))[0]
        offered = self._comparisons(row.field, kind, row.operator)
        operator = row.operator if row.operator in offered else offered[0]
        inputs = {one: self._input(row, one, kind, f"{number}.v") for one in offered}
        operators = [
            {
                "value": one,
                "label": self._say(one, kind),
                "selected": one == operator,
                "input": (inputs[one] or {}).get("kind"),
            }
            for one in offered
        ]
        return made | {"operators": operators, "label": column_label(self.entity, row.field), "input": inputs[operator]}

    def _comparisons(self, key: str, kind: FilterKind, present: str) -> list[str]:
        """Return what a field can be compared by; one that the form does not offer stays while it is in use."""
        if key in marks_of(self.entity):
            return ["in", "present"]
        if key == "stage":
            return list(_COMPARISONS["options"])
        known = {*comparisons(self.entity, key), IS_ME}
        return [one for one in dict.fromkeys((*_COMPARISONS[kind], present)) if one in known]

    def _say(self, operator: str, kind: FilterKind) -> str:
        dated = kind in ("dates", "times") and operator in ("gte", "lte")
        return locale().t(f"filter.op_{operator}{'_date' if dated else ''}")

    def _input(self, row: Row, operator: str, kind: FilterKind, name: str) -> dict[str, Any] | None:
        if operator in _WITHOUT_VALUE:
            return None
        value, key = "".join(row.values[:1]), row.field
        made: dict[str, Any] = {"name": name, "value": value}
        options = options_of(self.entity, key)
        if operator == "within":
            names = OFFERED if value in OFFERED or not value else (*OFFERED, value)
            options = {one: say_period(one) for one in names if one in OFFERED or one.startswith(("last_", "next_"))}
        if options:
            several = operator == "in"
            chosen = [{"value": one, "label": said, "selected": one in row.values} for one, said in options.items()]
            return made | {"kind": "ticks" if several else "select", "options": chosen}
        target = filter_of(key, self.entity.fields.get(key))[1]
        if target is not None and operator != "in":
            text = say_id(self.labels, target, value)
            picker = {"name": name, "value": value, "text": text, "pick_url": pick_url(target), "in_line": True,
                      "id": f"filter-{name.replace('.', '-')}", "kind": "link",
                      "label": locale().t("filter.value", label=column_label(self.entity, key)),
                      **view_unread(self.unread.get(name))}  # fmt: skip
            return made | {"kind": "link", "field": picker}
        if operator == "in":
            return made | {"kind": "text", "value": ",".join(row.values)}
        return made | {"kind": _TYPED.get(kind, "text")}
