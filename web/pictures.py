"""The picture of a message, for whoever has its address: a chat shows it without signing in.

Enters: a signed name. Leaves: a PNG, or nothing at all. Must not tell a wrong address from one that has ended.
"""

from typing import Any

from flask import Response

from engine.channels import pictures
from engine.errors import NotPossibleNow
from web.gate import open_to_all, settings, store

PREFIX = pictures.PREFIX
_HEADERS = {
    "Content-Type": "image/png",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",  # mail and chat in a browser show it within their own pages
    "Cache-Control": "private, max-age=86400",
    "X-Robots-Tag": "noindex",
}


@open_to_all
def show(picture: str) -> Any:
    """Show a picture for as long as it is kept."""
    key = settings().secret_key
    with store().read() as session:
        found = pictures.find_by_name(session, picture, key=key) if key else None
    if found is None:
        return Response(status=404)
    try:
        return Response(found.draw(store().fonts), 200, _HEADERS)
    except NotPossibleNow:
        return Response(status=404)
