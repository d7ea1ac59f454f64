"""A browser without scripts: names are typed into pickers, files are sent with the form, nothing typed is lost."""

import io
import re

import pytest

from tests.web.conftest import DESK, Browser, Desk, OpenDesk
from tests.web.test_pages_bad_input import words


@pytest.fixture
def crew(open_desk: OpenDesk) -> Desk:
    """The desk, whose tickets also name a person, several people and a department."""
    files = {str(one.relative_to(DESK)): one.read_text(encoding="utf-8") for one in DESK.rglob("*.yaml")}
    more = {"who": "user", "crew": "users", "unit": "department"}
    people = "".join(f"  {key}: {{type: {type_}, label: {key}}}\n" for key, type_ in more.items())
    line = "      for: {type: link, to: client, label: 给谁}\n"
    ticket = files["ticket/entity.yaml"].replace("  parts:\n", f"{people}  parts:\n")
    files["ticket/entity.yaml"] = ticket.replace("      price:", f"{line}      price:")
    return open_desk(definition=files)


@pytest.fixture
def rep(crew: Desk) -> Browser:
    return crew.browser("rep1")


def client(rep: Browser, name: str) -> str:
    made = rep.post("/e/client/new", data={"name": name})
    return made.headers["Location"].rpartition("/")[2]


def of(page: str, name: str) -> list[str]:
    """Return the values of the inputs of this name."""
    found = re.findall(r"<input[^>]*>", page)
    return [re.search(r'value="([^"]*)"', one)[1] for one in found if f'name="{name}"' in one]  # type: ignore[index]


def test_a_name_that_fits_one_record_person_or_department_is_that_one(rep: Browser, crew: Desk) -> None:
    one = client(rep, "华申机电")
    client(rep, "明远")
    data = {"title": "漏水", "client": "", "client._text": "华申", "who": "", "who._text": "rep2",
            "crew": "", "crew._text": "Lead、rep1", "unit": "", "unit._text": "north"}  # fmt: skip
    made = rep.post("/e/ticket/new", data=data)
    assert made.status_code == 303
    page = rep.get(f"{made.headers['Location']}/edit").get_data(as_text=True)
    assert of(page, "client") == [one]
    assert of(page, "who") == [str(crew.ids["rep2"])]
    assert {str(crew.ids["lead"]), str(crew.ids["rep1"])} <= set(of(page, "crew"))
    assert of(page, "unit._text") == ["north"]


def test_a_name_that_fits_nothing_or_several_comes_back_with_what_can_be_chosen(rep: Browser) -> None:
    first, second = client(rep, "华申一厂"), client(rep, "华申二厂")
    typed = {"title": "漏水", "client": "", "client._text": "华申", "who": "", "who._text": "1001", "price": "12"}
    back = rep.post("/e/ticket/new", data=typed)
    page = back.get_data(as_text=True)
    assert back.status_code == 422
    assert "没有找到“1001”，请从列表中选择。" in page
    assert "符合“华申”的不止一项，请从列表中选择。" in page
    assert of(page, "client._text") == ["华申"]
    assert of(page, "who._text") == ["1001"]
    assert of(page, "price") == ["12"]
    assert set(of(page, "client._pick")) == {first, second, ""}
    made = rep.post("/e/ticket/new", data=typed | {"client._pick": second, "who._text": ""})
    assert made.status_code == 303
    assert of(rep.get(f"{made.headers['Location']}/edit").get_data(as_text=True), "client") == [second]


def test_another_name_typed_over_a_choice_counts_and_an_emptied_box_clears_it(rep: Browser) -> None:
    client(rep, "明远")
    other = client(rep, "长河")
    url = rep.post("/e/ticket/new", data={"title": "漏水", "client._text": "明远"}).headers["Location"]
    page = rep.get(f"{url}/edit").get_data(as_text=True)
    sent = {"_version": "1", "client": of(page, "client")[0]}
    assert of(page, "client._text") == ["明远"]
    assert rep.post(f"{url}/edit", data=sent | {"client._text": "明远"}).status_code == 303
    assert "明远" in words(rep.get(url))
    assert rep.post(f"{url}/edit", data=sent | {"client._text": "长河"}).status_code == 303
    assert of(rep.get(f"{url}/edit").get_data(as_text=True), "client") == [other]
    assert rep.post(f"{url}/edit", data=sent | {"_version": "2", "client._text": ""}).status_code == 303
    assert of(rep.get(f"{url}/edit").get_data(as_text=True), "client") == [""]


