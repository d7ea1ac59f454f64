"""Functions of one record made of others.

Enters: functions that give a value for a record. Leaves: one. Must not know what an expression looks like.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from engine.expression.decimals import round_half_up
from engine.expression.env import Env, Row

Run: TypeAlias = Callable[[Row, Env], Any]


def if_(condition: Run, then: Run, otherwise: Run = lambda record, env: None) -> Run:
    """Take one of two, by a condition."""
    return lambda record, env: then(record, env) if condition(record, env) else otherwise(record, env)


def rounded(number: Run, places: int) -> Run:
    """Round a number half away from zero; missing stays missing."""

    def run(record: Row, env: Env) -> Any:
        value = number(record, env)
        return None if value is None else round_half_up(Decimal(value), places)

    return run


def by_the_clock(moment: Run, say: Callable[[datetime], Any]) -> Run:
    """Say something of a moment as the clocks of the site show it; missing outside the years 1 to 9999."""

    def run(record: Row, env: Env) -> Any:
        value = moment(record, env)
        try:
            return None if value is None else say(value + env.offset)
        except OverflowError:
            return None

    return run
