"""From the document of a ``workflow.yaml`` to a ``WorkflowDefinition``.

Enters: a checked document. Leaves: the definition, and problems that a schema cannot state. Must not resolve names.
"""

from collections.abc import Iterator
from typing import Any, Final

from engine.definition.model import (
    MoveDefinition,
    Reference,
    RequirementDefinition,
    StageDefinition,
    WhoDefinition,
    WorkflowDefinition,
)
from engine.definition.problems import problem
from engine.definition.reading import Node, build, list_of, read_reference, reads_class
from engine.definition.yaml_reader import Document
from engine.errors import Problem


def parse_workflow(document: Document) -> WorkflowDefinition:
    """Return the workflow written in ``document``; outcomes become stages, and moves when they say where from."""
    root = Node(document, (), document.data)
    kind, entity = root.get("workflow"), root.find("entity")
    outcomes = _entries(root, "outcomes")
    stages = {node.key: build(StageDefinition, node) for node in _entries(root, "stages")}
    moves = {node.key: build(MoveDefinition, node) for node in _entries(root, "moves")}
    made = {node.key: _move_to(node) for node in outcomes if "from" in node.value}
    return build(
        WorkflowDefinition,
        root,
        key=kind.value,
        location=kind.location,
        entity=read_reference(entity or kind),
        stages=stages | {node.key: build(StageDefinition, node, outcome=True) for node in outcomes},
        moves=moves | made,
    )


def check_workflow(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with a workflow beyond the shape of its file."""
    root = Node(document, (), document.data)
    stages = document.data.get("stages", {})
    moves = document.data.get("moves", {})
    for node in _entries(root, "outcomes"):
        if node.key in stages:
            yield problem("D209", node.location, key=node.key)
        if node.key in moves and "from" in node.value:
            yield problem("D210", document.at_key(("moves", node.key)), key=node.key)


def read_who(node: Node) -> WhoDefinition:
    """Return one entry of a ``who:`` list; it is named by the one key that says whom."""
    kind: Any = next(key for key in node.value if key != "up_to")
    name: Any = node.value[kind]
    up_to = node.find("up_to")
    location = node.document.at_text((*node.path, kind))
    if kind == "person":
        return WhoDefinition(name, location)
    return WhoDefinition(kind, location, name, read_reference(up_to) if up_to else None)


_REQUIREMENTS: Final = ("fields", "file", "link", "check")


def _entries(root: Node, key: str) -> list[Node]:
    node = root.find(key)
    return list(node.entries()) if node else []


def _move_to(outcome: Node) -> MoveDefinition:
    return build(MoveDefinition, outcome, to=(Reference(outcome.key, outcome.location),))


def _read_requirement(node: Node) -> RequirementDefinition:
    return build(RequirementDefinition, node, kind=next(kind for kind in _REQUIREMENTS if kind in node.value))


reads_class(WhoDefinition, read_who)
reads_class(RequirementDefinition, _read_requirement)
read_whos = list_of(read_who)
