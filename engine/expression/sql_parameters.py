"""The named parameters that the SQL form of an expression has, and what they hold.

Enters: a ``Checked`` and its ``Env``. Leaves: names and values. Must not know what the SQL says.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from engine.expression.check import Checked
from engine.expression.env import NOBODY, Env

BETWEEN = "\x1f"
"""Stands between roles: no role and no text holds it."""


def sql_parameters(checked: Checked, env: Env) -> dict[str, Any]:
    """Return the values of the named parameters the SQL form of an expression has."""
    values = {
        "user": ("actor_id", NOBODY if env.user is None else env.user),
        "now": ("now", env.now),
        "today": ("today", env.today),
        "user.roles": ("actor_roles", roles_parameter(env.roles)),
        "user.department": ("actor_team", NOBODY if env.department is None else env.department),
        "offset": ("utc_offset", env.offset // timedelta(seconds=1)),
    }
    found = dict(value for name, value in values.items() if name in checked.context)
    found |= {payload_parameter(name): env.payload.get(name) for name in checked.payload_reads}
    return found | {outer_parameter(name): env.record.get(name) for name in checked.outer_reads}


def roles_parameter(roles: Iterable[str]) -> str:
    """Return what the parameter ``actor_roles`` holds for these roles."""
    return BETWEEN + "".join(f"{role}{BETWEEN}" for role in sorted(roles))


OF_NOBODY: Mapping[str, Any] = {"actor_id": NOBODY, "actor_team": NOBODY, "actor_roles": roles_parameter(())}
"""The parameters about who asks, where nobody in particular does."""


def outer_parameter(name: str) -> str:
    """Return the parameter that holds field ``name`` of the record being edited."""
    return f"outer_{name.replace('.', '__')}"


def payload_parameter(name: str) -> str:
    """Return the parameter that holds a value of what was received or taken."""
    return f"payload_{name}"
