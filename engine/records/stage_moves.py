"""Where records have been: one row for each time a record came into a stage.

Enters: records as whoever writes their stage leaves them. Leaves: rows of ``fw_stage_moves``, in the same transaction.
Must not be written from elsewhere than ``stays.py``, through which every change of a stage goes; reports read them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Insert, bindparam, insert

from engine.storage.stage_tables import moves
from engine.storage.store import Session


def begin_moves(session: Session, entity: str, many: Sequence[Mapping[str, Any]], *, by: int | None) -> None:
    """Note that new records are in their first stage."""
    rows = [move_row(session, entity, values["id"], values, None, by=by) for values in many]
    session.prepared("note stage move", noting_move).execute_many(session.connection, rows)


def noting_move() -> Insert:
    """Return the statement that notes a move; its parameters are those of ``move_row``."""
    return insert(moves).inline().values({name: bindparam(f"move_{name}", type_=moves.c[name].type) for name in _NAMES})


def move_row(
    session: Session, entity: str, record_id: int, values: Mapping[str, Any], left: str | None, *, by: int | None
) -> dict[str, Any]:
    """Return a record's way from the stage it ``left`` into the one it has now, and whose it is at this moment."""
    return {
        "move_entity": entity,
        "move_record_id": record_id,
        "move_from_stage": left,
        "move_to_stage": values["stage"],
        "move_at": session.now(),
        "move_by_id": None if session.cause is not None else by,
        "move_owner_id": values.get("owner"),
        "move_team_id": values.get("team"),
    }


_NAMES = ("entity", "record_id", "from_stage", "to_stage", "at", "by_id", "owner_id", "team_id")
