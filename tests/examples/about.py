"""The examples in which records of one entity take part: those that a change of it alone may turn.

Enters: files, the entity that was changed. Leaves: the files without other examples. Those play as they do in the
template itself, all of whose examples ``test_examples`` plays.
"""

import re
from collections.abc import Mapping


def examples_about(files: Mapping[str, str], entity: str) -> dict[str, str]:
    """Return files without those examples that do not name ``entity``."""
    return {path: text for path, text in files.items() if "/examples/" not in path or names(text, entity)}


def names(text: str, entity: str) -> bool:
    """Tell whether a text names an entity, as a step or a field does."""
    return re.search(rf"\b{entity}\b", text) is not None
