"""The two applications under measurement, and everything that is known about their addresses and tables.

This is the only module to change when the API of the engine changes. Requests leave as plain dicts for bench/load.py.
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import insert

Request = dict[str, Any]
Answer = dict[str, Any]

DEPARTMENTS, REPS = 4, 12


@dataclass(frozen=True)
class Person:
    name: str
    role: str
    department: int


PEOPLE = [
    *(Person(f"rep_{n}", "rep", n % DEPARTMENTS) for n in range(REPS)),
    *(Person(f"manager_{n}", "manager", n) for n in range(DEPARTMENTS)),
    Person("director", "director", 0),
]
REP = [person for person in PEOPLE if person.role == "rep"]
MANAGER = [person for person in PEOPLE if person.role == "manager"]
DIRECTOR = PEOPLE[-1]


def _environment() -> dict[str, str]:
    """A side starts as people start it: with the modules Python compiled at the start before."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Table:
    """A table to be filled by copying rows: its name, and SQL for the columns that differ.

    In that SQL `i` counts the copies and `original` is the row being copied.
    """

    name: str
    varied: dict[str, str] = field(default_factory=dict)


class Side:
    """An application with the planned API; subclasses say how it is installed and started."""

    name: str
    api = "/api/v1"
    health = "/health"
    divides = False
    """Whether one start makes several processes that answer."""
    customer = Table("customer", {"number": "'KF' || i", "name": "'Customer ' || i", "credit_code": "NULL"})
    opportunity: Table
    journal = ("history", "outbox")
    moves, notices = "stage_moves", "notices"

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}

    def prepare(self, database_url: str, home: Path) -> None:
        """Make tables, departments, people and tokens in an empty database."""
        raise NotImplementedError

    def command(self, database_url: str, home: Path, port: int) -> list[str]:
        """One server process in the foreground, with eight threads."""
        raise NotImplementedError

    def importer(self, database_url: str, home: Path) -> list[str]:
        """One process that imports, see bench/importer.py."""
        code = f"from bench.importer import main, open_{self.name}; main(open_{self.name})"
        return [sys.executable, "-c", code, database_url, str(home)]

    def environment(self, processes: int) -> dict[str, str]:
        return _environment()

    # Requests

    def create_customer(self, who: Person, values: Answer) -> Request:
        return self._request(who, "POST", "/customer", values, expect=201)

    def create(self, who: Person, values: Answer) -> Request:
        return self._request(who, "POST", "/opportunity", values, expect=201)

    def page(self, who: Person, stage: str, least: int, after: str | None = None) -> Request:
        address = f"/opportunity?stage={stage}&amount.min={least}&sort=-amount&limit=50"
        return self._request(who, "GET", address + (f"&after={after}" if after else ""))

    def find(self, who: Person, words: str) -> Request:
        return self._request(who, "GET", f"/opportunity?q={quote(words)}")

    def detail(self, who: Person, row_id: Any) -> Request:
        return self._request(who, "GET", f"/opportunity/{row_id}")

    def update(self, who: Person, row_id: Any, version: Any, values: Answer) -> Request:
        return self._request(who, "PATCH", f"/opportunity/{row_id}", values, version=version)

    def move(self, who: Person, row_id: Any, version: Any, move: str) -> Request:
        return self._request(who, "POST", f"/opportunity/{row_id}/moves/{move}", {}, version=version)

    def inbox(self, who: Person) -> Request:
        return self._request(who, "GET", "/tasks?limit=100")

    def approve(self, who: Person, task: Any) -> Request:
        return self._request(who, "POST", f"/tasks/{task}/approve", {"note": "同意"})

    def bring_in(self, who: Person, workbook: Path) -> Request:
        """A job for the importer."""
        return {"file": str(workbook), "token": self.tokens[who.name]}

    # Answers

    def id_of(self, answer: Answer) -> Any:
        return answer["id"]

    def version_of(self, answer: Answer) -> Any:
        return answer["version"]

    def items_of(self, answer: Answer) -> list[Answer]:
        return list(answer["items"])

    def cursor_of(self, answer: Answer) -> str | None:
        return answer["next"]

    def tasks_of(self, answer: Answer) -> list[Any]:
        return [item["id"] for item in answer["items"]]

    def stage_of(self, answer: Answer) -> str:
        return str(answer["stage"])

    def customer_name_of(self, answer: Answer) -> str:
        return str(answer["customer"]["name"])

    def errors_of(self, answer: Answer) -> set[str]:
        """The fields named in a refusal."""
        return set(answer["errors"])

    def kind_of(self, answer: Answer) -> str:
        """The code of a refusal."""
        return str(answer["type"])

    def imported(self, answer: Answer) -> tuple[int, int]:
        """(created, refused) rows."""
        return answer["created"], len(answer["refused"])

    def _request(
        self, who: Person, method: str, address: str, body: Answer | None = None, version: Any = None, expect: int = 200
    ) -> Request:
        headers = {"Authorization": f"Bearer {self.tokens[who.name]}"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if body is not None:
            headers["Content-Type"] = "application/json"
        sent = None if body is None else json.dumps(body)
        return {"method": method, "path": self.api + address, "headers": headers, "body": sent, "expect": expect}


_STAGES = "CASE i % 5 WHEN 0 THEN 'needs' WHEN 1 THEN 'proposal' WHEN 2 THEN 'review' WHEN 3 THEN 'won' ELSE 'lost' END"


class Floor(Side):
    name = "floor"
    opportunity = Table(
        "opportunity",
        {
            "number": "'SF' || i",
            "name": "'Bench ' || i",
            "stage": _STAGES,
            "amount": "original.amount * (i * 7919 % 1000)",
        },
    )

    def prepare(self, database_url: str, home: Path) -> None:
        from bench.floor import tables

        engine = tables.Database(database_url).engine
        tables.metadata.create_all(engine)
        until = datetime.now(UTC) + timedelta(days=1)
        with engine.begin() as connection:
            departments = [{"id": n + 1, "name": f"department_{n}"} for n in range(DEPARTMENTS)]
            connection.execute(insert(tables.departments), departments)
            for user_id, person in enumerate(PEOPLE, start=1):
                token = self.tokens[person.name] = secrets.token_urlsafe(24)
                user = {"id": user_id, "name": person.name, "active": True, "department_id": person.department + 1}
                connection.execute(insert(tables.users), user)
                connection.execute(insert(tables.user_roles), {"user_id": user_id, "role": person.role})
                row = {"hash": hashlib.sha256(token.encode()).hexdigest(), "user_id": user_id, "expires_at": until}
                connection.execute(insert(tables.tokens), row)
        engine.dispose()

    def command(self, database_url: str, home: Path, port: int) -> list[str]:
        options = ["--database", database_url, "--port", str(port)]
        return [sys.executable, "-m", "bench.floor.app", *options]


class Generic(Side):
    """The product, with the definitions of bench/app/, started as its users start it."""

    name = "generic"
    health = "/readyz"
    divides = True
    customer = Table("e_customer", Side.customer.varied)
    opportunity = Table("e_opportunity", Floor.opportunity.varied)
    journal = ("fw_history", "fw_outbox")
    moves, notices = "fw_stage_moves", "fw_notices"
    definitions = Path(__file__).parent / "app"

    def prepare(self, database_url: str, home: Path) -> None:
        from web.settings import install_home

        install_home(home)
        self._environment = _environment() | {"FORMWORK_DATABASE_URL": database_url, "FORMWORK_HOME": str(home)}
        command = self._formwork("publish", str(self.definitions), "--yes")
        subprocess.run(command, env=self._environment, check=True, stdout=subprocess.DEVNULL)
        self._add_people(database_url, home)

    def command(self, database_url: str, home: Path, port: int) -> list[str]:
        return self._formwork("run", "--no-demo", "--port", str(port))

    def environment(self, processes: int) -> dict[str, str]:
        return self._environment | {"FORMWORK_PROCESSES": str(processes)}

    def page(self, who: Person, stage: str, least: int, after: str | None = None) -> Request:
        """The fields the floor's page has; its system fields come anyway."""
        asked = f"/opportunity?filter.stage={stage}&filter.amount.gte={least}"
        fields = "fields=name,customer,amount,expected_close,region,created_at"
        address = f"{asked}&{fields}&sort=-amount&limit=50"
        return self._request(who, "GET", address + (f"&after={after}" if after else ""))

    def approve(self, who: Person, task: Any) -> Request:
        body = {"reason": "同意", "action_id": secrets.token_hex(16)}
        return self._request(who, "POST", f"/tasks/{task}/approve", body)

    def tasks_of(self, answer: Answer) -> list[Any]:
        return [item["task"] for item in answer["items"]]

    def customer_name_of(self, answer: Answer) -> str:
        return str(answer["_labels"]["customer"][str(answer["customer"])])

    def errors_of(self, answer: Answer) -> set[str]:
        named = {error["path"] for error in answer["errors"]}
        return named.union(*(missing["fields"] for missing in answer["missing"]))

    def kind_of(self, answer: Answer) -> str:
        return str(answer["code"])

    def _formwork(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "from web.cli import main; main()", *arguments]

    def _add_people(self, database_url: str, home: Path) -> None:
        from engine.clock import SystemClock
        from engine.people import accounts, departments, tokens
        from engine.storage.database import open_database
        from engine.storage.store import Store

        database = open_database(database_url)
        with Store(database, home / "files", SystemClock()).write() as session:
            made = [
                departments.create_department(session, key=f"department_{n}", name=f"department_{n}", actor=None)
                for n in range(DEPARTMENTS)
            ]
            for person in PEOPLE:
                user_id = accounts.create_user(
                    session, login=person.name, name=person.name, password=None, roles=[person.role],
                    department=made[person.department], actor=None,
                )  # fmt: skip
                self.tokens[person.name] = tokens.create_token(session, user_id=user_id, label="bench", actor=None)
                if person.role == "manager":
                    departments.update_department(session, made[person.department], manager=user_id, actor=None)
        database.close()
