"""The expanded folder says the same, in plain files that need nothing else."""

import pytest

from engine.compiler.compile import load_app
from engine.definition.expanding import expand_folder, write_document
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import parse_yaml
from engine.storage.differences import compare
from tests.conftest import ROOT, to_folder
from tests.sites.site import auto_parts


def expanded(folder: SourceFolder, *, origins: bool = False, defaults: bool = False) -> SourceFolder:
    documents = expand_folder(folder, defaults=defaults)
    return SourceFolder({path: write_document(path, one, origins=origins) for path, one in documents.items()})


@pytest.mark.parametrize("origins", [False, True])
@pytest.mark.parametrize(
    "template", ["manufacturing", "retail_store", "starter", ROOT / "docs/reference/example"], ids=str
)
def test_an_expanded_template_is_the_same_app(template: str, origins: bool) -> None:
    folder = to_folder(template)
    assert compare(load_app(folder), load_app(expanded(folder, origins=origins))) == []


def test_an_expanded_site_is_a_template_of_its_own() -> None:
    site = auto_parts()
    plain = expanded(site)
    assert not any(path.startswith("base/") or path == "lock.yaml" for path in plain.files)
    assert compare(load_app(site), load_app(plain)) == [] == compare(load_app(plain), load_app(site))
    assert parse_yaml(plain.files["app.yaml"], "app.yaml").data["app"] == "auto_parts"


def test_a_pattern_is_written_out() -> None:
    documents = expand_folder(to_folder(ROOT / "docs/reference/example"))
    approvals = [one for path, one in documents.items() if path.endswith("approval.yaml")]
    assert approvals and not any("use" in one.data for one in approvals)
    assert not any(path.startswith("workflows/") for path in documents)


def test_origins_name_the_file_and_line_of_whoever_wrote_the_value() -> None:
    lines = expanded(auto_parts(), origins=True).files["quote/entity.yaml"].splitlines()
    program = lines.index("  program:")
    assert lines[program + 1] == "    type: text  # quote/entity.yaml:5"
    (kind,) = [line for line in lines[lines.index("  customer:") :] if "type: link" in line][:1]
    assert kind.startswith("    type: link  # base/quote/entity.yaml:")


@pytest.mark.parametrize("template", ["manufacturing", "retail_store"])
def test_defaults_written_out_change_nothing(template: str) -> None:
    folder = to_folder(template)
    plain = expanded(folder, defaults=True)
    assert compare(load_app(folder), load_app(plain)) == []
    name = parse_yaml(plain.files["customer/entity.yaml"], "x").data["fields"]["name"]
    assert name["required"] is True and name["readonly"] is False and "min_rows" not in name
