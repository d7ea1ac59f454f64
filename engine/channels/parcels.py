"""What leaves: one request or one letter, ready to be sent, and what is to be thought of the answer.

Enters: what a channel made of a message. Leaves: parcels, and verdicts. Must not send anything.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Literal

from engine.channels.pictures import Picture

MASK = "••••••"
LARGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: at most ``LARGEST_ANSWER`` bytes of it; ``whole`` when that was all, in time."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Post:
    """One request. ``url`` and ``headers`` may hold secrets; ``shown_url`` and ``shown_headers`` do not."""

    url: str = field(repr=False)
    body: bytes
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    shown_url: str = ""
    shown_body: bytes | None = None
    hidden: frozenset[str] = frozenset()  # headers that are not shown
    picture: Picture | None = None  # to which an address in the body leads


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail."""

    mail: EmailMessage
    recipient: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """What carries a picture that is drawn when it leaves: ``put`` makes the whole of it.

    ``plain`` leaves where nothing can be drawn, None for nothing; ``shown`` stands for it where it is only looked at.
    """

    picture: Picture
    put: Callable[[bytes], "Post | Letter | None"]
    plain: "Post | Letter | None"
    shown: "Post | Letter"


Parcel = Post | Letter | Drawn


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of an attempt: ``code`` names the sentence that says why not; ``rest`` is how long, in seconds, the
    channel is to be left alone."""

    state: Literal["sent", "retry", "refused"]
    code: str | None = None
    answer: str = ""
    rest: int = 0


SENT = Verdict("sent")


def as_json(data: Mapping[str, Any]) -> bytes:
    """Return plain data as the shortest JSON, in UTF-8."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def read_answer(answer: Answer) -> dict[str, Any]:
    """Return the object a server answered with; an empty one when it is no such thing."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def quote_answer(answer: Answer) -> str:
    """Return the status and the beginning of what a server said, as plain text."""
    said = answer.body[:1000].decode("utf-8", "replace")
    plain = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in said)
    return f"{answer.status} {plain}".strip()
