"""Everything a plan can say has words in every language."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from engine import messages
from engine.compiler import app
from engine.storage import differences

STORAGE = Path(differences.__file__).parent


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_setting_of_every_part_has_a_word(language: str) -> None:
    parts = (
        app.CompiledApp, app.Entity, app.Field, app.Rule, app.Unique, app.Access, app.Make, app.Book, app.Requirement,
        app.Stage, app.Move, app.Workflow, app.Approval, app.Step, app.Print, app.Role, app.Automation,
    )  # fmt: skip
    names = {item.name for part in parts for item in fields(part)} - {
        "key", "location", "was", "migrate", "keep", "became", "retired_options", "digest", "untranslated", "rollups",
        "roles", "entities", "approvals", "prints", "shape", "rules", "access", "scopes", "makes", "workflow",
        "compute_order", "options", "role", "enter", "leave", "stages", "moves", "steps",
        "convert", "otherwise", "derived", "automations", "books",
    }  # fmt: skip
    assert not {name for name in names if f"plan.what.{name}" not in messages.catalog(language)}


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_code_in_the_storage_layer_has_a_sentence(language: str) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in STORAGE.glob("*.py"))
    codes = set(re.findall(r'"((?:storage|plan)\.[a-z_]+)"', text))
    codes |= {f"plan.{code}" for code in re.findall(r'"((?:blocked|filled)_[a-z]+)"', text)}
    codes |= {f"plan.thing.{thing}" for thing in re.findall(r'Part\(\s*"([a-z]+)"', text)}
    assert len(codes) > 40
    assert not {code for code in codes if code not in messages.catalog(language)}
