"""What stands in an ``examples/*.yaml``: what is given, what is done, what is expected.

Enters: a document that has the shape of its schema. Leaves: ``ExampleFile``, and what is wrong with names that this
file alone can judge. Must not know the app: names of things, fields and people are judged by playing the example.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.definition.problems import problem, unknown
from engine.definition.yaml_reader import Document, NodePath
from engine.errors import Location, Problem

APPROVING: Final = (
    "approve", "refuse", "return", "complete", "withdraw", "transfer", "consult", "answer", "add_before", "add_after",
    "remove", "claim", "retract", "revoke", "terminate", "urge", "cc", "comment",
)  # fmt: skip
"""What is done with the approval of a record, whose ref is the value."""
POOLING: Final = ("take", "release", "assign", "keep")
"""What is done with a record and its pool; the ref is the value."""
BESIDE: Final = ("delegate", "disable", "enable", "receive", "wait")
"""What is done with no record of the example."""
ACTIONS: Final = ("create", "find", "change", "delete", "merge", "make", "move", *APPROVING, *POOLING, *BESIDE)
TARGETS: Final = ("change", "delete", "merge", "other", "from", "of", *APPROVING, *POOLING)
"""The keys of a step that name a record by its ref."""


@dataclass(frozen=True)
class StepDefinition:
    """One thing somebody does, as written; ``location`` is its beginning."""

    written: Mapping[str, Any]
    location: Location

    @property
    def action(self) -> str:
        """Which of the things that can be done this is."""
        return next(action for action in ACTIONS if action in self.written)


@dataclass(frozen=True)
class ExampleDefinition:
    """One example. ``expect`` is what is written there; ``expected_at`` says where each part of it stands, each field
    of ``values`` under ``values.<field>``."""

    key: str
    location: Location
    example: str  # the rule in one sentence
    actor: str  # as: a login
    given: tuple[StepDefinition, ...]
    do: tuple[StepDefinition, ...]
    about: str | None
    expect: Mapping[str, Any]
    expected_at: Mapping[str, Location]


@dataclass(frozen=True)
class ExampleFile:
    """The examples of one file; ``departments`` and ``users`` are empty when those of the demo take part."""

    file: str
    location: Location
    departments: Mapping[str, Any]
    users: Mapping[str, Any]
    given: tuple[StepDefinition, ...]
    examples: tuple[ExampleDefinition, ...]


def parse_examples(document: Document) -> ExampleFile:
    """Return the examples of a document."""
    people = document.data.get("people", {})
    return ExampleFile(
        document.file,
        document.at_value(()),
        people.get("departments", {}),
        people.get("users", {}),
        _steps(document, (), "given"),
        tuple(_parse_example(document, key) for key in document.data["examples"]),
    )


def check_examples(document: Document) -> list[Problem]:
    """Return what is wrong with the refs of a document, and the steps that do not say who takes them."""
    file = parse_examples(document)
    problems = [
        problem("D217", step.location, None, key="given", step=step.action)
        for step in file.given
        if "as" not in step.written
    ]
    known: list[str] = []
    problems += _check_refs(file.given, known)
    for example in file.examples:
        own = list(known)
        problems += _check_refs((*example.given, *example.do), own)
        if example.about is not None and example.about not in own:
            place = document.at_value(("examples", example.key, "about"))
            problems.append(unknown("D216", place, example.about, own, ref=example.about))
    return problems


def _check_refs(steps: tuple[StepDefinition, ...], known: list[str]) -> Iterator[Problem]:
    """Yield a problem for each ref that is used before it is given; the refs given here are added to ``known``."""
    for step in steps:
        for key in TARGETS:
            ref = step.written.get(key)
            if ref is not None and ref not in known:
                yield unknown("D216", step.location, ref, known, ref=ref)
        if "ref" in step.written:
            known.append(step.written["ref"])


def _parse_example(document: Document, key: str) -> ExampleDefinition:
    path: NodePath = ("examples", key)
    written = document.data["examples"][key]
    expect = written["expect"]
    places = {name: document.at_value((*path, "expect", name)) for name in expect}
    for part in ("values", "figures", "rows", "grey", "funnels", "announced", "cumulated"):
        for name in expect.get(part, ()):
            places[f"{part}.{name}"] = document.at_value((*path, "expect", part, name))
    return ExampleDefinition(
        key,
        document.at_key(path),
        written["example"],
        written["as"],
        _steps(document, path, "given"),
        _steps(document, path, "do"),
        written.get("about"),
        expect,
        places,
    )


def _steps(document: Document, path: NodePath, key: str) -> tuple[StepDefinition, ...]:
    found: Any = document.data
    for part in path:
        found = found[part]
    return tuple(
        StepDefinition(step, document.at_value((*path, key, index))) for index, step in enumerate(found.get(key, ()))
    )
