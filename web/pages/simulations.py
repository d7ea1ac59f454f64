"""Playing an approval ahead: for whoever reads all records of an entity, such as sales operations.

Enters: an entity, an approval, a record's id or values to suppose, all in the address. Leaves: a page with who would
sign when and what is missing. Must not write: the view has a reading transaction only.
"""

from typing import Any

from flask import g, render_template, request

from engine import messages
from engine.changing.drafts import see
from engine.changing.simulation import Simulation, find_questions, simulate_record, simulate_values
from engine.changing.simulation_words import say_around, say_moments
from engine.compiler.app import Approval, Entity
from engine.errors import InvalidValues, NotAllowed, NotFound
from engine.people import accounts
from engine.people.actor import Actor
from engine.records import queries
from engine.records.rights import ALL, find_rights, get_entity
from engine.workflow.explaining import say_first, say_path, say_step
from web.api.requests import read_id
from web.gate import locale, reads
from web.pages.frame import page_shell
from web.shell import ENTITY_URL

SIMULATE_URL = "/e/{entity}/flow/simulate"
_LONGEST = 200


def may_simulate(entity: Entity) -> bool:
    """Return whether whoever asks may play approvals of an entity ahead: the answer tells of everybody's records."""
    has_approval = any(one.entity == entity.key for one in g.session.app.approvals.values())
    return has_approval and ALL in find_rights(g.session.app, entity, g.actor).read


@reads
def show(entity: str) -> Any:
    """Show the form, and below it what would happen."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    if not may_simulate(compiled):
        raise NotAllowed("simulation.not_yours")
    approvals = [one for one in g.session.app.approvals.values() if one.entity == entity]
    wanted = request.args.get("approval", approvals[0].key)
    approval = next((one for one in approvals if one.key == wanted), approvals[0])
    errors: dict[str, str] = {}
    found = _simulate(compiled, approval, errors)
    page = {
        "title": locale().t("simulate.title", name=locale().label(compiled.label)),
        "crumbs": [
            {"label": locale().label(compiled.label), "url": ENTITY_URL.format(entity=entity)},
            {"label": locale().t("flow.show"), "url": f"{ENTITY_URL.format(entity=entity)}/flow"},
        ],
        "approvals": [
            {"key": one.key, "label": locale().label(one.label), "chosen": one is approval} for one in approvals
        ],
        "questions": _questions(compiled, approval),
        "given": {key: value[:_LONGEST] for key, value in request.args.items()},
        "errors": errors,
        "answer": _answer(found) if found is not None else None,
    }
    return render_template("pages/simulate.html", page=page, shell=page_shell())


ROUTES = (("/e/<entity>/flow/simulate", ["GET"], show),)


def _questions(entity: Entity, approval: Approval) -> list[dict[str, str]]:
    hidden = find_rights(g.session.app, entity, g.actor).hidden
    separator = locale().t("simulate.of")
    return [
        {"key": key, "label": separator.join(locale().label(label) for label in labels)}
        for key, labels in find_questions(g.session.app, approval).items()
        if key not in hidden
    ]


def _simulate(entity: Entity, approval: Approval, errors: dict[str, str]) -> Simulation | None:
    asked = {one["key"] for one in _questions(entity, approval)}
    values = {key: value.strip() for key, value in request.args.items() if key in asked and value.strip()}
    record, login = (request.args.get(key, "").strip() for key in ("_record", "_as"))
    if "approval" not in request.args:
        return None
    place = "_as"
    try:
        actor, place = _starter(login), "_record"
        if not record:
            return simulate_values(see(g.session), approval.key, values, actor=actor or g.actor)
        id_ = read_id(record)
        queries.get_record(g.session, entity.key, id_, actor=g.actor)
        return simulate_record(see(g.session), approval.key, id_, actor=actor)
    except InvalidValues as wrong:
        errors |= {error.path: error.text(locale().language) for error in wrong.errors}
    except NotFound as wrong:
        errors[place] = wrong.text(locale().language)
    return None


def _starter(login: str) -> Actor | None:
    if not login:
        return None
    id_ = accounts.find_user(g.session.connection, login)
    return accounts.get_actor(g.session.connection, id_ or 0)


def _answer(found: Simulation) -> dict[str, Any]:
    language = locale().language
    explained = found.explained
    said = messages.text("explain.by_release", language, release=explained.release_id, starter=explained.starter.name)
    return {
        "first": say_first(explained, language),
        "blocked": explained.path.blocked or bool(found.missing),
        "lines": [] if found.steps else say_path(explained, language)[1:-1],
        "steps": [
            {
                "asked": step.opens is not None,
                "text": say_step(explained, step.path, language).partition("  ")[0],
                "moments": list(say_moments(found, step, language)),
            }
            for step in found.steps
        ],
        "around": say_around(found, language),
        "by": said,
    }
