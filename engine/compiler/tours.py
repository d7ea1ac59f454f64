"""From written tours to compiled ones: each step is a page, and at most one thing that stands on it.

Enters: the definition, its compiled entities and workflows. Leaves: ``Tour`` by key, and problems. Must not know what
a page looks like: where a thing stands on it is the business of the web layer.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from engine.compiler.app import Entity, Tour, TourFinish, TourStep, Workflow
from engine.compiler.compilation import Compilation
from engine.definition.model import Reference, TourDefinition, TourFinishDefinition, TourStepDefinition
from engine.expression import BOOLEAN

OF_ENTITY: Final = ("list", "form", "record")
BUTTONS: Final[Mapping[str, tuple[str, ...]]] = {
    "list": ("create", "search", "filter", "board", "import", "export"),
    "form": ("save",),
    "record": ("edit", "journey"),
}
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "record": ("stages", "missing", "facts", "approval", "comments", "history"),
}
_PAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "field": ("form",),
    "section": ("form", "record"),
    "move": ("record",),
    "make": ("record",),
    "button": OF_ENTITY,
    "part": ("record",),
}


def compile_tours(
    compilation: Compilation, entities: Mapping[str, Entity], workflows: Mapping[str, Workflow]
) -> dict[str, Tour]:
    """Return the tours in file order."""
    written = compilation.definition.tours
    return {key: _Tour(compilation, entities, workflows, tour).compile() for key, tour in written.items()}


class _Tour:
    """One tour being compiled."""

    def __init__(
        self,
        compilation: Compilation,
        entities: Mapping[str, Entity],
        workflows: Mapping[str, Workflow],
        written: TourDefinition,
    ) -> None:
        self.compilation, self.entities, self.workflows = compilation, entities, workflows
        self.written = written
        self.path = f"tours.{written.key}"

    def compile(self) -> Tour:
        compilation, written = self.compilation, self.written
        label = compilation.label(self.path, written.label)
        roles = compilation.require_all(written.for_, compilation.definition.roles, "E003")
        steps = tuple(self._step(one) for one in written.steps.values())
        self._check_roles(steps)
        return Tour(written.key, label, frozenset(roles), steps, self._finish(written.finish))

    def _step(self, written: TourStepDefinition) -> TourStep:
        text = self.compilation.label(f"{self.path}.steps.{written.key}", written.text)
        entity = self._entity(written)
        pointed = [(kind, one) for kind, one in _pointed(written) if one is not None]
        if len(pointed) > 1:
            self.compilation.refuse("E121", written.location, kinds=", ".join(kind for kind, _ in pointed))
        if len(pointed) != 1 or entity is None:
            for kind, one in pointed if written.page not in OF_ENTITY else ():
                self._check_page(written, kind, one)
            return TourStep(written.key, written.page, entity, None, None, text)
        kind, reference = pointed[0]
        found = self._check_page(written, kind, reference) and self._target(written, entity, kind, reference)
        return TourStep(written.key, written.page, entity, kind if found else None, found or None, text)

    def _entity(self, written: TourStepDefinition) -> str | None:
        if (written.page in OF_ENTITY) is (written.entity is None):
            self.compilation.refuse("E120", written.location, page=written.page)
        if written.entity is None or written.page not in OF_ENTITY:
            return None
        return self.compilation.require(written.entity, self.compilation.definition.entities, "E001")

    def _check_page(self, written: TourStepDefinition, kind: str, reference: Reference) -> bool:
        pages = _PAGES[kind]
        if written.page not in pages:
            self.compilation.refuse("E122", reference.location, page=written.page, kind=kind, pages=", ".join(pages))
        return written.page in pages

    def _target(self, written: TourStepDefinition, entity: str, kind: str, reference: Reference) -> str | None:
        compilation, definition = self.compilation, self.compilation.definition.entities[entity]
        if kind in ("button", "part"):
            known = (BUTTONS if kind == "button" else PARTS)[written.page]
            return compilation.require(reference, known, "E125", page=written.page, names=", ".join(known))
        if kind == "field":
            return compilation.require(reference, definition.fields, "E002", entity=entity)
        workflow = self.workflows.get(entity)
        named: Mapping[str, object] = {
            "section": definition.form,
            "make": definition.makes,
            "move": workflow.moves if workflow is not None else {},
        }[kind]
        return compilation.require(reference, named, "E123", entity=entity, kind=kind)

    def _check_roles(self, steps: tuple[TourStep, ...]) -> None:
        """Whoever a tour is for sees what it goes through, and may fill in its forms."""
        filled = {one.entity for one in steps if one.page == "form"}
        for reference in (one for one in self.written.for_ if one.name in self.compilation.definition.roles):
            for entity in dict.fromkeys(one.entity for one in steps if one.entity is not None):
                access = self.entities[entity].access.get(reference.name)
                if access is None or not access.read:
                    self.compilation.refuse("E124", reference.location, name=reference.name, entity=entity)
                elif entity in filled and not (access.create or access.write):
                    self.compilation.refuse("E126", reference.location, name=reference.name, entity=entity)

    def _finish(self, written: TourFinishDefinition | None) -> TourFinish | None:
        if written is None:
            return None
        compilation = self.compilation
        entity = compilation.require(written.from_, compilation.definition.entities, "E001")
        if entity is None:
            return None
        makes = compilation.definition.entities[entity].makes
        make = compilation.require(written.make, makes, "E123", entity=entity, kind="make")
        where = compilation.expression(written.where, entity, BOOLEAN, sql=True)
        return TourFinish(entity, where, make) if make is not None and where is not None else None


def _pointed(written: TourStepDefinition) -> Iterator[tuple[str, Reference | None]]:
    return ((kind, getattr(written, kind)) for kind in _PAGES)
