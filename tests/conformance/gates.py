"""Every way a value can come in, each answering the same: what is wrong, by path, in the sentence a person reads.

A gate takes what somebody typed and leaves nothing behind: what it did is taken back, so that all gates judge the same
record. ``None`` means that the gate cannot be asked this (a sheet has no line tables).
"""

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask.testing import FlaskClient

from engine.compiler.app import Entity
from engine.errors import FormworkError, InvalidValues
from engine.importing.at_once import import_records
from engine.importing.sheets import Sheet
from engine.records import commands
from engine.records.record import Record
from engine.storage.store import Session
from engine.workflow import transitions
from tests.conformance.world import TRY, Raw, World

Verdict = dict[str, str]
"""{path: sentence}; "" is the path of a refusal that is about no field."""

CreateGate = Callable[["Gates", Entity, Raw], Verdict | None]
ChangeGate = Callable[["Gates", Entity, Record, Raw], Verdict | None]


class Gates:
    """The ways into one world."""

    def __init__(self, world: World, client: FlaskClient, csrf: str) -> None:
        self.world, self.client, self.csrf = world, client, csrf

    def is_open(self, entity: Entity, name: str, keys: Iterable[str], *, new: bool) -> bool:
        """Tell whether anybody gets to a gate with ``keys``: what no role lets a person do, only the engine does."""
        rights = self.world.rights(entity)
        may = rights.create and (rights.bring_in or name != "import") if new else bool(rights.write)
        typed = set(keys)
        closed = bool(rights.readonly & typed) or any(entity.fields[key].readonly for key in typed)
        return name == "automation" or (may and not closed)

    # ---- a new record

    def command(self, entity: Entity, raw: Raw) -> Verdict:
        return self._tried(lambda session: commands.create_record(session, entity.key, raw, actor=self.world.actor))

    def automation(self, entity: Entity, raw: Raw) -> Verdict:
        return self._tried(lambda session: commands.create_record(session, entity.key, raw, actor=self.world.system))

    def form(self, entity: Entity, raw: Raw) -> Verdict:
        return self._posted(entity, f"/e/{entity.key}/new", raw)

    def preview(self, entity: Entity, raw: Raw) -> Verdict:
        return self._previewed(entity, f"/e/{entity.key}/new/preview", raw)

    def api(self, entity: Entity, raw: Raw) -> Verdict:
        return _api_verdict(self.client.post(f"/api/v1/{entity.key}", json=raw, headers=self._csrf()))

    def sheet(self, entity: Entity, raw: Raw) -> Verdict | None:
        kinds = {entity.fields[key].type.key for key in raw if key in entity.fields}
        if kinds & {"lines", "file"} or any(isinstance(value, list) for value in raw.values()):
            return None
        cells = [_cell(entity, key, value) for key, value in raw.items()]
        if any(cell is None for cell in cells):
            return None
        sheet = Sheet(list(raw), [(2, cells)])
        result = import_records(self.world.store, entity.key, sheet, actor=self.world.actor)
        return gather((one["path"], one["zh"]) for refused in result.refused for one in refused.problems)

    # ---- a record that is there

    def command_change(self, entity: Entity, record: Record, raw: Raw) -> Verdict:
        return self._tried(lambda session: self._update(session, record, raw, self.world.actor))

    def automation_change(self, entity: Entity, record: Record, raw: Raw) -> Verdict:
        return self._tried(lambda session: self._update(session, record, raw, self.world.system))

    def form_change(self, entity: Entity, record: Record, raw: Raw) -> Verdict:
        return self._posted(entity, f"/e/{entity.key}/{record.id}/edit", raw, version=record.version)

    def preview_change(self, entity: Entity, record: Record, raw: Raw) -> Verdict:
        return self._previewed(entity, f"/e/{entity.key}/{record.id}/edit/preview", raw)

    def api_change(self, entity: Entity, record: Record, raw: Raw) -> Verdict:
        headers = {**self._csrf(), "If-Match": f'"{record.version}"'}
        return _api_verdict(self.client.patch(f"/api/v1/{entity.key}/{record.id}", json=raw, headers=headers))

    def many_change(self, entity: Entity, record: Record, raw: Raw) -> Verdict:
        seen = [{"id": record.id, "version": record.version}]
        said = self.client.post(
            f"/api/v1/{entity.key}/changes", json={"records": seen, "values": raw}, headers=self._csrf()
        )
        return _items_verdict(said)

    def move(self, entity: Entity, record: Record, raw: Raw) -> Verdict | None:
        if entity.workflow is None or TRY not in entity.workflow.moves:
            return None

        def act(session: Session) -> Any:
            return transitions.move_record(
                session, entity.key, record.id, TRY, raw=raw, version=record.version, actor=self.world.actor
            )

        return self._tried(act)

    def many_move(self, entity: Entity, record: Record, raw: Raw) -> Verdict | None:
        if entity.workflow is None or TRY not in entity.workflow.moves:
            return None
        seen = [{"id": record.id, "version": record.version}]
        url = f"/api/v1/{entity.key}/moves/{TRY}"
        return _items_verdict(self.client.post(url, json={"records": seen, "values": raw}, headers=self._csrf()))

    # ---- through the gate of a stage

    def through(self, entity: Entity, record: Record, raw: Raw, move: str) -> Mapping[str, Verdict]:
        """Return what each way of making a move says about what it still needs."""

        def act(actor: Any) -> Verdict:
            return self._tried(lambda session: transitions.move_record(
                session, entity.key, record.id, move, raw=raw, reason="因为", version=record.version, actor=actor
            ))  # fmt: skip

        seen = [{"id": record.id, "version": record.version}]
        body = {"values": raw, "reason": "因为"}
        rehearsed = {"records": seen, "rehearse": True, **body}
        many_ = self.client.post(f"/api/v1/{entity.key}/moves/{move}", json=rehearsed, headers=self._csrf())
        page = self.client.post(
            f"/e/{entity.key}/{record.id}/moves/{move}", headers=self._csrf(),
            data=encode(entity, raw) | {"_version": str(record.version), "reason": "因为"},
        )  # fmt: skip
        by_page = {} if page.status_code in (204, 303) else {"~page": html.unescape(page.get_data(as_text=True))}
        found = {"command": act(self.world.actor), "automation": act(self.world.system), "many": _items_verdict(many_)}
        if not by_page:
            return {**found, "page": {}}
        headers = {**self._csrf(), "If-Match": f'"{record.version}"'}
        said = self.client.post(f"/api/v1/{entity.key}/{record.id}/moves/{move}", json=body, headers=headers)
        return {**found, "page": by_page, "api": _api_verdict(said)}

    # ---- asking

    def _update(self, session: Session, record: Record, raw: Raw, actor: Any) -> Record:
        return commands.update_record(session, record.entity, record.id, raw, version=record.version, actor=actor)

    def _tried(self, act: Callable[[Session], Any]) -> Verdict:
        with self.world.store.write() as session, session.attempt() as attempt:
            attempt.undo()
            try:
                act(session)
            except InvalidValues as invalid:
                return gather((one.path, one.text("zh")) for one in invalid.errors) | gather(
                    (one.key, one.message) for one in invalid.missing
                )
            except FormworkError as refused:
                return {"": str(refused)}
            return {}

    def _posted(self, entity: Entity, url: str, raw: Raw, *, version: int | None = None) -> Verdict:
        data = encode(entity, raw) | ({"_version": str(version)} if version is not None else {})
        said = self.client.post(url, data=data, headers=self._csrf())
        if said.status_code in (204, 303):
            return {}
        assert said.status_code in (409, 422), (said.status_code, said.get_data(as_text=True)[:400])
        page = said.get_data(as_text=True)
        tokens = re.findall(r'name="(\w+)\._order" value="(r\d+)"', page)
        found = re.findall(r'<p class="field-error" id="f-([^"]+)-error">(?:<svg.*?</svg>)?(.*?)</p>', page, re.S)
        summary = re.search(r"data-error-summary(.*?)</ul>", page, re.S)
        rest = re.findall(r"<li>(.*?)</li>", summary[1], re.S) if summary else []
        bare = {f"~{at}": _text(re.sub(r"^<a.*?</a>：?", "", one, flags=re.S)) for at, one in enumerate(rest)}
        links = re.compile(r"\s*<a\b.*?</a>", re.S)  # to the record that is in the way
        return {_path(id_, tokens): _text(links.sub("", one)) for id_, one in found} | bare

    def _previewed(self, entity: Entity, url: str, raw: Raw) -> Verdict:
        said = self.client.post(url, data=encode(entity, raw), headers=self._csrf())
        assert said.status_code == 200, said.status_code
        page = said.get_data(as_text=True)
        found = re.search(r'<div id="form-conditions"[^>]*>(.*?)</div>', page, re.S)
        assert found is not None
        told = json.loads(html.unescape(found[1]))
        tokens = [(lines.key, f"r{at}") for lines in entity.line_fields for at in range(len(raw.get(lines.key) or ()))]
        verdict = gather((_path(one["id"].removeprefix("f-"), tokens), one["text"]) for one in told["notes"])
        wanting = {_path(id_.removeprefix("f-"), tokens) for id_, (shown, needed) in told["states"].items() if needed}
        return verdict | {f"?{path}": "required" for path in wanting}

    def _csrf(self) -> dict[str, str]:
        return {"X-CSRFToken": self.csrf}


