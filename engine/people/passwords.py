"""Passwords: which are good enough, how they are kept, how one is made up.

Enters: a password as typed. Leaves: an argon2id hash, a verdict, or the codes of what is wrong with it. Must not
write a password anywhere, nor say through its timing whether a login exists.

Parameters: argon2id with 19 MiB, 2 passes, 1 lane (OWASP Password Storage Cheat Sheet, 2024), about 30 ms a check.
"""

import re
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engine.errors import FieldError

MIN_LENGTH = 10
MAX_LENGTH = 128
_MIN_DISTINCT = 5
_OWN_PART = 6  # characters that must remain when everything guessable is taken out
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is mistaken for another when read from a screen
_GUESSABLE = (
    "password", "passwort", "passw0rd", "letmein", "welcome", "iloveyou", "admin", "administrator", "root", "login",
    "changeme", "default", "secret", "master", "monkey", "dragon", "football", "sunshine", "princess", "superman",
    "woaini", "mima", "huanying", "guanli", "formwork", "company", "qwertyuiop", "qwerty", "asdfghjkl", "asdfgh",
    "zxcvbnm", "qazwsx", "1qaz2wsx", "abc123", "a123456", "test", "demo", "user", "guest", "5201314", "1314520",
)  # fmt: skip
_SEQUENCES = ("0123456789", "9876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def check_password(password: str, *, login: str, name: str = "") -> list[FieldError]:
    """Return what is wrong with a new password; empty when it may be used."""
    if len(password) < MIN_LENGTH:
        return [FieldError("password", "people.password_short", {"min": MIN_LENGTH})]
    if len(password) > MAX_LENGTH:
        return [FieldError("password", "people.password_long", {"max": MAX_LENGTH})]
    if len(set(password)) < _MIN_DISTINCT or len(_own_part(password, login, name)) < _OWN_PART:
        return [FieldError("password", "people.password_guessable")]
    return []


def hash_password(password: str) -> str:
    """Return the argon2id hash that is stored."""
    return _HASHER.hash(password)


def can_sign_in(password: str, stored: str | None) -> bool:
    """Return whether the password fits; without a stored hash the same work is done and the answer is no."""
    if len(password) > MAX_LENGTH:
        return False
    try:
        return _HASHER.verify(stored or _nobodys_hash(), password) and stored is not None
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def is_outdated(stored: str) -> bool:
    """Return whether the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def generate_password() -> str:
    """Return a password of 79 bits that can be read aloud: four groups of four."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_hex(16))


def _own_part(password: str, login: str, name: str) -> str:
    rest = password.casefold()
    for known in (login.casefold(), name.casefold(), *_GUESSABLE):
        if len(known) >= 3:
            rest = rest.replace(known, "")
    rest = re.sub(r"(19|20)\d\d", "", rest)
    rest = re.sub(r"(.)\1{2,}", r"\1", rest)
    return _without_sequences(rest)


def _without_sequences(text: str) -> str:
    """Take out runs of four and more neighbours, such as ``4567`` or ``sdfg``."""
    kept, position = [], 0
    while position < len(text):
        run = _run_length(text, position)
        if run < 4:
            kept.append(text[position])
            run = 1
        position += run
    return "".join(kept)


def _run_length(text: str, start: int) -> int:
    return max(_shared(text[start:], row[row.index(text[start]) :]) if text[start] in row else 1 for row in _SEQUENCES)


def _shared(first: str, second: str) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count
