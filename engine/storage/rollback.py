"""Going back: the sources of an earlier release are published again, as a new release.

Enters: the id of a release. Leaves: a plan, or the new release, through the same gate as any other publish. Must not
lose what was typed since: columns that the earlier release does not know stay, and what was renamed since is renamed
back (``renames.py``), so that the values stand under the name people find there. Values of a field that changed its
type are taken back (``returning.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.definition.source import SourceFolder
from engine.errors import NotPossibleNow
from engine.storage import catalog
from engine.storage.back import Back, MakeCallings
from engine.storage.catalog import Publisher, Settle
from engine.storage.journal import write_audit
from engine.storage.plan import Plan
from engine.storage.releases import Release, find_current_id, get_sources, list_digests
from engine.storage.store import Session, Store


@dataclass(frozen=True)
class Earlier:
    """An earlier release with its sources."""

    id: int
    folder: SourceFolder


def find_earlier(store: Store, release_id: int | None = None) -> Earlier:
    """Return the release to go back to: the one named, else the one before the current one.

    Raises ``NotFound`` when there is no such release and ``NotPossibleNow`` when there is none before.
    """
    with store.read() as session:
        wanted = release_id or _before(list_digests(session.connection), find_current_id(session.connection))
        return Earlier(wanted, SourceFolder(get_sources(session.connection, wanted)))


def plan(store: Store, earlier: Earlier, callings: MakeCallings) -> Plan:
    """Return what going back would do; nothing is changed. ``callings`` says how records and people are called."""
    return catalog.plan(store, earlier.folder, callings=callings, back=Back(earlier.id))


def publish(
    store: Store,
    earlier: Earlier,
    callings: MakeCallings,
    *,
    actor_id: int | None,
    note: str | None,
    expected: Plan,
    settle: Settle,
) -> Release:
    """Publish an earlier release again; raises what ``catalog.publish`` raises."""

    def settle_and_tell(session: Session) -> None:
        settle(session)
        details = {"to": earlier.id, "from": expected.base_release, "note": note}
        actor = None if actor_id is None else Publisher(actor_id)
        write_audit(session, "release.rollback", f"release:{session.release_id}", details, actor=actor)

    return catalog.publish(
        store,
        earlier.folder,
        actor_id=actor_id,
        note=note,
        expected=expected,
        settle=settle_and_tell,
        callings=callings,
        back=Back(earlier.id),
    )


def _before(digests: Mapping[int, str], current: int | None) -> int:
    """Return the newest release before the current one that says something else."""
    found = [] if current is None else [id_ for id_ in digests if id_ < current and digests[id_] != digests[current]]
    if not found:
        raise NotPossibleNow("storage.no_earlier")
    return max(found)