CREATE: Mapping[str, CreateGate] = {
    "command": Gates.command, "automation": Gates.automation, "api": Gates.api, "form": Gates.form,
    "preview": Gates.preview, "import": Gates.sheet,
}  # fmt: skip
CHANGE: Mapping[str, ChangeGate] = {
    "command": Gates.command_change, "automation": Gates.automation_change, "api": Gates.api_change,
    "form": Gates.form_change, "preview": Gates.preview_change, "many": Gates.many_change, "move": Gates.move,
    "move of many": Gates.many_move,
}  # fmt: skip


def gather(told: Iterable[tuple[str, str]]) -> Verdict:
    """Return what is told by path, a line for each."""
    found: Verdict = {}
    for path, text in told:
        found[path] = f"{found[path]}\n{text}" if path in found else text
    return found


def encode(entity: Entity, raw: Raw) -> dict[str, Any]:
    """Return what a browser posts for what somebody typed."""
    data: dict[str, Any] = {}
    for key, value in raw.items():
        if key in entity.fields and entity.fields[key].type.key == "lines":
            data[f"{key}._order"] = ["", *(f"r{at}" for at in range(len(value)))]
            for at, row in enumerate(value):
                data |= {f"{key}.r{at}.{name if name != 'id' else '_id'}": _typed(cell) for name, cell in row.items()}
        else:
            data[key] = _typed(value)
    return data


