"""Time in stages: due in working time, reminded and flagged at its moments, once, and only while the record stays."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from engine.automation import outbox as delivery
from engine.automation.timers import sweep
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.records import working_time
from engine.records.commands import delete_record, restore_record
from engine.records.flags import SHARED_EVIDENCE
from engine.storage.database import Database
from engine.storage.stage_tables import timers
from engine.storage.system_tables import notices
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import log as approval_log
from engine.workflow.flagging import end_flag
from tests.workflow.deals import Deals, open_deals

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def deals(database: Database, tmp_path: Path) -> Deals:
    return open_deals(database, tmp_path)


def local(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(ZONE).strftime("%m-%d %H:%M")


def at(deals: Deals, text: str) -> None:
    """Set the clock, fire what is due and deliver what was written."""
    deals.clock.at = datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)
    sweep(deals.store)
    delivery.drain(deals.store)


def told(deals: Deals) -> list[tuple[str, str, str]]:
    """Who was told what by which timer, in order."""
    logins = {id_: login for login, id_ in deals.people.items()}
    with deals.store.read() as session:
        rows = session.connection.execute(select(notices).order_by(notices.c.id)).all()
    return [(logins[row.user_id], row.kind, row.params.get("timer", "")) for row in rows]


def pending(deals: Deals) -> list[tuple[str, str]]:
    with deals.store.read() as session:
        rows = session.connection.execute(select(timers).where(timers.c.state == "pending").order_by(timers.c.due_at))
        return [(row.key, local(row.due_at)) for row in rows]


# ---- due times


def test_a_new_record_is_due_in_working_time_and_its_timers_are_armed(deals: Deals) -> None:
    deal = deals.make("deal", title="阀门").id  # Tuesday 3 March, 10:00

    stay = deals.stay(deal)
    assert (stay.stage, local(stay.since), local(stay.due_at)) == ("needs", "03-03 10:00", "03-12 10:00")
    assert pending(deals) == [("near_due", "03-10 15:48"), ("overdue", "03-12 10:00")]


def test_the_calendar_of_the_department_counts_also_for_those_below_it(deals: Deals) -> None:
    with deals.store.write() as session:
        working_time.use_calendar(session, "office", "shop", actor=deals.actor("boss"))
    mine, shop = (deals.make("deal", login, title="阀门").id for login in ("rep", "seller"))

    # 7 days of 12 hours, every day of the week
    assert {local(deals.stay(deal).due_at) for deal in (mine, shop)} == {"03-09 22:00"}


def test_several_shifts_and_a_saturday_count(deals: Deals) -> None:
    with deals.store.write() as session:
        working_time.use_calendar(session, "shop", "plant", actor=deals.actor("boss"))

    deal = deals.make("deal", "seller", title="阀门").id

    # 7 x 8 hours of 00-04 and 08-12 from Tuesday 10:00: Tuesday has 2 hours left, Sunday none
    assert local(deals.stay(deal).due_at) == "03-11 10:00"


def test_a_day_the_site_takes_off_counts_for_what_is_armed_later_only(deals: Deals) -> None:
    before = deals.make("deal", title="之前").id
    boss = deals.actor("boss")
    with deals.store.write() as session:
        working_time.change_days(session, [date(2026, 3, 5)], False, note="厂庆", actor=boss)
        working_time.change_days(session, [date(2026, 3, 7)], True, note="补班", actor=boss)
        working_time.change_days(session, [date(2026, 3, 6)], False, note="停电", actor=boss)
    after = deals.make("deal", title="之后").id

    assert local(deals.stay(before).due_at) == "03-12 10:00"
    assert local(deals.stay(after).due_at) == "03-13 10:00"  # two days off, one made up for
    with deals.store.write() as session:
        working_time.change_days(session, [date(2026, 3, 5), date(2026, 3, 6)], None, note=None, actor=boss)
        assert [one.day.day for one in working_time.list_changed_days(session)] == [7]


def test_only_administrators_change_the_calendar_and_only_ones_there_are(deals: Deals) -> None:
    with deals.store.write() as session:
        with pytest.raises(NotAllowed):
            working_time.change_days(session, [date(2026, 3, 5)], False, note=None, actor=deals.actor("rep"))
        with pytest.raises(InvalidValues):
            working_time.use_calendar(session, "office", "night", actor=deals.actor("boss"))
        with pytest.raises(InvalidValues):
            working_time.use_calendar(session, "moon", "shop", actor=deals.actor("boss"))


# ---- reminders and flags


def test_the_owner_is_reminded_before_and_the_manager_too_when_it_is_late_three_times_at_most(deals: Deals) -> None:
    deal = deals.make("deal", title="阀门").id

    at(deals, "03-10 15:47")
    assert told(deals) == []
    at(deals, "03-10 15:48")
    assert told(deals) == [("rep", "stage_due", "near_due")]
    late = [("rep", "stage_late", "overdue"), ("boss", "stage_late", "overdue")]
    at(deals, "03-12 10:00")
    assert told(deals)[1:] == late
    assert [(one.flag, one.reason["timer"]) for one in deals.flags(deal)] == [("stalled", "overdue")]
    at(deals, "03-16 09:59")
    assert told(deals)[1:] == late
    at(deals, "03-16 10:00")
    at(deals, "03-18 10:00")
    at(deals, "06-30 10:00")
    assert told(deals)[1:] == late * 3
    assert pending(deals) == []


def test_a_long_standstill_is_one_reminder_and_the_next_comes_in_its_rhythm(deals: Deals) -> None:
    deals.make("deal", title="阀门")

    at(deals, "03-17 12:00")  # the first was due on the 12th, the second on the 16th

    assert told(deals) == [("rep", "stage_late", "overdue"), ("boss", "stage_late", "overdue")]
    assert pending(deals) == [("overdue", "03-18 10:00")]


def test_a_record_that_moved_on_is_neither_reminded_nor_flagged_any_more(deals: Deals) -> None:
    deal = ready_for_proposal(deals)
    at(deals, "03-12 10:00")
    assert [one.flag for one in deals.flags(deal)] == ["stalled"]
    before = told(deals)

    deals.go(deal, "to_proposal")

    assert deals.flags(deal) == []
    assert pending(deals) == [("near_due", "03-13 15:48"), ("overdue", "03-16 10:00")]
    at(deals, "03-13 15:00")
    assert told(deals) == before


def test_a_timer_lives_again_when_its_stage_is_entered_again(deals: Deals) -> None:
    deal = ready_for_proposal(deals)
    deals.go(deal, "to_proposal")
    at(deals, "03-05 09:00")
    deals.go(deal, "back_needs", reason="客户改了要求")

    assert deals.stay(deal).version == deals.found("deal", deal).version
    assert pending(deals) == [("near_due", "03-12 14:48"), ("overdue", "03-16 09:00")]
    at(deals, "03-16 09:00")
    assert [timer for who, _, timer in told(deals) if who == "rep"] == ["near_due", "near_due", "overdue"]


def test_what_fell_due_in_the_recycle_bin_happens_once_when_the_record_comes_back(deals: Deals) -> None:
    deal = deals.make("deal", title="阀门")
    at(deals, "03-10 15:48")
    before = [("rep", "stage_due", "near_due")]
    assert told(deals) == before
    with deals.store.write() as session:
        delete_record(session, "deal", deal.id, version=deal.version, actor=deals.actor("boss"))
    at(deals, "03-13 10:00")  # it was late on the 12th
    assert told(deals) == before

    with deals.store.write() as session:
        restore_record(session, "deal", deal.id, actor=deals.actor("boss"))
    at(deals, "03-13 10:01")
    assert told(deals) == [*before, ("rep", "stage_late", "overdue"), ("boss", "stage_late", "overdue")]
    at(deals, "03-13 11:00")
    assert len(told(deals)) == 3
    assert pending(deals) == [("overdue", "03-16 10:00")]


def test_an_owner_who_left_is_not_told_but_the_manager_is(deals: Deals) -> None:
    from engine.people import accounts

    deals.make("deal", title="阀门")
    with deals.store.write() as session:
        accounts.disable_user(session, deals.people["rep"], actor=deals.actor("boss"))

    at(deals, "03-12 10:00")

    assert told(deals) == [("boss", "stage_late", "overdue")]


# ---- dates of the record


def in_proposal(deals: Deals, **values: object) -> int:
    deal = ready_for_proposal(deals)
    if values:
        deals.change("deal", deal, **values)
    deals.go(deal, "to_proposal")
    return deal


def ready_for_proposal(deals: Deals, **values: object) -> int:
    customer = values.pop("customer", None) or deals.make("customer", name="甬江阀门").id
    more = {"customer": customer, "amount": 500, "need": "阀门", "doc": [deals.upload()], **values}
    return deals.make("deal", title="阀门", **more).id


def test_a_date_that_changes_takes_its_timers_with_it(deals: Deals) -> None:
    deal = in_proposal(deals, valid_until="2026-03-20")
    assert ("expiring", "03-17 08:30") in pending(deals)

    deals.change("deal", deal, valid_until="2026-03-12")
    assert [one for one in pending(deals) if one[0].startswith("expir")] == [
        ("expiring", "03-09 08:30"), ("expired", "03-13 00:00"),
    ]  # fmt: skip
    deals.change("deal", deal, valid_until=None)
    assert [one for one in pending(deals) if one[0].startswith("expir")] == []


def of_dates(deals: Deals) -> list[tuple[str, str]]:
    return [one for one in pending(deals) if one[0] in ("expiring", "expired", "quiet", "unbound")]


def test_a_date_that_is_rolled_up_takes_its_timers_with_it_and_no_others(deals: Deals) -> None:
    deal = in_proposal(deals, valid_until="2026-03-12")
    at(deals, "03-09 08:30")
    expired = ("expired", "03-13 00:00")
    assert of_dates(deals) == [expired]

    visit = deals.make("visit", deal=deal, day="2026-03-09").id
    assert of_dates(deals) == [expired, ("quiet", "03-18 08:30")]
    for day, moment in (("10", "19"), ("09", "18"), ("10", "19")):  # all of it in one version of the deal
        deals.change("visit", visit, day=f"2026-03-{day}")
        assert of_dates(deals) == [expired, ("quiet", f"03-{moment} 08:30")]
    deals.change("visit", visit, deal=None)
    assert of_dates(deals) == [expired]

    at(deals, "03-09 08:31")
    assert [timer for _, _, timer in told(deals)].count("expiring") == 1


def test_a_date_that_another_record_changed_while_this_one_was_away_takes_its_timers_with_it(deals: Deals) -> None:
    customer = deals.make("customer", name="甬江阀门", bound_until="2026-03-10").id
    deal = ready_for_proposal(deals, customer=customer)
    version = deals.go(deal, "to_proposal").version
    with deals.store.write() as session:
        delete_record(session, "deal", deal, version=version, actor=deals.actor("boss"))
    at(deals, "03-12 08:30")  # it would have been due on the 11th
    deals.change("customer", customer, bound_until="2026-03-20")

    with deals.store.write() as session:
        restore_record(session, "deal", deal, actor=deals.actor("boss"))
    at(deals, "03-12 08:31")
    assert of_dates(deals) == [("unbound", "03-21 00:00")]
    assert "unbound" not in [timer for _, _, timer in told(deals)]


def test_a_timer_may_move_the_record_when_its_gate_lets_it(deals: Deals) -> None:
    deal = in_proposal(deals, valid_until="2026-03-12")

    at(deals, "03-12 23:59")
    assert deals.where(deal) == "proposal"
    at(deals, "03-13 00:00")
    assert deals.where(deal) == "expired"
    with deals.store.read() as session:
        from engine.records.history import list_history

        last = list_history(session, "deal", deal, actor=deals.actor("boss"))
    assert str(last)  # moved by nobody: the history can be shown all the same


# ---- back and again


def test_back_leads_to_the_stage_before_and_asks_for_a_reason(deals: Deals) -> None:
    deal = in_proposal(deals)

    with pytest.raises(InvalidValues):
        deals.go(deal, "back_needs")
    assert deals.go(deal, "back_needs", reason="客户改了要求").values["stage"] == "needs"


def test_an_outcome_is_left_for_the_stage_it_was_reached_from_and_no_other(deals: Deals) -> None:
    deal = in_proposal(deals)
    deals.go(deal, "lost", reason="价格")

    with pytest.raises(NotPossibleNow):
        deals.go(deal, "reopen_review", "boss")
    with pytest.raises(NotAllowed):
        deals.go(deal, "reopen_proposal")
    assert deals.go(deal, "reopen_proposal", "boss").values["stage"] == "proposal"


# ---- what a stage needs


def missing(deals: Deals, deal: int, move: str, **raw: object) -> list[str]:
    with pytest.raises(InvalidValues) as refused:
        deals.go(deal, move, raw=raw)
    return [one.key for one in refused.value.missing]


def test_everything_that_is_missing_is_said_at_once_and_can_be_filled_on_the_spot(deals: Deals) -> None:
    deal = deals.make("deal", title="阀门").id

    assert missing(deals, deal, "to_proposal") == ["basics", "doc"]
    filled = {"amount": "500", "need": "阀门", "doc": [deals.upload()]}
    assert deals.go(deal, "to_proposal", raw=filled).values["stage"] == "proposal"


def test_a_file_counts_only_if_it_is_of_a_kind_that_is_asked_for_and_new(deals: Deals) -> None:
    old, sheet = deals.upload(), deals.upload("方案.xlsx")
    deal = ready_for_proposal(deals, doc=[sheet])
    assert missing(deals, deal, "to_proposal") == ["doc"]
    aged = ready_for_proposal(deals, doc=[old])
    deals.clock.advance(timedelta(days=31))
    assert missing(deals, aged, "to_proposal") == ["doc"]


def test_an_activity_counts_only_within_its_time(deals: Deals) -> None:
    deal = in_proposal(deals)
    deals.make("visit", deal=deal, kind="call", day="2026-03-03")
    deals.make("visit", deal=deal, kind="visit", day="2026-02-23")
    assert missing(deals, deal, "to_review") == ["visited"]

    deals.make("visit", deal=deal, kind="visit", day="2026-02-24")
    assert deals.go(deal, "to_review").values["stage"] == "review"


def test_an_approval_counts_only_while_what_it_approved_is_unchanged(deals: Deals) -> None:
    deal = in_proposal(deals)
    deals.make("visit", deal=deal, kind="visit", day="2026-03-03")
    deals.go(deal, "to_review", raw={})
    deals.change("deal", deal, verdict="good")
    assert missing(deals, deal, "to_contract") == ["price"]
    offer = deals.make("offer", title="报价", price=10).id
    assert missing(deals, deal, "to_contract", offer=offer) == ["price"]

    deals.go(offer, "submit", entity="offer")
    assert missing(deals, deal, "to_contract", offer=offer) == ["price"]
    with deals.store.write() as session:
        running = approval_log.read(session, approval_log.find_running(session, "offer", offer) or 0)
        assert running is not None
        approvals.decide(session, running.task_ids[0], "approve", actor=deals.actor("boss"))
    deals.change("offer", offer, price=9)
    assert missing(deals, deal, "to_contract", offer=offer) == ["price"]
    deals.change("offer", offer, price=10)

    assert deals.go(deal, "to_contract", raw={"offer": offer}).values["stage"] == "contract"


def test_a_stage_is_not_left_before_what_leaving_needs_is_there(deals: Deals) -> None:
    deal = in_proposal(deals)
    deals.make("visit", deal=deal, kind="visit", day="2026-03-03")
    deals.go(deal, "to_review")

    assert missing(deals, deal, "to_contract") == ["verdict", "price"]


# ---- evidence


def test_one_file_as_evidence_for_two_customers_is_flagged_to_the_manager_and_not_refused(deals: Deals) -> None:
    first, second = (deals.make("customer", name=name).id for name in ("甬江阀门", "东海泵业"))
    for customer in (first, first):
        deals.go(ready_for_proposal(deals, customer=customer), "to_proposal")
    assert told(deals) == []

    deal = ready_for_proposal(deals, customer=second)
    assert deals.go(deal, "to_proposal").values["stage"] == "proposal"

    delivery.drain(deals.store)
    assert told(deals) == [("boss", "evidence_shared", "")]
    [flag] = deals.flags(deal)
    assert (flag.flag, flag.reason["file"]) == (SHARED_EVIDENCE, "方案.pdf")
    deals.go(deal, "back_needs", reason="重做")
    assert [one.flag for one in deals.flags(deal)] == [SHARED_EVIDENCE]  # a person ends it


def test_a_doubt_about_evidence_is_ended_by_the_manager_not_by_its_owner(deals: Deals) -> None:
    first, second = (deals.make("customer", name=name).id for name in ("甬江阀门", "东海泵业"))
    deals.go(ready_for_proposal(deals, customer=first), "to_proposal")
    deal = ready_for_proposal(deals, customer=second)
    deals.go(deal, "to_proposal")

    with deals.store.write() as session:
        with pytest.raises(NotAllowed):
            end_flag(session, "deal", deal, SHARED_EVIDENCE, actor=deals.actor("rep"))
        end_flag(session, "deal", deal, SHARED_EVIDENCE, note="同一集团，已核实", actor=deals.actor("boss"))
        with pytest.raises(NotFound):
            end_flag(session, "deal", deal, SHARED_EVIDENCE, actor=deals.actor("boss"))
    assert deals.flags(deal) == []
