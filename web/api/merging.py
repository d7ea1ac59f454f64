"""Merging two records over HTTP, looking at a merge, and undoing it.

Enters: the record that is kept, the other, what is taken from which. Leaves: JSON. Must not decide what may be merged
or undone: the commands do.
"""

from typing import Any

from flask import g

from engine.errors import FieldError, InvalidValues
from engine.records.commands import Stale
from engine.records.merges import Merged, get_merge
from engine.records.merging import merge_records
from engine.records.unmerging import undo_merge
from web.api.answers import answer, iso, writer_for
from web.api.requests import read_id, read_object, read_version
from web.errors import problem
from web.gate import locale, reads, writes


@writes
def merge(entity: str, record_id: str) -> Any:
    """Merge record ``other`` into this one: ``take`` says by field from which its value is taken."""
    id_, version, sent = read_id(record_id), read_version(), read_object()
    errors = [
        FieldError(name, "people.wrong_member", {"kind": "integer"})
        for name in ("other", "other_version")
        if not isinstance(sent.get(name), int) or isinstance(sent.get(name), bool)
    ]
    take = sent.get("take") or {}
    if not isinstance(take, dict):
        errors.append(FieldError("take", "people.wrong_member", {"kind": "object"}))
    errors += [
        FieldError(name[:60], "people.unknown_member", {"name": name[:60], "known": "other, other_version, take"})
        for name in sent.keys() - {"other", "other_version", "take", "version"}
    ]
    if errors:
        raise InvalidValues(errors)
    sides = {key: str(side) for key, side in take.items()}
    seen = (version, sent["other_version"])
    try:
        kept, made = merge_records(g.session, entity, id_, sent["other"], sides, versions=seen, actor=g.actor)
    except Stale as stale:
        return problem(409, stale.code, stale.text(locale().language))
    said = answer({"merge": made, "record": writer_for(entity).write_whole(kept)})
    said.headers["ETag"] = f'"{kept.version}"'
    return said


@reads
def show_merge(merge_id: str) -> Any:
    """Answer a merge there was."""
    return answer(_said(get_merge(g.session, read_id(merge_id), actor=g.actor)))


@writes
def undo_merged(merge_id: str) -> Any:
    """Undo a merge; ``told`` says what stays as it is because it was changed since."""
    return answer(_said(undo_merge(g.session, read_id(merge_id), actor=g.actor)))


ROUTES = (
    ("/<entity>/<record_id>/merge", ["POST"], merge),
    ("/merges/<merge_id>", ["GET"], show_merge),
    ("/merges/<merge_id>/undo", ["POST"], undo_merged),
)


def _said(one: Merged) -> dict[str, Any]:
    return {
        "id": one.id,
        "entity": one.entity,
        "kept": one.kept_id,
        "lost": one.lost_id,
        "lost_number": one.lost_number,
        "lost_name": one.lost_name,
        "by": one.by,
        "at": iso(one.at),
        "undo_until": iso(one.undo_until),
        "undone_by": one.undone_by,
        "undone_at": iso(one.undone_at),
        "told": [told.get(locale().language) or next(iter(told.values())) for told in one.told],
    }
