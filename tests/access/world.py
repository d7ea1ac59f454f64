"""A company in which everybody knows something that others must never read, and every address there is.

Enters: a store with the app in ``vault/``. Leaves: a ``World``: people, records with marked values, and addresses made
from the routes of the application. Must not know what a page looks like: a mark anywhere in an answer counts.
"""

import io
import itertools
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pypdf import PdfReader
from werkzeug.datastructures import FileStorage
from werkzeug.routing import Rule
from werkzeug.test import TestResponse, encode_multipart

from engine.automation import jobs
from engine.storage.store import Store
from tests.web.conftest import Browser, Desk, Program, add_people

PEOPLE = {"mine": ("north", "rep"), "other": ("north", "rep"), "reader": ("south", "reader"),
          "boss": ("north", "boss"), "clerk": ("south", "clerk"), "visitor": ("south", "visitor"),
          "root": ("north", "admin")}  # fmt: skip

SECRET, FOREIGN, MASKED, WORK, PRIVATE = "secret", "foreign", "masked", "job", "private"
"""What nobody but the boss may read; what belongs to another representative, and what readers see of it in part only;
what only clerks and the boss read of a job; what somebody keeps for themselves alone."""

FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "mine": (SECRET, FOREIGN, MASKED, WORK, PRIVATE),
    "reader": (SECRET, MASKED, WORK, PRIVATE),
    "clerk": (SECRET, FOREIGN, MASKED, PRIVATE),
    "visitor": (SECRET, FOREIGN, MASKED, WORK, PRIVATE),
    "root": (SECRET, FOREIGN, MASKED, WORK, PRIVATE),
}
"""By person, the kinds of marks that may stand in no answer to them."""


@dataclass
class World:
    """The company; ``salt`` tells two of them apart, in which the same person may see the same things."""

    desk: Desk
    salt: str = "a"
    marks: dict[str, list[str]] = field(default_factory=dict)
    ids: dict[str, list[int]] = field(default_factory=dict)

    def mark(self, kind: str, about: str) -> str:
        """Return a text that stands nowhere else, to be looked for in answers."""
        made = f"zq{kind}-{about}-{self.salt}7q"
        self.marks.setdefault(kind, []).append(made)
        return made

    def amount(self, kind: str, number: int) -> str:
        """Return an amount that stands nowhere else; answers are searched without thousands separators."""
        made = f"{number + (0 if self.salt == 'a' else 1_010_101)}.37"
        self.marks.setdefault(kind, []).append(made)
        return made

    def phone(self, kind: str) -> str:
        """Return a number that stands nowhere else; its first and last digits may be told in both worlds."""
        made = "13957409137" if self.salt == "a" else "13962519137"
        self.marks.setdefault(kind, []).append(made)
        return made

    def found_in(self, answer: TestResponse, kinds: Iterable[str]) -> list[str]:
        """Return the marks of these kinds that stand in an answer, its headers and files within it."""
        said = text_of(answer)
        bare = said.replace(",", "")
        return [mark for kind in kinds for mark in self.marks.get(kind, ()) if mark in said or mark in bare]


def text_of(answer: TestResponse) -> str:
    """Return everything an answer says: headers, body, and what a workbook or a document holds."""
    body = answer.get_data()
    parts = [str(answer.headers)]
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            parts += [book.read(name).decode("utf-8", "replace") for name in book.namelist()]
    elif body.startswith(b"%PDF") and b"startxref" in body:
        parts += [page.extract_text() for page in PdfReader(io.BytesIO(body)).pages]
    else:
        parts.append(body.decode("utf-8", "replace"))
    if answer.mimetype == "application/json":
        parts.append(json.dumps(answer.get_json(), ensure_ascii=False))
    return "\n".join(parts)


def let_us_in(store: Store) -> None:
    """Create everybody."""
    add_people(store, PEOPLE)


