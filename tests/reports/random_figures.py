"""Random figures over the market, each as YAML and as the same worked out in Python."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from random import Random
from typing import Any

Row = Mapping[str, Any]
Bounds = tuple[datetime, datetime, date, date]
"""Start and end of a period, as moments, and its first and last day."""
Say = Callable[[Row, Bounds], Any]
SayAll = Callable[[Sequence[Row], Bounds], bool]

_ORDER = ["open", "offer", "talk"]


@dataclass(frozen=True)
class Part:
    """A piece of an expression: its text, what it says of a row, the fields it reads."""

    text: str
    say: Say
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Drawn:
    """A figure: its YAML, what it comes to over rows of a period, and the fields it reads."""

    key: str
    yaml: str
    of: str
    date: str
    where: Part
    finish: Callable[[Sequence[Row], Bounds], Any]
    reads: frozenset[str]
    made_with: "Made | None" = None
    closes: int | None = None
    early: SayAll | None = None
    """Whether it is too early to judge by some rows of a period."""


@dataclass(frozen=True)
class Made:
    """Another figure by which one is divided: as it is, or what is taken of it over each value of a dimension."""

    figure: Drawn
    each: str | None = None
    take: str = ""

    @property
    def yaml(self) -> str:
        """As it is written."""
        key = self.figure.key
        return key if self.each is None else f"{{figure: {key}, each: {self.each}, take: {self.take}}}"

    @property
    def reads(self) -> frozenset[str]:
        """The fields that are read of it."""
        return self.figure.reads | (READ_BY.get(self.each, frozenset()) if self.each else frozenset())


def rounded(value: Fraction | None) -> Decimal | None:
    """Six decimal places, halves away from zero."""
    if value is None:
        return None
    sign = -1 if value < 0 else 1
    units = (abs(value) * 10**6 * 2 + 1) // 2
    return Decimal(sign * int(units)).scaleb(-6).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)


def _field(name: str, text: str | None = None) -> Part:
    return Part(text or name, lambda row, _: row[name], frozenset({text or name}))


VALUES = {
    "deal": [_field("amount"), _field("score"), _field("chance"), _field("cost")],
    "deal.items": [
        _field("qty"), _field("price"),
        Part("deal.amount", lambda row, _: row["amount"], frozenset({"amount", "id"})),
    ],
    "deal.moves": [_field("amount"), _field("score")],
    "deal.changes": [_field("amount"), _field("score")],
}  # fmt: skip
PRODUCTS = {
    "deal": Part(
        "amount * chance", lambda row, _: _times(row["amount"], row["chance"]), frozenset({"amount", "chance"})
    ),
    "deal.items": Part("qty * price", lambda row, _: _times(row["qty"], row["price"]), frozenset({"qty", "price"})),
}  # fmt: skip


def _times(one: Any, two: Any) -> Any:
    return None if one is None or two is None else Decimal(one) * Decimal(two)


def _more(name: str, than: str) -> Part:
    limit = Decimal(than)
    return Part(f"{name} > {than}", lambda row, _: row[name] is not None and row[name] > limit, frozenset({name}))


def _changed(row: Row, field: str) -> list[Row]:
    """The changes of a field that replaced something."""
    return [one for one in row["changes"] if one["field"] == field and one["was_filled"]]


def _visits(row: Row, of: Bounds) -> int:
    return sum(1 for one in row["visits"] if one["at"] is not None and of[0] <= one["at"] < of[1])


def _until(row: Row, of: Bounds) -> list[Row]:
    return [one for one in row["visits"] if one["at"] is not None and one["at"] < of[1]]


def _before(row: Row, of: Bounds) -> list[Row]:
    return [one for one in row["visits"] if one["at"] is not None and one["at"] < of[0]]


def _minutes(visits: Sequence[Row]) -> list[int]:
    return [one["minutes"] for one in visits if one["minutes"] is not None]


def _sum(visits: Sequence[Row]) -> int:
    return sum(_minutes(visits))


def _mean(visits: Sequence[Row]) -> float | Fraction:
    """Where there is none, more than anything: a comparison with a missing value does not hold."""
    return Fraction(_sum(visits), len(_minutes(visits))) if _minutes(visits) else float("inf")


def _most(visits: Sequence[Row]) -> float:
    return max(_minutes(visits), default=float("-inf"))


def _least(visits: Sequence[Row]) -> int:
    return min(_minutes(visits), default=5)


CONDITIONS = {
    "deal": [
        _more("amount", "100"),
        _more("score", "1.5"),
        Part("hot", lambda row, _: bool(row["hot"]), frozenset({"hot"})),
        Part("stage = 'won'", lambda row, _: row["stage"] == "won"),
        Part("'a' in tags", lambda row, _: "a" in row["tags"], frozenset({"tags"})),
        Part("amount is missing", lambda row, _: row["amount"] is None, frozenset({"amount"})),
        Part("client.region = 'east'", lambda row, _: row["region"] == "east", frozenset({"client", "region"})),
        Part("reached('talk')", lambda row, _: bool(row["been"] & {"talk", "won"})),
        Part("reached('offer')", lambda row, _: bool(row["been"] & {"offer", "talk", "won"})),
        Part(
            "count(visit where at >= period.start and at < period.end) >= 1",
            lambda row, of: _visits(row, of) >= 1, frozenset({"visit"}),
        ),
        Part(
            "any(visit where at < period.start and minutes > 10)",
            lambda row, of: any((one["minutes"] or 0) > 10 for one in _before(row, of)), frozenset({"visit"}),
        ),
        Part(
            "all(visit where at >= period.start)",
            lambda row, of: all(one["at"] is not None and one["at"] >= of[0] for one in row["visits"]),
            frozenset({"visit"}),
        ),
        Part(
            "sum(visit.minutes where at < period.end) > avg(visit.minutes where at < period.start)",
            lambda row, of: _sum(_until(row, of)) > _mean(_before(row, of)), frozenset({"visit"}),
        ),
        Part(
            "max(visit.minutes where at < period.end) > default(min(visit.minutes where at < period.start), 5)",
            lambda row, of: _most(_until(row, of)) > _least(_before(row, of)), frozenset({"visit"}),
        ),
        Part(
            "sum(visit.minutes) > 30",
            lambda row, _: sum(one["minutes"] or 0 for one in row["visits"]) > 30, frozenset({"visit"}),
        ),
        Part("count(moves where to = 'offer') > 1", lambda row, _: row["offers"] > 1),
        Part("count(changes where field = 'stage' and was_filled) > 1", lambda row, _: len(_changed(row, "stage")) > 1),
        Part(
            "any(changes where field = 'owner' and was_filled and at < period.end)",
            lambda row, of: any(one["at"] < of[1] for one in _changed(row, "owner")),
        ),
        Part(
            "any(changes where field = 'cost' and filled)",  # nothing for whom costs are hidden from
            lambda row, _: any(one["field"] == "cost" for one in row["changes"]),
        ),
        Part(
            "signed between period.from and period.to",
            lambda row, of: row["signed"] is not None and of[2] <= row["signed"] <= of[3], frozenset({"signed"}),
        ),
    ],
    "deal.items": [
        _more("price", "5"),
        _more("amount", "100"),
        Part("kind = 'x'", lambda row, _: row["kind"] == "x", frozenset({"kind"})),
        Part("hot", lambda row, _: bool(row["hot"]), frozenset({"hot"})),
        Part(
            "price < floor",
            lambda row, _: None not in (row["price"], row["floor"]) and row["price"] < row["floor"],
            frozenset({"price", "floor"}),
        ),
        Part("client.region = 'east'", lambda row, _: row["region"] == "east", frozenset({"client", "region"})),
    ],
    "deal.moves": [
        Part("to = 'offer'", lambda row, _: row["to"] == "offer"),
        Part("from is missing", lambda row, _: row["from"] is None),
        Part("until is missing", lambda row, _: row["until"] is None),
        Part("owner = deal.owner", lambda row, _: row["owner"] == row["owned"]),
        Part(
            "until - at > 2d",
            lambda row, _: row["until"] is not None and row["until"] - row["at"] > timedelta(days=2),
        ),
        _more("amount", "100"),
    ],
    "deal.changes": [
        Part("was_filled", lambda row, _: row["was_filled"]),
        Part("field = 'stage'", lambda row, _: row["field"] == "stage"),
        Part("field in ['owner', 'cost', 'items']", lambda row, _: row["field"] in ("owner", "cost", "items")),
        Part("until is missing", lambda row, _: row["until"] is None),
        Part(
            "until - at > 2d",
            lambda row, _: row["until"] is not None and row["until"] - row["at"] > timedelta(days=2),
        ),
        Part("hot", lambda row, _: bool(row["hot"]), frozenset({"hot"})),
        _more("amount", "100"),
    ],
}  # fmt: skip
DATES = {
    "deal": ["", "got_at", "signed"],
    "deal.items": ["", "got_at", "deal.signed"],
    "deal.moves": ["at"],
    "deal.changes": ["at", "until", "got_at"],
}
EACH = {
    "deal": ["owner", "region", "stage", "tags", "others"],
    "deal.items": ["kind", "owner"],
    "deal.moves": ["to", "owner"],
    "deal.changes": ["field", "owner"],
}
READ_BY = {
    "tags": frozenset({"tags"}), "others": frozenset({"others"}),
    "region": frozenset({"region", "client"}), "size": frozenset({"amount"}),
    "kind": frozenset({"kind"}),
}  # fmt: skip
"""The fields that dimensions read, where those are not what they are called."""
TAKES = ["sum", "avg", "min", "max", "median", "p90"]


class Drawing:
    """Figures drawn one after the other."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.plain: list[Drawn] = []
        """Those made with no other, so far."""

    def figure(self, number: int) -> Drawn:
        """Return a figure."""
        of = self.random.choice(["deal", "deal", "deal", "deal.items", "deal.moves", "deal.changes"])
        where = self.condition(of) if self.random.random() < 0.4 else Part("", lambda row, _: True)
        dated = self.random.choice(DATES[of])
        value, finish, reads = self.value(of)
        made_with = self.made_with(of) if self.random.random() < 0.3 else None
        early = self.early(of) if self.random.random() < 0.3 else None
        closes = self.random.randint(1, 5) if dated and self.random.random() < 0.4 else None
        key = f"f{number}"
        lines = [f"  {key}:", f"    label: {key}", f"    of: {of}"]
        lines += [f'    value: "{value}"'] if made_with is None else [f'    value: "({value}) / other"']
        lines += [f"    with: {{other: {made_with.yaml}}}"] if made_with is not None else []
        lines += [f'    where: "{where.text}"'] if where.text else []
        lines += [f"    date: {dated}"] if dated else []
        lines += [f"    closes: {closes}"] if closes is not None else []
        lines += [f'    provisional: {{when: "{early[0]}", says: early}}'] if early is not None else []
        own = {dated.rpartition(".")[2]} if dated and dated not in ("at", "until") else frozenset[str]()
        known = reads | where.reads | own | (made_with.reads if made_with is not None else frozenset())
        known |= early[2] if early is not None else frozenset()
        placed = dated.rpartition(".")[2]
        found = Drawn(key, "\n".join(lines), of, placed, where, finish, frozenset(known), made_with, closes,
                      early[1] if early is not None else None)  # fmt: skip
        self.plain += [found] if made_with is None else []
        return found

    def early(self, of: str) -> tuple[str, SayAll, frozenset[str]]:
        """Return when it is too early to judge by some rows: many of them are of a kind, or they come to much."""
        what, value = self.condition(of, 1), self.random.choice(VALUES[of])
        if self.random.random() < 0.5:
            over = lambda rows, at: 2 * sum(1 for row in rows if what.say(row, at)) > len(rows)  # noqa: E731
            return f"share({what.text}) > 50%", over, what.reads

        def much(rows: Sequence[Row], at: Bounds) -> bool:
            kept = [value.say(row, at) for row in rows if what.say(row, at)]
            there = [one for one in kept if one is not None]
            return bool(there) and max(there) > 2

        return f"max({value.text} where {what.text}) > 2", much, value.reads | what.reads

    def made_with(self, of: str) -> Made | None:
        """Return another figure of the same rows, as it is or taken over the values of a dimension."""
        others = [one for one in self.plain if one.of == of]
        if not others:
            return None
        other = self.random.choice(others)
        if self.random.random() < 0.4:
            return Made(other)
        return Made(other, self.random.choice(EACH[of]), self.random.choice(TAKES))

    def layout(self, number: int, figures: Sequence[Drawn]) -> tuple[str, str, str, str]:
        """Return the key of a report of two figures of the same rows, its YAML, and how its lines are sorted."""
        one = self.random.choice(figures)
        two = self.random.choice([other for other in figures if other.of == one.of and other is not one])
        sort, then = (f"{self.random.choice(['', '-'])}{other.key}" for other in (one, two))
        top = self.random.choice(["", ", top: 3"])
        by = self.random.choice(EACH[one.of])
        said = f"show: [{one.key}, {two.key}], by: [{by}], period: all, sort: {sort}, then: {then}{top}"
        return f"l{number}", f"  l{number}: {{label: l{number}, {said}}}", sort, then

    def condition(self, of: str, depth: int = 2) -> Part:
        """Return a condition over a row."""
        kind = self.random.random()
        if depth == 0 or kind < 0.5:
            return self.random.choice(CONDITIONS[of])
        one, two = self.condition(of, depth - 1), self.condition(of, depth - 1)
        if kind < 0.6:
            return Part(f"not ({one.text})", lambda row, at: not one.say(row, at), one.reads)
        if one.text == two.text:
            return one
        if kind < 0.8:
            both = lambda row, at: one.say(row, at) and two.say(row, at)  # noqa: E731
            return Part(f"({one.text}) and ({two.text})", both, one.reads | two.reads)
        either = lambda row, at: one.say(row, at) or two.say(row, at)  # noqa: E731
        return Part(f"({one.text}) or ({two.text})", either, one.reads | two.reads)

    def value(self, of: str) -> tuple[str, Callable[[Sequence[Row], Bounds], Any], frozenset[str]]:
        """Return an aggregate, or a quotient or difference of two."""
        one = self.aggregate(of)
        if self.random.random() < 0.6:
            return one
        two = self.aggregate(of)
        if self.random.random() < 0.5:
            divide = lambda rows, at: quotient(one[1](rows, at), two[1](rows, at))  # noqa: E731
            return f"({one[0]}) / ({two[0]})", divide, one[2] | two[2]
        one, two = self.counting(of), self.counting(of)
        return f"{one[0]} - {two[0]}", lambda rows, at: one[1](rows, at) - two[1](rows, at), one[2] | two[2]

    def counting(self, of: str) -> tuple[str, Callable[[Sequence[Row], Bounds], Any], frozenset[str]]:
        """Return a count."""
        what = self.condition(of, 1)
        return f"count(where {what.text})", lambda rows, at: sum(1 for row in rows if what.say(row, at)), what.reads

    def aggregate(self, of: str) -> tuple[str, Callable[[Sequence[Row], Bounds], Any], frozenset[str]]:
        """Return an aggregate, with a condition of its own or without."""
        name = self.random.choice(["count", "sum", "avg", "min", "max", "median", "percentile", "distinct", "share"])
        if name == "count":
            return self.counting(of)
        if name == "share":
            what = self.condition(of, 1)
            return f"share({what.text})", lambda rows, at: _share(what, rows, at), what.reads
        value = self.random.choice([*VALUES[of], *([PRODUCTS[of]] if of in PRODUCTS else [])])
        only = self.condition(of, 1) if self.random.random() < 0.4 else None
        at = self.random.choice(["10", "50", "90", "99.5", "33.33"])
        given = value.text + (f", {at}" if name == "percentile" else "") + (f" where {only.text}" if only else "")
        reads = value.reads | (only.reads if only else frozenset())

        def finish(rows: Sequence[Row], of: Bounds) -> Any:
            kept = [value.say(row, of) for row in rows if only is None or only.say(row, of)]
            return _come_to(name, [one for one in kept if one is not None], Fraction(at))

        return f"{name}({given})", finish, reads


