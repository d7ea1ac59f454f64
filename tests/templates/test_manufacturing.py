"""The manufacturing template through its commands: who signs which price, what each gate asks, who sees what."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from engine.automation import jobs
from engine.errors import InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.importing.at_once import import_records
from engine.importing.sheets import read_sheet
from engine.records import disputes
from engine.records.queries import ListQuery, list_records
from engine.records.record import Record
from engine.reports import find_period, run_figure
from engine.workflow.many import move_many, update_many
from tests.conftest import ROOT, MakeStore, to_folder
from tests.storage.living import assert_histories_replay, column, go_back, hire, make, publish
from tests.templates.conftest import Site

MANAGER, DIRECTOR, FINANCE, GENERAL = "manager_li", "director_chen", "finance_zhou", "gm_xu"


@dataclass
class Shop:
    """A site with one customer of rep_wang's that has dealt with us, and products at list price 100."""

    site: Site
    customer: Record
    product: Record

    def quote(self, price: str = "100", qty: str = "10", login: str = "rep_wang", **values: Any) -> Record:
        line = {"product": values.pop("product", self.product).id, "qty": qty, "price": price}
        given = {"customer": self.customer.id, "payment_term": "monthly_30", "items": [line], **values}
        return self.site.create(login, "quote", **given)

    def line(self, qty: str, price: str) -> dict[str, Any]:
        return {"product": self.product.id, "qty": qty, "price": price}

    def approved(self, **values: Any) -> Record:
        quote = self.quote(**values)
        self.site.move("rep_wang", quote, "submit")
        assert self.site.stage(quote) == "approved"
        return quote

    def contract(self) -> Record:
        """One that is approved, to be signed."""
        contract = self.site.make("rep_wang", self.approved(), "contract")
        self.site.move("rep_wang", contract, "submit")
        self.site.decide(MANAGER, contract, "approve")
        return contract


@pytest.fixture
def shop(open_site: Callable[[str], Site]) -> Shop:
    site = open_site("manufacturing")
    customer = site.create("rep_wang", "customer", name="宁波甲机械有限公司", type="end_user", region="east")
    active = {"status": "active", "payment_term": "monthly_30", "no_code_reason": "registering"}
    customer = site.update(MANAGER, customer, existing=True, **active)
    return Shop(site, customer, _product(site, "P-1"))


def _product(site: Site, sku: str, **values: Any) -> Record:
    given = {"list_price": "100", "floor_price": "80", "standard_cost": "60", **values}
    return site.create("ops_wu", "product", sku=sku, model=sku, name="垫片", unit="piece", **given)


# ---- who signs a price


@pytest.mark.parametrize(
    ("price", "signs"),
    [
        ("100", []),
        ("95", []),
        ("94.99", [MANAGER]),
        ("90", [MANAGER]),
        ("89.99", [MANAGER, DIRECTOR]),
        ("85", [MANAGER, DIRECTOR]),
        ("84.99", [MANAGER, DIRECTOR, FINANCE, GENERAL]),
        ("79", [MANAGER, DIRECTOR, FINANCE, GENERAL]),
        ("59.99", [GENERAL]),
    ],
)
def test_the_discount_decides_who_signs(shop: Shop, price: str, signs: list[str]) -> None:
    assert shop.site.path("rep_wang", shop.quote(price)) == signs


def test_the_worst_line_counts_when_it_is_larger_than_the_overall_discount(shop: Shop) -> None:
    quote = shop.quote(items=[shop.line("100", "100"), shop.line("1", "88")])
    assert quote.values["weighted_discount"] < Decimal("0.01")
    assert shop.site.path("rep_wang", quote) == [MANAGER, DIRECTOR]


def test_a_line_below_its_floor_price_needs_finance_and_the_general_manager(shop: Shop) -> None:
    dear = _product(shop.site, "P-2", floor_price="99")
    assert shop.site.path("rep_wang", shop.quote("98", product=dear)) == [FINANCE, GENERAL]


