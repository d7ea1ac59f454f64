"""What a database says when it cannot, turned into a sentence for a person.

Enters: errors of the database driver. Leaves: ``Unavailable`` for the conditions nobody's code can avoid (busy, full,
read-only, gone). Must not hide anything else: an unknown error is our bug and stays what it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from engine.errors import NotPossibleNow


class Unavailable(NotPossibleNow):
    """The database cannot do this at the moment; the same request may succeed later (HTTP 503)."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise ``Unavailable`` in place of a driver's error when its cause is known."""
    try:
        yield
    except DBAPIError as error:
        code = find_code(error)
        if code is None:
            raise
        raise Unavailable(code) from error
    except PoolTimeout as error:
        raise Unavailable("storage.busy") from error


def find_code(error: DBAPIError) -> str | None:
    """Return the message code for a condition outside our power, None for an error that is our own."""
    state = getattr(error.orig, "sqlstate", None)
    if state == "0A000" and "cached plan" in str(error.orig):
        return "storage.busy"  # a statement prepared before a publish changed the type of a column it reads
    if state is not None:
        return _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return _BY_NAME.get(str(name).rsplit("_", 1)[0] if str(name).count("_") > 1 else str(name))
    if error.connection_invalidated or isinstance(error, OperationalError):
        return "storage.gone"
    return None


_BY_STATE = {
    "40001": "storage.busy",  # serialization failure
    "40P01": "storage.busy",  # deadlock
    "55P03": "storage.busy",  # lock timeout
    "53100": "storage.full",
    "25006": "storage.read_only",
    "57014": "storage.too_long",  # statement timeout
    "57P01": "storage.gone",
    "57P02": "storage.gone",
    "57P03": "storage.gone",
}
_BY_CLASS = {"08": "storage.gone", "53": "storage.busy"}
_BY_NAME = {
    "SQLITE_BUSY": "storage.busy",
    "SQLITE_INTERRUPT": "storage.too_long",
    "SQLITE_LOCKED": "storage.busy",
    "SQLITE_FULL": "storage.full",
    "SQLITE_IOERR": "storage.full",
    "SQLITE_READONLY": "storage.read_only",
    "SQLITE_CANTOPEN": "storage.gone",
}
