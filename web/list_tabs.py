"""Above a list, a board or a calendar: the views to choose from, and what can be done with the one that is shown.

Enters: an entity, its views, the address. Leaves: the tabs and the menu of ``parts/views.html``. Must not decide who
may change a view: the view says so.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g, request
from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity
from engine.errors import InvalidValues
from engine.records.pooled import list_pools
from engine.records.rights import Rights
from engine.records.views import BOARD, CALENDAR, LIST, SavedView, fitted
from web.gate import locale
from web.shell import ENTITY_URL
from web.view_address import address_of, content_of

ALL = "all"
"""What ``view`` says in the address of the whole list, for whoever begins with another."""

_ICONS = {BOARD: "layout-kanban", CALENDAR: "calendar"}


def find_default(entity: Entity, rights: Rights, views: Sequence[SavedView]) -> str | None:
    """Return the address a reader begins with when they ask for nothing, None for the whole list."""
    chosen = next((view for view in views if view.is_default), None)
    if chosen is None or request.query_string:
        return None
    return address_of(entity, fitted(entity, rights, chosen.content)[0], chosen.id)


class ListTabs:
    """The views of one page for one reader; ``keys`` are what the address may narrow by."""

    def __init__(
        self, entity: Entity, rights: Rights, views: Sequence[SavedView], keys: Sequence[str], page: str = LIST
    ) -> None:
        self.entity, self.rights, self.views, self.keys, self.page = entity, rights, views, keys, page
        self.url = ENTITY_URL.format(entity=entity.key)
        self.all_url = f"{self.url}?view={ALL}" if any(view.is_default for view in views) else self.url
        here = [view for view in views if view.content.page == page]
        self.active = next((view for view in here if str(view.id) == request.args.get("view")), None)

    def tabs(self) -> list[dict[str, Any]]:
        """Return the tabs of a list: all, mine, the views of all pages, the pools; none where there is no choice."""
        text = locale()
        mine = self.active is None and request.args.getlist("owner") == [str(g.actor.id)]
        tabs = [self._tab(text.t("list.view_all"), self.all_url, self.active is None and not mine)]
        if not self.rights.read <= {"own"} and "owner" in self.entity.filters:
            tabs.append(self._tab(text.t("list.view_mine"), f"{self.url}?owner={g.actor.id}", mine))
        tabs += [self._kept(view) for view in self.views]
        pools = list_pools(g.session.app, self.entity, g.actor)
        tabs += [self._tab(text.label(pool.label), f"{self.url}/pools/{pool.key}", False) for pool in pools]
        return tabs if len(tabs) > 1 else []

    def kept(self) -> list[dict[str, Any]]:
        """Return a tab for each view of this page."""
        return [self._kept(view) | {"icon": None} for view in self.views if view.content.page == self.page]

    def carried(self) -> str:
        """Return the query of this page with the page it is of, as forms about it carry it along."""
        query = request.query_string.decode("ascii", "ignore")
        page = "" if self.page == LIST else f"page={self.page}"
        return "&".join(part for part in (query, page) if part)

    def menu(self) -> dict[str, Any]:
        """Return what can be done with the view that is shown."""
        query = self.carried()
        carried = urlencode({"list": query}) if query else ""
        view, changed = self.active, self._is_changed()
        url = f"{self.url}/views/{view.id}" if view is not None else ""
        return {
            "columns_url": f"{self.url}/columns?{query}" if query else f"{self.url}/columns",
            "new_url": f"{self.url}/views/new?{carried}",
            "name": view.name if view is not None else None,
            "list": query,
            "save_url": f"{url}/content" if view is not None and view.can_edit and changed else None,
            "edit_url": f"{url}/edit?{carried}" if view is not None and view.can_edit else None,
            "default_url": f"{url}/default" if view is not None else None,
            "is_default": view is not None and view.is_default,
        }

    def _tab(self, label: str, url: str, active: bool) -> dict[str, Any]:
        return {"label": label, "url": url, "active": active, "count": None, "icon": None}

    def _kept(self, view: SavedView) -> dict[str, Any]:
        tab = self._tab(view.name, f"{self.url}/views/{view.id}", view is self.active)
        return tab | {"icon": _ICONS.get(view.content.page)}

    def _is_changed(self) -> bool:
        if self.active is None:
            return False
        try:
            given = MultiDict(request.args)
            given["page"] = self.page
            return content_of(self.keys, given) != self.active.content
        except InvalidValues:
            return False
