"""What a list, board or calendar shows, in its address and in a view kept under a name: one made from the other.

Enters: the query of an address, or the content of a view. Leaves: the other of the two. Must not judge either: the list
refuses what may not be asked.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from werkzeug.datastructures import MultiDict

from engine.compiler.app import Entity
from engine.records.condition_text import read_conditions, write_conditions
from engine.records.filters import Filter
from engine.records.views import BOARD, CALENDAR, LIST, MONTH, PAGES, WEEK, ViewContent
from web.list_filters import read_filters
from web.shell import ENTITY_URL

_ENDINGS = {"gte": ".from", "lte": ".to", "contains": ".has", "within": ".within", "missing": ".is", "present": ".is"}
CALENDAR_PARTS = ("by", "at", "show")
"""What an address of a calendar says beside its conditions."""

_LONGEST = 8_000
_LONGEST_SEARCH = 100


def page_url(entity: str, page: str) -> str:
    """Return where the page of an entity is."""
    return ENTITY_URL.format(entity=entity) + {BOARD: "/board", CALENDAR: "/calendar"}.get(page, "")


def find_page(given: "MultiDict[str, str]") -> str:
    """Return the page that a query was carried along from."""
    return given["page"] if given.get("page") in PAGES else LIST


def place_of(entity: str, query: str) -> str:
    """Return the address of the page that a query was carried along from."""
    kept = [(name, value) for name, value in parse_address(query).items(multi=True) if name != "page"]
    url = page_url(entity, find_page(parse_address(query)))
    return f"{url}?{urlencode(kept)}" if kept else url


def parse_address(query: str) -> "MultiDict[str, str]":
    """Return the names and values of a query that was carried along."""
    return MultiDict(parse_qsl(query[:_LONGEST], keep_blank_values=True))


def content_of(keys: Sequence[str], given: "MultiDict[str, str]") -> ViewContent:
    """Return what the list at an address shows, narrowed by ``keys``; raises ``InvalidValues``.

    ``page`` says where it is shown when that is not a list; a board has no order, columns and groups to choose.
    """
    text = given.get("q", "")[:_LONGEST_SEARCH].strip()
    where = read_conditions(given.get("where", ""))
    filters, sort, group = tuple(read_filters(keys, given)), given.get("sort") or None, given.get("group") or None
    page = find_page(given)
    if page == LIST:
        return ViewContent(filters, where, sort, read_columns(given), text, group)
    if page == BOARD:
        return ViewContent(filters, where, text=text, page=BOARD)
    filters = tuple(one for one in filters if one.field not in CALENDAR_PARTS)
    span = WEEK if given.get("show") == WEEK else MONTH
    return ViewContent(filters, where, text=text, page=CALENDAR, by=given.get("by") or None, span=span)


def read_columns(given: "MultiDict[str, str]") -> tuple[str, ...]:
    """Return the columns an address chooses, none for those of the list."""
    return tuple(dict.fromkeys(key for key in given.get("columns", "").split(",") if key))


def address_of(entity: Entity, content: ViewContent, view: int | None = None) -> str:
    """Return the address of the page that shows this."""
    given: list[tuple[str, str]] = [] if view is None else [("view", str(view))]
    for one in content.filters:
        given += _said(one)
    where = "" if content.where is None else write_conditions(content.where)
    named = {"where": where, "q": content.text, "sort": content.sort, "columns": ",".join(content.columns)}
    named["group"] = content.group
    if content.page == CALENDAR:
        named |= {"by": content.by, "show": WEEK if content.span == WEEK else None}
    given += [(name, value) for name, value in named.items() if value]
    url = page_url(entity.key, content.page)
    return f"{url}?{urlencode(given)}" if given else url


def _said(one: Filter) -> list[tuple[str, str]]:
    name = one.field + _ENDINGS.get(one.operator, "")
    if one.operator in ("missing", "present"):
        return [(name, one.operator)]
    values = one.value if isinstance(one.value, list) else [one.value]
    return [(name, str(value)) for value in values]
