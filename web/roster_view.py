"""The list of people as an administrator sees it.

Enters: the query of the address. Leaves: the ``list`` of ``pages/list.html``, or its next rows. Must not be shown to
anybody else: the page asks first.
"""

from typing import Any
from urllib.parse import urlencode

from flask import g, request

from engine.people import departments, roster
from engine.people.roster import Entry, RosterQuery
from web.admin_fields import department_field
from web.cells import EMPTY, Cells
from web.gate import locale, now
from web.person_form import role_labels

_COLUMNS = (
    ("name", "title"), ("login", "sub"), ("department", "extra"), ("roles", "owner"), ("mobile", None),
    ("seen", "date"), ("state", "stage"),
)  # fmt: skip
_LONGEST = 100


class RosterView:
    """One page of the list; reads it when it is made."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cells = Cells(locale(), now())
        given, connection = request.args, g.session.connection
        chosen, state = given.get("department", ""), given.get("state")
        self.query = RosterQuery(
            text=given.get("q", "")[:_LONGEST].strip(),
            department=int(chosen) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 19 else None,
            role=given.get("role", "")[:_LONGEST] or None,
            state="disabled" if state == "disabled" else "enabled",
            after=given.get("after", "")[:_LONGEST] or None,
        )
        self.entries, self.next = roster.list_entries(connection, self.query)
        self.teams = {one.id: one.name for one in departments.list_departments(connection)}
        self.roles = dict(role_labels(role for one in self.entries for role in one.roles))

    def rows(self) -> dict[str, Any]:
        """Return columns, rows and the address of the next ones."""
        text = locale()
        return {
            "columns": [
                {"key": key, "label": text.t(f"roster.{key}"), "align": None, "sort_url": None, "sorted": None}
                | {"slot": slot}
                for key, slot in _COLUMNS
            ],
            "rows": [self._row(one) for one in self.entries],
            "more_url": self._address(after=self.next) if self.next else None,
        }

    def whole(self) -> dict[str, Any]:
        """Return everything the list page shows."""
        text, disabled = locale(), self.query.state == "disabled"
        create = {"url": f"{self.url}/new", "label": text.t("roster.new")}
        count = roster.count_entries(g.session.connection, self.query)
        return self.rows() | {
            "title": text.t("roster.title"),
            "create": create,
            "url": self.url,
            "q": self.query.text,
            "views": [
                {"label": text.t("roster.enabled_view"), "url": self._address(state=None), "active": not disabled},
                {"label": text.t("roster.disabled_view"), "url": self._address(state="disabled"), "active": disabled},
            ],
            "filters": self._filters(),
            "chips": self._chips(),
            "clear_url": self._address(department=None, role=None, q=None),
            "keep": [("state", "disabled")] if disabled else [],
            "count_text": text.t("departments.people", count=count),
            "filtered": bool(self.query.text or self.query.department or self.query.role or disabled),
            "empty": {"icon": "users", "title": text.t("roster.none"), "text": None, "action": create},
        }

    def _address(self, **changes: Any) -> str:
        kept = {name: request.args.get(name) for name in ("q", "department", "role", "state")}
        given = {name: value for name, value in (kept | changes).items() if value}
        return f"{self.url}?{urlencode(given)}" if given else self.url

    def _row(self, one: Entry) -> dict[str, Any]:
        text, cells = locale(), self.cells
        shown = {
            "name": cells.user(one.name),
            "login": cells.plain("text", one.login),
            "department": cells.plain("text", self.teams.get(one.department or 0, "")),
            "roles": cells.plain("text", text.t("text.comma").join(self.roles.get(key, key) for key in one.roles)),
            "mobile": cells.plain("phone", one.mobile or ""),
            "seen": EMPTY if one.last_seen_at is None else cells.moment(one.last_seen_at),
            "state": self._state(one),
        }
        return {"id": one.id, "url": f"{self.url}/{one.id}", "title": one.name, "cells": shown, "late": False}

    def _state(self, one: Entry) -> dict[str, Any]:
        state, tone = ("disabled", "grey") if not one.enabled else ("active", "green")
        if one.enabled and not one.has_password:
            state, tone = ("company", "green") if one.has_company_account else ("no_password", "amber")
        return self.cells.plain("stage", locale().t(f"roster.state_{state}"), tone=tone)

    def _filters(self) -> list[dict[str, Any]]:
        text = locale()
        picked = department_field(
            "department", text.t("roster.department"), errors={}, default=self.query.department, id="filter-department"
        )
        role = {
            "key": "role", "label": text.t("roster.roles"), "kind": "choice", "name": "role",
            "options": [
                {"value": key, "label": label, "selected": key == self.query.role} for key, label in role_labels()
            ],
        }  # fmt: skip
        return [{"key": "department", "label": text.t("roster.department"), "kind": "link", "field": picked}, role]

    def _chips(self) -> list[dict[str, Any]]:
        text, chips = locale(), []
        if self.query.department is not None:
            name = self.teams.get(self.query.department, "?")
            chips.append({"label": text.t("roster.department"), "text": name} | self._without("department"))
        if self.query.role is not None:
            said = dict(role_labels()).get(self.query.role, self.query.role)
            chips.append({"label": text.t("roster.roles"), "text": said} | self._without("role"))
        return chips

    def _without(self, name: str) -> dict[str, str]:
        return {"remove_url": self._address(**{name: None})}
