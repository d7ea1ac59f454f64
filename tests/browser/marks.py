"""The marks every kind of page must reach, and what of them does not depend on how busy the machine is.

Enters: a browser in which somebody has signed in, and an address. Leaves: what was found, and which marks it misses.
``test_pages.py`` judges ``STABLE`` of every page; ``python -m bench.pages`` measures the rest as well. Must not need
anything but Chromium.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.browser.visitor import PHONE, Visitor

STRANGER, LEAD, DIRECTOR, ADMIN = "", "manager_li", "director_chen", "admin"
MISSING = "/e/nothing-like-it"

PAGES: Mapping[str, Mapping[str, str]] = {
    STRANGER: {"sign-in": "/login"},
    LEAD: {
        "home": "/",
        "customers": "/e/customer",
        "quotes": "/e/quote",
        "stage": "/e/quote?stage=lost",
        "groups": "/e/quote?group=stage",
        "new": "/e/quote/new",
        "new-customer": "/e/customer/new",
        "record": "/e/quote/1",
        "contract": "/e/contract/1",
        "customer": "/e/customer/1",
        "edit": "/e/customer/1/edit",
        "calendar": "/e/quote/calendar",
        "journey": "/e/opportunity/1/journey",
        "filter": "/e/quote/filter",
        "columns": "/e/quote/columns",
        "view": "/e/quote/views/new",
        "flow": "/e/quote/flow",
        "search": "/search",
        "found": "/search?q=甬川",
        "approvals": "/approvals",
        "decided": "/approvals?box=done",
        "trail": "/approvals?box=done > .task a",
        "account": "/settings/account",
        "messages": "/settings/messages",
        "visibility": "/settings/visibility",
        "deputies": "/settings/delegations",
        "export": "/e/customer/export",
        "reports": "/reports",
        "report": "/reports/order.people?chart=bars&period=year",
        "figure": "/figures/order.amount?period=year",
        "rows": "/reports/opportunity.now?chart=table > .chart-list a",
        "funnel": "/funnels/opportunity.sales?period=year",
        "missing": MISSING,
    },
    DIRECTOR: {
        "list": "/e/opportunity",
        "board": "/e/opportunity/board",
        "opportunity": "/e/opportunity/1",
        "queue": "/approvals",
        "decision": "/approvals > .task a",
        "dashboard": "/dashboards/sales?period=year",
    },
    ADMIN: {
        "people": "/admin/people",
        "new-person": "/admin/people/new",
        "person": "/admin/people/1",
        "departments": "/admin/departments",
        "roles": "/admin/groups",
        "stranded": "/admin/stranded",
        "automations": "/admin/automations",
        "background": "/admin/background",
        "channels": "/admin/channels",
        "deliveries": "/admin/deliveries",
        "audit": "/admin/audit",
        "baselines": "/admin/baselines",
        "handover": "/handover",
        "deleted": "/e/customer/deleted",
        "version": "/e/customer/1/versions/1",
        "import": "/e/customer/import",
    },
}
"""One page of each kind, by who opens it: what it is called, and its address on a site of the manufacturing template.

``/approvals > .task a`` is the page that the first such link of another one leads to.
"""

LIMITS: Mapping[str, float] = {
    "refused": 0, "axe": 0, "sideways": 0, "requests": 12, "kb": 200,
    "first": 300, "again": 200, "lcp": 1200, "cls": 0.1, "tbt": 200,
    "performance": 95, "accessibility": 100, "best-practices": 100,
}  # fmt: skip
"""At most this much; scores of Lighthouse at least this much."""

STABLE = ("refused", "axe", "sideways", "requests", "kb")
SCORES = ("performance", "accessibility", "best-practices")
TIMES = ("first", "again", "lcp", "tbt")


@dataclass(frozen=True)
class Marks:
    """What was measured of one page at one width; ``axe`` lists what is violated, ``found`` holds the figures."""

    path: str
    width: int
    axe: tuple[str, ...]
    found: Mapping[str, float]

    def missed(self, names: tuple[str, ...] = tuple(LIMITS), pace: float = 1) -> list[str]:
        """Return which marks were missed, each with what was found; times may be ``pace`` times as long."""
        asked = [name for name in names if name in self.found and not self._holds(name, pace)]
        return [f"{name} {self.found[name]:.4g}" for name in asked]

    def _holds(self, name: str, pace: float) -> bool:
        value, limit = self.found[name], LIMITS[name]
        if name in SCORES:
            return value >= limit
        return value <= limit * (pace if name in TIMES else 1)


def find_path(visitor: Visitor, written: str) -> str:
    """Return the address that ``PAGES`` means."""
    path, _, selector = written.partition(" > ")
    if not selector:
        return path
    visitor.open(path)
    return str(visitor.page.locator(selector).first.get_attribute("href"))


def measure(visitor: Visitor, path: str, width: int) -> Marks:
    """Open a page with nothing in the cache and return what is stable about it."""
    loaded: list[Any] = []

    def note(request: Any) -> None:
        loaded.append(request)

    watch = visitor.page.context.new_cdp_session(visitor.page)
    watch.send("Network.enable")
    watch.send("Network.setCacheDisabled", {"cacheDisabled": True})
    visitor.page.on("requestfinished", note)
    status = visitor.open(path)
    axe = tuple(visitor.violations(also=("target-size",) if width == PHONE else ()))
    sideways = int(visitor.scrolls_sideways())
    visitor.page.remove_listener("requestfinished", note)
    sizes = [request.sizes() for request in loaded]
    kilobytes = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes) / 1024
    watch.detach()
    refused = int(status >= 400 and path != MISSING)
    found = {"refused": refused, "axe": len(axe), "sideways": sideways, "requests": len(loaded), "kb": kilobytes}
    return Marks(path, width, axe, found)
