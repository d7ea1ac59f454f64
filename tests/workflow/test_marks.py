"""Lists are filtered by what is late, in its stage or in an approval about it, and by flags."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import InvalidValues
from engine.records.filters import Filter
from engine.records.flags import SHARED_EVIDENCE
from engine.records.listing import ListQuery
from engine.records.queries import count_records, list_records
from engine.storage.database import Database
from tests.workflow.deals import Deals, open_deals
from tests.workflow.site import Site
from tests.workflow.test_staying import at, ready_for_proposal


@pytest.fixture
def deals(database: Database, tmp_path: Path) -> Deals:
    return open_deals(database, tmp_path)


def listed(site: Site, entity: str, login: str, *filters: Filter) -> list[int]:
    query = ListQuery(filters=filters, sort="id")
    with site.store.read() as session:
        found = [one.id for one in list_records(session, entity, query, actor=site.actor(login)).records]
        assert count_records(session, entity, query, actor=site.actor(login)) == len(found)
    return found


def test_records_late_in_their_stage_until_they_move_on(deals: Deals) -> None:
    slow, quick = deals.make("deal", title="项目").id, deals.make("deal", title="项目").id
    late = Filter("late", "eq", "stage")
    assert listed(deals, "deal", "boss", late) == []
    at(deals, "04-01 09:00")
    new = deals.make("deal", title="项目").id
    assert listed(deals, "deal", "boss", late) == [slow, quick]
    assert listed(deals, "deal", "boss", Filter("late", "eq", "approval")) == []
    deals.go(quick, "lost", reason="不做了")
    assert listed(deals, "deal", "boss", late) == [slow]
    assert listed(deals, "deal", "boss", Filter("late", "present"), Filter("id", "in", [slow, new])) == [slow]


def test_records_whose_approval_is_late_while_it_waits(site: Site) -> None:
    record, other = site.submitted(), site.create()
    late = Filter("late", "in", "stage,approval")
    assert listed(site, "payment", "boss", late) == []
    site.clock.advance(timedelta(days=3))
    assert listed(site, "payment", "boss", late) == [record.id]
    assert listed(site, "payment", "other", late) == []  # only their own
    site.decide("manager", record)
    assert listed(site, "payment", "boss", Filter("late", "present")) == []
    assert other.id not in listed(site, "payment", "boss", Filter("late", "eq", "approval"))


def test_records_with_one_file_as_evidence_for_two_customers_and_other_flags(deals: Deals) -> None:
    first, second = (deals.make("customer", name=name).id for name in ("甬江阀门", "东海泵业"))
    deals.go(ready_for_proposal(deals, customer=first), "to_proposal")
    deal = ready_for_proposal(deals, customer=second)
    deals.go(deal, "to_proposal")
    for one in (Filter("flags", "eq", SHARED_EVIDENCE), Filter("flags", "present")):
        assert listed(deals, "deal", "boss", one) == [deal]
    assert listed(deals, "deal", "boss", Filter("flags", "eq", "stalled")) == []


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (Filter("late", "eq", "never"), "value.choice"),
        (Filter("flags", "in", ["stalled", "x"]), "value.choice"),
        (Filter("late", "eq", ""), "record.empty_filter"),
        (Filter("late", "contains", "stage"), "record.bad_operator"),
        (Filter("flags", "missing"), "record.bad_operator"),
    ],
)
def test_a_mark_there_is_none_of_is_refused(deals: Deals, one: Filter, code: str) -> None:
    with pytest.raises(InvalidValues) as refused:
        listed(deals, "deal", "boss", one)
    assert refused.value.errors[0].code == code


def test_an_entity_without_stages_has_no_marks(deals: Deals) -> None:
    with pytest.raises(InvalidValues):
        listed(deals, "customer", "boss", Filter("late", "eq", "stage"))
