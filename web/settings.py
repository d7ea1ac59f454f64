"""Settings of one installation, from the environment and its home folder.

Enters: environment variables ``FORMWORK_*`` and the home folder. Leaves: a frozen ``Settings``. Must not open the
database, nor invent a secret: the key is made once at install, kept in ``home/secret.key`` and refused when weak.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from engine import messages
from engine.errors import NotPossibleNow
from engine.people.actor import ADMIN

DEFAULT_HOME = "formwork-data"
_MIB = 1024 * 1024
_SHORTEST_KEY = 32
_WEAK_KEYS = ("secret", "changeme", "dev", "default", "password", "example", "test")


class WrongSetting(NotPossibleNow):
    """A setting that cannot be used; the text names it and says what to write."""


@dataclass(frozen=True)
class CompanySignIn:
    """The OpenID Connect provider of a company. Newcomers get ``new_roles``; without any they are turned away."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    label: str | None = None  # what the button says
    new_roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """One installation. Sizes are bytes, lengths of time ``timedelta``."""

    home: Path
    database_url: str
    secret_key: str = field(repr=False)
    redis_url: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8700
    processes: int = 1  # that answer beside each other
    language: str = messages.DEFAULT_LANGUAGE
    public_url: str | None = None  # as people type it; https here makes cookies secure and sends HSTS
    trusted_hosts: tuple[str, ...] = ()  # empty: any Host header is answered
    proxies: int = 0  # how many proxies in front may be believed about address and scheme
    largest_body: int = 4 * _MIB
    largest_upload: int = 100 * _MIB
    lifetime: timedelta = timedelta(days=14)
    login_limit: str = "10 per 5 minutes"  # of one login from one address
    login_total: str = "100 per 1 hour"  # of one login from anywhere
    address_limit: str = "300 per 5 minutes"  # of one address, which may be a whole office
    hook_limit: str = "600 per 1 minute"  # of what is sent to one address of a webhook from one place
    form_limit: str = "30 per 10 minutes"  # of what visitors send by one public form from one address
    second_factor_roles: frozenset[str] = frozenset()  # whoever has one of these must have a second factor
    company: CompanySignIn | None = None
    large_table: int = 50_000  # rows from which on PostgreSQL builds indexes while everybody works
    lock_wait: int = 2  # seconds a publish waits for a table at a time
    publish_wait: int = 60  # seconds a publish tries again before it says who holds it up
    longest_query: int = 30  # seconds that a statement of a page or of the API may read; 0: as long as it likes
    metrics_token: str | None = field(default=None, repr=False)  # for /metrics; without one it is not there
    testing: bool = False

    @property
    def files_dir(self) -> Path:
        """Where uploaded files lie."""
        return self.home / "files"

    @property
    def secure(self) -> bool:
        """Whether people come by https."""
        return (self.public_url or "").startswith("https://")


def read_settings(environ: Mapping[str, str] | None = None, *, home: str | Path | None = None) -> Settings:
    """Return the settings of an installed home folder; ``WrongSetting`` says what is missing or cannot be used."""
    given = os.environ if environ is None else environ
    folder = find_home(given, home)
    return Settings(
        home=folder,
        database_url=given.get("FORMWORK_DATABASE_URL") or default_database_url(folder),
        secret_key=_read_secret_key(given, folder),
        redis_url=given.get("FORMWORK_REDIS_URL") or None,
        host=given.get("FORMWORK_HOST") or Settings.host,
        port=_number(given, "FORMWORK_PORT", Settings.port, highest=65_535),
        processes=_number(given, "FORMWORK_PROCESSES", Settings.processes, lowest=1, highest=64),
        language=_language(given),
        public_url=_public_url(given),
        trusted_hosts=_trusted_hosts(given),
        proxies=_number(given, "FORMWORK_PROXIES", 0, highest=10),
        largest_upload=_number(given, "FORMWORK_LARGEST_UPLOAD_MB", 100, highest=10_000) * _MIB,
        second_factor_roles=frozenset(_listed(given, "FORMWORK_SECOND_FACTOR")),
        company=_company(given),
        large_table=_number(given, "FORMWORK_LARGE_TABLE", Settings.large_table, highest=1_000_000_000),
        lock_wait=_number(given, "FORMWORK_LOCK_WAIT", Settings.lock_wait, highest=3_600),
        longest_query=_number(given, "FORMWORK_LONGEST_QUERY", Settings.longest_query, highest=86_400),
        metrics_token=given.get("FORMWORK_METRICS_TOKEN") or None,
        publish_wait=_number(given, "FORMWORK_PUBLISH_WAIT", Settings.publish_wait, highest=86_400),
    )


