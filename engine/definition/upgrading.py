"""A newer template for a site: what they changed, what the site changed too, and the site's files afterwards.

Enters: a site's folder, the newer template, decisions. Leaves: differences, or the texts of the site. Must not lose
what a site says: what contradicts the newer template waits for a decision.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from engine.definition.documents import Identity, base_of, identify, merge_layers, own_documents, own_path
from engine.definition.editing import Change, Drop, Put, Rename, change_data, edit
from engine.definition.expanding import write_document
from engine.definition.kinds import KINDS
from engine.definition.patching import DIRECTIVES, lay_over, to_path
from engine.definition.pinning import own_files, pin
from engine.definition.source import SourceFolder
from engine.definition.three_way import ABSENT, Difference, Side, compare_sides
from engine.definition.yaml_reader import Document, NodePath, parse_yaml
from engine.definition.yaml_writer import write_yaml

_OWN_SETTINGS: Final = {("app",), ("version",)}
"""Every site has its own."""

Documents: TypeAlias = Mapping[Identity, Document]


@dataclass(frozen=True)
class Renamed:
    """What they renamed; what the site says about it follows."""

    about: Identity
    path: NodePath
    key: str


@dataclass(frozen=True)
class Upgrade:
    """A three-way comparison: ``changes`` we did not touch, ``conflicts`` somebody decides, ``renamed`` that follow."""

    site: SourceFolder
    name: str
    template: SourceFolder
    old: Documents
    new: Documents
    own: Documents
    ours: Mapping[Identity, Any]
    differences: tuple[Difference, ...]
    renamed: tuple[Renamed, ...]

    @property
    def conflicts(self) -> list[Difference]:
        """What both changed."""
        return [one for one in self.differences if one.is_conflict]


def compare_upgrade(site: SourceFolder, name: str, template: SourceFolder) -> Upgrade:
    """Compare the template a site keeps, the newer ``template`` and what the site changed.

    Raises ``DefinitionError`` for a file of the site that cannot be read.
    """
    old, new = _by_identity(base_of(site)), _by_identity(template)
    own = {identify(kind, document): document for kind, document in own_documents(site)}
    renamed = tuple(_find_renames(old, new))
    before = {about: _follow(about, document.data, renamed) for about, document in old.items()}
    ours = {about: _follow(about, document.data, renamed) for about, document in _by_identity(site).items()}
    theirs = {about: document.data for about, document in new.items()}
    found = [one for one in compare_sides(before, theirs, ours) if not _is_own_setting(one)]
    return Upgrade(site, name, template, old, new, own, ours, tuple(found), renamed)


def finish_upgrade(upgrade: Upgrade, decisions: Mapping[str, Side]) -> dict[str, str]:
    """Return all files of the site over the newer template; every conflict must be decided."""
    texts = own_files(upgrade.site)
    for about, document in upgrade.own.items():
        changes = [*_follow_renames(upgrade, about), *_decide(upgrade, about, decisions)]
        changes += _tidy(upgrade, about, changes)
        path = document.file
        if changes:
            written = parse_yaml(texts[path], path).data
            texts[path] = edit(texts[path], [_as_written(written, change) for change in changes])
    for one in upgrade.conflicts:
        if one.path == () and one.theirs is ABSENT:
            _decide_whole(texts, upgrade, one, decisions[one.key])
    left = {path: text for path, text in texts.items() if text and not _says_nothing(upgrade, path, text)}
    return {**left, **pin(upgrade.name, upgrade.template)}


def _is_own_setting(one: Difference) -> bool:
    return one.about[0] == "app" and one.path in _OWN_SETTINGS


def _by_identity(folder: SourceFolder) -> dict[Identity, Document]:
    return {identify(kind, document): document for kind, document in merge_layers(folder)}


# ---- renames


def _find_renames(old: Documents, new: Documents) -> Iterator[Renamed]:
    for about, document in new.items():
        if about in old:
            for path, key in _renames_in((), old[about].data, document.data):
                yield Renamed(about, path, key)


def _renames_in(path: NodePath, old: Any, new: Any) -> Iterator[tuple[NodePath, str]]:
    """Yield the old path and the new key of each entry that says ``was:``."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return
    for key, entry in new.items():
        was = entry.get("was") if isinstance(entry, dict) else None
        if isinstance(was, str) and was in old and was not in new and key not in old:
            yield (*path, was), key
        yield from _renames_in((*path, key), old.get(key), entry)


