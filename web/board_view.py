"""A board as one reader sees it: a column for each stage, with its cards, how many there are and what they come to.

Enters: an entity with stages, its views, and what the address asks for. Leaves: the ``board`` of
``pages/board.html``. Must not judge what may be moved where: a card that is dropped asks the gate.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g, request

from engine.compiler.app import Entity, Stage, Workflow
from engine.records import queries
from engine.records.filters import Filter
from engine.records.queries import COUNTED, ListQuery
from engine.records.record import Record
from engine.records.rights import find_rights
from engine.records.views import BOARD, SavedView
from web.cells import Cells, record_url, title_of
from web.columns import column_label
from web.filter_words import FilterWords, name_filtered
from web.gate import locale, now
from web.list_filters import filter_keys, read_conditions
from web.list_tabs import ListTabs
from web.shell import ENTITY_URL
from web.stay_view import find_late

_CARDS = 25
_LONGEST_SEARCH = 100


class BoardView:
    """One board; reads a page of cards for each stage and all sums in one query."""

    def __init__(self, entity: Entity, workflow: Workflow, views: Sequence[SavedView]) -> None:
        self.entity, self.workflow = entity, workflow
        self.rights = find_rights(g.session.app, entity, g.actor)
        self.cells = Cells(locale(), now())
        self.url = ENTITY_URL.format(entity=entity.key)
        self.text = request.args.get("q", "")[:_LONGEST_SEARCH].strip()
        allowed = queries.readable_keys(entity, self.rights)
        keys = filter_keys(entity, allowed)
        self.conditions = read_conditions(keys, request.args)
        self.tabs = ListTabs(entity, self.rights, views, keys, BOARD)
        self.shown = tuple(key for key in entity.board.card if key in queries.shown_keys(entity, self.rights))
        self.amount = entity.board.sum if entity.board.sum in allowed else None

    def whole(self) -> dict[str, Any]:
        """Return everything the page shows."""
        text = locale()
        totals = queries.total_records(g.session, self.entity.key, self._query(), self.amount, actor=g.actor)
        stages = [stage for stage in self.workflow.stages.values() if not stage.retired]
        label = text.label(self.entity.label)
        create = {"url": f"{self.url}/new", "label": text.t("list.create", entity=label)}
        mine = self.tabs.active is None and request.args.getlist("owner") == [str(g.actor.id)]
        words = FilterWords(self.cells, self.entity, name_filtered(self.entity, self.conditions))
        return {
            "title": label,
            "url": f"{self.url}/board",
            "query": f"?{urlencode(self._asked())}" if self._asked() else "",
            "list_url": self.tabs.all_url,
            "q": self.text,
            "whole": self.tabs.active is None and not mine,
            "mine": mine,
            "mine_url": None if self.rights.read <= {"own"} else f"{self.url}/board?owner={g.actor.id}",
            "views": self.tabs.kept(),
            "view_menu": self.tabs.menu(),
            "chips": words.chips(self.conditions, self._address),
            "filter_url": f"{self.url}/filter?{self.tabs.carried()}",
            "keep": self._asked("q"),
            "create": create if self.rights.create else None,
            "columns": [self._column(stage, totals) for stage in stages if not stage.outcome],
            "outcomes": [self._column(stage, totals) for stage in stages if stage.outcome],
        }

    def _query(self, *more: Filter, limit: int = _CARDS) -> ListQuery:
        columns = tuple(dict.fromkeys([*self.shown, *self.entity.display_keys]))
        known = tuple(key for key in columns if key in self.entity.fields)
        return ListQuery(filters=(*self.conditions, *more), text=self.text, limit=limit, columns=known)

    def _column(self, stage: Stage, totals: dict[str, tuple[int, Any]]) -> dict[str, Any]:
        text = locale()
        count, added = totals.get(stage.key, (0, None))
        records: list[Record] = []
        if count and not stage.outcome:
            page = queries.list_records(
                g.session, self.entity.key, self._query(Filter("stage", "eq", stage.key)), actor=g.actor
            )
            records = page.records
        late = find_late(self.entity, [record.id for record in records])
        rest, uncounted = count - len(records), count > COUNTED
        said = text.t("board.many", count=COUNTED) if uncounted else text.t("board.more", count=rest)
        return {
            "key": stage.key,
            "label": text.label(stage.label),
            "tone": stage.tone,
            "count": f"{COUNTED}+" if uncounted else count,
            "sum": self._sum(added),
            "cards": [self._card(record, record.id in late) for record in records],
            "more": said if rest > 0 and not stage.outcome else None,
            "more_url": f"{self.url}?{urlencode([*self._asked('view', 'stage'), ('stage', stage.key)])}",
        }

    def _asked(self, *gone: str) -> list[tuple[str, str]]:
        return [(name, value) for name, value in request.args.items(multi=True) if name not in gone and value]

    def _address(self, **changes: str | None) -> str:
        """Return the address of this board with parts of it changed, or taken out (None)."""
        given = self._asked(*changes) + [(name, value) for name, value in changes.items() if value]
        return f"{self.url}/board?{urlencode(given)}" if given else f"{self.url}/board"

    def _sum(self, added: Any) -> str | None:
        if self.amount is None or added is None:
            return None
        return str(self.cells.of_field(self.entity.fields[self.amount], added, {})["text"])

    def _card(self, record: Record, late: bool) -> dict[str, Any]:
        title = title_of(self.entity, record)
        cells = [(key, self.cells.of_record(self.entity, key, record)) for key in self.shown]
        facts = [
            {"label": column_label(self.entity, key), "text": cell["text"]}
            for key, cell in cells
            if cell.get("text") and cell["text"] != title
        ]
        url = record_url(self.entity.key, record.id)
        owner = self.cells.of_record(self.entity, "owner", record)
        return {"id": record.id, "title": title, "url": url, "facts": facts, "owner": owner.get("text"), "late": late}
