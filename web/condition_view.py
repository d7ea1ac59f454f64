"""What the conditions and rules of a form come to, by the elements of the page they speak of.

Enters: what a form comes to, and what was posted. Leaves: ``conditions`` of ``fragments/preview.html``: a state for
each field and cell with a condition, and notes about values that would be refused. Must not decide anything, nor name a
field the reader may not see.
"""

from collections.abc import Iterator
from typing import Any

from engine.errors import FieldError
from web.form_values import Typed
from web.form_view import label_of
from web.gate import locale
from web.posted import Posted


def view_conditions(found: Typed, posted: Posted) -> dict[str, Any]:
    """Return ``{states: {id: [shown, required]}, notes: [{id, of: [id], text}]}``.

    ``of`` are the fields a note is about.
    """
    places = _Places(found, posted)
    states = {
        id_: [state.visible, state.required] for path, state in found.states().items() if (id_ := places.id(path))
    }
    return {"states": states, "notes": list(_notes(found, places))}


class _Places:
    """Where the fields and cells of a form stand on its page."""

    def __init__(self, found: Typed, posted: Posted) -> None:
        self.entity = found.entity
        self.tokens = {
            lines.key: [row["_token"] for row in posted.typed.get(lines.key) or ()] for lines in self.entity.line_fields
        }

    def id(self, path: str) -> str:
        """Return the id of the element at ``path``, "" when there is none for this reader."""
        key, _, rest = path.partition(".")
        if not label_of(self.entity, path):
            return ""
        if not rest:
            return f"f-{key}"
        at, _, column = rest.partition(".")
        tokens = self.tokens.get(key, [])
        if not column or not at.isdecimal() or int(at) >= len(tokens):
            return ""
        return f"f-{key}-{tokens[int(at)]}-{column}"


def _notes(found: Typed, places: _Places) -> Iterator[dict[str, Any]]:
    language = locale().language
    for error in found.errors:
        id_ = places.id(error.path)
        if id_:
            yield {"id": id_, "of": [id_], "text": error.text(language)}
    for rule in found.broken:
        of = [id_ for use in sorted(rule.check.checked.uses) if (id_ := places.id(use[0]))]
        for path in rule.fields:
            if id_ := places.id(path):
                said = FieldError(path, "value.rule", {"message": rule.message})
                yield {"id": id_, "of": of or [id_], "text": said.text(language)}
