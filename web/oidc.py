"""OpenID Connect: the authorization code flow with PKCE, against the one provider that the settings name.

Enters: the provider's settings, its answers. Leaves: where to send a browser, and whom the provider vouches for. Must
not believe an answer that was not asked for here, nor a token whose signature, issuer, audience, nonce or times do not
fit; must not know people, nor write a token or a secret anywhere.
"""

import logging
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from engine.errors import NotPossibleNow
from engine.people.identities import Vouched
from web.settings import CompanySignIn

log = logging.getLogger("formwork")
SCOPE = "openid email profile"
_SIGNATURES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Those made with a key that only the provider has; ``none`` and shared secrets are not among them."""
_PATIENCE = 5  # seconds the provider has for an answer
_LEEWAY = 120  # seconds that two clocks may differ
_KEPT = 3600.0  # seconds its addresses are believed
_PAUSE = 10.0  # seconds it is left alone after it did not answer
_MOST_SAID = 300
_ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class SignInFailed(NotPossibleNow):
    """The sign-in with a company account did not work; the sentence says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of the provider, to be held against its answer."""

    state: str
    nonce: str
    verifier: str


class Provider:
    """The provider as one process knows it: its addresses are read once an hour, its keys at each sign-in."""

    def __init__(self, given: CompanySignIn, back_url: str) -> None:
        self.given = given
        self._back_url = back_url
        self._known: tuple[float, dict[str, Any] | None] | None = None

    def ask(self) -> tuple[str, Question]:
        """Return where to send the browser, and what to hold the answer against."""
        question = Question(*(secrets.token_urlsafe(32) for _ in range(3)))
        with self._client() as client:
            address, _ = client.create_authorization_url(
                self._metadata()["authorization_endpoint"], state=question.state, nonce=question.nonce,
                code_verifier=question.verifier,
            )  # fmt: skip
        return address, question

    def redeem(self, code: str, question: Question, *, now: datetime) -> Vouched:
        """Exchange a code for whom the provider vouches for; raises ``SignInFailed``."""
        from authlib.common.errors import AuthlibBaseError
        from requests import RequestException

        metadata = self._metadata()
        try:
            with self._client(metadata) as client:
                token = client.fetch_token(
                    metadata["token_endpoint"], grant_type="authorization_code", code=code,
                    code_verifier=question.verifier,
                )  # fmt: skip
                claims = self._check(token, client, metadata, question, now)
                if "email" not in claims and "userinfo_endpoint" in metadata:
                    claims |= self._more(client, metadata, claims["sub"])
        except RequestException as error:
            raise self._failed("people.company_down", error) from error
        except AuthlibBaseError as error:  # the code was used before, ran out, or the client secret is wrong
            raise self._failed("people.company_refused", error) from error
        except (ValueError, KeyError, TypeError) as error:  # an answer that makes no sense
            raise self._failed("people.company_unreadable", error) from error
        verified = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
        name = claims.get("name")
        return Vouched(
            issuer=metadata["issuer"],
            subject=str(claims["sub"]),
            email=claims["email"].strip() or None if verified else None,
            name=name.strip() or None if isinstance(name, str) else None,
        )

    def sign_out_url(self, back: str) -> str | None:
        """Return where one signs out at the provider too; None when it has no such page, or does not answer."""
        try:
            found = self._metadata().get("end_session_endpoint")
        except SignInFailed:
            return None
        query = urlencode({"client_id": self.given.client_id, "post_logout_redirect_uri": back})
        return f"{found}?{query}" if found and self._is_fit(found) else None

    def _check(self, token: Any, client: Any, metadata: Any, question: Question, now: datetime) -> dict[str, Any]:
        """Return the claims of an ID token; everything about it is held against what was asked."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError
        from joserfc.jwk import KeySet

        keys = KeySet.import_key_set(self._get(client, metadata["jwks_uri"]))
        try:
            read = jwt.decode(token["id_token"], keys, algorithms=_SIGNATURES)
            options = {
                "iss": {"essential": True, "value": metadata["issuer"]},
                "aud": {"essential": True, "value": self.given.client_id},
                "sub": {"essential": True},
                "nonce": {"essential": True, "value": question.nonce},
            }
            known = {"client_id": self.given.client_id, "access_token": token.get("access_token")}
            claims = CodeIDToken(read.claims, read.header, options, known)
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
        except ExpiredTokenError as error:
            raise self._failed("people.company_expired", error) from error
        except InvalidClaimError as error:
            at_times = error.claim in ("exp", "iat", "nbf")
            raise self._failed("people.company_clock" if at_times else "people.company_unproven", error) from error
        except JoseError as error:
            raise self._failed("people.company_unproven", error) from error
        return dict(claims)

    def _more(self, client: Any, metadata: Any, subject: str) -> dict[str, Any]:
        """Return what some providers tell on a page of its own only; about the same person, or nothing."""
        told = self._get(client, metadata["userinfo_endpoint"], withhold_token=False)
        return {name: told.get(name) for name in ("email", "email_verified", "name")} if told["sub"] == subject else {}

    def _metadata(self) -> dict[str, Any]:
        """Return the provider's addresses; one that did not answer is left alone for a moment."""
        at = time.monotonic()
        if self._known is None or at > self._known[0]:
            self._known = (at + _PAUSE, None)
            self._known = (at + _KEPT, self._discover())
        found = self._known[1]
        if found is None:
            raise SignInFailed("people.company_down")
        return found

    def _discover(self) -> dict[str, Any]:
        from requests import RequestException

        issuer = self.given.issuer
        try:
            with self._client() as client:
                found = self._get(client, f"{issuer}/.well-known/openid-configuration")
            addresses = [found[name] for name in _ADDRESSES]
        except (RequestException, ValueError, KeyError, TypeError) as error:
            raise self._failed("people.company_down", error) from error
        if str(found.get("issuer")).rstrip("/") != issuer or not all(map(self._is_fit, addresses)):
            raise self._failed("people.company_unproven", ValueError("discovery names another issuer or no https"))
        return dict(found)

    def _get(self, client: Any, address: str, *, withhold_token: bool = True) -> Any:
        answer = client.get(address, withhold_token=withhold_token, allow_redirects=False)
        answer.raise_for_status()
        return answer.json()

    def _is_fit(self, address: str) -> bool:
        """Whether an address of the provider is as safe as that of the settings."""
        return urlsplit(address).scheme in ("https", urlsplit(self.given.issuer).scheme)

    def _client(self, metadata: dict[str, Any] | None = None) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        ways = (metadata or {}).get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return OAuth2Session(
            self.given.client_id,
            self.given.client_secret,
            token_endpoint_auth_method="client_secret_basic" if "client_secret_basic" in ways else ways[0],
            scope=SCOPE,
            redirect_uri=self._back_url,
            code_challenge_method="S256",
            default_timeout=_PATIENCE,
        )

    def _failed(self, code: str, error: Exception) -> SignInFailed:
        """Write down why, for whoever runs the site: the kind of the error and its words, never a token."""
        words = ascii(str(error)[:_MOST_SAID])  # some of them are the provider's: one line stays one line
        log.warning("sign-in with %s failed: %s: %s", self.given.issuer, type(error).__name__, words)
        return SignInFailed(code)
