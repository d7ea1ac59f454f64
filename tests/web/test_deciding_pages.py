"""The decision page, the batch and the trail when something is refused, late, or done by somebody else: over HTTP."""

import html
import re
from typing import Any
from urllib.parse import unquote

import pytest

from engine.definition.source import read_folder
from engine.errors import FormworkError
from engine.people import accounts
from engine.workflow.approval import involving
from engine.workflow.approval import log as approval_log
from tests.web.conftest import DESK, PASSWORD, Browser, Desk, OpenDesk

CHECK = """\
approval: check
entity: ticket
label: 复核
defaults:
  allow: [approve, refuse, return, transfer, consult, add_before, add_after, cc, comment]
  reason: [refuse, transfer]
steps:
  lead: {label: 主管, who: [{user: lead}]}
  both: {label: 会审, who: [{user: root}, {user: mate}]}
"""
MORE = {"mate": ("north", "manager"), "third": ("north", "manager"), "far": ("south", "manager")}


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """The desk with an approval that allows everything, a colleague of the lead, and one who may not see the ticket."""
    files = dict(read_folder(DESK).files)
    [name] = [name for name, text in files.items() if text.startswith("approval: check")]
    opened = open_desk(definition={**files, name: CHECK})
    with opened.store.write() as session:
        teams = {team: accounts.get_actor(session.connection, opened.ids[one]).team for team, one in
                 (("north", "lead"), ("south", "rep2"))}  # fmt: skip
        for login, (team, role) in MORE.items():
            opened.ids[login] = accounts.create_user(
                session, login=login, name=login.title(), password=PASSWORD, roles=[role], department=teams[team],
                actor=None,
            )  # fmt: skip
    return opened


def asked(desk: Desk, title: str = "打印机坏了") -> dict[str, Any]:
    """A ticket that waits for the lead: its record, task and approval."""
    rep = desk.program("rep1")
    made = rep.made("ticket", title=title)["id"]
    said = rep.post(f"/ticket/{made}/moves/ask", {"values": {"answer": "x"}}, If_Match='"1"')
    assert said.status_code == 200, said.get_data(as_text=True)
    return task_of(desk, "lead", made)


def task_of(desk: Desk, login: str, record: int) -> dict[str, Any]:
    items = desk.program(login).get("/tasks").get_json()["items"]
    return next(item for item in items if item["record"] == record)


