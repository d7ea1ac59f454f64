"""A record with the whole trail of its approvals as PDF, for whoever has to prove who decided what.

Enters: plain data (``TrailPage``). Leaves: the bytes of a PDF. Must not hand a person's text to typst as source.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from engine.printing.pdf import PrintTable, render_layout

_LAYOUT = Path(__file__).with_name("trail.typ")


class TrailPage(TypedDict):
    """What is printed; every value is text already in the reader's language, a signature the bytes of a PNG."""

    lang: str
    title: str
    number: str
    name: str
    printed: str
    entries: list[Mapping[str, Any]]  # label, text, wide
    tables: list[PrintTable]
    heads: list[str]  # of the five columns of a round
    rounds: list[Mapping[str, Any]]  # title, lines, rows, skipped, comments


def render_trail(page: TrailPage, fonts: Path) -> bytes:
    """Return the PDF; ``fonts`` and errors as for ``pdf.render_layout``."""
    return render_layout(_LAYOUT, page, fonts)
