"""The group robot of DingTalk: signed with milliseconds, Markdown without tables, at most 20 messages a minute.

Enters: a message in words. Leaves: requests, each with its signature; verdicts. Must not try again what was refused
for its signature, keyword or address: that only an administrator mends.
"""

import base64
import hashlib
import hmac
from dataclasses import replace
from urllib.parse import quote_plus

from engine.channels.kinds.plain import lines_of, plain
from engine.channels.opened import Envelope, Opened
from engine.channels.parcels import MASK, SENT, Answer, Post, Verdict, as_json, quote_answer, read_answer
from engine.channels.splitting import cut, pack
from engine.channels.wording import Said

LIMIT = 16_000
"""Bytes of text; the whole body may have 20,000."""
_REFUSED = frozenset({310000, 300001, 300005, 400101, 400102, 400105, 400106, 40035})
_TOO_FAST = frozenset({130101, 410100})


def sign(secret: str, milliseconds: int) -> str:
    """Return the signature of a moment, as it stands in the address."""
    digest = hmac.new(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256).digest()
    return quote_plus(base64.b64encode(digest))


def write(said: Said, channel: Opened, envelope: Envelope) -> list[Post]:
    """Return the requests that say it."""
    title = cut(" ".join(filter(None, (channel.keyword, plain(said.title)))), 400)
    mobiles = [one.mobile for one in said.mentions if one.mobile]
    end = [f"[{said.open}]({said.url})"] if said.url else []
    if mobiles:
        end.append(" ".join(f"@{mobile}" for mobile in mobiles))
    picture = [f"![]({said.picture_url})"] if said.picture_url else []
    bodies = pack([*picture, *lines_of(said, quote="> "), *end], LIMIT)
    first, *others = (_post(channel, envelope, title, text, mobiles) for text in bodies)
    return [replace(first, picture=said.picture if picture else None), *others]


def judge(answer: Answer) -> Verdict:
    """Return what an answer means."""
    said, code = quote_answer(answer), read_answer(answer).get("errcode")
    if answer.status == 200 and code == 0:
        return SENT
    if code in _REFUSED or 300 <= answer.status < 400 or answer.status in (401, 403, 404):
        return Verdict("refused", "channel.refused", said)
    if code in _TOO_FAST:
        return Verdict("retry", "channel.too_fast", said, rest=600)
    return Verdict("retry", "channel.wrong_answer", said)


def _post(channel: Opened, envelope: Envelope, title: str, text: str, mobiles: list[str]) -> Post:
    body = {
        "msgtype": "markdown",
        "markdown": {"title": title, "text": f"#### {title}\n\n{text.replace(chr(10), chr(10) * 2)}"},
        "at": {"atMobiles": mobiles, "isAtAll": False},
    }
    url, shown = channel.address, _shown(channel.address)
    if channel.secret:
        at = int(envelope.now.timestamp() * 1000)
        url += f"&timestamp={at}&sign={sign(channel.secret, at)}"
        shown += f"&timestamp={at}&sign={MASK}"
    return Post(url, as_json(body), {"Content-Type": "application/json; charset=utf-8"}, shown)


def _shown(address: str) -> str:
    return f"{address.partition('?')[0]}?access_token={MASK}"
