"""``formwork check``: every problem with its place, for people and for programs; what is not translated."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.compiler.compile import load_app
from engine.definition.schema import read_schema
from engine.definition.source import SourceFolder, read_folder
from engine.definition.yaml_reader import parse_yaml
from engine.errors import DefinitionError
from tests.cli.conftest import DESK, Run, changed
from tests.conftest import ROOT, to_folder

TYPO = ("ticket/workflow.yaml", "to: [done], main", "to: [dnoe], main")


def report_of(run: Run, *arguments: object) -> dict[str, Any]:
    result = run("check", *arguments, "--json")
    said: dict[str, Any] = json.loads(result.stdout)
    Draft202012Validator(read_schema("report")).validate(said)
    assert result.exit_code == (0 if said["ok"] else 1)
    return said


def test_a_good_folder_passes(run: Run) -> None:
    assert run("check", DESK).exit_code == 0
    assert run("check", "manufacturing").exit_code == 0
    assert report_of(run, "starter") == {"format": 1, "ok": True, "problems": [], "untranslated": {}}


def test_a_typo_is_told_with_its_place_and_a_suggestion(run: Run, tmp_path: Path) -> None:
    folder = changed(tmp_path, *TYPO)
    result = run("check", folder)
    assert result.exit_code == 1
    assert re.search(r"^ticket/workflow\.yaml:\d+:\d+: .*dnoe.*done", result.stderr, re.M)


def test_programs_get_the_place_the_word_and_both_languages(run: Run, tmp_path: Path) -> None:
    folder = changed(tmp_path, *TYPO)
    first = report_of(run, folder)["problems"][-1]
    text = (folder / "ticket/workflow.yaml").read_text(encoding="utf-8").splitlines()[first["line"] - 1]
    assert text[first["column"] - 1 : first["end_column"]] == "dnoe"
    assert (first["code"], first["suggestion"]) == ("W001", "done")
    assert "does not exist" in first["sentence"]["en"] and "不存在" in first["sentence"]["zh"]


def test_one_file_is_judged_with_all_around_it_but_only_its_own_problems_are_told(run: Run, tmp_path: Path) -> None:
    folder = changed(tmp_path, *TYPO)
    wrong, right = run("check", folder / "ticket/workflow.yaml"), run("check", folder / "ticket/entity.yaml")
    assert wrong.exit_code == 1 and "dnoe" in wrong.stderr
    assert right.exit_code == 0 and "other files" in right.stdout
    assert {one["file"] for one in report_of(run, folder / "ticket/workflow.yaml")["problems"]} == {TYPO[0]}
    assert report_of(run, folder / "ticket/entity.yaml")["problems"] == []


def test_a_folder_without_an_app_is_checked_too(run: Run, tmp_path: Path) -> None:
    folder = changed(tmp_path, *TYPO)
    (folder / "app.yaml").unlink()
    assert [one["code"] for one in report_of(run, folder)["problems"]] == ["D027"]


def test_an_unknown_template_names_those_there_are(run: Run) -> None:
    result = run("check", "manufactoring")
    assert result.exit_code == 1
    assert "manufacturing" in result.stderr


class TestTranslations:
    def folder(self, tmp_path: Path) -> Path:
        """The manufacturing template, of whose English texts a third is gone."""
        folder = tmp_path / "app"
        shutil.copytree(ROOT / "templates/manufacturing", folder)
        (folder / "locales/en.yaml").unlink()
        return folder

    def test_missing_ones_are_listed_and_are_a_mistake_only_when_asked(self, run: Run, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        plain, strict = run("check", folder), run("check", folder, "--strict")
        assert (plain.exit_code, strict.exit_code) == (0, 1)
        assert re.search(r"Not translated into en yet: \d+ texts", plain.stdout)
        assert "app.label: 制造业销售管理" in plain.stdout
        assert {one["path"] for one in report_of(run, folder)["untranslated"]["en"]} >= {"app.label", "roles.rep"}

    def test_the_file_to_fill_in_holds_exactly_what_is_missing(self, run: Run, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        printed = run("check", folder, "--translations").stdout
        assert printed.startswith("# locales/en.yaml\nlocale: en\n")
        (folder / "locales/en.yaml").write_text(printed, encoding="utf-8")
        refused = report_of(run, folder)["problems"]
        assert {one["code"] for one in refused} <= {"D122", "D030"}, "an empty text is no translation"
        (folder / "locales/en.yaml").write_text(printed.replace('""', '"Text"'), encoding="utf-8")
        assert run("check", folder, "--strict").exit_code == 0
        assert run("check", folder, "--translations").stdout == ""

    def test_every_text_that_is_taken_away_is_listed(self) -> None:
        files = dict(to_folder("manufacturing").files)
        texts = list(leaves(parse_yaml(files["locales/en.yaml"], "locales/en.yaml").data))
        assert len(texts) > 300
        app = load_app(SourceFolder({**files, "locales/en.yaml": "locale: en\n"}))
        assert len(app.untranslated["en"]) == len(texts) - 1  # all but the name of the language


def leaves(value: Any) -> Iterator[Any]:
    if not isinstance(value, dict | list):
        yield value
        return
    for item in value.values() if isinstance(value, dict) else value:
        yield from leaves(item)


def test_watching_checks_again_when_a_file_changes(tmp_path: Path) -> None:
    folder = changed(tmp_path, "app.yaml", "label: 服务台", "label: 服务台")
    command = [sys.executable, "-u", "-c", "from web.cli import main; main()", "--lang", "en", "check", str(folder)]
    with subprocess.Popen([*command, "--watch"], stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            wait_for(process.stdout, "No problems")
            file = folder / TYPO[0]
            good = file.read_text(encoding="utf-8")
            file.write_text(good.replace(TYPO[1], TYPO[2]), encoding="utf-8")
            wait_for(process.stdout, "dnoe")
            file.write_text("stages: [\x00", encoding="utf-8")
            wait_for(process.stdout, "invisible character")
            file.write_text(good, encoding="utf-8")
            wait_for(process.stdout, "No problems")
        finally:
            process.kill()


def wait_for(lines: Any, text: str) -> None:
    until = time.monotonic() + 120
    for line in lines:
        if text in line:
            return
        assert time.monotonic() < until
    pytest.fail(f"it ended without saying {text!r}")


def test_a_file_that_cannot_be_read_is_a_problem_like_any_other(tmp_path: Path) -> None:
    folder = changed(tmp_path, "app.yaml", "label: 服务台", "label: 服务台")
    (folder / "ticket/entity.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DefinitionError):
        load_app(read_folder(folder))
