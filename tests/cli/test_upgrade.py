"""``formwork upgrade`` and ``expand`` as people type them."""

import shutil
from pathlib import Path

import pytest

from engine.definition.source import read_folder
from engine.places import find_data
from engine.storage import catalog
from tests.cli.conftest import Run, open_store
from tests.sites.site import OWN, auto_parts, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The automotive parts site on disk."""
    return write(tmp_path / "auto_parts", auto_parts().files)


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A newer manufacturing template: a field more, another threshold, another label; and fewer examples to play."""
    copy = tmp_path / "newer"
    shutil.copytree(find_data("templates") / "manufacturing", copy)
    for examples in copy.glob("*/examples"):
        if examples.parent.name != "quote":
            shutil.rmtree(examples)
    change(copy / "quote/approval.yaml", "discount > 5% and not", "discount > 6% and not")
    change(copy / "quote/entity.yaml", "  prepay: ", "  incoterm: {type: text, label: 贸易术语}\n  prepay: ")
    change(copy / "customer/entity.yaml", "label: 主机厂编码", "label: OEM 编码")
    change(copy / "app.yaml", "version: 0.1.0", "version: 0.2.0")
    return copy


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_folder_that_pins_nothing_yet_is_pinned(run: Run, tmp_path: Path) -> None:
    shutil.copytree(OWN, tmp_path / "site")
    assert "[D301]" in run("check", tmp_path / "site").output
    pinned = run("upgrade", tmp_path / "site")
    assert pinned.exit_code == 0 and "Kept manufacturing 0.1.0" in pinned.output
    assert run("check", tmp_path / "site").exit_code == 0
    assert "Nothing to do" in run("upgrade", tmp_path / "site").output
    assert (tmp_path / "site/schemas/patch/entity.json").is_file()


def test_an_upgrade_says_what_they_changed_and_asks_about_what_both_changed(
    run: Run, folder: Path, newer: Path
) -> None:
    before = read_folder(folder).files
    shown = run("upgrade", folder, "--to", newer, input="o\n")
    assert shown.exit_code == 1 and "Nothing was written" in shown.output
    assert "manufacturing 0.1.0 → 0.2.0" in shown.output
    assert "+ Add field Quote.贸易术语" in shown.output
    assert "报价审批 · 区域经理 · When: you wrote" in shown.output
    assert "approval.quote_price.steps.manager.when" in shown.output
    assert "客户 · 供应商代码 · Label: you wrote 供应商代码, they changed 主机厂编码 to OEM 编码" in shown.output
    assert read_folder(folder).files == before


def test_every_answer_is_kept_and_the_site_is_published_after(run: Run, folder: Path, newer: Path, home: Path) -> None:
    catalog.publish(open_store(home), read_folder(folder), actor_id=None)
    done = run("upgrade", folder, "--to", newer, input="t\no\ny\n")
    assert done.exit_code == 0, done.output
    assert "label: 供应商代码" not in (folder / "customer/entity.yaml").read_text("utf-8")
    assert "discount > 3%" in (folder / "quote/approval.yaml").read_text("utf-8")
    assert run("check", folder).exit_code == 0
    planned = run("plan", folder)
    assert "贸易术语" in planned.output
    published = run("publish", folder, "--yes")
    assert published.exit_code == 0, published.output
    assert "incoterm" in open_store(home).app.entities["quote"].fields
    assert "Nothing to do" in run("upgrade", folder, "--to", newer).output


def test_decisions_can_be_given_beforehand(run: Run, folder: Path, newer: Path) -> None:
    wrong = run("upgrade", folder, "--to", newer, "--ours", "approval.quote_prise", "--yes")
    assert wrong.exit_code == 1 and "is no conflict" in wrong.output
    half = run("upgrade", folder, "--to", newer, "--ours", "approval.quote_price", "--yes", input="")
    assert half.exit_code == 1 and "Not decided yet: 1" in half.output
    given = ["--ours", "all", "--theirs", "entity.customer"]
    done = run("upgrade", folder, "--to", newer, *given, "--yes")
    assert done.exit_code == 0, done.output
    assert "供应商代码" not in (folder / "customer/entity.yaml").read_text("utf-8").replace("叫供应商代码", "")
    assert "discount > 3%" in (folder / "quote/approval.yaml").read_text("utf-8")


def test_both_sides_at_once_and_another_app_are_refused(run: Run, folder: Path, newer: Path) -> None:
    before = read_folder(folder).files
    both = run("upgrade", folder, "--to", newer, "--ours", "all", "--theirs", "all", "--yes")
    assert both.exit_code == 1 and "'all' is given to both --ours and --theirs" in both.stderr
    other = run("upgrade", folder, "--to", "retail_store", "--theirs", "all", "--yes")
    assert other.exit_code == 1 and "another app, 'retail_store'" in other.stderr
    assert read_folder(folder).files == before


def test_an_edited_base_is_brought_back_when_it_is_the_installed_one_and_refused_otherwise(
    run: Run, folder: Path, newer: Path
) -> None:
    pinned = (folder / "base/app.yaml").read_bytes()
    change(folder / "base/app.yaml", "label: 销售员", "label: 业务员")
    refused = run("upgrade", folder, "--to", newer)
    assert refused.exit_code == 1 and "base/ was edited" in refused.output
    assert run("upgrade", folder).exit_code == 0
    assert (folder / "base/app.yaml").read_bytes() == pinned


def test_a_folder_that_extends_nothing_is_not_upgraded(run: Run, newer: Path) -> None:
    assert "extends no template" in run("upgrade", newer).output


def test_expand_prints_one_thing_or_all_or_writes_a_template(run: Run, folder: Path, tmp_path: Path) -> None:
    one = run("expand", folder, "quote/entity", "--origins").output
    assert one.startswith("# quote/entity.yaml\n") and "# base/quote/entity.yaml:" in one and "# customer" not in one
    assert "ppap/entity.yaml" in run("expand", folder).output
    assert "There is no 'qoute'" in run("expand", folder, "qoute").output
    assert run("expand", folder, "--to", tmp_path / "plain").exit_code == 0
    assert run("check", tmp_path / "plain").exit_code == 0
    assert run("format", tmp_path / "plain", "--check").exit_code == 0
    assert "only the writing" in run("diff", folder, tmp_path / "plain").output


def test_diff_says_what_a_site_changes_in_its_template(run: Run, folder: Path, newer: Path) -> None:
    said = run("diff", folder, "--template").output
    assert "+ Add business object Part approval" in said and "Freight" in said and "Vehicle programme" in said
    assert "extends no template" in run("diff", newer, "--template").output
