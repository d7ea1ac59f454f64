"""22: what is published can be walked: every stage and step is reached, from everywhere some way leads to an end,
nothing waits for itself, every name resolves, and one branch is always taken.

Random definitions beside a small pure model of graphs: the compiler refuses exactly what the model calls unsound, and
what it accepts is walked to its end.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import yaml
from hypothesis import given, note, settings
from hypothesis import strategies as st

from engine.compiler.app import CompiledApp
from engine.compiler.compile import load_app
from engine.definition.source import SourceFolder
from engine.errors import DefinitionError
from engine.workflow.approval.decisions import Answer, decide, start
from engine.workflow.approval.fold import fold
from engine.workflow.approval.planning import plan_written
from engine.workflow.approval.state import Event
from engine.workflow.approval.world import Acting, Submission
from tests.workflow.people_world import NOON, STARTER, People, person

APP = {
    "app": "graph", "label": "图", "version": "1.0.0", "language": "zh", "languages": ["zh"], "currency": "CNY",
    "timezone": "Asia/Shanghai", "menu": ["thing"],
    "roles": {"clerk": {"label": "员工"}, "boss": {"label": "主管"}, "admin": {"label": "管理员"}},
}  # fmt: skip
ENTITY = {
    "entity": "thing", "label": "事项", "display": "{name}",
    "fields": {"name": {"type": "text", "label": "名称"}, "size": {"type": "integer", "label": "大小"}},
    "access": {"clerk": {"read": "all", "write": "all", "create": True}},
}  # fmt: skip


@dataclass
class Graph:
    """A workflow in a few lines: stages in order, outcomes, moves ``(from, to, during, refused)``."""

    stages: list[str]
    outcomes: list[str]
    moves: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)

    def unsound(self) -> set[str]:
        reached, before = {self.stages[0]}, set[str]()
        while reached != before:
            before = set(reached)
            for from_, *to in self.moves:
                reached |= {one for one in to if one is not None} if from_ in reached else set()
        return {"W002"} if reached != {*self.stages, *self.outcomes} else set(self._endless())

    def _endless(self) -> Iterator[str]:
        ending, before = set(self.outcomes), set[str]()
        while ending != before:
            before = set(ending)
            for from_, to, during, refused in self.moves:
                if {to, refused} & ending:
                    ending |= {from_} | ({during} if during else set())
        for stage in self.stages:
            leaves = any(stage in (from_, during) for from_, _, during, _ in self.moves)
            if not leaves:
                yield "W062"
            elif stage not in ending:
                yield "W063"


def make_graph(dice: random.Random) -> Graph:
    stages = [f"s{at}" for at in range(dice.randint(1, 5))]
    outcomes = [f"o{at}" for at in range(dice.randint(1, 2))]
    graph = Graph(stages, outcomes)
    for _ in range(dice.randint(1, 9)):
        from_, to = dice.choice(stages), dice.choice([*stages, *outcomes])
        if from_ == to:
            continue
        asks = dice.random() < 0.3 and len(stages) > 1
        during = dice.choice([one for one in stages if one != from_]) if asks else None
        refused = dice.choice([None, *stages, *outcomes]) if during is not None else None
        graph.moves.append((from_, to, during, refused))
    return graph


def compiled(approvals: dict[str, dict[str, object]], workflow: dict[str, object] | None = None) -> CompiledApp:
    files: dict[str, object] = {"app.yaml": APP, "thing/entity.yaml": ENTITY}
    files |= {f"thing_{key}/approval.yaml": one for key, one in approvals.items()}
    if workflow is not None:
        files["thing/workflow.yaml"] = workflow
    return load_app(SourceFolder({name: yaml.safe_dump(data, allow_unicode=True) for name, data in files.items()}))


def codes_of(approvals: dict[str, dict[str, object]], workflow: dict[str, object] | None = None) -> set[str]:
    try:
        compiled(approvals, workflow)
    except DefinitionError as error:
        return {problem.code for problem in error.problems}
    return set()


ASK = {
    "approval": "ask",
    "entity": "thing",
    "label": "审批",
    "steps": {"boss": {"label": "主管", "who": [{"role": "boss"}]}},
}


def written(graph: Graph) -> dict[str, object]:
    moves: dict[str, object] = {}
    for at, (from_, to, during, refused) in enumerate(graph.moves):
        asks = {} if during is None else {"during": during, "approval": "ask"}
        back = {} if refused is None else {"refused": refused}
        moves[f"m{at}"] = {"label": f"动作{at}", "from": [from_], "to": [to], **asks, **back}
    stages = {key: {"label": key} for key in graph.stages}
    outcomes = {key: {"label": key} for key in graph.outcomes}
    return {
        "workflow": "thing",
        "entity": "thing",
        "label": "流程",
        "stages": stages,
        "outcomes": outcomes,
        "moves": moves,
    }


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_workflow_is_accepted_exactly_when_every_stage_is_reached_and_leads_to_an_end(seed: int) -> None:
    graph = make_graph(random.Random(seed))
    if not graph.moves:
        return
    note(f"{graph}")
    assert codes_of({"ask": ASK}, written(graph)) == graph.unsound()


def make_calls(dice: random.Random) -> dict[str, list[str]]:
    keys = [f"a{at}" for at in range(dice.randint(1, 5))]
    return {key: dice.sample([*keys, "nowhere"], dice.randint(0, min(2, len(keys)))) for key in keys}


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_approvals_that_call_each_other_are_accepted_exactly_when_none_waits_for_itself(seed: int) -> None:
    calls = make_calls(random.Random(seed))
    note(f"{calls}")
    approvals: dict[str, dict[str, object]] = {}
    for key, called in calls.items():
        steps: dict[str, object] = {f"c{at}": {"label": f"等{at}", "call": one} for at, one in enumerate(called)}
        steps["boss"] = {"label": "主管", "who": [{"role": "boss"}]}
        approvals[key] = {"approval": key, "entity": "thing", "label": key, "steps": steps}
    found = codes_of(approvals)
    missing = any("nowhere" in called for called in calls.values())
    assert bool(found) == (missing or _has_ring(calls))
    assert missing or found == ({"A009"} if _has_ring(calls) else set())


def _has_ring(calls: dict[str, list[str]]) -> bool:
    def leads(from_: str, to: str, seen: frozenset[str]) -> bool:
        return any(one == to or (one not in seen and leads(one, to, seen | {one})) for one in calls.get(from_, ()))

    return any(leads(key, key, frozenset()) for key in calls)


CONDITIONS = ("size > 1", "size > 5", "size < 3", "name is missing")


def make_steps(dice: random.Random, depth: int = 0) -> tuple[dict[str, object], bool]:
    """Random steps and whether one branch of every block is always taken."""
    steps: dict[str, object] = {}
    sound = True
    for _ in range(dice.randint(1, 3)):
        key = f"s{dice.randrange(10**9)}"
        if depth < 2 and dice.random() < 0.4:
            branches: dict[str, object] = {}
            conditional = True
            for at in range(dice.randint(2, 3)):
                inner, fine = make_steps(dice, depth + 1)
                sound = sound and fine
                when = {"when": dice.choice(CONDITIONS)} if dice.random() < 0.8 else {}
                conditional = conditional and bool(when)
                branches[f"b{at}"] = {"label": f"分支{at}", "steps": inner, **when}
            default = {"otherwise": dice.choice(list(branches))} if dice.random() < 0.5 else {}
            sound = sound and (not conditional or bool(default))
            steps[key] = {"label": key, "parallel": branches, **default}
        else:
            when = {"when": dice.choice(CONDITIONS)} if dice.random() < 0.3 else {}
            steps[key] = {"label": key, "who": [{"role": dice.choice(["boss", "clerk"])}], **when}
    return steps, sound


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), holds=st.integers(0, 2**32))
def test_of_every_block_one_branch_is_always_taken_and_what_is_accepted_can_be_walked_to_its_end(
    seed: int, holds: int
) -> None:
    steps, sound = make_steps(random.Random(seed))
    approval = {"approval": "ask", "entity": "thing", "label": "审批", "steps": steps}
    found = codes_of({"ask": approval})
    assert found == (set() if sound else {"A006"}), steps
    if sound:
        walk(compiled({"ask": approval}), random.Random(holds))


def walk(app: CompiledApp, dice: random.Random) -> None:
    """Whatever conditions hold, everybody who is asked approves and it ends; every step walked is asked once."""
    plans = []
    for step in app.approvals["ask"].steps.values():
        plan = plan_written(step)
        conditional = {one.key: one.when is None or dice.random() < 0.5 for one in step.branches}
        for branch in step.branches:
            conditional[branch.key] |= branch.otherwise and not any(conditional.values())
        branches = tuple(replace(one, applies=conditional[one.key]) for one in plan.branches)
        plans.append(replace(plan, branches=branches, applies=not plan.when or dice.random() < 0.5))
    world = People({plan.key: (1 + at,) for at, plan in enumerate(plans)})
    log = list(start(Submission("ask", 1, person(STARTER), "hash", tuple(plans), duplicate="none"), world, at=NOON))
    state = fold(log)
    for _ in range(len(plans) + 1):
        for block in [one for one in state.steps if one.plan.kind == "parallel" and one.status == "open"]:
            assert any(branch.applies for branch in block.plan.branches)
        if not state.running:
            break
        task = state.open_tasks[0]
        by = Acting(task.person)
        log += decide(state, world, task=task.number, by=by, answer=Answer("approve", "", "hash"), at=NOON)
        state = fold([Event(one.type, one.data) for one in log])
    assert state.status == "approved"
    asked = [task.step for task in state.tasks]
    assert len(asked) == len(set(asked))
