"""The invented people of a template's demo: departments, accounts, who reports to whom.

Enters: an open store and a template's folder with ``demo/*.yaml``. Leaves: accounts with new passwords. Must not touch
people who are there already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import Document
from engine.people import accounts, departments, passwords
from engine.storage.store import Session, Store


@dataclass(frozen=True)
class DemoAccount:
    """A person of the demo; ``password`` is None for somebody who was there before."""

    login: str
    name: str
    roles: tuple[str, ...]
    password: str | None = field(repr=False)


def create_people(store: Store, folder: SourceFolder) -> list[DemoAccount]:
    """Create the departments and people of ``demo/*.yaml`` in one transaction; passwords are made up here.

    Raises ``DefinitionError`` for a broken file, and what ``accounts.create_user`` raises.
    """
    documents = parse_documents(folder, "demo")
    written = _merged(documents, "departments")
    people = _merged(documents, "users")
    with store.write() as session:
        ids = {key: _create_department(session, key, one, written) for key, one in written.items()}
        found = [_create_person(session, login, one, ids) for login, one in people.items()]
        _set_managers(session, written, people)
    return found


def _merged(documents: list[Document], key: str) -> dict[str, Mapping[str, Any]]:
    return {name: one for document in documents for name, one in document.data.get(key, {}).items()}


def _create_department(session: Session, key: str, one: Mapping[str, Any], written: Mapping[str, Any]) -> int:
    """Create a department after those above it; return its id."""
    known = departments.find_department(session.connection, key)
    if known is not None:
        return known.id
    parent = str(one.get("parent", ""))
    above = _create_department(session, parent, written[parent], written) if parent in written else None
    return departments.create_department(session, key=key, name=one["name"], parent=above, actor=None)


def _create_person(session: Session, login: str, one: Mapping[str, Any], ids: Mapping[str, int]) -> DemoAccount:
    roles = tuple(one["roles"])
    if accounts.find_user(session.connection, login) is not None:
        return DemoAccount(login, one["name"], roles, None)
    password = passwords.generate_password()
    department = ids.get(one.get("department", ""))
    accounts.create_user(
        session, login=login, name=one["name"], password=password, roles=roles, department=department, actor=None
    )
    return DemoAccount(login, one["name"], roles, password)


def _set_managers(session: Session, written: Mapping[str, Any], people: Mapping[str, Any]) -> None:
    """Write who leads what, now that everybody is there."""
    for key, one in written.items():
        found = departments.find_department(session.connection, key)
        manager = accounts.find_user(session.connection, one.get("manager", ""))
        if found is not None and manager is not None and found.manager is None:
            departments.update_department(session, found.id, manager=manager, actor=None)
    for login, one in people.items():
        person, manager = (accounts.find_user(session.connection, who) for who in (login, one.get("manager", "")))
        if person is not None and manager is not None:
            accounts.update_user(session, person, manager=manager, actor=None)
