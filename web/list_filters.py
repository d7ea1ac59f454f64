"""The conditions of a list: what the filter panel offers, and what is in force as chips.

Enters: the keys a list may be filtered by, the query of the address. Leaves: ``Filter`` for the query, ``filters`` and
``chips`` for ``pages/list.html``. Must not offer a field the reader may not see: whoever calls hands over allowed keys.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flask import request

from engine.compiler.app import Entity, Field
from engine.records.filters import Filter
from engine.records.record import USER, Labels
from web.cells import Cells
from web.columns import column_label
from web.gate import locale

_RANGES = frozenset({"date", "datetime", "integer", "decimal", "money", "percent"})
_PEOPLE = ("owner", "created_by", "updated_by")
_MOST_CHOSEN = 50


def read_filters(keys: Sequence[str]) -> Iterator[Filter]:
    """Yield the conditions the address asks for."""
    for key in keys:
        chosen = [value for value in request.args.getlist(key) if value][:_MOST_CHOSEN]
        if chosen:
            yield Filter(key, "in" if len(chosen) > 1 else "eq", chosen if len(chosen) > 1 else chosen[0])
        for ending, operator in (("from", "gte"), ("to", "lte")):
            value = request.args.get(f"{key}.{ending}")
            if value:
                yield Filter(key, operator, value)  # type: ignore[arg-type]


class FilterPanel:
    """Draws the conditions of one list."""

    def __init__(self, cells: Cells, entity: Entity, labels: Labels) -> None:
        self.cells, self.entity, self.labels = cells, entity, labels

    def offered(self, key: str) -> dict[str, Any]:
        """Return the input for one condition."""
        field = self.entity.fields.get(key)
        made = {"key": key, "label": column_label(self.entity, key), "name": key, "value": request.args.get(key, "")}
        options = self._options(key, field)
        if options is not None:
            return made | {"kind": "choice", "options": options}
        if (field is not None and field.type.key in _RANGES) or key.endswith("_at"):
            return made | self._range(key, field)
        if key in _PEOPLE or (field is not None and field.type.key in ("link", "user")):
            return made | {"kind": "link", "field": self._picker(key, field, made)}
        return made | {"kind": "text"}

    def chips(self, filters: Sequence[Filter], address: Callable[..., str]) -> list[dict[str, Any]]:
        """Return the conditions in force, each with the address of the list without it."""
        return [self._chip(one, address) for one in filters]

    def _chip(self, one: Filter, address: Callable[..., str]) -> dict[str, Any]:
        name = {"gte": f"{one.field}.from", "lte": f"{one.field}.to"}.get(one.operator, one.field)
        sign = {"gte": "≥ ", "lte": "≤ "}.get(one.operator, "")
        values = one.value if isinstance(one.value, list) else [one.value]
        said = sign + locale().t("text.comma").join(self._said(one.field, str(value)) for value in values)
        return {"label": column_label(self.entity, one.field), "text": said, "remove_url": address(**{name: None})}

    def _options(self, key: str, field: Field | None) -> list[dict[str, Any]] | None:
        labels: Mapping[str, Any] = {}
        if key == "stage" and self.entity.workflow:
            labels = {name: stage.label for name, stage in self.entity.workflow.stages.items()}
        elif field is not None and field.options:
            labels = field.options
        elif field is not None and field.type.key == "boolean":
            labels = {"true": locale().t("cell.yes"), "false": locale().t("cell.no")}
        chosen = set(request.args.getlist(key))
        made = [
            {"value": name, "label": locale().label(label), "selected": name in chosen}
            for name, label in labels.items()
        ]
        return made or None

    def _range(self, key: str, field: Field | None) -> dict[str, Any]:
        is_date = key.endswith("_at") or (field is not None and field.type.key in ("date", "datetime"))
        made: dict[str, Any] = {"kind": "date" if is_date else "number"}
        for end in ("from", "to"):
            made[f"{end}_name"] = f"{key}.{end}"
            made[f"{end}_value"] = request.args.get(f"{key}.{end}", "")
        return made

    def _picker(self, key: str, field: Field | None, made: Mapping[str, Any]) -> dict[str, Any]:
        target = field.to if field is not None else None
        return {
            **made,
            "id": f"filter-{key}",
            "kind": "link",
            "text": self._called(target, str(made["value"])),
            "pick_url": f"/pick/{target}" if target else "/pick-person",
        }

    def _said(self, key: str, value: str) -> str:
        field = self.entity.fields.get(key)
        if key == "stage":
            badge = self.cells.stage(self.entity, value)
            return badge["label"] if badge else value
        if field is not None and value in field.options:
            return locale().label(field.options[value])
        if key in _PEOPLE or (field is not None and field.type.key in ("link", "user")):
            return self._called(field.to if field else None, value)
        if field is not None and field.type.key == "boolean":
            return locale().t("cell.yes" if value == "true" else "cell.no")
        return value

    def _called(self, target: str | None, value: str) -> str:
        if not value.isdecimal() or len(value) > 18:
            return ""
        return self.labels.get((target or USER, int(value)), f"#{value}")
