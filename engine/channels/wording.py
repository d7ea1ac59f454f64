"""What a message says to one reader: in their language, with times on the clock of the site.

Enters: a message, a language. Leaves: plain texts, and where the link leads. Must not escape: each channel does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine import messages
from engine.channels.message import TOLD, Message, said
from engine.channels.pictures import Picture
from engine.compiler.app import CompiledApp

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Somebody a group is pointed at."""

    name: str
    mobile: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """One message of several that leave as one."""

    title: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """A message in words. ``open`` is what the link is called; ``items`` are the parts of a digest.

    ``picture_url`` leads to the picture from anywhere, for as long as it is kept.
    """

    title: str
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    url: str | None = None
    open: str = ""
    mentions: tuple[Mentioned, ...] = ()
    items: tuple[Item, ...] = ()
    picture: Picture | None = None
    picture_url: str | None = None
    picture_name: str = ""
    site: str = ""
    language: str = messages.DEFAULT_LANGUAGE


def title_of(app: CompiledApp, message: Message, language: str) -> str:
    """Return what a message says in one line."""
    if message.notice == TOLD:
        return said(message.title, language)
    return say_notice(app, message.notice, message.about[0] if message.about else None, message.params, language)


def say_notice(app: CompiledApp, kind: str, entity: str | None, params: Mapping[str, Any], language: str) -> str:
    """Return what a notice says; of a reminder with words of its own, those."""
    given = {"what": "", **params}
    known = app.entities.get(entity or "")
    if kind.startswith("ownership_"):
        pool = known.ownership.pools.get(given.get("pool") or "") if known is not None and known.ownership else None
        named = {
            "pool": said(pool.label, language) if pool is not None else "",
            "until": _moment(app, given, "until", language),
        }
        return messages.text(f"notice.{kind}", language, **{**given, **named})
    workflow = known.workflow if known is not None else None
    if workflow is None or "stage" not in given:
        return messages.text(f"notice.{kind}", language, **given)
    stage = workflow.stages.get(given["stage"])
    label = said(stage.label, language) if stage is not None else given["stage"]
    timer = workflow.timers.get(given.get("timer", ""))
    if timer is not None and timer.message:
        return f"{given['what']}: {said(timer.message, language)}"
    waits = kind.startswith("stage_") and not given.get("due_at")
    words = {"stage": label, "due": _moment(app, given, "due_at", language)}
    return messages.text("notice.stage_waits" if waits else f"notice.{kind}", language, **{**given, **words})


def path_of(message: Message) -> str:
    """Return the page of the site that a message leads to."""
    path = message.path or _path_of_notice(message.notice, message.params)
    if path:
        return path
    if message.task is not None:
        return f"/approvals/{message.task}"
    if message.approval is not None:
        return f"/approvals/of/{message.approval}"
    if message.about is None:
        return "/"
    talk = "#comments" if message.notice in ("record_mentioned", "record_commented") else ""
    return f"/e/{message.about[0]}/{message.about[1]}{talk}"


def _path_of_notice(kind: str, params: Mapping[str, Any]) -> str | None:
    if kind == "stranded_report":
        return "/admin/stranded"
    for thing in ("dispute", "export"):
        if thing in params:
            return f"/{thing}s/{params[thing]}"
    return None


def say(
    app: CompiledApp,
    message: Message,
    language: str,
    *,
    base: str | None,
    mentions: tuple[Mentioned, ...] = (),
    picture: Picture | None = None,
) -> Said:
    """Return a message in words; without the public address of the site (``base``) there is no link."""
    return Said(
        title=title_of(app, message, language),
        text=said(message.text, language),
        facts=tuple((said(label, language), said(value, language)) for label, value in message.facts),
        url=None if base is None else base + path_of(message),
        open=messages.text("channel.decide" if message.task is not None else "channel.open", language),
        mentions=mentions,
        picture=picture,
        picture_url=base + picture.path if picture is not None and picture.path and base is not None else None,
        picture_name=messages.text("channel.picture", language),
        site=said(app.label, language),
        language=language,
    )


def say_privately(app: CompiledApp, message: Message, language: str, *, base: str | None, to: Mentioned) -> Said:
    """Return what a group may read of a message to one of its people: that there is something, and nothing of it."""
    return Said(
        title=messages.text(f"channel.for_you_{message.kind}", language, name=to.name),
        url=None if base is None else base + path_of(message),
        open=messages.text("channel.open", language),
        mentions=(to,),
        site=said(app.label, language),
        language=language,
    )


def gather(app: CompiledApp, parts: tuple[Said, ...], language: str, *, base: str | None) -> Said:
    """Return one message that lists several."""
    return Said(
        title=messages.text("channel.digest", language, count=len(parts)),
        url=base and f"{base}/",
        open=messages.text("channel.open_all", language),
        mentions=tuple(dict.fromkeys(one for part in parts for one in part.mentions)),
        items=tuple(Item(part.title, part.url) for part in parts),
        site=said(app.label, language),
        language=language,
    )


def _moment(app: CompiledApp, params: Mapping[str, Any], key: str, language: str) -> str:
    """Return a moment among the parameters of a notice to the minute, "" when there is none."""
    if not params.get(key):
        return ""
    at = datetime.fromisoformat(params[key]).astimezone(ZoneInfo(app.timezone))
    return f"{at:%Y-%m-%d %H:%M}" if language == "zh" else f"{at.day} {_MONTHS[at.month - 1]} {at.year} {at:%H:%M}"