def taken(how: str, values: Sequence[Any]) -> Any:
    """Return what is taken of the values of a figure."""
    there = sorted(Fraction(one) for one in values)
    if how == "sum":
        return sum(there, Fraction(0))
    if not there:
        return None
    if how in ("min", "max"):
        return there[0] if how == "min" else there[-1]
    if how == "avg":
        return rounded(sum(there, Fraction(0)) / len(there))
    place = Fraction(90 if how == "p90" else 50, 100) * (len(there) - 1)
    low = int(place)
    high = min(low + 1, len(there) - 1)
    more = rounded((there[high] - there[low]) * (place - low))
    return there[low] + Fraction(more or 0)


def _share(what: Part, rows: Sequence[Row], at: Bounds) -> Decimal | None:
    return rounded(Fraction(sum(1 for row in rows if what.say(row, at)), len(rows))) if rows else None


def _come_to(name: str, values: list[Any], at: Fraction) -> Any:
    if name == "sum":
        return sum(values, Decimal(0))
    if name == "distinct":
        return len(set(values))
    if not values:
        return None
    if name in ("min", "max"):
        return min(values) if name == "min" else max(values)
    exact = sorted(Fraction(value) for value in values)
    if name == "avg":
        return rounded(sum(exact, Fraction(0)) / len(exact))
    place = (at if name == "percentile" else Fraction(50)) / 100 * (len(exact) - 1)
    low = int(place)
    high = min(low + 1, len(exact) - 1)
    return rounded(exact[low] + (exact[high] - exact[low]) * (place - low))


def quotient(one: Any, two: Any) -> Any:
    """Return one divided by the other; nothing where one of them is missing or there is nothing to divide by."""
    if one is None or not two:
        return None
    return rounded(Fraction(one) / Fraction(two))
