"""What was posted about the columns of an import.

Enters: the posted form. Leaves: ``Choices``. Must not judge them: the engine refuses a field that is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity
from engine.compiler.cells import DATE_ORDERS, DateOrder, Reading
from engine.importing.batches import CREATE, Import

UNITS = (1, 1_000, 10_000, 1_000_000, 100_000_000)


@dataclass(frozen=True)
class Choices:
    """``columns`` by place: the field and how its cells are read."""

    columns: Mapping[int, tuple[str | None, Reading]]
    mode: str
    match_by: str | None
    reminds: bool


def read_choices(entity: Entity, found: Import, form: "MultiDict[str, str]") -> Choices:
    """Return what was chosen; a column that was not sent is left out."""
    columns: dict[int, tuple[str | None, Reading]] = {}
    for column in found.columns:
        key = form.get(f"column.{column.at}") or None
        columns[column.at] = (key, _reading(column.at, column.reading, form))
    return Choices(columns, form.get("mode", CREATE), form.get("match_by") or None, form.get("reminds") == "yes")


def _reading(at: int, proposed: Reading, form: "MultiDict[str, str]") -> Reading:
    share = {"fraction": True, "percent": False}
    return Reading(
        dates=_order(form.get(f"dates.{at}")),
        unit=_unit(form.get(f"unit.{at}"), proposed.unit),
        fraction=share.get(form.get(f"share.{at}", ""), proposed.fraction),
    )


def _order(said: str | None) -> DateOrder | None:
    return next((order for order in DATE_ORDERS if order == said), None)


def _unit(said: str | None, otherwise: int) -> int:
    return next((unit for unit in UNITS if str(unit) == said), otherwise)
