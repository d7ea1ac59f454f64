"""What follows an event: by its type, one function that writes effects in the transaction that marks the event done.

Enters: an event of the outbox. Leaves: notices for people, and the words by which records are found. Must be safe to
run again: a notice has a key, and the second of the same key is no notice.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from engine.automation.triggering import ARM, Happened, arm_batch, begin
from engine.channels.message import Message, kind_of
from engine.channels.posting import tell
from engine.compiler.app import Entity
from engine.records.calling import name_of
from engine.records.columns import record_columns, to_values
from engine.records.comments import read_followers
from engine.records.evaluation import Lookups
from engine.records.mentions import may_see
from engine.records.protecting import REBUILD as PROTECT_ALL
from engine.records.protecting import TOLD, rebuild, refresh
from engine.records.search_terms import REBUILD, rebuild_in_turns
from engine.records.sql import is_one_of
from engine.storage.store import Session
from engine.storage.system_tables import history
from engine.storage.tidying import TIDY, forget_some

Reaction = Callable[["Batch", Happened], object]


class Batch:
    """Events that are delivered in one transaction, and what is read once for all of them."""

    def __init__(self, session: Session, events: Sequence[Happened]) -> None:
        self.session = session
        self.events = events
        self._names: dict[tuple[str, int], str] = {}
        self._followers: Mapping[tuple[str, int], Sequence[int]] | None = None

    def followers_of(self, entity: str, record_id: int) -> Sequence[int]:
        """Return who follows a record that an event of the batch is about."""
        if self._followers is None:
            about = {(one.entity, one.record_id) for one in self.events if one.entity and one.record_id}
            self._followers = read_followers(self.session, about)
        return self._followers.get((entity, record_id), ())

    def name_of(self, event: Happened) -> str:
        """Return what the record of an event is called; it may be gone by now."""
        entity = self.session.app.entities.get(event.entity or "")
        if entity is None or event.record_id is None:
            return ""
        if (entity.key, event.record_id) not in self._names:
            alike = [one for one in self.events if (one.entity, one.type) == (event.entity, event.type)]
            ids = {event.record_id, *(one.record_id for one in alike if one.record_id is not None)}
            self._names |= {(entity.key, id_): "" for id_ in ids}
            self._names |= {(entity.key, id_): name for id_, name in _read_names(self.session, entity, ids)}
        return self._names[entity.key, event.record_id]


def tell_asked(batch: Batch, event: Happened) -> None:
    """Tell whoever was asked to decide."""
    for asked in event.payload.get("tasks") or ():
        _notify(
            batch,
            event,
            asked["user"],
            "approval_asked",
            f"task-{asked['task']}",
            {"task": asked["task"], **_about(event)},
        )


def tell_ended(batch: Batch, event: Happened) -> None:
    """Tell whoever submitted how it ended; what passed by itself they saw pass."""
    status = event.payload.get("status")
    starter = event.payload.get("starter")
    if starter is not None and not event.payload.get("alone"):
        _notify(batch, event, starter, f"approval_{status}", f"approval-{event.payload['approval']}-{status}", {})


def tell_copied(batch: Batch, event: Happened) -> None:
    """Tell whoever gets a copy (抄送)."""
    for user in event.payload["users"]:
        _notify(batch, event, user, "approval_copied", f"copy-{event.payload['approval']}", _about(event))


def tell_mentioned(batch: Batch, event: Happened) -> None:
    """Tell whoever a remark is addressed to."""
    for user in event.payload["users"]:
        key = f"mention-{event.payload['approval']}-{event.payload['number']}"
        _notify(batch, event, user, "approval_mentioned", key, {"by": event.payload["by"], **_about(event)})


def tell_commented(batch: Batch, event: Happened) -> None:
    """Tell whoever a remark about a record is addressed to, and whoever follows the record."""
    told = event.payload
    for user in told["mentioned"]:
        _notify(batch, event, user, "record_mentioned", f"comment-{told['comment']}", {"by": told["by"]})
    for user in _who_still_see(batch, event, told["followers"]):
        _notify(batch, event, user, "record_commented", f"comment-{told['comment']}", {"by": told["by"]})


def tell_followers(batch: Batch, event: Happened) -> None:
    """Tell whoever follows a record that it moved, except who moved it."""
    if event.entity is None or event.record_id is None:
        return
    following = batch.followers_of(event.entity, event.record_id)
    if not following:
        return
    c = history.c
    own = (c.entity == event.entity, c.record_id == event.record_id, c.version == event.payload["version"])
    mover = batch.session.connection.scalar(select(c.actor_id).where(*own).limit(1))
    for user in _who_still_see(batch, event, [one for one in following if one != mover]):
        _notify(batch, event, user, "record_moved", f"moved-{event.id}", {"stage": event.payload.get("to")})


def tell_urged(batch: Batch, event: Happened) -> None:
    """Remind whoever has it (催办)."""
    for asked in event.payload["tasks"]:
        key = f"urge-{asked['task']}-{event.payload['number']}"
        _notify(batch, event, asked["user"], "approval_urged", key, {"task": asked["task"], **_about(event)})


def tell_answered(batch: Batch, event: Happened) -> None:
    """Tell whoever asked for advice that there is an answer."""
    told = event.payload
    params = {"task": told["task"], "by": told["by"], **_about(event)}
    _notify(batch, event, told["user"], "approval_answered", f"answer-{event.id}", params)


def tell_late(batch: Batch, event: Happened) -> None:
    """Remind by a late rule (超时)."""
    for user in event.payload["users"]:
        key = f"late-{event.payload['task']}-{event.payload['rule']}"
        _notify(batch, event, user, "approval_late", key, {"task": event.payload["task"], **_about(event)})


def tell_reminded(batch: Batch, event: Happened) -> None:
    """Tell whoever is to be reminded that a record stays in its stage."""
    told = event.payload
    kind = "stage_late" if told["late"] else "stage_due"
    params = {key: told[key] for key in ("timer", "stage", "due_at")}
    for user in told["users"]:
        key = f"stage-{event.entity}-{event.record_id}-{told['timer']}-{told['arming']}"
        _notify(batch, event, user, kind, key, params)


def tell_shared(batch: Batch, event: Happened) -> None:
    """Tell the owner's manager that a file served as evidence for somebody else before."""
    params = {key: event.payload[key] for key in ("file", "entity", "record")}
    for user in event.payload["users"]:
        _notify(batch, event, user, "evidence_shared", f"evidence-{event.entity}-{event.record_id}", params)


