"""A folder as it is meant: the site laid over its template, patterns written out, nothing left to look up elsewhere.

Enters: a ``SourceFolder``. Leaves: one document for each thing, and their texts. Must not change what they say: the
expanded folder compiles to the same app.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from engine.definition.defaults import write_defaults
from engine.definition.documents import identify, own_path, read_documents
from engine.definition.kinds import Kind, find_kind
from engine.definition.patterns import expand
from engine.definition.schema import read_schema
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import Document, NodePath
from engine.definition.yaml_writer import write_yaml
from engine.errors import DefinitionError

_HEAD: Final = "# yaml-language-server: $schema={up}schemas/{kind}.json\n"


def expand_folder(folder: SourceFolder, *, defaults: bool = False) -> dict[str, Document]:
    """Return the document of each thing by the path it has in a folder of its own.

    ``defaults`` writes out what a file leaves to the language.

    Raises ``DefinitionError`` with the problems of the shape of all files.
    """
    documents, problems = read_documents(folder)
    if problems:
        raise DefinitionError(problems)
    patterns = {document.data["pattern"]: document for document in documents["pattern"]}
    found: dict[str, Document] = {}
    for kind in (kind for kind in documents if kind != "pattern"):
        for document in documents[kind]:
            path = own_path(document.file)
            free = path if path not in found else f"{identify(kind, document)[1]}/{kind}.yaml"
            whole = _write_out(document, patterns)
            data = write_defaults(kind, whole.data) if defaults else whole.data
            found[free] = replace(whole, data=_in_order(kind, data))
    return dict(sorted(found.items()))


def write_document(path: str, document: Document, *, origins: bool = False) -> str:
    """Return the text of an expanded document; ``origins`` says behind each value where it was written."""
    kind, up = find_kind(path), "../" * path.count("/") or "./"

    def origin(at: NodePath) -> str:
        return "{0.file}:{0.line}".format(document.at_key(at)) if at in document.locations else ""

    return _HEAD.format(up=up, kind=kind) + write_yaml(document.data, origin if origins else None)


def _write_out(document: Document, patterns: Mapping[str, Document]) -> Document:
    """Put the steps of a pattern in the place of its name."""
    if not isinstance(document.data.get("use"), str) or document.data["use"] not in patterns:
        return document
    pattern = expand(document, patterns)
    rest = {key: value for key, value in document.data.items() if key not in ("use", "with")}
    places = {
        path: place if place.file else place._replace(file=pattern.file)
        for path, place in pattern.locations.items()
        if path[:1] == ("steps",)
    }
    return Document(document.file, {**rest, "steps": pattern.data["steps"]}, {**document.locations, **places})


def _in_order(kind: Kind, data: Mapping[str, Any]) -> dict[str, Any]:
    """Put the keys of a file in the order of its schema."""
    return {key: data[key] for key in read_schema(kind).get("properties", {}) if key in data}
