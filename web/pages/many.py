"""Changing one field of many records from a list: ticked ones, or all that its filters find.

Enters: records with the versions somebody saw, a field, its value. Leaves: the page that asks, then what would become
of each record, then what became. A script asks part by part, so that no transaction is long and progress can be told;
without one, one request does the whole. Must not hold a rule: ``engine/workflow/many.py`` calls the command of one
record.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from flask import g, make_response, redirect, render_template, request

from engine.compiler.app import Entity
from engine.errors import NotAllowed
from engine.records import queries
from engine.records.rights import get_entity
from engine.workflow import many
from engine.workflow.many import Seen
from web.gate import locale, reads, writes
from web.many_view import also_typed, check_value, list_choices, read_list_query, say_value, view_input, view_result
from web.pages.frame import page_shell
from web.picked import read_form
from web.posted import Posted
from web.shell import ENTITY_URL

MOST = 2_000
"""Records that may be chosen at once."""

PART = 20
"""Records a script asks about at a time."""

_SEEN = re.compile(r"([1-9][0-9]{0,17}):([1-9][0-9]{0,8})")


@reads
def back(entity: str) -> Any:
    """Lead whoever comes without records, by reloading or after signing in again, to the list."""
    return redirect(list_url(get_entity(g.session.app, entity)), 303)


@writes
def show(entity: str) -> Any:
    """Ask for the field and its value; say what would become of the records; change them."""
    compiled, choices = _require(entity)
    seen, problem = read_seen(compiled)
    posted, field = read_form(compiled, request.form, also=also_typed()), request.form.get("field", "")
    field = field if field in choices else ""
    view = _view(compiled, choices, field, seen) | {"problem": problem}
    step = request.form.get("step") if field and seen and not problem else None
    errors = check_value(compiled, field, posted.raw.get(field, "")) if step else []
    if field:
        view["input"] = view_input(compiled, field, posted, errors)
    if step and not errors:
        view["result"] = _result(compiled, field, posted, seen, step)
    page = render_template("pages/many.html", many=view, shell=page_shell())
    return make_response(page, 422 if errors or problem else 200)


@writes
def part(entity: str) -> Any:
    """Change a part of the records, or say what would become of them."""
    compiled, choices = _require(entity)
    seen, _ = read_seen(compiled)
    posted, field = read_form(compiled, request.form, also=also_typed()), request.form.get("field", "")
    if field not in choices or not 0 < len(seen) <= PART:
        return make_response("", 422)
    rehearse = request.form.get("step") != "apply"
    raw = {field: posted.raw.get(field, "")}
    outcomes = many.update_many(g.session, entity, seen, raw, actor=g.actor, rehearse=rehearse)
    return render_template("fragments/many_part.html", part=view_result(compiled, outcomes, seen))


ROUTES = (
    ("/e/<entity>/many", ["GET"], back),
    ("/e/<entity>/many", ["POST"], show),
    ("/e/<entity>/many/part", ["POST"], part),
)


def _require(entity: str) -> tuple[Entity, list[str]]:
    """Return what is changed and what of it may be; raises ``NotFound`` and ``NotAllowed``."""
    compiled = get_entity(g.session.app, entity)
    rights = queries.require_read(g.session, compiled, g.actor)
    choices = list_choices(compiled, rights)
    if not choices:
        raise NotAllowed("record.no_write")
    return compiled, choices


def read_seen(entity: Entity) -> tuple[list[Seen], str | None]:
    """Return the records that were chosen, with the versions that were seen, and why it cannot go on with them."""
    form, text = request.form, locale()
    if form.get("all") == "yes":
        query = read_list_query(entity, queries.require_read(g.session, entity, g.actor))
        seen = queries.list_seen(g.session, entity.key, query, actor=g.actor, most=MOST)
    else:
        said = [*form.getlist("record"), *form.get("records", "").split(",")]
        found = [match for one in said if (match := _SEEN.fullmatch(one))]
        seen = list({int(match[1]): (int(match[1]), int(match[2])) for match in found}.values())
    if len(seen) > MOST:
        return [], text.t("many.too_many", most=MOST)
    return seen, None if seen else text.t("many.none")


def _view(entity: Entity, choices: Sequence[str], field: str, seen: Sequence[Seen]) -> dict[str, Any]:
    text = locale()
    labels = {
        key: text.label(entity.fields[key].label) if key in entity.fields else text.t("field.owner") for key in choices
    }
    return {
        "title": text.t("many.title", entity=text.label(entity.label)),
        "entity_label": text.label(entity.label),
        "list_url": list_url(entity),
        "action_url": with_query(f"{ENTITY_URL.format(entity=entity.key)}/many"),
        "part_url": f"{ENTITY_URL.format(entity=entity.key)}/many/part",
        "part": PART,
        "records": ",".join(f"{id_}:{version}" for id_, version in seen),
        "count": len(seen),
        "fields": [{"value": key, "label": label, "selected": key == field} for key, label in labels.items()],
        "input": None,
        "result": None,
    }


def _result(entity: Entity, field: str, posted: Posted, seen: Sequence[Seen], step: str) -> dict[str, Any]:
    """Return what became of the records; a script is only told to ask, for it does so part by part."""
    said = {"words": "many", "what": say_value(entity, field, posted)}
    value = json.dumps(posted.raw.get(field, ""), sort_keys=True)
    if request.headers.get("HX-Request"):
        return said | {"run": True, "done": False, "value": value, "changed": [], "same": 0, "told": [], "refused": []}
    done = step == "apply" and request.form.get("_previewed") == value
    found: dict[str, Any] = {"changed": [], "same": 0, "told": [], "refused": []}
    for start in range(0, len(seen), many.MOST):
        chunk = seen[start : start + many.MOST]
        raw = {field: posted.raw.get(field, "")}
        outcomes = many.update_many(g.session, entity.key, chunk, raw, actor=g.actor, rehearse=not done)
        for key, more in view_result(entity, outcomes, chunk).items():
            found[key] += more
    return found | said | {"run": False, "done": done, "value": value}


def list_url(entity: Entity) -> str:
    """Return the list that was come from, with its filters."""
    return with_query(ENTITY_URL.format(entity=entity.key))


def with_query(path: str) -> str:
    """Return an address with the query of this request, which holds the filters of the list."""
    query = request.query_string.decode("utf-8", "replace")
    return f"{path}?{query}" if query else path