def test_a_thin_margin_needs_finance_and_the_general_manager(shop: Shop) -> None:
    thin = _product(shop.site, "P-2", standard_cost="83")
    assert shop.site.path("rep_wang", shop.quote("97", product=thin)) == [FINANCE, GENERAL]


@pytest.mark.parametrize(("qty", "signs"), [("5000", []), ("5000.01", [GENERAL])])
def test_more_than_half_a_million_adds_the_general_manager(shop: Shop, qty: str, signs: list[str]) -> None:
    assert shop.site.path("rep_wang", shop.quote("100", qty)) == signs


def test_longer_terms_than_agreed_add_finance(shop: Shop) -> None:
    assert shop.site.path("rep_wang", shop.quote(payment_term="monthly_60")) == [FINANCE]
    assert shop.site.path("rep_wang", shop.quote(payment_term="advance")) == []


@pytest.mark.parametrize(("prepay", "signs"), [("29.99", [FINANCE]), ("30", []), ("", [FINANCE])])
def test_a_prospect_prepaying_less_than_30_percent_adds_finance(shop: Shop, prepay: str, signs: list[str]) -> None:
    fresh = shop.site.create("rep_wang", "customer", name="新客户有限公司", type="dealer", region="east")
    fresh = shop.site.update(MANAGER, fresh, existing=True)
    quote = shop.quote(customer=fresh.id, payment_term="advance", prepay=prepay)
    assert shop.site.path("rep_wang", quote) == signs


def test_a_product_without_a_list_price_goes_to_the_director(shop: Shop) -> None:
    odd = _product(shop.site, "P-2", list_price="", floor_price="", standard_cost="")
    assert shop.site.path("rep_wang", shop.quote("100", product=odd)) == [DIRECTOR]


def test_a_managers_own_quote_is_signed_one_level_up(shop: Shop) -> None:
    assert shop.site.path(MANAGER, shop.quote("92", login=MANAGER)) == [DIRECTOR]


def test_a_price_below_cost_needs_a_reason_even_to_approve(shop: Shop) -> None:
    quote = shop.quote("50")
    shop.site.move("rep_wang", quote, "submit")
    with pytest.raises(InvalidValues):
        shop.site.decide(GENERAL, quote, "approve")
    shop.site.decide(GENERAL, quote, "approve", "清库存")
    assert shop.site.stage(quote) == "approved"


# ---- the way of a quote


def test_a_quote_goes_from_one_signature_to_the_next(shop: Shop) -> None:
    quote = shop.quote("84")
    shop.site.move("rep_wang", quote, "submit", reason="战略客户")
    for login, name in ((MANAGER, "李建国"), (DIRECTOR, "陈卫东"), (FINANCE, "周慧"), (GENERAL, "徐明远")):
        assert shop.site.waiting(quote) == [name]
        assert shop.site.stage(quote) == "review"
        shop.site.decide(login, quote, "approve")
    assert shop.site.stage(quote) == "approved"


@pytest.mark.parametrize("decision", ["refuse", "return"])
def test_a_quote_that_is_not_approved_comes_back_as_a_draft_with_what_was_typed(shop: Shop, decision: str) -> None:
    quote = shop.quote("92", remark="含包装")
    shop.site.move("rep_wang", quote, "submit")
    shop.site.decide(MANAGER, quote, decision, "请再谈")
    back = shop.site.see("rep_wang", quote).values
    assert (back["stage"], back["remark"], back["items"][0]["price"]) == ("draft", "含包装", Decimal("92"))
    shop.site.update("rep_wang", quote, remark="含包装和运费")


def test_an_approved_quote_cannot_be_changed_only_revised(shop: Shop) -> None:
    quote = shop.approved()
    with pytest.raises(InvalidValues, match="remark"):
        shop.site.update("rep_wang", quote, remark="改一下")
    with pytest.raises(InvalidValues):
        shop.site.move("rep_wang", quote, "revise")
    shop.site.move("rep_wang", quote, "revise", reason="客户加量")
    revised = shop.site.see("rep_wang", quote).values
    assert (revised["stage"], revised["revision"]) == ("draft", 2)


