"""What guards every request: headers, limits, hosts, closed doors, errors that tell nothing."""

import re
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import encode_multipart

from engine.messages import catalog
from engine.storage.faults import Unavailable
from tests.web.conftest import Desk, OpenDesk
from web import gate
from web.settings import Settings, WrongSetting, install_home, read_settings

KEY = "a-key-for-tests-that-is-long-enough-0123456789"


class TestHeaders:
    @pytest.mark.parametrize("path", ["/login", "/nonsense", "/settings/account", "/healthz"])
    def test_every_page_forbids_inline_script_framing_and_sniffing(self, desk: Desk, path: str) -> None:
        headers = desk.browser().get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers and "X-Powered-By" not in headers

    def test_no_page_holds_script_or_style_of_its_own(self, desk: Desk) -> None:
        browser = desk.browser("rep1")
        for path in ("/login", "/settings/account", "/nonsense"):
            page = browser.get(path).get_data(as_text=True)
            for tag in re.findall(r"<script[^>]*>", page):
                assert "src=" in tag or 'type="application/json"' in tag, (path, tag)
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page), path

    def test_the_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites(self, desk: Desk) -> None:
        said = desk.browser().sign_in("rep1").headers["Set-Cookie"]
        assert "HttpOnly" in said and "SameSite=Lax" in said and "Path=/" in said and "Domain" not in said

    def test_under_https_the_cookie_is_secure_and_browsers_are_told_to_stay(self, open_desk: OpenDesk) -> None:
        desk = open_desk(public_url="https://crm.example.com")
        said = desk.app.test_client().get("/login", base_url="https://crm.example.com").headers
        assert said["Strict-Transport-Security"].startswith("max-age=31536000")
        assert said["Set-Cookie"].startswith("__Host-formwork=") and "Secure" in said["Set-Cookie"]

    def test_each_answer_has_its_own_id(self, desk: Desk) -> None:
        ids = {desk.browser().get("/healthz").headers["X-Request-Id"] for _ in range(3)}
        assert len(ids) == 3


class TestDoors:
    def test_a_view_that_passes_through_no_gate_stops_the_application(self) -> None:
        app = Flask("leaky")
        app.add_url_rule("/leak", "leak", lambda: "everything")
        with pytest.raises(RuntimeError, match="leak"):
            gate.check_gates(app)

    def test_every_address_but_the_few_open_ones_asks_who_it_is(self, desk: Desk) -> None:
        browser = desk.browser()
        open_ones = {"auth.login", "auth.sign_in", "auth.logout", "auth.preferences", "healthz", "readyz"}
        open_ones |= {"joining.show", "joining.set_password", "metrics", "take_call_result", "receive"}
        open_ones |= {"show_form", "send_form", "show_link", "send_link", "show_picture"}
        for rule in desk.app.url_map.iter_rules():
            if rule.endpoint in open_ones:
                continue
            path = re.sub(r"<[^>]*any\(([a-z]+)[^>]*>|<(?:int:)?[^>]+>", lambda found: found[1] or "1", str(rule))
            for method in rule.methods & {"GET", "POST", "PATCH", "DELETE"}:
                said = browser.client.open(path, method=method, headers={"X-CSRFToken": browser.csrf()})
                expected = {401} if path.startswith("/api/") else {303}
                assert said.status_code in expected, (rule.endpoint, method, said.status_code)

    def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in(self, desk: Desk) -> None:
        said = desk.browser().get("/settings/account", headers={"HX-Request": "true"})
        assert (said.status_code, said.headers["HX-Redirect"]) == (401, "/login")

    @pytest.mark.parametrize(
        "path",
        [
            "/nonsense",
            "/.env",
            "/static/../settings.py",
            "/static/dist/../../app.py",
            "/%00",
            "/api",
            "/api/v2/x",
            "/login/",
        ],
    )
    def test_an_unknown_address_is_404(self, desk: Desk, path: str) -> None:
        assert desk.browser().get(path).status_code == 404

    def test_a_wrong_method_is_405_and_names_the_right_one(self, desk: Desk) -> None:
        said = desk.browser().get("/logout")
        assert said.status_code == 405
        assert "POST" in said.headers["Allow"]

    def test_a_signed_in_person_keeps_the_menu_on_an_error_page(self, desk: Desk) -> None:
        page = desk.browser("rep1").get("/nonsense").get_data(as_text=True)
        assert "Rep1" in page and "没有这个地址" in page


class TestHosts:
    def test_a_foreign_host_header_is_refused_where_hosts_are_named(self, open_desk: OpenDesk) -> None:
        desk = open_desk(trusted_hosts=("crm.example.com",))
        client = desk.app.test_client()
        assert client.get("/login", headers={"Host": "crm.example.com"}).status_code == 200
        for path in ("/login", "/api/v1/ticket", "/nonsense"):
            said = client.get(path, headers={"Host": "evil.example"})
            assert said.status_code == 400
            assert "evil.example" not in said.get_data(as_text=True)


