"""What in a document differs from the schema of its kind, as problems in words.

Enters: a document of which nobody knows that it is right. Leaves: problems, each with its place. Must not be loaded for
a document that is: the library behind it takes time to load and a hundred times as long to ask.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry

from engine.definition.problems import PROBLEMS_PER_FILE, problem
from engine.definition.resolved_schemas import resolved_schema
from engine.definition.schema_words import Found, tell, without_echoes
from engine.definition.yaml_reader import Document
from engine.errors import Problem


def find_differences(document: Document, kind: str) -> list[Problem]:
    """Return what ``check_schema`` returns, whether or not there is anything."""
    errors = _validator(kind).iter_errors(document.data)
    told = _distinct(item for error in errors for item in tell(document, error))
    found = list(islice(told, PROBLEMS_PER_FILE))
    problems = sorted(without_echoes(found), key=lambda item: (item.location, item.code))
    if next(told, None) is not None:
        problems.append(problem("D030", problems[-1].location))
    return problems


def _distinct(found: Iterable[Found]) -> Iterator[Found]:
    seen: set[object] = set()
    for item in found:
        if item.identity not in seen:
            seen.add(item.identity)
            yield item


def _unique_items(validator: Validator, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Only texts and numbers are compared; comparing a long list of maps pair by pair would take minutes."""
    plain = [item for item in instance if not isinstance(item, dict | list)] if isinstance(instance, list) else []
    if wanted and len(set(plain)) < len(plain):
        yield ValidationError("")


def _if(validator: Any, condition: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Twenty conditions by type stand at each field; to ask them the library's way took a third of a check.

    The schemas have only these two: some keys are there, and a key has one value. ``test_schema`` holds them to it.
    """
    if not isinstance(instance, dict) or not all(key in instance for key in condition["required"]):
        return
    if all(instance[key] == rule["const"] for key, rule in condition.get("properties", {}).items()):
        yield from validator.descend(instance, schema["then"], schema_path="then")


_Checker: Any = extend(Draft202012Validator, {"uniqueItems": _unique_items, "if": _if})  # type: ignore[no-untyped-call]


@cache
def _validator(kind: str) -> Validator:
    checker: Validator = _Checker(resolved_schema(kind), registry=Registry())
    return checker
