"""The examples of a folder, with the people who take part in them.

Enters: a folder. Leaves: its example files. Must not play anything.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.definition.examples import ExampleFile, parse_examples
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder

__all__ = ["ExampleFile", "read_examples"]


def read_examples(folder: SourceFolder) -> list[ExampleFile]:
    """Return the example files in the order of their paths; who says nothing of people has those of ``demo/``.

    Raises ``DefinitionError`` with the problems of these files.
    """
    departments, users = _merged(folder, "departments"), _merged(folder, "users")
    files = [parse_examples(document) for document in parse_documents(folder, "example")]
    return [file if file.users else replace(file, departments=departments, users=users) for file in files]


def _merged(folder: SourceFolder, key: str) -> dict[str, Mapping[str, Any]]:
    documents = parse_documents(folder, "demo")
    return {name: one for document in documents for name, one in document.data.get(key, {}).items()}