def build_world(desk: Desk, salt: str = "a") -> World:
    """Let people in and let them work: what one may see of it is the same under any ``salt`` for ``mine``."""
    world = World(desk, salt)
    mine, other, boss = (desk.program(login) for login in ("mine", "other", "boss"))
    note = world.mark

    firm = mine.made("firm", name="甬江阀门")
    _change(boss, "firm", firm, remark=note(SECRET, "remark"), limit=world.amount(SECRET, 71_117_117))
    line = {"what": "垫片", "sold": "10"}
    deal = mine.made("deal", title="甬江 2026 年度", firm=firm["id"], price="98000000", lines=[line], due="2026-03-20",
                     about=[firm["id"]], scan=[_upload(mine, "visible.txt", "seen")], tags=["seen"])  # fmt: skip
    papers = _upload(boss, f"{note(SECRET, 'papername')}.txt", note(SECRET, "papertext"))
    cost = world.amount(SECRET, 73_337_337)
    lines = [{**line, "id": deal["lines"][0]["id"], "cost": cost}]
    deal = _change(boss, "deal", deal, margin=world.amount(SECRET, 72_227_227), memo=note(SECRET, "memo"),
                   rivals=[firm["id"]] if salt == "a" else [], papers=[papers], lines=lines)  # fmt: skip
    job = mine.made("job", what="安装", deal=deal["id"])
    _change(boss, "job", job, secret=note(WORK, "job"))
    mine.post(f"/deal/{deal['id']}/comments", {"text": "客户说可以"})

    strange = other.made("firm", name=note(FOREIGN, "firm"), phone=world.phone(MASKED))
    theirs = other.made("deal", title=note(FOREIGN, "title"), firm=strange["id"], due="2026-03-21",
                        price=world.amount(FOREIGN, 84_447_447), lines=[{"what": note(FOREIGN, "line"), "sold": "3"}],
                        scan=[_upload(other, f"{note(FOREIGN, 'scanname')}.txt", note(FOREIGN, "scantext"))],
                        tags=[note(FOREIGN, "tag")])  # fmt: skip
    theirs = _change(boss, "deal", theirs, margin=world.amount(SECRET, 75_557_557), memo=note(SECRET, "othermemo"))
    other.post(f"/deal/{theirs['id']}/comments", {"text": note(FOREIGN, "comment")})
    _change(other, "deal", theirs, title=note(FOREIGN, "newtitle"))
    gone = other.made("deal", title=note(FOREIGN, "deleted"))
    other.call("DELETE", f"/deal/{gone['id']}", If_Match=f'"{gone["version"]}"')
    pooled = other.made("firm", name="北仑旧客户", phone=world.phone(MASKED))
    pooled = _change(boss, "firm", pooled, remark=note(SECRET, "pooled"), limit=world.amount(SECRET, 76_667_667))
    left = other.post(f"/firm/{pooled['id']}/release", {"pool": "sea", "reason": note(FOREIGN, "reason")})
    assert left.status_code == 200, left.get_data(as_text=True)
    _ask(other, theirs["id"])
    waits = mine.made(
        "deal", title="北仑 2026 年度", firm=firm["id"], price="99000000", due="2026-03-22", about=[firm["id"]]
    )
    _change(boss, "deal", waits, margin=world.amount(SECRET, 77_887_887), rivals=[firm["id"]] if salt == "a" else [])
    _ask(mine, waits["id"])
    other.post("/deal/views", {"name": note(PRIVATE, "view"), "columns": ["title"]})
    mine.post("/deal/views", {"name": "我的视图", "columns": ["title"]})
    for who, name in ((other, note(PRIVATE, "report view")), (mine, "我的报表视图")):
        kept = who.post("/reports/views", {"kind": "report", "key": "deal.firms", "name": name, "query": "by=owner"})
        assert kept.status_code == 201, kept.get_data(as_text=True)
    for who, typed in (("other", note(PRIVATE, "typed")), ("mine", "镇海泵业")):
        kept = desk.browser(who).post("/e/firm/new/draft", data={"_draft": f"draft-of-{who}", "name": typed})
        assert kept.status_code == 200, kept.get_data(as_text=True)
    _import(desk.browser("other"), f"{note(PRIVATE, 'file')}.csv", f"名称\n{note(PRIVATE, 'row')}\n")
    _import(desk.browser("mine"), "mine.csv", "名称\n北仑机械\n")
    for asker in ("other", "reader", "mine"):
        for entity in ("firm", "deal"):
            made = desk.program(asker).post(f"/{entity}/exports", {"format": "csv" if entity == "firm" else "xlsx"})
            assert made.status_code == 201, made.get_data(as_text=True)
    gone_firm = other.made("firm", name=note(FOREIGN, "merged"), not_duplicate="试")
    seen = {"other": gone_firm["id"], "other_version": gone_firm["version"]}
    kept = boss.get(f"/firm/{strange['id']}").get_json()
    merged = boss.call("POST", f"/firm/{strange['id']}/merge", seen, If_Match=f'"{kept["version"]}"')
    assert merged.status_code == 200, merged.get_data(as_text=True)
    other.made("firm", name="镇海石化阀门制造厂", phone=world.phone(MASKED))
    mine.post("/firm", {"name": "镇海石化阀门制造有限公司"})  # it is alike, and no more is told of it than whose it is
    met = mine.get("/duplicate-hits").get_json()["items"]
    asked = mine.post(f"/duplicate-hits/{met[0]['id']}/disputes", {"kind": "appeal", "reason": "先谈的"})
    assert asked.status_code == 201, asked.get_data(as_text=True)
    if salt != "a":  # there is also more of what may not be seen
        extra = other.made("firm", name=note(FOREIGN, "more"))
        other.made("deal", title=note(FOREIGN, "moredeal"), firm=extra["id"], price="7", due="2026-03-20")
    jobs.react(desk.store)
    world.ids = {
        "deal": [deal["id"], theirs["id"], gone["id"], waits["id"]], "job": [job["id"]],
        "firm": [firm["id"], strange["id"], gone_firm["id"], pooled["id"]],
        "people": [desk.ids["mine"], desk.ids["other"]],
    }  # fmt: skip
    return world


