"""A plan of moving running approvals in sentences, for the command line and for the page that shows the same.

Enters: a verdict, what its record is called, a language. Leaves: lines of text, the first one the whole in short. Must
work nothing out.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from engine import messages
from engine.changing.migrating import Verdict
from engine.storage.store import Session
from engine.workflow.approval.moving import Moving, StepMove, TimerMove
from engine.workflow.refusals import said_moment, say_refusal


def say_verdict(session: Session, verdict: Verdict, name: str, language: str) -> list[str]:
    """Return what would become of one approval: the whole, then each step, timer and the end."""
    params: dict[str, Any] = {"what": verdict.label, "id": verdict.id, "release": verdict.release or "–", "name": name}
    if verdict.refused is not None:
        params["why"] = say_refusal(verdict.refused, language)
    head = messages.text(f"migrate.head_{verdict.kind}", language, **params)
    return [head, *(say_moving(session, verdict.moving, language) if verdict.moving is not None else ())]


def say_moving(session: Session, moving: Moving, language: str) -> Iterator[str]:
    """Yield what happens to each step and timer."""
    for step in moving.steps:
        yield _say_step(step, language)
    for timer in moving.timers:
        yield _say_timer(session, timer, language)
    if moving.approves:
        yield messages.text("migrate.approves", language)


def _say_step(step: StepMove, language: str) -> str:
    fate = "again_later" if step.fate == "again" and not step.people else step.fate
    why = messages.text(f"migrate.why_{step.why}", language) if step.why else ""
    lost = messages.text("migrate.lost", language, people=_names(step.lost, language)) if step.lost else ""
    people = _names(step.people, language) or "–"
    return messages.text(f"migrate.fate_{fate}", language, step=step.label, people=people, why=why, lost=lost)


def _say_timer(session: Session, timer: TimerMove, language: str) -> str:
    rule = messages.text("migrate.timer_rule", language, rule=timer.rule) if timer.rule else ""
    at = said_moment(session, timer.at).text(language) if timer.at is not None else ""
    return messages.text(f"migrate.timer_{timer.fate}", language, who=timer.who, rule=rule, at=at)


def _names(people: Sequence[str], language: str) -> str:
    return messages.text("explain.and", language).join(people)
