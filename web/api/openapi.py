"""The description of the API, OpenAPI 3.1, for what the caller's roles may do; and the schema of each entity.

Enters: the compiled app and the actor's roles. Leaves: plain data, made once per release, roles and language. Must not
name an entity or field the actor may not see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, g

from engine.compiler.app import CompiledApp, Entity
from engine.errors import NotFound
from engine.people.actor import find_services
from engine.records.rights import Rights, find_rights
from web.api import schemas
from web.api.admin_parts import ADMIN_PATHS
from web.api.answers import PREFIX, answer
from web.api.button_parts import button_paths
from web.api.dispute_parts import DISPUTE_PATHS, dispute_paths
from web.api.export_parts import EXPORT_PATHS, export_journey, export_path
from web.api.merge_parts import MERGE_PATHS, merge_paths
from web.api.parts import (
    BEFORE,
    COMMENT_ID,
    COMPONENTS,
    FIGURE_PARAMETERS,
    IF_MATCH,
    LIMIT,
    LIST_PARAMETERS,
    PEOPLE_PATHS,
    RECORD_ID,
    RECORD_PARAMETERS,
    RECORD_PATHS,
    VERSION,
    VERSION_PARTS,
    body,
    operation,
    page_of,
    ref,
)
from web.api.pool_parts import pool_paths
from web.api.problem_parts import with_refusals
from web.api.report_parts import REPORT_PATHS
from web.api.run_parts import RUN_PATHS
from web.api.share_parts import share_paths
from web.gate import locale, reads, store
from web.i18n import Locale

_MOST_KEPT = 200
_METHODS = ("get", "post", "put", "patch", "delete")

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this request for 24 hours: sent again under the same key it is answered as the first time, "
    "with Idempotency-Replayed: true, and not done again. 422: the key was used for another request; 409: the first is "
    "still being answered.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}


@dataclass(frozen=True)
class Asker:
    """Who the document is for: ``narrow`` is a service, or a narrowed token, that reaches records and nothing else."""

    is_admin: bool
    narrow: bool


_documents: dict[tuple[object, ...], bytes] = {}


@reads
def get_openapi() -> Response:
    """Answer the OpenAPI document."""
    app = store().app
    key = (app.digest, app.off, g.actor.roles, g.actor.scope, locale().language)
    found = _documents.get(key)
    if found is None:
        if len(_documents) >= _MOST_KEPT:
            _documents.clear()
        asker = Asker(g.actor.is_admin, narrow=g.actor.scope is not None or bool(find_services(app, g.actor.roles)))
        found = _documents[key] = answer(describe(app, _rights(app), locale(), asker)).get_data()
    return Response(found, mimetype="application/json")


@reads
def get_schema(entity: str) -> Response:
    """Answer the JSON Schema of what may be sent for an entity."""
    app = store().app
    rights = _rights(app).get(entity)
    if rights is None:
        raise NotFound("record.no_entity", entity=entity[:60])
    compiled = app.entities[entity]
    schema = {"$schema": schemas.DIALECT} | schemas.input_schema(compiled, rights, locale())
    return answer(schema | {"required": schemas.required_fields(compiled, rights)})


def describe(app: CompiledApp, rights: Mapping[str, Rights], language: Locale, asker: Asker) -> dict[str, Any]:
    """Return the document for the entities in ``rights``, for an administrator with the routes about people."""
    paths: dict[str, Any] = dict(RECORD_PATHS)
    if not asker.narrow:
        paths |= PEOPLE_PATHS | EXPORT_PATHS | REPORT_PATHS | (ADMIN_PATHS | RUN_PATHS if asker.is_admin else {})
    components: dict[str, Any] = dict(COMPONENTS["schemas"])
    for key, allowed in rights.items():
        entity = app.entities[key]
        paths |= _paths(entity, allowed, language, asker)
        if allowed.press:
            paths |= button_paths(key, language.label(entity.label), app.automations_of.get(key, ()), language)
        components[f"{key}.record"] = schemas.output_schema(entity, allowed, language)
        components[f"{key}.values"] = schemas.input_schema(entity, allowed, language)
        required = schemas.required_fields(entity, allowed)
        components[f"{key}.new"] = {"allOf": [ref(f"{key}.values")], **({"required": required} if required else {})}
    return {
        "openapi": "3.1.0",
        "info": {"title": language.label(app.label) or "Formwork", "version": app.version or "0"},
        "servers": [{"url": PREFIX}],
        "security": [{"bearer": []}],
        "paths": {path: _completed(item) for path, item in paths.items()},
        "components": COMPONENTS | {"schemas": components},
    }


def _completed(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operations of a path with how they fail; whatever changes something may be sent under a key."""
    found = {}
    for name, told in item.items():
        if name in _METHODS:
            changes = name != "get"
            whole = with_refusals(told, changes=changes, by_version=IF_MATCH in told.get("parameters", ()))
            found[name] = whole | {"parameters": [*told.get("parameters", ()), IDEMPOTENCY_KEY]} if changes else whole
        else:
            found[name] = told
    return found


