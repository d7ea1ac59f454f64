"""Every way a value gets into a record, each asked the same and each answering in the same words.

Enters: a ``Shelf`` with one record, and what somebody sends. Leaves: a ``Verdict``. A path must not judge anything: it
only says how its answer is read. ``WRITERS`` names each place of the program that calls a writer: a new one fails.
"""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from engine.errors import FormworkError, InvalidValues, NotAllowed, NotFound, NotPossibleNow
from engine.importing import batches, working
from engine.importing.at_once import import_records, tell
from engine.importing.columns import choose_columns, require_known
from engine.importing.sheets import Sheet
from engine.importing.staging import stage
from engine.people import accounts
from engine.people.actor import Actor
from engine.records import commands
from engine.records.record import Record
from engine.storage.store import Session
from tests.web.conftest import Browser, Desk, Program

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """``status``: 200 stored, else as the API answers it; ``said``: all that was told, to look for a sentence in."""

    status: int
    said: str = ""


@dataclass
class Shelf:
    """The application, and one record that somebody is about to write to, at the version they saw."""

    desk: Desk
    browser: Browser
    program: Program
    actor: Actor
    record: int = 0
    version: int = 1
    number: str = ""
    csrf: str = ""

    def post(self, url: str, data: Raw) -> TestResponse:
        """Post a form as a page does."""
        return self.browser.client.post(url, data=data, headers={"X-CSRFToken": self.csrf})

    def tried(self, act: Callable[[Session], Record]) -> Verdict:
        """Call a command as the engine itself does."""
        with self.desk.store.write() as session, session.attempt() as attempt:
            try:
                act(session)
            except FormworkError as refused:
                attempt.undo()
                return _of_error(refused)
        return Verdict(200)


def _of_error(refused: FormworkError) -> Verdict:
    status = {NotFound: 404, NotAllowed: 403, NotPossibleNow: 409, InvalidValues: 422}
    found = next(code for kind, code in status.items() if isinstance(refused, kind))
    if isinstance(refused, InvalidValues):
        return Verdict(found, " ".join(error.text("zh") for error in refused.errors))
    return Verdict(found, refused.text("zh") if hasattr(refused, "text") else "")


def _of_answer(answer: Any) -> Verdict:
    status = 200 if answer.status_code < 400 else answer.status_code
    said = answer.get_json() if answer.mimetype.endswith("json") else html.unescape(answer.get_data(as_text=True))
    return Verdict(status, str(said))


def _of_one(answer: Any) -> Verdict:
    if answer.status_code != 200:
        return _of_answer(answer)
    item = answer.get_json()["items"][0]
    return Verdict(200 if item["status"] == "done" else item["http_status"], str(item))


# ---- a new record


def create_command(shelf: Shelf, raw: Raw) -> Verdict:
    return shelf.tried(lambda session: commands.create_record(session, "thing", raw, actor=shelf.actor))


def create_api(shelf: Shelf, raw: Raw) -> Verdict:
    return _of_answer(shelf.program.post("/thing", raw))


def create_form(shelf: Shelf, raw: Raw) -> Verdict:
    return _of_answer(shelf.post("/e/thing/new", data=raw))


def create_quickly(shelf: Shelf, raw: Raw) -> Verdict:
    answer = shelf.post("/quick-create?for=use.thing", data=raw)
    made = "formwork-created" in str(answer.headers) or "HX-Trigger" in answer.headers
    found = _of_answer(answer)
    return found if found.status != 200 or made else Verdict(422, found.said)


def make(shelf: Shelf, raw: Raw) -> Verdict:
    use = shelf.program.made("use", label="用")
    return _of_answer(shelf.program.post(f"/use/{use['id']}/makes/thing", raw))


