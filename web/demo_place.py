"""How far the story of a demo has come, kept with the data.

Enters: a session. Leaves: the place a story goes on at, and what was said to each of its courses. Must not play it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.definition.kinds import find_kind
from engine.definition.source import SourceFolder
from engine.examples.scene import Refs
from engine.storage.chosen import forget_settings, keep_setting, read_setting, read_settings
from engine.storage.store import Session

_PLACE = "demo.place"
_COURSE = "demo.course."


@dataclass
class Place:
    """How far the story has come.

    ``began`` is the moment all its distances count from; ``written`` the sha256 of the story and its courses; ``size``
    and ``seed`` are what the courses are played with; ``over`` says that all has been told.
    """

    began: datetime
    written: str
    size: float = 1.0
    seed: int = 1
    done: int = 0
    refs: Refs = field(default_factory=dict)
    over: bool = False


def digest(folder: SourceFolder) -> str:
    """Return what tells a story and its courses from every other."""
    texts = {path: text for path, text in folder.files.items() if find_kind(path) in ("demo", "course")}
    return SourceFolder(texts).digest


def read_place(session: Session) -> Place | None:
    """Return how far the story has come; None when none is here."""
    kept = read_setting(session.connection, _PLACE)
    if kept is None:
        return None
    refs = {name: (entity, id_) for name, (entity, id_) in kept["refs"].items()}
    began = datetime.fromisoformat(kept["began"])
    size, seed, over = kept.get("size", 1.0), kept.get("seed", 1), kept.get("over", False)
    return Place(began, kept["written"], size, seed, kept["done"], refs, over)


def write_place(session: Session, place: Place) -> None:
    """Keep how far the story has come."""
    refs = {name: list(address) for name, address in place.refs.items()}
    value = {"began": place.began.isoformat(), "written": place.written, "size": place.size, "seed": place.seed,
             "done": place.done, "refs": refs, "over": place.over}  # fmt: skip
    keep_setting(session.connection, _PLACE, value)


def forget_place(session: Session) -> None:
    """Forget the story and its courses."""
    keep_setting(session.connection, _PLACE, None)
    forget_courses(session)


def read_courses(session: Session) -> dict[str, list[Any]]:
    """Return what was said to each course that has begun, by its name."""
    return read_settings(session.connection, _COURSE)


def write_course(session: Session, name: str, said: list[Any]) -> None:
    """Keep what was said to a course."""
    keep_setting(session.connection, _COURSE + name, said)


def forget_courses(session: Session) -> None:
    """Forget what was said to the courses: they are all over."""
    forget_settings(session.connection, _COURSE)
