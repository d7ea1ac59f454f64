"""Running what was begun: each run, or each stretch of it up to a wait, in one transaction with everything it does.

Enters: a store. Leaves: runs that ended, wait, or stand aside, each with a trace of what it did and where that is
written. Must not let one run hold up another, nor do anything twice: what a run did and how far it came commit
together.

A run whose step is refused (a gate, a rule, a missing value) has done nothing and is listed with the reason; one that
breaks is tried again later and then parked. An automation that fails several times in a row is set aside and told of.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from engine.automation import runs, states
from engine.automation.doing import step_on
from engine.automation.figuring import count_figures
from engine.automation.payloads import read_payload
from engine.automation.runs import Begin, Run
from engine.automation.scene import Scene
from engine.automation.triggering import has_moment
from engine.compiler.app import Automation, Do
from engine.errors import FormworkError, InvalidValues, NotFound
from engine.people.actor import Actor, engine_actor
from engine.records.evaluation import make_env
from engine.records.working_time import find_working_time
from engine.records.writing import lock_record
from engine.storage.faults import Unavailable
from engine.storage.priorities import USUAL
from engine.storage.store import Cause, Session, Store

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""How long to wait after a run broke; then it is parked for a person to look at."""
DEEPEST = 10
"""Runs that may follow from one another: beyond that something goes round."""

_BATCH = 200
_log = logging.getLogger("formwork.automations")


def run_due(store: Store, *, most: int = 10_000) -> int:
    """Go on with every run that may go on now, and return how many went on (``most`` at most)."""
    done = 0
    while done < most:
        batch = min(_BATCH, most - done)
        with store.read() as session:
            due = runs.find_due(session, most=batch)
        went = sum(_run_alone(store, id_) for id_ in due)
        done += went
        if len(due) < batch or not went:
            break
    return done


def run_here(session: Session, *, after: int = 0) -> int:
    """Go on in this transaction with the runs begun after run ``after``: for what is played and taken back."""
    due = runs.find_due(session, most=_BATCH, after=after)
    return sum(_go_on(session, id_) for id_ in due)


def run_now(session: Session, wanted: Begin, *, preview: bool = False, watcher: Actor | None = None) -> Run:
    """Begin a run and go as far as it goes in this transaction.

    In a preview waits are passed over, and messages say no more than ``watcher`` may know.
    """
    runs.begin_runs(session, [wanted])
    run = runs.claim(session, runs.find_last_id(session))
    assert run is not None and run.occasion == wanted.occasion  # noqa: S101 - it was just begun
    _begin(session, run, preview=preview, watcher=watcher)
    return _as_it_is(session, run.id)


def run_one(session: Session, id: int) -> Run:
    """Go as far as a run that was begun goes, in this transaction, and return it."""
    _go_on(session, id)
    return _as_it_is(session, id)


def _as_it_is(session: Session, id: int) -> Run:
    found = runs.get_run(session, id)
    assert found is not None  # noqa: S101 - whoever asks has begun it
    return found


def _run_alone(store: Store, id: int) -> bool:
    """Go on with one run in a transaction of its own, so that one that breaks holds up no other."""
    run: Run | None = None
    try:
        with store.write() as session:
            run = runs.claim(session, id)
            if run is None:
                return False
            _begin(session, run)
            return True
    except Unavailable:
        raise  # nobody's fault: the next look tries again
    except Exception as error:  # whatever one does wrong must not stop the others
        _log.exception("Run %s broke", id)
        if run is not None:
            _put_off(store, run, error)
        return False


def _go_on(session: Session, id: int) -> bool:
    run = runs.claim(session, id)
    if run is not None:
        _begin(session, run)
    return run is not None


def _put_off(store: Store, run: Run, error: Exception) -> None:
    wait = RETRY_AFTER[min(run.attempts, len(RETRY_AFTER) - 1)]
    parked = run.attempts >= len(RETRY_AFTER)
    with store.write() as session:
        runs.put_off(session, run, session.now() + wait, f"{type(error).__name__}: {error}", parked=parked)
        if parked:
            states.note_failure(session, run, {"code": "broken"})


def _begin(session: Session, run: Run, *, preview: bool = False, watcher: Actor | None = None) -> None:
    """Run as far as it goes."""
    automation = session.app.automations.get(run.automation)
    why = _why_dropped(session, run, automation)
    if automation is None or why is not None:
        runs.end_run(session, run, "dropped", error={"code": why or "gone"})
        return
    session.cause = Cause(run.id, automation.label.get(session.app.language) or run.automation)
    session.priority, usual = max(run.priority, USUAL), session.priority
    try:
        _run(session, run, automation, preview, watcher)
    finally:
        session.cause, session.priority = None, usual


