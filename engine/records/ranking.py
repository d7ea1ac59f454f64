"""The best of what a search found: how well records match its words, told without reading more than are compared.

Enters: a list with words. Leaves: the rows of its first page, the best first, and how many there are. Must not show
what the list does not: every row is one of the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.records.finding import LINKED, matches, newest_whole
from engine.records.found import Found
from engine.records.listing import ListPlan
from engine.storage.store import Session

MANY = 50
"""How far a search counts what it finds of one entity, and how many it compares to tell the best."""


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found of one entity, the best first, and how many there are in all: ``MANY + 1`` if there are more.

    ``count`` is that of the records in the reader's scope, which their list shows under the same words.
    """

    found: list[Found]
    count: int


def first_of(limit: int, found: Sequence[Hits]) -> Hits:
    """Return the first of several lists of records, each once."""
    hits = {one.id: one for one in reversed([one for hits in found for one in hits.found])}
    first = list(reversed(hits.values()))[:limit]
    return Hits(first, max(len(first), found[0].count) if found else 0)


def best_first(session: Session, plan: ListPlan) -> tuple[list[tuple[Any, ...]], int | None]:
    """Return the rows that have the words: by how well they match, then the newest first.

    And how many there are, ``MANY + 1`` for more, None where that is not known yet. Of more than ``MANY`` only the
    newest are compared, and the newest of which a value or the end of one is the word: the others are in the list.
    """
    own, few = plan.own_words, [word for word in plan.words if word.ids]
    if not plan.words or (own is None and not few):
        return plan.fetch(session)[: plan.limit], None
    ranks: list[dict[int, int]]
    count = None
    if few:
        ids = plan.ids(session, most=MANY + 1)
        count = len(ids)
        if own is not None and count > MANY:
            whole = set(newest_whole(session, own, few[0], MANY)).difference(ids)
            ids += plan.ids(session, list(whole)) if whole else []
        ranks = [] if own is None else [matches(session, own, word, among=ids) for word in few]
    else:  # every word stands in thousands: those that are called just so, then the newest
        assert own is not None  # noqa: S101 - asked above
        ranks = [matches(session, own, plan.words[0], whole=True)]
        ids = plan.ids(session, list(ranks[0])) if ranks[0] else []
    ids.sort(key=lambda id_: (sum(one.get(id_, LINKED) for one in ranks), -id_))
    rows = {row[0]: row for row in plan.among(session, ids[: plan.limit], found=True)} if ids else {}
    found = [rows[id_] for id_ in ids[: plan.limit] if id_ in rows]
    if few or len(found) >= plan.limit:
        return found, count
    return [*found, *(row for row in plan.fetch(session) if row[0] not in rows)][: plan.limit], None
