"""From computed fields to roll-ups: what each of them follows, and in which order all are worked out.

Enters: the compiled entities. Leaves: ``RollUps``. Must not accept a value that nothing would bring up to date: a
condition over a third record, over who asks or over the time of day is a problem, and so is a circle.
"""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from engine.compiler.app import Entity, Field, RollUp, RollUps
from engine.compiler.compilation import Compilation, place_within
from engine.expression.resolved import Above, Fold, Hop, Resolved, Variable
from engine.expression.sql_limits import check_sql
from engine.expression.types import row_place
from engine.expression.walking import walk

Place = tuple[str, str]
"""A computed field: the keys of its entity and of itself."""

_SAID = {"today": "today()", "now": "now()"}


def compile_rollups(compilation: Compilation, entities: Mapping[str, Entity]) -> RollUps:
    """Return the roll-ups of an app."""
    found: dict[str, list[RollUp]] = {}
    for entity in entities.values():
        for field in entity.fields.values():
            if field.folds:
                _check_known(compilation, field)
            for rollup in _rollups(entity.key, field):
                found.setdefault(rollup.child, []).append(rollup)
    by_child = {child: tuple(rollups) for child, rollups in found.items()}
    return RollUps(by_child, _order(compilation, entities), _rank(entities, by_child))


def _rollups(entity: str, field: Field) -> Iterator[RollUp]:
    """Yield one for each collection a field folds, however often it does."""
    uses = field.computed.checked.uses if field.computed is not None else frozenset()
    for name, fold in {fold.collection: fold for fold in field.folds}.items():
        own = [use[1:] for use in uses if use[0] == name and len(use) > 1]
        child, lines = row_place(fold.row) or (fold.row, "")
        reads = frozenset(use[0] for use in own) - ({child} if lines else frozenset())
        whole = frozenset(use[1] for use in own if lines and use[0] == child and len(use) > 1)
        yield RollUp(entity, field.key, child, fold.via or "", reads, lines, whole)


def _check_known(compilation: Compilation, field: Field) -> None:
    """Note a problem for what changes without a record that links here being saved."""
    assert field.computed is not None  # noqa: S101 - only a computed value folds
    checked, start = field.computed.checked, field.computed.location
    for node in walk(checked.tree):
        at = place_within(checked.text, start, node.start)
        if isinstance(node, Variable):
            compilation.refuse("E042", at, name=field.key, found=_SAID.get(node.name, node.name))
        for above in _from_above(node):
            place = place_within(checked.text, start, above.start)
            compilation.refuse("E042", place, name=field.key, found=f"record.{above.name}")
        for hop, row in _hops(node):
            place, path = place_within(checked.text, start, hop.start), f"{hop.link.name}.{hop.name}"
            compilation.refuse("E041", place, name=field.key, path=path, entity=row)
    for error in check_sql(checked):
        at = place_within(checked.text, start, error.offset)
        compilation.refuse("E042", at, name=field.key, found=error.params["found"])


def _hops(node: Resolved) -> Iterator[tuple[Hop, str]]:
    """Yield what the condition of a fold over linked records reads over their links.

    What a row reads of the record it belongs to changes with that record being saved, and so may be read.
    """
    if isinstance(node, Fold) and node.via is not None and node.where is not None:
        place = row_place(node.row)
        found = ((one, node.row) for one in walk(node.where) if isinstance(one, Hop))
        yield from ((hop, row) for hop, row in found if place is None or hop.link.name != place[0])


def _from_above(node: Resolved) -> Iterator[Above]:
    """Yield what the condition of a fold over linked records reads of the record itself."""
    if isinstance(node, Fold) and node.via is not None and node.where is not None:
        yield from (one for one in walk(node.where) if isinstance(one, Above))


def _order(compilation: Compilation, entities: Mapping[str, Entity]) -> tuple[Place, ...]:
    """Return all computed fields, each after those it reads here and in the records it folds."""
    computed = {(one.key, key): one.fields[key] for one in entities.values() for key in one.compute_order}
    graph = {place: _read_by(place[0], field, computed) for place, field in computed.items()}
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle: Sequence[Place] = error.args[1]
        first = computed[circle[0]].computed
        assert first is not None  # noqa: S101 - the graph holds computed fields
        compilation.refuse("E043", first.location, cycle=" → ".join(".".join(place) for place in circle))
        return ()


def _read_by(entity: str, field: Field, computed: Mapping[Place, Field]) -> set[Place]:
    read = {(entity, name) for name in field.own_reads}
    read |= {(one.child, name) for one in _rollups(entity, field) for name in (one.whole if one.lines else one.reads)}
    return read & computed.keys()


def _rank(entities: Mapping[str, Entity], by_child: Mapping[str, Sequence[RollUp]]) -> dict[str, int]:
    graph: dict[str, set[str]] = {key: set() for key in entities}
    for child, rollups in by_child.items():
        for rollup in rollups:
            if rollup.parent != child:
                graph[rollup.parent].add(child)
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError:  # two entities that roll up each other's records, by different fields
        order = tuple(entities)
    return {key: at for at, key in enumerate(order)}
