"""Two people changed one site: nothing either wrote is lost, and contradictions wait for a decision."""

from typing import Any

import pytest

from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder
from engine.definition.syncing import compare_sync, find_missing, finish_sync
from tests.sites.site import auto_parts

BEFORE = auto_parts()
CUSTOMER, QUOTE, APPROVAL = "customer/entity.yaml", "quote/entity.yaml", "quote/approval.yaml"


def with_changes(*changes: tuple[str, str, str], **more: str | None) -> SourceFolder:
    files: dict[str, Any] = dict(BEFORE.files)
    for path, old, new in changes:
        assert old in files[path], (path, old)
        files[path] = files[path].replace(old, new, 1)
    files |= {name.replace("__", "/") + ".yaml": text for name, text in more.items()}
    return SourceFolder({path: text for path, text in files.items() if text is not None})


def test_a_file_only_one_side_changed_is_taken_as_it_is() -> None:
    theirs = with_changes((QUOTE, "label: 车型项目", "label: 车型  # as they say"))
    ours = with_changes((CUSTOMER, "label: 供应商代码", "label: 供方代码  # our word"))
    files = finish_sync(compare_sync(BEFORE, theirs, ours), {})
    assert files[QUOTE] == theirs.files[QUOTE] and files[CUSTOMER] == ours.files[CUSTOMER]
    assert finish_sync(compare_sync(BEFORE, theirs, BEFORE), {}) == dict(theirs.files)
    assert finish_sync(compare_sync(BEFORE, BEFORE, ours), {}) == dict(ours.files)


def test_changes_of_one_file_are_joined_key_by_key_and_our_comments_stay() -> None:
    theirs = with_changes((QUOTE, "  program:", "  batch: {type: text, label: 批次}\n  program:"))
    ours = with_changes((QUOTE, "label: 车型项目", "label: 平台"), (QUOTE, "fields:\n", "fields:\n  # our own\n"))
    sync = compare_sync(BEFORE, theirs, ours)
    assert sync.conflicts == []
    text = finish_sync(sync, {})[QUOTE]
    assert "# our own" in text and "label: 平台" in text and "batch: {type: text, label: 批次}" in text
    assert "batch" in load_app(SourceFolder(finish_sync(sync, {}))).entities["quote"].fields


@pytest.mark.parametrize(("side", "label"), [("ours", "平台"), ("theirs", "车型")])
def test_what_both_changed_otherwise_is_decided(side: Any, label: str) -> None:
    theirs = with_changes((QUOTE, "label: 车型项目", "label: 车型"))
    ours = with_changes((QUOTE, "label: 车型项目", "label: 平台"))
    sync = compare_sync(BEFORE, theirs, ours)
    assert [(one.key, one.code) for one in sync.conflicts] == [("entity.quote.fields.program.label", "both_changed")]
    assert f"label: {label}" in finish_sync(sync, {"entity.quote.fields.program.label": side})[QUOTE]


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_file_one_side_removed_and_the_other_changed_is_decided(side: Any) -> None:
    gone = with_changes(**{"quote__approval": None})
    changed = with_changes((APPROVAL, "<= 3%", "<= 2%"))
    removed_there = compare_sync(BEFORE, gone, changed)
    assert [(one.key, one.code) for one in removed_there.conflicts] == [("approval.quote_price", "they_removed")]
    assert (APPROVAL in finish_sync(removed_there, {"approval.quote_price": side})) == (side == "ours")
    removed_here = compare_sync(BEFORE, changed, gone)
    assert [(one.key, one.code) for one in removed_here.conflicts] == [("approval.quote_price", "you_removed")]
    assert (APPROVAL in finish_sync(removed_here, {"approval.quote_price": side})) == (side == "theirs")


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    both = with_changes((QUOTE, "label: 车型项目", "label: 车型"))
    spaced = SourceFolder({**both.files, QUOTE: both.files[QUOTE] + "\n# later\n"})
    sync = compare_sync(BEFORE, both, spaced)
    assert sync.conflicts == [] and finish_sync(sync, {}) == dict(spaced.files)


def test_two_upgrades_at_once_are_one_conflict() -> None:
    theirs, ours = (with_changes(("lock.yaml", "0.1.0", version)) for version in ("0.2.0", "0.3.0"))
    sync = compare_sync(BEFORE, theirs, ours)
    assert [one.key for one in sync.conflicts] == ["app.base"]
    assert finish_sync(sync, {"app.base": "theirs"}) == dict(theirs.files)
    assert finish_sync(sync, {"app.base": "ours"}) == dict(ours.files)


def test_what_a_folder_lacks_of_the_published_is_named() -> None:
    theirs = with_changes((QUOTE, "label: 车型项目", "label: 车型"), (CUSTOMER, "label: 供应商代码", "label: 代码"))
    assert find_missing(BEFORE, theirs, BEFORE) == [CUSTOMER, QUOTE]
    assert find_missing(BEFORE, theirs, theirs) == []
    more = SourceFolder({**theirs.files, QUOTE: theirs.files[QUOTE].replace("max_length: 60", "max_length: 80")})
    assert find_missing(BEFORE, theirs, more) == []
