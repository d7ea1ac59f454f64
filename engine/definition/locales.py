"""From the document of a ``locales/<language>.yaml`` to one flat map of texts.

Enters: a checked document, whose nested maps mirror the definitions. Leaves: ``{"entities.quote.fields.total.label":
"Total", ...}`` and the place of each text. Must not know which names exist: the compiler does.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.definition.problems import problem
from engine.definition.reading import Node
from engine.definition.yaml_reader import Document, NodePath, Place
from engine.errors import Location, Problem


def parse_locale(document: Document) -> tuple[Mapping[str, str], Mapping[str, Location]]:
    """Return the texts by dotted path, and the place each was written at."""
    root = Node(document, (), document.data)
    texts: dict[str, str] = {}
    places: dict[str, Location] = {}
    for leaf in _leaves(root):
        path = _dotted(leaf.path)
        texts[path], places[path] = str(leaf.value), leaf.location
    return texts, places


def check_locale(document: Document) -> Iterator[Problem]:
    """Yield a problem when the file is not named after its language."""
    language = document.data["locale"]
    file = document.file.rpartition("/")[2].removesuffix(".yaml")
    if language != file:
        yield problem("D202", document.at_text(("locale",)), file, locale=language, file=document.file)


def _leaves(node: Node) -> Iterator[Node]:
    if node.path == ("locale",):
        return
    if isinstance(node.value, dict | list):
        for child in node.entries() if isinstance(node.value, dict) else node.elements():
            yield from _leaves(child)
    else:
        yield node


def _dotted(path: NodePath) -> str:
    """Return the path with dots; ``total: Total`` under ``fields`` is the label of that field."""
    return ".".join(map(str, (*path, "label") if _is_short_field(path) else path))


def _is_short_field(path: NodePath) -> bool:
    return path[0] == "entities" and len(path) in (4, 6) and path[len(path) - 2] == "fields"


def spell_out(document: Document) -> Document:
    """Return the document with ``total: Total`` under ``fields`` written as ``total: {label: Total}``.

    A site that translates only the name of a field must not take the rest of its texts away.
    """
    entities = document.data.get("entities") if isinstance(document.data, dict) else None
    if not isinstance(entities, dict):
        return document
    places = dict(document.locations)
    data = {key: _spell_fields(value, ("entities", key), places) for key, value in entities.items()}
    return Document(document.file, {**document.data, "entities": data}, places)


def _spell_fields(holder: Any, path: NodePath, places: dict[NodePath, Place]) -> Any:
    found = holder.get("fields") if isinstance(holder, dict) else None
    if not isinstance(found, dict):
        return holder
    spelt = {}
    for key, value in found.items():
        inner = (*path, "fields", key)
        if isinstance(value, str):
            places[(*inner, "label")] = places[inner]
            spelt[key] = {"label": value}
        else:
            spelt[key] = _spell_fields(value, inner, places)
    return {**holder, "fields": spelt}
