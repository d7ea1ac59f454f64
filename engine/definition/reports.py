"""From the document of a ``reports.yaml`` to a ``ReportsDefinition``.

Enters: a checked document. Leaves: the definition. Must not resolve names.
"""

from engine.definition.model import ReportsDefinition
from engine.definition.model.reports import InputDefinition
from engine.definition.reading import Node, build, read_reference, reads_class
from engine.definition.yaml_reader import Document


def parse_reports(document: Document) -> ReportsDefinition:
    """Return the figures, reports and funnels written in ``document``."""
    root = Node(document, (), document.data)
    kind = root.get("reports")
    entity = read_reference(root.find("entity") or kind)
    return build(ReportsDefinition, root, key=kind.value, location=kind.location, entity=entity)


def _read_input(node: Node) -> InputDefinition:
    """Return a figure that another is made with; a name by itself is a figure divided the same way."""
    if isinstance(node.value, str):
        return InputDefinition(node.key, node.location, read_reference(node))
    return build(InputDefinition, node)


reads_class(InputDefinition, _read_input)
