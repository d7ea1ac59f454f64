"""What every step of the compiler shares: the definition, the shapes, the problems found so far.

Enters: an ``AppDefinition``. Leaves: labels in all languages, checked expressions, and collected problems. Must not
stop at the first mistake: a step that cannot go on returns None and the problem is already noted.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from engine.compiler.app import Expression, Label
from engine.compiler.judged import Judging
from engine.definition.kept import Same
from engine.definition.model import AppDefinition, EntityDefinition, ExpressionText, Reference
from engine.errors import DefinitionError, Location, Problem
from engine.expression import (
    ABOUT_USER,
    Checked,
    ExpressionError,
    ExpressionErrors,
    Kind,
    Shapes,
    Type,
    check,
    compile_python,
    nearest,
    parse,
)
from engine.expression.aggregates import CheckedFigure, check_figure
from engine.expression.certainty import find_certainties
from engine.expression.evaluate import Run
from engine.expression.functions import WRITTEN
from engine.expression.sql_limits import check_sql

T = TypeVar("T")
Judged: TypeAlias = tuple[T, tuple[ExpressionError, ...]]
"""What is right, and what is said against it all the same."""


class Compilation:
    """One run of the compiler."""

    def __init__(self, definition: AppDefinition, shapes: Shapes, *, stored: bool = False) -> None:
        self.definition = definition
        self.judges = not stored
        """Whether what can be compiled but cannot have been meant is refused: not in a release that holds already."""
        self.shapes = shapes
        self._judging = None if stored else Judging()
        self.problems: list[Problem] = []
        self.untranslated: dict[str, dict[str, str]] = {}
        self._used_translations: set[str] = set()
        self._set_aside: set[str] = set()
        self.left_out: set[str] = set()
        """Names that expressions could use, were they not wrong themselves: their use is no second mistake."""
        self._former: tuple[str, Kind] | None = None

    def refuse(self, code: str, location: Location, suggestion: str | None = None, **params: object) -> None:
        """Note a problem."""
        self.problems.append(Problem(code, location, params, suggestion))

    def raise_problems(self) -> None:
        """Raise ``DefinitionError`` with everything noted so far, if anything was."""
        if self.problems:
            raise DefinitionError(self.problems)

    def require(self, reference: Reference, known: Iterable[str], code: str, **params: object) -> str | None:
        """Return the referenced name when it is one of ``known``, else note problem ``code`` and return None.

        Where ``known`` maps to what was written, somebody who wrote the label (经理) is told the key.
        """
        names = list(known)
        if reference.name in names:
            return reference.name
        entity = self.definition.entities.get(str(params.get("entity", "")))
        meant = _by_label(reference.name, known) or (entity and _by_label(reference.name, entity.fields))
        meant = meant if meant in names else nearest(reference.name, names)
        self.refuse(code, reference.location, meant, name=reference.name, **params)
        return None

    def require_all(
        self, references: Iterable[Reference], known: Iterable[str], code: str, **params: object
    ) -> tuple[str, ...]:
        """Return those of ``references`` that are known, noting a problem for each that is not."""
        names = known if isinstance(known, Mapping) else list(known)
        found = (self.require(reference, names, code, **params) for reference in references)
        return tuple(name for name in found if name is not None)

    def require_stored(
        self, references: Iterable[Reference], stored: Iterable[str], entity: EntityDefinition
    ) -> tuple[str, ...]:
        """Return those of ``references`` that are among ``stored``; a line table or a file is no single value."""
        names = list(stored)
        found = []
        for one in references:
            code = "E024" if one.name in entity.fields else "E002"
            found.append(self.require(one, names, code, entity=entity.key))
        return tuple(name for name in found if name is not None)

    def label(self, path: str, written: str | None) -> Label:
        """Return the text at translation ``path`` in every language; ``written`` is the default language's."""
        if not written:
            return {}
        label = {self.definition.language: written}
        for language, texts in self.definition.translations.items():
            translated = texts.get(path) or texts.get(f"{path}.label")
            if translated:
                label[language] = translated
                self._used_translations.update((path, f"{path}.label"))
        for language in self.definition.languages:
            if language not in label:
                self.untranslated.setdefault(language, {})[path] = written
        return label

    def set_aside(self, path: str) -> None:
        """Say that a thing has a mistake and is left out: its translations are not judged on top of that."""
        self._set_aside.add(path)

    def unused_translations(self) -> None:
        """Note a problem for each translation that names nothing in the definitions.

        Those whose place is not given are not judged: they are a template's, of which a site may have removed parts.
        """
        for language, texts in self.definition.translations.items():
            places = self.definition.translation_locations.get(language, {})
            for path in texts.keys() & places.keys() - self._used_translations:
                if not any(f"{path}.".startswith(f"{above}.") for above in self._set_aside):
                    name = path.removesuffix(".label")
                    known = {*self._used_translations, *self.untranslated.get(language, ())}
                    near = nearest(name, sorted({one.removesuffix(".label") for one in known}))
                    self.refuse("L001", places[path], near, name=name)

    def expression(
        self,
        written: ExpressionText | None,
        shape: str,
        expect: Type | None = None,
        let: Mapping[str, Checked] | None = None,
        *,
        sql: bool = False,
        outer: str | None = None,
        line: str | None = None,
    ) -> Expression | None:
        """Parse, check and compile an expression over ``shape``; None when none is written or it is wrong.

        ``sql`` says that the database will be asked too, which not everything that can be written allows;
        ``outer`` is the entity whose record is being edited, which the expression may name as ``record.``; ``line`` the
        line table whose line it may name as ``line.``.
        """
        if written is None or shape not in self.shapes:
            return None
        text, names = written.text, dict(let or {})

        def work(shapes: Shapes) -> Judged[tuple[Checked, Run]]:
            checked = check(parse(text), shapes, shape, let=names, expect=expect, text=text, outer=outer, line=line)
            return (checked, compile_python(checked)), self._doubts((checked,), sql)

        asked = (
            "expression",
            text,
            shape,
            expect,
            outer,
            line,
            sql,
            tuple((key, Same(one)) for key, one in names.items()),
        )
        found = self._judge(written, self.shapes, asked, work)
        return None if found is None else Expression(*found, written.location)

    def counted(
        self, written: ExpressionText | None, shapes: Shapes, shape: str, expect: Type | None = None
    ) -> Checked | None:
        """Check an expression about a row that a figure counts, which the database alone works out; None as above."""
        if written is None:
            return None
        text = written.text

        def work(shapes: Shapes) -> Judged[Checked]:
            checked = check(parse(text), shapes, shape, expect=expect, text=text, counted=True)
            return checked, self._doubts((checked,), True)

        found = self._judge(written, shapes, ("row", text, shape, expect), work)
        self._refuse_users(written, () if found is None else (found,))
        return found

    def figure(
        self,
        written: ExpressionText,
        shapes: Shapes,
        shape: str,
        given: Mapping[str, Type],
        expect: Type | None = None,
    ) -> CheckedFigure | None:
        """Check the value of a figure over rows of ``shape``, ``given`` are names of others."""
        text = written.text

        def work(shapes: Shapes) -> Judged[CheckedFigure]:
            checked = check_figure(text, shapes, shape, given, expect)
            return checked, self._doubts(checked.asked, True)

        found = self._judge(written, shapes, ("figure", text, shape, tuple(given.items()), expect), work)
        self._refuse_users(written, () if found is None else found.asked)
        return found

    def _judge(
        self, written: ExpressionText, shapes: Shapes, asked: Hashable, work: Callable[[Shapes], Judged[T]]
    ) -> T | None:
        """Return what is checked after noting doubts about it; None after noting what is wrong."""
        try:
            found, doubts = work(shapes) if self._judging is None else self._judging.answer(asked, shapes, work)
        except ExpressionError as error:
            self._refuse_expression(written, error)
            return None
        except ExpressionErrors as errors:
            for one in errors.errors:
                self._refuse_expression(written, one)
            return None
        for one in doubts:
            self._refuse_expression(written, one)
        return found

    def _doubts(self, parts: Iterable[Checked], sql: bool) -> tuple[ExpressionError, ...]:
        """Return what speaks against right expressions: nobody can mean them, or the database cannot ask them."""
        return tuple(
            one
            for part in parts
            for one in (*(find_certainties(part) if self.judges else ()), *(check_sql(part) if sql else ()))
        )

    def _refuse_users(self, written: ExpressionText, parts: Iterable[Checked]) -> None:
        """Note expressions of rows that ask who asks: figures are asked on behalf of nobody."""
        for part in parts:
            if not part.context.isdisjoint(ABOUT_USER):
                self.refuse("K001", written.location)

    @contextmanager
    def former_type(self, shape: str, key: str, former: Type | None) -> Iterator[None]:
        """Let expressions read a field as the type it had before; None leaves it as it is."""
        shapes = self.shapes
        if former is not None and shape in shapes:
            fields = {**shapes[shape].fields, key: former}
            self.shapes = {**shapes, shape: replace(shapes[shape], fields=fields)}
            self._former = key, former.kind
        try:
            yield
        finally:
            self.shapes, self._former = shapes, None

    def expressions(
        self, written: Mapping[str, ExpressionText], shape: str, expected: Mapping[str, Type]
    ) -> dict[str, Expression]:
        """Compile a map of expressions, each against the type expected under its key."""
        found = {key: self.expression(text, shape, expected.get(key)) for key, text in written.items()}
        return {key: expression for key, expression in found.items() if expression is not None}

    def _refuse_expression(self, written: ExpressionText, error: Any) -> None:
        if error.code == "unknown_name" and error.params["name"] in self.left_out:
            return
        at = place_within(written.text, written.location, error.offset)
        if self._former is not None and self._former[1] not in WRITTEN and error.params.get("kind") == self._former[1]:
            self.refuse("E077", at, None, name=self._former[0])
            return
        self.refuse("X001", at, None, expression=written.text, error=error)


def place_within(text: str, start: Location, offset: int) -> Location:
    """Return the place of character ``offset`` of an expression that begins at ``start``."""
    before = text[:offset]
    column = start.column + offset if "\n" not in before else offset - before.rfind("\n")
    return Location(start.file, start.line + before.count("\n"), column)


def _by_label(written: str, known: Iterable[str]) -> str | None:
    """Return the key of what is called so, if nothing else is."""
    if not isinstance(known, Mapping):
        return None
    keys = [str(key) for key, thing in known.items() if getattr(thing, "label", None) == written]
    return keys[0] if len(keys) == 1 else None
