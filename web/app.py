"""The application factory: one store, the blueprints, and what guards every request.

Enters: ``Settings``. Leaves: a WSGI application. Must not do anything at import, nor keep a connection across a fork.
"""

import secrets
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, g
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_compress import Compress
from flask_wtf import CSRFProtect
from sqlalchemy import text
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule

from engine.automation.jobs import RedisDoorbell
from engine.clock import Clock, SystemClock
from engine.people.actor import ADMIN
from engine.storage.database import open_database
from engine.storage.store import Store
from web import api, auth, calls, company, gate, hooks, joining, pictures, public_forms, second_step
from web.assets import serve_assets
from web.errors import handle_errors
from web.metrics import metrics
from web.page_kit import FONTS, install_page_kit
from web.pages import register_pages
from web.remembering import remembering
from web.security import protect_answers
from web.settings import Settings, WrongSetting, read_settings
from web.throttle import AddressThrottle, LoginThrottle

_FORM_MEMORY = 4 * 1024 * 1024  # a form with 500 lines of 20 columns
_FORM_PARTS = 20_000


class Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie; nothing is made ready to check a signature for whoever sends none, as programs do."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


class _Rule(Rule):
    """An address whose builder is made when it is first built: making all of them is most of the time of a start."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_ = super()._compile_builder
        made: list[Callable[..., tuple[str, str]]] = []

        def build(self: Rule, **values: Any) -> tuple[str, str]:
            if not made:
                made.append(compile_(append_unknown))
            return made[0](self, **values)

        return build


def create_app(settings: Settings, *, clock: Clock | None = None) -> Flask:
    """Return the application of one installation; its database is brought up to date."""
    app = Flask(__name__, template_folder="page_templates", static_folder=None)
    app.url_rule_class = _Rule
    app.session_interface = Cookies()
    app.config.from_mapping(configure(settings))
    serve_installation(app, settings, clock or SystemClock())
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


def serve_installation(app: Flask, settings: Settings, clock: Clock) -> None:
    """Let the application answer from an installation: its settings, store, provider, and who was refused lately."""
    app.extensions["formwork.settings"] = settings
    app.extensions["formwork.store"] = _open_store(settings, clock)
    app.extensions["formwork.throttle"] = make_throttle(settings)
    app.extensions["formwork.hooks"] = AddressThrottle(settings.redis_url, settings.hook_limit)
    app.extensions["formwork.forms"] = AddressThrottle(settings.redis_url, settings.form_limit)
    app.extensions["formwork.provider"] = company.make_provider(settings)
    _check_roles(settings, app.extensions["formwork.store"])


def configure(settings: Settings) -> dict[str, Any]:
    """Return what Flask is told of an installation."""
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
    database = open_database(settings.database_url, longest_read=settings.longest_query or None)
    with remembering(settings.home):
        store = Store(database, settings.files_dir, clock)
    store.secret_key, store.public_url = settings.secret_key, settings.public_url
    store.fonts = FONTS
    if settings.redis_url:
        store.bell = RedisDoorbell(settings.redis_url, settings.database_url, str(settings.files_dir)).ring
    return store


def _check_roles(settings: Settings, store: Store) -> None:
    """Refuse a setting that names a role there is none of: it would protect nobody. Nothing published has no roles."""
    named = {
        "FORMWORK_SECOND_FACTOR": settings.second_factor_roles,
        "FORMWORK_OIDC_NEW_ROLES": frozenset(settings.company.new_roles if settings.company else ()),
    }
    if not any(named.values()) or not store.app.roles:
        return
    known = {ADMIN, *store.app.roles}
    for name, roles in named.items():
        for role in sorted(roles - known):
            store.database.close()
            raise WrongSetting("cli.setting_role", name=name, value=role, known=", ".join(sorted(known)))


def make_throttle(settings: Settings) -> LoginThrottle:
    """Return what counts attempts to sign in."""
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
    app.register_blueprint(second_step.blueprint)
    app.register_blueprint(company.blueprint)
    app.register_blueprint(joining.blueprint)
    register_pages(app)
    app.add_url_rule("/calls/<message_id>", "take_call_result", calls.take_call_result, methods=["POST"])
    csrf.exempt("web.calls.take_call_result")  # signed with the secret of the dialler instead
    app.add_url_rule("/hooks/<hook>", "receive", hooks.receive, methods=["POST"])
    csrf.exempt("web.hooks.receive")  # signed with the secret of the address instead
    app.add_url_rule(f"{pictures.PREFIX}<picture>", "show_picture", pictures.show, methods=["GET"])
    app.add_url_rule("/form/<hook>", "show_form", public_forms.show, methods=["GET"])
    app.add_url_rule("/form/<hook>", "send_form", public_forms.send, methods=["POST"])
    app.add_url_rule("/form/<hook>/<token>", "show_link", public_forms.show_link, methods=["GET"])
    app.add_url_rule("/form/<hook>/<token>", "send_link", public_forms.send_link, methods=["POST"])
    csrf.exempt("web.public_forms.send_link")
    csrf.exempt("web.public_forms.send")  # anybody may send it, and nobody is signed in: there is nothing to ride on
    app.add_url_rule("/healthz", "healthz", _is_alive)
    app.add_url_rule("/readyz", "readyz", _is_ready)
    app.add_url_rule("/metrics", "metrics", metrics)


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
