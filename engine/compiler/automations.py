"""From written automations to compiled ones: triggers with every name resolved, steps as a flat program.

Enters: ``AutomationsDefinition``. Leaves: ``Automation``, by its key. Must not let through what could never start, nor
a step nobody can do: a move that asks for a reason, a field nobody may fill in, a wait inside ``for_each``.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from engine.compiler.app import Automation, Do, Expression, Figure, Hole, Template, Workflow
from engine.compiler.app.automations import NOTHING
from engine.compiler.compilation import Compilation, place_within
from engine.compiler.people import check_who
from engine.compiler.row_loops import DONE_FOR_ROWS, check_rest, check_rests, find_gone_through
from engine.compiler.shapes import field_type, kept_by_engine, leads_to
from engine.compiler.triggers import TriggerCompiler, compile_counted, compile_takes, type_of
from engine.definition.model import (
    AutomationDefinition,
    AutomationsDefinition,
    DoDefinition,
    EntityDefinition,
    ExpressionText,
    MakeLinesDefinition,
    Reference,
    WhoDefinition,
)
from engine.errors import Location
from engine.expression import BOOLEAN, EntityShape, Kind, Type
from engine.expression.types import PAYLOAD_SHAPE

_DATED: Final = ("date", "datetime")
_TEXT: Final = Type(Kind.TEXT)
_WITHOUT_RECORD: Final = ("notify", "post", "call", "if", "wait", "create")
_MOST_STEPS: Final = 200


def compile_automations(
    compilation: Compilation,
    written: AutomationsDefinition,
    workflow: Workflow | None,
    figures: Mapping[str, Figure],
) -> Iterator[Automation]:
    """Yield the automations of one file; none when its entity does not exist."""
    key = compilation.require(written.entity, compilation.definition.entities, "E001")
    if written.calendar is not None:
        compilation.require(written.calendar, compilation.definition.calendars, "W022")
    if key is None:
        compilation.set_aside(f"automations.{written.key}")
        return
    entity = compilation.definition.entities[key]
    for rule in written.rules.values():
        yield _Rule(compilation, written, rule, entity, workflow, figures).compile()
    used = {name for rule in written.rules.values() for name in _parts_used(rule.do)}
    for name, steps in written.parts.items():
        if name not in used:
            compilation.refuse("R033", steps[0].location, name=name)


def _parts_used(steps: Iterable[DoDefinition]) -> Iterator[str]:
    for step in steps:
        if step.kind == "use" and step.name is not None:
            yield step.name.name
        yield from _parts_used((*step.do, *step.otherwise))


class _Rule:
    """One automation being compiled."""

    def __init__(
        self,
        compilation: Compilation,
        file: AutomationsDefinition,
        written: AutomationDefinition,
        entity: EntityDefinition,
        workflow: Workflow | None,
        figures: Mapping[str, Figure],
    ) -> None:
        self.compilation = compilation
        self.file = file
        self.written = written
        self.entity = entity
        self.workflow = workflow
        self.path = f"automations.{file.key}.{written.key}"
        received = written.on.kind == "webhook"
        about = written.on.form is not None and written.on.form.about is not None
        self.bare = "R006" if written.on.once else "R018" if received and not written.on.find and not about else None
        """What is said of a step that needs a record, where there is none."""
        self.shape = NOTHING if self.bare else entity.key
        self.keys: set[str] = set()
        self.takes = compile_takes(compilation, self.path, written.on)
        self.counted = compile_counted(compilation, written.on, figures)

    def compile(self) -> Automation:
        """Compile it, with the names that only this one may use."""
        compilation, shapes = self.compilation, self.compilation.shapes
        own = {NOTHING: EntityShape(NOTHING, {key: one.type for key, one in self.counted.items()})}
        if self.takes:
            own[PAYLOAD_SHAPE] = EntityShape(PAYLOAD_SHAPE, {key: type_of(one) for key, one in self.takes.items()})
        compilation.shapes = {**shapes, **own}
        try:
            return self._compile()
        finally:
            compilation.shapes = shapes

    def _compile(self) -> Automation:
        written = self.written
        compiler = TriggerCompiler(self.compilation, self.entity, self.workflow, self.takes, self.path, self.counted)
        trigger = compiler.compile(written.on)
        when = self.compilation.expression(written.when, self.shape, BOOLEAN, sql=trigger.kind in ("every", "idle"))
        self._refuse_asking(when)
        program: list[Do] = []
        self._add(program, written.do, "", self.shape, within=False)
        if len(program) > _MOST_STEPS:
            self.compilation.refuse("R009", written.location, name=written.key, most=_MOST_STEPS)
        digest = hashlib.sha256(repr([_said(step) for step in program]).encode()).hexdigest()[:16]
        return Automation(
            key=f"{self.file.key}.{written.key}",
            label=self.compilation.label(self.path, written.label),
            location=written.location,
            entity=self.shape,
            on=trigger,
            when=when,
            do=tuple(program),
            digest=digest,
            calendar=self.file.calendar.name if self.file.calendar is not None else None,
            was=f"{self.file.key}.{written.was}" if written.was else None,
            retired=written.retired is not None,
        )

    # ---- what is done

    def _add(self, program: list[Do], steps: Sequence[DoDefinition], path: str, shape: str, *, within: bool) -> None:
        """Add steps to a program; ``within`` says that they are done for each of several records."""
        for number, written in enumerate(steps, start=1):
            here = f"{path}{number}"
            if written.kind == "use":
                self._add_part(program, written, here, shape, within=within)
                continue
            if self.bare is not None and written.kind not in _WITHOUT_RECORD:
                self.compilation.refuse(self.bare, written.location, kind=written.kind)
                continue
            if within and written.kind in ("wait", "for_each"):
                self.compilation.refuse("R007", written.location, kind=written.kind)
                continue
            if shape.endswith("#") and written.kind not in DONE_FOR_ROWS:
                self.compilation.refuse("R014", written.location, kind=written.kind)
                continue
            if written.kind in ("if", "assign"):
                self._add_branches(program, written, here, shape, within=within)
            else:
                program.append(self._step(written, here, shape, within=within))

    def _add_part(self, program: list[Do], written: DoDefinition, path: str, shape: str, *, within: bool) -> None:
        """Add the steps of a part in place of its name; a part uses no other, so nothing goes round in circles."""
        assert written.name is not None  # noqa: S101 - the schema asked
        if ".use." in f".{path}.":
            self.compilation.refuse("R032", written.location, name=written.name.name)
            return
        known = self.compilation.require(written.name, self.file.parts, "R031", file=self.file.key)
        if known is not None:
            self._add(program, self.file.parts[known], f"{path}.use.", shape, within=within)

    def _add_branches(self, program: list[Do], written: DoDefinition, path: str, shape: str, *, within: bool) -> None:
        at = len(program)
        program.append(self._step(written, path, shape, within=within))
        self._add(program, written.do, f"{path}.then.", shape, within=within)
        end = len(program)
        if written.otherwise:
            program.append(Do("skip", path, written.location))
            self._add(program, written.otherwise, f"{path}.else.", shape, within=within)
            program[end] = replace(program[end], other=len(program))
        if written.otherwise or written.kind == "if":
            program[at] = replace(program[at], other=end + bool(written.otherwise))

    def _step(self, written: DoDefinition, path: str, shape: str, *, within: bool) -> Do:
        place, at = written.text_location or written.location, self._text_key(written, path)
        made = Do(
            written.kind,
            path,
            written.location,
            name=written.name.name if written.name is not None else "",
            owner=written.owner,
            who=written.who,
            share=written.share,
            at_most=written.at_most,
            title=self._template(f"{self.path}.titles.{at}", written.title, written.location, shape, within=within),
            text=self._template(f"{self.path}.texts.{at}", written.text, place, shape, within=within),
            span=written.span,
            **self._shown(written),
        )
        self._check_people(written, shape)
        return self._finished(made, written, shape, within=within)

    def _text_key(self, written: DoDefinition, path: str) -> str:
        """Return the name of a step's texts in translations: its own, or one by its place."""
        if written.key is None:
            return f"step_{path.replace('.', '_')}"
        if written.key in self.keys:
            self.compilation.refuse("R024", written.location, name=self.written.key, key=written.key)
        self.keys.add(written.key)
        return written.key

    def _shown(self, written: DoDefinition) -> dict[str, Any]:
        """Return what stands below the text of a message: a report, a dashboard, over which time, by whose rights."""
        compilation, definition = self.compilation, self.compilation.definition
        shown = written.report or written.dashboard
        if shown is None:
            return {}
        if written.kind not in ("notify", "post"):
            compilation.refuse("R022", shown.location)
        if written.kind == "post" and not written.eyes:
            compilation.refuse("R023", shown.location, name=shown.name)
        reports = [f"{file.key}.{key}" for file in definition.reports.values() for key in file.layouts]
        known, key = (reports, "report") if written.report is not None else (list(definition.dashboards), "dashboard")
        name = compilation.require(shown, known, "R025") or ""
        return {key: name, "period": written.period, "eyes": written.eyes}

    def _check_people(self, written: DoDefinition, shape: str) -> None:
        entity = self.entity if shape.endswith("#") else _entity(self.compilation, shape)
        if entity is not None:
            check_who(self.compilation, (*written.owner, *written.who, *written.eyes), entity)
            return
        for one in _of_record(written):
            self.compilation.refuse("R008", one.location)

    def _finished(self, made: Do, written: DoDefinition, shape: str, *, within: bool) -> Do:
        """Add to a step what only its kind has."""
        entity, kind = _entity(self.compilation, shape), written.kind
        if kind == "if":
            return replace(made, value=self._expression(written.value, shape, BOOLEAN, within=within))
        if kind == "create":
            return self._creating(made, written, shape, within=within)
        if kind == "for_each":
            return self._each(made, written, shape)
        if kind == "assign":
            counting = self.compilation.expression(written.counting, shape, BOOLEAN, sql=True)
            self._refuse_asking(counting)
            return replace(made, counting=counting)
        if kind == "call":
            sent = {key: self._expression(one, shape, None, within=within) for key, one in written.values.items()}
            lines = {key: self._listed(made, one, shape) for key, one in written.lines.items()}
            return replace(made, values={key: one for key, one in sent.items() if one is not None}, lines=lines)
        if kind in ("mail", "dial"):
            return replace(made, value=self._expression(written.value, shape, _TEXT, within=within))
        if kind == "set" and entity is not None:
            return replace(made, values=self._values(written.values, shape, entity, within=within))
        return replace(made, name=self._move(written, entity)) if kind == "move" and entity is not None else made

    def _creating(self, made: Do, written: DoDefinition, shape: str, *, within: bool) -> Do:
        compilation = self.compilation
        assert written.name is not None  # noqa: S101 - the schema asked
        key = compilation.require(written.name, compilation.definition.entities, "E001")
        if key is None:
            return made
        target = compilation.definition.entities[key]
        source = self.shape if shape.endswith("#") else shape  # a row is made for the record that started it
        links = [name for name, one in target.fields.items() if leads_to(one) == source]
        link = ""
        if written.link is not None:
            link = compilation.require(written.link, links, "E019", entity=key, source=source or "—") or ""
        check_rest(compilation, written, within=within)
        values, rest = (self._values(one, shape, target, within=within) for one in (written.values, written.rest))
        return replace(made, name=key, link=link, values=values, rest=rest)

    def _values(
        self, written: Mapping[str, ExpressionText], shape: str, target: EntityDefinition, *, within: bool
    ) -> dict[str, Expression]:
        found = {}
        for key, text in written.items():
            known = self.compilation.require(Reference(key, text.location), target.fields, "E002", entity=target.key)
            field = target.fields.get(known or "")
            if field is None:
                continue
            if field.computed is not None or (field.readonly and not kept_by_engine(field)):
                self.compilation.refuse("E066", text.location, name=key, entity=target.key)
            value = self._expression(text, shape, field_type(field), within=within)
            if value is not None:
                found[key] = value
        return found

    def _move(self, written: DoDefinition, entity: EntityDefinition) -> str:
        assert written.name is not None  # noqa: S101 - the schema asked
        workflows = self.compilation.definition.workflows.values()
        own = self.workflow if entity.key == self.entity.key else None
        known = own or next((one for one in workflows if one.entity.name == entity.key), None)
        free = [key for key, move in known.moves.items() if move.reason != "required"] if known else []
        return self.compilation.require(written.name, free, "R010", entity=entity.key) or ""

    def _each(self, made: Do, written: DoDefinition, shape: str) -> Do:
        assert written.name is not None  # noqa: S101 - the schema asked
        found = find_gone_through(self.compilation, written.name, shape)
        if found is None:
            return made
        inner, rows = found
        program: list[Do] = []
        self._add(program, written.do, f"{made.path}.", inner, within=True)
        check_rests(self.compilation, made, program)
        where = self._expression(written.where, inner, BOOLEAN, within=True)
        return replace(made, name=written.name.name, where=where, rows=rows, do=tuple(program))

    def _listed(self, made: Do, written: MakeLinesDefinition, shape: str) -> Do:
        """Compile a list of what is sent: an entry for each row or record."""
        listed = Do("for_each", made.path, written.location)
        found = find_gone_through(self.compilation, written.rows, shape)
        if found is None:
            return listed
        inner, rows = found
        where = self._expression(written.where, inner, BOOLEAN, within=True)
        values = {key: self._expression(one, inner, None, within=True) for key, one in written.set.items()}
        sent = {key: one for key, one in values.items() if one is not None}
        return replace(listed, name=written.rows.name, where=where, rows=rows, values=sent)

    # ---- expressions

    def _expression(
        self, written: ExpressionText | None, shape: str, expect: Type | None, *, within: bool
    ) -> Expression | None:
        found = self.compilation.expression(written, shape, expect, outer=self.shape if within else None)
        self._refuse_asking(found)
        return found

    def _refuse_asking(self, found: Expression | None) -> None:
        """Nobody acts when something happens by itself."""
        if found is not None and found.asks_who:
            self.compilation.refuse("R011", found.location)

    def _template(self, path: str, text: str | None, location: Location, shape: str, *, within: bool) -> Template:
        label = self.compilation.label(path, text)
        return {
            language: tuple(self._parts(said, location if said == text else None, shape, within=within))
            for language, said in label.items()
        }

    def _parts(self, text: str, location: Location | None, shape: str, *, within: bool) -> Iterator[str | Hole]:
        """Yield the parts of a text; a translation has no place of its own here, so the text's own is told."""
        rest, offset = text, 0
        place = location or self.written.location
        while "{" in rest:
            before, _, tail = rest.partition("{")
            inside, closed, after = tail.partition("}")
            at = place_within(text, place, offset + len(before) + 1) if location is not None else place
            if not closed or not inside.strip():
                self.compilation.refuse("R012", at, text=rest[: len(before) + 20])
                return
            if before:
                yield before
            value = self._expression(ExpressionText(inside, at), shape, None, within=within)
            if value is not None and value.checked.type.kind in _UNSAID:
                self.compilation.refuse("R013", at, expression=inside)
            elif value is not None:
                counted = self.counted.get(inside.strip())
                yield Hole(value, self._field_of(inside.strip(), shape), counted.figure if counted else None)
            offset += len(rest) - len(after)
            rest = after
        if rest:
            yield rest

    def _field_of(self, path: str, shape: str) -> tuple[str, str] | None:
        """Return the field that a value is written like: an option by its label, an amount with its currency."""
        first, _, second = path.partition(".")
        entity = _entity(self.compilation, shape)
        field = entity.fields.get(first) if entity is not None else None
        if entity is None or field is None or not second:
            return None if field is None or entity is None else (entity.key, first)
        target = _entity(self.compilation, field.to.name) if field.to is not None else None
        return None if target is None or second not in target.fields else (target.key, second)


def _entity(compilation: Compilation, key: str) -> EntityDefinition | None:
    """Return the written entity under ``key``; None for the shape of nothing."""
    return compilation.definition.entities.get(key)


def _of_record(written: DoDefinition) -> Iterator[WhoDefinition]:
    """Yield whom only a record names."""
    yield from (
        one
        for one in (*written.owner, *written.who, *written.eyes)
        if one.kind not in ("role", "group", "user", "department")
    )


def _said(step: Do) -> object:
    """Return what a step does, so that two programs can be compared."""
    values = [{key: one.text for key, one in given.items()} for given in (step.values, step.rest)]
    texts = [one.text if one is not None else "" for one in (step.value, step.where, step.counting)]
    named = (step.name, step.link, step.report, step.dashboard, step.span, step.other)
    lines = [(key, _said(one)) for key, one in step.lines.items()]
    return step.kind, *named, step.rows, values, lines, texts, [_said(one) for one in step.do]


_UNSAID: Final = frozenset(
    {Kind.CHOICES, Kind.TAGS, Kind.USERS, Kind.LINKS, Kind.FILE, Kind.LINES, Kind.PLACE, Kind.JSON, Kind.NOTHING}
) | {Kind.WORKING_TIME}