def test_a_line_with_nothing_but_a_name_is_kept(rep: Browser) -> None:
    client(rep, "明远")
    line = {"parts._order": "n1", "parts.n1.what": "", "parts.n1.for": ""}
    back = rep.post("/e/ticket/new", data={"title": "漏水", **line, "parts.n1.for._text": "查无此人"})
    page = back.get_data(as_text=True)
    assert back.status_code == 422
    assert of(page, "parts.n1.for._text") == ["查无此人"]
    made = rep.post(
        "/e/ticket/new", data={"title": "漏水", **line, "parts.n1.what": "阀", "parts.n1.for._text": "明远"}
    )
    assert made.status_code == 303
    assert "明远" in words(rep.get(made.headers["Location"]))


def test_several_people_keep_those_who_were_found(rep: Browser, crew: Desk) -> None:
    kept = str(crew.ids["rep2"])
    back = rep.post("/e/ticket/new", data={"title": "漏水", "crew": kept, "crew._text": "lead, 谁"})
    page = back.get_data(as_text=True)
    assert back.status_code == 422
    assert {kept, str(crew.ids["lead"])} <= set(of(page, "crew"))
    assert of(page, "crew._text") == ["谁"]
    assert "Rep2" in words(back)


def test_a_record_somebody_may_not_see_stays_chosen(rep: Browser, crew: Desk) -> None:
    """The box of a link whose record the reader may not see is empty: sending it back changes nothing."""
    hers = crew.browser("rep2")
    hidden = client(hers, "别人的客户")
    made = crew.program("lead").post("/ticket", {"title": "漏水"}).get_json()
    with crew.store.write() as session:
        table = session.tables.entity["ticket"]
        session.connection.execute(table.update().where(table.c.id == made["id"]).values(client=int(hidden)))
    lead = crew.browser("lead")
    url = f"/e/ticket/{made['id']}"
    page = lead.get(f"{url}/edit").get_data(as_text=True)
    sent = {
        "_version": "1",
        "title": "不漏了",
        "client": of(page, "client")[0],
        "client._text": of(page, "client._text")[0],
    }
    assert lead.post(f"{url}/edit", data=sent).status_code == 303
    with crew.store.read() as session:
        assert session.connection.execute(table.select().where(table.c.id == made["id"])).one().client == int(hidden)


def test_files_go_with_the_form_and_stay_when_it_comes_back(rep: Browser) -> None:
    def scan(name: str) -> tuple[io.BytesIO, str]:
        return io.BytesIO(b"%PDF-1.4\n%%EOF\n"), name

    def send(url: str, **more: object) -> object:
        return rep.post(url, data={"title": "漏水", "scan": "", **more}, content_type="multipart/form-data")

    back = send("/e/ticket/new", title="", **{"scan._new": [scan("合同.pdf")]})
    page = back.get_data(as_text=True)
    assert back.status_code == 422
    assert "合同.pdf" in page
    kept = [one for one in of(page, "scan") if one]
    assert len(kept) == 1

    wrong = send("/e/ticket/new", scan=kept[0], **{"scan._new": [scan("病毒.exe"), scan("图.pdf")]})
    page = wrong.get_data(as_text=True)
    assert wrong.status_code == 422
    assert "合同.pdf" in page
    assert "图.pdf" in page
    assert "病毒.exe" in words(wrong)
    both = [one for one in of(page, "scan") if one]
    made = send("/e/ticket/new", scan=both)
    assert made.status_code == 303
    url = made.headers["Location"]
    assert "合同.pdf" in words(rep.get(url))
    fewer = send(f"{url}/edit", _version="1", scan=both, **{"scan._drop": both[0], "scan._new": [scan("新.pdf")]})
    assert fewer.status_code == 303
    shown = words(rep.get(url))
    assert "新.pdf" in shown
    assert "图.pdf" in shown
    listed = [one for one in of(rep.get(f"{url}/edit").get_data(as_text=True), "scan") if one]
    assert both[0] not in listed
    assert len(listed) == 2
