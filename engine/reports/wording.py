"""How a figure is worked out, in the words of the app: what is made of which rows, and when one counts.

Enters: a compiled figure, a language. Leaves: phrases without a full stop. Must not evaluate anything.
"""

from collections.abc import Iterator

from engine import messages
from engine.compiler.app import CompiledApp, Figure
from engine.compiler.app.reports import CHANGES, Input
from engine.compiler.collection_words import find_shown_field, name_rows
from engine.compiler.report_rows import CHANGE, said_of_changes
from engine.expression import Checked
from engine.expression.aggregates import FIGURE, Aggregate
from engine.expression.explain import explain
from engine.expression.types import USER_SHAPE


def say_figure(app: CompiledApp, figure: Figure, language: str) -> str:
    """Return how a figure is worked out: ``计数（去向 为 赢单）÷ 计数；只算 …；按 …``."""
    words = _Words(app, figure, language)
    said = messages.text("report.say_join", language).join(words.parts())
    return said


class _Words:
    """Says one figure."""

    def __init__(self, app: CompiledApp, figure: Figure, language: str) -> None:
        self.app, self.figure, self.language = app, figure, language

    def parts(self) -> Iterator[str]:
        """Yield what is made of the rows, which rows count, and by which date."""
        figure = self.figure
        yield explain(figure.value.whole, self._label, self.language, self._option)
        if figure.where is not None:
            yield self._text("where", where=self._say(figure.where))
        if figure.date is not None:
            yield self._text("date", date=self._say(figure.date))

    def _aggregate(self, part: Aggregate) -> str:
        value = self._say(part.value, within=True) if part.value is not None else ""
        said = self._text(f"agg_{part.name}", value=value, at=f"{part.at / 100:g}")
        if part.where is None:
            return said
        return self._text("agg_where", what=said, where=self._say(part.where))

    def _input(self, made_with: Input) -> str:
        """Say another figure by its name, and what is taken of it."""
        other = self.app.figures[made_with.figure]
        said = self._text("named", name=messages.say(other.label, self.language))
        each = made_with.each
        if each is None or made_with.take is None:
            return said
        known = other.rows.dimensions.get(each)
        label = messages.say(known.label, self.language) if known else self._span(each)
        return self._text(f"take_{made_with.take}", value=said, each=label)

    def _span(self, key: str) -> str:
        field = messages.text("report.field.date", self.language)
        return messages.text(f"report.by_{key.partition('.')[2]}", self.language, field=field)

    def _say(self, checked: Checked, *, within: bool = False) -> str:
        return explain(checked, self._label, self.language, self._option, within=within)

    def _text(self, code: str, **params: str) -> str:
        return messages.text(f"report.say_{code}", self.language, **params)

    def _label(self, shape: str, key: str) -> str:
        if shape == FIGURE:
            made_with = next((one for one in self.figure.inputs if one.name == key), None)
            if made_with is not None:
                return self._input(made_with)
            return self._aggregate(next(part for part in self.figure.value.parts if part.key == key))
        field = None if shape.endswith(f".{CHANGES}") and key in CHANGE else find_shown_field(self.app, shape, key)
        if field is not None:
            return messages.say(field.label, self.language)
        found = name_rows(self.app, shape, key)
        return messages.say(found, self.language) if found else self._system(shape, key)

    def _system(self, shape: str, key: str) -> str:
        known = f"report.change.{key}" if shape.endswith(f".{CHANGES}") else f"report.field.{key}"
        known = known if known in messages.catalog(self.language) else f"report.field.{key}"
        return messages.text(known, self.language) if known in messages.catalog(self.language) else key

    def _option(self, shape: str, key: str, value: str) -> str:
        if shape == USER_SHAPE:
            role = self.app.roles.get(value)
            return value if role is None else messages.say(role.label, self.language)
        entity = self.app.entities.get(shape.lstrip("@").partition(".")[0])
        stages = entity.workflow.stages if entity is not None and entity.workflow is not None else {}
        if key in ("stage", "from", "to") and value in stages:
            return messages.say(stages[value].label, self.language)
        if entity is not None and shape.endswith(f".{CHANGES}") and key in ("field", "via"):
            return messages.say(said_of_changes(entity, key)[value], self.language)
        field = find_shown_field(self.app, shape, key)
        return (
            messages.say(field.options[value], self.language) if field is not None and value in field.options else value
        )
