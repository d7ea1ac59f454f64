"""The drawing of an approval, made from its definition; with a running one, how far it is and who said what.

Enters: the compiled app, an approval, and the state of a running one. Leaves: a ``Picture`` with its words. Must not
find people: a drawing of a definition says whom a rule names, not who that is today.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from engine import messages
from engine.compiler.app import Approval, CompiledApp, Label
from engine.drawing.picture import Picture, State
from engine.drawing.steps import Drawn, DrawnBlock, DrawnBranch, DrawnStep, draw_steps
from engine.workflow.approval.plan import BranchPlan, StepPlan
from engine.workflow.approval.planning import plan_written
from engine.workflow.approval.state import ApprovalState, Step
from engine.workflow.proofs import say_length
from engine.workflow.rule_words import say_expression, say_rule

_OF_STATUS: Final[Mapping[str, State]] = {
    "planned": "later", "open": "now", "stranded": "now", "passed": "done", "refused": "done", "skipped": "skipped",
    "closed": "skipped",
}  # fmt: skip
_LEFT_OUT: Final = frozenset({"when", "self", "jump"})
_SAID: Final = frozenset({"open", "approved", "refused", "returned", "done"})


def draw_approval(app: CompiledApp, approval: Approval, language: str) -> Picture:
    """Return the steps of an approval as its definition says them."""
    plans = tuple(plan_written(step) for step in approval.steps.values())
    return _Steps(app, approval.key, approval.entity, plans, language).picture(approval.label)


def draw_running(
    app: CompiledApp, entity: str, state: ApprovalState, language: str, say_moment: Callable[[datetime], str]
) -> Picture:
    """Return the steps of an approval as they were when it was submitted, how far it is, who said what and when.

    A step that was left out says why; ``say_moment`` says a moment in the reader's zone.
    """
    plans = tuple(step.plan for step in state.steps if not step.gone)
    approval = app.approvals.get(state.approval)
    label = approval.label if approval is not None else state.approval
    return _Steps(app, state.approval, entity, plans, language, state, say_moment).picture(label)


def _fate(step: Step) -> State:
    """A step to come whose condition does not hold will be left out."""
    return "skipped" if step.status == "planned" and not step.plan.applies else _OF_STATUS[step.status]


class _Steps:
    """One approval being drawn, from the plans of its steps."""

    def __init__(
        self,
        app: CompiledApp,
        approval: str,
        entity: str,
        plans: Sequence[StepPlan],
        language: str,
        state: ApprovalState | None = None,
        say_moment: Callable[[datetime], str] = datetime.isoformat,
    ) -> None:
        self.app, self.approval, self.entity, self.plans = app, approval, entity, plans
        self.language, self.state, self.say_moment = language, state, say_moment
        self.fates = {} if state is None else {step.key: _fate(step) for step in state.steps}

    def picture(self, label: Label | str) -> Picture:
        steps = self._sequence("")
        status = "running" if self.state is None else self.state.status
        end = self._text("drawing.end_approved" if status == "running" else f"drawing.end_{status}")
        drawn = draw_steps(
            self._text("drawing.submitted"), steps, end, ended="plain" if status == "running" else "done"
        )
        return replace(drawn, title=self._say(label), words=tuple(self._words(steps)))

    def _sequence(self, within: str) -> tuple[Drawn, ...]:
        return tuple(self._drawn(plan) for plan in self.plans if plan.within == within)

    def _drawn(self, plan: StepPlan) -> Drawn:
        condition = self._when(say_rule(self.app, self.approval, plan.key, plan.when, self.language))
        state = self.fates.get(plan.key, "plain")
        drawn = DrawnStep(self._say(plan.label), tuple(self._notes(plan)), condition, state)
        if plan.kind != "parallel":
            return drawn
        return DrawnBlock(drawn, tuple(self._branch(branch) for branch in plan.branches))

    def _branch(self, branch: BranchPlan) -> DrawnBranch:
        compiled = self.app.approvals.get(self.approval)
        step = compiled.steps.get(branch.key.rpartition(".")[0]) if compiled is not None else None
        now = next((one for one in step.branches if one.key == branch.key), None) if step is not None else None
        condition = self._when(branch.when)
        if now is not None and now.otherwise:
            condition = self._text("drawing.otherwise")
        elif now is not None and now.when is not None and now.when.text == branch.when:
            condition = self._when(say_expression(self.app, now.when, self.language, compiled))
        state: State = "plain" if branch.applies else "skipped"
        return DrawnBranch(self._say(branch.label), self._sequence(branch.key), condition, state)

    def _when(self, condition: str) -> str:
        return self._text("drawing.when", condition=condition) if condition else ""

    def _notes(self, plan: StepPlan) -> Iterator[str]:
        if plan.kind == "call":
            called = self.app.approvals.get(plan.call)
            yield self._text("drawing.calls", approval=self._say(called.label) if called else plan.call)
        elif plan.who:
            how = "work" if plan.kind == "work" else plan.decide
            people = self._joined(self._who(rule) for rule in plan.who)
            yield self._text(f"drawing.asks_{how}", people=people, share=plan.share)
        if plan.due is not None:
            yield self._text("drawing.due", due=say_length(plan.due, self.language))
        yield from self._said(plan.key)

    def _said(self, key: str) -> Iterator[str]:
        """Yield who has it since when, who said what and when, or why nobody was asked, as far as the approval is."""
        for task in self.state.tasks if self.state is not None else ():
            if task.step == key and task.status in _SAID:
                at = task.opened_at if task.status == "open" else task.closed_at
                who = self._text(f"drawing.task_{task.status}", who=task.person.name)
                yield self._text("drawing.said_at", said=who, at=self.say_moment(at)) if at is not None else who
        step = self.state.step(key) if self.state is not None else None
        why = "" if step is None or _fate(step) != "skipped" else step.why or "when"
        if why in _LEFT_OUT:
            yield self._text(f"drawing.skipped_{why}")

    def _who(self, rule: Mapping[str, Any]) -> str:
        kind, name = rule["kind"], rule["name"]
        if kind == "managers_of" and rule.get("levels"):
            return self._text("drawing.who_levels_of", name=self._person(name), levels=rule["levels"])
        role = self.app.roles.get(rule.get("up_to") or "")
        named = self._text(
            f"drawing.who_{kind}", name=self._name(kind, name), up_to=self._say(role.label) if role else ""
        )
        if "match" in rule:
            field = self.app.entities[self.entity].fields[rule["match"]]
            return self._text("drawing.who_match", who=named, field=self._say(field.label))
        return named

    def _name(self, kind: str, name: str) -> str:
        known: Mapping[str, Any] = {}
        if kind in ("role", "group"):
            known = self.app.roles if kind == "role" else self.app.groups
        elif kind == "field":
            known = self.app.entities[self.entity].fields
        found = known.get(name)
        return self._say(found.label) if found is not None else self._person(name)

    def _person(self, name: str) -> str:
        code = f"drawing.person_{name}"
        return self._text(code) if code in messages.catalog(self.language) else name

    def _words(self, steps: tuple[Drawn, ...]) -> Iterator[str]:
        for step in steps:
            head = step if isinstance(step, DrawnStep) else step.step
            notes = messages.text("workflow.separator", self.language).join(
                n for n in (head.condition, *head.notes) if n
            )
            yield self._text("drawing.noted", what=head.title, notes=notes) if notes else head.title
            for branch in step.branches if isinstance(step, DrawnBlock) else ():
                yield self._text("drawing.branch", branch=branch.title, condition=branch.condition or "–")
                yield from self._words(branch.steps)

    def _joined(self, phrases: Iterable[str]) -> str:
        return messages.text("workflow.separator", self.language).join(phrases)

    def _say(self, label: Any) -> str:
        return messages.say(label, self.language)

    def _text(self, code: str, **params: object) -> str:
        return messages.text(code, self.language, **params)
