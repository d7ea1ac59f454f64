"""A former key that nothing ever had is said with its place and the nearest one; two keys are not exchanged at once."""

import pytest

from engine.errors import DefinitionError
from engine.storage import catalog
from engine.storage.store import Store
from tests.conftest import MakeStore, to_folder
from tests.storage.living import column, hire, make, publish
from tests.storage.test_running import BEFORE
from tests.storage.workshop import WORKSHOP, edited

FIELD = ("machine/entity.yaml", "power:  {type: integer", "watt:  {was: powr, type: integer")
COLUMN = ("job/entity.yaml", "qty:  {type: decimal", "amount:  {was: qtty, type: decimal")
STAGE = ("job/workflow.yaml", "repair:  {label: 修理中", "mending:  {was: repare, label: 修理中")
STAGES = (STAGE, ("job/workflow.yaml", "[repair]", "[mending]"))
MOVE = ("job/workflow.yaml", "start:  {label", "begin:  {was: strat, label")
ROLE = (("app.yaml", "fitter: {label", "mender: {was: fittr, label"), ("job/entity.yaml", "fitter: {", "mender: {"))
ENTITY = (("app.yaml", "[machine, job]", "[tool, job]"), ("job/entity.yaml", "to: machine", "to: tool"),
          ("machine/entity.yaml", "entity: machine", "entity: tool\nwas: mashine"))  # fmt: skip
STEP = ("job/approval.yaml", "chief: {label", "head: {was: cheif, label")
OPTION = (
    "machine/entity.yaml",
    "{lathe: 车床, mill: 铣床, saw: 锯床}",
    "{lathe: 车床, mill: 铣床, band: 锯床}, became: {saaw: band}",
)


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store(WORKSHOP)


@pytest.mark.parametrize(
    ("edits", "near", "file"),
    [
        ([FIELD], "power", "machine/entity.yaml"),
        ([COLUMN], "qty", "job/entity.yaml"),
        (STAGES, "repair", "job/workflow.yaml"),
        ([MOVE], "start", "job/workflow.yaml"),
        (ROLE, "fitter", "app.yaml"),
        (ENTITY, "machine", "machine/entity.yaml"),
        ([OPTION], "saw", "machine/entity.yaml"),
    ],
)
def test_it_stands_in_the_way_with_its_place_and_the_key_that_is_meant(
    store: Store, edits: list[tuple[str, str, str]], near: str, file: str
) -> None:
    found = [item for item in catalog.plan(store, to_folder(edited(*edits))).items if item.kind == "blocked"]
    assert [(item.code, item.params["near"]) for item in found] == [("blocked_was_near", near)]
    assert found[0].location is not None and found[0].location.file == file
    assert f"did you mean was: {near}?" in found[0].text("en") and f"是不是 was: {near}" in found[0].text("zh")


def test_a_step_says_it_as_well(make_store: MakeStore) -> None:
    store = make_store(BEFORE)
    (item,) = [
        item for item in catalog.plan(store, to_folder(edited(STEP, texts=BEFORE))).items if item.kind == "blocked"
    ]
    assert (item.code, item.params["near"]) == ("blocked_was_near", "chief")
    assert item.location is not None and item.location.file == "job/approval.yaml"


def test_a_former_key_like_none_is_said_too(store: Store) -> None:
    texts = edited(("machine/entity.yaml", "access:\n", "  extra: {was: zzz, type: text, label: 其他}\naccess:\n"))
    (item,) = [item for item in catalog.plan(store, to_folder(texts)).items if item.kind == "blocked"]
    assert item.code == "blocked_was"


def test_a_new_place_may_say_what_its_template_renamed_long_ago(make_store: MakeStore, store: Store) -> None:
    place = "entity: place\nlabel: 车间\nfields:\n  name: {was: title, type: text, label: 名称}\n"
    publish(store, {**edited(("app.yaml", "[machine, job]", "[machine, job, place]")), "place/entity.yaml": place})
    renamed = edited(("machine/entity.yaml", "power:  {type", "watt:  {was: power, type"))
    boss = hire(store)
    make(store, boss, "machine", name="A", power=7)
    for _ in range(2):
        publish(store, renamed, boss)
        assert column(store, "machine", "watt") == [7]


@pytest.mark.parametrize(
    "edits",
    [
        [("machine/entity.yaml", "size:   {type", "size:   {was: code, type"),
         ("machine/entity.yaml", "code:   {type", "code:   {was: size, type")],
        [("job/workflow.yaml", "open:    {label", "open:    {was: repair, label"),
         ("job/workflow.yaml", "repair:  {label", "repair:  {was: open, label")],
        [("app.yaml", "admin: {label", "admin: {was: fitter, label"),
         ("app.yaml", "fitter: {label", "fitter: {was: admin, label")],
    ],
)  # fmt: skip
def test_two_keys_are_exchanged_in_three_releases_as_the_sentence_says(
    store: Store, edits: list[tuple[str, str, str]]
) -> None:
    with pytest.raises(DefinitionError) as refused:
        catalog.plan(store, to_folder(edited(*edits)))
    assert {problem.code for problem in refused.value.problems} == {"E076"}


def test_the_three_releases_exchange_the_values(store: Store) -> None:
    boss = hire(store)
    make(store, boss, "machine", name="A", size="S", code="C")
    first = edited(("machine/entity.yaml", "size:   {type", "third:  {was: size, type"))
    second = edited(
        ("machine/entity.yaml", "third:  {was: size, type", "third:  {type"),
        ("machine/entity.yaml", "code:   {type", "size:   {was: code, type"),
        texts=first,
    )
    third = edited(
        ("machine/entity.yaml", "size:   {was: code, type", "size:   {type"),
        ("machine/entity.yaml", "third:  {type", "code:   {was: third, type"),
        texts=second,
    )
    for texts in (first, second, third):
        publish(store, texts, boss)
    assert column(store, "machine", "size", "code") == [("C", "S")]


def test_two_definitions_exchanged_without_was_are_said_in_words(store: Store) -> None:
    said = [
        item.text("zh")
        for item in catalog.plan(
            store,
            to_folder(
                edited(
                    ("machine/entity.yaml", "label: 编码", "label: 暂"),
                    ("machine/entity.yaml", "label: 尺寸", "label: 编码"),
                    ("machine/entity.yaml", "label: 暂", "label: 尺寸"),
                )
            ),
        ).items
    ]
    assert any("编码 → 尺寸" in one for one in said) and any("尺寸 → 编码" in one for one in said)