def test_a_quote_past_its_validity_is_not_sent(shop: Shop) -> None:
    quote = shop.approved()
    shop.site.clock.at = shop.site.clock.at.replace(month=6)
    with pytest.raises(InvalidValues):
        shop.site.move("rep_wang", quote, "send")


def test_a_lost_quote_says_why(shop: Shop) -> None:
    quote = shop.approved()
    with pytest.raises(InvalidValues) as refused:
        shop.site.move("rep_wang", quote, "lose")
    assert [missing.fields for missing in refused.value.missing] == [("lost_reason",)]
    shop.site.move("rep_wang", quote, "lose", lost_reason="price")
    assert shop.site.stage(quote) == "lost"


def test_an_unapproved_quote_is_printed_with_a_watermark(shop: Shop) -> None:
    app = shop.site.store.app
    mark = app.prints["quote"].watermark_when
    assert mark is not None
    with shop.site.store.read() as session:
        from engine.records.evaluation import make_env

        env = make_env(session, shop.site.actor("rep_wang"))
        found = {stage: mark.run({"stage": stage}, env) for stage in app.entities["quote"].workflow.stages}  # type: ignore[union-attr]
    assert {stage for stage, marked in found.items() if not marked} == {"approved", "sent", "accepted"}


# ---- computed figures


def test_the_figures_of_a_quote_are_computed_to_the_cent(shop: Shop) -> None:
    quote = shop.quote(items=[shop.line("3", "33.3333"), shop.line("1", "95")], login=MANAGER).values
    assert [row["amount"] for row in quote["items"]] == [Decimal("100.00"), Decimal("95.00")]
    assert quote["total"] == Decimal("195.00")
    assert quote["list_total"] == Decimal("400.00")
    assert quote["weighted_discount"] == Decimal("0.5125")
    assert quote["worst_discount"] == Decimal("0.6667")
    assert quote["tax_amount"] == Decimal("22.43")
    assert quote["margin"] == Decimal("-0.2308")


def test_terms_come_from_the_customer_when_left_empty(shop: Shop) -> None:
    assert shop.quote(payment_term="").values["payment_term"] == "monthly_30"


def test_the_contact_of_a_quote_belongs_to_its_customer(shop: Shop) -> None:
    other = shop.site.create("rep_wang", "customer", name="另一家有限公司", type="dealer", region="east")
    stranger = shop.site.create("rep_wang", "contact", name="外人", customer=other.id)
    with pytest.raises(InvalidValues, match="contact"):
        shop.quote(contact=stranger.id)


# ---- contracts


def test_an_approved_quote_becomes_a_contract_without_retyping(shop: Shop) -> None:
    quote = shop.approved(qty="12", price="98")
    contract = shop.site.make("rep_wang", quote, "contract").values
    assert contract["quote"] == quote.id
    assert contract["customer"] == shop.customer.id
    assert contract["counterparty"] == "宁波甲机械有限公司"
    assert contract["amount"] == Decimal("1176.00")
    assert contract["payment_term"] == "monthly_30"
    assert [(row["product"], row["qty"], row["price"]) for row in contract["items"]] == [
        (shop.product.id, Decimal("12"), Decimal("98"))
    ]


def test_only_an_approved_quote_becomes_a_contract_and_only_once(shop: Shop) -> None:
    with pytest.raises(NotPossibleNow):
        shop.site.make("rep_wang", shop.quote(), "contract")
    quote = shop.approved()
    first = shop.site.make("rep_wang", quote, "contract")
    with pytest.raises(InvalidValues, match="quote"):
        shop.site.make("rep_wang", quote, "contract")
    shop.site.move("rep_wang", first, "void", reason="打错了")
    shop.site.make("rep_wang", quote, "contract")


