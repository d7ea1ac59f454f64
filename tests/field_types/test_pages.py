"""Forms, record pages, lists, the API and uploads with a field of every type, as browsers and programs use them."""

import io
import re
from typing import Any

import pytest

from engine.compiler.field_types import FIELD_TYPES
from tests.field_types.values import LINE, PNG, TYPED, VALUES
from tests.web.conftest import Browser, Desk

ADDRESS = {
    "province": "江苏省",
    "city": "苏州市",
    "district": "吴中区",
    "street": "东吴北路 12 号",
    "postcode": "215128",
}
FORM = {
    **{
        key: value for key, value in TYPED.items() if key not in ("address", "boolean", "choices", "choice", "datetime")
    },
    **{f"address.{part}": text for part, text in ADDRESS.items()},
    "boolean": ["", "true"],
    "choice": "delivery",
    "choices": ["", "price", "delivery"],
    "datetime": "2026-03-04T14:30",
    "lines._order": ["r0"],
    **{f"lines.r0.{key}": text for key, text in LINE.items()},
}


def uploaded(browser: Browser, field: str, name: str = "a.png", content: bytes = PNG) -> Any:
    data = {"file": (io.BytesIO(content), name)}
    return browser.post(f"/files?for=sample.{field}", data=data, content_type="multipart/form-data")


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_form_asks_for_every_type(samples: Desk) -> None:
    page = samples.browser("lead").get("/e/sample/new").get_data(as_text=True)
    entity = samples.store.app.entities["sample"]
    for key, field in entity.fields.items():
        assert f'id="f-{key}' in page or field.type.drawn or field.computed, key
    assert "style=" not in page


def test_what_is_posted_is_shown_on_the_record_and_in_the_form_again(samples: Desk) -> None:
    browser = samples.browser("lead")
    people = {"users": ["", str(samples.ids["rep1"]), str(samples.ids["rep2"])], "department": "1", "person": "3"}
    pictures = {"image": ["", str(uploaded(browser, "image").get_json()["id"])]}
    signed = {"signature": ["", str(uploaded(browser, "signature").get_json()["id"])]}

    said = browser.post("/e/sample/new", data=FORM | people | pictures | signed)
    assert said.status_code == 303, text_of(said.get_data(as_text=True))
    shown = browser.get(said.headers["Location"]).get_data(as_text=True)
    words = text_of(shown)
    for expected in ("先看 样品", "3 天 4 小时", "3 天 5 小时",
                     "09:30", "vip", "华东", "Rep1", "Rep2", "north", "#1f8a70",
                     "31.299886, 120.5853", "江苏省苏州市吴中区东吴北路 12 号 215128", "X2026-0001", "6901234567892",
                     "1 小时 30 分钟", "08:00"):  # fmt: skip
        assert expected in words, expected
    assert "<strong>样品</strong>" in shown
    assert 'aria-label="4 星（共 5 星）"' in shown
    assert shown.count("?inline=1") >= 2 and shown.count("/small") >= 2
    form = browser.get(f"{said.headers['Location']}/edit").get_data(as_text=True)
    for held in ("3d 4h", "09:30", "31.299886, 120.5853", "江苏省", "#1f8a70"):
        assert f'value="{held}"' in form, held


def test_saving_the_form_as_it_stands_changes_nothing(samples: Desk) -> None:
    browser = samples.browser("lead")
    place = browser.post("/e/sample/new", data=FORM).headers["Location"]
    again = browser.post(f"{place}/edit", data=FORM | {"_version": "1", "lines.r0._id": "1"})
    assert again.status_code == 303
    assert samples.program("lead").get("/sample/1").get_json()["version"] == 1


def test_a_form_with_a_mistake_comes_back_with_all_that_was_typed(samples: Desk) -> None:
    wrong = FORM | {"geo": "200, 1", "duration": "bald", "colour": "rot", "rating": "7", "json": "{", "time": "25:00"}
    page = samples.browser("lead").post("/e/sample/new", data=wrong).get_data(as_text=True)
    for typed in ("200, 1", "bald", "rot", "江苏省"):
        assert f'value="{typed}"' in page, typed
    assert "{</textarea>" in page
    assert "纬度在 -90 到 90" in page


def test_people_and_tags_stay_chosen_when_a_form_comes_back(samples: Desk) -> None:
    chosen = {"users": ["", str(samples.ids["rep1"])], "tags": ["", "vip"], "geo": "x"}
    page = samples.browser("lead").post("/e/sample/new", data=FORM | chosen).get_data(as_text=True)
    assert "Rep1</span>" in page
    assert "vip</span>" in page


def test_rich_text_is_shown_as_markup_and_never_as_what_it_must_not_be(samples: Desk) -> None:
    browser = samples.browser("lead")
    bad = '<p>好<img src=x onerror=alert(1)><script>alert(1)</script><a href="javascript:x()" style="x">链</a></p>'
    place = browser.post("/e/sample/new", data=FORM | {"rich_text": bad}).headers["Location"]
    with samples.store.write() as session:  # as a database restored from elsewhere might hold it
        table = session.tables.entity["sample"]
        session.connection.execute(table.update().values(long_text="<script>alert(2)</script>", rich_text=bad))
    page = browser.get(place).get_data(as_text=True)
    assert "<p>好" in page
    for forbidden in ("onerror", "alert(1)</script>", "javascript:", "<script>alert"):
        assert forbidden not in page.replace("&lt;script&gt;alert", ""), forbidden


