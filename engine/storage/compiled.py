"""Apps this process has compiled already, by the digest of their sources.

Enters: a folder. Leaves: its compiled app, the same object for the same sources. Must not keep failures. A publish
compiles the same sources to plan, to apply and to use them; a second store of one process has the same release.
"""

import threading
from collections import OrderedDict

from engine.compiler.app import CompiledApp
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder

_KEPT = 8
_apps: OrderedDict[str, CompiledApp] = OrderedDict()
_lock = threading.Lock()


def load_folder(folder: SourceFolder) -> CompiledApp:
    """Compile a folder that nobody has checked yet; raises ``DefinitionError`` with every problem."""
    return _find(folder) or _keep(load_app(folder))


def load_stored(folder: SourceFolder) -> CompiledApp:
    """Compile the sources of a release, which passed every check when it was published."""
    return _find(folder) or _keep(load_app(folder, checked=True))


def _find(folder: SourceFolder) -> CompiledApp | None:
    return None if folder.problems else _apps.get(folder.digest)


def _keep(app: CompiledApp) -> CompiledApp:
    with _lock:
        _apps[app.digest] = app
        while len(_apps) > _KEPT:
            _apps.popitem(last=False)
    return app
