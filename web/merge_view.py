"""Two records side by side before they become one, and a merge there was.

Enters: records as their reader may see them, what differs, what was chosen. Leaves: the ``page`` of
``pages/merge.html``, ``pages/merge_choose.html`` and ``pages/merged.html``. Must not choose for anybody: what is ticked
first is what the engine finds sensible, and whoever merges sees it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from engine import messages
from engine.compiler.app import Entity
from engine.records.duplicates import find_duplicates
from engine.records.merges import Merged
from engine.records.merging import BOTH, KEPT, Choice, find_undo_end
from engine.records.record import USER, Labels, Record
from engine.records.relinking import find_linking
from engine.records.rights import ALL, find_rights
from web.cells import Cells, record_url, title_of
from web.gate import locale, now
from web.history_view import say_value

_SIDES = ("kept", "other", "both")


def merge_url(entity: str, id_: int) -> str:
    """Return where a record is merged with another."""
    return f"{record_url(entity, id_)}/merge"


def view_choosing(entity: Entity, record: Record, error: str | None) -> dict[str, Any]:
    """Return the page on which the other record is chosen, with those the duplicate rules find alike."""
    text, url = locale(), merge_url(entity.key, record.id)
    found = find_duplicates(g.session, entity, record.values, {}, actor=g.actor)
    others = {one.id: one.name for found_ in found for one in found_.others if one.id not in (None, record.id)}
    return {
        "title": text.t("merge.title"),
        "record": {"label": title_of(entity, record), "url": record_url(entity.key, record.id)},
        "url": url,
        "alike": [{"label": name, "url": f"{url}?with={id_}"} for id_, name in others.items()],
        "field": {
            "key": "with", "name": "with", "id": "merge-with", "kind": "link", "label": text.t("merge.with"),
            "help": text.t("merge.with_help"), "error": error, "required": True, "value": "", "text": "",
            "pick_url": f"/pick/{entity.key}", "width": 2, "placeholder": text.t("merge.with_hint"),
        },
    }  # fmt: skip


def view_merge(
    entity: Entity,
    kept: Record,
    other: Record,
    choices: Sequence[Choice],
    *,
    taken: Mapping[str, str],
    errors: Mapping[str, str],
) -> dict[str, Any]:
    """Return both side by side, what differs first; ``taken`` is what was chosen already."""
    text, cells = locale(), Cells(locale(), now())
    labels = kept.labels | other.labels
    shown = [one for one in choices if one.key not in kept.hidden | other.hidden]
    rows = [_row(cells, entity, one, (kept, other), labels, taken, errors) for one in shown]
    differing = {one.key for one in choices}
    same = [
        {"label": text.label(field.label), "text": said}
        for key, field in entity.fields.items()
        if key not in differing | kept.hidden | other.hidden and kept.shows(key)
        if (said := say_value(cells, field, kept.values[key], labels))
    ]
    known = {row["key"] for row in rows}
    return {
        "title": text.t("merge.title"),
        "sides": [_side(cells, entity, one) for one in (kept, other)],
        "url": merge_url(entity.key, kept.id),
        "record_url": record_url(entity.key, kept.id),
        "swap_url": f"{merge_url(entity.key, other.id)}?with={kept.id}",
        "other": other.id,
        "versions": (kept.version, other.version),
        "rows": rows,
        "same": same,
        "moves": _moves(entity, other.id, (kept.id, other.id)),
        "undo": text.t("merge.undo_until", day=text.date(text.local(find_undo_end(g.session, entity)).date())),
        "error": "".join(said for key, said in errors.items() if key not in known) or None,
    }


def view_merged(entity: Entity, merged: Merged, kept: Record) -> dict[str, Any]:
    """Return a merge there was, and whether it can be undone."""
    text, cells, present = locale(), Cells(locale(), now()), g.session.now()
    return {
        "title": text.t("merge.merged", lost=merged.lost),
        "record": {"label": title_of(entity, kept), "url": record_url(entity.key, kept.id)},
        "who": cells.person(merged.by),
        "when": cells.when(merged.at),
        "until": cells.when(merged.undo_until) if merged.can_undo(present) else None,
        "undo_url": f"/merges/{merged.id}/undo" if merged.can_undo(present) else None,
        "undone": None if merged.undone_at is None else {
            "who": cells.person(merged.undone_by or ""), "when": cells.when(merged.undone_at),
            "lost": {"label": merged.lost, "url": record_url(entity.key, merged.lost_id)},
            "told": [one.get(text.language) or next(iter(one.values())) for one in merged.told],
        },
        "moved": _counted(Counter(one[0] for one in merged.content["links"])),
        "comments": len(merged.content["comments"]),
    }  # fmt: skip


def view_merges(merges: Sequence[Merged]) -> list[dict[str, Any]]:
    """Return what went into a record, for its page."""
    text, cells = locale(), Cells(locale(), now())
    return [
        {"text": text.t("merge.merged", lost=one.lost), "url": f"/merges/{one.id}", "when": cells.when(one.at)}
        for one in merges
    ]


def say_away(merged: Merged) -> str:
    """Return in one sentence where the address of a record that went leads, by its number alone."""
    text = locale()
    day = text.date(text.local(merged.at).date())
    return messages.text("merge.away", text.language, lost=merged.lost_number or f"#{merged.lost_id}", day=day)


def _row(
    cells: Cells,
    entity: Entity,
    choice: Choice,
    pair: tuple[Record, Record],
    labels: Labels,
    taken: Mapping[str, str],
    errors: Mapping[str, str],
) -> dict[str, Any]:
    text, field = locale(), entity.fields.get(choice.key)
    chosen = taken.get(choice.key, choice.side)
    said = [_said(cells, entity, choice.key, one.values.get(choice.key), labels) for one in pair]
    options = [
        {"side": side, "text": text.t("merge.both") if side == BOTH else said[0 if side == KEPT else 1],
         "chosen": side == chosen}
        for side in _SIDES
        if side in choice.sides or side != BOTH
    ]  # fmt: skip
    return {
        "key": choice.key,
        "label": text.label(field.label) if field is not None else text.t("field.owner"),
        "options": options,
        "fixed": len(choice.sides) == 1,
        "error": errors.get(choice.key),
    }


def _said(cells: Cells, entity: Entity, key: str, value: Any, labels: Labels) -> str:
    if key == "owner":
        return labels.get((USER, value or 0), "")
    return say_value(cells, entity.fields[key], value, labels)


def _side(cells: Cells, entity: Entity, record: Record) -> dict[str, Any]:
    number, owner = record.values.get("number"), record.labels.get((USER, record.values.get("owner") or 0), "")
    return {
        "title": title_of(entity, record),
        "number": number,
        "url": record_url(entity.key, record.id),
        "owner": cells.person(owner) if owner else None,
        "updated": cells.when(record.values["updated_at"]),
        "stage": cells.stage(entity, record.values.get("stage")),
    }


def _moves(entity: Entity, other: int, pair: tuple[int, int]) -> str | None:
    """Return what will come along, of the kinds of records the reader may see all of."""
    places = find_linking(g.session, entity.key, other, but=pair)
    counts = Counter(one for one, _, deleted in places if not deleted)
    return _counted(Counter({key: count for key, count in counts.items() if _sees_all(key)}))


def _sees_all(key: str) -> bool:
    entity = g.session.app.entities[key]
    return ALL in find_rights(g.session.app, entity, g.actor).read


def _counted(counts: Counter[str]) -> str | None:
    text, known = locale(), g.session.app.entities
    parts = [f"{text.label(known[key].label)} {count}" for key, count in counts.items() if key in known]
    return text.t("text.comma").join(parts) or None
