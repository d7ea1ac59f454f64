"""From the documents of ``app.yaml`` and ``print.yaml`` to their definitions.

Enters: a checked document. Leaves: the definition, with what an author may leave out filled in. Must not resolve names.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.definition.model import AppDefinition, CalendarDefinition, PrintDefinition
from engine.definition.problems import problem
from engine.definition.reading import Node, build, read_expression, read_text, reads
from engine.definition.yaml_reader import Document
from engine.errors import Problem

DEFAULTS: Final = {
    "language": "zh",
    "timezone": "Asia/Shanghai",
    "currency": "CNY",
    "ask_export_above": 500,
    "menu": (),
}


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


def check_settings(document: Document, locales: Iterable[Document]) -> Iterator[Problem]:
    """Yield what is wrong with the settings of an app beyond the shape of its file."""
    yield from _check_hours(document)
    yield from _check_timezone(document)
    language = document.data.get("language", DEFAULTS["language"])
    spoken = document.data.get("languages")
    if spoken is not None and language not in spoken:
        yield problem("D215", document.at_value(("languages",)), locale=language)
    for locale in locales:
        yield from _check_language(locale, language, spoken)


def parse_print(document: Document) -> PrintDefinition:
    """Return the printed page written in ``document``."""
    root = Node(document, (), document.data)
    kind, mark = root.get("print"), root.find("watermark")
    when = read_expression(mark.get("when")) if mark and "when" in mark.value else None
    return build(PrintDefinition, root, key=kind.value, location=kind.location, watermark_when=when)


def _check_hours(document: Document) -> Iterator[Problem]:
    end = ""
    for index, hours in enumerate(document.data.get("calendar", {}).get("hours", ())):
        start, _, next_end = hours.partition("-")
        if not end <= start < next_end:
            yield problem("D213", document.at_text(("calendar", "hours", index)), value=hours)
        end = next_end


def _check_timezone(document: Document) -> Iterator[Problem]:
    """A machine without any time zones must not refuse the default."""
    name = document.data.get("timezone", DEFAULTS["timezone"])
    if name == DEFAULTS["timezone"]:
        return
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield problem("D141", document.at_text(("timezone",)), key="timezone", value=name)


def _check_language(locale: Document, language: str, spoken: list[str] | None) -> Iterator[Problem]:
    written = locale.data["locale"]
    if not locale.file.endswith(f"locales/{written}.yaml"):
        return  # said by the check of the file itself
    if written == language:
        yield problem("D214", locale.at_text(("locale",)), locale=written, file=locale.file)
    elif spoken is not None and written not in spoken:
        yield problem("D215", locale.at_text(("locale",)), locale=written)


def _read_watermark(node: Node) -> str:
    return read_text(node.get("text"))


reads(PrintDefinition, "watermark", _read_watermark)
