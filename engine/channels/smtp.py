"""Handing a letter to a server by SMTP.

Enters: a letter, an opened e-mail channel. Leaves: what the server said. Must not send a password before the line is
encrypted, nor wait longer than its time. Loaded when the first letter leaves, not at every start.
"""

import smtplib
import socket
import ssl
import threading
from typing import Any

from engine.channels import reaching
from engine.channels.addresses import Unreachable, resolve
from engine.channels.kinds.mail import find_server, one_line
from engine.channels.opened import Opened
from engine.channels.parcels import SENT, Letter, Verdict

SECONDS, TOTAL_SECONDS = 15.0, 30.0


def send(letter: Letter, channel: Opened) -> Verdict:
    """Hand a letter to the server and return what it said; raises ``Unreachable``."""
    host, port, security = find_server(channel.address, channel.options)
    failure = Unreachable("channel.no_host")
    for one in resolve(host, port, inside=channel.inside):
        try:
            server = _connect(one, host, port, security)
            try:
                return _hand_over(server, letter, channel, security)
            finally:
                server.close()
        except smtplib.SMTPException as error:
            return _judge(error)
        except (OSError, ValueError) as error:
            code = "channel.too_slow" if isinstance(error, TimeoutError) else "channel.no_connection"
            failure = Unreachable(code, str(error))
    raise failure


class _Pinned(smtplib.SMTP):
    """A connection to the address that was judged, whatever the name leads to by now; it ends in time."""

    def __init__(self, address: str, host: str, security: str) -> None:
        super().__init__(local_hostname="formwork", timeout=SECONDS)
        self._address, self._secure, self._host = address, security == "tls", host
        self._watch: threading.Timer | None = None

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        plain = socket.create_connection((self._address, port), timeout)
        self._watch = threading.Timer(TOTAL_SECONDS, reaching.cut, (plain,))
        self._watch.daemon = True
        self._watch.start()
        if not self._secure:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self._host)

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().close()


def _connect(address: str, host: str, port: int, security: str) -> smtplib.SMTP:
    server = _Pinned(address, host, security)
    server.connect(host, port)
    server._host = host  # what the certificate must be for, once the line is encrypted
    return server


def _hand_over(server: smtplib.SMTP, letter: Letter, channel: Opened, security: str) -> Verdict:
    if security == "starttls":
        server.starttls(context=ssl.create_default_context())
    user = channel.options.get("user")
    if user and channel.secret and security != "none":
        server.login(str(user), channel.secret)
    server.send_message(letter.mail, to_addrs=[letter.recipient])
    return SENT


def _judge(error: smtplib.SMTPException) -> Verdict:
    """Return what a refusal means: codes from 500 on are lasting, those below are not."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()), (550, b""))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, said = error.smtp_code, error.smtp_error  # type: ignore[assignment]
    else:
        return Verdict("retry", "channel.broken_off", str(error)[:500])
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    quoted = f"{code} {one_line(text)}"[:500]
    return (
        Verdict("refused", "channel.refused", quoted)
        if code >= 500
        else Verdict("retry", "channel.wrong_answer", quoted)
    )
