"""From a folder of sources to a compiled app: the list of steps.

Enters: a ``SourceFolder`` (files on disk, or the stored sources of a release). Leaves: a ``CompiledApp``, or a
``DefinitionError`` with every problem found. Must not touch a database.
"""

from engine.compiler.app import CompiledApp, Role
from engine.compiler.compilation import Compilation
from engine.compiler.entities import compile_entity
from engine.compiler.shapes import build_shapes
from engine.compiler.workflows import compile_approval, compile_print, compile_workflow
from engine.definition.model import AppDefinition
from engine.definition.parser import parse_app
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError


def load_app(folder: SourceFolder, *, checked: bool = False) -> CompiledApp:
    """Parse and compile a folder; raises ``DefinitionError``.

    ``checked=True`` leaves out the JSON Schema check, for sources of a release that passed it when it was published.
    """
    return compile_app(parse_app(folder, checked=checked), folder.digest)


def compile_app(definition: AppDefinition, digest: str) -> CompiledApp:
    """Compile a definition; ``digest`` is the sha256 of its sources. Raises ``DefinitionError`` with all problems."""
    compilation = Compilation(definition, build_shapes(definition))
    workflows = {}
    for written in definition.workflows.values():
        workflow = compile_workflow(compilation, written)
        if workflow is not None:
            if written.entity.name in workflows:
                compilation.refuse("W007", written.location, entity=written.entity.name)
            workflows[written.entity.name] = workflow
    entities = {
        key: compile_entity(compilation, entity, workflows.get(key)) for key, entity in definition.entities.items()
    }
    approvals = {key: compile_approval(compilation, written) for key, written in definition.approvals.items()}
    prints = {key: compile_print(compilation, written) for key, written in definition.prints.items()}
    app = CompiledApp(
        key=definition.key,
        label=compilation.label("app.label", definition.label),
        version=definition.version,
        digest=digest,
        language=definition.language,
        languages=definition.languages,
        timezone=definition.timezone,
        currency=definition.currency,
        roles={key: Role(key, compilation.label(f"roles.{key}", role.label)) for key, role in definition.roles.items()},
        menu=compilation.require_all(definition.menu, definition.entities, "E001"),
        calendar=definition.calendar,
        entities=entities,
        approvals={key: approval for key, approval in approvals.items() if approval is not None},
        prints={key: printed for key, printed in prints.items() if printed is not None},
    )
    compilation.unused_translations()
    if compilation.problems:
        raise DefinitionError(compilation.problems)
    return app