class TestTooMuch:
    def test_a_huge_form_is_a_413_page(self, desk: Desk) -> None:
        said = desk.browser("rep1").post("/settings/password", data={"current": "x" * 6_000_000})
        assert said.status_code == 413
        assert "太大" in said.get_data(as_text=True)

    def test_a_form_with_very_many_parts_is_refused(self, desk: Desk) -> None:
        browser = desk.browser("rep1")
        parts = {f"f{n}": "x" for n in range(21_000)}
        boundary, body = encode_multipart(parts)
        kind = f"multipart/form-data; boundary={boundary}"
        said = browser.post("/settings/password", data=body, content_type=kind)
        assert said.status_code == 413


class TestErrors:
    def test_our_own_mistake_shows_an_id_and_nothing_else(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(desk.app.config, "PROPAGATE_EXCEPTIONS", False)

        def break_down(*_: object, **__: object) -> None:
            raise ValueError("secret detail of the database at /srv/formwork")

        monkeypatch.setattr("engine.records.queries.list_records", break_down)
        program = desk.program("rep1")
        said = program.get("/ticket")
        assert said.status_code == 500
        assert "secret" not in said.get_data(as_text=True)
        assert said.get_json()["request_id"] == said.headers["X-Request-Id"]

    def test_a_database_that_is_away_is_503_with_a_time_to_come_back(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone(*_: object, **__: object) -> None:
            raise Unavailable("storage.gone")

        program = desk.program("rep1")
        monkeypatch.setattr("engine.records.queries.list_records", gone)
        said = program.get("/ticket")
        assert (said.status_code, said.headers["Retry-After"]) == (503, "5")

    def test_health_and_readiness_are_told_to_anybody(self, desk: Desk) -> None:
        assert desk.browser().get("/healthz").get_json() == {"status": "ok"}
        assert desk.browser().get("/readyz").status_code == 200

    def test_every_code_used_by_the_web_has_a_sentence_in_both_languages(self) -> None:
        web = Path(gate.__file__).parent
        used = {
            code
            for path in [*web.rglob("*.py"), *(web.parent / "engine" / "people").rglob("*.py")]
            if "node_modules" not in path.parts
            for code in re.findall(r'"((?:people|cli)\.[a-z_]+)"', path.read_text(encoding="utf-8"))
        }
        assert len(used) > 50
        assert used <= catalog("zh").keys() and used <= catalog("en").keys()


class TestSettings:
    def test_an_installed_home_has_a_secret_key_of_its_own_that_others_cannot_read(self, tmp_path: Path) -> None:
        install_home(tmp_path / "one")
        install_home(tmp_path / "two")
        keys = [(tmp_path / name / "secret.key").read_text() for name in ("one", "two")]
        assert keys[0] != keys[1]
        assert (tmp_path / "one" / "secret.key").stat().st_mode & 0o777 == 0o600
        install_home(tmp_path / "one")
        assert (tmp_path / "one" / "secret.key").read_text() == keys[0]
        assert keys[0].strip() not in repr(read_settings({}, home=tmp_path / "one"))

    def test_a_key_others_can_read_is_refused(self, tmp_path: Path) -> None:
        install_home(tmp_path)
        (tmp_path / "secret.key").chmod(0o644)
        with pytest.raises(WrongSetting, match="key_readable"):
            read_settings({}, home=tmp_path)

    @pytest.mark.parametrize("key", ["short", "a" * 64, "secret" * 10, "changeme" * 8, "0123456789" * 5])
    def test_a_weak_key_is_refused(self, tmp_path: Path, key: str) -> None:
        with pytest.raises(WrongSetting, match="key_weak"):
            read_settings({"FORMWORK_SECRET_KEY": key}, home=tmp_path)

    def test_an_empty_folder_is_not_an_installation(self, tmp_path: Path) -> None:
        with pytest.raises(WrongSetting, match="not_installed"):
            read_settings({}, home=tmp_path)

    @pytest.mark.parametrize(
        "name, value",
        [
            ("FORMWORK_PORT", "x"),
            ("FORMWORK_PORT", "99999"),
            ("FORMWORK_PORT", "-1"),
            ("FORMWORK_LANG", "fr"),
            ("FORMWORK_PUBLIC_URL", "crm.example.com"),
            ("FORMWORK_PUBLIC_URL", "javascript:x"),
            ("FORMWORK_PROXIES", "1.5"),
        ],
    )
    def test_a_wrong_setting_is_named(self, tmp_path: Path, name: str, value: str) -> None:
        with pytest.raises(WrongSetting) as error:
            read_settings({"FORMWORK_SECRET_KEY": KEY, name: value}, home=tmp_path)
        assert value in error.value.text("en")

    def test_everything_can_be_set_from_outside(self, tmp_path: Path) -> None:
        found = read_settings(
            {
                "FORMWORK_SECRET_KEY": KEY,
                "FORMWORK_HOME": str(tmp_path),
                "FORMWORK_DATABASE_URL": "postgresql://db/x",
                "FORMWORK_REDIS_URL": "redis://r",
                "FORMWORK_PUBLIC_URL": "https://crm.example.com/",
                "FORMWORK_PORT": "9000",
                "FORMWORK_LANG": "en",
            }
        )
        assert isinstance(found, Settings)
        assert (found.home, found.database_url, found.redis_url) == (tmp_path, "postgresql://db/x", "redis://r")
        assert (found.port, found.language, found.secure) == (9000, "en", True)
        assert found.trusted_hosts == ("crm.example.com",)
