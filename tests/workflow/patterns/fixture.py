"""A control-flow pattern as a fixture: a scenario, an approval in the little app of the cookbook, examples of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.definition.source import SourceFolder, read_folder
from tests.conftest import ROOT

FOLDER = Path(__file__).parent / "fixtures"
BASE = read_folder(ROOT / "docs" / "cookbook").files
HEAD = {"approval": "offer", "entity": "offer", "label": "报价审批", "guard": ["total", "discount", "payment_term"]}


@dataclass(frozen=True)
class Fixture:
    """One fixture file; ``enter`` is what an offer needs to be sent, where the pattern is about that."""

    file: str
    pattern: int
    name: str
    scenario: str
    approval: dict[str, Any]
    examples: dict[str, Any]
    enter: dict[str, Any] | None = None

    def folder(self) -> SourceFolder:
        """Return the app with this approval and these examples."""
        files = dict(BASE)
        files["offer/approval.yaml"] = write(HEAD | self.approval)
        files["offer/examples/pattern.yaml"] = write({"examples": self.examples})
        if self.enter is not None:
            workflow = yaml.safe_load(files["offer/workflow.yaml"])
            workflow["outcomes"]["sent"]["enter"] = self.enter
            files["offer/workflow.yaml"] = write(workflow)
        return SourceFolder(files)


def write(value: Any) -> str:
    """Return a value as a definition file, everything written out: anchors are not part of the language."""
    return str(yaml.dump(value, Dumper=_Plain, allow_unicode=True, sort_keys=False))


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def read_fixtures() -> list[Fixture]:
    """Return every fixture, by the number of its pattern."""
    paths = sorted(FOLDER.glob("*.yaml"))
    return [Fixture(path.stem, **yaml.safe_load(path.read_text(encoding="utf-8"))) for path in paths]
