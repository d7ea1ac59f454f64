"""Letting somebody outside answer a record: the page that makes the link.

Enters: a record and an automation whose form is about it. Leaves: the page, with the address once it was made. Must not
decide who may make one: the function that makes it does.
"""

from typing import Any

from flask import g, render_template, request

from engine.automation import visitor_links
from engine.automation.public_forms import PREFIX
from engine.compiler.app import Automation
from engine.errors import NotFound
from engine.records import queries
from web.api.requests import read_id
from web.cells import Cells, record_url, title_of
from web.gate import locale, now, reads, settings, writes
from web.pages.frame import page_shell


@reads
def show(entity: str, record_id: str, rule: str) -> Any:
    """Show what the link would let somebody do."""
    return _page(entity, read_id(record_id), rule, None)


@writes
def make(entity: str, record_id: str, rule: str) -> Any:
    """Make a link and show its address."""
    id_ = read_id(record_id)
    queries.get_record(g.session, entity, id_, actor=g.actor)
    automation = _automation(entity, rule)
    token, last = visitor_links.make_link(g.session, automation, id_, key=settings().secret_key, actor=g.actor)
    site = settings().public_url or request.host_url.rstrip("/")
    address = f"{site}{PREFIX}/{automation.on.hook}/{token}"
    until = locale().t("visitor_link.until", day=locale().date(last))
    return _page(entity, id_, rule, {"address": address, "until": until})


ROUTES = (
    ("/e/<entity>/<record_id>/link/<rule>", ["GET"], show),
    ("/e/<entity>/<record_id>/link/<rule>", ["POST"], make),
)


def _automation(entity: str, rule: str) -> Automation:
    found: Automation | None = g.session.app.automations.get(rule)
    if found is None or found.entity != entity or found.on.form is None or found.on.form.about is None:
        raise NotFound()
    return found


def _page(entity: str, id_: int, rule: str, made: dict[str, Any] | None) -> Any:
    record = queries.get_record(g.session, entity, id_, actor=g.actor)
    automation, text = _automation(entity, rule), locale()
    opened = visitor_links.find_opened(g.session, automation, id_)
    page = {
        "title": text.label(automation.label),
        "record": {"label": title_of(g.session.app.entities[entity], record), "url": record_url(entity, id_)},
        "can_make": automation in visitor_links.list_forms(g.session, record, actor=g.actor),
        "made": made,
        "lasting": visitor_links.is_lasting(automation),
        "opened": Cells(text, now()).when(opened) if opened is not None else None,
        "make_url": f"{record_url(entity, id_)}/link/{rule}",
    }
    return render_template("pages/visitor_link.html", page=page, shell=page_shell())
