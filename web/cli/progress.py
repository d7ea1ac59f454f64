"""Progress people can see: one line a step, with its time; a count where there is one.

Enters: the code of a step's name. Leaves: lines on standard output, rewritten in place on a terminal. Must not slow the
work down: a count is shown at most ten times a second.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from web.cli.site import Site

_EVERY = 0.1


class Progress:
    """Shows the steps of one command."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._live = sys.stdout.isatty()

    @contextmanager
    def step(self, code: str, **params: object) -> Iterator[Callable[[int, int], None]]:
        """Show a step; call what is given with (done, total) to show how far it is."""
        title = self._site.text(code, **params)
        began = last = time.monotonic()
        click.echo(f"• {title} …", nl=not self._live)

        def show(done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            if self._live and (now - last >= _EVERY or done == total):
                last = now
                click.echo(f"\r• {title} … {done}/{total}", nl=False)

        yield show
        took = f"{time.monotonic() - began:.1f} s"
        click.echo(f"\r• {title}: {took}          " if self._live else f"  {took}")
