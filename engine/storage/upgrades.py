"""The steps by which the engine's own tables came to the shape they have now, in their order.

Enters: a connection whose tables are those of the step before. Leaves: the tables of the next. Must not touch the
tables of entities, nor be changed once released: ``upgrading.py`` does those that are missing.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Column, Connection, MetaData, Table, case, func, inspect, select, text

from engine.storage.apart import keep_delegations_apart
from engine.storage.approval_tables import (
    approval_copies,
    approvals,
    delegations,
    group_members,
    responsibilities,
    tasks,
)
from engine.storage.automation_tables import assignments, automations, hooks, received, runs
from engine.storage.baseline_tables import baselines
from engine.storage.closing_tables import closed_months
from engine.storage.comment_tables import comments, followers
from engine.storage.count_tables import counts
from engine.storage.delivery_tables import channels, deliveries, message_choices, pictures
from engine.storage.dispute_tables import disputes, duplicate_hits
from engine.storage.export_tables import exports
from engine.storage.form_draft_tables import form_drafts
from engine.storage.immutable import protect_audit, protect_closed_months, protect_people, protect_releases
from engine.storage.import_tables import import_rows, import_values, imports
from engine.storage.match_tables import match_grams, match_keys
from engine.storage.merge_tables import merges
from engine.storage.ownership_tables import owner_spans
from engine.storage.past_moves import write_past_moves
from engine.storage.search_tables import search_terms
from engine.storage.share_tables import shares
from engine.storage.stage_tables import calendar_days, evidence, flags, moves, stays, timers
from engine.storage.system_tables import (
    answers,
    history,
    identities,
    index_builds,
    notices,
    outbox,
    password_links,
    recovery_codes,
    second_factors,
    sessions,
    tokens,
    users,
)
from engine.storage.view_tables import report_views, tours, view_defaults, views

Step = Callable[[Connection], None]

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
"""When what a step leaves to do was due: at once."""


def _add_timers(connection: Connection) -> None:
    timers.create(connection)


def _add_stays(connection: Connection) -> None:
    for table in (stays, flags, evidence, calendar_days):
        table.create(connection)
    connection.execute(text("ALTER TABLE fw_departments ADD COLUMN calendar TEXT"))


def _add_approval_vocabulary(connection: Connection) -> None:
    """Approvals that wait for others, deputies, drafts and copies; groups, responsibilities and delegations."""
    for table in (approval_copies, group_members, responsibilities, delegations):
        table.create(connection, checkfirst=True)
    add_columns(connection, approvals, "parent_id")
    add_columns(connection, tasks, "kind", "decided_by", "draft")
    for index in approvals.indexes:
        if index.name == "uq_fw_approvals_running":
            index.drop(connection)
        if index.name in ("uq_fw_approvals_running", "ix_fw_approvals_parent_id"):
            index.create(connection, checkfirst=True)


def add_columns(connection: Connection, table: Table, *names: str) -> None:
    """Add those columns that a table does not have yet."""
    present = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for name in names:
        if name not in present:
            column = table.c[name]
            kind = column.type.compile(connection.dialect)
            given = getattr(column.server_default, "arg", None)
            default = f" DEFAULT {given.text}" if given is not None else ""
            needed = "" if column.nullable else " NOT NULL"
            target = next(iter(column.foreign_keys), None)
            refers = f" REFERENCES {target.target_fullname.replace('.', ' (')})" if target is not None else ""
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}{default}{needed}{refers}"))


def _add_matches(connection: Connection) -> None:
    match_keys.create(connection)
    match_grams.create(connection)


def _add_index_builds(connection: Connection) -> None:
    index_builds.create(connection)


def _find_deciders(connection: Connection) -> None:
    """What somebody decided for others is found along an index."""
    for index in tasks.indexes:
        if index.name == "ix_fw_tasks_decided_by_id":
            index.create(connection, checkfirst=True)


def _note_last_seen(connection: Connection) -> None:
    add_columns(connection, users, "last_seen_at")


def _add_password_links(connection: Connection) -> None:
    password_links.create(connection, checkfirst=True)


def _add_imports(connection: Connection) -> None:
    for table in (imports, import_rows, import_values):
        table.create(connection, checkfirst=True)


def _add_views(connection: Connection) -> None:
    views.create(connection, checkfirst=True)
    view_defaults.create(connection, checkfirst=True)


def _add_comments(connection: Connection) -> None:
    for table in (comments, followers):
        table.create(connection, checkfirst=True)


def _add_shares(connection: Connection) -> None:
    shares.create(connection, checkfirst=True)


def _add_answers(connection: Connection) -> None:
    answers.create(connection, checkfirst=True)


def _add_search(connection: Connection) -> None:
    """Records are found by terms, made in the background; the column they were found by before goes."""
    search_terms.create(connection, checkfirst=True)
    found = inspect(connection)
    for name in found.get_table_names():
        if name.startswith("e_") and "search_text" in {column["name"] for column in found.get_columns(name)}:
            connection.execute(text(f'ALTER TABLE "{name}" DROP COLUMN search_text'))
            rebuild = {"type": "search.rebuild", "entity": name.removeprefix("e_"), "payload": {"after": 0}}
            connection.execute(outbox.insert().values(at=_LONG_AGO, available_at=_LONG_AGO, **rebuild))


def _add_exports(connection: Connection) -> None:
    exports.create(connection, checkfirst=True)


def _add_form_drafts(connection: Connection) -> None:
    form_drafts.create(connection, checkfirst=True)


def _add_second_factors(connection: Connection) -> None:
    for table in (second_factors, recovery_codes):
        table.create(connection, checkfirst=True)


def _note_seeing_as(connection: Connection) -> None:
    add_columns(connection, sessions, "seeing_as_id")


def _narrow_tokens(connection: Connection) -> None:
    add_columns(connection, tokens, "scope", "last_used_at")


def _add_merges(connection: Connection) -> None:
    merges.create(connection, checkfirst=True)


def _add_owner_spans(connection: Connection) -> None:
    owner_spans.create(connection, checkfirst=True)


def _add_identities(connection: Connection) -> None:
    identities.create(connection, checkfirst=True)


def _add_lines_to_exports(connection: Connection) -> None:
    add_columns(connection, exports, "lines")


def _add_disputes(connection: Connection) -> None:
    for table in (duplicate_hits, disputes):
        table.create(connection, checkfirst=True)


def _add_channels(connection: Connection) -> None:
    for table in (channels, deliveries, message_choices):
        table.create(connection, checkfirst=True)


def _add_automations(connection: Connection) -> None:
    for table in (runs, automations, assignments):
        table.create(connection, checkfirst=True)
    add_columns(connection, outbox, "run_id")


def _add_stage_moves(connection: Connection) -> None:
    """Where records have been, from what their history says."""
    if inspect(connection).has_table(moves.name):
        return
    moves.create(connection)
    write_past_moves(connection)


def _add_hooks(connection: Connection) -> None:
    for table in (hooks, received):
        table.create(connection, checkfirst=True)


def _add_priorities(connection: Connection) -> None:
    for table, former, index in (
        (outbox, "ix_fw_outbox_waiting", "ix_fw_outbox_next"),
        (runs, "ix_fw_runs_pending", "ix_fw_runs_next"),
    ):
        add_columns(connection, table, "priority")
        connection.execute(text(f"DROP INDEX IF EXISTS {former}"))
        next(one for one in table.indexes if one.name == index).create(connection, checkfirst=True)


def _add_baselines(connection: Connection) -> None:
    baselines.create(connection, checkfirst=True)


def _add_indexes_of_states(connection: Connection) -> None:
    for table, name in ((runs, "ix_fw_runs_state"), (timers, "ix_fw_timers_parked")):
        next(one for one in table.indexes if one.name == name).create(connection, checkfirst=True)


def _add_counts(connection: Connection) -> None:
    counts.create(connection, checkfirst=True)


def _add_figures_to_exports(connection: Connection) -> None:
    add_columns(connection, exports, "behind")


def _find_what_came_or_moved(connection: Connection) -> None:
    found = next(one for one in history.indexes if one.name == "ix_fw_history_come_or_moved")
    found.create(connection, checkfirst=True)


def _add_pictures(connection: Connection) -> None:
    pictures.create(connection, checkfirst=True)


def _add_report_views(connection: Connection) -> None:
    report_views.create(connection, checkfirst=True)


def _add_journeys_to_exports(connection: Connection) -> None:
    add_columns(connection, exports, "journey")


def _add_receipts(connection: Connection) -> None:
    add_columns(connection, notices, "path", "opened_at")
    next(one for one in notices.indexes if one.name == "ix_fw_notices_path").create(connection, checkfirst=True)


def _add_closed_months(connection: Connection) -> None:
    closed_months.create(connection, checkfirst=True)
    protect_closed_months(connection)


def _keep_lengths_of_names(connection: Connection) -> None:
    """Pairs of characters say how long the name is that has them; the length leads within a pair."""
    if "length" in {column["name"] for column in inspect(connection).get_columns(match_grams.name)}:
        return
    postgresql = connection.dialect.name == "postgresql"
    held = Table("fw_held", MetaData(), *(Column(one.name, one.type) for one in match_grams.columns))
    g, k = match_grams.c, match_keys.c
    ends = func.strpos(k.alike, "\x1f") if postgresql else func.instr(k.alike, "\x1f")
    length = case((ends > 0, ends - 1), else_=func.length(k.alike))
    of_its_name = (g.entity == k.entity, g.rule == k.rule, g.record_id == k.record_id)
    names = [column.name for column in match_grams.columns]
    held.create(connection)
    known = select(g.entity, g.rule, g.gram, length, g.record_id).where(*of_its_name)
    connection.execute(held.insert().from_select(names, known))
    match_grams.drop(connection)
    match_grams.create(connection)
    connection.execute(
        match_grams.insert().from_select(
            names, select(held).order_by(*(held.c[one.name] for one in match_grams.primary_key))
        )
    )
    held.drop(connection)
    if postgresql:  # its own look at what a table holds comes a minute later
        connection.execute(text(f"ANALYZE {match_grams.name}"))


def _add_tours(connection: Connection) -> None:
    tours.create(connection, checkfirst=True)


def _order_terms_of_records(connection: Connection) -> None:
    """The terms of a record lie in their order, whatever entity it is of."""
    known = {index["name"] for index in inspect(connection).get_indexes(search_terms.name)}
    before = "ix_fw_search_terms_record_id_entity_term"
    if before in known:
        connection.execute(text(f"DROP INDEX {before}"))
    for index in search_terms.indexes:
        index.create(connection, checkfirst=True)


STEPS: Sequence[Step] = (
    _add_timers,
    protect_releases,
    _add_stays,
    _add_approval_vocabulary,
    _add_matches,
    _add_index_builds,
    _find_deciders,
    protect_people,
    _note_last_seen,
    _add_password_links,
    protect_audit,
    _add_imports,
    _add_views,
    _add_comments,
    _add_shares,
    _add_answers,
    keep_delegations_apart,
    _add_search,
    _add_exports,
    _add_form_drafts,
    _add_second_factors,
    _note_seeing_as,
    _narrow_tokens,
    _add_merges,
    _add_owner_spans,
    _add_identities,
    _add_lines_to_exports,
    _add_disputes,
    _add_channels,
    _add_automations,
    _add_stage_moves,
    _add_hooks,
    _add_priorities,
    _add_baselines,
    _add_indexes_of_states,
    _add_counts,
    _add_figures_to_exports,
    _find_what_came_or_moved,
    _add_pictures,
    _add_report_views,
    _add_journeys_to_exports,
    _add_receipts,
    _add_closed_months,
    _keep_lengths_of_names,
    _add_tours,
    _order_terms_of_records,
)
"""Step ``n`` leads from version ``n + 1`` to ``n + 2``; append only. A fresh database starts at the newest version."""
