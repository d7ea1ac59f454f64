"""Each figure equals the same worked out in Python over the rows its reader may see, on both databases."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine import reports
from engine.clock import SetClock
from engine.compiler.cumulating import adds_up
from engine.definition.source import SourceFolder
from engine.errors import NotFound
from engine.expression.decimals import round_half_up
from engine.people import accounts
from engine.people.actor import Actor
from engine.records import commands
from engine.records.queries import ListQuery, get_record, list_records
from engine.reports.behind import MOST
from engine.reports.closing import close_months
from engine.reports.cumulating import cumulate
from engine.reports.ordering import in_order
from engine.reports.periods import Period, find_period
from engine.storage import catalog
from engine.storage.store import Session, Store
from engine.workflow.transitions import list_moves, move_record
from tests.records.databases import database_of
from tests.reports.market import MARKET, PEOPLE, add_people
from tests.reports.random_figures import READ_BY, Bounds, Drawing, Drawn, quotient, taken

SEED = 20260302
ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 1, 5, 1, tzinfo=UTC)
PERIODS = ("2026-02", "2026-Q1", "2026-W07", "2026", "all", "2026-02-28..2026-03-01")
HIDDEN = {"li": {"bought", "floor"}, "ann": {"cost", "bought", "floor"}, "ben": {"cost", "bought", "floor"},
          "cat": {"cost", "bought", "floor"}, "dee": {"amount", "items", "qty", "price", "kind", "floor", "region"},
          "eve": {"floor"}, "bo": set()}  # fmt: skip
UNTOLD = {"li": {"bought", "items"}, "ann": {"cost", "bought", "items"}, "ben": {"cost", "bought", "items"},
          "cat": {"cost", "bought", "items"}, "dee": {"amount", "items"}, "eve": {"items"}, "bo": set()}  # fmt: skip
"""The fields whose changes are not there: those hidden or masked, and line tables with a column that is."""
NO_VISITS = {"dee"}
DIMENSIONS = {
    "deal": ["owner", "stage", "hot", "tags", "others", "region", "size", "got_at.week", "signed.quarter"],
    "deal.items": ["kind", "owner", "region", "signed.year"],
    "deal.moves": ["to", "from", "owner", "at.day"],
    "deal.changes": ["field", "by", "owner", "region", "at.week"],
}
FIGURES = 100
LAYOUTS = 12
QUESTIONS = 260


@dataclass
class World:
    """A market with people, and everything in it as it was entered."""

    store: Store
    clock: SetClock
    ids: dict[str, int]
    drawn: dict[str, Drawn]
    clients: dict[int, dict[str, Any]] = field(default_factory=dict)
    deals: dict[int, dict[str, Any]] = field(default_factory=dict)
    visits: dict[int, dict[str, Any]] = field(default_factory=dict)
    moves: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """Of each deal."""
    layouts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """How the lines of a report are sorted, and what decides between those that are alike."""
    at_closing: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The deals there were when the last month was closed."""

    def actor(self, session: Session, login: str) -> Actor:
        return accounts.get_actor(session.connection, self.ids[login])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("market")
    drawing = Drawing(Random(SEED))
    drawn = {one.key: one for one in (drawing.figure(number) for number in range(FIGURES))}
    layouts = [drawing.layout(number, [*drawn.values()]) for number in range(LAYOUTS)]
    written = (
        "reports: deal\ndimensions:\n"
        "  region: {label: 区域, value: client.region}\n"
        "  size: {label: 规模, value: amount, buckets: [50, 100.5]}\n"
        "figures:\n" + "\n".join(one.yaml for one in drawn.values()) + "\n"
        "layouts:\n" + "\n".join(yaml for _, yaml, _, _ in layouts) + "\n"
    )
    with database_of(request, folder) as database:
        clock = SetClock(BEGIN)
        store = Store(database, folder / "files", clock)
        catalog.publish(store, SourceFolder({**MARKET, "deal/reports.yaml": written}), actor_id=None)
        with store.write() as session:
            ids = add_people(session)
        world = World(store, clock, ids, drawn, layouts={key: (sort, then) for key, _, sort, then in layouts})
        fill(world, Random(SEED))
        yield world


