"""One box over everything the reader may see.

Enters: a few words. Leaves: records by kind, as a page or, while somebody types, as what unfolds below the box.
"""

from typing import Any

from flask import render_template, request

from web.gate import reads
from web.pages.frame import page_shell
from web.search_view import view_search


@reads
def show() -> Any:
    """Show what was found."""
    q = request.args.get("q", "")[:100].strip()
    if request.headers.get("HX-Request"):
        return render_template("fragments/found.html", search=view_search(q, brief="wide" not in request.args))
    return render_template("pages/search.html", search=view_search(q), shell=page_shell(q=q))


ROUTES = (("/search", ["GET"], show),)
