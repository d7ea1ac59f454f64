"""From written approvals to compiled ones.

Enters: ``ApprovalDefinition``. Leaves: ``Approval``. Must not let through what cannot run: a step for a role that does
not exist, a share that can never be reached, branches none of which may be taken, approvals that wait for each other.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from engine.compiler.app import Approval, Branch, Expression, Step
from engine.compiler.compilation import Compilation
from engine.compiler.people import check_who, flat
from engine.compiler.shares import count_share, read_share
from engine.definition.model import (
    ApprovalDefinition,
    BranchDefinition,
    EntityDefinition,
    LateDefinition,
    StepDefinition,
    WhoDefinition,
)
from engine.errors import Location
from engine.expression import BOOLEAN, Checked

REFUSE_DEFAULTS: Mapping[str, Literal["first", "all", "counted"]] = {
    "any": "all",
    "all": "first",
    "in_order": "first",
    "share": "counted",
}
_UNFILLABLE = ("lines", "computed", "rollup")


def compile_approval(compilation: Compilation, written: ApprovalDefinition) -> Approval | None:
    """Return the compiled approval, or None when its entity does not exist."""
    try:
        return _compile(compilation, written)
    finally:
        compilation.left_out.clear()


def _compile(compilation: Compilation, written: ApprovalDefinition) -> Approval | None:
    entity_key = compilation.require(written.entity, compilation.definition.entities, "E001")
    path = f"approvals.{written.key}"
    if entity_key is None:
        compilation.set_aside(path)
        return None
    entity = compilation.definition.entities[entity_key]
    let = _compile_let(compilation, written, entity_key)
    names = {key: expression.checked for key, expression in let.items()}
    shown = compilation.require_all(written.show, [*written.let, *entity.fields], "E002", entity=entity_key)
    _check_people(compilation, written, entity)
    auto = written.auto_pass
    return Approval(
        key=written.key,
        entity=entity_key,
        label=compilation.label(f"{path}.label", written.label),
        let=let,
        let_labels={key: compilation.label(f"{path}.labels.{key}", text) for key, text in written.labels.items()},
        show=shown,
        auto_pass=compilation.expression(auto.when, entity_key, BOOLEAN, names) if auto else None,
        auto_pass_note=compilation.label(f"{path}.auto_pass", auto.note) if auto else {},
        guard=frozenset(compilation.require_all(written.guard, entity.fields, "E002", entity=entity_key)),
        self_=written.defaults.self_,
        duplicate=written.defaults.duplicate,
        empty=written.defaults.empty,
        withdraw=written.withdraw,
        return_=written.return_,
        cc=written.cc,
        revoke=written.revoke,
        urge=written.urge,
        steps=_Steps(compilation, written, entity, names).compile(),
    )


def walk_steps(steps: Mapping[str, StepDefinition]) -> Iterator[StepDefinition]:
    """Yield every written step, those inside branches after the one they stand in."""
    for step in steps.values():
        yield step
        for branch in step.parallel.values():
            yield from walk_steps(branch.steps)


def check_calls(compilation: Compilation) -> None:
    """Note a problem for each approval that waits, however far round, for itself."""
    approvals = compilation.definition.approvals
    called = {
        key: {step.call.name: step.call.location for step in walk_steps(one.steps) if step.call is not None}
        for key, one in approvals.items()
    }
    for key, targets in called.items():
        for target, location in targets.items():
            if key in _reached(called, target):
                compilation.refuse("A009", location, name=target)


def _reached(called: Mapping[str, Mapping[str, Location]], start: str) -> set[str]:
    found, waiting = set(), [start]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += called.get(key, {})
    return found


def _compile_let(compilation: Compilation, written: ApprovalDefinition, entity: str) -> dict[str, Expression]:
    let: dict[str, Checked] = {}
    compiled = {}
    for key, text in written.let.items():
        expression = compilation.expression(text, entity, let=let)
        if expression is None:
            compilation.left_out.add(key)
        else:
            let[key], compiled[key] = expression.checked, expression
    return compiled


def _check_people(compilation: Compilation, written: ApprovalDefinition, entity: EntityDefinition) -> None:
    if written.defaults.empty == (WhoDefinition("role", written.location, "admin"),):  # nobody wrote that
        if "admin" not in compilation.definition.roles:
            compilation.refuse("A020", written.location)
    else:
        check_who(compilation, written.defaults.empty, entity)
    for whos in (written.cc.started, written.cc.finished, written.cc.refused):
        check_who(compilation, whos, entity)
    if written.revoke is not None:
        same = [key for key, one in compilation.definition.approvals.items() if one.entity.name == entity.key]
        compilation.require(written.revoke.through, same, "W004", entity=entity.key)


class _Steps:
    """The steps of one approval being compiled, flat, in the order of the file."""

    def __init__(
        self,
        compilation: Compilation,
        approval: ApprovalDefinition,
        entity: EntityDefinition,
        let: Mapping[str, Checked],
    ) -> None:
        self._compilation = compilation
        self._approval = approval
        self._entity = entity
        self._let = let
        self._path = f"approvals.{approval.key}"
        self._found: dict[str, Step] = {}

    def compile(self) -> Mapping[str, Step]:
        self._sequence(self._approval.steps, "")
        return self._found

    def _sequence(self, steps: Mapping[str, StepDefinition], within: str) -> None:
        for written in steps.values():
            if written.key in self._found:
                self._compilation.refuse("A007", written.location, key=written.key)
                continue
            self._found[written.key] = self._step(written, within)
            for branch in written.parallel.values():
                self._sequence(branch.steps, f"{written.key}.{branch.key}")

    def _step(self, written: StepDefinition, within: str) -> Step:
        kind = _kind(written)
        self._check(written)
        defaults = self._approval.defaults
        compilation, entity = self._compilation, self._entity
        allow = frozenset(written.allow if written.allow is not None else defaults.allow)
        return Step(
            key=written.key,
            label=compilation.label(f"{self._path}.steps.{written.key}", written.label),
            location=written.location,
            who=written.who,
            when=compilation.expression(written.when, entity.key, BOOLEAN, self._let),
            decide=written.decide,
            due=written.due or (defaults.due if written.who else None),
            allow=allow - {"approve", "refuse"} if kind == "work" else allow,
            reason=frozenset(written.reason if written.reason is not None else defaults.reason),
            kind=kind,
            within=within,
            share=written.share or "",
            refuse=written.refuse or REFUSE_DEFAULTS[written.decide],
            veto=written.veto,
            was=written.was,
            work=compilation.require_all(written.work, entity.fields, "E002", entity=entity.key),
            branches=tuple(self._branch(written, branch) for branch in written.parallel.values()),
            call=self._call(written),
            of=written.of.name if written.of else "",
            claim=written.claim,
            signature=written.signature is not None,
            cc=written.cc,
            late=tuple(written.late.values()),
        )

    def _branch(self, step: StepDefinition, written: BranchDefinition) -> Branch:
        return Branch(
            key=f"{step.key}.{written.key}",
            label=self._compilation.label(f"{self._path}.branches.{step.key}.{written.key}", written.label),
            when=self._compilation.expression(written.when, self._entity.key, BOOLEAN, self._let),
            otherwise=step.otherwise is not None and step.otherwise.name == written.key,
        )

    def _check(self, written: StepDefinition) -> None:
        compilation, entity = self._compilation, self._entity
        check_who(compilation, written.who, entity, chosen=True)
        check_who(compilation, written.veto, entity)
        check_who(compilation, written.cc, entity)
        for late in written.late.values():
            self._check_late(written, late)
        for field in written.work:
            known = entity.fields.get(field.name)
            if known is not None and (known.type.name in _UNFILLABLE or known.computed is not None):
                compilation.refuse("A013", field.location, name=field.name)
        if written.parallel:
            self._check_branches(written)
        if written.claim and written.decide != "any":
            compilation.refuse("A019", written.location, key=written.key)
        self._check_share(written)

    def _check_branches(self, written: StepDefinition) -> None:
        if written.otherwise is not None:
            self._compilation.require(written.otherwise, written.parallel, "A016", step=written.key)
        elif all(branch.when is not None for branch in written.parallel.values()):
            self._compilation.refuse("A006", written.location, key=written.key)

    def _check_share(self, written: StepDefinition) -> None:
        if (written.decide == "share") != (written.share is not None):
            self._compilation.refuse("A005", written.location, key=written.key)
        elif written.share is not None:
            size = _known_size(written.who)
            share = read_share(written.share)
            never = share is None or share == 0 or (not isinstance(share, int) and share > 1)
            if never or (size is not None and count_share(written.share, size) > size):
                self._compilation.refuse("A004", written.location, key=written.key, share=written.share)

    def _check_late(self, written: StepDefinition, late: LateDefinition) -> None:
        if late.at.endswith("%") and written.due is None and self._approval.defaults.due is None:
            self._compilation.refuse("A017", late.location, key=written.key)
        for action in late.do:
            for whos in (action.remind, action.escalate, action.hand_over):
                check_who(self._compilation, whos, self._entity, holder=True)

    def _call(self, written: StepDefinition) -> str:
        if written.call is None:
            return ""
        entity = self._entity.key
        if written.of is not None:
            links = {key: field.to.name for key, field in self._entity.fields.items() if field.to is not None}
            if self._compilation.require(written.of, links, "A008", entity=entity) is None:
                return ""
            entity = links[written.of.name]
        approvals = self._compilation.definition.approvals
        own = [key for key, one in approvals.items() if one.entity.name == entity]
        called = self._compilation.require(written.call, own, "W004", entity=entity)
        if called is not None and _asks_to_choose(approvals[called]):
            self._compilation.refuse("A018", written.call.location)
        return called or ""


def _kind(written: StepDefinition) -> Literal["people", "work", "parallel", "call"]:
    if written.parallel:
        return "parallel"
    if written.call is not None:
        return "call"
    return "work" if written.work else "people"


def _known_size(who: tuple[WhoDefinition, ...]) -> int | None:
    """How many people a step asks at most, when its definition says it."""
    if all(one.kind == "user" for one in who):
        return len({one.name for one in who})
    if all(one.kind in ("user", "chosen_by") for one in who):
        return len({one.name for one in who if one.kind == "user"}) + sum(
            one.max for one in who if one.kind == "chosen_by"
        )
    return None


def _asks_to_choose(written: ApprovalDefinition) -> bool:
    return any(one.kind == "chosen_by" for step in walk_steps(written.steps) for one in flat(step.who))
