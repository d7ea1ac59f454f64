"""The rules of the house that no tool checks by itself, over every file that is kept."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
import yaml

from tests.conftest import ROOT

LONGEST_FILE, LONGEST_FUNCTION = 400, 40
CODE = (".py", ".js", ".mjs", ".css", ".html", ".typ", ".lark")
CATALOGS = ("engine/messages", "web/locales")
TABLE_KEEPERS = (
    "engine/storage/", "engine/records/", "engine/workflow/", "engine/people/", "engine/automation/",
    "engine/changing/", "engine/channels/", "engine/reports/", "engine/guiding/",
)  # fmt: skip
TABLES = re.compile(r"\.tables\.(entity|lines|choices)\b|\bsystem_tables\b|\bbuild_tables\b")
# The demo keeps its place in the story in the table of settings; no record is touched through it.
TABLES_BESIDES = {"web/demo.py": "system_tables"}

# What a distribution is called, where it differs from what is imported; and what comes along with another one.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "yaml": "pyyaml",
    "re2": "google-re2",
    "argon2": "argon2-cffi",
    "python_calamine": "python-calamine",
}
COMES_ALONG = {"werkzeug": "flask", "markupsafe": "jinja2", "referencing": "jsonschema",
               "joserfc": "authlib"}  # fmt: skip
NOT_IMPORTED = {"tzdata"}  # zoneinfo reads it where the system has no time zones


@cache
def kept_files() -> tuple[str, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no checkout: git does not know which files are kept")
    return tuple(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


@cache
def text_of(name: str) -> str:
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(text_of(name), name)


def product(*suffixes: str) -> list[str]:
    """The files that make the product, without its tests."""
    return [name for name in kept_files() if name.endswith(suffixes) and not name.startswith("tests/")]


def imported(name: str) -> Iterator[str]:
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def test_no_file_is_longer_than_can_be_read_at_once() -> None:
    lengths = {name: len(text_of(name).splitlines()) for name in product(*CODE)}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    functions = [
        (name, node.name, (node.end_lineno or 0) - node.lineno + 1)
        for name in product(".py")
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(functions) > 500
    assert [found for found in functions if found[2] > LONGEST_FUNCTION] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name in product(".py") if text_of(name).strip() and not ast.get_docstring(tree_of(name))]
    assert silent == []


def test_the_engine_knows_nothing_of_flask() -> None:
    found = [(name, module) for name in product(".py") if name.startswith("engine/") for module in imported(name)]
    assert [one for one in found if one[1].split(".")[0] in ("flask", "werkzeug", "jinja2", "web")] == []


def test_only_the_jobs_module_talks_to_the_queue() -> None:
    users = {name for name in product(".py") for module in imported(name) if module.split(".")[0] in ("rq", "redis")}
    assert users == {"engine/automation/jobs.py"}


def test_layers_import_one_way() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_tables_are_touched_only_where_records_are_kept() -> None:
    strangers = [
        (name, found[0])
        for name in product(".py")
        if name.startswith(("engine/", "web/")) and not name.startswith(TABLE_KEEPERS)
        for found in TABLES.finditer(text_of(name))
        if TABLES_BESIDES.get(name) != found[0]
    ]
    assert strangers == []


def test_what_people_typed_is_never_marked_as_markup() -> None:
    unsafe = re.compile(r"\|\s*safe\b|autoescape\s+false|\{%-?\s*autoescape")
    assert [name for name in product(".html") if unsafe.search(text_of(name))] == []
    made = [name for name in product(".py") if re.search(r"\bMarkup\b", text_of(name))]
    assert made == ["web/markup.py", "web/page_kit.py"]  # rich text, cleaned in the same line; icons


@pytest.mark.parametrize("folder", CATALOGS)
def test_both_languages_have_the_same_texts_with_the_same_parameters(folder: str) -> None:
    catalogs = {language: read_catalog(f"{folder}/{language}") for language in ("zh", "en")}
    assert len(catalogs["zh"]) > 100
    assert catalogs["zh"].keys() ^ catalogs["en"].keys() == set()
    english = catalogs["en"]
    differing = [key for key, text in catalogs["zh"].items() if set(parameters(text)) != set(parameters(english[key]))]
    assert differing == []


def read_catalog(place: str) -> dict[str, str]:
    """One file, or a folder of them."""
    names = [name for name in kept_files() if name == f"{place}.yaml" or name.startswith(f"{place}/")]
    return {key: str(value) for name in names for key, value in yaml.safe_load(text_of(name)).items()}


def parameters(text: str) -> Iterator[str]:
    try:
        yield from (field for _, field, _, _ in Formatter().parse(text) if field)
    except ValueError as mistake:
        pytest.fail(f"{text!r}: {mistake}")


def test_kept_files_name_no_machine_no_registry_and_no_secret() -> None:
    forbidden = re.compile(
        "|".join(
            (
                r"(?<![\w.])/(work|root|Users)/",
                r"/home/\w+/",
                r"pypi\." + "org|python" + "hosted|npm" + "mirror|proxy\\." + "golang",
                r"registry\." + "(npmjs|yarnpkg)",
                r"--index" + "-url|--extra-index" + "-url",
                "-----BEGIN [A-Z ]*PRIVATE " + "KEY",
                r"\bAKIA[0-9A-Z]{16}\b|\bghp_[0-9A-Za-z]{20}",
            )
        )
    )
    named = [(name, found[0]) for name in kept_files() for found in forbidden.finditer(text_of(name))]
    assert named == []


def test_lock_files_hold_no_addresses() -> None:
    locks = [name for name in kept_files() if Path(name).name in ("package-lock.json", "uv.lock", "poetry.lock")]
    assert locks
    # Packages say there, under "url", where they take donations; npm never loads from it.
    address = re.compile(r'"resolved"|"(?!url")\w+": *"(https?:|git[+:@])')
    assert [name for name in locks if address.search(text_of(name))] == []


def test_what_is_imported_is_depended_upon_and_nothing_else() -> None:
    config = ConfigParser()
    config.read_string(text_of("setup.cfg"))
    required = distributions(config["options"]["install_requires"])
    extras = config["options.extras_require"]
    optional = distributions(extras["postgres"]) | distributions(extras["oidc"])
    used = set()
    for name in product(".py"):
        if name.startswith(("engine/", "web/")) and not name.startswith("web/frontend/"):
            used |= {module.split(".")[0] for module in imported(name)}
    used -= set(sys.stdlib_module_names) | {"engine", "web"}
    named = {COMES_ALONG.get(module) or DISTRIBUTIONS.get(module) or module.replace("_", "-") for module in used}
    assert named - required - optional == set()
    assert required - named - NOT_IMPORTED == set()


def distributions(lines: str) -> set[str]:
    return {re.split(r"[\[<>=;]", line)[0].strip() for line in lines.split("\n") if line}


def test_a_wheel_carries_every_file_that_is_not_python() -> None:
    config = ConfigParser()
    config.read_string(text_of("setup.cfg"))
    data = {package: lines.split() for package, lines in config["options.package_data"].items()}
    carried = {path for package in data for pattern in data[package] for path in (ROOT / package).glob(pattern)}
    left_out = [
        name
        for name in kept_files()
        if name.startswith(("engine/", "web/")) and not name.startswith("web/frontend/") and not name.endswith(".py")
        if (ROOT / name) not in carried
    ]
    assert left_out == []
