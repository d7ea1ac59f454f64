"""An entity that is switched off answers like one that does not exist, whoever asks and by whatever way.

Each address about ``deal`` is asked again with a key that nobody ever wrote; both answers are the same but for that
key. And no other page, list, search or queue says anything of its records any more, until it is switched on again.
"""

from collections.abc import Iterator

import pytest

from engine.changing.choosing import switch_module
from engine.definition.source import read_folder
from engine.storage.database import Database
from engine.storage.store import Store
from tests.access.test_matrix import HERE
from tests.access.test_two_worlds import _steady
from tests.access.world import World, addresses, build_world, let_us_in, text_of
from tests.web.conftest import Browser, OpenDesk

OFF, NEVER = "deal", "dale"
"""What is switched off, and what never was: as long, so that no width differs."""

ELSEWHERE = ("/", "/approvals", "/approvals?box=started", "/search?q={part}", "/notices", "/e/job", "/e/firm/{firm}",
             "/e/firm/{firm}/journey", "/e/job/{job}", "/api/v1/search?q={part}", "/api/v1/tasks?box=started",
             "/api/v1/job")  # fmt: skip
"""Where records of it are told of, beside its own pages."""

MODULES = "modules:\n  deals: {label: 商机, entities: [deal]}\n  jobs: {label: 派工, entities: [job], needs: [deals]}\n"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """SQLite alone: rights are worked out before a statement is made."""
    return sqlite_database


@pytest.fixture
def world(open_desk: OpenDesk) -> World:
    texts = dict(read_folder(HERE / "vault").files)
    texts["app.yaml"] = texts["app.yaml"].replace("menu:", f"{MODULES}menu:")
    return build_world(open_desk(definition=texts, people=let_us_in))


def test_what_is_off_answers_like_what_does_not_exist(world: World) -> None:
    store, boss = world.desk.store, world.desk.program("boss")
    firm = boss.made("firm", name="还在的客户")
    made = boss.made("deal", title=world.mark("gone", "title"), firm=firm["id"])
    job = boss.made("job", what="安装", deal=made["id"])
    assert boss.post(f"/deal/{made['id']}/moves/ask", {}, If_Match=f'"{made["version"]}"').status_code == 200
    told = {"part": made["title"][:-3], "firm": firm["id"], "job": job["id"]}
    pages = [address.format_map(told) for address in ELSEWHERE]
    assert len(_telling(world, pages)) >= 6

    _switch(store, on=False)

    for login in ("boss", "mine", "root"):
        browser = world.desk.browser(login)
        for method, address in _about(world):
            assert _answer(browser, method, address) == _answer(browser, method, address.replace(OFF, NEVER)), (
                login, method, address,
            )  # fmt: skip
    assert _telling(world, pages) == []
    assert boss.get("/deal").status_code == boss.get(f"/{NEVER}").status_code == 404
    assert boss.get(f"/job/{job['id']}").status_code == 404
    said = boss.get("/openapi.json").get_data(as_text=True)
    assert "/deal" not in said and "/firm" in said
    assert boss.get(f"/firm/{firm['id']}").status_code == 200

    _switch(store, on=True)

    assert boss.get(f"/deal/{made['id']}").get_json()["title"] == made["title"]
    assert len(_telling(world, pages)) >= 6


def _switch(store: Store, *, on: bool) -> None:
    with store.write() as session:
        switch_module(session, "deals", on=on, actor=None)
    store.reload()


def _about(world: World) -> Iterator[tuple[str, str]]:
    """Yield each method and address that names the entity."""
    for rule in world.desk.app.url_map.iter_rules():
        if "entity" in rule.arguments:
            for address in addresses(rule, world):
                if f"/{OFF}" in address:
                    yield from ((method, address) for method in sorted(rule.methods - {"HEAD", "OPTIONS"}))


def _answer(browser: Browser, method: str, address: str) -> tuple[int, str]:
    answer = browser.client.open(address, method=method, headers={"X-CSRFToken": browser.csrf()})
    said = _steady(text_of(answer)).replace(NEVER, OFF)
    return answer.status_code, said


def _telling(world: World, pages: list[str]) -> list[str]:
    """Return the pages that tell the boss of a record that is marked."""
    browser = world.desk.browser("boss")
    return [page for page in pages if world.found_in(browser.get(page), ["gone"])]
