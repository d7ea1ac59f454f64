"""How figures of a report add up, as somebody wrote it: the steps of a waterfall.

Enters: a written report, the keys of what it shows, compiled figures. Leaves: ``Adds``, or problems with their place.
Must not let through what cannot be added: a share, an average, figures of two units, a figure that counts twice.
"""

from collections.abc import Mapping

from engine.compiler.app import Figure
from engine.compiler.app.reports import Adds
from engine.compiler.compilation import Compilation
from engine.compiler.cumulating import adds_up
from engine.definition.model import LayoutDefinition, Reference


def compile_adds(
    compilation: Compilation,
    written: LayoutDefinition,
    named: Mapping[str, str | None],
    figures: Mapping[str, Figure],
) -> Adds | None:
    """Return how the figures add up; None where nothing is written, or after noting what is wrong with it.

    ``named`` has the key of each figure the report shows, by the name it is shown under.
    """
    adds = written.adds
    if adds is None:
        return None
    steps = [adds.from_, *adds.plus, *adds.minus, adds.to]
    found = [named.get(one.name) for one in steps if compilation.require(one, named, "K021") is not None]
    keys = [one for one in found if one is not None]
    if len(keys) < len(steps):
        return None
    if not _fit(compilation, steps, keys, figures):
        return None
    plus = len(adds.plus) + 1
    return Adds(keys[0], tuple(keys[1:plus]), tuple(keys[plus:-1]), keys[-1])


def _fit(compilation: Compilation, steps: list[Reference], keys: list[str], figures: Mapping[str, Figure]) -> bool:
    """Tell whether figures can be added, each once; notes a problem at each that cannot."""
    fit = True
    for at, (step, key) in enumerate(zip(steps, keys, strict=True)):
        if key in keys[:at]:
            compilation.refuse("K022", step.location, name=step.name)
        elif not adds_up(figures[key], figures):
            compilation.refuse("K023", step.location, name=step.name)
        elif figures[key].unit != figures[keys[0]].unit:
            compilation.refuse("K024", step.location, name=step.name, first=steps[0].name)
        else:
            continue
        fit = False
    return fit
