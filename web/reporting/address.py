"""What a report, a figure, a funnel or a dashboard is asked for, as its address says, so that a link shares it.

Enters: the query of an address, what the definition begins with, the day it is. Leaves: an ``Asked``, and addresses
with parts of it changed. Must not decide what may be asked: the engine refuses dimensions that are not there.

``period`` is the name of a period (or ``from`` and ``to``), ``by`` dimensions, ``compare`` what with, ``chart`` a kind,
``f.<dimension>`` one of the values it is narrowed to (``-`` for those without one), ``c.<dimension>`` the key of a cell
whose rows are asked for, ``view`` the kept view a page came from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from engine.definition.model.reports import Against
from engine.reports.periods import Period, find_period

FILTER, CELL = "f.", "c."
VIEW = "view"
"""The part that says which kept view a page came from."""
NONE = "none"
"""What ``by`` and ``compare`` say when the definition begins with some and nobody wants them."""

_COMPARED: Final = ("previous", "last_year")
_KINDS = ("tiles", "table", "bars", "stacked", "line", "funnel", "radar", "heat", "pivot", "waterfall")
_MOST_VALUES = 50
_LONGEST = 200


def figure_url(key: str) -> str:
    """Return the page of a figure."""
    return f"/figures/{key}"


def report_url(key: str) -> str:
    """Return the page of a report."""
    return f"/reports/{key}"


def funnel_url(key: str) -> str:
    """Return the page of a funnel."""
    return f"/funnels/{key}"


@dataclass(frozen=True)
class Asked:
    """What is asked; ``by``, ``compare`` and ``chart`` are None where the definition decides."""

    url: str
    period: Period
    named: str
    by: tuple[str, ...] | None
    compare: tuple[Against, ...] | None
    chart: str | None
    filters: Mapping[str, tuple[str, ...]]
    cell: Mapping[str, str]
    view: str
    given: tuple[tuple[str, str], ...]

    @property
    def compared(self) -> tuple[Against, ...] | None:
        """What it is compared with: a target is always there, whatever else is chosen."""
        return None if self.compare is None else (*self.compare, "target")

    @property
    def earlier_url(self) -> str | None:
        """The address of the same in the period before; None for all time."""
        before = self.period.previous
        return self.address(period=before.name) if before else None

    def address(self, *, path: str | None = None, **changes: str | Sequence[str] | None) -> str:
        """Return the address with parts changed, or taken out (None); a key with a dot is passed as a dictionary's."""
        gone = set(changes)
        kept = [(name, value) for name, value in self.given if name not in gone]
        for name, value in changes.items():
            kept += [(name, one) for one in ([value] if isinstance(value, str) else value or ())]
        where = path if path is not None else self.url
        return f"{where}?{urlencode(kept)}" if kept else where

    def rows_address(self, path: str, keys: Iterable[tuple[str, str]] = (), **more: str) -> str:
        """Return where the rows behind a cell with these keys are listed, in this period and under these filters."""
        parts = [("period", self.period.name), *self.kept("period", "by", "compare", "chart", VIEW, CELL)]
        parts += [(f"{CELL}{key}", value) for key, value in keys]
        return f"{path}?{urlencode([*parts, *more.items()])}"

    def kept(self, *gone: str) -> list[tuple[str, str]]:
        """Return all parts but those named; ``f.`` and ``c.`` name all filters and keys."""
        return [(name, value) for name, value in self.given if name not in gone and name[:2] not in gone]


def read_asked(url: str, query: "MultiDict[str, str]", *, period: str, today: date) -> Asked:
    """Return what an address asks for; ``period`` is what the definition begins with.

    What makes no sense (a period nobody knows, a kind there is none of) is left to the definition, as if it were not
    written: an old link still opens.
    """
    named, found = _period(query, period, today)
    filters = dict(_values(query, FILTER))
    cell = {key: values[0] for key, values in _values(query, CELL)}
    chart, view = query.get("chart", ""), query.get(VIEW, "")
    view = view if view.isascii() and view.isdigit() and len(view) < 19 else ""
    given = [("period", named)] if named != period else []
    given += [(name, value) for name in ("by", "compare") for value in query.getlist(name) if value]
    given += [("chart", chart)] if chart in _KINDS else []
    given += [(f"{FILTER}{key}", value) for key, values in filters.items() for value in values]
    given += [(VIEW, view)] if view else []
    given += [(f"{CELL}{key}", value) for key, value in cell.items()]
    return Asked(
        url, found, named, _several(query, "by"), _compared(query),
        chart if chart in _KINDS else None, filters, cell, view, tuple(given),
    )  # fmt: skip


def _values(query: "MultiDict[str, str]", begin: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in query:
        if name.startswith(begin) and len(name) <= _LONGEST:
            values = tuple(value for value in query.getlist(name) if value and len(value) <= _LONGEST)[:_MOST_VALUES]
            if values:
                yield name.removeprefix(begin), values


def _period(query: "MultiDict[str, str]", begin: str, today: date) -> tuple[str, Period]:
    between = f"{query.get('from', '')}..{query.get('to', '')}"
    for named in (between, query.get("period", "")[:40], begin):
        found = find_period(named, today) if named and named != ".." else None
        if found is not None:
            return (found.name if named == between else named), found
    raise ValueError(f"the definition begins with a period that is none: {begin}")


def _compared(query: "MultiDict[str, str]") -> tuple[Against, ...] | None:
    found = _several(query, "compare")
    return None if found is None else tuple(name for name in _COMPARED if name in found)


def _several(query: "MultiDict[str, str]", name: str) -> tuple[str, ...] | None:
    """Return the values of a part, no values when it says ``none``, None when it is not there."""
    given = [value for value in query.getlist(name) if value and len(value) <= _LONGEST]
    if not given:
        return None
    return tuple(dict.fromkeys(value for value in given if value != NONE))
