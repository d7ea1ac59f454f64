"""The JSON API under ``/api/v1``: the same commands and queries as the pages, for programs.

Enters: requests with a bearer token, or with the session cookie and a CSRF token. Leaves: JSON, errors as RFC 9457
problems. Must not do anything the engine does not offer to pages too.
"""

from flask import Blueprint

from web.api import files, openapi, records, tasks
from web.api.answers import PREFIX


def make_blueprint() -> Blueprint:
    """Return the blueprint ``api`` with every route."""
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)
    for module in (openapi, tasks, files, records):
        for rule, methods, view in module.ROUTES:
            blueprint.add_url_rule(rule, view_func=view, methods=methods)
    return blueprint
