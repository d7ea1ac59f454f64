"""Serving the built front end: hashed files that never change, before Flask sees the request.

Enters: ``web/static/dist``. Leaves: answers under ``/static/dist/``. Must not build anything; what a plain name stands
for is said by ``page_kit``.
"""

import re
from typing import Any

from flask import Flask
from whitenoise import WhiteNoise

from web.page_kit import BUILT

_HASHED = re.compile(r"-[0-9a-f]{8,}\.\w+$")
_HOUR = 3600


def serve_assets(app: Flask) -> None:
    """Put the built files in front of ``app``."""
    folder = BUILT
    if folder.is_dir():
        app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
            app.wsgi_app,
            root=str(folder),
            prefix="/static/dist/",
            max_age=_HOUR,
            allow_all_origins=False,
            immutable_file_test=lambda path, url: bool(_HASHED.search(url)),
            add_headers_function=_add_headers,
        )


def _add_headers(headers: Any, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if path.endswith("manifest.json"):
        headers["Cache-Control"] = "no-cache"
