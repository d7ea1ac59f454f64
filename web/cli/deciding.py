"""What two sides changed, decided by a person one by one.

Enters: conflicts, and what was decided on the command line. Leaves: a decision for each, or None when one is missing.
Must not decide by itself: no answer is no decision.
"""

import sys
from collections.abc import Sequence

import click

from engine.definition.three_way import Difference, Side, Trees, describe
from engine.errors import NotFound, NotPossibleNow
from web.cli.site import Site

_ANSWERS: dict[str, Side] = {
    "o": "ours",
    "ours": "ours",
    "我": "ours",
    "我们": "ours",
    "t": "theirs",
    "theirs": "theirs",
    "他": "theirs",
    "对方": "theirs",
}


def decide(
    site: Site, conflicts: Sequence[Difference], names: Trees, *, ours: Sequence[str], theirs: Sequence[str]
) -> dict[str, Side] | None:
    """Return whose version holds for each conflict; those nobody decided before are asked for.

    ``ours`` and ``theirs`` are addresses, or the beginning of several; ``all`` is every one. An address that is no
    conflict raises ``NotFound``: it may be misspelt. One that is on both sides raises ``NotPossibleNow``.
    """
    both = next((key for key in ours if key in theirs), None)
    if both is not None:
        raise NotPossibleNow("cli.both_sides", key=both)
    given: dict[str, Side] = {**dict.fromkeys(ours, "ours"), **dict.fromkeys(theirs, "theirs")}
    unknown = [key for key in given if not any(_is_meant(key, one.key) for one in conflicts)]
    if unknown and conflicts:
        raise NotFound("cli.no_conflict", name=unknown[0], known=", ".join(one.key for one in conflicts))
    decisions: dict[str, Side] = {}
    for one in conflicts:
        said = [key for key in given if _is_meant(key, one.key)]
        if said:
            decisions[one.key] = given[max(said, key=lambda key: (key != "all", len(key)))]
    _show(site, conflicts, names, decisions)
    open_ones = [one for one in conflicts if one.key not in decisions]
    for at, one in enumerate(open_ones, start=1):
        answer = _ask(site, one, f"{at}/{len(open_ones)}")
        if answer is None:
            site.say("cli.undecided", count=len([one for one in conflicts if one.key not in decisions]))
            return None
        decisions[one.key] = answer
    return decisions


def agrees(site: Site, code: str) -> bool:
    """Ask a question; an empty or closed input means no."""
    click.echo(site.text(code) + " ", nl=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是", "好")


def _is_meant(given: str, key: str) -> bool:
    return given in ("all", key) or key.startswith(f"{given}.")


def _show(site: Site, conflicts: Sequence[Difference], names: Trees, decisions: dict[str, Side]) -> None:
    if conflicts:
        site.say("cli.conflicts", count=len(conflicts))
    for one in conflicts:
        decided = site.text(f"cli.decided_{decisions[one.key]}") if one.key in decisions else ""
        click.echo(f"! {_text(site, one, names)}  {one.key}  {decided}".rstrip())


def _ask(site: Site, one: Difference, which: str) -> Side | None:
    click.echo(f"{which} {one.key}: {site.text('cli.ask_side')} ", nl=False)
    return _ANSWERS.get(sys.stdin.readline().strip().lower())


def _text(site: Site, one: Difference, names: Trees) -> str:
    return site.text(f"cli.{one.code}", place=describe(one, names), **one.params())
