"""What a record adds up from those that link to it is right at every moment, whoever writes and how."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from engine.errors import FormworkError, InvalidValues
from engine.importing import at_once as imports
from engine.importing.sheets import Sheet
from engine.importing.working import CHUNK
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.system_tables import history, outbox
from engine.workflow.transitions import move_record
from tests.conftest import to_folder
from tests.racing import at_once
from tests.records.desk import Desk, errors_of
from tests.records.ledger import LEDGER, contract, ledger_of, mistakes, payment, stored

THREADS = 8


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ledger_of(request, tmp_path_factory.mktemp("ledger")) as desk:
        yield desk


def values(desk: Desk, record: Record) -> dict[str, Any]:
    return desk.get("chief", record).values


def test_parents_and_theirs_follow_a_payment_from_its_creation_to_its_deletion(ledger: Desk) -> None:
    client = ledger.client()
    one, other = contract(ledger, client), contract(ledger, client, amount="500")

    made = payment(ledger, one, "200", client=client.id, day="2026-03-01")
    assert (values(ledger, one)["paid"], values(ledger, one)["open"]) == (200, 800)
    assert (values(ledger, client)["owing"], values(ledger, client)["received"]) == (1300, 200)
    made = ledger.update("chief", made, amount="300")
    assert (values(ledger, one)["paid"], values(ledger, client)["owing"]) == (300, 1200)
    made = ledger.update("chief", made, contract=other.id)
    assert [values(ledger, each)["paid"] for each in (one, other)] == [0, 300]
    made = ledger.update("chief", made, confirmed=False)
    assert (values(ledger, other)["paid"], values(ledger, other)["pieces"]) == (0, 1)
    ledger.delete("chief", made)
    assert (values(ledger, other)["pieces"], values(ledger, client)["last_paid"]) == (0, None)
    assert mistakes(ledger) == []


def test_a_move_and_what_is_computed_from_lines_follow_too(ledger: Desk) -> None:
    client = ledger.client()
    one = contract(ledger, client, items=[{"cost": "30"}, {"cost": "12.5"}])
    payment(ledger, one, "100")
    assert values(ledger, one)["margin"] == Decimal("57.50")
    assert values(ledger, client)["busy"] is True

    with ledger.store.write() as session:
        move_record(session, "contract", one.id, "close", version=one.version, actor=ledger.actor("chief"))

    assert values(ledger, client)["busy"] is False


def test_a_parent_keeps_its_version_and_whoever_edits_it_meets_no_conflict(ledger: Desk) -> None:
    one = contract(ledger, ledger.client())
    payment(ledger, one, "100")

    changed = ledger.update("chief", one, amount="900")  # seen before the payment

    assert (changed.version, changed.values["open"]) == (2, 800)
    assert values(ledger, one)["updated_by"] == ledger.people["chief"]


def test_the_history_of_a_parent_says_what_became_of_it_and_replays_to_it(ledger: Desk) -> None:
    one = contract(ledger, ledger.client())
    made = payment(ledger, one, "100")
    ledger.update("chief", made, amount="250")
    with ledger.store.read() as session:
        own = (history.c.entity == "contract", history.c.record_id == one.id)
        rows = session.connection.execute(select(history).where(*own).order_by(history.c.id)).mappings().all()
        told = session.connection.execute(
            select(outbox.c.payload).where(outbox.c.type == "contract.rolled_up", outbox.c.record_id == one.id)
        ).scalars()
        changed = ["margin", "open", "paid"]
        assert [sorted(row["changed"]) for row in told] == [[*changed, "pieces"], changed]

    replayed: dict[str, Any] = {}
    for row in rows:
        for key, (old, new) in row["changes"].items():
            assert replayed.get(key) == old
            replayed[key] = new
    assert [row["action"] for row in rows] == ["create", "roll_up", "roll_up"]
    assert {row["version"] for row in rows} == {1}
    assert [replayed[key] for key in ("paid", "open", "pieces")] == ["250.00", "750.00", 1]


def test_a_payment_that_breaks_a_rule_of_its_contract_is_refused_beside_the_link(ledger: Desk) -> None:
    one = contract(ledger, ledger.client(), amount="100")

    assert errors_of(lambda: payment(ledger, one, "101")) == {"contract": "回款不能超过合同金额"}
    assert values(ledger, one)["pieces"] == 0
    made = payment(ledger, one, "100")
    ledger.update("chief", one, name="改名")
    assert errors_of(lambda: ledger.update("chief", made, amount="100.01")) == {"contract": "回款不能超过合同金额"}


def test_a_rule_that_was_broken_before_holds_nobody_back(ledger: Desk) -> None:
    one = ledger.create("chief", "contract", name=ledger.name("合同"))
    payment(ledger, one, "500")
    table = ledger.store.tables.entity["contract"]
    with ledger.store.write() as session:
        session.connection.execute(
            table.update().where(table.c.id == one.id).values(amount=Decimal(100), rest=Decimal(100))
        )

    payment(ledger, one, "1")

    assert values(ledger, one)["paid"] == 501


def test_a_repeat_that_a_roll_up_brings_about_is_refused_beside_the_link(ledger: Desk) -> None:
    client = ledger.client()
    first, second = (contract(ledger, client, name="同名", amount="2000") for _ in range(2))
    payment(ledger, first, "1000")

    said = "已有同名的结清合同。已有：同名（负责人 chief 的名字）。"
    assert errors_of(lambda: payment(ledger, second, "1000")) == {"contract": said}
    payment(ledger, second, "999")
    assert mistakes(ledger) == []


def test_a_sum_too_large_for_its_field_is_said_beside_the_link(ledger: Desk) -> None:
    one = contract(ledger, ledger.client(), amount=None)
    most = "9" * 15
    for _ in range(9):
        payment(ledger, one, most)
    for _ in range(2):
        said = errors_of(lambda: payment(ledger, one, "9" * 16))
        assert said == {"contract": "“已回款”的汇总会超过 18 位，请检查数字。"}
    assert values(ledger, one)["pieces"] == 9


def test_an_import_of_a_thousand_payments_adds_up_in_a_few_statements(ledger: Desk) -> None:
    one = contract(ledger, ledger.client(), name="导入合同", amount="100000")
    rows = [(at + 2, ["导入合同", "1.01", "是" if at % 2 else "否"]) for at in range(1000)]
    statements: list[str] = []
    listening = ledger.store.database.engine

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "e_contract" in statement and "UPDATE" in statement:
            statements.append(statement)

    event.listen(listening, "before_cursor_execute", count)
    try:
        result = imports.import_records(
            ledger.store, "payment", Sheet(("合同", "金额", "已确认"), rows), actor=ledger.actor("chief")
        )
    finally:
        event.remove(listening, "before_cursor_execute", count)

    assert (result.created, result.refused) == (1000, [])
    assert values(ledger, one)["paid"] == Decimal("505.00")
    assert len([each for each in statements if each.startswith("UPDATE")]) == 1000 // CHUNK
    assert mistakes(ledger) == []


def test_saving_a_parent_reads_none_of_what_links_to_it(ledger: Desk) -> None:
    one = contract(ledger, ledger.client())
    payment(ledger, one)
    listening, read = ledger.store.database.engine, list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "e_payment" in statement:
            read.append(statement)

    event.listen(listening, "before_cursor_execute", note)
    try:
        ledger.update("chief", one, name=ledger.name("新名"))
    finally:
        event.remove(listening, "before_cursor_execute", note)

    assert read == []


def test_payments_made_moved_and_deleted_at_once_add_up(ledger: Desk) -> None:
    client = ledger.client()
    two = [contract(ledger, client, amount="1000000") for _ in range(2)]

    def work(number: int) -> None:
        for at in range(5):
            made = payment(ledger, two[(number + at) % 2], str(number + 1), client=client.id)
            made = ledger.update("chief", made, contract=two[at % 2].id, amount=str(at + 1))
            if at % 3 == 0:
                ledger.delete("chief", made)
            if at == 2:
                ledger.update("chief", ledger.get("chief", two[number % 2]), seen=two[number % 2].version)

    answers = at_once(THREADS, work)

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert mistakes(ledger) == []


def test_editing_parents_and_children_at_once_never_ends_in_a_circle(ledger: Desk) -> None:
    clients = [ledger.client() for _ in range(2)]
    contracts = [contract(ledger, clients[at % 2], amount="1000000") for at in range(3)]

    def work(number: int) -> list[str]:
        refused = []
        for at in range(6):
            try:
                if number % 4 == 0:
                    now = ledger.get("chief", contracts[at % 3])
                    ledger.update("chief", now, client=clients[at % 2].id, kind="gift" if at % 2 else "sale")
                elif number % 4 == 1:
                    now = ledger.get("chief", clients[at % 2])
                    ledger.update("chief", now, name=ledger.name("客户"))
                else:
                    made = payment(ledger, contracts[(at + number) % 3], "1", client=clients[(at + number) % 2].id)
                    ledger.update("chief", made, contract=contracts[at % 3].id, client=clients[at % 2].id)
            except FormworkError as error:
                refused.append(getattr(error, "code", str(error)))
        return refused

    answers = at_once(THREADS, work)

    assert {code for answer in answers for code in answer} <= {"stale"}
    assert mistakes(ledger) == []


def test_a_client_is_never_deleted_from_under_a_contract_being_made(ledger: Desk) -> None:
    for _ in range(8):
        client = ledger.client()

        def act(number: int, client: Record = client) -> object:
            return ledger.delete("chief", client) if number == 0 else contract(ledger, client)

        answers = at_once(3, act)

        alive = any(row["id"] == client.id for row in stored(ledger, "client"))
        made = [answer for answer in answers if isinstance(answer, Record)]
        assert alive is bool(made)
        assert all(isinstance(answer, FormworkError | Record) or answer is None for answer in answers)
    assert mistakes(ledger) == []


def shared_out(desk: Desk, *shares: tuple[Record, str], **raw: Any) -> Record:
    rows = [{"of": one.id, "amount": amount} for one, amount in shares]
    return desk.create("chief", "payment", **{"confirmed": True, "shares": rows} | raw)


def test_rows_of_other_records_are_added_up_as_long_as_their_record_counts(ledger: Desk) -> None:
    client = ledger.client()
    one, other = contract(ledger, client), contract(ledger, client, amount="500")

    made = shared_out(ledger, (one, "300"), (one, "100"), (other, "50"), confirmed=False)
    assert [values(ledger, each)["shared"] for each in (one, other)] == [0, 0]
    made = ledger.update("chief", made, confirmed=True)
    assert [values(ledger, each)["shared"] for each in (one, other)] == [400, 50]
    assert values(ledger, client)["unshared"] == 1050
    first, second, _ = ledger.get("chief", made).values["shares"]
    made = ledger.update("chief", made, shares=[first | {"of": other.id}, second])
    assert [values(ledger, each)["shared"] for each in (one, other)] == [100, 300]
    ledger.update("chief", ledger.get("chief", one), name="改名")
    ledger.delete("chief", made)
    assert [values(ledger, each)["shared"] for each in (one, other)] == [0, 0]
    assert mistakes(ledger) == []


def test_rows_that_together_are_too_much_are_refused_beside_their_table_whoever_is_faster(ledger: Desk) -> None:
    one = contract(ledger, ledger.client())
    said = {"shares": "核销不能超过合同金额"}
    assert errors_of(lambda: shared_out(ledger, (one, "600"), (one, "400.01"))) == said

    answers = at_once(THREADS, lambda number: shared_out(ledger, (one, "300")))

    made = [answer for answer in answers if isinstance(answer, Record)]
    assert (len(made), values(ledger, one)["shared"]) == (3, 900)
    assert all(isinstance(answer, Record | InvalidValues) for answer in answers)
    waiting = shared_out(ledger, (one, "101"), confirmed=False)
    assert errors_of(lambda: ledger.update("chief", waiting, confirmed=True)) == said
    assert mistakes(ledger) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["contract", "pay", "share", "change", "move", "delete", "kind", "shut"]),
        st.integers(0, 5),
        st.integers(0, 5),
        st.sampled_from(["0", "0.01", "10", "99.99", None]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.reuse, Phase.generate))
@given(steps=STEPS)
def test_any_sequence_of_writes_equals_adding_up_from_scratch(
    ledger: Desk, steps: list[tuple[str, int, int, str | None]]
) -> None:
    clients = [ledger.client() for _ in range(2)]
    contracts = [contract(ledger, clients[0], amount="1000000")]
    payments: list[Record] = []
    for what, first, second, amount in steps:
        try:
            _step(ledger, clients, contracts, payments, (what, first, second, amount))
        except FormworkError:
            continue
    assert mistakes(ledger) == []


def _step(
    desk: Desk,
    clients: list[Record],
    contracts: list[Record],
    payments: list[Record],
    step: tuple[str, int, int, str | None],
) -> None:
    what, first, second, amount = step
    client, one = clients[first % 2], contracts[second % len(contracts)]
    if what == "contract":
        contracts.append(contract(desk, client, amount=amount, kind="gift" if second % 2 else None))
    elif what == "pay":
        payments.append(payment(desk, one if first else None, amount or "1", client=client.id if second else None))
    elif what == "share":
        two = [(one, amount or "1"), (contracts[first % len(contracts)], "2.5")]
        payments.append(shared_out(desk, *two, confirmed=bool(second)))
    elif what == "kind":
        desk.update("chief", desk.get("chief", one), kind=("sale", "gift", None)[first % 3], client=client.id)
    elif what == "shut":
        now = desk.get("chief", one)
        with desk.store.write() as session:
            move_record(session, "contract", now.id, "close", version=now.version, actor=desk.actor("chief"))
    elif payments:
        now = desk.get("chief", payments[first % len(payments)])
        if what == "change":
            desk.update("chief", now, amount=amount, confirmed=bool(second % 2), day=f"2026-03-0{first + 1}")
        elif what == "move":
            rows = [{"of": one.id, "amount": amount}] if first else []
            desk.update("chief", now, contract=one.id if second else None, client=client.id, shares=rows)
        else:
            desk.delete("chief", now)


def test_publishing_a_new_or_changed_roll_up_fills_the_records_there_are(ledger: Desk) -> None:
    client = ledger.client()
    one = contract(ledger, client, amount="1000")
    payment(ledger, one, "200", client=client.id)
    payment(ledger, one, "50", confirmed=False, client=client.id)
    wider = LEDGER["contract/entity.yaml"].replace("sum(payment.amount where confirmed)", "sum(payment.amount)")
    more = LEDGER["client/entity.yaml"].replace(
        "  busy:", '  paid_in: {type: money, label: 合同回款, computed: "sum(contract.paid)"}\n  busy:'
    )
    try:
        catalog.publish(
            ledger.store,
            to_folder({**LEDGER, "contract/entity.yaml": wider, "client/entity.yaml": more}),
            actor_id=None,
        )
        assert (values(ledger, one)["paid"], values(ledger, one)["open"]) == (250, 750)
        found = values(ledger, client)
        assert (found["paid_in"], found["owing"], found["received"]) == (250, 750, 200)
    finally:
        catalog.publish(ledger.store, to_folder(LEDGER), actor_id=None)
    assert mistakes(ledger) == []


def test_only_whoever_may_see_a_parent_is_shown_it(ledger: Desk) -> None:
    own = ledger.create("rep", "client", name=ledger.name("客户"))
    with pytest.raises(InvalidValues):
        ledger.create("rep2", "payment", client=own.id, amount="5")
    made = ledger.create("rep", "payment", client=own.id, amount="5", confirmed=True)

    assert ledger.get("rep", own).values["received"] == 5
    assert made.values["client"] == own.id
