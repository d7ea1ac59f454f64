"""Where a request comes from, and where its page can be seen again.

Enters: the request. Leaves: paths on this site. Must not decide whether anybody may go there: the page does.
"""

from urllib.parse import urlsplit

from flask import current_app, request


def page_behind() -> str | None:
    """Return the path of the page on this site that sent this; its form shows what was typed after signing in."""
    referrer = urlsplit(request.referrer or "")
    return referrer.path if referrer.netloc == request.host else None


def own_page() -> str | None:
    """Return the address of what was posted to, where that is a page of its own as well."""
    itself = request.method == "POST" and "GET" in _methods_here()
    return request.full_path.rstrip("?") if itself else None


def find_here() -> str:
    """Return where the page that answers this request can be seen again: its own address, else where it came from."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    return own_page() or page_behind() or "/"


def _methods_here() -> set[str]:
    """Return every method that the address of this request answers to."""
    adapter = current_app.create_url_adapter(request)
    return set(adapter.allowed_methods()) if adapter is not None else set()
