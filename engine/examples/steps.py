"""One written step of a demo or an example, done through the commands that people use.

Enters: a step (``create: quote``, ``move: submit`` ...) and the scene it is played in. Leaves: the record it was about.
Must not write a record around the commands: what a step may not do, nobody may.
"""

from collections.abc import Callable, Mapping

from engine.automation import payloads, receiving, running, runs, scheduling, visitor_links
from engine.errors import FieldError, InvalidValues, NotFound
from engine.examples import approving, contested
from engine.examples.scene import Scene, Step
from engine.people import accounts
from engine.records import commands, making, merging, pools, queries
from engine.records.filters import Filter
from engine.records.list_query import ListQuery
from engine.records.record import Record
from engine.records.writing import lock_record
from engine.workflow import transitions


def play(scene: Scene, step: Step) -> Record | None:
    """Do what a step says and return the record it made or changed; raises what the commands raise."""
    action = next(action for action in _ACTIONS if action in step)
    return _ACTIONS[action](scene, step)


def action_of(step: Step) -> str:
    """Return which action a step is."""
    return next(action for action in _ACTIONS if action in step)


def target_of(step: Step) -> str | None:
    """Return the ref of the record a step acts on; None when it makes one."""
    action = action_of(step)
    key = "of" if action == "move" else "" if action in _WITHOUT else action
    return step.get(key)


def _create(scene: Scene, step: Step) -> Record:
    entity = step["create"]
    return commands.create_record(scene.session, entity, scene.raw(entity, step), actor=scene.actor)


def _find(scene: Scene, step: Step) -> Record:
    entity = step["find"]
    filters = tuple(Filter(key, "eq", value) for key, value in scene.raw(entity, step).items())
    page = queries.list_records(scene.session, entity, ListQuery(filters=filters, limit=2), actor=scene.actor)
    if len(page.records) != 1:
        many = "many" if page.records else "none"
        raise InvalidValues([FieldError("find", f"example.found_{many}", {"entity": entity})])
    return scene.seen(entity, page.records[0].id)


def _change(scene: Scene, step: Step) -> Record:
    record = scene.record(step["change"])
    raw = scene.raw(record.entity, step)
    return commands.update_record(
        scene.session, record.entity, record.id, raw, version=record.version, actor=scene.actor
    )


def _delete(scene: Scene, step: Step) -> None:
    record = scene.record(step["delete"])
    commands.delete_record(scene.session, record.entity, record.id, version=record.version, actor=scene.actor)


def _merge(scene: Scene, step: Step) -> Record:
    kept, other = scene.record(step["merge"]), scene.record(step["other"])
    if kept.entity != other.entity:
        raise InvalidValues([FieldError("other", "example.merge_of_two", {"ref": step["other"]})])
    merged, _ = merging.merge_records(
        scene.session,
        kept.entity,
        kept.id,
        other.id,
        step.get("values", {}),
        versions=(kept.version, other.version),
        actor=scene.actor,
    )
    return merged


def _make(scene: Scene, step: Step) -> Record:
    record = scene.record(step["from"])
    make, given = making.make_values(scene.session, record.entity, record.id, step["make"], actor=scene.actor)
    raw = {**given, **scene.raw(make.entity, step)}
    return commands.create_record(scene.session, make.entity, raw, actor=scene.actor)


def _move(scene: Scene, step: Step) -> Record:
    record = scene.record(step["of"])
    return transitions.move_record(
        scene.session,
        record.entity,
        record.id,
        step["move"],
        raw=scene.raw(record.entity, step),
        reason=step.get("reason"),
        version=record.version,
        actor=scene.actor,
        chosen=approving.choose(scene, step),
    )


def _take(scene: Scene, step: Step) -> None:
    pools.claim_record(scene.session, *scene.address(step["take"]), actor=scene.actor)


def _release(scene: Scene, step: Step) -> None:
    address = scene.address(step["release"])
    pools.release_record(scene.session, *address, step["pool"], step["reason"], actor=scene.actor)


def _assign(scene: Scene, step: Step) -> None:
    to = scene.user("to", step["to"])
    pools.assign_record(scene.session, *scene.address(step["assign"]), to, actor=scene.actor)


def _keep(scene: Scene, step: Step) -> None:
    pools.keep_record(scene.session, *scene.address(step["keep"]), keep=True, actor=scene.actor)


def _receive(scene: Scene, step: Step) -> Record | None:
    """Let another system send something; return the record made of it, else the one it is about."""
    session, hook = scene.session, step["receive"]
    automation = receiving.find_automation(session, hook)
    if automation is None:
        raise NotFound("example.no_hook", name=hook)
    sent = {key: scene.typed(key, None, value) for key, value in step.get("values", {}).items()}
    payload = payloads.take(automation, payloads.nest(automation, sent), scene.zone)
    call = receiving.Call(hook, f"example-{runs.find_last_id(session) + 1}", payload)
    if "of" in step:
        call = visitor_links.answer(session, automation, scene.address(step["of"])[1], call)
    run = running.run_one(session, receiving.keep_call(session, call).run_id)
    made = next(((line["entity"], line["record"]) for line in run.trace if "record" in line), None)
    address = made or ((run.entity, run.record_id) if run.record_id else None)
    if address is None or address[0] is None:
        return None
    return lock_record(session, session.app.entities[address[0]], address[1], actor=None)


def _schedule(scene: Scene, step: Step) -> None:
    """Let a schedule come round for the records there are; what it begins runs after the step."""
    if not scheduling.begin_now(scene.session, step["schedule"]):
        raise NotFound("example.no_schedule", name=step["schedule"])


def _disable(scene: Scene, step: Step) -> None:
    accounts.disable_user(scene.session, scene.user("disable", step["disable"]), actor=scene.actor)


def _enable(scene: Scene, step: Step) -> None:
    accounts.enable_user(scene.session, scene.user("enable", step["enable"]), actor=scene.actor)


_WITHOUT = frozenset(
    {"create", "find", "make", "delegate", "disable", "enable", "leave", "meet", "receive", "schedule"}
)
"""What acts on no record there is."""
_ACTIONS: Mapping[str, Callable[[Scene, Step], Record | None]] = {
    "create": _create,
    "find": _find,
    "change": _change,
    "delete": _delete,
    "merge": _merge,
    "make": _make,
    "move": _move,
    "take": _take,
    "release": _release,
    "assign": _assign,
    "keep": _keep,
    "receive": _receive,
    "schedule": _schedule,
    "disable": _disable,
    "enable": _enable,
    **approving.ACTIONS,
    **contested.ACTIONS,
}
