"""Files that a form sent itself, as browsers without scripts do.

Enters: a form of an entity with files under ``KEY._new``. Leaves: the files stored as uploads of their sender, in
``g.sent_files`` by field: ids, and a ``Wrong`` for each that was refused. They are stored before the form is judged and
in a transaction of their own, as uploads are with scripts, so a form that is refused keeps them.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import g, request
from werkzeug.datastructures import FileStorage

from engine.compiler.app import Field
from engine.compiler.readers import Wrong
from engine.records import uploads
from engine.records.rights import find_rights, get_entity
from web.gate import reads, store, takes_files

View = TypeVar("View", bound=Callable[..., Any])
_SENT = "._new"


def with_sent_files(view: View) -> View:
    """Let the form of a view send files itself. The address of the view names the entity first."""

    @wraps(view)
    def taking(entity: str, *args: Any, **kwargs: Any) -> Any:
        if any(one.filename for one in request.files.values()):
            _take_in(entity)
        return view(entity, *args, **kwargs)

    return takes_files(taking)  # type: ignore[return-value]


@reads
def _take_in(entity: str) -> str:
    compiled = get_entity(g.session.app, entity)
    rights = find_rights(g.session.app, compiled, g.actor)
    closed = rights.hidden | rights.readonly
    g.sent_files = {
        field.key: [_store(field, one) for one in request.files.getlist(f"{field.key}{_SENT}") if one.filename]
        for field in compiled.file_fields
        if field.key not in closed and any(one.filename for one in request.files.getlist(f"{field.key}{_SENT}"))
    }
    return ""


def _store(field: Field, sent: FileStorage) -> int | Wrong:
    try:
        stored = store().files.save(sent.stream, sent.filename or "", accept=field.accept, max_size=field.max_size)
    except Wrong as wrong:
        return wrong
    finally:
        sent.close()
    with store().write() as session:
        return int(uploads.create_upload(session, stored, actor=g.actor)["id"])
