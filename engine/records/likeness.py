"""What of a text counts when two records are compared.

Enters: texts as people write them. Leaves: keys that are equal for the same text, names without what all companies are
called, the domain a company has its mail at, and the pairs of characters by which names that are alike are found. Must
not read records.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from math import ceil, floor
from pathlib import Path
from typing import Any

import yaml

_AFTER_PLACE = ("特别行政区", "自治区", "省", "市")
_BETWEEN = re.compile(r"[\W_]+")
_SHORTEST = 2
_WORDS = Path(__file__).with_name("company_words.yaml")
_PUBLIC_MAIL = Path(__file__).with_name("public_mail.yaml")


def text_key(text: str) -> str:
    """Return a text without blanks, punctuation and brackets, in one width and in small letters."""
    text = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return text if text.isalnum() else _BETWEEN.sub("", text)


def core_name(text: str) -> str:
    """Return what tells a company from others: ``宁波甬江阀门（集团）有限公司`` gives ``甬江阀门``.

    A name of which nothing would be left keeps what it has.
    """
    name = text_key(text)
    endings, places = _words()
    while (ending := next((one for one in endings if name.endswith(one)), None)) is not None:
        if len(name) - len(ending) < _SHORTEST:
            break
        name = name.removesuffix(ending)
    while (shorter := _without_place(name, places)) is not None:
        name = shorter
    return name


def mail_domain(address: str) -> str:
    """Return the domain of a company's e-mail address; nothing where anybody can have an address."""
    domain = address.rpartition("@")[2].lower()
    return "" if domain in _public_mail() else domain


def scores(one: str, others: Mapping[int, str], least: float) -> list[tuple[int, float]]:
    """Return the ids of those texts that are at least so alike to one, and how alike each is, from 0 to 1.

    It is twice their common characters in order over all of both. Source: normalized indel similarity, as RapidFuzz
    computes it.
    """
    from rapidfuzz import process  # with the first question: it takes memory in every process
    from rapidfuzz.distance import Indel

    given: Any = {"scorer": Indel.normalized_similarity, "limit": None, "score_cutoff": least}
    return [(id_, float(score)) for _, score, id_ in process.extract(one, others, **given)]


def grams(text: str) -> frozenset[str]:
    """Return the pairs of neighbouring characters of a text, its beginning and its end among them."""
    padded = f"\x02{text}\x03"
    return frozenset(padded[at : at + 2] for at in range(len(padded) - 1))


def lengths_alike(text: str, least: float) -> tuple[int, int]:
    """Return how short and how long a text at least so alike can be: it has no more in common than the shorter has."""
    length = len(text)
    return ceil(length * least / (2 - least) - 1e-9), floor(length * (2 - least) / least + 1e-9)


def lost_grams(length: int, other: int, least: float) -> int:
    """Return how many of its pairs a text of one length may lack in a text of another that is at least so alike.

    Each character that goes costs two pairs at most, and each that comes one; how many may go and come follows from
    how alike the texts are.
    """
    gone = floor(length - least * (length + other) / 2 + 1e-9)
    return 2 * gone + (other - length + gone)


def _without_place(name: str, places: frozenset[str]) -> str | None:
    """Return ``name`` without the place it begins with, or None when it begins with none."""
    for length in range(4, 1, -1):
        if name[:length] in places:
            rest = name[length:]
            after = next((one for one in _AFTER_PLACE if rest.startswith(one)), "")
            shorter = rest.removeprefix(after)
            return shorter if len(shorter) >= _SHORTEST else None
    return None


@cache
def _public_mail() -> frozenset[str]:
    written = yaml.safe_load(_PUBLIC_MAIL.read_text(encoding="utf-8"))
    return frozenset(f"{written['known']} {written['more']}".split())


@cache
def _words() -> tuple[tuple[str, ...], frozenset[str]]:
    written = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    return tuple(sorted(written["endings"], key=len, reverse=True)), frozenset(written["places"].split())
