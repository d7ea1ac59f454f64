"""Baselines: what a figure was at the beginning, stored once by an administrator, shown beside it ever after.

Enters: figures, values as typed or a period to work them out of. Leaves: ``Baseline`` values. Must not change what a
figure is: a baseline is only compared with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from sqlalchemy import delete, insert, select

from engine.compiler.app import Figure
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor, require_admin
from engine.reports.asking import find_figure, period_of
from engine.reports.running import run_figure
from engine.storage.baseline_tables import baselines
from engine.storage.journal import write_audit
from engine.storage.store import Session
from engine.storage.system_tables import users

Source = Literal["entered", "computed"]
_LONGEST_NOTE = 200
_MOST_DIGITS: Final = 20
_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Baseline:
    """What a figure was; ``note`` says where the value comes from."""

    figure: str
    value: Decimal
    source: Source
    note: str | None
    set_at: datetime
    set_by: str | None


def find_all(session: Session) -> Mapping[str, Decimal]:
    """Return the baseline of each figure that has one, under the key the figure has now."""
    return {key: one.value for key, one in list_baselines(session).items()}


def list_baselines(session: Session) -> Mapping[str, Baseline]:
    """Return every baseline by the key its figure has now; those of figures that are gone are left out."""
    rows = session.prepared("baselines", _select_all).fetch_all(session.connection, {})
    stored = {row[0]: Baseline(row[0], Decimal(row[1]), *row[2:]) for row in rows}
    if not stored:
        return {}
    found = {}
    for key, figure in session.app.figures.items():
        one = stored.get(key) or stored.get(_before(figure) or "")
        if one is not None:
            found[key] = one
    return found


def _select_all() -> Any:
    columns = (baselines.c.figure, baselines.c.value, baselines.c.source, baselines.c.note, baselines.c.set_at)
    return select(*columns, users.c.name).outerjoin(users, users.c.id == baselines.c.set_by)


def set_baseline(session: Session, figure: str, written: str, *, note: str = "", actor: Actor) -> None:
    """Store what somebody typed as the baseline of a figure; nothing typed takes it away.

    A percentage may be typed with its sign. Raises ``NotFound``, ``NotAllowed`` and ``InvalidValues``.
    """
    require_admin(actor)
    known = find_figure(session, figure, actor=actor)
    if not written.strip():
        _clear(session, known, actor)
        return
    _store(session, known, _read(known, written), "entered", note, actor)


def compute_baseline(session: Session, figure: str, period: str, *, actor: Actor) -> Decimal | None:
    """Store what a figure was in a period, as the actor sees it; None, and nothing stored, where it has no value.

    Raises as ``run_figure`` does, and ``NotAllowed``.
    """
    require_admin(actor)
    known = find_figure(session, figure, actor=actor)
    wanted = period_of(session, period, "month")
    cell = run_figure(session, figure, actor=actor, period=wanted).total.cells[0]
    value = cell.value if cell is not None else None
    if not isinstance(value, int | Decimal):
        return None
    _store(session, known, Decimal(value), "computed", wanted.name, actor)
    return Decimal(value)


def _store(session: Session, figure: Figure, value: Decimal, source: Source, note: str, actor: Actor) -> None:
    _delete(session, figure)
    said = " ".join(note.split())[:_LONGEST_NOTE] or None
    row: dict[str, Any] = {
        "figure": figure.key, "value": f"{value:f}", "source": source, "note": said, "set_at": session.now(),
        "set_by": actor.id,
    }  # fmt: skip
    session.connection.execute(insert(baselines).values(row))
    details = {"value": row["value"], "source": source, "note": said}
    write_audit(session, "baseline.set", figure.key, details, actor=actor)


def _clear(session: Session, figure: Figure, actor: Actor) -> None:
    if _delete(session, figure):
        write_audit(session, "baseline.clear", figure.key, actor=actor)


def _delete(session: Session, figure: Figure) -> int:
    keys = [key for key in (figure.key, _before(figure)) if key]
    return session.connection.execute(delete(baselines).where(baselines.c.figure.in_(keys))).rowcount


def _before(figure: Figure) -> str | None:
    """Return the key a figure had before it was renamed."""
    if figure.was is None:
        return None
    return figure.was if "." in figure.was else f"{figure.key.partition('.')[0]}.{figure.was}"


def _read(figure: Figure, written: str) -> Decimal:
    text = written.strip().replace(",", "").replace("，", "").replace("％", "%")
    signed = text.endswith("%")
    try:
        value = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or len(value.as_tuple().digits) > _MOST_DIGITS or abs(value.adjusted()) > _MOST_DIGITS:
        raise InvalidValues([FieldError(figure.key, "report.bad_baseline", {"figure": figure.label})])
    return value / _HUNDRED if signed or figure.unit == "percent" else value
