"""A report on paper, or as a picture for a message: its charts and its tables.

Enters: plain data (``ReportPage``), whose charts are SVG of ``engine/drawing/charts``. Leaves: the bytes of a PDF, or
of a PNG. Must not hand a person's text to typst as source.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from engine.printing.pdf import PrintTable, render_layout, render_pictures

_LAYOUT = Path(__file__).with_name("report.typ")
_SHARP = 144
"""Dots an inch of a picture; one CSS pixel is 1.5 of them."""


class ReportBlock(TypedDict):
    """One report of a page; ``notes`` say how its figures are defined, of which period and how many rows."""

    title: str
    lines: Sequence[str]
    charts: Sequence[str]  # SVG
    table: PrintTable | None
    notes: Sequence[str]


class ReportPage(TypedDict):
    """What is printed; every value is text already in the reader's language."""

    lang: str
    title: str
    lines: Sequence[str]
    printed: str
    blocks: Sequence[ReportBlock]


def render_report(page: ReportPage, fonts: Path) -> bytes:
    """Return the PDF, A4; ``fonts`` and errors as for ``pdf.render_layout``."""
    return render_layout(_LAYOUT, {**page, "picture": False}, fonts)


def render_picture(page: ReportPage, fonts: Path | None) -> bytes:
    """Return all of it as one PNG, as high as it needs; ``fonts`` and errors as for ``pdf.render_layout``."""
    return render_pictures(_LAYOUT, {**page, "picture": True}, fonts, dots=_SHARP)[0]
