"""The mistakes an author can make in a file, by code, and how a near name is found.

Enters: a code, a place and parameters. Leaves: ``Problem`` values. Must not hold a sentence: those stand in
``engine/messages`` under ``problem.<code>``, one for each code listed here.

Codes: ``D0..`` reading a folder and its YAML, ``D1..`` the shape of a file, ``D2..`` what a file says,
``D3..`` a site and the template it extends.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from engine.errors import Location, Problem

SHOWN_LENGTH: Final = 60
PROBLEMS_PER_FILE: Final = 200

CODES: Final[Mapping[str, str]] = {
    # reading a folder and its YAML
    "D001": "",
    "D002": "character",
    "D003": "",
    "D004": "",
    "D005": "",
    "D006": "",
    "D007": "",
    "D008": "",
    "D009": "line",
    "D010": "character",
    "D011": "key line",
    "D012": "tag",
    "D013": "name",
    "D014": "",
    "D015": "",
    "D016": "limit",
    "D017": "limit",
    "D018": "limit",
    "D019": "",
    "D020": "",
    "D021": "",
    "D022": "",
    "D023": "",
    "D024": "folder",
    "D025": "known",
    "D026": "name",
    "D027": "",
    "D028": "",
    "D029": "value",
    "D030": "",
    "D031": "limit",
    "D032": "",
    "D033": "value",
    "D034": "character instead",
    "D035": "value",
    "D036": "key",
    "D037": "",
    # the shape of a file
    "D101": "key known",
    "D102": "type key known",
    "D103": "parent key",
    "D104": "key value known",
    "D105": "key limit",
    "D106": "key limit",
    "D107": "parent known",
    "D108": "key needed",
    "D109": "key value",
    "D110": "key",
    "D111": "key value",
    "D112": "key value",
    "D113": "key value",
    "D114": "key",
    "D115": "key",
    "D116": "key",
    "D117": "key",
    "D118": "key limit",
    "D119": "key value",
    "D120": "key limit",
    "D121": "key limit",
    "D122": "key",
    "D123": "present key known",
    "D124": "key",
    "D125": "key",
    "D126": "key",
    "D127": "name",
    # texts of a fixed form
    "D131": "key value",
    "D132": "key value",
    "D133": "key value",
    "D134": "key value",
    "D135": "key value",
    "D136": "key value",
    "D137": "key value",
    "D138": "key value",
    "D139": "key value",
    "D140": "key value",
    "D141": "key value",
    "D142": "key value",
    "D143": "key value",
    "D144": "key value",
    "D160": "key value",
    "D161": "key value",
    "D171": "key value",
    "D172": "key value",
    "D173": "key value",
    "D174": "key value",
    "D175": "key value",
    "D181": "key value",
    "D182": "key value",
    "D189": "key value",
    "D190": "key value",
    "D183": "key value",
    "D184": "key value",
    "D145": "key value",
    "D146": "key value",
    "D147": "key value",
    "D148": "key value",
    "D149": "key limit",
    "D158": "key value",
    "D159": "key value",
    # what one file says
    "D201": "kind key first",
    "D202": "locale file",
    "D203": "pattern known",
    "D204": "pattern input",
    "D205": "pattern input known",
    "D206": "input known",
    "D207": "value input",
    "D208": "pattern file",
    "D209": "key",
    "D210": "key",
    "D211": "key low high",
    "D212": "key reset",
    "D213": "value",
    "D214": "locale file",
    "D215": "locale",
    "D216": "ref known",
    "D217": "key step",
    "D218": "dashboard file",
    # a site and the template it extends
    "D301": "name",
    "D302": "",
    "D303": "",
    "D304": "key needed",
    "D305": "key kind thing",
    "D306": "address",
    "D307": "",
    "D308": "name pinned",
    "D309": "key anchor",
    "D310": "value",
}
"""Code -> the names of its parameters."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word nearest to ``word``, if one is near enough to be meant."""
    if len(word) > SHOWN_LENGTH:
        return None
    exact = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(word.lower(), exact, n=1, cutoff=0.6)
    return exact[near[0]] if near else None


def shown(value: object) -> str:
    """Return ``value`` as it was written, short enough and plain enough for a sentence."""
    written = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    cut = " ".join(written[: 4 * SHOWN_LENGTH].split())
    plain = "".join(character if character.isprintable() else "?" for character in cut)
    return plain if len(plain) <= SHOWN_LENGTH else plain[: SHOWN_LENGTH - 1] + "…"


def listed(names: Iterable[str]) -> str:
    """Return names as they are listed in a sentence."""
    return ", ".join(names)


def problem(code: str, location: Location, /, suggestion: str | None = None, **params: object) -> Problem:
    """Return a problem whose parameters are safe to show."""
    cut = {name: value if name == "known" else shown(value) for name, value in params.items()}
    return Problem(code, location, cut, suggestion)


def unknown(code: str, location: Location, word: str, known: Iterable[str], /, **params: object) -> Problem:
    """Return a problem about a name that does not exist, with the nearest one that does."""
    names = list(known)
    return problem(code, location, did_you_mean(word, names), known=listed(names), **params)
