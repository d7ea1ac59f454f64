"""``formwork backtest``: a draft tried on what happened in the last days.

Enters: a folder, a number of days. Leaves: counts, reasons and addresses in words, or ``--json``. Must not write.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from engine.definition.source import read_folder
from web.cli.plan_items import name_addresses
from web.cli.progress import Progress
from web.cli.site import Site, find_template

if TYPE_CHECKING:
    from engine.changing.backtest import EntityTest, Reason, Tally
    from engine.storage.store import Session

_KINDS = ("moves", "approvals", "saves")
_SAID = frozenset({"asked", "longer", "no_move", "nobody", "passes", "people", "shorter"})
_MOST_REASONS = 10


@click.command("backtest", help="cli.backtest")
@click.argument("folder")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="cli.option_days_back")
@click.option("--entity", help="cli.option_only_entity")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.pass_obj
def backtest_command(site: Site, folder: str, days: int, entity: str | None, as_json: bool) -> None:
    """Say what the draft would have refused or sent another way."""
    from engine.changing.backtest import backtest
    from engine.storage.compiled import load_folder

    draft = load_folder(read_folder(find_template(folder)))
    with site.open_store().read() as session:
        if as_json:
            found = backtest(session, draft, days=days, entity=entity, language=site.language)
            click.echo(json.dumps(_data(site, session, found, days), ensure_ascii=False, indent=2))
            return
        with Progress(site).step("cli.step_backtest", days=days) as show:
            found = backtest(session, draft, days=days, entity=entity, language=site.language, progress=show)
        for line in _lines(site, session, found, days):
            click.echo(line)


def _lines(site: Site, session: "Session", found: "list[EntityTest]", days: int) -> Iterator[str]:
    tallies = [(test, kind, getattr(test, kind)) for test in found for kind in _KINDS]
    if not any(tally.seen for _, _, tally in tallies):
        yield site.text("backtest.nothing", days=days)
        return
    for test, kind, tally in tallies:
        if tally.seen:
            yield site.text(f"backtest.{kind}", entity=test.entity.label, seen=tally.seen, differ=tally.differ)
            yield from _reasons(site, session, test, tally)
    yield site.text("backtest.limits")


def _reasons(site: Site, session: "Session", test: "EntityTest", tally: "Tally") -> Iterator[str]:
    for reason in tally.top()[:_MOST_REASONS]:
        yield f"- {_say(site, reason)}"
        for one in name_addresses(session, [(test.entity.key, id_) for id_ in reason.records]):
            yield f"    {one.name}  {one.url}"
    if tally.unknown:
        yield "- " + site.text("backtest.unknown", count=tally.unknown)


def _say(site: Site, reason: "Reason") -> str:
    code = reason.code if reason.code in _SAID else "other"
    return site.text(f"backtest.reason_{code}", count=reason.count, text=reason.text)


def _data(site: Site, session: "Session", found: "list[EntityTest]", days: int) -> dict[str, Any]:
    def tally_data(test: "EntityTest", tally: "Tally") -> dict[str, Any]:
        reasons = [
            {
                "code": reason.code,
                "text": _say(site, reason),
                "count": reason.count,
                "records": [
                    vars(one) for one in name_addresses(session, [(test.entity.key, id_) for id_ in reason.records])
                ],
            }
            for reason in tally.top()
        ]
        return {"seen": tally.seen, "differ": tally.differ, "partly_unknown": tally.unknown, "reasons": reasons}

    return {
        "days": days,
        "limits": site.text("backtest.limits"),
        "entities": [
            {"entity": test.entity.key, **{kind: tally_data(test, getattr(test, kind)) for kind in _KINDS}}
            for test in found
        ],
    }
