"""How the value of each type is shown: one maker of a cell for each name a type declares as its ``cell``.

Enters: a typed value that is there, its field, and what linked things are called. Leaves: a cell, always with its
``text``, which prints, history and search hits use. Must not return markup, but through ``web/markup.py``.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.compiler.app import DEPARTMENT, USER, Field
from engine.compiler.field_types.places import say_address, say_point
from engine.compiler.field_types.structured import json_text, plain_text
from engine.expression.writing import say_duration
from engine.records.record import Labels
from web.markup import as_markup
from web.shell import ENTITY_URL

if TYPE_CHECKING:
    from web.cells import Cell, Cells
    from web.i18n import Locale

Maker = Callable[["Cells", Field, Any, Labels], "Cell"]


def _text(kind: str, address: str | None = None) -> Maker:
    def make(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
        return cells.plain(kind, str(value), url=None if address is None else address.format(value))

    return make


def _number(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("number", cells.locale.number(value))


def _money(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("money", cells.locale.money(value, scale=_money_digits(value, field.scale)))


def _percent(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("percent", cells.locale.percent(value))


def _boolean(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("boolean", cells.locale.t("cell.yes" if value else "cell.no"), value=value)


def _moment(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.moment(value) if hasattr(value, "year") else cells.plain("text", str(value))


def _time(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("text", value if isinstance(value, str) else value.strftime("%H:%M"))


def _duration(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("number", duration_words(cells.locale, value))


def duration_words(locale: "Locale", value: timedelta | str) -> str:
    """Return a duration (or how expressions write one) in words: ``3 天 4 小时``."""
    said = value if isinstance(value, str) else say_duration(value)
    words = " ".join(locale.t(f"duration.{part[-1]}", n=part[:-1].lstrip("-")) for part in said.split())
    return f"−{words}" if said.startswith("-") else words


def _choice(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    label = cells.locale.label(field.options.get(value))
    return cells.plain("choice", label or str(value), tone="grey")


def _choices(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return _several(cells, [cells.locale.label(field.options.get(one)) or str(one) for one in value])


def _tags(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return _several(cells, [str(one) for one in value])


def _several(cells: "Cells", names: list[str]) -> "Cell":
    entries = [{"label": name, "tone": "grey"} for name in names]
    return {"kind": "choices", "text": cells.locale.t("text.comma").join(names), "entries": entries}


def _linked(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    if field.target == USER:
        return cells.user(labels.get((USER, value), ""))
    if field.target == DEPARTMENT or field.to is None:
        return cells.plain("text", labels.get((DEPARTMENT, value), f"#{value}"))
    text = labels.get((field.to, value), f"#{value}")
    return cells.plain("link", text, url=f"{ENTITY_URL.format(entity=field.to)}/{value}")


def _several_linked(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    entries = [_linked(cells, field, one, labels) for one in value]
    names = cells.locale.t("text.comma").join(one["text"] for one in entries)
    return {"kind": "several_linked", "text": names, "entries": entries}


def _people(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    people = [cells.user(labels.get((USER, one), f"#{one}")) for one in value]
    names = cells.locale.t("text.comma").join(one["text"] for one in people)
    return {"kind": "people", "text": names, "entries": people}


def _files(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return {"kind": "files", "text": "", "entries": [cells.file(one) for one in value]}


def _pictures(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    entries = [cells.file(one) for one in value]
    return {"kind": "pictures", "text": "", "label": cells.locale.label(field.label), "entries": entries}


def _colour(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("colour", str(value))


def _rating(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    most = int(field.max or 5)
    return cells.plain("rating", cells.locale.t("cell.rating", n=value, most=most), stars=int(value), most=most)


def _address(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("text", say_address(value) if isinstance(value, Mapping) else str(value))


def _geo(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    if not isinstance(value, Mapping):
        return cells.plain("text", str(value))
    return cells.plain("geo", say_point(value), url=f"geo:{value['lat']},{value['lng']}")


def _rich_text(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("rich_text", plain_text(str(value)), markup=as_markup(str(value)))


def _json(cells: "Cells", field: Field, value: Any, labels: Labels) -> "Cell":
    return cells.plain("json", json_text(value))


def _money_digits(value: Any, scale: int | None) -> int:
    """Two digits, more only where the amount has them (a unit price of 0.1234)."""
    least = -value.normalize().as_tuple().exponent if hasattr(value, "normalize") else 0
    return max(min(2, scale if scale is not None else 2), min(int(least), scale or 2))


CELLS: Mapping[str, Maker] = {
    "text": _text("text"),
    "long_text": _text("long_text"),
    "rich_text": _rich_text,
    "phone": _text("phone", "tel:{}"),
    "email": _text("email", "mailto:{}"),
    "url": _text("url", "{}"),
    "credit_code": _text("credit_code"),
    "barcode": _text("credit_code"),
    "colour": _colour,
    "number": _number,
    "money": _money,
    "percent": _percent,
    "rating": _rating,
    "boolean": _boolean,
    "moment": _moment,
    "time": _time,
    "duration": _duration,
    "choice": _choice,
    "choices": _choices,
    "tags": _tags,
    "linked": _linked,
    "several_linked": _several_linked,
    "people": _people,
    "files": _files,
    "pictures": _pictures,
    "address": _address,
    "geo": _geo,
    "json": _json,
    "lines": _text("text"),
}
