"""The first page of an empty installation: choose a template, and be its first administrator.

Enters: the code that was printed where the site was started, then a choice. Leaves: a ``Choice`` for whoever installs,
and at the end a signed-in administrator at the set-up guide. Must not show or take anything from somebody without the
code, nor answer once something is published: the site itself knows none of these addresses.
"""

import secrets
from typing import Any

from flask import Flask, Response, make_response, redirect, render_template, request
from flask import session as cookie
from flask_compress import Compress
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from engine import messages
from engine.errors import FieldError
from engine.people import accounts, passwords
from engine.people.actor import ADMIN
from engine.storage.store import Store
from web.app import Cookies, configure, make_throttle
from web.assets import serve_assets
from web.first_choice import Choice, FirstChoice
from web.first_view import view_choices, view_work
from web.gate import locale, store
from web.guide_view import URL
from web.i18n import LANGUAGES
from web.letting_in import count_attempt, forget_attempts, let_in
from web.page_kit import install_page_kit
from web.security import protect_answers
from web.settings import Settings
from web.shell import add_toast
from web.throttle import TooManyAttempts

_PROVEN, _CLAIM = "first_code", "first_claim"
_LOOK_AGAIN = 1
"""Seconds after which the browser asks how far it is: by a header, since these pages have no scripts."""
_COUNTED_AS = "first start"
"""Under which wrong codes are counted, as those of a login are."""


def create_first_app(settings: Settings, here: Store, first: FirstChoice) -> Flask:
    """Return the application that answers until a template is published; ``here`` is its store."""
    app = Flask(__name__, template_folder="page_templates", static_folder=None)
    app.session_interface = Cookies()
    app.config.from_mapping(configure(settings))
    app.extensions["formwork.settings"] = settings
    app.extensions["formwork.store"] = here
    app.extensions["formwork.throttle"] = make_throttle(settings)
    CSRFProtect(app)
    Compress(app)
    protect_answers(app, secure=settings.secure)
    install_page_kit(app.jinja_env, lambda: locale().language)
    pages = _Pages(first)
    app.add_url_rule("/", "show", pages.show, methods=["GET"])
    app.add_url_rule("/", "prove", pages.prove, methods=["POST"])
    app.add_url_rule("/start", "start", pages.start, methods=["POST"])
    app.add_url_rule("/language", "language", _set_language, methods=["POST"])
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    app.add_url_rule("/readyz", "readyz", lambda: ({"status": "nothing published"}, 503))
    app.register_error_handler(HTTPException, pages.refuse)
    serve_assets(app)
    return app


class _Pages:
    """The pages about one choice."""

    def __init__(self, first: FirstChoice) -> None:
        self.first = first

    def show(self) -> Any:
        """Show what there is to do now, to whoever has the code."""
        code = request.args.get("code")
        if code is not None:
            return self._prove(code)
        if self.first.is_over:
            return self._led_in()
        if not self._is_proven():
            return _code_page()
        if self.first.is_working or self.first.offers is None:
            return self._wait()
        return self._choices()

    def prove(self) -> Any:
        """Take the code."""
        return self._prove(request.form.get("code", ""))

    def start(self) -> Any:
        """Take the choice and let it be installed."""
        if not self._is_proven():
            return _code_page(status=403)
        if self.first.is_working or self.first.offers is None:
            return redirect("/", 303)
        form = request.form
        given = {name: form.get(name, "").strip() for name in ("template", "name", "login")}
        password, demo = form.get("password", ""), "demo" in form
        offer = next((one for one in self.first.offers if one.key == given["template"]), None)
        errors = _check(given, password, form.get("again", ""))
        if offer is None:
            errors["template"] = locale().t("choose.template_missing")
        if errors or offer is None:
            return self._choices({**given, "demo": demo}, errors, 422)
        claim = secrets.token_urlsafe(16)
        choice = Choice(offer, demo, given["name"], given["login"], password, locale().language, claim)
        if self.first.take(choice):
            cookie[_CLAIM] = claim
        return redirect("/", 303)

    def refuse(self, error: HTTPException) -> Any:
        """Say that there is only one page yet; once the site is ready, let the browser ask the site in a second."""
        if self.first.is_over:
            return make_response(self._wait(), 503, {"Retry-After": str(_LOOK_AGAIN)})
        if error.code is None or error.code < 400:
            return error
        return Response(messages.text("guide.not_chosen", locale().language), error.code, mimetype="text/plain")

    def _prove(self, code: str) -> Any:
        try:
            count_attempt(_COUNTED_AS)
        except TooManyAttempts as error:
            return _code_page(error.text(locale().language), 429, error.retry_after)
        if not self.first.is_code(code):
            return _code_page(locale().t("choose.code_wrong"), 422)
        forget_attempts(_COUNTED_AS)
        cookie[_PROVEN] = self.first.mark
        return redirect("/", 303)

    def _is_proven(self) -> bool:
        return cookie.get(_PROVEN) == self.first.mark

    def _choices(
        self, given: dict[str, Any] | None = None, errors: dict[str, str] | None = None, status: int = 200
    ) -> Any:
        said = given or {"template": "", "name": "", "login": ADMIN, "demo": self.first.demo}
        page = view_choices(self.first, said, errors or {})
        return make_response(render_template("pages/choose.html", page=page, shell=_shell()), status)

    def _wait(self) -> Any:
        page = render_template("pages/choose_wait.html", page=view_work(self.first), shell=_shell())
        return make_response(page, {"Refresh": str(_LOOK_AGAIN)})

    def _led_in(self) -> Any:
        """Sign in whoever chose, once; anybody else meets the site itself at the next request."""
        proven = self.first.hand_over(cookie.pop(_CLAIM, ""))
        cookie.pop(_PROVEN, None)
        if proven is None:
            return redirect("/login", 303)
        store().reload()
        choice = self.first.chosen
        led = let_in(proven, login=choice.login, to=URL) or redirect("/login", 303)
        if choice.demo:
            add_toast(locale().t("choose.demo_accounts"), "info")
        led.call_on_close(self.first.handed.set)
        return led


def _check(given: dict[str, str], password: str, again: str) -> dict[str, str]:
    """Return what is wrong with the first administrator, by field."""
    with store().read() as session:
        wrong = accounts.check_new(session, given, [ADMIN])
    wrong += passwords.check_password(password, login=given["login"], name=given["name"])
    if password != again:
        wrong.append(FieldError("again", "people.passwords_differ"))
    return {one.path: one.text(locale().language) for one in wrong}


def _code_page(error: str | None = None, status: int = 200, retry_after: int | None = None) -> Response:
    answer = make_response(render_template("pages/choose_code.html", page={"error": error}, shell=_shell()), status)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _set_language() -> Any:
    if request.form.get("lang") in LANGUAGES:
        cookie["lang"] = request.form["lang"]
    return redirect("/", 303)


def _shell() -> dict[str, Any]:
    return {"app": "Formwork", "lang": locale().language, "theme": "auto", "prefs_url": "/language", "here": "/",
            "toasts": []}  # fmt: skip
