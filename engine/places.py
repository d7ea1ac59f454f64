"""Where the folders that people edit stand: schemas, templates and reusable patterns.

Enters: the name of a folder or file. Leaves: its path, in a checkout or beside an installed package. Must not read it.
"""

from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_INSTALLED = "formwork_data"


def find_data(name: str) -> Path:
    """Return the path of ``schemas``, ``templates``, ``workflows`` or of something below one of them.

    An installed package carries them in a folder of its own, since a name as plain as ``templates`` could belong to
    somebody else; that folder does not exist in a checkout. Raises ``FileNotFoundError`` when neither has it.
    """
    for candidate in (_ROOT / _INSTALLED / name, _ROOT / name):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"'{name}' is neither in {_ROOT / _INSTALLED} nor in {_ROOT}; install formwork again")
