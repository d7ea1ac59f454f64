"""How an approval stands, as ``parts/approval.html`` draws it.

Enters: a ``Panel`` (submitted) or a ``Path`` (would be submitted). Leaves: the view, in people's words. Must not
decide.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.compiler.app import CompiledApp
from engine.expression import Kind
from engine.workflow.approval.planning import FALLBACK, Path, PathStep
from engine.workflow.panel import Panel, PanelPerson, PanelStep
from engine.workflow.rule_words import say_rule
from engine.workflow.shown import Shown
from web.cells import Cells
from web.gate import rule_place
from web.i18n import Locale
from web.value_cells import duration_words

View = dict[str, Any]
_SHORT = 48
"""A longer condition explains nothing at a glance; who is asked stands there all the same."""
_STEP = {
    "planned": "todo", "open": "current", "stranded": "current", "passed": "done", "refused": "refused",
    "skipped": "skipped", "closed": "todo",
}  # fmt: skip
_CONSULT = {"open": "open", "done": "done"}
_NOT_PASSED = ("when", "branch", "gone")
_PERSON = {"approved": "approved", "refused": "refused", "returned": "returned", "open": "waiting", "cited": "approved"}


def view_panel(cells: Cells, panel: Panel, *, url: str, actions: Sequence[Mapping[str, Any]] = ()) -> View:
    """Return a submission as pages show it; ``url`` is the record's page, from which the drawing and trail hang."""
    return {
        "state": panel.status,
        "headline": headline(cells, panel),
        "note": cells.locale.label(panel.auto_note) or panel.ended_reason or None,
        "steps": [_step(cells, step) for step in panel.steps if _applied(panel, step)],
        "skipped": _skipped(cells, panel),
        "actions": list(actions),
        "problem": None,
        "links": [
            {"label": cells.locale.t("flow.show"), "url": f"{url}/flow", "icon": "sitemap"},
            {"label": cells.locale.t("approval.trail"), "url": f"{url}/trail", "icon": "printer"},
        ],
    }


def say_skipped(cells: Cells, step: PanelStep, starter: str) -> str:
    """Return in one sentence why nobody was asked in a step, with the rule in words."""
    text = cells.locale
    if step.skipped == "when" and step.rule:
        return text.t("approval.not_because", rule=step.rule)
    if step.skipped == "branch":
        return text.t("approval.not_branch", branch=text.label(step.branch), rule=step.branch_rule or "–")
    if step.skipped == "self":
        return text.t("approval.not_self", name=starter)
    return text.t(f"approval.skipped_{step.skipped}")


def view_path(cells: Cells, path: Path, app: CompiledApp) -> View:
    """Return who would decide if this were submitted now, and the condition that puts them there."""
    text = cells.locale
    asked = [step for step in path.steps if step.fate != "when" and path.auto_note is None]
    if path.auto_note is not None:
        said = text.t("approval.would_pass")
    else:
        names = [_names(cells, step) for step in asked if step.fate == "asked"]
        said = text.t("approval.would_ask", names=text.t("approval.then").join(names))
    return {
        "state": "preview",
        "headline": said,
        "note": text.label(path.auto_note) or None,
        "skipped": [],
        "steps": [_path_step(cells, step, _why(cells, app, path, step)) for step in asked],
        "actions": [],
        "problem": text.t("approval.blocked") if path.blocked else None,
        "links": [],
    }


def headline(cells: Cells, panel: Panel) -> str:
    """Return one sentence: ``等李经理审批，已 3 小时``; whoever is only asked for advice is not waited for."""
    text = cells.locale
    if panel.status == "running":
        deciding = [person for person in panel.waiting if person.kind != "consult"]
        names = text.t("text.comma").join(dict.fromkeys(person.name for person in deciding))
        since = min((person.since for person in deciding if person.since), default=panel.started_at)
        return text.t("approval.waiting", names=names or "—", since=lasted(cells, since))
    if panel.auto_note is not None:
        return text.t("approval.auto_passed")
    who = panel.ended_by.name if panel.ended_by is not None else ""
    when = text.ago(panel.ended_at, cells.now) if panel.ended_at else ""
    return text.t(f"approval.ended_{panel.status}", who=who, when=when)


def figures(cells: Cells, shown: Sequence[Shown], before: Sequence[Shown] = ()) -> list[dict[str, Any]]:
    """Return the values that decide; a condition that holds stands out, one that does not is left out.

    ``before`` are those of the last time: a value that differs says what it was.
    """
    made = []
    was = {one.name: one for one in before}
    for one in shown:
        if one.kind is Kind.BOOLEAN and one.value is not True:
            continue
        tone = "amber" if one.kind is Kind.BOOLEAN else None
        old = was.get(one.name)
        note = cells.locale.t("decision.was", value=shown_text(cells, old)) if old and old.value != one.value else None
        made.append(
            {"label": cells.locale.label(one.label), "text": shown_text(cells, one), "tone": tone, "note": note}
        )
    return made


def shown_text(cells: Cells, one: Shown) -> str:
    """Return one of those values as text."""
    say = _SAID.get(one.kind)
    if say is not None:
        return say(cells.locale, one.value)
    several = one.value if isinstance(one.value, tuple) else (one.value,)
    return cells.locale.t("text.comma").join(_plain_text(cells.locale, value) for value in several)


def _plain_text(text: Locale, value: Any) -> str:
    """A choice by its label, a file by its name."""
    if isinstance(value, Mapping):
        return str(value["name"]) if "content_type" in value else text.label(value)
    return str(value)


