"""Conditions of steps and gates in plain words, with the labels of the app.

Enters: a compiled expression and the reader's language. Leaves: one phrase. Must not evaluate anything.
"""

from engine import messages
from engine.compiler.app import Approval, CompiledApp, Expression, Label
from engine.compiler.collection_words import find_shown_field, name_rows
from engine.expression.explain import explain
from engine.expression.types import USER_SHAPE


def say_expression(app: CompiledApp, expression: Expression, language: str, approval: Approval | None = None) -> str:
    """Return a condition as a person would say it; names of ``let`` by their labels."""

    def label(shape: str, key: str) -> str:
        return messages.say(_label(app, approval, shape, key), language)

    def option(shape: str, key: str, value: str) -> str:
        return messages.say(_option(app, shape, key, value), language)

    return explain(expression.checked, label, language, option)


def say_rule(app: CompiledApp, approval: str, step: str, written: str, language: str) -> str:
    """Return why a step is there: its condition in words, or as it was ``written`` when a newer release changed it."""
    compiled = app.approvals.get(approval)
    found = compiled.steps.get(step) if compiled is not None else None
    if found is None or found.when is None or found.when.text != written:
        return written
    return say_expression(app, found.when, language, compiled)


def say_branch(app: CompiledApp, approval: str, branch: str, written: str, language: str) -> str:
    """Return the condition of a branch (``step.branch``) in words, or as it was ``written``, as ``say_rule`` does."""
    compiled = app.approvals.get(approval)
    step = compiled.steps.get(branch.rpartition(".")[0]) if compiled is not None else None
    found = next((one for one in step.branches if one.key == branch), None) if step is not None else None
    if found is None or found.when is None or found.when.text != written:
        return written
    return say_expression(app, found.when, language, compiled)


def _label(app: CompiledApp, approval: Approval | None, shape: str, key: str) -> Label | str:
    if not shape:
        return approval.let_labels.get(key, key) if approval is not None else key
    if shape.startswith("@") and key in app.entities:  # user.quote: the quotes of whoever asks
        return app.entities[key].label
    if shape.startswith("@"):
        key = "team" if key == "department" else key
        return {language: messages.text(f"workflow.field_{key}", language) for language in messages.LANGUAGES}
    field = find_shown_field(app, shape, key)
    if field is not None:
        return field.label
    if key in _SYSTEM:
        return {language: messages.text(f"workflow.field_{key}", language) for language in messages.LANGUAGES}
    return name_rows(app, shape, key) or key


def _option(app: CompiledApp, shape: str, key: str, value: str) -> Label | str:
    if shape == USER_SHAPE:
        role = app.roles.get(value)
        return value if role is None else role.label
    entity = app.entities[shape.partition(".")[0]]
    if key == "stage" and entity.workflow is not None and value in entity.workflow.stages:
        return entity.workflow.stages[value].label
    field = find_shown_field(app, shape, key)
    return field.options.get(value, value) if field is not None else value


_SYSTEM = frozenset({"id", "number", "stage", "owner", "team", "created_at", "created_by", "updated_at", "updated_by"})
