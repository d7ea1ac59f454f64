"""Dates, numbers, labels and sentences in the language of one reader, on the clock and in the currency of a site.

Enters: labels of the compiled app, typed values. Leaves: plain text, which nobody has escaped. Must not read the
database: a ``Speaker`` is made once for a reader and handed around.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from engine import messages

_SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "JP¥", "TWD": "NT$"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Speaker:
    """How one reader is spoken to: language, the site's time zone and its currency."""

    language: str
    timezone: str = "Asia/Shanghai"
    currency: str = "CNY"

    def say(self, code: str, /, **params: object) -> str:
        """Return a sentence of the engine."""
        return messages.text(code, self.language, **params)

    def label(self, label: "Mapping[str, str] | str | None") -> str:
        """Return a label in the reader's language, else in the first language it has."""
        if not label:
            return ""
        if isinstance(label, str):
            return label
        return label.get(self.language) or next(iter(label.values()))

    # ---- time

    def local(self, moment: dt.datetime) -> dt.datetime:
        """Return a moment on the site's clock."""
        return moment.astimezone(_zone(self.timezone))

    def today(self, now: dt.datetime) -> dt.date:
        """Return the site's calendar day at ``now``."""
        return self.local(now).date()

    def date(self, value: dt.date | None, *, near: dt.date | None = None) -> str:
        """Return a day; with ``near`` (today) the year is left out when it is the same."""
        if value is None:
            return ""
        day = self.local(value).date() if isinstance(value, dt.datetime) else value
        short = near is not None and near.year == day.year
        if self.language == "zh":
            return f"{day.month}月{day.day}日" if short else f"{day:%Y-%m-%d}"
        return f"{day.day} {_MONTHS[day.month - 1]}" + ("" if short else f" {day.year}")

    def last_day(self, moment: dt.datetime) -> str:
        """Return the last day of what ends at ``moment``: that before a midnight."""
        return self.date((self.local(moment) - dt.timedelta(microseconds=1)).date())

    def datetime(self, value: dt.datetime | None) -> str:
        """Return a moment to the minute, on the site's clock."""
        if value is None:
            return ""
        return f"{self.date(value)} {self.local(value):%H:%M}"

    def ago(self, moment: dt.datetime | None, now: dt.datetime | None = None) -> str:
        """Return how long ago a moment was ("3 小时前"); from a week on, the date."""
        if moment is None:
            return ""
        seconds = int(((now or dt.datetime.now(dt.UTC)) - moment).total_seconds())
        if seconds < 60:
            return self.say("people.ago_now")
        for limit, unit, code in ((3600, 60, "minutes"), (86_400, 3600, "hours"), (604_800, 86_400, "days")):
            if seconds < limit:
                return self.say(f"people.ago_{code}", count=seconds // unit)
        return self.date(moment)

    # ---- numbers

    def number(self, value: int | Decimal | None, scale: int | None = None) -> str:
        """Return a number with separators; ``scale`` digits after the point, else as many as it has."""
        if value is None:
            return ""
        if scale is not None:
            return f"{value:,.{scale}f}"
        return f"{value.normalize():,f}" if isinstance(value, Decimal) else f"{value:,}"

    def money(self, value: Decimal | None, currency: str | None = None, *, scale: int = 2) -> str:
        """Return an amount with its currency sign: ``¥1,234.50``, ``-¥8.00``."""
        if value is None:
            return ""
        code = currency or self.currency
        return f"{'-' if value < 0 else ''}{_SYMBOLS.get(code, code + ' ')}{abs(value):,.{scale}f}"

    def percent(self, value: Decimal | None) -> str:
        """Return a fraction in hundredths: ``0.155`` as ``15.5%``."""
        return "" if value is None else f"{self.number((value * 100).normalize())}%"

    def size(self, count: int | None) -> str:
        """Return a file size: ``1.4 MB``."""
        if count is None:
            return ""
        if count < 1024:
            return f"{count} B"
        return f"{count / 1024:.0f} KB" if count < 1_048_576 else f"{count / 1_048_576:.1f} MB"


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
