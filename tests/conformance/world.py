"""A site of each app to be judged, and records of any entity made up from its definition.

``World.sample`` gives what somebody would type for a record that nothing is wrong with; ``World.solve`` looks for
values that make a condition come out true or false, trying for each field the condition reads what it is compared with
and its neighbours. Nothing here knows an app.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import islice, product
from typing import Any

from flask import Flask
from sqlalchemy import update

from engine.compiler.app import CompiledApp, Entity, Expression, Field
from engine.compiler.credit_code import check_character
from engine.compiler.readers import Wrong
from engine.errors import FieldError, InvalidValues
from engine.expression import resolved
from engine.people.actor import Actor, engine_actor
from engine.people.departments import create_department
from engine.records import commands
from engine.records.completing import check_complete
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import Rights, find_rights
from engine.records.uploads import create_upload
from engine.storage.store import Store
from engine.workflow.requirements import find_missing, read_whole
from web.demo import make_pdf

Raw = dict[str, Any]
Outer = tuple[Entity | None, Raw]
"""The record being edited, for the conditions of its links."""

NO_RECORD: Outer = (None, {})
_MOST_TRIED = 3_000
TRY = "try_it"
"""The move every workflow is given: from its first stage to its first stage, so that each rule meets a move."""


@dataclass
class World:
    """One published app with somebody who holds every role."""

    app: Flask
    store: Store
    actor: Actor
    made: int = 0
    linked: dict[str, list[int]] = field(default_factory=dict)

    @property
    def compiled(self) -> CompiledApp:
        return self.store.app

    @property
    def system(self) -> Actor:
        """What an automation acts as: the same commands, another way in."""
        return engine_actor(self.actor.id, self.actor.team)

    def rights(self, entity: Entity) -> Rights:
        """Return what anybody may do: the actor holds every role."""
        return find_rights(self.compiled, entity, self.actor)

    def maker(self, entity: Entity) -> Actor:
        """Return who makes records: the engine, where no role lets a person do it."""
        return self.actor if self.rights(entity).create else self.system

    # ---- records

    def create(self, entity: Entity, raw: Raw) -> Record:
        raw = self.repair(entity, raw)
        with self.store.write() as session:
            return commands.create_record(session, entity.key, raw, actor=self.maker(entity))

    def let_become(self, entity: Entity, record: Record, raw: Raw) -> None:
        """Let a record have values that only time could give it: an offer that has run out."""
        values, _ = self.complete(entity, raw)
        wrong = {key: values[key] for key in raw if entity.fields[key].stored and values[key] != record.values.get(key)}
        wrong = {key: value for key, value in wrong.items() if not entity.fields[key].unique}
        if wrong:
            with self.store.write() as session:
                table = session.tables.entity[entity.key]
                session.connection.execute(update(table).where(table.c.id == record.id).values(**wrong))

    def is_always_fetched(self, one: Field, entity: Entity, lines: Field | None) -> bool:
        """Tell whether a field gets its value from a record that always has one."""
        siblings = entity.fields if lines is None else lines.fields
        return any(self.compiled.entities[siblings[link].to or ""].fields[there].required for link, there in one.fetch)

    def repair(self, entity: Entity, raw: Raw, keep: Sequence[str] = ()) -> Raw:
        """Return ``raw`` with other fields changed so that it breaks no rule, as far as that is possible."""
        for rule in entity.rules:
            if any(error.params.get("message") == rule.message for error in self.judge(entity, raw)):
                with suppress(LookupError):
                    found, stage = self.solve(entity, rule.check, True, base=raw, keep=keep)
                    raw = found if stage is None else raw
        return raw

    def put_into(self, record: Record, stage: str) -> Record:
        """Let a record stand in a stage, however it came there."""
        with self.store.write() as session:
            table = session.tables.entity[record.entity]
            session.connection.execute(update(table).where(table.c.id == record.id).values(stage=stage))
        return record

    def department(self) -> int:
        with self.store.write() as session:
            return create_department(session, key=f"d{self.made}", name=f"部门 {self.made}", actor=None)

    def upload(self) -> int:
        with self.store.write() as session:
            stored = session.files.save(BytesIO(make_pdf("scan")), "scan.pdf")
            return int(create_upload(session, stored, actor=self.actor)["id"])

    def sample(self, entity: Entity, **given: Any) -> Raw:
        """Return what somebody types for a sound record: required fields, and those a rule cannot do without."""
        raw = dict(given)
        for one in entity.fields.values():
            given_by_itself = one.default is not None or one.default_from is not None
            if one.required and not given_by_itself and one.key not in raw and self.can_type(entity, one.key):
                raw[one.key] = self.value(one, entity, raw)
        raw |= {
            one.key: [self.row(one, entity, raw)] * one.min_rows
            for one in entity.line_fields
            if one.min_rows and one.key not in raw
        }
        return self.fill(entity, raw)

    def fill(self, entity: Entity, raw: Raw, but: str = "") -> Raw:
        """Return ``raw`` with what it cannot do without, all except the field ``but``."""
        for _ in range(8):
            errors = self.judge(entity, raw)
            wanted = [one.path for one in errors if one.code == "value.required" and "." not in one.path]
            wanted = [path for path in wanted if path != but and raw.get(path) is None]
            if not wanted:
                break
            raw = raw | {path: self.value(entity.fields[path], entity, raw) for path in wanted}
        return raw

    def row(self, lines: Field, entity: Entity | None = None, beside: Raw | None = None) -> Raw:
        columns = [one for one in lines.fields.values() if one.required and not one.readonly and one.default is None]
        if entity is None:
            return {one.key: self.value(one, None) for one in columns}
        made = {
            one.key: self.target(one, (entity, beside or {})) if one.type.key == "link" else self.value(one, None)
            for one in columns
        }
        return made | _ROWS.get(f"{entity.key}.{lines.key}", {})

    def can_type(self, entity: Entity, key: str) -> bool:
        rights = find_rights(self.compiled, entity, self.maker(entity))
        name = key.split(".")
        one = entity.fields[name[0]].fields[name[1]] if len(name) == 2 else entity.fields[key]
        closed = one.retired or (one.readonly and not (rights.fills and one.kept_by_engine))
        return not (closed or {key, name[0]} & (rights.readonly | rights.hidden))

    def value(self, one: Field, entity: Entity | None, beside: Raw | None = None) -> Any:
        """Return a sound value as somebody types it ``beside`` others, another one each time where that matters."""
        self.made += 1
        known = _KNOWN.get(f"{entity.key}.{one.key}") if entity is not None else None
        if known is not None:
            return known(self.made)
        if one.options:
            return next(iter(one.options))
        if one.type.key == "link":
            return self.target(one, (entity, beside or {}))
        if one.type.key == "file":
            return [self.upload()]
        if one.type.key == "lines":
            return [self.row(one, entity, beside)]
        if one.type.key == "department":
            return self.department()
        make = _VALUES.get(one.type.key)
        return make(one, self.made) if make is not None else None

    def target(self, one: Field, outer: Outer = NO_RECORD) -> int:
        """Return a record that may be chosen in the record ``outer``."""
        target = self.compiled.entities[one.to or ""]
        raw, stage = self.sample(target), None
        if one.where is not None:
            raw, stage = self.solve(target, one.where, True, outer=outer)
        record = self.create(target, raw)
        return self.put_into(record, stage).id if stage is not None else record.id

    # ---- judging without writing

    def complete(self, entity: Entity, raw: Raw) -> tuple[dict[str, Any], list[Any]]:
        with self.store.write() as session, session.attempt() as attempt:
            actor = self.maker(entity)
            env, rights = make_env(session, actor), find_rights(session.app, entity, actor)
            attempt.undo()
            values, errors = commands.complete_new(session, entity, raw, actor=actor, rights=rights, env=env)
            check_complete(entity, values, env, errors, at="create")
            return values, errors

    def judge(self, entity: Entity, raw: Raw) -> list[Any]:
        """Return what is wrong with a new record."""
        with self.store.write() as session, session.attempt() as attempt:
            actor = self.maker(entity)
            env, rights = make_env(session, actor), find_rights(session.app, entity, actor)
            attempt.undo()
            try:
                commands.prepare_new(session, entity, raw, actor=actor, rights=rights, env=env)
            except InvalidValues as invalid:
                return list(invalid.errors)
            return []

    def holds(self, condition: Expression, values: Mapping[str, Any], outer: Outer = NO_RECORD) -> bool:
        with self.store.read() as session:
            return condition.run(values, replace(make_env(session, self.actor), record=outer[1])) is True

    def sentence(self, one: Field, typed: Any) -> str:
        """Return what a person is told about a value that is not of its type; ``LookupError`` when it is fine."""
        try:
            one.type.parse(typed, one)
        except Wrong as wrong:
            return FieldError(one.key, wrong.code, wrong.params).text("zh")
        raise LookupError(f"{typed!r} is a good value")

    def need(self, entity: Entity, need: Any, raw: Raw) -> str:
        """Return what a person is told who lacks ``need``; ``LookupError`` when nothing is lacking."""
        record = self.create(entity, raw | self.distinct(entity, raw))
        with self.store.read() as session:
            env = make_env(session, self.actor)
            values = read_whole(session, entity, record.id, env)
            missing = find_missing(session, entity, values, (need,), env, actor=self.actor)
        if not missing:
            raise LookupError("nothing is lacking")
        return missing[0].message

    def distinct(self, entity: Entity, raw: Raw, beside: Raw | None = None) -> Raw:
        """Return fresh values for those in ``raw`` that no two records may share."""
        together = {key for unique in entity.unique for key in unique.fields}
        together |= {key for unique in entity.unique for key in unique.period or ()}
        together |= {key for likeness in entity.duplicates for key in likeness.fields}
        return {
            one.key: self.value(one, entity, {**(beside or {}), **raw})
            for one in entity.fields.values()
            if (one.unique or one.key in together) and not one.options and raw.get(one.key) is not None
        }

    def rows(self, lines: Field, condition: Expression) -> Iterator[Raw]:
        names = list(dict.fromkeys(use[0] for use in sorted(condition.checked.uses)))
        constants = list(_constants(condition))
        offered = [list(_typed_candidates(lines.fields[name], constants)) + [None] for name in names]
        for chosen in islice(product(*offered), _MOST_TRIED):
            yield self.row(lines) | dict(zip(names, chosen, strict=True))

    def row_holds(self, lines: Field, row: Raw, condition: Expression) -> bool:
        typed = {}
        for key, raw in row.items():
            try:
                typed[key] = None if raw is None else lines.fields[key].type.parse(raw, lines.fields[key])
            except Wrong:
                typed[key] = None
        return self.holds(condition, typed)

    # ---- solving

    def solve(
        self,
        entity: Entity,
        condition: Expression,
        wanted: bool,
        *,
        base: Raw | None = None,
        filled: Sequence[str] = (),
        despite: tuple[str, ...] = ("value.rule",),
        keep: Sequence[str] = (),
        outer: Outer = NO_RECORD,
    ) -> tuple[Raw, str | None]:
        """Return what to type, and the stage to stand in (None: the first), for ``condition`` to come out ``wanted``.

        ``filled`` fields must have a value; nothing may be wrong but what ``despite`` names, and what ``keep`` names
        stays as it is. Raises ``LookupError`` when nothing was found.
        """
        start = dict(base if base is not None else self.sample(entity))
        names = [name for name in _drivers(entity, condition) if name == "stage" or self.can_type(entity, name)]
        constants = list(_constants(condition))
        names = [name for name in names if name not in keep]
        offered = [list(self._candidates(entity, name, condition, constants, start, outer)) for name in names]
        for chosen in islice(product(*offered), _MOST_TRIED):
            raw, stage = dict(start), None
            for name, value in zip(names, chosen, strict=True):
                if name == "stage":
                    stage = value
                else:
                    raw[name] = value
            values, errors = self.complete(entity, raw)
            if errors and all(error.code == "value.required" for error in errors) and "value.required" not in despite:
                raw = self.fill(entity, raw)
                values, errors = self.complete(entity, raw)
            values = {**values, "stage": stage or values.get("stage")}
            if any(error.code not in despite for error in errors) or any(values.get(key) is None for key in filled):
                continue
            if self.holds(condition, values, outer) is wanted:
                return raw, stage
        raise LookupError(f"no record of {entity.key} makes {condition.text!r} {wanted}")

    def _candidates(
        self, entity: Entity, name: str, condition: Expression, constants: list[Any], start: Raw, outer: Outer
    ) -> Iterator[Any]:
        if name == "stage":
            yield from [None, *(entity.workflow.stages if entity.workflow else ())]
            return
        one = entity.fields[name]
        if name in start:
            yield start[name]
        if one.type.key == "lines":
            yield from self._line_candidates(one, condition, constants)
        elif one.type.key == "link":
            yield from self._same_behind(entity, one, condition, start)
            yield from _same_in(one, outer)
            yield from self._link_candidates(one, condition, constants, (entity, start))
            yield None
        else:
            yield None
            if one.type.key == "user":
                yield self.actor.id
            yield from _typed_candidates(one, constants)

    def _line_candidates(self, lines: Field, condition: Expression, constants: list[Any]) -> Iterator[Any]:
        yield []
        columns = [use[1] for use in sorted(condition.checked.uses) if use[0] == lines.key and len(use) == 2]
        basis = [column for name in columns for column in _inputs(lines.fields, name)]
        offered = [list(_typed_candidates(lines.fields[name], constants)) or [None] for name in dict.fromkeys(basis)]
        for chosen in islice(product(*offered), 40):
            yield [self.row(lines) | dict(zip(dict.fromkeys(basis), chosen, strict=True))]

    def _link_candidates(self, link: Field, condition: Expression, constants: list[Any], outer: Outer) -> Iterator[Any]:
        """Records for each value the condition may look up behind the link; made once each."""
        target = self.compiled.entities[link.to or ""]
        for name in [use[1] for use in sorted(condition.checked.uses) if use[0] == link.key and len(use) == 2]:
            known = self.linked.setdefault(f"{target.key}.{name}.{condition.text}", [])
            if not known:
                for value in self._behind(target, name, constants):
                    raw = self.sample(target, **({name: value} if value is not None else {}))
                    if not self.judge(target, raw):
                        known.append(self.create(target, raw).id)
            yield from known
        with suppress(LookupError):
            yield self.target(link, outer)

    def _same_behind(self, entity: Entity, one: Field, condition: Expression, start: Raw) -> Iterator[Any]:
        """What another link of the record leads to behind it: the customer of the quote, for a customer."""
        for use in sorted(condition.checked.uses):
            other = entity.fields.get(use[0])
            if len(use) == 2 and other is not None and other.to and start.get(other.key):
                there = self.compiled.entities[other.to].fields.get(use[1])
                if there is not None and there.to == one.to:
                    with self.store.read() as session:
                        found = make_env(session, self.actor).lookup.linked(other.to, start[other.key])
                    yield (found or {}).get(use[1])

    def _behind(self, target: Entity, name: str, constants: list[Any]) -> Iterator[Any]:
        there = target.fields.get(name)
        if there is None or there.type.key in ("link", "lines", "file") or not self.can_type(target, name):
            return
        yield from islice(_typed_candidates(there, constants), 12)


def _same_in(one: Field, outer: Outer) -> Iterator[Any]:
    """What the record being edited links to: its customer, for the customer of what it may choose."""
    entity, raw = outer
    for other in entity.fields.values() if entity is not None else ():
        if other.to == one.to and raw.get(other.key):
            yield raw[other.key]


def _drivers(entity: Entity, condition: Expression) -> list[str]:
    """Return the fields somebody types that a condition depends on, through computed and fetched ones too."""
    found = [name for use in sorted(condition.checked.uses) for name in _inputs(entity.fields, use[0])]
    known = [name for name in dict.fromkeys(found) if name in entity.fields or name == "stage"]
    return known


def _inputs(known: Mapping[str, Field], name: str) -> list[str]:
    one = known.get(name)
    if one is None:
        return [name]
    if one.computed is not None:
        return [below for use in sorted(one.computed.checked.uses) for below in _inputs(known, use[0])]
    return [link for link, _ in one.fetch] if one.fetch and one.readonly else [name]


def _constants(condition: Expression) -> Iterator[Any]:
    for node in _walk(condition.checked.tree):
        if isinstance(node, resolved.Constant) and node.value is not None:
            yield node.value


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for part in fields(node):
        inner = getattr(node, part.name)
        for one in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(one, resolved.NODES) and is_dataclass(one):
                yield from _walk(one)


def _typed_candidates(one: Field, constants: Sequence[Any]) -> Iterator[Any]:
    kind = one.type.key
    if one.options:
        yield from one.options if kind != "choices" else [[key] for key in one.options]
    elif kind == "boolean":
        yield from (True, False)
    elif kind in ("integer", "decimal", "money", "percent"):
        numbers = [value for value in constants if isinstance(value, Decimal | int) and not isinstance(value, bool)]
        for value in dict.fromkeys([*numbers, Decimal(1), Decimal(0), one.min, one.max]):
            for near in (value, value + 1, value - 1) if value is not None else ():
                shown = near * 100 if kind == "percent" else near
                yield f"{shown:f}" if isinstance(shown, Decimal) else str(shown)
    elif kind in ("date", "datetime"):
        days = [value for value in constants if isinstance(value, date) and not isinstance(value, datetime)]
        for day in [*days, date(2026, 3, 2)]:
            for near in (day + timedelta(days=40), day - timedelta(days=400), day):
                yield near.isoformat() if kind == "date" else f"{near.isoformat()}T08:00"
    elif kind not in ("lines", "file", "link", "user"):
        made = _VALUES.get(kind)
        texts = ["08:00", "20:00"] if kind == "time" else [value for value in constants if isinstance(value, str)]
        yield from [*texts, *([made(one, 987_654)] if made is not None else [])]


def _name(number: int) -> str:
    """A name like no other: similar ones are held for the same thing."""
    return "".join(chr(0x4E00 + (number * 7919 + at * 104_729) * (at + 3) % 20_000) for at in range(7))


def _code(number: int) -> str:
    body = f"91330201MA2{number:06d}"[:17]
    return body + check_character(body)


_VALUES: dict[str, Any] = {
    "text": lambda one, number: _shaped(one.pattern, number) if one.pattern else _name(number),
    "barcode": lambda one, number: f"69{number:010}",
    "rich_text": lambda one, number: f"<p>写下的内容 {number}</p>",
    "long_text": lambda one, number: f"写下的说明 {number}",
    "integer": lambda one, number: str(int(one.min or one.max or 5)),
    "decimal": lambda one, number: _between(one),
    "money": lambda one, number: _between(one),
    "rating": lambda one, number: _between(one),
    "percent": lambda one, number: str(100 * (one.min or one.max or Decimal("0.05"))),
    "boolean": lambda one, number: True,
    "date": lambda one, number: "2026-04-15",
    "datetime": lambda one, number: "2026-04-15T09:00",
    "phone": lambda one, number: f"13{number:09}",
    "email": lambda one, number: f"a{number}@example.com",
    "url": lambda one, number: f"https://example.com/{number}",
    "credit_code": lambda one, number: _code(number),
    "time": lambda one, number: "09:30",
    "user": lambda one, number: 1,
}


def _between(one: Field) -> str:
    """Five, or what is nearest to it within the bounds: enough that records below it find room."""
    return str(min(max(one.min or 0, 5), one.max or 5))


def _day(number: int) -> str:
    return (date(2026, 1, 1) + timedelta(days=number % 20_000)).isoformat()


_KNOWN: dict[str, Callable[[int], Any]] = {
    "daily_report.day": lambda number: (date(2026, 3, 1) - timedelta(days=number % 9_000)).isoformat(),
    "grace_period.from_on": _day,
    "grace_period.person": lambda number: 1,
    "grace_period.to_on": _day,
    "reward.month": _day,
    "shift.day": _day,
    "target.month": lambda number: date(2026 + number // 12 % 60, number % 12 + 1, 1).isoformat(),
}
"""What a rule of the author asks for that no type tells; another one each time."""
_ROWS: dict[str, Raw] = {"order.items": {"qty": "1000"}, "payment_term.rows": {"share": "100"}}
"""The same for the rows of line tables."""


def _shaped(pattern: str, number: int) -> str:
    """A text of the form an author asks for: a code, or a day of a month."""
    samples = (f"AB-{number}", f"{number % 12 + 1:02}-{number % 28 + 1:02}")
    return next((one for one in samples if re.fullmatch(pattern, one)), samples[0])
