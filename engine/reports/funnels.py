"""Funnels: how many rows of a cohort ever got how far.

Enters: the key of a funnel, the actor, a period, filters. Leaves: ``FunnelResult``. Must not count a row at a step it
went back from and came to again twice: how far a row got is one number.

Whoever took a later step counts as having taken those before; so a rate is never more than the whole.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.compiler.app import Dimension, Funnel
from engine.errors import FieldError, InvalidValues
from engine.expression import BOOLEAN, Checked, Kind, resolved
from engine.expression.decimals import divide
from engine.expression.types import COUNT
from engine.people.actor import Actor
from engine.records.values import said
from engine.reports import asking
from engine.reports.asking import Filters
from engine.reports.dividing import Narrowing
from engine.reports.kept import Asked, Counting, Recording
from engine.reports.naming import name_keys
from engine.reports.periods import Period
from engine.reports.results import Axis, FunnelResult, Stand
from engine.reports.statement import Question, ask
from engine.storage.store import Session

_FAR, _OPEN = "far ", "open "
"""The keys of the dimensions every funnel is divided by; no author can write them."""


def run_funnel(
    session: Session,
    funnel: str,
    *,
    actor: Actor,
    period: str | Period | None = None,
    filters: Filters | None = None,
    by: Sequence[str] | None = None,
    counting: Counting | Recording | None = None,
) -> FunnelResult:
    """Return a funnel as the actor sees it: of the rows whose date lies in ``period``, those that ever got so far.

    Raises ``NotFound``, ``InvalidValues`` and ``NotPossibleNow`` as ``run`` does.
    """
    found = asking.find_funnel(session, funnel, actor=actor)
    wanted = asking.period_of(session, period, found.period)
    by = found.by if by is None else by
    divided = asking.divided_by(session, found, by, actor)
    narrowed, _ = asking.narrowed_to(session, found, filters or {}, actor)
    asked = _asked(found, wanted, by, filters or {})
    counts = _count(session, found, wanted, divided, narrowed, actor, counting, asked)
    whole: Counter[tuple[int, bool]] = sum(map(Counter, counts.values()), Counter())
    if any(one.many for one in divided):  # a row stands under several values: all of them are counted by themselves
        asked = _asked(found, wanted, (), filters or {})
        whole = Counter(_count(session, found, wanted, (), narrowed, actor, counting, asked).get((), {}))
    axes = tuple(Axis(one.key, one.label, one) for one in divided)
    keys = [(axis, values[at]) for values in counts for at, axis in enumerate(axes)]
    parts = [(values, sum(one.values()), tuple(_stands(found, one))) for values, one in counts.items()] if axes else []
    return FunnelResult(
        funnel=found, period=wanted, axes=axes, n=sum(whole.values()), total=tuple(_stands(found, whole)),
        parts=tuple(sorted(parts, key=lambda one: -one[1])), labels=name_keys(session, keys, actor=actor),
    )  # fmt: skip


Reached = dict[tuple[int, bool], int]
"""How many rows got exactly how far, and can still go further."""


def _count(
    session: Session,
    funnel: Funnel,
    period: Period,
    divided: Sequence[Dimension],
    narrowed: Sequence[Narrowing],
    actor: Actor,
    counting: Counting | Recording | None,
    asked: Asked,
) -> dict[tuple[Any, ...], Reached]:
    """Return what was reached by the values of the dimensions."""
    own, size = (_how_far(funnel), _still_open(funnel)), len(divided)
    groups = ask(
        session, question_of_funnel(funnel), actor=actor, periods=[period], by=[*divided, *own], narrowed=narrowed,
        counting=counting, asked=asked,
    )  # fmt: skip
    counts: dict[tuple[Any, ...], Reached] = {}
    for group in groups:
        if len(group.divided) == size + len(own):
            reached = counts.setdefault(group.values[:size], {})
            reached[group.values[size], bool(group.values[size + 1])] = group.n
    return counts


def _asked(funnel: Funnel, period: Period, by: Sequence[str], filters: Filters) -> Asked:
    """Return as plain data what is asked of a funnel."""
    said = {"period": period.plain, "by": list(by), "filters": asking.plain_filters(filters)}
    return {"what": "funnel", "key": funnel.key, **said}


def question_of_funnel(funnel: Funnel) -> Question:
    """Return what a funnel asks of its rows."""
    return Question(
        f"funnel {funnel.key}", funnel.rows, funnel.date, funnel.where, (), funnel.reads, funnel.date is not None
    )


def narrow_to_step(funnel: Funnel, step: str) -> Narrowing:
    """Return what narrows the cohort to the rows that got as far as a step; raises ``InvalidValues``."""
    keys = [one.key for one in funnel.steps]
    if step not in keys:
        raise InvalidValues([FieldError("step", "report.no_step", {"name": said(step)})])
    return Narrowing(_how_far(funnel), tuple(range(keys.index(step) + 1, len(keys) + 1)))


def _stands(funnel: Funnel, reached: Mapping[tuple[int, bool], int]) -> Iterable[Stand]:
    """Yield how many got to each step, from how many rows got exactly how far."""
    n = sum(reached.values())
    before = None
    for at, step in enumerate(funnel.steps, start=1):
        count = sum(some for (far, _), some in reached.items() if far >= at)
        still = sum(some for (far, open_), some in reached.items() if far == at and open_)
        rate = None if before is None else _share(count, before)
        yield Stand(step, count, rate, _share(count, n), _share(still, count) if funnel.open is not None else None)
        before = count


def _share(part: int, whole: int) -> Decimal | None:
    return divide(part, whole)


def _how_far(funnel: Funnel) -> Dimension:
    """Return the number of the last step a row took, 0 for none."""
    tree: resolved.Resolved = _number(0)
    for at, step in enumerate(funnel.steps, start=1):
        when = step.when.tree if step.when is not None else resolved.Constant(BOOLEAN, 0, 0, True)
        tree = resolved.Call(COUNT, 0, 0, "if", (when, _number(at), tree))
    return _own(funnel, _FAR, tree)


def _still_open(funnel: Funnel) -> Dimension:
    tree = funnel.open.tree if funnel.open is not None else resolved.Constant(BOOLEAN, 0, 0, True)
    return _own(funnel, _OPEN, tree)


def _own(funnel: Funnel, key: str, tree: resolved.Resolved) -> Dimension:
    checked = Checked(tree, tree.type, key, funnel.rows.shape, frozenset(), frozenset())
    kind = tree.type.kind
    assert kind in (Kind.NUMBER, Kind.BOOLEAN)  # noqa: S101 - made above
    return Dimension(key, {}, checked, funnel.reads)


def _number(value: int) -> resolved.Constant:
    return resolved.Constant(COUNT, 0, 0, Decimal(value))
