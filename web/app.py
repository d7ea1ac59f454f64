"""The application factory: one store, the blueprints, and what guards every request.

Enters: ``Settings``. Leaves: a WSGI application. Must not do anything at import, nor keep a connection across a fork.
"""

import secrets
from typing import Any

from flask import Flask, Request, Response, g
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_compress import Compress
from flask_wtf import CSRFProtect
from sqlalchemy import text
from werkzeug.middleware.proxy_fix import ProxyFix

from engine.automation.jobs import RedisDoorbell
from engine.clock import Clock, SystemClock
from engine.storage.database import open_database
from engine.storage.store import Store
from web import api, auth, gate
from web.assets import serve_assets
from web.errors import handle_errors
from web.page_kit import install_page_kit
from web.pages import register_pages
from web.security import protect_answers
from web.settings import Settings, read_settings
from web.throttle import LoginThrottle

_FORM_MEMORY = 4 * 1024 * 1024  # a form with 500 lines of 20 columns
_FORM_PARTS = 20_000


class _Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie; nothing is made ready to check a signature for whoever sends none, as programs do."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


def create_app(settings: Settings, *, clock: Clock | None = None) -> Flask:
    """Return the application of one installation; its database is brought up to date."""
    app = Flask(__name__, template_folder="page_templates", static_folder=None)
    app.session_interface = _Cookies()
    app.config.from_mapping(_config(settings))
    app.extensions["formwork.settings"] = settings
    app.extensions["formwork.store"] = _open_store(settings, clock or SystemClock())
    app.extensions["formwork.throttle"] = _make_throttle(settings)
    _number_requests(app)
    gate.allow_large_bodies(app)
    csrf = CSRFProtect(app)
    Compress(app)
    protect_answers(app, secure=settings.secure)
    handle_errors(app)
    _register_views(app, csrf)
    _prepare_pages(app)
    gate.check_gates(app)
    serve_assets(app)
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, *[settings.proxies] * 4)  # type: ignore[method-assign]
    return app


def _config(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "TESTING": settings.testing,
        "SESSION_COOKIE_NAME": "__Host-formwork" if settings.secure else "formwork",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure,
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": settings.lifetime,
        "PREFERRED_URL_SCHEME": "https" if settings.secure else "http",
        "MAX_CONTENT_LENGTH": settings.largest_body,
        "MAX_FORM_MEMORY_SIZE": _FORM_MEMORY,
        "MAX_FORM_PARTS": _FORM_PARTS,
        "TRUSTED_HOSTS": list(settings.trusted_hosts) or None,
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a form left open over lunch must still save
        "COMPRESS_MIMETYPES": ["text/html", "application/json", "application/problem+json"],
        "COMPRESS_MIN_SIZE": 1024,
        "COMPRESS_ALGORITHM": ["zstd", "br", "gzip"],
    }


def make_wsgi() -> Flask:
    """Return the application of the home folder the environment names, for a WSGI server: ``web.app:make_wsgi()``."""
    return create_app(read_settings())


def _open_store(settings: Settings, clock: Clock) -> Store:
    """Open the store; where there is a Redis, its workers are rung after each commit that left something to do."""
    store = Store(open_database(settings.database_url), settings.files_dir, clock)
    if settings.redis_url:
        store.bell = RedisDoorbell(settings.redis_url, settings.database_url, str(settings.files_dir)).ring
    return store


def _make_throttle(settings: Settings) -> LoginThrottle:
    return LoginThrottle(
        settings.redis_url, pair=settings.login_limit, login=settings.login_total, address=settings.address_limit
    )


def _number_requests(app: Flask) -> None:
    """Give each request an id, told to whoever asked and written to the log when something breaks."""

    @app.before_request
    def number() -> None:
        g.request_id = secrets.token_hex(8)

    @app.after_request
    def tell(answer: Response) -> Response:
        answer.headers["X-Request-Id"] = g.get("request_id") or "-"
        return answer


def _register_views(app: Flask, csrf: CSRFProtect) -> None:
    programs = api.make_blueprint()
    csrf.exempt(programs)  # the gate asks for the token itself when a cookie, not a bearer token, says who it is
    app.register_blueprint(programs)
    app.register_blueprint(auth.blueprint)
    register_pages(app)
    app.add_url_rule("/healthz", "healthz", _is_alive)
    app.add_url_rule("/readyz", "readyz", _is_ready)


def _prepare_pages(app: Flask) -> None:
    install_page_kit(app.jinja_env, lambda: gate.locale().language)


@gate.open_to_all
def _is_alive() -> dict[str, str]:
    """Answer as long as the process does."""
    return {"status": "ok"}


@gate.open_to_all
def _is_ready() -> Any:
    """Answer ok when the database does and something is published."""
    with gate.store().read() as session:
        session.connection.execute(text("SELECT 1"))
        published = session.release_id is not None
    return ({"status": "ok"}, 200) if published else ({"status": "nothing published"}, 503)
