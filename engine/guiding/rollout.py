"""The roll-out in four phases: which modules each brings, what is to be done for it, how much of that is done.

Enters: a session. Leaves: phases with their tasks. Must not switch anything: administrators do.
"""

from dataclasses import dataclass

from engine.compiler.app import Module
from engine.guiding.steps import count_real, find_invented, read_guide
from engine.guiding.trial import read_trial
from engine.storage.store import Session

PHASES = (1, 2, 3, 4)


@dataclass(frozen=True)
class Task:
    """Something to do: ``kind`` is setup, on, first or trial; ``name`` the module or entity it is about."""

    kind: str
    name: str
    done: bool


@dataclass(frozen=True)
class Phase:
    """One phase with the modules it brings."""

    number: int
    modules: tuple[Module, ...]
    tasks: tuple[Task, ...]

    @property
    def percent(self) -> int:
        """How much is done, in hundredths, rounded down."""
        return 100 * sum(one.done for one in self.tasks) // len(self.tasks) if self.tasks else 0


def read_phases(session: Session) -> list[Phase]:
    """Return the phases; the first holds the set-up itself, the last the look back."""
    app, invented, guide = session.app, find_invented(session), read_guide(session)
    phases = []
    for number in PHASES:
        modules = tuple(one for one in app.modules.values() if one.phase == number)
        tasks = [Task("setup", "", guide.finished)] if number == 1 else []
        for one in modules:
            tasks.append(Task("on", one.key, one.key in app.on))
            main = next((key for key in one.entities if key in app.menu), one.entities[0])
            tasks.append(Task("first", main, main not in app.off and count_real(session, main, invented) > 0))
        if number == PHASES[-1]:
            trial = read_trial(session)
            tasks += [
                Task("trial_begun", "", trial is not None),
                Task("trial_ended", "", trial is not None and trial.ended is not None),
            ]
        phases.append(Phase(number, modules, tuple(tasks)))
    return phases