def test_a_contract_is_archived_only_with_scan_date_and_place(shop: Shop) -> None:
    contract = shop.contract()
    with pytest.raises(InvalidValues) as refused:
        shop.site.move("rep_wang", contract, "archive")
    assert {(one.kind, one.fields) for one in refused.value.missing} == {
        ("file", ("signed_scan",)),
        ("fields", ("sign_date", "original_location")),
    }
    scan = shop.site.upload("rep_wang")
    shop.site.move(
        "rep_wang", contract, "archive", signed_scan=[scan], sign_date="2026-03-01", original_location="A3-12"
    )
    assert shop.site.stage(contract) == "archived"
    with pytest.raises(InvalidValues, match="amount"):
        shop.site.update("rep_wang", contract, amount="1")


def test_only_the_director_voids_an_archived_contract(shop: Shop) -> None:
    contract = shop.contract()
    scan = shop.site.upload("rep_wang")
    filled = {"signed_scan": [scan], "sign_date": "2026-03-01", "original_location": "A3-12"}
    shop.site.move("rep_wang", contract, "archive", **filled)
    with pytest.raises(NotAllowed):
        shop.site.move("rep_wang", contract, "revoke", reason="重签")
    shop.site.move(DIRECTOR, contract, "revoke", reason="重签")
    assert shop.site.stage(contract) == "void"


def test_a_contract_amount_agrees_with_its_items(shop: Shop) -> None:
    with pytest.raises(InvalidValues, match="amount"):
        shop.site.make("rep_wang", shop.approved(), "contract", amount="1")


# ---- customers


def test_an_appeal_for_a_customer_goes_to_the_director_for_two_working_days(shop: Shop) -> None:
    with pytest.raises(InvalidValues):
        shop.site.create("rep_zhao", "customer", name="宁波甲机械有限公司", type="end_user", region="east")
    appealing, deciding = shop.site.actor("rep_zhao"), shop.site.actor(DIRECTOR)
    with shop.site.store.write() as session:
        (hit,) = [one.hit.id for one in disputes.list_met(session, actor=appealing)]
        disputes.ask(session, hit, disputes.APPEAL, "去年展会就是我在跟", actor=appealing)
    with shop.site.store.write() as session:
        (asked,) = disputes.list_asked(session, actor=deciding)
        assert asked.due_at is not None
        assert asked.due_at - session.now() == timedelta(days=2)
        assert disputes.list_asked(session, actor=shop.site.actor(FINANCE)) == []
        disputes.grant(session, asked.id, answer="展会名片为准", actor=deciding)
    assert shop.site.see("rep_zhao", shop.customer).values["owner"] == appealing.id


def test_a_name_and_a_credit_code_are_given_once(shop: Shop) -> None:
    code = "91350100M000100Y43"
    shop.site.create("rep_wang", "customer", name="乙有限公司", type="dealer", region="east", credit_code=code)
    for wrong in ({"name": "乙有限公司"}, {"name": "丙有限公司", "credit_code": code.lower()}):
        with pytest.raises(InvalidValues):
            shop.site.create("rep_zhao", "customer", type="dealer", region="east", **wrong)


def test_a_credit_code_with_a_wrong_check_digit_is_refused(shop: Shop) -> None:
    wrong = {"name": "丁有限公司", "type": "dealer", "region": "east", "credit_code": "91350100M000100Y44"}
    with pytest.raises(InvalidValues, match="credit_code"):
        shop.site.create("rep_wang", "customer", **wrong)


def test_an_active_customer_has_a_credit_code_or_a_reason(shop: Shop) -> None:
    fresh = shop.site.create("rep_wang", "customer", name="戊有限公司", type="dealer", region="east")
    with pytest.raises(InvalidValues, match="credit_code"):
        shop.site.update(MANAGER, fresh, status="active")
    shop.site.update(MANAGER, fresh, status="active", no_code_reason="overseas")


