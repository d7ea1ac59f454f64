"""Two companies that differ only in what somebody may not see answer them byte for byte the same, on both databases.

The other one has other values wherever they may not look, and more records there; a count, an order, a page's length or
a sentence that depended on any of it would differ. There is one exception, which an author writes: a report that
announces who came first tells everybody their names and one figure, worked out over all records, and each reader their
own place (``engine/reports/announcing.py``). Those are the same in both companies; what else there is of the people who
are named, such as what they sold and in how many deals, is not, and must not be told.
"""

import json
import re
from pathlib import Path

from engine.clock import SetClock
from engine.storage import catalog
from engine.storage.database import Database
from engine.storage.store import Store
from tests.access.test_matrix import HERE, ask
from tests.access.world import FORBIDDEN, World, build_world, let_us_in, text_of
from tests.conftest import AnotherDatabase, to_folder
from tests.web.conftest import Desk, open_over

_RANDOM = (
    re.compile(r'(name="csrf-token" content|name="csrf_token" value|name="_action_id" value)="[^"]*"'),
    re.compile(r"(X-Request-Id|Set-Cookie|ETag|Content-Length|Expires|Date|Last-Modified): [^\n]*"),
    re.compile(r'("X-CSRFToken"): "[^"]*"'),
    re.compile(r'"(request_id|csrf_token|_action_id)": ?"[^"]*"'),
    re.compile(r"(<dcterms:(?:created|modified)[^>]*>)[^<]*"),
)
"""What differs from one answer to the next in any case."""


def test_what_one_may_not_see_changes_nothing_one_sees(another_database: AnotherDatabase, clock: SetClock) -> None:
    started = clock.now()
    told: list[dict[tuple[str, str], str]] = []
    for salt in ("a", "b"):
        clock.at = started
        with another_database() as (database, folder):
            world = build_world(open_vault(database, folder, clock), salt)
            told.append(_listen(world))
            world.desk.app.extensions["formwork.store"].database.close()
    first, second = told
    assert first.keys() == second.keys()
    different = {key: _where(first[key], second[key]) for key in first if first[key] != second[key]}
    assert different == {}
    said = told[0]["GET", "/api/v1/reports/deal.first"]
    announced = json.loads(said.splitlines()[-1])["announced"]
    first = [{"rank": 1, "name": name, "value": "7"} for name in ("Mine", "Other")]
    assert sorted(announced["first"], key=lambda one: one["name"]) == first
    assert announced["own"]["rank"] == 1 and announced["own"]["cells"].keys() == {
        "deal.score",
        "deal.price",
        "deal.count",
    }


def open_vault(database: Database, folder: Path, clock: SetClock) -> Desk:
    """Publish the app in ``vault/`` and let everybody in."""
    store = Store(database, folder / "files", clock)
    catalog.publish(store, to_folder(HERE / "vault"), actor_id=None)
    let_us_in(store)
    return open_over(store, folder, clock)


def _listen(world: World) -> dict[tuple[str, str], str]:
    found = {}
    for method, _, address, answer in ask(world, "mine"):
        if method != "GET":
            break
        assert world.found_in(answer, FORBIDDEN["mine"]) == [], address
        found[method, address] = f"{answer.status_code} {_steady(text_of(answer))}"
    return found


def _steady(text: str) -> str:
    for pattern in _RANDOM:
        text = pattern.sub(r"\1", text)
    return text


def _where(one: str, other: str) -> str:
    at = next(at for at in range(max(len(one), len(other))) if one[at : at + 1] != other[at : at + 1])
    return f"{one[max(0, at - 120) : at + 80]!r} and {other[max(0, at - 120) : at + 80]!r}"
