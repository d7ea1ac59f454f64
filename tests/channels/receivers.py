"""Real servers that messages are sent to: one for HTTP that misbehaves as it is told, one for SMTP."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """An HTTP server; ``replies`` are what it does next, then it answers well (``{"errcode": 0, "code": 0}``).

    A reply is a status, a text, an object for JSON, or one of ``hang``, ``endless``, ``drip``, ``redirect``, ``reset``.
    """

    port: int = 0
    got: list[Got] = field(default_factory=list)
    replies: deque[Any] = field(default_factory=deque)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = self.receiver
        told.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        reply = told.replies.popleft() if told.replies else {"errcode": 0, "code": 0}
        with contextlib.suppress(OSError):
            self._reply(reply)

    def _reply(self, reply: Any) -> None:
        match reply:
            case int():
                self._say(reply, b"")
            case dict():
                self._say(200, json.dumps(reply).encode())
            case "hang":
                self.receiver.ended.wait(20)
            case "endless" | "drip":
                self.send_response(200)
                self.end_headers()
                while not self.receiver.ended.is_set():
                    self.wfile.write(b"x" * (100_000 if reply == "endless" else 1))
                    time.sleep(0 if reply == "endless" else 0.05)
            case "redirect":
                self.send_response(302)
                self.send_header("Location", f"{self.receiver.url}/elsewhere")
                self.end_headers()
            case "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextlib.contextmanager
def http_receiver(certificate: Path | None = None) -> Iterator[Receiver]:
    """Run an HTTP server, encrypted where there is a certificate."""
    receiver = Receiver()
    server = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": receiver}))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def make_certificate(folder: Path) -> Path:
    """Write key and certificate of 127.0.0.1 into one file and return it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


@dataclass
class Mailbox:
    """An SMTP server that wants a password; ``replies`` are what it says next to a letter."""

    port: int = 0
    letters: list[tuple[list[str], bytes]] = field(default_factory=list)
    replies: deque[str] = field(default_factory=deque)
    logins: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        said = self.replies.popleft() if self.replies else "250 kept"
        if said.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.letters.append((envelope.rcpt_tos, envelope.content))
        return said


@contextlib.contextmanager
def smtp_receiver(folder: Path) -> Iterator[Mailbox]:
    """Run an SMTP server that insists on STARTTLS; its certificate is ``folder/certificate.pem``."""
    mailbox = Mailbox()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(folder))

    def know(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        mailbox.logins.append(given.login.decode())
        return AuthResult(success=given.password == b"open sesame", handled=False)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        mailbox.port = free.getsockname()[1]
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=mailbox.port, authenticator=know, auth_required=True,
        tls_context=context, require_starttls=True,
    )  # fmt: skip
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
