"""What each kind of step does, through the same commands that people use.

Enters: a run with its record, one step. Leaves: its effects in the session's transaction, and a line of the trace. Must
not write a record around the commands: gates, rules and uniqueness hold for what happens by itself as for everybody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.automation import assigning
from engine.automation.figuring import untold
from engine.automation.picturing import say_and_draw
from engine.automation.runs import RUN
from engine.automation.scene import Scene
from engine.automation.showing import Found, Teller, find_shown, path_of
from engine.automation.wording import fill, say
from engine.channels.message import Message
from engine.channels.posting import Dialler, Email, Endpoint, Receiver, Robot, post
from engine.channels.posting import Person as Told
from engine.compiler.app import Do, Entity, Expression, Template
from engine.errors import NotAllowed, NotFound, NotPossibleNow
from engine.people import accounts
from engine.people.actor import Actor
from engine.records import commands
from engine.records.completing import fitted
from engine.records.lines import read_lines
from engine.records.queries import get_record
from engine.records.record import Record
from engine.records.writing import lock_record
from engine.workflow import transitions

MOST_EACH = 1_000
"""Records one ``for_each`` goes through; more is refused."""


def step_on(scene: Scene, program: Sequence[Do], position: int) -> int:
    """Do the step at ``position`` of a program and return the position to go on at."""
    step = program[position]
    if step.kind == "skip":
        return step.other
    if step.kind == "if":
        return position + 1 if scene.holds(step) else step.other
    if step.kind == "assign":
        return position + 1 if _assign(scene, step) else step.other
    DO[step.kind](scene, step)
    return position + 1


def _set(scene: Scene, step: Do) -> None:
    record = _required(scene)
    raw = _raw(scene, step, scene.entity)
    changed = {key: value for key, value in raw.items() if value != record.values.get(key)}
    if not changed:
        scene.tell(step, changed=[])
        return
    commands.update_record(scene.session, record.entity, record.id, changed, version=record.version, actor=scene.actor)
    scene.tell(step, changed=sorted(changed))
    scene.again()


def _create(scene: Scene, step: Do) -> None:
    entity = scene.session.app.find_open(step.name)
    if entity is None:
        scene.tell(step, off=step.name)
        return
    raw = _raw(scene, step, entity) | _rest(scene, step, entity)
    if step.link and scene.record is not None:
        raw[step.link] = scene.record.id
    keeper = scene.record.values.get("owner") if scene.record is not None else None
    owner = next(iter(scene.people(step.owner)), None) if step.owner else keeper
    if owner is None:
        raise NotPossibleNow("automation.no_owner", entity=entity.label)
    acting = accounts.get_actor(scene.session.connection, owner)
    made = commands.create_record(
        scene.session, entity.key, raw, actor=replace(scene.actor, id=owner, team=acting.team),
        origin=_origin(scene),
    )  # fmt: skip
    for key in step.rest:
        sum_key = f"{step.path}.{key}"
        scene.sums[sum_key] = scene.sums.get(sum_key, Decimal(0)) + Decimal(made.values.get(key) or 0)
    scene.tell(step, entity=entity.key, record=made.id)


def _rest(scene: Scene, step: Do, target: Entity) -> dict[str, Any]:
    """Return what the last record of a ``for_each`` gets: what those before it left over of a sum."""
    if not scene.last:
        return {}
    given = {}
    for key, expression in step.rest.items():
        whole = expression.run(scene.values, scene.env)
        left = None if whole is None else whole - scene.sums.get(f"{step.path}.{key}", Decimal(0))
        given[key] = fitted(target.fields[key], left)
    return given


def _move(scene: Scene, step: Do) -> None:
    record = _required(scene)
    workflow = scene.entity.workflow
    move = workflow.moves.get(step.name) if workflow is not None else None
    if move is not None and move.approval is not None:
        transitions.move_record(
            scene.session, record.entity, record.id, step.name, version=record.version, actor=_starter(scene)
        )
    else:
        transitions.move_by_itself(scene.session, record.entity, record.id, step.name)
    scene.tell(step, move=step.name)
    scene.again()


def _assign(scene: Scene, step: Do) -> bool:
    """Give the record to somebody; return False where nobody is there or has room and the author said what then."""
    record = _required(scene)
    people = scene.people(step.who)
    given = assigning.choose(scene.session, scene.automation.key, scene.entity, step, people, scene.env)
    if given is None and step.other:
        scene.tell(step, to=None, among=len(people))
        return False
    if given is None:
        raise NotPossibleNow("automation.nobody", among=len(people))
    if given.user_id != record.values.get("owner"):
        commands.update_record(
            scene.session, record.entity, record.id, {"owner": given.user_id}, version=record.version, actor=scene.actor
        )
    assigning.keep(scene.session, scene.automation.key, record.entity, record.id, given)
    scene.tell(step, to=given.user_id, why=dict(given.why))
    scene.again()
    return True


def _notify(scene: Scene, step: Do) -> None:
    session, told, unseen = scene.session, [], []
    for user in scene.people(step.who):
        reader = accounts.get_actor(session.connection, user)
        seen = _seen(scene, reader)
        if scene.record is not None and seen is None:
            unseen.append(user)
            continue
        hidden = seen.hidden if seen is not None else frozenset()
        _post(scene, step, Told(user), reader=reader, hidden=hidden)
        told.append(user)
    scene.tell(step, told=told, may_not_see=unseen)


def _to_group(scene: Scene, step: Do) -> None:
    _post(scene, step, Robot(step.name))
    scene.tell(step, channel=step.name)


def _mail(scene: Scene, step: Do) -> None:
    address = step.value.run(scene.values, scene.env) if step.value is not None else None
    if address:
        _post(scene, step, Email(str(address)))
    scene.tell(step, sent=bool(address))


def _dial(scene: Scene, step: Do) -> None:
    number = step.value.run(scene.values, scene.env) if step.value is not None else None
    if number:
        _post(scene, step, Dialler(step.name, str(number)))
    scene.tell(step, channel=step.name, sent=bool(number))


def _call(scene: Scene, step: Do) -> None:
    values = {key: one.run(scene.values, scene.env) for key, one in step.values.items()}
    data: dict[str, Any] = {key: _as_json(scene, step.values[key], value) for key, value in values.items()}
    data |= {key: _listed(scene, one) for key, one in step.lines.items()}
    _post(scene, step, Endpoint(step.name), event=scene.automation.key, data=data)
    scene.tell(step, channel=step.name)


def _post(
    scene: Scene,
    step: Do,
    to: Receiver,
    *,
    reader: Actor | None = None,
    hidden: frozenset[str] = frozenset(),
    event: str = "message",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Leave a message; the same step of the same run leaves it once."""
    session, record = scene.session, scene.record
    language = (reader.language if reader is not None else None) or session.app.language
    below = _below(scene, step, reader, language)
    if scene.watcher is not None:
        seen = _seen(scene, scene.watcher)
        reader, hidden = scene.watcher, hidden | (seen.hidden if seen is not None else frozenset())

    hidden |= untold(session, scene.automation, reader)

    def said(template: Template) -> str:
        return fill(session, template, scene.values, scene.env, language=language, reader=reader, hidden=hidden)

    label = scene.automation.label
    title = said(step.title) if step.title else label.get(language) or next(iter(label.values()), "")
    key = f"{RUN}{scene.run.id}-{scene.prefix}{step.path}"
    shown, picture = ("", None) if below is None else say_and_draw(*below, title, key=f"{key}/{to}")
    message = Message(
        kind="reminder",
        title=title,
        text="\n\n".join(one for one in (said(step.text) if step.text else "", shown) if one),
        about=(record.entity, record.id) if record is not None else None,
        path=path_of(step) if record is None else None,
        picture=picture, event=event, data=data or {},
    )  # fmt: skip
    post(session, message, to=to, key=key)


