"""The form a token is made with: what it is called, until when, and what it is narrowed to.

Enters: whoever the token will act as, what was posted. Leaves: the parts of ``pages/token.html``, and the ``Scope``
that was ticked. Must not offer what the owner may not do: what stands here are their own rights.
"""

from typing import Any

from flask import g, request

from engine.compiler.app import Entity
from engine.people.actor import Actor
from engine.people.token_scopes import ACTIONS, Scope, read_scope
from engine.records.rights import Rights, find_rights
from web.admin_fields import Field, text_field
from web.gate import locale

FIELDS = ("label", "until")
_ALL, _SOME = "all", "some"


class TokenForm:
    """The form for one owner."""

    def __init__(self, owner: Actor) -> None:
        rights = ((entity, find_rights(g.session.app, entity, owner)) for entity in g.session.app.entities.values())
        self._reached = [(entity, held) for entity, held in rights if held.read or held.create]

    def fields(self, errors: dict[str, str]) -> list[Field]:
        """Return the boxes about the token as a whole."""
        text = locale()
        return [
            text_field("label", text.t("token.label"), errors=errors, required=True) | {"max_length": 100},
            text_field("until", text.t("token.until"), errors=errors, kind="date", help=text.t("token.until_help")),
            _choice("reach", text.t("token.reach"), [(key, text.t(f"token.reach_{key}")) for key in (_ALL, _SOME)]),
        ]

    def entities(self) -> list[dict[str, Any]]:
        """Return what can be ticked of each entity."""
        return [self._entity(entity, rights) for entity, rights in self._reached]

    def read(self) -> Scope | None:
        """Return what was ticked, None for all its owner may do; raises ``InvalidValues``."""
        if request.form.get("reach") != _SOME:
            return None
        found = {}
        for entity, _ in self._reached:
            may = request.form.getlist(f"may.{entity.key}")
            if any(may):
                said = {name: [one for one in request.form.getlist(f"{name}.{entity.key}") if one]
                        for name in ("only", "write")}  # fmt: skip
                found[entity.key] = said | {
                    "may": [one for one in may if one], "where": request.form.get(f"where.{entity.key}", "")
                }  # fmt: skip
        return read_scope(found)

    def _entity(self, entity: Entity, rights: Rights) -> dict[str, Any]:
        text, key = locale(), entity.key
        masked = {name for name, _ in rights.masked}
        seen = [field for field in entity.fields.values() if field.key not in rights.hidden - masked]
        names = [(field.key, text.label(field.label)) for field in seen if not field.retired]
        system = ("stage", "owner") if entity.workflow is not None else ("owner",)
        names += [(name, text.t(f"token.field_{name}")) for name in system]
        written = [
            (field.key, text.label(field.label))
            for field in seen
            if not (field.retired or field.readonly or field.key in rights.readonly)
        ]
        may = [(action, text.t(f"token.may_{action}")) for action in ACTIONS if _may(action, entity, rights)]
        where = text_field(f"where.{key}", text.t("token.where"), errors={}, width=2, help=text.t("token.where_help"))
        fields = [
            _choices(f"may.{key}", text.t("token.may"), may),
            _choices(f"only.{key}", text.t("token.only"), names),
            *([_choices(f"write.{key}", text.t("token.write"), written)] if rights.write or rights.create else []),
            where | {"max_length": 2000},
        ]
        return {"label": text.label(entity.label), "open": bool(request.form.getlist(f"may.{key}")), "fields": fields}


def _may(action: str, entity: Entity, rights: Rights) -> bool:
    allowed = {"read": rights.read, "create": rights.create, "change": rights.write, "delete": rights.delete}
    return bool(allowed.get(action, entity.workflow is not None and rights.read))


def _choice(name: str, label: str, options: list[tuple[str, str]]) -> Field:
    chosen = request.form.get(name, options[0][0])
    said = [{"value": key, "label": one, "selected": key == chosen} for key, one in options]
    return text_field(name, label, errors={}, kind="choice", style="radio", options=said, width=2, required=True)


def _choices(name: str, label: str, options: list[tuple[str, str]]) -> Field:
    chosen = request.form.getlist(name)
    said = [{"value": key, "label": one, "selected": key in chosen} for key, one in options]
    return text_field(name, label, errors={}, kind="choices", options=said, width=2)
