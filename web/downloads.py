"""Sending an attachment so that it can do no harm, whatever is in it.

Enters: an attachment the actor may see. Leaves: an answer that browsers store rather than run; pictures may be shown.
Must not decide who may see it.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response, request, send_file

from web.gate import store

_SHOWN = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
_NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox; frame-ancestors 'none'"


def send_attachment(found: Mapping[str, Any]) -> Response:
    """Return the content; with ``?inline=1`` a picture is shown, everything else is always stored."""
    shown = found["content_type"] in _SHOWN and request.args.get("inline") == "1"
    said = send_file(
        store().files.path(found["sha256"]),
        mimetype=found["content_type"],
        as_attachment=not shown,
        download_name=found["name"],
        etag=found["sha256"],
        last_modified=found["uploaded_at"],
        max_age=0,
    )
    said.headers["Content-Security-Policy"] = _NOTHING_RUNS
    said.headers["Cache-Control"] = "private, no-cache"
    return said
