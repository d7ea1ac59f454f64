"""What administrators see and mend of what stands still; handing over; deputies; groups."""

import re
from html import unescape

import pytest
from sqlalchemy import insert, select, update
from werkzeug.test import TestResponse

from engine.definition.source import SourceFolder
from engine.people import accounts
from engine.storage import catalog
from engine.storage.approval_tables import delegations, group_members, responsibilities, tasks
from engine.storage.stage_tables import timers
from tests.conftest import to_folder
from tests.web.conftest import DESK, Browser, Desk
from tests.web.test_pages_bad_input import LINE, new_ticket, words


@pytest.fixture
def root(desk: Desk) -> Browser:
    return desk.browser("root")


def asked(desk: Desk, login: str = "rep1") -> str:
    """A ticket that waits for the lead."""
    browser = desk.browser(login)
    url = new_ticket(browser, **LINE, answer="好")
    program = desk.program(login)
    id_ = url.rpartition("/")[2]
    version = program.get(f"/ticket/{id_}").get_json()["version"]
    said = program.post(f"/ticket/{id_}/moves/ask", {}, If_Match=f'"{version}"')
    assert said.status_code < 300, said.get_data(as_text=True)
    return url


def disable(desk: Desk, login: str) -> None:
    with desk.store.write() as session:
        accounts.disable_user(session, desk.ids[login], actor=None)


def open_tasks(desk: Desk) -> list[tuple[int, int]]:
    with desk.store.read() as session:
        rows = session.connection.execute(select(tasks.c.id, tasks.c.holder_id).where(tasks.c.state == "open"))
        return [(row[0], row[1]) for row in rows]


class TestStandstill:
    URL = "/admin/stranded"

    def test_it_is_for_administrators_and_says_so_when_nothing_does(self, desk: Desk, root: Browser) -> None:
        assert desk.browser("lead").get(self.URL).status_code == 403
        assert "没有停滞的事项" in words(root.get(self.URL))
        assert self.URL in root.get("/").get_data(as_text=True)
        assert self.URL not in desk.browser("lead").get("/").get_data(as_text=True)

    def test_a_task_of_somebody_who_left_is_handed_over(self, desk: Desk, root: Browser) -> None:
        url = asked(desk)
        disable(desk, "lead")
        page = root.get(self.URL).get_data(as_text=True)
        assert url in page and "Lead" in page
        [(task, _)] = open_tasks(desk)
        refused = root.post(f"{self.URL}/task/{task}", data={"to": "", "to._text": "nobody"})
        assert refused.status_code == 422 and "field-error" in refused.get_data(as_text=True)
        done = root.post(f"{self.URL}/task/{task}", data={"to": str(desk.ids["rep2"]), "reason": "离职"})
        assert done.status_code == 303
        assert [holder for _, holder in open_tasks(desk)] == [desk.ids["rep2"]]
        assert "没有停滞的事项" in words(root.get(self.URL))
        again = root.post(f"{self.URL}/task/{task}", data={"to": str(desk.ids["rep2"])})
        assert again.status_code == 303, "somebody else was quicker: the list is shown again"

    def test_a_record_gets_a_stage_and_says_what_it_lacks(self, desk: Desk, root: Browser) -> None:
        url = new_ticket(desk.browser("rep1"), **LINE)
        id_ = int(url.rpartition("/")[2])
        with desk.store.write() as session:
            table = session.tables.entity["ticket"]
            session.connection.execute(update(table).where(table.c.id == id_).values(stage="lost"))
        assert url in root.get(self.URL).get_data(as_text=True)
        given = {"entity": "ticket", "reason": "换系统"}
        for more, said in (({"stage": ""}, "field-error"), ({"stage": "done"}, "答复"), ({"stage": "nope"}, "nope")):
            answer = root.post(f"{self.URL}/record/{id_}", data=given | more)
            assert answer.status_code == 422 and said in answer.get_data(as_text=True)
        assert root.post(f"{self.URL}/record/{id_}", data=given | {"stage": "open"}).status_code == 303
        assert "没有停滞的事项" in words(root.get(self.URL))

    def test_a_timer_is_tried_again(self, desk: Desk, root: Browser) -> None:
        now = desk.clock.at
        moments = dict.fromkeys(("armed_at", "due_at", "available_at"), now)
        row = moments | {
            "entity": "",
            "record_id": 0,
            "kind": "hand_over",
            "key": "x",
            "arming": "1",
            "state": "parked",
        }
        row |= {"payload": {}, "attempts": 5, "error": "boom"}
        with desk.store.write() as session:
            session.connection.execute(insert(timers).values(row))
        page = root.get(self.URL).get_data(as_text=True)
        assert "boom" in page
        with desk.store.read() as session:
            [id_] = session.connection.scalars(select(timers.c.id).where(timers.c.state == "parked"))
        assert root.post(f"{self.URL}/timer/{id_}").status_code == 303

    @pytest.mark.parametrize("path", ["/task/999", "/approval/999", "/record/1"])
    def test_what_does_not_stand_still_leads_back_to_the_list(self, root: Browser, path: str) -> None:
        given = {"reason": "x", "stage": "open", "entity": "ticket"}
        assert root.post(f"{self.URL}{path}", data=given).status_code == 303

    def test_an_approval_is_ended_with_a_reason_and_its_move_is_shown(self, desk: Desk, root: Browser) -> None:
        asked(desk)
        assert root.get(f"{self.URL}/approval/1/move").status_code == 200
        shown = root.post(f"{self.URL}/approval/1/move", data={"step": "preview"})
        assert shown.status_code == 200 and "规则与现行版本相同" in words(shown)
        assert root.get(f"{self.URL}/approval/999/move").status_code == 404
        assert root.post(f"{self.URL}/approval/1/end", data={"reason": ""}).status_code == 422
        assert root.post(f"{self.URL}/approval/1/end", data={"reason": "作废"}).status_code == 303
        assert open_tasks(desk) == []


