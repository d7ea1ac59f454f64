"""From a compiled app to the rules in it, each with a record that breaks it and one that keeps it.

Enters: a world. Leaves: one ``Case`` per rule. A case that could not be made has ``why_not``; the test fails for it
unless it is listed there.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine import messages
from engine.compiler.app import Entity, Expression, Field
from engine.compiler.app.ownership import POOL
from engine.records.called import name_records
from engine.records.record import Record
from tests.conformance.world import UNFILLED, Raw, World


@dataclass(frozen=True)
class Trial:
    """What is typed, over a record that is there (``before``, with what is ``kept`` of it) or for a new one.

    Each gate gets a record of its own, with values of its own where no two may share them, but for the ``same``.
    """

    raw: Raw
    before: Raw | None = None
    kept: Raw = field(default_factory=dict)
    same: frozenset[str] = frozenset()


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
    rows = raw.get(lines.key) or [world.row(lines, entity, raw)]
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
    if other is None:
        return {}
    value = world.value(other, None)
    return {other.key: value if other.default is None else str(int(other.default) + 1)}


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
    raw, kept = world.solve(entity, one.visible_when, True)
    if kept:
        raise LookupError("it applies in a later stage only")
    return world.repair(entity, raw, _read_by(one.visible_when))


def _read_by(condition: Expression) -> list[str]:
    return [use[0] for use in condition.checked.uses]


def _both(raw: Raw, base: Raw) -> tuple[Trial, ...]:
    """A trial as a new record, and as a change of a sound one."""
    return Trial(raw), Trial(_changes(base, raw), before=base)


def _changes(base: Raw, raw: Raw) -> Raw:
    """Return what to type over ``base`` so that ``raw`` comes of it."""
    emptied = {key: None for key in base if key not in raw}
    return emptied | {key: value for key, value in raw.items() if key not in base or base[key] != value}


def _require_typed(world: World, entity: Entity, one: Field, lines: Field | None) -> None:
    name = f"{lines.key}.{one.key}" if lines else one.key
    if not world.can_type(entity, name) and not world.can_type(entity, name, world.system):
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


def _most_linked(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    found = [world.target(one) for _ in range(int(one.max) + 1)]
    said = say("value.too_many_links", max=int(one.max))
    return _simple(world, entity, one, lines, "bound", found, found[1:], said)


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
    for key in sorted(one.where.checked.outer_reads & entity.fields.keys()):
        if base.get(key) is None and world.can_type(entity, key):
            base = base | {key: world.value(entity.fields[key], entity, base)}
    raw, kept = world.solve(target, one.where, False, outer=(entity, base), despite=())
    wrong = world.create(target, raw)
    if kept:
        world.put_into(wrong, kept)
    said = say("value.link_where", label=one.label)
    typed: list[Any] = [wrong.id, world.target(one, (entity, base))]
    typed = [[id_] for id_ in typed] if one.type.many else typed
    return _simple(world, entity, one, lines, "link where", *typed, said, base)


def _readonly(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    base, said, path = world.sample(entity), say("value.readonly", label=one.label), _path(one, lines)
    wrong = world.value(one, entity, base) or "1"
    bad = _put(world, entity, one, lines, wrong, base)
    good = base if lines is None else base | {lines.key: base.get(lines.key) or [world.row(lines, entity, base)]}
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
        base = world.sample(entity)
        asking = _row_solved(world, entity, base, lines, one, one.required_when, True)
        bad = base | {lines.key: [{**asking, one.key: None}]}
        good = base | {lines.key: [{**asking, one.key: world.value(one, None)}]}
        return Case(
            f"{entity.key}.{path} required_when", entity, path, said, _both(bad, base), _both(good, base), "asks"
        )
    sample = world.sample(entity)
    raw, kept = world.solve(
        entity,
        _not_none(one.required_when),
        True,
        base={k: v for k, v in sample.items() if k != one.key},
        despite=UNFILLED,
    )
    raw = world.fill(entity, world.repair(entity, raw, _read_by(_not_none(one.required_when))), but=one.key)
    bad, good = raw | {one.key: None}, raw | {one.key: world.value(one, entity, raw)}
    if kept:
        raise LookupError("it is asked for in a later stage only")
    return Case(f"{entity.key}.{path} required_when", entity, path, said, _both(bad, good), _both(good, good), "asks")


def _visible_when(world: World, entity: Entity, one: Field, lines: Field | None) -> Case:
    said, path = say("value.invisible", label=one.label), _path(one, lines)
    if lines is not None:
        base = world.sample(entity)
        rows = [_row_solved(world, entity, base, lines, one, one.visible_when, wanted) for wanted in (False, True)]
        bad, good = [base | {lines.key: [{**row, one.key: world.value(one, None)}]} for row in rows]
        return Case(
            f"{entity.key}.{path} visible_when", entity, path, said, _both(bad, base), _both(good, base), "shows"
        )
    _require_typed(world, entity, one, lines)
    raw, kept = world.solve(entity, _not_none(one.visible_when), False)
    if kept:
        raise LookupError("it applies in every new record")
    value = world.value(one, entity, raw)
    if value is None:
        raise LookupError(f"no {one.type.key} can be made up")
    seen, later = world.solve(entity, _not_none(one.visible_when), True, despite=UNFILLED)
    seen = world.fill(entity, world.repair(entity, seen, _read_by(_not_none(one.visible_when))), but=one.key)
    good = (
        (Trial({one.key: value}, before=seen, kept=later),)
        if later
        else _both(*(seen | {one.key: world.value(one, entity, seen)} for _ in range(2)))
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
            base | {lines.key: [_row_solved(world, entity, base, lines, one, condition, wanted)]}
            for wanted in (True, False)
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
    (frozen_, kept), (free, later) = [world.solve(entity, condition, wanted) for wanted in (True, False)]
    change = {one.key: world.value(one, entity)}
    return Case(
        f"{entity.key}.{path} readonly_when",
        entity,
        path,
        said,
        (Trial(change, before=frozen_, kept=kept),),
        (Trial(change, before=free, kept=later),),
        "freezes",
        skip - {"form", "preview"},
    )


def _row_solved(
    world: World,
    entity: Entity,
    base: Raw,
    lines: Field,
    one: Field,
    condition: Expression | None,
    wanted: bool,
) -> Raw:
    """Return a row in which a condition of a column comes out as wanted."""
    for row in world.rows(entity, lines, _not_none(condition), base):
        if world.row_holds(entity, lines, base, row, _not_none(condition)) is wanted:
            return {key: value for key, value in row.items() if key != one.key}
    raise LookupError(f"no row makes {condition.text if condition else ''} {wanted}")


def _not_none(condition: Expression | None) -> Expression:
    if condition is None:
        raise LookupError("no condition")
    return condition


# ---- rules of an entity


def _rule(world: World, entity: Entity, rule: Any) -> Case:
    said = say("value.rule", message=rule.message)
    base = world.showing(entity, rule.needs, world.sample(entity))
    bad, kept = world.solve(entity, rule.check, False, base=base, filled=rule.needs)
    good, later = world.solve(entity, rule.check, True, base=base, filled=rule.needs)
    path = rule.fields[0] if rule.fields else ""
    name, skip = f"{entity.key} rule {rule.key}", frozenset[str]()
    trials = [Trial(bad)] if "create" in rule.at and not kept else []
    sound = [Trial(good)] if "create" in rule.at and not later else []
    if "update" in rule.at:
        start = good if later == kept else base
        change = _changes(start, bad)
        if not change:  # only what the engine keeps breaks it; a move is not held up by what it did not break
            start, change, skip = good, world.touched(entity, good), frozenset({"move", "move of many"})
            sound.append(Trial(change, before=good, kept=later))
        trials.append(Trial(change, before=start, kept=kept))
    return Case(name, entity, path, said, tuple(trials), tuple(sound), "rule", skip)


def _unique(world: World, entity: Entity, unique: Any) -> Case:
    together = (*unique.fields, *unique.period)
    base = world.showing(entity, together, world.sample(entity))
    kept: Raw = {}
    if unique.where is not None:
        base, kept = world.solve(entity, unique.where, True, base=base, filled=())
    typed = [key for key in together if world.can_type(entity, key)]
    taken = {key: base.get(key) or world.value(entity.fields[key], entity, base) for key in typed}
    first = world.create(entity, world.repair(entity, base | taken, together))
    if kept:
        world.put_into(first, kept)
    fresh = base | world.distinct(entity, base)
    other = world.distinct(entity, fresh | taken)
    path = unique.period[0] if unique.period else unique.fields[0]
    message = unique.message or say("value.not_unique_default", label=entity.fields[path].label)
    said = _repeats(world, entity, first, messages.say(message, "zh"))
    sound = fresh | other
    if kept:
        return _unique_on_the_way(world, entity, unique, (fresh | taken, sound), (path, said))
    bad = world.repair(entity, fresh | taken, together)
    # Where a record stands may have been given other values of what is unique: all of them are typed over it.
    changes = _changes(sound, bad) | {key: bad[key] for key in typed if key in bad}
    return Case(
        f"{entity.key} unique {unique.key}",
        entity,
        path,
        said,
        (Trial(bad), Trial(changes, before=sound)),
        (Trial(sound),),
        "unique",
        frozenset({"preview"}),
    )


def _unique_on_the_way(
    world: World, entity: Entity, unique: Any, trials: tuple[Raw, Raw], said: tuple[str, str]
) -> Case:
    """What must differ in later stages only is judged where a record moves into one of them."""
    inside = [key for key in entity.workflow.stages if world.holds(unique.where, {"stage": key})]
    for move in entity.workflow.moves.values():
        for start in sorted(move.from_):
            if start not in inside and (move.during or move.to) in inside:
                same = frozenset(unique.fields)
                bad, good = (Trial({}, before=one, kept={"stage": start}, same=same) for one in trials)
                name = f"{entity.key} unique {unique.key}"
                return Case(name, entity, *said, (bad,), (good,), f"move {move.key}")
    raise LookupError("only a decision leads to where it holds")


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
    kept = {"stage": start}
    if said is None:
        said = world.need(entity, need, bad, move.key, start)
    return Case(
        f"{entity.key} {side} {stage.key} {need.key}",
        entity,
        need.key,
        said,
        (Trial({}, before=bad, kept=kept),),
        (Trial(good, before=base, kept=kept),) if good is not None else (),
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
        bad, kept = world.solve(entity, need.check, False, base=base)
        if kept:
            raise LookupError("it depends on the stage")
        return bad, None
    if need.kind == "link":
        return base, None
    raise LookupError(f"no way to meet a need of kind {need.kind}")


def _lock(world: World, entity: Entity, stage: Any) -> Case:
    base = world.sample(entity)
    one, value = next(_other_values(world, entity, base, stage.locked), (None, None))
    if one is None:
        raise LookupError("nothing of what it locks can be changed")
    change = {one.key: value}
    said = say("value.locked", label=one.label, stage=stage.label)
    return Case(
        f"{entity.key} lock of {stage.key}",
        entity,
        one.key,
        said,
        (Trial(change, before=base, kept={"stage": stage.key}),),
        (Trial(change, before=base),),
        "lock",
        frozenset({"move", "move of many", "form"}),
    )


def _other_values(world: World, entity: Entity, base: Raw, keys: Iterable[str]) -> Iterator[tuple[Field, Any]]:
    """Yield locked fields, each with another value than the record has; texts first."""
    offered = []
    for key in sorted(keys):
        one = entity.fields[key]
        free = one.pattern is None and not one.has_condition and world.can_type(entity, key)
        if not free or one.type.key not in _CHANGED:
            continue
        offered.append(one)
    for one in sorted(offered, key=lambda one: _CHANGED.index(one.type.key)):
        if one.options:
            value: Any = next((key for key in one.options if key not in (base.get(one.key), one.default)), None)
        elif one.type.key == "boolean":
            value = one.default is not True
        else:
            value = world.value(one, entity, base)
            value = str(int(one.max or 7) - 1) if value == base.get(one.key) and one.type.key == "integer" else value
            value = "6" if value == base.get(one.key) and one.type.key in ("money", "decimal") else value
            value = "2026-05-16" if value == base.get(one.key) and one.type.key == "date" else value
        if value is not None and value != base.get(one.key):
            yield one, value


_CHANGED = ("text", "long_text", "money", "integer", "decimal", "date", "choice", "boolean", "link")
_KINDS: dict[Callable[[Field], bool], Callable[[World, Entity, Field, Field | None], Case]] = {
    lambda one: one.required and not one.readonly: _required,
    lambda one: one.min is not None: _minimum,
    lambda one: one.max is not None and not one.type.many: _maximum,
    lambda one: one.max is not None and one.type.many: _most_linked,
    lambda one: (one.min_length or 0) > 1: _shortest,
    lambda one: one.max_length is not None: _longest,
    lambda one: one.pattern is not None: _pattern,
    lambda one: one.unique: _unique_field,
    lambda one: one.where is not None: _link_where,
    lambda one: one.readonly or one.computed is not None: _readonly,
    lambda one: one.required_when is not None: _required_when,
    lambda one: one.visible_when is not None and one.computed is None: _visible_when,  # nobody sends what is computed
    lambda one: one.readonly_when is not None: _readonly_when,
}
