"""Links by which somebody outside sees one record as it is printed and answers, once, or as often as they like.

Enters: the form of a webhook that has ``about``, a record, whoever makes the link; later what stands in an address.
Leaves: a signed token, and what may be shown for it now. Must not show more than its maker may see, nor anything once
the record left the stage, went beyond its last day or was answered: a new revision needs a new link. A lasting link
outlives the stage and its answers; its condition ends it.
"""

import base64
import hmac
import struct
from binascii import Error as NotEncoded
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from sqlalchemy import select

from engine.automation import public_forms
from engine.automation.public_forms import OpenForm
from engine.automation.receiving import Call, find_automation
from engine.compiler.app import Automation
from engine.compiler.app.automations import About
from engine.errors import NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts
from engine.people.actor import Actor
from engine.records.evaluation import make_env
from engine.records.queries import get_record
from engine.records.record import Record
from engine.records.sql import insert_into
from engine.storage.automation_tables import received
from engine.storage.journal import write_audit
from engine.storage.stage_tables import stays
from engine.storage.store import Session
from engine.workflow.requirements import read_whole

LONGEST = timedelta(days=90)
"""A link is good no longer, whatever the record says."""

_FORM = struct.Struct(">QQQI")
_SIGNED = 16
_MOST = 80
"""Characters of a token."""


class LinkOver(NotPossibleNow):
    """The link was good once: the record was changed, answered or went beyond its last day (HTTP 410)."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says: which record, who made it, in which stay of the record in its stage, and the last day.

    The stay of a lasting link is 0: no record is ever in that.
    """

    hook: str
    record_id: int
    maker: int
    stay: int
    until: date

    @property
    def answer_id(self) -> str:
        """Under what an answer is kept: there is one for each stay, whoever made how many links.

        Of a lasting link it begins the names of the answers.
        """
        return f"link {self.record_id} {self.stay}"


@dataclass(frozen=True, slots=True)
class OpenLink:
    """What may be shown now: the form, the record as the maker of the link sees it."""

    link: Link
    form: OpenForm
    about: About
    record: Record
    maker: Actor


def list_forms(session: Session, record: Record, *, actor: Actor) -> list[Automation]:
    """Return the automations whose form a visitor could answer about this record now, if the reader may let them."""
    if not record.can_write:
        return []
    found = [one for one in session.app.automations.values() if one.entity == record.entity and not one.retired]
    return [one for one in found if _about(one) is not None and _refusal(session, one, record.id) is None]


def make_link(session: Session, automation: Automation, record_id: int, *, key: str, actor: Actor) -> tuple[str, date]:
    """Return a new token with its last day; raises ``NotFound``, ``NotAllowed`` and ``LinkOver``."""
    record = get_record(session, automation.entity, record_id, actor=actor)
    if not record.can_write:
        raise NotAllowed("automation.link_not_yours")
    refused = _refusal(session, automation, record_id)
    if refused is not None:
        raise refused
    last = min(_last_day(session, automation, record_id) or date.max, _today(session) + LONGEST)
    link = Link(automation.on.hook, record_id, actor.id, _stay(session, automation, record_id), last)
    details = {"until": last.isoformat()}
    write_audit(session, "automating.link", f"{automation.entity}:{record_id}", details, actor=actor)
    return _write(link, key), last


def read_link(hook: str, token: str, *, key: str | None) -> Link | None:
    """Return what a token says that we signed for this address; None for any other."""
    if key is None or len(token) > _MOST or not token.isascii():
        return None
    try:
        whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (NotEncoded, ValueError):
        return None
    said, signature = whole[:-_SIGNED], whole[-_SIGNED:]
    if len(said) != _FORM.size or not hmac.compare_digest(signature, _sign(hook, said, key)):
        return None
    record_id, maker, stay, day = _FORM.unpack(said)
    return Link(hook, record_id, maker, stay, date.fromordinal(day))


def is_lasting(automation: Automation | None) -> bool:
    """Return whether the links of an automation outlive the stage and take more than one answer."""
    about = _about(automation) if automation is not None else None
    return about is not None and about.lasting


def open_link(session: Session, link: Link) -> OpenLink:
    """Return what may be shown now for a link; raises ``NotFound`` and ``LinkOver``."""
    automation = find_automation(session, link.hook)
    about = _about(automation) if automation is not None else None
    if automation is None or about is None or public_forms.find_obstacle(session, automation) is not None:
        raise NotFound("automation.no_form")
    try:
        maker = accounts.get_actor(session.connection, link.maker)
        record = get_record(session, automation.entity, link.record_id, actor=maker)
    except (NotFound, NotAllowed):
        raise _over(about) from None
    if _stay(session, automation, link.record_id) != link.stay or _today(session) > link.until:
        raise _over(about)
    refused = _refusal(session, automation, link.record_id)
    if refused is not None:
        raise refused
    return OpenLink(link, public_forms.open_form(session, automation), about, record, maker)


