"""``formwork migrate``: bring what runs under an earlier release to the one that holds, once the plan was shown.

Enters: definitions or ids of approvals, classes, a mapping of steps, stages for records that stand still. Leaves: a
plan in words or as ``--json``, and each thing moved in a transaction of its own. Must not do more than the plan showed.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from engine.errors import FieldError, FormworkError, InvalidValues, NotPossibleNow
from web.cli.plan_items import name_addresses
from web.cli.site import Site, get_actor

if TYPE_CHECKING:
    from engine.changing.migrating import MigrationPlan, Verdict
    from engine.changing.restaging import Restaging
    from engine.people.actor import Actor
    from engine.storage.store import Session, Store

_CLASSES = ("moves", "mapping")
_TIMERS = ("keep_remaining", "restart", "drop")


@dataclass(frozen=True)
class _Plan:
    """All that one command would do."""

    approvals: "MigrationPlan | None"
    records: "tuple[Restaging, ...]"

    @property
    def digest(self) -> str:
        told = [self.approvals.digest if self.approvals is not None else "", [one.to_data() for one in self.records]]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def count(self) -> int:
        moves = len(self.approvals.moves) if self.approvals is not None else 0
        return moves + sum(one.refused is None for one in self.records)


@click.command("migrate", help="cli.migrate")
@click.argument("what", nargs=-1, metavar="[DEFINITION | ID]...")
@click.option("--class", "classes", type=click.Choice(_CLASSES), multiple=True, help="cli.option_class")
@click.option("--map", "mapping", multiple=True, metavar="OLD=NEW", help="cli.option_map")
@click.option("--timers", type=click.Choice(_TIMERS), default=_TIMERS[0], show_default=True, help="cli.option_timers")
@click.option("--stage", "stages", multiple=True, metavar="ENTITY.STAGE=TO", help="cli.option_stage")
@click.option("--reason", default="", help="cli.option_reason_migrate")
@click.option("--as", "login", help="cli.option_as_admin")
@click.option("--yes", is_flag=True, help="cli.option_yes_migrate")
@click.option("--expect", metavar="DIGEST", help="cli.option_expect")
@click.option("--json", "as_json", is_flag=True, help="cli.option_json")
@click.pass_obj
def migrate_command(
    site: Site,
    what: tuple[str, ...],
    classes: tuple[str, ...],
    mapping: tuple[str, ...],
    timers: str,
    stages: tuple[str, ...],
    reason: str,
    login: str | None,
    yes: bool,
    expect: str | None,
    as_json: bool,
) -> int:
    """Show what would become of everything that runs under an earlier release, ask, and do exactly that."""
    store = site.open_store()
    with store.read() as session:
        plan = _make_plan(session, what, classes, mapping, timers, stages)
        lines = [json.dumps(_as_data(site, session, plan), ensure_ascii=False, indent=2)] if as_json else []
        lines = lines or list(_say_plan(site, session, plan))
    for line in lines:
        click.echo(line)
    if not plan.count:
        return 0
    if not as_json:
        site.say("migrate.digest", digest=plan.digest)
    if expect is not None and expect != plan.digest:
        raise NotPossibleNow("migrate.stale", found=plan.digest, expected=expect)
    if as_json and not yes:
        return 0
    if not yes and not _agreed(site, plan.count):
        site.say("cli.not_migrated")
        return 1
    if login is None:
        raise click.MissingParameter(param_hint="--as", param_type="option")
    return _do(site, store, plan, reason, login, quiet=as_json)


def _make_plan(
    session: "Session",
    what: tuple[str, ...],
    classes: tuple[str, ...],
    mapping: tuple[str, ...],
    timers: str,
    stages: tuple[str, ...],
) -> _Plan:
    from engine.changing.migrating import plan_migration
    from engine.changing.restaging import plan_restaging
    from engine.workflow.approval.moving import Chosen

    chosen = Chosen(dict(_pair(one, "migrate.map_format") for one in mapping), timers)  # type: ignore[arg-type]
    approvals = None
    if what or classes or mapping or not stages:
        approvals = plan_migration(
            session,
            definitions=[one for one in what if not one.isdecimal()],
            ids=[int(one) for one in what if one.isdecimal()],
            classes=classes,  # type: ignore[arg-type]
            chosen=chosen,
        )
    by_stage: dict[tuple[str, str], str] = {}
    by_record: dict[tuple[str, int], str] = {}
    for one in stages:
        address, to = _pair(one, "migrate.record_format")
        entity, slash, id_ = address.partition("/")
        key, dot, stage = address.partition(".")
        if slash and id_.isdecimal():
            by_record[entity, int(id_)] = to
        elif dot and stage:
            by_stage[key, stage] = to
        else:
            raise InvalidValues([FieldError("stage", "migrate.record_format", {"given": one})])
    return _Plan(approvals, tuple(plan_restaging(session, by_stage, by_record)) if stages else ())


def _pair(given: str, code: str) -> tuple[str, str]:
    old, equals, new = (part.strip() for part in given.partition("="))
    if not (old and equals and new):
        raise InvalidValues([FieldError("", code, {"given": given})])
    return old, new


def _do(site: Site, store: "Store", plan: _Plan, reason: str, login: str, *, quiet: bool) -> int:
    """Do what the plan says, each thing in its own transaction; return 1 when some of it stayed as it was."""
    from engine.changing.migrating import migrate
    from engine.changing.restaging import restage

    acts: list[tuple[str, Callable[[Session, Actor], Any]]] = []
    if plan.approvals is not None:
        whole = plan.approvals
        for verdict in whole.moves:

            def move(session: "Session", actor: "Actor", verdict: "Verdict" = verdict) -> Any:
                return migrate(session, whole, verdict, reason=reason, actor=actor)

            acts.append((f"approval/{verdict.id}", move))
    for record in (one for one in plan.records if one.refused is None):

        def bring(session: "Session", actor: "Actor", record: "Restaging" = record) -> Any:
            return restage(session, record, reason=reason, actor=actor)

        acts.append((f"{record.entity}/{record.record_id}", bring))
    moved = 0
    for address, act in acts:
        try:
            with store.write() as session:
                act(session, get_actor(session, login))
            moved += 1
        except NotPossibleNow as refused:
            click.echo(site.text("migrate.refused", address=address, why=refused.text(site.language)), err=True)
    if not quiet:
        site.say("migrate.done", moved=moved, refused=len(acts) - moved)
    return 0 if moved == len(acts) else 1


# ---- in words


def _say_plan(site: Site, session: "Session", plan: _Plan) -> Iterator[str]:
    from engine.changing.migrating_words import say_verdict

    verdicts = plan.approvals.verdicts if plan.approvals is not None else ()
    if not verdicts and not plan.records:
        yield site.text("migrate.nothing")
    names = _names(session, _addresses(plan))
    for verdict in verdicts:
        name, url = names.get((verdict.entity, verdict.record_id), ("–", ""))
        first, *rest = say_verdict(session, verdict, name, site.language)
        yield f"{first}  {url}".rstrip()
        yield from (f"    {line}" for line in rest)
    for record in plan.records:
        name, url = names.get((record.entity, record.record_id), ("–", ""))
        yield f"{_say_record(site, record, name)}  {url}".rstrip()


def _addresses(plan: _Plan) -> list[tuple[str, int]]:
    verdicts = plan.approvals.verdicts if plan.approvals is not None else ()
    return [*((one.entity, one.record_id) for one in verdicts), *((one.entity, one.record_id) for one in plan.records)]


def _say_record(site: Site, record: "Restaging", name: str) -> str:
    params = {"what": name, "from_": record.from_label, "to": record.to_label}
    if record.refused is None:
        return site.text("migrate.record_head_moves", **params)
    return site.text("migrate.record_head_refused", **params, why=_why(site, record.refused))


def _why(site: Site, error: FormworkError) -> str:
    from engine.workflow.refusals import say_refusal

    return say_refusal(error, site.language)


def _names(session: "Session", addresses: list[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, str]]:
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for entity in dict.fromkeys(key for key, _ in addresses):
        for one in name_addresses(session, [address for address in addresses if address[0] == entity]):
            found[entity, one.id] = (one.name, one.url)
    return found


def _as_data(site: Site, session: "Session", plan: _Plan) -> dict[str, Any]:
    from engine.changing.migrating_words import say_verdict

    verdicts = plan.approvals.verdicts if plan.approvals is not None else ()
    names = _names(session, _addresses(plan))
    approvals = []
    for one in verdicts:
        name, url = names.get((one.entity, one.record_id), ("–", ""))
        said = say_verdict(session, one, name, site.language)
        approvals.append({**one.to_data(), "definition": one.approval, "record": name, "url": url, "text": said})
    records = []
    for record in plan.records:
        name, url = names.get((record.entity, record.record_id), ("–", ""))
        records.append({**record.to_data(), "url": url, "text": _say_record(site, record, name)})
    release = plan.approvals.release if plan.approvals is not None else session.release_id
    return {"digest": plan.digest, "release": release, "approvals": approvals, "records": records}


def _agreed(site: Site, count: int) -> bool:
    click.echo(site.text("migrate.agree", count=count) + " ", nl=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是", "好")  # an empty or closed input means no
