"""A random year from order to cash: whatever people do, orders = instalments = received, lost, credited or open.

To the cent; what came back is credited or paid back, and taken off the net of the month.

``FORMWORK_YEAR_SEED`` says which year (0 unless given); ``FORMWORK_YEAR_DEEDS`` how much happens in it.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from engine.automation.jobs import react
from engine.errors import FormworkError
from engine.records.record import Record
from engine.storage.automation_tables import runs
from engine.storage.delivery_tables import deliveries
from engine.workflow.approval import log as approval_log
from tests.templates.conftest import Site

SEED = int(os.environ.get("FORMWORK_YEAR_SEED", "0"))
DEEDS = int(os.environ.get("FORMWORK_YEAR_DEEDS", "60"))
FINANCE, WAREHOUSE = "finance_zhou", "warehouse_qin"
BUCKETS = {30: "d30", 60: "d60", 90: "d90", 180: "d180", 365: "d365"}


class Year:
    """A site at work, with dice."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site, self.dice = site, random.Random(seed)
        self.logins = {site.actor(login).id: login for login in site.logins()}
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.terms = [self._term(f"方案{at}") for at in range(3)]
        self.customers = [self._customer(at) for at in range(3)]
        self.products = [
            site.create(
                "ops_wu", "product", sku=f"P-{at}", model=f"P-{at}", name="垫片", unit="piece", list_price="100"
            )
            for at in range(3)
        ]
        self.deeds: Mapping[str, Callable[[], Any]] = {
            "order": self.order, "revise": self.revise, "ship": self.ship, "sign": self.sign, "accept": self.accept,
            "pay": self.pay, "reverse": self.reverse, "invoice": self.invoice, "extend": self.extend,
            "write_off": self.write_off, "restore": self.restore, "give_back": self.give_back, "undo": self.undo,
        }  # fmt: skip

    def live(self) -> None:
        weights = {"order": 4, "ship": 4, "sign": 3, "pay": 5, "reverse": 2, "give_back": 3}
        names = list(self.deeds)
        for _ in range(DEEDS):
            name = self.dice.choices(names, [weights.get(one, 1) for one in names])[0]
            try:
                self.deeds[name]()
                self.done[name] += 1
            except FormworkError:
                self.refused[name] += 1
            self.site.clock.at += timedelta(days=365 / DEEDS)
            react(self.site.store)

    # ---- what people do

    def order(self) -> None:
        customer, dice = self.dice.choice(self.customers), self.dice
        kind = dice.choice(["advance", "delivery", "monthly_30", "monthly_60", "staged", "staged"])
        terms: dict[str, Any] = {"payment_term": kind, "models_confirmed": True}
        if kind == "staged":
            terms["plan"] = dice.choice(self.terms).id
        elif kind != "advance":
            terms["prepay"] = str(dice.choice([0, 0, 30, Decimal("33.33"), 100]))
        items = [
            {"product": one.id, "qty": f"{dice.uniform(0.01, 400):.2f}", "price": f"{dice.uniform(0.01, 120):.4f}"}
            for one in dice.sample(self.products, dice.randint(1, 3))
        ]
        promised = (self.site.clock.at + timedelta(days=20)).date().isoformat()
        order = self.site.create("rep_wang", "order", customer=customer.id, items=items, promised=promised, **terms)
        self._release(order)

    def revise(self) -> None:
        order = self._one("order", lambda row: row["stage"] in ("approved", "producing"))
        self.site.move("rep_wang", order, "revise", reason="客户加量")
        react(self.site.store)
        line = {"product": self.products[0].id, "qty": f"{self.dice.uniform(1, 99):.2f}", "price": "33.3333"}
        self._release(self.site.update("rep_wang", order, items=[line]))

    def ship(self) -> None:
        order = self._one("order", lambda row: row["stage"] in ("approved", "producing", "part_shipped"))
        lines = [row for row in self.rows("order_line") if row["order"] == order.id and row["open_qty"] > 0]
        share = Decimal(self.dice.choice(["1", "1", "0.5", "1.2"]))
        items = [{"line": row["id"], "qty": str(max(row["open_qty"] * share, Decimal("0.01")))} for row in lines]
        made = self.site.create(WAREHOUSE, "delivery", order=order.id, items=items, carrier="德邦")
        self.site.move(WAREHOUSE, made, "ship")

    def sign(self) -> None:
        found = self._one("delivery", lambda row: row["stage"] == "shipped")
        if self.dice.random() < 0.15:
            self.site.move(WAREHOUSE, found, "back", reason="地址错误")
        else:
            self.site.move(WAREHOUSE, found, "sign")

    def accept(self) -> None:
        order = self._one("order", lambda row: row["stage"] in ("shipped", "signed"))
        self.site.update("rep_wang", order, accepted_on=self.site.clock.at.date().isoformat())

    def pay(self) -> None:
        customer, dice = self.dice.choice(self.customers), self.dice
        owed = [row for row in self.rows("instalment") if row["customer"] == customer.id and row["open_amount"] > 0]
        chosen = dice.sample(owed, min(len(owed), dice.randint(0, 3)))
        shares = [(row["id"], row["open_amount"] * dice.choice([1, 1, Decimal("0.37")])) for row in chosen]
        rows = [{"instalment": id_, "amount": f"{amount:.2f}"} for id_, amount in shares if amount >= Decimal("0.01")]
        total = sum((Decimal(row["amount"]) for row in rows), Decimal(dice.choice(["0.01", "0", "500"])))
        bill = (
            {"method": "bill", "bill_no": str(dice.random()), "bill_due": self._in(90)} if dice.random() < 0.2 else {}
        )
        made = self.site.create(FINANCE, "payment", customer=customer.id, amount=str(total), allocations=rows, **bill)
        if dice.random() < 0.9:
            self.site.move(FINANCE, made, "confirm")

    def reverse(self) -> None:
        found = self._one("payment", lambda row: row["stage"] == "confirmed")
        self.site.move(FINANCE, found, "reverse", reason="退票")
        self._decide(found)

    def write_off(self) -> None:
        found = self._one("instalment", lambda row: row["stage"] != "void" and row["open_amount"] > 0)
        amount = found.values["open_amount"] * self.dice.choice([1, Decimal("0.3")])
        given = {"instalment": found.id, "amount": f"{amount:.2f}", "cause": "lost", "reason": "公司搬空找不到人"}
        made = self.site.create("director_chen", "write_off", **given)
        self.site.move("director_chen", made, "submit")
        self._decide(made)

    def restore(self) -> None:
        found = self._one("write_off", lambda row: row["stage"] == "written_off")
        self.site.move(FINANCE, found, "restore", reason="对方又付了")
        self._decide(found)

    def give_back(self) -> None:
        """Return some of a line, or all that is left; what is open is credited first, the rest is paid back."""
        line = self._one("order_line", lambda row: row["can_return"] > 0)
        qty = line.values["can_return"] * self.dice.choice([1, 1, Decimal("0.3")])
        given = {"line": line.id, "qty": f"{qty:.2f}", "reason": "quality", "detail": "有划伤，整箱退回"}
        made = self.site.create("director_chen", "goods_return", **given)
        left, rows = made.values["amount"], []
        for part in self.rows("instalment"):
            if part["order"] == line.values["order"] and part["stage"] != "void":
                for how, most in (("credit", part["open_amount"]), ("refund", part["received"] - part["refunded"])):
                    share = min(left, most)
                    if share > 0:
                        rows.append({"instalment": part["id"], "how": how, "amount": str(share)})
                        left -= share
        made = self.site.update("director_chen", made, shares=rows)
        self.site.move("director_chen", made, "submit")
        self._decide(made)

    def undo(self) -> None:
        found = self._one("goods_return", lambda row: row["stage"] == "accepted")
        self.site.move(FINANCE, found, "undo", reason="退的是另一家的货")
        self._decide(found)

    def invoice(self) -> None:
        order = self._one("order", lambda row: row["stage"] not in ("draft", "review", "cancelled"))
        made = self.site.make("rep_wang", order, "invoice")
        self.site.move("rep_wang", made, "request")
        self.site.move(FINANCE, made, "issue", invoice_no=str(self.dice.random()))

    def extend(self) -> None:
        found = self._one("instalment", lambda row: row["stage"] in ("open", "overdue"))
        self.site.update(FINANCE, found, due_date=self._in(45))

    # ---- what must hold

    def mistakes(self) -> list[str]:
        """Say where the books do not agree."""
        orders = [row for row in self.rows("order") if row["stage"] not in ("draft", "review", "cancelled")]
        plans = [row for row in self.rows("instalment") if row["stage"] != "void"]
        payments = [row for row in self.rows("payment") if row["stage"] in ("confirmed", "reversing")]
        counted = {row["id"] for row in payments}
        shares = [row for row in self.lines("payment", "allocations") if row["parent_id"] in counted]
        lost = [row for row in self.rows("write_off") if row["stage"] in ("written_off", "restoring")]
        back = [row for row in self.rows("goods_return") if row["stage"] in ("accepted", "undoing")]
        taken = {row["id"] for row in back}
        settled = [row for row in self.lines("goods_return", "shares") if row["parent_id"] in taken]
        credits = [row for row in settled if row["how"] == "credit"]
        refunds = [row for row in settled if row["how"] == "refund"]
        shipped = {row["id"] for row in self.rows("delivery") if row["stage"] in ("shipped", "signed")}
        sent = [row for row in self.lines("delivery", "items") if row["parent_id"] in shipped]
        found: list[str] = []

        def same(what: str, one: Any, other: Any) -> None:
            if one != other:
                found.append(f"{what}: {one} is not {other}")

        for order in orders:
            own = [row for row in plans if row["order"] == order["id"]]
            same(f"{order['number']} planned", _sum(own, "amount"), order["total"])
            same(f"{order['number']} received", _sum(own, "received"), order["received"])
            same(f"{order['number']} lost", _sum(own, "written_off"), order["written_off"])
            came = [row for row in back if row["order"] == order["id"]]
            same(f"{order['number']} returned", _sum(came, "amount"), order["returned"])
            same(f"{order['number']} paid back", _sum(own, "refunded"), order["refunded"])
            rest = order["total"] - order["received"] - order["written_off"] - order["returned"] + order["refunded"]
            same(f"{order['number']} open", order["open_amount"], rest)
            same(f"{order['number']} parts open", order["open_amount"], _sum(own, "open_amount"))
        for plan in plans:
            own = [row for row in shares if row["instalment"] == plan["id"]]
            same(f"{plan['number']} received", plan["received"], _sum(own, "amount"))
            own = [row for row in lost if row["instalment"] == plan["id"]]
            same(f"{plan['number']} lost", plan["written_off"], _sum(own, "amount"))
            own = [row for row in credits if row["instalment"] == plan["id"]]
            same(f"{plan['number']} credited", plan["credited"], _sum(own, "amount"))
            own = [row for row in refunds if row["instalment"] == plan["id"]]
            same(f"{plan['number']} paid back", plan["refunded"], _sum(own, "amount"))
            same(f"{plan['number']} age", plan["ageing"], self._age(plan))
        same("settled", _sum(back, "amount"), _sum(settled, "amount"))
        gone = _sum(shares, "amount") + _sum(lost, "amount") + _sum(credits, "amount")
        same("the whole", _sum(orders, "total"), gone + _sum(plans, "open_amount"))
        for line in self.rows("order_line"):
            own = [row for row in sent if row["line"] == line["id"]]
            same(f"line {line['id']} shipped", line["shipped"], _sum(own, "qty"))
            own = [row for row in back if row["line"] == line["id"]]
            same(f"line {line['id']} returned", line["returned"], _sum(own, "qty"))
            same(f"line {line['id']} left", line["left_amount"], line["amount"] - _sum(own, "amount"))
            same(f"line {line['id']} no less than nothing", 0 <= line["returned"] <= line["shipped"], True)
            if line["returned"] == line["qty"]:
                same(f"line {line['id']} all back", line["left_amount"], 0)
            same(f"line {line['id']} within", line["shipped"] <= line["qty"], True)
        for customer in self.rows("customer"):
            own = [row for row in plans if row["customer"] == customer["id"]]
            paid = [row for row in payments if row["customer"] == customer["id"]]
            bills = [row for row in paid if row["method"] == "bill" and not row["bill_cashed"]]
            prepaid = _sum(paid, "amount") - _sum(paid, "allocated")
            same("receivable", customer["receivable"], _sum(own, "open_amount"))
            same("prepaid", customer["prepaid"], prepaid)
            same("exposure", customer["exposure"], _sum(own, "open_amount") + _sum(bills, "amount") - prepaid)
        return found

    def _age(self, plan: Mapping[str, Any]) -> str:
        if plan["due_date"] is None or plan["open_amount"] == 0 or plan["stage"] == "disputed":
            return "not_due"
        late = ((self.site.clock.at + timedelta(hours=8)).date() - plan["due_date"]).days
        return "not_due" if late <= 0 else next((key for days, key in BUCKETS.items() if late <= days), "older")

    def told(self) -> list[Mapping[str, Any]]:
        """What finance was sent of approved orders."""
        with self.site.store.read() as session:
            sent = session.connection.execute(select(deliveries.c.message).where(deliveries.c.channel == "finance"))
            return [one["data"] for one in sent.scalars() if not one["data"]["cancelled"]]

    # ---- reading

    def rows(self, entity: str) -> list[dict[str, Any]]:
        table = self.site.store.tables.entity[entity]
        with self.site.store.read() as session:
            return [dict(row) for row in session.connection.execute(select(table)).mappings()]

    def lines(self, entity: str, key: str) -> list[dict[str, Any]]:
        with self.site.store.read() as session:
            return [
                dict(one)
                for one in session.connection.execute(select(self.site.store.tables.lines[entity, key])).mappings()
            ]

    def failed(self) -> list[Any]:
        with self.site.store.read() as session:
            wrong = runs.c.state.in_(["failed", "stopped", "parked"])
            return list(session.connection.execute(select(runs.c.automation, runs.c.error).where(wrong)))

    # ---- on the way

    def _one(self, entity: str, fits: Callable[[Mapping[str, Any]], bool]) -> Record:
        found = [row["id"] for row in self.rows(entity) if fits(row)]
        if not found:
            raise FormworkError
        return self.site.see("admin", Record(entity, self.dice.choice(found), 0, {}))

    def _release(self, order: Record) -> None:
        self.site.move("rep_wang", order, "submit")
        self._decide(order)

    def _decide(self, record: Record) -> None:
        for _ in range(5):
            with self.site.store.read() as session:
                running = approval_log.find_running(session, record.entity, record.id)
                kept = approval_log.read(session, running) if running else None
            if kept is None:
                return
            self.site.decide(self.logins[kept.state.open_tasks[0].person.id], record, "approve")

    def _in(self, days: int) -> str:
        return (self.site.clock.at + timedelta(days=days)).date().isoformat()

    def _term(self, name: str) -> Record:
        cuts = sorted(self.dice.sample(range(1, 10_000), self.dice.randint(1, 4)))
        shares = [Decimal(end - start) / 100 for start, end in zip([0, *cuts], [*cuts, 10_000], strict=True)]
        bases = ["order", "ship", "receipt", "acceptance", "invoice"]
        rows = [
            {"share": str(share), "base": self.dice.choice(bases), "days": self.dice.choice([0, 10, 30]),
             "from_month_end": self.dice.random() < 0.3}
            for share in shares
        ]  # fmt: skip
        return self.site.create(FINANCE, "payment_term", name=name, rows=rows)

    def _customer(self, at: int) -> Record:
        name = ("宁波甲机械有限公司", "温州乙阀门有限公司", "绍兴丙泵业有限公司")[at]
        made = self.site.create("rep_wang", "customer", name=name, type="oem", region="east", grade="a")
        given = {"credit_limit": "200000", "tax_number": "91330206MA2AX7K01G", "invoice_title": name}
        self.site.update("ops_wu", made, existing=True)
        return self.site.update(FINANCE, made, **given)


def _sum(rows: list[dict[str, Any]], key: str) -> Decimal:
    return sum((row[key] or Decimal(0) for row in rows), Decimal(0))


@pytest.mark.parametrize("seed", [SEED])
def test_a_year_of_business_agrees_to_the_cent(open_site: Callable[[str], Site], seed: int) -> None:
    year = Year(open_site("manufacturing"), seed)

    year.live()
    react(year.site.store)

    assert year.mistakes() == [], f"FORMWORK_YEAR_SEED={seed}"
    assert year.failed() == []
    told = year.told()
    assert len({one["idempotency_key"] for one in told}) == len(told) == year.done["order"] + year.done["revise"]
    for one in told:
        for part in ("lines", "instalments"):
            assert sum(Decimal(row["amount"]) for row in one[part]) == Decimal(one["total"]), one["order_no"]
    assert {"order", "ship", "sign", "pay", "reverse", "invoice", "write_off", "give_back"} <= set(year.done), year.done
