"""What administrators choose in the product: which modules are on, what the site is called, where it is and what
stands below its name on paper.

Enters: a module or a value, and who chooses. Leaves: the choice and a line in the audit, in one transaction; every
process works by it from its next transaction on. Must not touch a record: what is switched off keeps its data.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.compiler.app import Module
from engine.errors import FieldError, InvalidValues, NotFound
from engine.people.actor import Actor, require_admin
from engine.storage import chosen
from engine.storage.journal import write_audit
from engine.storage.store import Session

LONGEST_NAME = 60
MOST_LINES, LONGEST_LINE = 6, 80
"""Of what stands below the name of the site on paper."""


def switch_module(session: Session, key: str, *, on: bool, actor: Actor | None) -> list[Module]:
    """Switch a module on, with what it needs, or off; return what was switched, the module itself last.

    What needs a module that goes off is off with it, and on again when it comes back. Raises ``NotFound`` and
    ``NotAllowed``; ``actor`` None is the command line.
    """
    require_admin(actor)
    if key not in session.app.modules:
        raise NotFound("module.none", name=key[:80], known=", ".join(session.app.modules))
    wanted = [*_needed(session, key), key] if on else [key]
    modules, kept = session.app.modules, session.app.choices.modules
    changed = [modules[one] for one in wanted if kept.get(one, not modules[one].off) is not on]
    for one in changed:
        chosen.keep_choice(session.connection, f"{chosen.MODULE}{one.key}", on)
        write_audit(session, "setting.module_on" if on else "setting.module_off", one.key, {}, actor=actor)
    return changed


def find_dependents(session: Session, key: str) -> list[Module]:
    """Return the modules that are on and go off with this one."""
    modules = session.app.modules
    return [modules[one] for one in modules if one in session.app.on and key in {*_needed(session, one)}]


def name_site(session: Session, name: str, timezone: str, letterhead: str = "", *, actor: Actor | None) -> None:
    """Say what the site is called, in which time zone it is and what stands below its name on paper, line by line.

    Raises ``InvalidValues`` and ``NotAllowed``.
    """
    require_admin(actor)
    name, timezone = " ".join(name.split()), timezone.strip()
    lines = [" ".join(one.split()) for one in letterhead.splitlines() if one.strip()]
    errors = []
    if len(lines) > MOST_LINES:
        errors.append(FieldError("letterhead", "site.letterhead_lines", {"most": MOST_LINES, "lines": len(lines)}))
    if any(len(one) > LONGEST_LINE for one in lines):
        longest = max(len(one) for one in lines)
        errors.append(FieldError("letterhead", "value.too_long", {"max": LONGEST_LINE, "length": longest}))
    if not all(one.isprintable() for one in lines):
        errors.append(FieldError("letterhead", "value.control"))
    if not name:
        errors.append(FieldError("name", "value.required", {"label": {"zh": "公司名称", "en": "Company name"}}))
    elif len(name) > LONGEST_NAME:
        errors.append(FieldError("name", "value.too_long", {"max": LONGEST_NAME, "length": len(name)}))
    elif not name.isprintable():
        errors.append(FieldError("name", "value.control"))
    if not is_timezone(timezone):
        errors.append(FieldError("timezone", "site.no_timezone"))
    if errors:
        raise InvalidValues(errors)
    chosen.keep_choice(session.connection, chosen.NAME, name)
    chosen.keep_choice(session.connection, chosen.TIMEZONE, timezone)
    chosen.keep_choice(session.connection, chosen.LETTERHEAD, lines or None)
    write_audit(session, "setting.named", name, {"timezone": timezone}, actor=actor)


def is_timezone(name: str) -> bool:
    """Tell whether there is a time zone of this name."""
    try:
        return bool(name) and ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _needed(session: Session, key: str) -> Iterator[str]:
    """Yield what a module needs, and what that needs, the innermost first."""
    for one in session.app.modules[key].needs:
        yield from _needed(session, one)
        yield one