def tell_record_shared(batch: Batch, event: Happened) -> None:
    """Tell whoever a record is shared with; shared again later, they are told again."""
    for user in event.payload["users"]:
        _notify(batch, event, user, "record_shared", f"share-{event.id}", {"by": event.payload["by"]})


def tell_ownership(batch: Batch, event: Happened) -> None:
    """Tell whoever is to lose a record, lost one, or was given one."""
    told = event.payload
    params = {key: told[key] for key in ("until", "pool", "by") if key in told}
    for user in told["users"]:
        _notify(batch, event, user, f"ownership_{told['kind']}", f"ownership-{event.id}", params)


def refresh_protection(batch: Batch, event: Happened) -> None:
    """Work out anew until when the records are protected whose rules look at this one."""
    if event.entity is not None and event.record_id is not None:
        refresh(batch.session, event.entity, event.record_id)


def protect_all(batch: Batch, event: Happened) -> None:
    """Work out the next batch of the records whose rules changed."""
    if event.entity is not None:
        rebuild(batch.session, event.entity, after=event.payload["after"])


def tell_dispute(batch: Batch, event: Happened) -> None:
    """Tell who is to answer a request about a record that was met, and the asker what came of it."""
    told = event.payload
    for user in told["users"]:
        params = {"dispute": told["dispute"], "by": told["by"]}
        _notify(batch, event, user, f"dispute_{told['kind']}", f"dispute-{event.id}", params)


def rebuild_search(batch: Batch, event: Happened) -> None:
    """Make the next batch of terms anew."""
    if event.entity is not None:
        rebuild_in_turns(batch.session, event.entity, after=event.payload["after"])


