"""Examples of a definition: they hold or say what differs and where, and nothing of them stays."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import MetaData, func, select

from engine.clock import SetClock
from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError
from engine.examples.reading import read_examples
from engine.examples.running import Outcome, play_folder, run_examples, throw_away_store
from engine.people import accounts
from engine.storage.store import Store
from tests.conftest import ROOT, MakeStore

HERE = Path(__file__).parent
SHOP = read_folder(HERE / "shop")
HEAD = "examples:\n  one:\n    example: 一条规定\n"


def with_example(text: str) -> SourceFolder:
    """The shop with only this example file."""
    files = {path: one for path, one in SHOP.files.items() if "examples/" not in path}
    return SourceFolder({**files, "order/examples/one.yaml": text})


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[Store, SetClock]]:
    """The shop, published; nothing that is played in it stays."""
    with throw_away_store(SHOP) as opened:
        yield opened


Said = Callable[..., list[str]]


@pytest.fixture
def said(shop: tuple[Store, SetClock]) -> Said:
    """Return what is said about the one example of a file."""

    def play(text: str, language: str = "en") -> list[str]:
        (outcome,) = run_examples(*shop, read_examples(with_example(text)))
        return [problem.text(language) for problem in outcome.problems]

    return play


def rows_of(store: Store) -> Mapping[str, int]:
    """How many rows each table of the database has."""
    found = MetaData()
    with store.database.engine.connect() as connection:
        found.reflect(connection)
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in found.tables.items()
        }


def failed(outcomes: list[Outcome]) -> list[str]:
    return [problem.text("en") for outcome in outcomes for problem in outcome.problems]


@pytest.mark.parametrize(("template", "least"), [("manufacturing", 60), ("retail_store", 250), ("starter", 4)])
def test_all_examples_of_a_template_hold(template: str, least: int) -> None:
    outcomes = play_folder(read_folder(ROOT / "templates" / template))
    assert failed(outcomes) == []
    assert len(outcomes) >= least


def test_the_examples_of_the_reference_hold() -> None:
    outcomes = play_folder(read_folder(ROOT / "docs" / "reference" / "example"))
    assert (len(outcomes), failed(outcomes)) == (4, [])


@pytest.mark.parametrize("page", ["examples.md", "examples.zh.md"])
def test_the_examples_of_the_page_about_them_hold(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n# (\S*examples/\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    template = read_folder(ROOT / "templates" / "manufacturing").files
    files = {path: one for path, one in template.items() if "examples/" not in path} | {block[0]: block[1]}
    outcomes = play_folder(SourceFolder(files))
    assert (len(outcomes), failed(outcomes)) == (3, [])


def test_examples_hold_on_each_database_and_leave_nothing(
    make_store: MakeStore, clock: SetClock, tmp_path: Path
) -> None:
    store = make_store(SHOP.files)
    with store.write() as session:
        accounts.create_user(session, login="boss", name="Real boss", password=None, roles=["boss"], actor=None)
    before, stood = rows_of(store), clock.at
    outcomes = run_examples(store, clock, read_examples(SHOP))
    assert failed(outcomes) == []
    assert len(outcomes) == 12
    assert rows_of(store) == before
    assert before["fw_users"] == 1
    assert clock.at == stood
    with store.read() as session:
        user = accounts.find_user(session.connection, "boss")
        assert accounts.get_actor(session.connection, user or 0).name == "Real boss"


def test_each_example_begins_anew() -> None:
    text = """\
given:
  - {as: seller, create: order, ref: first, values: {title: A, amount: 10}}
examples:
  changed:
    example: changed here
    as: seller
    do:
      - {change: first, values: {amount: 20}}
    expect: {values: {amount: 20}}
  as_given:
    example: not changed there
    as: seller
    expect: {values: {amount: 10}}
"""
    assert failed(play_folder(with_example(text))) == []


GIVEN = """\
given:
  - {as: seller, create: order, ref: first, values: {title: A, amount: 10}}