def _follow(about: Identity, data: Any, renamed: tuple[Renamed, ...]) -> Any:
    for one in renamed:
        if one.about == about:
            data = change_data(data, Rename(one.path, one.key))
    return data


def _follow_renames(upgrade: Upgrade, about: Identity) -> Iterator[Change]:
    data = upgrade.own[about].data
    for one in upgrade.renamed:
        if one.about != about:
            continue
        yield Rename(one.path, one.key)
        for name in DIRECTIVES:
            for address, value in _directive(data, name):
                path = to_path(address)
                if path[: len(one.path)] == one.path:
                    now = ".".join(map(str, (*one.path[:-1], one.key, *path[len(one.path) :])))
                    yield Rename((name, address), now)
                elif path[:-1] == one.path[:-1] and isinstance(value, list) and one.path[-1] in value:
                    yield Put((name, address), [one.key if key == one.path[-1] else key for key in value])


def _directive(data: Any, name: str) -> list[tuple[str, Any]]:
    found = data.get(name)
    return list(found.items()) if isinstance(found, dict) else []


# ---- decisions


def _decide(upgrade: Upgrade, about: Identity, decisions: Mapping[str, Side]) -> Iterator[Change]:
    data = upgrade.own[about].data
    for one in upgrade.conflicts:
        if one.about != about or (one.path == () and one.theirs is ABSENT):
            continue
        if decisions[one.key] == "theirs":
            if one.path:
                yield Drop(one.path)
            for address, _ in _directive(data, "remove"):
                if to_path(address)[: len(one.path)] == one.path:
                    yield Drop(("remove", address))
        elif one.theirs is ABSENT:
            yield Put(one.path, one.ours)


def _as_written(data: Any, change: Change) -> Change:
    """Return a change of a text that was spelt out for comparing as a change of what stands in the file."""
    above = data
    for key in change.path[:-1]:
        above = above.get(key) if isinstance(above, dict) else None
    return Drop(change.path[:-1]) if isinstance(change, Drop) and isinstance(above, str) else change


def _decide_whole(texts: dict[str, str], upgrade: Upgrade, one: Difference, side: Side) -> None:
    """They have no such thing any more: it becomes the site's own, or goes."""
    kept = upgrade.own.get(one.about)
    path = kept.file if kept is not None else own_path(upgrade.old[one.about].file)
    whole = Document(path, one.ours, {})
    texts[path] = write_document(path, whole) if side == "ours" else ""


def _tidy(upgrade: Upgrade, about: Identity, changes: list[Change]) -> Iterator[Change]:
    """Drop what the site says about places the newer template no longer has."""
    data = upgrade.own[about].data
    for change in changes:
        data = change_data(data, change)
    base = upgrade.new.get(about)
    if base is None or not isinstance(data, dict):
        return
    for address, _ in _directive(data, "remove"):
        if to_path(address) not in base.locations:
            yield Drop(("remove", address))
    own = _document(data)
    merged = lay_over(base, own).document
    for name in ("after", "before"):
        for address, keys in _directive(data, name):
            beside = _beside(merged.data, to_path(address))
            left = [key for key in keys if key in beside] if to_path(address)[-1] in beside else []
            if not left:
                yield Drop((name, address))
            elif left != keys:
                yield Put((name, address), left)


def _document(data: dict[str, Any]) -> Document:
    return parse_yaml(write_yaml(data), "") if data else Document("", {}, {})


def _beside(data: Any, path: NodePath) -> Mapping[str, Any]:
    for key in path[:-1]:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _says_nothing(upgrade: Upgrade, path: str, text: str) -> bool:
    """Tell whether a file that said something is left with nothing but what it is about."""
    before = next((document for document in upgrade.own.values() if document.file == path), None)
    if before is None or upgrade.site.files[path] == text:
        return False
    left = _document_of(text)
    return set(left) <= set(KINDS)


def _document_of(text: str) -> Mapping[str, Any]:
    data = parse_yaml(text, "").data
    return data if isinstance(data, dict) else {}
