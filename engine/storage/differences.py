"""What differs between two apps, part by part, in the words of whoever wrote them.

Enters: two compiled apps. Leaves: plan items. Must not look at a database. An app is taken apart into parts, each with
a path of keys and its settings as plain data, so that two apps are compared by comparing two maps; a part below one
that is new or gone is not listed again.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from engine.compiler.app import (
    Approval,
    CompiledApp,
    Entity,
    Expression,
    Field,
    Label,
    Ownership,
    Requirement,
    Stage,
    Workflow,
)
from engine.compiler.field_types import FieldType
from engine.errors import Location
from engine.storage.counted_parts import counted_parts
from engine.storage.plan import PlanItem, Setting

Path = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One part of an app that can be named: ``was`` is its former key."""

    thing: str
    path: Path
    labels: tuple[Label, ...]
    settings: Mapping[str, Any]
    location: Location | None = None
    was: str | None = None


def compare(old: CompiledApp | None, new: CompiledApp) -> list[PlanItem]:
    """Return what publishing ``new`` over ``old`` would change, in the order of ``new``, what is gone last."""
    new_parts, old_parts = _parts(new), _parts(old)
    old_parts, renamed = _follow_renames(old_parts, new_parts)
    stayed = {path for path, part in new_parts.items() if path not in renamed and _stayed(part, old_parts.get(path))}
    items = [item for part in new_parts.values() for item in _compare_part(part, old_parts, renamed, stayed)]
    gone = [part for path, part in old_parts.items() if path not in new_parts and path[:-2] in new_parts | {(): None}]
    return items + [PlanItem("removed", _GONE.get(part.thing, "removed"), part.thing, part.labels) for part in gone]


def compared(old: CompiledApp | None, new: CompiledApp) -> tuple[dict[Path, Part], dict[Path, Part]]:
    """Return the parts of both, those of ``old`` under the paths they have in ``new``."""
    new_parts = _parts(new)
    return _follow_renames(_parts(old), new_parts)[0], new_parts


def walk(app: CompiledApp) -> Iterator[Part]:
    """Take an app apart; every part comes after the one it belongs to."""
    yield Part("app", ("app", ""), (app.label,), _plain_settings(app, _NOT_OF_APP))
    for role in app.roles.values():
        settings = _plain_settings(role, _NOT_SAID)
        yield Part("role", ("role", role.key), (role.label,), settings, role.location, role.was)
    for entity in app.entities.values():
        yield from _walk_entity(entity, app)
    for approval in app.approvals.values():
        yield from _walk_approval(approval)
    for automation in app.automations.values():
        settings = _plain_settings(automation, _NOT_SAID | {"digest"})
        place, label = automation.location, (automation.label,)
        yield Part("automation", ("automation", automation.key), label, settings, place, automation.was)
    for one in counted_parts(app):
        yield Part(one.thing, (one.thing, one.key), (one.label,), one.settings, one.location, one.was)
    for printed in app.prints.values():
        yield Part("print", ("print", printed.key), (printed.label,), _plain_settings(printed, _NOT_SAID))


def _parts(app: CompiledApp | None) -> dict[Path, Part]:
    return {} if app is None else {part.path: part for part in walk(app)}


# ---- taking apart

_NOT_SAID = frozenset({"key", "location", "was", "migrate", "keep", "convert", "otherwise", "became"})
_NOT_OF_APP = _NOT_SAID | {
    "digest",
    "untranslated",
    "rollups",
    "roles",
    "entities",
    "approvals",
    "prints",
    "automations",
    "figures",
    "reports",
    "funnels",
    "dashboards",
}
_NOT_OF_ENTITY = _NOT_SAID | {
    "fields", "shape", "rules", "unique", "duplicates", "access", "scopes", "makes", "books", "workflow",
    "compute_order", "search", "derived", "ownership",
}  # fmt: skip
_NOT_OF_FIELD = _NOT_SAID | {"fields", "compute_order", "options", "retired_options"}
_NOT_OF_STAGE = _NOT_SAID | {"enter", "leave"}


