"""Why a field of a form must be filled in or cannot be changed: the rule in words, its release, where it is written.

Enters: a field or cell with the state of its conditions. Leaves: one sentence, or None where nothing needs to be
explained. Must not say a rule that speaks of a field the reader may not see.
"""

from collections.abc import Callable, Mapping

from flask import g

from engine.compiler.app import Entity, Expression, Field, Stage
from engine.records.field_states import FieldState
from engine.records.rights import Rights
from engine.workflow.rule_words import say_expression
from web.gate import locale, rule_place


def explainer(
    entity: Entity, rights: Rights, states: Mapping[str, FieldState], stage: Stage | None
) -> Callable[[Field, str], str | None]:
    """Return what says why a field, or at ``items.2.discount`` a cell, of this form is as it is."""

    def why(field: Field, path: str) -> str | None:
        state, text, lines = states.get(path), locale(), path.partition(".")[0] if "." in path else None
        if state is not None and state.readonly and field.readonly_when is not None:
            return _said("form.why_readonly", field.readonly_when, _hidden(rights, lines))
        if stage is not None and path in stage.locked and not field.readonly:
            return text.t("form.why_locked", stage=text.label(stage.label))
        if state is not None and field.required_when is not None and not field.required:
            return _said("form.why_required", field.required_when, _hidden(rights, lines))
        return None

    return why


def _hidden(rights: Rights, lines: str | None) -> frozenset[str]:
    """Return what must not be spoken of, by the names a rule of the record, or of a row of ``lines``, has for it."""
    if lines is None:
        return rights.hidden
    return frozenset(name.removeprefix(f"{lines}.") for name in rights.hidden if name.startswith(f"{lines}."))


def say_open_rule(rule: Expression, hidden: frozenset[str]) -> str | None:
    """Return a rule in words, None when it speaks of a field that is ``hidden`` from the reader."""
    if any(name in hidden for use in rule.checked.uses for name in (use[0], ".".join(use))):
        return None
    return say_expression(g.session.app, rule, locale().language)


def _said(code: str, rule: Expression, hidden: frozenset[str]) -> str | None:
    words, place = say_open_rule(rule, hidden), rule_place(rule.location)
    if words is None:
        return None
    said = locale().t(code, rule=words)
    return said + locale().t("form.why_place", place=place, release=g.session.release_id or 0) if place else said
