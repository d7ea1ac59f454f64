"""Approval steps that would find nobody: said before a folder is published, not when the first quote is stuck.

Enters: a compiled app and the people there are. Leaves: a problem for each step whose role nobody holds. Must not
refuse a publish: people may be given the role a minute later, and until then the ``empty`` policy is asked.
"""

from sqlalchemy import Connection

from engine.compiler.app import CompiledApp, Label
from engine.errors import Problem
from engine.people import directory


def check_staffing(connection: Connection, app: CompiledApp) -> list[Problem]:
    """Return a problem (A003) for each step that asks a role nobody holds."""
    empty = {role for role in app.roles if not directory.holders_of(connection, role)}
    return [
        Problem("A003", one.location, _params(app, one.name, step.label, approval.label))
        for approval in app.approvals.values()
        for step in approval.steps.values()
        for one in step.who
        if one.kind == "role" and one.name in empty
    ]


def _params(app: CompiledApp, role: str, step: Label, approval: Label) -> dict[str, object]:
    return {"role": app.roles[role].label, "step": step, "approval": approval}
