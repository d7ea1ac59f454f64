"""Making one move with many records from a list: ticked ones, or all that its filters find.

Enters: records with the versions somebody saw, a move, a reason. Leaves: the page that asks, then what would become of
each record and what it lacks, then what became. A script asks part by part, as for a field (``pages/many``); without
one, one request does the whole. Must not hold a rule: ``engine/workflow/many.py`` calls the command of one record.
"""

import json
from collections.abc import Sequence
from typing import Any

from flask import g, make_response, redirect, render_template, request

from engine.compiler.app import Entity, Move
from engine.errors import NotFound
from engine.records import queries
from engine.records.rights import get_entity
from engine.workflow import many
from engine.workflow.many import Seen
from web.admin_fields import text_field
from web.cells import Cells
from web.gate import locale, now, reads, writes
from web.many_view import view_result
from web.pages.frame import page_shell
from web.pages.many import PART, list_url, read_seen, with_query
from web.shell import ENTITY_URL


@reads
def back(entity: str) -> Any:
    """Lead whoever comes without records, by reloading or after signing in again, to the list."""
    return redirect(list_url(get_entity(g.session.app, entity)), 303)


@writes
def show(entity: str) -> Any:
    """Ask for the move; say what would become of the records; move them."""
    compiled, moves = _require(entity)
    seen, problem = read_seen(compiled)
    move = moves.get(request.form.get("move", ""))
    step = request.form.get("step") if move is not None and seen and not problem else None
    errors = {}
    if step and move is not None and _lacks_reason(move):
        errors, step = {"reason": locale().say("workflow.reason_required", move=move.label)}, None
    view = _view(compiled, moves, move, seen, errors) | {"problem": problem}
    if step and move is not None:
        view["result"] = _result(compiled, move, seen, step)
    page = render_template("pages/many_moves.html", many=view, shell=page_shell())
    return make_response(page, 422 if errors or problem else 200)


@writes
def part(entity: str) -> Any:
    """Move a part of the records, or say what would become of them."""
    compiled, moves = _require(entity)
    seen, _ = read_seen(compiled)
    move = moves.get(request.form.get("move", ""))
    if move is None or not 0 < len(seen) <= PART:
        return make_response("", 422)
    done = request.form.get("step") == "apply"
    return render_template("fragments/many_part.html", part=_move(compiled, move, seen, rehearse=not done))


ROUTES = (
    ("/e/<entity>/many/moves", ["GET"], back),
    ("/e/<entity>/many/moves", ["POST"], show),
    ("/e/<entity>/many/moves/part", ["POST"], part),
)


def _require(entity: str) -> tuple[Entity, dict[str, Move]]:
    """Return what is moved and the moves there are; raises ``NotFound`` and ``NotAllowed``."""
    compiled = get_entity(g.session.app, entity)
    queries.require_read(g.session, compiled, g.actor)
    if compiled.workflow is None:
        raise NotFound("workflow.no_move", move="–")
    return compiled, {key: move for key, move in compiled.workflow.moves.items() if not move.retired}


def _lacks_reason(move: Move) -> bool:
    return move.reason == "required" and not request.form.get("reason", "").strip()


def _move(entity: Entity, move: Move, seen: Sequence[Seen], *, rehearse: bool) -> dict[str, Any]:
    reason = request.form.get("reason") if move.reason != "none" else None
    outcomes = many.move_many(
        g.session, entity.key, move.key, seen, reason=reason, actor=g.actor, rehearse=rehearse
    )  # fmt: skip
    return view_result(entity, outcomes, seen, move=move)


def _result(entity: Entity, move: Move, seen: Sequence[Seen], step: str) -> dict[str, Any]:
    """Return what became of the records; a script is only told to ask, for it does so part by part."""
    text, badge = locale(), Cells(locale(), now()).stage(entity, move.to)
    what = text.t("many_moves.what", move=text.label(move.label), stage=badge["label"] if badge else move.to)
    value = json.dumps([move.key, request.form.get("reason", "")])
    found: dict[str, Any] = {"changed": [], "same": 0, "told": [], "refused": []}
    said = {"words": "many_moves", "what": what, "value": value}
    if request.headers.get("HX-Request"):
        return found | said | {"run": True, "done": False}
    done = step == "apply" and request.form.get("_previewed") == value
    for start in range(0, len(seen), many.MOST):
        for key, more in _move(entity, move, seen[start : start + many.MOST], rehearse=not done).items():
            found[key] += more
    return found | said | {"run": False, "done": done}


def _view(
    entity: Entity, moves: dict[str, Move], chosen: Move | None, seen: Sequence[Seen], errors: dict[str, str]
) -> dict[str, Any]:
    text, url = locale(), f"{ENTITY_URL.format(entity=entity.key)}/many/moves"
    return {
        "title": text.t("many_moves.title", entity=text.label(entity.label)),
        "entity_label": text.label(entity.label),
        "list_url": list_url(entity),
        "action_url": with_query(url),
        "part_url": f"{url}/part",
        "part": PART,
        "part_done": None,
        "records": ",".join(f"{id_}:{version}" for id_, version in seen),
        "count": len(seen),
        "moves": [
            {"value": key, "label": _say_move(entity, move), "selected": move is chosen} for key, move in moves.items()
        ],
        "chosen": chosen is not None,
        "approval": chosen is not None and chosen.approval is not None,
        "reason": None if chosen is None or chosen.reason == "none" else _reason(chosen, errors),
        "result": None,
    }


def _say_move(entity: Entity, move: Move) -> str:
    """Say a move with the stages it leads from and to: two moves of one label are told apart."""
    text, cells = locale(), Cells(locale(), now())
    from_, to = ([cells.stage(entity, key) for key in keys] for keys in (move.from_, (move.to,)))
    said = ["、".join(badge["label"] for badge in badges if badge) for badges in (from_, to)]
    return text.t("many_moves.move", move=text.label(move.label), from_=said[0], to=said[1])


def _reason(move: Move, errors: dict[str, str]) -> dict[str, Any]:
    return text_field("reason", locale().t("move.reason"), errors=errors, required=move.reason == "required")
