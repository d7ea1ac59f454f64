"""From the document of a ``dashboards/<name>.yaml`` to a ``DashboardDefinition``.

Enters: a checked document. Leaves: the definition. Must not resolve names.
"""

from collections.abc import Iterator
from typing import Any, get_args

from engine.definition.model import DashboardDefinition, TileDefinition
from engine.definition.model.reports import TileKind
from engine.definition.problems import problem
from engine.definition.reading import Node, build, read_reference, reads_class
from engine.definition.yaml_reader import Document
from engine.errors import Problem


def parse_dashboard(document: Document) -> DashboardDefinition:
    """Return the dashboard written in ``document``."""
    root = Node(document, (), document.data)
    kind = root.get("dashboard")
    rows = tuple(tuple(_read_tile(tile) for tile in row.elements()) for row in root.get("rows").elements())
    return build(DashboardDefinition, root, key=kind.value, location=kind.location, rows=rows)


def check_dashboard(document: Document) -> Iterator[Problem]:
    """Yield a problem when the file is not named after its dashboard."""
    key = document.data["dashboard"]
    name = document.file.rpartition("/")[2].removesuffix(".yaml")
    if key != name:
        yield problem("D218", document.at_text(("dashboard",)), name, dashboard=key, file=document.file)


def _read_tile(node: Node) -> TileDefinition:
    kind: Any = next(one for one in get_args(TileKind) if one in node.value)
    place = node.document.at_key((*node.path, kind))
    return build(TileDefinition, node, kind=kind, location=place, name=read_reference(node.get(kind)))


reads_class(TileDefinition, _read_tile)
