"""Departments, for administrators: the tree, and one of them with what may be changed.

Enters: a form about one department. Leaves: the tree with who heads each and how many people it has, a changed
department. Must not let the tree become a ring: the department commands refuse it.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from flask import g, redirect, render_template, request

from engine.errors import FieldError, InvalidValues, NotPossibleNow
from engine.people import departments, directory, roster
from engine.people.actor import require_admin
from engine.people.departments import Department
from engine.records import working_time
from web.admin_fields import department_field, person_field, read_department, read_person, said, text_field
from web.api.requests import read_id
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/admin/departments"
_FIELDS = ("name", "key", "parent", "manager", "calendar")


@reads
def show() -> Any:
    """Show the tree."""
    require_admin(g.actor)
    text, connection = locale(), g.session.connection
    known = departments.list_departments(connection)
    heads = directory.people(connection, [one.manager for one in known])
    counts = roster.count_by_department(connection)
    page = {
        "title": text.t("departments.title"),
        "new_url": f"{URL}/new",
        "rows": [
            {
                "name": one.name,
                "key": one.key,
                "depth": depth,
                "head": heads[one.manager].name if one.manager is not None else None,
                "people": text.t("departments.people", count=counts.get(one.id, 0)),
                "calendar": _calendar_label(one.calendar),
                "url": f"{URL}/{one.id}",
            }
            for one, depth in departments.in_order(known)
        ],
        "without": counts.get(None, 0),
        "empty": {
            "icon": "sitemap", "title": text.t("departments.none"), "text": text.t("departments.none_text"),
            "action": {"label": text.t("departments.new"), "url": f"{URL}/new"},
        },
    }  # fmt: skip
    return render_template("pages/departments.html", page=page, shell=page_shell())


@reads
def new() -> Any:
    """Show an empty form."""
    require_admin(g.actor)
    return _page(None, {})


@writes
def create() -> Any:
    """Create a department."""
    require_admin(g.actor)
    try:
        made = departments.create_department(
            g.session, key=request.form.get("key", "").strip(), **_read(), actor=g.actor
        )
        _use_calendar(departments.get_department(g.session.connection, made))
    except InvalidValues as refused:
        return _page(None, said(refused, _FIELDS)), 422
    add_toast(locale().t("departments.made"))
    return redirect(URL, 303)


@reads
def department(department_id: str) -> Any:
    """Show one department."""
    return _page(_find(department_id), {})


@writes
def change(department_id: str) -> Any:
    """Change what the form says, unless somebody else changed it meanwhile."""
    found = _find(department_id)
    try:
        if request.form.get("seen") != _digest(found):
            raise NotPossibleNow("people.changed")
        departments.update_department(g.session, found.id, **_read(), actor=g.actor)
        _use_calendar(found)
    except (InvalidValues, NotPossibleNow) as refused:
        return _page(found, said(refused, _FIELDS)), 422
    add_toast(locale().t("departments.saved"))
    return redirect(URL, 303)


@writes
def remove(department_id: str) -> Any:
    """Delete a department that nothing belongs to."""
    found = _find(department_id)
    try:
        departments.delete_department(g.session, found.id, actor=g.actor)
    except NotPossibleNow as refused:
        return _page(found, {"": refused.text(locale().language)}), 422
    add_toast(locale().t("departments.deleted"))
    return redirect(URL, 303)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/new", ["GET"], new),
    (f"{URL}/new", ["POST"], create),
    (f"{URL}/<department_id>", ["GET"], department),
    (f"{URL}/<department_id>", ["POST"], change),
    (f"{URL}/<department_id>/delete", ["POST"], remove),
)


def _find(department_id: str) -> Department:
    require_admin(g.actor)
    return departments.get_department(g.session.connection, read_id(department_id))


def _read() -> dict[str, Any]:
    values: dict[str, Any] = {"name": request.form.get("name", "")}
    errors: list[FieldError] = []
    for name, read in (("parent", read_department), ("manager", read_person)):
        try:
            values[name] = read(name)
        except InvalidValues as refused:
            errors += refused.errors
    if errors:
        raise InvalidValues(errors)
    return values


def _use_calendar(found: Department) -> None:
    chosen = request.form.get("calendar", found.calendar or "") or None
    if chosen != found.calendar:
        working_time.use_calendar(g.session, found.key, chosen, actor=g.actor)


def _digest(found: Department) -> str:
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def _page(found: Department | None, errors: dict[str, str]) -> str:
    text = locale()
    page = {
        "title": found.name if found is not None else text.t("departments.new"),
        "url": URL,
        "action_url": f"{URL}/{found.id if found is not None else 'new'}",
        "fields": list(_fields(found, errors)),
        "error": errors.get(""),
        "seen": _digest(found) if found is not None else None,
        "delete_url": f"{URL}/{found.id}/delete" if found is not None else None,
        "people_url": f"/admin/people?department={found.id}" if found is not None else None,
    }
    return render_template("pages/department.html", page=page, shell=page_shell())


def _fields(found: Department | None, errors: dict[str, str]) -> Iterator[dict[str, Any]]:
    text, app = locale(), g.session.app
    name = request.form.get("name", found.name if found is not None else "")
    yield text_field("name", text.t("departments.name"), errors=errors, required=True, value=name, max_length=100)
    shown = {"value": found.key, "readonly": True} if found is not None else {"required": True}
    yield text_field("key", text.t("departments.key"), errors=errors, help=text.t("departments.key_help"), **shown)
    yield department_field(
        "parent", text.t("departments.parent"), errors=errors, default=None if found is None else found.parent,
        help=text.t("departments.parent_help"),
    )  # fmt: skip
    yield person_field(
        "manager", text.t("departments.manager"), errors=errors, default=None if found is None else found.manager,
        help=text.t("departments.manager_help"),
    )  # fmt: skip
    if app.calendars:
        chosen = request.form.get("calendar", (found and found.calendar) or "")
        keys = {"": text.t("departments.usual_calendar")} | {key: _calendar_label(key) for key in app.calendars}
        options = [{"value": key, "label": label, "selected": key == chosen} for key, label in keys.items()]
        yield text_field(
            "calendar", text.t("departments.calendar"), errors=errors, kind="choice", style="select", options=options
        )


def _calendar_label(key: str | None) -> str | None:
    calendar = g.session.app.calendars.get(key or "")
    return (locale().label(getattr(calendar, "label", None)) or key) if calendar is not None else key
