"""Demo data and the trial, for administrators: loaded, cleared, begun, ended.

Enters: a press of a button that asked before. Leaves: a demo or none; a trial with its report. Must not clear what a
real person made.
"""

import logging
import threading
from datetime import date
from pathlib import Path
from typing import Any

from flask import g, redirect, render_template
from werkzeug.datastructures import MultiDict

from engine import reports
from engine.clock import SetClock
from engine.definition.kinds import find_kind
from engine.definition.source import SourceFolder
from engine.errors import NotPossibleNow
from engine.guiding import trial
from engine.guiding.clearing import plan_clearing
from engine.guiding.steps import find_invented, read_guide
from engine.people.actor import Actor, require_admin
from engine.storage.releases import find_current
from engine.storage.store import Store
from web import demo
from web.gate import locale, reads, settings, store, writes
from web.guide_view import URL, say_minutes
from web.pages.frame import page_shell
from web.pages.guide import note
from web.reporting.address import read_asked
from web.reporting.dash_page import view_dashboard
from web.reporting.index_page import dashboard_url
from web.shell import add_toast

_loading = threading.Lock()
_log = logging.getLogger("formwork.demo")


@reads
def show_demo() -> Any:
    """Show what there is of the demo and what may be done with it."""
    note("demo")
    text, plan, invented = locale(), plan_clearing(g.session), find_invented(g.session)
    app = g.session.app
    kinds = [
        {
            "label": text.label(app.entities[key].label),
            "going": len(plan.going.get(key, ())),
            "kept": plan.kept.get(key),
        }
        for key in app.entities
        if key in plan.going or key in plan.kept
    ]
    page = {
        "title": text.t("guide.demo"),
        "loading": _loading.locked(),
        "there": bool(invented.people),
        "brings": _demo_of_release() is not None,
        "people": len(plan.people),
        "records": plan.count,
        "kinds": kinds,
        "load_url": f"{URL}/demo/load",
        "clear_url": f"{URL}/demo/clear",
        "confirm": text.t("guide.demo_confirm", n=plan.count, people=len(plan.people)),
    }
    return render_template("pages/guide_demo.html", page=page, shell=page_shell())


@writes
def load_demo() -> Any:
    """Begin to load the demo of the release; it plays beside this process's requests."""
    require_admin(g.actor)
    sources = _demo_of_release()
    if sources is None:
        raise NotPossibleNow("guide.no_demo")
    if find_invented(g.session).people or not _loading.acquire(blocking=False):
        raise NotPossibleNow("guide.demo_there")
    thread = threading.Thread(target=_load, args=(store(), settings().files_dir, sources, g.actor), daemon=True)
    g.session.after_commit(thread.start)
    add_toast(locale().t("guide.demo_begun"))
    return redirect(f"{URL}/demo", 303)


@writes
def clear_demo() -> Any:
    """Clear the demo."""
    require_admin(g.actor)
    if _loading.locked():
        raise NotPossibleNow("guide.demo_there")
    done = demo.clear_demo(g.session, actor=g.actor)
    add_toast(locale().t("guide.demo_cleared", n=done.count))
    return redirect(f"{URL}/demo", 303)


@reads
def show_trial() -> Any:
    """Show the trial: its days while it runs, its report at the end."""
    note("trial")
    text, found, guide = locale(), trial.read_trial(g.session), read_guide(g.session)
    today = text.local(g.session.now()).date()
    page: dict[str, Any] = {
        "title": text.t("guide.trial"),
        "begin_url": f"{URL}/trial/begin",
        "end_url": f"{URL}/trial/end",
        "trial": None,
        "facts": [
            {"label": text.t("guide.fact_steps"), "value": f"{guide.done}/{len(guide.steps)}"},
            {"label": text.t("guide.fact_time"), "value": say_minutes(guide.kept.seconds)},
            *(
                {"label": text.t(f"guide.step_{one.kind}", entity=text.label(g.session.app.entities[one.entity].label)),
                 "value": str(one.count)}
                for one in guide.steps
                if one.entity
            ),
        ],
        "dash": None if found is None else _figures(found, today),
    }  # fmt: skip
    if found is not None:
        page["trial"] = {
            "from": text.date(found.began),
            "until": text.date(found.until),
            "day": text.t("guide.trial_day", n=found.day(today), of=trial.LENGTH.days),
            "due": today >= found.until,
            "ended": text.datetime(found.ended) if found.ended is not None else None,
        }
    return render_template("pages/guide_trial.html", page=page, shell=page_shell())


@writes
def begin_trial() -> Any:
    """Begin a trial today."""
    trial.begin_trial(g.session, actor=g.actor)
    return redirect(f"{URL}/trial", 303)


@writes
def end_trial() -> Any:
    """End the trial that runs."""
    trial.end_trial(g.session, actor=g.actor)
    return redirect(f"{URL}/trial", 303)


ROUTES = (
    (f"{URL}/demo", ["GET"], show_demo),
    (f"{URL}/demo/load", ["POST"], load_demo),
    (f"{URL}/demo/clear", ["POST"], clear_demo),
    (f"{URL}/trial", ["GET"], show_trial),
    (f"{URL}/trial/begin", ["POST"], begin_trial),
    (f"{URL}/trial/end", ["POST"], end_trial),
)


def _figures(found: trial.Trial, today: date) -> dict[str, Any] | None:
    """Return the dashboard that belongs to the report, over the days of the trial there have been."""
    board = next((one for one in reports.list_dashboards(g.session, actor=g.actor) if one.trial), None)
    if board is None:
        return None
    over = found.until if found.ended is None else locale().local(found.ended).date()
    days = f"{found.began}..{max(found.began, min(over, found.until, today))}"
    asked = read_asked(dashboard_url(board.key), MultiDict({"period": days}), period=board.period, today=today)
    return view_dashboard(asked, board)


def _demo_of_release() -> SourceFolder | None:
    current = find_current(g.session.connection)
    has = current is not None and any(find_kind(path) == "demo" for path in current.sources)
    return SourceFolder(current.sources) if current is not None and has else None


def _load(here: Store, files_dir: Path, sources: SourceFolder, actor: Actor) -> None:
    """Play the story with a clock of its own."""
    try:
        clock = SetClock(here.clock.now())
        demo.load_demo(Store(here.database, files_dir, clock), clock, sources, actor=actor)
    except Exception:
        _log.exception("The demo could not be loaded")
    finally:
        _loading.release()
