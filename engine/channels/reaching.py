"""Reaching a server outside without being led inside.

Enters: an address an administrator wrote, and a body. Leaves: the beginning of the answer. Must not follow a redirect,
use a proxy of the environment, read without end, wait longer than its time, nor open a transaction. Loaded when the
first message leaves, not at every start.
"""

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from engine.channels.addresses import Unreachable, find_host, resolve
from engine.channels.parcels import LARGEST_ANSWER, Answer

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0


def post(address: str, body: bytes, headers: Mapping[str, str], *, inside: bool = False) -> Answer:
    """Post to a web address and return the answer, whatever its status; raises ``Unreachable``."""
    parts = urlsplit(address)
    host = find_host(address)
    if parts.scheme == "http" and not inside:
        raise Unreachable("channel.not_encrypted", lasting=True)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    said = {"Host": host, "User-Agent": "Formwork", "Accept-Encoding": "identity", **headers}
    failure = Unreachable("channel.no_host")
    for one in resolve(parts.hostname or "", port, inside=inside):
        connection, late = _connect(one, port, parts.hostname or "", secure=secure), threading.Event()
        open_: list[Any] = []  # the connection itself forgets its socket once the answer begins
        watch = threading.Timer(TOTAL_SECONDS, _give_up, (connection, open_, late))
        watch.daemon = True
        watch.start()
        try:
            connection.connect()
            open_.append(connection.sock)
            return _ask(connection, target, body, said, late)
        except (OSError, HTTPError, ValueError) as error:
            failure = Unreachable("channel.too_slow" if late.is_set() else "channel.no_connection", str(error))
        finally:
            watch.cancel()
            connection.close()
    raise failure


def _ask(
    connection: HTTPConnection, target: str, body: bytes, headers: Mapping[str, str], late: threading.Event
) -> Answer:
    """Send and read; ``late`` says that the time there is was used up."""
    try:
        connection.request("POST", target, body=body, headers=headers, preload_content=False, decode_content=False)
        answer = connection.getresponse()
        beginning, whole = _read(answer)
        return Answer(answer.status, beginning, {k.lower(): v for k, v in answer.headers.items()}, whole)
    except (OSError, HTTPError, HTTPException, ValueError) as error:
        code = "channel.too_slow" if late.is_set() or isinstance(error, TimeoutError) else "channel.broken_off"
        raise Unreachable(code, str(error)) from None


def _read(answer: Any) -> tuple[bytes, bool]:
    """Return the beginning of a body; one that breaks off or never ends is no failure of what was sent."""
    found = b""
    try:
        while len(found) <= LARGEST_ANSWER:
            more = answer.read1(LARGEST_ANSWER + 1 - len(found))
            if not more:
                return found, True
            found += more
    except (OSError, HTTPError, HTTPException, ValueError):
        return found, False
    return found[:LARGEST_ANSWER], False


def cut(sock: socket.socket) -> None:
    """End a connection under whoever waits for it, encrypted or not."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not that of an encrypted one, which would take its turn


def _give_up(connection: HTTPConnection, open_: list[Any], late: threading.Event) -> None:
    late.set()
    for sock in open_ or [connection.sock]:
        if sock is not None:
            cut(sock)


def _connect(address: str, port: int, host: str, *, secure: bool) -> HTTPConnection:
    if not secure:
        return HTTPConnection(address, port, timeout=CONNECT_SECONDS)
    return HTTPSConnection(address, port, timeout=CONNECT_SECONDS, server_hostname=host, ssl_context=_trust())


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
