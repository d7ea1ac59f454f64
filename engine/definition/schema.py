"""The JSON Schema of each kind of file, and what in a document differs from it.

Enters: a document and its kind. Leaves: problems, each with its place and, where one is near, what was meant. Must not
reach beyond ``schemas/``: a reference to anything else is our own mistake.

The schemas in ``schemas/`` are the notation: editors complete and check with the same files. Two libraries read them:
one only says yes, in a hundredth of the time; where it does not, the other decides, and knows what to say
(``schema_differences``).
"""

import json
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Final

import jsonschema_rs

from engine.definition.yaml_reader import Document
from engine.errors import Problem
from engine.places import find_data

OTHERS: Final = ("patch", "lock")
"""Schemas of what is no kind of definition: a site's changes to a template, and which template that is."""


def check_schema(document: Document, kind: str) -> list[Problem]:
    """Return every difference between a document and the schema of its kind, in the order of the file.

    ``kind`` may also be ``lock``, or ``patch`` for what a site's file says about its template.
    """
    if is_plainly_right(document.data, kind):
        return []
    from engine.definition.schema_differences import find_differences

    return find_differences(document, kind)


def is_plainly_right(data: Any, kind: str) -> bool:
    """Tell whether nothing can be wrong; what the quick library does not understand is left to the other one."""
    try:
        return _quick(kind).is_valid(data)
    except (ValueError, RecursionError):
        return False


@cache
def _quick(kind: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        read_schema(kind),
        retriever=lambda address: read_schema(PurePosixPath(address).stem),
        base_uri=f"file:///{kind}.json",
    )


@cache
def read_schema(name: str) -> dict[str, Any]:
    """Return the schema file of a kind, ``common`` or one of ``OTHERS``, as it stands on disk."""
    text = (find_data("schemas") / f"{name}.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