def tell_export(batch: Batch, event: Happened) -> None:
    """Tell who is to decide about an export, and who asked for one how it went."""
    told, kind = event.payload, event.payload["kind"]
    for user in told["users"]:
        _notify(batch, event, user, f"export_{kind}", f"export-{told['export']}-{kind}",
                {key: told[key] for key in ("export", "by", "total")})  # fmt: skip


def _begin(batch: Batch, event: Happened) -> None:
    begin(batch.session, event)


def reactions_to(event_type: str) -> Iterator[Reaction]:
    """Yield what follows an event of this type."""
    if event_type in REACTIONS:
        yield REACTIONS[event_type]
    verb = event_type.rpartition(".")[2]
    if verb == "moved":
        yield tell_followers
    if verb in _WRITES:
        yield refresh_protection
    if event_type not in _OWN:
        yield _begin


def tell_stranded(batch: Batch, event: Happened) -> None:
    """Tell the administrators what stands still this night."""
    for user in event.payload["users"]:
        params = {"count": event.payload["count"], "kinds": event.payload["kinds"]}
        _notify(batch, event, user, "stranded_report", f"stranded-{event.payload['night']}", params)


_WRITES = frozenset({"created", "updated", "moved", "deleted", "restored"})
"""The last words of the events that tell of a record that was written."""

_OWN = frozenset({REBUILD, PROTECT_ALL, ARM, TIDY})
"""Events that only go on with work of the engine."""

REACTIONS: Mapping[str, Reaction] = {
    REBUILD: rebuild_search,
    PROTECT_ALL: protect_all,
    ARM: lambda batch, event: arm_batch(batch.session, event),
    TIDY: lambda batch, event: forget_some(batch.session),
    TOLD: tell_ownership,
    "approval.asked": tell_asked,
    "approval.ended": tell_ended,
    "approval.copied": tell_copied,
    "approval.mentioned": tell_mentioned,
    "approval.urged": tell_urged,
    "approval.answered": tell_answered,
    "approval.late": tell_late,
    "stage.reminded": tell_reminded,
    "evidence.shared": tell_shared,
    "sharing.told": tell_record_shared,
    "standstill.reported": tell_stranded,
    **{f"exporting.{kind}": tell_export for kind in ("asked", "refused", "done", "failed")},
    "remark.made": tell_commented,
    **{f"disputing.{kind}": tell_dispute for kind in ("asked", "granted", "refused")},
}


def _about(event: Happened) -> dict[str, Any]:
    """The approval a notice leads to, where the event says which."""
    return {"approval_id": event.payload["approval"]} if "approval" in event.payload else {}


def _who_still_see(batch: Batch, event: Happened, users: Iterable[int]) -> list[int]:
    """Return those who may see the record of an event now: rights may have changed since they followed it."""
    entity, id_ = event.entity, event.record_id
    return [one for one in users if entity is not None and id_ is not None and may_see(batch.session, one, entity, id_)]


def _notify(batch: Batch, event: Happened, user: int, kind: str, key: str, params: Mapping[str, Any]) -> None:
    known = event.entity is not None and event.record_id is not None
    message = Message(
        kind=kind_of(kind),
        about=(event.entity, event.record_id) if known else None,  # type: ignore[arg-type]
        task=params.get("task"),
        approval=params.get("approval_id"),
        notice=kind,
        params={"what": batch.name_of(event), **params},
    )
    tell(batch.session, user, message, key=key, at=event.at)


def _read_names(session: Session, entity: Entity, ids: Collection[int]) -> Iterator[tuple[int, str]]:
    table = session.tables.entity[entity.key]

    def build() -> Any:
        return select(*record_columns(table, entity)).where(is_one_of(table.c.id, "ids"))

    rows = session.prepared(("named", entity.key), build).fetch_all(session.connection, {"ids": sorted(ids)})
    lookups = Lookups(session)
    for values in [to_values(entity, row) for row in rows]:
        yield values["id"], name_of(session.app, entity, values, lookups)
