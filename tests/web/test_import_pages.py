"""Importing on pages: a file, its columns, every row looked at, written, mended, taken back."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine.automation import jobs
from engine.compiler.app import Field
from engine.compiler.field_types import FIELD_TYPES
from engine.errors import Location
from engine.importing.sheets import read_sheet
from engine.storage.import_tables import imports
from tests.importing.test_sheets import table
from tests.web.conftest import Browser, Desk
from web.import_view import is_awaited
from web.pages import importing

URL = "/e/client/import"


@pytest.fixture
def rep(desk: Desk) -> Browser:
    return desk.browser("rep1")


def send(browser: Browser, content: bytes, name: str = "客户.csv") -> TestResponse:
    return browser.post(URL, data={"file": (io.BytesIO(content), name)}, content_type="multipart/form-data")


def staged(browser: Browser, text: str) -> str:
    answer = send(browser, text.encode())
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def chosen(browser: Browser, at: str, **more: str) -> TestResponse:
    """Confirm the columns as they are proposed."""
    page = browser.get(at).get_data(as_text=True)
    found = re.findall(r'<select class="form-select" name="([a-z]+\.\d+)".*?</select>', page, flags=re.DOTALL)
    data: dict[str, Any] = {}
    for name in found:
        body = re.search(rf'name="{re.escape(name)}".*?</select>', page, flags=re.DOTALL)
        picked = re.search(r'value="([^"]*)" selected', body[0])  # type: ignore[index]
        data[name] = picked[1] if picked else ""
    return browser.post(f"{at}/columns", data=data | {"mode": "create"} | more)


def words(answer: TestResponse) -> str:
    return re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))


def test_only_what_nothing_fills_in_by_itself_is_said_to_be_missing() -> None:
    """A field with a default, or one fetched from a link, refuses no row."""
    owned = Field("status", FIELD_TYPES["choice"], {}, Location(""), required=True, default="open")

    assert not is_awaited(owned)
    assert is_awaited(replace(owned, default=None))
    assert not is_awaited(replace(owned, default=None, fetch=(("client", "status"),)))
    assert not is_awaited(replace(owned, required=False))


def test_a_file_comes_in_by_way_of_its_columns_and_a_look_at_every_row(rep: Browser) -> None:
    page = rep.get(URL)
    assert page.status_code == 200 and "下载模板" in words(page)
    at = staged(rep, "2026 年名单\n\n客户名称,名称,城市\n,甬江阀门,宁波\n,,上海\n,甬江阀门,杭州\n")
    columns = words(rep.get(at))
    assert "按名称识别" in columns and "甬江阀门" in columns

    assert chosen(rep, at).headers["Location"] == at
    rows = words(rep.get(at))
    assert "1 行可以导入，2 行有问题" in rows and "请填写“名称”" in rows
    assert rep.get("/e/client").get_data(as_text=True).count("甬江阀门") == 0

    assert rep.post(f"{at}/run").headers["Location"] == at
    result = rep.get(at)
    assert "已完成" in words(result) and "整批撤销" in words(result)
    assert "甬江阀门" in words(rep.get("/e/client"))
    assert rep.post(f"{at}/run").status_code == 409

    assert rep.post(f"{at}/undo").headers["Location"] == at
    assert "已撤销" in words(rep.get(at))
    assert "甬江阀门" not in words(rep.get("/e/client"))
    assert "客户.csv" in words(rep.get(URL))


def test_rows_with_problems_are_downloaded_mended_and_brought_again(rep: Browser) -> None:
    at = staged(rep, '名称,城市\n好一,宁波\n,"=HYPERLINK(1)"\n')
    chosen(rep, at)
    rep.post(f"{at}/run")

    answer = rep.get(f"{at}/errors")
    assert "attachment" in answer.headers["Content-Disposition"]
    sheet = read_sheet(answer.data, "a.xlsx")
    assert (sheet.headers, sheet.rows) == (
        ["名称", "城市", "问题"],
        [(2, ["", "=HYPERLINK(1)", "名称：请填写“名称”。"])],
    )

    mended = table([["名称", "城市", "问题"], ["好二", "=HYPERLINK(1)", "名称：请填写“名称”。"]])
    again = send(rep, mended, "改好.xlsx").headers["Location"]
    chosen(rep, again)
    rep.post(f"{again}/run")
    assert "好二" in words(rep.get("/e/client"))


def test_the_template_is_filled_in_and_comes_in_as_it_is(rep: Browser) -> None:
    answer = rep.get(f"{URL}/template")
    assert answer.status_code == 200
    assert read_sheet(answer.data, "a.xlsx").headers == ["名称 *", "城市"]


def test_what_takes_longer_goes_on_in_the_background_and_the_page_says_how_far_it_is(
    desk: Desk, rep: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", -1.0)
    monkeypatch.setattr("engine.importing.working.CHUNK", 2)
    at = staged(rep, "名称\n" + "".join(f"公司{name}\n" for name in "甲乙丙丁戊"))
    chosen(rep, at)
    page = rep.get(at)
    assert "正在检查：2 / 5" in words(page) and 'hx-trigger="every 1s"' in page.get_data(as_text=True)
    assert "正在检查" in words(rep.get(at, headers={"HX-Request": "true"}))
    jobs.look(desk.store)
    assert rep.get(at, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    rep.post(f"{at}/run")
    assert rep.post(f"{at}/stop").status_code == 303
    assert "未处理" in words(rep.get(at)) or "可导入" in words(rep.get(at))


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [(b"x", "a.pdf", "不是可以导入的文件"), (b"", "a.csv", "没有内容"), (b"PK\x03\x04zz", "a.xlsx", "文件无法读取"),
     (b"\xff\xff\xff", "a.csv", "编码")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_in_words_and_leaves_nothing(
    desk: Desk, rep: Browser, content: bytes, name: str, said: str
) -> None:
    answer = send(rep, content, name)
    assert answer.status_code == 422 and said in words(answer)
    assert rep.post(URL, data={}).status_code == 422
    with desk.store.read() as session:
        assert session.connection.execute(select(imports.c.id)).all() == []


def test_wrong_choices_come_back_with_what_was_chosen(rep: Browser) -> None:
    at = staged(rep, "名称,城市\n甲,宁波\n")
    for data, said in (
        ({"column.0": "", "column.1": ""}, "没有一列对应字段"),
        ({"column.0": "city", "column.1": "city"}, "出现了两次"),
        ({"column.0": "owner_id"}, "不是可以导入的字段"),
        ({"column.0": "name", "mode": "update"}, "请选择按哪一列"),
        ({"column.0": "name", "mode": "nonsense"}, "请选择新建、更新"),
    ):
        answer = rep.post(f"{at}/columns", data={"mode": "create"} | data)
        assert answer.status_code == 422 and said in words(answer), data


def test_an_import_opens_only_to_whoever_made_it_and_only_with_the_right(desk: Desk, rep: Browser) -> None:
    at = staged(rep, "名称\n机密客户\n")
    routes = [(at, "get"), (f"{at}/errors", "get")]
    routes += [(f"{at}/{step}", "post") for step in ("columns", "run", "stop", "undo", "back", "drop")]
    for login, expected in (("rep2", 404), ("lead", 404), ("guest", 404), ("root", 404)):
        other = desk.browser(login)
        for path, method in routes:
            answer = getattr(other, method)(path)
            assert (answer.status_code, "机密客户" in answer.get_data(as_text=True)) == (expected, False), (login, path)
        if login != "rep2":
            for path, method in ((URL, "get"), (URL, "post"), (f"{URL}/template", "get")):
                assert getattr(other, method)(path).status_code == 403, (login, path)
        assert ("/e/client/import" in other.get("/e/client").get_data(as_text=True)) == (login == "rep2")
    assert rep.get("/imports/999999").status_code == 404
    assert rep.get("/imports/x").status_code == 404
    assert rep.get("/e/nonsense/import").status_code == 404


def test_a_file_thrown_away_is_gone(rep: Browser) -> None:
    at = staged(rep, "名称\n甲\n")
    assert rep.post(f"{at}/drop").headers["Location"] == URL
    assert rep.get(at).status_code == 404
