"""Buttons over HTTP: the automations that somebody may start on a record.

Enters: an entity's key, the id of a record, the key of an automation. Leaves: JSON. Must not hold a rule: each view
calls one query or command.
"""

from typing import Any

from flask import g

from engine.automation import pressing
from engine.records import queries
from web.api.answers import answer
from web.api.requests import read_id
from web.gate import locale, reads, writes
from web.run_words import say_error


@reads
def list_buttons(entity: str, record_id: str) -> Any:
    """Answer the buttons that can be pressed now."""
    record = queries.get_record(g.session, entity, read_id(record_id), actor=g.actor)
    found = pressing.list_buttons(g.session, record, actor=g.actor)
    return answer({"items": [{"key": one.key, "label": locale().label(one.label)} for one in found]})


@writes
def press(entity: str, record_id: str, rule: str) -> Any:
    """Press a button and answer how far it went; ``why`` says why a step was refused, and then nothing was done."""
    run = pressing.press(g.session, entity, read_id(record_id), rule, actor=g.actor)
    return answer({"run": run.id, "state": run.state, "why": say_error(locale(), run.error)})


ROUTES = (
    ("/<entity>/<record_id>/buttons", ["GET"], list_buttons),
    ("/<entity>/<record_id>/buttons/<rule>", ["POST"], press),
)
