"""Moves and their gates on real databases: what is missing, who may, what is kept."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from engine.errors import InvalidValues, Missing, NotAllowed, NotFound, NotPossibleNow
from engine.records.commands import Stale, create_record
from engine.records.queries import get_record
from engine.records.record import Record
from engine.storage.system_tables import files
from engine.workflow import transitions
from engine.workflow.requirements import check_requirements, say_missing
from tests.racing import at_once
from tests.workflow.site import TUESDAY, Site


@pytest.fixture
def approved(site: Site) -> Record:
    record = site.submitted(price=50)
    assert site.stage(record) == "approved"
    return site.record(record.id)


def upload(site: Site, login: str, name: str = "回单.pdf") -> int:
    row = {"sha256": "ab" * 32, "name": name, "size": 9, "content_type": "application/pdf", "uploaded_at": TUESDAY}
    with site.store.write() as session:
        made = insert(files).values(row | {"uploaded_by": site.people[login]}).returning(files.c.id)
        return int(session.connection.execute(made).scalar_one())


def add_invoice(site: Site, record: Record, amount: int | None = 50) -> None:
    raw = {"code": "F1", "payment": record.id, "amount": amount}
    with site.store.write() as session:
        create_record(session, "invoice", raw, actor=site.actor("clerk"))


def missing_of(site: Site, login: str, record: Record, move: str, **more: Any) -> tuple[Missing, ...]:
    with pytest.raises(InvalidValues) as refused:
        site.move(login, record, move, **more)
    return refused.value.missing


# ---- what is missing


def test_everything_missing_is_listed_at_once_with_its_labels(site: Site, approved: Record) -> None:
    missing = missing_of(site, "money", approved, "pay")
    assert [item.kind for item in missing] == ["fields", "file", "link"]
    assert say_missing(missing, "zh") == (
        "还缺：付款日期、凭证号、回单扫描件（至少 1 份）、符合条件的发票（至少 1 条，现有 0 条）"
    )
    assert [item.fields for item in missing] == [("paid_on", "voucher"), ("scan",), ()]
    assert site.stage(approved) == "approved"


def test_missing_things_are_filled_on_the_spot_and_the_evidence_is_kept(site: Site, approved: Record) -> None:
    add_invoice(site, approved)
    raw = {"paid_on": "2026-03-02", "voucher": "V-7", "scan": [upload(site, "money")]}
    moved = site.move("money", approved, "pay", raw=raw)
    assert moved.values["stage"] == "paid"
    assert moved.values["stamped"].isoformat() == "2026-03-03"  # `set:` of the move, today at the site
    last = site.history(approved)[-1]
    assert (last.action, last.actor_id) == ("move", site.people["money"])
    assert last.changes["stage"] == ["approved", "paid"]
    assert last.changes[""]["evidence"] == {
        "fields": {"paid_on": "2026-03-02", "voucher": "V-7"},
        "files": [{"field": "scan", "name": "回单.pdf", "sha256": "ab" * 32}],
        "links": {"invoice": [1]},
    }


def test_values_filled_on_the_spot_pass_the_same_checks_as_a_form(site: Site, approved: Record) -> None:
    add_invoice(site, approved)
    for raw, path in (
        ({"paid_on": "gestern"}, "paid_on"),
        ({"nonsense": 1}, None),
        ({"stamped": "2026-03-02"}, None),
        ({"scan": [10**9]}, "scan"),
    ):
        with pytest.raises((InvalidValues, NotAllowed)) as refused:
            site.move("money", approved, "pay", raw=raw)
        if path is not None:
            assert isinstance(refused.value, InvalidValues)
            assert [error.path for error in refused.value.errors] == [path]
    assert site.stage(approved) == "approved"


def test_filling_on_the_spot_reaches_no_field_the_gate_does_not_ask_for(site: Site, approved: Record) -> None:
    with pytest.raises(NotAllowed):
        site.move("money", approved, "pay", raw={"title": "改"})
    with pytest.raises(InvalidValues) as refused:
        site.move("clerk", approved, "void", raw={"title": "改", "why": "重复"}, reason="重复")
    assert [(error.path, error.code) for error in refused.value.errors] == [("title", "value.locked")]
    assert site.record(approved.id).values["title"] == "买钢材"


def test_linked_records_count_only_when_they_meet_the_condition(site: Site, approved: Record) -> None:
    add_invoice(site, approved, None)
    add_invoice(site, approved, 0)
    assert [item.key for item in missing_of(site, "money", approved, "pay")] == ["papers", "scan", "invoice"]
    add_invoice(site, approved, 1)
    assert [item.key for item in missing_of(site, "money", approved, "pay")] == ["papers", "scan"]


def test_what_is_missing_is_said_in_the_language_of_whoever_asks(site: Site, approved: Record) -> None:
    with site.store.read() as session:
        entity = session.app.entities["payment"]
        assert entity.workflow is not None
        actor = site.actor("money")
        record = get_record(session, "payment", approved.id, actor=actor)
        stage = entity.workflow.stages["paid"]
        object.__setattr__(actor, "language", "en")
        missing = check_requirements(session, entity, record, stage, actor=actor)
    assert "at least 1" in say_missing(missing, "en")


def test_a_check_is_said_in_the_words_of_its_author(site: Site) -> None:
    record = site.submitted(price=0)
    said = [item.message for item in missing_of(site, "money", record, "pay")]
    assert said[-1] == "金额须大于零"


# ---- who, from where, when


def test_moves_are_offered_to_those_who_may_make_them(site: Site, approved: Record) -> None:
    def offered(login: str, record: Record) -> list[str]:
        with site.store.read() as session:
            actor = site.actor(login)
            seen = get_record(session, "payment", record.id, actor=actor)
            return [item.move.key for item in transitions.list_moves(session, seen, actor=actor)]

    assert offered("clerk", approved) == ["void"]
    assert offered("money", approved) == ["pay"]
    assert offered("admin", approved) == []
    waiting = site.submitted()
    assert offered("clerk", waiting) == []


def test_offered_moves_say_what_they_still_need(site: Site, approved: Record) -> None:
    with site.store.read() as session:
        actor = site.actor("money")
        seen = get_record(session, "payment", approved.id, actor=actor)
        (pay,) = transitions.list_moves(session, seen, actor=actor)
    assert [item.key for item in pay.missing] == ["papers", "scan", "invoice"]


def test_a_move_of_somebody_else_is_not_allowed(site: Site, approved: Record) -> None:
    for login, move in (("boss", "pay"), ("clerk", "pay"), ("money", "void")):
        with pytest.raises(NotAllowed):
            site.move(login, approved, move, reason="x")


def test_a_record_that_may_not_be_seen_is_not_found(site: Site, approved: Record) -> None:
    before = site.rows()
    with pytest.raises(NotFound):
        site.move("other", approved, "void", reason="x", version=approved.version)
    with pytest.raises(NotFound):
        site.move("clerk", Record("payment", 10**9, 1, {}), "void", reason="x", version=1)
    with pytest.raises(NotFound):
        site.move("clerk", approved, "fly")
    assert site.rows() == before


def test_a_move_from_another_stage_is_refused_in_words(site: Site, approved: Record) -> None:
    with pytest.raises(NotPossibleNow) as refused:
        site.move("clerk", approved, "submit")
    assert refused.value.text("zh") == "记录现在处于“已批准”，这时不能执行“提交”。"


def test_a_condition_that_does_not_hold_is_not_possible_now(site: Site) -> None:
    record = site.submitted(price=50, urgent=True)
    with pytest.raises(NotPossibleNow) as refused:
        site.move("money", record, "pay")
    assert refused.value.code == "workflow.condition"


def test_a_stage_in_approval_is_not_moved_around_the_approvers(site: Site) -> None:
    record = site.submitted()
    for login, move in (("clerk", "void"), ("clerk", "submit"), ("boss", "void")):
        with pytest.raises(NotPossibleNow) as refused:
            site.move(login, record, move, reason="x")
        assert refused.value.text("zh") == (
            "这条记录正在审批中，目前在 李经理 处（自 10:00 起），审批结束前不能变更阶段。"
        )


def test_a_stale_version_is_refused_with_the_record_as_it_is_now(site: Site, approved: Record) -> None:
    with pytest.raises(Stale):
        site.move("clerk", approved, "void", raw={"why": "重复"}, reason="重复", version=approved.version - 1)


def test_a_reason_is_asked_for_where_the_move_says_so(site: Site, approved: Record) -> None:
    with pytest.raises(InvalidValues) as refused:
        site.move("clerk", approved, "void", raw={"why": "重复"}, reason=" ")
    assert refused.value.errors[0].text("zh") == "请填写“作废”的原因。"
    site.move("clerk", approved, "void", raw={"why": "重复"}, reason="重复录入")
    assert site.history(approved)[-1].note == "重复录入"


def test_of_many_moves_at_once_one_takes_effect(site: Site, approved: Record) -> None:
    def act(number: int) -> Any:
        return site.move("clerk", approved, "void", raw={"why": "重复"}, reason="重复", version=approved.version)

    answers = at_once(10, act)
    assert sum(isinstance(answer, Record) for answer in answers) == 1
    assert sum(isinstance(answer, NotPossibleNow) for answer in answers) == 9


# ---- the gate at the end of an approval


def test_an_approval_cannot_pass_into_a_stage_whose_gate_no_longer_holds(site: Site) -> None:
    record = site.create()
    add_invoice(site, record)
    site.move("clerk", record, "strict_entry")
    with site.store.write() as session:
        invoices = session.tables.entity["invoice"]
        session.connection.execute(invoices.update().values(deleted_at=TUESDAY))
    with pytest.raises(NotPossibleNow) as refused:
        site.decide("manager", record)
    assert "发票" in refused.value.text("zh")
    assert site.waiting(record) == ["manager"]
    site.decide("manager", record, "return")
    assert site.stage(record) == "draft"


def test_the_moved_event_reaches_the_outbox_in_the_same_transaction(site: Site, approved: Record) -> None:
    before = site.events(approved)
    with pytest.raises(RuntimeError, match="power cut"), site.store.write() as session:
        transitions.move_record(
            session, "payment", approved.id, "void", raw={"why": "重复"}, reason="x",
            version=approved.version, actor=site.actor("clerk"),
        )  # fmt: skip
        raise RuntimeError("power cut")
    assert site.events(approved) == before
    site.move("clerk", approved, "void", raw={"why": "重复"}, reason="x")
    assert site.events(approved) == [*before, "payment.moved"]
    with site.store.read() as session:
        table = session.tables.entity["payment"]
        stage = session.connection.scalar(select(table.c.stage).where(table.c.id == approved.id))
    assert stage == "void"
