"""From written modules to compiled ones: what is switched on and off together, and what each cannot do without.

Enters: the definition and its compiled entities. Leaves: ``Module``, and problems. Must not accept a module that could
be on while nothing in it can be made.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from engine.compiler.app import Entity, Module, find_required
from engine.compiler.compilation import Compilation
from engine.definition.model import ModuleDefinition


def compile_modules(compilation: Compilation, entities: Mapping[str, Entity]) -> dict[str, Module]:
    """Return the modules in file order."""
    found = {key: _module(compilation, written) for key, written in compilation.definition.modules.items()}
    _check_once(compilation)
    _check_circles(compilation, found)
    _check_needs(compilation, found, entities)
    return found


def _module(compilation: Compilation, written: ModuleDefinition) -> Module:
    definition, path = compilation.definition, f"modules.{written.key}"
    return Module(
        key=written.key,
        label=compilation.label(path, written.label),
        help=compilation.label(f"{path}.help", written.help),
        entities=compilation.require_all(written.entities, definition.entities, "E001"),
        needs=compilation.require_all(written.needs, definition.modules, "G001"),
        phase=written.phase,
        off=written.off,
    )


def _check_once(compilation: Compilation) -> None:
    first: dict[str, str] = {}
    for written in compilation.definition.modules.values():
        for one in written.entities:
            if first.setdefault(one.name, written.key) != written.key:
                compilation.refuse("G002", one.location, name=one.name, first=first[one.name])


def _check_circles(compilation: Compilation, modules: Mapping[str, Module]) -> None:
    try:
        TopologicalSorter({key: one.needs for key, one in modules.items()}).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        place = compilation.definition.modules[circle[0]].location
        compilation.refuse("G003", place, cycle=" → ".join(circle))


def _check_needs(compilation: Compilation, modules: Mapping[str, Module], entities: Mapping[str, Entity]) -> None:
    """What a record cannot be made without must be on whenever its own module is."""
    if not compilation.judges:
        return
    home = {entity: key for key, one in modules.items() for entity in one.entities}
    for key, module in modules.items():
        reached, waiting = {key}, [*module.needs]
        while waiting:
            one = waiting.pop()
            if one not in reached:
                reached.add(one)
                waiting += modules[one].needs
        for entity in module.entities:
            for target in sorted(find_required(entities[entity]) & home.keys()):
                if home[target] not in reached:
                    place = compilation.definition.modules[key].location
                    compilation.refuse("G004", place, module=key, name=entity, target=target, other=home[target])
