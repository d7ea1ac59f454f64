"""The pages about sites: their definitions, in order, are a site that checks and whose examples hold."""

import re
from pathlib import Path

from engine.compiler.compile import load_app
from engine.definition.pinning import pin
from engine.definition.source import SourceFolder
from engine.examples.reading import read_examples
from engine.examples.running import run_examples, throw_away_store
from tests.conftest import ROOT
from tests.docs.test_pages import blocks
from tests.sites.site import manufacturing

PAGES = [ROOT / "docs/sites.md", ROOT / "docs/sites.zh.md"]


def site_of(page: Path) -> SourceFolder:
    own = {}
    for block in blocks(page, "yaml"):
        place = re.match(r"# (\S+\.yaml)\n", block)
        assert place, block
        own[place[1]] = block
    return SourceFolder({**own, **pin("manufacturing", manufacturing())})


def test_the_site_of_the_pages_checks_and_its_examples_hold() -> None:
    folder = site_of(PAGES[0])
    app = load_app(folder)
    assert app.entities["quote"].fields["freight"].retired and "oem_program" in app.entities["quote"].fields
    with throw_away_store(folder) as (store, clock):
        wrong = [
            outcome.example.key for outcome in run_examples(store, clock, read_examples(folder)) if outcome.problems
        ]
    assert wrong == []


def test_both_pages_show_the_same_site() -> None:
    one, other = (site_of(page).files for page in PAGES)
    assert one == other