def test_a_supplier_number_keeps_its_zeros(shop: Shop) -> None:
    assert shop.site.update("rep_wang", shop.customer, oem_code="000231").values["oem_code"] == "000231"


def test_a_rep_with_thirty_leads_is_passed_over_by_the_rules(shop: Shop) -> None:
    fair = shop.site.create("ops_wu", "source", name="示例展会_2026春", type="fair")
    rep = shop.site.actor("rep_lin").id
    line = shop.site.create("ops_wu", "product_line", name="油封", reps=[rep])
    given = {"contact_name": "何工", "wechat": "he", "source": fair.id, "region": "north", "product_line": line.id}
    for number in range(31):
        lead = shop.site.create("assistant_sun", "lead", company=f"第{number}家有限公司", by_rules=True, **given)
        jobs.look(shop.site.store)
        found = shop.site.see("assistant_sun", lead).values
        assert (found["owner"] == rep) == (number < 30), number
    assert found["assigned_by"] == "load"


# ---- who sees what


def test_a_rep_sees_own_records_a_manager_the_team_and_nobody_elses(shop: Shop) -> None:
    foreign = shop.site.create("rep_lin", "customer", name="广州己有限公司", type="dealer", region="south")
    for login in ("rep_zhao", "manager_he"):
        with pytest.raises(NotFound):
            shop.site.see(login, shop.customer)
    with pytest.raises(NotAllowed):
        shop.site.see("tech_qian", shop.customer)
    for login in ("rep_wang", MANAGER, DIRECTOR, FINANCE, GENERAL, "assistant_sun", "ops_wu"):
        assert shop.site.see(login, shop.customer).id == shop.customer.id
    assert shop.site.lists("rep_wang", "customer") == {shop.customer.id}
    assert shop.site.lists("manager_he", "customer") == {foreign.id}
    assert shop.site.lists(DIRECTOR, "customer") == {shop.customer.id, foreign.id}


def test_cost_margin_and_credit_limit_are_hidden_from_a_rep(shop: Shop) -> None:
    quote = shop.quote()
    seen = shop.site.see("rep_wang", quote).values
    assert not {"margin", "cost_total"} & set(seen)
    assert not {"cost", "cost_amount"} & set(seen["items"][0])
    assert "standard_cost" not in shop.site.see("rep_wang", shop.product).values
    assert "credit_limit" not in shop.site.see("rep_wang", shop.customer).values
    known = shop.site.see(MANAGER, quote).values
    assert (known["margin"], known["items"][0]["cost"]) == (Decimal("0.4"), Decimal("60"))


def test_a_rep_can_neither_set_the_status_nor_the_agreed_terms(shop: Shop) -> None:
    for change in ({"status": "active"}, {"payment_term": "monthly_90"}, {"credit_limit": "1"}):
        with pytest.raises(InvalidValues):
            shop.site.update("rep_wang", shop.customer, **change)


def test_finance_cannot_change_a_quote(shop: Shop) -> None:
    with pytest.raises(NotAllowed):
        shop.site.update(FINANCE, shop.quote(), remark="改")


def test_an_engineer_sees_an_opportunity_once_named_and_no_amount(shop: Shop) -> None:
    deal = _opportunity(shop, amount="100000")
    with pytest.raises(NotFound):
        shop.site.see("tech_qian", deal)
    shop.site.update("rep_wang", deal, engineer=shop.site.actor("tech_qian").id)
    assert "amount" not in shop.site.see("tech_qian", deal).values
    shop.site.update("tech_qian", deal, review_result="feasible")
    with pytest.raises(InvalidValues):
        shop.site.update("tech_qian", deal, name="改名")


# ---- leads and opportunities


_NUMBERS = count()


def _opportunity(shop: Shop, **values: Any) -> Record:
    lines = [shop.site.create("ops_wu", "product_line", name=f"密封垫 {next(_NUMBERS)}").id]
    given = {"name": "年度供货", "customer": shop.customer.id, "product_lines": lines, "next_action": "拜访"}
    return shop.site.create("rep_wang", "opportunity", **{**given, "next_date": "2026-03-05", **values})


