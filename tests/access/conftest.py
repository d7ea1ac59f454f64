"""The running application of ``tests/web``, over the app in ``vault/``."""

from tests.web.conftest import open_desk

__all__ = ["open_desk"]
