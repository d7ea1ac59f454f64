"""What starts an automation, with every name resolved.

Enters: the written ``on:`` of a rule, its entity, its workflow. Leaves: a ``Trigger``. Must not let through what could
never start.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Final

from engine.compiler.app import Automation, Expression, Field, Figure, Label, Moment, Schedule, Trigger, Workflow
from engine.compiler.app.automations import NOTHING, CountedFigure, Take
from engine.compiler.compilation import Compilation
from engine.compiler.field_types import find_type
from engine.compiler.people import check_who
from engine.compiler.public_forms import asked_options, compile_form
from engine.compiler.shapes import field_type
from engine.definition.model import (
    EntityDefinition,
    ExpressionText,
    FieldDefinition,
    Reference,
    TakeDefinition,
    TriggerDefinition,
)
from engine.expression import Kind, Type
from engine.expression.types import MAX_PLACES, NUMERIC

_DATED: Final = ("date", "datetime")
_TEXT: Final = Type(Kind.TEXT)
_WRITTEN: Final = {"percent": (Kind.PERCENT, MAX_PLACES), "money": (Kind.MONEY, 2)}
"""As what expressions have a figure: as exact as it is, lest a condition hold of a rounded one; money to the cent."""


def check_hooks(compilation: Compilation, automations: Iterable[Automation]) -> None:
    """Refuse two automations that receive at one address."""
    taken: dict[str, str] = {}
    for one in automations:
        if one.on.hook and taken.setdefault(one.on.hook, one.key) != one.key:
            compilation.refuse("R019", one.location, name=one.on.hook, other=taken[one.on.hook])


def compile_takes(compilation: Compilation, path: str, on: TriggerDefinition) -> dict[str, Take]:
    """Return how each part of what another system sends is read; ``path`` is where the texts of the rule stand."""
    asked = on.form.fields if on.form is not None else {}
    chosen = {key: asked_options(compilation, path, one) for key, one in asked.items()}
    return {key: _take(one, chosen.get(key, {}) if one.type == "text" else {}) for key, one in on.takes.items()}


def compile_counted(
    compilation: Compilation, on: TriggerDefinition, figures: Mapping[str, Figure]
) -> dict[str, CountedFigure]:
    """Return the figures a schedule asks for; only numbers, as their unit says them."""
    found = {}
    for one in on.counted.values():
        key = compilation.require(one.figure, figures, "K010")
        if key is None:
            continue
        if figures[key].value.type.kind not in NUMERIC:
            compilation.refuse("R034", one.location, name=key)
            continue
        kind, places = _WRITTEN.get(figures[key].unit, (Kind.NUMBER, MAX_PLACES))
        found[one.key] = CountedFigure(key, one.period, Type(kind, scale=places))
    return found


def _take(written: TakeDefinition, options: Mapping[str, Label]) -> Take:
    """Return how one part is read; a text that visitors choose among ``options`` is one of these for everybody."""
    type_ = find_type("choice" if options else written.type)
    assert type_ is not None  # noqa: S101 - the schema names types there are
    read = Field(written.key, type_, {}, written.location, scale=type_.scale, options=options)
    return Take(read, written.path or (written.key,))


def type_of(take: Take) -> Type:
    """Return the type of a part in expressions."""
    return Type(take.field.type.kind, scale=take.field.type.scale, options=tuple(take.field.options))


class TriggerCompiler:
    """The trigger of one rule being compiled; ``takes`` is what it reads of what another system sends, ``path`` where
    its texts stand in translations, ``counted`` the figures it asks for."""

    def __init__(
        self,
        compilation: Compilation,
        entity: EntityDefinition,
        workflow: Workflow | None,
        takes: Mapping[str, Take],
        path: str,
        counted: Mapping[str, CountedFigure],
    ) -> None:
        self.compilation = compilation
        self.counted = counted
        self.path = path
        self.entity = entity
        self.workflow = workflow
        self.takes = takes

    def compile(self, on: TriggerDefinition) -> Trigger:
        """Return what starts it; everything wrong is noted."""
        compilation, kind = self.compilation, on.kind
        if kind in ("changed", "file"):
            self._check_fields(on)
        approval = None
        if on.approval is not None:
            own = [key for key, one in compilation.definition.approvals.items() if one.entity.name == self.entity.key]
            approval = compilation.require(on.approval, own, "W004", entity=self.entity.key)
        if kind == "moved":
            self._check_stages(on)
        if on.time is not None and kind not in ("at", "idle"):
            compilation.refuse("R001", on.location)
        if on.from_ and kind not in ("changed", "moved"):
            compilation.refuse("R002", on.location)
        check_who(compilation, on.who, self.entity)
        found_by = self._found_by(on.find)
        return Trigger(
            kind=kind,
            fields=frozenset(one.name for one in on.fields),
            from_=frozenset(one.name for one in on.from_),
            to=frozenset(one.name for one in on.to),
            not_via=frozenset(on.not_via),
            approval=approval,
            moments=tuple(self._moment(one) for one in on.moments),
            time=time.fromisoformat(on.time) if on.time is not None else time(9),
            schedule=_schedule(on.every) if on.every else None,
            once=on.once,
            span=on.span,
            without=self._without(on.without),
            who=on.who,
            hook=on.hook.name if on.hook is not None else "",
            takes=self.takes,
            find=found_by,
            form=compile_form(compilation, self.path, on.form, self.takes, found_by, self.entity),
            counted=self.counted,
        )

    def _found_by(self, written: Mapping[str, ExpressionText]) -> tuple[str, Expression] | None:
        """Return by which of its values the record is found: one that no other record has."""
        if len(written) > 1:
            self.compilation.refuse("R021", list(written.values())[1].location)
        for key, text in written.items():
            fields = self.entity.fields
            known = self.compilation.require(Reference(key, text.location), [*fields, "number"], "E002",
                                             entity=self.entity.key)  # fmt: skip
            unique = fields[key].unique if key in fields else self.entity.number is not None
            if known is not None and not unique:
                self.compilation.refuse("R020", text.location, name=key, entity=self.entity.key)
            expected = field_type(fields[key]) if key in fields else _TEXT
            value = self.compilation.expression(text, NOTHING, expected)
            if value is not None and value.asks_who:
                self.compilation.refuse("R011", value.location)
            return None if known is None or value is None else (key, value)
        return None

    def _check_fields(self, on: TriggerDefinition) -> None:
        fields: Mapping[str, FieldDefinition] = self.entity.fields
        if on.kind == "file":
            fields = {key: one for key, one in fields.items() if one.type.name in ("file", "image")}
        known = [*fields, *(("owner", "stage") if on.kind == "changed" else ())]
        names = self.compilation.require_all(on.fields, known, "E002", entity=self.entity.key)
        values = (*on.from_, *on.to)
        if not values:
            return
        options = _options(self.entity, names)
        if not options:
            self.compilation.refuse("R003", values[0].location)
            return
        for one in values:
            self.compilation.require(one, options, "R004", field=names[0])

    def _check_stages(self, on: TriggerDefinition) -> None:
        stages = self.workflow.stages if self.workflow is not None else {}
        if not stages:
            self.compilation.refuse("R005", on.location, entity=self.entity.key)
            return
        for one in (*on.from_, *on.to):
            self.compilation.require(one, stages, "W001")

    def _moment(self, written: object) -> Moment:
        of = getattr(written, "of")  # noqa: B009
        dated = [key for key, one in self.entity.fields.items() if one.type.name in _DATED]
        named = self.compilation.require(of, [*dated, "created_at"], "W023", entity=self.entity.key) or "created_at"
        return Moment(named, None, getattr(written, "amount"), getattr(written, "before"))  # noqa: B009

    def _without(self, written: Reference | None) -> tuple[str, str] | None:
        if written is None:
            return None
        known = self.compilation.shapes[self.entity.key].collections
        linking = {name: one for name, one in known.items() if one.of_records}
        found = linking.get(self.compilation.require(written, list(linking), "E095", entity=self.entity.key) or "")
        return None if found is None or found.via is None else (found.entity, found.via)


def _options(entity: EntityDefinition, names: Sequence[str]) -> list[str]:
    field = entity.fields.get(names[0]) if len(names) == 1 else None
    return list(field.options) if field is not None else []


def _schedule(written: str) -> Schedule:
    """``working day 08:30``, or ``30 minutes``; the schema has said that it has one of these forms."""
    first, _, last = written.rpartition(" ")
    if last in ("minutes", "hours"):
        return Schedule(minutes=int(first) * (60 if last == "hours" else 1))
    return Schedule(first, time.fromisoformat(last))
