"""What every step of the compiler shares: the definition, the shapes, the problems found so far.

Enters: an ``AppDefinition``. Leaves: labels in all languages, checked expressions, and collected problems. Must not
stop at the first mistake: a step that cannot go on returns None and the problem is already noted.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.compiler.app import Expression, Label
from engine.definition.model import AppDefinition, EntityDefinition, ExpressionText, Reference
from engine.errors import Location, Problem
from engine.expression import (
    Checked,
    ExpressionError,
    ExpressionErrors,
    Shapes,
    Type,
    check,
    compile_python,
    nearest,
    parse,
)
from engine.expression.sql import check_sql


class Compilation:
    """One run of the compiler."""

    def __init__(self, definition: AppDefinition, shapes: Shapes) -> None:
        self.definition = definition
        self.shapes = shapes
        self.problems: list[Problem] = []
        self._used_translations: set[str] = set()

    def refuse(self, code: str, location: Location, suggestion: str | None = None, **params: object) -> None:
        """Note a problem."""
        self.problems.append(Problem(code, location, params, suggestion))

    def require(self, reference: Reference, known: Iterable[str], code: str, **params: object) -> str | None:
        """Return the referenced name when it is one of ``known``, else note problem ``code`` and return None."""
        names = list(known)
        if reference.name in names:
            return reference.name
        self.refuse(code, reference.location, nearest(reference.name, names), name=reference.name, **params)
        return None

    def require_all(
        self, references: Iterable[Reference], known: Iterable[str], code: str, **params: object
    ) -> tuple[str, ...]:
        """Return those of ``references`` that are known, noting a problem for each that is not."""
        names = list(known)
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
        return label

    def unused_translations(self) -> None:
        """Note a problem for each translation that names nothing in the definitions."""
        for language, texts in self.definition.translations.items():
            places = self.definition.translation_locations.get(language, {})
            for path in texts:
                if path not in self._used_translations:
                    location = places.get(path, self.definition.location)
                    known = [name.removesuffix(".label") for name in self._used_translations]
                    self.refuse("L001", location, nearest(path, known), name=path)

    def expression(
        self,
        written: ExpressionText | None,
        shape: str,
        expect: Type | None = None,
        let: Mapping[str, Checked] | None = None,
        *,
        sql: bool = False,
    ) -> Expression | None:
        """Parse, check and compile an expression over ``shape``; None when none is written or it is wrong.

        ``sql`` says that the database will be asked too, which not everything that can be written allows.
        """
        if written is None or shape not in self.shapes:
            return None
        try:
            checked = check(parse(written.text), self.shapes, shape, let=let or {}, expect=expect, text=written.text)
        except ExpressionError as error:
            self._refuse_expression(written, error)
        except ExpressionErrors as errors:
            for one in errors.errors:
                self._refuse_expression(written, one)
        else:
            for one in check_sql(checked) if sql else ():
                self._refuse_expression(written, one)
            return Expression(checked, compile_python(checked), written.location)
        return None

    def expressions(
        self, written: Mapping[str, ExpressionText], shape: str, expected: Mapping[str, Type]
    ) -> dict[str, Expression]:
        """Compile a map of expressions, each against the type expected under its key."""
        found = {key: self.expression(text, shape, expected.get(key)) for key, text in written.items()}
        return {key: expression for key, expression in found.items() if expression is not None}

    def _refuse_expression(self, written: ExpressionText, error: Any) -> None:
        at = written.location
        before = written.text[: error.offset]
        line = at.line + before.count("\n")
        column = at.column + error.offset if "\n" not in before else error.offset - before.rfind("\n")
        self.refuse("X001", Location(at.file, line, column), None, expression=written.text, error=error)