class TestMoving:
    URL = "/admin/stranded"
    STEP = "  lead: {label: 主管, who: [{role: manager}]}"

    def publish(self, desk: Desk, step: str) -> None:
        files = dict(to_folder(DESK).files)
        assert self.STEP in files["ticket/approval.yaml"]
        files["ticket/approval.yaml"] = files["ticket/approval.yaml"].replace(self.STEP, step)
        catalog.publish(desk.store, SourceFolder(files), actor_id=None)
        desk.app.extensions["formwork.store"].reload()

    def run(self, root: Browser, step: str, **data: str) -> TestResponse:
        return root.post(f"{self.URL}/moves/check/part", data={"step": step, "records": "1,2", **data})

    def test_a_step_that_is_gone_becomes_another_and_its_holder_keeps_it(self, desk: Desk, root: Browser) -> None:
        urls = [asked(desk), asked(desk)]
        before = open_tasks(desk)
        self.publish(desk, "  board: {label: 负责人, who: [{role: admin}]}")
        assert f"{self.URL}/moves/check" in root.get(self.URL).get_data(as_text=True)
        page = root.get(f"{self.URL}/moves/check").get_data(as_text=True)
        assert 'name="map.lead"' in page and "data-run" in page
        page = self.run(root, "preview").get_data(as_text=True)
        assert all(url in page for url in urls)
        assert "“主管”没有了" in page and "“负责人”现在请 Root 审批" in page

        shown = self.run(root, "preview", **{"map.lead": "board"}).get_data(as_text=True)
        assert shown.count("“负责人”仍在 Lead 处") == 2 and shown.count("时限照旧") == 0
        digests = re.search(r'data-changed="([^"]+)"', shown)[1]  # type: ignore[index]
        assert open_tasks(desk) == before, "a look changes nothing"
        given = {"map.lead": "board", "records": digests}
        assert self.run(root, "apply", **given).status_code == 422, "without a reason nothing is moved"
        other = self.run(root, "apply", **given | {"map.lead": "", "reason": "新制度"}).get_data(as_text=True)
        assert 'data-changed=""' in other and other.count("请重新查看方案") == 2 and open_tasks(desk) == before
        done = self.run(root, "apply", **given, reason="新制度").get_data(as_text=True)
        assert digests.partition(":")[0] in done and open_tasks(desk) == before
        again = self.run(root, "apply", **given, reason="新制度").get_data(as_text=True)
        assert 'data-changed="" data-same="2"' in again, "what was done before is not said to have failed"

    def test_without_a_script_the_same_is_shown_and_done(self, desk: Desk, root: Browser) -> None:
        asked(desk)
        self.publish(desk, "  board: {label: 负责人, who: [{role: admin}]}")
        url = f"{self.URL}/approval/1/move"
        page = root.post(url, data={"map.lead": "board", "step": "preview"}).get_data(as_text=True)
        value = re.search(r'name="_previewed" value="([^"]+)"', page)[1]  # type: ignore[index]
        given = {"map.lead": "board", "step": "apply", "_previewed": value}
        refused = root.post(url, data=given)
        assert refused.status_code == 422 and "field-error" in refused.get_data(as_text=True)
        assert "已迁移 1 件" in words(root.post(url, data=given | {"reason": "新制度"}))
        assert [holder for _, holder in open_tasks(desk)] == [desk.ids["lead"]]

    def test_a_record_shows_answers_of_an_earlier_turn_apart_from_who_is_asked_now(
        self, desk: Desk, root: Browser
    ) -> None:
        second = "  second: {label: 复核人, who: [{role: admin}]}"
        self.publish(desk, f"{self.STEP}\n{second}")
        url = asked(desk)
        [(task, _)] = open_tasks(desk)
        assert desk.program("lead").post(f"/tasks/{task}/approve", {}).status_code == 200
        self.publish(desk, f"  lead: {{label: 主管, who: [{{role: admin}}]}}\n{second}")
        shown = self.run(root, "preview", records="1").get_data(as_text=True)
        assert "“主管”要重新审批" in shown and "不再算数：Lead" in shown
        digest = re.search(r'data-changed="([^"]+)"', shown)[1]  # type: ignore[index]
        self.run(root, "apply", records=digest, reason="新制度")
        page = words(desk.browser("lead").get(url))
        before, _, earlier = page.partition("之前的意见，已不算数")
        assert "Root" in before and earlier and "Lead 已同意" in " ".join(earlier[:80].split())

    def test_a_mapping_that_cannot_be_meant_is_said(self, desk: Desk, root: Browser) -> None:
        asked(desk)
        self.publish(desk, "  board: {label: 负责人, who: [{role: admin}]}")
        refused = root.post(f"{self.URL}/approval/1/move", data={"map.lead": "nowhere", "step": "preview"})
        assert refused.status_code == 422 and "没有步骤“nowhere”" in words(refused)
        assert root.get(f"{self.URL}/moves/nothing").status_code == 404
        assert desk.browser("lead").get(f"{self.URL}/moves/check").status_code == 403
        assert desk.browser("lead").post(f"{self.URL}/moves/check/part", data={"records": "1"}).status_code == 403


