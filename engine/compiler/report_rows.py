"""What figures count: the shapes of rows, the dimensions that divide them, the fields that are read.

Enters: the definition, the shapes and compiled entities. Leaves: ``Rows`` by the name an author writes (``order``,
``order.items``, ``order.moves``, ``order.changes``) and what an expression reads of which entity. Must not refuse a
dimension nobody asks for: one that its rows cannot have is simply not among theirs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from engine import messages
from engine.compiler.app import Dimension, Entity, Label, Rows, Workflow
from engine.compiler.app.reports import CHANGES, MOVES, SPANS, Part, Read
from engine.compiler.compilation import Compilation
from engine.definition.model import DimensionDefinition
from engine.expression import (
    Checked,
    Collection,
    EntityShape,
    ExpressionError,
    ExpressionErrors,
    Kind,
    Type,
    parse,
    resolved,
)
from engine.expression import check as check_tree
from engine.expression.types import DEPARTMENT_SHAPE, EVERY_SHAPE, MANY, NUMERIC, USER_SHAPE
from engine.expression.walking import walk

_DATED: Final = (Kind.DATE, Kind.DATETIME)
_UNDIVIDED: Final = (MANY - {Kind.CHOICES, Kind.LINKS}) | {
    Kind.PLACE, Kind.JSON, Kind.DURATION, Kind.TIME, Kind.NOTHING
}  # fmt: skip
_OFFERED: Final = (
    Kind.CHOICE, Kind.CHOICES, Kind.BOOLEAN, Kind.LINK, Kind.LINKS, Kind.USER, Kind.DEPARTMENT, *_DATED,
)  # fmt: skip
_PEOPLE: Final = {Kind.USER: "user", Kind.DEPARTMENT: "department"}
_NOT_OFFERED: Final = ("id", "number", "created_by", "updated_by", "updated_at")
_SYSTEM: Final = ("stage", "owner", "team", "created_at", "created_by", "updated_at", "updated_by", "number", "id")


@dataclass
class Sources:
    """The rows of every entity under one set of shapes; those of one name are made once."""

    compilation: Compilation
    entities: Mapping[str, Entity]
    shapes: dict[str, EntityShape] = field(default_factory=dict)
    _named: dict[str, dict[str, DimensionDefinition]] = field(default_factory=dict)
    _labels: dict[tuple[str, str], Label] = field(default_factory=dict)
    _rows: dict[str, Rows] = field(default_factory=dict)
    _dimensions: dict[str, dict[str, Dimension]] = field(default_factory=dict)
    _found: dict[tuple[str, str], Dimension | None] = field(default_factory=dict)
    _tried: dict[tuple[str, str], Checked | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Add to the shapes what only figures can count: stage moves, changes, rows with the fields of their record."""
        self.shapes = dict(self.compilation.shapes)
        for key, entity in self.entities.items():
            self.shapes |= _shapes_of(self.compilation.shapes[key], entity, self.compilation.shapes)
        every = {key: Collection(key, via="id") for key in self.entities}
        self.shapes[EVERY_SHAPE] = EntityShape(EVERY_SHAPE, {}, every)

    def add_dimension(self, entity: str, written: DimensionDefinition, label: Label) -> None:
        """Make a dimension known under its name to all rows of an entity, in place of a field called the same."""
        self._named.setdefault(entity, {})[written.key] = written
        self._found = {known: one for known, one in self._found.items() if known[1] != written.key}
        self._labels[entity, written.key] = label

    def names(self, entity: str) -> list[str]:
        """Return the names of the rows that belong to an entity."""
        compiled = self.entities[entity]
        lines = [f"{entity}.{one.key}" for one in compiled.line_fields]
        moves = [f"{entity}.{MOVES}"] if compiled.workflow is not None else []
        return [entity, *lines, *moves, *([f"{entity}.{CHANGES}"] if CHANGES not in compiled.fields else [])]

    def rows(self, name: str) -> Rows:
        """Return the rows called ``order``, ``order.items``, ``order.moves`` or ``order.changes``, which exist."""
        if name not in self._rows:
            entity, _, part = name.partition(".")
            kind = _part(part)
            lines = part if kind == "lines" else None
            dimensions: dict[str, Dimension] = {}
            made = Rows(f"@{name}" if part else name, entity, kind, dimensions, lines)
            self._rows[name], self._dimensions[made.shape] = made, dimensions
            for key in [*self._named.get(entity, ()), *self._offered(made)]:
                self.need(made, key)
        return self._rows[name]

    def need(self, rows: Rows, key: str) -> Dimension | None:
        """Return a dimension that an author asks for, and keep it with its rows; None when they cannot have it."""
        found = self.dimension(rows, key)
        if found is not None:
            self._dimensions[rows.shape][key] = found
        return found

    def dimension(self, rows: Rows, key: str) -> Dimension | None:
        """Return the dimension ``key`` of some rows: one with a name, else a field, a hop, a date by its span."""
        if (rows.shape, key) not in self._found:
            self._found[rows.shape, key] = self._make(rows, key)
        return self._found[rows.shape, key]

    def _make(self, rows: Rows, key: str) -> Dimension | None:
        named = self._named.get(rows.entity, {}).get(key)
        if named is not None:
            value = self._try(named.value.text, rows.shape)
            return None if value is None else self._plain(rows, key, self._labels[rows.entity, key], value, named)
        path, _, span = key.rpartition(".")
        if span in SPANS and path:
            value = self._try(path, rows.shape)
            if value is not None and value.type.kind in _DATED:
                label = _with_span(self._label(rows, path), span)
                return Dimension(key, label, value, self.reads(value), span=span)
        value = self._try(key, rows.shape) if key.replace(".", "_").isidentifier() else None
        return None if value is None else self._plain(rows, key, self._label(rows, key), value, None)

    def _plain(
        self, rows: Rows, key: str, label: Label, value: Checked, named: DimensionDefinition | None
    ) -> Dimension | None:
        kind, buckets = value.type.kind, named.buckets if named is not None else ()
        if kind in _UNDIVIDED or (buckets and kind not in NUMERIC):
            return None
        if kind in _DATED:
            return Dimension(key, _with_span(label, "month"), value, self.reads(value), span="month")
        if kind in (Kind.CHOICES, Kind.LINKS) and not isinstance(value.tree, resolved.Field):
            return None  # the choices of a linked record are no single value
        target = _PEOPLE.get(kind) or (value.type.entity if kind in (Kind.LINK, Kind.LINKS) else None)
        if key == "id" and rows.whole:  # each record by itself
            target, label = rows.entity, self.entities[rows.entity].label
        made = Dimension(key, label, value, self.reads(value), buckets=buckets, target=target)
        if kind in (Kind.CHOICE, Kind.CHOICES):
            return replace(made, options=self._options(value), many=kind is Kind.CHOICES)
        return replace(made, many=True) if kind is Kind.LINKS else made

    def _try(self, text: str, shape: str) -> Checked | None:
        """Return what may be written as ``text``; a date is asked for once for all its spans."""
        if (text, shape) not in self._tried:
            try:
                found = check_tree(parse(text), self.shapes, shape, text=text, counted=True)
            except (ExpressionError, ExpressionErrors):
                found = None
            self._tried[text, shape] = found
        return self._tried[text, shape]

    def _offered(self, rows: Rows) -> Iterator[str]:
        """Yield what can be divided by without anybody having said so."""
        for key, type_ in self.shapes[rows.shape].fields.items():
            if type_.kind in _DATED and key not in _NOT_OFFERED:
                yield from (f"{key}.{span}" for span in SPANS)
            elif type_.kind in _OFFERED and key not in _NOT_OFFERED:
                yield key

    # ---- what things are called

    def _label(self, rows: Rows, path: str) -> Label:
        """Return what a field is called; over a link, both."""
        first, _, second = path.partition(".")
        own = self._field_label(rows, first)
        if not second:
            return own
        target = self.shapes[rows.shape].fields[first].target or ""
        beyond = self._field_label(Rows(target, target, "records", {}), second)
        return {language: f"{own.get(language, first)} · {said}" for language, said in beyond.items()}

    def _field_label(self, rows: Rows, key: str) -> Label:
        entity = self.entities.get(rows.entity)
        if entity is not None:
            columns = entity.fields[rows.lines].fields if rows.lines else {}
            found = columns.get(key) or (None if key in _OWN.get(rows.part, ()) else entity.fields.get(key))
            if found is not None:
                return found.label
            if key == entity.key:
                return entity.label
        code = f"report.change.{key}" if rows.changes and key in CHANGE else f"report.field.{key}"
        known = key in (*_SYSTEM, *_MOVE, *CHANGE, "login", "department", "key")
        return {one: messages.text(code, one) if known else key for one in messages.LANGUAGES}

    def _options(self, value: Checked) -> Mapping[str, Label]:
        """Return what a choice can be, in order, with what each is called by the fields it is taken from.

        The first field that knows an option names it; one that none knows is called what is written.
        """
        named: dict[str, Label] = {}
        for node in walk(value.tree):
            if isinstance(node, (resolved.Field, resolved.Hop)):
                for option, label in self._choices(node).items():
                    named.setdefault(option, label)
        return {option: named.get(option) or dict.fromkeys(messages.LANGUAGES, option) for option in value.type.options}

    def _choices(self, node: resolved.Field | resolved.Hop) -> Mapping[str, Label]:
        """Return the options of a field with what they are called; none where it is no choice."""
        key, _, part = node.entity.lstrip("@").partition(".")
        entity = self.entities.get(key)
        if entity is None:
            return {}
        if node.name == "stage" or (part == MOVES and node.name in ("from", "to")):
            stages = entity.workflow.stages if entity.workflow is not None else {}
            return {stage.key: stage.label for stage in stages.values()}
        if part == CHANGES and node.name in ("field", "via"):
            return said_of_changes(entity, node.name)
        columns = entity.fields[part].fields if part in entity.fields else {}
        found = columns.get(node.name) or entity.fields.get(node.name)
        return found.options if found is not None else {}

    # ---- what is read

    def reads(self, *values: Checked | None) -> frozenset[Read]:
        """Return every field that expressions read, of whatever entity."""
        return frozenset(read for value in values if value is not None for read in self._reads(value))

    def _reads(self, value: Checked) -> Iterator[Read]:
        for node in walk(value.tree):
            if isinstance(node, (resolved.Field, resolved.Hop, resolved.Above)):
                yield from self._read(node.entity, node.name)
            elif isinstance(node, resolved.Column):
                yield from self._read(node.entity, node.lines)
                yield from self._read(node.row, node.name)
            elif isinstance(node, resolved.Reached):
                yield node.entity.lstrip("@").partition(".")[0], "stage"
            elif isinstance(node, resolved.Fold):
                if node.entity == EVERY_SHAPE:
                    yield node.row, "id"
                elif node.via is None:
                    yield from self._read(node.entity, node.collection)
                else:
                    yield from self._read(node.row, node.via)

    def _read(self, shape: str, name: str) -> Iterator[Read]:
        """Yield which field of which entity a name of a shape is."""
        if shape in (USER_SHAPE, DEPARTMENT_SHAPE):
            return
        key, *parts = shape.lstrip("@").split(".")
        entity, part = self.entities[key], parts[0] if parts else ""
        if part == MOVES and part not in entity.fields:
            if name in _MOVE:
                yield key, _MOVE[name]
                return
        elif part == CHANGES and part not in entity.fields:
            if name in CHANGE:
                yield key, CHANGE[name]
                yield key, f"{CHANGES}.{name}"
                return
        elif part and name in entity.fields[part].fields:
            yield key, f"{part}.{name}"
            return
        if name != key or name in entity.fields:
            yield key, name


