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
from pathlib import Path
from urllib.parse import urlsplit

from engine import messages
from engine.errors import NotPossibleNow

DEFAULT_HOME = "formwork-data"
_MIB = 1024 * 1024
_SHORTEST_KEY = 32
_WEAK_KEYS = ("secret", "changeme", "dev", "default", "password", "example", "test")


class WrongSetting(NotPossibleNow):
    """A setting that cannot be used; the text names it and says what to write."""


@dataclass(frozen=True)
class Settings:
    """One installation. Sizes are bytes, lengths of time ``timedelta``."""

    home: Path
    database_url: str
    secret_key: str = field(repr=False)
    redis_url: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8700
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
        language=_language(given),
        public_url=_public_url(given),
        trusted_hosts=_trusted_hosts(given),
        proxies=_number(given, "FORMWORK_PROXIES", 0, highest=10),
        largest_upload=_number(given, "FORMWORK_LARGEST_UPLOAD_MB", 100, highest=10_000) * _MIB,
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


def _number(given: Mapping[str, str], name: str, default: int, *, highest: int) -> int:
    text = given.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) > highest:
        raise WrongSetting("cli.setting_number", name=name, value=text, highest=highest)
    return int(text)


def _public_url(given: Mapping[str, str]) -> str | None:
    url = (given.get("FORMWORK_PUBLIC_URL") or "").rstrip("/")
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise WrongSetting("cli.setting_url", name="FORMWORK_PUBLIC_URL", value=url)
    return url or None


def _trusted_hosts(given: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts named, else the host of the public address; nothing said means any."""
    named = tuple(host.strip() for host in given.get("FORMWORK_HOSTS", "").split(",") if host.strip())
    public = urlsplit(given.get("FORMWORK_PUBLIC_URL") or "").hostname
    return named or ((public,) if public else ())