class TestHandOver:
    URL = "/handover"

    def test_it_shows_what_moves_and_moves_exactly_that(self, desk: Desk, root: Browser) -> None:
        url = asked(desk)
        given = {"from": str(desk.ids["rep1"]), "to": str(desk.ids["rep2"])}
        page = root.get(self.URL, query_string=given).get_data(as_text=True)
        assert url in page
        digest = page.partition('name="digest" value="')[2][:16]
        parts = ["tasks", "records", "fields", "groups", "responsibilities"]
        given |= {"parts": parts, "digest": digest}  # type: ignore[dict-item]
        for more in ({"reason": ""}, {"reason": "x", "digest": "0" * 16}, {"reason": "x", "on": "2001-01-01"}):
            assert root.post(self.URL, data=given | more).status_code == 422
        assert root.post(self.URL, data=given | {"reason": "调岗"}).status_code == 303
        with desk.store.read() as session:
            table = session.tables.entity["ticket"]
            assert session.connection.scalars(select(table.c.owner_id)).all() == [desk.ids["rep2"]]

    def test_a_dated_one_is_listed_and_called_off(self, desk: Desk, root: Browser) -> None:
        asked(desk)
        given = {"from": str(desk.ids["rep1"]), "to": str(desk.ids["rep2"]), "parts": "records"}
        page = root.get(self.URL, query_string=given).get_data(as_text=True)
        digest = page.partition('name="digest" value="')[2][:16]
        later = {"digest": digest, "reason": "休假", "on": "2099-01-01"}
        assert root.post(self.URL, data=given | later).status_code == 303
        listed = root.get(self.URL).get_data(as_text=True)
        assert "休假" in listed
        cancel = listed.partition(f'action="{self.URL}/')[2].partition('"')[0]
        assert root.post(f"{self.URL}/{cancel}").status_code == 303
        assert "休假" not in root.get(self.URL).get_data(as_text=True)
        assert root.post(f"{self.URL}/{cancel}").status_code == 404

    def test_whoever_has_no_people_is_turned_away_and_a_manager_sees_only_theirs(self, desk: Desk) -> None:
        assert desk.browser("rep1").get(self.URL).status_code == 403
        with desk.store.write() as session:
            accounts.update_user(session, desk.ids["rep1"], manager=desk.ids["lead"], actor=None)
        lead = desk.browser("lead")
        assert lead.get(self.URL).status_code == 200
        other = lead.get(self.URL, query_string={"from": str(desk.ids["rep2"]), "to": str(desk.ids["rep1"])})
        assert "field-error" in other.get_data(as_text=True)
        given = {"from": str(desk.ids["rep1"]), "to": str(desk.ids["rep2"]), "parts": ["groups", "records"]}
        assert lead.get(self.URL, query_string=given).status_code == 200

    def test_of_what_a_manager_may_not_see_only_kind_and_number_are_said(self, desk: Desk) -> None:
        urls = [new_ticket(desk.browser("rep1"), **LINE) for _ in range(2)]
        with desk.store.write() as session:
            accounts.update_user(session, desk.ids["rep1"], manager=desk.ids["rep2"], actor=None)
        given = {"from": str(desk.ids["rep1"]), "to": str(desk.ids["rep2"]), "parts": "records"}
        page = desk.browser("rep2").get(self.URL, query_string=given)
        assert "工单 2 条 你没有查看权限" in words(page)
        assert not any(url in page.get_data(as_text=True) for url in urls)

    @pytest.mark.parametrize("wrong", [{"from": "9" * 30}, {"from": "999"}, {"from._text": "nobody"}, {"parts": "x"}])
    def test_wrong_values_are_said_beside_their_field(self, root: Browser, wrong: dict[str, str]) -> None:
        assert root.get(self.URL, query_string=wrong).status_code == 200
        assert root.post(self.URL, data=wrong).status_code == 422


