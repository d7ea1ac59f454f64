"""Reports over HTTP: what there is, what each comes to, and the rows behind a figure.

Enters: keys, a period, filters written ``dimension:value``. Leaves: figures with n, period and the digest of their
definition; numbers as decimal texts, percentages as fractions. Must not count anything: ``engine/reports`` does.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import g, request

from engine import reports
from engine.compiler.app import Figure
from engine.definition.model.reports import Against
from engine.errors import FieldError, InvalidValues
from engine.reports import baselines
from engine.reports.announced_words import name_of
from engine.reports.keys import write_key
from engine.reports.periods import Period
from engine.reports.results import Announced, Axis, Behind, Cell, FunnelResult, Line, Result
from web.api.answers import answer, iso, write_labels, writer_for
from web.gate import locale, reads

_MOST = 50
_LONGEST = 200
_MOST_ROWS, _MOST_OFFSET = 200, 1_000_000
_AGAINST: Mapping[str, Against] = {"previous": "previous", "last_year": "last_year", "target": "target"}


@reads
def list_all() -> Any:
    """Answer the reports, funnels, figures and dashboards that are there for the caller."""
    text, app = locale(), g.session.app
    figures = [one for one in app.figures.values() if reports.sees_figure(g.session, one, g.actor)]
    return answer({
        "reports": [
            _named(one.key, one.label, one.help) | {"figures": list(one.show), "by": list(one.by), "period": one.period}
            for one in reports.list_reports(g.session, actor=g.actor)
        ],
        "funnels": [
            _named(one.key, one.label, one.help) | {"steps": [step.key for step in one.steps], "period": one.period}
            for one in reports.list_funnels(g.session, actor=g.actor)
        ],
        "figures": [_figure(one) for one in figures],
        "dashboards": [
            {"key": one.key, "label": text.label(one.label), "roles": sorted(one.roles)}
            for one in reports.list_dashboards(g.session, actor=g.actor)
        ],
    })  # fmt: skip


@reads
def run_report(report: str) -> Any:
    """Answer what a report comes to."""
    found = reports.run(
        g.session, report, actor=g.actor, period=read_period(), filters=read_pairs("filter"), by=_several("by"),
        compare=_compared(),
    )  # fmt: skip
    return answer(_result(found))


@reads
def run_figure(figure: str) -> Any:
    """Answer what a figure comes to, divided as asked."""
    found = reports.run_figure(
        g.session, figure, actor=g.actor, period=read_period(), filters=read_pairs("filter"), by=_several("by") or (),
        compare=_compared() or (),
    )  # fmt: skip
    return answer(_result(found))


@reads
def run_funnel(funnel: str) -> Any:
    """Answer what a funnel comes to."""
    found = reports.run_funnel(
        g.session, funnel, actor=g.actor, period=read_period(), filters=read_pairs("filter"), by=_several("by")
    )
    return answer(_funnel(found))


@reads
def list_rows(figure: str) -> Any:
    """Answer the rows behind a figure, or behind one cell of it: ``n`` in all."""
    found = reports.rows(
        g.session, figure, actor=g.actor, period=read_period(), cell=read_cell(), filters=read_pairs("filter"),
        limit=_number("limit", _MOST, _MOST_ROWS), offset=_number("offset", 0, _MOST_OFFSET),
    )  # fmt: skip
    return answer(_behind(found))


@reads
def list_funnel_rows(funnel: str, step: str) -> Any:
    """Answer the rows of a cohort that got as far as a step."""
    found = reports.funnel_rows(
        g.session, funnel, step, actor=g.actor, period=read_period(), filters=read_pairs("filter"), cell=read_cell(),
        limit=_number("limit", _MOST, _MOST_ROWS), offset=_number("offset", 0, _MOST_OFFSET),
    )  # fmt: skip
    return answer(_behind(found))


ROUTES = (
    ("/reports", ["GET"], list_all),
    ("/reports/<report>", ["GET"], run_report),
    ("/reports/figures/<figure>", ["GET"], run_figure),
    ("/reports/figures/<figure>/rows", ["GET"], list_rows),
    ("/reports/funnels/<funnel>", ["GET"], run_funnel),
    ("/reports/funnels/<funnel>/<step>/rows", ["GET"], list_funnel_rows),
)


# ---- what is asked


def read_period() -> str | None:
    """Return the name of the period that is asked for."""
    return request.args.get("period", "")[:_LONGEST] or None


def _several(name: str) -> tuple[str, ...] | None:
    found = [one[:_LONGEST] for one in request.args.getlist(name) if one][:_MOST]
    return tuple(dict.fromkeys(found)) if found else None


def _compared() -> tuple[Against, ...] | None:
    asked = _several("compare")
    if asked is None:
        return None
    unknown = [one for one in asked if one not in _AGAINST]
    if unknown:
        raise InvalidValues([FieldError("compare", "value.choice", {"options": ", ".join(_AGAINST)})])
    return tuple(_AGAINST[one] for one in asked)


def read_pairs(name: str) -> dict[str, list[str]]:
    """Return the values of ``dimension:value`` by dimension; raises ``InvalidValues`` for what is written otherwise."""
    found: dict[str, list[str]] = {}
    for one in request.args.getlist(name)[:_MOST]:
        key, colon, value = one.partition(":")
        if not colon or not key or len(one) > _LONGEST:
            raise InvalidValues([FieldError(name, "report.bad_pair")])
        found.setdefault(key, []).append(value)
    return found


def read_cell() -> dict[str, str]:
    """Return the key of each dimension of the cell whose rows are asked for."""
    return {key: values[0] for key, values in read_pairs("cell").items()}


def _number(name: str, otherwise: int, most: int) -> int:
    written = request.args.get(name, "")
    if not written:
        return otherwise
    if not (written.isascii() and written.isdigit()) or len(written) > 9 or not int(written) <= most:
        raise InvalidValues([FieldError(name, "report.bad_number", {"most": most})])
    return int(written)


# ---- what is answered


def _named(key: str, label: Any, help: Any) -> dict[str, Any]:
    return {"key": key, "label": locale().label(label), "help": locale().label(help)}


def _figure(figure: Figure) -> dict[str, Any]:
    return _named(figure.key, figure.label, figure.help) | {
        "unit": figure.unit, "better": figure.better, "target": _value(figure.target), "version": figure.digest,
        "of_now": figure.of_now, "at_least": figure.at_least,
    }  # fmt: skip


def _result(found: Result) -> dict[str, Any]:
    known = baselines.find_all(g.session)
    return {
        "report": found.report.key if found.report is not None else None,
        "period": _said(found.period),
        "previous": _said(found.previous),
        "last_year": _said(found.last_year),
        "by": [_axis(one) for one in found.axes],
        "figures": [_figure(one) | {"baseline": _value(known.get(one.key))} for one in found.figures],
        "lines": [_line(one) for one in found.lines],
        "total": [_cell(one) for one in found.total.cells],
        "more": found.more,
        "cumulated": found.cumulated,
        "labels": write_labels(found.labels),
        "announced": None if found.announced is None else _announced(found.announced),
    }


def _announced(found: Announced) -> dict[str, Any]:
    """Return who came first, by name and one figure, and what the caller came to."""
    pairs = zip(found.figures, found.own or (), strict=False)
    return {
        "period": _said(found.period),
        "figure": found.figure.key,
        "most": found.most,
        "first": [{"rank": one.rank, "name": name_of(found, one), "value": _value(one.value)} for one in found.first],
        "own": {"rank": found.rank, "cells": {figure.key: _cell(cell) for figure, cell in pairs}},
    }


def _funnel(found: FunnelResult) -> dict[str, Any]:
    def stands(several: Sequence[Any]) -> list[dict[str, Any]]:
        return [
            {
                "step": one.step.key,
                "label": locale().label(one.step.label),
                "count": one.count,
                "rate": _value(one.rate),
                "share": _value(one.share),
                "open": _value(one.open),
            }
            for one in several
        ]

    return {
        "funnel": found.funnel.key,
        "version": found.funnel.digest,
        "period": _said(found.period),
        "by": [_axis(one) for one in found.axes],
        "n": found.n,
        "total": stands(found.total),
        "parts": [
            {"keys": [write_key(key) for key in keys], "n": n, "steps": stands(several)}
            for keys, n, several in found.parts
        ],
        "labels": write_labels(found.labels),
    }


def _behind(found: Behind) -> dict[str, Any]:
    writer = writer_for(found.entity)
    rows = [dict(one) for one in found.lines] or [{} for _ in found.records]
    return {
        "n": found.n,
        "entity": found.entity,
        "items": [
            writer.write(record) | ({"_row": {key: _value(value) for key, value in row.items()}} if row else {})
            for record, row in zip(found.records, rows, strict=True)
        ],
        "labels": write_labels(found.labels),
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {"key": axis.key, "label": locale().label(axis.label), "many": axis.many}


def _line(line: Line) -> dict[str, Any]:
    return {
        "keys": [None if key is None else write_key(key) for key in line.keys],
        "cells": list(map(_cell, line.cells)),
    }


def _cell(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    found: dict[str, Any] = {"value": _value(cell.value), "n": cell.n, "small": cell.small}
    found |= {"provisional": True} if cell.provisional else {}
    found |= {"cumulated": _value(cell.cumulated)} if cell.cumulated is not None else {}
    found |= {"target": _value(cell.target)} if cell.target is not None else {}
    for name in ("previous", "last_year"):
        before: Cell | None = getattr(cell, name)
        if before is not None:
            found[name] = {"value": _value(before.value), "n": before.n}
    if cell.closed is not None:
        said = {"value": _value(cell.closed.value), "n": cell.closed.n, "version": cell.closed.digest}
        found["closed"] = said | {"at": cell.closed.at.isoformat(), "adjustment": _value(cell.adjustment)}
    return found


def _said(period: Period | None) -> dict[str, Any] | None:
    if period is None:
        return None
    if period.kind == "all":
        return {"name": period.name, "from": None, "to": None}
    return {"name": period.name, "from": period.first.isoformat(), "to": period.last.isoformat()}


def _value(value: Any) -> Any:
    """Return a number as a decimal text, a date as ISO 8601 has it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return iso(value) if hasattr(value, "hour") else value.isoformat() if isinstance(value, date) else value