def create_import(shelf: Shelf, raw: Raw) -> Verdict:
    try:
        done = import_records(shelf.desk.store, "thing", Sheet(list(raw), [(2, list(raw.values()))]), actor=shelf.actor)
    except FormworkError as refused:
        return _of_error(refused)
    return Verdict(422, done.refused[0].text("zh")) if done.refused else Verdict(200)


CREATE: Mapping[str, Callable[[Shelf, Raw], Verdict]] = {
    "api": create_api, "command": create_command, "form": create_form, "import": create_import, "make": make,
    "quick create": create_quickly,
}  # fmt: skip


# ---- a record that is there


def change_command(shelf: Shelf, raw: Raw) -> Verdict:
    return shelf.tried(lambda session: commands.update_record(
        session, "thing", shelf.record, raw, version=shelf.version, actor=shelf.actor
    ))  # fmt: skip


def change_api(shelf: Shelf, raw: Raw) -> Verdict:
    return _of_answer(shelf.program.patch(f"/thing/{shelf.record}", raw, shelf.version))


def change_form(shelf: Shelf, raw: Raw) -> Verdict:
    data = {**raw, "_version": str(shelf.version)}
    return _of_answer(shelf.post(f"/e/thing/{shelf.record}/edit", data=data))


def change_cell(shelf: Shelf, raw: Raw) -> Verdict:
    (field,) = raw
    data = {**raw, "_version": str(shelf.version)}
    return _of_answer(shelf.post(f"/e/thing/{shelf.record}/cells/{field}", data=data))


def change_many(shelf: Shelf, raw: Raw) -> Verdict:
    seen = [{"id": shelf.record, "version": shelf.version}]
    return _of_one(shelf.program.post("/thing/changes", {"records": seen, "values": raw}))


def change_many_page(shelf: Shelf, raw: Raw) -> Verdict:
    (field,) = raw
    data = {**raw, "records": f"{shelf.record}:{shelf.version}", "field": field, "step": "apply"}
    found = _of_answer(shelf.post("/e/thing/many/part", data=data))
    refused = found.status == 200 and 'data-changed=""' in found.said
    return Verdict(422, found.said) if refused else found


def change_import(shelf: Shelf, raw: Raw) -> Verdict:
    store = shelf.desk.store
    rows: list[Any] = [(0, ["number", *raw]), (2, [shelf.number, *raw.values()])]
    id_ = stage(store, "thing", rows, name="", content=b"", actor=shelf.actor)
    try:
        with store.write() as session:
            found = batches.get_import(session, id_, actor=shelf.actor)
            compiled, rights = batches.require_import(session, "thing", shelf.actor)
            require_known(compiled, rights, found.columns)  # as the command line does; a page shows what it leaves out
            chosen = {column.at: (column.key, column.reading) for column in found.columns}
            columns = choose_columns(compiled, rights, found.columns, chosen)
            batches.choose(session, id_, columns, "update", "number", False, actor=shelf.actor, check=False)
            batches.start(session, id_, actor=shelf.actor)
    except FormworkError as refused:
        return _of_error(refused)
    working.go_on(store, id_)
    done = tell(store, id_, actor=shelf.actor)
    return Verdict(422, done.refused[0].text("zh")) if done.refused else Verdict(200)


def move_api(shelf: Shelf, raw: Raw) -> Verdict:
    return _of_answer(shelf.program.post(
        f"/thing/{shelf.record}/moves/again", {"values": raw}, If_Match=f'"{shelf.version}"'
    ))  # fmt: skip


def move_page(shelf: Shelf, raw: Raw) -> Verdict:
    data = {**raw, "_version": str(shelf.version)}
    answer = shelf.post(f"/e/thing/{shelf.record}/moves/again", data=data)
    found = _of_answer(answer)
    return found if answer.status_code in (204, 303) or found.status != 200 else Verdict(422, found.said)


def move_many(shelf: Shelf, raw: Raw) -> Verdict:
    seen = [{"id": shelf.record, "version": shelf.version}]
    return _of_one(shelf.program.post("/thing/moves/again", {"records": seen, "values": raw}))


