"""When Python looks for garbage among what a command holds.

Enters: a stretch of work that makes very many objects and keeps nearly all of them. Leaves: nothing looked through
meanwhile. Must not be used for what goes on for long: what is in circles is not freed meanwhile.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_looking_back(stays: bool = False) -> Iterator[None]:
    """Loading the product makes a quarter of a million objects: looking through them is a tenth of its time, and finds
    two thousand. Of a check it is a fifth.

    What there is after one whose work ``stays`` is not looked through again until the process ends.
    """
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if stays:
            gc.freeze()
        if looked:
            gc.enable()