"""


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        ("expect: {stage: done}", "7:21: example '一条规定': the stage: expected done, found open. [T002]"),
        (
            "expect: {values: {amount: 11}}",
            "7:31: example '一条规定': field 'amount': expected 11, found 10.00. [T002]",
        ),
        (
            "expect: {values: {amuont: 11}}",
            "7:31: example '一条规定': 'Order' has no field 'amuont'. Did you mean 'amount'? [T003]",
        ),
        (
            "expect: {path: [chief]}",
            "7:20: example '一条规定': the path of the approval: expected [chief], found [boss]. [T002]",
        ),
        (
            "expect: {waiting_on: [boss]}",
            "7:26: example '一条规定': whoever it waits on: expected [boss], found []. [T002]",
        ),
        (
            "expect: {offers: [ask]}",
            "7:22: example '一条规定': the moves offered: expected [ask], found [ask, drop]. [T002]",
        ),
        (
            "expect: {sees: false}",
            "7:20: example '一条规定': whether the record is seen: expected not seen, found seen. [T002]",
        ),
        (
            "expect: {hidden: [title]}",
            "7:22: example '一条规定': the hidden fields: expected [title], found [secret]. [T002]",
        ),
        (
            "do:\n      - {move: drop, of: first}\n    expect: {missing: [title]}",
            "9:23: example '一条规定': what is missing: expected [title], found [why]. [T002]",
        ),
        (
            "do:\n      - {change: first, values: {amount: 30}}\n    expect: {missing: [why]}",
            "9:23: example '一条规定': what is missing: expected [why], found not refused. [T002]",
        ),
        (
            "do:\n      - {change: first, values: {amount: -1}}\n    expect: {errors: [title]}",
            "9:22: example '一条规定': the fields that are wrong: expected [title], found [amount]. [T002]",
        ),
        (
            "do:\n      - {change: first, values: {amount: -1}}\n    expect: {stage: open}",
            "8:9: example '一条规定': this step was refused (change: first): amount: ",
        ),
        (
            "do:\n      - {as: sellr, change: first, values: {amount: 1}}\n    expect: {stage: open}",
            "8:9: example '一条规定': this step was refused (change: first): as: there is nobody with the login "
            "'sellr'; write them under people, or in demo/. Did you mean 'seller'? [T001]",
        ),
        (
            "do:\n      - {create: oder, values: {title: B}}\n    expect: {refused: 不允许}",
            "9:23: example '一条规定': what is said when it is refused: expected 不允许, found ",
        ),
    ],
)
def test_an_example_that_fails_says_expected_beside_actual_with_its_place(said: Said, rest: str, sentence: str) -> None:
    (found,) = said(f"{GIVEN}{HEAD}    as: seller\n    {rest}\n")
    assert found.startswith(f"order/examples/one.yaml:{sentence}")


def test_a_failing_example_is_said_in_chinese(said: Said) -> None:
    (found,) = said(f"{GIVEN}{HEAD}    as: seller\n    expect: {{stage: done}}\n", "zh")
    assert found == "order/examples/one.yaml:7:21: 示例“一条规定”：阶段应为 done，实际为 open。 [T002]"


def test_only_the_last_step_may_be_refused(said: Said) -> None:
    steps = "do:\n      - {change: first, values: {amount: -1}}\n      - {change: first, values: {amount: -2}}\n"
    (found,) = said(f"{GIVEN}{HEAD}    as: seller\n    {steps}    expect: {{errors: [amount]}}\n")
    assert found.startswith("order/examples/one.yaml:8:9:")
    assert found.endswith("[T001]")


def test_a_step_given_to_all_examples_that_is_refused_is_named_for_each(said: Said) -> None:
    text = (
        "given:\n  - {as: seller, create: order, values: {amount: 1}}\n"
        + HEAD
        + "    as: boss\n    expect: {sees: true}\n"
    )
    (found,) = said(text)
    assert found.startswith("order/examples/one.yaml:2:5: a step that comes before these examples was refused")


def test_people_of_a_file_take_the_place_of_those_of_the_demo(said: Said) -> None:
    people = "people:\n  users:\n    anna: {name: Anna, roles: [seller]}\n"
    steps = "    as: anna\n    do:\n      - {create: order, values: {title: A, amount: 1}}\n"
    assert said(people + HEAD + steps + "    expect: {values: {owner: anna}}\n") == []


def test_a_role_nobody_defined_is_said(said: Said) -> None:
    people = "people:\n  users:\n    anna: {name: Anna, roles: [pirate]}\n"
    (found,) = said(people + HEAD + "    as: anna\n    expect: {sees: true}\n")
    assert found.endswith("[T004]")
    assert "pirate" in found


def test_problems_of_an_example_file_are_found_when_checking() -> None:
    with pytest.raises(DefinitionError, match="D217"):
        play_folder(with_example("given:\n  - {create: order}\n" + HEAD + "    as: a\n    expect: {sees: true}\n"))
