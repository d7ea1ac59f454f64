"""What a step of a demo or an example is played in, and what its refs, logins and distances stand for.

Enters: written values. Leaves: what somebody would type. Must not do a step: ``steps`` does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from engine.compiler.app import DEPARTMENT, USER, Field
from engine.errors import FieldError, InvalidValues
from engine.examples.sample_files import MAKERS, make_file
from engine.people.actor import Actor
from engine.people.departments import find_department
from engine.records.queries import get_record
from engine.records.record import Record
from engine.records.uploads import create_upload
from engine.storage.store import Session

Refs = dict[str, tuple[str, int]]
"""Name in the story -> entity and id."""
Step = Mapping[str, Any]

_DISTANCE = re.compile(r"([+-]\d+)d")
_MONTHS = re.compile(r"([+-]\d+)mo")
_MOMENT = re.compile(r"([+-]\d+)(?:([hm])|d(?: (\d\d):(\d\d))?)")


def find_moment(written: str, base: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the moment so far from ``base``: ``+2h``, ``-40m``, ``+3d``, ``-30d 10:15``; None for anything else."""
    found = _MOMENT.fullmatch(written)
    if found is None:
        return None
    if found[2]:
        return base + timedelta(**{{"h": "hours", "m": "minutes"}[found[2]]: int(found[1])})
    local = base.astimezone(zone)
    at = time(int(found[3]), int(found[4])) if found[3] else local.time()
    return datetime.combine(local.date() + timedelta(days=int(found[1])), at, zone).astimezone(UTC)


@dataclass(frozen=True)
class Scene:
    """What a step is played in: who acts when, and what the refs and logins of the story stand for.

    ``find_moment`` reads a moment typed into a field; None when it is written out.
    """

    session: Session
    actor: Actor
    refs: Refs
    moment: datetime
    zone: ZoneInfo
    find_moment: Callable[[str], datetime | None]
    find_user: Callable[[str], int | None]

    def record(self, ref: str) -> Record:
        """Return the record a step is about, as its actor sees it."""
        return self.seen(*self.address(ref))

    def seen(self, entity: str, id_: int) -> Record:
        """Return a record as the actor sees it."""
        return get_record(self.session, entity, id_, actor=self.actor)

    def address(self, ref: str) -> tuple[str, int]:
        """Return entity and id of a ref; raises ``InvalidValues``."""
        if ref not in self.refs:
            raise InvalidValues([FieldError("ref", "demo.unknown_ref", {"ref": ref})])
        return self.refs[ref]

    def user(self, key: str, login: str) -> int:
        """Return the person a step names under ``key`` by login; raises ``InvalidValues``."""
        found = self.find_user(login)
        if found is None:
            raise InvalidValues([FieldError(key, "example.unknown_login", {"login": login, "near": ""})])
        return found

    def raw(self, entity: str, step: Step) -> dict[str, Any]:
        """Return what the actor types: refs, logins and distances replaced by what they stand for."""
        known = self.session.app.entities.get(entity)
        fields = known.fields if known is not None else {}
        typed = {key: self.typed(key, fields.get(key), value) for key, value in step.get("values", {}).items()}
        for key, names in step.get("files", {}).items():
            typed[key] = [self._upload(key, name) for name in names]
        return typed

    def typed(self, key: str, field: Field | None, value: Any) -> Any:
        """Return a written value as somebody would type it into this field."""
        if field is not None and field.type.has_rows and isinstance(value, list):
            return [self._typed_row(field, row) for row in value]
        target = field.target if field is not None else USER if key == "owner" else None
        if isinstance(value, list) and (field is None or field.type.many):
            return [self._typed_one(target, field, str(one)) for one in value]
        if value is None or isinstance(value, bool | Mapping | list):
            return value
        return self._typed_one(target, field, str(value))

    def _typed_row(self, field: Field, row: Any) -> Any:
        if not isinstance(row, Mapping):
            return row
        return {key: self.typed(key, field.fields.get(key), one) for key, one in row.items()}

    def _typed_one(self, target: str | None, field: Field | None, said: str) -> Any:
        if target == USER:
            return self.find_user(said) or said
        if target == DEPARTMENT:
            found = find_department(self.session.connection, said)
            return said if found is None else found.id
        if target is not None and said:
            return self.address(said)[1]
        column = field.type.column if field is not None else None
        if column == "date" and (distance := _DISTANCE.fullmatch(said)):
            return self._day(int(distance[1])).isoformat()
        if column == "date" and (months := _MONTHS.fullmatch(said)):
            return self._first_of_month(int(months[1])).isoformat()
        if column == "datetime" and (moment := self.find_moment(said)):
            return moment.isoformat()
        return said

    def _upload(self, key: str, name: str) -> int:
        """Upload a small file of this name and return its id; raises ``InvalidValues`` when none can be made."""
        content = make_file(name)
        if content is None:
            known = ", ".join(f".{ending}" for ending in MAKERS)
            raise InvalidValues([FieldError(key, "demo.file_kind", {"name": name, "known": known})])
        stored = self.session.files.save(BytesIO(content), name)
        return int(create_upload(self.session, stored, actor=self.actor)["id"])

    def _day(self, distance: int) -> date:
        return self.moment.astimezone(self.zone).date() + timedelta(days=distance)

    def _first_of_month(self, distance: int) -> date:
        today = self._day(0)
        year, month = divmod(today.year * 12 + today.month - 1 + distance, 12)
        return date(year, month + 1, 1)
