"""What people do with an approval in a step of an example, through the same commands as on the pages.

Enters: a scene, a step such as ``{transfer: bj, to: li}``. Leaves: the record unchanged but for what the command did;
or what the command raises. Must not find a task that is not of whoever acts: ``0`` stands for none, and is refused.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.examples.sample_files import make_png
from engine.examples.scene import Scene, Step
from engine.people.delegations import create_delegation, find_principals
from engine.records.working_time import find_working_time
from engine.storage.store import Session
from engine.workflow.approval import commands as approvals
from engine.workflow.approval import involving, log
from engine.workflow.approval.state import Task

Action = Callable[[Scene, Step], None]


def list_open(session: Session, address: tuple[str, int]) -> list[tuple[int, Task]]:
    """Return the id and state of every open task about a record, those of approvals that others wait for too."""
    running = log.find_running(session, *address)
    return list(_open_of(session, running)) if running is not None else []


def _open_of(session: Session, approval: int) -> Iterator[tuple[int, Task]]:
    kept = log.read(session, approval)
    if kept is not None and kept.state.running:
        yield from ((kept.task_ids[task.number - 1], task) for task in kept.state.open_tasks)
        for child in log.find_children(session, approval).values():
            yield from _open_of(session, child)


def _decide(decision: str) -> Action:
    def act(scene: Scene, step: Step) -> None:
        record = scene.record(step[decision]) if "values" in step or "files" in step else None
        values = scene.raw(record.entity, step) if record is not None else None
        approvals.decide(
            scene.session,
            _own_task(scene, step, decision),
            decision,
            reason=step.get("reason"),
            to=step.get("to", ""),
            values=values,
            signature=_make_signature() if step.get("signed") else None,
            actor=scene.actor,
        )

    return act


def _add(where: str) -> Action:
    def act(scene: Scene, step: Step) -> None:
        task, people = _own_task(scene, step, f"add_{where}"), _users(scene, step, "people")
        involving.add(scene.session, task, people, where=where, reason=step.get("reason"), actor=scene.actor)

    return act


def _transfer(scene: Scene, step: Step) -> None:
    task, heir = _own_task(scene, step, "transfer"), scene.user("to", step["to"])
    involving.transfer(scene.session, task, heir, reason=step.get("reason"), actor=scene.actor)


def _consult(scene: Scene, step: Step) -> None:
    task, asked = _own_task(scene, step, "consult"), scene.user("to", step["to"])
    involving.consult(scene.session, task, asked, step["text"], actor=scene.actor)


def _answer(scene: Scene, step: Step) -> None:
    involving.answer(scene.session, _own_task(scene, step, "answer"), step["text"], actor=scene.actor)


def _remove(scene: Scene, step: Step) -> None:
    person = scene.user("person", step["person"])
    found = list_open(scene.session, scene.address(step["remove"]))
    task = next((id_ for id_, task in found if task.person.id == person and _is_in(task, step)), 0)
    involving.remove(scene.session, task, reason=step.get("reason"), actor=scene.actor)


def _claim(scene: Scene, step: Step) -> None:
    involving.claim(scene.session, _own_task(scene, step, "claim"), actor=scene.actor)


def _copy(scene: Scene, step: Step) -> None:
    task, people = _own_task(scene, step, "cc"), _users(scene, step, "people")
    involving.copy(scene.session, task, people, actor=scene.actor)


def _retract(scene: Scene, step: Step) -> None:
    kept = log.read(scene.session, _latest(scene, step, "retract"))
    tasks = kept.state.tasks if kept is not None else ()
    answered = [task for task in tasks if task.decided and scene.actor.id in _names(task)]
    task = kept.task_ids[answered[-1].number - 1] if kept is not None and answered else 0
    approvals.retract(scene.session, task, reason=step.get("reason"), actor=scene.actor)


def _withdraw(scene: Scene, step: Step) -> None:
    record = scene.record(step["withdraw"])
    running = log.find_running(scene.session, record.entity, record.id)
    approvals.withdraw(scene.session, running or 0, reason=step.get("reason"), actor=scene.actor)


def _revoke(scene: Scene, step: Step) -> None:
    approval = _latest(scene, step, "revoke")
    approvals.revoke(scene.session, approval, reason=step.get("reason"), actor=scene.actor)


def _terminate(scene: Scene, step: Step) -> None:
    approval = _latest(scene, step, "terminate")
    approvals.terminate(scene.session, approval, reason=step.get("reason"), actor=scene.actor)


def _urge(scene: Scene, step: Step) -> None:
    involving.urge(scene.session, _latest(scene, step, "urge"), actor=scene.actor)


def _comment(scene: Scene, step: Step) -> None:
    mentions = _users(scene, step, "people")
    approval = _latest(scene, step, "comment")
    involving.comment(scene.session, approval, step["text"], mentions=mentions, actor=scene.actor)


def delegate(scene: Scene, step: Step) -> None:
    """Let somebody decide for whoever acts, from now on (委托)."""
    deputy, now = scene.user("delegate", step["delegate"]), scene.moment
    until = find_working_time(scene.session).due(now, step["for"])
    create_delegation(
        scene.session, principal=scene.actor.id, deputy=deputy, starts_at=now, ends_at=until, actor=scene.actor
    )


ACTIONS: Mapping[str, Action] = {
    "approve": _decide("approve"),
    "refuse": _decide("refuse"),
    "return": _decide("return"),
    "complete": _decide("complete"),
    "withdraw": _withdraw,
    "transfer": _transfer,
    "consult": _consult,
    "answer": _answer,
    "add_before": _add("before"),
    "add_after": _add("after"),
    "remove": _remove,
    "claim": _claim,
    "retract": _retract,
    "revoke": _revoke,
    "terminate": _terminate,
    "urge": _urge,
    "cc": _copy,
    "comment": _comment,
    "delegate": delegate,
}


def _own_task(scene: Scene, step: Step, action: str) -> int:
    """Return the task of whoever acts, else one they are the deputy of; 0 when there is none."""
    advice = action == "answer"
    found = [
        (id_, task)
        for id_, task in list_open(scene.session, scene.address(step[action]))
        if (task.kind == "consult") == advice and _is_in(task, step)
    ]
    principals = find_principals(scene.session, scene.actor.id)
    mine = [id_ for id_, task in found if task.person.id == scene.actor.id]
    return next(iter(mine + [id_ for id_, task in found if task.person.id in principals]), 0)


def _is_in(task: Task, step: Step) -> bool:
    return "step" not in step or task.step == step["step"]


def _names(task: Task) -> set[int]:
    return {task.person.id} if task.decided_by is None else {task.decided_by.id}


def _latest(scene: Scene, step: Step, action: str) -> int:
    """Return the approval of a record that runs or, when none does, the last one; 0 when there is none."""
    address = scene.address(step[action])
    running = log.find_running(scene.session, *address)
    return running or log.find_latest(scene.session, *address) or 0


def _users(scene: Scene, step: Step, key: str) -> list[int]:
    return [scene.user(key, login) for login in step.get(key, ())]


def choose(scene: Scene, step: Step) -> dict[str, Any] | None:
    """Return whom the starter chose, by step."""
    chosen = step.get("choose")
    return {key: [scene.user(key, one) for one in logins] for key, logins in chosen.items()} if chosen else None


def _make_signature() -> str:
    """Return a small picture as the signing pad sends it."""
    return "data:image/png;base64," + base64.b64encode(make_png("signature")).decode()
