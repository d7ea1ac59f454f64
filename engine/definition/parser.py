"""From the texts of a folder to one ``AppDefinition``.

Enters: a ``SourceFolder``. Leaves: the definition, or ``DefinitionError`` with the problems of all files at once. Must
not resolve a name from one file in another: the compiler does, over the result.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any, Final, TypeVar

from engine.definition.approvals import parse_approval
from engine.definition.apps import check_settings, parse_print, parse_settings
from engine.definition.automations import parse_automations
from engine.definition.dashboards import check_dashboard, parse_dashboard
from engine.definition.documents import Documents, read_documents
from engine.definition.entities import check_entity, parse_entity
from engine.definition.examples import check_examples
from engine.definition.kept import make_kept
from engine.definition.kinds import BASE, Kind, find_kind
from engine.definition.locales import check_locale, parse_locale
from engine.definition.model import AppDefinition, WorkflowDefinition
from engine.definition.patterns import check_pattern, check_use
from engine.definition.problems import problem
from engine.definition.reports import parse_reports
from engine.definition.source import SourceFolder
from engine.definition.workflows import check_workflow, parse_workflow
from engine.definition.yaml_reader import Document
from engine.errors import DefinitionError, Location, Problem

T = TypeVar("T")


def parse_app(folder: SourceFolder, *, checked: bool = False) -> AppDefinition:
    """Return the app written in ``folder``.

    ``checked`` says that these very texts passed this function before (a stored release), so that their shape need not
    be checked again. Raises ``DefinitionError`` with the problems of all files.
    """
    documents, problems = read_documents(folder, checked=checked)
    if not documents["app"]:
        problems += _check_app_is_there(folder)
    if not checked:
        problems += _check_documents(documents)
    if problems:
        raise DefinitionError(problems)
    try:
        return _assemble(documents, _make if checked else make_kept)
    except (AttributeError, KeyError, TypeError, ValueError):
        if not checked:
            raise
        return parse_app(folder)  # stored before the notation changed: say in words what no longer fits


def parse_documents(folder: SourceFolder, kind: Kind, *, checked: bool = False) -> list[Document]:
    """Return the documents of one kind, in the order of their paths; ``checked`` as for ``parse_app``.

    Raises ``DefinitionError`` with the problems of these files.
    """
    files = {path: text for path, text in folder.files.items() if find_kind(path) in (kind, "app")}
    documents, problems = read_documents(SourceFolder(files), checked=checked, only=kind)
    if problems:
        raise DefinitionError(problems)
    return documents[kind]


def _check_app_is_there(folder: SourceFolder) -> list[Problem]:
    written = "app.yaml" in folder.files or any(item.location.file == "app.yaml" for item in folder.problems)
    return [] if written else [problem("D027", Location("app.yaml"))]


def _check_documents(documents: Documents) -> list[Problem]:
    """Return what is wrong with the files beyond their shape."""
    patterns = _patterns(documents)
    problems: list[Problem] = []
    for document in documents["app"]:
        problems += check_settings(document, documents["locale"])
    for document in documents["approval"]:
        problems += check_use(document, patterns)
    for kind, check in _CHECKS.items():
        problems += [one for document in documents[kind] for one in make_kept(_whole(check), document)]
    return problems + _check_doubles(documents)


def _check_doubles(documents: Documents) -> list[Problem]:
    """Return a problem for each thing that two files define."""
    problems = []
    for kind in ("entity", "workflow", "approval", "print", "pattern", "automations", "reports", "dashboard"):
        first: dict[str, Location] = {}
        for document in documents[kind]:
            key, here = document.data[kind], document.at_text((kind,))
            if key in first:
                problems.append(problem("D201", here, None, kind=kind, key=key, first=first[key]))
            first.setdefault(key, here)
    return problems


def _patterns(documents: Documents) -> Mapping[str, Document]:
    return {document.data["pattern"]: document for document in documents["pattern"]}


@cache
def _whole(check: Callable[[Document], Iterable[Problem]]) -> Callable[[Document], tuple[Problem, ...]]:
    return lambda document: tuple(check(document))


def _check_entity(document: Document) -> Iterable[Problem]:
    return check_entity(make_kept(parse_entity, document))


_CHECKS: Final[Mapping[Kind, Callable[[Document], Iterable[Problem]]]] = {
    "entity": _check_entity,
    "workflow": check_workflow,
    "pattern": check_pattern,
    "locale": check_locale,
    "example": check_examples,
    "dashboard": check_dashboard,
}
"""What is wrong with a file by itself beyond its shape."""


def _make(make: Callable[[Document], T], document: Document) -> T:
    return make(document)


def _assemble(documents: Documents, make: Callable[[Callable[[Document], Any], Document], Any]) -> AppDefinition:
    """Return the app; ``make`` calls a parser with a document, or knows what it made of it."""
    patterns = _patterns(documents)
    workflows = _by_key(documents["workflow"], partial(make, parse_workflow))
    locales = {document.data["locale"]: make(parse_locale, document) for document in documents["locale"]}
    return parse_settings(
        documents["app"][0],
        locales,
        entities=_by_key(documents["entity"], partial(make, parse_entity)),
        workflows=workflows,
        approvals=_by_key(documents["approval"], lambda document: parse_approval(document, patterns)),
        prints=_by_key(documents["print"], partial(make, parse_print)),
        automations=_by_key(documents["automations"], partial(make, parse_automations)),
        reports=_by_key(documents["reports"], partial(make, parse_reports)),
        dashboards=_by_key(documents["dashboard"], partial(make, parse_dashboard)),
        translations={language: _with_outcomes(texts, workflows) for language, (texts, _) in locales.items()},
        translation_locations={language: _own_places(places) for language, (_, places) in locales.items()},
    )


def _own_places(places: Mapping[str, Location]) -> Mapping[str, Location]:
    """Leave out the translations of a template: what a site removed need not be removed from them too."""
    return {path: place for path, place in places.items() if not place.file.startswith(BASE)}


def _with_outcomes(texts: Mapping[str, str], workflows: Mapping[str, WorkflowDefinition]) -> Mapping[str, str]:
    """The label of an outcome serves the move of its name too, in every language."""
    added = {}
    for workflow in workflows.values():
        for key in workflow.stages.keys() & workflow.moves.keys():
            stage, move = (f"workflows.{workflow.key}.{part}.{key}" for part in ("stages", "moves"))
            if stage in texts and workflow.moves[key].location == workflow.stages[key].location:
                added[move] = texts[stage]
    return {**added, **texts}


def _by_key(documents: Iterable[Document], parse: Callable[[Document], T]) -> dict[str, T]:
    definitions: dict[str, T] = {}
    for document in documents:
        definition: Any = parse(document)
        definitions[definition.key] = definition
    return definitions
