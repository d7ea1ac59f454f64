"""The tags that are in use, to be suggested while somebody types one.

Enters: a tags field and a few letters. Leaves: tags, the most used first. Must not tell a tag of a record the actor may
not see, nor look at more than the newest records.
"""

from collections import Counter

from engine.compiler.field_types.choices import fold_tag
from engine.errors import NotFound
from engine.people.actor import Actor
from engine.records.filters import Filter
from engine.records.listing import MOST
from engine.records.queries import ListQuery, list_records
from engine.records.rights import find_rights, get_entity
from engine.storage.store import Session


def list_tags(session: Session, entity: str, field: str, letters: str, *, actor: Actor, limit: int) -> list[str]:
    """Return tags of ``field`` that contain ``letters``; raises ``NotFound`` for a field that is not there to see."""
    compiled = get_entity(session.app, entity)
    declared = compiled.fields.get(field)
    hidden = find_rights(session.app, compiled, actor).hidden
    if declared is None or declared.type.widget != "tags" or declared.retired or field in hidden:
        raise NotFound()
    query = ListQuery(filters=(Filter(field, "present"),), sort="id", descending=True, limit=MOST, columns=(field,))
    records = list_records(session, entity, query, actor=actor).records
    used = Counter(tag for record in records for tag in record.values.get(field) or ())
    wanted = fold_tag(letters)
    return [tag for tag, _ in used.most_common() if wanted in tag][:limit]
