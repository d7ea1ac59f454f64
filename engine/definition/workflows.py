"""From the document of a ``workflow.yaml`` to a ``WorkflowDefinition``.

Enters: a checked document. Leaves: the definition, and problems that a schema cannot state. Must not resolve names.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from engine.definition.model import (
    ActionDefinition,
    AfterDefinition,
    MoveDefinition,
    Reference,
    RequirementDefinition,
    StageDefinition,
    TimerDefinition,
    WhoDefinition,
    WorkflowDefinition,
)
from engine.definition.problems import problem
from engine.definition.reading import Node, build, list_of, read_reference, reads, reads_class
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
    kind: Any = next(key for key in node.value if key not in _REFINEMENTS)
    name: Any = node.value[kind]
    up_to, match, from_ = node.find("up_to"), node.find("match"), node.find("from")
    least = node.value.get("min", 1)
    return WhoDefinition(
        name if kind == "person" else kind,
        node.document.at_text((*node.path, kind)),
        "" if kind == "person" else name,
        up_to=read_reference(up_to) if up_to else None,
        levels=node.value.get("levels"),
        match=read_reference(match) if match else None,
        from_=tuple(read_who(one) for one in from_.elements()) if from_ else (),
        min=least,
        max=node.value.get("max", least),
    )


_REFINEMENTS: Final = ("up_to", "levels", "match", "from", "min", "max")
_REQUIREMENTS: Final = ("fields", "file", "link", "check", "approval")
_AFTER: Final = re.compile(r"(?:(\d+)% of due|(?:(\w+) (before|after) )?([a-z]\w*)|(\w+))")


def _entries(root: Node, key: str) -> list[Node]:
    node = root.find(key)
    return list(node.entries()) if node else []


def _move_to(outcome: Node) -> MoveDefinition:
    return build(MoveDefinition, outcome, to=(Reference(outcome.key, outcome.location),))


def _read_requirement(node: Node) -> RequirementDefinition:
    return build(RequirementDefinition, node, kind=next(kind for kind in _REQUIREMENTS if kind in node.value))


def read_after(node: Node) -> AfterDefinition:
    """Return a moment; its schema has said that it has one of these forms."""
    location = node.document.at_text(node.path)
    found = _AFTER.fullmatch(node.value)
    assert found is not None  # noqa: S101 - the schema asked
    share, amount, side, of, alone = found.groups()
    if share is not None:
        return AfterDefinition(location, share=Decimal(share) / 100, of=Reference("due", location))
    named = None if of is None else Reference(of, location)
    return AfterDefinition(location, amount=amount or alone, before=side == "before", of=named)


def _read_action(node: Node) -> ActionDefinition:
    kind: Any = next(iter(node.value))
    location = node.document.at_text((*node.path, kind))
    if kind == "remind":
        return ActionDefinition(kind, location, remind=tuple(node.value[kind]))
    return ActionDefinition(kind, location, name=read_reference(node.get(kind)))


reads_class(WhoDefinition, read_who)
reads_class(ActionDefinition, _read_action)
reads(TimerDefinition, "after", read_after)
reads_class(RequirementDefinition, _read_requirement)
read_whos = list_of(read_who)
