"""How a value is shown to a reader: the *cells* that ``widgets/cells.html`` draws.

Enters: a typed value with its field, and what linked things are called. Leaves: a cell. Must not read the database, nor
return markup.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.compiler.app import Entity, Field, Stage
from engine.printing.capitals import in_capitals
from engine.records.record import USER, Labels, Record, display
from engine.storage.pictures import PICTURES
from web.i18n import Locale
from web.shell import ENTITY_URL, initials
from web.value_cells import CELLS

Cell = dict[str, Any]

EMPTY: Cell = {"kind": "empty", "text": "", "title": None, "url": None}
_TONES = {"neutral": "grey", "info": "blue", "success": "green", "warning": "amber", "danger": "red"}
_SYSTEM = {
    "id": "number", "number": "text", "stage": "stage", "owner": "user", "created_by": "user", "updated_by": "user",
    "created_at": "datetime", "updated_at": "datetime", "team": "hidden",
}  # fmt: skip
_MOST_IN_WORDS = Decimal(10) ** 16


def record_url(entity: str, id_: int) -> str:
    """Return the address of a record's page."""
    return f"{ENTITY_URL.format(entity=entity)}/{id_}"


class Cells:
    """Makes the cells of one reader's page."""

    def __init__(self, locale: Locale, now: datetime) -> None:
        self.locale = locale
        self.now = now
        self.today = locale.today(now)

    def of_record(self, entity: Entity, key: str, record: Record) -> Cell:
        """Return the cell of a field or system field of a record; a hidden field is told from an empty one."""
        if record.masked.get(key):
            return self.plain("masked", record.masked[key], title=self.locale.t("cell.masked"))
        if key in record.hidden and key not in record.masked:
            return {"kind": "hidden", "text": self.locale.t("cell.hidden"), "title": None, "url": None}
        value = record.values.get(key)
        field = entity.fields.get(key)
        if field is not None:
            return self.of_field(field, value, record.labels)
        return self._of_system(entity, key, value, record.labels)

    def of_field(self, field: Field, value: Any, labels: Labels) -> Cell:
        """Return the cell of a field's value."""
        if value is None or value == "" or value == []:
            return EMPTY
        return CELLS[field.type.cell](self, field, value, labels)

    def plain(self, kind: str, text: str, **more: Any) -> Cell:
        """Return a cell that is a text."""
        return {"kind": kind, "text": text, "title": None, "url": None} | more

    def moment(self, value: date) -> Cell:
        """Return the cell of a date or moment: short when near, whole on hover."""
        if isinstance(value, datetime):
            when = self.when(value)
            return {"kind": "datetime", "text": when["text"], "title": when["title"], "iso": when["iso"], "url": None}
        text = self.locale.date(value, near=self.today)
        return {"kind": "date", "text": text, "title": self.locale.date(value), "iso": value.isoformat(), "url": None}

    def when(self, moment: datetime) -> dict[str, Any]:
        """Return a moment as pages show it: relative while near."""
        age = (self.now - moment).total_seconds()
        return {
            "text": self.locale.ago(moment, self.now),
            "title": self.locale.datetime(moment),
            "iso": moment.isoformat(timespec="seconds"),
            "fresh": 0 <= age < 3600,
        }

    def due(self, moment: datetime) -> dict[str, Any]:
        """Return a moment in the future as pages show it."""
        said = self.locale.datetime(moment)
        return {"text": said, "title": said, "iso": moment.isoformat(timespec="seconds"), "fresh": False}

    def person(self, name: str, title: str | None = None) -> dict[str, Any]:
        """Return a person as pages show them."""
        return {"name": name, "initials": initials(name), "url": None, "title": title}

    def file(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """Return an attachment as pages show it."""
        kind = one.get("content_type", "")
        url = f"/files/{one['id']}"
        return {
            "id": one["id"],
            "name": one["name"],
            "size_text": self.locale.size(one["size"]),
            "url": url,
            "kind": "image" if kind.startswith("image/") else "pdf" if kind == "application/pdf" else "other",
            "thumb_url": f"{url}/small" if kind in PICTURES else None,
            "by": None,
            "when": self.when(one["uploaded_at"]) if one.get("uploaded_at") else None,
        }

    def stage(self, entity: Entity, key: str | None) -> dict[str, str] | None:
        """Return a stage as a badge."""
        stage = _stage(entity, key)
        return None if stage is None else {"label": self.locale.label(stage.label), "tone": _TONES[stage.tone]}

    def _of_system(self, entity: Entity, key: str, value: Any, labels: Labels) -> Cell:
        if value is None:
            return EMPTY
        kind = _SYSTEM.get(key, "text")
        if kind == "stage":
            badge = self.stage(entity, value) or {"label": str(value), "tone": "grey"}
            return {"kind": "stage", "text": badge["label"], "tone": badge["tone"], "title": None, "url": None}
        if kind == "user":
            return self.user(labels.get((USER, value), ""))
        return (
            self.moment(value) if kind == "datetime" else {"kind": kind, "text": str(value), "title": None, "url": None}
        )

    def user(self, name: str) -> Cell:
        """Return the cell of a person."""
        return {"kind": "user", "text": name, "initials": initials(name), "title": None, "url": None}


def title_of(entity: Entity, record: Record) -> str:
    """Return what a record is called on its page."""
    return display(entity, record.values, record.labels)


def subtitle_of(cells: Cells, entity: Entity, record: Record) -> Cell | None:
    """Return whom or what a record is about: its first required link, when the title does not say so already."""
    for field in entity.fields.values():
        if field.to_one is not None and field.required and field.key not in record.hidden and not field.retired:
            cell = cells.of_record(entity, field.key, record)
            said = cell["text"] and cell["text"] not in title_of(entity, record)
            return cell | {"key": field.key} if said else None
    return None


def words_of(field: Field, value: Any) -> str | None:
    """Return an amount in capitals (大写) for a field that asks for it."""
    sayable = field.words and isinstance(value, Decimal) and value.is_finite() and abs(value) < _MOST_IN_WORDS
    return in_capitals(value) if sayable else None


def is_right(field: Field | None) -> bool:
    """Tell whether a column is aligned to the right."""
    return field is not None and field.type.right_aligned


def _stage(entity: Entity, key: str | None) -> Stage | None:
    return entity.workflow.stages.get(key or "") if entity.workflow else None
