"""Invariant 15: a record is in a stage only if every requirement to enter held in the transaction that moved it.

Random sequences through every way in (one move, many at once, a form, an import, a timer) beside a small pure model.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from engine.automation.timers import sweep
from engine.errors import FormworkError, InvalidValues
from engine.importing.at_once import import_records
from engine.importing.sheets import Sheet
from engine.storage.database import Database
from engine.storage.system_tables import history
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import log as approval_log
from engine.workflow.many import move_many
from tests.workflow.deals import Deals, open_deals

ORDER = ("needs", "proposal", "review", "contract")
MOVES = {
    **{f"to_{after}": ({before}, after) for before, after in zip(ORDER, ORDER[1:], strict=False)},
    **{f"back_{before}": ({after}, before) for before, after in zip(ORDER, ORDER[1:], strict=False)},
    **{f"reopen_{stage}": ({"lost"}, stage) for stage in ORDER},
    "won": ({"contract"}, "won"),
    "lost": (set(ORDER), "lost"),
}


class Model:
    """A deal in a few lines: what is filled, where it is, where it was."""

    def __init__(self) -> None:
        self.stage, self.before = "needs", "needs"
        self.filled: set[str] = set()
        self.visited = False

    def may(self, move: str) -> bool:
        sources, to = MOVES[move]
        if self.stage not in sources or (move.startswith("reopen") and to != self.before):
            return False
        back = to in ORDER and self.stage in ORDER and ORDER.index(to) < ORDER.index(self.stage)
        leaves = self.stage != "review" or back or "verdict" in self.filled
        return leaves and self._has(to)

    def go(self, move: str) -> None:
        if self.stage in ORDER:
            self.before = self.stage
        self.stage = MOVES[move][1]

    def _has(self, stage: str) -> bool:
        needed = {"proposal": {"amount", "need", "doc"}, "contract": {"offer"}}.get(stage, set())
        return needed <= self.filled and (stage != "review" or self.visited)


class Gates(RuleBasedStateMachine):
    """One deal, pushed about by everybody at once."""

    deals: Deals
    offer: int

    @initialize()
    def begin(self) -> None:
        self.model = Model()
        self.deal = self.deals.make("deal", title="阀门").id
        self.values: dict[str, Any] = {"amount": 5, "need": "阀门", "verdict": "good", "offer": self.offer}

    @rule(field=st.sampled_from(["amount", "need", "verdict", "offer", "doc"]), fill=st.booleans())
    def change(self, field: str, fill: bool) -> None:
        value = [self.deals.upload()] if field == "doc" else self.values[field]
        empty: Any = [] if field == "doc" else None
        self.deals.change("deal", self.deal, **{field: value if fill else empty})
        self.model.filled = self.model.filled | {field} if fill else self.model.filled - {field}

    @rule()
    def visit(self) -> None:
        self.deals.make("visit", deal=self.deal, kind="visit", day="2026-03-03")
        self.model.visited = True

    @rule(move=st.sampled_from(sorted(MOVES)), many=st.booleans())
    def move(self, move: str, many: bool) -> None:
        allowed = self.model.may(move)
        assert self._tried(move, many) == allowed, (move, self.model.stage, self.model.filled)
        if allowed:
            self.model.go(move)

    @precondition(lambda self: self.model.stage == "needs")
    @rule()
    def move_with_everything_filled_on_the_spot(self) -> None:
        raw = {"amount": "5", "need": "阀门", "doc": [self.deals.upload()]}
        self.deals.go(self.deal, "to_proposal", raw=raw)
        self.model.filled |= set(raw)
        self.model.go("to_proposal")

    @rule(stage=st.sampled_from([*ORDER, "won", "lost"]))
    def write_the_stage_in_a_form(self, stage: str) -> None:
        with pytest.raises(FormworkError):
            self.deals.change("deal", self.deal, stage=stage)
        with pytest.raises(FormworkError):
            self.deals.make("deal", title="走后门", stage=stage)

    @rule()
    def look_for_what_is_due(self) -> None:
        sweep(self.deals.store)

    @invariant()
    def the_record_is_where_the_model_says(self) -> None:
        if hasattr(self, "deal"):
            assert self.deals.where(self.deal) == self.model.stage
            stay = self.deals.stay(self.deal)
            assert stay.stage == self.model.stage

    def _tried(self, move: str, many: bool) -> bool:
        version = self.deals.found("deal", self.deal).version
        if many:
            with self.deals.store.write() as session:
                actor = self.deals.actor("boss")
                [one] = move_many(session, "deal", move, [(self.deal, version)], reason="理由", actor=actor)
            return one.refused is None
        try:
            self.deals.go(self.deal, move, "boss", reason="理由")
        except FormworkError:
            return False
        return True


@pytest.fixture
def deals(database: Database, tmp_path: Path) -> Iterator[Deals]:
    yield open_deals(database, tmp_path)


def test_no_way_in_leads_past_a_gate(deals: Deals) -> None:
    offer = deals.make("offer", title="报价", price=10).id
    deals.go(offer, "submit", entity="offer")
    with deals.store.write() as session:
        running = approval_log.read(session, approval_log.find_running(session, "offer", offer) or 0)
        assert running is not None
        approvals.decide(session, running.task_ids[0], "approve", actor=deals.actor("boss"))
    Gates.deals, Gates.offer = deals, offer
    count = 25 if deals.store.database.dialect == "sqlite" else 8
    run_state_machine_as_test(
        Gates,
        settings=settings(
            max_examples=count, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_every_move_keeps_who_when_and_what_let_it_through(deals: Deals) -> None:
    deal = deals.make("deal", title="阀门").id
    deals.go(deal, "to_proposal", raw={"amount": "500", "need": "阀门", "doc": [deals.upload()]})

    with deals.store.read() as session:
        own = (history.c.entity == "deal", history.c.record_id == deal, history.c.action == "move")
        [row] = session.connection.execute(select(history).where(*own)).all()
    assert (row.actor_id, row.at, row.changes["stage"]) == (deals.people["rep"], deals.clock.at, ["needs", "proposal"])
    assert row.changes[""]["evidence"] == {
        "fields": {"amount": "500.00", "need": "阀门"},
        "files": [{"field": "doc", "name": "方案.pdf", "sha256": "ab" * 32}],
    }


def test_an_import_cannot_put_a_record_past_a_gate(deals: Deals) -> None:
    sheet = Sheet(["名称", "阶段"], [(2, ["走后门", "赢单"])])
    with pytest.raises(InvalidValues):
        import_records(deals.store, "deal", sheet, actor=deals.actor("rep"))


def test_the_way_back_is_open_whatever_the_stage_needs_to_be_left(deals: Deals) -> None:
    deal = deals.make("deal", title="阀门", amount=5, need="阀门", doc=[deals.upload()]).id
    deals.go(deal, "to_proposal")
    deals.make("visit", deal=deal, kind="visit", day="2026-03-03")
    deals.go(deal, "to_review")

    assert deals.go(deal, "back_proposal", reason="评审不可行").values["stage"] == "proposal"
