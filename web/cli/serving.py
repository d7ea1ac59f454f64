"""``formwork run`` and ``formwork worker``: install, publish, load the demo, serve.

Enters: a template and where to listen. Leaves: a running site, whose address and demo accounts are printed. Must not
touch data that is there: a second start only serves.
"""

import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.definition.kinds import BASE
from engine.storage.store import Store
from web.cli.choosing import choose_first, publish_template
from web.cli.demo_accounts import load_demo, make_admin, show_accounts
from web.cli.garbage import no_looking_back
from web.cli.processes import Doorbell, Processes
from web.cli.progress import Progress
from web.cli.site import Site, find_template
from web.page_kit import FONTS
from web.settings import Settings, install_home

if TYPE_CHECKING:
    from flask import Flask

    from engine.definition.source import SourceFolder

DEFAULT_TEMPLATE = "manufacturing"
_THREADS = 8
_BACKLOG = 1024
"""Connections that may wait for one of the threads."""


@click.command("run", help="cli.run")
@click.argument("template", required=False)
@click.option("--host", help="cli.option_host")
@click.option("--port", type=click.IntRange(0, 65_535), help="cli.option_port")
@click.option("--processes", type=click.IntRange(1, 64), help="cli.option_processes")
@click.option("--demo/--no-demo", default=True, help="cli.option_demo")
@click.pass_obj
def run_command(
    site: Site, template: str | None, host: str | None, port: int | None, processes: int | None, demo: bool
) -> None:
    """Serve the site; on the first start install it first."""
    folder = find_template(template) if template is not None else None
    install_home(site.home_folder())
    settings = site.settings()
    listening = _listen(site, host or settings.host, settings.port if port is None else port)
    address = settings.public_url or _address(host or settings.host, listening)
    chosen: list[bool] = []  # nothing when it was stopped before
    with _stopped_by_signal():
        chosen.append(folder is None and choose_first(site, listening, address, demo=demo))
    if not chosen:
        _close(listening)
        site.say("cli.stopped")
        return
    if not chosen[0]:
        _install(site, Progress(site), folder, demo=demo)
    _serve(site, listening, address, processes or settings.processes)


@click.command("worker", help="cli.worker")
@click.pass_obj
def worker_command(site: Site) -> None:
    """Deliver what was promised: notices, timers, messages."""
    from engine.automation import jobs

    settings = site.settings()
    _log_to_stderr()
    site.say("cli.worker_running")
    with _stopped_by_signal():
        if settings.redis_url:
            jobs.work(
                settings.redis_url,
                settings.database_url,
                str(settings.files_dir),
                secret_key=settings.secret_key,
                public_url=settings.public_url,
                fonts=str(FONTS),
            )
        else:
            thread = jobs.WorkerThread(site.open_store())
            thread.start()
            threading.Event().wait()


def _install(site: Site, progress: Progress, folder: Path | None, *, demo: bool) -> None:
    """Publish a template where nothing is, and make the accounts where there are none."""
    from engine.clock import SetClock, SystemClock
    from engine.people import accounts

    clock = SetClock(SystemClock().now())
    with progress.step("cli.step_database"), no_looking_back(stays=True):
        store = site.open_store(clock)
    if store.release_id is None:
        publish_template(progress, store, folder or find_template(DEFAULT_TEMPLATE))
    elif folder is not None:
        _tell_difference(site, store, folder)
    with store.read() as session:
        empty = not accounts.has_users(session.connection)
    sources = _find_demo(store, folder) if demo else None
    if sources is not None:
        load_demo(site, progress, store, clock, sources, fresh=empty)
    elif empty:
        make_admin(site, store)
    store.database.close()


def _find_demo(store: Store, folder: Path | None) -> "SourceFolder | None":
    """Return the definitions whose demo is meant: of the folder, or of what is published; None without a demo."""
    from engine.definition.kinds import find_kind
    from engine.definition.source import SourceFolder, read_folder
    from engine.storage.releases import find_current

    if folder is not None:
        return read_folder(folder) if any((folder / below / "demo").is_dir() for below in ("", BASE)) else None
    with store.read() as session:
        current = find_current(session.connection)
    if current is None or not any(find_kind(path.removeprefix(BASE)) == "demo" for path in current.sources):
        return None
    return SourceFolder(current.sources)


