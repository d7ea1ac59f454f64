"""What is kept beside records: the keys of duplicates, the terms of search, the entries of several links.

Enters: the values of records before and after they are written. Leaves: both kept, in the same transaction. Must be
called by whatever writes records, and by nothing else.
"""

from collections.abc import Sequence

from engine.compiler.app import Entity
from engine.records.entries import keep_entries
from engine.records.match_keys import keep_keys
from engine.records.search_terms import Values, keep_terms
from engine.storage.store import Session


def keep_found(
    session: Session, entity: Entity, written: Sequence[tuple[int, Values, Values]], *, beside: bool = False
) -> None:
    """Keep records found: their ids, and their values before and after (none for one that is gone).

    Raises ``InvalidValues`` when a duplicate rule that blocks meets a second record of the same key, unless it may
    stand ``beside`` the first.
    """
    keep_keys(session, entity, written, beside=beside)
    keep_terms(session, entity, written)
    keep_entries(session, entity, written)
