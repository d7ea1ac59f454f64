"""The records that link to a record, on its page: what every row would repeat gives way to another column."""

import re

import pytest

from tests.conftest import to_folder
from tests.web.conftest import DESK, Desk, OpenDesk


@pytest.fixture
def wide(open_desk: OpenDesk) -> Desk:
    """The desk with the client among the columns of a ticket, and tickets that may refer to those of other clients."""
    files = dict(to_folder(DESK).files)
    text = files["ticket/entity.yaml"].replace(', where: "client = record.client"', "")
    files["ticket/entity.yaml"] = text.replace("[number, title, stage, price]", "[number, client, title, stage, price]")
    return open_desk(definition=files)


def columns_of(desk: Desk, id_: int) -> list[str]:
    page = desk.browser("rep1").get(f"/e/ticket/{id_}").text
    group = page[page.index('class="panel related"') :]
    return re.findall(r'<th scope="col"[^>]*>(?:<[^>]*>)*([^<]+)', group)


def test_a_link_that_leads_where_the_record_leads_is_left_out(wide: Desk) -> None:
    program = wide.program("rep1")
    one, other = (program.made("client", name=name)["id"] for name in ("甲公司", "乙公司"))
    first = program.made("ticket", title="漏水", client=one)["id"]
    program.made("ticket", title="换阀门", client=one, same=first, price="12")
    assert columns_of(wide, first) == ["编号", "标题", "阶段", "报价"]
    program.made("ticket", title="换管子", client=other, same=first)
    assert columns_of(wide, first) == ["编号", "客户", "标题", "阶段"], "one of them is of another client"
    alone = program.made("ticket", title="无客户")["id"]
    program.made("ticket", title="也无客户", same=alone)
    assert columns_of(wide, alone) == ["编号", "客户", "标题", "阶段"], "nothing above tells that there is none"


def test_a_list_says_the_rest_of_a_name_where_no_column_says_it(open_desk: OpenDesk) -> None:
    files = dict(to_folder(DESK).files)
    files["ticket/entity.yaml"] = files["ticket/entity.yaml"].replace(
        "[number, title, stage, price]", "[number, client, stage]"
    )
    desk = open_desk(definition=files)
    program = desk.program("rep1")
    client = program.made("client", name="甲公司")["id"]
    program.made("ticket", title="甲公司", client=client)
    program.made("ticket", title="换阀门", client=client)
    page = desk.browser("rep1").get("/e/ticket").text
    assert re.findall(r'class="row-link"[^>]*>([^<]+)<', page) == ["GD2026-0002 换阀门", "GD2026-0001"]
