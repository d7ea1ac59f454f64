"""A form: the few fields that are asked for first, the rest folded, line tables with their totals.

Enters: an entity, the values behind the form and its inputs. Leaves: the sections of ``pages/form.html``. Must not
judge a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import g

from engine.compiler.app import Approval, Entity, Field
from engine.errors import FieldError
from engine.records.evaluation import make_env
from engine.records.rights import find_rights
from engine.workflow.approval import planning
from engine.workflow.approval.live_world import LiveWorld
from engine.workflow.approval.people import Case
from engine.workflow.approval.plan import Person
from web.approval_view import view_path
from web.cells import Cells
from web.gate import locale, now
from web.line_view import totals_after
from web.widgets import Inputs

Section = dict[str, Any]
_HINTS = 6


def view_sections(entity: Entity, inputs: Inputs) -> list[Section]:
    """Return the sections in which there is something to type or to read."""
    sections = [_section(entity, inputs, at) for at in range(len(entity.sections))]
    return [section for section in sections if section["fields"]]


def arrange_sections(sections: Sequence[Section]) -> dict[str, list[Section]]:
    """Return the sections that need the whole width (up to the last line table), and those that leave room beside."""
    lines = [at for at, section in enumerate(sections) if any(one["kind"] == "lines" for one in section["fields"])]
    cut = lines[-1] + 1 if lines else 0
    return {"sections": list(sections[:cut]), "beside": list(sections[cut:])}


def view_outputs(sections: Sequence[Section]) -> Iterator[dict[str, str | None]]:
    """Yield every figure of the form that follows from what is typed, by the id of its element."""
    for section in sections:
        for made in section["fields"]:
            if made["kind"] == "lines":
                yield from _line_outputs(made)
            else:
                yield from _outputs(made)


def view_form_path(entity: Entity, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return who would decide about these values, for an entity whose next move asks somebody; else None.

    ``values`` are whole, with what the reader may not see: a path that overlooked it would promise too much.
    """
    approval = find_next_approval(entity, values)
    if approval is None:
        return None
    if entity.line_fields and not any(values.get(field.key) for field in entity.line_fields):
        said = locale().t("approval.path_later")
        return {"state": "preview", "headline": None, "note": said, "steps": [], "actions": [], "problem": None}
    env = make_env(g.session, g.actor)
    stage = values.get("stage") or (entity.workflow.first if entity.workflow else None)
    whole = {"stage": stage, "owner": g.actor.id, "team": g.actor.team, **values}
    submission = planning.plan_submission(entity, approval, whole, env, starter=Person(g.actor.id, g.actor.name))
    case = Case(whole, submission.starter)
    world = LiveWorld(g.session, case, self_=submission.self_, empty=submission.empty)
    return view_path(Cells(locale(), now()), planning.preview(submission, world), g.session.app)


def find_next_approval(entity: Entity, values: Mapping[str, Any]) -> Approval | None:
    """Return the approval that the stage of these values leads to."""
    if entity.workflow is None:
        return None
    stage = values.get("stage") or entity.workflow.first
    move = next((one for one in entity.workflow.moves.values() if one.approval and stage in one.from_), None)
    return g.session.app.approvals[move.approval] if move is not None and move.approval else None


def view_errors(entity: Entity, errors: Sequence[FieldError]) -> list[dict[str, str]]:
    """Return what is wrong for the summary above a form, each with the field it leads to.

    Who has the same already is said beside the field, with a link, and only there.
    """
    found = []
    for error in errors:
        label = label_of(entity, error.path)
        text = locale().t("form.see_there") if label and is_duplicate(error) else error.text(locale().language)
        found.append({"field_id": _field_id(entity, error.path), "label": label, "text": text})
    return found


def is_duplicate(error: FieldError) -> bool:
    """Return whether an error names records that are the same already."""
    return "others" in error.params


def label_of(entity: Entity, path: str) -> str:
    """Return what a field, or a cell of a line table, is called (``报价明细 第 2 行 数量``); "" for a hidden one."""
    key, _, rest = path.partition(".")
    field = entity.fields.get(key)
    hidden = find_rights(g.session.app, entity, g.actor).entering.hidden
    if field is None or key in hidden or f"{key}.{rest.rpartition('.')[2]}" in hidden:
        return ""
    said = locale().label(field.label)
    if not rest:
        return said
    at, _, name = rest.partition(".")
    column = field.fields.get(name)
    said = locale().t("form.line", label=said, at=int(at) + 1 if at.isdecimal() else at)
    return f"{said} {locale().label(column.label)}" if column else said


def _section(entity: Entity, inputs: Inputs, at: int) -> Section:
    section = entity.sections[at]
    alone = {row[0] for row in section.rows if len(row) == 1}
    fields = [entity.fields[key] for row in section.rows for key in row]
    fields = [field for field in fields if _is_shown(field, inputs)]
    shown = list(_inputs(fields, inputs, alone))
    if all(inputs.is_fixed(field) for field in fields):
        shown = []
    folded = at > 0 and not any(_asks(field, inputs) for field in fields)
    hints = [one["label"] for one in shown if one["when"] is None or one["when"]["shown"]]
    labels = locale().t("text.comma").join(hints[:_HINTS]) + ("…" if len(hints) > _HINTS else "")
    label = locale().label(section.label)
    return {"key": section.key, "label": label, "fields": shown, "folded": folded, "hint": labels if folded else None}


def _is_shown(field: Field, inputs: Inputs) -> bool:
    if field.key in inputs.masked:
        return bool(inputs.masked[field.key])
    if field.key in inputs.rights.hidden or field.retired:
        return False
    if field.key in inputs.errors:
        return True
    return not (inputs.is_fixed(field) and field.computed is None and _is_empty(inputs.values.get(field.key)))


def _inputs(fields: Sequence[Field], inputs: Inputs, alone: set[str]) -> Iterator[dict[str, Any]]:
    """Yield inputs; a line table takes the figures written after it to its foot."""
    taken: set[str] = set()
    for at, field in enumerate(fields):
        if field.key in taken:
            continue
        made = inputs.field(field, wide=field.key in alone and field.type.is_text)
        if field.type.has_rows:
            totals = totals_after(fields, at)
            taken |= {one.key for one in totals}
            made["totals"] = [inputs.total(one) for one in totals]
        yield made


def _asks(field: Field, inputs: Inputs) -> bool:
    """Whether a field keeps its section open: it must be filled in, is wrong, or says something of its own."""
    if any(path == field.key or path.startswith(f"{field.key}.") for path in inputs.errors):
        return True
    if inputs.is_fixed(field) or not inputs.is_shown(field):
        return False
    value = inputs.values.get(field.key)
    said = not _is_empty(value) and value != field.default and field.default_from is None
    return inputs.is_required(field) or bool(field.min_rows) or said


def _is_empty(value: Any) -> bool:
    return value in (None, "", [], False)


def _outputs(made: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    if made["kind"] == "computed":
        yield {"id": made["id"], "text": made["text"] or None}
    if made["words"] is not None:
        yield {"id": f"{made['id']}-words", "text": made["words"]}


def _line_outputs(made: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    for total in made["totals"]:
        yield {"id": total["id"], "text": total["text"] or None}
        if total["words"] is not None:
            yield {"id": f"{total['id']}-words", "text": total["words"]}
    for row in made["rows"]:
        for cell in row["fields"].values():
            yield from _outputs(cell)


def _field_id(entity: Entity, path: str) -> str:
    key = path.partition(".")[0]
    return f"f-{key}" if label_of(entity, path) else ""
