"""How the conditions of a list are said, and the chips that take one out again.

Enters: conditions, and what the things they name are called. Leaves: words, and the ``chips`` of ``pages/list.html``.
Must not read the address: a function of whoever calls says what it is without a condition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import g

from engine.compiler.app import DEPARTMENT, USER, Entity, Field
from engine.compiler.field_types import FilterKind
from engine.compiler.readers import Wrong
from engine.errors import FieldError
from engine.records.condition_text import write_conditions
from engine.records.filters import ME, Conditions, Filter, FilterGroup, each_filter
from engine.records.labels import department_labels, people_labels
from engine.records.links import label_records
from engine.records.marks import marks_of, values_of
from engine.records.periods import OFFERED
from engine.records.record import Labels
from web.cells import Cells
from web.columns import column_label
from web.gate import locale
from web.posted import Unread, is_id

_SYSTEM: Mapping[str, tuple[FilterKind, str | None]] = {
    "owner": ("user", USER), "created_by": ("user", USER), "updated_by": ("user", USER),
    "team": ("department", DEPARTMENT), "created_at": ("dates", None), "updated_at": ("dates", None),
}  # fmt: skip
_PICK = {USER: "/pick-person", DEPARTMENT: "/pick-department"}
_SIGNS = {"gte": "≥ ", "lte": "≤ ", "gt": "> ", "lt": "< "}
_ENDINGS = {"gte": "from", "lte": "to", "contains": "has", "within": "within", "missing": "is", "present": "is"}
_NAMED = 5
_LONGEST = 60


class FilterWords:
    """Says the conditions of one list to one reader."""

    def __init__(self, cells: Cells, entity: Entity, labels: Labels) -> None:
        self.cells, self.entity, self.labels = cells, entity, labels

    def chips(self, conditions: Conditions, address: Callable[..., str]) -> list[dict[str, Any]]:
        """Return the conditions in force, each with the address of the list without it."""
        chips = []
        for one in conditions:
            if isinstance(one, FilterGroup):
                chips += self._group_chips(one, address)
            else:
                ending = _ENDINGS.get(one.operator)
                name = f"{one.field}.{ending}" if ending else one.field
                chips.append(self.say(one) | {"remove_url": address(**{name: None})})
        return chips

    def say(self, one: Filter) -> dict[str, str]:
        """Return the ``label`` of what is compared, and the ``text`` of what with."""
        label, text = column_label(self.entity, one.field), locale()
        if one.operator in ("missing", "present"):
            said = text.t("mark.any" if one.field in marks_of(self.entity) else f"list.{one.operator}")
        elif one.operator == "within":
            said = say_period(str(one.value))
        else:
            said = self._sign(one.operator) + self._values(one)
        return {"label": label, "text": said}

    def _sign(self, operator: str) -> str:
        signs = {"ne": locale().t("filter.is_not"), "contains": locale().t("filter.has")}
        return signs.get(operator) or _SIGNS.get(operator, "")

    def _values(self, one: Filter) -> str:
        text = locale()
        values = one.value if isinstance(one.value, list) else [one.value]
        said = text.t("text.comma").join(self.value(one.field, str(value))[:_LONGEST] for value in values[:_NAMED])
        return said if len(values) <= _NAMED else text.t("filter.and_more", said=said, count=len(values))

    def _group_chips(self, group: FilterGroup, address: Callable[..., str]) -> list[dict[str, Any]]:
        """Each of conditions that must all hold can go by itself; alternatives are one chip."""
        if group.joined == "any":
            return [{"label": "", "text": self._group(group), "remove_url": address(where=None)}]
        chips = []
        for at, one in enumerate(group.items):
            rest = group.items[:at] + group.items[at + 1 :]
            url = address(where=write_conditions(FilterGroup("all", rest)) if rest else None)
            said = {"label": "", "text": self._group(one)} if isinstance(one, FilterGroup) else self.say(one)
            chips.append(said | {"remove_url": url})
        return chips

    def _group(self, group: FilterGroup) -> str:
        parts = []
        for one in group.items:
            if isinstance(one, FilterGroup):
                inner = self._group(one)
                parts.append(f"({inner})" if len(one.items) > 1 else inner)
            else:
                said = self.say(one)
                parts.append(f"{said['label']} {said['text']}")
        return locale().t(f"filter.joined_{group.joined}").join(parts)

    def value(self, key: str, value: str) -> str:
        """Return what a value of a field is called."""
        field = self.entity.fields.get(key)
        if key in marks_of(self.entity):
            return say_mark(self.entity, key, value)
        if key == "stage":
            badge = self.cells.stage(self.entity, value)
            return badge["label"] if badge else value
        if field is not None and value in field.options:
            return locale().label(field.options[value])
        target = filter_of(key, field)[1]
        if target is not None:
            return locale().t("filter.me") if value == ME else say_id(self.labels, target, value)
        if field is not None and field.type.filter == "yes_no":
            return locale().t("cell.yes" if value == "true" else "cell.no")
        return value if field is None else self._figure(field, value)

    def _figure(self, field: Field, value: str) -> str:
        """Return a number or day as cells show it, whatever else as it was typed."""
        if field.type.filter not in ("numbers", "dates") or field.type.column == "datetime":
            return value
        try:
            read = field.type.parse(value, replace(field, min=None, max=None))
        except Wrong:
            return value
        cell = self.cells.of_field(field, read, {})
        return str(cell["title"] or cell["text"])


def filter_of(key: str, field: Field | None) -> tuple[FilterKind, str | None]:
    """Return the kind of filter a field or system field takes, and what its ids lead to."""
    return (field.type.filter, field.target) if field is not None else _SYSTEM.get(key, ("text", None))


def pick_url(target: str) -> str:
    """Return where a picker looks for what can be chosen."""
    return _PICK.get(target, f"/pick/{target}")


def options_of(entity: Entity, key: str) -> dict[str, str]:
    """Return the values a filter offers to choose from, with what they are called; empty where values are typed."""
    field, text = entity.fields.get(key), locale()
    if key in marks_of(entity):
        return {value: say_mark(entity, key, value) for value in values_of(entity, key)}
    if key == "stage" and entity.workflow:
        return {name: text.label(stage.label) for name, stage in entity.workflow.stages.items()}
    if field is not None and field.options:
        return {name: text.label(label) for name, label in field.options.items()}
    if field is not None and field.type.filter == "yes_no":
        return {"true": text.t("cell.yes"), "false": text.t("cell.no")}
    return {}


def say_mark(entity: Entity, key: str, value: str) -> str:
    """Return what a value of a mark is called: by the definition, or here."""
    label = values_of(entity, key).get(value)
    return locale().label(label) if label else locale().t(f"mark.{value}")


def say_period(name: str) -> str:
    """Return what a period is called."""
    if name in OFFERED:
        return locale().t(f"period.{name}")
    start, _, rest = name.partition("_")
    return locale().t(f"period.{start}_days", n=rest.partition("_")[0])


def say_id(labels: Labels, target: str, value: str) -> str:
    """Return the name of what has this id, nothing when it is no id."""
    return labels.get((target, int(value)), f"#{value}") if is_id(value) else ""


def view_unread(unread: Unread | None) -> dict[str, Any]:
    """Return what a picker shows of a text that means no one thing, and why."""
    if unread is None:
        return {}
    several = unread.choices if len(unread.choices) > 1 else ()
    return {
        "unread": unread.text,
        "error": FieldError("", unread.code, unread.params).text(locale().language),
        "choices": several,
    }


def name_filtered(entity: Entity, conditions: Conditions) -> Labels:
    """Return what the records and people a list is narrowed to are called, even when no row of it names them."""
    ids: dict[str, set[int]] = {}
    for one in each_filter(conditions):
        target = filter_of(one.field, entity.fields.get(one.field))[1]
        if target is not None:
            values: Sequence[Any] = one.value if isinstance(one.value, list) else [one.value]
            ids.setdefault(target, set()).update(int(str(value)) for value in values if is_id(str(value)))
    makers: Mapping[str, Callable[[set[int]], Labels]] = {
        USER: lambda found: people_labels(g.session, found),
        DEPARTMENT: lambda found: department_labels(g.session, found),
    }
    labels: Labels = {}
    for target, found in ids.items():
        make = makers.get(target)
        labels |= label_records(g.session, target, found, actor=g.actor) if make is None else make(found)
    return labels
