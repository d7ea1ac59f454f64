"""What people choose: by which channels they are told of what, when they want quiet, when their morning digest comes.

Enters: a person, a kind of message, a moment. Leaves: the channels it goes to, and when. Must not keep anything from
the notices inside: those always come.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import ColumnElement, bindparam, select

from engine.channels.message import KINDS
from engine.errors import FieldError, InvalidValues
from engine.people.actor import Actor
from engine.records.sql import insert_into
from engine.storage.delivery_tables import channels, message_choices
from engine.storage.store import Session

When = Literal["now", "digest", "never"]
WHEN: tuple[When, ...] = ("now", "digest", "never")
DIGEST_AT = "08:30"
QUIET = ("22:00", "07:00")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of message goes to somebody: by these channels (None: by every e-mail channel), and when."""

    when: When = "now"
    channels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody chose; times are ``HH:MM`` on their clock, ``quiet_from`` None for no quiet hours."""

    ways: Mapping[str, Way] = field(default_factory=dict)
    quiet_from: str | None = QUIET[0]
    quiet_until: str | None = QUIET[1]
    digest_at: str = DIGEST_AT
    timezone: str | None = None

    def way(self, kind: str) -> Way:
        """Return how a kind of message goes."""
        return self.ways.get(kind) or Way()


@dataclass(frozen=True, slots=True)
class Offered:
    """A channel that people may choose."""

    name: str
    kind: str


_OFFERED = (channels.c.personal == 1, channels.c.disabled_at.is_(None))


def some_offered() -> ColumnElement[bool]:
    """Return the condition that there is a channel that people may choose."""
    return select(channels.c.id).where(*_OFFERED).exists()


def list_offered(session: Session) -> list[Offered]:
    """Return the channels that people may choose, in the order of their names."""

    def build() -> Any:
        return select(channels.c.name, channels.c.kind).where(*_OFFERED).order_by(channels.c.name)

    return [Offered(*row) for row in session.prepared("offered channels", build).fetch_all(session.connection, {})]


def find_choices(session: Session, user_id: int) -> Choices:
    """Return what somebody chose, or what holds until they choose."""

    def build() -> Any:
        c = message_choices.c
        columns = (c.ways, c.quiet_from, c.quiet_until, c.digest_at, c.timezone)
        return select(*columns).where(c.user_id == bindparam("user_id"))

    row = session.prepared("choices", build).fetch_one(session.connection, {"user_id": user_id})
    if row is None:
        return Choices()
    ways = {kind: Way(way["when"], _names(way["channels"])) for kind, way in row[0].items()}
    return Choices(ways, row[1], row[2], row[3], row[4])


def choose(session: Session, choices: Choices, *, actor: Actor) -> None:
    """Keep what the actor chooses. Raises ``InvalidValues``: no time of day, no such channel, no such time zone."""
    errors = _check(session, choices)
    if errors:
        raise InvalidValues(errors)
    row = {
        "ways": {
            kind: {"when": way.when, "channels": None if way.channels is None else list(way.channels)}
            for kind, way in choices.ways.items()
        },
        "quiet_from": choices.quiet_from or None,
        "quiet_until": choices.quiet_until if choices.quiet_from else None,
        "digest_at": choices.digest_at,
        "timezone": choices.timezone or None,
    }
    kept = insert_into(message_choices, session.connection.dialect).values(user_id=actor.id, **row)
    session.connection.execute(kept.on_conflict_do_update(index_elements=[message_choices.c.user_id], set_=row))


def pick_channels(way: Way, offered: list[Offered]) -> list[Offered]:
    """Return the channels that a kind of message goes to, of those there are."""
    if way.when == "never":
        return []
    if way.channels is None:
        return [one for one in offered if one.kind == "email"]
    return [one for one in offered if one.name in way.channels]


def when_to_send(choices: Choices, way: Way, now: dt.datetime, site_zone: str) -> tuple[dt.datetime, bool]:
    """Return when a message leaves, and whether it waits to be gathered with others of the same time.

    ``now`` and the answer are in UTC. In quiet hours, which may go past midnight, it leaves at their end.
    """
    zone = _zone(choices.timezone or site_zone)
    if way.when == "digest":
        return _next(choices.digest_at, now, zone), True
    if _is_quiet(choices, now.astimezone(zone).strftime("%H:%M")):
        return _next(choices.quiet_until or DIGEST_AT, now, zone), True
    return now, False


def _is_quiet(choices: Choices, clock: str) -> bool:
    start, end = choices.quiet_from, choices.quiet_until
    if not start or not end or start == end:
        return False
    return start <= clock < end if start < end else clock >= start or clock < end


def _next(clock: str, now: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return the next moment the clock of a zone shows this time; a time that a change of the clock skips is later."""
    local = now.astimezone(zone)
    for days in (0, 1):
        day = local.date() + dt.timedelta(days=days)
        found = dt.datetime.combine(day, dt.time.fromisoformat(clock), zone).astimezone(dt.UTC)
        if found > now:
            return found
    return found + dt.timedelta(days=1)


def _check(session: Session, choices: Choices) -> list[FieldError]:
    errors = [
        FieldError(name, "channel.no_time", {"text": value[:20]})
        for name, value in (
            ("quiet_from", choices.quiet_from or "00:00"),
            ("quiet_until", (choices.quiet_from and choices.quiet_until) or "00:00"),
            ("digest_at", choices.digest_at),
        )
        if not _CLOCK.fullmatch(value)
    ]
    if choices.quiet_from and not choices.quiet_until:
        errors.append(FieldError("quiet_until", "people.empty"))
    if choices.timezone and choices.timezone not in available_timezones():
        errors.append(FieldError("timezone", "channel.no_zone", {"text": choices.timezone[:60]}))
    known = {one.name for one in list_offered(session)}
    for kind, way in choices.ways.items():
        if kind not in KINDS or way.when not in WHEN or not known.issuperset(way.channels or ()):
            errors.append(FieldError(kind, "channel.no_choice"))
    return errors


def _names(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
