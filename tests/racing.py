"""Several threads or processes at one thing."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from engine.errors import FormworkError


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run ``act`` in ``count`` threads that start together; a refusal is the answer of its thread."""
    barrier = Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(120)
        try:
            return act(number)
        except FormworkError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


DONE, FAILED, REFUSED = 0, 1, 3


def in_processes(acts: Sequence[Callable[[], Any]]) -> list[int]:
    """Run each in a process of its own, all let go at once; return how they ended."""
    wait, go = os.pipe()
    children = []
    for act in acts:
        child = os.fork()
        if child == 0:
            ended = FAILED
            try:
                os.close(go)
                os.read(wait, 1)  # until the parent closes its end
                act()
                ended = DONE
            except FormworkError:
                ended = REFUSED
            finally:
                os._exit(ended)
        children.append(child)
    os.close(wait)
    os.close(go)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