_SAID: Mapping[Kind, Callable[[Locale, Any], str]] = {
    Kind.MONEY: lambda text, value: text.money(value),
    Kind.PERCENT: lambda text, value: text.percent(value),
    Kind.NUMBER: lambda text, value: text.number(value),
    Kind.BOOLEAN: lambda text, value: text.t("cell.yes" if value else "cell.no"),
    Kind.DATE: lambda text, value: text.date(value),
    Kind.DATETIME: lambda text, value: text.datetime(value),
    Kind.TIME: lambda text, value: f"{value:%H:%M}",
    Kind.DURATION: duration_words,
}


def _step(cells: Cells, step: PanelStep) -> View:
    text = cells.locale
    late = step.due is not None and step.due < cells.now
    now = [one for one in step.people if not one.earlier]
    return {
        "label": text.label(step.label),
        "state": _STEP[step.status],
        "decide": _mode(cells, step, now),
        "why": text.t(f"approval.skipped_{step.skipped}") if step.skipped else None,
        "because": _because(cells, step),
        "due": cells.due(step.due) if step.due else None,
        "late": late,
        "people": [_person(cells, person) for person in now if not step.skipped],
        "before": [_person(cells, person) for person in step.people if person.earlier],
    }


def _mode(cells: Cells, step: PanelStep, now: Sequence[PanelPerson]) -> str | None:
    """How a step is decided: one that asks one person needs no word for it, unless people were added to it."""
    if step.size > 1:
        return cells.locale.t(f"approval.decide_{step.decide}")
    return cells.locale.t("approval.decide_added") if any(one.note == "added" for one in now) else None


def person_word(cells: Cells, person: PanelPerson) -> str:
    """Return what became of somebody's task, in a word or two."""
    if person.status == "transferred":
        return cells.locale.t("approval.word_transferred", name=person.went_to)
    if person.kind == "consult":
        return cells.locale.t(f"approval.word_consult_{_CONSULT.get(person.status, 'over')}")
    return cells.locale.t(f"approval.word_{person.status}")


def _person(cells: Cells, person: PanelPerson) -> View:
    text = cells.locale
    state = _PERSON.get(person.status, "skipped")
    brought = text.t(f"approval.by_{person.note}", name=person.brought_by) if person.brought_by else None
    deputy = text.t("approval.by", name=person.by) if person.by else None
    return cells.person(person.name, person.why) | {
        "state": state,
        "word": person_word(cells, person),
        "when": cells.when(person.at) if person.at else None,
        "reason": person.reason or None,
        "for": None,
        "by": text.t("text.comma").join(one for one in (brought, deputy) if one) or None,
    }


def _because(cells: Cells, step: PanelStep) -> View | None:
    """Say why a step is there and why these people are asked, and where that is written."""
    text = cells.locale
    said = [text.t("approval.because", rule=rule) for rule in (step.branch_rule, step.rule) if rule]
    said += [text.t("approval.asked_as", name=one.name, why=one.why) for one in step.people if one.why]
    return {"lines": list(dict.fromkeys(said)), "place": rule_place(step.place)} if said and not step.skipped else None


def _skipped(cells: Cells, panel: Panel) -> list[View]:
    """The steps this submission did not pass through, and why."""
    if panel.auto_note is not None:
        return []
    return [
        {
            "label": cells.locale.label(step.label),
            "text": say_skipped(cells, step, panel.starter.name),
            "place": rule_place(step.place),
        }
        for step in panel.steps
        if step.skipped in _NOT_PASSED and step.key != FALLBACK
    ]


def _path_step(cells: Cells, step: PathStep, why: str | None) -> View:
    text = cells.locale
    blank = {"state": "waiting", "word": "", "when": None, "reason": None, "for": None}
    people = [cells.person(one.name) | blank for one in step.people]
    return {
        "label": text.label(step.label),
        "state": "todo" if step.fate == "asked" else "skipped",
        "decide": text.t(f"approval.decide_{step.decide}") if len(step.people) > 1 else None,
        "why": why,
        "due": None,
        "late": False,
        "people": people,
        "before": [],
    }


def _why(cells: Cells, app: CompiledApp, path: Path, step: PathStep) -> str | None:
    if step.fate != "asked":
        return cells.locale.t(f"approval.skipped_{step.fate}")
    said = say_rule(app, path.approval, step.key, step.rule, cells.locale.language) if step.rule else ""
    return cells.locale.t("approval.because", rule=said) if 0 < len(said) <= _SHORT else None


def _applied(panel: Panel, step: PanelStep) -> bool:
    """Whether a step has to do with this submission: one whose condition did not hold, or never reached, has not."""
    if step.skipped in _NOT_PASSED or panel.auto_note is not None:
        return False
    reached = step.status not in ("planned", "closed") or any(one.task for one in step.people)
    return reached or (panel.status == "running" and step.key != FALLBACK)


def _names(cells: Cells, step: PathStep) -> str:
    return cells.locale.t("text.comma").join(one.name for one in step.people)


def lasted(cells: Cells, since: datetime) -> str:
    """Return for how long something has been so: ``已 3 小时``."""
    seconds = max(0, int((cells.now - since).total_seconds()))
    for size, code in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= size:
            return cells.locale.t(f"lasted.{code}", count=seconds // size)
    return cells.locale.t("lasted.now")