def _tell_difference(site: Site, store: Store, folder: Path) -> None:
    """Say that the folder is not what is running; publishing is a decision of its own."""
    from engine.definition.source import read_folder

    if read_folder(folder).digest != store.app.digest:
        site.say("cli.folder_differs", folder=folder)


def _serve(site: Site, listening: Sequence[socket.socket], address: str, processes: int) -> None:
    _log_to_stderr()
    settings = site.settings()
    with no_looking_back(stays=True):
        from web.app import create_app

        app = create_app(settings)
    with _stopped_by_signal():
        site.say("cli.ready", address=address)
        show_accounts(site)
        site.say("cli.stop_hint")
        sys.stdout.flush()
        if processes == 1 or not hasattr(os, "fork"):
            with _worker(app.extensions["formwork.store"], settings):
                _answer(app, settings, listening)
        else:
            _share_out(app, settings, listening, processes)
    _close(listening)
    site.say("cli.stopped")


def _listen(site: Site, host: str, port: int) -> list[socket.socket]:
    try:
        return listen(host, port)
    except OSError as error:
        raise click.ClickException(site.text("cli.port_taken", host=host, port=port, reason=error.strerror)) from None


def _address(host: str, listening: Sequence[socket.socket]) -> str:
    return f"http://{_shown_host(host)}:{listening[0].getsockname()[1]}"


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on each address of ``host`` this machine has, on one port; 0 takes one that is free."""
    found: list[socket.socket] = []
    asked = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, address in dict.fromkeys((one[0], str(one[4][0])) for one in asked):
        try:
            found.append(socket.create_server((address, port), family=family, backlog=_BACKLOG))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue
            _close(found)
            raise
        port = found[0].getsockname()[1]
    if not found:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    return found


def _close(listening: Sequence[socket.socket]) -> None:
    for one in listening:
        one.close()


def _answer(app: "Flask", settings: Settings, listening: Sequence[socket.socket]) -> None:
    """Answer what comes in, until this process is told to stop."""
    from waitress.server import create_server

    server: Any = create_server(
        app,
        sockets=listening,
        threads=_THREADS,
        ident="",
        backlog=_BACKLOG,
        max_request_body_size=settings.largest_upload + 1_048_576,
        channel_timeout=60,
        clear_untrusted_proxy_headers=not settings.proxies,  # else what the proxy says would never arrive
    )
    server.run()
    server.close()


def _share_out(app: "Flask", settings: Settings, listening: Sequence[socket.socket], processes: int) -> None:
    """Answer in several processes; without workers elsewhere, one more does what they leave behind."""
    store: Store = app.extensions["formwork.store"]
    store.database.close()
    works: list[Callable[[], object]] = [partial(_answer_alone, app, settings, listening)] * processes
    if not settings.redis_url:
        bell = Doorbell()
        store.bell = bell.ring
        works.append(partial(_work_alone, store, bell))
    Processes(works).run()


def _answer_alone(app: "Flask", settings: Settings, listening: Sequence[socket.socket]) -> None:
    with _stopped_by_signal():
        _answer(app, settings, listening)


def _work_alone(store: Store, bell: Doorbell) -> None:
    from engine.automation import jobs

    thread = jobs.WorkerThread(store)
    thread.start()
    with _stopped_by_signal():
        bell.answer(thread.ring)
    thread.stop()


@contextmanager
def _worker(store: Store, settings: Settings) -> Iterator[None]:
    """Drain the outbox beside the web, unless workers of their own do it."""
    from engine.automation import jobs

    if settings.redis_url:
        yield
        return
    thread = jobs.WorkerThread(store)
    store.bell = thread.ring
    thread.start()
    try:
        yield
    finally:
        thread.stop()


@contextmanager
def _stopped_by_signal() -> Iterator[None]:
    """End quietly on Ctrl+C and on the signal service managers send."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(0)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        signal.signal(signal.SIGTERM, previous)


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def _shown_host(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - the address people can click
