"""What an example expects beside what is: one function for each key of ``expect``.

Enters: the end of an example, as somebody sees it. Leaves: differences, expected beside actual. Must not write.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine import messages
from engine.automation.notices import list_heard, list_reminded, list_told
from engine.automation.runs import list_runs
from engine.compiler.app import USER, Entity, Field, Label
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound
from engine.examples import counting
from engine.examples.approving import list_open
from engine.examples.scene import Scene
from engine.examples.telling import compare_said
from engine.records.evaluation import make_env
from engine.records.flags import read_flags
from engine.records.queries import get_record
from engine.records.record import Record
from engine.records.stays import find_stay
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import log as approval_log
from engine.workflow.approval.planning import asked_steps
from engine.workflow.requirements import read_whole
from engine.workflow.transitions import list_moves

REFUSALS = ("missing", "errors", "refused")
"""The keys that expect the last step to be refused."""

_NOTHING = "—"
_SYSTEM_FIELDS = ("stage", "number", "owner")


@dataclass(frozen=True)
class Difference:
    """One expectation that does not hold; ``field`` is the value it is about, ``unknown`` when there is none."""

    part: Label
    expected: object  # a text, or something that has a ``text``
    actual: object
    field: str | None = None
    unknown: bool = False


class Refusal:
    """Why a step was refused, in the reader's language; ``quoted`` within another sentence."""

    def __init__(self, error: FormworkError, *, quoted: bool = False) -> None:
        self.error, self.quoted = error, quoted

    def text(self, language: str) -> str:
        """Return everything that is said about it."""
        said = self._said(language)
        return f"“{said}”" if self.quoted else said

    def _said(self, language: str) -> str:
        if isinstance(self.error, InvalidValues):
            said = [f"{item.path}: {item.text(language)}" for item in self.error.errors]
            return "; ".join(said + [item.message for item in self.error.missing])
        said_by = getattr(self.error, "text", None)
        return str(said_by(language) if said_by else self.error)


@dataclass(frozen=True)
class Ending:
    """How an example ended: the record it is about, seen by ``scene.actor``, and why its last step was refused."""

    scene: Scene
    address: tuple[str, int] | None
    refused: FormworkError | None
    logins: Mapping[int, str]
    period: str | None = None  # that figures are of

    @property
    def entity(self) -> Entity | None:
        """The kind of record this is about."""
        return self.scene.session.app.entities.get(self.address[0]) if self.address is not None else None

    def whole(self) -> dict[str, Any]:
        """Return all values of the record, whoever looks; empty when there is none."""
        if self.address is None or self.entity is None:
            return {}
        session = self.scene.session
        return read_whole(session, self.entity, self.address[1], make_env(session, self.scene.actor))

    def seen(self) -> Record | None:
        """Return the record as the actor sees it; None when they do not."""
        if self.address is None:
            return None
        try:
            return get_record(self.scene.session, *self.address, actor=self.scene.actor)
        except (NotFound, NotAllowed):
            return None


def find_differences(ending: Ending, key: str, expected: Any) -> list[Difference]:
    """Return how the end differs from one expectation."""
    return list(_CHECKS[key](ending, expected))


def said_in_both(code: str, **params: object) -> Label:
    """Return a sentence of the engine in every language."""
    return {language: messages.text(code, language, **params) for language in messages.LANGUAGES}


def _stage(ending: Ending, expected: str) -> Iterator[Difference]:
    yield from _compare("stage", expected, ending.whole().get("stage") or _NOTHING)


def _path(ending: Ending, expected: Sequence[str]) -> Iterator[Difference]:
    found = _signing(ending)
    if found is None:
        yield Difference(_part("path"), _listed(expected), said_in_both("example.no_approval"))
    else:
        yield from _compare("path", _listed(expected), _listed(found))


def _waiting_on(ending: Ending, expected: Sequence[str]) -> Iterator[Difference]:
    waiting: list[str] = []
    if ending.address is not None:
        people = [task.person for _, task in list_open(ending.scene.session, ending.address)]
        waiting = [ending.logins.get(person.id, person.name) for person in people]
    if sorted(waiting) != sorted(expected):
        yield Difference(_part("waiting_on"), _listed(expected), _listed(waiting))


def _offers(ending: Ending, expected: Sequence[str]) -> Iterator[Difference]:
    record = ending.seen()
    if record is None:
        yield Difference(_part("offers"), _listed(expected), said_in_both("example.not_seen"))
        return
    offered = [one.move.key for one in list_moves(ending.scene.session, record, actor=ending.scene.actor)]
    if sorted(offered) != sorted(expected):
        yield Difference(_part("offers"), _listed(expected), _listed(offered))


def _missing(ending: Ending, expected: Sequence[str]) -> Iterator[Difference]:
    found = ending.refused.missing if isinstance(ending.refused, InvalidValues) else ()
    if not found:
        yield Difference(_part("missing"), _listed(expected), _refusal(ending))
        return
    named = [[one.key] if one.key in expected else list(one.fields or (one.key,)) for one in found]
    yield from _compare_sets("missing", expected, [name for names in named for name in names])


