"""From a compiled app to the rules in it, each with a record that breaks it and one that keeps it.

Enters: a world. Leaves: one ``Case`` per rule. A case that could not be made has ``why_not``; the test fails for it
unless it is listed there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine import messages
from engine.compiler.app import Entity, Expression, Field
from engine.compiler.app.ownership import POOL
from engine.records.called import name_records
from engine.records.record import Record
from tests.conformance.world import Raw, World


@dataclass(frozen=True)
class Trial:
    """What is typed, over a record that is there (``before``, in ``stage``) or for a new one."""

    raw: Raw
    before: Raw | None = None
    stage: str | None = None


@dataclass(frozen=True)
class Case:
    """One rule. ``path`` and ``sentence`` are the refusal that a broken one must meet at every gate."""

    name: str
    entity: Entity
    path: str
    sentence: str
    bad: tuple[Trial, ...]
    good: tuple[Trial, ...]
    kind: str
    skip: frozenset[str] = field(default_factory=frozenset)


_UNFILLED = ("value.rule", "value.required")


def say(code: str, **params: object) -> str:
    """Return the sentence a person reads."""
    return messages.text(code, "zh", **params)


@dataclass(frozen=True)
class Rule:
    """A rule that was found; ``make`` works the case out, and raises ``LookupError`` when it finds none."""

    name: str
    make: Callable[[], Case]


def rules_of(world: World) -> Iterator[Rule]:
    """Yield every rule of the app."""
    for entity in world.compiled.entities.values():
        for one in entity.fields.values():
            yield from _of_field(world, entity, one)
        for rule in entity.rules:
            yield Rule(f"{entity.key}: rule {rule.key}", lambda e=entity, r=rule: _rule(world, e, r))
        for unique in entity.unique:
            yield Rule(f"{entity.key}: unique {unique.key}", lambda e=entity, u=unique: _unique(world, e, u))
        for stage in entity.workflow.stages.values() if entity.workflow else ():
            for need in (*stage.enter, *stage.leave):
                side = "enter" if need in stage.enter else "leave"
                yield Rule(
                    f"{entity.key}: {side} {stage.key} {need.key}",
                    lambda e=entity, s=stage, n=need, x=side: _requirement(world, e, s, n, x),
                )
            if stage.locked:
                yield Rule(f"{entity.key}: lock of {stage.key}", lambda e=entity, s=stage: _lock(world, e, s))


def _of_field(world: World, entity: Entity, one: Field, lines: Field | None = None) -> Iterator[Rule]:
    name = f"{entity.key}.{lines.key}.{one.key}" if lines else f"{entity.key}.{one.key}"
    if one.retired:
        return
    for kind, make in _KINDS.items():
        if kind(one):
            yield Rule(f"{name}: {make.__name__.strip('_')}", lambda m=make: m(world, entity, one, lines))
    for column in one.fields.values():
        yield from _of_field(world, entity, column, one)


# ---- one field


def _put(world: World, entity: Entity, one: Field, lines: Field | None, value: Any, base: Raw | None = None) -> Raw:
    """Return a sound record with ``value`` in the field or in the first row."""
    raw = dict(base) if base is not None else world.sample(entity)
    if lines is None:
        return raw | {one.key: value}
    rows = raw.get(lines.key) or [world.row(lines, entity)]
    return raw | {lines.key: [{**_beside(world, one, lines), **rows[0], one.key: value}, *rows[1:]]}


def _beside(world: World, one: Field, lines: Field) -> Raw:
    """A row in which nothing is said is no row: say something in another column."""
    others = (
        other
        for other in lines.fields.values()
        if other is not one
        and not other.readonly
        and not other.has_condition
        and other.type.key in ("text", "integer", "money", "decimal")
    )
    other = next(others, None)
    return {other.key: world.value(other, None)} if other is not None else {}


def _path(one: Field, lines: Field | None) -> str:
    return f"{lines.key}.0.{one.key}" if lines else one.key


def _simple(
    world: World,
    entity: Entity,
    one: Field,
    lines: Field | None,
    kind: str,
    wrong: Any,
    right: Any,
    sentence: str,
    base: Raw | None = None,
) -> Case:
    _require_typed(world, entity, one, lines)
    base = base if base is not None else _applying(world, entity, one, lines)
    bad, good = _put(world, entity, one, lines, wrong, base), _put(world, entity, one, lines, right, base)
    skip = frozenset({"preview"}) if kind in ("required", "unique") else frozenset()
    if kind == "required" and (one.default is not None or one.default_from is not None):
        skip |= {"import"}  # an empty cell of a sheet asks for the default
    path = _path(one, lines)
    if kind == "unique":
        bad, good = world.repair(entity, bad, [one.key]), world.repair(entity, good, [one.key])
    return Case(f"{entity.key}.{path} {kind}", entity, path, sentence, _both(bad, base), _both(good, base), kind, skip)


def _applying(world: World, entity: Entity, one: Field, lines: Field | None) -> Raw:
    """Return a sound record in which the field applies."""
    if one.visible_when is None or lines is not None:
        return world.sample(entity)
    raw, stage = world.solve(entity, one.visible_when, True)
    if stage is not None:
        raise LookupError("it applies in a later stage only")
    return raw


def _both(raw: Raw, base: Raw) -> tuple[Trial, ...]:
    """A trial as a new record, and as a change of a sound one."""
    return Trial(raw), Trial(
        {key: value for key, value in raw.items() if key not in base or base[key] != value}, before=base
    )


def _require_typed(world: World, entity: Entity, one: Field, lines: Field | None) -> None:
    if not world.can_type(entity, f"{lines.key}.{one.key}" if lines else one.key):
        raise LookupError("nobody may type it")


def _required(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    _require_typed(world, entity, one, lines)
    base = _applying(world, entity, one, lines)
    sound = world.value(one, entity, base)
    if world.is_always_fetched(one, entity, lines):
        raise LookupError("it is always fetched")
    said = say("value.required", label=one.label)
    wrong: Any = [] if one.type.key in ("lines", "file") else None
    return _simple(world, entity, one, lines, "required", wrong, sound, said, base)


def _minimum(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    return _bound(world, entity, one, lines, one.min, one.min - 1)


def _maximum(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    return _bound(world, entity, one, lines, one.max, one.max + 1)


def _bound(world: World, entity: Entity, one: Field, lines: Field | None, right: Any, wrong: Any) -> Case:
    typed = [_number(one, value) for value in (wrong, right)]
    said = world.sentence(one, typed[0])
    return _simple(world, entity, one, lines, "bound", *typed, said)


def _number(one: Field, value: Any) -> str:
    shown = Decimal(value) * 100 if one.type.key == "percent" else Decimal(value)
    return f"{shown:f}".rstrip("0").rstrip(".") if "." in f"{shown:f}" else f"{shown:f}"


def _shortest(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    wrong = "x" * ((one.min_length or 1) - 1) or "x"
    said = world.sentence(one, wrong)
    return _simple(world, entity, one, lines, "length", wrong, world.value(one, entity), said)


def _longest(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    wrong = "长" * ((one.max_length or 0) + 1)
    return _simple(world, entity, one, lines, "length", wrong, world.value(one, entity), world.sentence(one, wrong))


def _pattern(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    wrong = "??"
    return _simple(world, entity, one, lines, "pattern", wrong, world.value(one, entity), world.sentence(one, wrong))


def _unique_field(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    taken = world.value(one, entity)
    other = world.create(entity, _put(world, entity, one, lines, taken))
    said = _repeats(world, entity, other, say("value.not_unique_default", label=one.label))
    return _simple(world, entity, one, lines, "unique", taken, world.value(one, entity), said)


def _link_where(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    if one.where is None:
        raise LookupError("no condition")
    target = world.compiled.entities[one.to or ""]
    base = _applying(world, entity, one, lines)
    raw, stage = world.solve(target, one.where, False, outer=(entity, base))
    wrong = world.create(target, raw)
    if stage is not None:
        world.put_into(wrong, stage)
    said = say("value.link_where", label=one.label)
    return _simple(world, entity, one, lines, "link where", wrong.id, world.target(one, (entity, base)), said, base)


def _readonly(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    base, said, path = world.sample(entity), say("value.readonly", label=one.label), _path(one, lines)
    wrong = world.value(one, entity, base) or "1"
    bad = _put(world, entity, one, lines, wrong, base)
    good = base if lines is None else base | {lines.key: base.get(lines.key) or [world.row(lines, entity)]}
    # A form draws no input for it, and a sheet knows no such column: there is nothing to send.
    skip = frozenset({"import"})
    if one.kept_by_engine and one.key not in entity.owned_keys:
        skip |= {"automation"}
    # Whoever looks after a pool enters records straight into it.
    broken = _both(bad, base)[1:] if one.key == POOL else _both(bad, base)
    return Case(f"{entity.key}.{path} readonly", entity, path, said, broken, (Trial(good),), "readonly", skip)


# ---- conditions of a field


def _required_when(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    said = say("value.required", label=one.label)
    path = _path(one, lines)
    if lines is not None:
        asking = _row_solved(world, lines, one, one.required_when, True)
        base = world.sample(entity)
        bad = base | {lines.key: [{**asking, one.key: None}]}
        good = base | {lines.key: [{**asking, one.key: world.value(one, None)}]}
        return Case(
            f"{entity.key}.{path} required_when", entity, path, said, _both(bad, base), _both(good, base), "asks"
        )
    sample = world.sample(entity)
    raw, stage = world.solve(
        entity,
        _not_none(one.required_when),
        True,
        base={k: v for k, v in sample.items() if k != one.key},
        despite=_UNFILLED,
    )
    raw = world.fill(entity, raw, but=one.key)
    bad, good = raw | {one.key: None}, raw | {one.key: world.value(one, entity)}
    if stage is not None:
        raise LookupError("it is asked for in a later stage only")
    return Case(f"{entity.key}.{path} required_when", entity, path, said, _both(bad, good), _both(good, good), "asks")


def _visible_when(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    said, path = say("value.invisible", label=one.label), _path(one, lines)
    if lines is not None:
        base = world.sample(entity)
        rows = [_row_solved(world, lines, one, one.visible_when, wanted) for wanted in (False, True)]
        bad, good = [base | {lines.key: [{**row, one.key: world.value(one, None)}]} for row in rows]
        return Case(
            f"{entity.key}.{path} visible_when", entity, path, said, _both(bad, base), _both(good, base), "shows"
        )
    _require_typed(world, entity, one, lines)
    raw, stage = world.solve(entity, _not_none(one.visible_when), False)
    if stage is not None:
        raise LookupError("it applies in every new record")
    value = world.value(one, entity)
    if value is None:
        raise LookupError(f"no {one.type.key} can be made up")
    seen, later = world.solve(entity, _not_none(one.visible_when), True, despite=_UNFILLED)
    seen = world.fill(entity, seen, but=one.key)
    good = (
        _both(seen | {one.key: value}, seen | {one.key: world.value(one, entity)})
        if later is None
        else (Trial({one.key: value}, before=seen, stage=later),)
    )
    return Case(
        f"{entity.key}.{path} visible_when", entity, path, said, _both(raw | {one.key: value}, raw), good, "shows"
    )


def _readonly_when(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    said, path, skip = say("value.readonly_now", label=one.label), _path(one, lines), frozenset({"form", "preview"})
    condition = _not_none(one.readonly_when)
    if lines is not None:
        base = world.sample(entity)
        frozen, free = [
            base | {lines.key: [_row_solved(world, lines, one, condition, wanted)]} for wanted in (True, False)
        ]
        change = {lines.key: [{"id": "first", one.key: world.value(one, None)}]}
        return Case(
            f"{entity.key}.{path} readonly_when",
            entity,
            path,
            said,
            (Trial(change, before=frozen),),
            (Trial(change, before=free),),
            "freezes",
        )
    (frozen_, stage), (free, later) = [world.solve(entity, condition, wanted) for wanted in (True, False)]
    change = {one.key: world.value(one, entity)}
    return Case(
        f"{entity.key}.{path} readonly_when",
        entity,
        path,
        said,
        (Trial(change, before=frozen_, stage=stage),),
        (Trial(change, before=free, stage=later),),
        "freezes",
        skip - {"form", "preview"},
    )


def _row_solved(world: World, lines: Field, one: Field, condition: Expression | None, wanted: bool) -> Raw:
    """Return a row in which a condition of a column comes out as wanted."""
    for row in world.rows(lines, _not_none(condition)):
        if world.row_holds(lines, row, _not_none(condition)) is wanted:
            return {key: value for key, value in row.items() if key != one.key}
    raise LookupError(f"no row makes {condition.text if condition else ''} {wanted}")


def _not_none(condition: Expression | None) -> Expression:
    if condition is None:
        raise LookupError("no condition")
    return condition


# ---- rules of an entity


def _rule(world: World, entity: Entity, rule: Any) -> Case:
    said = say("value.rule", message=rule.message)
    base = world.sample(entity)
    bad, stage = world.solve(entity, rule.check, False, base=base, filled=rule.needs)
    good, later = world.solve(entity, rule.check, True, base=base, filled=rule.needs)
    path = rule.fields[0] if rule.fields else ""
    trials = [Trial(bad, stage=stage)] if "create" in rule.at and stage is None else []
    if "update" in rule.at:
        start = good if later == stage else base
        trials.append(
            Trial({key: value for key, value in bad.items() if start.get(key) != value}, before=start, stage=stage)
        )
    sound = [Trial(good)] if later is None and "create" in rule.at else []
    return Case(f"{entity.key} rule {rule.key}", entity, path, said, tuple(trials), tuple(sound), "rule")


def _unique(world: World, entity: Entity, unique: Any) -> Case:
    base = world.sample(entity)
    if unique.where is not None:
        base, stage = world.solve(entity, unique.where, True, base=base, filled=())
        if stage is not None:
            raise LookupError("it holds in a later stage only")
    together = (*unique.fields, *unique.period)
    taken = {key: base.get(key) or world.value(entity.fields[key], entity, base) for key in together}
    first = world.create(entity, world.repair(entity, base | taken, together))
    fresh = base | world.distinct(entity, base)
    other = {key: world.value(entity.fields[key], entity, fresh) for key in together if not entity.fields[key].options}
    path = unique.period[0] if unique.period else unique.fields[0]
    message = unique.message or say("value.not_unique_default", label=entity.fields[path].label)
    said = _repeats(world, entity, first, messages.say(message, "zh"))
    sound = fresh | other
    return Case(
        f"{entity.key} unique {unique.key}",
        entity,
        path,
        said,
        _both(world.repair(entity, fresh | taken, together), sound),
        (Trial(sound),),
        "unique",
        frozenset({"preview"}),
    )


def _repeats(world: World, entity: Entity, other: Record, message: str) -> str:
    """Return what is said of a value another record has: the words of the author, and which record it is."""
    with world.store.write() as session:
        name = name_records(session, entity, [other.id])[other.id]
    whole = message if message.endswith("。") else message + "。"
    return whole + say("value.duplicate_known", name=name, owner=world.actor.name)


def _requirement(world: World, entity: Entity, stage: Any, need: Any, side: str) -> Case:
    """A need of a stage, met and not met on the first move through its gate."""
    ways = [
        (move, start)
        for move in entity.workflow.moves.values()
        for start in sorted(move.from_)
        if move.approval is None
        and not move.key.startswith("try_")
        and (move.to == stage.key if side == "enter" else start == stage.key)
    ]
    if not ways:
        raise LookupError("only people who decide lead through its gate")
    move, start = ways[0]
    base, said = world.sample(entity), messages.say(need.message, "zh") if need.message else None
    bad, good = _need_cases(world, entity, need, base)
    if said is None:
        said = world.need(entity, need, bad)
    return Case(
        f"{entity.key} {side} {stage.key} {need.key}",
        entity,
        need.key,
        said,
        (Trial({}, before=bad, stage=start),),
        (Trial(good, before=base, stage=start),) if good is not None else (),
        f"move {move.key}",
    )


def _need_cases(world: World, entity: Entity, need: Any, base: Raw) -> tuple[Raw, Raw | None]:
    """Return a record that lacks it, and what to fill in on the way (None: it lies in other records)."""
    if need.kind == "fields":
        keys = [key for key in need.fields if world.can_type(entity, key)]
        free = [key for key in keys if not entity.fields[key].required and entity.fields[key].default is None]
        if not free:
            raise LookupError("every record has them")
        return {key: value for key, value in base.items() if key not in free}, {
            key: world.value(entity.fields[key], entity, base) for key in keys
        }
    if need.kind == "file":
        return base, {need.file: [world.upload() for _ in range(need.min)]}
    if need.kind == "check":
        bad, stage = world.solve(entity, need.check, False, base=base)
        if stage is not None:
            raise LookupError("it depends on the stage")
        return bad, None
    if need.kind == "link":
        return base, None
    raise LookupError(f"no way to meet a need of kind {need.kind}")


def _lock(world: World, entity: Entity, stage: Any) -> Case:
    base = world.sample(entity)
    typed = [
        key
        for key in sorted(stage.locked)
        if world.can_type(entity, key)
        and entity.fields[key].type.key in ("text", "long_text")
        and entity.fields[key].pattern is None
        and not entity.fields[key].has_condition
    ]
    if not typed:
        raise LookupError("no text among what it locks")
    one = entity.fields[typed[0]]
    change = {one.key: world.value(one, entity)}
    said = say("value.locked", label=one.label, stage=stage.label)
    return Case(
        f"{entity.key} lock of {stage.key}",
        entity,
        one.key,
        said,
        (Trial(change, before=base, stage=stage.key),),
        (Trial(change, before=base),),
        "lock",
        frozenset({"move", "move of many", "form"}),
    )


_KINDS: dict[Callable[[Field], bool], Callable[[World, Entity, Field, Field | None], Case]] = {
    lambda one: one.required and not one.readonly: _required,
    lambda one: one.min is not None: _minimum,
    lambda one: one.max is not None: _maximum,
    lambda one: (one.min_length or 0) > 1: _shortest,
    lambda one: one.max_length is not None: _longest,
    lambda one: one.pattern is not None: _pattern,
    lambda one: one.unique: _unique_field,
    lambda one: one.where is not None: _link_where,
    lambda one: one.readonly or one.computed is not None: _readonly,
    lambda one: one.required_when is not None: _required_when,
    lambda one: one.visible_when is not None: _visible_when,
    lambda one: one.readonly_when is not None: _readonly_when,
}
