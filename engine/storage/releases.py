"""Releases: what was published, by whom, and which one holds now.

Enters: the sources of a folder. Leaves: immutable rows, newest first. Must not change a release once written, nor
compile one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from engine.errors import NotFound
from engine.storage.system_tables import current_release, releases


@dataclass(frozen=True)
class Release:
    """One published definition; ``digest`` is the sha256 of its sources."""

    id: int
    digest: str
    app: str
    version: str
    created_at: datetime
    created_by: int | None
    note: str | None


@dataclass(frozen=True)
class Current:
    """The release that holds now; ``generation`` grows with every publish, also with a return to an earlier release."""

    release: Release
    generation: int
    sources: Mapping[str, str]


def find_generation(connection: Connection) -> int | None:
    """Return the generation that holds now, None before the first publish."""
    return connection.scalar(select(current_release.c.generation))


def find_current(connection: Connection) -> Current | None:
    """Return the release that holds now with its sources, None before the first publish."""
    query = _select_release(current_release.c.generation, releases.c.sources).join(
        current_release, current_release.c.release_id == releases.c.id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Current(_read_release(row), row.generation, row.sources)


def find_current_id(connection: Connection, *, lock: bool = False) -> int | None:
    """Return the id of the release that holds now; ``lock`` keeps others from publishing until the transaction ends."""
    query = select(current_release.c.release_id)
    return connection.scalar(query.with_for_update() if lock else query)


def list_releases(connection: Connection, limit: int = 100) -> list[Release]:
    """Return the newest releases first."""
    return [
        _read_release(row) for row in connection.execute(_select_release().order_by(releases.c.id.desc()).limit(limit))
    ]


def find_release(connection: Connection, release_id: int | None) -> Release | None:
    """Return a release by its id, None when there is none."""
    row = connection.execute(_select_release().where(releases.c.id == release_id)).one_or_none()
    return None if row is None else _read_release(row)


def list_digests(connection: Connection) -> dict[int, str]:
    """Return the digest of every release by its id, oldest first."""
    rows = connection.execute(select(releases.c.id, releases.c.digest).order_by(releases.c.id))
    return {row.id: row.digest for row in rows}


def list_sources(connection: Connection) -> Iterator[Mapping[str, str]]:
    """Yield the texts of every release, oldest first."""
    yield from connection.scalars(select(releases.c.sources).order_by(releases.c.id))


def get_sources(connection: Connection, release_id: int) -> Mapping[str, str]:
    """Return the texts of a release by relative path; raises ``NotFound``."""
    sources: Mapping[str, str] | None = connection.scalar(select(releases.c.sources).where(releases.c.id == release_id))
    if sources is None:
        raise NotFound("storage.no_release", release=release_id)
    return sources


def get_plan(connection: Connection, release_id: int) -> Mapping[str, Any]:
    """Return the plan a release was published with, as ``plan.to_plain`` wrote it; raises ``NotFound``."""
    row = connection.execute(select(releases.c.plan).where(releases.c.id == release_id)).one_or_none()
    if row is None:
        raise NotFound("storage.no_release", release=release_id)
    return row.plan or {}


def create_release(connection: Connection, values: Mapping[str, Any]) -> Release:
    """Write a release and make it the current one; its id is what ``find_next_id`` said."""
    release_id = find_next_id(connection)
    connection.execute(insert(releases).values(id=release_id, **values))
    _point_at(connection, release_id)
    return _read_release(connection.execute(_select_release().where(releases.c.id == release_id)).one())


def find_next_id(connection: Connection) -> int:
    """Return the id the next release will have; a publish holds its turn, so nobody else takes it."""
    return (connection.scalar(select(func.max(releases.c.id))) or 0) + 1


def _point_at(connection: Connection, release_id: int) -> None:
    moved = connection.execute(
        update(current_release).values(release_id=release_id, generation=current_release.c.generation + 1)
    )
    if moved.rowcount == 0:
        connection.execute(insert(current_release).values(id=1, release_id=release_id, generation=1))


def _select_release(*more: Any) -> Select[Any]:
    columns = releases.c
    return select(
        columns.id,
        columns.digest,
        columns.app,
        columns.version,
        columns.created_at,
        columns.created_by,
        columns.note,
        *more,
    )


def _read_release(row: Row[Any]) -> Release:
    return Release(row.id, row.digest, row.app, row.version, row.created_at, row.created_by, row.note)
