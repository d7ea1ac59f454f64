"""The group robot of Feishu (飞书): signed with seconds inside the body, cards whose texts are plain.

Enters: a message in words. Leaves: requests; verdicts. What people typed goes into ``plain_text`` parts of the card
only, where nothing is markup. Key and message of the signature are the other way round from DingTalk's.
"""

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

from engine.channels.opened import Envelope, Opened, mask_address
from engine.channels.parcels import MASK, SENT, Answer, Post, Verdict, as_json, quote_answer, read_answer
from engine.channels.splitting import cut, pack
from engine.channels.wording import Said

LIMIT = 12_000
"""Bytes of text; the whole body may have 20 KB."""
_REFUSED = frozenset({9499, 19001, 19002, 19021, 19022, 19024})
_TOO_FAST = 11232


def sign(secret: str, seconds: int) -> str:
    """Return the signature of a moment."""
    digest = hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def write(said: Said, channel: Opened, envelope: Envelope) -> list[Post]:
    """Return the requests that say it."""
    title = cut(" ".join(filter(None, (channel.keyword, said.title))), 400)
    facts = [f"{label}：{value}" for label, value in said.facts]
    items = [f"· {one.title}" for one in said.items]
    named = [" ".join(f"@{one.name}" for one in said.mentions)] if said.mentions else []
    parts = pack([*said.text.splitlines(), *facts, *items, *named] or [title], LIMIT)
    first, *others = (_post(channel, envelope, _card(title, part, said)) for part in parts)
    return [replace(first, picture=said.picture if said.picture_url else None), *others]


def judge(answer: Answer) -> Verdict:
    """Return what an answer means."""
    found, said = read_answer(answer), quote_answer(answer)
    code = found.get("code", found.get("StatusCode"))
    if answer.status == 200 and code == 0:
        return SENT
    if code == _TOO_FAST or answer.status == 429:
        return Verdict("retry", "channel.too_fast", said, rest=120)
    if code in _REFUSED or 300 <= answer.status < 400 or answer.status in (401, 403, 404):
        return Verdict("refused", "channel.refused", said)
    return Verdict("retry", "channel.wrong_answer", said)


def _card(title: str, text: str, said: Said) -> dict[str, Any]:
    elements: list[dict[str, Any]] = [{"tag": "div", "text": _plain(text)}]
    if said.url:
        buttons = [{"tag": "button", "text": _plain(said.open), "type": "primary", "url": said.url}]
        if said.picture_url:  # a robot may not upload one, and a card shows only what was uploaded
            buttons.append(
                {"tag": "button", "text": _plain(said.picture_name), "type": "default", "url": said.picture_url}
            )
        elements.append({"tag": "action", "actions": buttons})
    return {"config": {"wide_screen_mode": True}, "header": {"title": _plain(title)}, "elements": elements}


def _plain(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": text}


def _post(channel: Opened, envelope: Envelope, card: dict[str, Any]) -> Post:
    body: dict[str, Any] = {"msg_type": "interactive", "card": card}
    shown = dict(body)
    if channel.secret:
        at = int(envelope.now.timestamp())
        body = {"timestamp": str(at), "sign": sign(channel.secret, at), **body}
        shown = {"timestamp": str(at), "sign": MASK, **shown}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Post(channel.address, as_json(body), headers, mask_address(channel.address), as_json(shown))
