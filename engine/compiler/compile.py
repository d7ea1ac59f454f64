"""From a folder of sources to a compiled app: the list of steps.

Enters: a ``SourceFolder`` (files on disk, or the stored sources of a release). Leaves: a ``CompiledApp``, or a
``DefinitionError`` with every problem found. Must not touch a database.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from engine.compiler.app import Automation, CompiledApp, Entity, Figure, Group, Keep, MenuGroup, Print, Role, Workflow
from engine.compiler.approvals import check_calls, compile_approval
from engine.compiler.automations import compile_automations
from engine.compiler.books import check_books
from engine.compiler.compilation import Compilation
from engine.compiler.dashboards import compile_dashboards
from engine.compiler.dead_ends import check_dead_ends
from engine.compiler.displays import check_displays
from engine.compiler.entities import compile_entity
from engine.compiler.found_links import check_series
from engine.compiler.modules import compile_modules
from engine.compiler.prints import compile_print
from engine.compiler.quick_creates import check_quick_creates
from engine.compiler.renaming import check_renames
from engine.compiler.reports import Reporting
from engine.compiler.retirement import check_retired
from engine.compiler.rollups import compile_rollups
from engine.compiler.shapes import build_shapes
from engine.compiler.tours import compile_tours
from engine.compiler.translations import find_untranslated
from engine.compiler.triggers import check_hooks
from engine.compiler.workflows import compile_workflow
from engine.definition.model import AppDefinition, KeepDefinition, RoleDefinition
from engine.definition.own_places import tell_of_site
from engine.definition.parser import parse_app
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError


def load_app(folder: SourceFolder, *, checked: bool = False) -> CompiledApp:
    """Parse and compile a folder; raises ``DefinitionError``.

    ``checked=True`` is for the sources of a release, which passed every check when it was published: the JSON Schema
    check is left out, and so is what only judges, since a later program may judge more.
    """
    try:
        return compile_app(parse_app(folder, checked=checked), folder.digest, stored=checked)
    except DefinitionError as error:
        raise DefinitionError(tell_of_site(folder, error.problems)) from None


def compile_app(definition: AppDefinition, digest: str, *, stored: bool = False) -> CompiledApp:
    """Compile a definition; ``digest`` is the sha256 of its sources. Raises ``DefinitionError`` with all problems.

    ``stored`` says that it is a release, in which dead ends are not looked for.
    """
    compilation = Compilation(definition, build_shapes(definition), stored=stored)
    workflows, written = _compile_workflows(compilation), definition.entities
    entities = {key: compile_entity(compilation, entity, workflows.get(key)) for key, entity in written.items()}
    approvals = {key: compile_approval(compilation, written) for key, written in definition.approvals.items()}
    check_calls(compilation)
    counted = _compile_reports(compilation, entities)
    app = CompiledApp(
        key=definition.key,
        label=compilation.label("app.label", definition.label),
        version=definition.version,
        digest=digest,
        language=definition.language,
        languages=definition.languages,
        timezone=definition.timezone,
        currency=definition.currency,
        ask_export_above=definition.ask_export_above,
        keep=_keep(definition.keep),
        roles=_roles(compilation),
        groups=_groups(compilation),
        **_menu(compilation),
        chain=compilation.require_all(definition.chain, definition.entities, "E001"),
        calendar=definition.calendar,
        calendars=definition.calendars,
        entities=entities,
        approvals={key: approval for key, approval in approvals.items() if approval is not None},
        prints=_compile_prints(compilation),
        automations=_compile_automations(compilation, workflows, counted["figures"]),
        **_modules_and_tours(compilation, entities, workflows),
        untranslated=find_untranslated(compilation),
        rollups=compile_rollups(compilation, entities),
        **counted,
    )
    check_dead_ends(compilation, entities, approvals)
    _judge(compilation, app)
    return app


def _modules_and_tours(
    compilation: Compilation, entities: Mapping[str, Entity], workflows: Mapping[str, Workflow]
) -> dict[str, Any]:
    modules = compile_modules(compilation, entities)
    return {"modules": modules, "tours": compile_tours(compilation, entities, workflows)}


def _keep(written: KeepDefinition) -> Keep:
    runs, messages, events = (
        timedelta(days=int(one.removesuffix("d"))) for one in (written.runs, written.messages, written.events)
    )
    return Keep(runs, messages, events)


def _judge(compilation: Compilation, app: CompiledApp) -> None:
    """Look at the whole, and raise everything that was found wrong."""
    check_books(compilation, app.entities)
    check_series(compilation)
    check_displays(compilation, app.entities)
    check_quick_creates(compilation)
    check_retired(compilation)
    check_renames(compilation)
    compilation.unused_translations()
    compilation.raise_problems()


def _compile_workflows(compilation: Compilation) -> dict[str, Workflow]:
    """Return the workflow of each entity that has one."""
    workflows: dict[str, Workflow] = {}
    for written in compilation.definition.workflows.values():
        workflow = compile_workflow(compilation, written)
        if workflow is not None:
            if written.entity.name in workflows:
                compilation.refuse("W007", written.location, entity=written.entity.name)
            workflows[written.entity.name] = workflow
    return workflows


def _compile_automations(
    compilation: Compilation, workflows: Mapping[str, Workflow], figures: Mapping[str, Figure]
) -> dict[str, Automation]:
    found = {
        one.key: one
        for written in compilation.definition.automations.values()
        for one in compile_automations(compilation, written, workflows.get(written.entity.name), figures)
    }
    check_hooks(compilation, found.values())
    return found


def _compile_reports(compilation: Compilation, entities: Mapping[str, Entity]) -> dict[str, Any]:
    """Return the figures, reports, funnels and dashboards."""
    reporting = Reporting(compilation, entities)
    reporting.compile()
    dashboards = {one.key: one for one in compile_dashboards(compilation, reporting)}
    found = {"figures": reporting.figures, "reports": reporting.reports, "funnels": reporting.funnels}
    return {**found, "dashboards": dashboards}


def _compile_prints(compilation: Compilation) -> dict[str, Print]:
    found = {key: compile_print(compilation, written) for key, written in compilation.definition.prints.items()}
    return {key: printed for key, printed in found.items() if printed is not None}


def _roles(compilation: Compilation) -> dict[str, Role]:
    return {key: _role(compilation, role) for key, role in compilation.definition.roles.items()}


def _menu(compilation: Compilation) -> dict[str, Any]:
    """Return the menu and its headings; each thing of the menu stands under one at most.

    What the menu leaves out stands under none: a site may have a shorter menu than the headings of its template.
    """
    definition = compilation.definition
    menu = compilation.require_all(definition.menu, definition.entities, "E001")
    free = {one.name for one in definition.menu}
    found = []
    for key, written in definition.menu_groups.items():
        things = []
        for reference in written.things:
            if compilation.require(reference, definition.entities, "E001") is None:
                continue
            if reference.name in free:
                free.discard(reference.name)
                things.append(reference.name)
            elif reference.name in menu:
                compilation.refuse("E087", reference.location, name=reference.name)
        found.append(MenuGroup(key, compilation.label(f"menu_groups.{key}", written.label), tuple(things)))
    return {"menu": menu, "menu_groups": tuple(found)}


def _groups(compilation: Compilation) -> dict[str, Group]:
    written = compilation.definition.groups
    return {key: Group(key, compilation.label(f"groups.{key}", group.label)) for key, group in written.items()}


def _role(compilation: Compilation, written: RoleDefinition) -> Role:
    label = compilation.label(f"roles.{written.key}", written.label)
    return Role(written.key, label, written.was, written.retired is not None, written.location, written.service)
