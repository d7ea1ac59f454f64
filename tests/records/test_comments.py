"""What people say about a record: only among those who may see it, told once, taken back by who said it."""

from typing import Any

import pytest
from sqlalchemy import select

from engine.automation.outbox import drain
from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound
from engine.records import comments, mentions
from engine.records.comments import Comment
from engine.records.record import Record
from engine.storage.system_tables import notices
from engine.workflow.transitions import move_record
from tests.racing import at_once
from tests.records.desk import Desk


def say(desk: Desk, login: str, record: Record, text: str, *mentioned: str, **more: Any) -> int:
    with desk.store.write() as session:
        ids = [desk.people[one] for one in mentioned]
        actor = desk.actor(login)
        return comments.add_comment(session, record.entity, record.id, text, mentioned=ids, actor=actor, **more)


def heard(desk: Desk, login: str, record: Record) -> list[Comment]:
    with desk.store.read() as session:
        return comments.list_comments(session, record.entity, record.id, actor=desk.actor(login))


def told(desk: Desk, record: Record) -> list[tuple[str, str]]:
    """Who was told what about a record, in order."""
    drain(desk.store)
    logins = {id_: login for login, id_ in desk.people.items()}
    with desk.store.read() as session:
        own = (notices.c.entity == record.entity, notices.c.record_id == record.id)
        rows = session.connection.execute(select(notices).where(*own).order_by(notices.c.id)).all()
    return [(logins[row.user_id], row.kind) for row in rows if row.kind.startswith("record_")]


def follow(desk: Desk, login: str, record: Record) -> None:
    with desk.store.write() as session:
        comments.follow(session, record.entity, record.id, actor=desk.actor(login))


def test_a_remark_is_read_by_whoever_sees_the_record_and_by_nobody_else(desk: Desk) -> None:
    deal = desk.deal("rep")
    say(desk, "rep", deal, " 客户说月底定 <b>！</b> ")
    say(desk, "lead", deal, "好")
    assert [(one.author, one.text) for one in heard(desk, "guest", deal)] == [
        ("lead 的名字", "好"), ("rep 的名字", "客户说月底定 <b>！</b>"),
    ]  # fmt: skip
    assert desk.get("rep", deal).version == deal.version
    for login in ("rep2", "stranger", "nobody"):
        for act in (heard, follow, lambda desk, login, deal: say(desk, login, deal, "x")):
            with pytest.raises((NotFound, NotAllowed)):
                act(desk, login, deal)


def test_who_is_mentioned_or_follows_is_told_once_and_the_speaker_is_not(desk: Desk) -> None:
    deal = desk.deal("rep")
    follow(desk, "chief", deal)
    say(desk, "rep", deal, "看一下", "lead", "lead", "rep")
    assert told(desk, deal) == [("lead", "record_mentioned"), ("chief", "record_commented")]
    say(desk, "lead", deal, "看过了")
    assert told(desk, deal)[2:] == [("rep", "record_commented"), ("chief", "record_commented")]
    with desk.store.write() as session:
        comments.unfollow(session, "deal", deal.id, actor=desk.actor("chief"))
    say(desk, "lead", deal, "再说一句")
    assert told(desk, deal)[4:] == [("rep", "record_commented")]


def test_a_follower_hears_of_moves_of_others_only(desk: Desk) -> None:
    deal = desk.deal("rep")
    for login in ("rep", "lead"):
        follow(desk, login, deal)
    with desk.store.write() as session:
        move_record(session, "deal", deal.id, "close", version=deal.version, actor=desk.actor("rep"))
    assert told(desk, deal) == [("lead", "record_moved")]


def test_a_follower_who_may_no_longer_see_the_record_hears_nothing(desk: Desk) -> None:
    deal = desk.deal("rep")
    follow(desk, "rep", deal)
    desk.update("chief", deal, owner=desk.people["stranger"])
    say(desk, "chief", deal, "换人了")
    assert told(desk, deal) == []


def test_nobody_is_mentioned_to_whom_the_record_would_be_news(desk: Desk) -> None:
    deal = desk.deal("rep")
    with pytest.raises(InvalidValues, match="rep2"):
        say(desk, "rep", deal, "@rep2", "rep2")
    with desk.store.write() as session, pytest.raises(InvalidValues):
        comments.add_comment(session, "deal", deal.id, "@?", mentioned=[2**40], actor=desk.actor("rep"))
    with desk.store.read() as session:
        found = mentions.suggest_people(session, "deal", deal.id, "", near=(), actor=desk.actor("rep"))
    assert {one.login for one in found} == {"lead", "chief", "guest", "remover"}
    assert told(desk, deal) == []


@pytest.mark.parametrize("text", ["", "  \n", "长" * 2001])
def test_an_empty_or_too_long_remark_is_refused_at_its_field(desk: Desk, text: str) -> None:
    deal = desk.deal("rep")
    with pytest.raises(InvalidValues) as refused:
        say(desk, "rep", deal, text)
    assert [error.path for error in refused.value.errors] == ["text"]


def test_one_click_says_it_once_however_often_it_is_sent(desk: Desk) -> None:
    deal = desk.deal("rep")
    answers = at_once(8, lambda _: say(desk, "rep", deal, "一次", "lead", action_id="click"))
    assert not [one for one in answers if isinstance(one, FormworkError)]
    assert len(set(answers)) == 1
    assert len(heard(desk, "rep", deal)) == 1
    assert say(desk, "lead", deal, "同一个号，另一个人", action_id="click") != answers[0]
    assert told(desk, deal)[:1] == [("lead", "record_mentioned")]


def test_only_who_said_it_takes_it_back_and_that_there_was_something_stays(desk: Desk) -> None:
    deal = desk.deal("rep")
    said = say(desk, "rep", deal, "说错了")
    with desk.store.write() as session, pytest.raises(NotAllowed):
        comments.remove_comment(session, "deal", deal.id, said, actor=desk.actor("chief"))
    other = desk.deal("rep")
    with desk.store.write() as session, pytest.raises(NotFound):
        comments.remove_comment(session, "deal", other.id, said, actor=desk.actor("rep"))
    with desk.store.write() as session:
        comments.remove_comment(session, "deal", deal.id, said, actor=desk.actor("rep"))
    [one] = heard(desk, "lead", deal)
    assert (one.removed, one.text) == (True, "")
    with desk.store.write() as session, pytest.raises(NotFound):
        comments.remove_comment(session, "deal", deal.id, said, actor=desk.actor("rep"))
