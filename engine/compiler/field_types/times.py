"""Days, moments, times of day, durations.

Enters: what was typed, or a typed cell of a sheet. Leaves: ``date``, ``datetime``, ``time``, ``timedelta``. Must not
guess an order of day and month, nor apply a zone: a moment without offset comes back naive, the caller
knows the site's.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.compiler.field_types.declaration import DATED, ORDERED, FieldType, schema
from engine.compiler.readers import Wrong, require_text
from engine.expression import Kind
from engine.expression.writing import say_duration

if TYPE_CHECKING:
    from engine.compiler.app import Field

_DATE = re.compile(r"(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?")
_MOMENT = re.compile(_DATE.pattern + r"(?:[ T]+|(?<=日))(\d{1,2}):(\d{2})(?::(\d{2}))?")
_TIME = re.compile(r"([01]?\d|2[0-3])(?::([0-5]\d)(?::00)?|[点时](?:([0-5]?\d)分?)?)")
_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WORDS = (("周", "w"), ("天", "d"), ("日", "d"), ("小时", "h"), ("时", "h"), ("分钟", "m"), ("分", "m"), ("秒", "s"))
_SPAN = re.compile(r"(-?)((?:\d{1,9}(?:\.\d{1,4})?[wdhms])+)")
_PART = re.compile(r"(\d+(?:\.\d+)?)([wdhms])")
_LONGEST = 36_500 * 86_400


def read_date(raw: Any, field: "Field") -> date:
    """Read a day from 1900 to 2200: ``2026-03-04``, ``2026/3/4`` or ``2026年3月4日``; other orders are ambiguous."""
    day = raw.date() if isinstance(raw, datetime) else raw
    if not isinstance(day, date):
        written = unicodedata.normalize("NFKC", require_text(raw, "value.date")).replace(" ", "")
        day = _day_from_text(written.removesuffix("00:00:00").removesuffix("T"))
    if not 1900 <= day.year <= 2200:
        raise Wrong("value.year")
    return day


def read_datetime(raw: Any, field: "Field") -> datetime:
    """Read a moment from 1900 to 2200: ISO 8601, or ``2026/3/4 14:30``; a day alone is its midnight.

    With an offset it comes back in UTC, without one naive: the caller knows the site's zone.
    """
    if isinstance(raw, datetime):
        moment = raw
    elif isinstance(raw, date):
        moment = datetime.combine(raw, time())
    else:
        moment = _moment_from_text(unicodedata.normalize("NFKC", require_text(raw, "value.datetime")).strip())
    if not 1900 <= moment.year <= 2200:
        raise Wrong("value.year")
    return moment.astimezone(UTC) if moment.tzinfo else moment


def read_time(raw: Any, field: "Field") -> time:
    """Read a time of day to the minute: ``9:30``, ``09:30`` or ``9点30分``."""
    if isinstance(raw, datetime) or (isinstance(raw, date) and not isinstance(raw, datetime)):
        raise Wrong("value.time")
    if isinstance(raw, time):
        if raw.second or raw.microsecond or raw.tzinfo is not None:
            raise Wrong("value.time")
        return raw
    written = unicodedata.normalize("NFKC", require_text(raw, "value.time")).replace(" ", "")
    match = _TIME.fullmatch(written)
    if match is None:
        raise Wrong("value.time")
    return time(int(match[1]), int(match[2] or match[3] or 0))


def read_duration(raw: Any, field: "Field") -> timedelta:
    """Read a duration in the words of expressions, ``3d 4h`` or ``90m``; also ``3天4小时``. Whole seconds remain."""
    if isinstance(raw, timedelta):
        seconds = Decimal(raw // timedelta(seconds=1)) if not raw.microseconds else Decimal("0.5")
    else:
        seconds = _seconds(require_text(raw, "value.duration"))
    if seconds != seconds.to_integral_value() or abs(seconds) > _LONGEST:
        raise Wrong("value.duration")
    return timedelta(seconds=int(seconds))


def say_moment(value: datetime) -> str:
    """Return a moment as it is typed, to the minute where it has no seconds; without an offset as it came."""
    plain = not value.second and not value.microsecond
    return value.isoformat(" ", "minutes" if plain else "auto")


def _seconds(written: str) -> Decimal:
    said = unicodedata.normalize("NFKC", written).lower().replace(" ", "")
    for word, unit in _WORDS:
        said = said.replace(word, unit)
    match = _SPAN.fullmatch(said) if len(said) <= 60 else None
    if match is None:
        raise Wrong("value.duration")
    total = sum((Decimal(amount) * _UNITS[unit] for amount, unit in _PART.findall(match[2])), Decimal(0))
    return -total if match[1] else total


def _day_from_text(written: str) -> date:
    match = _DATE.fullmatch(written)
    try:
        if match is None:
            raise ValueError
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise Wrong("value.date") from None


def _moment_from_text(written: str) -> datetime:
    match = _MOMENT.fullmatch(written)
    try:
        if match is None:
            return datetime.fromisoformat(written)
        return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        raise Wrong("value.datetime") from None


def _iso(value: Any) -> str:
    said: str = value.isoformat()
    return said


def _clock(value: time) -> str:
    return value.strftime("%H:%M")


_DEFAULT = frozenset({"default"})

TYPES = (
    FieldType(
        key="date",
        kind=Kind.DATE,
        column="date",
        parse=read_date,
        to_json=_iso,
        from_json=date.fromisoformat,
        to_form=_iso,
        json_schema=schema(type="string", format="date"),
        widget="date",
        cell="moment",
        filter="dates",
        operators=DATED,
        keys=_DEFAULT,
        definition={"type": "date"},
        listed=4,
        example="2026年3月4日",
        in_display=True,
        to_text=_iso,
        purpose={"zh": "日期，例如签约日、到期日。", "en": "A day: of signing, of expiry."},
        typed={
            "zh": "2026-03-04、2026/3/4 或 2026年3月4日；年份 1900 到 2200。",
            "en": "2026-03-04, 2026/3/4 or 2026年3月4日, from 1900 to 2200; other orders are refused.",
        },
    ),
    FieldType(
        key="datetime",
        kind=Kind.DATETIME,
        column="datetime",
        parse=read_datetime,
        to_json=_iso,
        from_json=datetime.fromisoformat,
        json_schema=schema(type="string", format="date-time"),
        widget="datetime",
        cell="moment",
        filter="dates",
        operators=DATED,
        keys=_DEFAULT,
        definition={"type": "datetime"},
        example="2026-03-04 14:30",
        to_text=say_moment,
        purpose={
            "zh": "时刻：日期加时间，按站点时区输入，统一存为 UTC。",
            "en": "A moment: typed in the zone of the site, kept in UTC.",
        },
        typed={"zh": "2026-03-04 14:30，或带时区的 ISO 8601。", "en": "2026-03-04 14:30, or ISO 8601 with an offset."},
    ),
    FieldType(
        key="time",
        kind=Kind.TIME,
        column="time",
        parse=read_time,
        to_json=_clock,
        to_form=_clock,
        from_json=time.fromisoformat,
        json_schema=schema(type="string", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$"),
        widget="time",
        cell="time",
        filter="times",
        operators=ORDERED,
        keys=_DEFAULT,
        definition={"type": "time"},
        example="9:30",
        to_text=_clock,
        purpose={
            "zh": "一天中的时间，例如营业开始时间。不带日期，也没有时区。",
            "en": "A time of day, such as opening time. It has neither a date nor a zone.",
        },
        typed={"zh": "9:30、09:30 或 9点30分，精确到分钟。", "en": "9:30 or 09:30, to the minute."},
    ),
    FieldType(
        key="duration",
        kind=Kind.DURATION,
        column="seconds",
        parse=read_duration,
        to_json=say_duration,
        to_form=say_duration,
        from_json=lambda said: timedelta(seconds=int(_seconds(said))),
        json_schema=schema(type="string", pattern="^-?[0-9]+[dhms]( [0-9]+[hms])*$"),
        widget="duration",
        cell="duration",
        filter="spans",
        operators=ORDERED,
        keys=_DEFAULT,
        definition={"type": "duration"},
        example="3d 4h",
        to_text=say_duration,
        right_aligned=True,
        purpose={
            "zh": "一段时间，例如工时、服务时长。一天按 24 小时计。",
            "en": "A length of time: work spent, a term of service. A day is 24 hours.",
        },
        typed={
            "zh": "3d 4h、90m、1.5h，或 3天4小时；单位 w d h m s。",
            "en": "3d 4h, 90m or 1.5h, with the units w d h m s; also 3天4小时.",
        },
    ),
)
