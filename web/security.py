"""What every answer carries to protect whoever reads it, and where one may be sent after signing in.

Enters: an answer, an address. Leaves: the answer with its headers, a safe address. Must not let inline script or
style through, nor send anyone to another site.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

_UNFRAMED = "frame-ancestors 'none'"
_CSP = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "form-action 'self'",
        _UNFRAMED,
        "img-src 'self' data: blob:",
        "connect-src 'self'",
    )
)
_HEADERS = (
    ("Content-Security-Policy", _CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), geolocation=(self), microphone=(self), interest-cohort=()"),
)
_API_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_OWN = ("Content-Security-Policy", "Cross-Origin-Resource-Policy")
"""What a view may set otherwise."""
_HSTS = (("Strict-Transport-Security", "max-age=31536000"),)


def protect_answers(app: Flask, *, secure: bool) -> None:
    """Give every answer of ``app`` its headers; a policy or caching rule a view has set stays as it is."""
    pages = _HEADERS + (_HSTS if secure else ())
    api = _API_HEADERS + (_HSTS if secure else ())

    @app.after_request
    def add_headers(answer: Response) -> Response:
        headers = answer.headers
        own = {name for name in _OWN if name in headers}
        framed = bool(g.get("framed"))
        for name, value in api if request.path.startswith("/api/") else pages:
            if name not in own and not (framed and name == "X-Frame-Options"):
                headers.add(name, value)
        if "Cache-Control" not in headers:
            headers.add("Cache-Control", "no-store")
        return answer


def let_frame(answer: Response, sites: Collection[str]) -> Response:
    """Let pages of these sites show an answer in a frame; of none unless there are any."""
    if sites:
        answer.headers["Content-Security-Policy"] = _CSP.replace(_UNFRAMED, f"frame-ancestors {' '.join(sites)}")
        g.framed = True  # the older header knows no sites
    return answer


def safe_next(target: str | None, default: str = "/") -> str:
    """Return an address on this site to go to next: a path, never a host, a scheme or a backslash."""
    if not target or len(target) > 2000 or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    if "\\" in target or any(ord(letter) < 32 for letter in target):
        return default
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else default
