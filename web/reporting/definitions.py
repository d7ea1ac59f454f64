"""How a figure is defined, as it is printed beside it: its note, its formula, its period, its version.

Enters: a compiled figure, a period. Leaves: the ``about`` of ``parts/figures.html``. Must not show where it is written:
nobody but an author can open that file.
"""

from typing import Any

from flask import g

from engine.compiler.app import Figure
from engine.reports.periods import Period
from engine.reports.spans import say_period
from engine.reports.wording import say_figure
from web.i18n import Locale

_VERSION = 8


def view_definition(locale: Locale, figure: Figure, period: Period) -> dict[str, Any]:
    """Return how a figure is defined."""
    return {
        "help": locale.label(figure.help),
        "said": say_figure(g.session.app, figure, locale.language),
        "period": locale.say("report.of_now") if figure.of_now else say_period(locale, period),
        "version": figure.digest[:_VERSION],
    }
