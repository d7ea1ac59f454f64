"""The pieces of SQL that SQLite and PostgreSQL say differently, each written once for both.

Enters: SQL expressions. Leaves: SQL expressions that compile for either database. Must not know expressions' nodes.

Numbers on SQLite are integers scaled by a power of ten. A value has at most ``MAX_DIGITS`` digits, so it fits into 64
bits and comparisons and sums are plain; what is beyond that, ``sqlite_functions.py`` works out. Moments on SQLite are
UTC texts ``YYYY-MM-DD HH:MM:SS.ffffff``, dates ``YYYY-MM-DD``; durations are whole seconds on both.
"""

# ruff: noqa: S608 - templates are put together from constants of this file; every value is a bound parameter.

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Dialect, Numeric, Text, bindparam, false
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine

from engine.expression.decimals import WRITTEN_NUMBER
from engine.expression.earth import RADIUS
from engine.expression.moments import MOST_DAYS
from engine.expression.types import MAX_DIGITS, MAX_PLACES

BOOLEAN = Boolean()
DATE = Date()
INTEGER = BigInteger()
_SHIFT = 10**9
_DEGREES = ("lat", "lng")
_Processor = Callable[[Any], Any]


class Exact(TypeDecorator[Decimal]):
    """A decimal number with ``scale`` places: scaled integer on SQLite, NUMERIC on PostgreSQL."""

    impl = Numeric
    cache_ok = True

    def __init__(self, scale: int) -> None:
        self.scale = scale
        super().__init__()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type the database sees."""
        return BigInteger() if dialect.name == "sqlite" else Numeric()

    # Processors are written out, not derived from ``impl``: those of the driver depend on the type code of a cursor,
    # which a prepared statement does not have.
    def bind_processor(self, dialect: Dialect) -> _Processor | None:
        """Return what scales a value on its way to SQLite."""
        scale = self.scale
        return _present(lambda value: int(Decimal(value).scaleb(scale))) if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor | None:
        """Return what makes a Decimal, or an int where there are no places."""
        scale, shift = self.scale, self.scale if dialect.name == "sqlite" else 0
        if not scale:
            return _present(int)
        return _present(lambda value: Decimal(round(value) if shift else value).scaleb(-shift))

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Return what writes a value into SQL text, as the condition of an index needs it."""
        bind = self.bind_processor(dialect)
        return lambda value: str(value if bind is None else bind(value))


