"""Files: who may attach them, who may have them, and that one belongs to one record."""

import io
from typing import Any

import pytest

from engine.errors import InvalidValues, NotFound
from engine.records.uploads import create_upload, get_file
from tests.racing import at_once
from tests.records.desk import Desk, errors_of


def upload(desk: Desk, login: str, name: str = "a.txt", content: bytes = b"some text") -> dict[str, Any]:
    stored = desk.store.files.save(io.BytesIO(content), name)
    with desk.store.write() as session:
        return create_upload(session, stored, actor=desk.actor(login))


MISSING = "文件不存在或不是你上传的，请重新上传。"


def test_an_upload_belongs_to_whoever_made_it_until_it_is_attached(desk: Desk) -> None:
    paper = upload(desk, "rep")

    with desk.store.read() as session:
        assert get_file(session, paper["id"], actor=desk.actor("rep"))["name"] == "a.txt"
        for login in ("chief", "rep2"):
            with pytest.raises(NotFound) as refused:
                get_file(session, paper["id"], actor=desk.actor(login))
            assert refused.value.code == "storage.no_file"


def test_anothers_upload_or_an_attached_file_cannot_be_attached(desk: Desk) -> None:
    foreign, own = upload(desk, "rep2"), upload(desk, "rep")
    desk.deal("rep", papers=[own["id"]])

    for id_ in (foreign["id"], own["id"], 10**9):
        assert errors_of(lambda id_=id_: desk.deal("rep", papers=[id_])) == {"papers": MISSING}


def test_a_record_keeps_its_files_in_order_and_lets_go_of_the_others(desk: Desk) -> None:
    first, second, third = (upload(desk, "rep", f"{name}.txt")["id"] for name in "abc")
    deal = desk.deal("rep", papers=[first, second])

    changed = desk.update("rep", deal, papers=[third, first])

    assert [one["name"] for one in desk.get("rep", changed).values["papers"]] == ["c.txt", "a.txt"]
    with desk.store.read() as session:
        with pytest.raises(NotFound):
            get_file(session, second, actor=desk.actor("rep"))
        assert get_file(session, third, actor=desk.actor("lead"))["name"] == "c.txt"
        with pytest.raises(NotFound):
            get_file(session, third, actor=desk.actor("stranger"))
    assert desk.update("rep", changed, papers=[]).values["papers"] == []


def test_a_file_of_another_kind_or_size_is_refused(desk: Desk) -> None:
    picture, large = upload(desk, "rep", "a.png", b"\x89PNG\r\n\x1a\n"), upload(desk, "rep", "b.txt", b"x" * 512_001)

    assert errors_of(lambda: desk.deal("rep", papers=[picture["id"]])) == {
        "papers": "只能上传这些类型的文件：pdf、txt。"
    }
    assert errors_of(lambda: desk.deal("rep", papers=[large["id"]])) == {"papers": "文件不能超过 500 KB。"}
    two = [upload(desk, "rep")["id"], upload(desk, "rep")["id"]]
    assert errors_of(lambda: desk.deal("rep", cover=two)) == {"cover": "这里只能放一个文件。"}


def test_one_upload_given_to_two_records_at_once_is_in_one(desk: Desk) -> None:
    paper = upload(desk, "rep")

    answers = at_once(4, lambda number: desk.deal("rep", papers=[paper["id"]]))

    refused = [answer for answer in answers if isinstance(answer, InvalidValues)]
    kept = [answer for answer in answers if not isinstance(answer, InvalidValues)]
    assert (len(kept), len(refused)) == (1, 3)
    assert {error.code for answer in refused for error in answer.errors} == {"value.file_missing"}
    assert [one["id"] for one in desk.get("rep", kept[0]).values["papers"]] == [paper["id"]]


@pytest.mark.parametrize("id_", [0, -1, 2**63])
def test_a_file_no_database_knows_is_not_found(desk: Desk, id_: int) -> None:
    with desk.store.read() as session, pytest.raises(NotFound):
        get_file(session, id_, actor=desk.actor("chief"))