# ---- lists


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ("tags=VIP", True), ("tags=other", False), ("time.from=09:00&time.to=10:00", True), ("time.from=10:00", False),
        ("duration.from=1d", True), ("duration.from=9d", False), ("address.has=吴中", True),
        ("address.has=玄武", False),
        ("geo.is=present", True), ("geo.is=missing", False), ("json.is=missing", False),
        ("rating.from=4", True),
        ("rich_text.has=样品", True), ("colour=%231f8a70", True), ("users=2", True), ("users=1", False),
        ("department=1", True), ("barcode=6901234567892", True),
    ],
)  # fmt: skip
def test_a_list_is_narrowed_by_its_address(samples: Desk, query: str, hit: bool) -> None:
    browser = samples.browser("lead")
    assert samples.ids["rep2"] == 2
    browser.post("/e/sample/new", data=FORM | {"users": ["", "2"], "department": "1"})
    page = browser.get(f"/e/sample?{query}")
    assert page.status_code == 200
    assert ("/e/sample/1" in page.get_data(as_text=True)) is hit


def test_a_filter_that_makes_no_sense_is_told_not_crashed_on(samples: Desk) -> None:
    browser = samples.browser("lead")
    for query in ("time.from=xx", "duration.from=xx", "users=xx", "geo=1", "json.has=x", "rating=x", "department=x"):
        assert browser.get(f"/e/sample?{query}").status_code in (200, 400, 422), query


# ---- pickers


def test_departments_and_tags_are_offered(samples: Desk) -> None:
    browser = samples.browser("lead")
    browser.post("/e/sample/new", data=FORM)
    assert browser.get("/pick-department?q=nor").get_json()["items"] == [
        {"value": "1", "text": "north", "hint": "north"}
    ]
    assert browser.get("/pick-tag?for=sample.tags&q=VI").get_json()["items"][0]["value"] == "vip"
    assert browser.get("/pick-tag?for=sample.text&q=").status_code == 404
    assert samples.browser("rep2").get("/pick-tag?for=sample.tags&q=").get_json()["items"] == []


# ---- uploads


def test_a_picture_must_be_one(samples: Desk) -> None:
    browser = samples.browser("lead")
    assert uploaded(browser, "image").status_code == 201
    assert uploaded(browser, "image", "a.png", b"<svg onload=alert(1)>").status_code == 422
    assert uploaded(browser, "image", "a.svg", b"<svg/>").status_code == 422
    assert uploaded(browser, "image", "a.pdf", b"%PDF-1.4").status_code == 422
    assert uploaded(browser, "signature", "a.jpg", b"\xff\xd8\xff").status_code == 422
    assert samples.store.app.entities["sample"].fields["signature"].max_size == 512 * 1024


def test_a_picture_is_sent_so_that_nothing_in_it_runs(samples: Desk) -> None:
    browser = samples.browser("lead")
    id_ = uploaded(browser, "image").get_json()["id"]
    said = browser.get(f"/files/{id_}?inline=1")
    assert said.get_data() == PNG
    said.close()
    assert said.headers["Content-Type"] == "image/png"
    assert said.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in said.headers["Content-Security-Policy"]


def test_a_file_uploaded_elsewhere_is_no_picture(samples: Desk) -> None:
    browser = samples.browser("lead")
    id_ = uploaded(browser, "scan", "a.txt", b"hello").get_json()["id"]
    page = browser.post("/e/sample/new", data=FORM | {"image": ["", str(id_)]})
    assert page.status_code == 422


# ---- the API


def test_the_api_takes_what_it_answers(samples: Desk) -> None:
    program = samples.program("lead")
    made = program.made("sample", **{key: value for key, value in TYPED.items() if key != "json"}, json={"speed": [1]})
    assert made["duration"] == "3d 4h"
    assert made["geo"] == {"lat": 31.299886, "lng": 120.5853}
    assert made["address"] == VALUES["address"]
    assert made["tags"] == ["vip", "华东"]
    assert made["number_series"] == "X2026-0001"
    sent = {key: made[key] for key in TYPED}
    again = program.patch("/sample/1", sent, 1)
    assert (again.status_code, again.get_json()["version"]) == (200, 1)


def test_the_schema_of_the_api_describes_what_it_answers(samples: Desk) -> None:
    program = samples.program("lead")
    described = program.get("/openapi.json").get_json()
    said = str(described)
    for key in ("duration", "geo", "address", "users", "rating", "rich_text", "number_series"):
        assert f"'{key}'" in said
    assert set(FIELD_TYPES)


def test_a_wrong_value_never_breaks_the_api(samples: Desk) -> None:
    program = samples.program("lead")
    for key in samples.store.app.entities["sample"].fields:
        for value in ({"a": {"b": []}}, [[1]], "\u0000", 10**40, -1, True, [], "x" * 30_000, {"lat": "a", "lng": None}):
            assert program.post("/sample", {"text": "甲", key: value}).status_code in (201, 400, 413, 422), (key, value)
