"""The drawing of a workflow, made from its definition: stages, what they ask for, and the moves between them.

Enters: the compiled app and an entity. Leaves: a ``Picture`` with its words. Must not read a record.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from engine import messages
from engine.compiler.app import CompiledApp, Entity, Move, Requirement, Stage, Workflow
from engine.drawing.picture import Picture, State
from engine.drawing.stages import DrawnMove, DrawnStage, draw_stages
from engine.workflow.proofs import say_length
from engine.workflow.rule_words import say_expression

_SHOWN_NEEDS = 4


def draw_workflow(app: CompiledApp, entity: Entity, language: str, *, at: str | None = None) -> Picture | None:
    """Return the stages of an entity with the moves between them, None when it has none; ``at`` marks where one is."""
    workflow = entity.workflow
    return None if workflow is None else _Stages(app, entity, workflow, language, at).picture()


class _Stages:
    def __init__(self, app: CompiledApp, entity: Entity, workflow: Workflow, language: str, at: str | None) -> None:
        self.app, self.entity, self.workflow, self.language, self.at = app, entity, workflow, language, at
        self.place = {key: number for number, key in enumerate(workflow.stages)}

    def picture(self) -> Picture:
        stages = [self._stage(stage) for stage in self.workflow.stages.values()]
        moves = [drawn for move in self.workflow.moves.values() for drawn in self._moves(move)]
        words = tuple(self._words())
        return replace(draw_stages(stages, moves), title=self._say(self.workflow.label), words=words)

    def _stage(self, stage: Stage) -> DrawnStage:
        state: State = "now" if stage.key == self.at else "plain"
        notes = tuple(self._notes(stage))
        return DrawnStage(self._say(stage.label), notes, stage.tone, state, outcome=stage.outcome)

    def _notes(self, stage: Stage) -> Iterator[str]:
        if stage.due is not None:
            yield self._text("drawing.due", due=say_length(stage.due, self.language))
        if any(stage.key in move.returning for move in self.workflow.moves.values()):
            yield self._text("drawing.comes_back")
        needs = [self._need(need) for need in stage.enter]
        for need in needs[:_SHOWN_NEEDS]:
            yield self._text("drawing.needs", need=need)
        if len(needs) > _SHOWN_NEEDS:
            yield self._text("drawing.more", count=len(needs) - _SHOWN_NEEDS)

    def _need(self, need: Requirement) -> str:
        """Say what is needed; the author's sentence, which says what is wrong, stands in where nothing else says it."""
        separator = messages.text("workflow.separator", self.language)
        if need.kind == "fields":
            return separator.join(self._say(self.entity.fields[key].label) for key in need.fields)
        if need.kind == "file":
            return self._say(self.entity.fields[need.file or ""].label)
        if need.check is not None:
            return say_expression(self.app, need.check, self.language)
        if need.message:
            return self._say(need.message)
        if need.kind == "link":
            return self._say(self.app.entities[need.link or ""].label)
        if need.kind == "approval":
            return self._say(self.app.approvals[need.approval or ""].label)
        return need.key

    def _moves(self, move: Move) -> Iterator[DrawnMove]:
        """Yield the way of a move; one with an approval leads through the stage people decide in."""
        start = tuple(sorted(self.place[key] for key in move.from_ - move.returning))
        if not start:
            return  # a way back to wherever the record was before is a note of its outcome, not a line to each stage
        if move.approval is None or move.during is None:
            yield DrawnMove(self._say(move.label), start, self.place[move.to])
            return
        yield DrawnMove(self._say(move.label), start, self.place[move.during])
        decided = self._say(self.app.approvals[move.approval].label)
        passed = self._text("drawing.passed", approval=decided)
        yield DrawnMove(passed, (self.place[move.during],), self.place[move.to], dashed=True)
        if move.refused is not None:
            refused = self._text("drawing.refused", approval=decided)
            yield DrawnMove(refused, (self.place[move.during],), self.place[move.refused], dashed=True)

    def _words(self) -> Iterator[str]:
        separator = messages.text("workflow.separator", self.language)
        for stage in self.workflow.stages.values():
            notes = separator.join(self._notes(stage))
            said = self._say(stage.label)
            yield self._text("drawing.noted", what=said, notes=notes) if notes else said
        for move in self.workflow.moves.values():
            stages = [self._say(one.label) for key, one in self.workflow.stages.items() if key in move.from_]
            to = self._say(self.workflow.stages[move.to].label)
            yield self._text("drawing.move", move=self._say(move.label), start=separator.join(stages), end=to)

    def _say(self, label: Any) -> str:
        return messages.say(label, self.language)

    def _text(self, code: str, **params: object) -> str:
        return messages.text(code, self.language, **params)