def _below(scene: Scene, step: Do, reader: Actor | None, language: str) -> tuple[Teller, Found] | None:
    """Return the report or dashboard below a text: as its reader sees it, a group as somebody named does."""
    if not step.report and not step.dashboard:
        return None
    if of_group := reader is None:
        eyes = scene.people(step.eyes)
        if not eyes:
            raise NotPossibleNow("automation.nobody_sees", name=step.report or step.dashboard)
        reader = accounts.get_actor(scene.session.connection, eyes[0])
    actor = scene.watcher or reader
    found = find_shown(scene.session, step, actor=actor, env=scene.env, of_group=of_group)
    return Teller(scene.session, actor, language, scene.env), found


def _listed(scene: Scene, listed: Do) -> list[dict[str, Any]]:
    """Return a list of what is sent: an entry for each row or record it goes through."""
    record = _required(scene)
    env, (_, rows) = replace(scene.env, record=record.values), _gone_through(scene, listed, record)
    if len(rows) > MOST_EACH:
        raise NotPossibleNow("automation.too_many", limit=MOST_EACH)
    return [{key: _as_json(scene, one, one.run(row, env)) for key, one in listed.values.items()} for row in rows]


def _as_json(scene: Scene, expression: Expression, value: Any) -> Any:
    """Return a value as a webhook carries it: numbers as text, so that no digit is lost."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return say(scene.session, value, expression.checked.type, None, scene.session.app.language, scene.env)


def _each(scene: Scene, step: Do) -> None:
    record = _required(scene)
    of, chosen = _gone_through(scene, step, record)
    if of in scene.session.app.off:
        scene.tell(step, off=of)
        return
    ids = [row["id"] for row in chosen]
    if len(ids) > MOST_EACH:
        raise NotPossibleNow("automation.too_many", limit=MOST_EACH)
    env, sums = replace(scene.env, record=record.values), dict[str, Decimal]()
    if step.rows is not None and step.rows[1]:
        scene.tell(step, rows=ids)
        for row in chosen:
            within = replace(scene, row=row, env=env, prefix=f"row {row['id']}:")
            _go_round(replace(within, last=row is chosen[-1], sums=sums), step)
    else:
        scene.tell(step, records=ids)
        for id_ in sorted(ids):
            inner = lock_record(scene.session, scene.session.app.entities[of], id_, actor=None)
            within = replace(scene, record=inner, env=env, prefix=f"{id_}:")
            _go_round(replace(within, last=id_ == max(ids), sums=sums), step)
    scene.again()


def _gone_through(scene: Scene, step: Do, record: Record) -> tuple[str, list[Mapping[str, Any]]]:
    """Return what a ``for_each`` goes through, as far as its condition holds, and of which entity it is.

    Those are records that link here, the one a link leads to, or the numbered rows of a line table, in their order.
    """
    lookup, env = scene.env.lookup, replace(scene.env, record=record.values)
    rows: Sequence[Mapping[str, Any]]
    if step.rows is None:
        of = scene.entity.shape.collections[step.name].entity
        known = of not in scene.session.app.off
        rows = lookup.collection(record.entity, step.name, {**record.values, "id": record.id}) if known else ()
    else:
        link, lines = step.rows
        of = (scene.entity.fields[link].to or "") if link else record.entity
        id_ = record.values.get(link) if link else record.id
        if lines:
            found = read_lines(scene.session, scene.session.app.entities[of], id_)[lines] if id_ else []
            rows = [{"row": number, **row} for number, row in enumerate(found, start=1)]
        else:
            one = None if id_ is None else lookup.linked(of, id_)
            rows = () if one is None else (one,)
    return of, [row for row in rows if step.where is None or step.where.run(row, env) is True]


def _go_round(within: Scene, step: Do) -> None:
    position = 0
    while position < len(step.do):
        position = step_on(within, step.do, position)


def _seen(scene: Scene, reader: Actor) -> Record | None:
    """Return the record as somebody sees it; None when they do not."""
    if scene.record is None:
        return None
    try:
        return get_record(scene.session, scene.record.entity, scene.record.id, actor=reader)
    except (NotFound, NotAllowed):
        return None


def _raw(scene: Scene, step: Do, target: Entity) -> dict[str, Any]:
    return {
        key: fitted(target.fields[key], expression.run(scene.values, scene.env))
        for key, expression in step.values.items()
        if key in target.fields
    }


def _origin(scene: Scene) -> dict[str, Any] | None:
    if scene.record is None:
        return None
    return {"from": {"entity": scene.record.entity, "id": scene.record.id}}


def _starter(scene: Scene) -> Actor:
    """Return the engine on behalf of whoever is to have started an approval: the owner, where nobody acted."""
    if not scene.actor.id:
        raise NotPossibleNow("automation.no_owner", entity=scene.entity.label)
    return replace(scene.actor, name=accounts.get_actor(scene.session.connection, scene.actor.id).name)


def _required(scene: Scene) -> Record:
    assert scene.record is not None  # noqa: S101 - the compiler lets no such step run without a record
    return scene.record


DO: Mapping[str, Callable[[Scene, Do], None]] = {
    "set": _set,
    "create": _create,
    "move": _move,
    "notify": _notify,
    "post": _to_group,
    "mail": _mail,
    "dial": _dial,
    "call": _call,
    "for_each": _each,
    "wait": lambda scene, step: scene.tell(step, span=step.span),
}
"""By kind of step; ``if`` and ``skip`` only lead on."""
