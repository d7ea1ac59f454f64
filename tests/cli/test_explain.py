"""``formwork explain``: who signs and why, and what a field is for whom, with the place of each rule."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.definition.source import read_folder
from engine.messages import say
from engine.places import find_data
from engine.records.commands import create_record
from engine.storage import catalog
from engine.workflow.approval.commands import preview_path
from tests.cli.conftest import Run, open_store
from web import demo
from web.cli import make_cli
from web.cli.site import get_actor
from web.settings import install_home

QUOTES = find_data("templates") / "manufacturing" / "quote"
QUOTE = {"payment_term": "advance", "valid_until": "2199-01-01", "items": [{"product": 1, "qty": 100, "price": "78"}]}


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the manufacturing template and its people, and one product with a list price of 100."""
    home = tmp_path_factory.mktemp("factory")
    install_home(home)
    store, sources = open_store(home), read_folder(find_data("templates") / "manufacturing")
    catalog.publish(store, sources, actor_id=None, note="the first")
    demo.create_people(store, sources)
    with store.write() as session:
        rep, ops = (get_actor(session, login) for login in ("rep_wang", "ops_wu"))
        customer = {"name": "甬江阀门", "type": "oem", "region": "east", "existing": True, "owner": rep.id}
        create_record(session, "customer", customer, actor=ops)
        prices = {"list_price": "100", "floor_price": "60", "standard_cost": "40"}
        create_record(session, "product", {"sku": "F-100", "model": "F", "name": "阀体", **prices}, actor=ops)
    store.database.close()
    return home


@pytest.fixture
def ask(factory: Path) -> Iterator[Run]:
    def ask_it(*arguments: str, language: str = "zh") -> Result:
        result = CliRunner().invoke(make_cli(language), ["--home", str(factory), "explain", *arguments])
        assert "Traceback" not in result.output
        return result

    yield ask_it


def test_who_signs_a_large_discount_is_said_with_rule_and_place(ask: Run) -> None:
    said = ask("quote_price", "--with", "discount=22%,total=300,000").stdout.splitlines()
    assert said[0] == "报价审批：依次由 区域经理 → 销售总监 → 财务 → 总经理 审批。"
    assert re.fullmatch(r"- 区域经理：\S+ \(\S+的上级\)，因为 .*大于 5%.*  quote/approval\.yaml:\d+:\d+", said[1])
    assert "不需要" in said[5]
    assert said[-1].startswith("按版本 1")


def test_the_place_is_where_the_rule_is_written(ask: Run) -> None:
    said = ask("quote_price", "--with", "discount=22%").stdout
    text = QUOTES.joinpath("approval.yaml").read_text(encoding="utf-8").split("\n")
    for line, column in re.findall(r"approval\.yaml:(\d+):(\d+)", said):
        assert text[int(line) - 1][: int(column) - 1].endswith('when: "')


def test_a_small_discount_passes_by_itself(ask: Run) -> None:
    said = ask("quote_price", "--with", "discount=3%,total=2万", language="en").stdout
    assert "nobody signs" in said and "because" in said


def test_a_value_of_a_linked_record_can_be_supposed(ask: Run) -> None:
    given = "discount=3%,total=20000,prepay=10%"
    assert "财务：周慧" not in ask("quote_price", "--with", given).stdout
    assert "财务：周慧" in ask("quote_price", "--with", f"{given},customer.status=potential").stdout


def test_computed_values_follow_from_those_that_are_given(ask: Run) -> None:
    given = "total=20000,weighted_discount=1%"
    assert "财务：周慧" not in ask("quote_price", "--with", given, "--with", "cost_total=10000").stdout
    assert "财务：周慧" in ask("quote_price", "--with", given, "--with", "cost_total=19000").stdout, "margin 5%"
    assert "财务：周慧" in ask("quote_price", "--with", given, "--with", "margin=5%").stdout