def fill(world: World, random: Random) -> None:
    """Enter clients, deals and visits of several people, and move the deals about for weeks."""
    sellers = [world.ids[login] for login in ("ann", "ben", "cat", "eve")]
    with world.store.write() as session:
        boss = world.actor(session, "bo")
        for number in range(8):
            given = {
                "name": f"C{number}",
                "region": random.choice(["east", "south", "north", None]),
                "owner": random.choice(sellers),
            }
            world.clients[commands.create_record(session, "client", given, actor=boss).id] = given
        for number in range(45):
            enter(world, session, deal(world, random, number, sellers))
        for number in range(60):
            given = {
                "deal": random.choice([*world.deals]), "topic": f"V{number}", "at": moment(random),
                "minutes": random.choice([None, 5, 10, 40]), "owner": random.choice(sellers),
            }  # fmt: skip
            world.visits[commands.create_record(session, "visit", typed(given), actor=boss).id] = given
    for _ in range(70):
        world.clock.at += timedelta(hours=random.choice([3, 20, 50]))
        with world.store.write() as session:
            wander(world, session, random)
    world.at_closing = dict(world.deals)
    while close_months(world.store):
        pass
    with world.store.write() as session:  # entered when its month was closed
        late = {"got_at": datetime(2026, 2, 14, 4, 30, tzinfo=UTC), "signed": date(2026, 2, 14), "hot": True}
        enter(world, session, deal(world, random, 99, sellers) | late)
    for entity, known in (("deal", world.deals), ("client", world.clients), ("visit", world.visits)):
        with world.store.write() as session:  # what lies in the recycle bin counts nowhere
            gone = random.choice([*known])
            admin = world.actor(session, "bo")
            record = get_record(session, entity, gone, actor=admin)
            if entity == "deal":
                commands.delete_record(session, entity, gone, version=record.version, actor=admin)
                del known[gone]


def enter(world: World, session: Session, given: dict[str, Any]) -> None:
    """Create a deal; each field that has a value is a change of it."""
    boss = world.actor(session, "bo")
    made = commands.create_record(session, "deal", typed(given), actor=boss)
    world.deals[made.id] = {**given, "id": made.id, "stage": "open", "team": made.values["team"]}
    world.moves.append(move(made.id, None, "open", session.now(), given["owner"]))
    for key in ("stage", *(key for key, value in given.items() if value not in (None, []))):
        change(world, session, made.id, key)


def change(world: World, session: Session, deal: int, key: str) -> None:
    """Note that somebody changed a field; so long lasted what it was before."""
    known = world.changes.setdefault(deal, [])
    before = [one for one in known if one["field"] == key]
    for one in before[-1:]:
        one["until"] = session.now()
    own = {"field": key, "at": session.now(), "until": None, "by": world.ids["bo"]}
    known.append({**own, "was_filled": bool(before)})


def deal(world: World, random: Random, number: int, sellers: Sequence[int]) -> dict[str, Any]:
    return {
        "name": f"D{number}",
        "client": random.choice([None, *world.clients]),
        "amount": random.choice([None, *map(Decimal, ("0.00", "50.00", "100.50", "-7.01", "250.33"))]),
        "score": random.choice([None, Decimal("1.500"), Decimal("0.125"), Decimal("2.001"), Decimal("9.999")]),
        "chance": random.choice([None, Decimal("0.1000"), Decimal("0.3333"), Decimal("1.0000")]),
        "tags": random.sample(["a", "b", "c"], random.randint(0, 2)),
        "others": [[*world.clients][(number + at) % len(world.clients)] for at in range(number % 3)],
        "hot": random.choice([True, False, None]),
        "got_at": random.choice([None, moment(random), moment(random), moment(random)]),
        "signed": random.choice([None, date(2026, 2, 28), date(2026, 3, 1), date(2026, 12, 31), date(2025, 2, 1)]),
        "cost": random.choice([None, Decimal("1.00"), Decimal("33.33")]),
        "bought": Decimal("2.00"),
        "owner": random.choice(sellers),
        "items": [
            {
                "kind": random.choice(["x", "y", None]), "qty": random.choice([None, 1, 3]),
                "price": random.choice([Decimal("5.00"), Decimal("9.99"), None]), "floor": Decimal("6.00"),
            }
            for _ in range(random.randint(0, 3))
        ],
    }  # fmt: skip


