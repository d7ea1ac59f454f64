"""A served site with very many opportunities, so that its pages are measured as they are after years.

Enters: the database of a site of the manufacturing template with its demo story, and how many opportunities there shall
be. Leaves: as many copies of those of the story, each with a number, a name, an amount, a customer, an owner and dates
of its own, and the stay in its stage; ``formwork search rebuild`` makes it found. Must not touch what the story made:
its records are the ones whose pages are opened.
"""

import sqlite3
from pathlib import Path

from bench.fill import clone_rows
from bench.sides import Table

_STAYS = """
    INSERT INTO fw_stays (entity, record_id, stage, version, since)
    SELECT 'opportunity', id, stage, version, created_at FROM e_opportunity
    WHERE id > ? AND id NOT IN (SELECT record_id FROM fw_stays WHERE entity = 'opportunity')
"""


def crowd(home: Path, count: int) -> int:
    """Grow the opportunities of the site in ``home`` to ``count`` and return how many were added."""
    path = home / "formwork.sqlite3"
    with sqlite3.connect(path) as connection:
        originals = [row[0] for row in connection.execute("SELECT id FROM e_opportunity WHERE deleted_at IS NULL")]
        customers = [row[0] for row in connection.execute("SELECT id FROM e_customer WHERE deleted_at IS NULL")]
        owners = connection.execute("SELECT DISTINCT owner_id, team_id FROM e_opportunity").fetchall()
    added = count - len(originals)
    if added <= 0:
        return 0
    clone_rows(f"sqlite:///{path}", _table(customers, owners), originals, added)
    with sqlite3.connect(path) as connection:
        connection.execute(_STAYS, [max(originals)])
    return added


def _table(customers: list[int], owners: list[tuple[int, int]]) -> Table:
    customer = _one_of(customers, 31)
    named = f"(SELECT name FROM e_customer WHERE id = {customer})"
    need = " ".join(
        f"WHEN {at} THEN '{word}'" for at, word in enumerate(("年框", "备件", "大修", "扩产", "新线", "样品"))
    )
    return Table(
        "e_opportunity",
        {
            "number": "printf('SJ2025-%06d', i)",
            "name": f"substr({named}, 1, 6) || CASE i % 6 {need} END || i",
            "customer": customer,
            "decision_contact": "NULL",
            "amount": "(i * 7919 % 100003 + 1) * 4300",
            "weighted": "NULL",
            "owner_id": _one_of([one[0] for one in owners], 17),
            "team_id": _one_of([one[1] for one in owners], 17),
            "expected_close": "date(original.expected_close, '+' || (i % 400) || ' days')",
            "next_date": "date(original.next_date, '+' || (i % 30) || ' days')",
        },
    )


def _one_of(values: list[int], stride: int) -> str:
    """Return SQL that goes through values by turns; ``stride`` keeps two such columns from going in step."""
    cases = " ".join(f"WHEN {at} THEN {value}" for at, value in enumerate(values))
    return f"(CASE (i * {stride} / 7) % {len(values)} {cases} END)"
