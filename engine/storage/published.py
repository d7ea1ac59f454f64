"""A release as one process holds it, and what the process keeps for as long as it is the current one.

Enters: a compiled app with its tables. Leaves: a value. Must not read the database: whoever asks for a fact finds it.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from engine.compiler.app import CompiledApp
from engine.storage.prepared import Prepared
from engine.storage.tables import Tables


@dataclass(frozen=True, eq=False)
class Published:
    """A release as one process holds it: ``prepared`` keeps the statements compiled for it, ``facts`` what holds of
    the database as long as it is the current one."""

    app: CompiledApp
    tables: Tables
    release_id: int | None = None
    generation: int | None = None
    prepared: dict[Hashable, Prepared] = field(default_factory=dict)
    facts: dict[Hashable, bool] = field(default_factory=dict)
