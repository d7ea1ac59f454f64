"""Tokens reach what they were made for and nothing else: those of services, and narrowed ones of people.

The ERP may read the title and the price of won deals. Every address of the application is asked by it, and by a token
of the boss that is narrowed to the same: the marks of everything else stand in no answer (``test_matrix`` asks people).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engine.errors import InvalidValues, NotAllowed
from engine.people import accounts, directory, tokens
from engine.people.token_scopes import read_scope
from tests.access.programs import open_world, token_of
from tests.access.world import FOREIGN, SECRET, World, addresses
from tests.web.conftest import Program

DEALS = {"may": ["read"], "only": ["title", "price"], "where": "stage = 'won'"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    with open_world(tmp_path_factory.mktemp("tokens"), server) as found:
        yield found


def code(said: TestResponse) -> str:
    return said.get_json()["code"]


@pytest.fixture(params=["service", "narrowed"])
def erp(request: pytest.FixtureRequest, world: World) -> Program:
    """The ERP as a service, and as a token of the boss that is narrowed to the same."""
    return token_of(world, "erp") if request.param == "service" else token_of(world, "boss", {"deal": DEALS})


class TestTheErp:
    def test_reads_two_fields_of_won_deals_and_nothing_else(self, world: World, erp: Program) -> None:
        won, open_ = world.ids["won"][0], world.ids["deal"][0]
        assert erp.get(f"/deal/{open_}").status_code == 404
        assert erp.get("/firm").status_code == 403
        assert [one["id"] for one in erp.get("/deal").get_json()["items"]] == [won]
        one = erp.get(f"/deal/{won}").get_json()
        assert one.keys() - {"_labels"} == {"id", "version", "release_id", "number", "title", "price"}
        assert erp.get("/deal?count=true").get_json()["count"] == 1
        assert erp.get("/deal/figures?sums=price").get_json()["items"] == [
            {"value": None, "count": 1, "sums": {"price": one["price"]}}
        ]
        assert [hit["id"] for hit in erp.get("/search?q=赢").get_json()["items"]] == [won]
        assert erp.get("/search?q=甬江").get_json()["items"] == []

    @pytest.mark.parametrize("asked", ["filter.margin.gte=1", "sort=memo", "filter.owner.eq=1", "sort=created_at",
                                       'where={"all":[["stage","eq","won"]]}', "filter.late=stage"])  # fmt: skip
    def test_may_not_ask_by_anything_else(self, erp: Program, asked: str) -> None:
        assert erp.get(f"/deal?{asked}").status_code == 422

    def test_writes_nothing(self, world: World, erp: Program) -> None:
        won = world.ids["won"][0]
        assert erp.patch(f"/deal/{won}", {"title": "x"}, 3).status_code == 403
        assert erp.post("/deal", {"title": "x"}).status_code == 403
        assert erp.call("DELETE", f"/deal/{won}", If_Match='"3"').status_code == 403
        assert erp.post(f"/deal/{won}/moves/drop", {"reason": "x"}, If_Match='"3"').status_code in (403, 409)

    def test_history_tells_neither_who_nor_why(self, world: World, erp: Program) -> None:
        entries = erp.get(f"/deal/{world.ids['won'][0]}/history").get_json()["items"]
        assert entries and all(one["actor"] is None and one["note"] is None and not one["details"] for one in entries)
        assert {key for one in entries for key in one["changes"]} <= {"title", "price", "number"}

    def test_is_told_in_its_openapi_document_what_it_may_do_and_no_more(self, erp: Program) -> None:
        document = erp.get("/openapi.json").get_json()
        assert "margin" not in json.dumps(document) and "/firm" not in document["paths"]
        assert set(document["components"]["schemas"]["deal.record"]["properties"]) == {
            "id", "version", "release_id", "number", "title", "price", "_labels", "_expanded"
        }  # fmt: skip

    def test_no_answer_of_any_address_tells_more(self, world: World, erp: Program) -> None:
        told, broken, opened = [], [], set()
        for rule in world.desk.app.url_map.iter_rules():
            for address in addresses(rule, world) if rule.endpoint != "static" and "GET" in rule.methods else ():
                answer = erp.client.get(address, headers={"Authorization": f"Bearer {erp.token}"})
                told += [(address, mark) for mark in world.found_in(answer, (SECRET, FOREIGN))]
                broken += [address] if answer.status_code >= 500 else []
                opened |= {str(rule)} if answer.status_code == 200 else set()
                answer.close()
        assert told == [] and broken == []
        about_records = ("/api/v1/<entity>", "/api/v1/search", "/api/v1/openapi.json", "/api/v1/schema")
        assert {rule for rule in opened if rule.startswith("/api/") and not rule.startswith(about_records)} == set()

    def test_reaches_nothing_but_records(self, world: World, erp: Program) -> None:
        for path in ("/tasks", "/admin/people", "/deal/views", f"/deal/{world.ids['won'][0]}/comments", "/exports"):
            assert code(erp.get(path)) == "people.token_records_only", path


class TestANarrowedToken:
    def test_writes_the_fields_it_names_of_the_records_it_reaches(self, world: World) -> None:
        program = token_of(world, "boss", {
            "deal": {"may": ["read", "change"], "only": ["title", "price"], "write": ["price"], "where": "price > 0"},
        })  # fmt: skip
        deal = program.get("/deal?q=赢").get_json()["items"][0]
        assert program.patch(f"/deal/{deal['id']}", {"title": "x"}, deal["version"]).status_code == 422
        assert program.patch(f"/deal/{deal['id']}", {"margin": "1"}, deal["version"]).status_code == 422
        assert program.patch(f"/deal/{deal['id']}", {"owner": 1}, deal["version"]).status_code == 422
        assert program.patch(f"/deal/{deal['id']}", {"price": "13"}, deal["version"]).status_code == 200
        assert program.call("DELETE", f"/deal/{deal['id']}", If_Match='"5"').status_code == 403

    def test_creates_nothing_outside_its_own_condition(self, world: World) -> None:
        reach = {"may": ["create"], "where": "price > 100"}
        program = token_of(world, "boss", {"deal": reach})
        refused = program.post("/deal", {"title": "太小", "price": "5"})
        assert (refused.status_code, code(refused)) == (403, "people.token_outside")
        assert "price > 100" in refused.get_json()["detail"]
        whole = token_of(world, "boss")
        assert whole.get("/deal?q=太小").get_json()["items"] == [], "nothing is left of it"
        assert program.post("/deal", {"title": "够大", "price": "500"}).status_code == 201
        made = whole.get("/deal?q=够大").get_json()["items"][0]
        assert whole.call("DELETE", f"/deal/{made['id']}", If_Match='"1"').status_code == 204

    def test_never_widens_what_its_owner_may_do(self, world: World) -> None:
        wide = {"may": ["read", "create", "change", "delete", "move"]}
        whole, narrowed = token_of(world, "reader"), token_of(world, "reader", {"deal": wide, "firm": wide})
        seen = [[one["id"] for one in program.get("/deal").get_json()["items"]] for program in (whole, narrowed)]
        assert seen[0] == seen[1]
        assert narrowed.post("/deal", {"title": "x"}).status_code == 403
        assert narrowed.get("/job").status_code == 403
        root = token_of(world, "root", {"deal": wide})
        assert code(root.get("/admin/people")) == "people.token_records_only"

    @pytest.mark.parametrize(
        ("login", "scope", "refusal"),
        [
            ("mine", {"deal": DEALS | {"only": ["margin"]}}, "people.token_no_field"),
            ("mine", {"deal": DEALS | {"where": "margin > 1"}}, "people.token_where_beyond"),
            ("boss", {"deal": DEALS | {"where": "firm.limit > 1"}}, "people.token_where_beyond"),
            ("boss", {"deal": DEALS | {"where": "price > 'a'"}}, "people.token_bad_where"),
            ("boss", {"deal": DEALS | {"where": "price >"}}, "people.token_bad_where"),
            ("boss", {"deal": DEALS | {"only": ["gone"]}}, "people.token_no_field"),
            ("boss", {"gone": DEALS}, "people.token_no_entity"),
        ],
    )
    def test_refuses_with_one_sentence_when_it_names_what_is_not_there_or_not_its_owners(
        self, world: World, login: str, scope: Mapping[str, Any], refusal: str
    ) -> None:
        said = token_of(world, login, scope).get("/deal")
        assert (said.status_code, code(said)) == (403, refusal)
        assert "{" not in said.get_json()["detail"]

    def test_a_condition_that_is_wrong_is_told_with_its_place(self, world: World) -> None:
        said = token_of(world, "boss", {"deal": DEALS | {"where": "price > 1 and prise > 2"}}).get("/deal").get_json()
        assert "第 15 个字" in said["detail"] and "price" in said["detail"], said["detail"]

    @pytest.mark.parametrize("found", [[], {}, {"deal": []}, {"deal": {}}, {"deal": {"may": ["fly"]}},
                                       {"deal": {"may": ["read"], "only": "title"}}, {"deal": {"may": 1}},
                                       {"deal": {"may": ["read"], "where": 1}}])  # fmt: skip
    def test_a_scope_of_another_shape_is_not_made(self, found: object) -> None:
        with pytest.raises(InvalidValues):
            read_scope(found)

    def test_makes_no_tokens(self, world: World) -> None:
        with world.desk.store.write() as session:
            boss = accounts.get_actor(session.connection, world.desk.ids["boss"])
            with pytest.raises(NotAllowed):
                tokens.create_token(session, user_id=world.desk.ids["mine"], label="x", actor=boss)


class TestAService:
    def test_is_offered_to_nobody_as_a_person(self, world: World) -> None:
        with world.desk.store.read() as session:
            assert directory.find_people(session, "erp") == []
            assert [one.login for one in directory.find_people(session, "boss")] == ["boss"]

    def test_has_no_password_no_invitation_and_no_other_role(self, world: World) -> None:
        erp, root = world.desk.ids["erp"], token_of(world, "root")
        assert root.post(f"/admin/people/{erp}/link").status_code == 409
        assert root.call("PATCH", f"/admin/people/{erp}", {"roles": ["erp", "boss"]}).status_code == 422
        assert root.call("PATCH", f"/admin/people/{erp}", {"roles": ["boss"]}).status_code == 422
        with world.desk.store.write() as session, pytest.raises(InvalidValues):
            accounts.create_user(session, login="x", name="x", password="velvet-harbour-19", roles=["erp"], actor=None)

    def test_is_listed_with_its_last_use_and_ended_at_once(self, world: World) -> None:
        erp = token_of(world, "erp")
        assert erp.get("/deal").status_code == 200
        browser = world.desk.browser("root")
        page = browser.get(f"/admin/people/{world.desk.ids['erp']}").get_data(as_text=True)
        assert "上次使用" in page
        with world.desk.store.read() as session:
            number = tokens.list_tokens(session.connection, world.desk.ids["erp"])[0].id
        assert browser.post(f"/admin/people/{world.desk.ids['erp']}/tokens/{number}/revoke").status_code == 303
        assert erp.get("/deal").status_code == 401


class TestThePage:
    def test_makes_a_narrowed_token_that_is_shown_once(self, world: World) -> None:
        browser = world.desk.browser("mine")
        form = {
            "label": "报价同步",
            "reach": "some",
            "may.firm": ["read"],
            "only.firm": ["name"],
            "where.firm": "name != ''",
        }
        page = browser.post("/settings/tokens/new", data=form).get_data(as_text=True)
        token = page.partition('value="fw_')[2].partition('"')[0]
        program = Program(world.desk.app.test_client(), f"fw_{token}")
        firm = program.get("/firm").get_json()["items"][0]
        assert firm.keys() == {"id", "version", "number", "name"} and program.get("/deal").status_code == 403
        assert "报价同步" in browser.get("/settings/account").get_data(as_text=True)

    @pytest.mark.parametrize("wrong", [{"label": ""}, {"until": "2020-01-01"}, {"where.firm": "name >"},
                                       {"may.firm": []}, {"where.firm": "limit > 1"}])  # fmt: skip
    def test_keeps_what_was_typed_when_something_is_wrong(self, world: World, wrong: Mapping[str, Any]) -> None:
        form = {"label": "报价同步", "reach": "some", "may.firm": ["read"], "only.firm": ["name"]} | wrong
        answer = world.desk.browser("mine").post("/settings/tokens/new", data=form)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and ("报价同步" in page or wrong == {"label": ""})

    def test_nobody_but_an_administrator_makes_tokens_of_others(self, world: World) -> None:
        path = f"/admin/people/{world.desk.ids['erp']}/tokens/new"
        assert world.desk.browser("mine").get(path).status_code == 403
        page = world.desk.browser("root").post(path, data={"label": "ERP", "reach": "all"}).get_data(as_text=True)
        assert 'value="fw_' in page
