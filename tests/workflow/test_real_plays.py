"""The promises of approvals over random runs through the commands, on each database, also of several people at once.

Seven random approvals a run, some of which wait for others; four records; everybody of the small office. The seed and
all that was done are printed with a failure, and ``FORMWORK_TEST_EXAMPLES=300`` asks for a longer run than the everyday
one.
"""

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import select

from engine.errors import FormworkError
from engine.storage.store import Session
from engine.storage.system_tables import history, outbox
from tests.conftest import AnotherDatabase
from tests.racing import DONE, REFUSED, at_once, in_processes
from tests.workflow.commands import Act
from tests.workflow.house import draw_definitions, open_house
from tests.workflow.real_life import Life
from tests.workflow.real_plays import code_of, plain
from tests.workflow.row_promises import read_house

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

EXAMPLES = int(os.environ.get("FORMWORK_TEST_EXAMPLES", "0"))
LENGTH = 50

seeds = given(seed=st.integers(0, 2**32))


def examples(everyday: int) -> settings:
    """So many runs on an ordinary day. None is made smaller: a smaller seed is not a smaller run."""
    phases = [Phase.explicit, Phase.generate]
    checks = list(HealthCheck)
    return settings(max_examples=EXAMPLES or everyday, deadline=None, phases=phases, suppress_health_check=checks)


@contextmanager
def a_life(another: AnotherDatabase, seed: int) -> Iterator[Life]:
    """A life with a seed; what was done in it is noted for whoever has to mend something."""
    dice = random.Random(seed)
    with another() as (database, folder):
        definitions = draw_definitions(dice)
        life = Life(open_house(database, folder, definitions), definitions, dice)
        try:
            yield life
        finally:
            note("\n".join([f"seed {seed}", *life.told, *(f"{key}: {one}" for key, one in life.definitions.items())]))


@examples(6)
@seeds
def test_every_promise_holds_after_every_act_on_a_real_database(another_database: AnotherDatabase, seed: int) -> None:
    with a_life(another_database, seed) as life:
        for _ in range(LENGTH):
            life.act()


@examples(4)
@seeds
def test_acts_at_once_come_out_as_in_some_order(another_database: AnotherDatabase, seed: int) -> None:
    """4 and 18: several people in threads; each is answered as if they had come one after the other."""
    with a_life(another_database, seed) as life:
        for acts in moments(life):
            orders = every_order(life, acts)
            answers = at_once(len(acts), lambda at, acts=acts: alone(life, acts[at]))
            told = [code_of(one) if isinstance(one, FormworkError) else () for one in answers]
            with life.site.store.read() as session:
                assert (told, photograph(session)) in orders, f"{acts}: {told}, in order {[one for one, _ in orders]}"
            life.look(explain=False)


@pytest.mark.parametrize("another_database", ["postgresql"], indirect=True)
@examples(2)
@seeds
def test_acts_of_several_processes_come_out_as_in_some_order(another_database: AnotherDatabase, seed: int) -> None:
    with a_life(another_database, seed) as life:
        for acts in moments(life):
            orders = every_order(life, acts)
            ended = in_processes([lambda act=act: alone(life, act) for act in acts])
            allowed = [([REFUSED if told else DONE for told in answers], seen) for answers, seen in orders]
            with life.site.store.read() as session:
                assert (ended, photograph(session)) in allowed, (
                    f"{acts}: {ended}, in order {[one for one, _ in allowed]}"
                )
            life.look(explain=False)


def moments(life: Life) -> Iterator[list[Act]]:
    """A few reached states, each with what several people do in it at once."""
    for _ in range(4):
        for _ in range(life.dice.randint(4, 14)):
            life.act()
        if life.dice.random() < 0.5:
            life.wait_for_timer()
        acts = draw_several(life)
        if len(acts) > 1:
            life.told.append(f"{life.site.clock.at:%d %H:%M} at once {acts}")
            yield acts


def draw_several(life: Life) -> list[Act]:
    """Two to four acts, most of them about the same thing."""
    acts: list[Act] = []
    near = life.dice.choice(list(life.house.approvals)) if life.house.approvals else None
    for _ in range(life.dice.randint(2, 4)):
        act = life.draw_any(near)
        if act is not None:
            acts.append(act)
    return acts


def alone(life: Life, act: Act) -> Any:
    with life.site.store.write() as session:
        return act(session)


class _Undone(Exception):
    """Takes a rehearsal back."""


def every_order(life: Life, acts: Sequence[Act]) -> list[tuple[list[tuple[str, ...]], Any]]:
    """How acts would be answered one after the other, in each order, and what would be there then."""
    found = []
    for order in permutations(range(len(acts))):
        with suppress(_Undone), life.site.store.write() as session:
            told = {at: rehearse(session, acts[at]) for at in order}
            found.append(([told[at] for at in range(len(acts))], photograph(session)))
            raise _Undone
    return found


def rehearse(session: Session, act: Act) -> tuple[str, ...]:
    with session.attempt() as attempt:
        try:
            act(session)
        except FormworkError as refused:
            attempt.undo()
            return code_of(refused)
    return ()


def photograph(session: Session) -> Any:
    """All that is there, without the ids that differ from order to order."""
    house = read_house(session)
    told = [
        (kept.state.approval, kept.record_id, [plain(event) for event in kept.events])
        for kept in house.approvals.values()
    ]
    values = {id_: {key: one[key] for key in (*FIELDS, "version")} for id_, one in house.records.items()}
    sent = session.connection.execute(select(outbox.c.record_id, outbox.c.type).order_by(outbox.c.id)).all()
    kept = session.connection.execute(select(history.c.record_id, history.c.action).order_by(history.c.id)).all()
    return sorted(told, key=str), values, sorted(map(tuple, sent)), sorted(map(tuple, kept))


FIELDS = ("stage", "cost", "flag", "note", "expert", "other")
