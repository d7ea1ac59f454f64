"""A result in words and as plain data: what keys are called, how values are written.

Enters: results. Leaves: texts in one language, and data that JSON can hold. Must not round what it hands on as data:
decimals are texts with every digit they have.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from engine import messages
from engine.compiler.app import Dimension, Figure, Label
from engine.expression import Kind
from engine.expression.decimals import round_half_up
from engine.expression.writing import short
from engine.records.record import Labels
from engine.reports.announced_words import name_of
from engine.reports.periods import Period, find_period
from engine.reports.results import Announced, Axis, Cell, FunnelResult, Line, Result, Stand

MISSING: Final = "—"
_PLACES: Final[Mapping[str, int]] = {"money": 2, "percent": 1, "minutes": 1, "hours": 1, "days": 1, "number": 2}


def key_text(axis: Axis, key: Any, labels: Labels, language: str) -> str:
    """Return what the key of a line is called: 华东, 王磊, 2026-03, 10 – 30, or — for none."""
    dimension = axis.dimension
    if key is None:
        return MISSING
    if isinstance(key, Period):
        return key.name
    if dimension is None:
        return str(key)
    if dimension.options:
        return _say(dimension.options.get(key, {}), language) or str(key)
    if dimension.buckets:
        return bucket_text(dimension, key)
    if dimension.span is not None:
        return Period(dimension.span, key, _last(dimension.span, key)).name
    if dimension.target is not None:
        return labels.get((dimension.target, key), f"#{key}")
    if dimension.type.kind is Kind.BOOLEAN:
        return messages.text(f"expression.say.{'yes' if key else 'no'}", language)
    return short(key) if isinstance(key, Decimal) else str(key)


def bucket_text(dimension: Dimension, key: int) -> str:
    """Return what a range is called: < 10, 10 – 30, ≥ 30."""
    ends = [short(one) for one in dimension.buckets]
    if key == 0:
        return f"< {ends[0]}"
    return f"≥ {ends[-1]}" if key >= len(ends) else f"{ends[key - 1]} – {ends[key]}"


def value_text(figure: Figure, value: Any, language: str) -> str:
    """Return a value as people read it: 1,234.50, 12.5%, 18 分钟, 2026-03-02, or — for none."""
    if value is None:
        return MISSING
    if isinstance(value, date | datetime):
        return value.isoformat()[:16].replace("T", " ")
    number = Decimal(value) * (100 if figure.unit == "percent" else 1)
    said = round_half_up(number, _PLACES[figure.unit])
    plain = f"{said:,.2f}" if figure.unit == "money" else f"{Decimal(short(said)):,f}"
    if figure.unit == "percent":
        return f"{plain}%"
    known = figure.unit in ("minutes", "hours", "days")
    return messages.text(f"report.unit.{figure.unit}", language, number=plain) if known else plain


def result_data(result: Result, language: str) -> dict[str, Any]:
    """Return a report as data: its figures with their digests, its lines with their keys and cells."""
    report = result.report
    return {
        "report": report.key if report is not None else None,
        "label": _say(report.label, language) if report is not None else None,
        "period": period_data(result.period),
        "by": [{"key": axis.key, "label": _say(axis.label, language)} for axis in result.axes],
        "figures": [_figure(one, language) for one in result.figures],
        "lines": [_line(result, one, language) for one in result.lines],
        "total": [_cell(one) for one in result.total.cells],
        "more": result.more,
        "cumulated": result.cumulated,
        "announced": None if result.announced is None else _announced(result.announced),
    }


def _announced(found: Announced) -> dict[str, Any]:
    """Return who came first, by name and one figure, and what the reader came to."""
    pairs = zip(found.figures, found.own or (), strict=False)
    return {
        "period": period_data(found.period),
        "figure": found.figure.key,
        "most": found.most,
        "first": [{"rank": one.rank, "name": name_of(found, one), "value": _plain(one.value)} for one in found.first],
        "own": {"rank": found.rank, "cells": {figure.key: _cell(cell) for figure, cell in pairs}},
    }


def funnel_data(result: FunnelResult, language: str) -> dict[str, Any]:
    """Return a funnel as data."""
    return {
        "funnel": result.funnel.key,
        "label": _say(result.funnel.label, language),
        "digest": result.funnel.digest,
        "period": period_data(result.period),
        "n": result.n,
        "steps": [_stand(one, language) for one in result.total],
        "parts": [
            {
                "keys": [_key(axis, key, result.labels, language) for axis, key in zip(result.axes, keys, strict=True)],
                "n": n,
                "steps": [_stand(one, language) for one in stands],
            }
            for keys, n, stands in result.parts
        ],
    }


def period_data(period: Period) -> dict[str, Any]:
    """Return a period as data; all time has no days."""
    bounded = period.kind != "all"
    return {
        "name": period.name,
        "from": period.first.isoformat() if bounded else None,
        "to": period.last.isoformat() if bounded else None,
    }


def _figure(figure: Figure, language: str) -> dict[str, Any]:
    said = {"label": _say(figure.label, language), "help": _say(figure.help, language) or None}
    told = {"value": figure.value.whole.text, "unit": figure.unit, "better": figure.better, "digest": figure.digest}
    return {"key": figure.key, **said, **told}


def _line(result: Result, line: Line, language: str) -> dict[str, Any]:
    pairs = zip(result.axes, line.keys, strict=True)
    keys = [_key(axis, key, result.labels, language) for axis, key in pairs]
    return {"keys": keys, "cells": [None if one is None else _cell(one) for one in line.cells]}


def _key(axis: Axis, key: Any, labels: Labels, language: str) -> dict[str, Any]:
    said = key.name if isinstance(key, Period) else _plain(key)
    return {"key": said, "label": key_text(axis, key, labels, language)}


def _cell(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    found: dict[str, Any] = {"value": _plain(cell.value), "n": cell.n}
    if cell.small:
        found["small"] = True
    if cell.provisional:
        found["provisional"] = True
    if cell.cumulated is not None:
        found["cumulated"] = _plain(cell.cumulated)
    for name, other in (("previous", cell.previous), ("last_year", cell.last_year)):
        if other is not None:
            found[name] = {"value": _plain(other.value), "n": other.n}
    if cell.closed is not None:
        told = {"value": _plain(cell.closed.value), "n": cell.closed.n, "digest": cell.closed.digest}
        found["closed"] = {**told, "at": cell.closed.at.isoformat(), "adjustment": _plain(cell.adjustment)}
    return found if cell.target is None else {**found, "target": _plain(cell.target)}


def _stand(stand: Stand, language: str) -> dict[str, Any]:
    shares = {"rate": _plain(stand.rate), "share": _plain(stand.share), "open": _plain(stand.open)}
    return {"key": stand.step.key, "label": _say(stand.step.label, language), "count": stand.count, **shares}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return short(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


def _say(label: Label, language: str) -> str:
    return messages.say(label, language) if label else ""


def _last(span: str, first: date) -> date:
    found = find_period(span, first)
    return first if found is None else found.last