def _errors(ending: Ending, expected: Sequence[str]) -> Iterator[Difference]:
    found = ending.refused.errors if isinstance(ending.refused, InvalidValues) else ()
    if not found:
        yield Difference(_part("errors"), _listed(expected), _refusal(ending))
        return
    yield from _compare_sets("errors", expected, [one.path for one in found])


def _refused(ending: Ending, expected: str) -> Iterator[Difference]:
    language = ending.scene.session.app.language
    if ending.refused is None or expected not in Refusal(ending.refused).text(language):
        yield Difference(_part("refused"), expected, _refusal(ending))


def _copied(ending: Ending, expected: Sequence[str]) -> Iterator[Difference]:
    latest = approval_log.find_latest(ending.scene.session, *(ending.address or ("", 0)))
    kept = approval_log.read(ending.scene.session, latest) if latest is not None else None
    people = [copy.person for copy in kept.state.copies] if kept is not None else []
    yield from _compare_sets("copied", expected, [ending.logins.get(person.id, person.name) for person in people])


def _sees(ending: Ending, expected: bool) -> Iterator[Difference]:
    if (ending.seen() is not None) != expected:
        yes, no = said_in_both("example.seen"), said_in_both("example.not_seen")
        yield Difference(_part("sees"), yes if expected else no, no if expected else yes)


def _hidden(ending: Ending, expected: Sequence[str]) -> Iterator[Difference]:
    record = ending.seen()
    if record is None:
        yield Difference(_part("hidden"), _listed(expected), said_in_both("example.not_seen"))
    else:
        yield from _compare_sets("hidden", expected, sorted(record.hidden - record.masked.keys()))


def _masked(ending: Ending, expected: Mapping[str, str]) -> Iterator[Difference]:
    record = ending.seen()
    found = {} if record is None else {key: text for key, text in record.masked.items() if text}
    if found != dict(expected):
        yield Difference(_part("masked"), _written(dict(expected)), _written(found))


def _reminded(ending: Ending, expected: Mapping[str, int]) -> Iterator[Difference]:
    found: dict[str, int] = {}
    if ending.address is not None:
        for user in list_reminded(ending.scene.session, *ending.address):
            login = ending.logins.get(user, str(user))
            found[login] = found.get(login, 0) + 1
    if found != dict(expected):
        yield Difference(_part("reminded"), _written(dict(expected)), _written(found))


def _told(ending: Ending, expected: Mapping[str, str | Sequence[str]]) -> Iterator[Difference]:
    """Compare what automations said to whom about the record; a part of each text will do."""
    said = list_told(ending.scene.session, *ending.address) if ending.address is not None else []
    if different := compare_said(said, ending.logins, expected):
        yield Difference(_part("told"), _written(different[0]), _written(different[1]))


def _heard(ending: Ending, expected: Mapping[str, str | Sequence[str]]) -> Iterator[Difference]:
    """Compare what automations that run for no record said to whom."""
    said = list_heard(ending.scene.session, ending.logins)
    if different := compare_said(said, ending.logins, expected):
        yield Difference(_part("heard"), _written(different[0]), _written(different[1]))


def _runs(ending: Ending, expected: Mapping[str, str]) -> Iterator[Difference]:
    """Compare how the last run of each automation ended for the record."""
    found: dict[str, str] = {}
    if ending.address is not None:
        entity, record_id = ending.address
        for run in list_runs(ending.scene.session, entity=entity, record_id=record_id):
            found.setdefault(run.automation, run.state)
    about = {key: found.get(key, _NOTHING) for key in expected}
    if about != dict(expected):
        yield Difference(_part("runs"), _written(dict(expected)), _written(about))


def _flags(ending: Ending, expected: Sequence[str]) -> Iterator[Difference]:
    entity, id_ = ending.address or ("", 0)
    raised = read_flags(ending.scene.session, entity, [id_]).get(id_, [])
    yield from _compare_sets("flags", expected, [one.flag for one in raised])


def _late(ending: Ending, expected: bool) -> Iterator[Difference]:
    stay = find_stay(ending.scene.session, *(ending.address or ("", 0)))
    late = stay is not None and stay.is_late(ending.scene.session.now())
    if late != expected:
        yes, no = said_in_both("example.is_late"), said_in_both("example.not_late")
        yield Difference(_part("late"), yes if expected else no, no if expected else yes)


def _values(ending: Ending, expected: Mapping[str, Any]) -> Iterator[Difference]:
    entity, values = ending.entity, ending.whole()
    for key, written in expected.items():
        part = said_in_both("example.part.value", field=key)
        if entity is None or not values:
            yield Difference(part, _written(written), said_in_both("example.no_record"), key)
            continue
        field = entity.fields.get(key)
        if field is None and key not in _SYSTEM_FIELDS:
            yield Difference(part, _written(written), entity.label, key, unknown=True)
        elif not _equal(ending.scene, key, field, written, values.get(key)):
            yield Difference(part, _written(written), _shown(ending, key, field, values.get(key)), key)


