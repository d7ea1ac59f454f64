"""What a report is narrowed to: the panel that offers it, and the chips that take it out again.

Enters: dimensions the reader may filter by, what the address asks. Leaves: ``filters`` and ``chips`` of
``parts/report_tools.html``. Must not offer a dimension the reader may not see: whoever calls hands over allowed ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from engine.compiler.app import Dimension
from engine.expression import Kind
from engine.records.filters import ME
from engine.records.record import USER, Labels
from engine.reports.asking import MISSING
from engine.reports.keys import say_value
from engine.reports.naming import name_keys
from engine.reports.results import Axis
from web.filter_words import pick_url
from web.gate import locale
from web.posted import is_id
from web.reporting.address import FILTER, Asked

Filters = Mapping[str, tuple[str, ...]]

_MOST_OPTIONS = 60


def can_filter(dimension: Dimension) -> bool:
    """Return whether values of a dimension can be chosen from a list or found in a picker."""
    return bool(dimension.options or dimension.target or dimension.buckets or dimension.type.kind is Kind.BOOLEAN)


def view_filters(asked: Asked, dimensions: Mapping[str, Dimension]) -> dict[str, Any]:
    """Return the panel and the chips of an address; a filter of a dimension that is not offered is a chip too."""
    labels = _labels(asked.filters, dimensions)
    offered = [_offered(asked, key, one, labels) for key, one in dimensions.items() if can_filter(one)]
    chips = [
        chip | {"remove_url": asked.address(**{f"{FILTER}{key}": None})}
        for key, chip in zip(asked.filters, say_filters(asked.filters, dimensions, labels), strict=True)
    ]
    return {"filters": offered, "keep": asked.kept(FILTER), "chips": chips}


def say_filters(
    filters: Filters, dimensions: Mapping[str, Dimension], labels: Labels | None = None
) -> list[dict[str, Any]]:
    """Return what is narrowed to what, each as a ``label`` and a ``text``."""
    known = _labels(filters, dimensions) if labels is None else labels
    comma = locale().t("text.comma")
    return [
        {
            "label": locale().label(dimensions[key].label) if key in dimensions else key,
            "text": comma.join(_said(dimensions.get(key), value, known) for value in values),
        }
        for key, values in filters.items()
    ]


def _labels(filters: Filters, dimensions: Mapping[str, Dimension]) -> Labels:
    keys = [
        (Axis(key, dimensions[key].label, dimensions[key]), int(value))
        for key, values in filters.items() if key in dimensions and dimensions[key].target
        for value in values if is_id(value)
    ]  # fmt: skip
    return name_keys(g.session, keys, actor=g.actor)


def _offered(asked: Asked, key: str, dimension: Dimension, labels: Labels) -> dict[str, Any]:
    chosen = asked.filters.get(key, ())
    made: dict[str, Any] = {"key": key, "label": locale().label(dimension.label), "name": f"{FILTER}{key}"}
    if dimension.target:
        value = next((one for one in chosen if is_id(one)), "")
        text = labels.get((dimension.target, int(value)), "") if value else ""
        field = {
            **made, "id": f"filter-{key.replace('.', '-')}", "kind": "link", "value": value, "text": text,
            "pick_url": pick_url(dimension.target),
        }  # fmt: skip
        return made | {"kind": "link", "field": field}
    options = [(value, say_value(locale(), dimension, typed, {})) for value, typed in _values(dimension)]
    return made | {
        "kind": "choice",
        "options": [{"value": one, "label": said, "selected": one in chosen} for one, said in options[:_MOST_OPTIONS]],
    }


def _values(dimension: Dimension) -> Sequence[tuple[str, Any]]:
    if dimension.options:
        return [(key, key) for key in dimension.options]
    if dimension.buckets:
        return [(str(at), at) for at in range(len(dimension.buckets) + 1)]
    return [("true", True), ("false", False)]


def _said(dimension: Dimension | None, value: str, labels: Labels) -> str:
    if value == MISSING:
        return locale().say("report.missing")
    if value == ME and dimension is not None and dimension.target == USER:
        return locale().t("filter.me")
    if dimension is None:
        return value
    known = {written: typed for written, typed in ([] if dimension.target else _values(dimension))}
    if dimension.target:
        return labels.get((dimension.target, int(value)), f"#{value}") if is_id(value) else value
    return say_value(locale(), dimension, known[value], {}) if value in known else value
