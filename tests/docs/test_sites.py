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
from tests.examples.about import names
from tests.sites.site import manufacturing

PAGES = [ROOT / "docs/sites.md", ROOT / "docs/sites.zh.md"]


def own_of(page: Path) -> dict[str, str]:
    own = {}
    for block in blocks(page, "yaml"):
        place = re.match(r"# (\S+\.yaml)\n", block)
        assert place, block
        own[place[1]] = block
    return own


def site_of(page: Path) -> SourceFolder:
    return SourceFolder({**own_of(page), **pin("manufacturing", manufacturing())})


def test_the_site_of_the_pages_checks_and_its_examples_hold() -> None:
    folder = site_of(PAGES[0])
    assert {path.split("/")[0] for path in own_of(PAGES[0])} == {"app.yaml", "quote"}
    app = load_app(folder)
    assert app.entities["quote"].fields["freight"].retired and "oem_program" in app.entities["quote"].fields
    files = [one for one in read_examples(folder) if names(repr(one), "quote")]
    with throw_away_store(folder) as (store, clock):
        outcomes = run_examples(store, clock, files)
    assert [outcome.example.key for outcome in outcomes if outcome.problems] == []
    assert "four_percent" in {outcome.example.key for outcome in outcomes}
    assert len(outcomes) > 100


def test_both_pages_show_the_same_site() -> None:
    one, other = (site_of(page).files for page in PAGES)
    assert one == other
