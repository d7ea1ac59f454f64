"""Automations in words: what starts one, what it does, what became of its runs.

Enters: compiled automations, their states and runs. Leaves: plain data for the pages of administrators. Must not
decide anything.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from engine.automation.runs import AGAIN, Run
from engine.automation.states import ADDRESS, State
from engine.compiler.app import Automation, Do, Entity
from engine.workflow.proofs import say_length
from web.cells import Cells, record_url
from web.gate import locale
from web.run_words import say_error, say_line

TONES = {
    "pending": "blue", "done": "green", "skipped": "grey", "dropped": "grey", "failed": "red", "stopped": "amber",
    "parked": "red",
}  # fmt: skip


def view_row(automation: Automation, state: State | None, counted: Mapping[str, int], cells: Cells) -> dict[str, Any]:
    """Return a line of the list; ``counted`` are its runs of the last week by state."""
    text = locale()
    return {
        "title": text.label(automation.label),
        "url": f"{ADDRESS}/{automation.key}",
        "about": _entity_label(automation),
        "when": say_trigger(automation),
        "on": is_on(automation, state),
        "state": _state_badge(automation, state),
        "counts": [
            {"label": text.t(f"automation.state_{key}"), "n": counted[key], "tone": TONES[key]}
            for key in TONES
            if counted.get(key)
        ],
        "why": say_why(state),
    }


def is_on(automation: Automation, state: State | None) -> bool:
    """Tell whether an automation is started at all."""
    return not automation.retired and (state is None or state.disabled_at is None)


def say_trigger(automation: Automation) -> str:
    """Return what starts an automation, in one phrase."""
    text, on, entity = locale(), automation.on, g.session.app.entities.get(automation.entity)
    if on.kind == "at":
        said = [_say_moment(one.of, one.amount, one.before, entity) for one in on.moments]
        return text.t("text.comma").join(said)
    if on.kind == "every" and on.schedule is not None:
        if on.schedule.minutes is not None:
            return text.t("automation.on_minutes", n=on.schedule.minutes)
        day = text.t(f"automation.day_{on.schedule.day.lower().replace(' ', '_')}")
        return text.t("automation.on_every", day=day, time=f"{on.schedule.at:%H:%M}")
    names = _names(on.fields, entity)
    stages = [
        text.label(entity.workflow.stages[key].label)
        for key in sorted(on.to)
        if entity is not None and entity.workflow is not None and key in entity.workflow.stages
    ]
    approval = g.session.app.approvals.get(on.approval or "")
    return text.t(
        f"automation.on_{on.kind}",
        fields=names or text.t("automation.any"),
        stages=text.t("text.comma").join(stages) or text.t("automation.any"),
        approval=text.label(approval.label) if approval is not None else "",
        span=say_length(on.span, text.language) if on.span else "",
        name=on.hook,
    )


def view_takes(automation: Automation) -> list[dict[str, str]]:
    """Return what an automation reads of what is sent to it: the name of each part, its type, its place."""
    takes = automation.on.takes
    return [{"name": key, "type": one.field.type.key, "place": ".".join(one.path)} for key, one in takes.items()]


def view_steps(automation: Automation) -> list[dict[str, Any]]:
    """Return what an automation does, step by step."""
    return [
        {"path": step.path, "text": say_step(step), "place": f"{step.location.file}:{step.location.line}"}
        for step in automation.do
        if step.kind != "skip"
    ]


def say_step(step: Do) -> str:
    """Return what a step does, in one phrase."""
    text = locale()
    shown = step.report or step.dashboard
    below = text.t("automation.with_shown", name=shown) if shown else ""
    return below and f"{_say_plain(step)} {below}" or _say_plain(step)


def _say_plain(step: Do) -> str:
    text = locale()
    return text.t(
        f"automation.do_{step.kind}",
        name=step.name,
        values=text.t("text.comma").join(f"{key} = {one.text}" for key, one in step.values.items()),
        condition=step.value.text if step.value is not None else "",
        span=say_length(step.span, text.language) if step.span else "",
        who=text.t("text.comma").join(_say_who(one) for one in step.who),
        text=_say_text(step),
    )


def view_run(run: Run, names: Mapping[tuple[str, int], str], cells: Cells) -> dict[str, Any]:
    """Return a run as the list of runs shows it."""
    text = locale()
    automation = g.session.app.automations.get(run.automation)
    address = (run.entity or "", run.record_id)
    return {
        "id": run.id,
        "state": {"label": text.t(f"automation.state_{run.state}"), "tone": TONES[run.state]},
        "automation": text.label(automation.label) if automation is not None else run.automation,
        "automation_url": f"{ADDRESS}/{run.automation}",
        "title": names.get(address) or (f"#{run.record_id}" if run.record_id else ""),
        "url": record_url(*address) if address in names else None,
        "at": cells.when(run.ended_at or run.created_at),
        "due": cells.when(run.available_at) if run.state == "pending" else None,
        "why": say_error(text, run.error),
        "trace": [say_line(text, g.session, line) for line in run.trace],
        "again_url": f"{ADDRESS}/runs/{run.id}/again" if run.state in AGAIN else None,
    }


def say_why(state: State | None) -> str | None:
    """Return why an automation failed last."""
    return say_error(locale(), state.why) if state is not None and state.failures else None


def _state_badge(automation: Automation, state: State | None) -> dict[str, str]:
    if automation.retired:
        return {"label": locale().t("automation.retired"), "tone": "grey"}
    if is_on(automation, state):
        return {"label": locale().t("automation.is_on"), "tone": "green"}
    return {"label": locale().t("automation.is_off"), "tone": "red"}


def _entity_label(automation: Automation) -> str:
    entity = g.session.app.entities.get(automation.entity)
    return locale().label(entity.label) if entity is not None else locale().t("automation.no_record")


def _names(keys: Sequence[str] | frozenset[str], entity: Entity | None) -> str:
    fields = entity.fields if entity is not None else {}
    return locale().t("text.comma").join(locale().label(fields[key].label) for key in sorted(keys) if key in fields)


def _say_moment(of: str, amount: str | None, before: bool, entity: Entity | None) -> str:
    field = _names([of], entity) or of
    if amount is None:
        return locale().t("automation.on_day", field=field)
    return locale().t(
        "automation.on_before" if before else "automation.on_after",
        field=field,
        amount=say_length(amount, locale().language),
    )


def _say_who(one: Any) -> str:
    role = g.session.app.roles.get(one.name) if one.kind == "role" else None
    if role is not None:
        return locale().label(role.label)
    known = ("owner", "manager_of", "managers_of", "head_of")
    return locale().t(f"automation.who_{one.kind}") if one.kind in known else one.name


def _say_text(step: Do) -> str:
    parts = step.text.get(locale().language) or next(iter(step.text.values()), ())
    return "".join(part if isinstance(part, str) else f"{{{part.value.text}}}" for part in parts)
