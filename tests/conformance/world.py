"""A site of each app to be judged, and records of any entity made up from its definition.

``World.sample`` gives what somebody would type for a record that nothing is wrong with; ``World.solve`` looks for
values that make a condition come out true or false, trying for each field the condition reads what it is compared with
and its neighbours. What nobody types, a stage or what the engine adds up, is ``kept``: it is put into the table,
however it came there. Nothing here knows an app.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import combinations, count, islice, product
from random import Random
from typing import Any

from flask import Flask
from sqlalchemy import update

from engine.compiler.app import CompiledApp, Entity, Expression, Field
from engine.compiler.credit_code import check_character
from engine.compiler.field_types.codes import check_digit
from engine.compiler.readers import Wrong
from engine.errors import FieldError, InvalidValues, Location
from engine.expression import resolved
from engine.people.actor import Actor, engine_actor
from engine.people.departments import create_department
from engine.records import commands
from engine.records.completing import check_complete, compute_values
from engine.records.evaluation import make_env
from engine.records.record import Record
from engine.records.rights import Rights, find_rights
from engine.records.uploads import create_upload
from engine.storage.store import Session, Store
from engine.workflow.requirements import read_whole
from engine.workflow.transitions import list_moves
from web.demo import make_pdf

Raw = dict[str, Any]
Outer = tuple[Entity | None, Raw]
"""The record being edited, for the conditions of its links."""

NO_RECORD: Outer = (None, {})
_MOST_TRIED, _MOST_ROWS, _MOST_BEHIND, _MOST_CHANGED = 3_000, 60, 12, 3
_LARGE = 900_000
_NUMBERS = count(500_000)
"""Of values that are tried, which are like no other either."""
_PUT = ("integer", "decimal", "money", "percent", "boolean", "date", "datetime", "choice", "text", "barcode")
"""The types of what is put into a table where nobody types it."""
UNFILLED = ("value.rule", "value.required")
TRY = "try_it"
"""The move every workflow is given: from its first stage to its first stage, so that each rule meets a move."""


@dataclass
class World:
    """One published app with somebody who holds every role, and somebody else (``other``)."""

    app: Flask
    store: Store
    actor: Actor
    other: int
    made: int = 0
    linked: dict[tuple[Any, ...], list[int]] = field(default_factory=dict)
    solved: dict[Location, tuple[Raw, Raw]] = field(default_factory=dict)

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
        raw = self.afresh(entity, self.repair(entity, raw))
        with self.store.write() as session:
            return commands.create_record(session, entity.key, raw, actor=self.maker(entity))

    def let_become(self, entity: Entity, record: Record, raw: Raw) -> None:
        """Let a record have values that only time could give it: an offer that has run out."""
        values, _ = self.complete(entity, raw)
        wrong = {key: values[key] for key in raw if entity.fields[key].stored and values[key] != record.values.get(key)}
        if wrong:
            with self.store.write() as session:
                table = session.tables.entity[entity.key]
                session.connection.execute(update(table).where(table.c.id == record.id).values(**wrong))

    def is_always_fetched(self, one: Field, entity: Entity, lines: Field | None) -> bool:
        """Tell whether a field gets its value from a record that always has one."""
        siblings = entity.fields if lines is None else lines.fields
        sources = [self.compiled.entities[siblings[link].to or ""].fields[there] for link, there in one.fetch]
        return any(source.required or source.computed is not None for source in sources)

    def repair(self, entity: Entity, raw: Raw, keep: Sequence[str] = ()) -> Raw:
        """Return ``raw`` with other fields changed so that it breaks no rule, as far as that is possible."""
        errors = self.judge(entity, raw) if entity.rules else []
        for rule in entity.rules:
            if any(error.params.get("message") == rule.message for error in errors):
                with suppress(LookupError):
                    found, kept = self.solve(entity, rule.check, True, base=raw, keep=keep)
                    if not kept:
                        raw, errors = found, self.judge(entity, found)
        return raw

    def put_into(self, record: Record, kept: Raw) -> Record:
        """Let a record have what nobody types (its stage, what is added up), with what is computed from it."""
        entity = self.compiled.entities[record.entity]
        with self.store.write() as session:
            values = read_whole(session, entity, record.id, make_env(session, self.system))
            worked_out = self._with_kept(entity, values, kept, session)
            names = {*kept, *(key for key in entity.compute_order if entity.fields[key].stored)}
            table = session.tables.entity[record.entity]
            new = {name: worked_out[name] for name in names}
            session.connection.execute(update(table).where(table.c.id == record.id).values(**new))
        return record

    def _with_kept(self, entity: Entity, values: Mapping[str, Any], kept: Raw, session: Session) -> dict[str, Any]:
        changed = {**values, **kept}
        if kept.keys() - {"stage"}:
            compute_values(entity, changed, make_env(session, self.system), [], {**changed})
        return changed

    def department(self) -> int:
        with self.store.write() as session:
            return create_department(session, key=f"d{self.made}", name=f"部门 {self.made}", actor=None)

    def upload(self) -> int:
        with self.store.write() as session:
            stored = session.files.save(BytesIO(make_pdf("scan")), "scan.pdf")
            return int(create_upload(session, stored, actor=self.actor)["id"])

    def afresh(self, entity: Entity, raw: Raw) -> Raw:
        """Return the same with files of its own, as each belongs to one record."""
        files = (key for key, value in raw.items() if value and entity.fields[key].type.key == "file")
        return raw | {key: [self.upload()] for key in files}

    def sample(self, entity: Entity, **given: Any) -> Raw:
        """Return what somebody types for a sound record: required fields, and those a rule cannot do without."""
        raw = {key: value for key, value in _ALSO.get(entity.key, {}).items() if key in entity.fields} | given
        for one in entity.fields.values():
            given_by_itself = one.default is not None or one.default_from is not None
            if one.required and not given_by_itself and one.key not in raw and self.can_type(entity, one.key):
                raw[one.key] = self.shared(one, entity, raw)
        raw |= self.apart(entity, raw)
        raw |= {
            one.key: [self.row(one, entity, raw)] * one.min_rows
            for one in entity.line_fields
            if one.min_rows and one.key not in raw
        }
        return self.fill(entity, raw)

    def apart(self, entity: Entity, raw: Raw) -> Raw:
        """Return what keeps a record apart from others that would be given the same by itself, such as this week."""
        found: Raw = {}
        for unique in entity.unique:
            own = [key for key in unique.fields if entity.fields[key].default_from is not None]
            alike = all(entity.fields[key].options for key in unique.fields if key not in own)
            if own and alike and not unique.period and not set(own) & set(raw):
                typed = [key for key in own if self.can_type(entity, key)]
                known = [key for key in typed if f"{entity.key}.{key}" in _KNOWN]
                found |= {key: self.value(entity.fields[key], entity, raw) for key in known or typed[-1:]}
        return found

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

    def row(self, lines: Field, entity: Entity, beside: Raw) -> Raw:
        columns = [one for one in lines.fields.values() if one.required and not one.readonly and one.default is None]
        made = {
            one.key: self.shared(one, entity, beside) if one.type.key == "link" else self.value(one, None)
            for one in columns
        }
        return made | _ROWS.get(f"{entity.key}.{lines.key}", {})

    def showing(self, entity: Entity, keys: Sequence[str], base: Raw) -> Raw:
        """Return ``base`` changed so that the fields ``keys`` apply."""
        for key in keys:
            one = entity.fields.get(key)
            if one is not None and one.visible_when is not None:
                base, kept = self.solve(entity, one.visible_when, True, base=base, despite=UNFILLED)
                if kept:
                    raise LookupError(f"{key} applies only to what nobody types")
        return base

    def touched(self, entity: Entity, raw: Raw) -> Raw:
        """Return a change that matters to no rule: somebody opens the record and saves it with a remark."""
        for one in entity.fields.values():
            plain = one.type.key in ("text", "long_text", "integer", "boolean", "date") and one.pattern is None
            free = not (one.required or one.unique or one.has_condition or one.key in raw or one.computed)
            if plain and free and self.can_type(entity, one.key):
                return {one.key: self.value(one, entity, raw)}
        raise LookupError("nothing in it can be changed by itself")

    def can_type(self, entity: Entity, key: str, actor: Actor | None = None) -> bool:
        rights = find_rights(self.compiled, entity, actor or self.maker(entity))
        name = key.split(".")
        one = entity.fields[name[0]].fields[name[1]] if len(name) == 2 else entity.fields[key]
        closed = one.retired or (one.readonly and not (rights.fills and one.kept_by_engine))
        return not (closed or {key, name[0]} & (rights.readonly | rights.hidden))

    def value(self, one: Field, entity: Entity | None, beside: Raw | None = None) -> Any:
        """Return a sound value as somebody types it ``beside`` others, another one each time where that matters."""
        self.made += 1
        known = _KNOWN.get(f"{entity.key}.{one.key}") if entity is not None else None
        if known is not None and _is_of_type(one, known(self.made)):
            return known(self.made)
        if one.options:
            return next(iter(one.options))
        if one.type.key == "link":
            return self.target(one, (entity, beside or {}))
        if one.type.key == "links":
            return [self.target(one, (entity, beside or {}))]
        if one.type.key == "file":
            return [self.upload()]
        if one.type.key == "lines":
            return [self.row(one, entity, beside or {})] if entity is not None else None
        if one.type.key == "department":
            return self.department()
        make = _VALUES.get(one.type.key)
        return make(one, self.made) if make is not None else None

    def shared(self, one: Field, entity: Entity, beside: Raw) -> Any:
        """Return a sound value; records that any will do for are linked to from many."""
        apart = one.where is not None or any(one.key in unique.fields for unique in entity.unique)
        if one.type.key != "link" or apart or one.to == entity.key:
            return self.value(one, entity, beside)
        known = self.linked.setdefault((one.to,), [])
        if not known:
            known.append(self.value(one, entity, beside))
        return known[0]

    def target(self, one: Field, outer: Outer = NO_RECORD) -> int:
        """Return a record that may be chosen in the record ``outer``."""
        target = self.compiled.entities[one.to or ""]
        if one.where is None:
            raw, kept = self.sample(target), {}
        else:
            known = None if one.where.checked.outer_reads else self.solved.get(one.location)
            raw, kept = known or self.solve(target, one.where, True, outer=outer)
            self.solved[one.location] = raw, kept
            said = {use[0] for use in one.where.checked.uses}
            raw |= {key: value for key, value in self.distinct(target, raw).items() if key not in said}
        record = self.create(target, raw)
        return self.put_into(record, kept).id if kept else record.id

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

    def need(self, entity: Entity, need: Any, raw: Raw, move: str, start: str) -> str:
        """Return what a person is told who lacks ``need`` for a move; ``LookupError`` when nothing is lacking."""
        record = self.put_into(self.create(entity, raw | self.distinct(entity, raw)), {"stage": start})
        with self.store.read() as session:
            values = read_whole(session, entity, record.id, make_env(session, self.actor))
            seen = replace(record, values=values)
            moves = {one.move.key: one.missing for one in list_moves(session, seen, actor=self.actor)}
        for missing in moves.get(move, ()):
            if missing.key == need.key:
                return str(missing.message)
        raise LookupError("nothing is lacking")

    def distinct(self, entity: Entity, raw: Raw, beside: Raw | None = None) -> Raw:
        """Return fresh values for those in ``raw`` that no two records may share.

        Where several may not be the same together, it is enough that those differ that lead nowhere.
        """
        wanted = {one.key for one in entity.fields.values() if one.unique}
        for unique in entity.unique:
            typed = [key for key in (*unique.fields, *unique.period) if self.can_type(entity, key)]
            together = [key for key in typed if raw.get(key) is not None]
            given = together + [key for key in typed if entity.fields[key].default or entity.fields[key].default_from]
            if not unique.period and set(typed) - set(given):
                continue  # what is not filled in is like no other
            plain = [key for key in together if entity.fields[key].to is None and self.is_varied(entity, key)]
            wanted |= set(plain or together)
        wanted |= {key for likeness in entity.duplicates for key in likeness.fields}
        return {
            one.key: self.another(one, entity, {**(beside or {}), **raw})
            for one in entity.fields.values()
            if one.key in wanted and self.is_varied(entity, one.key)
            if raw.get(one.key) is not None and self.can_type(entity, one.key)
        }

    def is_varied(self, entity: Entity, key: str) -> bool:
        """Whether a field can have another value each time: options are few, unless it is said how they go on."""
        return not entity.fields[key].options or f"{entity.key}.{key}" in _KNOWN

    def another(self, one: Field, entity: Entity, beside: Raw) -> Any:
        """Return a value that is another one each time, days and numbers too."""
        self.made += 1
        known = f"{entity.key}.{one.key}" in _KNOWN
        if one.type.key == "date" and not known:
            return _day(self.made)
        if one.type.key != "integer" or known:
            return self.value(one, entity, beside)
        low = int(one.min or 1)
        return str(low + self.made % (int(one.max or low + 90_000) - low + 1))

    def rows(self, entity: Entity, lines: Field, condition: Expression, base: Raw) -> Iterator[Raw]:
        """Yield rows for a condition over a row, which differ in what somebody types of what it reads."""
        uses = [(lines.key, *use) for use in sorted(condition.checked.uses) if use[0] in lines.fields]
        uses = list(dict.fromkeys(found for use in uses for found in _expanded(entity, use)))
        for made in self._line_candidates(entity, lines, uses, list(_constants(entity, condition)), base):
            yield from made

    def row_holds(self, entity: Entity, lines: Field, base: Raw, row: Raw, condition: Expression) -> bool:
        """Tell whether a condition holds for a row, with what is fetched for it and computed in it."""
        values, _ = self.complete(entity, base | {lines.key: [row]})
        rows = values.get(lines.key)
        return bool(rows) and self.holds(condition, rows[0], (entity, values))

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
    ) -> tuple[Raw, Raw]:
        """Return what to type, and what is kept beside it (its stage, sums), for ``condition`` to come out ``wanted``.

        ``filled`` fields must have a value; nothing may be wrong but what ``despite`` names, and what ``keep`` names
        stays as it is. Raises ``LookupError`` when nothing was found.
        """
        start = dict(base if base is not None else self.sample(entity))
        uses = list(dict.fromkeys(found for use in sorted(condition.checked.uses) for found in _expanded(entity, use)))
        names = [name for name in dict.fromkeys(use[0] for use in uses) if name not in keep]
        names = sorted(
            (name for name in names if name == "stage" or self._can_be(entity, name)),
            key=lambda name: name == "stage" or not self.can_type(entity, name),
        )
        constants = list(_constants(entity, condition))
        offered = _Lazy(lambda name: self._candidates(entity, name, uses, constants, start, outer))
        for chosen in islice(_nearest_first(names, offered), _MOST_TRIED):
            raw, kept = dict(start), {}
            for name, value in chosen.items():
                if name == "stage" or not self.can_type(entity, name):
                    kept |= {name: value} if value is not None else {}
                else:
                    raw[name] = value
            values, errors = self.complete(entity, raw)
            if any(error.code == "value.required" for error in errors) and "value.required" not in despite:
                raw = self.fill(entity, raw)
                values, errors = self.complete(entity, raw)
            if any(error.code not in despite for error in errors):
                continue
            with self.store.write() as session:
                values = self._with_kept(entity, values, kept, session)
            if any(values.get(key) is None for key in filled):
                continue
            if self.holds(condition, values, outer) is wanted:
                return raw, kept
        raise LookupError(f"no record of {entity.key} makes {condition.text!r} {wanted}")

    def _can_be(self, entity: Entity, name: str) -> bool:
        """Tell whether somebody types a field, or it can be put into the table."""
        one = entity.fields.get(name)
        if one is None or one.retired:
            return False
        return self.can_type(entity, name) or (one.stored and one.type.key in _PUT)

    def _candidates(
        self,
        entity: Entity,
        name: str,
        uses: Sequence[tuple[str, ...]],
        constants: list[Any],
        start: Raw,
        outer: Outer,
    ) -> Iterator[Any]:
        if name == "stage":
            yield from [None, *(entity.workflow.stages if entity.workflow else ())]
            return
        one = entity.fields[name]
        if not self.can_type(entity, name):
            yield from [None, *_parsed_candidates(one, constants)]
            return
        if name in start:
            yield start[name]
        if one.type.key == "lines":
            yield []
            yield from self._line_candidates(entity, one, uses, constants, start)
        elif one.type.key == "link":
            beside = [other for other in entity.fields.values() if other.to == one.to and other is not one]
            yield from (start[other.key] for other in beside if start.get(other.key) is not None)
            yield from self._same_behind(entity, one, uses, start)
            yield from self._brought_together(one, uses, start, outer)
            yield from _same_in(one, outer)
            yield from self._link_candidates(one, _behind(uses, name), constants, (entity, start))
        elif one.type.key == "links":
            found = self._link_candidates(one, _behind(uses, name), constants, (entity, start))
            yield from ([id_] for id_ in found)
        elif one.type.key == "user":
            yield from (self.actor.id, self.other)
        else:
            yield from _typed_candidates(one, constants)
        if not one.required:
            yield None

    def _line_candidates(
        self, entity: Entity, lines: Field, uses: Sequence[tuple[str, ...]], constants: list[Any], start: Raw
    ) -> Iterator[list[Raw]]:
        """Yield tables of one row, which differ in the columns that are read."""
        row = self.row(lines, entity, start)
        read = dict.fromkeys(use[1] for use in uses if use[0] == lines.key and len(use) > 1)
        names = [name for name in read if name in lines.fields and not lines.fields[name].readonly]
        offered = []
        for name in names:
            one = lines.fields[name]
            if one.type.key == "link":
                behind = _behind([use[1:] for use in uses if use[0] == lines.key and len(use) > 1], name)
                known = [row[name]] if name in row else []
                offered.append([*self._link_candidates(one, behind, constants, (entity, start)), *known])
            else:
                offered.append([*_typed_candidates(one, constants), *([] if one.required else [None])])
        for chosen in islice(product(*offered), _MOST_ROWS):
            yield [row | dict(zip(names, chosen, strict=True))]

    def _link_candidates(
        self, link: Field, paths: Sequence[tuple[str, ...]], constants: list[Any], outer: Outer
    ) -> Iterator[Any]:
        """Yield records for each value that may be looked up behind the link; made once where any will do."""
        for path in paths:
            target = self.compiled.entities[link.to or ""]
            for hop in path[:-1]:
                target = self.compiled.entities[target.fields[hop].to or ""]
            there = target.fields.get(path[-1])
            if path[-1] == "stage":
                values = list(target.workflow.stages if target.workflow else ())
            elif there is not None and there.stored and there.type.key in _PUT:
                values = list(islice(_parsed_candidates(there, constants), _MOST_BEHIND))
            else:
                continue
            apart = link.where is not None and bool(link.where.checked.outer_reads)
            known = [] if apart else self.linked.setdefault((link.location, path, *map(str, constants)), [])
            if not known:
                for value in values:
                    with suppress(LookupError, InvalidValues):
                        known.append(self._target_with(link, path, value, outer))
            yield from known
        with suppress(LookupError):
            yield self.target(link, outer)

    def _target_with(self, link: Field, path: tuple[str, ...], value: Any, outer: Outer) -> int:
        """Make a record to link to, behind which ``path`` leads to a value."""
        key, id_ = link.to or "", self.target(link, outer)
        there = id_
        for hop in path[:-1]:  # what others link to as well would change under them
            one = self.compiled.entities[key].fields[hop]
            new = self.target(one)
            self.put_into(Record(key, there, 1, {}), {hop: new})
            key, there = one.to or "", new
        self.put_into(Record(key, there, 1, {}), {path[-1]: value})
        return id_

    def _same_behind(self, entity: Entity, one: Field, uses: Sequence[tuple[str, ...]], start: Raw) -> Iterator[Any]:
        """What another link of the record leads to behind it: the customer of the quote, for a customer."""
        for use in uses:
            other = entity.fields.get(use[0])
            if len(use) == 2 and other is not None and other.to and start.get(other.key):
                there = self.compiled.entities[other.to].fields.get(use[1])
                if there is not None and there.to == one.to:
                    with self.store.read() as session:
                        found = make_env(session, self.actor).lookup.linked(other.to, start[other.key])
                    yield (found or {}).get(use[1])

    def _brought_together(self, one: Field, uses: Sequence[tuple[str, ...]], start: Raw, outer: Outer) -> Iterator[Any]:
        """Lead a link that stands already to what the record being edited links to, where that is only fetched here.

        So the order of a delivery, whose lines are of that order, comes to be of the customer of the complaint.
        """
        if one.where is None or not start.get(one.key):
            return  # others link to it as well: it would change under them
        for use in uses:
            there = self.compiled.entities[one.to or ""].fields.get(use[1]) if len(use) == 2 else None
            if use[0] == one.key and there is not None and there.stored and there.to:
                for same in _same_in(there, outer):
                    yield self.put_into(Record(one.to or "", start[one.key], 1, {}), {there.key: same}).id


def _same_in(one: Field, outer: Outer) -> Iterator[Any]:
    """What the record being edited links to: its customer, for the customer of what it may choose."""
    entity, raw = outer
    for other in entity.fields.values() if entity is not None else ():
        if other.to == one.to and raw.get(other.key):
            yield raw[other.key]


def _expanded(entity: Entity, use: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what somebody types, or the engine keeps, of what a condition reads: through what is computed and fetched.

    A column is ``(table, column)``, a field behind a link ``(link, field)``, behind that of a row one more.
    """
    one = entity.fields.get(use[0])
    if one is None or one.type.key != "lines":
        yield from _inputs(entity.fields, use)
    elif len(use) > 1:
        yield from ((one.key, *found) for found in _inputs(one.fields, use[1:]))
    else:
        yield use


