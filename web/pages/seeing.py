"""Who sees a record and why, for its owner and administrators; and who sees what of mine, for everybody.

Enters: a record, or nothing but the reader. Leaves: people with the rules that let them see it. Must not tell anybody
else: the engine refuses.
"""

from collections.abc import Collection
from typing import Any

from flask import g, render_template, url_for

from engine import reports
from engine.compiler.app import Entity
from engine.people import departments
from engine.records import queries, seeing
from engine.records.rights import find_rights, get_entity
from engine.records.seeing import Seer, Why
from web.api.requests import read_id
from web.cells import Cells, record_url, title_of
from web.gate import locale, now, reads, rule_place
from web.pages.frame import page_shell
from web.reporting.address import figure_url, report_url
from web.why_view import say_open_rule

_MOST_FIELDS = 8
"""Fields that are named of those somebody does not see; the line says how many there are."""


@reads
def of_record(entity: str, record_id: str) -> Any:
    """Show everybody who sees a record, each with every reason."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    found, more = seeing.list_seers(g.session, record, actor=g.actor)
    compiled, text = get_entity(g.session.app, entity), locale()
    here = record_url(entity, record.id)
    page = {
        "title": text.t("seeing.title"),
        "text": text.t("seeing.text"),
        "crumbs": [{"url": here, "label": title_of(compiled, record)}],
        "groups": [
            {"label": None, "icon": None, "people": _people(compiled, found, here), "more": more, "figures": None}
        ],
    }
    return render_template("pages/seeing.html", page=page, shell=page_shell())


@reads
def of_mine() -> Any:
    """Show who sees what the reader owns, entity by entity, and which figures are looked at person by person."""
    text, app = locale(), g.session.app
    groups = []
    rights = {key: find_rights(app, app.entities[key], g.actor) for key in app.menu or tuple(app.entities)}
    mine = [key for key, own in rights.items() if own.create or own.write]
    for key, (found, more) in seeing.list_seers_of(g.session, mine, actor=g.actor).items():
        entity = app.entities[key]
        groups.append(
            {"label": text.label(entity.label), "icon": entity.icon, "people": _people(entity, found), "more": more}
            | {"figures": _figures(key, found), "people_text": text.t("seeing.people", count=len(found))}
        )
    page = {
        "title": text.t("seeing.mine"),
        "text": text.t("seeing.mine_text"),
        "crumbs": [],
        "groups": groups,
    }
    return render_template("pages/seeing.html", page=page, shell=page_shell())


ROUTES = (
    ("/e/<entity>/<record_id>/access", ["GET"], of_record),
    ("/settings/visibility", ["GET"], of_mine),
)


def _people(entity: Entity, found: list[Seer], here: str | None = None) -> list[dict[str, Any]]:
    cells, text = Cells(locale(), now()), locale()
    teams = {one.id: one.name for one in departments.list_departments(g.session.connection)}
    return [
        {
            "person": cells.person(one.name),
            "team": teams.get(one.team or 0),
            "see_as_url": _see_as(one, here),
            "access": text.t("share.write" if one.writes else "share.read"),
            "tone": "blue" if one.writes else "grey",
            "reasons": [_say(entity, why) for why in one.reasons],
            "not_seen": _not_seen(entity, one) if here is None else None,
        }
        for one in found
    ]


def _not_seen(entity: Entity, one: Seer) -> str | None:
    """Return which fields of the reader's records somebody does not see, or sees in part, in one line."""
    own, theirs = (find_rights(g.session.app, entity, actor).hidden for actor in (g.actor, one.actor))
    kept = [locale().label(entity.fields[key].label) for key in entity.fields if key in theirs and key not in own]
    if not kept:
        return None
    return locale().t("seeing.not_seen", fields=locale().t("text.comma").join(kept[:_MOST_FIELDS]), count=len(kept))


def _figures(entity: str, found: list[Seer]) -> dict[str, Any] | None:
    """Return which figures over an entity are looked at person by person, and by whom."""
    text, own = locale(), {one.key: one for one in reports.list_by_person(g.session, entity, actor=g.actor)}
    by_figure: dict[str, list[str]] = {}
    for one in found:
        for figure in reports.list_by_person(g.session, entity, actor=one.actor):
            by_figure.setdefault(figure.key, []).append(one.name)
    if not by_figure:
        return None
    rows = [
        {
            "label": text.label(own[key].label), "url": figure_url(key),
            "who": text.t("seeing.all_of_them") if len(names) == len(found) else text.t("text.comma").join(names),
        }
        for key, names in by_figure.items()
        if key in own
    ]  # fmt: skip
    unsaid = len(by_figure) - len(rows)
    rows += _announced(own)
    return {"title": text.t("seeing.figures", count=len(by_figure)), "rows": rows,
            "unsaid": text.t("seeing.figures_unsaid", count=unsaid) if unsaid else None}  # fmt: skip


def _announced(own: Collection[str]) -> list[dict[str, Any]]:
    """Return the reports that tell everybody who may open them who came first by one of some figures."""
    text = locale()
    return [
        {
            "label": text.label(one.label), "url": report_url(one.key),
            "who": text.t("seeing.announced", count=one.announce),
        }
        for one in reports.list_reports(g.session, actor=g.actor)
        if one.announce is not None and one.sort is not None and one.sort[0] in own
    ]  # fmt: skip


def _see_as(one: Seer, here: str | None) -> str | None:
    """Where an administrator goes on to see the record at ``here`` as somebody does; that page says as whom not."""
    if here is None or not g.actor.is_admin or one.id == g.actor.id:
        return None
    return url_for("pages.seeing_as_show", user_id=one.id, next=here)


def _say(entity: Entity, why: Why) -> dict[str, Any]:
    text, app = locale(), g.session.app
    if why.share is not None:
        until = why.share.ends_at
        said = text.t("seeing.share", by=why.share.by, to=why.share.name)
        return {"text": said, "place": text.t("share.to_day", date=text.last_day(until)) if until else None}
    if why.role is None:
        return {"text": text.t("seeing.asked"), "place": None}
    if why.scope is not None and why.scope in entity.scopes:
        hidden = find_rights(app, entity, g.actor).hidden
        rule = say_open_rule(entity.scopes[why.scope], hidden)
        scope = text.t("seeing.scope", rule=rule) if rule is not None else text.t("seeing.scope_unsaid")
    else:
        scope = text.say(f"explain.scope_{why.scope}")
    code = "seeing.role_some" if why.depends else "seeing.role"
    said = text.t(code, role=text.label(app.roles[why.role].label), scope=scope)
    return {"text": said, "place": rule_place(why.location)}
