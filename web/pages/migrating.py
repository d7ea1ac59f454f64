"""Moving running approvals to the present release: one, or all of a definition, with a mapping of their steps.

Enters: approvals, which old step becomes which, what happens to open timers, a reason. Leaves: a page that says of each
what would become of it, then what became. A script asks part by part and does one approval at a time, so that each has
a transaction of its own; without one, one request does the whole. Must not do to an approval what was not shown.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from flask import g, make_response, render_template, request

from engine.changing.classes import Class
from engine.changing.mapping import OldStep, check_mapping, list_old_steps
from engine.changing.migrating import MigrationPlan, Verdict, find_candidates, migrate, plan_migration
from engine.changing.migrating_words import say_verdict
from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.workflow.approval import log
from engine.workflow.approval.moving import TIMERS, Chosen
from engine.workflow.refusals import say_refusal
from web.admin_fields import said, text_field
from web.api.requests import read_id
from web.cells import record_url
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.pages.standstill import URL, names_of

PART = 20
"""Approvals a script asks about at a time; done one at a time."""

MOST = 2_000
"""Approvals one page moves."""

_MAP = "map."
_ASKED = re.compile(r"([1-9][0-9]{0,17})(?::([0-9a-f]{16}))?")


@reads
def show_one(approval_id: str) -> Any:
    """Show what moving one approval would do."""
    _require_admin()
    id_ = read_id(approval_id)
    [(kept, _)] = find_candidates(g.session, (), [id_], ())
    return _page(kept.state.approval, [id_], one=True, step="look")


@reads
def show_all(definition: str) -> Any:
    """Show what moving the approvals of a definition would do: those that need a mapping, or all that are older."""
    _require_admin()
    return _page(definition, _list_ids(definition), step="look")


@writes
def do_one(approval_id: str) -> Any:
    """Say what would become of one approval as chosen, or move it."""
    _require_admin()
    id_ = read_id(approval_id)
    [(kept, _)] = find_candidates(g.session, (), [id_], ())
    return _page(kept.state.approval, [id_], one=True, step=request.form.get("step", ""))


@writes
def do_all(definition: str) -> Any:
    """Say what would become of approvals as chosen, or move them."""
    _require_admin()
    return _page(definition, [id_ for id_, _ in _read_asked()][:MOST], step=request.form.get("step", ""))


@writes
def part(definition: str) -> Any:
    """Say what would become of a part of the approvals, or move it."""
    _require_admin()
    asked, apply = _read_asked(), request.form.get("step") == "apply"
    if not 0 < len(asked) <= PART or (apply and not request.form.get("reason", "").strip()):
        return make_response("", 422)
    found = _result(definition, asked, _chosen(), apply=apply)
    return render_template("fragments/many_part.html", part=found)


ROUTES = (
    (f"{URL}/approval/<approval_id>/move", ["GET"], show_one),
    (f"{URL}/approval/<approval_id>/move", ["POST"], do_one),
    (f"{URL}/moves/<definition>", ["GET"], show_all),
    (f"{URL}/moves/<definition>", ["POST"], do_all),
    (f"{URL}/moves/<definition>/part", ["POST"], part),
)


def _require_admin() -> None:
    if not g.actor.is_admin:
        raise NotAllowed("people.not_admin")


# ---- what was asked for


def _list_ids(definition: str) -> list[int]:
    check_mapping(g.session, {}, [definition])
    classes: tuple[Class, ...] = () if request.args.get("which") == "all" else ("mapping",)
    found = find_candidates(g.session, [definition], (), classes)
    return [kept.id for kept, _ in found][:MOST]


def _read_asked() -> list[tuple[int, str]]:
    """Return the approvals that were posted, each with the digest of what was shown of it, if that was said."""
    matches = [_ASKED.fullmatch(one) for one in request.form.get("records", "").split(",")]
    return list({int(one[1]): (int(one[1]), one[2] or "") for one in matches if one is not None}.values())


def _chosen() -> Chosen:
    wanted = request.form.get("timers", TIMERS[0])
    given = request.form.items()
    became = {name.removeprefix(_MAP): new for name, new in given if name.startswith(_MAP) and new}
    return Chosen(became, next((one for one in TIMERS if one == wanted), TIMERS[0]))


# ---- what becomes of them


def _result(definition: str, asked: Iterable[tuple[int, str]], chosen: Chosen, *, apply: bool) -> dict[str, Any]:
    """Return what would become of each, or with ``apply`` what became: only what was shown is done."""
    found = _no_result()
    for id_, shown in sorted(asked):
        try:
            plan = plan_migration(g.session, definitions=[definition], ids=[id_], chosen=chosen)
        except NotFound as gone:
            found["refused"].append(_item(f"approval/{id_}", None, gone.text(locale().language)))
            continue
        for verdict in plan.verdicts:
            refused = _do(plan, verdict, shown) if apply and verdict.kind == "moves" else verdict.refused
            if verdict.kind == "same":  # it was moved before, or asks the same anyway
                found["same"] += 1
            elif refused is not None:
                found["refused"].append(_said(verdict, say_refusal(refused, locale().language)))
            else:
                found["changed"].append(f"{id_}:{plan.digest}")
                found["told"] += [] if apply else [_said(verdict, "", _lines(verdict))]
    return found


def _no_result() -> dict[str, Any]:
    return {"changed": [], "same": 0, "told": [], "refused": []}


def _do(plan: MigrationPlan, verdict: Verdict, shown: str) -> FormworkError | None:
    """Move one approval as it was shown; return why not."""
    if plan.digest != shown:
        return NotPossibleNow("migrate.changed", address=f"approval/{verdict.id}")
    with g.session.attempt() as attempt:
        try:
            migrate(g.session, plan, verdict, reason=request.form.get("reason", ""), actor=g.actor)
        except FormworkError as refused:
            attempt.undo()
            return refused
    return None


def _lines(verdict: Verdict) -> list[str]:
    return say_verdict(g.session, verdict, "", locale().language)[1:]


def _said(verdict: Verdict, text: str, lines: Sequence[str] = ()) -> dict[str, Any]:
    address = (verdict.entity, verdict.record_id)
    name = names_of([address]).get(address)
    release = locale().t("moving.release", release=verdict.release or "–")
    return _item(name or f"approval/{verdict.id}", record_url(*address) if name else None, text or release, lines)


def _item(label: str, url: str | None, text: str, lines: Sequence[str] = ()) -> dict[str, Any]:
    return {"label": label, "url": url, "text": text, "lines": [{"text": line, "url": None} for line in lines]}


# ---- the page


def _page(definition: str, ids: Sequence[int], *, step: str, one: bool = False) -> Any:
    """Draw the page; ``step``: look at it as it opens, ``preview`` or ``apply`` as it was filled in."""
    text, chosen, errors = locale(), _chosen(), {}
    try:
        check_mapping(g.session, chosen.became, [definition])
    except InvalidValues as wrong:
        errors, step = said(wrong), ""
    if step == "apply" and not request.form.get("reason", "").strip():
        errors, step = {"reason": text.say("approval.reason_required")}, "preview"
    approval = g.session.app.approvals.get(definition)
    label = text.label(approval.label) if approval is not None else definition
    page = {
        "title": text.t("stranded.move_title", what=_name_of(ids[0]) if one else label),
        "crumbs": [{"label": text.t("stranded.title"), "url": URL}],
        "list_url": URL,
        "action_url": f"{URL}/approval/{ids[0]}/move" if one else f"{URL}/moves/{definition}",
        "part_url": f"{URL}/moves/{definition}/part",
        "part": PART,
        "part_done": 1,
        "records": ",".join(map(str, ids)),
        "count": 0 if one else len(ids),
        "scope": [] if one else _scope(definition),
        "steps": _steps(definition, ids, chosen),
        "timers": _select("timers", text.t("stranded.timers"), _timers(), chosen.timers),
        "reason": text_field("reason", text.t("stranded.reason"), errors=errors, required=True),
        "record": _record_of(ids[0]) if one else None,
        "empty": None if ids else _empty(),
        "result": _shown(definition, ids, chosen, step) if ids and step else None,
        "error": errors.get(""),
    }
    answer = render_template("pages/moving.html", page=page, shell=page_shell())
    return make_response(answer, 422 if errors else 200)


def _shown(definition: str, ids: Sequence[int], chosen: Chosen, step: str) -> dict[str, Any]:
    """Return the result; a script is only told to ask, for it does so part by part, and at once as the page opens."""
    result = _no_result() | {"words": "moving", "what": "", "value": "", "run": True, "done": False}
    if step == "look" or request.headers.get("HX-Request"):
        return result | {"quiet": step == "look"}
    plan = _result(definition, [(id_, "") for id_ in ids], chosen, apply=False)
    value = ",".join(plan["changed"])
    if step == "apply" and request.form.get("_previewed") == value:
        shown = dict(one.split(":") for one in plan["changed"])
        done = _result(definition, [(id_, shown.get(str(id_), "")) for id_ in ids], chosen, apply=True)
        return result | done | {"run": False, "done": True}
    return result | plan | {"run": False, "value": value}


def _scope(definition: str) -> list[dict[str, Any]]:
    """Links to the approvals that need a mapping, and to all of earlier releases."""
    if request.method == "POST":
        return []
    everything = request.args.get("which") == "all"
    return [
        {"label": locale().t("moving.which_mapping"), "url": f"{URL}/moves/{definition}", "current": not everything},
        {"label": locale().t("moving.which_all"), "url": f"{URL}/moves/{definition}?which=all", "current": everything},
    ]


def _steps(definition: str, ids: Sequence[int], chosen: Chosen) -> list[dict[str, Any]]:
    kept = [found.state for id_ in ids if (found := log.read(g.session, id_)) is not None and found.state.running]
    return [_step(one, chosen.became.get(one.key, "")) for one in list_old_steps(g.session, definition, kept)]


def _step(step: OldStep, picked: str) -> dict[str, Any]:
    text = locale()
    stays = step.key in step.choices
    options = {"": text.t("moving.ask_anew" if stays else "moving.no_place")}
    options |= {
        key: text.t("moving.same_people") if stays else text.t("moving.becomes", step=text.label(label))
        for key, label in step.choices.items()
    }
    label = text.t("moving.step_changed" if stays else "moving.step_gone", step=text.label(step.label), n=step.count)
    return _select(f"{_MAP}{step.key}", label, options, picked)


def _timers() -> dict[str, str]:
    return {one: locale().t(f"stranded.timers_{one}") for one in TIMERS}


def _select(name: str, label: str, options: dict[str, str], picked: str) -> dict[str, Any]:
    offered = [{"value": value, "label": said_, "selected": value == picked} for value, said_ in options.items()]
    return text_field(name, label, errors={}, kind="choice", style="select", options=offered)


def _name_of(id_: int) -> str:
    found = _record_of(id_)
    return str(found["label"]) if found else "–"


def _record_of(id_: int) -> dict[str, Any] | None:
    kept = log.read(g.session, id_)
    address = (kept.entity, kept.record_id) if kept is not None else ("", 0)
    name = names_of([address]).get(address)
    return {"label": name, "url": record_url(*address)} if name else None


def _empty() -> dict[str, Any]:
    text = locale()
    back = {"label": text.t("stranded.title"), "url": URL, "icon": None, "method": "get"}
    return {
        "icon": "circle-check",
        "title": text.t("moving.empty"),
        "text": text.t("moving.empty_text"),
        "action": back,
    }
