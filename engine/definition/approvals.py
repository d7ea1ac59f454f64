"""From the document of an ``approval.yaml`` to an ``ApprovalDefinition``.

Enters: a checked document and the reusable patterns. Leaves: the definition. Must not resolve names.
"""

from collections.abc import Mapping
from typing import Any

from engine.definition.model import ApprovalDefaults, ApprovalDefinition, StepDefinition, WhoDefinition
from engine.definition.patterns import expand
from engine.definition.reading import Node, build, reads
from engine.definition.workflows import read_whos
from engine.definition.yaml_reader import Document
from engine.errors import Location


def parse_approval(document: Document, patterns: Mapping[str, Document]) -> ApprovalDefinition:
    """Return the approval written in ``document``; ``use:`` takes its steps from the pattern of that name."""
    root = Node(document, (), document.data)
    kind = root.get("approval")
    source = expand(document, patterns) if "use" in document.data else document
    steps = Node(source, ("steps",), source.data["steps"])
    return build(
        ApprovalDefinition,
        root,
        key=kind.value,
        location=kind.location,
        steps={node.key: build(StepDefinition, node) for node in steps.entries()},
        defaults=_read_defaults(root.find("defaults"), kind.location),
    )


def _read_defaults(node: Node | None, location: Location) -> ApprovalDefaults:
    """Nobody found is never a pass: an administrator is asked unless somebody else is named."""
    given: dict[str, Any] = {"empty": (WhoDefinition("role", location, "admin"),)}
    if node is None:
        return ApprovalDefaults(**given)
    if "empty" in node.value:
        given = {}
    return build(ApprovalDefaults, node, **given)


def _read_empty(node: Node) -> Any:
    return read_whos(node.get("assign"))


reads(ApprovalDefaults, "empty", _read_empty)
