"""The invented people of a template's demo: departments, accounts, who reports to whom.

Enters: an open store and a template's folder with ``demo/*.yaml``. Leaves: accounts with new passwords. Must not touch
people who are there already.
"""

from collections.abc import Mapping
from typing import Any

from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import Document
from engine.guiding.steps import DEMO_PEOPLE, find_invented
from engine.people import passwords
from engine.people.actor import ADMIN
from engine.people.casting import CastMember as DemoAccount
from engine.people.casting import create_cast
from engine.people.departments import list_departments
from engine.storage.chosen import keep_setting
from engine.storage.store import Session, Store

__all__ = ["DemoAccount", "create_people"]


def create_people(store: Store, folder: SourceFolder) -> list[DemoAccount]:
    """Create the departments and people of ``demo/*.yaml`` in one transaction; passwords are made up here.

    Raises ``DefinitionError`` for a broken file, and what ``accounts.create_user`` raises.
    """
    documents = parse_documents(folder, "demo")
    departments, users = _merged(documents, "departments"), _merged(documents, "users")
    with store.write() as session:
        before = {one.id for one in list_departments(session.connection)}
        cast = create_cast(session, departments, users, password=passwords.generate_password)
        made = [one.id for one in list_departments(session.connection) if one.id not in before]
        _remember(session, [one for one in cast if one.password is not None], made)
        return cast


def _remember(session: Session, cast: list[DemoAccount], made: list[int]) -> None:
    """Keep who was invented, so that the demo can be cleared."""
    known = find_invented(session)
    admins = [one.id for one in cast if ADMIN in one.roles]
    value = {
        "people": [*known.people, *(one.id for one in cast if one.id not in admins)],
        "departments": [*known.departments, *made],
        "admins": [*known.admins, *admins],
    }
    keep_setting(session.connection, DEMO_PEOPLE, value)


def _merged(documents: list[Document], key: str) -> dict[str, Mapping[str, Any]]:
    return {name: one for document in documents for name, one in document.data.get(key, {}).items()}
