"""Keeping right what records roll up from those that link to them.

Enters: the values of records before and after a write. Leaves: every parent concerned, old and new, brought up to date
in the same transaction, and theirs in turn. Must not be gone around: the primitives that write a record open
``followed`` around it, and nothing else writes one.

A parent keeps its version, and who changed it when: nobody edited it, so whoever has it open meets no conflict. Its
history gets an entry of its own, and an event says what changed. All parents that may be concerned are locked before
the record is written, children before parents and each entity's by id, so that two who write at once wait for each
other and never in a circle; only then is read what there is to add up.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import bindparam, select, update

from engine.compiler.app import CompiledApp, Entity, RollUp, Rule
from engine.errors import FieldError, InvalidValues
from engine.expression import Checked, Env, resolved
from engine.expression.sql import compile_sql
from engine.people.actor import Actor
from engine.records.columns import record_columns, to_values
from engine.records.completing import compute_field, is_broken, keep_computed
from engine.records.differences import Changes, find_changes
from engine.records.evaluation import make_env
from engine.records.keeping import keep_found
from engine.records.lines import read_lines
from engine.records.sql import is_one_of
from engine.records.stays import follow_dates
from engine.records.uniqueness import explained
from engine.storage.journal import event_row, history_row, write_many
from engine.storage.store import Session
from engine.storage.table_source import TableSource

Values = Mapping[str, Any]
Written = tuple[Values, Values]
"""The values of a record before and after: nothing before it was created, nothing after it is deleted."""


class ParentRefuses(InvalidValues):
    """A record that adds up others cannot take what was written; ``parent`` is its id."""

    def __init__(self, parent: int, errors: Sequence[FieldError]) -> None:
        super().__init__(errors)
        self.parent = parent


class _Due:
    """Which records are to be brought up to date: ids and keys of roll-ups, by entity."""

    def __init__(self, app: CompiledApp) -> None:
        self._app = app
        self._ids: dict[str, set[int]] = {}
        self._keys: dict[str, set[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._ids)

    def add(self, entity: str, ids: Collection[int], keys: Iterable[str]) -> None:
        if ids:
            self._ids.setdefault(entity, set()).update(ids)
            self._keys.setdefault(entity, set()).update(keys)

    def add_parents(self, child: str, written: Sequence[Written]) -> None:
        """Add the parents that the writes concern: those left, those gained, those that read what changed."""
        for rollup in self._app.rollups.by_child.get(child, ()):
            self.add(rollup.parent, _concerned(rollup, written), (rollup.key,))

    def take(self) -> tuple[Entity, list[int], frozenset[str]]:
        """Take out the entity whose records come first."""
        key = min(self._ids, key=lambda one: self._app.rollups.rank.get(one, 0))
        return self._app.entities[key], sorted(self._ids.pop(key)), frozenset(self._keys.pop(key))


@contextmanager
def followed(
    session: Session,
    entity: Entity,
    written: Sequence[Written],
    *,
    actor: Actor | None,
    also: Sequence[tuple[Entity, Sequence[Written]]] = (),
) -> Iterator[None]:
    """Bring all parents up to date after the writes of records of ``entity`` made inside.

    ``also`` are writes that will follow inside, whose parents are locked together with these.
    Raises ``InvalidValues`` at the link when a parent cannot take it: one of its rules breaks, or a value repeats.
    """
    due = _Due(session.app)
    due.add_parents(entity.key, written)
    if session.connection.dialect.name == "postgresql" and (due or also):
        _lock(session, [(entity, written), *also])
    yield
    if not due:
        return
    renewal = _Renewal(session, entity, actor)
    while due:
        renewal.renew(*due.take(), due)


def _concerned(rollup: RollUp, written: Iterable[Written]) -> set[int]:
    link, reads = rollup.link, rollup.reads
    found: set[int] = set()
    for before, after in written:
        if rollup.lines:
            found |= _concerned_by_rows(rollup, before, after)
            continue
        old, new = before.get(link), after.get(link)
        if old != new:
            found |= {one for one in (old, new) if one is not None}
        elif new is not None and any(before.get(key) != after.get(key) for key in reads):
            found.add(new)
    return found


def _concerned_by_rows(rollup: RollUp, before: Values, after: Values) -> set[int]:
    """Return whom the rows of a line table led to or lead to, where what is read of them changed."""
    rows: list[Counter[tuple[Any, ...]]] = []
    same = bool(before) is bool(after) and all(before.get(key) == after.get(key) for key in rollup.whole)
    for values in (before, after):
        columns = (rollup.link, *sorted(rollup.reads))
        rows.append(Counter(tuple(row.get(key) for key in columns) for row in values.get(rollup.lines) or ()))
    old, new = rows
    changed = (old - new) + (new - old) if same else old + new
    return {row[0] for row in changed} - {None}


# ---- locking, on PostgreSQL; on SQLite one writes at a time


def _lock(session: Session, all_written: Sequence[tuple[Entity, Sequence[Written]]]) -> None:
    """Lock all that may be brought up to date: the parents, and theirs as far as what they read may change."""
    due = _Due(session.app)
    for entity, written in all_written:
        due.add_parents(entity.key, written)
    while due:
        parent, ids, keys = due.take()
        changing = {*_affected(parent, keys)}
        known = session.app.rollups.by_child.get(parent.key, ())
        above = [one for one in known if not one.lines and one.reads & changing]
        links = tuple(dict.fromkeys(rollup.link for rollup in above))
        rows = _lock_rows(session, parent, ids, links)
        for rollup in above:
            at = links.index(rollup.link)
            due.add(rollup.parent, {row[at] for row in rows} - {None}, (rollup.key,))
        for rollup in (one for one in known if one.lines and one.whole & changing):
            due.add(rollup.parent, _led_to(session, rollup, ids), (rollup.key,))


def _lock_rows(session: Session, entity: Entity, ids: Sequence[int], links: tuple[str, ...]) -> list[tuple[Any, ...]]:
    table = session.tables.entity[entity.key]

    def build() -> Any:
        columns = [*(table.c[link] for link in links), table.c.id]
        found = select(*columns).where(is_one_of(table.c.id, "ids")).order_by(table.c.id)
        return found.with_for_update(of=table, key_share=True)

    return session.prepared(("lock parents", entity.key, links), build).fetch_all(session.connection, {"ids": ids})


def _led_to(session: Session, rollup: RollUp, ids: Sequence[int]) -> set[int]:
    """Return where the rows of records lead that a roll-up folds."""
    table = session.tables.lines[rollup.child, rollup.lines]
    link = table.c[rollup.link]

    def build() -> Any:
        return select(link).where(is_one_of(table.c.parent_id, "ids"), link.is_not(None)).distinct()

    statement = session.prepared(("rows lead to", rollup.child, rollup.lines, rollup.link), build)
    return {row[0] for row in statement.fetch_all(session.connection, {"ids": ids})}


# ---- bringing up to date


def _affected(entity: Entity, keys: Collection[str]) -> tuple[str, ...]:
    """Return ``keys`` and the computed fields that follow from them, in the order they are computed."""
    found: list[str] = []
    for key in entity.compute_order:
        if key in keys or not entity.fields[key].own_reads.isdisjoint(found):
            found.append(key)
    return tuple(found)


class _Renewal:
    """Everything that follows from one write."""

    def __init__(self, session: Session, child: Entity, actor: Actor | None) -> None:
        self._session, self._actor = session, actor
        self._env: Env = make_env(session, actor)
        self._rollups = session.app.rollups.by_child.get(child.key, ())

    def renew(self, entity: Entity, ids: Sequence[int], keys: frozenset[str], due: _Due) -> None:
        """Work out roll-ups ``keys`` of records, and what follows from them; note in ``due`` what follows elsewhere."""
        affected = _affected(entity, keys)
        first = tuple(key for key in affected if key in keys and entity.fields[key].own_reads.isdisjoint(affected))
        later = [key for key in affected if entity.fields[key].folds and key not in first]
        written = [
            (before, after)
            for before, summed in self._read(entity, ids, first)
            if (after := self._work_out(entity, before, dict(zip(first, summed, strict=True)), affected)) != before
        ]
        if not written:
            return
        self._write(entity, affected, written)
        due.add(entity.key, [before["id"] for before, _ in written], later)
        due.add_parents(entity.key, written)

    def _read(
        self, entity: Entity, ids: Sequence[int], keys: tuple[str, ...]
    ) -> Iterator[tuple[dict[str, Any], tuple[Any, ...]]]:
        """Yield the values of each record and what its roll-ups ``keys`` come to now."""
        session, table = self._session, self._session.tables.entity[entity.key]

        def build() -> Any:
            source = TableSource(session.tables)
            summed = [compile_sql(_computed(entity, key), source, table).label(f"sum_{key}") for key in keys]
            found = select(*record_columns(table, entity), *summed).where(is_one_of(table.c.id, "ids"))
            return found.order_by(table.c.id)

        statement = session.prepared(("rolled up", entity.key, keys), build)
        offset = {"utc_offset": int(self._env.offset.total_seconds())}
        for row in statement.fetch_all(session.connection, {"ids": ids} | offset):
            yield to_values(entity, row), row[len(entity.value_keys) :]

    def _work_out(
        self, entity: Entity, before: dict[str, Any], summed: Values, affected: Sequence[str]
    ) -> dict[str, Any]:
        after, errors = dict(before), list[FieldError]()
        rules = [rule for rule in entity.rules if "update" in rule.at and _reads(rule, affected)]
        if _needs_lines(entity, affected, rules) or self._rows_follow(entity, affected):
            lines = read_lines(self._session, entity, before["id"])
            before |= lines
            after |= lines
        for key in affected:
            if key in summed and summed[key] is None and _is_sum(_computed(entity, key)):  # more than 18 digits
                errors.append(FieldError(key, "value.rollup_too_large", {"label": entity.fields[key].label}))
            elif key in summed:
                keep_computed(entity.fields[key], after, summed[key], key, errors)
            elif not entity.fields[key].folds:
                compute_field(entity.fields[key], after, self._env, key, errors)
        if errors:
            label = entity.fields[errors[0].path].label
            path = self._path(entity, [errors[0].path])
            raise ParentRefuses(before["id"], [FieldError(path, "value.rollup_too_large", {"label": label})])
        broken = [
            rule for rule in rules if is_broken(rule, after, self._env) and not is_broken(rule, before, self._env)
        ]
        if broken:
            paths = [self._path(entity, [use[0] for use in rule.check.checked.uses]) for rule in broken]
            told = zip(paths, broken, strict=True)
            said = [FieldError(path, "value.rule", {"message": rule.message}) for path, rule in told]
            raise ParentRefuses(before["id"], said)
        return after

    def _rows_follow(self, entity: Entity, affected: Collection[str]) -> bool:
        """Tell whether others roll up the lines of a record for what changes in it."""
        above = self._session.app.rollups.by_child.get(entity.key, ())
        return any(one.lines and not one.whole.isdisjoint(affected) for one in above)

    def _write(self, entity: Entity, keys: tuple[str, ...], written: Sequence[tuple[Values, Values]]) -> None:
        session, table = self._session, self._session.tables.entity[entity.key]

        def build() -> Any:
            row = {key: bindparam(f"new_{key}", type_=table.c[key].type) for key in keys}
            return update(table).where(table.c.id == bindparam("record_id")).values(row)

        rows = [{f"new_{key}": after[key] for key in keys} | {"record_id": after["id"]} for _, after in written]
        with self._refused_at_link(entity, written):
            session.prepared(("roll up", entity.key, keys), build).execute_many(session.connection, rows)
            keep_found(session, entity, [(after["id"], before, after) for before, after in written])
        changed = [(after, find_changes(entity, before, after)) for before, after in written]
        for after, changes in changed:
            follow_dates(session, entity, after["id"], after["version"], after, changes)
        self._tell(entity, changed)

    def _tell(self, entity: Entity, changed: Sequence[tuple[Values, Changes]]) -> None:
        histories, events = [], []
        for after, changes in changed:
            id_, version = after["id"], after["version"]
            row = history_row(self._session, entity.key, id_, version, "roll_up", changes, actor=self._actor)
            histories.append(row)
            payload = {"version": version, "changed": sorted(changes)}
            events.append(event_row(self._session, f"{entity.key}.rolled_up", entity.key, id_, payload))
        write_many(self._session, histories, events)

    @contextmanager
    def _refused_at_link(self, entity: Entity, written: Sequence[tuple[Values, Values]]) -> Iterator[None]:
        """Say beside the link what the database refuses in the record it leads to."""
        try:
            with explained(self._session, entity, [after for _, after in written], actor=self._actor):
                yield
        except InvalidValues as invalid:
            changed = {key for before, after in written for key in after if before.get(key) != after[key]}
            path = self._path(entity, changed)
            raise InvalidValues([FieldError(path, one.code, one.params) for one in invalid.errors]) from invalid

    def _path(self, entity: Entity, wrong: Collection[str]) -> str:
        """Return the link, or the line table, by which the record that was written changes fields ``wrong`` there."""
        links = [one for one in self._rollups if one.parent == entity.key]
        found = [one for one in links if not set(_affected(entity, (one.key,))).isdisjoint(wrong)]
        return next((one.lines or one.link for one in [*found, *links]), "")


def _is_sum(checked: Checked) -> bool:
    return isinstance(checked.tree, resolved.Fold) and checked.tree.name == "sum"


def _computed(entity: Entity, key: str) -> Any:
    computed = entity.fields[key].computed
    assert computed is not None  # noqa: S101 - a roll-up is computed
    return computed.checked


def _reads(rule: Rule, keys: Collection[str]) -> bool:
    return any(use[0] in keys for use in rule.check.checked.uses)


def _needs_lines(entity: Entity, keys: Iterable[str], rules: Iterable[Rule]) -> bool:
    """Tell whether something to be worked out reads line tables."""
    if not entity.line_fields:
        return False
    read = {name for key in keys for name in entity.fields[key].own_reads}
    read |= {use[0] for rule in rules for use in rule.check.checked.uses}
    return any(field.key in read for field in entity.line_fields)
