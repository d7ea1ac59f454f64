"""What may be the same as the record in a form, as ``parts/duplicates.html`` shows it beside the question why not.

Enters: what the form comes to, and what was typed. Leaves: the warning, or None. Must not show of a record more than
``find_duplicates`` tells the reader.
"""

import hmac
from collections.abc import Sequence
from typing import Any

from flask import g

from engine.errors import FieldError
from engine.records.duplicates import NOT_DUPLICATE, Found, find_duplicates
from engine.records.hits import met
from engine.records.match_keys import said
from web.cells import record_url
from web.form_values import Typed
from web.form_view import is_duplicate, label_of
from web.gate import locale, settings
from web.posted import Posted

MET_URL = "/duplicates"
"""Where somebody asks about the records of others that they met."""

SHOWN = "_duplicates"
"""The posted name of what the form shows already, so that nobody's typing is interrupted for the same again."""


def view_duplicates(typed: Typed, posted: Posted | None, errors: Sequence[FieldError] = ()) -> dict[str, Any]:
    """Return what was found (perhaps nothing), and whether a reason may be given.

    What one of the ``errors`` says beside its field is not said again.
    """
    told = {error.path for error in errors if is_duplicate(error) and label_of(typed.entity, error.path)}
    found = find_duplicates(g.session, typed.entity, typed.values, typed.before, actor=g.actor)
    asks = bool(found) and not any(one.blocks for one in found)
    why = posted.raw.get(NOT_DUPLICATE, "") if posted is not None else ""
    return {
        "found": [_view(typed, one) for one in found if one.rule.fields[0] not in told],
        "asks": asks,
        "why": why,
        "shown": _seal(found),
        "ask_url": MET_URL if any(map(_may_ask, found)) else None,
        "met": [met(typed.entity, one.rule, one.ids, typed.values) for one in found],
    }


def _may_ask(found: Found) -> bool:
    """Tell whether something may be asked for because of a record out of the reader's sight."""
    disputes = g.session.app.entities[found.entity].disputes
    offered = disputes is not None and (disputes.collaborate is not None or disputes.appeal is not None)
    return offered and any(other.id is None for other in found.others)


def _seal(found: Sequence[Found]) -> str:
    """Return what tells one finding from the next, and nothing of what was found: it may be out of sight."""
    said = ",".join(f"{one.rule.key}:{id_}" for one in found for id_ in one.ids)
    return hmac.new(settings().secret_key.encode(), said.encode(), "sha256").hexdigest()[:32] if said else ""


def _view(typed: Typed, found: Found) -> dict[str, Any]:
    language = locale().language
    message = said(typed.entity, found.rule)["message"]
    text = locale().label(message) if isinstance(message, dict) else message.text(language)
    others = [
        {
            "text": other.text(language).strip(),
            "url": record_url(other.entity, other.id) if other.id is not None else None,
        }
        for other in found.others
    ]
    return {"text": text, "others": others, "blocks": found.blocks}
