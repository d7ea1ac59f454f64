"""From written ownership to compiled ownership, and the two fields it gives an entity.

Enters: ``OwnershipDefinition`` and the compiled fields of its entity. Leaves: ``Ownership``, ``Field``. Must not let
through a pool nobody can take from, nor a rule that asks who acts: time runs out on behalf of nobody.
"""

from collections.abc import Mapping
from datetime import timedelta

from engine import messages
from engine.compiler.app import Access, ClaimLimits, Expression, Field, Ownership, Pool, Protection
from engine.compiler.app.ownership import POOL, PROTECTED_UNTIL
from engine.compiler.compilation import Compilation
from engine.compiler.field_types import FIELD_TYPES
from engine.definition.model import (
    ClaimDefinition,
    EntityDefinition,
    ExpressionText,
    OwnershipDefinition,
    PoolDefinition,
    ProtectDefinition,
    Reference,
)
from engine.expression import BOOLEAN

_HOURS = {"d": 24, "h": 1, "wd": 24, "wh": 1}
_KEEPING = frozenset({"own", "team", "all"})
"""The scopes in which somebody sees a record they own."""


def owned_fields(compilation: Compilation, written: EntityDefinition, path: str) -> dict[str, Field]:
    """Return the fields that the engine keeps in an entity with ownership; none without."""
    if written.ownership is None:
        return {}
    place = written.ownership.location
    for key in (POOL, PROTECTED_UNTIL):
        if key in written.fields:
            compilation.refuse("E091", written.fields[key].location, name=key)
    pools = {key: _pool_label(compilation, pool, path) for key, pool in written.ownership.pools.items()}

    def label(key: str) -> dict[str, str]:
        return {one: messages.text(f"ownership.{key}", one) for one in compilation.definition.languages}

    return {
        POOL: Field(POOL, FIELD_TYPES["choice"], label(POOL), place, readonly=True, options=pools),
        PROTECTED_UNTIL: Field(PROTECTED_UNTIL, FIELD_TYPES["datetime"], label(PROTECTED_UNTIL), place, readonly=True),
    }


def compile_ownership(
    compilation: Compilation,
    written: EntityDefinition,
    fields: Mapping[str, Field],
    access: Mapping[str, Access],
    path: str,
) -> Ownership | None:
    """Return the ownership of an entity, None when there is none."""
    owned = written.ownership
    if owned is None:
        return None
    return Ownership(
        location=owned.location,
        pools={key: _pool(compilation, pool, written, fields, access, path) for key, pool in owned.pools.items()},
        protect={key: _protection(compilation, rule, owned, written.key) for key, rule in owned.protect.items()},
        exempt=_timeless(compilation, owned.exempt, written.key, sql=False),
        warn=owned.warn,
        claim=_limits(compilation, owned.claim, written.key),
    )


def _pool_label(compilation: Compilation, pool: PoolDefinition, path: str) -> Mapping[str, str]:
    return compilation.label(f"{path}.pools.{pool.key}", pool.label)


def _pool(
    compilation: Compilation,
    written: PoolDefinition,
    entity: EntityDefinition,
    fields: Mapping[str, Field],
    access: Mapping[str, Access],
    path: str,
) -> Pool:
    roles = compilation.definition.roles
    stored = [key for key, field in fields.items() if field.stored]
    for member in written.members:
        rule = access.get(member.name)
        if member.name in roles and (rule is None or rule.read not in _KEEPING | entity.scopes.keys()):
            compilation.refuse("E090", member.location, name=member.name, pool=written.key, entity=entity.key)
    return Pool(
        key=written.key,
        label=_pool_label(compilation, written, path),
        location=written.location,
        members=frozenset(compilation.require_all(written.members, roles, "E003")),
        admins=frozenset(compilation.require_all(written.admins, roles, "E003")),
        shows=compilation.require_stored(written.shows, stored, entity),
    )


def _protection(
    compilation: Compilation, written: ProtectDefinition, owned: OwnershipDefinition, entity: str
) -> Protection:
    if owned.warn is not None and _length(owned.warn) >= _length(written.for_):
        compilation.refuse("E093", written.location, rule=written.key, warn=owned.warn, span=written.for_)
    without = _without(compilation, written.without, entity)
    if written.counting is not None and written.without is None:
        compilation.refuse("E094", written.location, rule=written.key)
    return Protection(
        key=written.key,
        location=written.location,
        when=_timeless(compilation, written.when, entity, sql=False),
        without=without,
        counting=_timeless(compilation, written.counting, without[0]) if without else None,
        span=written.for_,
        to=compilation.require(written.to, owned.pools, "E092", entity=entity) or "",
    )


def _without(compilation: Compilation, written: Reference | None, entity: str) -> tuple[str, str] | None:
    """Return the entity and the link of the records that a rule waits for."""
    if written is None:
        return None
    known = compilation.shapes[entity].collections
    linking = {name: one for name, one in known.items() if one.of_records}
    name = compilation.require(written, list(linking), "E095", entity=entity)
    found = linking.get(name or "")
    return None if found is None or found.via is None else (found.entity, found.via)


def _limits(compilation: Compilation, written: ClaimDefinition | None, entity: str) -> ClaimLimits:
    if written is None:
        return ClaimLimits()
    counting = _timeless(compilation, written.counting, entity)
    return ClaimLimits(written.per_day, written.at_most, counting, written.cool_off, written.locks)


def _timeless(
    compilation: Compilation, written: ExpressionText | None, shape: str, *, sql: bool = True
) -> Expression | None:
    """Compile a condition that holds for everybody alike: no one acts when time runs out."""
    found = compilation.expression(written, shape, BOOLEAN, sql=sql)
    if found is not None and found.asks_who:
        compilation.refuse("E096", found.location)
    return found


def _length(span: str) -> timedelta:
    number = span.rstrip("dhw")
    return timedelta(hours=int(number) * _HOURS[span[len(number) :]])
