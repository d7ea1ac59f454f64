"""A day in the factory, over HTTP: from a noise in the lathe to a signed repair, each person with their own account."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from engine.clock import SetClock
from engine.examples.sample_files import make_file
from engine.people import accounts, tokens
from engine.storage.store import Store
from tests.conftest import MakeStore
from tests.templates.test_maintenance import played
from tests.web.conftest import Program, close_app, open_app
from web.settings import Settings

DEAR = ["parts.price", "parts.amount", "parts_total", "labour_cost", "total"]


class Factory:
    """The people of the story, each with a token."""

    def __init__(self, store: Store, app: Any) -> None:
        self.store, self.app = store, app

    def __call__(self, login: str) -> Program:
        with self.store.write() as session:
            user = accounts.find_user(session.connection, login)
            assert user is not None
            token = tokens.create_token(session, user_id=user, label="test", actor=None)
        return Program(self.app.test_client(), token)


@pytest.fixture
def factory(make_store: MakeStore, clock: SetClock, tmp_path: Path) -> Iterator[Factory]:
    store = played(make_store, clock)
    url = store.database.url.render_as_string(hide_password=False)
    settings = Settings(
        home=tmp_path, database_url=url, secret_key="a-key-for-tests-that-is-long-enough-0123456789", testing=True
    )
    app = open_app(settings, clock)
    yield Factory(store, app)
    close_app(app)


def find(person: Program, entity: str, **filters: str) -> dict[str, Any]:
    query = "&".join(f"filter.{key}={value}" for key, value in filters.items())
    (found,) = person.get(f"/{entity}?{query}").get_json()["items"]
    return dict(found)


def upload(person: Program, name: str) -> int:
    boundary, body = encode_multipart({"file": FileStorage(io.BytesIO(make_file(name) or b""), name)})
    said = person.call("POST", "/files", body, Content_Type=f"multipart/form-data; boundary={boundary}")
    assert said.status_code == 201
    return int(said.get_json()["id"])


def move(person: Program, id_: int, name: str, **values: Any) -> Any:
    version = person.get(f"/work_order/{id_}").get_json()["version"]
    body = {"values": values}
    return person.post(f"/work_order/{id_}/moves/{name}", body, If_Match=f'"{version}"')


def moved(person: Program, id_: int, name: str, **values: Any) -> dict[str, Any]:
    said = move(person, id_, name, **values)
    assert said.status_code == 200, said.get_data(as_text=True)
    return dict(said.get_json())


def test_a_noise_becomes_a_signed_repair(factory: Factory, clock: SetClock) -> None:
    operator, technician, keeper = factory("operator_zhu"), factory("technician_ma"), factory("keeper_yao")
    workshop, engineer = factory("workshop_qin"), factory("engineer_liang")
    lathe = find(operator, "equipment", nameplate="6901234567892")
    assert "price" not in lathe
    order = operator.made("work_order", title="异响", equipment=lathe["id"], symptom="高速时有异响")
    assert (order["stage"], order["criticality"]) == ("reported", "a")
    again = operator.post("/work_order", {"title": "异响", "equipment": lathe["id"], "symptom": "响"})
    assert again.status_code == 422
    assert "这台设备已有未关闭的工单" in again.get_data(as_text=True)
    assert technician.get(f"/work_order/{order['id']}").status_code == 404
    assert move(operator, order["id"], "dispatch").status_code == 403

    with factory.store.read() as session:
        ma = accounts.find_user(session.connection, "technician_ma")
    refused = move(workshop, order["id"], "dispatch", technician=ma)
    assert refused.status_code == 422
    moved(workshop, order["id"], "dispatch", technician=ma, promised="2026-03-04")
    moved(technician, order["id"], "start")
    seen = technician.get(f"/work_order/{order['id']}").get_json()
    assert not {"parts_total", "labour_cost", "total"} & set(seen)

    bearing = find(keeper, "spare_part", sku="ZC-6204")
    too_many = {"part": bearing["id"], "qty": 99, "work_order": order["id"]}
    assert keeper.post("/stock_move", too_many).status_code == 422
    keeper.made("stock_move", part=bearing["id"], qty=2, work_order=order["id"])
    assert keeper.get(f"/spare_part/{bearing['id']}").get_json()["stock"] == bearing["stock"] - 2

    done = {"cause": "wear", "done_note": "换轴承", "labour": "2h", "parts": [{"part": bearing["id"], "qty": 2}]}
    assert move(technician, order["id"], "finish", **done).status_code == 422, "the report is missing"
    finished = moved(technician, order["id"], "finish", **done, report=[upload(technician, "report.pdf")])
    assert finished["stage"] == "acceptance"
    signature = upload(operator, "signature.png")
    assert moved(operator, order["id"], "closed", score=5, signed=[signature])["stage"] == "closed"
    assert engineer.get(f"/work_order/{order['id']}").get_json()["total"] == "400.00"
    after = engineer.get(f"/equipment/{lathe['id']}").get_json()
    assert (after["failures"], after["last_failure"], after["cost"]) == (2, "2026-03-02", "960.00")
