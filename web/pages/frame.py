"""What every page of a signed-in person has around it.

Enters: the request's session and actor. Leaves: the shell with the number of approvals that wait.
"""

from typing import Any

from flask import g

from engine.workflow import inbox
from web.shell import make_shell


def page_shell(*, q: str = "") -> dict[str, Any]:
    """Return the shell of a page."""
    return make_shell(waiting=inbox.count_tasks(g.session, actor=g.actor), q=q)
