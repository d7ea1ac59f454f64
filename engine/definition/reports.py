"""From the document of a ``reports.yaml`` to a ``ReportsDefinition``.

Enters: a checked document. Leaves: the definition. Must not resolve names.
"""

from engine.definition.model import ReportsDefinition
from engine.definition.reading import Node, build, read_reference
from engine.definition.yaml_reader import Document


def parse_reports(document: Document) -> ReportsDefinition:
    """Return the figures, reports and funnels written in ``document``."""
    root = Node(document, (), document.data)
    kind = root.get("reports")
    entity = read_reference(root.find("entity") or kind)
    return build(ReportsDefinition, root, key=kind.value, location=kind.location, entity=entity)
