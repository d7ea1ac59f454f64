"""How an approval stands, as ``parts/approval.html`` draws it.

Enters: a ``Panel`` (submitted) or a ``Path`` (would be submitted). Leaves: the view, in people's words. Must not
decide.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.compiler.app import CompiledApp
from engine.expression import Kind
from engine.workflow.panel import Panel, PanelPerson, PanelStep
from engine.workflow.planning import FALLBACK, Path, PathStep
from engine.workflow.rule_words import say_rule
from engine.workflow.shown import Shown
from web.cells import Cells

View = dict[str, Any]
_SHORT = 48
"""A longer condition explains nothing at a glance; who is asked stands there all the same."""
_STEP = {
    "planned": "todo", "open": "current", "stranded": "current", "passed": "done", "refused": "refused",
    "skipped": "skipped", "closed": "todo",
}  # fmt: skip
_PERSON = {"approved": "approved", "refused": "refused", "returned": "returned", "open": "waiting", "cited": "approved"}


def view_panel(cells: Cells, panel: Panel, *, actions: Sequence[Mapping[str, Any]] = ()) -> View:
    """Return a submission as the record's page shows it."""
    return {
        "state": panel.status,
        "headline": headline(cells, panel),
        "note": cells.locale.label(panel.auto_note) or panel.ended_reason or None,
        "steps": [_step(cells, step) for step in panel.steps if _applied(panel, step)],
        "actions": list(actions),
        "problem": None,
    }


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
        "steps": [_path_step(cells, step, _why(cells, app, path, step)) for step in asked],
        "actions": [],
        "problem": text.t("approval.blocked") if path.blocked else None,
    }


def headline(cells: Cells, panel: Panel) -> str:
    """Return one sentence: ``等李经理审批，已 3 小时``."""
    text = cells.locale
    if panel.status == "running":
        names = text.t("text.comma").join(dict.fromkeys(person.name for person in panel.waiting))
        since = min((person.since for person in panel.waiting if person.since), default=panel.started_at)
        return text.t("approval.waiting", names=names or "—", since=_lasted(cells, since))
    if panel.auto_note is not None:
        return text.t("approval.auto_passed")
    who = panel.ended_by.name if panel.ended_by is not None else ""
    when = text.ago(panel.ended_at, cells.now) if panel.ended_at else ""
    return text.t(f"approval.ended_{panel.status}", who=who, when=when)


def figures(cells: Cells, shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """Return the values that decide; a condition that holds stands out, one that does not is left out."""
    made = []
    for one in shown:
        if one.kind is Kind.BOOLEAN and one.value is not True:
            continue
        tone = "amber" if one.kind is Kind.BOOLEAN else None
        made.append(
            {"label": cells.locale.label(one.label), "text": shown_text(cells, one), "tone": tone, "note": None}
        )
    return made


def shown_text(cells: Cells, one: Shown) -> str:
    """Return one of those values as text."""
    text, value = cells.locale, one.value
    if one.kind is Kind.MONEY:
        return text.money(value)
    if one.kind is Kind.PERCENT:
        return text.percent(value)
    if one.kind is Kind.NUMBER:
        return text.number(value)
    if one.kind is Kind.BOOLEAN:
        return text.t("cell.yes" if value else "cell.no")
    if one.kind is Kind.DATE:
        return text.date(value)
    return text.label(value) if isinstance(value, Mapping) else str(value)


def _step(cells: Cells, step: PanelStep) -> View:
    text = cells.locale
    late = step.due is not None and step.due < cells.now
    return {
        "label": text.label(step.label),
        "state": _STEP[step.status],
        "decide": text.t(f"approval.decide_{step.decide}") if len(step.people) > 1 else None,
        "why": text.t(f"approval.skipped_{step.skipped}") if step.skipped else None,
        "due": cells.due(step.due) if step.due else None,
        "late": late,
        "people": [_person(cells, person) for person in step.people if not step.skipped],
    }


def _person(cells: Cells, person: PanelPerson) -> View:
    text = cells.locale
    state = _PERSON.get(person.status, "skipped")
    word = text.t(f"approval.word_{person.status}")
    if person.status == "transferred":
        word = text.t("approval.word_transferred", name=person.went_to)
    return cells.person(person.name, person.why) | {
        "state": state,
        "word": word,
        "when": cells.when(person.at) if person.at else None,
        "reason": person.reason or None,
        "for": None,
    }


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
    }


def _why(cells: Cells, app: CompiledApp, path: Path, step: PathStep) -> str | None:
    if step.fate != "asked":
        return cells.locale.t(f"approval.skipped_{step.fate}")
    said = say_rule(app, path.approval, step.key, step.rule, cells.locale.language) if step.rule else ""
    return cells.locale.t("approval.because", rule=said) if 0 < len(said) <= _SHORT else None


def _applied(panel: Panel, step: PanelStep) -> bool:
    """Whether a step has to do with this submission: one whose condition did not hold, or never reached, has not."""
    if step.skipped == "when" or panel.auto_note is not None:
        return False
    reached = step.status not in ("planned", "closed")
    return reached or (panel.status == "running" and step.key != FALLBACK)


def _names(cells: Cells, step: PathStep) -> str:
    return cells.locale.t("text.comma").join(one.name for one in step.people)


def _lasted(cells: Cells, since: Any) -> str:
    seconds = max(0, int((cells.now - since).total_seconds()))
    for size, code in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= size:
            return cells.locale.t(f"lasted.{code}", count=seconds // size)
    return cells.locale.t("lasted.now")
