"""Stages, moves, steps, roles, fields and reports under a new key: whatever names them by key follows.

Enters: the apps before and after, former keys followed (``renames.py``). Leaves: records, history, waiting events,
approvals and people that say the new key. Must not change what anything means: a rename is no edit, so no version is
raised and no history is written.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    case,
    delete,
    insert,
    literal,
    select,
    update,
)

from engine.compiler.app import CompiledApp, Entity
from engine.storage import renamed_keys as keys
from engine.storage.approval_tables import approval_events, approvals, tasks
from engine.storage.automation_tables import assignments, automations, runs
from engine.storage.baseline_tables import baselines
from engine.storage.changes import RenameColumn, Step, find_old_entity
from engine.storage.closing_tables import closed_months
from engine.storage.form_draft_tables import form_drafts
from engine.storage.import_tables import imports
from engine.storage.json_rows import rewrite_json
from engine.storage.stage_tables import evidence, flags, moves, stays, timers
from engine.storage.system_tables import history, outbox, user_roles
from engine.storage.tables import Tables
from engine.storage.view_tables import report_views, views

Names = Mapping[str, str]
"""New key by former key."""

_HOLDS_RULES = approval_events.c.type.in_(("started", "migrated"))
"""The events of an approval that hold what it asks for."""


def follow_names(
    connection: Connection, old: CompiledApp | None, new: CompiledApp, tables: Tables, steps: Iterable[Step]
) -> None:
    """Let everything stored say the keys of ``new``; ``steps`` are those that renamed columns."""
    if old is None:
        return
    renamed: dict[str, dict[str, str]] = {}
    for step in steps:
        if isinstance(step, RenameColumn):
            renamed.setdefault(step.table, {})[step.old] = step.new
    _follow_roles(connection, keys.find_renamed(old.roles, new.roles))
    for entity in new.entities.values():
        before = find_old_entity(old, entity)
        if before is not None:
            _follow_entity(connection, keys.names_of(before, entity, renamed), entity, tables.entity[entity.key])
    _follow_automations(connection, keys.find_renamed(old.automations, new.automations))
    _follow_reports(connection, old, new)
    for key, approval in new.approvals.items():
        if key in old.approvals:
            _follow_steps(connection, key, keys.find_renamed(old.approvals[key].steps, approval.steps))


def _follow_entity(connection: Connection, names: keys.EntityNames, entity: Entity, table: Table) -> None:
    if names.stages:
        _follow_stages(connection, names, entity, table)
    if names.timers:
        _follow_timers(connection, names.timers, entity)
    _follow_lists(connection, names, entity)
    if not names:
        return
    typed = [*names.fields, *names.columns]
    rewrite_json(connection, form_drafts.c.content, typed, names.in_form_draft, form_drafts.c.entity == entity.key)
    mine = (history.c.entity == entity.key,)
    rewrite_json(connection, history.c.changes, names.old_keys, names.in_history, *mine)
    waiting = (outbox.c.entity == entity.key, outbox.c.done_at.is_(None))
    rewrite_json(connection, outbox.c.payload, names.old_keys, names.in_payload, *waiting)
    rewrite_json(connection, flags.c.reason, names.old_keys, names.in_reason, flags.c.entity == entity.key)
    own = select(approvals.c.id).where(approvals.c.entity == entity.key)
    started = (approval_events.c.approval_id.in_(own), _HOLDS_RULES)
    rewrite_json(connection, approval_events.c.data, names.old_keys, names.in_start, *started)
    rewrite_json(connection, approvals.c.plan, names.old_keys, names.in_plan, approvals.c.entity == entity.key)
    if names.moves:
        _exchange(connection, approvals.c.move, names.moves, approvals.c.entity == entity.key)


def _follow_lists(connection: Connection, names: keys.EntityNames, entity: Entity) -> None:
    """Let the views people keep, and the columns of files they brought, say the new keys."""
    told = [*names.stages, *names.fields, *(f"-{key}" for key in names.fields)]
    told += [option for became in names.options.values() for option in became]
    told += [f"{key}.{span}" for key in names.fields for span in ("week", "day")]
    if told:
        rewrite_json(connection, views.c.content, told, names.in_view, views.c.entity == entity.key)
    if names.fields:
        mine = imports.c.entity == entity.key
        rewrite_json(connection, imports.c.columns, names.fields, names.in_columns, mine)
        _exchange(connection, imports.c.match_by, names.fields, mine)


def _follow_stages(connection: Connection, names: keys.EntityNames, entity: Entity, table: Table) -> None:
    """Let records, their stays and what was noted in a stage say its new key; timers know stays, not stages."""
    _exchange(connection, table.c.stage, names.stages)
    for column in (stays.c.stage, stays.c.before, evidence.c.stage, moves.c.from_stage, moves.c.to_stage):
        _exchange(connection, column, names.stages, column.table.c.entity == entity.key)


def _follow_timers(connection: Connection, names: Names, entity: Entity) -> None:
    """What is armed goes on under the new key; other kinds than those of stages have keys of their own."""
    of_stages = (timers.c.entity == entity.key, timers.c.kind.in_(("stage", "stage_date")))
    _exchange(connection, timers.c.key, names, *of_stages)


def _follow_automations(connection: Connection, names: Names) -> None:
    """What waits goes on under the new key, and turns are not forgotten."""
    if names:
        connection.execute(delete(automations).where(automations.c.key.in_(list(names.values()))))
        for column in (runs.c.automation, assignments.c.automation, automations.c.key):
            _exchange(connection, column, names)


def _follow_reports(connection: Connection, old: CompiledApp, new: CompiledApp) -> None:
    """What people kept of a report, the baseline of a figure and its closed months stay with them.

    What is left of another one that had the new key, and is gone, goes.
    """
    figures = keys.find_renamed(old.figures, new.figures)
    found = {
        "figure": figures,
        "report": keys.find_renamed(old.reports, new.reports),
        "funnel": keys.find_renamed(old.funnels, new.funnels),
    }
    for kind, names in found.items():
        if names:
            of_kind = report_views.c.kind == kind
            connection.execute(delete(report_views).where(of_kind, report_views.c.key.in_(list(names.values()))))
            _exchange(connection, report_views.c.key, names, of_kind)
    if figures:
        connection.execute(delete(baselines).where(baselines.c.figure.in_(list(figures.values()))))
        _exchange(connection, baselines.c.figure, figures)
        for former, key in figures.items():
            _copy_closed_months(connection, former, key)


def _copy_closed_months(connection: Connection, former: str, key: str) -> None:
    """A closed month is written once: under its new key a figure has its months a second time."""
    own = [one for one in closed_months.c if one.name not in ("id", "figure")]
    there = select(closed_months.c.month).where(closed_months.c.figure == key)
    new = (closed_months.c.figure == former, closed_months.c.month.not_in(there))
    copied = select(literal(key, Text()), *own).where(*new)
    connection.execute(insert(closed_months).from_select(["figure", *(one.name for one in own)], copied))


def _follow_steps(connection: Connection, approval: str, names: Names) -> None:
    if not names:
        return
    own = select(approvals.c.id).where(approvals.c.approval == approval)
    _exchange(connection, tasks.c.step, names, tasks.c.approval_id.in_(own))
    events = approval_events.c.approval_id.in_(own)
    rewrite_json(connection, approval_events.c.data, names, lambda data: keys.steps_in_event(data, names), events)
    called = select(approvals.c.id).where(approvals.c.parent_id.in_(own))
    started = (approval_events.c.approval_id.in_(called), approval_events.c.type == "started")
    rewrite_json(connection, approval_events.c.data, names, lambda data: keys.step_waited_in(data, names), *started)
    shown = approvals.c.approval == approval
    rewrite_json(connection, approvals.c.plan, names, lambda plan: keys.steps_in_plan(plan, names), shown)


def _follow_roles(connection: Connection, names: Names) -> None:
    for former, key in names.items():
        both = select(user_roles.c.user_id).where(user_roles.c.role == key)
        connection.execute(delete(user_roles).where(user_roles.c.role == former, user_roles.c.user_id.in_(both)))
    if names:
        _exchange(connection, user_roles.c.role, names)
        _exchange(connection, views.c.audience, names)
        _exchange(connection, report_views.c.audience, names)
        running = select(approvals.c.id).where(approvals.c.state == "running")
        started = (approval_events.c.approval_id.in_(running), _HOLDS_RULES)
        rewrite_json(connection, approval_events.c.data, names, lambda data: keys.roles_in_start(data, names), *started)


def _exchange(connection: Connection, column: Column[Any], names: Names, *where: ColumnElement[bool]) -> None:
    """Exchange keys in a column, all at once: one may take the place another leaves."""
    known = column.in_(list(names))
    connection.execute(update(column.table).where(known, *where).values({column: case(dict(names), value=column)}))
