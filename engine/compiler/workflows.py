"""From written workflows, approvals and prints to compiled ones.

Enters: ``WorkflowDefinition``, ``ApprovalDefinition``, ``PrintDefinition``. Leaves: ``Workflow``, ``Approval``,
``Print``. Must not let through what cannot run: a stage nobody can reach, an approval of another entity, a step for a
role that does not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine import messages
from engine.compiler.app import Approval, Label, Move, Print, Requirement, Stage, Step, Workflow
from engine.compiler.compilation import Compilation
from engine.compiler.shapes import field_type
from engine.definition.model import (
    ApprovalDefinition,
    EntityDefinition,
    MoveDefinition,
    PrintDefinition,
    Reference,
    RequirementDefinition,
    StageDefinition,
    StepDefinition,
    WhoDefinition,
    WorkflowDefinition,
)
from engine.expression import BOOLEAN, Checked

ANY = "any"
ALL = "all"


def compile_workflow(compilation: Compilation, written: WorkflowDefinition) -> Workflow | None:
    """Return the compiled workflow, or None when its entity does not exist."""
    entity_key = compilation.require(written.entity, compilation.definition.entities, "E001")
    if entity_key is None or not written.stages:
        return None
    entity = compilation.definition.entities[entity_key]
    path = f"workflows.{written.key}"
    moves = _moves(compilation, written, entity, path)
    stages = {key: _stage(compilation, stage, entity, path) for key, stage in written.stages.items()}
    workflow = Workflow(
        key=written.key,
        label=compilation.label(f"{path}.label", written.label),
        stages=_with_guards(compilation, stages, moves),
        moves=moves,
        first=next(iter(written.stages)),
    )
    _check_reachable(compilation, written, workflow)
    return workflow


def compile_approval(compilation: Compilation, written: ApprovalDefinition) -> Approval | None:
    """Return the compiled approval, or None when its entity does not exist."""
    entity_key = compilation.require(written.entity, compilation.definition.entities, "E001")
    if entity_key is None:
        return None
    entity = compilation.definition.entities[entity_key]
    path = f"approvals.{written.key}"
    let: dict[str, Checked] = {}
    compiled_let = {}
    for key, text in written.let.items():
        expression = compilation.expression(text, entity_key, let=let)
        if expression is not None:
            let[key], compiled_let[key] = expression.checked, expression
    _check_who(compilation, written.defaults.empty, entity)
    for name in written.show:
        compilation.require(
            Reference(name, written.location), [*written.let, *entity.fields], "E002", entity=entity_key
        )
    auto = written.auto_pass
    return Approval(
        key=written.key,
        entity=entity_key,
        label=compilation.label(f"{path}.label", written.label),
        let=compiled_let,
        let_labels={key: compilation.label(f"{path}.labels.{key}", text) for key, text in written.labels.items()},
        show=written.show,
        auto_pass=compilation.expression(auto.when, entity_key, BOOLEAN, let) if auto else None,
        auto_pass_note=compilation.label(f"{path}.auto_pass", auto.note) if auto else {},
        guard=frozenset(compilation.require_all(written.guard, entity.fields, "E002", entity=entity_key)),
        self_=written.defaults.self_,
        duplicate=written.defaults.duplicate,
        empty=written.defaults.empty,
        withdraw=written.withdraw,
        steps={key: _step(compilation, step, written, entity, let, path) for key, step in written.steps.items()},
    )


def compile_print(compilation: Compilation, written: PrintDefinition) -> Print | None:
    """Return the compiled print, or None when its entity does not exist."""
    entity_key = compilation.require(written.entity, compilation.definition.entities, "E001")
    if entity_key is None:
        return None
    fields = compilation.definition.entities[entity_key].fields
    names = [*fields, "number", "stage", "owner", "created_at", "updated_at"]
    compilation.require_all((*written.head, *written.totals), names, "E002", entity=entity_key)
    if written.words is not None:
        compilation.require(written.words, [k for k, f in fields.items() if f.type.name == "money"], "P002")
    if written.lines is not None:
        tables = [key for key, field in fields.items() if field.type.name == "lines"]
        table = compilation.require(written.lines, tables, "P001")
        if table is not None:
            compilation.require_all(written.columns, fields[table].fields, "E002", entity=f"{entity_key}.{table}")
    path = f"prints.{written.key}"
    return Print(
        key=written.key,
        entity=entity_key,
        label=compilation.label(f"{path}.label", written.label),
        title=compilation.label(f"{path}.title", written.title),
        definition=written,
        watermark=compilation.label(f"{path}.watermark", written.watermark),
        watermark_when=compilation.expression(written.watermark_when, entity_key, BOOLEAN),
        notes=_numbered(compilation, f"{path}.notes", written.notes),
        signatures=_numbered(compilation, f"{path}.signatures", written.signatures),
    )


def _numbered(compilation: Compilation, path: str, texts: Sequence[str]) -> tuple[Label, ...]:
    return tuple(compilation.label(f"{path}.{at}", text) for at, text in enumerate(texts))


def _step(
    compilation: Compilation,
    written: StepDefinition,
    approval: ApprovalDefinition,
    entity: EntityDefinition,
    let: Mapping[str, Checked],
    path: str,
) -> Step:
    _check_who(compilation, written.who, entity)
    defaults = approval.defaults
    return Step(
        key=written.key,
        label=compilation.label(f"{path}.steps.{written.key}", written.label),
        location=written.location,
        who=written.who,
        when=compilation.expression(written.when, entity.key, BOOLEAN, let),
        decide=written.decide,
        due=written.due or defaults.due,
        allow=frozenset(written.allow if written.allow is not None else defaults.allow),
        reason=frozenset(written.reason if written.reason is not None else defaults.reason),
    )


def _check_who(compilation: Compilation, who: Sequence[WhoDefinition], entity: EntityDefinition) -> None:
    roles = compilation.definition.roles
    for one in who:
        named = Reference(one.name, one.location)
        if one.kind == "role":
            compilation.require(named, roles, "E003")
        elif one.kind == "field":
            compilation.require(named, [k for k, f in entity.fields.items() if f.type.name == "user"], "A002")
        if one.up_to is not None:
            compilation.require(one.up_to, roles, "E003")


def _stage(compilation: Compilation, written: StageDefinition, entity: EntityDefinition, path: str) -> Stage:
    locked = [ref for ref in written.lock if ref.name != ALL]
    keys = compilation.require_all(locked, entity.fields, "E002", entity=entity.key)
    everything = len(locked) < len(written.lock)
    return Stage(
        key=written.key,
        label=compilation.label(f"{path}.stages.{written.key}", written.label),
        outcome=written.outcome,
        tone=written.tone,
        due=written.due,
        enter=_requirements(compilation, written.enter, written.key, entity, path),
        leave=_requirements(compilation, written.leave, written.key, entity, path),
        locked=frozenset(entity.fields if everything else keys),
        in_approval=None,
    )


def _requirements(
    compilation: Compilation,
    written: Mapping[str, RequirementDefinition],
    stage: str,
    entity: EntityDefinition,
    path: str,
) -> tuple[Requirement, ...]:
    return tuple(
        _requirement(compilation, one, entity, f"{path}.requirements.{stage}.{one.key}") for one in written.values()
    )


def _requirement(
    compilation: Compilation, written: RequirementDefinition, entity: EntityDefinition, path: str
) -> Requirement:
    files = [key for key, field in entity.fields.items() if field.type.name == "file"]
    requirement = Requirement(
        key=written.key,
        kind=written.kind,
        message=compilation.label(path, written.message),
        location=written.location,
        fields=compilation.require_all(written.fields, entity.fields, "E002", entity=entity.key),
        file=compilation.require(written.file, files, "W009", entity=entity.key) if written.file else None,
        check=compilation.expression(written.check, entity.key, BOOLEAN),
        min=written.min,
    )
    return _with_link(compilation, requirement, written, entity) if written.link else requirement


def _with_link(
    compilation: Compilation, requirement: Requirement, written: RequirementDefinition, entity: EntityDefinition
) -> Requirement:
    assert written.link is not None  # noqa: S101 - the caller asked
    entities = compilation.definition.entities
    other = compilation.require(written.link, entities, "E001")
    if other is None:
        return requirement
    via = [key for key, field in entities[other].fields.items() if field.to and field.to.name == entity.key]
    if not via:
        compilation.refuse("W008", written.link.location, name=other, entity=entity.key)
        return requirement
    where = compilation.expression(written.where, other, BOOLEAN, sql=True)
    return replace(requirement, link=other, via=via[0], where=where)


def _moves(
    compilation: Compilation, written: WorkflowDefinition, entity: EntityDefinition, path: str
) -> dict[str, Move]:
    found = {
        move.key: move for one in written.moves.values() for move in _targets(compilation, one, written, entity, path)
    }
    return (_forward_moves(compilation, written) if written.forward == "next_only" else {}) | found


def _move(
    compilation: Compilation, written: MoveDefinition, workflow: WorkflowDefinition, entity: EntityDefinition, path: str
) -> Move | None:
    stages = workflow.stages
    to = compilation.require_all(written.to, stages, "W001")
    during = compilation.require(written.during, stages, "W001") if written.during else None
    refused = compilation.require(written.refused, stages, "W001") if written.refused else None
    approval = _approval_of(compilation, written, entity)
    _check_who(compilation, written.who, entity)
    expected = {key: kind for key, field in entity.fields.items() if (kind := field_type(field))}
    for key, text in written.set.items():
        compilation.require(Reference(key, text.location), entity.fields, "E002", entity=entity.key)
    sources = _sources(compilation, written, stages)
    if not to:
        return None
    order = list(stages)
    return Move(
        key=written.key,
        label=compilation.label(f"{path}.moves.{written.key}", written.label),
        location=written.location,
        from_=sources - {to[0]},
        to=to[0],
        who=written.who,
        when=compilation.expression(written.when, entity.key, BOOLEAN),
        reason=written.reason,
        approval=approval,
        during=during,
        refused=refused,
        set=compilation.expressions(written.set, entity.key, expected),
        main=written.main,
        forward=any(order.index(to[0]) > order.index(one) for one in sources) and not stages[to[0]].outcome,
    )


def _targets(
    compilation: Compilation, written: MoveDefinition, workflow: WorkflowDefinition, entity: EntityDefinition, path: str
) -> list[Move]:
    """A move to several stages is several moves: ``back`` to ``needs`` is ``back_needs``, named by its stage."""
    if len(written.to) < 2:
        move = _move(compilation, written, workflow, entity, path)
        return [] if move is None else [move]
    found = []
    for target in written.to:
        one = _move(compilation, replace(written, to=(target,)), workflow, entity, path)
        if one is not None and one.from_:
            found.append(replace(one, key=f"{one.key}_{one.to}", label=_towards(compilation, one, workflow, path)))
    return found


def _towards(compilation: Compilation, move: Move, workflow: WorkflowDefinition, path: str) -> Label:
    stage = compilation.label(f"{path}.stages.{move.to}", workflow.stages[move.to].label)
    default = stage[compilation.definition.language]
    return {language: f"{text} → {stage.get(language, default)}" for language, text in move.label.items()}


def _sources(
    compilation: Compilation, written: MoveDefinition, stages: Mapping[str, StageDefinition]
) -> frozenset[str]:
    named = [ref for ref in written.from_ if ref.name != ANY]
    keys = set(compilation.require_all(named, stages, "W001"))
    if len(named) < len(written.from_):
        keys |= {key for key, stage in stages.items() if not stage.outcome}
    return frozenset(keys)


def _approval_of(compilation: Compilation, written: MoveDefinition, entity: EntityDefinition) -> str | None:
    if written.approval is None:
        return None
    approvals = compilation.definition.approvals
    own = [key for key, approval in approvals.items() if approval.entity.name == entity.key]
    found = compilation.require(written.approval, own, "W004", entity=entity.key)
    if written.during is None:
        compilation.refuse("W003", written.location, name=written.key)
        return None
    return found


def _forward_moves(compilation: Compilation, written: WorkflowDefinition) -> dict[str, Move]:
    """``forward: next_only``: one move from each stage to the one after it, none for outcomes."""
    ordinary = [stage for stage in written.stages.values() if not stage.outcome]
    moves = {}
    for before, after in zip(ordinary, ordinary[1:], strict=False):
        label = {
            language: messages.text("workflow.forward_to", language, stage=text)
            for language, text in compilation.label(f"workflows.{written.key}.stages.{after.key}", after.label).items()
        }
        moves[f"to_{after.key}"] = Move(
            f"to_{after.key}", label, after.location, frozenset({before.key}), after.key,
            who=(), when=None, reason="none", approval=None, during=None, refused=None, set={}, main=True, forward=True,
        )  # fmt: skip
    return moves


def _with_guards(compilation: Compilation, stages: Mapping[str, Stage], moves: Mapping[str, Move]) -> dict[str, Stage]:
    """While an approval runs, its guarded fields are locked in the stage the record waits in."""
    found = dict(stages)
    for move in moves.values():
        if move.approval is not None and move.during in found:
            guard = {ref.name for ref in compilation.definition.approvals[move.approval].guard}
            stage = found[move.during]
            found[move.during] = replace(stage, in_approval=move.approval, locked=stage.locked | guard)
    return found


def _check_reachable(compilation: Compilation, written: WorkflowDefinition, workflow: Workflow) -> None:
    reached, waiting = {workflow.first}, [workflow.first]
    while waiting:
        stage = waiting.pop()
        for move in workflow.moves.values():
            if stage in move.from_:
                for after in (move.to, move.during, move.refused):
                    if after is not None and after not in reached:
                        reached.add(after)
                        waiting.append(after)
    for key, unreached in written.stages.items():
        if key not in reached:
            compilation.refuse("W002", unreached.location, name=key, label=unreached.label)
