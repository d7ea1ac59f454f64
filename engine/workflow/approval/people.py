"""From ``who:`` entries to people: who holds a role, whose manager somebody is, and why they are asked.

Enters: rules (as written, or as kept with a running approval), the values of a record, who started it. Leaves: people,
each with the rule that found them. Must not ask a disabled person, and never lets a step pass because nobody was found.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine import messages
from engine.compiler.app import CompiledApp
from engine.definition.model import WhoDefinition
from engine.people import accounts, directory, groups
from engine.people.actor import Actor
from engine.people.actor import Person as Somebody
from engine.storage.store import Session
from engine.workflow.approval.plan import Person, Why
from engine.workflow.approval.world import Holders, settle_holders, unique

Rule = Mapping[str, Any]
"""One ``who:`` entry as plain data: ``{"kind": "managers_of", "name": "starter", "up_to": "director"}``."""


@dataclass(frozen=True)
class Case:
    """What rules are read against: the record's values, and who started the approval (or acts now).

    ``holder`` is whose task a late rule is about; ``chosen`` whom the starter chose, by step; ``step`` the step asked.
    """

    values: Mapping[str, Any]
    starter: Person
    holder: int | None = None
    chosen: Mapping[str, Sequence[int]] = field(default_factory=dict)
    step: str = ""


def to_rules(who: Iterable[WhoDefinition]) -> tuple[Rule, ...]:
    """Return ``who:`` entries as plain data, to be kept with an approval."""
    return tuple(_to_rule(one) for one in who)


def _to_rule(one: WhoDefinition) -> Rule:
    rule: dict[str, Any] = {
        "kind": one.kind,
        "name": one.name,
        "up_to": one.up_to.name if one.up_to is not None else "",
    }
    if one.levels is not None:
        rule["levels"] = one.levels
    if one.match is not None:
        rule["match"] = one.match.name
    if one.kind == "chosen_by":
        rule |= {"from": [dict(other) for other in to_rules(one.from_)], "min": one.min, "max": one.max}
    return rule


def find_holders(session: Session, rules: Sequence[Rule], case: Case, *, self_: str, empty: Sequence[Rule]) -> Holders:
    """Return who is asked in a step with these rules; nobody only when the ``empty`` policy finds nobody either."""
    found = find_people(session, rules, case)
    others = any(person.id != case.starter.id for person in found)
    fallback = [] if others else find_people(session, empty, case)
    itself = any(person.id == case.starter.id for person in (*found, *fallback))
    manager = _manager_instead(session, case) if itself and self_ == "next_manager" else None
    return settle_holders(
        found,
        starter=case.starter.id,
        self_=self_,
        manager=manager,
        fallback=[replace(person, why=replace(person.why, note="empty")) for person in fallback],
    )


def find_people(session: Session, rules: Iterable[Rule], case: Case) -> list[Person]:
    """Return whom the rules name, in order, disabled people left out; somebody named twice appears twice."""
    return [person for rule in rules for person in _FINDERS[rule["kind"]](session, rule, case)]


def is_named(session: Session, rules: Iterable[Rule], case: Case, actor: Actor) -> bool:
    """Return whether the rules name ``actor``; roles are answered without asking the database."""
    return any(
        rule["name"] in actor.roles
        if rule["kind"] == "role" and not rule.get("match")
        else any(person.id == actor.id for person in find_people(session, [rule], case))
        for rule in rules
    )


def choices(session: Session, rule: Rule, case: Case) -> tuple[Person, ...] | None:
    """Return whom the starter may choose for a ``chosen_by`` rule; None when anybody will do."""
    if not rule.get("from"):
        return None
    found = unique(find_people(session, rule["from"], case))
    return tuple(person for person in found if person.id != case.starter.id)


def say_why(app: CompiledApp, why: Why, language: str, *, entity: str | None = None) -> str:
    """Return why somebody is asked, in one short phrase."""
    role, group = app.roles.get(why.name), app.groups.get(why.name)
    field_ = app.entities[entity].fields.get(why.name) if entity is not None and entity in app.entities else None
    named: dict[str, Any] = {
        "role": role.label if role else why.name,
        "group": group.label if group else why.name,
        "field": field_.label if field_ else why.name,
    }
    phrase = messages.text(f"approval.why_{why.kind}", language, name=named.get(why.kind, why.name), of=why.of)
    return phrase + (messages.text(f"approval.why_note_{why.note}", language, of=why.of) if why.note else "")


def _holders_of(session: Session, rule: Rule, case: Case) -> list[Person]:
    if not rule.get("match"):
        why = Why("role", rule["name"])
        return [Person(one.id, one.name, why) for one in directory.holders_of(session.connection, rule["name"])]
    value = case.values.get(rule["match"])
    values = [str(one) for one in (value if isinstance(value, list | tuple) else [value]) if one is not None]
    found = groups.responsible_for(session.connection, rule["name"], rule["match"], values)
    why = Why("match", rule["name"], of="、".join(values))
    return [Person(one.id, one.name, why) for one in found]


def _group(session: Session, rule: Rule, case: Case) -> list[Person]:
    why = Why("group", rule["name"])
    return [Person(one.id, one.name, why) for one in groups.members_of(session.connection, rule["name"])]


def _user(session: Session, rule: Rule, case: Case) -> list[Person]:
    id_ = accounts.find_user(session.connection, rule["name"])
    return _enabled(session, [id_], Why("user", rule["name"]))


def _field(session: Session, rule: Rule, case: Case) -> list[Person]:
    value = case.values.get(rule["name"])
    ids = list(value) if isinstance(value, list | tuple) else [value]
    return _enabled(session, ids, Why("field", rule["name"]))


def _owner(session: Session, rule: Rule, case: Case) -> list[Person]:
    return _enabled(session, [case.values.get("owner")], Why("owner"))


def _starter(session: Session, rule: Rule, case: Case) -> list[Person]:
    return _enabled(session, [case.starter.id], Why("starter"))


def _holder(session: Session, rule: Rule, case: Case) -> list[Person]:
    return _enabled(session, [case.holder], Why("holder"))


def _chosen(session: Session, rule: Rule, case: Case) -> list[Person]:
    return _enabled(session, case.chosen.get(case.step, ()), Why("chosen_by", of=case.starter.name))


def _manager_of(session: Session, rule: Rule, case: Case) -> list[Person]:
    below = _below(session, rule, case)
    manager = directory.manager_of(session.connection, below.id) if below else None
    return _one(manager, Why("manager_of", rule["name"], of=below.name if below else ""))


def _managers_of(session: Session, rule: Rule, case: Case) -> list[Person]:
    """The chain of managers, up to and with the first who holds role ``up_to``, or so many ``levels``."""
    below = _below(session, rule, case)
    if below is None:
        return []
    top = {one.id for one in directory.holders_of(session.connection, rule["up_to"])} if rule["up_to"] else set()
    chain = []
    for manager in directory.managers_of(session.connection, below.id)[: rule.get("levels")]:
        chain.append(Person(manager.id, manager.name, Why("managers_of", rule["name"], of=below.name)))
        if manager.id in top:
            break
    return chain


def _head_of(session: Session, rule: Rule, case: Case) -> list[Person]:
    if rule["name"] == "record":
        return _one(groups.head_of(session.connection, case.values.get("team")), Why("head_of", "record"))
    below = _below(session, rule, case)
    department = groups.department_of(session.connection, below.id) if below else None
    why = Why("head_of", rule["name"], of=below.name if below else "")
    return _one(groups.head_of(session.connection, department), why)


def _department(session: Session, rule: Rule, case: Case) -> list[Person]:
    return _one(groups.head_of_key(session.connection, rule["name"]), Why("department", rule["name"]))


def _one(person: Somebody | None, why: Why) -> list[Person]:
    return [] if person is None else [Person(person.id, person.name, why)]


def _below(session: Session, rule: Rule, case: Case) -> Person | None:
    """Return the person whose managers are meant: the starter, the owner (who may be disabled by now), the holder."""
    if rule["name"] == "starter":
        return case.starter
    wanted = case.holder if rule["name"] == "holder" else case.values.get("owner")
    found = directory.people(session.connection, [wanted]).get(wanted) if wanted is not None else None
    return Person(found.id, found.name) if found else None


def _manager_instead(session: Session, case: Case) -> Person | None:
    manager = directory.manager_of(session.connection, case.starter.id)
    why = Why("manager_of", "starter", of=case.starter.name, note="self")
    return Person(manager.id, manager.name, why) if manager else None


def _enabled(session: Session, ids: Iterable[int | None], why: Why) -> list[Person]:
    wanted = list(ids)
    known = directory.people(session.connection, wanted)
    found = [known[id_] for id_ in wanted if id_ is not None and id_ in known]
    return [Person(one.id, one.name, why) for one in found if one.enabled]


_FINDERS: Mapping[str, Callable[[Session, Rule, Case], list[Person]]] = {
    "role": _holders_of,
    "group": _group,
    "user": _user,
    "field": _field,
    "owner": _owner,
    "starter": _starter,
    "holder": _holder,
    "chosen_by": _chosen,
    "manager_of": _manager_of,
    "managers_of": _managers_of,
    "head_of": _head_of,
    "department": _department,
}