# ---- addresses

_FIELDS = ("title", "memo", "margin", "papers", "lines", "remark", "limit", "nothing")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "action": ("urge", "comment", "transfer", "withdraw"), "decision": ("approve",), "definition": ("check", "nix"),
    "field": _FIELDS, "flag": ("none",), "group": ("none",), "picture": ("1-nothing.png", "nix"),
    "hook": ("outside", "none"),
    "key": ("deal", "deal.tell", "nix"),
    "kind": ("task", "record"), "make": ("job", "nix"), "move": ("drop", "ask", "nix"), "secret": ("none",),
    "tour": ("none",),
    "stage": ("open", "won"),
    "channel_kind": ("email", "webhook"), "filename": ("login.js",), "token": ("AAAA",),
    "report": ("deal.firms", "deal.kinds", "deal.first", "nix"),
    "figure": ("deal.count", "deal.margin", "deal.steps", "nix"),
    "funnel": ("deal.way", "nix"), "step": ("won", "nix"), "dashboard": ("desk", "nix"),
    "place": ("0-0", "0-1", "0-2", "0-3", "1-0", "3-0", "9-9"), "row": ("0", "2", "9"),
    "pool": ("sea", "nix"), "rule": ("deal.shout", "deal.tell", "deal.answered", "nix"), "way": ("enable",),
}  # fmt: skip
_NUMBERS = ("approval_id", "channel_id", "comment_id", "delegation_id", "delivery_id", "department_id",
            "dispute_id", "draft_id", "event_id", "export_id", "file_id", "hit_id", "import_id", "merge_id",
            "message_id", "notice_id", "run_id", "scheduled_id", "session_id", "share_id", "task_id",
            "thing_id", "token_id", "user_id", "view_id")  # fmt: skip
_IDS = ("1", "2", "3", "4", "5", "9999")

QUERIES: Mapping[str, tuple[str, ...]] = {
    "/report-views/new": ("kind=report&key=deal.firms", "kind=figure&key=nix"),
    "/reports/<report>": ("by=firm", "by=memo", "by=about", "by=rivals",
                          "by=owner", "chart=pivot&compare=previous", "f.firm=2", "f.memo=zq", "f.rivals=1"),
    "/figures/<figure>": ("by=tags&period=all", "by=margin", "by=firm&period=all", "period=2026-03"),
    "/figures/<figure>/rows": ("period=all", "period=all&c.firm=2", "period=all&f.owner=2", "period=all&f.memo=zq"),
    "/figures/<figure>/rows/export": ("period=all", "period=all&c.firm=2", "period=all&f.memo=zq"),
    "/funnels/<funnel>/rows": ("step=all", "step=won", "step=nix"),
    "/e/<entity>/<record_id>/journey/export": ("kind=linked", "kind=nix"),
    "/funnels/<funnel>/rows/export": ("step=all", "step=won", "step=nix"),
    "/dashboards/<dashboard>": ("f.firm=2", "f.owner=2&period=all"),
    "/dashboards/<dashboard>/pdf": ("f.firm=2", "f.owner=2&period=all"),
    "/dashboards/<dashboard>/tiles/<place>": ("f.firm=2", "period=all&f.owner=2", "period=2026-03"),
    "/dashboards/<dashboard>/rows/<row>": ("f.firm=2", "period=all&f.owner=2"),
    "/api/v1/reports/<report>": ("by=memo", "by=rivals", "by=about&period=all",
                                 "by=firm&period=all", "filter=firm:2&period=all", "filter=memo:zq"),
    "/api/v1/reports/figures/<figure>": ("by=margin", "by=owner&period=all", "filter=owner:2&period=all"),
    "/api/v1/reports/figures/<figure>/rows": ("period=all", "period=all&cell=firm:2", "period=all&filter=memo:zq"),
    "/search": ("q=zqsecret-memo", "q=zqforeign-title", "q=zqforeign-firm", "q=甬江", "q=3957", "q=9137"),
    "/e/<entity>": ("q=zqsecret", "q=zqforeign", "sort=-margin", "sort=memo", "margin_from=1", "group=memo",
                    "columns=title,memo,margin", "group=firm", 'where={"all":[["memo","contains","zq"]]}',
                    "memo=zqsecret-memo", "rivals=1", "about=1", "sort=rivals"),
    "/e/<entity>/board": ("q=zq",), "/e/<entity>/calendar": ("month=2026-03", "date=due"),
    "/e/<entity>/new": ("_draft=1", "_draft=2"),
    "/e/<entity>/filter": ("field=memo", "field=firm"), "/e/<entity>/columns": ("columns=memo",),
    "/e/<entity>/pools/<pool>": ("q=zq", "q=9137", "q=北仑", "sort=-limit", "sort=phone", "sort=created_by"),
    "/pick/<entity>": ("q=zq", "q=甬江"), "/pick-person": ("q=o",), 
    "/pick-tag": ("entity=deal&field=tags&q=zq", "q=zq"),
    "/approvals": ("box=mine", "box=started", "box=done", "box=copies", "box=late", "q=zq"),
    "/api/v1/search": ("q=zqsecret-memo", "q=zqforeign-title", "q=甬江", "q=9137"),
    "/api/v1/<entity>": ("q=zq", "sort=-margin", "fields=memo,margin", "filter.memo.contains=zq", "filter.margin.gte=1",
                         "filter.rivals.eq=1", "filter.about.eq=1", "count=true", "expand=firm"),
    "/api/v1/<entity>/figures": ("sums=margin", "sums=price", "group=firm&sums=price", "group=memo", "group=tags"),
    "/api/v1/tasks": ("box=mine", "box=started", "box=done"),
    "/quick-create": ("entity=firm&for=deal.firm", "entity=deal&field=firm"),
    "/handover": ("from=2&to=1", "from=1&to=2"),
    "/admin/people": ("q=other",), "/admin/audit": ("page=1", "action=importing.started"),
    "/admin/audit/file": ("format=csv&action=importing.started",),
    "/e/<entity>/flow/simulate": ("record=1", "record=2", "approval=check"),
    "/e/<entity>/many": ("ids=1,2",), "/settings/visibility": ("entity=deal",),
}  # fmt: skip


