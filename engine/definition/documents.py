"""From the texts of a folder to one document for each thing, a site laid over the template it extends.

Enters: a ``SourceFolder``. Leaves: documents by kind that have the shape of their kind, and the problems of all others.
Must not read a disk, nor look for a template elsewhere: what a site extends is kept in its ``base/``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from engine.definition.kept import check_kept, parse_kept
from engine.definition.kinds import BASE, KINDS, Kind, check_name, find_kind
from engine.definition.locales import spell_out
from engine.definition.patching import EXTENDS, Patched, lay_over, only_directives, without_directives
from engine.definition.problems import did_you_mean, problem
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import Document, parse_yaml
from engine.errors import DefinitionError, Location, Problem

LOCK: Final = "lock.yaml"
Documents: TypeAlias = dict[Kind, list[Document]]
Identity: TypeAlias = tuple[Kind, str]
_NAMED_BY_FILE: Final = ("demo", "example")


def read_documents(
    folder: SourceFolder, *, checked: bool = False, only: Kind | None = None
) -> tuple[Documents, list[Problem]]:
    """Return the documents that have the shape of their kind, and the problems of all others.

    ``checked`` says that these very texts were checked before; demos and examples are then left out. ``only`` leaves
    out every other kind.
    """
    layer = _Layer("", folder.files, only, checked)
    layer.problems += folder.problems
    found = layer.read()
    documents: Documents = {kind: [] for kind in KINDS}
    problems = layer.problems
    for kind, patched in found:
        if only is not None and kind != only:
            continue
        wrong = [*patched.problems, *([] if checked else _check_shape(kind, patched))]
        problems += wrong
        if not wrong:
            documents[kind].append(patched.document)
    return documents, problems


def merge_layers(folder: SourceFolder) -> list[tuple[Kind, Document]]:
    """Return the documents of a folder, a site laid over its template, whatever is wrong with them.

    For comparing folders: what an older program wrote need not have the shape of today. What is no map is left out.
    """
    found = _Layer("", folder.files, None, False, pinned=False).read()
    return [(kind, one.document) for kind, one in found if isinstance(one.document.data, dict)]


def own_documents(folder: SourceFolder) -> list[tuple[Kind, Document]]:
    """Return what a site says itself, as it is written; what is no map is left out.

    Raises ``DefinitionError`` for a file that cannot be read: what it says would be lost in silence.
    """
    layer = _Layer("", folder.files, None, False)
    app = layer._parse("app.yaml") if "app.yaml" in folder.files else None
    found = [one for one in layer._parse_own(app, site=True) if isinstance(one[1].data, dict)]
    if layer.problems or folder.problems:
        raise DefinitionError([*folder.problems, *layer.problems])
    return found


def find_extended(folder: SourceFolder) -> str | None:
    """Return the name of the template a folder extends, None when it extends none or cannot be read."""
    try:
        return _extended(parse_yaml(folder.files.get("app.yaml", ""), "app.yaml"))
    except DefinitionError:
        return None


def base_of(folder: SourceFolder) -> SourceFolder:
    """Return the template a site keeps, as it was when it was pinned."""
    kept = {path.removeprefix(BASE): text for path, text in folder.files.items() if path.startswith(BASE)}
    return SourceFolder(kept)


def identify(kind: Kind, document: Document) -> Identity:
    """Return what a document is about: two of the same are about one thing, wherever they stand.

    There is one app, whatever its key; a file that names no thing (an example, a demo) is known by its path.
    """
    named = document.data.get(kind) if isinstance(document.data, dict) else None
    if kind == "app":
        return kind, ""
    return kind, named if isinstance(named, str) else own_path(document.file)


def own_path(path: str) -> str:
    """Return the path a file has in the folder it was written for."""
    while path.startswith(BASE):
        path = path.removeprefix(BASE)
    return path


def _extended(app: Document | None) -> str | None:
    data = app.data if app is not None else None
    name = data.get(EXTENDS) if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


_Found: TypeAlias = list[tuple[Kind, Patched]]


@dataclass
class _Layer:
    """A folder, or what a site keeps of its template: ``prefix`` is where it stands below the first folder."""

    prefix: str
    files: Mapping[str, str]
    only: Kind | None
    checked: bool
    pinned: bool = True
    problems: list[Problem] = field(default_factory=list)

    def read(self) -> _Found:
        app = self._parse("app.yaml") if "app.yaml" in self.files else None
        kept = {path.removeprefix(BASE): text for path, text in self.files.items() if path.startswith(BASE)}
        own = list(self._parse_own(app, site="app.yaml" in kept or _extended(app) is not None))
        if app is None or _extended(app) is None:
            if app is not None and "app.yaml" in kept:
                self.problems.append(problem("D307", Location(f"{self.prefix}{BASE}app.yaml")))
            return [(kind, Patched(document)) for kind, document in own]
        if self.pinned and not self.checked and self.only is None:
            self.problems += self._check_pin(app, kept)
        below = _Layer(f"{self.prefix}{BASE}", kept, self.only, self.checked, self.pinned)
        base = below.read() if kept else []
        self.problems += below.problems
        return _lay_over(base, own) if kept else []

    def _parse_own(self, app: Document | None, *, site: bool) -> Iterator[tuple[Kind, Document]]:
        """Yield the documents of this layer alone."""
        for path in sorted(self.files):
            if site and (path.startswith(BASE) or path == LOCK):
                continue
            kind = find_kind(path)
            if kind is None:
                self.problems += filter(None, [check_name(path)])
            document = app if path == "app.yaml" else self._parse(path) if kind and self._is_wanted(kind) else None
            if kind is not None and document is not None:
                laid_over = site or self.prefix or not self.pinned
                yield kind, spell_out(document) if kind == "locale" and laid_over else document

    def _is_wanted(self, kind: Kind) -> bool:
        return kind == self.only if self.only is not None else not (self.checked and kind in _NAMED_BY_FILE)

    def _parse(self, path: str) -> Document | None:
        try:
            read = parse_yaml if self.checked else parse_kept
            return read(self.files[path], self.prefix + path)
        except DefinitionError as error:
            self.problems += error.problems
            return None

    # -- the pin

    def _check_pin(self, app: Document, kept: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the template kept here, or with the lock that pins it."""
        name, place = str(app.data[EXTENDS]), app.at_value((EXTENDS,))
        if not kept:
            yield problem("D301", place, None, name=name)
            return
        if LOCK not in self.files:
            yield problem("D302", Location(self.prefix + LOCK))
            return
        lock = self._parse(LOCK)
        found = check_kept(lock, "lock") if lock is not None else []
        yield from found
        if lock is None or found:
            return
        if lock.data[EXTENDS] != name:
            yield problem("D308", place, None, name=name, pinned=lock.data[EXTENDS])
        elif lock.data["digest"] != SourceFolder(kept).digest:
            yield problem("D303", lock.at_value(("digest",)))