_MOVE: Final[Mapping[str, str]] = {
    "record": "id", "from": "stage", "to": "stage", "at": "stage", "until": "stage", "by": "updated_by",
    "owner": "owner", "team": "team",
}  # fmt: skip
"""What a stage move has, and the field of the record whose reader may know it."""
CHANGE: Final[Mapping[str, str]] = {
    "record": "id", "field": "id", "at": "updated_at", "until": "updated_at", "by": "updated_by", "via": "updated_by",
    "filled": "id", "was_filled": "id", "note": "updated_by",
}  # fmt: skip
"""The same of a change of a field; which fields, each reader is told by their own rights."""
_OWN: Final[Mapping[Part, Mapping[str, str]]] = {"moves": _MOVE, "changes": CHANGE}
WAYS: Final = ("web", "api", "cli", "many", "import", "automation", "system")
"""How a change can have come, as the journal writes it."""


def _part(name: str) -> Part:
    if name == MOVES:
        return "moves"
    return "changes" if name == CHANGES else "lines" if name else "records"


def _said(code: str) -> Label:
    return {one: messages.text(code, one) for one in messages.LANGUAGES}


def said_of_changes(entity: Entity, name: str) -> Mapping[str, Label]:
    """Return what each field is called that can be changed, or each way a change can come."""
    if name == "via":
        return {one: _said(f"report.via.{one}") for one in WAYS}
    known = {key: entity.fields[key].label for key in entity.entered_keys if key in entity.fields}
    return {key: known.get(key) or _said(f"report.field.{key}") for key in entity.entered_keys}


