"""From the document of an ``automations.yaml`` to an ``AutomationsDefinition``.

Enters: a checked document. Leaves: the definition. Must not resolve names.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, get_args

from engine.definition.model import (
    AutomationDefinition,
    AutomationsDefinition,
    CountedDefinition,
    DoDefinition,
    DoKind,
    MakeLinesDefinition,
    PublicFormDefinition,
    TakeDefinition,
    TriggerDefinition,
    TriggerKind,
)
from engine.definition.reading import (
    Node,
    build,
    list_of,
    read_expression,
    read_reference,
    reads_class,
)
from engine.definition.workflows import read_after, read_whos
from engine.definition.yaml_reader import Document

ANY: Final = "any"
"""Stands for every field, or every stage."""


def parse_automations(document: Document) -> AutomationsDefinition:
    """Return the automations written in ``document``."""
    root = Node(document, (), document.data)
    kind = root.get("automations")
    rules = root.get("rules")
    return build(
        AutomationsDefinition,
        root,
        key=kind.value,
        location=kind.location,
        entity=read_reference(root.find("entity") or kind),
        rules={node.key: build(AutomationDefinition, node) for node in rules.entries()},
        parts={node.key: tuple(_read_step(one) for one in node.elements()) for node in _entries(root, "parts")},
    )


def _read_trigger(node: Node) -> TriggerDefinition:
    kind = _kind_of(node, TriggerKind)
    read = _TRIGGERS.get(kind)
    given = read(node, node.get(kind)) if read is not None else {}
    place = node.document.at_key((*node.path, kind))
    return TriggerDefinition(kind, place, from_=_all(node, "from"), time=node.value.get("time"), **given)


def _kind_of(node: Node, kinds: Any) -> Any:
    """Return which of ``kinds`` is written; a stored text of another notation may have none (``KeyError``)."""
    for one in get_args(kinds):
        if one in node.value:
            return one
    raise KeyError(node.path)


def _read_step(node: Node) -> DoDefinition:
    kind = _kind_of(node, DoKind)
    written, place = node.get(kind), node.document.at_key((*node.path, kind))
    given = _STEPS.get(kind, _named)(node, written)
    text = node.find("text")
    return DoDefinition(
        kind,
        place,
        link=_one(node, "link"),
        owner=read_whos(node.get("owner")) if "owner" in node.value else (),
        share=node.value.get("by", "turn"),
        at_most=node.value.get("at_most"),
        counting=_expression(node, "counting"),
        title=node.value.get("title"),
        text=node.value.get("text"),
        key=node.value.get("key"),
        report=_one(node, "report"),
        dashboard=_one(node, "dashboard"),
        period=node.value.get("period"),
        eyes=read_whos(node.get("as")) if "as" in node.value else (),
        text_location=None if text is None else text.document.at_text(text.path),
        where=_expression(node, "where"),
        otherwise=_steps(node, "else"),
        rest=_expressions(node.get("rest")) if "rest" in node.value else {},
        lines=_lines(node.get("lines")) if "lines" in node.value else {},
        **given,
    )


def _named(node: Node, written: Node) -> dict[str, Any]:
    """Read a step that names something, with what it is given and what is done for each."""
    values = _expressions(node.get("with")) if "with" in node.value else {}
    return {"name": read_reference(written), "values": values, "do": _steps(node, "do")}


def _steps(node: Node, key: str) -> tuple[DoDefinition, ...]:
    found = node.find(key)
    return () if found is None else tuple(_read_step(one) for one in found.elements())


def _entries(node: Node, key: str) -> Iterable[Node]:
    found = node.find(key)
    return () if found is None else found.entries()


def _names(node: Node) -> tuple[Any, ...]:
    """Return names; none of them where every one is meant."""
    found = list_of(read_reference)(node)
    return tuple(one for one in found if one.name != ANY)


def _all(node: Node, key: str) -> tuple[Any, ...]:
    return list_of(read_reference)(node.get(key)) if key in node.value else ()


def _one(node: Node, key: str) -> Any:
    return read_reference(node.get(key)) if key in node.value else None


def _expression(node: Node, key: str) -> Any:
    return read_expression(node.get(key)) if key in node.value else None


def _lines(node: Node) -> dict[str, MakeLinesDefinition]:
    return {one.key: build(MakeLinesDefinition, one) for one in node.entries()}


def _expressions(node: Node) -> dict[str, Any]:
    return {one.key: read_expression(one) for one in node.entries()}


def _read_take(node: Node) -> TakeDefinition:
    """Read ``money`` or ``money from data.order.amount``."""
    type_, _, path = node.value.partition(" from ")
    return TakeDefinition(node.key, node.location, type_, tuple(path.split(".")) if path else ())


def _read_webhook(node: Node, written: Node) -> "Given":
    return {
        "hook": read_reference(written),
        "takes": {one.key: _read_take(one) for one in node.get("takes").entries()},
        "find": _expressions(node.get("find")) if "find" in node.value else {},
        "form": build(PublicFormDefinition, node.get("form")) if "form" in node.value else None,
    }


def _counted(node: Node) -> dict[str, CountedDefinition]:
    return {one.key: build(CountedDefinition, one) for one in _entries(node, "with")}


Given: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Node, Node], Given]
_TRIGGERS: Final[Mapping[str, Read]] = {
    "changed": lambda node, written: {
        "fields": _names(written),
        "to": _all(node, "to"),
        "not_via": tuple(node.value.get("not_via", ())),
    },  # fmt: skip
    "moved": lambda node, written: {"to": _names(written)},
    "approval": lambda node, written: {"approval": read_reference(written), "to": _all(node, "becomes")},
    "file": lambda node, written: {"fields": (read_reference(written),)},
    "at": lambda node, written: {"moments": tuple(read_after(one) for one in written.elements())},
    "every": lambda node, written: {"every": written.value, "once": "once" in node.value, "counted": _counted(node)},
    "idle": lambda node, written: {"span": written.value, "without": _one(node, "without")},
    "button": lambda node, written: {"who": read_whos(node.get("who")) if "who" in node.value else ()},
    "webhook": _read_webhook,
}
_STEPS: Final[Mapping[str, Read]] = {
    "set": lambda node, written: {"values": _expressions(written)},
    "assign": lambda node, written: {"who": read_whos(written), "do": _steps(node, "then")},
    "notify": lambda node, written: {"who": read_whos(written)},
    "mail": lambda node, written: {"value": read_expression(written)},
    "dial": lambda node, written: {"value": read_expression(written), "name": _one(node, "through")},
    "wait": lambda node, written: {"span": written.value},
    "if": lambda node, written: {"value": read_expression(written), "do": _steps(node, "then")},
}
reads_class(TriggerDefinition, _read_trigger)
reads_class(DoDefinition, _read_step)