def text_of(page: str) -> str:
    """What a reader sees, in one line."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def get(browser: Browser, path: str) -> str:
    said = browser.get(path)
    assert said.status_code == 200, said.get_data(as_text=True)[:300]
    return said.get_data(as_text=True)


def path_of(page: str) -> str:
    """The steps of the approval as the page draws them."""
    found = re.search(r'<ol class="steps-path">.*?</ol>', page, re.S)
    assert found is not None
    return text_of(found[0])


# ---- the words of a step


def test_a_step_that_one_person_decides_has_no_word_for_it_however_many_helped(desk: Desk) -> None:
    one = asked(desk)
    lead, ids = desk.program("lead"), desk.ids
    steps = path_of(get(desk.browser("lead"), f"/approvals/{one['task']}"))
    assert "主管 LE Lead 待处理" in steps
    assert steps.count("或签") == 1, "only the step that asks two"

    lead.post(f"/tasks/{one['task']}/consult", {"people": [ids["third"]], "text": "贵吗？"})
    lead.post(f"/tasks/{one['task']}/transfer", {"people": [ids["mate"]], "reason": "我出差"})
    steps = path_of(get(desk.browser("lead"), f"/e/ticket/{one['record']}"))
    assert steps.count("或签") == 1
    assert "由Lead转交" in steps and "由Lead征询" in steps

    again = task_of(desk, "mate", one["record"])
    desk.program("mate").post(f"/tasks/{again['task']}/add", {"people": [ids["third"]], "where": "before"})
    steps = path_of(get(desk.browser("lead"), f"/e/ticket/{one['record']}"))
    assert "主管 加签" in steps and "由Mate加签" in steps


@pytest.mark.parametrize("ends", ["refuse", "withdraw", "terminate"])
def test_a_question_nobody_answered_is_over_once_the_request_is(desk: Desk, ends: str) -> None:
    one = asked(desk)
    lead = desk.program("lead")
    lead.post(f"/tasks/{one['task']}/consult", {"people": [desk.ids["third"]], "text": "贵吗？"})
    record = f"/e/ticket/{one['record']}"
    assert "征询中" in path_of(get(desk.browser("lead"), record))
    said = {
        "refuse": lambda: lead.post(f"/tasks/{one['task']}/refuse", {"reason": "太贵"}),
        "withdraw": lambda: desk.program("rep1").post(f"/approvals/{one['approval_id']}/withdraw", {}),
        "terminate": lambda: desk.program("root").post(f"/approvals/{one['approval_id']}/terminate", {"reason": "x"}),
    }[ends]()
    assert said.status_code == 200
    for page in (record, f"{record}/trail"):
        shown = text_of(get(desk.browser("lead"), page))
        assert "征询中" not in shown
        assert "征询已结束，没有答复" in shown


def test_whoever_is_asked_for_advice_is_not_who_the_request_waits_for(desk: Desk) -> None:
    one = asked(desk)
    sent = {"people": [desk.ids["third"]], "text": "贵吗？"}
    assert desk.program("lead").post(f"/tasks/{one['task']}/consult", sent).status_code == 200
    rep = desk.browser("rep1")
    assert "等Lead审批" in text_of(get(rep, f"/e/ticket/{one['record']}"))
    assert "等Lead，" in text_of(get(rep, "/approvals?box=started"))
    assert task_of(desk, "third", one["record"])["task"], "the question stands in the queue of whoever is asked"


# ---- the trail in English


def test_the_history_tells_in_english_what_was_done_in_the_past(desk: Desk) -> None:
    one, lead = asked(desk), desk.program("lead")
    lead.post(f"/tasks/{one['task']}/refuse", {"reason": "too expensive"})
    browser = desk.browser("lead")
    browser.post("/settings/preferences", data={"lang": "en"})
    shown = text_of(get(browser, f"/e/ticket/{one['record']}"))
    assert "Rep1 submitted it for approval: 复核" in shown
    assert 'Lead refused at "' in shown
    desk.program("rep1").post(f"/ticket/{one['record']}/moves/finish", {}, If_Match='"3"')
    shown = text_of(get(browser, f"/e/ticket/{one['record']}"))
    assert "Rep1 made the move “完成”" in shown


# ---- bringing others in


def more(page: str) -> str:
    """What stands under "more"; it has to be open."""
    found = re.search(r'<form class="decide-more".*?</form>', page, re.S)
    assert found is not None
    assert re.search(r"<details [^>]*\bopen\b", found[0]), "it stays open"
    return found[0]


def error_at(form: str, field: str) -> str:
    found = re.search(rf'id="{field}-error"[^>]*>(.*?)</p>', form, re.S)
    return text_of(found[1]).strip() if found else ""


@pytest.mark.parametrize(
    ("action", "people", "text", "field", "said"),
    [
        ("transfer", ["rep1"], "出差", "more-people", "Rep1 是提交人"),
        ("transfer", ["far"], "出差", "more-people", "Far 看不到这条记录"),
        ("transfer", ["mate", "third"], "出差", "more-people", "请选择一个人"),
        ("transfer", ["mate"], "", "more-text", "请填写原因"),
        ("consult", ["lead"], "贵吗？", "more-people", "请选择别人"),
        ("consult", ["third"], " ", "more-text", "请写明要征询什么"),
        ("add_before", [], "看看", "more-people", "请至少选择一个人"),
        ("add_after", ["rep1"], "看看", "more-people", "Rep1 是提交人"),
        ("cc", [], "看看", "more-people", "请至少选择一个人"),
    ],
)
def test_what_is_refused_stays_filled_in_with_the_sentence_at_its_own_field(
    desk: Desk, action: str, people: list[str], text: str, field: str, said: str
) -> None:
    one, lead = asked(desk), desk.browser("lead")
    sent = {"action": action, "people": [desk.ids[who] for who in people], "text": text}
    answer = lead.post(f"/approvals/{one['task']}/involve", data=sent)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    form = more(page)
    assert said in error_at(form, field)
    assert form.count('class="field-error"') == 1
    assert f'<option value="{action}" selected>' in form
    for who in people:
        assert f'<input type="hidden" name="people" value="{desk.ids[who]}">' in form
    assert text.strip() in form
    decide = page[page.index('<form class="decide"') :]
    assert said not in decide and not re.search(r'decide-other"[^>]*\bopen\b', decide)


def test_a_name_typed_without_a_script_is_understood_or_told(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    sent = {"action": "consult", "text": "贵吗？"}
    answer = lead.post(f"/approvals/{one['task']}/involve", data=sent | {"people._text": "Nobody"})
    assert "没有名字含“Nobody”的人" in error_at(more(answer.get_data(as_text=True)), "more-people")
    assert lead.post(f"/approvals/{one['task']}/involve", data=sent | {"people._text": "third"}).status_code == 303
    assert task_of(desk, "third", one["record"])["task"] != one["task"]


def offered(desk: Desk, login: str, task: int, action: str, q: str = "") -> tuple[set[str], str | None]:
    said = desk.browser(login).get(f"/approvals/{task}/people?action={action}&q={q}").get_json()
    return {item["hint"] for item in said["items"]}, said["note"]


def test_only_people_who_would_be_accepted_are_offered_and_everyone_of_them_is(desk: Desk) -> None:
    one = asked(desk)
    lead, ids, task = desk.program("lead"), desk.ids, one["task"]
    lead.post(f"/tasks/{task}/consult", {"people": [ids["third"]], "text": "贵吗？"})
    lead.post(f"/tasks/{task}/cc", {"people": [ids["root"]]})
    for action in ("transfer", "consult", "add_before", "add_after", "cc"):
        names, note = offered(desk, "lead", task, action)
        assert names and note is None
        for login, id_ in ids.items():
            body = {"people": [id_], "reason": "x", "text": "x", "where": action.removeprefix("add_")}
            path = "add" if action.startswith("add_") else action
            with desk.store.write() as session, session.attempt() as attempt:
                accepted = accepts(session, task, path, body, accounts.get_actor(session.connection, ids["lead"]))
                attempt.undo()
            assert accepted == (login in names), (action, login)


def accepts(session: Any, task: int, path: str, body: dict[str, Any], actor: Any) -> bool:
    """Whether the command does it with this person, and it has an effect."""
    people, click = body["people"], {"actor": actor}
    before = approval_log.read(session, approval_log.find_task(session, task, actor=actor.id).approval_id)
    try:
        if path == "transfer":
            after = involving.transfer(session, task, people[0], reason="x", **click)
        elif path == "consult":
            after = involving.consult(session, task, people[0], "x", **click)
        elif path == "add":
            after = involving.add(session, task, people, where=body["where"], reason="x", **click)
        else:
            after = involving.copy(session, task, people, **click)
    except FormworkError:
        return False
    return after != before.state


def test_when_nobody_can_be_chosen_one_sentence_says_why(desk: Desk) -> None:
    one = asked(desk)
    for q, said in (
        ("rep1", "Rep1 是提交人，不能审批自己的单据"),
        ("far", "Far 看不到这条记录"),
        ("rep", "符合的 2 个人都不能选"),
        ("zzz", "没有名字含“zzz”的人"),
    ):
        names, note = offered(desk, "lead", one["task"], "transfer", q)
        assert names == set()
        assert note is not None and said in note
    assert desk.browser("rep2").get(f"/approvals/{one['task']}/people?action=transfer&q=").status_code == 404
    names, note = offered(desk, "lead", one["task"], "explode")
    assert names == set() and note == "请选择转交、征询、加签或抄送。"


# ---- somebody else was first


def both(desk: Desk, title: str = "打印机坏了") -> dict[str, Any]:
    """A ticket that waits for two, either of whom decides: their tasks."""
    one = asked(desk, title)
    desk.program("lead").post(f"/tasks/{one['task']}/approve", {})
    return {login: task_of(desk, login, one["record"]) for login in ("root", "mate")}


@pytest.mark.parametrize(
    ("first", "second", "said", "comfort"),
    [
        ("approve", "refuse", "同意，与你的选择相反，你的处理没有生效", False),
        ("approve", "approve", "同意，无需重复操作", True),
    ],
)
def test_whoever_is_late_learns_what_was_decided_and_keeps_what_they_wrote(
    desk: Desk, first: str, second: str, said: str, comfort: bool
) -> None:
    tasks, mate = both(desk), desk.browser("mate")
    desk.program("root").post(f"/tasks/{tasks['root']['task']}/{first}", {"reason": "可以"})
    words = "价格<b>还能谈" + second
    answer = mate.post(f"/approvals/{tasks['mate']['task']}", data={"decision": second, "reason": words})
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    shown = text_of(page)
    assert re.search(rf"已由 Root 在 \d\d:\d\d {said}", shown)
    assert ("无需重复" in shown) is comfort
    late = re.search(r'<section class="panel late".*?</section>', page, re.S)
    assert late is not None
    kept = re.search(r'<textarea[^>]*id="kept" name="text"[^>]*>(.*?)</textarea>', late[0], re.S)
    leads = re.search(r'<form method="post" action="([^"]+)"', late[0])
    assert kept is not None and leads is not None
    assert html.unescape(kept[1]).strip() == words

    posted = mate.post(leads[1], data={"text": words, "next": f"/e/ticket/{tasks['mate']['record']}"})
    assert posted.status_code == 303
    of = get(desk.browser("root"), f"/approvals/of/{tasks['mate']['approval_id']}")
    assert html.escape(words) in of


def test_words_for_a_colleague_are_kept_too_when_the_request_was_withdrawn_meanwhile(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    desk.program("rep1").post(f"/approvals/{one['approval_id']}/withdraw", {})
    sent = {"action": "consult", "people": [desk.ids["third"]], "text": "这个价贵吗？"}
    answer = lead.post(f"/approvals/{one['task']}/involve", data=sent)
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    assert "提交人 Rep1 已在" in text_of(page)
    assert re.search(r'id="kept"[^>]*>\s*这个价贵吗？\s*</textarea>', page)


def test_the_same_decision_clicked_twice_is_done_once_and_friendly(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    sent = {"decision": "refuse", "reason": "太贵", "_action_id": "a" * 32}
    path = f"/approvals/{one['task']}"
    assert lead.post(path, data=sent).status_code == 303
    assert lead.post(path, data=sent).status_code == 303
    again = lead.post(path, data=sent | {"_action_id": "b" * 32})
    assert (again.status_code, "拒绝，无需重复操作" in text_of(again.get_data(as_text=True))) == (409, True)


def test_a_task_that_is_open_still_keeps_its_buttons_and_what_was_typed(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    rep = desk.program("rep1")
    answer = lead.post(f"/approvals/{one['task']}", data={"decision": "complete", "reason": "再看看"})
    assert answer.status_code == 403, "this step asks for a decision, not for work"
    page = answer.get_data(as_text=True)
    assert "这一步需要同意或拒绝" in text_of(page) and re.search(r'id="reason"[^>]*>\s*再看看', page)
    assert '<button class="btn btn-primary btn-large" name="decision" value="approve">' in page
    assert rep.get(f"/ticket/{one['record']}").get_json()["stage"] == "review"


def test_a_remark_leads_back_to_the_approval_also_from_a_page_that_answers_a_refused_post(desk: Desk) -> None:
    one, lead, rep = asked(desk), desk.browser("lead"), desk.browser("rep1")
    task, of = f"/approvals/{one['task']}", f"/approvals/of/{one['approval_id']}"
    for browser, page, answer in (
        (lead, task, lead.get(task)),
        (lead, task, lead.post(task, data={"decision": "refuse"})),
        (lead, task, lead.post(f"{task}/involve", data={"action": "consult"})),
        (rep, of, rep.get(of)),
        (rep, of, rep.post(of, data={"text": " "})),
    ):
        form = re.search(r'<form class="comment".*?</form>', answer.get_data(as_text=True), re.S)
        assert form is not None, answer.status
        leads, following = re.search(r'action="([^"]+)"', form[0]), re.search(r'name="next" value="([^"]+)"', form[0])
        assert leads is not None and following is not None
        said = browser.post(leads[1], data={"text": "看过了", "next": following[1]})
        assert (said.status_code, said.location) == (303, page)


@pytest.mark.parametrize("text", ["\x00", "太贵\x00", "@Mate\x00 看看"])
def test_words_that_no_database_keeps_are_refused_at_their_field_and_decide_nothing(desk: Desk, text: str) -> None:
    one, lead = asked(desk), desk.browser("lead")
    task, record = f"/approvals/{one['task']}", f"/e/ticket/{one['record']}"
    for path, sent in (
        (task, {"decision": "refuse", "reason": text}),
        (task, {"decision": "draft", "reason": text}),
        (f"{task}/involve", {"action": "consult", "people": [desk.ids["third"]], "text": text}),
        (f"/approvals/of/{one['approval_id']}", {"text": text}),
        (f"{record}/comments", {"text": text}),
    ):
        answer = lead.post(path, data=sent)
        assert (answer.status_code, path) == (422, path)
        assert "控制字符" in text_of(answer.get_data(as_text=True))
    lead.post("/approvals/decide", data={"task": [str(one["task"])], "decision": "refuse", "reason": text})
    assert desk.program("rep1").get(f"/ticket/{one['record']}").get_json()["stage"] == "review"


def test_a_zero_byte_anywhere_is_no_trouble_of_the_server(desk: Desk) -> None:
    one, root = asked(desk), desk.browser("root")
    for path in ("/admin/people?q=%00a", "/e/ticket/flow/simulate?approval=check&_as=%00", "/pick-person?q=%00a"):
        assert root.get(path).status_code < 500, path
    for path, sent in (
        (f"/approvals/{one['task']}", {"decision": "refuse", "reason": "x", "_action_id": "a\x00b"}),
        ("/settings/delegations", {"to._text": "a\x00b", "start": "2099-01-01", "until": "2099-01-02"}),
        (f"/e/ticket/{one['record']}/shares", {"to._text": "a\x00b", "reason": "x"}),
        ("/e/ticket/views/new", {"label": "a\x00b"}),
    ):
        for login in ("lead", "root"):
            assert desk.browser(login).post(path, data=sent).status_code < 500, path


# ---- many at once


def test_a_batch_asks_for_a_reason_of_each_or_one_for_all_and_does_nothing_before(desk: Desk) -> None:
    first, second, third = asked(desk, "甲"), asked(desk, "乙"), asked(desk, "丙")
    lead = desk.browser("lead")
    ticked = {"task": [first["task"], second["task"]], "decision": "refuse", "box": "mine"}
    said = lead.post("/approvals/decide", data=ticked)
    page = said.get_data(as_text=True)
    assert said.status_code == 422 and "其中 2 条驳回须写原因" in text_of(page) and "field-error" not in page
    assert re.findall(r'name="task" value="(\d+)"', page) == [str(first["task"]), str(second["task"])]
    own = {f"reason.{first['task']}": "重复"}
    again = lead.post("/approvals/decide", data=ticked | {"asked": "refuse", **own})
    page = again.get_data(as_text=True)
    assert again.status_code == 422 and 'value="重复"' in page and page.count('class="field-error"') == 1
    assert len(desk.program("lead").get("/tasks").get_json()["items"]) == 3, "nothing was done"
    kept = lead.post("/approvals/decide", data=ticked | {"_resume": "yes", "asked": "refuse", **own})
    assert 'value="重复"' in kept.get_data(as_text=True) and "field-error" not in kept.get_data(as_text=True)

    done = lead.post("/approvals/decide", data=ticked | {"asked": "refuse", "reason": "额度已满", **own})
    assert "已处理 2 条" in done.get_data(as_text=True)
    left = desk.program("lead").get("/tasks").get_json()["items"]
    assert [item["task"] for item in left] == [third["task"]]
    for one, why in ((first, "重复"), (second, "额度已满")):
        assert why in lead.get(f"/approvals/{one['task']}").get_data(as_text=True)


def test_a_batch_that_needs_no_reason_is_done_at_once(desk: Desk) -> None:
    first, second = asked(desk, "甲"), asked(desk, "乙")
    sent = {"task": [first["task"], second["task"]], "decision": "approve"}
    assert "已处理 2 条" in desk.browser("lead").post("/approvals/decide", data=sent).get_data(as_text=True)


# ---- the session ended just then


def test_every_dialog_shows_again_what_was_sent_before_signing_in_and_does_nothing(desk: Desk) -> None:
    one, lead = asked(desk), desk.browser("lead")
    sent = {"_resume": "yes", "action": "consult", "people": [desk.ids["third"]], "text": "这个价贵吗？"}
    form = more(lead.post(f"/approvals/{one['task']}/involve", data=sent).get_data(as_text=True))
    assert "这个价贵吗？" in form and "Third" in form

    sent = {"_resume": "yes", "task": [one["task"]], "reason": "重复申请", "box": "mine"}
    page = lead.post("/approvals/decide", data=sent).get_data(as_text=True)
    assert 'value="重复申请"' in page and re.search(rf'value="{one["task"]}" checked', page)

    made = desk.program("lead").made("ticket", title="自己的")["id"]
    said = lead.post(f"/e/ticket/{made}/moves/drop", data={"_resume": "yes", "reason": "不做了", "_version": "1"})
    assert (said.status_code, "不做了" in said.get_data(as_text=True)) == (200, True)
    assert desk.program("lead").get(f"/ticket/{made}").get_json()["stage"] == "open"
    assert desk.program("third").get("/tasks").get_json()["items"] == []
    assert task_of(desk, "lead", one["record"])["task"] == one["task"]


def test_a_dialog_leads_through_the_sign_in_to_its_own_page(desk: Desk) -> None:
    made = desk.program("lead").made("ticket", title="自己的")["id"]
    path = f"/e/ticket/{made}/moves/drop"
    said = desk.browser().post(path, data={"reason": "不做了"}, headers={"HX-Request": "true"})
    assert said.status_code == 401
    assert unquote(said.headers["HX-Redirect"]) == f"/login?next={path}"