def test_entering_the_proposal_needs_a_customised_technical_document(shop: Shop) -> None:
    contact = shop.site.create("rep_wang", "contact", name="郑工", customer=shop.customer.id)
    deal = _opportunity(shop, amount="1", need_summary="密封", decision_contact=contact.id, expected_close="2026-05-01")
    with pytest.raises(InvalidValues) as refused:
        shop.site.move("rep_wang", deal, "to_proposal")
    assert [one.message for one in refused.value.missing] == ["进入方案报价前须上传定制技术方案"]
    shop.site.move("rep_wang", deal, "to_proposal", tech_doc=[shop.site.upload("rep_wang", "方案.pdf")])
    assert shop.site.stage(deal) == "proposal"


def test_no_stage_is_skipped_and_going_back_needs_a_reason(shop: Shop) -> None:
    deal = _opportunity(shop)
    for move in ("to_review", "to_negotiation", "to_contract", "win"):
        with pytest.raises(NotPossibleNow):
            shop.site.move("rep_wang", deal, move)
    shop.site.move("rep_wang", deal, "hold", reason="客户预算冻结", hold_until="2026-06-01")
    with pytest.raises(InvalidValues, match="reason"):
        shop.site.move("rep_wang", shop.site.move("rep_wang", deal, "resume_needs"), "hold", hold_until="2026-06-01")


def test_an_open_opportunity_always_has_a_next_step(shop: Shop) -> None:
    with pytest.raises(InvalidValues, match="next_action"):
        _opportunity(shop, next_action="")
    with pytest.raises(InvalidValues, match="next_date"):
        shop.site.update("rep_wang", _opportunity(shop), next_date="")


def test_a_lost_opportunity_needs_reason_and_competitor(shop: Shop) -> None:
    with pytest.raises(InvalidValues) as refused:
        shop.site.move("rep_wang", _opportunity(shop), "lose")
    assert refused.value.missing[0].fields == ("lost_reason", "competitor")


def test_a_lead_is_screened_assigned_and_made_a_customer(shop: Shop) -> None:
    source = shop.site.create("ops_wu", "source", name="官网", type="website")
    given = {"company": "庚有限公司", "contact_name": "高明", "wechat": "gm", "source": source.id, "region": "east"}
    lead = shop.site.create("assistant_sun", "lead", **given)
    with pytest.raises(NotFound):
        shop.site.see("rep_wang", lead)
    shop.site.move("assistant_sun", lead, "accept", handler=shop.site.actor("rep_wang").id)
    with pytest.raises(InvalidValues):
        shop.site.move("rep_wang", lead, "convert")
    customer = shop.site.make("rep_wang", lead, "customer", type="dealer")
    assert (customer.values["name"], customer.values["source"]) == ("庚有限公司", source.id)
    shop.site.move("rep_wang", lead, "convert")
    assert shop.site.stage(lead) == "converted"


def test_a_rep_does_not_assign_a_lead_to_themselves(shop: Shop) -> None:
    source = shop.site.create("ops_wu", "source", name="官网", type="website")
    given = {"company": "辛有限公司", "contact_name": "高明", "wechat": "gm", "source": source.id, "region": "east"}
    lead = shop.site.create("rep_wang", "lead", **given)
    with pytest.raises(NotAllowed):
        shop.site.move("rep_wang", lead, "accept")


def test_a_lead_entered_a_day_late_is_marked(shop: Shop) -> None:
    source = shop.site.create("ops_wu", "source", name="官网", type="website")
    given = {"company": "壬有限公司", "contact_name": "高明", "wechat": "gm", "source": source.id, "region": "east"}
    late = [
        shop.site.create("assistant_sun", "lead", **given, received_at=received).values["late_capture"]
        for received in ("2026-03-01 09:00", "2026-03-01 08:59")
    ]
    assert late == [False, True]