def _inputs(known: Mapping[str, Field], use: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    one = known.get(use[0])
    if one is None:
        yield use
    elif one.computed is not None and not one.folds:
        for below in sorted(one.computed.checked.uses):
            lines = known.get(below[0])
            if lines is not None and lines.type.key == "lines" and len(below) > 1:
                yield from ((lines.key, *found) for found in _inputs(lines.fields, below[1:]))
            else:
                yield from _inputs(known, below)
    elif one.fetch and one.readonly:
        for link, there in one.fetch:
            yield from _inputs(known, (link, there, *use[1:]))
    else:
        yield use


def _behind(uses: Sequence[tuple[str, ...]], name: str) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(use[1:] for use in uses if use[0] == name and len(use) > 1))


class _Lazy(dict[str, list[Any]]):
    """The values to try for each name, worked out when they are first asked for."""

    def __init__(self, make: Callable[[str], Iterator[Any]]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, name: str) -> list[Any]:
        self[name] = list(self.make(name))
        return self[name]


def _nearest_first(names: Sequence[str], offered: _Lazy) -> Iterator[Raw]:
    """Yield what to change of a record, few changes before many."""
    for many in range(min(len(names), _MOST_CHANGED) + 1):
        for some in combinations(names, many):
            for values in product(*(offered[name] for name in some)):
                yield dict(zip(some, values, strict=True))


