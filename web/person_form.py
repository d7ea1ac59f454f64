"""The form about one person: its inputs, and reading what was posted in them.

Enters: somebody as they are, or nobody yet; what was posted. Leaves: fields for ``widgets/inputs.html`` and values for
``accounts``. Must not judge the values: the account commands do.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import g, request

from engine.errors import FieldError, InvalidValues
from engine.people.actor import ADMIN
from engine.people.roster import Entry
from web.admin_fields import department_field, person_field, read_department, read_person, text_field
from web.gate import locale

FIELDS = ("name", "login", "email", "mobile", "department", "manager", "roles")


class PersonForm:
    """One form; what was typed stays in it."""

    def __init__(self, entry: Entry | None) -> None:
        self.entry = entry

    def fields(self, errors: dict[str, str]) -> list[dict[str, Any]]:
        """Return the inputs."""
        text = locale()

        def line(name: str, **more: Any) -> dict[str, Any]:
            return text_field(name, text.t(f"roster.{name}"), errors=errors, value=self._given(name), **more)

        return [
            line("name", required=True, max_length=100),
            line("login", required=True, max_length=64, help=text.t("roster.login_help")),
            line("mobile", kind="phone", max_length=30),
            line("email", kind="email", max_length=254),
            department_field(
                "department", text.t("roster.department"), errors=errors, default=self._id("department")
            ),
            person_field(
                "manager", text.t("roster.manager"), errors=errors, default=self._id("manager"),
                help=text.t("roster.manager_help"),
            ),
            text_field(
                "roles", text.t("roster.roles"), errors=errors, kind="choices", options=self._roles(), width=2,
                help=text.t("roster.roles_help"),
            ),
        ]  # fmt: skip

    def read(self) -> dict[str, Any]:
        """Return what was posted; raises ``InvalidValues`` for a person or department there is none of."""
        values: dict[str, Any] = {
            name: request.form.get(name, "").strip() or None for name in ("name", "login", "email", "mobile")
        }
        values["login"] = values["login"] or ""
        errors: list[FieldError] = []
        for name, read in (("department", read_department), ("manager", read_person)):
            try:
                values[name] = read(name)
            except InvalidValues as refused:
                errors += refused.errors
        if errors:
            raise InvalidValues(errors)
        return values | {"roles": self._chosen()}

    def _given(self, name: str) -> str:
        known = getattr(self.entry, name) if self.entry is not None else None
        return request.form.get(name, known or "")

    def _id(self, name: str) -> int | None:
        found: int | None = getattr(self.entry, name) if self.entry is not None else None
        return found

    def _chosen(self) -> list[str]:
        return [role for role in request.form.getlist("roles") if role]

    def _roles(self) -> list[dict[str, Any]]:
        held = self.entry.roles if self.entry is not None else ()
        chosen = self._chosen() if "roles" in request.form else held
        return [{"value": key, "label": label, "selected": key in chosen} for key, label in role_labels(held)]


def role_labels(held: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return the roles a person may have, with what they are called; retired ones only when ``held`` already."""
    text, roles = locale(), g.session.app.roles
    known = [(key, text.label(role.label)) for key, role in roles.items() if not role.retired or key in held]
    return known if ADMIN in roles else [*known, (ADMIN, text.say("people.role_admin"))]


def as_changed(entry: Entry, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that differ from what somebody has."""
    return {name: value for name, value in values.items() if value != getattr(entry, name)}
