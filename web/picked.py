"""A posted form with what was typed into its pickers found, and the files sent with it taken in.

Enters: a form as ``web/posted.py`` reads it. Leaves: ``Posted`` with an id for each name that leads to one thing, and
an ``Unread`` in place of each value that could not be read. With scripts a picker sends an id and a text only while
nothing is chosen; without, it sends both, and what the id is called tells whether somebody typed another name. Must
not refuse anything: the command does, and says what the ``Unread`` says.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from flask import g
from werkzeug.datastructures import MultiDict

from engine.compiler.app import DEPARTMENT, USER, Entity, Field
from engine.compiler.readers import Wrong
from engine.errors import NotAllowed, NotFound
from engine.people import directory
from engine.people.departments import find_departments
from engine.records import commands, queries, uploads
from engine.records.labels import department_labels, people_labels
from engine.records.links import label_records
from web.form_values import type_changed, type_new
from web.posted import Choice, Posted, Unread, is_id, read_posted

MOST = 20
"""What a picker offers at once."""

_BETWEEN = re.compile(r"[,;，、；]")
_LONGEST = 100


def read_form(
    entity: Entity,
    form: "MultiDict[str, str]",
    *,
    record: int | None = None,
    also: Mapping[str, Field] = MappingProxyType({}),
) -> Posted:
    """Return what was posted for the record with this id, or for a new one; ``also`` are inputs beside its fields."""
    posted = read_posted(entity, form)
    for one in _pickers(entity, posted, form, also):
        found = _read(entity, one, form, posted, record)
        if found is not None:
            one.raw[one.key] = one.typed[one.key] = found
    for key, sent in g.get("sent_files", {}).items():
        posted.raw[key] = posted.typed[key] = _with_files(posted.raw.get(key), sent)
    return posted


def settle(pickers: Mapping[str, str], given: "MultiDict[str, str]") -> "tuple[MultiDict[str, str], dict[str, Unread]]":
    """Return what an address asks for, with an id for each text typed into a picker of a filter that means one thing.

    ``pickers`` are their names with what they lead to. A text that means nothing, or several things, stays in the
    address in place of an id; why stands beside.
    """
    settled, unread = given.copy(), dict[str, Unread]()
    for name, target in pickers.items():
        if f"{name}._text" not in given:
            continue
        text, picked = given[f"{name}._text"].strip(), given.get(f"{name}._pick", "")
        meant = _meant(target, text, picked, given.get(name, ""))
        for part in (name, f"{name}._text", f"{name}._pick"):
            settled.poplist(part)
        if isinstance(meant, Unread):
            unread[name] = meant
            settled[f"{name}._text"] = given[f"{name}._text"]
        elif meant:
            settled[name] = meant
    return settled, unread


def _meant(target: str, text: str, picked: str, present: str) -> str | Unread:
    if is_id(picked):
        return picked
    if text == _called(target, present):
        return present
    return _only(text, partial(_find_for_filter, target)) if text else ""


def _find_for_filter(target: str, words: str) -> list[Choice]:
    if target in (USER, DEPARTMENT):
        return find_people_for(words) if target == USER else find_departments_for(words)
    try:
        return find_records(target, words, None, {})
    except NotAllowed:
        return []


def find_choices(field: Field, words: str, link: tuple[str, str], record: Mapping[str, Any]) -> list[Choice]:
    """Return what the picker of a field offers for a few letters; nothing where the reader may read nothing."""
    if field.to is None:
        return find_people_for(words) if field.target == USER else find_departments_for(words)
    try:
        return find_records(field.to, words, link, record)
    except NotAllowed:
        return []


def find_records(entity: str, words: str, link: tuple[str, str] | None, record: Mapping[str, Any]) -> list[Choice]:
    """Return records by name or number, as ``queries.pick`` does, and one more than ``MOST`` when there is more."""
    found = queries.pick(g.session, entity, words, actor=g.actor, limit=MOST + 1, link=link, record=record)
    return [Choice(str(one.id), one.text, one.number if one.number != one.text else None) for one in found]


def find_people_for(words: str) -> list[Choice]:
    """Return people by name or login."""
    found = directory.find_people(g.session, words[:60], limit=MOST + 1)
    return [Choice(str(one.id), one.name, one.login) for one in found]


def find_departments_for(words: str) -> list[Choice]:
    """Return departments by name or key."""
    found = find_departments(g.session.connection, words[:60], limit=MOST + 1)
    return [Choice(str(one.id), one.name, one.key) for one in found]


def values_so_far(entity: Entity, raw: Mapping[str, Any], record: int | None) -> Mapping[str, Any]:
    """Return the values that the record being edited would have now."""
    if record is None:
        commands.require_create(g.session, entity, g.actor)
        return type_new(entity, raw).values
    return type_changed(entity, queries.get_record(g.session, entity.key, record, actor=g.actor), raw).values


# ---- pickers


@dataclass(frozen=True, slots=True)
class _Picker:
    """One input that sent a text: its name on the form, its field, and where its value stands."""

    name: str
    address: str
    field: Field
    key: str
    raw: dict[str, Any]
    typed: dict[str, Any]


def _pickers(
    entity: Entity, posted: Posted, form: "MultiDict[str, str]", also: Mapping[str, Field]
) -> Iterator[_Picker]:
    for key, field in {**entity.fields, **also}.items():
        if field.target is not None and f"{key}._text" in form:
            yield _Picker(key, key, field, key, posted.raw, posted.typed)
    for lines in entity.line_fields:
        rows = zip(posted.typed.get(lines.key) or (), posted.raw.get(lines.key) or (), strict=False)
        for typed, raw in rows:
            for key, column in lines.fields.items():
                name = f"{lines.key}.{typed['_token']}.{key}"
                if column.target is not None and f"{name}._text" in form:
                    yield _Picker(name, f"{lines.key}.{key}", column, key, raw, typed)


def _read(
    entity: Entity, one: _Picker, form: "MultiDict[str, str]", posted: Posted, record: int | None
) -> list[str] | str | Unread | None:
    """Return what was meant; None when the value stands as it was sent."""
    text, picked = form.get(f"{one.name}._text", "").strip(), form.get(f"{one.name}._pick", "")

    def find(words: str) -> list[Choice]:
        where = one.field.where
        needed = where is not None and where.checked.outer_reads
        so_far = values_so_far(entity, posted.raw, record) if needed else {}
        return find_choices(one.field, words, (entity.key, one.address), so_far)

    if one.field.type.many:
        return _read_several(one.raw.get(one.key) or [], text, picked, find) if text else None
    if is_id(picked):
        return picked
    stored = str(one.raw.get(one.key) or "")
    called = _called(one.field.target or "", stored)
    if text == called or (not text and not called):
        return None
    return _only(text, find) if text else ""


def _only(text: str, find: Callable[[str], list[Choice]]) -> str | Unread:
    """Return the id of the one thing that is called this; else what could be meant."""
    found = find(text[:_LONGEST])
    same = [one for one in found if text.casefold() in (one.text.casefold(), (one.hint or "").casefold())]
    if len(same) == 1 or len(found) == 1:
        return (same or found)[0].value
    code = "value.choose_one" if found else "value.choose_listed"
    return Unread(code, text=text, choices=(same or found)[:MOST])


def _read_several(
    kept: Sequence[str], text: str, picked: str, find: Callable[[str], list[Choice]]
) -> list[str] | Unread:
    """Return the ids chosen so far with those of the names typed; ``picked`` answers the first that was not clear."""
    ids, unclear = list(kept), []
    for word in filter(None, map(str.strip, _BETWEEN.split(text))):
        found = _only(word, find)
        if isinstance(found, str):
            ids.append(found)
        elif is_id(picked):
            ids.append(picked)
            picked = ""
        else:
            unclear.append(found)
    if not unclear:
        return ids
    names = "、".join(one.text for one in unclear)
    return Unread(unclear[0].code, text=names, choices=unclear[0].choices, kept=ids)


def _called(target: str, id_: str) -> str:
    if not is_id(id_):
        return ""
    if target not in (USER, DEPARTMENT):
        return label_records(g.session, target, {int(id_)}, actor=g.actor).get((target, int(id_)), "")
    labels = people_labels if target == USER else department_labels
    return labels(g.session, [int(id_)]).get((target, int(id_)), "")


# ---- files


def _with_files(kept: Any, sent: Sequence[int | Wrong]) -> list[Any] | Unread:
    """Return the files that hang there with those that were sent; what was refused says why."""
    ids = [*(kept if isinstance(kept, list) else []), *(str(one) for one in sent if isinstance(one, int))]
    wrong = next((one for one in sent if isinstance(one, Wrong)), None)
    if wrong is None:
        return ids
    return Unread(wrong.code, wrong.params, kept=[_file(one) for one in ids])


def _file(id_: str) -> Any:
    """Return a file just sent as its input shows it; one that is not to be seen as its id, which the command judges."""
    try:
        return uploads.get_file(g.session, int(id_), actor=g.actor) if is_id(id_) else id_
    except NotFound:
        return id_
