"""The choice of a template as its pages show it.

Enters: what may be chosen, and how far installing is. Leaves: the ``page`` of ``pages/choose*.html``. Must not show
anything else of an installation.
"""

from collections.abc import Mapping
from typing import Any

from engine.guiding.offers import Offer
from engine.people import passwords
from web.first_choice import FirstChoice, Work
from web.gate import locale
from web.page_kit import has_text

_SHOWN = 8
"""Names of things on a card; the rest is counted."""


def view_choices(first: FirstChoice, given: Mapping[str, Any], errors: Mapping[str, str]) -> dict[str, Any]:
    """Return the templates with what each holds, and the form for the first administrator."""
    offers = first.offers or ()
    chosen = given["template"] or (offers[0].key if offers else "")
    labels = {one.key: one.label for one in offers}
    return {
        "offers": [_view_offer(one, labels, one.key == chosen) for one in offers],
        "name": given["name"],
        "login": given["login"],
        "demo": given["demo"],
        "least": passwords.MIN_LENGTH,
        "hint": locale().say("people.password_hint"),
        "errors": errors,
        "failed": first.failed(locale().language) if first.failed else None,
    }


def view_work(first: FirstChoice) -> dict[str, Any]:
    """Return how far installing is."""
    return {
        "title": locale().t("choose.installing" if first.is_working else "choose.reading"),
        "name": locale().label(first.chosen.offer.label) if first.is_working else None,
        "works": [_view_work(one) for one in first.works],
    }


def _view_work(work: Work) -> dict[str, Any]:
    return {"title": work.title, "done": work.done, "total": work.total, "ended": work.ended}


def _view_offer(offer: Offer, labels: Mapping[str, Mapping[str, str]], chosen: bool) -> dict[str, Any]:
    text = locale()
    comma, about = text.t("text.comma"), f"choose.about_{offer.key}"
    names = [text.label(one) for one in offer.things]
    more = len(names) - _SHOWN
    things = comma.join(names[:_SHOWN])
    base = labels.get(offer.extends or "")
    demo = "choose.demo_story" if offer.steps else "choose.demo_people"
    return {
        "key": offer.key,
        "label": text.label(offer.label),
        "about": text.t(about) if has_text(about) else None,
        "base": text.t("choose.stands_on", name=text.label(base)) if base else None,
        "chosen": chosen,
        "figures": [
            {"n": len(names), "label": text.t("choose.things")},
            {"n": len(offer.roles), "label": text.t("choose.roles")},
            {"n": offer.approvals, "label": text.t("choose.approvals")},
            {"n": offer.reports + offer.dashboards, "label": text.t("choose.reports")},
        ],
        "things": text.t("choose.and_more", names=things, n=more) if more > 0 else things,
        "roles": comma.join(text.label(one) for one in offer.roles),
        "demo": text.t(demo, people=offer.people, steps=offer.steps),
    }
