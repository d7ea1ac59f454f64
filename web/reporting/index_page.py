"""What there is to look at for one reader: dashboards, and reports by the thing they are about.

Enters: the actor, the words that are looked for. Leaves: the ``page`` of ``pages/reports.html``. Must not name a report
of which the reader sees nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from engine import reports
from engine.compiler.app import Dashboard
from engine.reports import kept_views
from engine.reports.kept_views import ReportView
from engine.romanised import sounds_in
from web.gate import locale
from web.reporting.address import funnel_url, report_url
from web.reporting.report_page import ICONS
from web.reporting.view_menu import url_of
from web.reporting.waiting import REPORTS_URL

DASHBOARD_URL = "/dashboards/{key}"


def view_index(q: str = "") -> dict[str, Any]:
    """Return the view of the index: all there is, or what is called or explained by every word of ``q``."""
    text = locale()
    boards = reports.list_dashboards(g.session, actor=g.actor)
    home = reports.home_of(g.session, actor=g.actor)
    groups: dict[str, dict[str, Any]] = {}
    for report in reports.list_reports(g.session, actor=g.actor):
        _group(groups, report.key)["reports"].append({
            "label": text.label(report.label), "url": report_url(report.key), "help": text.label(report.help),
            "icon": ICONS[report.chart],
        })  # fmt: skip
    for funnel in reports.list_funnels(g.session, actor=g.actor):
        _group(groups, funnel.key)["reports"].append({
            "label": text.label(funnel.label), "url": funnel_url(funnel.key), "help": text.label(funnel.help),
            "icon": ICONS["funnel"],
        })  # fmt: skip
    none = {"icon": "chart-bar", "title": text.t("reports.none"), "text": text.t("reports.none_text"), "action": None}
    page = {
        "dashboards": [_board(one, home) for one in boards],
        "views": [_kept(one) for one in kept_views.list_all(g.session, actor=g.actor)],
        "groups": list(groups.values()),
        "baselines_url": "/admin/baselines" if g.actor.is_admin else None,
        "empty": None if boards or groups else none,
        "url": REPORTS_URL,
        "q": q,
    }
    return _narrow(page, q.casefold().split()) if q else page


def dashboard_url(key: str) -> str:
    """Return the page of a dashboard."""
    return DASHBOARD_URL.format(key=key)


def has_reports() -> bool:
    """Return whether the definition has anything to look at; asked by the menu, which reads no records."""
    app = g.session.app
    return bool(app.reports or app.funnels or app.dashboards)


def _narrow(page: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Leave of an index what every word is found in: written, by its sound or by its initials."""

    def fits(one: Mapping[str, Any], about: str = "") -> bool:
        said = " ".join((one["label"], one.get("help") or one.get("about") or "", about)).casefold()
        return all(sounds_in(said, word) for word in words)

    page["dashboards"] = [one for one in page["dashboards"] if fits(one)]
    page["views"] = [one for one in page["views"] if fits(one)]
    groups = (
        {**group, "reports": [one for one in group["reports"] if fits(one, group["label"])]} for group in page["groups"]
    )
    page["groups"] = [group for group in groups if group["reports"]]
    if not (page["dashboards"] or page["views"] or page["groups"] or page["empty"]):
        text = locale()
        clear = {"label": text.t("list.clear"), "url": REPORTS_URL}
        hint = text.t("reports.not_found_hint")
        page["empty"] = {"icon": "search", "title": text.t("reports.not_found"), "text": hint, "action": clear}
    return page


def _board(board: Dashboard, home: Dashboard | None) -> dict[str, Any]:
    text = locale()
    roles = [text.label(g.session.app.roles[key].label) for key in sorted(board.roles) if key in g.session.app.roles]
    return {
        "label": text.label(board.label),
        "url": dashboard_url(board.key),
        "about": text.t("text.comma").join(roles),
        "mine": home is not None and home.key == board.key,
    }


def _kept(view: ReportView) -> dict[str, Any]:
    app, text = g.session.app, locale()
    kinds = {"report": app.reports, "figure": app.figures, "funnel": app.funnels}
    about = text.label(kinds[view.kind][view.key].label)
    mine = view.owner_id == g.actor.id
    return {"label": view.name, "url": url_of(view), "about": about if mine else f"{about} · {view.owner}"}


def _group(groups: dict[str, dict[str, Any]], key: str) -> dict[str, Any]:
    """Return the group of the thing a report is about: what its key begins with."""
    about = key.partition(".")[0]
    entity = g.session.app.entities.get(about)
    label = locale().label(entity.label) if entity is not None else about
    return groups.setdefault(about, {"label": label, "reports": []})