class Moment(TypeDecorator[datetime]):
    """An aware datetime in UTC; a text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> _Processor | None:
        """Return what makes the text SQLite stores."""
        return _present(_moment_to_text) if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor | None:
        """Return what makes an aware datetime in UTC."""
        if dialect.name == "sqlite":
            return _present(lambda value: datetime.fromisoformat(value).replace(tzinfo=UTC))
        return _present(lambda value: value.astimezone(UTC))


class Span(TypeDecorator[timedelta]):
    """A duration as whole seconds."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> _Processor | None:
        """Return what turns a timedelta into seconds."""
        return _present(lambda value: value // timedelta(seconds=1))

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor | None:
        """Return what makes a timedelta."""
        return _present(lambda value: timedelta(seconds=int(value)))

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Return what writes a duration into SQL text."""
        return lambda value: str(value // timedelta(seconds=1))


class Place(TypeDecorator[Mapping[str, float]]):
    """A place as the JSON text that columns hold."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> _Processor | None:
        """Return what makes the text."""
        return _present(json.dumps)

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor | None:
        """Return what reads the text."""
        return _present(json.loads)


class Term(ColumnElement[Any]):
    """SQL written out for both databases; ``{0}`` stands for the first of ``clauses``."""

    _traverse_internals = [
        ("clauses", InternalTraversal.dp_clauseelement_tuple),
        ("sqlite", InternalTraversal.dp_string),
        ("postgresql", InternalTraversal.dp_string),
        ("type", InternalTraversal.dp_type),
    ]
    inherit_cache = True

    def __init__(
        self, type_: TypeEngine[Any], both: str, *clauses: ColumnElement[Any], postgresql: str | None = None
    ) -> None:
        self.type = type_
        self.sqlite = both
        self.postgresql = both if postgresql is None else postgresql
        self.clauses = clauses

    @property
    def _from_objects(self) -> list[FromClause]:
        return [found for clause in self.clauses for found in clause._from_objects]

    def self_group(self, against: Any = None) -> "Term":
        """Return itself: every term brings its own brackets, and ``= 1`` around a condition would hide an index."""
        return self


@compiles(Term)
def _compile_term(term: Term, compiler: SQLCompiler, **options: Any) -> str:
    template = term.sqlite if compiler.dialect.name == "sqlite" else term.postgresql
    return template.format(*[compiler.process(clause, **options) for clause in term.clauses])


def number(value: Decimal | int, places: int) -> ColumnElement[Any]:
    """Return a number written out, at ``places`` decimal places."""
    if places == 0:  # keeps an index on an integer column usable
        return bindparam(None, int(value), BigInteger(), unique=True)
    return bindparam(None, Decimal(value), Exact(places), unique=True)


def at_places(value: ColumnElement[Any], places: int, wanted: int) -> ColumnElement[Any]:
    """Bring a number from ``places`` to ``wanted`` decimal places, ``wanted`` not being fewer."""
    if places == wanted:
        return value
    return Term(Exact(wanted), f"({{0}} * {10 ** (wanted - places)})", value, postgresql="{0}")


def exact(value: ColumnElement[Any], places: int) -> ColumnElement[Any]:
    """Make sure PostgreSQL calculates with NUMERIC, not with a short integer."""
    return Term(Exact(places), "{0}", value, postgresql="CAST({0} AS NUMERIC)")


def bounded(value: ColumnElement[Any], places: int) -> ColumnElement[Any]:
    """Make a number missing that has more than ``MAX_DIGITS`` digits, its ``places`` decimal places among them."""
    return Term(Exact(places), "formwork_bounded({0})", value, postgresql=_bounded("{0}", places))


def read_number(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Read the number written in a text; a text that is none is missing, and no error."""
    written = f"CAST(replace(substring({{0}} from '{WRITTEN_NUMBER}'), ',', '') AS NUMERIC)"
    found = _bounded(f"round({written}, {MAX_PLACES})", MAX_PLACES)
    return Term(Exact(MAX_PLACES), "formwork_read_number({0})", text, postgresql=found)


def rounded(value: ColumnElement[Any], places: int, wanted: int) -> ColumnElement[Any]:
    """Round half away from zero to fewer places."""
    if wanted >= places:
        return value
    template = f"formwork_rounded({{0}}, {10 ** (places - wanted)})"
    return Term(Exact(wanted), template, value, postgresql=f"round({{0}}, {wanted})")


def product(left: ColumnElement[Any], right: ColumnElement[Any], places: int) -> ColumnElement[Any]:
    """Multiply two numbers that have ``places`` decimal places between them; the result has at most ``MAX_PLACES``."""
    if places <= MAX_PLACES:
        return bounded(Term(Exact(places), "({0} * {1})", left, right), places)
    postgresql = _bounded(f"round({{0}} * {{1}}, {MAX_PLACES})", MAX_PLACES)
    template = f"formwork_product({{0}}, {{1}}, {10 ** (places - MAX_PLACES)})"
    return Term(Exact(MAX_PLACES), template, left, right, postgresql=postgresql)


def quotient(left: ColumnElement[Any], right: ColumnElement[Any], shift: int) -> ColumnElement[Any]:
    """Divide two numbers; the result has ``MAX_PLACES``, and is missing for a zero divisor.

    ``shift`` is ``MAX_PLACES`` and the places of ``right`` less those of ``left``. On PostgreSQL the dividend first
    gets 24 more places, so that its own rounding cannot meet ours.
    """
    exact_quotient = f"(CAST({{0}} AS NUMERIC) * 1.{'0' * 24}) / NULLIF(CAST({{1}} AS NUMERIC), 0)"
    postgresql = _bounded(f"round({exact_quotient}, {MAX_PLACES})", MAX_PLACES)
    return Term(Exact(MAX_PLACES), f"formwork_quotient({{0}}, {{1}}, {10**shift})", left, right, postgresql=postgresql)


def percentile(value: ColumnElement[Any], at: int, places: int) -> ColumnElement[Any]:
    """Interpolate between the two values of many rows nearest to ``at`` hundredths of a percent."""
    all_ = 10_000
    along = f"({at} * (count({{0}}) - 1))"
    in_order = "(array_agg({0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL))"
    low, high = f"{in_order}[1 + {along} / {all_}]", f"{in_order}[1 + ({along} + {all_ - 1}) / {all_}]"
    between = f"round({low} + ({high} - {low}) * mod({along}, {all_}) * {1 / all_:.4f}, {MAX_PLACES})"
    found = Term(Exact(MAX_PLACES), f"formwork_percentile({{0}}, {at}, {places})", value, postgresql=between)
    return bounded(found, MAX_PLACES)


def _bounded(value: str, places: int) -> str:
    limit = f"CAST({10 ** (MAX_DIGITS - places)} AS NUMERIC)"
    return f"nullif(nullif(greatest(-{limit}, least({limit}, {value})), {limit}), -{limit})"


def total(value: ColumnElement[Any], places: int) -> ColumnElement[Any]:
    """Sum a column, 0 for no rows; on SQLite in two halves, since its own sum refuses to overflow."""
    template = f"(coalesce(sum({{0}} / {_SHIFT}), 0) * {_SHIFT} + coalesce(sum({{0}} % {_SHIFT}), 0))"
    return bounded(Term(Exact(places), template, value, postgresql="CAST(coalesce(sum({0}), 0) AS NUMERIC)"), places)


def never_missing(condition: ColumnElement[Any]) -> ColumnElement[Any]:
    """Turn a condition that SQL leaves undecided into false."""
    return Term(BOOLEAN, "coalesce({0}, {1})", condition, false())


def negated(condition: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the opposite of a condition, an undecided one counting as false."""
    return Term(BOOLEAN, "(NOT coalesce({0}, {1}))", condition, false())


def same(left: ColumnElement[Any], right: ColumnElement[Any], *, either_missing: bool) -> ColumnElement[Any]:
    """Compare for equality; with ``either_missing`` two missing values are equal."""
    if not either_missing:  # the plain sign, which every index understands
        return Term(BOOLEAN, "({0} = {1})", left, right)
    return Term(BOOLEAN, "({0} IS {1})", left, right, postgresql="({0} IS NOT DISTINCT FROM {1})")


def different(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
    """Compare for difference; a missing value differs from every other and not from another missing one."""
    return Term(BOOLEAN, "({0} IS NOT {1})", left, right, postgresql="({0} IS DISTINCT FROM {1})")


def one_of(value: ColumnElement[Any], items: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    """Tell whether a value is in a list; undecided for a missing value."""
    places = ", ".join(f"{{{position}}}" for position in range(1, len(items) + 1))
    return Term(BOOLEAN, f"({{0}} IN ({places}))", value, *items)


def listed(text: ColumnElement[Any], value: ColumnElement[Any], between: str) -> ColumnElement[Any]:
    """Tell whether a value is one of those a text lists, each with ``between`` before and after it."""
    mark = bindparam(None, between, Text(), unique=True)
    return Term(
        BOOLEAN,
        "(instr({1}, {2} || {0} || {2}) > 0)",
        value, text, mark,
        postgresql="(strpos({1}, {2} || {0} || {2}) > 0)",
    )  # fmt: skip


def extreme(name: str, type_: TypeEngine[Any], values: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    """Return the ``max`` or ``min`` of values, leaving missing ones out."""
    listed = ", ".join(f"{{{position}}}" for position in range(len(values)))
    postgresql = f"{'GREATEST' if name == 'max' else 'LEAST'}({listed})"
    return Term(type_, f"formwork_{name}({listed})", *values, postgresql=postgresql)


def moved_date(day: ColumnElement[Any], sign: str, span: ColumnElement[Any]) -> ColumnElement[Any]:
    """Move a date by the whole days of a duration; missing outside the years 1 to 9999.

    ``OFFSET 0`` keeps PostgreSQL from writing out ``d`` at each of its places, which grows threefold with every level.
    """
    days = f"{sign} CAST(floor(s / 86400.0) AS {{0}})"
    postgresql = (
        f"(SELECT CASE WHEN d - DATE '0001-01-01' {days.format('NUMERIC')} BETWEEN 0 AND 3652058 "
        f"THEN d {days.format('INTEGER')} END FROM (SELECT {{0}} AS d, {{1}} AS s OFFSET 0) AS moved)"
    )
    return Term(DATE, f"formwork_moved_date({{0}}, {sign}1, {{1}})", day, span, postgresql=postgresql)


def as_span(days: ColumnElement[Any]) -> ColumnElement[Any]:
    """Turn a whole number of days into a duration; missing where no date could be moved so far."""
    postgresql = (
        f"(SELECT CASE WHEN n BETWEEN -{MOST_DAYS} AND {MOST_DAYS} THEN CAST(n AS BIGINT) * 86400 END "
        f"FROM (SELECT {{0}} AS n OFFSET 0) AS counted)"
    )
    return Term(Span(), "({0} * 86400)", days, postgresql=postgresql)


def month_end(day: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the last day of the month of a date."""
    postgresql = "CAST(date_trunc('month', CAST({0} AS TIMESTAMP)) + interval '1 month - 1 day' AS DATE)"
    return Term(DATE, "formwork_month_end({0})", day, postgresql=postgresql)


def moved_moment(moment: ColumnElement[Any], sign: str, span: ColumnElement[Any]) -> ColumnElement[Any]:
    """Move a moment by a duration; missing outside the years 1 to 9999."""
    postgresql = (
        f"(SELECT CASE WHEN extract(epoch FROM m) {sign} s BETWEEN -62135596800 AND 253402300799.999999 "
        f"THEN m {sign} s * interval '1 second' END FROM (SELECT {{0}} AS m, {{1}} AS s OFFSET 0) AS moved)"
    )
    return Term(Moment(), f"formwork_moved_moment({{0}}, {sign}1, {{1}})", moment, span, postgresql=postgresql)


def days_between(later: ColumnElement[Any], earlier: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the duration between two dates."""
    sqlite = "(CAST(julianday({0}) - julianday({1}) AS INTEGER) * 86400)"
    return Term(Span(), sqlite, later, earlier, postgresql="(CAST({0} - {1} AS BIGINT) * 86400)")


def seconds_between(later: ColumnElement[Any], earlier: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the duration between two moments, fractions of their seconds left out."""
    sqlite = (
        "(CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER) - CAST(strftime('%s', substr({1}, 1, 19)) AS INTEGER))"
    )
    postgresql = "CAST(floor(extract(epoch FROM {0})) - floor(extract(epoch FROM {1})) AS BIGINT)"
    return Term(Span(), sqlite, later, earlier, postgresql=postgresql)


def whole(span: ColumnElement[Any], seconds: int) -> ColumnElement[Any]:
    """Return how many times ``seconds`` fit into a duration, rounded down."""
    sqlite = f"(SELECT {_days('s', seconds)} FROM (SELECT {{0}} AS s))"
    return Term(INTEGER, sqlite, span, postgresql=f"CAST(floor({{0}} / {seconds}.0) AS BIGINT)")


def local_date(moment: ColumnElement[Any], offset: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the date of a moment where clocks show ``offset`` seconds more than UTC."""
    postgresql = "CAST(({0} AT TIME ZONE 'UTC') + {1} * interval '1 second' AS DATE)"
    return Term(DATE, "date(substr({0}, 1, 19), ({1}) || ' seconds')", moment, offset, postgresql=postgresql)


def calendar_part(day: ColumnElement[Any], sqlite: str, postgresql: str) -> ColumnElement[Any]:
    """Return the year (``%Y``, ``year``) or month (``%m``, ``month``) of a date."""
    template = f"CAST(strftime('{sqlite}', {{0}}) AS INTEGER)"
    return Term(INTEGER, template, day, postgresql=f"CAST(extract({postgresql} FROM {{0}}) AS BIGINT)")


def distance(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return how many metres two places are apart, as ``earth.distance`` works it out, in the same steps."""
    degrees = ", ".join(
        f"CAST(CAST({{{at}}} AS JSON) ->> '{key}' AS FLOAT8) AS {key}{at}" for at in (0, 1) for key in _DEGREES
    )
    halves = "sin(radians(lat1 - lat0) / 2) AS up, sin(radians(lng1 - lng0) / 2) AS along"
    postgresql = (
        f"(SELECT CAST(floor(CAST({2 * RADIUS!r} AS FLOAT8) * asin(least(1.0, sqrt(part))) + 0.5) AS BIGINT) "
        "FROM (SELECT up * up + cos(radians(lat0)) * cos(radians(lat1)) * (along * along) AS part "
        f"FROM (SELECT lat0, lat1, {halves} FROM (SELECT {degrees} OFFSET 0) AS points OFFSET 0) AS halves "
        "OFFSET 0) AS parts WHERE part IS NOT NULL)"
    )
    return Term(INTEGER, "formwork_distance({0}, {1})", one, other, postgresql=postgresql)


def _days(name: str, seconds: int = 86400) -> str:
    """Integer division rounded down; SQLite's own rounds towards zero."""
    return f"({name} - (({name} % {seconds}) + {seconds}) % {seconds}) / {seconds}"


def _present(process: _Processor) -> _Processor:
    return lambda value: None if value is None else process(value)


def _moment_to_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]
