"""The same report or dashboard as a picture for the message: charts, and the table of their figures.

Enters: what ``showing`` found for a reader. Leaves: a page as plain data, drawn later. Must not show more than the text
does, nor lead anywhere: a picture may be passed on.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from engine.automation.showing import MOST_LINES, Found, Part, Teller
from engine.automation.wording import MISSING
from engine.channels import pictures
from engine.compiler.app import Field
from engine.drawing.charts.table import view_table
from engine.printing.blocks import make_announced, make_block, say_cell
from engine.printing.pdf import PrintColumn
from engine.printing.report import ReportBlock, ReportPage
from engine.records.queries import Page
from engine.reports import FunnelResult, Result
from engine.reports import baselines as kept_baselines
from engine.reports.announced_words import say_announced
from engine.reports.charting import Charting, fitting_kind
from engine.reports.spans import say_period
from engine.speaking import Speaker

_KEPT = ("stage", "owner", "team", "created_at", "created_by", "updated_at", "updated_by")


def say_and_draw(teller: Teller, found: Found, title: str, *, key: str) -> tuple[str, int]:
    """Return what stands below the text of a message, and the picture of it, kept once for each key."""
    return teller.text(found), pictures.keep(teller.session, make_page(teller, found, title), key=key)


def make_page(teller: Teller, found: Found, title: str) -> ReportPage:
    """Return what is drawn."""
    app, session = teller.session.app, teller.session
    speaker = Speaker(teller.language, app.timezone, app.currency)
    charting = Charting(speaker, lambda figure, keys: "", kept_baselines.find_all(session))
    name = speaker.label(found.label)
    return {
        "lang": teller.language,
        "title": title,
        "lines": [name] if name not in ("", title) and len(found.parts) > 1 else [],
        "printed": f"{speaker.label(app.label)} · {speaker.datetime(session.now())}",
        "blocks": list(_blocks(teller, charting, found.parts)),
    }


def _blocks(teller: Teller, charting: Charting, parts: Sequence[Part]) -> Iterator[ReportBlock]:
    """Yield a block for each part; figures that follow each other share one."""
    for plain, some in groupby(parts, _is_plain):
        if plain:
            yield _figures(charting, [*some])
            continue
        for part in some:
            if isinstance(part.found, Page):
                yield _list(teller, part, part.found)
            else:
                yield _chart(charting, part, part.found)
            if isinstance(part.found, Result) and part.found.announced is not None:
                yield from make_announced(say_announced(charting.speaker, part.found.announced))


def _is_plain(part: Part) -> bool:
    """Return whether a part is one figure, or several beside each other, divided by nothing and drawn as nothing."""
    if not isinstance(part.found, Result) or part.found.axes:
        return False
    return fitting_kind(part.found, _wanted(part, part.found)) != "waterfall"


def _figures(charting: Charting, parts: Sequence[Part]) -> ReportBlock:
    """Return a table of figures: what each is called, what it comes to, of when."""
    speaker, rows = charting.speaker, []
    for part in parts:
        assert isinstance(part.found, Result)  # noqa: S101 - what is plain is one
        table = view_table(charting.chart(part.found, "table", ""))
        period = say_period(speaker, part.found.period)
        for figure, cell in zip(part.found.figures, table["rows"][0]["cells"], strict=True):
            label = part.label if len(part.found.figures) == 1 else figure.label
            when = speaker.say("report.of_now") if figure.of_now else period
            rows.append([speaker.label(label), say_cell(cell), when])
    columns: list[PrintColumn] = [{"label": "", "right": at == 1} for at in range(3)]
    return {"title": "", "lines": [], "charts": [], "table": {"columns": columns, "rows": rows}, "notes": []}


def _chart(charting: Charting, part: Part, found: Result | FunnelResult) -> ReportBlock:
    speaker = charting.speaker
    title = speaker.label(part.label)
    if isinstance(found, FunnelResult):
        chart = charting.funnel(found, title, lambda step: "")
        left = 0
    else:
        chart = charting.chart(found, fitting_kind(found, _wanted(part, found)), title)
        left = found.more + max(len(chart.categories) - MOST_LINES, 0)
    notes = [say_period(speaker, found.period)]
    notes += [speaker.say("automation.shown_more", n=left)] if left else []
    return make_block(chart, speaker.say("report.total"), title, notes, most=MOST_LINES)


def _wanted(part: Part, found: Result) -> str | None:
    """Return as what a dashboard draws a report, else the report itself."""
    own = part.tile.chart if part.tile is not None else None
    return own or (found.report.chart if found.report is not None else None)


def _list(teller: Teller, part: Part, found: Page) -> ReportBlock:
    """Return a list as a table; without the columns in which nothing stands."""
    speaker = Speaker(teller.language)
    fields = teller.session.app.entities[part.tile.name if part.tile is not None else ""].fields
    keys = [key for key in found.columns if key != "number"]
    rows = [[name, *columns] for name, columns in teller.rows(part, found)]
    heads = ["", *(_head(speaker, fields, key) for key in keys)]
    kept = [at for at in range(len(heads)) if any(row[at] not in ("", MISSING) for row in rows)]
    kept = [at for at in kept if at == 0 or any(row[at] != row[0] for row in rows)]
    columns: list[PrintColumn] = [{"label": heads[at], "right": False} for at in kept]
    return {
        "title": speaker.label(part.label),
        "lines": [] if rows else [speaker.say("automation.shown_none")],
        "charts": [],
        "table": {"columns": columns, "rows": [[row[at] for at in kept] for row in rows]} if rows else None,
        "notes": ["…"] if found.next else [],
    }


def _head(speaker: Speaker, fields: Mapping[str, Field], key: str) -> str:
    """Return what a column is called: a field, or what every record has."""
    if key in fields:
        return speaker.label(fields[key].label)
    return speaker.say(f"report.field.{key}") if key in _KEPT else ""
