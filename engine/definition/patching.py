"""A site's file laid over the template's file of the same thing.

Enters: two documents. Leaves: one document, in which every value keeps the place it was written at, and what is wrong
with what the site says about the template. Must not know what a key means: maps are
merged by key, anything else is replaced.

``remove:`` is done first, then what the file says is added, then ``after:`` and ``before:`` put keys in order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.definition.problems import did_you_mean, problem
from engine.definition.yaml_reader import Document, NodePath, Place
from engine.errors import Location, Problem

EXTENDS: Final = "extends"
DIRECTIVES: Final = (EXTENDS, "remove", "after", "before")
"""What a site's file may say besides the keys of its kind."""


@dataclass(frozen=True)
class Patched:
    """A merged document.

    ``added``: the place of every map that only the site has, with the keys the template has beside it.
    """

    document: Document
    added: Mapping[Location, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def lay_over(base: Document, patch: Document) -> Patched:
    """Return ``patch`` laid over ``base``; both hold a map at the top."""
    merging = _Merging(base, patch)
    data = merging.merge()
    document = Document(patch.file, data, merging.places)
    return Patched(document, merging.added, tuple(merging.problems))


def without_directives(document: Document) -> Document:
    """Return the document without what is said about a template."""
    data = {key: value for key, value in document.data.items() if key not in DIRECTIVES}
    return Document(document.file, data, document.locations)


def only_directives(document: Document) -> Document:
    """Return what the document says about a template, and nothing else."""
    data = {key: value for key, value in document.data.items() if key in DIRECTIVES}
    return Document(document.file, data, document.locations)


def to_path(address: str) -> NodePath:
    """Return the keys of an address such as ``fields.freight``."""
    return tuple(address.split("."))


@dataclass
class _Merging:
    base: Document
    patch: Document
    places: dict[NodePath, Place] = field(default_factory=dict)
    added: dict[Location, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    removed: set[NodePath] = field(default_factory=set)

    def merge(self) -> dict[str, Any]:
        self.removed = set(self._find_removed())
        own = {key: value for key, value in self.patch.data.items() if key not in DIRECTIVES}
        merged: dict[str, Any] = self._merge((), self.base.data, own)
        for address, keys in self._directive("after").items():
            self._move("after", address, keys, merged)
        for address, keys in self._directive("before").items():
            self._move("before", address, keys, merged)
        return merged

    def _directive(self, name: str) -> Mapping[str, Any]:
        """Return what the patch says; another shape than a map is refused by its schema."""
        found = self.patch.data.get(name)
        return found if isinstance(found, dict) else {}

    # -- removing

    def _find_removed(self) -> Iterator[NodePath]:
        for address in self._directive("remove"):
            path = to_path(address)
            if path in self.base.locations:
                yield path
            else:
                self._refuse_address("remove", address, self.base.locations)

    def _refuse_address(self, name: str, address: str, known: Iterable[NodePath]) -> None:
        addresses = [".".join(map(str, path)) for path in known if not any(isinstance(key, int) for key in path)]
        near = did_you_mean(address, addresses)
        self.problems.append(problem("D306", self.patch.at_key((name, address)), near, address=address))

    # -- merging

    def _merge(self, path: NodePath, base: Any, own: Any) -> Any:
        if not (isinstance(base, dict) and isinstance(own, dict)):
            return self._take(self.patch, path, own)
        self._note(self.patch, path)
        merged = {}
        for key, value in base.items():
            inner = (*path, key)
            if key in own:
                merged[key] = (
                    self._add(inner, own[key], base) if inner in self.removed else (self._merge(inner, value, own[key]))
                )
            elif self._stays(inner, value):
                merged[key] = self._take(self.base, inner, value)
        return merged | {key: self._add((*path, key), value, base) for key, value in own.items() if key not in base}

    def _add(self, path: NodePath, value: Any, beside: Iterable[str]) -> Any:
        if isinstance(value, dict):
            self.added[self.patch.at_key(path)] = tuple(key for key in beside if key != path[-1])
        return self._take(self.patch, path, value)

    def _take(self, source: Document, path: NodePath, value: Any) -> Any:
        """Copy a value, with its places, less what is removed from it."""
        self._note(source, path)
        if isinstance(value, list):
            return [self._take(source, (*path, index), item) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        entries = ((key, (*path, key), item) for key, item in value.items())
        if source is self.patch:
            return {key: self._take(source, inner, item) for key, inner, item in entries}
        return {key: self._take(source, inner, item) for key, inner, item in entries if self._stays(inner, item)}

    def _stays(self, path: NodePath, value: Any) -> bool:
        """Tell whether anything is left of a value of the template: a map that lost every entry goes too."""
        if path in self.removed:
            return False
        if not isinstance(value, dict) or not value:
            return True
        return any(self._stays((*path, key), item) for key, item in value.items())

    def _note(self, source: Document, path: NodePath) -> None:
        place = source.locations[path]
        self.places[path] = place if place.file else place._replace(file=source.file)

    # -- order

    def _move(self, name: str, address: str, keys: Any, merged: dict[str, Any]) -> None:
        *above, anchor = to_path(address)
        beside: Any = merged
        for key in above:
            beside = beside.get(key) if isinstance(beside, dict) else None
        if not isinstance(beside, dict) or anchor not in beside:
            self._refuse_address(name, address, self.places)
            return
        moved = [key for key in keys if self._can_move(name, address, key, beside)] if isinstance(keys, list) else []
        rest = [key for key in beside if key not in moved]
        at = rest.index(anchor) + (name == "after")
        ordered = {key: beside[key] for key in (*rest[:at], *moved, *rest[at:])}
        beside.clear()
        beside.update(ordered)

    def _can_move(self, name: str, address: str, key: Any, beside: Mapping[str, Any]) -> bool:
        """Tell whether a key stands beside the anchor and is another one; what is no text the schema refuses."""
        if not isinstance(key, str):
            return False
        if key in beside and key != to_path(address)[-1]:
            return True
        place = self.patch.at_value((name, address, self.patch.data[name][address].index(key)))
        self.problems.append(problem("D309", place, did_you_mean(key, beside), key=key, anchor=address))
        return False
