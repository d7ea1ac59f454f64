"""The templates that come along, as somebody who has to choose one sees them.

Enters: the folder of bundled templates. Leaves: what each is called, holds and shows in its demo, counted from the
compiled template. Must not publish anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.compiler.app import CompiledApp
from engine.compiler.compile import load_app
from engine.definition.documents import find_extended
from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder, read_folder

Label = Mapping[str, str]


@dataclass(frozen=True)
class Offer:
    """One template: ``things`` and ``roles`` by name, how many approvals, reports and so on, what its demo has.

    ``extends`` is the template it stands on. Without ``steps`` its demo has people and no records.
    """

    key: str
    folder: Path
    label: Label
    extends: str | None
    things: tuple[Label, ...]
    roles: tuple[Label, ...]
    approvals: int
    reports: int
    dashboards: int
    people: int
    steps: int


def read_offers(folder: Path) -> list[Offer]:
    """Return what may be chosen: whole templates before sites that extend one, the largest first."""
    found = [_read(path.parent) for path in folder.glob("*/app.yaml")]
    return sorted(found, key=lambda one: (one.extends is not None, -len(one.things), one.key))


def _read(folder: Path) -> Offer:
    sources = read_folder(folder)
    app = load_app(sources)
    people, steps = _count_demo(sources)
    return Offer(
        key=folder.name,
        folder=folder,
        label=app.label,
        extends=find_extended(sources),
        things=tuple(app.entities[key].label for key in app.menu or tuple(app.entities)),
        roles=tuple(one.label for one in app.roles.values() if not one.retired and not one.service),
        approvals=_count_approvals(app),
        reports=len(app.reports),
        dashboards=len(app.dashboards),
        people=people,
        steps=steps,
    )


def _count_approvals(app: CompiledApp) -> int:
    """Return how many things are approved."""
    flows = [one.workflow for one in app.entities.values() if one.workflow is not None]
    return sum(any(move.approval for move in flow.moves.values()) for flow in flows)


def _count_demo(sources: SourceFolder) -> tuple[int, int]:
    documents = parse_documents(sources, "demo")
    people = {login for one in documents for login in one.data.get("users", {})}
    return len(people), sum(len(one.data.get("steps", ())) for one in documents)
