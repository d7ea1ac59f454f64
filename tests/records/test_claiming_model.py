"""Whatever people do with a pool, in whatever order: a small model of the rules says of each deed whether it happens.

Two members take, give back, are given and wait, over six firms. After every deed each firm has the owner the model says
(who takes no more than may be), and the spans of each firm follow one another without a gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.clock import SetClock
from engine.errors import NotFound, NotPossibleNow
from engine.records.record import Record
from engine.records.spans import list_spans
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.store import Store
from tests.conftest import to_folder
from tests.records.desk import add_people
from tests.records.test_ownership import DAY, FIRMS, START, Firms

FIRST = range(6)
PER_DAY, AT_MOST, COOL_OFF = 3, 4, 15 * DAY
ZONE = ZoneInfo("Asia/Shanghai")

firm, person = st.sampled_from(FIRST), st.sampled_from(("rep", "rep", "rep", "rep2"))  # one who reaches the limits
take = st.tuples(st.just("take"), person, firm)
give_back = st.tuples(st.just("give back"), person, firm)
assign = st.tuples(st.just("assign"), person, firm)
wait = st.tuples(st.just("wait"), st.sampled_from([9, 24, 14 * 24 + 1, 14 * 24 + 1]))
deeds = st.one_of(take, take, take, take, give_back, give_back, assign, wait, wait)


@dataclass
class Model:
    """Who has each firm (None: it lies in the pool), who took how many on which day, who let go of what when."""

    now: datetime
    owner: dict[int, str | None] = field(default_factory=lambda: dict.fromkeys(FIRST))
    taken: list[tuple[str, datetime]] = field(default_factory=list)
    left: dict[tuple[str, int], datetime] = field(default_factory=dict)

    def takes(self, who: str, at: int) -> bool:
        """Take a firm if that may be; tell whether it was."""
        left = self.left.get((who, at))
        today = self.now.astimezone(ZONE).date()
        used = sum(one == who and when.astimezone(ZONE).date() == today for one, when in self.taken)
        has = sum(one == who for one in self.owner.values())
        cool = left is None or left + COOL_OFF <= self.now
        if self.owner[at] is not None or not cool or used >= PER_DAY or has >= AT_MOST:
            return False
        self.owner[at] = who
        self.taken.append((who, self.now))
        return True

    def gives_back(self, who: str, at: int) -> bool:
        """Give a firm back if it is theirs."""
        if self.owner[at] != who:
            return False
        self.owner[at] = None
        self.left[who, at] = self.now
        return True

    def is_given(self, to: str, at: int) -> bool:
        """Give a firm out of the pool to somebody, who may have any number."""
        if self.owner[at] is not None:
            return False
        self.owner[at] = to
        return True


@pytest.fixture(scope="module")
def firms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firms]:
    folder = tmp_path_factory.mktemp("claiming")
    database = open_database(f"sqlite:///{folder / 'formwork.sqlite3'}")
    clock = SetClock(START)
    desk = Firms(Store(database, folder / "files", clock), clock)
    catalog.publish(desk.store, to_folder(FIRMS), actor_id=None)
    with desk.store.write() as session:
        add_people(session, desk)
    yield desk
    database.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=st.lists(deeds, min_size=20, max_size=40))
def test_a_pool_gives_and_takes_as_its_rules_say_whatever_people_do(firms: Firms, plan: list[tuple[str, ...]]) -> None:
    firms.clock.at += 2 * DAY
    pool = [firms.pooled(f"公司 {at}") for at in FIRST]
    model = Model(firms.clock.at)
    for deed, *about in plan:
        if deed == "wait":
            firms.clock.at = model.now = model.now + timedelta(hours=float(about[0]))
            continue
        who, at = str(about[0]), int(about[1])
        expected = {"take": model.takes, "give back": model.gives_back, "assign": model.is_given}[deed](who, at)
        assert _done(firms, deed, who, pool[at]) is expected, (deed, who, at)
        _check(firms, pool, model)
    for record in pool:
        firms.delete("chief", firms.get("chief", record))


def _done(firms: Firms, deed: str, who: str, record: Record) -> bool:
    try:
        if deed == "take":
            firms.take(who, record)
        elif deed == "give back":
            firms.release(who, record)
        else:
            firms.give("lead", record, who)
    except (NotFound, NotPossibleNow):
        return False
    return True


def _check(firms: Firms, pool: list[Record], model: Model) -> None:
    people = {id_: login for login, id_ in firms.people.items()}
    with firms.store.read() as session:
        for at, record in enumerate(pool):
            spans = list(reversed(list_spans(session, "firm", record.id)))
            last = spans[-1]
            assert (people.get(last.owner or 0), last.pool) == (model.owner[at], None if model.owner[at] else "public")
            assert [one.until for one in spans] == [*(one.since for one in spans[1:]), None]
            assert all((one.owner is None) != (one.pool is None) for one in spans)
    for at, record in enumerate(pool):
        assert firms.state(record)[:2] == (model.owner[at], None if model.owner[at] else "public")
