"""Sending an attachment so that it can do no harm, whatever is in it.

Enters: an attachment the actor may see. Leaves: an answer that browsers store rather than run; pictures may be shown.
Must not decide who may see it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Response, request, send_file

from engine.errors import NotFound
from engine.storage.pictures import PICTURES
from web.gate import store

_NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox; frame-ancestors 'none'"


def send_attachment(found: Mapping[str, Any]) -> Response:
    """Return the content; with ``?inline=1`` a picture is shown, everything else is always stored."""
    shown = found["content_type"] in PICTURES and request.args.get("inline") == "1"
    said = send_file(
        store().files.path(found["sha256"]),
        mimetype=found["content_type"],
        as_attachment=not shown,
        download_name=found["name"],
        etag=found["sha256"],
        last_modified=found["uploaded_at"],
        max_age=0,
    )
    return _guarded(said)


def send_made(path: Path, name: str) -> Response:
    """Return a file the program made for one person; nobody on the way keeps it."""
    said = send_file(path, as_attachment=True, download_name=name, max_age=0)
    said = _guarded(said)
    said.headers["Cache-Control"] = "no-store"
    return said


def send_thumbnail(found: Mapping[str, Any]) -> Response:
    """Return the thumbnail of a picture; raises ``NotFound`` for what has none."""
    small = store().files.thumbnail(found["sha256"]) if found["content_type"] in PICTURES else None
    if small is None:
        raise NotFound("storage.no_file")
    return _guarded(send_file(small, mimetype="image/webp", etag=f"{found['sha256']}-small", max_age=0))


def _guarded(said: Response) -> Response:
    said.headers["Content-Security-Policy"] = _NOTHING_RUNS
    said.headers["Cache-Control"] = "private, no-cache"
    return said
