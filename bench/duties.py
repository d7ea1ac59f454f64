"""Proof that both applications do the same: every duty asked for over HTTP, and the journal rows counted.

A started Contestant enters; nothing leaves, or AssertionError with the duty that is not done.
"""

import time
from pathlib import Path

from sqlalchemy import create_engine, text

from bench.contestant import Contestant
from bench.sides import DIRECTOR, MANAGER, REP, Answer, Request
from bench.workbook import write_workbook


def check_duties(contestant: Contestant) -> int:
    """The number of duties checked. Raises AssertionError."""
    checks = Duties(contestant)
    duties = [getattr(checks, name) for name in dir(checks) if name.startswith("duty_")]
    for duty in duties:
        try:
            duty()
        except AssertionError as problem:
            raise AssertionError(f"{contestant.side.name} does not do its duty: {duty.__doc__}: {problem}") from None
    return len(duties)


class Duties:
    def __init__(self, contestant: Contestant) -> None:
        self.contestant, self.side, self.ask = contestant, contestant.side, contestant.ask
        customer = self.ask(self.side.create_customer(REP[0], {"name": "甬江阀门", "grade": "a"}))
        self.customer = self.side.id_of(customer)
        self.record = self._create()

    def duty_token(self) -> None:
        """a request without a valid token is refused"""
        request = self.side.detail(REP[0], self.side.id_of(self.record))
        for header in ("Bearer nobody", "Basic abc", ""):
            self._refused(request | {"headers": {"Authorization": header}}, 401)

    def duty_scope(self) -> None:
        """own, team and all rows are told apart, and a foreign row answers like a missing one"""
        row_id = self.side.id_of(self.record)
        for who in (REP[0], MANAGER[0], DIRECTOR):
            found = self.ask(self.side.detail(who, row_id))
            assert self.side.customer_name_of(found) == "甬江阀门"
        foreign = [self._refused(self.side.detail(who, row_id), 404) for who in (REP[1], REP[4], MANAGER[1])]
        missing = self._refused(self.side.detail(REP[0], 987654321), 404)
        assert {self.side.kind_of(answer) for answer in foreign} == {self.side.kind_of(missing)}
        self._refused(self.side.update(REP[1], row_id, self.side.version_of(self.record), {"remark": "x"}), 404)
        self._refused(self.side.update(DIRECTOR, row_id, self.side.version_of(self.record), {"remark": "x"}), 403)
        self._refused(self.side.create(DIRECTOR, self.contestant.values(self.customer)), 403)

    def duty_validation(self) -> None:
        """every wrong field is named at once"""
        wrong = {
            "name": "", "amount": "-1", "win_rate": 1.5, "expected_close": "2020-01-01", "region": "moon",
            "source": None, "quantity": 0, "contact_phone": "12", "contact_email": "nobody", "product_line": "x",
            "end_user_code": "911100006000373410", "remark": "长" * 501, "customer": 987654321,
        }  # fmt: skip
        answer = self._refused(self.side.create(REP[0], {**self.contestant.values(self.customer), **wrong}), 422)
        # A cross-record check may wait until the fields by themselves are right.
        assert set(wrong) - {"customer", "expected_close"} <= self.side.errors_of(answer) <= set(wrong), answer
        right = self.contestant.values(self.customer)
        for field, value in {"customer": 987654321, "expected_close": "2020-01-01", "no_such": 1}.items():
            answer = self._refused(self.side.create(REP[0], {**right, field: value}), 422)
            assert field in self.side.errors_of(answer), answer
        answer = self._refused(self.side.create(REP[1], self.contestant.values(self.customer)), 422)
        assert self.side.errors_of(answer) == {"customer"}, "another's customer could be chosen"

    def duty_search(self) -> None:
        """a record is found by a part of its name, by its sound, its initials and the tail of a phone"""
        row_id, version = self.side.id_of(row := self._create()), self.side.version_of(row)
        changed = {"name": "甬江轴承大修", "contact_phone": "13987654321"}
        self.ask(self.side.update(REP[0], row_id, version, changed))
        for words in ("轴承大", "zhouchengda", "zcdx", "654321"):
            found = self.side.items_of(self.ask(self.side.find(REP[0], words)))
            assert [self.side.id_of(one) for one in found] == [row_id], words
        assert not self.side.items_of(self.ask(self.side.find(REP[1], "轴承大"))), "another's record was found"

    def duty_version(self) -> None:
        """the second editor is told, and nothing is overwritten"""
        row = self._create()
        row_id, version = self.side.id_of(row), self.side.version_of(row)
        changed = self.ask(self.side.update(REP[0], row_id, version, {"remark": "first", "amount": "7.50"}))
        assert self.side.version_of(changed) != version
        self._refused(self.side.update(REP[0], row_id, version, {"remark": "second"}), 409)
        assert self.ask(self.side.detail(REP[0], row_id))["remark"] == "first"

    def duty_move(self) -> None:
        """a move needs its fields and its stage"""
        values = self.contestant.values(self.customer)
        row = self.ask(self.side.create(REP[0], values | {"need_summary": None}))
        row_id, version = self.side.id_of(row), self.side.version_of(row)
        answer = self._refused(self.side.move(REP[0], row_id, version, "propose"), 422)
        assert self.side.errors_of(answer) == {"need_summary"}
        version = self.side.version_of(self.ask(self.side.update(REP[0], row_id, version, {"need_summary": "x"})))
        moved = self.ask(self.side.move(REP[0], row_id, version, "propose"))
        assert self.side.stage_of(moved) == "proposal"
        self._refused(self.side.move(REP[0], row_id, self.side.version_of(moved), "propose"), 409)

    def duty_approval(self) -> None:
        """one open task gives one decision, by its holder, and moves the record"""
        row = self._create()
        row_id = self.side.id_of(row)
        moved = self.ask(self.side.move(REP[0], row_id, self.side.version_of(row), "propose"))
        sent = self.ask(self.side.move(REP[0], row_id, self.side.version_of(moved), "submit"))
        assert self.side.stage_of(sent) == "deciding"
        task = self.side.tasks_of(self.ask(self.side.inbox(MANAGER[0])))[0]
        self._refused(self.side.approve(MANAGER[1], task), 404)
        self._refused(self.side.approve(REP[0], task), 404)
        self.ask(self.side.approve(MANAGER[0], task))
        self._refused(self.side.approve(MANAGER[0], task), 409)
        assert self.side.stage_of(self.ask(self.side.detail(REP[0], row_id))) == "review"

    def duty_page(self) -> None:
        """a page is sorted, goes on where it ended and holds nobody else's rows"""
        for _ in range(60):
            self._create()
        first = self.ask(self.side.page(REP[0], "needs", 0))
        after = self.side.cursor_of(first)
        second = self.ask(self.side.page(REP[0], "needs", 0, after))
        rows = [*self.side.items_of(first), *self.side.items_of(second)]
        amounts = [float(row["amount"]) for row in rows]
        assert len(self.side.items_of(first)) == 50 and len({row["id"] for row in rows}) == len(rows)
        assert amounts == sorted(amounts, reverse=True) and all(row["stage"] == "needs" for row in rows)
        assert not self.side.items_of(self.ask(self.side.page(REP[1], "needs", 0)))
        for bad in ("&no_such=1", "&sort=no_such", "&limit=100000", "&after=zzz"):
            request = self.side.page(REP[0], "needs", 0)
            self._refused(request | {"path": request["path"].replace("&sort=-amount&limit=50", "") + bad}, 422)

    def duty_import(self) -> None:
        """an import names every refused row"""
        path = self.contestant.home / "duties.xlsx"
        refused = write_workbook(path, 260, ["甬江阀门"])
        assert refused == 3
        answer = self._upload(path)
        assert self.side.imported(answer) == (257, 3), answer

    def duty_journal(self) -> None:
        """every change leaves a history row and an outbox row"""
        before = self._journal()
        row = self._create()
        row_id, version = self.side.id_of(row), self.side.version_of(row)
        changed = self.ask(self.side.update(REP[0], row_id, version, {"remark": "x"}))
        self.ask(self.side.move(REP[0], row_id, self.side.version_of(changed), "propose"))
        assert all(now - then == 3 for then, now in zip(before, self._journal(), strict=True)), "rows are missing"

    def duty_moves(self) -> None:
        """where a record has been stays: a row for its first stage and for each move"""
        before = self._count(self.side.moves)
        row = self._create()
        self.ask(self.side.move(REP[0], self.side.id_of(row), self.side.version_of(row), "propose"))
        assert self._count(self.side.moves) - before == 2, "rows are missing"

    def duty_notices(self) -> None:
        """whoever is asked to decide is told, and whoever asked"""
        before = self._count(self.side.notices)
        row = self._create()
        row_id = self.side.id_of(row)
        moved = self.ask(self.side.move(REP[0], row_id, self.side.version_of(row), "propose"))
        known = set(self.side.tasks_of(self.ask(self.side.inbox(MANAGER[0]))))
        self.ask(self.side.move(REP[0], row_id, self.side.version_of(moved), "submit"))
        (task,) = set(self.side.tasks_of(self.ask(self.side.inbox(MANAGER[0])))) - known
        self.ask(self.side.approve(MANAGER[0], task))
        until = time.monotonic() + 10
        while (told := self._count(self.side.notices) - before) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert told == 2, f"{told} notices"

    def _create(self) -> Answer:
        return self.ask(self.side.create(REP[0], self.contestant.values(self.customer)))

    def _refused(self, request: Request, status: int) -> Answer:
        return self.ask(request | {"expect": status})

    def _upload(self, path: Path) -> Answer:
        return self.contestant.measure_import(self.side.bring_in(REP[0], path))[1]

    def _journal(self) -> list[int]:
        return [self._count(name) for name in self.side.journal]

    def _count(self, table: str) -> int:
        engine = create_engine(self.contestant.url)
        with engine.connect() as connection:
            found: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        engine.dispose()
        return found
