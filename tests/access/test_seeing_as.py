"""An administrator who sees as somebody gets what they get, byte for byte, and changes nothing whatever they press."""

import re
from itertools import islice

import pytest
from sqlalchemy import text

from engine.storage.database import Database
from engine.storage.form_draft_tables import form_drafts
from tests.access.test_matrix import HERE
from tests.access.test_two_worlds import _steady, _where
from tests.access.world import World, addresses, build_world, let_us_in, text_of
from tests.web.conftest import Browser, OpenDesk

BANNER = re.compile(r'<div class="seeing-as".*?</div>\n', re.DOTALL)
PRIVATE = ("/settings/account", "/settings/second-factor", "/settings/tokens/new", "/exports/<export_id>/file",
           "/api/v1/exports/<export_id>/file", "/admin/audit/file")  # fmt: skip
OPEN = ("/login", "/login/code", "/login/company", "/login/company/back", "/login/company/out", "/logout",
        "/join/<secret>", "/settings/preferences", "/see-as/end", "/calls/<message_id>", "/hooks/<hook>",
        "/form/<hook>", "/form/<hook>/<token>", "/pictures/<picture>")  # fmt: skip
"""What strangers may do too, and what ends it."""
COMPUTES = {"/approvals/<task_id>/people", "/e/<entity>/<record_id>/edit/preview", "/e/<entity>/new/preview",
            "/pick/<entity>"}  # fmt: skip
"""What works something out of a form and keeps nothing."""
SEVERAL = 4
"""Addresses of each route that are compared; the matrix asks them all."""


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def world(open_desk: OpenDesk) -> World:
    return build_world(open_desk(definition=HERE / "vault", people=let_us_in))


def test_pages_are_those_of_the_person_and_nothing_changes(world: World) -> None:
    desk = world.desk
    own, seer = desk.browser("mine"), desk.browser("root")
    person = desk.ids["mine"]
    said = seer.post(f"/admin/people/{person}/see-as", data={"reason": "他说看不到报价", "next": "/e/deal"})
    assert (said.status_code, said.headers["Location"]) == (303, "/e/deal")
    assert "正在以Mine的身份查看（只读）" in seer.get("/e/deal").get_data(as_text=True)
    assert "_draft=" in own.get("/").get_data(as_text=True)
    assert "_draft=" not in seer.get("/").get_data(as_text=True), "a draft is its author's alone"
    with desk.store.write() as session:
        session.connection.execute(form_drafts.delete())
    own.csrf()  # which is made by the first page, and kept in a cookie
    before, token = _everything(world), {"X-CSRFToken": seer.csrf()}
    compared, refused = 0, 0
    different: dict[str, str] = {}
    known = desk.app.url_map.bind("localhost")
    done: set[str] = set()
    for rule in desk.app.url_map.iter_rules():
        route, some = str(rule), [*islice(addresses(rule, world), SEVERAL)]
        for address in some if "GET" in rule.methods and route not in (*PRIVATE, *OPEN) else ():
            theirs, ours = _said(own, address), _said(seer, address)
            compared += 1
            if theirs != ours:
                different[address] = _where(theirs, ours)
        for method in rule.methods - {"GET", "HEAD", "OPTIONS"} if route not in OPEN else ():
            address = next(one for one in some if known.test(one.partition("?")[0], method))
            answer = seer.client.open(address, method=method, headers=token)
            if answer.status_code == 403 and "结束查看" in answer.get_data(as_text=True):
                refused += 1
            else:
                done.add(route)
    assert different == {}
    assert done == COMPUTES, "everything else is refused"
    assert _everything(world) == before
    assert compared > 150 and refused > 60
    for route in PRIVATE:
        assert seer.get(route.replace("<export_id>", "1")).status_code == 403, route


def _said(browser: Browser, address: str) -> str:
    answer = browser.client.get(address)
    said = f"{answer.status_code} {_steady(text_of(answer))}"
    answer.close()
    return BANNER.sub("", said)


def _everything(world: World) -> dict[str, list[str]]:
    """Return every row there is, except when sessions were used and people seen."""
    with world.desk.store.read() as session:
        names = session.connection.dialect.get_table_names(session.connection)
        rows = {name: session.connection.execute(text(f"SELECT * FROM {name}")).all() for name in names}
    return {name: [*map(str, rows[name])] for name in names if name not in ("fw_sessions", "fw_users")}
