"""Whether every record can be called by its ``display``, where that names links.

Enters: the compiled entities. Leaves: problems. Must not let a name need itself, nor a chain of names that nobody could
read, and every list would have to join.
"""

from collections.abc import Mapping

from engine.compiler.app import Entity
from engine.compiler.compilation import Compilation

DEEPEST = 2
"""How many links a name may lead over."""


def check_displays(compilation: Compilation, entities: Mapping[str, Entity]) -> None:
    """Note a problem for each name that comes round to itself or leads over too many links."""
    for entity in entities.values():
        chain = _too_long(entities, entity, (entity.key,))
        if chain is not None:
            written = compilation.definition.entities[entity.key]
            code = "E048" if chain[-1] in chain[:-1] else "E049"
            place = written.display_location or written.location
            compilation.refuse(code, place, chain=" → ".join(chain), most=DEEPEST)


def _too_long(entities: Mapping[str, Entity], entity: Entity, chain: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the first chain of names that is one link too long, or comes back to where it was."""
    for link in entity.display_links:
        target = entities.get(link.to or "")
        if target is None:
            continue
        longer = (*chain, target.key)
        if target.key in chain or len(longer) > DEEPEST + 1:
            return longer
        found = _too_long(entities, target, longer)
        if found is not None:
            return found
    return None
