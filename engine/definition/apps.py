"""From the documents of ``app.yaml`` and ``print.yaml`` to their definitions.

Enters: a checked document. Leaves: the definition, with what an author may leave out filled in. Must not resolve names.
"""

from collections.abc import Iterable
from typing import Any, Final

from engine.definition.model import AppDefinition, CalendarDefinition, PrintDefinition
from engine.definition.reading import Node, build, read_expression, read_text, reads
from engine.definition.yaml_reader import Document

DEFAULTS: Final = {"language": "zh", "timezone": "Asia/Shanghai", "currency": "CNY", "menu": ()}


def parse_settings(document: Document, locales: Iterable[str], /, **parts: Any) -> AppDefinition:
    """Return the app of ``app.yaml`` with the ``parts`` that other files define; ``locales`` are their languages."""
    root = Node(document, (), document.data)
    kind = root.get("app")
    absent: dict[str, Any] = {key: value for key, value in DEFAULTS.items() if key not in document.data}
    if "languages" not in document.data:
        absent["languages"] = tuple(dict.fromkeys((document.data.get("language", DEFAULTS["language"]), *locales)))
    if "calendar" not in document.data:
        absent["calendar"] = CalendarDefinition(kind.location)
    return build(AppDefinition, root, key=kind.value, location=kind.location, **absent, **parts)


def parse_print(document: Document) -> PrintDefinition:
    """Return the printed page written in ``document``."""
    root = Node(document, (), document.data)
    kind, mark = root.get("print"), root.find("watermark")
    when = read_expression(mark.get("when")) if mark and "when" in mark.value else None
    return build(PrintDefinition, root, key=kind.value, location=kind.location, watermark_when=when)


def _read_watermark(node: Node) -> str:
    return read_text(node.get("text"))


reads(PrintDefinition, "watermark", _read_watermark)