class TestDeputies:
    URL = "/settings/delegations"

    def test_a_person_sets_and_ends_their_own(self, desk: Desk) -> None:
        rep = desk.browser("rep1")
        assert "没有人代你审批" in words(rep.get(self.URL))
        given = {"to": str(desk.ids["rep2"]), "start": "2099-03-02", "until": "2099-03-06"}
        assert rep.post(self.URL, data=given).status_code == 303
        page = words(rep.get(self.URL))
        assert "Rep2" in page or "rep2" in page.lower()
        assert "2099-03-02 至 2099-03-06" in page
        with desk.store.read() as session:
            [id_] = session.connection.scalars(select(delegations.c.id))
        assert desk.browser("lead").post(f"{self.URL}/{id_}/end").status_code == 404
        assert rep.post(f"{self.URL}/{id_}/end").status_code == 303
        assert "没有人代你审批" in words(rep.get(self.URL))

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"to": ""},
            {"start": "x"},
            {"start": "0001-01-01"},
            {"until": "2001-01-01"},
            {"until": "9999-12-31"},
            {"to": "999"},
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(self, desk: Desk, wrong: dict[str, str]) -> None:
        given = {"to": str(desk.ids["rep2"]), "start": "2099-03-02", "until": "2099-03-06"} if wrong else {}
        answer = desk.browser("rep1").post(self.URL, data=given | wrong)
        assert answer.status_code == 422
        assert "field-error" in answer.get_data(as_text=True)

    def test_a_program_is_told_that_a_moment_lies_too_far_away(self, desk: Desk) -> None:
        given = {"to": str(desk.ids["rep2"]), "from": "2099-03-02T00:00:00Z", "until": "2099-03-06T00:00:00Z"}
        rep = desk.program("rep1")
        for name, far in (("from", "0001-01-01T00:00:00+14:00"), ("until", "9999-12-31T23:59:59-12:00")):
            assert rep.post("/tasks/delegations", given | {name: far}).status_code == 422
        assert rep.post("/tasks/delegations", given).status_code < 300

    def test_whoever_is_somebodys_deputy_sees_it(self, desk: Desk) -> None:
        given = {"to": str(desk.ids["rep2"]), "start": "2099-03-02", "until": "2099-03-06"}
        desk.browser("rep1").post(self.URL, data=given)
        assert "2099-03-06" in words(desk.browser("rep2").get(self.URL))