# ---- what comes along as a sheet


def test_the_lessons_that_come_along_are_imported_as_they_are(shop: Shop) -> None:
    store, actor = shop.site.store, shop.site.actor("ops_wu")
    sheet = read_sheet((ROOT / "templates/manufacturing/data/lessons.csv").read_bytes(), "lessons.csv")
    assert import_records(store, "lesson", sheet, actor=actor).refused == []
    with store.read() as session:
        table = session.tables.entity["lesson"]
        rows = session.connection.execute(select(table.c.lesson_no, table.c.minutes, table.c.body)).all()
    assert sorted(row.lesson_no for row in rows) == list(range(1, 21))
    assert all(row.minutes <= 15 and row.body.startswith("<p>") and "</li>" in row.body for row in rows)


def test_what_came_from_a_file_or_was_done_to_many_is_no_update_and_its_first_push_counts(shop: Shop) -> None:
    """Three moves on three days make an update when somebody makes them one by one, none as a change of many."""
    site = shop.site
    site.create("ops_wu", "product_line", name="油封")
    lines = "".join(f"{one},宁波甲机械有限公司,油封,100000,2026-09-30,约见,2026-12-31,王磊\n" for one in ("甲", "乙"))
    sheet = f"商机名称,客户,产品线,预计金额,预计签约日,下一步,下一步日期,负责人\n{lines}".encode()
    done = import_records(site.store, "opportunity", read_sheet(sheet, "deals.csv"), actor=site.actor("ops_wu"))
    assert done.refused == []
    jobs.look(site.store)
    with site.store.read() as session:
        page = list_records(session, "opportunity", ListQuery(sort="name"), actor=site.actor("rep_wang"))
    one, many = page.records
    site.update("rep_wang", one, expected_close="2026-10-31")
    jobs.look(site.store)
    assert (site.see("rep_wang", one).values["pushes"], site.see("rep_wang", many).values["pushes"]) == (1, None)
    monday = find_period("week", site.clock.now().date() + timedelta(days=7))
    assert monday is not None
    contact = site.create("rep_wang", "contact", name="陆工", customer=shop.customer.id)
    first = {"need_summary": "年用量三万件", "decision_contact": contact.id}
    for day, (move, reason) in enumerate((("to_proposal", None), ("back_to_needs", "重新谈"), ("to_proposal", None))):
        site.clock.at = datetime.combine(monday.first + timedelta(days=day), time(2), UTC)
        given = [{**first, "tech_doc": [site.upload("rep_wang")]} if day == 0 else {} for _ in range(2)]
        site.move("rep_wang", one, move, reason=reason, **given[0])
        seen, actor = [(many.id, site.see("rep_wang", many).version)], site.actor("rep_wang")
        with site.store.write() as session:
            moved = move_many(session, "opportunity", move, seen, raw=given[1], reason=reason, actor=actor)
        assert moved[0].refused is None
    seen = [(many.id, site.see("rep_wang", many).version)]
    with site.store.write() as session:
        given_to_all = {"amount": "90000", "change_note": "统一降价"}
        assert update_many(session, "opportunity", seen, given_to_all, actor=actor)[0].refused is None
    site.update("rep_wang", one, amount="90000", change_note="降价")
    jobs.look(site.store)
    assert [site.see("rep_wang", each).values["last_note"] for each in (one, many)] == ["降价", None]
    with site.store.read() as session:
        asked: dict[str, Any] = {"actor": site.actor("rep_wang"), "period": monday}
        share = run_figure(session, "opportunity.update_share", **asked).total.cells[0]
        assert share is not None and (share.value, share.n) == (Decimal("0.5"), 2)
        ways = run_figure(session, "opportunity.wrote", by=["via"], **asked)
        assert "many" in {line.keys[0] for line in ways.lines}


# ---- product lines, which were options once