def _walk_entity(entity: Entity, app: CompiledApp) -> Iterator[Part]:
    path, labels = ("entity", entity.key), (entity.label,)
    yield Part("entity", path, labels, _written_settings(entity), entity.location, entity.was)
    for item in entity.fields.values():
        yield from _walk_field(item, path, labels)
    for rule in entity.rules:
        yield Part("rule", (*path, "rule", rule.key), (*labels, rule.message), _plain_settings(rule, _NOT_SAID))
    for unique in entity.unique:
        said = _join(entity, unique.fields)
        yield Part(
            "unique", (*path, "unique", unique.key), (*labels, said), _plain_settings(unique, _NOT_SAID | {"name"})
        )
    for pair in entity.duplicates:
        said = _join(entity, pair.fields)
        yield Part("duplicate", (*path, "duplicate", pair.key), (*labels, said), _plain_settings(pair, _NOT_SAID))
    for key, access in entity.access.items():
        role = app.roles[key].label if key in app.roles else {"zh": key, "en": key}
        yield Part("access", (*path, "access", key), (*labels, role), _plain_settings(access, frozenset({"role"})))
    for key, scope in entity.scopes.items():
        yield Part("scope", (*path, "scope", key), (*labels, _key_label(key)), {"where": scope.text})
    yield from _walk_written(entity, path, labels)
    if entity.ownership is not None:
        yield from _walk_ownership(entity.ownership, path, labels)
    if entity.workflow is not None:
        yield from _walk_workflow(entity.workflow, entity)


def _walk_written(entity: Entity, path: Path, labels: tuple[Label, ...]) -> Iterator[Part]:
    for make in entity.makes.values():
        yield Part("make", (*path, "make", make.key), (*labels, make.label), _plain_settings(make, _NOT_SAID))
    for book in entity.books:
        said = (*labels, _key_label(book.key))
        yield Part("book", (*path, "book", book.key), said, _plain_settings(book, _NOT_SAID))


def _walk_ownership(owned: Ownership, path: Path, labels: tuple[Label, ...]) -> Iterator[Part]:
    inside = (*path, "ownership", "")
    settings = _plain_settings(owned, _NOT_SAID | {"pools", "protect", "claim"}) | _plain_settings(
        owned.claim, _NOT_SAID
    )
    yield Part("ownership", inside, labels, settings, owned.location)
    for pool in owned.pools.values():
        said = (*labels, pool.label)
        yield Part("pool", (*inside, "pool", pool.key), said, _plain_settings(pool, _NOT_SAID), pool.location)
    for rule in owned.protect.values():
        said = (*labels, _key_label(rule.key))
        yield Part(
            "protection", (*inside, "protection", rule.key), said, _plain_settings(rule, _NOT_SAID), rule.location
        )


def _walk_field(item: Field, path: Path, labels: tuple[Label, ...]) -> Iterator[Part]:
    path, labels = (*path, "field", item.key), (*labels, item.label)
    yield Part("field", path, labels, _plain_settings(item, _NOT_OF_FIELD), item.location, item.was)
    former = {new: old for old, new in item.became.items()}
    for key, label in item.options.items():
        settings = {"label": label, "retired": key in item.retired_options}
        yield Part("option", (*path, "option", key), (*labels, label), settings, item.location, former.get(key))
    for column in item.fields.values():
        yield from _walk_field(column, path, labels)


def _walk_workflow(workflow: Workflow, entity: Entity) -> Iterator[Part]:
    path, labels = ("entity", entity.key), (entity.label,)
    yield Part("workflow", (*path, "workflow", ""), labels, {"label": workflow.label, "first": workflow.first})
    for stage in workflow.stages.values():
        inside, said = (*path, "stage", stage.key), (*labels, stage.label)
        yield Part(
            "stage",
            inside,
            said,
            {**_plain_settings(stage, _NOT_OF_STAGE), "locked": _locked(stage, entity)},
            stage.location,
            stage.was,
        )
        for gate, requirements in (("enter", stage.enter), ("leave", stage.leave)):
            for needed in requirements:
                yield Part(
                    gate,
                    (*inside, gate, needed.key),
                    (*said, _requirement_label(needed, entity)),
                    _plain_settings(needed, _NOT_SAID),
                    needed.location,
                )
    for move in workflow.moves.values():
        settings = _plain_settings(move, _NOT_SAID)
        yield Part("move", (*path, "move", move.key), (*labels, move.label), settings, move.location, move.was)


def _walk_approval(approval: Approval) -> Iterator[Part]:
    path, labels = ("approval", approval.key), (approval.label,)
    yield Part("approval", path, labels, _plain_settings(approval, _NOT_SAID | {"steps"}))
    for step in approval.steps.values():
        settings = _plain_settings(step, _NOT_SAID)
        yield Part("step", (*path, "step", step.key), (*labels, step.label), settings, step.location, step.was)


def _locked(stage: Stage, entity: Entity) -> Any:
    """Return what is locked as it was written: a field that comes or goes does not change `all`."""
    return "all" if stage.locked >= entity.fields.keys() else sorted(stage.locked)


def _requirement_label(needed: Requirement, entity: Entity) -> Label:
    if needed.message:
        return needed.message
    if needed.fields:
        return _join(entity, needed.fields)
    if needed.file is not None and needed.file in entity.fields:
        return entity.fields[needed.file].label
    return _key_label(needed.key)