def _shapes_of(shape: EntityShape, entity: Entity, shapes: Mapping[str, EntityShape]) -> dict[str, EntityShape]:
    key, back = shape.key, {shape.key: Type(Kind.LINK, entity=shape.key)}
    reached = _reached(entity.workflow) if entity.workflow is not None else {}
    above = {name: type_ for name, type_ in shape.fields.items() if type_.kind not in (Kind.LINES, Kind.FILE)}
    found = {}
    collections = dict(shape.collections)
    for lines in entity.line_fields:
        rows = shapes[f"{key}.{lines.key}"]
        fields = {**above, **back, **rows.fields}
        labels = {**shape.labels, **rows.labels}
        found[f"@{rows.key}"] = EntityShape(f"@{rows.key}", fields, labels=labels, reached=reached)
    if entity.workflow is not None:
        stage = Type(Kind.CHOICE, options=tuple(entity.workflow.stages))
        moment, person = Type(Kind.DATETIME), Type(Kind.USER)
        own_fields = {
            "record": Type(Kind.LINK, entity=key), "from": stage, "to": stage, "at": moment, "until": moment,
            "by": person, "owner": person, "team": Type(Kind.DEPARTMENT),
        }  # fmt: skip
        name = f"{key}.{MOVES}"
        found[name] = EntityShape(name, own_fields)
        fields = {**above, **back, **own_fields}
        found[f"@{name}"] = EntityShape(f"@{name}", fields, labels=shape.labels, reached=reached)
        if MOVES not in shape.fields:
            collections.setdefault(MOVES, Collection(name, via="record"))
    if CHANGES not in shape.fields:
        name, own_fields = f"{key}.{CHANGES}", _change_fields(entity)
        found[name] = EntityShape(name, own_fields)
        fields = {**above, **back, **own_fields}
        found[f"@{name}"] = EntityShape(f"@{name}", fields, labels=shape.labels, reached=reached)
        collections.setdefault(CHANGES, Collection(name, via="record"))
    return {key: replace(shape, reached=reached, collections=collections), **found}


