"""Former keys and new ones, and where they stand in what is kept as JSON.

Enters: two compiled apps, or plain data as the journal and approvals keep it. Leaves: new keys by former key, or the
same data under new keys. Must not read a database.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.compiler.app import Entity
from engine.storage.tables import table_name

Names = Mapping[str, str]

DETAILS = ""
"""The key under which the history of a move keeps the move and its stages."""


@dataclass(frozen=True)
class EntityNames:
    """What is called otherwise in an entity; ``columns`` by the present key of their line table."""

    stages: Names = field(default_factory=dict)
    moves: Names = field(default_factory=dict)
    fields: Names = field(default_factory=dict)
    columns: Mapping[str, Names] = field(default_factory=dict)
    timers: Names = field(default_factory=dict)
    options: Mapping[str, Names] = field(default_factory=dict)
    """What options became, by the present key of their field."""

    def __bool__(self) -> bool:
        return bool(self.stages or self.moves or self.fields or self.columns or self.timers)

    @property
    def old_keys(self) -> list[str]:
        """Every former key."""
        columns = [key for names in self.columns.values() for key in names]
        return [*self.stages, *self.moves, *self.fields, *columns, *self.timers]

    def in_history(self, changes: Any) -> Any:
        """Return the changes of a history row under new keys."""
        found: dict[str, Any] = {}
        for key, pair in changes.items():
            now = self.fields.get(key, key)
            if key == DETAILS:
                found[key] = self._details(pair)
            elif key == "stage":
                found[key] = [self.stages.get(one, one) for one in pair]
            elif now in self.columns:
                found[now] = [self._rows(rows, self.columns[now]) for rows in pair]
            else:
                found[now] = pair
        return found

    def in_payload(self, payload: Any) -> Any:
        """Return the payload of an event under new keys."""
        found = self._details(payload or {})
        if isinstance(found.get("changed"), list):
            found["changed"] = [self.fields.get(key, key) for key in found["changed"]]
        return found

    def in_start(self, data: Any) -> Any:
        """Return the first event of an approval under new keys.

        What people decide about was hashed under its keys of then, so those stay beside what they are called now.
        """
        origin = self._details(data.get("origin") or {})
        renamed = self._renamed(origin.get("guard") or {}, origin.pop("renamed", {}))
        for part in ("shown", "snapshot"):
            if isinstance(origin.get(part), Mapping):
                origin[part] = self._values(origin[part])
        found = change_rules({**data, "origin": {**origin, "renamed": renamed} if renamed else origin}, self._rule)
        steps = [{**step, "fields": self.in_list(step.get("fields") or ())} for step in found["steps"]]
        return {**found, "steps": steps}

    def in_plan(self, plan: Any) -> Any:
        """Return what queues show of an approval, and what it guards, under new keys."""
        if not isinstance(plan, Mapping):
            return plan
        guard = sorted(self.in_list(plan.get("guard") or ()))
        return {**plan, "shown": self._values(plan.get("shown") or {}), "guard": guard}

    def in_reason(self, reason: Any) -> Any:
        """Return why a flag was raised under new keys."""
        return self._details(reason or {})

    def in_view(self, content: Any) -> Any:
        """Return what a saved view shows under new keys."""
        sort = content.get("sort") or ""
        largest = "-" if sort.startswith("-") else ""
        bare = sort.removeprefix("-")
        return content | {
            "filters": [self._condition(one) for one in content.get("filters") or ()],
            "where": self._conditions(content.get("where")),
            "sort": f"{largest}{self.fields.get(bare, bare)}" or None,
            "columns": self.in_list(content.get("columns") or ()),
            "group": self._group(content.get("group")),
            "by": self.fields.get(content.get("by"), content.get("by")),
        }

    def in_form_draft(self, content: Any) -> Any:
        """Return the names and values somebody typed into a form under new keys."""
        return [[self._input(name), value] for name, value in content]

    def in_columns(self, columns: Any) -> Any:
        """Return the columns of an imported file, which the next one like it is read by, under new keys."""
        return [{**one, "key": self.fields.get(one["key"], one["key"])} for one in columns]

    def in_list(self, keys: Iterable[str]) -> list[str]:
        """Return keys of fields under new keys."""
        return [self.fields.get(key, key) for key in keys]

    def _input(self, name: str) -> str:
        key, *rest = name.split(".")
        now = self.fields.get(key, key)
        if len(rest) > 1:  # a cell: its line table, its row, its column, and what else its input sends
            rest[1] = self.columns.get(now, {}).get(rest[1], rest[1])
        return ".".join([now, *rest])

    def _renamed(self, guard: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, str]:
        """Return what guarded fields, and columns as ``field.column``, are called now, where that is not their key."""
        found = {}
        for first, columns in guard.items():
            was = told.get(first, first)
            now = self.fields.get(was, was)
            found[first] = now
            for column in columns:
                before = told.get(f"{first}.{column}", column)
                found[f"{first}.{column}"] = self.columns.get(now, {}).get(before, before)
        return {first: now for first, now in found.items() if first.rpartition(".")[2] != now}

    def _values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by field, lines with their columns, under new keys."""
        found = {}
        for key, value in values.items():
            now = self.fields.get(key, key)
            found[now] = self._rows(value, self.columns[now]) if now in self.columns else value
        return found

    def _group(self, group: str | None) -> str | None:
        """Return what a list is grouped by; a date may be taken for its week or day (``due.week``)."""
        key, dot, span = (group or "").partition(".")
        return f"{self.fields.get(key, key)}{dot}{span}" or None

    def _conditions(self, group: Any) -> Any:
        if not isinstance(group, Mapping):
            return group
        return {
            joined: [self._conditions(one) if isinstance(one, Mapping) else self._condition(one) for one in items]
            for joined, items in group.items()
        }

    def _condition(self, condition: Sequence[Any]) -> list[Any]:
        key, operator, *value = condition
        now = self.fields.get(key, key)
        names = self.stages if key == "stage" else self.options.get(now, {})
        return [now, operator, *(_renamed_value(one, names) for one in value)]

    def _rule(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        named = {"name": self.fields.get(rule["name"], rule["name"])} if rule.get("kind") == "field" else {}
        match = {"match": self.fields.get(rule["match"], rule["match"])} if "match" in rule else {}
        return {**rule, **named, **match}

    def _details(self, details: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(details)
        of_stages = ((key, self.stages) for key in ("stage", "from", "to", "during", "refused"))
        for key, names in (("move", self.moves), ("timer", self.timers), *of_stages):
            if isinstance(found.get(key), str):
                found[key] = names.get(found[key], found[key])
        return found

    @staticmethod
    def _rows(rows: Any, names: Names) -> Any:
        return [{names.get(key, key): value for key, value in row.items()} for row in rows] if rows else rows


def _renamed_value(value: Any, names: Names) -> Any:
    if isinstance(value, list):
        return [_renamed_value(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


def names_of(before: Entity, now: Entity, renamed: Mapping[str, Names]) -> EntityNames:
    """Return what is called otherwise in an entity.

    ``renamed`` are the columns that got another name, by table: also those of fields that ``before`` did not have,
    though a release before it did.
    """
    fields = {**renamed.get(table_name(now.key), {}), **find_renamed(before.fields, now.fields)}
    former = {new: old for old, new in fields.items()}
    columns = {}
    for line in now.line_fields:
        known = before.fields.get(former.get(line.key, line.key))
        own = {} if known is None else find_renamed(known.fields, line.fields)
        names = {**renamed.get(table_name(now.key, line.key), {}), **own}
        if names:
            columns[line.key] = names
    options = {}
    for key, one in now.fields.items():
        was = before.fields.get(former.get(key, key))
        became = {} if was is None else {old: new for old, new in one.became.items() if old in was.options}
        if became:
            options[key] = became
    if before.workflow is None or now.workflow is None:
        return EntityNames(fields=fields, columns=columns, options=options)
    stages = find_renamed(before.workflow.stages, now.workflow.stages)
    moves = find_renamed(before.workflow.moves, now.workflow.moves)
    timers = find_renamed(before.workflow.timers, now.workflow.timers)
    return EntityNames(stages, moves, fields, columns, timers, options)


def find_renamed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Return the new key by the former key of each part that was renamed between two apps."""
    return {
        part.was: key
        for key, part in now.items()
        if part.was is not None and part.was in before and part.was not in now and key not in before
    }


def steps_in_event(data: Any, names: Names) -> Any:
    """Return an event of an approval with its steps, and what is written about them, under new keys."""
    found = dict(data)
    for key in ("step", "from"):
        if isinstance(found.get(key), str):
            found[key] = names.get(found[key], found[key])
    if isinstance(found.get("steps"), list):
        found["steps"] = [_step(step, names) for step in found["steps"]]
    if "applies" in found:  # steps, and branches as ``step.branch``, whose conditions were read again
        found["applies"] = {_branch(key, names): holds for key, holds in found["applies"].items()}
    if "became" in found:  # an approval that was moved to a newer release
        found["became"] = {old: names.get(new, new) for old, new in found["became"].items()}
        found["again"] = [names.get(key, key) for key in found["again"]]
    rules = dict(found.get("rules") or {})
    if "chosen" in rules:
        rules["chosen"] = {names.get(key, key): people for key, people in rules["chosen"].items()}
    return {**found, "rules": rules} if rules else found


def step_waited_in(data: Any, names: Names) -> Any:
    """Return the first event of an approval that another waits for, with the step it waits in under its new key."""
    parent = data.get("parent")
    return data if not parent else {**data, "parent": {**parent, "step": names.get(parent["step"], parent["step"])}}


def _branch(key: str, names: Names) -> str:
    holder, dot, own = key.partition(".")
    return f"{names.get(holder, holder)}{dot}{own}"


def _step(step: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """A branch is named by its step, and a step in it by the branch it stands in."""
    branches = [{**one, "key": _branch(one["key"], names)} for one in step.get("branches") or ()]
    inside = {"within": _branch(step["within"], names)} if step.get("within") else {}
    return {**step, "key": names.get(step["key"], step["key"]), "branches": branches, **inside}


def steps_in_plan(plan: Any, names: Names) -> Any:
    """Return what queues show of an approval with its steps under new keys."""
    if not isinstance(plan, Mapping) or "steps" not in plan:
        return plan
    return {**plan, "steps": {names.get(key, key): label for key, label in plan["steps"].items()}}


def roles_in_start(data: Any, names: Names) -> Any:
    """Return the first event of an approval with the roles its rules ask under new keys."""

    def change(rule: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(rule)
        if found.get("kind") == "role":
            found["name"] = names.get(found["name"], found["name"])
        if found.get("up_to"):
            found["up_to"] = names.get(found["up_to"], found["up_to"])
        return found

    return change_rules(data, change)


def change_rules(data: Any, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the first event of an approval with every rule that says whom it asks changed, wherever it stands."""

    def each(rules: Iterable[Mapping[str, Any]]) -> list[Any]:
        return [
            {**change(rule), "from": each(rule["from"])} if rule.get("from") else dict(change(rule)) for rule in rules
        ]

    def action(one: Mapping[str, Any]) -> dict[str, Any]:
        return {name: each(who) if isinstance(who, list) else who for name, who in one.items()}

    def step(one: Mapping[str, Any]) -> dict[str, Any]:
        asked = {name: each(one[name]) for name in ("who", "veto", "cc") if name in one}
        late = [{**rule, "do": [action(act) for act in rule["do"]]} for rule in one.get("late") or ()]
        return {**one, **asked, "late": late}

    found = {**data, "steps": [step(one) for one in data.get("steps", [])], "empty": each(data.get("empty", []))}
    rules = found.get("rules") or {}
    copies = {point: each(who) for point, who in (rules.get("cc") or {}).items()}
    return {**found, "rules": {**rules, "cc": copies}} if copies else found
