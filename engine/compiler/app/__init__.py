"""The compiled app: every name resolved, every expression checked, every lookup ready.

Enters: nothing (``compile.py`` fills these). Leaves: frozen dataclasses that storage, records, workflow and web read on
every request. Must not hold anything that changes while the app runs, nor know SQL tables or HTTP.
"""

from engine.compiler.app.approvals import (
    Approval,
    Branch,
    Step,
)
from engine.compiler.app.apps import (
    CompiledApp,
    Group,
    Keep,
    MenuGroup,
    Print,
    Role,
)
from engine.compiler.app.automations import (
    Automation,
    Do,
    Hole,
    Schedule,
    Template,
    Trigger,
)
from engine.compiler.app.entities import (
    SYSTEM_FIELDS,
    Access,
    Appeal,
    Board,
    Book,
    CalendarView,
    Disputes,
    Duplicate,
    Entity,
    Make,
    MakeLines,
    Merge,
    Rule,
    Section,
    Unique,
    find_beyond,
)
from engine.compiler.app.fields import (
    DEPARTMENT,
    USER,
    Best,
    Field,
    FieldPlan,
    Otherwise,
)
from engine.compiler.app.modules import (
    Choices,
    Module,
    find_required,
)
from engine.compiler.app.ownership import (
    ClaimLimits,
    Ownership,
    Pool,
    Protection,
)
from engine.compiler.app.parts import (
    Expression,
    Label,
)
from engine.compiler.app.reports import (
    Dashboard,
    Dimension,
    Figure,
    Funnel,
    FunnelStep,
    Report,
    Rows,
    Tile,
)
from engine.compiler.app.rollups import (
    RollUp,
    RollUps,
)
from engine.compiler.app.workflows import (
    Flag,
    Moment,
    Move,
    Requirement,
    Stage,
    StageTimer,
    TimerAction,
    Workflow,
)

__all__ = [
    "Access",
    "Appeal",
    "Approval",
    "Automation",
    "Best",
    "Board",
    "Book",
    "Branch",
    "CalendarView",
    "Choices",
    "ClaimLimits",
    "CompiledApp",
    "DEPARTMENT",
    "Dashboard",
    "Dimension",
    "Disputes",
    "Do",
    "Duplicate",
    "Entity",
    "Expression",
    "Field",
    "FieldPlan",
    "Figure",
    "Flag",
    "Funnel",
    "FunnelStep",
    "Group",
    "Keep",
    "Hole",
    "Label",
    "Make",
    "MakeLines",
    "Merge",
    "Module",
    "Moment",
    "MenuGroup",
    "Move",
    "Otherwise",
    "Ownership",
    "Pool",
    "Print",
    "Protection",
    "Report",
    "Requirement",
    "Role",
    "RollUp",
    "RollUps",
    "Rows",
    "Rule",
    "SYSTEM_FIELDS",
    "Schedule",
    "Section",
    "Stage",
    "StageTimer",
    "Step",
    "Template",
    "Tile",
    "TimerAction",
    "Trigger",
    "USER",
    "Unique",
    "Workflow",
    "find_beyond",
    "find_required",
]