def _lay_over(base: _Found, own: list[tuple[Kind, Document]]) -> _Found:
    """Lay each document of a site over the one about the same thing; the others are new and come last."""
    waiting: dict[Identity, Document] = {}
    new: list[tuple[Kind, Document]] = []
    there = {identify(kind, one.document) for kind, one in base}
    for kind, document in own:
        about = identify(kind, document)
        if about in there and about not in waiting and isinstance(document.data, dict):
            waiting[about] = document
        else:
            new.append((kind, document))
    found = []
    for kind, one in base:
        said = waiting.get(identify(kind, one.document))
        if said is None or not _is_removed(kind, said):
            found.append((kind, _merge(one, said)))
    return found + [(kind, _make_new(kind, document, there)) for kind, document in new]


def _is_removed(kind: Kind, own: Document) -> bool:
    """Tell whether a site has no such thing at all: it removes the very key the thing is named by."""
    removed = own.data.get("remove")
    whole = "examples" if kind == "example" else kind
    return isinstance(removed, dict) and whole in removed and not check_kept(only_directives(own), "patch")


def _merge(base: Patched, own: Document | None) -> Patched:
    if own is None:
        return base
    merged = lay_over(base.document, own)
    wrong = (*base.problems, *check_kept(only_directives(own), "patch"), *merged.problems)
    return Patched(merged.document, merged.added, wrong)


def _make_new(kind: Kind, document: Document, there: set[Identity]) -> Patched:
    if not isinstance(document.data, dict):
        return Patched(document)
    names = [name for of, name in there if of == kind]
    _, thing = identify(kind, document)
    near = did_you_mean(thing, names)
    wrong = [
        problem("D305", document.at_key((key,)), near, key=key, kind=kind, thing=thing)
        for key in only_directives(document).data
    ]
    plain = without_directives(document)
    return Patched(plain, {plain.at_value(()): tuple(names)}, tuple(wrong))


# ---- shape


def _check_shape(kind: Kind, patched: Patched) -> Iterator[Problem]:
    """Yield what differs from the schema; what only the site has may be a name of the template, misspelt."""
    for found in check_kept(patched.document, kind):
        beside = patched.added.get(found.location)
        if found.code != "D103" or beside is None:
            yield found
            continue
        key, needed = str(found.params["parent"]), found.params["key"]
        if key == patched.document.file:
            key = identify(kind, patched.document)[1]
        yield problem("D304", found.location, did_you_mean(key, beside), key=key, needed=needed)