def _constants(entity: Entity, condition: Expression) -> Iterator[Any]:
    """Yield the values a condition compares with, and those of what it reads that is computed."""
    computed = [entity.fields[use[0]].computed for use in condition.checked.uses if use[0] in entity.fields]
    for one in (condition, *(one for one in computed if one is not None)):
        for node in _walk(one.checked.tree):
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
    elif kind in ("integer", "decimal", "money", "percent", "rating"):
        yield from _typed_numbers(one, constants)
    elif kind in ("date", "datetime"):
        days = [value for value in constants if isinstance(value, date) and not isinstance(value, datetime)]
        for day in [*days, date(2026, 3, 2)]:
            for near in (day + timedelta(days=40), day - timedelta(days=400), day):
                yield near.isoformat() if kind == "date" else f"{near.isoformat()}T08:00"
    elif kind not in ("lines", "file", "link", "links", "user"):
        made = _VALUES.get(kind)
        texts = ["08:00", "20:00"] if kind == "time" else [value for value in constants if isinstance(value, str)]
        yield from [*texts, *([made(one, next(_NUMBERS)), made(one, next(_NUMBERS))] if made is not None else [])]


def _typed_numbers(one: Field, constants: Sequence[Any]) -> Iterator[str]:
    share = one.type.key == "percent"
    if not share:
        yield str(min(one.max or _LARGE, _LARGE))
    numbers = [value for value in constants if isinstance(value, Decimal | int) and not isinstance(value, bool)]
    for value in dict.fromkeys([*numbers, Decimal(1), Decimal(0), one.min, one.max]):
        for near in (value, value + 1, value - 1) if value is not None else ():
            shown = near * 100 if share else near
            yield f"{shown:f}" if isinstance(shown, Decimal) else str(shown)


