"""What a record needs to enter or leave a stage, compiled.

Enters: ``RequirementDefinition``. Leaves: ``Requirement``. Must not let through what could never be met: a link from
nowhere, a file field that is none, an approval of another entity.
"""

from collections.abc import Mapping
from dataclasses import replace

from engine.compiler.app import Requirement
from engine.compiler.compilation import Compilation
from engine.compiler.shapes import has_files, leads_to
from engine.definition.model import EntityDefinition, RequirementDefinition
from engine.expression import BOOLEAN


def compile_requirements(
    compilation: Compilation,
    written: Mapping[str, RequirementDefinition],
    stage: str,
    entity: EntityDefinition,
    path: str,
) -> tuple[Requirement, ...]:
    return tuple(
        _requirement(compilation, one, entity, f"{path}.requirements.{stage}.{one.key}") for one in written.values()
    )


def _requirement(
    compilation: Compilation, written: RequirementDefinition, entity: EntityDefinition, path: str
) -> Requirement:
    files = [key for key, field in entity.fields.items() if has_files(field)]
    requirement = Requirement(
        key=written.key,
        kind=written.kind,
        message=compilation.label(path, written.message),
        location=written.location,
        fields=compilation.require_all(written.fields, entity.fields, "E002", entity=entity.key),
        file=compilation.require(written.file, files, "W009", entity=entity.key) if written.file else None,
        check=compilation.expression(written.check, entity.key, BOOLEAN),
        min=written.min,
        accept=frozenset(written.accept),
        newer_than=written.newer_than,
    )
    if written.approval is not None:
        return _with_approval(compilation, requirement, written, entity)
    return _with_link(compilation, requirement, written, entity) if written.link else requirement


def _with_link(
    compilation: Compilation, requirement: Requirement, written: RequirementDefinition, entity: EntityDefinition
) -> Requirement:
    assert written.link is not None  # noqa: S101 - the caller asked
    entities = compilation.definition.entities
    other = compilation.require(written.link, entities, "E001")
    if other is None:
        return requirement
    via = [key for key, field in entities[other].fields.items() if leads_to(field) == entity.key]
    if not via:
        compilation.refuse("W008", written.link.location, name=other, entity=entity.key)
        return requirement
    where = compilation.expression(written.where, other, BOOLEAN, sql=True)
    by = "created_at"
    if written.by is not None:
        dated = [key for key, field in entities[other].fields.items() if field.type.name in ("date", "datetime")]
        by = compilation.require(written.by, dated, "W020", entity=other) or by
    return replace(requirement, link=other, via=via[0], where=where, within=written.within, by=by)


def _with_approval(
    compilation: Compilation, requirement: Requirement, written: RequirementDefinition, entity: EntityDefinition
) -> Requirement:
    """The approval is one of this entity, or of the one that link field ``of`` leads to."""
    assert written.approval is not None  # noqa: S101 - the caller asked
    approved = entity.key
    if written.of is not None:
        links = {key: to for key, field in entity.fields.items() if (to := leads_to(field)) is not None}
        of = compilation.require(written.of, links, "W021", entity=entity.key)
        if of is None:
            return requirement
        requirement, approved = replace(requirement, of=of), links[of]
    approvals = compilation.definition.approvals
    own = [key for key, approval in approvals.items() if approval.entity.name == approved]
    return replace(requirement, approval=compilation.require(written.approval, own, "W004", entity=approved))