def _rights(app: CompiledApp) -> dict[str, Rights]:
    """Return the rights for each entity the actor may read or create."""
    found = {key: find_rights(app, entity, g.actor) for key, entity in app.entities.items()}
    return {key: rights for key, rights in found.items() if rights.read or rights.create}


def _paths(entity: Entity, rights: Rights, language: Locale, asker: Asker) -> dict[str, Any]:
    key, label = entity.key, language.label(entity.label)
    many: dict[str, Any] = {}
    one: dict[str, Any] = {"parameters": [RECORD_ID]}
    binned: dict[str, Any] = {}
    if rights.read:
        listed = [*LIST_PARAMETERS, *schemas.filter_parameters(entity, rights)]
        many["get"] = operation(f"list.{key}", f"List: {label}", page_of(ref(f"{key}.record")), parameters=listed)
        one["get"] = operation(f"get.{key}", f"Read: {label}", ref(f"{key}.record"), parameters=RECORD_PARAMETERS)
    if rights.create:
        many["post"] = operation(
            f"create.{key}", f"Create: {label}", ref(f"{key}.record"), sent=body(ref(f"{key}.new")), status="201"
        )
    if rights.write:
        sent = body(ref(f"{key}.values"))
        one["patch"] = operation(
            f"update.{key}", f"Change: {label}", ref(f"{key}.record"), sent=sent, parameters=[IF_MATCH]
        )
    if rights.delete:
        bin_ = operation(f"deleted.{key}", f"Recycle bin: {label}", ref("deleted"), parameters=[BEFORE, LIMIT])
        back = operation(f"restore.{key}", f"Bring back: {label}", ref(f"{key}.record"))
        binned = {f"/{key}/deleted": {"get": bin_}, f"/{key}/{{id}}/restore": {"parameters": [RECORD_ID], "post": back}}
        one["delete"] = operation(f"delete.{key}", f"Delete: {label}", None, parameters=[IF_MATCH], status="204")
    paths = {f"/{key}": many, f"/{key}/{{id}}": one} | binned | _many_paths(entity, rights, language)
    schema = operation(f"schema.{key}", f"What may be sent: {label}", {"type": "object"})
    paths[f"/schema/{key}"] = {"get": schema}
    if rights.read:
        paths |= _record_paths(entity, rights, language) | _version_paths(entity, rights, language)
        paths |= _figure_paths(entity, rights, language)
        if not asker.narrow:
            paths |= _talk_paths(key, label) | share_paths(key, label) | _view_paths(key, label)
    if not asker.narrow:
        paths |= pool_paths(entity, label, reads=bool(rights.read)) | _duplicate_paths(entity, rights, label)
    if rights.export and not asker.narrow:
        paths |= export_path(key, label) | export_journey(key, label)
    return {path: item for path, item in paths.items() if item}


def _duplicate_paths(entity: Entity, rights: Rights, label: str) -> dict[str, Any]:
    """What can be done about two records of one thing."""
    merged = merge_paths(entity.key, label) | MERGE_PATHS if rights.merge else {}
    asked = dispute_paths(entity.key, label) | DISPUTE_PATHS if entity.disputes is not None else {}
    return merged | asked


def _many_paths(entity: Entity, rights: Rights, language: Locale) -> dict[str, Any]:
    """What can be done with many records in one request."""
    if not rights.read:
        return {}
    key, label, sent = entity.key, language.label(entity.label), body(ref("many"))
    changed = operation(f"update_many.{key}", f"Change many: {label}", ref("outcomes"), sent=sent)
    paths = {f"/{key}/changes": {"post": changed}} if rights.write else {}
    for move in entity.workflow.moves.values() if entity.workflow is not None and rights.move else ():
        name = f"Many of {label}: {language.label(move.label)}"
        moved = operation(f"move_many.{key}.{move.key}", name, ref("outcomes"), sent=sent)
        paths[f"/{key}/moves/{move.key}"] = {"post": moved}
    return paths


