"""An OpenID Connect provider that runs: discovery, keys, sign-in page, token endpoint over HTTP, tokens signed RS256.

Enters: whom it signs in, and how it should misbehave. Leaves: its address. It holds the client to what the protocol
asks of it: the secret, the registered way back, a code used once, and the verifier of PKCE.
"""

import hmac
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from engine.clock import Clock

KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}) for _ in range(2))
CLIENT, SECRET = "formwork", "the-secret-of-the-client"


@dataclass
class Provider:
    """One provider. ``person`` are the claims of whoever signs in; ``claims`` and the rest make it misbehave."""

    clock: Clock
    back: str
    address: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    signs: str = "RS256"
    tells_apart: bool = False  # e-mail and name only on the page about the person
    deny: str | None = None
    broken: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __call__(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        if self.broken:
            return Response("<h1>Bad gateway</h1>", 502)(environ, start)
        answer = {
            "/.well-known/openid-configuration": self._describe,
            "/keys": lambda _: {"keys": [KEY.as_dict(private=False)]},
            "/authorize": self._authorize,
            "/token": self._token,
            "/person": self._tell,
        }[request.path](request)
        found = answer if isinstance(answer, Response) else Response(json.dumps(answer), mimetype="application/json")
        return found(environ, start)

    def _describe(self, request: Request) -> dict[str, Any]:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys",
                  "userinfo_endpoint": "person", "end_session_endpoint": "out"}  # fmt: skip
        known = {name: f"{self.address}/{path}" for name, path in places.items()}
        return {"issuer": self.address, **known, **self.metadata}

    def _authorize(self, request: Request) -> Response:
        """Sign in at once whoever is to be: what a person does on such a page is not ours to test."""
        asked = request.args.to_dict()
        assert (asked["client_id"], asked["redirect_uri"], asked["response_type"]) == (CLIENT, self.back, "code")
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
        told = {"state": asked["state"]}
        if self.deny:
            return _lead(f"{self.back}?{urlencode(told | {'error': self.deny})}")
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return _lead(f"{self.back}?{urlencode(told | {'code': code})}")

    def _token(self, request: Request) -> Any:
        given = b64decode(request.headers.get("Authorization", "Basic ").split(" ")[1]).decode()
        asked = self.codes.pop(request.form.get("code", ""), None)
        if given != f"{CLIENT}:{SECRET}" or asked is None:
            return Response(json.dumps({"error": "invalid_grant"}), 400, mimetype="application/json")
        if create_s256_code_challenge(request.form["code_verifier"]) != asked["code_challenge"]:
            return Response(json.dumps({"error": "invalid_grant"}), 400, mimetype="application/json")
        now = int(self.clock.now().timestamp())
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        person = {"sub": self.person["sub"]} if self.tells_apart else self.person
        claims = {name: value for name, value in (claims | person | self.claims).items() if value is not None}
        return {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": self._sign(claims)}

    def _sign(self, claims: dict[str, Any]) -> str:
        if self.signs == "none":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        if self.signs == "HS256":  # with the public key as the shared secret: what confused libraries took
            said = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{_part(claims)}"
            return f"{said}.{_text(hmac.digest(KEY.as_pem(private=False), said.encode(), 'sha256'))}"
        if self.signs == "another key":
            return jwt.encode({"alg": "RS256", "kid": "one"}, claims, OTHER_KEY)
        return jwt.encode({"alg": self.signs, "kid": "one"}, claims, KEY)

    def _tell(self, request: Request) -> Any:
        assert request.headers["Authorization"] == "Bearer opaque"
        return self.person


def sign_in(browser: Any, to: str = "") -> Any:
    """Press the button, go through the provider as a browser does, and come back; the last answer here."""
    begun = browser.get("/login/company", query_string={"next": to} if to else {})
    if not begun.headers.get("Location", "").startswith("http"):
        return begun
    sent = requests.get(begun.headers["Location"], allow_redirects=False, timeout=5)
    back = urlsplit(sent.headers["Location"])
    return browser.get(f"{back.path}?{back.query}")


def answer_of(address: str) -> dict[str, str]:
    """Return what an address says after its question mark."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@contextmanager
def serve(clock: Clock, back: str) -> Iterator[Provider]:
    """Serve a provider on a port of its own by a thread."""
    provider = Provider(clock, back)
    server = make_server("127.0.0.1", 0, provider, threaded=True)
    provider.address = f"http://127.0.0.1:{server.port}"
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


def _part(said: dict[str, Any]) -> str:
    return _text(json.dumps(said).encode())


def _text(given: bytes) -> str:
    return urlsafe_b64encode(given).rstrip(b"=").decode()


def _lead(address: str) -> Response:
    return Response("", 302, {"Location": address})
