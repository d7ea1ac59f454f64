"""Page texts beside what every reader is told in their language: labels, dates and numbers.

Enters: keys of ``web/locales/<language>.yaml``, labels of the compiled app, typed values. Leaves: plain text (Jinja
escapes it). Must not read the request or the database: a ``Locale`` is made once per request and handed around.
"""

from dataclasses import dataclass
from typing import Any

from engine import messages
from engine.speaking import Speaker
from web.page_kit import page_text

LANGUAGES = messages.LANGUAGES


@dataclass(frozen=True)
class Locale(Speaker):
    """How one reader of pages is spoken to."""

    def t(self, key: str, /, **params: object) -> str:
        """Return a page text."""
        return page_text(key, self.language, **params)


def choose_language(accepted: Any, wanted: str | None, default: str) -> str:
    """Return the language asked for, else the best of ``Accept-Language``, else the site's."""
    if wanted in LANGUAGES:
        return str(wanted)
    for tag in accepted.values() if accepted else ():
        if tag[:2].lower() in LANGUAGES:
            return str(tag[:2].lower())
    return default
