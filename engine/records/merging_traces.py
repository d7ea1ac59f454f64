"""What hangs on a record beside its values when it is merged away: open requests, drafts, marks of evidence.

Enters: two ids, or a merge that is undone. Leaves: they hang on the record that is kept, or back where they were, in
the same transaction. Must not make two of what may stand once: what the kept record has already stays where it is.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Table, literal, select, update

from engine.records.disputes import DUE
from engine.records.merges import Merged
from engine.storage.dispute_tables import disputes
from engine.storage.form_draft_tables import form_drafts
from engine.storage.stage_tables import evidence, timers
from engine.storage.store import Session

Traces = dict[str, list[Any]]
"""What came to the record that is kept: ids by kind; of drafts with the version they were begun at."""


def move_traces(session: Session, entity: str, lost: int, kept: int) -> Traces:
    """Hang what hangs on the record that goes on the one that is kept, and return what that was.

    A draft was begun over other values: it is told to be older than any version, so that saving it shows both.
    """
    d, e, f = disputes.c, evidence.c, form_drafts.c
    asked = _fresh(disputes, entity, lost, kept, ("user_id",), d.state == "asked")
    marks = _fresh(evidence, entity, lost, kept, ("sha256", "apart"))
    run = session.connection.execute
    drafts = run(select(f.id, f.version).where(f.entity == entity, f.record_id == lost, f.closed_at.is_(None))).all()
    here, there = f"{entity}:{lost}", f"{entity}:{kept}"
    told = evidence.alias("told")
    same = (told.c.entity == e.entity, told.c.record_id == e.record_id, told.c.sha256 == e.sha256)
    twice = select(literal(1)).select_from(told).where(*same, told.c.apart == there).exists()
    requests = run(update(disputes).where(d.id.in_(asked)).values(record_id=kept).returning(d.id))
    proofs = run(update(evidence).where(e.id.in_(marks)).values(record_id=kept).returning(e.id))
    apart = run(update(evidence).where(e.apart == here, ~twice).values(apart=there).returning(e.id))
    moved: Traces = {
        "requests": sorted(requests.scalars()), "evidence": sorted(proofs.scalars()), "apart": sorted(apart.scalars()),
        "drafts": sorted([row.id, row.version] for row in drafts),
    }  # fmt: skip
    run(update(form_drafts).where(f.id.in_([row.id for row in drafts])).values(record_id=kept, version=0))
    _move_due(session, entity, moved["requests"], lost, kept)
    return moved


def move_traces_back(session: Session, found: Merged) -> None:
    """Hang back what a merge brought, as far as it still hangs on the record that was kept."""
    content, run = found.content, session.connection.execute
    for table, key in ((disputes, "requests"), (evidence, "evidence")):
        still = _still(table, found, content.get(key, ()))
        run(update(table).where(*still).values(record_id=found.lost_id))
    _move_due(session, found.entity, content.get("requests", ()), found.kept_id, found.lost_id)
    here, there = (f"{found.entity}:{id_}" for id_ in (found.kept_id, found.lost_id))
    e = evidence.c
    run(update(evidence).where(e.id.in_(content.get("apart", ())), e.apart == here).values(apart=there))
    for id_, version in content.get("drafts", ()):
        still = _still(form_drafts, found, (id_,))
        run(
            update(form_drafts)
            .where(*still, form_drafts.c.version == 0)
            .values(record_id=found.lost_id, version=version)
        )


def _move_due(session: Session, entity: str, requests: Iterable[int], before: int, after: int) -> None:
    """Let the timers of requests say of which record they are."""
    t = timers.c
    theirs = (t.entity == entity, t.record_id == before, t.kind == DUE, t.arming.in_([str(id_) for id_ in requests]))
    session.connection.execute(update(timers).where(*theirs).values(record_id=after))


def _fresh(table: Table, entity: str, lost: int, kept: int, once: Iterable[str], *which: ColumnElement[bool]) -> Any:
    """Select the rows of the record that goes of which the kept one has none that is the same in ``once``."""
    c, there = table.c, table.alias("there")
    same = (there.c[name] == c[name] for name in (*once, "entity", *(["state"] if "state" in c else [])))
    has = select(literal(1)).select_from(there).where(there.c.record_id == kept, *same).exists()
    wanted = select(c.id).where(c.entity == entity, c.record_id == lost, ~has, *which)
    return wanted.scalar_subquery()


def _still(table: Table, found: Merged, ids: Iterable[int]) -> tuple[ColumnElement[bool], ...]:
    c = table.c
    return c.id.in_(list(ids)), c.entity == found.entity, c.record_id == found.kept_id
