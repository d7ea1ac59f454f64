"""A simulation in sentences, for the command line, and for the page that shows the same.

Enters: a ``Simulation`` and a language. Leaves: lines of text, or plain data for ``--json``. Must work nothing out.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from engine import messages
from engine.changing.simulation import LateMoment, SimulatedStep, Simulation
from engine.records.evaluation import site_zone
from engine.workflow.approval.plan import Person
from engine.workflow.explaining import say_first, say_path, say_step


def say_simulation(simulation: Simulation, language: str) -> list[str]:
    """Return who would sign, when each step would be due and late, who gets copies, and what is missing."""
    explained = simulation.explained
    lines = [say_first(explained, language)]
    if not simulation.steps:
        lines = say_path(explained, language)[:-1]
    for step in simulation.steps:
        lines.append(f"- {say_step(explained, step.path, language)}")
        lines += [f"  {line}" for line in say_moments(simulation, step, language)]
    lines += say_around(simulation, language)
    code = "simulation.by_draft" if simulation.is_draft else "explain.by_release"
    return [*lines, messages.text(code, language, release=explained.release_id, starter=explained.starter.name)]


def say_moments(simulation: Simulation, step: SimulatedStep, language: str) -> Iterator[str]:
    """Yield when a step would open at the latest, be due and be late, and who gets copies of it."""
    if step.opens is None:
        return
    opens, due = (said_moment(simulation, at, language) for at in (step.opens, step.due))
    code = "simulation.due" if step.due is not None else "simulation.no_due"
    yield messages.text(code, language, opens=opens, due=due)
    for late in step.late:
        yield _say_late(simulation, late, language)
    if step.copies:
        yield messages.text("simulation.copy_step", language, names=_names(step.copies, language))


def say_around(simulation: Simulation, language: str) -> list[str]:
    """Return who gets copies of the whole, and what the gate still lacks."""
    lines = [
        messages.text(f"simulation.copy_{point}", language, names=_names(people, language))
        for point, people in simulation.copies.items()
        if people
    ]
    if simulation.move is not None and simulation.missing:
        items = messages.text("workflow.separator", language).join(one.message for one in simulation.missing)
        lines.append(messages.text("simulation.missing", language, move=simulation.move.label, items=items))
    elif simulation.move is not None and not simulation.unknown:
        lines.append(messages.text("simulation.ready", language, move=simulation.move.label))
    if simulation.unknown:
        lines.append(messages.text("simulation.unknown", language))
    return lines


def to_data(simulation: Simulation, language: str) -> dict[str, Any]:
    """Return a simulation as plain data."""
    explained = simulation.explained
    return {
        "approval": explained.approval.key,
        "release": None if simulation.is_draft else explained.release_id,
        "starter": explained.starter.login,
        "said": say_first(explained, language),
        "steps": [_step_data(simulation, step, language) for step in simulation.steps],
        "copies": {point: [person.id for person in people] for point, people in simulation.copies.items()},
        "move": None if simulation.move is None else simulation.move.key,
        "missing": [{"key": one.key, "kind": one.kind, "said": one.message} for one in simulation.missing],
        "partly_unknown": simulation.unknown,
    }


def said_moment(simulation: Simulation, at: datetime | None, language: str) -> str:
    """Return a moment on the clock of the site, with its day of the week; "" for none."""
    if at is None:
        return ""
    local = at.astimezone(site_zone(simulation.explained.app))
    days = messages.text("simulation.weekdays", language).split()
    return f"{local:%Y-%m-%d} {days[local.weekday()]} {local:%H:%M}"


def _say_late(simulation: Simulation, late: LateMoment, language: str) -> str:
    at, names = said_moment(simulation, late.at, language), _names(late.people, language) or "–"
    done = [messages.text(f"simulation.late_{kind}", language, names=names) for one in late.rule.do for kind in one]
    return messages.text("simulation.late", language, at=at, done=messages.text("explain.and", language).join(done))


def _step_data(simulation: Simulation, step: SimulatedStep, language: str) -> dict[str, Any]:
    return {
        "key": step.path.key,
        "fate": step.path.fate,
        "people": [{"id": one.id, "name": one.name} for one in step.path.people],
        "rule": step.path.rule,
        "place": step.path.place,
        "said": say_step(simulation.explained, step.path, language),
        "opens_at_latest": step.opens.isoformat() if step.opens else None,
        "due": step.due.isoformat() if step.due else None,
        "late": [
            {"rule": one.rule.key, "at": one.at.isoformat(), "people": [person.id for person in one.people]}
            for one in step.late
        ],
        "copies": [one.id for one in step.copies],
    }


def _names(people: tuple[Person, ...], language: str) -> str:
    return messages.text("explain.and", language).join(person.name for person in people)