def test_a_record_is_explained_as_submitting_it_would_go(ask: Run, factory: Path) -> None:
    store = open_store(factory)
    with store.write() as session:
        rep = get_actor(session, "rep_wang")
        record = create_record(session, "quote", {**QUOTE, "customer": 1}, actor=rep)
        path = preview_path(session, record, "quote_price", actor=rep)
    asked = [say(step.label, "zh") for step in path.steps if step.fate == "asked"]
    assert len(asked) > 1
    assert f"依次由 {' → '.join(asked)} 审批" in ask("quote_price", "--record", f"quote/{record.id}").stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["quote_prise"], "quote_price"),
        (["quote.costt"], "cost"),
        (["quotation.total"], "opportunity"),
        (["quote_price", "--with", "disc=3%"], "discount"),
        (["quote_price", "--with", "discount=lots"], "discount"),
        (["quote_price", "--with", "customer=无此客户"], "无此客户"),
        (["quote_price", "--record", "customer/1"], "quote/5"),
        (["quote_price", "--with", "discount=3%", "--as", "nobody"], "nobody"),
    ],
)
def test_a_mistake_is_one_sentence_with_what_can_be_written(ask: Run, arguments: list[str], said: str) -> None:
    result = ask(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr and len(result.stderr.strip().splitlines()) == 1


def test_a_field_is_explained_for_every_role_with_places(ask: Run) -> None:
    said = ask("quote.items.cost").stdout
    lines = QUOTES.joinpath("entity.yaml").read_text(encoding="utf-8").split("\n")
    found = re.search(r"- 销售员：看不到  quote/entity\.yaml:(\d+):(\d+)", said)
    assert found and lines[int(found[1]) - 1][int(found[2]) - 1 :].startswith("items.cost")
    assert "- 财务：只能看（所有记录）" in said
    assert "- 技术：看不到，没有任何权限" in said
    assert "product.standard_cost" in said


def test_why_a_field_is_required_readonly_or_hidden(ask: Run) -> None:
    assert "- 必填  quote/entity.yaml" in ask("quote.customer").stdout
    lost = ask("quote.lost_reason").stdout
    assert "- 进入“未成交”前必填  quote/workflow.yaml" in lost
    assert "- 只在" in lost and "时看得到" in lost
    assert "- 只读，因为是自动计算的" in ask("quote.margin").stdout
    assert "- 在“审批中”时只读  quote/workflow.yaml" in ask("quote.remark").stdout


def test_a_record_says_by_which_release_it_was_saved(ask: Run) -> None:
    said = ask("customer/1", language="en").stdout.splitlines()
    assert re.fullmatch(r"甬江阀门 \(version 1\) was last saved by release 1 \(.+, 'the first'\)\.", said[0])
    assert said[1:] == ["Its next edit goes by the same release."]
    assert ask("customer/x", language="en").exit_code == 1 and ask("customer/99", language="en").exit_code == 1


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """The template with another limit for the manager and a note that is required, not published."""
    folder = tmp_path / "draft"
    for name, text in read_folder(find_data("templates") / "manufacturing").files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        text = text.replace("discount > 5% and not below_cost", "discount > 8% and not below_cost")
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_explained_before_it_is_published(ask: Run, draft: Path) -> None:
    given = ("quote_price", "--with", "discount=7%,total=1000")
    today, then = ask(*given).stdout, ask(*given, "--folder", str(draft)).stdout
    assert "区域经理" in today.splitlines()[0] and "区域经理" not in then.splitlines()[0]
    assert then.splitlines()[-1].startswith("按还没发布的草稿") and today.splitlines()[-1].startswith("按版本 1")
    assert "By the draft" in ask(*given, "--folder", str(draft), language="en").stdout
    refused = ask("quote/1", "--folder", str(draft))
    assert (refused.exit_code, refused.stderr.strip()) == (1, "--folder: 记录只看已发布的版本，请去掉 --folder。")


def test_a_field_of_a_folder_needs_no_installation(draft: Path, tmp_path: Path) -> None:
    home = str(tmp_path / "nothing")
    said = CliRunner().invoke(make_cli("zh"), ["--home", home, "explain", "quote.items", "--folder", str(draft)])
    assert said.exit_code == 0 and "quote/entity.yaml" in said.stdout
    assert not Path(home).exists()


def test_a_retired_field_is_nobodys_to_see_or_fill_in(ask: Run, draft: Path) -> None:
    path = draft / "customer" / "entity.yaml"
    text = path.read_text(encoding="utf-8")
    (line,) = re.findall(r"^  address: .*$", text, re.MULTILINE)
    path.write_text(text.replace(line, f"{line[:-1]}, retired: {{since: 2026-05-01, reason: 改用收货地址}}}}"), "utf-8")
    said = ask("customer.address", "--folder", str(draft)).stdout
    assert re.search(r"- 已停用.*  customer/entity\.yaml:\d+:\d+", said)
    assert not re.search("必填|只读|看得到|可以改|只能看", said)
