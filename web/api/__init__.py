"""The JSON API under ``/api/v1``: the same commands and queries as the pages, for programs.

Enters: requests with a bearer token, or with the session cookie and a CSRF token. Leaves: JSON, errors as RFC 9457
problems. Must not do anything the engine does not offer to pages too.
"""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint

from web.api import (
    accounts,
    buttons,
    comments,
    disputes,
    exports,
    files,
    many,
    merging,
    openapi,
    people,
    pools,
    records,
    report_views,
    reports,
    runs,
    sharing,
    tasks,
    views,
)
from web.api.answers import PREFIX
from web.gate import takes_narrow_tokens

MODULES: Sequence[Any] = (
    openapi, tasks, people, accounts, files, many, views, comments, sharing, exports, merging, disputes, pools, buttons,
    reports, report_views, runs,
    records,
)  # fmt: skip
OF_RECORDS = (openapi, files, many, buttons, records)
"""What answers nothing but the fields of records, by rights: all that a narrowed token or a service reaches."""


def make_blueprint() -> Blueprint:
    """Return the blueprint ``api`` with every route."""
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)
    for module in MODULES:
        for rule, methods, view in module.ROUTES:
            if module in OF_RECORDS:
                takes_narrow_tokens(view)
            blueprint.add_url_rule(rule, view_func=view, methods=methods)
    return blueprint
