"""The five ways a request can fail, each carrying what is wrong, where, and what to do.

Enters: a code with parameters (the sentence itself stands in ``engine/messages``). Leaves: exceptions that the web
and the command line map once each. Anything else that is raised is our bug. Must not know HTTP, SQL or YAML.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import messages


@dataclass(frozen=True, order=True)
class Location:
    """A place in a definition file; ``line`` and ``column`` count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Template:
    """Where in a site's template, which is not edited, a mistake is written, and the site's ``file`` to mend it in.

    ``exists`` says whether the site has that file already.
    """

    place: Location
    file: str
    exists: bool


@dataclass(frozen=True)
class Problem:
    """One mistake of an author: ``code`` such as ``W003`` names the sentence ``problem.W003``.

    ``template`` is there when a site's template says it.
    """

    code: str
    location: Location
    params: Mapping[str, object] = field(default_factory=dict)
    suggestion: str | None = None
    template: Template | None = None

    def sentence(self, language: str = messages.DEFAULT_LANGUAGE) -> str:
        """Return the problem in words, with the suggestion if there is one, without its place."""
        said = [messages.text(f"problem.{self.code}", language, **self.params)]
        if self.suggestion is not None:
            said.append(messages.text("problem.suggestion", language, suggestion=self.suggestion))
        if self.template is not None:
            code = "problem.of_template" if self.template.exists else "problem.of_template_new"
            said.append(messages.text(code, language, place=self.template.place, file=self.template.file))
        return " ".join(said)

    def text(self, language: str = messages.DEFAULT_LANGUAGE) -> str:
        """Return ``file:line:column: sentence [code]``."""
        return f"{self.location}: {self.sentence(language)} [{self.code}]"


@dataclass(frozen=True)
class FieldError:
    """One wrong value: ``path`` is ``name``, or ``items.2.qty`` for the third line of a line table."""

    path: str
    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: str = messages.DEFAULT_LANGUAGE) -> str:
        """Return the sentence shown beside the field."""
        return messages.text(self.code, language, **self.params)


@dataclass(frozen=True)
class Missing:
    """One thing still missing before a move: ``fields`` are those that can be filled on the spot.

    ``kind`` is ``fields``, ``file``, ``link``, ``check`` or ``approval``; ``message`` is in the language of whoever
    asked; ``entity`` is what a record must be made of, or the record is to be found in, ``via`` its link field that
    leads here.
    """

    key: str
    kind: str
    message: str
    fields: tuple[str, ...] = ()
    entity: str | None = None
    via: str | None = None


class FormworkError(Exception):
    """Root of the five branches."""


class DefinitionError(FormworkError):
    """An author's mistakes; all of them at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.location, problem.code)))
        super().__init__("\n".join(problem.text("en") for problem in self.problems))


class InvalidValues(FormworkError):
    """Values that cannot be saved (HTTP 422): field errors, or what is missing before a move."""

    def __init__(self, errors: Sequence[FieldError] = (), missing: Sequence[Missing] = ()) -> None:
        self.errors = tuple(errors)
        self.missing = tuple(missing)
        said = [f"{error.path}: {error.text('en')}" for error in self.errors]
        super().__init__("; ".join(said + [item.message for item in self.missing]))


class _Said(FormworkError):
    """A refusal that is one sentence."""

    def __init__(self, code: str, /, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(f"{code} {params}" if params else code)

    def text(self, language: str = messages.DEFAULT_LANGUAGE) -> str:
        """Return the refusal in one sentence."""
        return messages.text(self.code, language, **self.params)


class NotAllowed(_Said):
    """The actor may not do this, whatever the state of the record (HTTP 403)."""


class NotPossibleNow(_Said):
    """The actor may do this, but not in the present state: wrong stage, stale version, already decided (HTTP 409)."""


class NotFound(_Said):
    """There is no such thing for this actor; a foreign record and an absent one answer the same (HTTP 404)."""

    def __init__(self, code: str = "not_found", /, **params: Any) -> None:
        super().__init__(code, **params)