def _run(session: Session, run: Run, automation: Automation, preview: bool, watcher: Actor | None) -> None:
    stretch: _Stretch | None = None
    try:
        with session.attempt():
            stretch = _Stretch(session, run, automation, preview, watcher)
            state = stretch.go()
    except (FormworkError, NotFound) as error:
        if isinstance(error, Unavailable):
            raise
        where = stretch.at if stretch is not None else None
        told = {"code": "refused", "step": where.path if where is not None else None, **say_error(error)}
        trace = [*(stretch.trace if stretch is not None else ()), {"step": told["step"], "refused": told["text"]}]
        runs.end_run(session, run, "failed", trace=trace, error=told)
        states.note_failure(session, run, told)
        return
    if state is None:
        return  # it waits
    runs.end_run(session, run, state, trace=stretch.trace, error=stretch.error)
    if state == "done":
        states.note_success(session, run.automation)
    elif state == "stopped":
        states.note_failure(session, run, {"code": "loop"})


def _why_dropped(session: Session, run: Run, automation: Automation | None) -> str | None:
    """Return why a run is not begun, or does not go on."""
    if automation is None or automation.retired:
        return "gone"
    if states.is_disabled(session, run.automation):
        return "disabled"
    if run.program is not None and run.program != automation.digest:
        return "changed"
    return None


def _asks_off(session: Session, automation: Automation) -> bool:
    """Tell whether the condition is about a field that is closed because a module is off: nothing comes of it then."""
    closed = session.app.closed.get(automation.entity or "") or frozenset()
    return automation.when is not None and any(use[0] in closed for use in automation.when.checked.uses)


def say_error(error: FormworkError) -> dict[str, Any]:
    """Return why a step was refused, in both languages."""
    if isinstance(error, InvalidValues):
        said = {
            language: "; ".join(
                [f"{one.path}: {one.text(language)}" for one in error.errors] + [one.message for one in error.missing]
            )
            for language in ("zh", "en")
        }
    else:
        text = getattr(error, "text", None)
        said = {language: str(text(language) if text is not None else error) for language in ("zh", "en")}
    return {"text": said}


@dataclass
class _Stretch:
    """A run from where it stands to where it ends or waits."""

    session: Session
    run: Run
    automation: Automation
    preview: bool
    watcher: Actor | None = None
    trace: list[dict[str, Any]] = field(default_factory=list)
    error: Mapping[str, Any] | None = None
    at: Do | None = None

    def go(self) -> str | None:
        """Return how the run ended; None when it waits."""
        session, run, automation = self.session, self.run, self.automation
        env = replace(make_env(session, None), payload=read_payload(automation, run.about))
        record = None
        if automation.entity:
            try:
                record = lock_record(session, session.app.entities[automation.entity], run.record_id, actor=None)
            except NotFound:
                return self._ended("dropped", "no_record")
        counted = count_figures(session, automation, env)
        values = record.values if record is not None else counted
        if run.position == 0 and run.about and automation.on.moments and not self.preview:
            if not has_moment(session, automation, run.about, values):
                return self._ended("dropped", "moved")
            if runs.is_overtaken(session, run):
                return self._ended("dropped", "overtaken")
        if automation.when is not None and (
            _asks_off(session, automation) or automation.when.run(values, env) is not True
        ):
            return self._ended("skipped", "condition")
        if run.position == 0 and (run.depth > DEEPEST or runs.goes_round(session, run)):
            return self._ended("stopped", "loop")
        behalf = run.actor_id or values.get("owner") or 0
        acting = engine_actor(behalf, values.get("team"))
        scene = Scene(session, run, automation, record, env, acting, self.trace, watcher=self.watcher, counted=counted)
        return self._steps(scene)

    def _steps(self, scene: Scene) -> str | None:
        program, position = self.automation.do, self.run.position
        while position < len(program):
            step = self.at = program[position]
            if step.kind == "wait" and not self.preview:
                self._wait(step, position + 1)
                return None
            position = step_on(scene, program, position)
        return "done"

    def _wait(self, step: Do, position: int) -> None:
        session = self.session
        until = find_working_time(session, calendar=self.automation.calendar).due(session.now(), step.span)
        self.trace.append({"step": step.path, "waits": until.isoformat()})
        runs.let_wait(session, self.run, until, position, self.automation.digest, self.trace)

    def _ended(self, state: str, code: str) -> str:
        self.error = {"code": code}
        return state
