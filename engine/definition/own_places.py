"""Problems of what a template says, told where a site can mend them.

Enters: the sources of a site, problems found in it. Leaves: the same problems; one that stands in ``base/``, which
nobody edits, moves to the site's own file: to what was removed, else to what lies over that place, else it says which
file to make. Must not judge anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from engine.definition.documents import Identity, find_extended, identify, own_documents, own_path
from engine.definition.kept import parse_kept
from engine.definition.kinds import BASE, find_kind
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import Document, NodePath
from engine.errors import DefinitionError, Location, Problem, Template

_PIN: Final = "D30"
"""Problems of the pin itself are told where they are."""


def tell_of_site(folder: SourceFolder, problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems; those of the template a site extends at the site's own places."""
    found = list(problems)
    if find_extended(folder) is None or not any(_is_templates(one) for one in found):
        return found
    try:
        documents = own_documents(folder)
    except DefinitionError:
        documents = []
    own = _Own({identify(kind, document): document for kind, document in documents})
    return [own.place(folder, one) if _is_templates(one) else one for one in found]


def _is_templates(problem: Problem) -> bool:
    return problem.location.file.startswith(BASE) and not problem.code.startswith(_PIN)


@dataclass
class _Own:
    documents: Mapping[Identity, Document]

    def place(self, folder: SourceFolder, problem: Problem) -> Problem:
        """Return a problem of the template where the site can mend it."""
        kind = find_kind(problem.location.file)
        try:
            base = parse_kept(folder.files[problem.location.file], problem.location.file)
        except (DefinitionError, KeyError):
            return problem
        own = None if kind is None else self.documents.get(identify(kind, base))
        file = own.file if own is not None else own_path(problem.location.file)
        template = Template(problem.location, file, exists=own is not None)
        removed = self._find_removed(_missing_name(problem))
        if removed is not None:
            return replace(problem, location=removed, template=template)
        if own is None:
            return replace(problem, template=template)
        return replace(problem, location=_over(own, base, problem.location), template=template)

    def _find_removed(self, name: str | None) -> Location | None:
        """Return where the site removes what is called so."""
        for document in self.documents.values():
            removed = document.data.get("remove")
            for address in removed if name and isinstance(removed, dict) else ():
                if str(address).rpartition(".")[2] == name:
                    return document.at_key(("remove", address))
        return None


def _missing_name(problem: Problem) -> str | None:
    """Return the name that leads nowhere, where that is the problem."""
    error = problem.params.get("error")
    params = getattr(error, "params", problem.params)
    name = params.get("name")
    return name if isinstance(name, str) else None


def _over(own: Document, base: Document, place: Location) -> Location:
    """Return what of the site lies over a place of the template, or what comes nearest above it."""
    for path in _paths_up(base, place):
        if path in own.locations:
            return own.at_key(path) if path else own.at_value(path)
    return own.at_value(())


def _paths_up(base: Document, place: Location) -> Iterator[NodePath]:
    """Yield the path of the value that stands at a place, and those it lies in."""
    before = [
        (base.at_key(path), path)
        for path in base.locations
        if path and (base.at_key(path).line, base.at_key(path).column) <= (place.line, place.column)
    ]
    path = max(before)[1] if before else ()
    for length in range(len(path), -1, -1):
        yield path[:length]
