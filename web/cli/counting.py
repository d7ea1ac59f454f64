"""``formwork report``: a figure, a report or a funnel, as somebody sees it.

Enters: a key, a login, a period, filters. Leaves: lines of text, or JSON. Must not count: ``engine.reports`` does.
"""

import json
from typing import TYPE_CHECKING, Any

import click

from engine import messages
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.compiler.app import CompiledApp, Figure
    from engine.people.actor import Actor
    from engine.reports import FunnelResult, Result
    from engine.reports.results import Cell
    from engine.storage.store import Session


@click.command("report", help="cli.report")
@click.argument("key", required=False)
@click.option("--as", "login", required=True, help="cli.option_as")
@click.option("--period", help="cli.report_period")
@click.option("--by", help="cli.report_by")
@click.option("--where", multiple=True, metavar="DIMENSION=VALUE", help="cli.report_where")
@click.option("--json", "as_json", is_flag=True, help="cli.report_json")
@click.pass_obj
def report_command(
    site: Site, key: str | None, login: str, period: str | None, by: str | None, where: tuple[str, ...], as_json: bool
) -> None:
    """Show what a figure, report or funnel comes to; without a key list what there is."""
    from engine.reports import writing

    with site.open_store().read(snapshot=True) as session:
        actor = get_actor(session, login)
        if key is None:
            _list(site, session, actor)
            return
        filters: dict[str, Any] = {}
        for one in where:
            dimension, _, value = one.partition("=")
            filters.setdefault(dimension, []).append(value)
        divided = None if by is None else tuple(one.strip() for one in by.split(",") if one.strip())
        if key in session.app.funnels:
            funnel = _run_funnel(session, key, actor, period, filters, divided)
            show = writing.funnel_data(funnel, site.language) if as_json else None
            _print(show) if show is not None else _say_funnel(funnel, site)
            return
        result, app = _run(session, key, actor, period, filters, divided), session.app
    if as_json:
        _print(writing.result_data(result, site.language))
    else:
        _say(result, site, app)


def _run(
    session: "Session",
    key: str,
    actor: "Actor",
    period: str | None,
    filters: dict[str, Any],
    by: tuple[str, ...] | None,
) -> "Result":
    from engine import reports

    if key in session.app.figures:
        return reports.run_figure(session, key, actor=actor, period=period, filters=filters, by=by or ())
    return reports.run(session, key, actor=actor, period=period, filters=filters, by=by)


def _run_funnel(
    session: "Session",
    key: str,
    actor: "Actor",
    period: str | None,
    filters: dict[str, Any],
    by: tuple[str, ...] | None,
) -> "FunnelResult":
    from engine import reports

    return reports.run_funnel(session, key, actor=actor, period=period, filters=filters, by=by)


def _list(site: Site, session: "Session", actor: "Actor") -> None:
    from engine import reports

    for report in reports.list_reports(session, actor=actor):
        click.echo(f"{report.key}  {messages.say(report.label, site.language)}")
    for funnel in reports.list_funnels(session, actor=actor):
        click.echo(f"{funnel.key}  {messages.say(funnel.label, site.language)}")
    for figure in session.app.figures.values():
        if reports.sees_figure(session, figure, actor):
            click.echo(f"{figure.key}  {messages.say(figure.label, site.language)}")


def _say(result: "Result", site: Site, app: "CompiledApp") -> None:
    """Print one line for each row, its figures with the number of rows behind them."""
    from engine.reports import writing
    from engine.reports.adding import say_difference
    from engine.reports.announced_words import announced_lines
    from engine.speaking import Speaker

    site.say("cli.report_period_line", period=result.period.name)
    figures = [messages.say(one.label, site.language) for one in result.figures]
    for line in result.lines:
        keys = [
            writing.key_text(axis, key, result.labels, site.language)
            for axis, key in zip(result.axes, line.keys, strict=True)
        ]
        click.echo(f"{' / '.join(keys)}: {_cells(result, line.cells, figures, site.language)}")
    total = messages.text("cli.report_total", site.language)
    click.echo(f"{total}: {_cells(result, result.total.cells, figures, site.language)}")
    if result.more:
        site.say("cli.report_more", count=result.more)
    speaker = Speaker(site.language, app.timezone, app.currency)
    if (difference := say_difference(speaker, result)) is not None:
        click.echo(difference)
    if result.announced is not None:
        for said in announced_lines(speaker, result.announced):
            click.echo(said)


def _cells(result: "Result", cells: Any, names: list[str], language: str) -> str:
    from engine.reports import writing

    told = []
    for figure, name, cell in zip(result.figures, names, cells, strict=True):
        said = writing.value_text(figure, None if cell is None else cell.value, language)
        more = f"{_cumulated(cell, language)}{_closed(figure, cell, language)}"
        told.append(f"{name} {said} (n={0 if cell is None else cell.n}){more}")
    return ", ".join(told)


def _cumulated(cell: "Cell | None", language: str) -> str:
    """Return which share of the whole the lines down to this one have; nothing where they are not added up."""
    if cell is None or cell.cumulated is None:
        return ""
    return " " + messages.text("cli.report_cumulated", language, share=f"{round(cell.cumulated * 100, 1)}%")


def _closed(figure: "Figure", cell: "Cell | None", language: str) -> str:
    """Return what a figure was when its month was closed, and how it was adjusted since; nothing for an open month."""
    from engine.reports import writing

    if cell is None or cell.closed is None:
        return ""
    then = writing.value_text(figure, cell.closed.value, language)
    moved = cell.adjustment
    said = writing.value_text(figure, moved, language)
    by = f"+{said}" if moved is not None and moved > 0 else said
    return " " + messages.text("cli.report_closed", language, then=then, n=cell.closed.n, by=by)


def _say_funnel(result: "FunnelResult", site: Site) -> None:
    site.say("cli.report_period_line", period=result.period.name)
    for stand in result.total:
        rate = "" if stand.rate is None else f" ({round(stand.rate * 100, 1)}%)"
        click.echo(f"{messages.say(stand.step.label, site.language)}: {stand.count}{rate}")


def _print(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))
