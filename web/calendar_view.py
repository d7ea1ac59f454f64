"""A calendar as one reader sees it: the records of a month or a week, each on the day of one of its dates.

Enters: an entity with dates, and which month, week and date the address asks for. Leaves: the ``calendar`` of
``pages/calendar.html``. Must not put a record on a day by a field the reader may not see: it is answered like none.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import g, request

from engine.compiler.app import Entity
from engine.errors import FieldError, InvalidValues
from engine.records import queries
from engine.records.filters import Filter
from engine.records.list_query import dated_keys
from engine.records.queries import MOST, ListQuery
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.records.values import said
from engine.records.views import CALENDAR, MONTH, WEEK, SavedView
from web.cells import Cells, record_url, title_of
from web.columns import column_label
from web.filter_words import FilterWords, name_filtered
from web.gate import locale, now
from web.list_filters import filter_keys, read_conditions
from web.list_tabs import ListTabs
from web.shell import ENTITY_URL
from web.view_address import CALENDAR_PARTS

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_IN_MONTH = 4
_FIRST, _LAST = date(1900, 1, 1), date(2200, 11, 30)
"""Between these every day shown is one that a date can be."""

_LONGEST_SEARCH = 100


class CalendarView:
    """One month or week; reads its records in one query."""

    def __init__(self, entity: Entity, views: Sequence[SavedView]) -> None:
        self.entity, self.rights = entity, find_rights(g.session.app, entity, g.actor)
        self.cells = Cells(locale(), now())
        self.url = f"{ENTITY_URL.format(entity=entity.key)}/calendar"
        self.keys = dated_keys(entity, self.rights)
        own = entity.calendar.date if entity.calendar.date in self.keys else None
        self.by = request.args.get("by") or own or next(iter(self.keys), "")
        if self.by not in self.keys:
            raise InvalidValues([FieldError(said(self.by), "record.bad_filter", {"field": said(self.by)})])
        self.show = WEEK if request.args.get("show") == WEEK else MONTH
        self.at = _read_day(request.args.get("at", ""), self.cells.today)
        allowed = queries.readable_keys(entity, self.rights)
        asked = [key for key in filter_keys(entity, allowed) if key not in CALENDAR_PARTS]
        self.tabs = ListTabs(entity, self.rights, views, asked, CALENDAR)
        self.conditions = read_conditions(asked, request.args)

    def whole(self) -> dict[str, Any]:
        """Return everything the page shows."""
        text, label = locale(), locale().label(self.entity.label)
        first, last = self._first(), self._last()
        records, more = self._records(first, last)
        shown = [key for key in self.entity.calendar.card if key in queries.shown_keys(self.entity, self.rights)]
        on: dict[date, list[dict[str, Any]]] = {}
        for record in records:
            on.setdefault(self._day_of(record), []).append(self._item(record, shown))
        days = [self._day(first + at * _DAY, on) for at in range((last - first).days + 1)]
        create = {
            "url": f"{ENTITY_URL.format(entity=self.entity.key)}/new",
            "label": text.t("list.create", entity=label),
        }
        return {
            "title": label,
            "url": self.url,
            "list_url": self.tabs.all_url,
            "views": self.tabs.kept(),
            "view_menu": self.tabs.menu(),
            "chips": FilterWords(self.cells, self.entity, name_filtered(self.entity, self.conditions)).chips(
                self.conditions, self._address
            ),
            "filter_url": f"{self.tabs.url}/filter?{self.tabs.carried()}",
            "heading": self._heading(first, last),
            "weeks": [days[at : at + 7] for at in range(0, len(days), 7)],
            "dates": [
                {"label": column_label(self.entity, key), "url": self._address(by=key), "active": key == self.by}
                for key in self.keys
            ],
            "shows": [self._show_tab(show) for show in (MONTH, WEEK)],
            "before_url": self._address(at=self._step(-1)),
            "after_url": self._address(at=self._step(1)),
            "today_url": self._address(at=None),
            "create": create if self.rights.create else None,
            "q": request.args.get("q", "")[:_LONGEST_SEARCH],
            "keep": [(name, value) for name, value in request.args.items(multi=True) if name != "q" and value],
            "more": text.t("calendar.more", count=MOST) if more else None,
            "empty": not records,
        }

    def _show_tab(self, show: str) -> dict[str, Any]:
        active = show == self.show and self.tabs.active is None
        return {"label": locale().t(f"calendar.{show}"), "url": self._address(show=show, view=None), "active": active}

    # ---- what is asked for

    def _records(self, first: date, last: date) -> tuple[list[Record], bool]:
        """Return the records of the days shown, in the order of their dates, and whether there are more."""
        within = (Filter(self.by, "gte", first.isoformat()), Filter(self.by, "lte", last.isoformat()))
        columns = dict.fromkeys([self.by, *self.entity.calendar.card, *self.entity.display_keys])
        query = ListQuery(
            filters=(*self.conditions, *within),
            sort=self.by,
            text=request.args.get("q", "")[:_LONGEST_SEARCH].strip(),
            limit=MOST,
            columns=tuple(key for key in columns if key in self.entity.fields),
        )
        page = queries.list_records(g.session, self.entity.key, query, actor=g.actor)
        return page.records, page.next is not None

    def _first(self) -> date:
        day = self.at.replace(day=1) if self.show == MONTH else self.at
        return day - timedelta(days=day.weekday())

    def _last(self) -> date:
        if self.show == WEEK:
            return self._first() + 6 * _DAY
        end = _next_month(self.at) - _DAY
        return end + (6 - end.weekday()) * _DAY

    def _step(self, by: int) -> str:
        if self.show == WEEK:
            return (self.at + by * _WEEK).isoformat()
        start = _next_month(self.at) if by > 0 else self.at.replace(day=1) - _DAY
        return start.replace(day=1).isoformat()

    def _address(self, **changes: str | None) -> str:
        given = [(name, value) for name, value in request.args.items(multi=True) if name not in changes and value]
        given += [(name, value) for name, value in changes.items() if value]
        return f"{self.url}?{urlencode(given)}" if given else self.url

    # ---- what is shown

    def _heading(self, first: date, last: date) -> str:
        if self.show == MONTH:
            return locale().t("calendar.heading", year=self.at.year, month=self.at.month)
        return f"{locale().date(first)} – {locale().date(last)}"

    def _day_of(self, record: Record) -> date:
        value = record.values[self.by]
        return locale().local(value).date() if isinstance(value, datetime) else value

    def _day(self, day: date, on: dict[date, list[dict[str, Any]]]) -> dict[str, Any]:
        items = on.get(day, [])
        most = _IN_MONTH if self.show == MONTH else MOST
        rest = len(items) - most
        apart = ("view", *CALENDAR_PARTS)
        kept = [(name, value) for name, value in request.args.items(multi=True) if name not in apart and value]
        kept += [(f"{self.by}.from", day.isoformat()), (f"{self.by}.to", day.isoformat())]
        return {
            "number": day.day,
            "iso": day.isoformat(),
            "name": locale().date(day),
            "weekday": locale().t(f"calendar.day_{day.weekday()}"),
            "other": self.show == MONTH and day.month != self.at.month,
            "today": day == self.cells.today,
            "entries": items[:most],
            "more": locale().t("board.more", count=rest) if rest > 0 else None,
            "more_url": f"{ENTITY_URL.format(entity=self.entity.key)}?{urlencode(kept)}",
        }

    def _item(self, record: Record, shown: Sequence[str]) -> dict[str, Any]:
        title = title_of(self.entity, record)
        cells = (self.cells.of_record(self.entity, key, record) for key in shown)
        facts = [str(cell["text"]) for cell in cells if cell.get("text") and cell["text"] != title]
        value = record.values[self.by]
        time = f"{locale().local(value):%H:%M}" if isinstance(value, datetime) else None
        stage = self.cells.stage(self.entity, record.values.get("stage"))
        return {"title": title, "url": record_url(self.entity.key, record.id), "facts": facts, "time": time,
                "tone": stage["tone"] if stage else "grey", "stage": stage["label"] if stage else None}  # fmt: skip


def _read_day(said: str, today: date) -> date:
    """Return the day the address asks for, today when it is none."""
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return today
    return min(max(day, _FIRST), _LAST)


def _next_month(day: date) -> date:
    return (day.replace(day=28) + 4 * _DAY).replace(day=1)
