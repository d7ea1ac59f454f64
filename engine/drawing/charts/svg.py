"""A plot as an SVG file that stands by itself: for paper, and for pictures in messages. Pages draw plots themselves.

Enters: a plot. Leaves: text of an SVG element. Must not let any text through unescaped.
"""

from html import escape

from engine.drawing.charts.plot import SIZE, Dot, Piece, Plot, Shape, Words

_INK, _QUIET, _RULE = "#1a2430", "#56616f", "#dfe3e8"
COLOURS = {
    "series-1": "#1f5fae", "series-2": "#cf8618", "series-3": "#0f4d3a", "series-4": "#4d9fd6", "series-5": "#7b2d62",
    "series-6": "#8d97a3", "before": "#b9c2cc", "few": "#c9ced4", "slope": "#e8f0fa", "target": "#b3261e",
    "baseline": "#56616f", "grid": _RULE, "axis": "#8b95a3", "heat-0": "#f1f3f5", "heat-1": "#dbe8f6",
    "heat-2": "#a9c9ea", "heat-3": "#6fa3d8", "heat-4": "#3a78bd", "heat-5": "#184c8c",
}  # fmt: skip
"""The colours of a file; neighbours differ in lightness, so they are told apart in grey and by the colour-blind."""

_DASHED = {"target": "6 4", "baseline": "2 3"}
_WORDS = {"text": _INK, "quiet": _QUIET, "on": "#ffffff", **{f"on-heat-{at}": _INK for at in (1, 2, 3)},
          "on-heat-4": "#ffffff", "on-heat-5": "#ffffff"}  # fmt: skip
_FAMILY = "Noto Sans SC, Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif"


def write_svg(plot: Plot) -> str:
    """Return the plot as SVG with its colours and a ground; nothing in it is a link."""
    size = f'viewBox="0 0 {plot.width:.0f} {plot.height:.0f}" width="{plot.width:.0f}" height="{plot.height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FAMILY}"><title>{escape(plot.title)}</title>'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return head + ground + "".join(_write(piece) for piece in plot.pieces) + "</svg>"


def _write(piece: Piece) -> str:
    if isinstance(piece, Words):
        anchor = "" if piece.anchor == "start" else f' text-anchor="{piece.anchor}"'
        paint = f'fill="{_WORDS[piece.look]}" font-size="{SIZE}"'
        return f'<text x="{piece.x:.1f}" y="{piece.y:.1f}"{anchor} {paint}>{escape(piece.said)}</text>'
    named = f"<title>{escape(piece.said)}</title>" if piece.said else ""
    if isinstance(piece, Dot):
        return f'<circle cx="{piece.x:.1f}" cy="{piece.y:.1f}" r="3.2" fill="{_colour(piece.look)}">{named}</circle>'
    tag = "polygon" if piece.filled else "polyline"
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece.points)
    return f'<{tag} points="{points}" {_paint(piece)}>{named}</{tag}>'


def _paint(piece: Shape) -> str:
    looks = piece.look.split()
    colour = _colour(looks[0])
    if piece.filled:
        return f'fill="{colour}"' + (' fill-opacity="0.14"' if "thin" in looks else "")
    dashed = f' stroke-dasharray="{_DASHED[looks[0]]}"' if looks[0] in _DASHED else ""
    return f'fill="none" stroke="{colour}" stroke-width="{1 if looks[0] in ("grid", "axis") else 2}"{dashed}'


def _colour(look: str) -> str:
    return COLOURS[look.split()[0]]