def note_opened(session: Session, link: Link) -> None:
    """Note that a link was opened, the first time."""
    automation = find_automation(session, link.hook)
    row = {"hook": _opened(link.hook), "message_id": link.answer_id, "at": session.now()}
    first = insert_into(received, session.connection.dialect).values(row).on_conflict_do_nothing()
    made = session.connection.execute(first.returning(received.c.id)).first()
    if made is not None and automation is not None:
        write_audit(session, "automating.opened", f"{automation.entity}:{link.record_id}", {}, actor=None)


def find_opened(session: Session, automation: Automation, record_id: int) -> datetime | None:
    """Return when a link to a record, as it stands now, was opened first."""
    return _kept_at(session, _opened(automation.on.hook), _answer_id(session, automation, record_id))


def to_call(opened: OpenLink, call: Call) -> Call:
    """Return an answer as the call it is: about that record, and once; each message once where a link lasts."""
    return _to_call(opened.about, opened.link, call)


def answer(session: Session, automation: Automation, record_id: int, call: Call) -> Call:
    """Return what somebody with a link to a record would send, as an example does; raises ``LinkOver``."""
    refused, about = _refusal(session, automation, record_id), _about(automation)
    if refused is not None or about is None:
        raise refused or _over(about)
    link = Link(automation.on.hook, record_id, 0, _stay(session, automation, record_id), date.min)
    return _to_call(about, link, call)


def _to_call(about: About, link: Link, call: Call) -> Call:
    message_id = f"{link.answer_id} {call.message_id}" if about.lasting else link.answer_id
    return Call(call.hook, message_id, call.payload, link.record_id)


def _about(automation: Automation) -> About | None:
    return automation.on.form.about if automation.on.form is not None else None


def _refusal(session: Session, automation: Automation, record_id: int) -> LinkOver | None:
    """Return why nobody could answer about a record now."""
    about, entity = _about(automation), session.app.entities[automation.entity]
    if about is None:
        return _over(about)
    env = make_env(session, None)
    values = read_whole(session, entity, record_id, env)
    if not values or (about.when is not None and about.when.run(values, env) is not True):
        return _over(about)
    last = values.get(about.until) if about.until else None
    if last is not None and last < _today(session):
        return _over(about)
    if about.lasting:
        return None
    if _kept_at(session, automation.on.hook, _answer_id(session, automation, record_id)) is not None:
        return LinkOver("automation.link_answered")
    return None


def _over(about: About | None) -> LinkOver:
    return LinkOver("automation.link_ended" if about is not None and about.lasting else "automation.link_over")


def _last_day(session: Session, automation: Automation, record_id: int) -> date | None:
    about, entity = _about(automation), session.app.entities[automation.entity]
    if about is None or not about.until:
        return None
    found: date | None = read_whole(session, entity, record_id, make_env(session, None)).get(about.until)
    return found


def _answer_id(session: Session, automation: Automation, record_id: int) -> str:
    return Link(automation.on.hook, record_id, 0, _stay(session, automation, record_id), date.min).answer_id


def _kept_at(session: Session, hook: str, message_id: str) -> datetime | None:
    known = select(received.c.at).where(received.c.hook == hook, received.c.message_id == message_id)
    found: datetime | None = session.connection.scalar(known)
    return found


def _stay(session: Session, automation: Automation, record_id: int) -> int:
    """Return what tells the stay of a record in its stage from every other; 0 for a link that outlives them."""
    if is_lasting(automation):
        return 0
    own = (stays.c.entity == automation.entity, stays.c.record_id == record_id)
    return int(session.connection.scalar(select(stays.c.version).where(*own)) or 0)


def _today(session: Session) -> date:
    return make_env(session, None).today


def _opened(hook: str) -> str:
    return f"{hook} opened"


def _write(link: Link, key: str) -> str:
    said = _FORM.pack(link.record_id, link.maker, link.stay, link.until.toordinal())
    return base64.urlsafe_b64encode(said + _sign(link.hook, said, key)).decode().rstrip("=")


def _sign(hook: str, said: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), b"visitor link\0" + hook.encode() + b"\0" + said, sha256).digest()[:_SIGNED]
