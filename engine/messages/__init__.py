"""Every sentence the engine says to a person, in every language it speaks.

Enters: a code and its parameters. Leaves: one sentence. Must not decide anything, nor hold a sentence in Python code:
the sentences stand in ``<language>/<area>.yaml`` beside this file, flat maps ``code: text with {parameter}``.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml

LANGUAGES = ("zh", "en")
DEFAULT_LANGUAGE = "zh"
_FOLDER = Path(__file__).parent
_STOPS = {"zh": "。", "en": "."}
_ENDS = tuple("。！？；：…．.!?;:")


@cache
def catalog(language: str) -> Mapping[str, str]:
    """Return the sentences of one language (``zh`` or ``en``; any other is answered in the default language)."""
    known = language if language in LANGUAGES else DEFAULT_LANGUAGE
    texts = [one for path in sorted((_FOLDER / known).glob("*.yaml")) for one in _scalars(path.read_bytes())]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _scalars(written: bytes) -> Iterator[str]:
    """Yield what a flat map says, key and value in turns: building nothing else is half the time."""
    next_event = yaml.CSafeLoader(written).get_event
    while (event := next_event()) is not None:
        if type(event) is yaml.ScalarEvent:
            yield event.value


def text(code: str, language: str = DEFAULT_LANGUAGE, /, **params: object) -> str:
    """Return the sentence for ``code`` with its parameters filled in.

    A code without a sentence is our own mistake and raises ``KeyError``; a test walks all codes.
    """
    return catalog(language)[code].format_map({name: say(value, language) for name, value in params.items()})


def say(value: object, language: str) -> str:
    """Return a parameter in ``language``: a text in several languages, something that has a ``text``, or plain."""
    if isinstance(value, Mapping):
        return str(value.get(language) or next(iter(value.values()), ""))
    if hasattr(value, "text"):
        return str(value.text(language))
    return str(value)


def ended(value: object, language: str) -> str:
    """Return a parameter in ``language`` as a whole sentence, after which another may stand."""
    said = say(value, language).rstrip()
    return said if said.endswith(_ENDS) else said + _STOPS.get(language, _STOPS[DEFAULT_LANGUAGE])


def joined(sentences: Iterable[str], language: str) -> str:
    """Return sentences in one line, ``甲；乙。``: only the last keeps its full stop."""
    *firsts, last = [*sentences] or [""]
    return text("sheet.between", language).join([*(one.rstrip(_STOPS.get(language, "。")) for one in firsts), last])
