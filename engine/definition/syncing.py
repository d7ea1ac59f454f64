"""A folder and what was published from elsewhere, with the release both come from.

Enters: the sources of that release, of the current one, and of the folder. Leaves: differences, or the files that hold
what both did. Must not touch a file that only the folder changed, nor lose what either side wrote.

A file only one side changed is taken as it is, comments included. In a file both changed, their changes are made key by
key in the folder's text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.definition.documents import LOCK, identify
from engine.definition.editing import Change, Drop, Put, edit
from engine.definition.kinds import BASE, find_kind
from engine.definition.pinning import find_lock
from engine.definition.source import SourceFolder
from engine.definition.three_way import ABSENT, Difference, Side, compare_sides
from engine.definition.yaml_reader import NodePath, parse_yaml

TEMPLATE: Final = ("app", "base")
"""What a decision about the whole template kept in the folder is about."""


@dataclass(frozen=True)
class Sync:
    """A three-way comparison; ``both`` are the differences in files that both changed, by path."""

    ancestor: SourceFolder
    theirs: SourceFolder
    ours: SourceFolder
    both: Mapping[str, list[Difference]]
    template: Difference | None

    @property
    def conflicts(self) -> list[Difference]:
        """What somebody has to decide."""
        found = [one for differences in self.both.values() for one in differences if one.is_conflict]
        return [self.template, *found] if self.template is not None else found


def compare_sync(ancestor: SourceFolder, theirs: SourceFolder, ours: SourceFolder) -> Sync:
    """Compare; raises ``DefinitionError`` for a file that both changed and that cannot be read."""
    both = {}
    for path in sorted({*ancestor.files, *theirs.files, *ours.files}):
        old, new, own = (side.files.get(path) for side in (ancestor, theirs, ours))
        if not _is_kept(path) and new not in (old, own) and own != old:
            both[path] = _compare_file(path, old, new, own)
    return Sync(ancestor, theirs, ours, both, _compare_template(ancestor, theirs, ours))


def find_missing(ancestor: SourceFolder, theirs: SourceFolder, ours: SourceFolder) -> list[str]:
    """Return the files in which they changed something that our folder does not say."""
    sync = compare_sync(ancestor, theirs, ours)
    paths = sorted({*ancestor.files, *theirs.files})
    taken = [path for path in paths if not _is_kept(path) and _is_theirs_alone(sync, path)]
    partly = [path for path, differences in sync.both.items() if differences]
    return [*([BASE] if sync.template is not None else []), *taken, *partly]


def finish_sync(sync: Sync, decisions: Mapping[str, Side]) -> dict[str, str]:
    """Return the files of the folder with what both did; every conflict must be decided."""
    files: dict[str, str | None] = dict(sync.ours.files)
    for path in {*sync.ancestor.files, *sync.theirs.files}:
        if not _is_kept(path) and _is_theirs_alone(sync, path):
            files[path] = sync.theirs.files.get(path)
    for path, differences in sync.both.items():
        files[path] = _finish_file(sync, path, differences, decisions)
    if _takes_template(sync, decisions):
        files = {path: text for path, text in files.items() if not _is_kept(path)}
        files |= {path: text for path, text in sync.theirs.files.items() if _is_kept(path)}
    return {path: text for path, text in sorted(files.items()) if text}


# ---- the template a site keeps


def _is_kept(path: str) -> bool:
    return path.startswith(BASE) or path == LOCK


def _template_of(folder: SourceFolder) -> dict[str, str]:
    return {path: text for path, text in folder.files.items() if _is_kept(path)}


def _compare_template(ancestor: SourceFolder, theirs: SourceFolder, ours: SourceFolder) -> Difference | None:
    """Two upgrades at once are one conflict: halves of two templates make none."""
    old, new, own = map(_template_of, (ancestor, theirs, ours))
    if new in (old, own) or own == old:
        return None
    said = [_version(kept) for kept in (old, new, own)]
    return Difference(TEMPLATE, (), *said)


def _version(kept: Mapping[str, str]) -> Any:
    lock = find_lock(kept)
    return f"{lock.extends} {lock.version} {lock.digest[:8]}" if lock is not None else ABSENT


def _takes_template(sync: Sync, decisions: Mapping[str, Side]) -> bool:
    if sync.template is not None:
        return decisions[sync.template.key] == "theirs"
    old, new, own = map(_template_of, (sync.ancestor, sync.theirs, sync.ours))
    return old == own and new != old


# ---- one file


def _is_theirs_alone(sync: Sync, path: str) -> bool:
    old, new, own = (side.files.get(path) for side in (sync.ancestor, sync.theirs, sync.ours))
    return new != old and own == old


def _compare_file(path: str, *texts: str | None) -> list[Difference]:
    kind = find_kind(path)
    if kind is None:
        return []
    documents = [parse_yaml(text, path) if text is not None else None for text in texts]
    about = next(identify(kind, document) for document in documents if document is not None)
    sides = [{about: document.data} if document is not None else {} for document in documents]
    return compare_sides(*sides)


def _finish_file(sync: Sync, path: str, differences: list[Difference], decisions: Mapping[str, Side]) -> str | None:
    taken = [one for one in differences if not one.is_conflict or decisions[one.key] == "theirs"]
    if any(one.path == () for one in taken):
        return sync.theirs.files.get(path)
    text = sync.ours.files.get(path)
    return edit(text, list(_changes(taken, sync.theirs.files.get(path, "")))) if text is not None and taken else text


def _changes(taken: list[Difference], theirs: str) -> Iterator[Change]:
    data = parse_yaml(theirs, "").data if theirs else {}
    for one in taken:
        yield Drop(one.path) if one.theirs is ABSENT else Put(one.path, one.theirs, _behind(data, one.path))


def _behind(data: Any, path: NodePath) -> tuple[str, ...]:
    """Return the keys that stand before this one in their file, the nearest first."""
    for key in path[:-1]:
        data = data.get(key, {})
    keys = [str(key) for key in data]
    return tuple(reversed(keys[: keys.index(str(path[-1]))]))
