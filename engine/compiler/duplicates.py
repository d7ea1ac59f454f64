"""When two records are the same thing, and what follows: who may merge them, what may be asked for, who decides.

Enters: ``EntityDefinition`` and its compiled fields and access. Leaves: ``Duplicate``, ``Merge`` and ``Disputes``. Must
not compare records: that is done when one is saved.
"""

from collections.abc import Mapping

from engine.compiler.app import Access, Among, Appeal, Disputes, Duplicate, Field, Merge
from engine.compiler.compilation import Compilation
from engine.definition.model import AppealDefinition, DuplicateDefinition, EntityDefinition, FieldDefinition, Reference


def compile_duplicates(
    compilation: Compilation, written: EntityDefinition, fields: Mapping[str, Field], path: str
) -> tuple[Duplicate, ...]:
    """Return when two records are taken for the same thing; only a text can be alike, only a place near.

    Only an e-mail address has a domain.
    """
    found = []
    stored = [key for key, field in fields.items() if field.stored]
    texts = [key for key in stored if fields[key].type.searchable]
    for rule in written.duplicates.values():
        if (rule.among is None) != bool(rule.match) or (rule.among is None) == bool(rule.with_):
            compilation.refuse("E131", rule.location, name=rule.key)
            continue
        message = compilation.label(f"{path}.duplicates.{rule.key}", rule.message)
        if rule.among is not None:
            among = _among(compilation, written, rule.among, rule, fields)
            found += [] if among is None else [Duplicate(rule.key, rule.block, (), {}, message, among=among)]
            continue
        exact = [one.field for one in rule.match if one.likeness is None and one.within is None]
        keys = compilation.require_stored(exact, stored, written)
        mails = [key for key in stored if fields[key].type.key == "email"]
        asked = [one.field for one in rule.match if one.domain]
        domains = frozenset(
            key for one in asked if (key := compilation.require(one, mails, "E135", entity=written.key))
        )
        alike = {}
        for one in rule.match:
            if one.likeness is not None and compilation.require(one.field, texts, "E045", entity=written.key):
                alike[one.field.name] = float(one.likeness)
        near, within = _near(compilation, written, rule, [key for key in stored if fields[key].type.key == "geo"])
        found.append(Duplicate(rule.key, rule.block, keys, alike, message, near, within, domains=domains))
    return tuple(found)


def _among(
    compilation: Compilation,
    written: EntityDefinition,
    reference: Reference,
    rule: DuplicateDefinition,
    fields: Mapping[str, Field],
) -> Among | None:
    """Return the rule of another entity that is asked; each field it compares must be of the kind it has here."""
    entity, _, key = reference.name.partition(".")
    there = compilation.definition.entities.get(entity)
    rules = {f"{one.key}.{name}" for one in compilation.definition.entities.values() if one.key != written.key
             for name, kept in one.duplicates.items() if kept.match}  # fmt: skip
    if compilation.require(reference, sorted(rules), "E130") is None or there is None:
        return None
    compared = {one.field.name for one in there.duplicates[key].match}
    stored = [name for name, field in fields.items() if field.stored]
    given: dict[str, str] = {}
    for theirs, own in rule.with_:
        if compilation.require(theirs, sorted(compared), "E132", rule=reference.name) is None:
            continue
        found = compilation.require_stored([own], stored, written)
        if found and not _same_kind(there.fields.get(theirs.name), fields[found[0]]):
            compilation.refuse("E133", own.location, name=own.name, theirs=theirs.name, entity=entity)
        given |= dict.fromkeys([theirs.name], own.name) if found else {}
    missing = sorted(compared - {theirs.name for theirs, _ in rule.with_})
    if missing:
        compilation.refuse("E134", rule.location, name=rule.key, rule=reference.name, missing=", ".join(missing))
    return Among(entity, key, given)


def _same_kind(theirs: FieldDefinition | None, own: Field) -> bool:
    """Tell whether values of the two can be the same; what the other entity gets wrong is told there."""
    return theirs is None or (theirs.type.name == own.type.key and (theirs.to is None or theirs.to.name == own.to))


def _near(
    compilation: Compilation, written: EntityDefinition, rule: DuplicateDefinition, places: list[str]
) -> tuple[str | None, int]:
    """Return the place that is compared by its distance, and how far it may be."""
    asked = [one for one in rule.match if one.within is not None]
    for one in asked[1:]:
        compilation.refuse("E128", one.field.location, name=one.field.name, first=asked[0].field.name)
    if not asked:
        return None, 0
    return compilation.require(asked[0].field, places, "E127", entity=written.key), asked[0].within or 0


def compile_merge(compilation: Compilation, written: EntityDefinition, access: Mapping[str, Access]) -> Merge | None:
    """Return who may merge; each of them must be able to change records, since both are changed."""
    if written.merge is None:
        return None
    roles = _roles(compilation, written.merge.who)
    for one in written.merge.who:
        if one.name in roles and written.retired is None and not _writes(access, one.name):
            compilation.refuse("E080", one.location, name=one.name, entity=written.key)
    return Merge(roles, written.merge.undo)


def compile_disputes(
    compilation: Compilation, written: EntityDefinition, access: Mapping[str, Access]
) -> Disputes | None:
    """Return what may be asked for about a record that a duplicate rule found."""
    disputes = written.disputes
    if disputes is None:
        return None
    if not written.duplicates:
        compilation.refuse("E082", disputes.location, entity=written.key)
    appeal = disputes.appeal
    decided = None if appeal is None else _appeal(compilation, written, appeal, access)
    return Disputes(disputes.collaborate, decided, _roles(compilation, disputes.log))


def _appeal(
    compilation: Compilation, written: EntityDefinition, appeal: AppealDefinition, access: Mapping[str, Access]
) -> Appeal | None:
    role = compilation.require(appeal.to, compilation.definition.roles, "E003")
    if role is None:
        return None
    mine = access.get(role)
    if written.retired is None and (mine is None or mine.read != "all" or mine.write != "all"):
        compilation.refuse("E081", appeal.to.location, name=role, entity=written.key)
    return Appeal(role, appeal.within, appeal.grants)


def _roles(compilation: Compilation, named: tuple[Reference, ...]) -> frozenset[str]:
    return frozenset(compilation.require_all(named, compilation.definition.roles, "E003"))


def _writes(access: Mapping[str, Access], role: str) -> bool:
    return role in access and access[role].write is not None
