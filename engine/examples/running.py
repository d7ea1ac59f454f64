"""Playing examples: each file in one transaction, each example from where its file begins, and all of it rolled back.

Enters: a store whose clock can be set, example files. Leaves: for each example that it holds, or what differs and
where. Must not commit, send anything, or leave a file: the store's files lie in a folder that is thrown away.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from engine.clock import SetClock
from engine.definition.examples import ExampleDefinition, ExampleFile, StepDefinition
from engine.definition.problems import did_you_mean
from engine.definition.source import SourceFolder
from engine.errors import FieldError, FormworkError, InvalidValues, Problem
from engine.examples import steps
from engine.examples.expectations import REFUSALS, Difference, Ending, Refusal, find_differences, said_in_both
from engine.examples.passing import Passage, begin_passage, let_pass, settle
from engine.examples.reading import read_examples
from engine.examples.scene import Refs, Scene, find_moment
from engine.people import accounts
from engine.people.casting import create_cast, set_everybody_aside
from engine.records.working_time import find_working_time
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.store import Session, Store

Progress = Callable[[int, int], None]

BEGINNING = datetime(2026, 3, 2, 10)
"""When every example begins, in the zone of the site: a Monday that is a working day in every calendar we know."""


@dataclass(frozen=True)
class Outcome:
    """How one example went: without problems it holds."""

    file: str
    example: ExampleDefinition
    problems: tuple[Problem, ...]


def run_examples(
    store: Store, clock: SetClock, files: Sequence[ExampleFile], progress: Progress = lambda done, total: None
) -> list[Outcome]:
    """Play all examples in the store's database and take everything back.

    ``clock`` is the one ``store`` was opened with. Whoever has an account there takes no part.
    """
    total = sum(len(file.examples) for file in files)
    outcomes: list[Outcome] = []
    for file in files:
        outcomes += _run_file(store, clock, file, partial(_shifted, progress, len(outcomes), total))
    return outcomes


def play_folder(folder: SourceFolder, progress: Progress = lambda done, total: None) -> list[Outcome]:
    """Play the examples of a folder in a database that is thrown away; raises ``DefinitionError`` for its problems."""
    files = read_examples(folder)
    with throw_away_store(folder) as (store, clock):
        return run_examples(store, clock, files, progress)


@contextmanager
def throw_away_store(folder: SourceFolder) -> Iterator[tuple[Store, SetClock]]:
    """Give a store in a temporary folder with ``folder`` published in it."""
    with TemporaryDirectory(prefix="formwork-test-", ignore_cleanup_errors=True) as home:
        database = open_database(f"sqlite:///{Path(home) / 'test.sqlite3'}")
        try:
            clock = SetClock(BEGINNING.replace(tzinfo=UTC))
            store = Store(database, Path(home) / "files", clock)
            catalog.publish(store, folder, actor_id=None)
            yield store, clock
        finally:
            database.close()


class _Undo(Exception):
    """Passes through a transaction so that it is rolled back."""


def _shifted(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _run_file(store: Store, clock: SetClock, file: ExampleFile, progress: Callable[[int], None]) -> list[Outcome]:
    stood, outcomes = clock.at, []
    zone = ZoneInfo(store.app.timezone)
    clock.at = BEGINNING.replace(tzinfo=zone).astimezone(UTC)
    try:
        with store.write() as session:
            outcomes = _play_file(session, clock, file, progress)
            raise _Undo
    except _Undo:
        return outcomes
    finally:
        clock.at = stood


def _play_file(session: Session, clock: SetClock, file: ExampleFile, progress: Callable[[int], None]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    try:
        beside = set_everybody_aside(session, file.departments, file.users)
        cast = create_cast(session, file.departments, file.users, password=None, beside=beside)
    except InvalidValues as error:
        wrong = Problem("T004", file.location, {"why": Refusal(error)})
        return [Outcome(file.file, example, (wrong,)) for example in file.examples]
    play = _Play(session, clock, {member.login: member.id for member in cast}, begin_passage(session))
    broken = play.begin(file.given)
    for done, example in enumerate(file.examples, start=1):
        problems = broken or _play_example(play, example)
        outcomes.append(Outcome(file.file, example, tuple(problems)))
        progress(done)
    return outcomes


def _play_example(play: "_Play", example: ExampleDefinition) -> list[Problem]:
    """Play one example in a savepoint of its own and go back to it."""
    savepoint, stood = play.session.connection.begin_nested(), play.clock.at
    try:
        return play.copy().run(example)
    finally:
        savepoint.rollback()
        play.clock.at = stood


@dataclass
class _Play:
    """An example being played: what its refs stand for and which record was touched last."""

    session: Session
    clock: SetClock
    logins: Mapping[str, int]
    passage: Passage
    refs: Refs = field(default_factory=dict)
    touched: tuple[str, int] | None = None

    def copy(self) -> "_Play":
        """Return the same, for an example that begins here."""
        return _Play(self.session, self.clock, self.logins, self.passage, dict(self.refs), self.touched)

    def begin(self, given: Sequence[StepDefinition]) -> list[Problem]:
        """Take the steps every example of a file begins with; return why one was refused."""
        for step in given:
            error = self.take(step, step.written["as"])
            if error is not None:
                return [Problem("T005", step.location, {"what": _what(step), "why": Refusal(error)})]
        return []

    def run(self, example: ExampleDefinition) -> list[Problem]:
        """Return what differs from what an example expects."""
        may_be_refused = any(key in example.expect for key in REFUSALS)
        last = example.do[-1] if example.do and may_be_refused else None
        error: FormworkError | None = None
        for step in (*example.given, *example.do):
            error = self.take(step, step.written.get("as", example.actor))
            if error is not None and step is not last:
                params = {"example": example.example, "what": _what(step), "why": Refusal(error)}
                return [Problem("T001", step.location, params)]
        return list(self._judge(example, error))

    def take(self, step: StepDefinition, login: str) -> FormworkError | None:
        """Do a step; return why it was refused, with nothing of it written."""
        until = self._comes_to(step)
        if until is not None:
            let_pass(self.session, self.clock, self.passage, until)
        if step.action == "wait":
            return None
        try:
            with self.session.connection.begin_nested():
                made = steps.play(self._scene(login), step.written)
        except FormworkError as error:
            self.touched = self._target(step) or self.touched
            return error
        self.touched = (made.entity, made.id) if made is not None else self._target(step) or self.touched
        settle(self.session, self.passage)
        if made is not None and "ref" in step.written:
            self.refs[step.written["ref"]] = (made.entity, made.id)
        return None

    def _comes_to(self, step: StepDefinition) -> datetime | None:
        """Return the moment a step lets the clock come to."""
        if "wait" in step.written:
            return find_working_time(self.session).due(self.clock.at, step.written["wait"])
        if "at" in step.written:
            return find_moment(step.written["at"], BEGINNING.replace(tzinfo=self._zone), self._zone)
        return None

    def _target(self, step: StepDefinition) -> tuple[str, int] | None:
        return self.refs.get(steps.target_of(step.written) or "")

    def _judge(self, example: ExampleDefinition, refused: FormworkError | None) -> Iterator[Problem]:
        address = self.refs.get(example.about) if example.about is not None else self.touched
        try:
            scene = self._scene(example.actor)
        except InvalidValues as error:
            params = {"example": example.example, "what": f"as: {example.actor}", "why": Refusal(error)}
            yield Problem("T001", example.location, params)
            return
        logins = {id_: login for login, id_ in self.logins.items()}
        ending = Ending(scene, address, refused, logins, example.expect.get("period"))
        for key, expected in example.expect.items():
            for found in find_differences(ending, key, expected):
                yield _problem(ending, example, key, found)

    def _scene(self, login: str) -> Scene:
        session = self.session.again()
        if login not in self.logins:
            near = did_you_mean(login, self.logins)
            raise InvalidValues([FieldError("as", "example.unknown_login", {"login": login, "near": _near(near)})])
        actor = accounts.get_actor(session.connection, self.logins[login])
        now = session.now()
        find = partial(find_moment, base=now, zone=self._zone)
        return Scene(session, actor, self.refs, now, self._zone, find, self.logins.get)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.session.app.timezone)


def _problem(ending: Ending, example: ExampleDefinition, key: str, found: Difference) -> Problem:
    location = example.expected_at[key if found.field is None else f"{key}.{found.field}"]
    if found.unknown:
        known = ending.entity.fields if ending.entity is not None else {}
        params = {"example": example.example, "field": found.field, "entity": found.actual}
        return Problem("T003", location, params, did_you_mean(str(found.field), known))
    params = {"example": example.example, "part": found.part, "expected": found.expected, "actual": found.actual}
    return Problem("T002", location, params)


def _what(step: StepDefinition) -> str:
    return f"{step.action}: {step.written[step.action]}"


def _near(login: str | None) -> object:
    return said_in_both("problem.suggestion", suggestion=login) if login is not None else ""