def _parsed_candidates(one: Field, constants: Sequence[Any]) -> Iterator[Any]:
    """Yield the same as values, for what nobody types."""
    for typed in _typed_candidates(one, constants):
        with suppress(Wrong):
            yield one.type.parse(typed, one)


def _name(number: int) -> str:
    """A name like no other: similar ones are held for the same thing."""
    made = Random(number)
    return "".join(chr(0x4E00 + made.randrange(20_000)) for _ in range(7))


def _code(number: int) -> str:
    body = f"91330201MA2{number:06d}"[:17]
    return body + check_character(body)


_VALUES: dict[str, Any] = {
    "text": lambda one, number: _shaped(one.pattern, number) if one.pattern else _name(number),
    "barcode": lambda one, number: f"69{number:010}" + check_digit(f"69{number:010}"),
    "geo": lambda one, number: "31.299886, 120.5853",
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
    "email": lambda one, number: f"a@example{number}.com",
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


_WEEKS = count()
"""Weeks before this one; days before 1900 are none."""

_REGIONS = ("east", "south", "central", "north", "northeast", "southwest", "northwest")
_KNOWN: dict[str, Callable[[int], Any]] = {
    "weekly_note.week_of": lambda number: (date(2026, 3, 2) - timedelta(weeks=next(_WEEKS) % 6_500)).isoformat(),
    "daily_report.day": lambda number: (date(2026, 3, 1) - timedelta(days=number % 9_000)).isoformat(),
    "forecast_call.quarter": lambda number: f"q{number // 170 % 4 + 1}",
    "forecast_call.region": lambda number: _REGIONS[number // 680 % len(_REGIONS)],
    "forecast_call.year": lambda number: str(2027 + number % 170),
    "grace_period.from_on": _day,
    "grace_period.person": lambda number: 1,
    "grace_period.to_on": _day,
    "order_line.qty": lambda number: "1000",
    "reward.month": _day,
    "shift.day": _day,
    "sold_item.qty": lambda number: "1000",
    "target.month": lambda number: date(2026 + number // 12 % 60, number % 12 + 1, 1).isoformat(),
}
"""What a rule of the author asks for that no type tells; another one each time."""
_ALSO: dict[str, Raw] = {"customer": {"existing": True}}
"""What a sound record has beside what is required: nothing is sold to a customer nobody knows the way of."""

_ROWS: dict[str, Raw] = {"order.items": {"qty": "1000"}, "payment_term.rows": {"share": "100"}}
"""The same for the rows of line tables."""


def _is_of_type(one: Field, typed: Any) -> bool:
    try:
        one.type.parse(typed, one)
    except Wrong:
        return False
    return True


def _shaped(pattern: str, number: int) -> str:
    """A text of the form an author asks for: a code, or a day of a month."""
    samples = (f"AB-{number}", f"{number % 12 + 1:02}-{number % 28 + 1:02}")
    return next((one for one in samples if re.fullmatch(pattern, one)), samples[0])
