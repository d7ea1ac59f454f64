"""The invented people of a template's demo: departments, accounts, who reports to whom.

Enters: an open store and a template's folder with ``demo/*.yaml``. Leaves: accounts with new passwords. Must not touch
people who are there already.
"""

from collections.abc import Mapping
from typing import Any

from engine.definition.parser import parse_documents
from engine.definition.source import SourceFolder
from engine.definition.yaml_reader import Document
from engine.people import passwords
from engine.people.casting import CastMember as DemoAccount
from engine.people.casting import create_cast
from engine.storage.store import Store

__all__ = ["DemoAccount", "create_people"]


def create_people(store: Store, folder: SourceFolder) -> list[DemoAccount]:
    """Create the departments and people of ``demo/*.yaml`` in one transaction; passwords are made up here.

    Raises ``DefinitionError`` for a broken file, and what ``accounts.create_user`` raises.
    """
    documents = parse_documents(folder, "demo")
    departments, users = _merged(documents, "departments"), _merged(documents, "users")
    with store.write() as session:
        return create_cast(session, departments, users, password=passwords.generate_password)


def _merged(documents: list[Document], key: str) -> dict[str, Mapping[str, Any]]:
    return {name: one for document in documents for name, one in document.data.get(key, {}).items()}