def moment(random: Random) -> datetime:
    """Moments around the ends of months, at midnight where the site lives, among others."""
    day = random.choice([date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 14), date(2026, 3, 1), date(2026, 4, 1)])
    clock = random.choice([time(0, 0), time(23, 59, 59), time(12, 30)])
    return datetime.combine(day, clock, ZONE).astimezone(UTC)


def typed(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a form would send: moments by the clock of the site."""
    return {
        key: value.astimezone(ZONE).replace(tzinfo=None) if isinstance(value, datetime) else value
        for key, value in given.items()
        if value is not None
    }


def move(deal: int, left: str | None, to: str, at: datetime, owner: int) -> dict[str, Any]:
    return {"deal": deal, "from": left, "to": to, "at": at, "owner": owner}


def wander(world: World, session: Session, random: Random) -> None:
    """Move a deal, or give it to somebody else."""
    boss = world.actor(session, "bo")
    one = world.deals[random.choice([*world.deals])]
    record = get_record(session, "deal", one["id"], actor=boss)
    possible = [found.move.key for found in list_moves(session, record, actor=boss)]
    if random.random() < 0.2 or not possible:
        before, one["owner"] = one["owner"], random.choice([world.ids["ann"], world.ids["cat"]])
        saved = commands.update_record(
            session, "deal", one["id"], {"owner": one["owner"]}, version=record.version, actor=boss
        )
        one["team"] = saved.values["team"]
        if one["owner"] != before:
            change(world, session, one["id"], "owner")
        return
    left = one["stage"]
    moved = move_record(session, "deal", one["id"], random.choice(possible), version=record.version, actor=boss)
    one["stage"] = moved.values["stage"]
    change(world, session, one["id"], "stage")
    world.moves.append(move(one["id"], left, one["stage"], session.now(), one["owner"]))


# ---- the same, worked out in Python


def rows_of(
    world: World, of: str, seen: Mapping[str, set[int]], login: str, deals: Mapping[int, dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """The rows somebody may see, with what they may see of what is linked."""
    found = []
    for id_, one in (world.deals if deals is None else deals).items():
        if id_ not in seen["deal"]:
            continue
        region = world.clients[one["client"]]["region"] if one["client"] in seen["client"] else None
        been = [moved for moved in world.moves if moved["deal"] == id_]
        whole = {
            **one, "region": region, "been": {moved["to"] for moved in been} | {one["stage"]},
            "visits": [visit for key, visit in world.visits.items() if visit["deal"] == id_ and key in seen["visit"]],
            "offers": sum(1 for moved in been if moved["to"] == "offer"), "record": id_,
            "changes": [told for told in world.changes[id_] if told["field"] not in UNTOLD[login]],
        }  # fmt: skip
        if of == "deal":
            found.append(whole)
        elif of == "deal.items":
            found += [{**whole, **line} for line in one["items"]]
        elif of == "deal.changes":
            found += [{**whole, **told} for told in whole["changes"]]
        else:
            after = [moved["at"] for moved in been[1:]] + [None]
            found += [
                {**whole, "owned": one["owner"], **moved, "until": until}
                for moved, until in zip(been, after, strict=True)
            ]
    return found


def bounds(period: Period) -> Bounds:
    return period.start(ZONE), period.end(ZONE), period.first, period.last


def within(row: Mapping[str, Any], key: str, at: Bounds) -> bool:
    value = row[key] if key else None
    if not key or value is None:
        return not key
    return at[0] <= value < at[1] if isinstance(value, datetime) else at[2] <= value <= at[3]


def keys_of(row: Mapping[str, Any], dimension: str) -> list[Any]:
    """The keys a row stands under."""
    name, _, span = dimension.partition(".")
    if name in ("tags", "others"):
        return list(row[name] or ()) or [None]
    if name == "size":
        amount = row["amount"]
        return [None if amount is None else sum(amount >= limit for limit in (Decimal(50), Decimal("100.5")))]
    value = row[name]
    if not span or value is None:
        return [value]
    day = value.astimezone(ZONE).date() if isinstance(value, datetime) else value
    first = {
        "day": day, "week": day - timedelta(days=day.weekday()), "year": date(day.year, 1, 1),
        "quarter": date(day.year, (day.month - 1) // 3 * 3 + 1, 1),
    }[span]  # fmt: skip
    return [first]


def hidden_from(login: str, reads: frozenset[str]) -> bool:
    lost = HIDDEN[login] | ({"visit"} if login in NO_VISITS else set())
    return bool(reads & lost)


def test_every_figure_is_what_its_reader_could_add_up_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether what leads to a record is added up for all at once or by each alone."""
    random, coin, asked, unseen = Random(SEED), Random(SEED), 0, 0
    monkeypatch.setattr("engine.reports.statement._Plan._are_few", lambda _: coin.random() < 0.5)
    for _ in range(QUESTIONS):
        login, drawn = random.choice([*PEOPLE]), world.drawn[random.choice([*world.drawn])]
        by = random.sample(DIMENSIONS[drawn.of], random.choice([0, 0, 1, 1, 2]))
        period = find_period(random.choice(PERIODS), date(2026, 3, 2))
        assert period is not None
        reads = drawn.reads.union(*(READ_BY.get(one, {one.partition(".")[0]}) for one in by))
        reads |= (
            {"items"} if drawn.of == "deal.items" and drawn.reads & {"qty", "price", "kind", "floor"} else frozenset()
        )
        with world.store.read() as session:
            actor = world.actor(session, login)
            if hidden_from(login, drawn.reads | (reads & {"items"})):
                with pytest.raises(NotFound):
                    reports.run_figure(session, f"deal.{drawn.key}", actor=actor)
                unseen += 1
                continue
            if hidden_from(login, reads):
                continue
            seen = seen_by(session, actor)
            result = reports.run_figure(session, f"deal.{drawn.key}", actor=actor, period=period, by=by)
            rows = rows_of(world, drawn.of, seen, login)
            check(world, session, drawn, result, rows, by, period, actor)
            asked += 1
    assert asked > 120 and unseen > 20


def seen_by(session: Session, actor: Actor) -> dict[str, set[int]]:
    return {
        entity: {one.id for one in list_records(session, entity, ListQuery(limit=200), actor=actor).records}
        if entity != "visit" or actor.login not in NO_VISITS
        else set()
        for entity in ("deal", "client", "visit")
    }


def groups_of(
    drawn: Drawn, rows: Sequence[dict[str, Any]], by: Sequence[str], at: Bounds
) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The rows that count, under the values they stand under."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if within(row, drawn.date, at) and drawn.where.say(row, at):
            for keys in product_of([keys_of(row, one) for one in by]):
                groups.setdefault(keys, []).append(row)
    return groups


def values_of(
    drawn: Drawn, rows: Sequence[dict[str, Any]], by: Sequence[str], at: Bounds
) -> dict[tuple[Any, ...], tuple[int, Any]]:
    """What a figure comes to in each group that has rows of it, or of the figure it is made with; and its total."""
    own, made = groups_of(drawn, rows, by, at), drawn.made_with
    keys: dict[tuple[Any, ...], None] = dict.fromkeys([*own] if by else [*own, ()])
    if made is None:
        return {one: (len(own.get(one, [])), drawn.finish(own.get(one, []), at)) for one in keys}
    kept = [one for one in by if one != made.each]
    others = values_of(made.figure, rows, [*kept, made.each] if made.each else by, at)
    parts: dict[tuple[Any, ...], list[Any]] = {}
    for one, (_, value) in others.items():
        if made.each and value is not None:
            parts.setdefault(one[:-1], []).append(value)
    if made.each not in by:
        keys |= dict.fromkeys([*parts] if made.each else [*others])
    found = {}
    for one in keys:
        if made.each:
            place = tuple(key for key, name in zip(one, by, strict=True) if name in kept)
            beside = taken(made.take, parts.get(place, []))
        else:
            beside = others[one][1] if one in others else made.figure.finish([], at)
        some = own.get(one, [])
        found[one] = len(some), quotient(drawn.finish(some, at), beside)
    return found


def check(
    world: World, session: Session, drawn: Drawn, result: reports.Result, rows: list[dict[str, Any]], by: list[str],
    period: Period, actor: Actor,
) -> None:  # fmt: skip
    at = bounds(period)
    told = f"{drawn.yaml} by {by} in {period.name} for {actor.login}"
    groups, values = groups_of(drawn, rows, by, at), values_of(drawn, rows, by, at)
    total, counted = result.total.cells[0], groups_of(drawn, rows, [], at).get((), [])
    assert total is not None
    assert (total.n, total.value) == values_of(drawn, rows, [], at)[()], told
    assert total.n == len(counted), told
    assert total.provisional == is_early(drawn, counted, total.value, at), told
    if by:
        found = {
            line.keys: (line.cells[0].n, line.cells[0].value) for line in result.lines if line.cells[0] is not None
        }
        assert found == values, told
        grey = {line.keys: line.cells[0].provisional for line in result.lines if line.cells[0] is not None}
        assert grey == {one: is_early(drawn, groups.get(one, []), value, at) for one, (_, value) in values.items()}, (
            told
        )
    cell: dict[str, Any] = {}
    if values and by:
        keys = sorted(values, key=repr)[0]
        cell, counted = dict(zip(by, keys, strict=True)), groups.get(keys, [])
    behind = reports.rows(session, f"deal.{drawn.key}", actor=actor, period=period, cell=cell, limit=MOST)
    shown, there = sorted(one.id for one in behind.records), sorted(row["record"] for row in counted)
    assert behind.n == len(there) and len(shown) == min(len(there), MOST), told
    assert shown == there or (len(there) > MOST and not Counter(shown) - Counter(there)), told


def is_early(drawn: Drawn, rows: list[dict[str, Any]], value: Any, at: Bounds) -> bool:
    """Whether a figure that has a value is too early to judge by its rows."""
    return drawn.early is not None and value is not None and drawn.early(rows, at)


def product_of(keys: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    if not keys:
        yield ()
        return
    for first in keys[0]:
        for rest in product_of(keys[1:]):
            yield (first, *rest)


def test_a_closed_month_is_what_it_was_for_who_sees_everything_and_not_there_for_others(world: World) -> None:
    closing, adjusted = [one for one in world.drawn.values() if one.closes is not None], 0
    with world.store.read() as session:
        month = find_period("last month", session.now().astimezone(ZONE).date())
        assert month is not None
        at, boss = bounds(month), world.actor(session, "bo")
        everything = {"deal": {*world.at_closing}, "client": {*world.clients}, "visit": {*world.visits}}
        for one in closing:
            asked: dict[str, Any] = {"figure": f"deal.{one.key}", "period": month}
            told = reports.run_figure(session, actor=boss, **asked).total.cells[0]
            rows = rows_of(world, one.of, everything, "bo", world.at_closing)
            assert told is not None and told.closed is not None, one.yaml
            assert (told.closed.n, told.closed.value) == values_of(one, rows, [], at)[()], one.yaml
            adjusted += bool(told.adjustment)
            for login in ("li", "eve"):
                if not hidden_from(login, one.reads):
                    cell = reports.run_figure(session, actor=world.actor(session, login), **asked).total.cells[0]
                    assert cell is not None and cell.closed is None, one.yaml
    assert len(closing) > 10 and adjusted > 2


@pytest.mark.parametrize("login", ["bo", "ann"])
def test_lines_are_sorted_and_those_alike_by_what_comes_then(world: World, login: str) -> None:
    checked = 0
    with world.store.read() as session:
        actor = world.actor(session, login)
        for key, orders in world.layouts.items():
            if any(hidden_from(login, world.drawn[one.lstrip("-")].reads) for one in orders):
                continue
            found = reports.run(session, f"deal.{key}", actor=actor)
            keys = [one.key for one in found.figures]
            ways = [(keys.index(f"deal.{one.lstrip('-')}"), one[0] == "-") for one in orders]
            alone = [
                {line.keys: line.cells[0] for line in divided.lines}
                for divided in (
                    reports.run_figure(session, one, actor=actor, period=found.period, by=[found.axes[0].key])
                    for one in keys
                )
            ]
            ranks = {line.keys: rank(line.cells, ways) for line in found.lines}
            assert [*ranks.values()] == sorted(ranks.values()), key
            assert len(alone[0].keys() | alone[1].keys()) == len(ranks) + found.more, key
            for one in alone[0].keys() & alone[1].keys():
                ranked = rank([cells[one] for cells in alone], ways)
                assert ranks[one] == ranked if one in ranks else max(ranks.values()) <= ranked, key
            checked += len(ranks) > 1
    assert checked > 3


def test_what_is_added_up_from_the_top_ends_at_all_its_reader_may_see(world: World) -> None:
    """Whatever the compiler lets add up, against the shares of the groups worked out in Python."""
    random, checked, cut = Random(SEED), 0, 0
    with world.store.read() as session:
        written = next(iter(session.app.reports.values()))
        for drawn, by in product(world.drawn.values(), ("owner", "region")):
            figure = session.app.figures[f"deal.{drawn.key}"]
            if by not in DIMENSIONS[drawn.of] or not adds_up(figure, session.app.figures):
                continue
            period = find_period(random.choice(PERIODS), date(2026, 3, 2))
            assert period is not None
            for login in ("bo", "ann", "li"):
                if hidden_from(login, drawn.reads | READ_BY.get(by, {by})):
                    continue
                actor = world.actor(session, login)
                result = reports.run_figure(session, figure.key, actor=actor, period=period, by=[by])
                result = replace(result, lines=tuple(in_order(result, (figure.key, True))))
                report = replace(written, cumulative=True, sort=(figure.key, True))
                told = [line.cells[0] for line in cumulate(result, report).lines]
                rows = rows_of(world, drawn.of, seen_by(session, actor), login)
                whole = values_of(drawn, rows, [], bounds(period))[()][1]
                groups = values_of(drawn, rows, [by], bounds(period)).values()
                values = sorted((value for _, value in groups), reverse=True)
                shares = [sum(values[: at + 1]) / Decimal(whole) if whole > 0 else None for at in range(len(values))]
                assert [cell and cell.cumulated for cell in told] == [
                    None if one is None else round_half_up(one, 6) for one in shares
                ], (drawn.yaml, by, login)
                checked += len(shares) > 1 and whole > 0
                cut += whole <= 0
    assert checked > 10 and cut > 3


def rank(cells: Sequence[Any], ways: Sequence[tuple[int, bool]]) -> list[tuple[bool, Any]]:
    """Return where a line comes by each of two figures, the largest first or last; what has no value comes last."""
    values = [(cells[at].value, descending) for at, descending in ways]
    return [(True, 0) if value is None else (False, -value if descending else value) for value, descending in values]


def test_nothing_that_somebody_may_not_see_changes_what_they_are_told(world: World) -> None:
    with world.store.read() as session:
        actor = world.actor(session, "ann")
        seen = seen_by(session, actor)
        before = everything(world, session, actor)
    with world.store.write() as session, session.attempt() as attempt:
        boss = world.actor(session, "bo")
        for entity, values in (
            ("client", {"region": "north", "credit": "9"}),
            ("deal", {"amount": "77", "hot": True, "signed": "2026-02-28", "tags": ["c"]}),
            ("visit", {"minutes": 99}),
        ):
            for record in list_records(session, entity, ListQuery(limit=200), actor=boss).records:
                if record.id not in seen[entity]:
                    commands.update_record(session, entity, record.id, values, version=record.version, actor=boss)
        for id_ in seen["deal"]:  # what is hidden of what they do see
            record = get_record(session, "deal", id_, actor=boss)
            given = {"cost": "1234", "bought": "77"}
            commands.update_record(session, "deal", id_, given, version=record.version, actor=boss)
            other = {
                "deal": id_,
                "topic": "not theirs",
                "at": "2026-02-14 10:00",
                "minutes": 50,
                "owner": world.ids["cat"],
            }
            commands.create_record(session, "visit", other, actor=boss)
        after = everything(world, session, actor)
        whole = everything(world, session, boss)
        attempt.undo()
    assert after == before
    assert whole != before


def everything(world: World, session: Session, actor: Actor) -> list[Any]:
    found: list[Any] = []
    for key in world.drawn:
        try:
            result = reports.run_figure(session, f"deal.{key}", actor=actor, period="2026")
        except NotFound:
            continue
        found.append((key, result.total))
        for one in ("region", "owner"):
            if key and one in session.app.figures[f"deal.{key}"].rows.dimensions:
                divided = reports.run_figure(session, f"deal.{key}", actor=actor, period="2026", by=[one])
                found.append((key, one, [(line.keys, line.cells) for line in divided.lines]))
    return found
