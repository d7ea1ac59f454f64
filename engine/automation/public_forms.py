"""The forms that visitors of a website fill in: which are open, and from what was typed to a call.

Enters: the name of an address, and what a visitor typed. Leaves: a ``Call`` such as another system makes, or one error
for each thing that is wrong. Must not tell a stranger what there is, nor begin a run: ``receiving.keep_call`` does, for
every way in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.automation import states
from engine.automation.payloads import nest, take
from engine.automation.receiving import Call, find_automation, find_record
from engine.compiler.app import Automation, Field
from engine.compiler.app.automations import PublicForm
from engine.compiler.readers import Wrong, is_empty
from engine.errors import FieldError, InvalidValues, NotFound, NotPossibleNow
from engine.expression.resolved import Outer
from engine.expression.types import PAYLOAD_SHAPE
from engine.records.evaluation import site_zone
from engine.storage.store import Session

PREFIX = "/form"
"""Begins the addresses."""
CONSENT = "_consent"
"""Under what the tick below the sentence of consent is sent; no part of ``takes`` can be called so."""
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class OpenForm:
    """A form that takes something now; ``goes_into`` are the fields that get what is typed, by what is asked."""

    automation: Automation
    form: PublicForm
    goes_into: Mapping[str, tuple[Field, ...]]

    def is_required(self, key: str) -> bool:
        """Return whether it must be filled in: the form says so, or the field it goes into."""
        return self.form.asked[key].required or any(field.required for field in self.goes_into[key])

    def fields_of(self, key: str) -> tuple[Field, ...]:
        """Return the fields that judge what is typed: how it is taken, and where it goes."""
        return self.automation.on.takes[key].field, *self.goes_into[key]


def find_form(session: Session, hook: str) -> OpenForm:
    """Return the form at an address; raises ``NotFound`` when there is none, or it is closed: which, nobody is told."""
    automation = find_automation(session, hook)
    form = automation.on.form if automation is not None else None
    closed = form is None or form.about is not None  # what is about one record is reached by its link alone
    if automation is None or closed or find_obstacle(session, automation) is not None:
        raise NotFound("automation.no_form")
    return open_form(session, automation)


def open_form(session: Session, automation: Automation) -> OpenForm:
    """Return the form of an automation that has one, whoever it is open to."""
    form = automation.on.form
    assert form is not None  # noqa: S101 - asked before
    return OpenForm(automation, form, {key: tuple(_goes_into(session, automation, key)) for key in form.asked})


def find_obstacle(session: Session, automation: Automation) -> NotFound | NotPossibleNow | None:
    """Return why a form is closed although there is one: for administrators."""
    if automation.retired or states.is_disabled(session, automation.key):
        return NotPossibleNow("automation.receives_not", name=automation.on.hook)
    off = next((step.name for step in automation.do if step.kind == "create" and step.name in session.app.off), None)
    if off is not None:
        return NotPossibleNow("automation.form_off", name=session.app.entities[off].label)
    if automation.on.find is not None:
        try:
            find_record(session, automation, {})
        except NotFound as refused:
            return refused
        except InvalidValues:
            return NotFound("automation.no_form")
    return None


def read_answers(session: Session, opened: OpenForm, given: Mapping[str, str], *, token: str) -> Call:
    """Return what a visitor sent; ``token`` is that of the page: sent twice, it is one call.

    Raises ``InvalidValues`` with the errors by what is asked.
    """
    form, automation = opened.form, opened.automation
    errors = [error for key in form.asked for error in _judge(opened, key, given.get(key, ""))]
    if form.consent and is_empty(given.get(CONSENT)):
        errors.append(FieldError(CONSENT, "automation.no_consent"))
    if not _TOKEN.fullmatch(token):
        errors.append(FieldError("", "people.form_expired"))
    if errors:
        raise InvalidValues(errors)
    sent = {key: given[key] for key in form.asked if not is_empty(given.get(key))}
    return Call(automation.on.hook, f"form_{token}", take(automation, nest(automation, sent), site_zone(session.app)))


def _judge(opened: OpenForm, key: str, typed: str) -> Iterator[FieldError]:
    """Yield what is wrong with one answer, one sentence at most."""
    if is_empty(typed):
        if opened.is_required(key):
            yield FieldError(key, "value.required", {"label": opened.form.asked[key].label})
        return
    try:
        for field in opened.fields_of(key):
            field.type.parse(typed, field)
    except Wrong as wrong:
        yield FieldError(key, wrong.code, wrong.params)


def _goes_into(session: Session, automation: Automation, key: str) -> Iterator[Field]:
    """Yield the fields that get a part as it is: of what is made, or of the record it is about."""
    for step in automation.do:
        entity = session.app.entities.get(step.name if step.kind == "create" else automation.entity)
        if entity is None or step.kind not in ("create", "set"):
            continue
        for name, value in step.values.items():
            tree = value.checked.tree
            if isinstance(tree, Outer) and (tree.entity, tree.name) == (PAYLOAD_SHAPE, key) and name in entity.fields:
                yield entity.fields[name]
