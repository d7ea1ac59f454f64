"""What a field is, and why it is required, read-only or hidden for whom: each with the place it is written at.

Enters: a compiled app, the sources it was compiled from, the address of a field. Leaves: reasons, a sentence each. Must
not look at a record: a condition is said in words, not answered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine import messages
from engine.compiler.app import Access, CompiledApp, Entity, Expression, Field, Label
from engine.compiler.entities import SCOPES
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import Document, NodePath
from engine.errors import Location, NotFound
from engine.workflow.rule_words import say_expression


@dataclass(frozen=True)
class Reason:
    """One fact about a field; ``code`` names the sentence ``explain.<code>``."""

    code: str
    location: Location | None
    params: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """Return the sentence with its place."""
        said = messages.text(f"explain.{self.code}", language, **self.params)
        return said if self.location is None else f"{said}  {self.location}"


def explain_field(app: CompiledApp, sources: Mapping[str, str], address: str) -> list[Reason]:
    """Return everything that is known about ``quote.margin`` or ``quote.items.cost``; raises ``NotFound``.

    A retired field is nobody's to see or fill in, whatever else is written in it.
    """
    about = _find(app, sources, address)
    if about.field.retired:
        return list(_what_it_is(about))
    return [*_what_it_is(about), *_required(about), *_readonly(about), *_hidden(about), *_roles(about)]


@dataclass(frozen=True)
class _Words:
    """A condition, said when the language is known."""

    app: CompiledApp
    expression: Expression

    def text(self, language: str) -> str:
        return say_expression(self.app, self.expression, language)


@dataclass(frozen=True)
class _About:
    app: CompiledApp
    entity: Entity
    field: Field
    name: str  # "margin", or "items.cost" for a column
    path: NodePath
    document: Document
    workflow: Document | None

    def at(self, *keys: str) -> Location | None:
        """Return where a setting of the field is written, None where it is not."""
        return _at(self.document, (*self.path, *keys))

    def words(self, expression: Expression) -> _Words:
        return _Words(self.app, expression)


def _find(app: CompiledApp, sources: Mapping[str, str], address: str) -> _About:
    key, _, name = address.partition(".")
    entity = app.entities.get(key)
    if entity is None:
        raise NotFound("explain.no_entity", name=key, known=", ".join(app.entities))
    first, _, column = name.partition(".")
    found = entity.fields.get(first)
    if found is not None and column:
        found = found.fields.get(column)
    if found is None:
        known = [*entity.fields, *(f"{one.key}.{below}" for one in entity.line_fields for below in one.fields)]
        raise NotFound("explain.no_field", name=name, entity=entity.label, known=", ".join(known))
    path: NodePath = ("fields", first, "fields", column) if column else ("fields", first)
    folder = SourceFolder(sources)
    documents = parse_documents(folder, "entity", checked=True)
    document = next(one for one in documents if one.data["entity"] == key)
    return _About(app, entity, found, name, path, document, _find_workflow(folder, key))


def _find_workflow(folder: SourceFolder, entity: str) -> Document | None:
    documents = parse_documents(folder, "workflow", checked=True)
    return next((one for one in documents if one.data.get("entity", one.data["workflow"]) == entity), None)


def _at(document: Document, path: NodePath) -> Location | None:
    return document.at_key(path) if path in document.locations else None


# ---- the field itself


def _what_it_is(about: _About) -> Iterator[Reason]:
    item = about.field
    label: Label = item.label
    yield Reason("field_is", item.location, {"name": about.name, "label": label, "entity": about.entity.label})
    target = {"to": about.app.entities[item.to].label} if item.to is not None else {}
    yield Reason("type_link" if target else "type", about.at("type"), {"type": item.type.key, **target})
    if item.options:
        yield Reason("options", about.at("options"), {"options": _Options(item.options)})
    if item.computed is not None:
        yield Reason("computed", about.at("computed"), {"rule": about.words(item.computed)})
    if item.best is not None:
        yield Reason("matched", about.at("best"), {"rule": about.words(item.best.where)})
    if item.fetch:
        yield Reason("fetched", about.at("fetch"), {"source": " / ".join(".".join(one) for one in item.fetch)})
    if item.retired:
        yield Reason("retired", about.at("retired"))


@dataclass(frozen=True)
class _Options:
    options: Mapping[str, Label]

    def text(self, language: str) -> str:
        said = (f"{messages.say(label, language)} ({key})" for key, label in self.options.items())
        return messages.text("explain.and", language).join(said)


def _required(about: _About) -> Iterator[Reason]:
    item = about.field
    if item.required:
        yield Reason("required", about.at("required"))
    if item.required_when is not None:
        yield Reason("required_when", about.at("required_when"), {"rule": about.words(item.required_when)})
    if item.min_rows:
        yield Reason("required_rows", about.at("min_rows"), {"count": item.min_rows})
    workflow = about.entity.workflow
    for stage in workflow.stages.values() if workflow is not None else ():
        for code, needs in (("required_enter", stage.enter), ("required_leave", stage.leave)):
            for need in needs:
                if about.field.key in (*need.fields, need.file) and about.name == about.field.key:
                    yield Reason(code, need.location, {"stage": stage.label})
    if not (item.required or item.required_when or item.min_rows):
        yield Reason("optional", None)


def _readonly(about: _About) -> Iterator[Reason]:
    item = about.field
    if item.computed is not None:
        yield Reason("readonly_computed", about.at("computed"))
    elif item.readonly:
        yield Reason("readonly", about.at("readonly"))
    if item.readonly_when is not None:
        yield Reason("readonly_when", about.at("readonly_when"), {"rule": about.words(item.readonly_when)})
    yield from _locked(about)


def _locked(about: _About) -> Iterator[Reason]:
    """Yield the stages in which the field stays as it is; what nobody types needs no lock."""
    workflow, first = about.entity.workflow, about.name.partition(".")[0]
    if workflow is None or about.field.computed is not None or about.field.readonly:
        return
    for stage in workflow.stages.values():
        if first in stage.locked:
            part = "outcomes" if stage.outcome else "stages"
            written = _at(about.workflow, (part, stage.key, "lock")) if about.workflow is not None else None
            guard = about.app.approvals.get(stage.in_approval or "")
            if written is None and guard is not None:
                yield Reason("guarded", None, {"stage": stage.label, "approval": guard.label})
            else:
                yield Reason("locked", written, {"stage": stage.label})


def _hidden(about: _About) -> Iterator[Reason]:
    if about.field.visible_when is not None:
        rule = about.words(about.field.visible_when)
        yield Reason("visible_when", about.at("visible_when"), {"rule": rule})


# ---- for each role


def _roles(about: _About) -> Iterator[Reason]:
    for key, role in about.app.roles.items():
        access = about.entity.access.get(key)
        if access is None:
            yield Reason("role_no_access", None, {"role": role.label})
            continue
        yield _role(about, access, role.label)


def _role(about: _About, access: Access, label: Label) -> Reason:
    """Return what one role may do with the field; an outer table that is hidden hides its columns."""
    names = (about.name, about.name.partition(".")[0])
    for code, setting, fields in (("role_hidden", "hide", access.hide), ("role_readonly", "readonly", access.readonly)):
        named = next((name for name in names if name in fields), None)
        if named is not None:
            return Reason(code, _at_name(about.document, ("access", access.role, setting), named), {"role": label})
    place = _at(about.document, ("access", access.role))
    writes = (access.write or access.create) and not about.field.readonly and about.field.computed is None
    scope = (access.write or "own") if writes else access.read
    code = "role_writes" if writes else "role_reads" if access.read else "role_nothing"
    return Reason(code, place, {"role": label, "scope": _Scope(scope or "")})


@dataclass(frozen=True)
class _Scope:
    key: str

    def text(self, language: str) -> str:
        known = self.key in SCOPES
        return messages.text(f"explain.scope_{self.key}", language) if known else f"“{self.key}”"


def _at_name(document: Document, path: NodePath, name: str) -> Location | None:
    """Return where a name stands in a list."""
    found: Mapping[str, object] = document.data
    for key in path:
        found = found.get(str(key), {})  # type: ignore[assignment]
    names = list(found)
    return document.at_value((*path, names.index(name))) if name in names else _at(document, path)
