"""The group robot of WeCom (企业微信): no signature, Markdown of 4,096 bytes, mentions only in plain text of 2,048.

Enters: a message in words. Leaves: requests; verdicts. Must not say more than fits: a Chinese character is three bytes.
"""

import base64
import hashlib
from typing import Any

from engine.channels.kinds.plain import lines_of, plain
from engine.channels.opened import Envelope, Opened
from engine.channels.parcels import MASK, SENT, Answer, Drawn, Post, Verdict, as_json, quote_answer, read_answer
from engine.channels.splitting import cut, pack
from engine.channels.wording import Said

MARKDOWN, TEXT, PICTURE = 4_096, 2_048, 2 * 1024 * 1024
_HEAD = 400
_REFUSED = frozenset({93000, 93004, 93008, 40008, 40058, 44004, 60020})
_TOO_FAST = 45009


def write(said: Said, channel: Opened, envelope: Envelope) -> list[Post | Drawn]:
    """Return the requests that say it: the text, then its picture, which needs no address."""
    return [*_write(said, channel), *_draw(said, channel)]


def judge(answer: Answer) -> Verdict:
    """Return what an answer means."""
    said, code = quote_answer(answer), read_answer(answer).get("errcode")
    if answer.status == 200 and code == 0:
        return SENT
    if code in _REFUSED or 300 <= answer.status < 400 or answer.status in (401, 403, 404):
        return Verdict("refused", "channel.refused", said)
    if code == _TOO_FAST:
        return Verdict("retry", "channel.too_fast", said, rest=60)
    return Verdict("retry", "channel.wrong_answer", said)


def _write(said: Said, channel: Opened) -> list[Post]:
    title = cut(" ".join(filter(None, (channel.keyword, said.title))), _HEAD)
    mobiles = [one.mobile for one in said.mentions if one.mobile]
    if mobiles:
        return [_post(channel, {"msgtype": "text", "text": one}) for one in _texts(said, title, mobiles)]
    head = f"**{plain(title)}**\n"
    end = [f"[{said.open}]({said.url})"] if said.url else []
    parts = pack([*lines_of(said, quote="> "), *end], MARKDOWN - len(head.encode()))
    return [_post(channel, {"msgtype": "markdown", "markdown": {"content": head + part}}) for part in parts]


def _texts(said: Said, title: str, mobiles: list[str]) -> list[dict[str, Any]]:
    """Return it as plain text, where nothing is markup; everybody is mentioned in the first part."""
    facts = [f"{label}：{value}" for label, value in said.facts]
    items = [f"· {one.title} {one.url or ''}".rstrip() for one in said.items]
    lines = [title, *said.text.splitlines(), *facts, *items, *([said.url] if said.url else [])]
    parts = pack(lines, TEXT)
    return [{"content": part, "mentioned_mobile_list": [] if number else mobiles} for number, part in enumerate(parts)]


def _draw(said: Said, channel: Opened) -> list[Drawn]:
    """Return the picture; one that is larger than a robot may send stays out."""
    if said.picture is None:
        return []

    def put(png: bytes) -> Post | None:
        whole = {"base64": base64.b64encode(png).decode(), "md5": hashlib.md5(png, usedforsecurity=False).hexdigest()}
        return _post(channel, {"msgtype": "image", "image": whole}) if len(png) <= PICTURE else None

    shown = _post(channel, {"msgtype": "image", "image": {"base64": "…", "md5": "…"}})
    return [Drawn(said.picture, put, None, shown)]


def _post(channel: Opened, body: dict[str, Any]) -> Post:
    shown = f"{channel.address.partition('?')[0]}?key={MASK}"
    return Post(channel.address, as_json(body), {"Content-Type": "application/json; charset=utf-8"}, shown)
