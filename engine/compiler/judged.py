"""Expressions found right earlier in this process: whoever works on one file does not wait for those of the others.

Enters: what is asked (a text and what it is about), the shapes, the work that answers. Leaves: the answer, that of an
earlier run when the shapes that were looked at say the same today. Must not keep a refusal, nor be asked for stored
releases, which are compiled once.

What is called what (``EntityShape.labels``) is looked up for a refusal only, so a new label changes no answer.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from engine.expression.types import EntityShape, Shapes

T = TypeVar("T")

_MOST: Final = 16_384


class _Judged(NamedTuple):
    read: Mapping[str, EntityShape | None]
    answer: Any


_judged: dict[Hashable, _Judged] = {}


class Judging:
    """The answers of one run of the compiler, and those before it."""

    def __init__(self) -> None:
        self._alike: dict[tuple[int, int], bool] = {}

    def answer(self, asked: Hashable, shapes: Shapes, work: Callable[[Shapes], T]) -> T:
        """Return ``work(shapes)``; ``asked`` is everything else it depends on. What it raises is raised every time."""
        known = _judged.get(asked)
        if known is not None and all(self._is_alike(shapes.get(key), then) for key, then in known.read.items()):
            answer: T = known.answer
            return answer
        noting = _Noting(shapes)
        answer = work(noting)
        if len(_judged) >= _MOST:
            _judged.clear()
        _judged[asked] = _Judged(noting.read, answer)
        return answer

    def _is_alike(self, now: EntityShape | None, then: EntityShape | None) -> bool:
        if now is then:
            return True
        if now is None or then is None:
            return False
        pair = id(now), id(then)  # both are held, the one by the compilation, the other by what was judged
        known = self._alike.get(pair)
        if known is None:
            known = self._alike[pair] = (now.fields, now.collections, now.reached) == (
                then.fields, then.collections, then.reached
            )  # fmt: skip
        return known


class _Noting(Mapping[str, EntityShape]):
    """Shapes that note which of them were looked at, those that are not there among them."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self.read: dict[str, EntityShape | None] = {}

    def __getitem__(self, key: str) -> EntityShape:
        found = self.read[key] = self._shapes.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        raise TypeError("an expression looks up shapes by their names")

    def __len__(self) -> int:
        return len(self._shapes)