OPTIONS = "options: {gasket: 密封垫, seal: 油封, valve: 阀门, fastener: 紧固件}"
LINKED = "to: product_line, label: 产品线, REST, existing: convert, otherwise: create"
LINE_CODE = "  line_code:"


def with_options() -> dict[str, str]:
    """The template as it was while product lines were options, without what only it needs: examples, demo, texts."""
    files = {
        path: text
        for path, text in to_folder("manufacturing").files.items()
        if not path.startswith(("product_line/", "locales/", "demo/", "courses/")) and "/examples/" not in path
    }
    for path, type_, rest, before in (
        ("product/entity.yaml", "link", "where: active, quick_create: [name]", "type: choice, label: 产品线, "),
        ("lead/entity.yaml", "link", "where: active", "type: choice, label: 产品线, "),
        (
            "opportunity/entity.yaml",
            "links",
            "required: true, where: active",
            "type: choices, label: 产品线, required: true, ",
        ),
    ):
        now = f"type: {type_}, {LINKED.replace('REST', rest)}"
        assert now in files[path]
        files[path] = files[path].replace(now, before + OPTIONS)
    product = files["product/entity.yaml"].replace(", line_code]", "]")
    kept = [line for line in product.splitlines(keepends=True) if not line.startswith(LINE_CODE)]
    files["product/entity.yaml"] = "".join(kept)
    files["lead/entity.yaml"] = files["lead/entity.yaml"].replace("fetch: product_line.reps, ", "")
    files["order/automations.yaml"] = files["order/automations.yaml"].replace("product.line_code", "product.line")
    app = files["app.yaml"].replace("languages: [zh, en]", "languages: [zh]")
    files["app.yaml"] = app.replace("product_line, ", "")
    return files


def test_a_site_whose_product_lines_were_options_takes_them_over(make_store: MakeStore) -> None:
    """One publish makes the lines of products, leads and opportunities; going back they are options again."""
    store = make_store(with_options())
    boss = hire(store, "boss", "rep", "assistant", "director", "sales_ops", "admin")
    for sku, line in (("P-1", "gasket"), ("P-2", "valve"), ("P-3", None)):
        make(store, boss, "product", sku=sku, model=sku, name="件", unit="piece", line=line)
    source = make(store, boss, "source", name="官网", type="website").id
    lead = {"company": "甲", "contact_name": "郑工", "mobile": "13817200316", "source": source, "region": "east"}
    make(store, boss, "lead", product_line="seal", **lead)
    customer = {"name": "宁波甲机械有限公司", "type": "end_user", "region": "east", "existing": True}
    deal = {"customer": make(store, boss, "customer", **customer).id, "next_action": "拜访", "next_date": "2026-03-05"}
    make(store, boss, "opportunity", name="甲", product_lines=["seal", "gasket"], **deal)
    first = store.release_id
    assert not publish(store, to_folder("manufacturing").files, boss).blocked
    names = dict(zip(column(store, "product_line", "id"), column(store, "product_line", "name"), strict=True))
    assert sorted(names.values()) == ["密封垫", "油封", "阀门"]
    assert [names.get(id_) for id_ in column(store, "product", "line")] == ["密封垫", "阀门", None]
    assert [names[id_] for id_ in column(store, "lead", "product_line")] == ["油封"]
    assert [{names[id_] for id_ in ids} for ids in column(store, "opportunity", "product_lines")] == [
        {"密封垫", "油封"}
    ]
    assert column(store, "product", "line_code") == ["密封垫", "阀门", None]
    assert sorted(column(store, "product_line", "products")) == [0, 1, 1], "what is counted of them follows at once"
    assert publish(store, to_folder("manufacturing").files, boss).items == ()
    assert_histories_replay(store)
    go_back(store, first)
    assert column(store, "product", "line") == ["gasket", "valve", None]
    assert column(store, "lead", "product_line") == ["seal"]
    assert column(store, "opportunity", "product_lines") == [["gasket", "seal"]]
