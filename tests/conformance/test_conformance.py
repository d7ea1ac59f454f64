"""One rule, every gate.

Every rule of both bundled templates and of a small app made for what they do not use (``app/``) is found by walking the
compiled app: required fields, conditions of fields and columns, bounds, lengths, patterns, uniqueness, conditions of
links, rules over several fields, locks and requirements of stages. For each a record that breaks it and one that keeps
it are worked out (``cases.py``), and sent in every way there is (``gates.py``): typed into a form, posted, sent to the
API, brought in from a sheet, changed with others, changed by a move, by the commands with the system's actor.

Each gate must refuse the broken one with the same sentence at the same place, and no gate may say it of the sound one.

A rule for which no case can be made fails by its name, unless ``EXCUSED`` says why nobody can break it here. Where a
gate cannot be asked at all it is left out where that is decided: nobody imports, creates or changes what no role lets
them, a sheet has no line tables, a field that is read-only has no input, and the engine fills in what it keeps; while
somebody types, only the database knows about uniqueness, and nobody is told yet that a plain required field is empty.

What only time or other records bring about (a stage, what is added up from entries) is put into the table, so each rule
is judged where its own record is changed. Every role reaches every record here: a scope that leads over links, such as
the store of somebody's department, would need somebody of each such place for each record that is made up, and a record
out of reach is told apart from a missing one at no gate, so nothing could be compared. ``tests/access`` judges scopes.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from engine.clock import SetClock
from engine.definition.source import SourceFolder
from engine.errors import InvalidValues
from engine.people import accounts
from engine.people.departments import create_department
from engine.records.record import Record
from engine.storage import catalog
from engine.storage.database import open_database
from engine.storage.store import Store
from tests.conformance.cases import Case, Trial, rules_of
from tests.conformance.gates import CHANGE, CREATE, Gates
from tests.conformance.world import TRY, World
from tests.conftest import ROOT, to_folder
from web.app import create_app
from web.settings import Settings

PARTS = {"manufacturing": 3, "retail_store": 2, "app": 1}
"""Into how many tests the rules of an app are divided, so that several processes share them."""
PASSWORD = "velvet-harbour-19"
_LINK_FIRST = "the condition of the link refuses it first; the rule is for a customer that is changed afterwards"
_DECIDED = "only a decision of an approval leads through it; approvals are judged by the examples of the template"
_FETCHED = "the record it is fetched from always has one"
_KNOWN_WAY = "all customers made up are existing ones; the examples of customer/origin judge it"
_NO_USUAL = "no customer that is made up lists the product as usual, so it is always to be confirmed"
_ON_THE_WAY = "it is asked for on the move into a stage; the examples of the move judge it"
_NOT_DUE = "no order that is made up has an instalment of its own to settle a return with; its examples judge it"
EXCUSED = {
    "manufacturing/contact: rule not_of_others": "all customers made up are one person's; its examples judge it",
    "manufacturing/contract: rule customer_has_origin": _KNOWN_WAY,
    "manufacturing/contract: rule quote_of_customer": _LINK_FIRST,
    "manufacturing/quote: rule customer_has_origin": _KNOWN_WAY,
    "manufacturing/quote: rule contact_of_customer": _LINK_FIRST,
    "manufacturing/quote: rule opportunity_of_customer": _LINK_FIRST,
    "retail_store/contract: rule quote_of_customer": _LINK_FIRST,
    "manufacturing/customer.lead: link_where": "the examples of customer/origin judge it",
    "manufacturing/customer.quality_contact: link_where": "only a customer that is stored has contacts to choose from",
    "retail_store/quote.items.price: required": "every product has a price, and a line fetches it",
    "manufacturing/case: enter approved proof": _DECIDED,
    "manufacturing/case: enter approved whole": _DECIDED,
    "manufacturing/complaint: rule contact_of_customer": _LINK_FIRST,
    "manufacturing/data_standard: unique in_force": _DECIDED,
    "manufacturing/delivery.items.qty: required": _FETCHED,
    "manufacturing/delivery: enter signed when": "the move itself fills in the day",
    "manufacturing/goods_return.qty: required": _FETCHED,
    "manufacturing/goods_return.shares.amount: minimum": _NOT_DUE,
    "manufacturing/goods_return.shares.amount: required": _NOT_DUE,
    "manufacturing/goods_return.shares.how: required": _NOT_DUE,
    "manufacturing/goods_return.shares.instalment: link_where": _NOT_DUE,
    "manufacturing/goods_return.shares.instalment: required": _NOT_DUE,
    "manufacturing/goods_return.shares.open_amount: readonly": _NOT_DUE,
    "manufacturing/goods_return: enter accepted left": _DECIDED,
    "manufacturing/goods_return: enter accepted open": _DECIDED,
    "manufacturing/goods_return: enter accepted received": _DECIDED,
    "manufacturing/goods_return: enter accepted settled": _DECIDED,
    "manufacturing/opportunity: rule customer_has_origin": _KNOWN_WAY,
    "manufacturing/opportunity.source: required_when": _KNOWN_WAY,
    "manufacturing/order.models_confirmed: visible_when": _NO_USUAL,
    "manufacturing/order: enter approved models": _DECIDED,
    "manufacturing/order: rule customer_has_origin": _KNOWN_WAY,
    "manufacturing/order: rule contract_of_customer": _LINK_FIRST,
    "manufacturing/order: rule quote_of_customer": _LINK_FIRST,
    "manufacturing/payment.allocations.amount: required": _FETCHED,
    "manufacturing/quote.items.price: required": _FETCHED,
    "manufacturing/task.asked_by: visible_when": "only the page of an order fills it in",
    "manufacturing/write_off.amount: required": _FETCHED,
    "manufacturing/write_off: enter written_off still_open": _DECIDED,
    "retail_store/daily_report: enter submitted filled": _DECIDED,
    "retail_store/employee: unique one_account": "there are fewer people than employees made up; its example judges it",
    "retail_store/order.deposit_by: required_when": _ON_THE_WAY,
    "retail_store/order.items.price: required": _FETCHED,
    "retail_store/order.rest_by: required_when": _ON_THE_WAY,
    "retail_store/order.returned: minimum": _ON_THE_WAY,
    "retail_store/order.returned: required_when": _ON_THE_WAY,
    "retail_store/order: rule no_more_than_taken": _ON_THE_WAY,
    "retail_store/sale.items.price: required": _FETCHED,
    "retail_store/sale: enter sold not_counting": _DECIDED,
    "retail_store/stocktake: enter done counted": _DECIDED,
}
UNSTEADY = {
    "manufacturing/goods_return.line: link_where",
    "manufacturing/goods_return: rule within_left",
    "manufacturing/goods_return: unique one_asked",
}
"""Rules about what is added up from records that nobody makes up: how much of a line was shipped. The first return adds
it up anew, and then no gate after it finds anything to return. The examples of the template judge them."""


def _folder(name: str) -> SourceFolder:
    """An app whose workflows have one more move, from the first stage to itself, and whose roles reach every record.

    What a role reaches is judged elsewhere (``tests/access``).
    """
    path = Path(__file__).parent / "app" if name == "app" else ROOT / "templates" / name
    files = dict(to_folder(path if name == "app" else name).files)
    files |= {
        file: re.sub(r"\b(read|write|delete): [a-z_]+", r"\1: all", text)
        for file, text in files.items()
        if file.endswith("/entity.yaml")
    }
    from engine.compiler.compile import load_app

    first = {
        entity.key: entity.workflow.first
        for entity in load_app(SourceFolder(files)).entities.values()
        if entity.workflow
    }
    for file in [file for file in files if file.endswith("workflow.yaml")]:
        stage = first[file.split("/")[0]]
        move = f"moves:\n  {TRY}: {{label: 试行, from: [{stage}], to: [{stage}]}}\n"
        files[file] = files[file].replace("moves:\n", move, 1)
    return SourceFolder(files)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Gates]]:
    """The ways into each app, which is published once for all parts that one process asks for."""
    with ExitStack() as opened:
        yield cache(lambda name: opened.enter_context(_opened(name, tmp_path_factory.mktemp(name))))


@contextmanager
def _opened(name: str, home: Path) -> Iterator[Gates]:
    clock = SetClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
    store = Store(open_database(f"sqlite:///{home / 'site.sqlite3'}"), home / "files", clock)
    catalog.publish(store, _folder(name), actor_id=None)
    with store.write() as session:
        team = create_department(session, key="all", name="全部", actor=None)
        roles = [key for key, role in store.app.roles.items() if not role.service]
        id_ = accounts.create_user(
            session, login="all", name="全", password=PASSWORD, roles=roles, department=team, actor=None
        )
        actor = accounts.get_actor(session.connection, id_, via="web")
        other = accounts.create_user(
            session, login="other", name="他", password=PASSWORD, roles=roles[:1], department=team, actor=None
        )
    app = create_app(
        Settings(home=home, database_url=store.database.url.render_as_string(hide_password=False),
                 secret_key="a-key-for-tests-that-is-long-enough-0123456789", testing=True),
        clock=clock,
    )  # fmt: skip
    from tests.web.conftest import Browser

    browser = Browser(app.test_client())
    assert browser.sign_in("all").status_code == 303
    yield Gates(World(app, store, actor, other), browser.client, browser.csrf())
    app.extensions["formwork.store"].database.close()
    store.database.close()


@pytest.mark.parametrize(("app", "part"), [(app, part) for app, parts in PARTS.items() for part in range(parts)])
def test_every_rule_holds_the_same_at_every_gate(sites: Callable[[str], Gates], app: str, part: int) -> None:
    said: dict[str, list[str]] = {}
    asked, gates = 0, sites(app)
    for rule in islice(rules_of(gates.world), part, None, PARTS[app]):
        name = f"{app}/{rule.name}"
        if name in UNSTEADY:
            continue
        excused = any(name.startswith(one) for one in EXCUSED)
        try:
            wrong = list(_judge(gates, rule.make())) or ["is judged, so it needs no excuse"] * excused
        except (LookupError, InvalidValues) as none:
            wrong = [] if excused else [f"no case: {none}"]
        said |= {name: wrong} if wrong else {}
        asked += 1
    assert said == {}, "\n".join(f"{name}: {one}" for name, wrong in said.items() for one in wrong)
    assert asked > 10


@pytest.mark.parametrize("app", PARTS)
def test_every_excuse_is_of_a_rule_there_is(sites: Callable[[str], Gates], app: str) -> None:
    names = [f"{app}/{rule.name}" for rule in rules_of(sites(app).world)]
    excused = [one for one in (*EXCUSED, *UNSTEADY) if one.startswith(f"{app}/")]
    assert [one for one in excused if not any(name.startswith(one) for name in names)] == []


def _judge(gates: Gates, case: Case) -> Iterator[str]:
    for broken, trials in ((True, case.bad), (False, case.good)):
        for trial in trials:
            for name, verdict in _verdicts(gates, case, trial, broken):
                if not broken and "~page" in verdict:  # the page goes on to show what it asked for
                    continue
                told = any(
                    _says(text, path, case.sentence) for path, text in verdict.items() if _is_at(path, case.path)
                )
                if case.kind == "unique" and case.entity.duplicates:  # what is the same is also much alike, and told so
                    told = any(_is_at(path, case.path) and path != "" for path in verdict)
                asked = name.endswith("preview") and case.kind == "asks"
                if asked:
                    told = f"?{case.path}" in verdict
                    if not broken:
                        continue
                if told is not broken:
                    yield f"{case.name} | {name} | {'not refused' if broken else 'refused'} | {trial} | {verdict}"


def _says(text: str, path: str, sentence: str) -> bool:
    return sentence in text if path == "~page" else sentence in text.split("\n")


def _is_at(path: str, wanted: str) -> bool:
    return path == wanted or path.startswith("~")


def _verdicts(gates: Gates, case: Case, trial: Trial, broken: bool) -> Iterator[tuple[str, dict[str, str]]]:
    if trial.before is None:
        for name, create in CREATE.items():
            if name not in case.skip and gates.is_open(case.entity, name, _said(case, trial), new=True):
                found = create(gates, case.entity, _fresh(gates, case, trial, broken))
                if found is not None:
                    yield f"new, {name}", found
    elif case.kind.startswith("move "):
        record = _stand(gates, case, trial)
        for name, verdict in gates.through(case.entity, record, trial.raw, case.kind.removeprefix("move ")).items():
            yield f"move, {name}", verdict
    else:
        yield from _changed(gates, case, trial, broken)


def _changed(gates: Gates, case: Case, trial: Trial, broken: bool) -> Iterator[tuple[str, dict[str, str]]]:
    for name, change in CHANGE.items():
        if name in case.skip or not gates.is_open(case.entity, name, _said(case, trial), new=False):
            continue
        record = _stand(gates, case, trial)
        if name.startswith("move") and trial.kept:
            continue
        raw = _with_ids(record, _fresh(gates, case, trial, broken))
        if (found := change(gates, case.entity, record, raw)) is not None:
            yield f"change, {name}", found


def _said(case: Case, trial: Trial) -> Iterator[str]:
    """Yield the fields a person would have to type; that nobody types them is what some cases are about."""
    return (key for key in trial.raw if key in case.entity.fields and case.kind != "readonly")


def _fresh(gates: Gates, case: Case, trial: Trial, broken: bool) -> dict[str, object]:
    """Each gate keeps what it takes: the next needs values of its own, but for what the case is about."""
    if broken or case.kind == "rule":
        return trial.raw
    fresh = gates.world.distinct(case.entity, trial.raw, trial.before)
    return trial.raw | {key: value for key, value in fresh.items() if key != case.path or case.kind == "unique"}


def _stand(gates: Gates, case: Case, trial: Trial) -> Record:
    world = gates.world
    before = trial.before or {}
    fresh = world.distinct(case.entity, before)
    before = before | {key: value for key, value in fresh.items() if key not in trial.same}
    record = world.create(case.entity, before)
    if case.kind.startswith("move "):
        world.let_become(case.entity, record, before)
    return world.put_into(record, trial.kept) if trial.kept else record


def _with_ids(record: Record, raw: dict[str, object]) -> dict[str, object]:
    """Rows that speak of the first row of the record name it."""

    def named(value: object, key: str) -> object:
        if isinstance(value, list) and value and isinstance(value[0], dict) and value[0].get("id") == "first":
            return [{**value[0], "id": record.values[key][0]["id"]}]
        return value

    return {key: named(value, key) for key, value in raw.items()}