def _version_paths(entity: Entity, rights: Rights, language: Locale) -> dict[str, Any]:
    key, label, parameters = entity.key, language.label(entity.label), [RECORD_ID, VERSION]
    then = {"type": "object", "properties": VERSION_PARTS | {"record": ref(f"{key}.record")}}
    read = operation(f"version.{key}", f"An earlier version: {label}", then)
    paths = {f"/{key}/{{id}}/versions/{{version}}": {"parameters": parameters, "get": read}}
    if rights.write:
        name = f"Bring fields of an earlier version back: {label}"
        back = operation(
            f"restore_version.{key}", name, ref(f"{key}.record"), sent=body(ref("restore")), parameters=[IF_MATCH]
        )
        paths[f"/{key}/{{id}}/versions/{{version}}/restore"] = {"parameters": parameters, "post": back}
    return paths


def _figure_paths(entity: Entity, rights: Rights, language: Locale) -> dict[str, Any]:
    key, label = entity.key, language.label(entity.label)
    asked = [*FIGURE_PARAMETERS, *schemas.filter_parameters(entity, rights)]
    added = operation(f"figures.{key}", f"Counts and sums: {label}", ref("list"), parameters=asked)
    return {f"/{key}/figures": {"get": added}}


def _view_paths(key: str, label: str) -> dict[str, Any]:
    one = {"type": "object"}
    listed = operation(f"views.{key}", f"Views: {label}", ref("list"))
    made = operation(f"create_view.{key}", f"Make a view: {label}", one, sent=body(ref("view")), status="201")
    changed = operation(f"update_view.{key}", f"Change a view: {label}", one, sent=body(ref("view")))
    gone = operation(f"delete_view.{key}", f"Delete a view: {label}", None, status="204")
    return {
        f"/{key}/views": {"get": listed, "post": made},
        f"/{key}/views/{{id}}": {"parameters": [RECORD_ID], "patch": changed, "delete": gone},
    }


def _talk_paths(key: str, label: str) -> dict[str, Any]:
    said = operation(f"comments.{key}", f"What is said about it: {label}", ref("list"))
    sent = body(ref("comment"))
    say = operation(f"comment.{key}", f"Say something: {label}", {"type": "object"}, sent=sent, status="201")
    back = operation(f"remove_comment.{key}", f"Take a remark back: {label}", None, status="204")
    hear = operation(f"follow.{key}", f"Follow: {label}", None, status="204")
    rest = operation(f"unfollow.{key}", f"Follow no more: {label}", None, status="204")
    return {
        f"/{key}/{{id}}/comments": {"parameters": [RECORD_ID], "get": said, "post": say},
        f"/{key}/{{id}}/comments/{{comment}}": {"parameters": [RECORD_ID, COMMENT_ID], "delete": back},
        f"/{key}/{{id}}/follow": {"parameters": [RECORD_ID], "put": hear, "delete": rest},
    }


def _record_paths(entity: Entity, rights: Rights, language: Locale) -> dict[str, Any]:
    key, label = entity.key, language.label(entity.label)
    history = operation(f"history.{key}", f"History: {label}", ref("history"), parameters=[BEFORE, LIMIT])
    paths: dict[str, Any] = {f"/{key}/{{id}}/history": {"parameters": [RECORD_ID], "get": history}}
    if entity.workflow is not None and rights.move:
        moves = operation(f"moves.{key}", f"Possible moves: {label}", ref("moves"))
        paths[f"/{key}/{{id}}/moves"] = {"parameters": [RECORD_ID], "get": moves}
        for move in entity.workflow.moves.values():
            name = f"{label}: {language.label(move.label)}"
            moved = operation(
                f"move.{key}.{move.key}", name, ref(f"{key}.record"), sent=body(ref("move")), parameters=[IF_MATCH]
            )
            paths[f"/{key}/{{id}}/moves/{move.key}"] = {"parameters": [RECORD_ID], "post": moved}
    for make in entity.makes.values():
        name = f"{label}: {language.label(make.label)}"
        made = operation(
            f"make.{key}.{make.key}", name, {"type": "object"}, sent=body({"type": "object"}), status="201"
        )
        paths[f"/{key}/{{id}}/makes/{make.key}"] = {"parameters": [RECORD_ID], "post": made}
    return paths


ROUTES = (
    ("/openapi.json", ["GET"], get_openapi),
    ("/schema/<entity>", ["GET"], get_schema),
)