def _typed(value: Any) -> Any:
    if isinstance(value, list):
        return [str(one) for one in value] or [""]
    return "" if value is None or value is False else "true" if value is True else str(value)


def _cell(entity: Entity, key: str, value: Any) -> Any:
    """A sheet names linked records by what they are called, which is another matter."""
    one = entity.fields.get(key)
    if one is None or one.target is not None:
        return None
    return "" if value is None else {True: "是", False: "否"}[value] if isinstance(value, bool) else value


def _path(id_: str, tokens: list[tuple[str, str]]) -> str:
    for lines, token in tokens:
        if id_.startswith(f"{lines}-{token}-"):
            return f"{lines}.{token.removeprefix('r')}.{id_.removeprefix(f'{lines}-{token}-')}"
    return id_


def _text(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup)).strip()


def _api_verdict(said: Any) -> Verdict:
    if said.status_code < 400:
        return {}
    body = said.get_json()
    found = gather((one["path"], one["text"]) for one in body.get("errors") or ())
    found |= {one["key"]: one["text"] for one in body.get("missing") or ()}
    return found or {"": body["detail"]}


def _items_verdict(said: Any) -> Verdict:
    assert said.status_code == 200, said.get_data(as_text=True)
    item = said.get_json()["items"][0]
    if item["status"] == "done":
        return {}
    found = gather((one["path"], one["text"]) for one in item.get("errors") or ())
    found |= {one["key"]: one["text"] for one in item.get("missing") or ()}
    return found or {"": item["detail"]}
