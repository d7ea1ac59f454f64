"""What is done first of what waits behind the pages.

Enters: nothing. Leaves: numbers, the smallest first. Must not decide what has which: whoever writes a row does.
"""

URGENT, USUAL, LATER = 10, 50, 90
"""Approvals, which somebody waits for; all else; what an import brings about, thousands at a time."""

PRIORITIES = (URGENT, USUAL, LATER)