def _change_fields(entity: Entity) -> dict[str, Type]:
    """Return what a change of a field has: of what, when, until when the value stood, by whom, by which way."""
    moment, flag = Type(Kind.DATETIME), Type(Kind.BOOLEAN)
    return {
        "record": Type(Kind.LINK, entity=entity.key), "field": Type(Kind.CHOICE, options=entity.entered_keys),
        "at": moment, "until": moment, "by": Type(Kind.USER), "via": Type(Kind.CHOICE, options=WAYS),
        "filled": flag, "was_filled": flag, "note": Type(Kind.TEXT),
    }  # fmt: skip


def _reached(workflow: Workflow) -> dict[str, tuple[str, ...]]:
    """Return for each stage those in which a record has come as far.

    Stages follow each other as they are written. An outcome counts for the stages up to the first it is reached from:
    who won had a contract, who was lost need not have had an offer.
    """
    order = [stage.key for stage in workflow.stages.values() if not stage.outcome]
    ends: dict[str, int] = {}
    for move in workflow.moves.values():
        starts = [order.index(one) for one in move.from_ if one in order]
        if starts and move.to not in order:
            ends[move.to] = min(ends.get(move.to, len(order)), *starts)
    found = {
        stage: (*order[at:], *(one for one in workflow.stages if ends.get(one, -1) >= at))
        for at, stage in enumerate(order)
    }
    return found | {one: (one,) for one in workflow.stages if one not in order}


def _with_span(label: Label, span: str) -> Label:
    return {language: messages.text(f"report.by_{span}", language, field=said) for language, said in label.items()}
