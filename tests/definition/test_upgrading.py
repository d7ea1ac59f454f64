"""A newer template for a site: nothing the site says is lost, and what both changed waits for a person."""

from collections.abc import Mapping
from typing import Any

import pytest

from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder
from engine.definition.three_way import Difference, describe
from engine.definition.upgrading import Upgrade, compare_upgrade, finish_upgrade
from engine.errors import DefinitionError
from tests.sites.site import auto_parts, extending, manufacturing

OLD = {
    "app.yaml": """\
app: small
label: 小模板
version: 1.0.0
roles: {rep: {label: 销售}, admin: {label: 管理员}}
menu: [deal]
""",
    "deal/entity.yaml": """\
entity: deal
label: 商机
fields:
  name:    {type: text, label: 名称, required: true}
  amount:  {type: money, label: 金额}
  source:  {type: text, label: 来源}
  channel: {type: text, label: 渠道}
  grade:   {type: choice, label: 等级, options: {a: 甲, b: 乙}}
form:
  basics: {label: 基本, fields: [name, amount]}
access: {rep: {read: own, write: own, create: true}, admin: {read: all}}
""",
    "note/entity.yaml": """\
entity: note
label: 便签
fields:
  text: {type: text, label: 内容}
access: {rep: {read: own, write: own, create: true}}
""",
}
NEW = {
    **OLD,
    "app.yaml": OLD["app.yaml"].replace("1.0.0", "2.0.0"),
    "deal/entity.yaml": """\
entity: deal
label: 机会
fields:
  name:    {type: text, label: 名称, required: true, max_length: 80}
  value:   {type: money, label: 金额, was: amount}
  channel: {type: text, label: 来路}
  grade:   {type: choice, label: 等级, options: {a: 甲等, b: 乙}}
  owner_note: {type: text, label: 说明}
form:
  basics: {label: 基本, fields: [name, value, grade]}
access: {rep: {read: own, write: own, create: true}, admin: {read: all}}
""",
}
del NEW["note/entity.yaml"]
OWN = {
    "app.yaml": "app: ours\nextends: small\nlabel: 我们的\n",
    "deal/entity.yaml": """\
# yaml-language-server: $schema=../schemas/patch/entity.json
entity: deal
remove:
  fields.channel: 我们只有一个渠道
after:
  fields.source: [amount]
label: 项目   # they say 商机
fields:
  amount:     {label: 预计金额, min: 0}
  # we ask every customer
  source:     {required: true}
  grade:      {options: {a: 战略, c: 丙}}
  owner_note: {type: long_text, label: 备注}
form:
  basics: {fields: [name, source]}
""",
    "note/entity.yaml": "entity: note\nlabel: 记事\n",
}
CONFLICTS = {
    "entity.deal.label": "both_changed",
    "entity.deal.fields.channel": "you_removed",
    "entity.deal.fields.source": "they_removed",
    "entity.deal.fields.grade.options.a": "both_changed",
    "entity.deal.fields.owner_note.type": "both_added",
    "entity.deal.fields.owner_note.label": "both_added",
    "entity.deal.form.basics.fields": "both_changed",
    "entity.note": "they_removed",
}


def compared(own: Mapping[str, str] = OWN) -> Upgrade:
    site = extending(SourceFolder(OLD), own, "small")
    return compare_upgrade(site, "small", SourceFolder(NEW))


def finished(side: Any, **other: Any) -> dict[str, str]:
    upgrade = compared()
    decided = {one.key: side for one in upgrade.conflicts}
    decided |= {key.replace("__", "."): value for key, value in other.items()}
    return finish_upgrade(upgrade, decided)


def test_the_site_is_sound_before() -> None:
    assert load_app(extending(SourceFolder(OLD), OWN, "small")).key == "ours"


def test_everything_both_changed_is_a_conflict_and_nothing_else() -> None:
    assert {one.key: one.code for one in compared().conflicts} == CONFLICTS


def test_a_conflict_says_in_words_what_both_wrote() -> None:
    upgrade = compared()
    found = {one.key: one for one in upgrade.conflicts}
    assert describe(found["entity.deal.label"], upgrade.ours) == {"zh": "项目 · 名称", "en": "项目 · Label"}
    assert describe(found["entity.deal.fields.source"], upgrade.ours)["zh"] == "项目 · 来源"
    said = found["entity.deal.fields.grade.options.a"].params()
    assert (said["old"], said["theirs"], said["ours"]) == ("甲", "甲等", "战略")


def test_what_only_they_changed_comes_by_itself_and_what_only_we_changed_stays() -> None:
    for side in ("ours", "theirs"):
        files = finished(side)
        deal = load_app(SourceFolder(files)).entities["deal"]
        assert deal.fields["name"].type.key == "text" and "value" in deal.fields
        assert "c" in deal.fields["grade"].options
        assert "version: 2.0.0" in files["lock.yaml"] and files["base/app.yaml"] == NEW["app.yaml"]


def test_what_they_renamed_keeps_what_we_said_about_it() -> None:
    text = finished("ours")["deal/entity.yaml"]
    assert "  value:     {label: 预计金额, min: 0}" in text
    assert "  fields.source: [value]" in text
    assert load_app(SourceFolder(finished("ours"))).entities["deal"].fields["value"].label["zh"] == "预计金额"


def test_ours_keeps_everything_we_said() -> None:
    files = finished("ours")
    deal = load_app(SourceFolder(files)).entities["deal"]
    assert deal.label["zh"] == "项目"
    assert deal.fields["source"].required and deal.fields["source"].label["zh"] == "来源"
    assert "channel" not in deal.fields and "fields.channel: 我们只有一个渠道" in files["deal/entity.yaml"]
    assert deal.fields["grade"].options["a"]["zh"] == "战略"
    assert deal.fields["owner_note"].type.key == "long_text"
    assert load_app(SourceFolder(files)).entities["note"].label["zh"] == "记事"
    assert "label: 项目   # they say 商机" in files["deal/entity.yaml"]


