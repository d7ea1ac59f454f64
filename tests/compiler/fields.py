"""Fields as the compiler would make them, for tests of their types alone."""

from typing import Any

from engine.compiler.app import Field
from engine.compiler.field_types import FIELD_TYPES
from engine.errors import Location

OPTIONS = {
    "a": {"zh": "甲", "en": "First"},
    "b": {"zh": "乙", "en": "Second"},
    "2024": {"zh": "二〇二四", "en": "2024"},
}


def field_of(kind: str, **more: Any) -> Field:
    """A field of a type, with what the type needs and ``more``."""
    declared = FIELD_TYPES[kind]
    given: dict[str, Any] = {"scale": declared.scale, "min": declared.min, "max": declared.max}
    if kind in ("choice", "choices"):
        given["options"] = OPTIONS
    if kind == "link":
        given["to"] = "customer"
    if kind in ("file", "image"):
        given["many"] = True
    if kind == "lines":
        given["fields"] = {"name": field_of("text"), "qty": field_of("decimal")}
    return Field("x", declared, {"zh": "某栏", "en": "Some field"}, Location("entity.yaml"), **given | more)
