"""Demo data: the invented people and the story of a template, played through the same commands people use.

Enters: an open store whose clock can be set, and a template's folder with ``demo/*.yaml`` and the ``courses/*.yaml``
that have a ``demo``. Leaves: accounts with new passwords, and records with history, approvals and files, dated over the
last year. Must not write a record around the commands: what the story may not do, nobody may.

Both halves can be called again after an interruption: people who are there stay as they are, and story and courses go
on after the last step that was committed.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import select

from engine.automation.jobs import react
from engine.automation.notices import mark_old_read
from engine.clock import SetClock
from engine.definition.kinds import find_kind
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.errors import NotPossibleNow
from engine.examples.sample_files import make_pdf
from engine.guiding.clearing import Clearing, clear
from engine.guiding.steps import find_invented
from engine.people.actor import Actor
from engine.storage.journal import write_audit
from engine.storage.store import Session, Store
from engine.storage.system_tables import users
from web.demo_courses import Courses
from web.demo_people import DemoAccount, create_people
from web.demo_place import Place, digest, forget_courses, forget_place, read_place, write_place
from web.demo_story import LeftOut, Step, Story

__all__ = ["DemoAccount", "clear_demo", "create_people", "find_leavers", "load_demo", "make_pdf", "play_story"]

Progress = Callable[[int, int], None]

_UNREAD = timedelta(days=30)
"""How far back people of a demo have not read what they were told."""


def play_story(
    store: Store,
    clock: SetClock,
    folder: SourceFolder,
    progress: Progress = lambda done, total: None,
    left_out: LeftOut = lambda problem: None,
    *,
    size: float = 1.0,
    seed: int = 1,
) -> int:
    """Play the steps of ``demo/*.yaml`` and the courses of the demo in the order of time; return how many of both.

    ``clock`` is the one ``store`` was opened with; it stands at the present moment when called, and there again at the
    end. ``size`` and ``seed`` are of the courses; one that was interrupted goes on as it began. A step that is refused
    raises ``DefinitionError`` with its place and the reason; one of the template of a site, whose rules are others, is
    given to ``left_out`` instead, as is a course that may not go on.
    """
    now, written = clock.now(), digest(folder)
    with store.read() as session:
        place = read_place(session) or Place(now, written, size, seed)
    if place.over or place.written != written:
        return 0  # played, or another story than the one that is here: its steps do not continue this one
    story = Story(store, clock, place, left_out)
    steps = story.in_order(parse_documents(folder, "demo"))
    courses = Courses(store, place, parse_documents(folder, "course"), left_out)
    before = place.done + courses.over
    try:
        for _ in _tell(clock, story, steps, courses):
            progress(place.done + courses.over, len(steps) + courses.count)
    finally:
        clock.at = now
    react(store)
    with store.write() as session:
        place.over = True
        mark_old_read(session, now - _UNREAD)
        write_place(session, place)
        forget_courses(session)
    return place.done + courses.over - before


def _tell(clock: SetClock, story: Story, steps: list[tuple[datetime, Step]], courses: Courses) -> Iterator[None]:
    """Do all that is still to be done in the order of time, and come back after each step and each end of a course."""
    while True:
        step, course = next(iter(steps[story.place.done : story.place.done + 1]), None), courses.next
        if step is not None and (course is None or step[0] <= course):
            story.play(*step)
            yield
        elif course is not None:
            clock.at = course
            if courses.play():
                yield
        else:
            return


def load_demo(
    store: Store,
    clock: SetClock,
    folder: SourceFolder,
    progress: Progress = lambda done, total: None,
    left_out: LeftOut = lambda problem: None,
    *,
    size: float = 1.0,
    seed: int = 1,
    actor: Actor | None,
) -> list[DemoAccount]:
    """Create the people of a release's demo and play its story; the passwords are only told now.

    Raises ``NotPossibleNow`` when the release brings none, or one is there already.
    """
    if not any(find_kind(path) == "demo" for path in folder.files):
        raise NotPossibleNow("guide.no_demo")
    with store.read() as session:
        if find_invented(session).people or read_place(session) is not None:
            raise NotPossibleNow("guide.demo_there")
    people = create_people(store, folder)
    with store.database.without_waiting_for_disk():
        play_story(store, clock, folder, progress, left_out, size=size, seed=seed)
    with store.write() as session:
        write_audit(session, "setting.demo_loaded", None, {"people": len(people)}, actor=actor)
    left = find_leavers(store)
    return [one for one in people if one.login not in left]


def find_leavers(store: Store) -> frozenset[str]:
    """Return the logins of those who are disabled: who left in the story cannot sign in any more."""
    with store.read() as session:
        gone = select(users.c.login).where(users.c.disabled_at.is_not(None))
        return frozenset(session.connection.scalars(gone))


def clear_demo(session: Session, *, actor: Actor | None) -> Clearing:
    """Clear what invented people made, and forget how far their story had come."""
    done = clear(session, actor=actor)
    forget_place(session)
    return done
