"""A printed page as PDF, with Chinese fonts, by typst.

Enters: plain data (``PrintPage``). Leaves: the bytes of a PDF. Must not hand a person's text to typst as source: the
layout is ``page.typ``, the texts travel as JSON beside it. Same data gives the same content.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from engine.errors import NotPossibleNow

_LAYOUT = Path(__file__).with_name("page.typ")
_SYSTEM_FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


class PrintColumn(TypedDict):
    """A column of a table; ``right`` for numbers."""

    label: str
    right: bool


class PrintTable(TypedDict):
    """A table of texts."""

    columns: list[PrintColumn]
    rows: list[list[str]]


class PrintList(PrintTable):
    """A table below the totals, with a heading."""

    label: str


class PrintPage(TypedDict):
    """What is printed; every value is text already in the reader's language."""

    lang: str
    title: str
    number: str
    company: Mapping[str, Any] | None  # name, lines
    date_text: str
    watermark: str | None
    mark: NotRequired[str | None]  # who reads it, faint all over the page
    parties: list[Mapping[str, Any]]  # label, lines
    entries: list[Mapping[str, Any]]  # label, text, wide
    tables: list[PrintTable]
    totals: list[Mapping[str, str]]  # label, text
    lists: list[PrintList]
    words: Mapping[str, str] | None  # label, text
    notes: list[str]
    approval: list[Mapping[str, str]]  # label, text
    signatures: list[str]


def render_pdf(page: PrintPage, fonts: Path) -> bytes:
    """Return the PDF of a page; ``fonts`` and errors as for ``render_layout``."""
    return render_layout(_LAYOUT, page, fonts)


def render_layout(layout: Path, data: Mapping[str, Any], fonts: Path | None) -> bytes:
    """Return the PDF of a layout filled with plain data; ``fonts`` is the folder made at set-up.

    Raises ``NotPossibleNow`` when no Chinese font is there nor on the system: boxes in place of characters help nobody.
    """
    return _compile(layout, data, fonts, format="pdf")[0]


def render_pictures(layout: Path, data: Mapping[str, Any], fonts: Path | None, *, dots: float) -> list[bytes]:
    """Return each page of a layout as a PNG of ``dots`` an inch; ``fonts`` and errors as for ``render_layout``."""
    return _compile(layout, data, fonts, format="png", ppi=dots)


def _compile(layout: Path, data: Mapping[str, Any], fonts: Path | None, **how: Any) -> list[bytes]:
    import typst

    folder = fonts if fonts is not None and fonts.is_dir() else _system_fonts()
    if folder is None:
        raise NotPossibleNow("print.no_font")
    given = {"data": json.dumps(data)}
    made: bytes | list[bytes] = typst.compile(
        str(layout), font_paths=[str(folder)], sys_inputs=given, ignore_system_fonts=True, **how
    )
    return made if isinstance(made, list) else [made]


@lru_cache(maxsize=1)
def _system_fonts() -> Path | None:
    for folder in _SYSTEM_FONTS:
        if any(folder.rglob("Noto*CJK*")) or any(folder.rglob("SourceHan*")):
            return folder
    return None
