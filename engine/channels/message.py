"""One neutral message: what is to be said, before anybody knows by which channel.

Enters: texts in one language or in several, facts, where a reader goes from here. Leaves: a frozen ``Message``, and the
same as plain data for a row. Must not contain markup: whatever looks like it is text, and is escaped for each channel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from engine import messages

Text = str | Mapping[str, str]
"""Plain text, or the same in several languages: ``{"zh": "报价", "en": "Quote"}``."""

Kind = Literal["approval", "reminder", "mention", "report"]
KINDS: tuple[Kind, ...] = ("approval", "reminder", "mention", "report")
"""What people choose channels for."""

TOLD = "message"
"""The kind of a notice whose text is the title of its message."""

_MENTIONS = frozenset({"approval_mentioned", "record_mentioned", "record_commented", "record_moved", "record_shared"})

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told.

    Either ``title`` says it, or ``notice`` names a sentence ``notice.<kind>`` that ``params`` fill in. ``facts`` are
    pairs of a label and a value. The link leads to ``path`` (a page of the site, such as ``/exports/3``), else to the
    decision about ``task``, else to the approval, else to the record ``about``. ``picture`` is one that
    ``pictures`` keeps. ``mentions`` are people whom a group is
    to point at. ``data`` is what a webhook carries, ``event`` its type; ``text`` is also what a dialler reads out.
    """

    kind: Kind = "reminder"
    title: Text = ""
    text: Text = ""
    facts: tuple[tuple[Text, Text], ...] = ()
    about: tuple[str, int] | None = None
    task: int | None = None
    approval: int | None = None
    path: str | None = None
    picture: int | None = None
    mentions: tuple[int, ...] = ()
    notice: str = TOLD
    params: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    event: str = "message"
    data: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def as_data(self) -> dict[str, Any]:
        """Return the message as plain data."""
        return {
            "kind": self.kind,
            "title": _plain(self.title),
            "text": _plain(self.text),
            "facts": [[_plain(label), _plain(value)] for label, value in self.facts],
            "about": list(self.about) if self.about else None,
            "task": self.task,
            "approval": self.approval,
            "path": self.path,
            "picture": self.picture,
            "mentions": list(self.mentions),
            "notice": self.notice,
            "params": dict(self.params),
            "event": self.event,
            "data": dict(self.data),
        }


def read_message(data: Mapping[str, Any]) -> Message:
    """Return the message that ``as_data`` made plain."""
    return Message(
        kind=data["kind"],
        title=data["title"],
        text=data["text"],
        facts=tuple((label, value) for label, value in data["facts"]),
        about=(data["about"][0], data["about"][1]) if data["about"] else None,
        task=data["task"],
        approval=data["approval"],
        path=data["path"],
        picture=data.get("picture"),
        mentions=tuple(data["mentions"]),
        notice=data["notice"],
        params=data["params"],
        event=data["event"],
        data=data["data"],
    )


def kind_of(notice: str) -> Kind:
    """Return as what kind of message a notice goes to the channels people chose."""
    if notice in _MENTIONS:
        return "mention"
    if notice.startswith(("approval_", "dispute_", "export_asked")):
        return "approval"
    return "report" if notice.startswith(("export_", "stranded_")) else "reminder"


def said(text: Text, language: str) -> str:
    """Return a text in a language, else in the first one it has."""
    return messages.say(text, language)


def _plain(text: Text) -> Any:
    return dict(text) if isinstance(text, Mapping) else text
