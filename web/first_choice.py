"""What is chosen at the first start, and how far installing it is: shared by the pages and by whoever installs.

Enters: a choice, once; the progress of what it leads to. Leaves: whoever may be signed in at the end. Must not keep the
code or the password any longer than they are needed, nor write either down.
"""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from engine.guiding.offers import Offer
from engine.people.sessions import Proven

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is mistaken for another


@dataclass(frozen=True)
class Choice:
    """A template and its first administrator; ``claim`` is known to the browser that chose, and to no other."""

    offer: Offer
    demo: bool
    name: str
    login: str
    password: str = field(repr=False)
    language: str
    claim: str = field(repr=False)


@dataclass
class Work:
    """One step of installing."""

    title: str
    done: int = 0
    total: int = 0
    ended: bool = False


class FirstChoice:
    """The choice of one empty installation."""

    def __init__(self, *, demo: bool) -> None:
        self.demo = demo
        self.code = f"{_some()}-{_some()}"
        self.mark = secrets.token_urlsafe(16)
        """What the cookie of a browser that gave the code holds: another at each start."""
        self.offers: Sequence[Offer] | None = None
        self.failed: Callable[[str], str] | None = None
        self.works: list[Work] = []
        self.handed = threading.Event()
        """Set when the browser that chose has its answer."""
        self._taken = threading.Event()
        self._lock = threading.Lock()
        self._choice: Choice | None = None
        self._proven: Proven | None = None
        self._over = False

    def is_code(self, given: str) -> bool:
        """Tell whether this is the code, however its letters and its dash are typed."""
        typed = "".join(letter for letter in given.upper() if letter.isalnum())
        return secrets.compare_digest(typed.encode(), self.code.replace("-", "").encode())

    @property
    def is_working(self) -> bool:
        """Whether a choice is being installed."""
        return self._choice is not None

    @property
    def is_over(self) -> bool:
        """Whether the site is ready, and these pages make room for it."""
        return self._over

    @property
    def chosen(self) -> Choice:
        """What was chosen."""
        if self._choice is None:
            raise LookupError("nothing is chosen yet")
        return self._choice

    def take(self, choice: Choice) -> bool:
        """Take a choice; False when one is being installed already."""
        with self._lock:
            if self._choice is not None:
                return False
            self._choice, self.failed, self.works = choice, None, []
        self._taken.set()
        return True

    def wait(self, seconds: float) -> Choice | None:
        """Wait until something is chosen, and no longer than this; None when nothing was."""
        return self.chosen if self._taken.wait(seconds) else None

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[int, int], None]]:
        """Note a step of installing; call what is given with (done, total)."""
        work = Work(title)
        self.works.append(work)

        def show(done: int, total: int) -> None:
            work.done, work.total = done, total

        yield show
        work.ended = True

    def give_back(self, why: Callable[[str], str]) -> None:
        """Let somebody choose again, after what was chosen failed."""
        with self._lock:
            self._choice, self.failed = None, why
            self._taken.clear()

    def finish(self, proven: Proven | None) -> None:
        """Say that the site is ready, and who may be signed in."""
        with self._lock:
            self._proven, self._over = proven, True

    def hand_over(self, claim: str) -> Proven | None:
        """Return who may be signed in, to the browser that chose and only once."""
        with self._lock:
            if self._choice is None or not secrets.compare_digest(claim.encode(), self._choice.claim.encode()):
                return None
            proven, self._proven = self._proven, None
        return proven


def _some() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(4))