def _join(entity: Entity, keys: tuple[str, ...]) -> Label:
    labels = [entity.fields[key].label if key in entity.fields else _key_label(key) for key in keys]
    return {
        language: separator.join(str(label.get(language) or next(iter(label.values()), "")) for label in labels)
        for language, separator in (("zh", "、"), ("en", ", "))
    }


def _key_label(key: str) -> Label:
    return {"zh": key, "en": key}


# ---- plain data


def _plain_settings(value: Any, left_out: frozenset[str]) -> dict[str, Any]:
    return {item.name: _plain(getattr(value, item.name)) for item in fields(value) if item.name not in left_out}


def _written_settings(entity: Entity) -> dict[str, Any]:
    """Return the settings of an entity, those left out that nobody wrote: they follow from what is said already."""
    found = _plain_settings(entity, _NOT_OF_ENTITY)
    for name in entity.derived:
        whole, _, part = name.partition("/")
        found[whole] = {**found[whole], part: None} if part else None
    return {"calendar_view" if name == "calendar" else name: value for name, value in found.items()}


def _plain(value: Any) -> Any:
    """Return a value without places, functions and resolved names, so that two of them compare by what was written."""
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, FieldType):
        return value.key
    if isinstance(value, Location):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value) if item.name != "location"}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(item) for item in value)
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


# ---- comparing


def _compare_part(
    part: Part, old_parts: Mapping[Path, Part], renamed: Mapping[Path, Part], stayed: Collection[Path]
) -> Iterator[PlanItem]:
    before = old_parts.get(part.path)
    if before is None:
        if _parent(part.path) in old_parts or len(part.path) == 2:
            yield PlanItem("added", "added", part.thing, part.labels, location=part.location)
        return
    if part.path in renamed:
        was = {"was": renamed[part.path].labels[-1], "was_key": part.was or ""}
        yield PlanItem("renamed", "renamed", part.thing, part.labels, params=was, location=part.location)
    changed = [
        Setting(name, before.settings.get(name), value)
        for name, value in part.settings.items()
        if before.settings.get(name) != value and not (name == "label" and part.path in renamed)
    ]
    if part.thing == "entity":
        changed = [setting for setting in changed if not _follows_fields(setting, part.path, stayed)]
    yield from _say_changes(part, changed)


def _stayed(part: Part, before: Part | None) -> bool:
    return before is not None and part.settings.get("retired") == before.settings.get("retired")


def _follows_fields(setting: Setting, path: Path, stayed: Collection[Path]) -> bool:
    """Tell whether a form or list differs only by fields that came, went or were renamed, which is said already."""
    if setting.name not in _LISTS_OF_FIELDS:
        return False
    keys = {one[3] for one in stayed if one[:3] == (*path, "field")}
    return bool(_only(setting.old, keys) == _only(setting.new, keys))


def _only(listed: Any, keys: set[str]) -> Any:
    """Leave out every name that is not among ``keys``, the places of rows, and the sections left empty by that."""
    if isinstance(listed, Mapping):
        left = [key for row in listed["rows"] for key in row if key in keys]
        return {**listed, "rows": left} if left else None
    if isinstance(listed, list):
        kept = [_only(item, keys) for item in listed]
        return [item for item in kept if item]
    return listed if listed in keys else None


def _say_changes(part: Part, changed: list[Setting]) -> Iterator[PlanItem]:
    retired = next((setting for setting in changed if setting.name == "retired"), None)
    if retired is not None:
        code = _RETIRED.get(part.thing, "retired_thing") if retired.new else "restored"
        yield PlanItem("changed", code, part.thing, part.labels, location=part.location)
        changed = [setting for setting in changed if setting.name in ("label", "help")]  # the rest follows from it
    if changed:
        yield PlanItem("changed", "changed", part.thing, part.labels, tuple(changed), location=part.location)


def _follow_renames(
    old_parts: Mapping[Path, Part], new_parts: Mapping[Path, Part]
) -> tuple[dict[Path, Part], dict[Path, Part]]:
    """Return the old parts under their new paths, and the old part of each that was renamed."""
    moved, renamed = dict(old_parts), {}
    for part in new_parts.values():
        if part.was is None or part.path in moved:
            continue
        former = (*part.path[:-1], part.was)
        if former not in moved or former in new_parts:
            continue
        renamed[part.path] = moved[former]
        moved = {_replace_start(path, former, part.path): before for path, before in moved.items()}
    return moved, renamed


def _replace_start(path: Path, former: Path, now: Path) -> Path:
    return now + path[len(former) :] if path[: len(former)] == former else path


def _parent(path: Path) -> Path:
    return path[:-2]


_LISTS_OF_FIELDS = frozenset({"sections", "columns", "filters"})
_RETIRED = {"field": "retired"}
_GONE = {"entity": "entity_removed", "field": "field_removed"}