class TestGroups:
    URL = "/admin/groups"

    def test_it_is_for_administrators_and_says_so_when_there_are_none(self, desk: Desk, root: Browser) -> None:
        assert desk.browser("lead").get(self.URL).status_code == 403
        assert desk.browser("lead").post(f"{self.URL}/responsible").status_code == 403
        assert "没有用户组" in words(root.get(self.URL))

    def test_a_group_there_is_none_of_is_refused(self, desk: Desk, root: Browser) -> None:
        answer = root.post(f"{self.URL}/of/nothing/add", data={"person": str(desk.ids["rep1"])})
        assert answer.status_code == 422
        with desk.store.read() as session:
            assert session.connection.execute(select(group_members)).all() == []

    def test_responsibilities_are_set_and_ended(self, desk: Desk, root: Browser) -> None:
        given = {"person": str(desk.ids["rep1"]), "name": "kind", "values": "repair，other、 x"}
        assert root.post(f"{self.URL}/responsible", data=given).status_code == 303
        with desk.store.read() as session:
            assert session.connection.scalars(select(responsibilities.c.value)).all() == ["other", "repair", "x"]
        assert "类型 (kind)" in unescape(root.get(self.URL).get_data(as_text=True))
        assert root.post(f"{self.URL}/responsible", data=given | {"values": ""}).status_code == 303
        with desk.store.read() as session:
            assert session.connection.scalars(select(responsibilities.c.value)).all() == []
        for wrong in ({"person": ""}, {"name": ""}, {"values": "x" * 300}):
            assert root.post(f"{self.URL}/responsible", data=given | wrong).status_code == 422


class TestPrograms:
    def test_a_hand_over_is_planned_and_done_by_its_digest(self, desk: Desk) -> None:
        asked(desk)
        root = desk.program("root")
        given = {"from": str(desk.ids["rep1"]), "to": str(desk.ids["rep2"])}
        plan = root.post("/tasks/hand-over", given).get_json()
        assert plan["done"] is False and [one["part"] for one in plan["items"]] == ["records"]
        wrong = (
            {"digest": "0"},
            {"digest": plan["digest"]},
            {"digest": plan["digest"], "reason": "x", "on": "2026-01-01"},
        )
        for more in wrong:
            assert root.post("/tasks/hand-over", given | more).status_code == 422
        assert desk.program("rep2").post("/tasks/hand-over", given).status_code == 403
        done = root.post("/tasks/hand-over", given | {"digest": plan["digest"], "reason": "调岗"})
        assert done.get_json()["done"] is True
        assert root.post("/tasks/hand-over", given).get_json()["items"] == []

    def test_deputies_are_set_listed_and_ended(self, desk: Desk) -> None:
        rep = desk.program("rep1")
        given = {"to": str(desk.ids["rep2"]), "from": "2099-03-02T00:00:00+08:00", "until": "2099-03-07T00:00:00+08:00"}
        made = rep.post("/tasks/delegations", given)
        assert made.status_code == 201
        [one] = rep.get("/tasks/delegations").get_json()["items"]
        assert (one["id"], one["deputy"]) == (made.get_json()["id"], desk.ids["rep2"])
        assert rep.post("/tasks/delegations", given | {"from": "2099-03-02"}).status_code == 422
        assert desk.program("lead").post(f"/tasks/delegations/{one['id']}/end").status_code == 404
        assert rep.post(f"/tasks/delegations/{one['id']}/end").status_code == 200
        assert rep.get("/tasks/delegations").get_json()["items"] == []

    def test_what_stands_still_is_told_to_administrators(self, desk: Desk) -> None:
        asked(desk)
        disable(desk, "lead")
        assert desk.program("rep1").get("/tasks/stranded").status_code == 403
        [one] = desk.program("root").get("/tasks/stranded").get_json()["items"]
        assert one["address"].startswith("task/") and one["entity"] == "ticket"
