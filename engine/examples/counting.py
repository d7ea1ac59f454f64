"""What an example expects of figures and funnels: numbers worked out by hand, beside those that are counted.

Enters: the end of an example, figures by their key. Leaves: differences. Must not write.

``lead.response_median of rep_wang in 2026-02`` names a figure, narrowed to an owner, in a period; ``of region=east`` to
the value of any dimension, several with commas between.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol

from engine import reports
from engine.compiler.app import DEPARTMENT, USER
from engine.errors import FormworkError, InvalidValues, NotFound
from engine.examples.scene import Scene
from engine.expression.decimals import round_half_up
from engine.expression.writing import as_percentage, short
from engine.people.departments import find_department
from engine.reports.announced_words import name_of
from engine.reports.asking import MISSING as NO_KEY
from engine.reports.keys import write_key
from engine.reports.results import Axis
from engine.reports.writing import key_text

HIDDEN, MISSING = "hidden", "—"
"""A figure that is not there for whoever looks, and one that cannot be worked out."""
_NAMED = re.compile(r"(?P<key>[a-z0-9_.]+)(?: of (?P<of>.+?))?(?: in (?P<period>.+))?")


class Looking(Protocol):
    """Who looks, and at which period unless a figure says another."""

    @property
    def scene(self) -> Scene: ...
    @property
    def period(self) -> str | None: ...


Told = tuple[str, str, object]
"""What was expected, as it is written; what was, and of which figure."""


def figures(looking: Looking, expected: Mapping[str, Any]) -> Iterator[Told]:
    """Yield each figure that differs: its name, what was expected and what it comes to."""
    for name, wanted in expected.items():
        found = _told(lambda name=name: _figure(looking, name))  # type: ignore[misc]
        if isinstance(found, str):
            if str(wanted) != found:
                yield name, str(wanted), found
            continue
        value, percent = found
        if not _equal(value, wanted):
            yield name, str(wanted), _said(value, percent=percent)


def rows(looking: Looking, expected: Mapping[str, int]) -> Iterator[Told]:
    """Yield each figure that is made of another number of rows, or shows another number behind it."""
    for name, wanted in expected.items():
        found = _told(lambda name=name: _rows(looking, name))  # type: ignore[misc]
        if found != wanted:
            yield name, str(wanted), str(found)


def grey(looking: Looking, expected: Mapping[str, bool]) -> Iterator[Told]:
    """Yield each figure that is grey (too few rows, or too early to judge by) and should not be, or the other way."""
    for name, wanted in expected.items():
        found = _told(lambda name=name: _is_grey(looking, name))  # type: ignore[misc]
        if found != wanted:
            yield name, str(wanted).lower(), str(found).lower()


def funnels(looking: Looking, expected: Mapping[str, Sequence[int]]) -> Iterator[Told]:
    """Yield each funnel of which others got so far."""
    for name, wanted in expected.items():
        found = _told(lambda name=name: _funnel(looking, name))  # type: ignore[misc]
        if found != list(wanted):
            yield name, str(list(wanted)), str(found)


def announced(looking: Looking, expected: Mapping[str, Mapping[str, Any] | str]) -> Iterator[Told]:
    """Yield each report that announces others first, or in another order, or with other figures."""
    for name, wanted in expected.items():
        found = _told(lambda name=name: _first(looking, name))  # type: ignore[misc]
        said = wanted if isinstance(wanted, str) else _said_first(wanted.items())
        if isinstance(found, str) or isinstance(wanted, str):
            if found != wanted:
                yield (
                    name,
                    said,
                    found if isinstance(found, str) else _said_first((who, value) for who, _, value in found),
                )
            continue
        people = [looking.scene.find_user(login) for login in wanted]
        same = people == [person for _, person, _ in found]
        if not same or not all(_equal(one[2], value) for one, value in zip(found, wanted.values(), strict=True)):
            yield name, said, _said_first((who, value) for who, _, value in found)


def cumulated(looking: Looking, expected: Mapping[str, Mapping[str, Any] | str]) -> Iterator[Told]:
    """Yield each report whose lines stand in another order, or have another share so far."""
    for name, wanted in expected.items():
        found = _told(lambda name=name: _shares(looking, name))  # type: ignore[misc]
        if isinstance(found, str) or isinstance(wanted, str):
            if found != wanted:
                yield name, str(wanted), str(found)
            continue
        axis, shares = found
        keys = [_key(looking.scene, axis, said) for said in wanted]
        same = keys == [key for key, _, _ in shares]
        if not same or not all(_equal(one[2], value) for one, value in zip(shares, wanted.values(), strict=True)):
            said = ", ".join(f"{called} {_said(share, percent=True)}" for _, called, share in shares)
            yield name, _said_first(wanted.items()), said


def _shares(looking: Looking, name: str) -> tuple[Axis, list[tuple[str | None, str, Any]]]:
    """Return by what a report is divided, and of each line its key, what it is called and its share so far."""
    found = _NAMED.fullmatch(name)
    key, period = (found["key"], found["period"]) if found is not None and found["of"] is None else (name, None)
    session, actor = looking.scene.session, looking.scene.actor
    told = reports.run(session, key, actor=actor, period=period or looking.period)
    if told.cumulated is None:
        raise NotFound("report.no_report", name=name)
    axis, at = told.axes[0], [one.key for one in told.figures].index(told.cumulated)
    language = session.app.language
    return axis, [
        (write_key(line.keys[0]), key_text(axis, line.keys[0], told.labels, language), cell and cell.cumulated)
        for line, cell in ((line, line.cells[at]) for line in told.lines)
    ]


def _key(scene: Scene, axis: Axis, said: str) -> str:
    """Return the key of a line that an example names: a person by login, a record by its name there, else itself."""
    target = axis.dimension.target if axis.dimension is not None else None
    if target is None or said == NO_KEY:
        return said
    return str(scene.find_user(said) if target == USER else scene.address(said)[1])


def _said_first(pairs: Iterable[tuple[str, Any]]) -> str:
    return (
        ", ".join(f"{who} {short(value) if isinstance(value, Decimal) else value}" for who, value in pairs) or MISSING
    )


def _first(looking: Looking, name: str) -> list[tuple[str, int, Any]]:
    """Return the name, the person and the figure of each that a report announces; raises ``NotFound`` for none."""
    found = _NAMED.fullmatch(name)
    key, period = (found["key"], found["period"]) if found is not None and found["of"] is None else (name, None)
    session, actor = looking.scene.session, looking.scene.actor
    told = reports.run(session, key, actor=actor, period=period or looking.period).announced
    if told is None:
        raise NotFound("report.no_report", name=name)
    return [(name_of(told, one), one.person, one.value) for one in told.first]


def _told(ask: Callable[[], Any]) -> Any:
    """Return an answer; in words why there is none."""
    try:
        return ask()
    except NotFound:
        return HIDDEN
    except FormworkError as error:
        if isinstance(error, InvalidValues):
            return "; ".join(one.text() for one in error.errors)
        return str(error)


def _figure(looking: Looking, name: str) -> tuple[Any, bool]:
    key, filters, period = _named(looking, name)
    session, actor = looking.scene.session, looking.scene.actor
    result = reports.run_figure(session, key, actor=actor, period=period, filters=filters)
    cell = result.total.cells[0]
    return (None if cell is None else cell.value), result.figures[0].unit == "percent"


def _is_grey(looking: Looking, name: str) -> bool:
    key, filters, period = _named(looking, name)
    result = reports.run_figure(looking.scene.session, key, actor=looking.scene.actor, period=period, filters=filters)
    cell = result.total.cells[0]
    return cell is not None and cell.grey


def _rows(looking: Looking, name: str) -> int | str:
    key, filters, period = _named(looking, name)
    session, actor = looking.scene.session, looking.scene.actor
    result = reports.run_figure(session, key, actor=actor, period=period, filters=filters)
    behind = reports.rows(session, key, actor=actor, period=period, filters=filters, limit=200)
    cell = result.total.cells[0]
    counted = {0 if cell is None else cell.n, behind.n, *({len(behind.records)} if behind.n <= 200 else ())}
    return counted.pop() if len(counted) == 1 else str(sorted(counted))


def _funnel(looking: Looking, name: str) -> list[int]:
    key, filters, period = _named(looking, name)
    session, actor = looking.scene.session, looking.scene.actor
    result = reports.run_funnel(session, key, actor=actor, period=period, filters=filters)
    return [one.count for one in result.total]


def _named(looking: Looking, name: str) -> tuple[str, dict[str, Any], str | None]:
    """Return the key, the filters and the period of what an example names."""
    found = _NAMED.fullmatch(name)
    if found is None:
        raise NotFound("report.no_figure", name=name)
    filters = dict(_filter(looking.scene, found["key"], one.strip()) for one in (found["of"] or "").split(",") if one)
    return found["key"], filters, found["period"] or looking.period


def _filter(scene: Scene, key: str, said: str) -> tuple[str, Any]:
    """``rep_wang`` is an owner, ``region=east`` the value of a dimension; people, departments and records by name."""
    dimension, _, value = said.rpartition("=")
    dimension = dimension or "owner"
    app = scene.session.app
    counted = app.figures.get(key) or app.funnels.get(key)
    known = counted.rows.dimensions.get(dimension) if counted is not None else None
    target = known.target if known is not None else None
    if target == USER:
        return dimension, scene.find_user(value) or value
    if target == DEPARTMENT:
        found = find_department(scene.session.connection, value)
        return dimension, value if found is None else found.id
    return dimension, value if target is None else scene.address(value)[1]


def _equal(value: Any, wanted: Any) -> bool:
    """Tell whether a figure is what was written; rounded to the decimal places written, if there are any."""
    said = str(wanted)
    if value is None or said == MISSING:
        return value is None and said == MISSING
    if isinstance(value, date | datetime):
        return value.isoformat()[: len(said)] == said
    try:
        number = Decimal(said.removesuffix("%").replace(",", ""))
    except InvalidOperation:
        return False
    shift = 2 if said.endswith("%") else 0
    places = -int(number.as_tuple().exponent)
    found = Decimal(value)
    return (round_half_up(found, places + shift) if places > 0 else found) == number.scaleb(-shift)


def _said(value: Any, *, percent: bool) -> str:
    if value is None:
        return MISSING
    if isinstance(value, Decimal | int):
        return as_percentage(Decimal(value)) if percent else short(Decimal(value))
    return str(value)


CHECKS: Final[Mapping[str, Callable[[Looking, Any], Iterator[Told]]]] = {
    "figures": figures, "rows": rows, "grey": grey, "funnels": funnels, "announced": announced,
    "cumulated": cumulated,
}  # fmt: skip
