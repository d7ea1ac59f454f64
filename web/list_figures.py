"""What a list comes to, on its page: groups with their counts and sums, and the sums at its foot.

Enters: an entity, the query of its list, the columns shown. Leaves: ``sums``, ``group`` and ``group_menu`` of
``pages/list.html``. Must not add anything up itself: ``records/figures`` does, over what the reader may see.
"""

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from flask import g, request

from engine.compiler.app import Entity
from engine.errors import InvalidValues, NotPossibleNow
from engine.records.figures import (
    MONTH,
    WEEK,
    Figure,
    Figures,
    figure_records,
    groupable_keys,
    split_group,
    summable_keys,
)  # fmt: skip
from engine.records.queries import COUNTED, ListQuery
from engine.records.rights import Rights
from web.cells import Cells
from web.columns import column_label
from web.filter_words import filter_of, options_of, say_id
from web.gate import locale

LATER = "figures"
"""The part of the page that holds groups of many records."""

_MOST_SUMS = 4
Address = Callable[..., str]


class ListFigures:
    """The figures of one list for one reader; ``address`` gives the list with parts of its address changed."""

    def __init__(
        self, cells: Cells, entity: Entity, rights: Rights, query: ListQuery, shown: Sequence[str], address: Address
    ) -> None:
        self.cells, self.entity, self.rights, self.query, self.address = cells, entity, rights, query, address
        summable = summable_keys(entity, rights)
        self.summed = tuple(key for key in shown if key in summable)[:_MOST_SUMS]
        self.asked = request.args.get("group") or None
        self.key, self.span = split_group(entity, self.asked or "")

    def menu(self) -> dict[str, Any]:
        """Return what the list can be grouped by."""
        keys = groupable_keys(self.entity, self.rights)
        options = [{"value": key, "label": self._label(key), "selected": key == self.asked} for key in keys]
        return {"options": options, "off_url": self.address(group=None) if self.asked else None}

    def foot(self, count: int) -> dict[str, Any]:
        """Return the sums under the list; where many records would be added up, the address that does."""
        if not self.summed or not count or self.asked:
            return {"sums": [], "sums_url": None, "sums_note": None}
        if count > COUNTED and request.args.get("sums") != "yes":
            return {"sums": [], "sums_url": self.address(sums="yes"), "sums_note": None}
        try:
            figures = self._figures(None)
        except NotPossibleNow as much:
            return {"sums": [], "sums_url": None, "sums_note": much.text(locale().language)}
        return {"sums": self._sums(figures.groups[0]), "sums_url": None, "sums_note": None}

    def groups(self, count: int) -> dict[str, Any] | None:
        """Return the groups, None when the list is not grouped; a field there is none of is said as a note.

        Where many records would be added up, ``later_url`` has them, and the page need not wait.
        """
        if self.asked is None:
            return None
        if count > COUNTED and self.asked in groupable_keys(self.entity, self.rights):
            if request.args.get("sums") != "yes":
                later, whole = self.address(part=LATER), self.address(sums="yes")
                return {"label": self._label(self.asked), "groups": [], "later_url": later, "whole_url": whole}
            return self.groups_now(later=True)
        return self.groups_now()

    def groups_now(self, *, later: bool = False) -> dict[str, Any]:
        """Return the groups, added up now; ``later`` when the page is there already."""
        assert self.asked is not None  # noqa: S101 - the caller asked
        try:
            figures = self._figures(self.asked, later=later)
        except (InvalidValues, NotPossibleNow) as refused:
            said = refused.errors[0] if isinstance(refused, InvalidValues) else refused
            return {"label": "", "groups": [], "more": False, "note": said.text(locale().language)}
        ordered = self._ordered(figures.groups)
        groups = [self._group(one, figures) for one in ordered]
        return {"label": self._label(self.asked), "groups": groups, "more": figures.more, "note": None}

    def _figures(self, group: str | None, *, later: bool = False) -> Figures:
        return figure_records(
            g.session, self.entity.key, self.query, group=group, sums=self.summed, actor=g.actor, later=later
        )

    def _ordered(self, groups: Sequence[Figure]) -> list[Figure]:
        """Stages and options stand in the order of the definition, the rest as it was found."""
        options = list(options_of(self.entity, self.key))
        if options:
            place = {key: at for at, key in enumerate(options)}
            return sorted(groups, key=lambda one: place.get(str(one.value), len(place)))
        return list(groups)

    def _group(self, one: Figure, figures: Figures) -> dict[str, Any]:
        url = self.address(**(self._narrowed(one.value) | {"group": None}))
        return {
            "label": self._named(one.value, figures),
            "count": one.count,
            "count_text": locale().t("list.count", count=one.count),
            "sums": self._sums(one),
            "url": url,
            "rows_url": f"{url}&part=group",
        }

    def _narrowed(self, value: Any) -> dict[str, Any]:
        """Return what the address of the list narrowed to one group says; conditions over the same field give way."""
        key = self.key
        gone: dict[str, Any] = dict.fromkeys((key, f"{key}.is", f"{key}.from", f"{key}.to", f"{key}.within"))
        if value is None:
            return gone | {f"{key}.is": "missing"}
        if self.span is not None:
            first, last = self._days(str(value))
            return gone | {f"{key}.from": first.isoformat(), f"{key}.to": last.isoformat()}
        return gone | {key: str(value).lower() if isinstance(value, bool) else str(value)}

    def _named(self, value: Any, figures: Figures) -> str:
        if value is None:
            return locale().t("list.missing")
        if isinstance(value, bool):
            return locale().t("cell.yes" if value else "cell.no")
        if self.span == WEEK:
            return " – ".join(locale().date(day) for day in self._days(str(value)))
        target = filter_of(self.key, self.entity.fields.get(self.key))[1]
        if target is not None:
            return say_id(figures.labels, target, str(value))
        return options_of(self.entity, self.key).get(str(value), str(value))

    def _sums(self, one: Figure) -> list[dict[str, str]]:
        sums = ((key, one.sums[key]) for key in self.summed)
        return [
            {
                "label": column_label(self.entity, key),
                "text": str(self.cells.of_field(self.entity.fields[key], value, {})["text"]),
            }
            for key, value in sums
            if value is not None
        ]

    def _days(self, value: str) -> tuple[date, date]:
        """Return the first and the last day of a group."""
        if self.span == MONTH:
            year, month = (int(part) for part in value.split("-"))
            return date(year, month, 1), date(year, month, monthrange(year, month)[1])
        first = date.fromisoformat(value)
        return first, first + timedelta(days=6 if self.span == WEEK else 0)

    def _label(self, key: str) -> str:
        """Return what a field is called, of a group by time with what it is taken for."""
        field, span = split_group(self.entity, key)
        label = column_label(self.entity, field)
        return label if span is None else locale().t(f"list.group_{span}", name=label)
