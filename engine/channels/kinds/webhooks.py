"""Webhooks by the Standard Webhooks convention, and a dialler that is asked in the same way.

Enters: a message, its id. Leaves: requests signed with HMAC-SHA256 over ``id.timestamp.body``, by every secret that is
good now; verdicts. Anything but a status from 200 to 299 is a failure and is tried again, for three days; the receiver
drops what it has seen by ``webhook-id``.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from engine.channels.message import Message
from engine.channels.opened import Envelope, Opened, mask_address
from engine.channels.parcels import SENT, Answer, Post, Verdict, as_json, quote_answer

PREFIX = "whsec_"
TOLERANCE = 300
"""Seconds that the moment of a signature may be off."""
_GONE = 410


def make_secret() -> str:
    """Return a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(secret: str) -> bool:
    """Return whether a secret is of the convention: ``whsec_`` and 24 to 64 bytes in base64."""
    try:
        return secret.startswith(PREFIX) and 24 <= len(_key(secret)) <= 64
    except binascii.Error:
        return False


def sign(secret: str, id: str, seconds: int, body: bytes) -> str:
    """Return the signature of one request by one secret."""
    digest = hmac.new(_key(secret), f"{id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def is_signed(keys: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
    """Return whether somebody who knows one of the secrets signed this request, within five minutes of ``now``."""
    id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12) or abs(now - int(stamp)) > TOLERANCE:
        return False
    wanted = [sign(key, id, int(stamp), body) for key in keys]
    given = headers.get("webhook-signature", "").split()[:10]
    return any([hmac.compare_digest(one.encode(), other.encode()) for one in wanted for other in given])


def write(message: Message, channel: Opened, envelope: Envelope) -> list[Post]:
    """Return the request that carries the event of a message."""
    about = {"entity": message.about[0], "id": message.about[1]} if message.about else None
    data = dict(message.data) | ({"record": about} if about else {})
    return [_post(channel, envelope, {"type": message.event, "timestamp": envelope.at.isoformat(), "data": data})]


def write_call(message: Message, script: str, channel: Opened, envelope: Envelope) -> list[Post]:
    """Return the request that asks a dialler to call; asked twice with the same ``task``, it calls once."""
    callback = f"{envelope.base}/calls/{envelope.id}" if envelope.base else None
    call = {"task": envelope.id, "phone": envelope.recipient, "script": script, "callback": callback}
    return [_post(channel, envelope, {**call, "data": dict(message.data)})]


def judge(answer: Answer) -> Verdict:
    """Return what an answer means."""
    if 200 <= answer.status < 300:
        return SENT
    said = quote_answer(answer)
    if answer.status == _GONE:
        return Verdict("refused", "channel.gone", said)
    code = "channel.redirected" if 300 <= answer.status < 400 else "channel.wrong_answer"
    return Verdict("retry", code, said, rest=_asked_rest(answer))


def _post(channel: Opened, envelope: Envelope, content: Mapping[str, Any]) -> Post:
    body, at = as_json(content), int(envelope.now.timestamp())
    signatures = " ".join(sign(secret, envelope.id, at, body) for secret in channel.secrets)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": envelope.id,
        "webhook-timestamp": str(at),
        "webhook-signature": signatures,
    }
    return Post(channel.address, body, headers, mask_address(channel.address), hidden=frozenset({"webhook-signature"}))


def _asked_rest(answer: Answer) -> int:
    """Return the seconds a server asks to be left alone, an hour at most."""
    said = answer.headers.get("retry-after", "")
    return min(int(said), 3600) if said.isascii() and said.isdigit() and len(said) < 6 else 0


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