CHANGE: Mapping[str, Callable[[Shelf, Raw], Verdict]] = {
    "api": change_api, "api many": change_many, "cell": change_cell, "command": change_command, "form": change_form,
    "import update": change_import, "many page": change_many_page, "move": move_api, "move many": move_many,
    "move page": move_page,
}  # fmt: skip


# ---- who calls a writer

WRITERS: Mapping[str, str] = {
    "engine/examples/contested.py meet": "command",
    "engine/examples/steps.py _change": "command",
    "engine/examples/steps.py _create": "command",
    "engine/examples/steps.py _make": "make",
    "engine/examples/steps.py _move": "move",
    "engine/importing/working.py _insert_alone": "import",
    "engine/importing/working.py _update": "import update",
    "engine/workflow/many.py _move": "move many",
    "engine/workflow/many.py _update": "api many",
    "web/api/many.py change_many": "api many",
    "web/api/many.py move_many": "move many",
    "web/api/records.py create_record": "api",
    "web/api/records.py make_record": "make",
    "web/api/records.py move_record": "move",
    "web/api/records.py update_record": "api",
    "web/pages/forms.py create": "form",
    "web/pages/forms.py update": "form",
    "web/pages/inline.py save": "cell",
    "web/pages/many.py _result": "many page",
    "web/pages/many.py part": "many page",
    "web/pages/moves.py do": "move page",
    "web/pages/quick_creates.py create": "quick create",
}
"""By place, the path above that goes through it. What calls a writer elsewhere is in ``OTHER``."""

OTHER: Mapping[str, str] = {
    "engine/automation/doing.py _assign": "gives a record another owner, and writes no other value",
    "engine/automation/doing.py _create": "creates what the definition says, by the command: tests of automations",
    "engine/automation/doing.py _move": "makes the move the definition names, by the command: tests of automations",
    "engine/automation/doing.py _set": "sets what the definition says, by the command: tests of automations",
    "engine/changing/leaving.py _hand_record": "gives records another owner, and writes no other value",
    "engine/changing/leaving.py _pool_record": "puts records into a pool, and writes no other value",
    "engine/guiding/tours.py _make": "makes what the end of a tour says, by the command: tests of tours",
    "engine/importing/working.py _undo_row": "brings back what the record held before its import, by the same command",
    "engine/records/disputes.py _give": "gives a record another owner, and writes no other value",
    "engine/records/merging.py merge_records": "keeps values that one of two records holds already: tests of merging",
    "engine/records/pools.py assign_record": "gives a record another owner, and writes no other value",
    "engine/records/pools.py claim_record": "gives a record another owner, and writes no other value",
    "engine/records/pools.py release_record": "takes the owner of a record, and writes no other value",
    "engine/records/reclaiming.py _take": "takes the owner of a record, and writes no other value",
    "engine/records/unmerging.py _restore_kept": "brings back what a record held before its merge",
    "engine/records/versions.py restore_version": "brings back what a record held, judged as a change: test_versions",
    "engine/workflow/approval/following.py end_record": "sets what the definition says; nobody types it",
    "engine/workflow/approval/work.py fill_in": "fills what a step asks for, judged as a change: tests of approvals",
    "engine/workflow/stages.py change_stage": "writes the stage and what a move sets, after the values were judged",
    "web/api/records.py restore_version": "brings back what a record held, by the command",
    "web/pages/many_moves.py _move": "the same command as `move many`, with values of the page of one move",
    "web/pages/versions.py restore": "brings back what a record held, by the command",
}
"""By place, why what it writes is nothing that somebody typed, or is asked through one of the paths above."""


def get_actor(desk: Desk, login: str) -> Actor:
    """Return somebody as the command line would act for them."""
    with desk.store.read() as session:
        return accounts.get_actor(session.connection, desk.ids[login], via="import")
