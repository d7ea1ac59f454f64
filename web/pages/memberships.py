"""Groups and responsibilities: whom approvals ask by group and by value, for administrators.

Enters: a person and a group, or a field and values. Leaves: a page with everybody in each group and what each answers
for. Must not give anybody a right: that is for roles.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine.errors import FieldError, InvalidValues, NotAllowed
from engine.people import groups
from web.admin_fields import person_field, read_person, said, text_field
from web.api.requests import read_id
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/admin/groups"
_FIELDS = ("person", "name", "values")


@reads
def show() -> Any:
    """Show every group with its members, and who is responsible for what."""
    _require_admin()
    return _page("", {})


@writes
def add(group: str) -> Any:
    """Let somebody belong to a group."""
    _require_admin()
    try:
        groups.add_member(g.session, group, _person(), actor=g.actor)
    except InvalidValues as refused:
        return _page(group, said(refused, _FIELDS)), 422
    add_toast(locale().t("groups.did"))
    return redirect(URL, 303)


@writes
def remove(group: str, user_id: str) -> Any:
    """Let somebody no longer belong to a group."""
    _require_admin()
    groups.remove_member(g.session, group, read_id(user_id), actor=g.actor)
    add_toast(locale().t("groups.did"))
    return redirect(URL, 303)


@writes
def answer_for() -> Any:
    """Set the values of a field somebody is responsible for; none ends it."""
    _require_admin()
    name = request.form.get("name", "").strip()
    values = request.form.get("values", "").replace("，", ",").replace("、", ",").split(",")
    try:
        if not name:
            raise InvalidValues([FieldError("name", "people.empty")])
        groups.set_responsible(g.session, _person(), name, values, actor=g.actor)
    except InvalidValues as refused:
        return _page("responsible", said(refused, _FIELDS)), 422
    add_toast(locale().t("groups.did"))
    return redirect(URL, 303)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/responsible", ["POST"], answer_for),
    (f"{URL}/of/<group>/add", ["POST"], add),
    (f"{URL}/of/<group>/<user_id>/remove", ["POST"], remove),
)


def _require_admin() -> None:
    if not g.actor.is_admin:
        raise NotAllowed("people.not_admin")


def _person() -> int:
    found = read_person("person")
    if found is None:
        raise InvalidValues([FieldError("person", "people.empty")])
    return found


def _page(wrong: str, errors: dict[str, str]) -> str:
    text, members = locale(), groups.list_members(g.session.connection)
    held = groups.list_responsible(g.session.connection)
    page = {
        "title": text.t("groups.title"),
        "groups": [
            {
                "key": key,
                "label": text.label(group.label),
                "members": [
                    {"name": one.name, "enabled": one.enabled, "remove_url": f"{URL}/of/{key}/{one.id}/remove"}
                    for one in members.get(key, ())
                ],
                "add_url": f"{URL}/of/{key}/add",
                "field": person_field(
                    "person", text.t("groups.person"), errors=errors if wrong == key else {}, id=f"group-{key}"
                ),
                "error": errors.get("") if wrong == key else None,
            }
            for key, group in g.session.app.groups.items()
        ],
        "empty": {"icon": "user", "title": text.t("groups.empty"), "text": text.t("groups.empty_text"), "action": None},
        "responsible": [
            {
                "label": _field_label(name),
                "entries": [{"name": one.name, "enabled": one.enabled, "held": values} for one, values in rows],
            }
            for name, rows in held.items()
        ],
        "responsible_url": f"{URL}/responsible",
        "fields": _fields(errors if wrong == "responsible" else {}),
        "error": errors.get("") if wrong == "responsible" else None,
    }
    return render_template("pages/groups.html", page=page, shell=page_shell())


def _fields(errors: dict[str, str]) -> list[dict[str, Any]]:
    text = locale()
    options = [{"value": key, "label": label, "selected": key == request.form.get("name")} for key, label in _matched()]
    choice: dict[str, Any] = {
        "kind": "choice",
        "style": "select",
        "options": [{"value": "", "label": "", "selected": False}, *options],
    }
    return [
        person_field("person", text.t("groups.person"), errors=errors, required=True),
        text_field("name", text.t("groups.field"), errors=errors, required=True, **(choice if options else {})),
        text_field("values", text.t("groups.values"), errors=errors, help=text.t("groups.values_help"), width=2),
    ]


def _matched() -> list[tuple[str, str]]:
    """The fields by which approvals and automations find who is responsible, and those somebody answers for already."""
    app = g.session.app
    asked = [step.who for approval in app.approvals.values() for step in approval.steps.values()]
    asked += [step.who for automation in app.automations.values() for step in automation.do]
    used = {one.match.name for who in asked for one in who if one.match is not None}
    known = sorted(used | set(groups.list_responsible(g.session.connection)))
    return [(key, _field_label(key)) for key in known]


def _field_label(name: str) -> str:
    for entity in g.session.app.entities.values():
        if name in entity.fields:
            return f"{locale().label(entity.fields[name].label)} ({name})"
    return name
