"""Baselines, for administrators: what each figure was at the beginning, typed or worked out of a period.

Enters: values for figures, or a period. Leaves: stored baselines. Must not invent one: a figure without a value in the
period keeps what it has.
"""

from typing import Any

from flask import g, redirect, render_template, request

from engine import reports
from engine.errors import InvalidValues
from engine.people.actor import require_admin
from engine.reports import baselines
from engine.reports.values import say_in_unit
from web.gate import locale, reads, writes
from web.pages.frame import page_shell
from web.shell import add_toast

URL = "/admin/baselines"
_MOST = 500


@reads
def show() -> Any:
    """Show every figure with its baseline."""
    require_admin(g.actor)
    return _page()


@writes
def save() -> Any:
    """Store what was typed."""
    require_admin(g.actor)
    try:
        for key, known in list(_figures().items())[:_MOST]:
            written = request.form.get(f"value.{key}")
            if written is not None and written.strip() != _written(known["stored"], known["figure"]):
                baselines.set_baseline(g.session, key, written, note=request.form.get("note", ""), actor=g.actor)
    except InvalidValues as refused:
        return _page(refused), 422
    add_toast(locale().t("baseline.saved"))
    return redirect(URL, 303)


@writes
def compute() -> Any:
    """Store what the ticked figures were in a period."""
    require_admin(g.actor)
    try:
        done = [
            baselines.compute_baseline(g.session, key, request.form.get("period", ""), actor=g.actor)
            for key in request.form.getlist("figure")[:_MOST]
        ]
    except InvalidValues as refused:
        return _page(refused), 422
    stored = sum(value is not None for value in done)
    add_toast(locale().t("baseline.computed", count=stored, without=len(done) - stored), "ok" if stored else "warn")
    return redirect(URL, 303)


ROUTES = (
    (URL, ["GET"], show),
    (URL, ["POST"], save),
    (f"{URL}/compute", ["POST"], compute),
)


def _figures() -> dict[str, dict[str, Any]]:
    stored = baselines.list_baselines(g.session)
    return {
        key: {"figure": figure, "stored": stored.get(key)}
        for key, figure in g.session.app.figures.items()
        if reports.sees_figure(g.session, figure, g.actor)
    }


def _page(refused: InvalidValues | None = None) -> str:
    text = locale()
    errors = {one.path: one.text(text.language) for one in refused.errors} if refused is not None else {}
    rows = [
        {
            "key": key,
            "label": text.label(one["figure"].label),
            "help": text.label(one["figure"].help),
            "value": request.form.get(f"value.{key}", _written(one["stored"], one["figure"])),
            "unit": text.t(f"baseline.unit_{one['figure'].unit}"),
            "target": say_in_unit(text, one["figure"].target, one["figure"].unit) if one["figure"].target else None,
            "about": _about(one["stored"]),
            "error": errors.get(key),
        }
        for key, one in _figures().items()
    ]
    page = {"rows": rows, "period": request.form.get("period", "last month"), "error": errors.get("period")}
    return render_template("pages/baselines.html", page=page, shell=page_shell())


def _written(stored: baselines.Baseline | None, figure: Any) -> str:
    """Return a baseline as it is typed."""
    if stored is None:
        return ""
    return locale().percent(stored.value) if figure.unit == "percent" else f"{stored.value.normalize():f}"


def _about(stored: baselines.Baseline | None) -> str | None:
    if stored is None:
        return None
    text = locale()
    code = "baseline.computed_of" if stored.source == "computed" else "baseline.entered"
    said = text.t(code, note=stored.note or "").strip()
    return f"{said} · {stored.set_by or ''} {text.datetime(stored.set_at)}".strip()
