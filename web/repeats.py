"""Requests that arrive twice: an answer that the network lost, a double click, a program that tries again.

Enters: a request with a key: ``Idempotency-Key`` on the API, ``_action_id`` in a form of a page. Leaves: the answer it
was given the first time, marked as such, or the answer kept. Must not decide what was done: ``engine/storage/answers``
keeps it in the transaction that did it.

A program is told when it uses a key for something else. A form that is sent again with other values is another action:
somebody went back to it and means it.
"""

import hashlib
import re
from dataclasses import dataclass

from flask import Response, g, request

from engine.errors import FieldError, InvalidValues
from engine.storage.answers import Answer, Key, claim, keep
from engine.storage.store import Session

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
"""Set to ``true`` on an answer that repeats an earlier one."""

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_KEPT = (
    "Content-Type", "ETag", "Location", "HX-Location", "HX-Push-Url", "HX-Redirect", "HX-Refresh", "HX-Trigger",
)  # fmt: skip
_NOT_SAID = ("csrf_token", "_action_id")


@dataclass(frozen=True)
class Repeat:
    """The key of a request. ``by_program``: it came in a header, so every answer is kept, and nobody waits."""

    key: Key
    by_program: bool

    def find(self, session: Session) -> Response | None:
        """Return the answer of the first time; None when this is the first time."""
        found = claim(session, self.key, wait=not self.by_program)
        if found is None:
            return None
        answer = Response(found.body, found.status)
        answer.headers.update(found.headers)
        answer.headers[REPLAYED] = "true"
        return answer

    def keep(self, session: Session, answer: Response) -> None:
        """Keep the answer, if something was done: a page that only shows something is made anew."""
        if self.by_program or session.has_events or answer.status_code in (302, 303):
            headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            keep(session, self.key, Answer(answer.status_code, headers, answer.get_data(as_text=True)))


def read_repeat(*, content: str = "") -> Repeat | None:
    """Return the key of this request, None when it carries none; raises ``InvalidValues`` for one that is no key.

    ``content`` stands for the body, where that is not to be read at once.
    """
    if request.blueprint == "api":
        name = request.headers.get(HEADER)
        if name is None:
            return None
        if not _KEY.fullmatch(name):
            raise InvalidValues([FieldError(HEADER, "people.bad_key")])
        return Repeat(Key(g.actor.id, name, _fingerprint(content.encode() or request.get_data())), by_program=True)
    name = request.form.get("_action_id", "")
    if not _KEY.fullmatch(name):
        return None
    said = [(key, value) for key, value in request.form.items(multi=True) if key not in _NOT_SAID]
    said += [(key, one.filename or "") for key, one in request.files.items(multi=True)]
    found = _fingerprint(repr(said).encode())
    return Repeat(Key(g.actor.id, f"form:{hashlib.sha256(f'{name}:{found}'.encode()).hexdigest()}", found), False)


def _fingerprint(body: bytes) -> str:
    whole = hashlib.sha256(f"{request.method} {request.full_path} {request.headers.get('If-Match', '')}\n".encode())
    whole.update(body)
    if g.actor.scope is not None:  # what a token of more rights was answered is not for this one
        whole.update(repr(g.actor.scope).encode())
    return whole.hexdigest()
