"""How long records stay where they are: late marks, flags, and since when and until when a stage lasts.

Enters: records as their reader sees them. Leaves: badges and short texts for lists and the page of a record. Must not
name a record the reader may not see.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import g

from engine.compiler.app import Entity
from engine.records.flags import SHARED_EVIDENCE, RaisedFlag, read_flags
from engine.records.record import Record
from engine.records.stays import find_stay, read_stays
from engine.workflow.flagging import may_end_flag
from web.cells import Cells, record_url
from web.gate import locale, now

_TONES = {"neutral": "grey", "info": "blue", "success": "green", "warning": "amber", "danger": "red"}


def find_late(entity: Entity, ids: Sequence[int]) -> frozenset[int]:
    """Return which of the records have stayed longer than their stage allows; one query for all."""
    if entity.workflow is None or not ids:
        return frozenset()
    return frozenset(id_ for id_, stay in read_stays(g.session, entity.key, ids).items() if stay.is_late(now()))


def view_stay(cells: Cells, entity: Entity, record: Record) -> dict[str, Any]:
    """Return ``since`` and ``due`` of the stage a record is in, whether it is ``late``, and its ``flags`` as badges."""
    stay = find_stay(g.session, entity.key, record.id) if entity.workflow is not None else None
    here = stay is not None and stay.stage == record.values.get("stage")
    flags = read_flags(g.session, entity.key, [record.id]).get(record.id, [])
    return {
        "since": cells.when(stay.since) if stay is not None and here else None,
        "due": cells.due(stay.due_at) if stay is not None and here and stay.due_at is not None else None,
        "late": stay is not None and here and stay.is_late(now()),
        "flags": list(_badges(cells, entity, record, flags)),
    }


def _badges(cells: Cells, entity: Entity, record: Record, flags: Sequence[RaisedFlag]) -> Iterator[dict[str, Any]]:
    known = entity.workflow.flags if entity.workflow is not None else {}
    for one in flags:
        mine = may_end_flag(g.session, record, one.flag, actor=g.actor)
        end_url = f"{record_url(entity.key, record.id)}/flags/{one.flag}/end" if mine else None
        since = cells.when(one.since)["title"]
        if one.flag == SHARED_EVIDENCE:
            why = locale().t("stay.shared_evidence_why", file=one.reason.get("file", ""), since=since)
            yield {"label": locale().t("stay.shared_evidence"), "tone": "red", "why": why, "end_url": end_url}
        elif one.flag in known:
            flag = known[one.flag]
            why = locale().t("stay.flag_since", since=since)
            yield {"label": locale().label(flag.label), "tone": _TONES[flag.tone], "why": why, "end_url": end_url}
