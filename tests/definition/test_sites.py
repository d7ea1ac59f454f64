"""A site says only what differs from the template it extends, and is told exactly what is wrong with that."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from engine.compiler.compile import load_app
from engine.definition.kinds import find_kind
from engine.definition.parser import parse_app, parse_documents
from engine.definition.patch_schema import NAMES, derive_schema
from engine.definition.pinning import own_files, pin
from engine.definition.schema import OTHERS, read_schema
from engine.definition.source import SourceFolder, read_folder
from engine.definition.yaml_reader import parse_yaml
from engine.errors import DefinitionError
from engine.storage.differences import compare
from tests.sites.site import OWN, auto_parts, extending, manufacturing

PLAIN = {"app.yaml": "app: our_crm\nextends: manufacturing\n"}


def problems_of(folder: SourceFolder) -> list[str]:
    with pytest.raises(DefinitionError) as refused:
        load_app(folder)
    return [problem.text("en") for problem in refused.value.problems]


def problems_with(**changed: str) -> list[str]:
    return problems_of(auto_parts(**changed))


def test_a_site_that_says_nothing_is_the_template() -> None:
    site, template = load_app(extending(manufacturing(), PLAIN)), load_app(manufacturing())
    assert [item.text("en") for item in compare(template, site)] == []
    assert site.key == "our_crm"


def test_a_site_adds_changes_and_hides_by_key() -> None:
    app, template = load_app(auto_parts()), load_app(manufacturing())
    quote = app.entities["quote"]
    assert quote.fields["freight"].retired and not template.entities["quote"].fields["freight"].retired
    assert list(quote.fields).index("program") == list(quote.fields).index("opportunity") + 1
    assert app.entities["opportunity"].label == {"zh": "定点项目", "en": "Programme"}
    assert list(app.entities["product"].fields["unit"].options) == ["piece", "set", "sheet", "meter", "kg", "box"]
    assert app.approvals["quote_price"].steps["manager"].when.text == "discount > 3% and not below_cost"  # type: ignore[union-attr]
    steps = list(template.approvals["quote_price"].steps)
    steps.insert(steps.index("general_manager"), "deputy")
    assert list(app.approvals["quote_price"].steps) == steps
    assert "part_numbers" in [needed.key for needed in quote.workflow.stages["sent"].enter]  # type: ignore[union-attr]
    assert "ppap" in app.entities and [key for key in app.menu if key != "ppap"] == list(template.menu)


def test_a_published_site_is_compiled_without_looking_at_the_template_again() -> None:
    assert compare(load_app(auto_parts()), load_app(auto_parts(), checked=True)) == []


def test_examples_are_those_of_the_template_and_the_site_less_what_was_taken_away() -> None:
    keys = {key for document in parse_documents(auto_parts(), "example") for key in document.data["examples"]}
    assert {"six_percent", "part_numbers", "rep_submits"} <= keys and "five_percent" not in keys


def test_a_translated_name_leaves_the_other_texts_of_a_field_as_they_are() -> None:
    app, template = load_app(auto_parts()), load_app(manufacturing())
    mine, theirs = (one.entities["customer"].fields["oem_code"] for one in (app, template))
    assert mine.label["en"] == "Supplier code" and mine.help == theirs.help
    status = "entities: {customer: {fields: {oem_code: {help: Ours}}}}"
    only_help = load_app(extending(manufacturing(), {**PLAIN, "locales/en.yaml": f"locale: en\n{status}\n"}))
    said = only_help.entities["customer"].fields["oem_code"]
    assert (said.label["en"], said.help["en"]) == (theirs.label["en"], "Ours")


def test_a_site_may_extend_a_site() -> None:
    folder = extending(auto_parts(), {"app.yaml": "app: plant_two\nextends: auto_parts\nlabel: 二厂\n"}, "auto_parts")
    app = load_app(folder)
    assert (app.key, app.label["zh"]) == ("plant_two", "二厂") and "ppap" in app.entities
    place = parse_app(folder).entities["customer"].fields["quality_system"].location
    assert place.file == "base/customer/entity.yaml"
    assert parse_app(folder).entities["lead"].location.file == "base/base/lead/entity.yaml"


# ---- what is wrong, and where


def test_a_misspelt_name_of_the_template_is_told_from_something_new() -> None:
    assert problems_with(quote__entity="entity: quote\nfields: {frieght: {required: true}}\n") == [
        "quote/entity.yaml:2:10: 'frieght' is not in the template, and something new needs 'type'; "
        "add it or correct the key. Did you mean 'freight'? [D304]",
        "quote/entity.yaml:2:10: 'frieght' is not in the template, and something new needs 'label'; "
        "add it or correct the key. Did you mean 'freight'? [D304]",
    ]
    assert problems_with(quote__entity="entity: qoute\nremove: {fields.freight: 不用}\nlabel: 报价\n") == [
        "quote/entity.yaml:1:1: 'qoute' is not in the template, and something new needs 'fields'; "
        "add it or correct the key. Did you mean 'quote'? [D304]",
        "quote/entity.yaml:2:1: 'remove' changes what the template says, but the template has no entity 'qoute'; "
        "correct the name or delete this. Did you mean 'quote'? [D305]",
    ]


def test_an_unknown_key_and_a_wrong_value_are_told_in_the_file_of_the_site() -> None:
    unknown, wrong = problems_with(quote__entity="entity: quote\nfields:\n  freight: {requird: true, help: [x]}\n")
    assert unknown.startswith("quote/entity.yaml:3:13: a field of type choice has no key 'requird'; it knows: ")
    assert wrong == "quote/entity.yaml:3:34: 'help' must be text, not a list or a map. [D110]"


def test_what_the_template_says_and_the_site_breaks_is_told_at_what_the_site_wrote() -> None:
    said = problems_with(opportunity__entity="entity: opportunity\nremove: {fields.review_result: 不评审}\n")
    assert said and all(one.startswith("opportunity/entity.yaml:2:10: ") and "review_result" in one for one in said)
    assert all("The template says so (base/opportunity/" in one for one in said)
    other = problems_with(quote__entity="entity: quote\nfields:\n  prepay: {type: text}\n")
    assert [one.partition(": ")[0] for one in other[:2]] == ["quote/entity.yaml:3:3"] * 2
    assert all("write it anew in quote/entity.yaml" in one for one in other[:2])


def test_where_the_site_has_no_file_for_what_it_breaks_it_is_told_to_make_it() -> None:
    said = problems_of(extending(manufacturing(), {
        **PLAIN, "quote/entity.yaml": "entity: quote\nremove: {fields.prepay: 不用}\n",
    }))  # fmt: skip
    assert all(one.startswith("quote/entity.yaml:2:10: ") for one in said)
    assert any("make quote/approval.yaml and write it anew there" in one for one in said)


def test_a_whole_thing_is_removed_by_the_key_that_names_it() -> None:
    gone = {"contract/print.yaml": "print: contract\nremove: {print: 用 ERP 打印}\n"}
    folder = extending(manufacturing(), {**PLAIN, **gone})
    assert list(load_app(folder).prints) == ["order_progress", "quote"]
    examples = {"quote/examples/way.yaml": "remove: {examples: 另写}\n"}
    kept = parse_documents(extending(manufacturing(), {**PLAIN, **examples}), "example")
    assert "base/quote/examples/way.yaml" not in [document.file for document in kept]


@pytest.mark.parametrize(
    "directive", ["remove: [fields.freight]", "remove: {fields.freight: 1}", "after: {fields.freight: x}"]
)
def test_what_is_said_about_the_template_has_one_shape(directive: str) -> None:
    (said,) = problems_with(quote__entity=f"entity: quote\n{directive}\n")
    assert said.startswith("quote/entity.yaml:2:") and "must be" in said


def test_two_files_about_one_thing_are_refused() -> None:
    said = problems_with(offer__entity="entity: quote\nlabel: 报价\n")
    assert any("[D201]" in one or "[D304]" in one for one in said)


def test_a_template_that_is_not_pinned_or_was_edited_is_refused_with_the_command_that_helps() -> None:
    site = auto_parts()
    own = {path: text for path, text in site.files.items() if not path.startswith("base/")}
    lock = site.files["lock.yaml"]
    edited = {**site.files, "base/app.yaml": site.files["base/app.yaml"].replace("0.1.0", "0.1.1")}
    other = {**site.files, "lock.yaml": lock.replace("manufacturing", "retail_store")}
    assert problems_of(SourceFolder(own)) == [
        "app.yaml:3:10: the template 'manufacturing' is not kept in base/ yet; run 'formwork upgrade' on this folder, "
        "which fetches and pins it. [D301]"
    ]
    unlocked = {path: text for path, text in site.files.items() if path != "lock.yaml"}
    assert problems_of(SourceFolder(unlocked)) == [
        "lock.yaml:1:1: this file is missing; it pins the template kept in base/. Run 'formwork upgrade' on this "
        "folder, which writes it. [D302]"
    ]
    assert problems_of(SourceFolder(edited)) == [
        "lock.yaml:4:9: base/ is not what was pinned: somebody edited it. Write changes in files beside base/, and run "
        "'formwork upgrade' on this folder to bring it back. [D303]"
    ]
    assert problems_of(SourceFolder(other)) == [
        "app.yaml:3:10: this extends 'manufacturing', but lock.yaml pins 'retail_store'; run 'formwork upgrade' on "
        "this folder. [D308]"
    ]
    assert problems_of(SourceFolder({**site.files, "lock.yaml": lock.replace("digest: ", "digest: x")}))[0].endswith(
        "[D310]"
    )
    template = {**manufacturing().files, "base/app.yaml": "app: x\n"}
    assert problems_of(SourceFolder(template)) == [
        "base/app.yaml:1:1: base/ is kept for the template of a site; write 'extends:' in app.yaml, or give this "
        "folder another name. [D307]"
    ]


def test_a_thing_may_be_called_base_where_no_template_is_kept() -> None:
    assert find_kind("base/entity.yaml") == "entity" and find_kind("base/base/app.yaml") == "app"
    assert find_kind("base/notes.yaml") is None


def test_a_template_with_problems_is_not_pinned() -> None:
    with pytest.raises(DefinitionError):
        pin("manufacturing", SourceFolder({"app.yaml": "app: x\n"}))


# ---- editors


@pytest.fixture(scope="module")
def registry() -> Any:
    files = {f"file:///schemas/{name}.json": read_schema(name) for name in ("common", *OTHERS, *NAMES)}
    files |= {f"file:///schemas/patch/{name}.json": derive_schema(name) for name in NAMES}
    return Registry().with_resources(
        (uri, DRAFT202012.create_resource({**schema, "$id": uri})) for uri, schema in files.items()
    )


def mistakes(registry: Any, kind: str, text: str) -> list[str]:
    checker = Draft202012Validator({"$ref": f"file:///schemas/patch/{kind}.json"}, registry=registry)
    return [error.message for error in checker.iter_errors(parse_yaml(text, "x").data)]


@pytest.mark.parametrize("path", sorted(own_files(read_folder(OWN))))
def test_an_editor_accepts_each_file_of_the_site(registry: Any, path: str) -> None:
    text = (OWN / path).read_text(encoding="utf-8")
    if "/schemas/" not in text.splitlines()[0]:  # it changes something of the template
        assert mistakes(registry, str(find_kind(path)), text) == []


def test_an_editor_sees_a_misspelt_key_and_completes_what_a_site_may_say(registry: Any) -> None:
    assert mistakes(registry, "entity", "entity: quote\nfields: {freight: {requird: true}}\n")
    assert mistakes(registry, "entity", "entity: quote\nremov: {fields.freight: x}\n")
    assert mistakes(registry, "entity", "label: x\n")
    assert mistakes(registry, "approval", "approval: quote_price\nsteps: {manager: {who: [{roel: x}]}}\n")
    assert mistakes(registry, "approval", "approval: quote_price\nsteps: {manager: {due: 2wd}}\n") == []
    assert "remove" in derive_schema("entity")["properties"] and "extends" not in derive_schema("entity")["properties"]
    assert json.dumps(derive_schema("app"))


def test_the_schemas_of_a_site_refer_only_to_what_is_there(registry: Any) -> None:
    for name in NAMES:
        resolver = registry.resolver(f"file:///schemas/patch/{name}.json")
        for reference in references(derive_schema(name)):
            assert resolver.lookup(reference).contents, reference


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for item in value.values() for found in references(item)]


def test_a_site_that_comes_along_is_read_with_the_template_beside_it_and_a_copy_elsewhere_is_not(
    tmp_path: Path,
) -> None:
    assert read_folder(OWN).files == auto_parts().files and not (OWN / "base").exists()
    shutil.copytree(OWN, tmp_path / "site")
    assert read_folder(tmp_path / "site").files == own_files(auto_parts())
