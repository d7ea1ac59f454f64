"""A parsed expression against the fields it may name: every mistake at once, or a checked expression.

Enters: a tree, the shapes, the entity whose record the expression is about. Leaves: ``Checked``. Must not evaluate
anything, nor know where values are stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.expression import syntax
from engine.expression.checker import Checker
from engine.expression.errors import ExpressionError, ExpressionErrors
from engine.expression.names import OUTER, PAYLOAD, Names
from engine.expression.parse import parse
from engine.expression.resolved import Resolved
from engine.expression.types import Shapes, Type
from engine.expression.walking import measure

ABOUT_USER = frozenset({"user", "user.roles", "user.department"})
"""What of ``Checked.context`` is about who asks."""


MAX_SIZE, MAX_LEVELS = 4000, 120
"""Parts and levels of an expression when each name given beforehand is written out."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked expression about records of ``entity``.

    ``uses`` holds the paths it reads: ``("amount",)``, ``("customer", "grade")``, ``("items", "qty")``; the paths
    of the names in ``let`` are among them. ``context`` holds what else the result depends on: ``user`` (who asks),
    ``user.roles``, ``user.department``, ``now``, ``today``, ``offset`` (the site's time zone), ``calendar`` (its
    working time), ``period.start`` and so on, ``record.customer`` for each field of the record being edited, and
    ``payload.number``.
    """

    tree: Resolved
    type: Type
    text: str
    entity: str
    uses: frozenset[tuple[str, ...]]
    context: frozenset[str]

    @property
    def outer_reads(self) -> frozenset[str]:
        """The fields of the record being edited that the expression reads; those of its line as ``line.qty``."""
        return frozenset(name.removeprefix(f"{OUTER}.") for name in self.context if name.startswith(f"{OUTER}."))

    @property
    def payload_reads(self) -> frozenset[str]:
        """The parts of what another system sent that the expression reads."""
        return frozenset(name.removeprefix(f"{PAYLOAD}.") for name in self.context if name.startswith(f"{PAYLOAD}."))


def check(
    tree: syntax.Node,
    shapes: Shapes,
    entity: str,
    *,
    let: Mapping[str, Checked] | None = None,
    expect: Type | None = None,
    text: str = "",
    outer: str | None = None,
    line: str | None = None,
    counted: bool = False,
) -> Checked:
    """Check an expression about a record of ``entity``, or about a line when ``entity`` is ``quote.items``.

    ``outer`` is the entity whose record ``record.`` names and ``line`` the line table whose line ``line.`` names;
    ``let`` gives names to expressions checked before;
    ``expect`` is the type the result must have; ``text`` is kept as the source. ``counted``: see ``Names``.

    Raises:
        ExpressionErrors: everything that is wrong.
    """
    names = Names(shapes, entity, let or {}, outer, line, counted=counted)
    checker = Checker(names)
    result = checker.visit(tree)
    if result is not None and expect is not None:
        checker.require_result(result, expect)
    if result is None or names.errors:
        raise ExpressionErrors(names.errors)
    size, depth = measure(result) if let else (0, 0)  # without names it is as large as what was written
    if size > MAX_SIZE or depth > MAX_LEVELS:
        limits = {"size": MAX_SIZE, "levels": MAX_LEVELS}
        raise ExpressionErrors([ExpressionError("too_large_with_names", limits, tree.start, tree.end - tree.start)])
    return Checked(result, result.type, text, entity, frozenset(names.uses), frozenset(names.context))


def check_text(
    text: str,
    shapes: Shapes,
    entity: str,
    *,
    let: Mapping[str, Checked] | None = None,
    expect: Type | None = None,
) -> Checked:
    """Parse and check in one step.

    Raises:
        ExpressionErrors: everything that is wrong, in form or in meaning.
    """
    try:
        tree = parse(text)
    except ExpressionError as error:
        raise ExpressionErrors([error]) from None
    return check(tree, shapes, entity, let=let, expect=expect, text=text)