def addresses(rule: Rule, world: World) -> Iterator[str]:
    """Yield addresses of a route, for the records of everybody and for what is not there.

    A route with a parameter nobody knows here raises ``KeyError``: say above what it may be.
    """
    template = str(rule)
    names = re.findall(r"<(?:[^<>:]+:)?([a-z_]+)>", template)
    for values in _values(names, world):
        path = re.sub(r"<(?:[^<>:]+:)?([a-z_]+)>", lambda found: values[found[1]], template)  # noqa: B023 - used at once
        yield path
        if "9999" not in path and "/nix" not in path:
            yield from (f"{path}?{query}" for query in QUERIES.get(template, ()))


def _values(names: list[str], world: World) -> Iterator[dict[str, str]]:
    """A record belongs to its entity; whatever else an address names is tried with each of them."""
    rest = [name for name in names if name not in ("entity", "record_id")]
    choices = [_choices(name) for name in rest]
    if "entity" not in names:
        records: Iterable[dict[str, str]] = ({},)
    elif "record_id" not in names:
        records = ({"entity": key} for key in ("deal", "firm", "job", "nix"))
    else:
        pairs = [(key, str(id_)) for key in ("deal", "firm", "job") for id_ in (*world.ids[key], 9999)]
        records = ({"entity": key, "record_id": id_} for key, id_ in pairs)
    for record in records:
        for chosen in itertools.product(*choices):
            yield record | dict(zip(rest, chosen, strict=True))


def _choices(name: str) -> tuple[str, ...]:
    if name == "number":
        return "1", "2", "9999"
    return _IDS if name in _NUMBERS else _WORDS[name]


# ---- work


def _ask(program: Program, deal: int) -> None:
    """Submit a deal: people have to decide about it."""
    version = program.get(f"/deal/{deal}").get_json()["version"]
    asked = program.post(f"/deal/{deal}/moves/ask", {}, If_Match=f'"{version}"')
    assert asked.status_code == 200, asked.get_data(as_text=True)


def _change(program: Program, entity: str, record: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    version = program.get(f"/{entity}/{record['id']}").get_json()["version"]
    answer = program.patch(f"/{entity}/{record['id']}", values, version)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    changed: dict[str, Any] = answer.get_json()
    return changed


def _upload(program: Program, name: str, text: str) -> int:
    boundary, body = encode_multipart({"file": FileStorage(io.BytesIO(text.encode()), name)})
    answer = program.call("POST", "/files", body, Content_Type=f"multipart/form-data; boundary={boundary}")
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return int(answer.get_json()["id"])


def _import(browser: Browser, name: str, text: str) -> None:
    file = (io.BytesIO(text.encode()), name)
    answer = browser.post("/e/firm/import", data={"file": file}, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.get_data(as_text=True)
