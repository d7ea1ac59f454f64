"""What every compiled part is made of: texts in several languages and checked expressions.

Enters: nothing. Leaves: the smallest pieces of a compiled app. Must not know what they stand in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import Location
from engine.expression import Checked, Env
from engine.expression.check import ABOUT_USER
from engine.expression.sql_limits import check_sql

Label = Mapping[str, str]
"""A text in every language of the app: ``{"zh": "报价单", "en": "Quote"}``."""


@dataclass(frozen=True)
class Expression:
    """A checked expression and its Python form; ``run(values, env)`` returns a value or None when missing."""

    checked: Checked
    run: Callable[[Mapping[str, Any], Env], Any]
    location: Location

    @property
    def text(self) -> str:
        """The expression as written."""
        return self.checked.text

    @property
    def in_database(self) -> bool:
        """Whether the database can work it out; what counts working time only Python can."""
        return not check_sql(self.checked)

    @property
    def asks_who(self) -> bool:
        """Whether it depends on who acts."""
        return not self.checked.context.isdisjoint(ABOUT_USER)