def test_theirs_takes_exactly_what_they_say_there() -> None:
    files = finished("theirs")
    deal = load_app(SourceFolder(files)).entities["deal"]
    assert deal.label["zh"] == "机会"
    assert "source" not in deal.fields and deal.fields["channel"].label["zh"] == "来路"
    assert deal.fields["grade"].options["a"]["zh"] == "甲等"
    assert deal.fields["owner_note"].type.key == "text"
    assert "note" not in load_app(SourceFolder(files)).entities and "note/entity.yaml" not in files
    assert "remove" not in files["deal/entity.yaml"] and "after" not in files["deal/entity.yaml"]
    assert files["deal/entity.yaml"].startswith("# yaml-language-server")


@pytest.mark.parametrize("key", CONFLICTS)
def test_each_conflict_is_decided_by_itself(key: str) -> None:
    upgrade = compared()
    decided: dict[str, Any] = dict.fromkeys(CONFLICTS, "ours") | {key: "theirs"}
    site = SourceFolder(finish_upgrade(upgrade, decided))
    again = compare_upgrade(site, "small", SourceFolder(NEW))
    assert [one for one in again.conflicts if one.key == key] == []
    load_app(site) if key not in ("entity.deal.fields.source",) else None


def test_a_second_upgrade_to_the_same_template_changes_nothing() -> None:
    for side in ("ours", "theirs"):
        site = SourceFolder(finished(side))
        again = compare_upgrade(site, "small", SourceFolder(NEW))
        assert again.differences == ()
        assert finish_upgrade(again, {}) == dict(site.files)


def test_a_translation_both_changed_is_taken_back_from_where_it_was_written() -> None:
    def texts(name: str) -> str:
        return f"locale: en\nentities: {{deal: {{fields: {{name: {name}}}}}}}\n"

    old, new = ({**files, "locales/en.yaml": texts(name)} for files, name in ((OLD, "Name"), (OLD, "Title")))
    own = {"app.yaml": OWN["app.yaml"], "locales/en.yaml": texts("What") + "# ours\n"}
    upgrade = compare_upgrade(extending(SourceFolder(old), own, "small"), "small", SourceFolder(new))
    (conflict,) = upgrade.conflicts
    assert conflict.key == "locale.en.entities.deal.fields.name.label"
    assert "locales/en.yaml" not in finish_upgrade(upgrade, {conflict.key: "theirs"})
    kept = finish_upgrade(upgrade, {conflict.key: "ours"})
    assert kept["locales/en.yaml"] == own["locales/en.yaml"]


def test_a_file_that_cannot_be_read_stops_an_upgrade_before_anything_is_compared() -> None:
    with pytest.raises(DefinitionError, match="never closed"):
        compared({**OWN, "note/entity.yaml": 'entity: note\nlabel: "记事\n'})


def test_a_site_on_a_site_is_upgraded_too() -> None:
    lower_old = extending(SourceFolder(OLD), {"app.yaml": "app: mid\nextends: small\nlabel: 中\n"}, "small")
    lower_new = extending(SourceFolder(NEW), {"app.yaml": "app: mid\nextends: small\nlabel: 中\n"}, "small")
    own = {"app.yaml": "app: ours\nextends: mid\nlabel: 我们\n", "deal/entity.yaml": "entity: deal\nlabel: 项目\n"}
    upgrade = compare_upgrade(extending(lower_old, own, "mid"), "mid", lower_new)
    assert [one.key for one in upgrade.conflicts] == ["entity.deal.label"]
    assert (
        load_app(SourceFolder(finish_upgrade(upgrade, {"entity.deal.label": "ours"}))).entities["deal"].label["zh"]
        == "项目"
    )


def test_a_real_site_follows_a_changed_template() -> None:
    template = dict(manufacturing().files)
    change(template, "quote/approval.yaml", "discount > 5% and not", "discount > 6% and not")
    change(
        template,
        "quote/entity.yaml",
        "  prepay:   ",
        "  incoterm:          {type: text, label: 贸易术语}\n  prepay:   ",
    )
    change(template, "customer/entity.yaml", "label: 主机厂编码", "label: OEM 编码")
    change(template, "app.yaml", "version: 0.1.0", "version: 0.2.0")
    upgrade = compare_upgrade(auto_parts(), "manufacturing", SourceFolder(template))
    assert {one.key: one.code for one in upgrade.conflicts} == {
        "approval.quote_price.steps.manager.when": "both_changed",
        "entity.customer.fields.oem_code.label": "both_changed",
    }
    decided: dict[str, Any] = {one.key: "ours" for one in upgrade.conflicts}
    site = finish_upgrade(upgrade, decided)
    app = load_app(SourceFolder(site))
    assert "incoterm" in app.entities["quote"].fields and app.version == "0.2.0"
    assert app.entities["customer"].fields["oem_code"].label["zh"] == "供应商代码"
    own = {path for path in site if not path.startswith("base/") and path != "lock.yaml"}
    assert {path: site[path] for path in own} == {path: auto_parts().files[path] for path in own}


def change(files: dict[str, str], path: str, old: str, new: str) -> None:
    assert files[path].count(old) >= 1
    files[path] = files[path].replace(old, new, 1)


def test_a_difference_has_an_address_that_can_be_typed() -> None:
    assert Difference(("app", ""), ("menu",), [1], [2], [3]).key == "app.menu"
    assert Difference(("example", "quote/examples/way.yaml"), (), {}, {}, {}).key == "example.quote/examples/way.yaml"
