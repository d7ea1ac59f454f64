"""Runs of automations over HTTP, for administrators' programs: what ran, what became of it, and a failed one once more.

Enters: filters, or the id of a run. Leaves: JSON. Must not tell what a record holds: a run says which record it was
for, and its trace which fields it set, not to what.
"""

from typing import Any, get_args

from flask import g, request

from engine.automation import runs
from engine.automation.runs import AGAIN, NO_RECORD, Run, RunState
from engine.compiler.app import Automation
from engine.errors import FieldError, InvalidValues, NotFound
from engine.people.actor import require_admin
from web.api.answers import answer, iso
from web.api.requests import read_id, read_number
from web.gate import locale, reads, writes
from web.run_words import say_error, say_line

STATES = get_args(RunState)
_PARAMETERS = ("automation", "before", "entity", "limit", "record", "state")
_PAGE, _MOST = 50, 200


@reads
def list_runs() -> Any:
    """Answer a page of runs, newest first."""
    require_admin(g.actor)
    given = request.args
    _refuse_unknown(given)
    state, entity, record = given.get("state"), given.get("entity"), given.get("record")
    limit = read_number("limit", _PAGE, most=_MOST)
    found = runs.list_runs(
        g.session,
        automation=given.get("automation"),
        entity=entity,
        record_id=read_id(record) if record is not None else None,
        states=(state,) if state is not None else (),
        before=read_id(given["before"]) if given.get("before") else None,
        limit=limit + 1,
    )
    page = found[:limit]
    following = str(page[-1].id) if len(found) > limit else None
    return answer({"items": [_said(one) for one in page], "next": following})


@reads
def show_run(run_id: str) -> Any:
    """Answer one run with its trace."""
    require_admin(g.actor)
    return answer(_whole(read_id(run_id)))


@writes
def try_again(run_id: str) -> Any:
    """Let a run that failed, stopped or was parked go on from where it stood."""
    id_ = read_id(run_id)
    runs.try_again(g.session, id_, actor=g.actor)
    return answer(_whole(id_))


_ONE = "/admin/runs/<run_id>"
ROUTES = (
    ("/admin/runs", ["GET"], list_runs),
    (_ONE, ["GET"], show_run),
    (f"{_ONE}/again", ["POST"], try_again),
)


def _refuse_unknown(given: Any) -> None:
    """Raise ``InvalidValues`` for a parameter, a state or a record without its entity that would else find all."""
    errors = []
    for name in given:
        if name not in _PARAMETERS:
            said = {"name": name[:60], "known": ", ".join(_PARAMETERS)}
            errors.append(FieldError(name[:60], "people.unknown_query", said))
    if given.get("state", STATES[0]) not in STATES:
        errors.append(FieldError("state", "automation.unknown_state", {"known": ", ".join(STATES)}))
    if "record" in given and "entity" not in given:
        errors.append(FieldError("entity", "automation.record_of_what"))
    if errors:
        raise InvalidValues(errors)


def _whole(id_: int) -> dict[str, Any]:
    run = runs.get_run(g.session, id_)
    if run is None:
        raise NotFound
    lines = [dict(line) | say_line(locale(), g.session, line) for line in run.trace]
    return _said(run) | {"trace": lines}


def _said(run: Run) -> dict[str, Any]:
    automation = g.session.app.automations.get(run.automation)
    return {
        "id": run.id,
        "automation": run.automation,
        "label": locale().label(automation.label) if automation is not None else None,
        "place": _place(automation) if automation is not None else None,
        "entity": run.entity,
        "record": run.record_id if run.record_id != NO_RECORD else None,
        "state": run.state,
        "why": say_error(locale(), run.error),
        "begun_at": iso(run.created_at),
        "due_at": iso(run.available_at) if run.state == "pending" else None,
        "ended_at": iso(run.ended_at) if run.ended_at is not None else None,
        "attempts": run.attempts,
        "actor": run.actor_id,
        "caused_by": run.parent_id,
        "again": run.state in AGAIN,
    }


def _place(automation: Automation) -> str:
    return f"{automation.location.file}:{automation.location.line}"
