"""Secrets that must be read again, such as that of a second factor: kept in the database, useless without the key.

Enters: a secret and the key of the site. Leaves: the secret sealed, or opened again. Must not be used for what only
has to be compared: of that a hash is kept.
"""

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def seal(secret: str, key: str) -> str:
    """Return a secret as it may be stored."""
    return _fernet(key).encrypt(secret.encode()).decode()


def unseal(sealed: str, key: str) -> str | None:
    """Return a secret that was sealed with this key; None when it was another, or was tampered with."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(key).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _fernet(key: str) -> "Fernet":
    """The key of the site is long and random; what is sealed gets one of its own, which signs no cookie."""
    from cryptography.fernet import Fernet  # loaded when the first secret is read, not at every start

    own = hashlib.sha256(b"formwork sealed secrets\x00" + key.encode("utf-8", "surrogatepass")).digest()
    return Fernet(base64.urlsafe_b64encode(own))