def find_home(environ: Mapping[str, str], home: str | Path | None = None) -> Path:
    """Return the absolute home folder, whether it exists or not."""
    return Path(home or environ.get("FORMWORK_HOME") or DEFAULT_HOME).expanduser().resolve()


def install_home(home: Path) -> None:
    """Create the home folder, readable by its owner only, with a secret key of its own. Harmless when it exists."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "files").mkdir(exist_ok=True, mode=0o700)
    if not (home / "secret.key").exists():
        write_private(home / "secret.key", secrets.token_urlsafe(48) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def default_database_url(home: Path) -> str:
    """Return the address of the embedded database in the home folder."""
    return f"sqlite:///{home / 'formwork.sqlite3'}"


def _read_secret_key(given: Mapping[str, str], home: Path) -> str:
    path = home / "secret.key"
    key = given.get("FORMWORK_SECRET_KEY", "").strip()
    if not key and not path.is_file():
        raise WrongSetting("cli.not_installed", home=home)
    if not key:
        _require_private(path)
        key = path.read_text(encoding="utf-8").strip()
    _require_strong(key)
    return key


def _require_private(path: Path) -> None:
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise WrongSetting("cli.key_readable", path=path)


def _require_strong(key: str) -> None:
    weak = len(key) < _SHORTEST_KEY or len(set(key)) < 12 or any(key.casefold().count(word) > 1 for word in _WEAK_KEYS)
    if weak:
        raise WrongSetting("cli.key_weak", least=_SHORTEST_KEY)


def _language(given: Mapping[str, str]) -> str:
    language = given.get("FORMWORK_LANG") or messages.DEFAULT_LANGUAGE
    if language not in messages.LANGUAGES:
        raise WrongSetting("cli.setting_language", value=language, known=", ".join(messages.LANGUAGES))
    return language


def _number(given: Mapping[str, str], name: str, default: int, *, lowest: int = 0, highest: int) -> int:
    text = given.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
        raise WrongSetting("cli.setting_number", name=name, value=text, lowest=lowest, highest=highest)
    return int(text)


def _public_url(given: Mapping[str, str]) -> str | None:
    url = (given.get("FORMWORK_PUBLIC_URL") or "").rstrip("/")
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise WrongSetting("cli.setting_url", name="FORMWORK_PUBLIC_URL", value=url)
    return url or None


def _trusted_hosts(given: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts named, else the host of the public address; nothing said means any."""
    named = _listed(given, "FORMWORK_HOSTS")
    public = urlsplit(given.get("FORMWORK_PUBLIC_URL") or "").hostname
    return named or ((public,) if public else ())


def _listed(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in given.get(name, "").split(",") if one.strip())


def _company(given: Mapping[str, str]) -> CompanySignIn | None:
    """Return the provider, when one is named: whole, or refused."""
    issuer = (given.get("FORMWORK_OIDC_ISSUER") or "").rstrip("/")
    if not issuer:
        return None
    parts = urlsplit(issuer)
    here = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or here):
        raise WrongSetting("cli.setting_url", name="FORMWORK_OIDC_ISSUER", value=issuer)
    client_id, secret = given.get("FORMWORK_OIDC_CLIENT_ID", "").strip(), _client_secret(given)
    needed = {
        "FORMWORK_OIDC_CLIENT_ID": client_id,
        "FORMWORK_OIDC_CLIENT_SECRET": secret,
        "FORMWORK_PUBLIC_URL": _public_url(given),
    }
    for name, value in needed.items():
        if not value:
            raise WrongSetting("cli.company_incomplete", name=name)
    new_roles = _listed(given, "FORMWORK_OIDC_NEW_ROLES")
    if ADMIN in new_roles:
        raise WrongSetting("cli.company_admin")
    if find_spec("authlib") is None or find_spec("requests") is None:
        raise WrongSetting("cli.company_missing")
    return CompanySignIn(issuer, client_id, secret, given.get("FORMWORK_OIDC_LABEL") or None, new_roles)


def _client_secret(given: Mapping[str, str]) -> str:
    """Return the secret itself, or what the file named holds, which nobody else may read."""
    named = given.get("FORMWORK_OIDC_CLIENT_SECRET_FILE")
    if not named:
        return given.get("FORMWORK_OIDC_CLIENT_SECRET", "").strip()
    path = Path(named).expanduser()
    try:
        _require_private(path)
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise WrongSetting("cli.setting_file", name="FORMWORK_OIDC_CLIENT_SECRET_FILE", path=path) from None