def _counted(key: str, find: Callable[..., Iterator[counting.Told]]) -> Callable[[Ending, Any], Iterator[Difference]]:
    """Return a check of numbers, each told by its name."""

    def check(ending: Ending, expected: Any) -> Iterator[Difference]:
        for name, wanted, found in find(ending, expected):
            yield Difference(said_in_both(f"example.part.{key}", name=name), wanted, found, name)

    return check


_CHECKS: Mapping[str, Callable[[Ending, Any], Iterator[Difference]]] = {
    "stage": _stage,
    "path": _path,
    "waiting_on": _waiting_on,
    "offers": _offers,
    "values": _values,
    "missing": _missing,
    "errors": _errors,
    "refused": _refused,
    "copied": _copied,
    "sees": _sees,
    "hidden": _hidden,
    "masked": _masked,
    "reminded": _reminded,
    "told": _told,
    "heard": _heard,
    "runs": _runs,
    "flags": _flags,
    "late": _late,
    **{key: _counted(key, find) for key, find in counting.CHECKS.items()},
    "period": lambda ending, expected: iter(()),
}


def _signing(ending: Ending) -> list[str] | None:
    """Return the steps somebody signs: of the approval that ran last, else of the one that would be started now."""
    session, record, entity = ending.scene.session, ending.seen(), ending.entity
    if record is None or entity is None or entity.workflow is None or ending.address is None:
        return None
    workflow = entity.workflow
    moves = [move for move in workflow.moves.values() if move.approval and record.values.get("stage") in move.from_]
    if moves:
        path = approvals.preview_path(session, record, moves[0].approval or "", actor=ending.scene.actor)
        return [step.key for step in path.steps if step.fate == "asked"]
    latest = approval_log.find_latest(session, *ending.address)
    kept = approval_log.read(session, latest) if latest is not None else None
    if kept is None:
        return None
    if kept.state.auto_note is not None:
        return []
    walked = {plan.key for plan in asked_steps([step.plan for step in kept.state.steps]) if plan.kind != "parallel"}
    return [step.key for step in kept.state.steps if step.key in walked and step.status != "skipped"]


def _equal(scene: Scene, key: str, field: Field | None, written: Any, actual: Any) -> bool:
    """Tell whether a written value is the one that stands there."""
    if field is not None and field.type.has_rows and isinstance(written, list):
        return _equal_rows(scene, field, written, actual or [])
    if is_empty(written):
        return is_empty(actual)
    if field is not None and field.type.has_files:
        return [str(one) for one in written] == [one["name"] for one in actual or ()]
    typed = scene.typed(key, field, written)
    if field is None:
        return bool(typed == actual)
    try:
        value = field.type.parse(typed, field)
    except (Wrong, InvalidValues):
        return False
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=scene.zone)
    return bool(value == actual)


def _equal_rows(scene: Scene, field: Field, written: Sequence[Any], actual: Sequence[Mapping[str, Any]]) -> bool:
    """Only the columns that are written are compared, but every line."""
    return len(written) == len(actual) and all(
        isinstance(row, Mapping)
        and all(
            key in field.fields and _equal(scene, key, field.fields[key], one, found.get(key))
            for key, one in row.items()
        )
        for row, found in zip(written, actual, strict=True)
    )


def _shown(ending: Ending, key: str, field: Field | None, value: Any) -> str:
    """Return a value as an author would have written it."""
    if is_empty(value):
        return _NOTHING
    target = field.target if field is not None else USER if key == "owner" else None
    if field is not None and field.type.has_rows:
        rows = [
            ", ".join(f"{name}: {_shown(ending, name, one, row.get(name))}" for name, one in field.fields.items())
            for row in value
        ]
        return _listed([f"{{{row}}}" for row in rows])
    if field is not None and field.type.has_files:
        return _listed([one["name"] for one in value])
    if target == USER:
        return (
            _listed([ending.logins.get(one, str(one)) for one in value])
            if isinstance(value, list)
            else (ending.logins.get(value, str(value)))
        )
    if target is not None:
        refs = {address: ref for ref, address in ending.scene.refs.items()}
        named = [refs.get((target, one), str(one)) for one in (value if isinstance(value, list) else [value])]
        return _listed(named) if isinstance(value, list) else named[0]
    said = field.type.to_json(value) if field is not None else value
    return _listed(said) if isinstance(said, list) else _written(said)


def _compare(part: str, expected: str, actual: str) -> Iterator[Difference]:
    if expected != actual:
        yield Difference(_part(part), expected, actual)


def _compare_sets(part: str, expected: Sequence[str], actual: Sequence[str]) -> Iterator[Difference]:
    if set(expected) != set(actual):
        yield Difference(_part(part), _listed(expected), _listed(list(dict.fromkeys(actual))))


def _refusal(ending: Ending) -> object:
    return said_in_both("example.not_refused") if ending.refused is None else Refusal(ending.refused, quoted=True)


def _part(key: str) -> Label:
    return said_in_both(f"example.part.{key}")


def _listed(names: Sequence[object]) -> str:
    return f"[{', '.join(str(name) for name in names)}]"


def _written(value: Any) -> str:
    if isinstance(value, list):
        return _listed([_written(one) for one in value])
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_written(one)}' for key, one in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else _NOTHING if is_empty(value) else str(value)
