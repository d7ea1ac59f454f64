"""The description of the API, OpenAPI 3.1, for what the caller's roles may do; and the schema of each entity.

Enters: the compiled app and the actor's roles. Leaves: plain data, made once per release, roles and language. Must not
name an entity or field the actor may not see.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response, g

from engine.compiler.app import CompiledApp, Entity
from engine.errors import NotFound
from engine.records.rights import Rights, find_rights
from web.api import schemas
from web.api.answers import PREFIX, answer
from web.api.parts import COMMON_PATHS, COMPONENTS, IF_MATCH, LIST_PARAMETERS, RECORD_ID, body, operation, page_of, ref
from web.gate import locale, reads, store
from web.i18n import Locale

_MOST_KEPT = 200
_documents: dict[tuple[str, frozenset[str], str], bytes] = {}


@reads
def get_openapi() -> Response:
    """Answer the OpenAPI document."""
    app = store().app
    key = (app.digest, g.actor.roles, locale().language)
    found = _documents.get(key)
    if found is None:
        if len(_documents) >= _MOST_KEPT:
            _documents.clear()
        found = _documents[key] = answer(describe(app, _rights(app), locale())).get_data()
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


def describe(app: CompiledApp, rights: Mapping[str, Rights], language: Locale) -> dict[str, Any]:
    """Return the document for the entities in ``rights``."""
    paths: dict[str, Any] = dict(COMMON_PATHS)
    components: dict[str, Any] = dict(COMPONENTS["schemas"])
    for key, allowed in rights.items():
        entity = app.entities[key]
        paths |= _paths(entity, allowed, language)
        components[f"{key}.record"] = schemas.output_schema(entity, allowed, language)
        components[f"{key}.values"] = schemas.input_schema(entity, allowed, language)
        required = schemas.required_fields(entity, allowed)
        components[f"{key}.new"] = {"allOf": [ref(f"{key}.values")], **({"required": required} if required else {})}
    return {
        "openapi": "3.1.0",
        "info": {"title": language.label(app.label) or "Formwork", "version": app.version or "0"},
        "servers": [{"url": PREFIX}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": COMPONENTS | {"schemas": components},
    }


def _rights(app: CompiledApp) -> dict[str, Rights]:
    """Return the rights for each entity the actor may read or create."""
    found = {key: find_rights(app, entity, g.actor) for key, entity in app.entities.items()}
    return {key: rights for key, rights in found.items() if rights.read or rights.create}


def _paths(entity: Entity, rights: Rights, language: Locale) -> dict[str, Any]:
    key, label = entity.key, language.label(entity.label)
    many: dict[str, Any] = {}
    one: dict[str, Any] = {"parameters": [RECORD_ID]}
    if rights.read:
        listed = [*LIST_PARAMETERS, *schemas.filter_parameters(entity, rights)]
        many["get"] = operation(f"list.{key}", f"List: {label}", page_of(ref(f"{key}.record")), parameters=listed)
        one["get"] = operation(f"get.{key}", f"Read: {label}", ref(f"{key}.record"))
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
        one["delete"] = operation(f"delete.{key}", f"Delete: {label}", None, parameters=[IF_MATCH], status="204")
    paths = {f"/{key}": many, f"/{key}/{{id}}": one}
    if rights.read:
        paths |= _record_paths(entity, language)
    return {path: item for path, item in paths.items() if item}


def _record_paths(entity: Entity, language: Locale) -> dict[str, Any]:
    key, label = entity.key, language.label(entity.label)
    history = operation(f"history.{key}", f"History: {label}", ref("history"))
    paths: dict[str, Any] = {f"/{key}/{{id}}/history": {"parameters": [RECORD_ID], "get": history}}
    if entity.workflow is not None:
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
