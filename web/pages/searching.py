"""One box over everything the reader may see.

Enters: a few words. Leaves: records by kind.
"""

from typing import Any

from flask import g, render_template, request

from engine.records import queries
from engine.records.queries import Found
from web.cells import Cells, record_url
from web.gate import locale, now, reads
from web.pages.frame import page_shell
from web.shell import ENTITY_URL

_SHOWN = 8


@reads
def show() -> Any:
    """Show what was found."""
    q, text = request.args.get("q", "")[:100].strip(), locale()
    found = queries.search(g.session, q, actor=g.actor, limit=_SHOWN + 1)
    total = sum(min(len(hits), _SHOWN) for hits in found.values())
    view = {
        "q": q,
        "groups": [_group(key, hits, q) for key, hits in found.items()],
        "total_text": text.t("search.total", count=total) if total else None,
        "empty": {
            "icon": "search",
            "title": text.t("search.none" if q else "search.start"),
            "text": text.t("search.hint"),
            "action": None,
        },
    }
    return render_template("pages/search.html", search=view, shell=page_shell(q=q))


ROUTES = (("/search", ["GET"], show),)


def _group(key: str, hits: list[Found], q: str) -> dict[str, Any]:
    entity, cells = g.session.app.entities[key], Cells(locale(), now())
    entries = [
        {"title": hit.text, "number": hit.number if hit.number != hit.text else None, "url": record_url(key, hit.id),
         "hint": None, "stage": cells.stage(entity, hit.stage)}
        for hit in hits[:_SHOWN]
    ]  # fmt: skip
    more = len(hits) > _SHOWN
    url = f"{ENTITY_URL.format(entity=key)}?q={q}" if more else None
    return {"label": locale().label(entity.label), "icon": entity.icon, "url": url, "entries": entries, "more": more}
