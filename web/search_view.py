"""What was found, as ``parts/found.html`` shows it: by kind, with what matched marked.

Enters: words as typed. Leaves: groups of hits; with no words, what the reader worked on lately. Must not ask for what
the reader may not see: it shows what the queries return.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import g

from engine.records import queries
from engine.records.finding import split_words
from engine.records.likeness import text_key
from engine.records.queries import Found, Hits
from engine.records.ranking import MANY
from engine.romanised import syllables
from web.cells import Cells, record_url
from web.gate import locale, now
from web.shell import ENTITY_URL

_SHOWN = 8
_SHOWN_BRIEF = 4
_MOST_BRIEF = 12

View = dict[str, Any]


def view_search(q: str, *, brief: bool = False) -> View:
    """Return what was found under ``q``; ``brief`` is for the box, which has room for a dozen."""
    text, words = locale(), split_words(q)
    shown = _SHOWN_BRIEF if brief else _SHOWN
    found = queries.search_counted(g.session, q, actor=g.actor, limit=shown + 1)
    groups = [_group(key, hits, q, words, shown) for key, hits in found.items()]
    if brief:
        groups = _first(groups, _MOST_BRIEF)
    near = any(hit.near for hits in found.values() for hit in hits.found)
    lately = [] if q else [_entry(hit, ()) for hit in queries.recent(g.session, actor=g.actor)]
    total = sum(group["count"] for group in groups)
    some = any(group["uncounted"] for group in groups)
    return {
        "q": q,
        "brief": brief,
        "near": text.t("search.near") if near else None,
        "groups": groups,
        "recent": lately,
        "total_text": text.t("search.total", count=f"{total}{'+' if some else ''}") if total else None,
        "empty": {
            "icon": "search",
            "title": text.t("search.none" if q else "search.start"),
            "text": text.t("search.hint"),
            "action": None,
        },
    }


def mark(text: str, words: Sequence[str]) -> list[View]:
    """Return a text in pieces, those that match a word marked; by its sound or initials where the word is not in it."""
    keys = [text_key(char) for char in text]
    places = [at for at, key in enumerate(keys) for _ in key]
    said = [_said(key) for key in keys]
    hit: set[int] = set()
    for word in words:
        hit |= set(_places("".join(keys), places, word) or _by_sound(said, word))
    pieces: list[View] = []
    for at, char in enumerate(text):
        if pieces and pieces[-1]["hit"] == (at in hit):
            pieces[-1]["text"] += char
        else:
            pieces.append({"text": char, "hit": at in hit})
    return pieces


def _places(key: str, places: Sequence[int], word: str) -> list[int]:
    at = key.find(word)
    return list(places[at : at + len(word)]) if at >= 0 else []


def _by_sound(said: Sequence[str], word: str) -> list[int]:
    for parts in ([one[:1] for one in said], said):
        places = [at for at, one in enumerate(parts) for _ in one]
        found = _places("".join(parts), places, word)
        if found:
            return found
    return []


def _said(key: str) -> str:
    return "".join(syllables(key))


def _first(groups: list[View], most: int) -> list[View]:
    kept = []
    for group in groups:
        if most <= 0:
            break
        kept.append(group | {"entries": group["entries"][:most]})
        most -= len(group["entries"])
    return kept


def _group(key: str, found: Hits, q: str, words: Sequence[str], shown: int) -> View:
    entity, hits = g.session.app.entities[key], found.found
    more, near = len(hits) > shown, any(hit.near for hit in hits)
    count = found.count if more and not near else len(hits[:shown])
    count, uncounted = min(count, MANY), count > MANY
    url = f"{ENTITY_URL.format(entity=key)}?{urlencode({'q': q})}" if more and not near else None
    count_text = f"{count}{'+' if uncounted else ''}"
    return {
        "label": locale().label(entity.label),
        "icon": entity.icon,
        "count": count,
        "uncounted": uncounted,
        "count_text": count_text,
        "url": url,
        "all_text": locale().t("search.all", count=count_text),
        "entries": [_entry(hit, words) for hit in hits[:shown]],
    }


def _entry(hit: Found, words: Sequence[str]) -> View:
    entity = g.session.app.entities[hit.entity]
    field = entity.fields.get(hit.field or "")
    return {
        "title": mark(hit.text, words),
        "number": mark(hit.number, words) if hit.number and hit.number not in hit.text else None,
        "where": locale().label(field.label) if field is not None else None,
        "said": mark(hit.said or "", words) if field is not None else None,
        "kind": None if words else locale().label(entity.label),
        "url": record_url(hit.entity, hit.id),
        "stage": Cells(locale(), now()).stage(entity, hit.stage),
    }
