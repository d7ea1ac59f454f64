"""The first start without the name of a template: it is chosen on a page.

Enters: sockets that listen, and an installation where nothing is. Leaves: the chosen template published, its first
administrator, perhaps its demo. Must not serve anybody without the code it prints, nor do anything where something is
published or somebody has an account. No thread is left when it is done: several processes may be made then.
"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import messages
from engine.clock import SetClock, SystemClock
from engine.errors import DefinitionError, FormworkError, InvalidValues, NotPossibleNow
from engine.places import find_data
from engine.storage.store import Store
from web.cli.demo_accounts import load_demo
from web.cli.garbage import no_looking_back
from web.cli.progress import Progress
from web.cli.site import Site

if TYPE_CHECKING:
    from engine.people.sessions import Proven
    from web.first_choice import Choice, FirstChoice

_THREADS = 4
_LOOK = 2.0
"""Seconds between two looks whether something was published by other means."""
_LAST_ROUNDS = 5
"""Rounds in which what was answered last goes out."""
_PATIENCE = 15.0
"""Seconds for the browser to come for the session it may have."""


def choose_first(site: Site, listening: Sequence[socket.socket], address: str, *, demo: bool) -> bool:
    """Let a template be chosen where nothing is; return False, having done nothing, where something is."""
    clock = SetClock(SystemClock().now())
    with no_looking_back(stays=True):
        store = site.open_store(clock)
    if _has_something(store):
        store.database.close()
        return False
    from web.first_choice import FirstChoice

    first = FirstChoice(demo=demo)
    try:
        with _answering(site, listening, first):
            site.say("cli.choose", address=f"{address}/?code={first.code}", code=first.code)
            sys.stdout.flush()
            proven = _install_chosen(site, store, clock, first)
            first.finish(proven)
            if proven is not None:
                first.handed.wait(_PATIENCE)
    finally:
        store.database.close()
    return True


def publish_template(progress: Progress, store: Store, folder: Path) -> None:
    """Publish the definitions of a folder."""
    from engine.definition.source import read_folder
    from engine.storage import catalog

    with progress.step("cli.step_publish", name=folder.name):
        sources = read_folder(folder)
        catalog.publish(store, sources, actor_id=None, expected=catalog.plan(store, sources))


def _has_something(store: Store) -> bool:
    from engine.people import accounts

    store.reload()
    with store.read() as session:
        return session.release_id is not None or accounts.has_users(session.connection)


@contextmanager
def _answering(site: Site, listening: Sequence[socket.socket], first: "FirstChoice") -> Iterator[None]:
    """Answer with the pages of the choice; at the end the sockets still listen, for the site itself."""
    from waitress.server import create_server
    from waitress.wasyncore import close_all

    from engine.guiding.offers import read_offers
    from web.first_start import create_first_app

    settings, here = site.settings(), site.open_store()
    app = create_first_app(settings, here, first)
    watched: dict[int, Any] = {}
    copies = [one.dup() for one in listening]
    server: Any = create_server(
        app,
        map=watched,
        sockets=copies,
        threads=_THREADS,
        ident="",
        clear_untrusted_proxy_headers=not settings.proxies,
    )
    stopping = threading.Event()

    def read() -> None:
        first.offers = read_offers(find_data("templates"))

    threads = [threading.Thread(target=one, daemon=True) for one in (partial(_loop, watched, stopping), read)]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        stopping.set()
        for one in threads:
            one.join()
        server.task_dispatcher.shutdown()
        close_all(watched)
        here.database.close()


def _loop(watched: dict[int, Any], stopping: threading.Event) -> None:
    from waitress import wasyncore

    while not stopping.is_set():
        wasyncore.loop(timeout=0.1, map=watched, count=1)
    for one in [one for one in watched.values() if one.accepting]:
        one.del_channel()
        one.socket.close()  # whoever comes now waits for the site itself
    wasyncore.loop(timeout=0.1, map=watched, count=_LAST_ROUNDS)


def _install_chosen(site: Site, store: Store, clock: SetClock, first: "FirstChoice") -> "Proven | None":
    """Install what is chosen, again and again until it works; return who may be signed in, None when nobody may."""
    while True:
        choice = first.wait(_LOOK)
        if choice is None:
            if _has_something(store):
                return None
            continue
        clock.at = SystemClock().now()
        try:
            return _install(site, store, clock, _Shared(site, first, choice.language), choice)
        except FormworkError as error:
            why = _in_words(error)
            site.say("cli.choose_failed", why=why(site.language))
            if _has_something(store):
                return None
            first.give_back(why)


def _install(site: Site, store: Store, clock: SetClock, progress: Progress, choice: "Choice") -> "Proven | None":
    from engine.definition.source import read_folder
    from engine.people import sessions

    began = clock.now()
    publish_template(progress, store, choice.offer.folder)
    clock.at = SystemClock().now()
    _make_admin(store, choice, began)
    if choice.demo and choice.offer.people:
        load_demo(site, progress, store, clock, read_folder(choice.offer.folder), fresh=True)
        clock.at = SystemClock().now()
    return sessions.check_login(store.database, choice.login, choice.password)


def _make_admin(store: Store, choice: "Choice", began: datetime) -> None:
    """Create the first administrator; raises ``NotPossibleNow`` where somebody has an account by now."""
    from engine.guiding import timing
    from engine.people import accounts
    from engine.people.actor import ADMIN

    with store.write() as session:
        if accounts.has_users(session.connection):
            raise NotPossibleNow("guide.chosen_already")
        accounts.create_user(
            session, login=choice.login, name=choice.name, password=choice.password, roles=[ADMIN],
            language=choice.language, actor=None,
        )  # fmt: skip
        timing.note_choice(session, began)


class _Shared(Progress):
    """Shows the steps on the terminal and on the page."""

    def __init__(self, site: Site, first: "FirstChoice", language: str) -> None:
        super().__init__(site)
        self._first, self._language = first, language

    @contextmanager
    def step(self, code: str, **params: object) -> Iterator[Callable[[int, int], None]]:
        """Show a step in both places."""
        title = messages.text(code, self._language, **params)
        with super().step(code, **params) as here, self._first.step(title) as there:

            def show(done: int, total: int) -> None:
                here(done, total)
                there(done, total)

            yield show


def _in_words(error: FormworkError) -> Callable[[str], str]:
    """Return what says why, in a language."""

    def say(language: str) -> str:
        if isinstance(error, InvalidValues):
            return "; ".join(one.text(language) for one in error.errors)
        if isinstance(error, DefinitionError):
            return error.problems[0].text(language)
        text = getattr(error, "text", None)
        return str(text(language) if text else error)

    return say
