"""Refusals of the pure core in the five branches of errors, with moments as people say them.

Enters: a ``Refusal`` and the moment of the session. Leaves: the error to raise. Must not decide anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine import messages
from engine.compiler.readers import REFUSED
from engine.errors import FieldError, FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.storage.store import Session
from engine.workflow.approval.world import Refusal

MAX_TEXT = 2_000


@dataclass(frozen=True)
class Moment:
    """A moment as people say it: the time alone today, with its date otherwise."""

    at: datetime
    now: datetime
    zone: str

    def text(self, language: str) -> str:
        """Return the moment on the clock of the site."""
        local, today = (moment.astimezone(ZoneInfo(self.zone)) for moment in (self.at, self.now))
        return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Verdict:
    """Whether what was done first is what somebody wanted: ``same``, ``opposite``, or ``other``."""

    kind: str

    def text(self, language: str) -> str:
        """Return what that means for them."""
        return messages.text(f"approval.verdict_{self.kind}", language)


def said_moment(session: Session, at: datetime) -> Moment:
    """Return ``at`` as it is said in this session."""
    return Moment(at, session.now(), session.app.timezone)


def to_error(session: Session, refusal: Refusal) -> FormworkError:
    """Return the error a refusal is told as."""
    params = {name: _said(session, name, value) for name, value in refusal.params.items()}
    branch = _BRANCHES.get(refusal.kind)
    if branch is not None:
        return branch(refusal.code, **params)
    path = _PATHS.get(refusal.code, "reason")
    return InvalidValues([FieldError(path, refusal.code, params)])


def _said(session: Session, name: str, value: Any) -> Any:
    if name == "verdict":
        return Verdict(value)
    return said_moment(session, value) if isinstance(value, datetime) else value


def say_refusal(refused: FormworkError, language: str) -> str:
    """Return why something was refused, all reasons in one line."""
    if isinstance(refused, InvalidValues):
        return " ".join(error.text(language) for error in refused.errors)
    return str(refused.text(language)) if hasattr(refused, "text") else str(refused)


def checked_text(text: str | None, path: str = "reason") -> str:
    """Return what somebody wrote, without blanks around it; ``InvalidValues`` when too long or not to be shown."""
    said = (text or "").strip()
    if REFUSED.search(said):
        raise InvalidValues([FieldError(path, "value.control")])
    if len(said) > MAX_TEXT:
        raise InvalidValues([FieldError(path, "value.too_long", {"max": MAX_TEXT, "length": len(said)})])
    return said


_BRANCHES: Mapping[str, type[NotFound] | type[NotAllowed] | type[NotPossibleNow]] = {
    "absent": NotFound,
    "forbidden": NotAllowed,
    "late": NotPossibleNow,
}
_PATHS: Mapping[str, str] = {
    "approval.transfer_to_starter": "to",
    "approval.transfer_to_asked": "to",
    "approval.person_is_you": "to",
    "approval.person_asked": "to",
    "approval.nobody_chosen": "people",
    "approval.too_many": "people",
    "approval.return_not_starter": "to",
    "approval.return_not_there": "to",
    "approval.question_empty": "question",
    "approval.comment_empty": "text",
    "approval.signature_required": "signature",
}
