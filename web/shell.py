"""The frame around a page: menu, person, theme, language, notes to show once.

Enters: the request. Leaves: ``shell`` for ``layouts/base.html`` and ``layouts/bare.html``. Must not open a transaction:
an error page needs a frame too.
"""

from typing import Any

from flask import g, request, url_for
from flask import session as cookie

from engine.people.actor import Actor
from web.gate import locale, store
from web.page_kit import script_texts
from web.whereabouts import find_here

ENTITY_URL = "/e/{entity}"
_LETTERS = "cqkoprsdltbnmfuvwxyzeij"


def add_toast(text: str, kind: str = "ok", *, undo: str | None = None, undo_label: str | None = None) -> None:
    """Show a note on the next page; ``kind`` is ok, info, warn or error, ``undo`` where undoing it is posted to."""
    way_back = {"url": undo, "label": undo_label or locale().t("approval.retract")} if undo else None
    cookie["toasts"] = [*cookie.get("toasts", ()), {"kind": kind, "text": text, "undo": way_back}][-5:]


def make_shell(
    *, waiting: int = 0, unread: int = 0, q: str = "", tours: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what the layouts need; without a signed-in person there is no menu."""
    actor: Actor | None = g.get("actor")
    language = locale()
    entries = _menu(actor) if actor else []
    return {
        "app": language.label(store().app.label) or "Formwork",
        "lang": language.language,
        "theme": cookie.get("theme", "auto"),
        "user": actor and {"name": actor.name, "initials": initials(actor.name), "url": None, "title": _roles(actor)},
        "menu": entries,
        "menu_groups": _menu_groups(entries),
        "home_url": "/",
        "logout_url": url_for("auth.logout"),
        "prefs_url": url_for("auth.preferences"),
        "account": _account(actor) if actor else [],
        "search": {"url": "/search", "q": q},
        "approvals": {"url": "/approvals", "waiting": waiting},
        "reports_url": "/reports" if actor and _has_reports() else None,
        "unread": unread,
        "seeing_as": _seeing_as(),
        "at_home": request.path == "/",
        "here": find_here(),
        "toasts": cookie.pop("toasts", []) if "toasts" in cookie else [],
        "tours": tours or {"running": None, "offers": []},
        "script_texts": script_texts(language.language),
    }


_LONGEST_NAME = 4
"""Characters of a Chinese name; what is longer is called by what it is, as 系统管理员."""


def initials(name: str) -> str:
    """Return what stands in a dot: the given name of a Chinese name, the beginning of a longer one, first letters."""
    words = name.split()
    if len(words) > 1:
        return (words[0][0] + words[-1][0]).upper()
    if name.isascii():
        return name[:2].upper()
    return name[-2:] if len(name) <= _LONGEST_NAME else name[:2]


def _seeing_as() -> str | None:
    """Return what stands above everything while an administrator sees as somebody else."""
    who = g.get("signed_in")
    seen = who is not None and who.seer is not None
    return locale().t("seeing_as.banner", name=who.actor.name) if seen else None


def _has_reports() -> bool:
    app = store().app
    return bool(app.reports or app.funnels or app.dashboards)


def _menu(actor: Actor) -> list[dict[str, Any]]:
    app, language = store().app, locale()
    entries = []
    for key in app.menu or tuple(app.entities):
        entity = app.entities[key]
        if key not in app.off and any(entity.access[role].read for role in actor.roles if role in entity.access):
            url = ENTITY_URL.format(entity=key)
            entries.append(_entry(language.label(entity.label), entity.icon, url, key))
    return _with_letters(entries)


def _menu_groups(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries under their headings; those without one come first."""
    groups, by_key = store().app.menu_groups if entries else (), {entry["key"]: entry for entry in entries}
    grouped = {key for group in groups for key in group.things}
    found: list[dict[str, Any]] = [
        {"label": None, "entries": [entry for entry in entries if entry["key"] not in grouped], "here": False}
    ]
    for group in groups:
        inside = [by_key[key] for key in group.things if key in by_key]
        here = any(entry["active"] for entry in inside)
        found.append({"label": locale().label(group.label), "entries": inside, "here": here})
    return [group for group in found if group["entries"]]


def _entry(label: str, icon: str | None, url: str, key: str) -> dict[str, Any]:
    here = request.path == url or request.path.startswith(url + "/")
    return {"label": label, "icon": icon, "url": url, "active": here, "letter": None, "count": None, "key": key}


def _with_letters(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each entry the first free letter of its key; h, a and r are home, approvals and reports."""
    taken = {"h", "a", "r"}
    for entry in entries:
        free = [letter for letter in entry["key"] + _LETTERS if letter.isalpha() and letter not in taken]
        if free:
            entry["letter"] = free[0]
            taken.add(free[0])
    return entries


def _account(actor: Actor) -> list[dict[str, Any]]:
    text = locale()
    entries = [
        {"label": text.say("people.account"), "url": url_for("auth.account"), "icon": "user"},
        {"label": text.t("delegation.title"), "url": "/settings/delegations", "icon": "calendar"},
    ]
    entries.append({"label": text.t("my_messages.title"), "url": "/settings/messages", "icon": "bell"})
    entries.append({"label": text.t("seeing.mine"), "url": "/settings/visibility", "icon": "eye"})
    if any(one.roles & actor.roles for one in store().app.tours.values()):
        entries.append({"label": text.t("tour.all"), "url": "/tours", "icon": "stairs-up"})
    if actor.is_admin:
        entries += [
            {"label": text.t("guide.title"), "url": "/admin/setup", "icon": "checklist"},
            {"label": text.t("roster.title"), "url": "/admin/people", "icon": "users"},
            {"label": text.t("departments.title"), "url": "/admin/departments", "icon": "sitemap"},
            {"label": text.t("automation.title"), "url": "/admin/automations", "icon": "bolt"},
            {"label": text.t("background.title"), "url": "/admin/background", "icon": "refresh"},
            {"label": text.t("stranded.title"), "url": "/admin/stranded", "icon": "alert-triangle"},
            {"label": text.t("hand_over.title"), "url": "/handover", "icon": "arrow-right"},
            {"label": text.t("groups.title"), "url": "/admin/groups", "icon": "users-group"},
            {"label": text.t("channels.title"), "url": "/admin/channels", "icon": "send"},
            {"label": text.t("audit.title"), "url": "/admin/audit", "icon": "clipboard-list"},
        ]
    return entries


def _roles(actor: Actor) -> str | None:
    roles, language = store().app.roles, locale()
    return (
        language.t("text.comma").join(language.label(roles[key].label) for key in sorted(actor.roles) if key in roles)
        or None
    )
