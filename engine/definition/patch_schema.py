"""The schema by which an editor completes a site's file: that of its kind, with nothing required but who it is about.

Enters: the kind of a file. Leaves: a JSON Schema that stands in ``schemas/patch/`` and refers to those in ``schemas/``.
Must not be what ``check`` uses: that checks the site and its template together, against the schema of the kind.
"""

from typing import Any, Final

from engine.definition.kinds import KINDS
from engine.definition.patching import EXTENDS
from engine.definition.schema import read_schema

FOLDER: Final = "patch"
NAMES: Final = ("common", *KINDS)
_ASKED: Final = ("required", "oneOf", "dependentRequired", "minProperties")


def derive_schema(name: str) -> dict[str, Any]:
    """Return the schema of a site's file of kind ``name``, or of the parts that several share (``common``)."""
    schema: dict[str, Any] = _relax(read_schema(name), name)
    if name == "common":
        return schema
    said = {key: {"$ref": f"../patch.json#/properties/{key}"} for key in read_schema("patch")["properties"]}
    if name != "app":
        del said[EXTENDS]
    schema["properties"] |= said
    about = [key for key in (name, EXTENDS) if key in schema["properties"]]
    return schema | ({"required": about} if about else {})


def _relax(part: Any, name: str) -> Any:
    """Return a part of a schema that asks for nothing; the elements of a list are whole, since a list is replaced."""
    if isinstance(part, list):
        return [_relax(item, name) for item in part]
    if not isinstance(part, dict):
        return part
    return {key: _relax_one(key, value, name) for key, value in part.items() if key not in _ASKED}


def _relax_one(key: str, value: Any, name: str) -> Any:
    if key in ("properties", "$defs"):
        return {below: _relax(item, name) for below, item in value.items()}
    if key == "items":
        return _whole(value, name)
    return value if key in ("if", "x-zh") else _relax(value, name)


def _whole(part: Any, name: str) -> Any:
    """Return a part that stays as it is; it is found beside the schemas this one is made from."""
    if isinstance(part, list):
        return [_whole(item, name) for item in part]
    if not isinstance(part, dict):
        return part
    return {key: _refer(value, name) if key == "$ref" else _whole(value, name) for key, value in part.items()}


def _refer(reference: str, name: str) -> str:
    return f"../{name}.json{reference}" if reference.startswith("#") else f"../{reference}"
