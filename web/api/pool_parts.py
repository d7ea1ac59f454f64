"""The routes about pools in the OpenAPI document.

Enters: an entity with ownership, and the caller's roles. Leaves: paths; none for an entity without pools the caller
sees, but for what an owner may do. Must not say who may take what: the engine decides.
"""

from typing import Any

from engine.compiler.app import Entity
from web.api.parts import LIST_PARAMETERS, RECORD_ID, body, operation, page_of, ref

_POOL = {"name": "pool", "in": "path", "required": True, "schema": {"type": "string"}}
_RELEASE = {
    "type": "object",
    "properties": {"pool": {"type": "string"}, "reason": {"type": "string", "maxLength": 500}},
    "required": ["pool", "reason"],
}
_ASSIGN = {
    "type": "object",
    "properties": {"to": {"type": "string", "description": "The login of a member."}},
    "required": ["to"],
}


def pool_paths(entity: Entity, label: str, *, reads: bool) -> dict[str, Any]:
    """Return the paths of the pools of an entity, and with ``reads`` those of its records."""
    key, one = entity.key, {"type": "object"}
    if entity.ownership is None:
        return {}
    pools = operation(f"pools.{key}", f"Pools: {label}", ref("list"))
    listed = operation(f"pool.{key}", f"In a pool: {label}", page_of(one), parameters=LIST_PARAMETERS)
    claim = operation(f"claim.{key}", f"Claim: {label}", one)
    assign = operation(f"assign.{key}", f"Assign: {label}", one, sent=body(_ASSIGN))
    paths: dict[str, Any] = {
        f"/{key}/pools": {"get": pools},
        f"/{key}/pools/{{pool}}": {"parameters": [_POOL], "get": listed},
        f"/{key}/{{id}}/claim": {"parameters": [RECORD_ID], "post": claim},
        f"/{key}/{{id}}/assign": {"parameters": [RECORD_ID], "post": assign},
    }
    if reads:
        release = operation(f"release.{key}", f"Give back to a pool: {label}", one, sent=body(_RELEASE))
        keep = operation(f"keep.{key}", f"Lock against being taken back: {label}", None, status="204")
        let_go = operation(f"let_go.{key}", f"Unlock: {label}", None, status="204")
        owners = operation(f"owners.{key}", f"Who had it when: {label}", ref("list"))
        paths |= {
            f"/{key}/{{id}}/release": {"parameters": [RECORD_ID], "post": release},
            f"/{key}/{{id}}/keep": {"parameters": [RECORD_ID], "put": keep, "delete": let_go},
            f"/{key}/{{id}}/owners": {"parameters": [RECORD_ID], "get": owners},
        }
    return paths
