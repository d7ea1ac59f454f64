"""Steps of a demo that end otherwise than as typed: a customer somebody has already, an appeal for it, a leaver.

Enters: a step and the scene it is played in. Leaves: what was met, asked for or handed over. Must not write a record
around the commands: the entry is refused as it would be for people, and leaving is the act of an administrator.
"""

from engine.changing import leaving
from engine.errors import FieldError, InvalidValues
from engine.examples.scene import Scene, Step
from engine.records import commands, disputes
from engine.records.hits import list_hits
from engine.storage.dispute_tables import duplicate_hits

_REFUSES = "value.duplicate"


def meet(scene: Scene, step: Step) -> None:
    """Enter again what is there already: refused by a duplicate rule, which keeps who met what."""
    entity = step["meet"]
    try:
        with scene.session.surviving():
            commands.create_record(scene.session, entity, scene.raw(entity, step), actor=scene.actor)
            raise InvalidValues([FieldError("meet", "demo.met_nothing", {"entity": entity})])
    except InvalidValues as error:
        if not any(one.code.startswith(_REFUSES) for one in error.errors):
            raise


def appeal(scene: Scene, step: Step) -> None:
    """Hold that a record one has met should be one's own."""
    entity, id_ = scene.address(step["appeal"])
    c = duplicate_hits.c
    mine = (c.user_id == scene.actor.id, c.entity == entity, c.record_id == id_)
    found = list_hits(scene.session, *mine, limit=1)
    if not found:
        raise InvalidValues([FieldError("appeal", "demo.not_met", {"ref": step["appeal"]})])
    disputes.ask(scene.session, found[0].id, disputes.APPEAL, step["reason"], actor=scene.actor)


def leave(scene: Scene, step: Step) -> None:
    """Somebody leaves: what they hold goes to ``to``, and they are shut out."""
    gone, heir = scene.user("leave", step["leave"]), scene.user("to", step["to"])
    leaving.leave(scene.session, gone, heir, actor=scene.actor)


ACTIONS = {"meet": meet, "appeal": appeal, "leave": leave}
