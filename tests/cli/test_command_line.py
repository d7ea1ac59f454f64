"""The command line: what it prints, how it exits, and that it never shows a traceback."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.people import sessions
from tests.cli.conftest import DESK, Run, changed, open_store
from tests.storage.living import hire, make
from web.cli import COMMANDS, make_cli
from web.cli.serving import listen

FORMWORK = [sys.executable, "-c", "from web.cli import main; main()"]
FLOOR = "  floor_no: {type: integer, label: 楼层}\n  urgent:"


def _worked_by_children() -> float:
    """Return the seconds of processor that finished child processes took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class TestCalling:
    def test_help_lists_every_command_in_both_languages_quickly(self) -> None:
        began = _worked_by_children()
        said = subprocess.run([*FORMWORK, "--lang", "en", "--help"], capture_output=True, text=True, check=True).stdout
        took = _worked_by_children() - began
        assert set(COMMANDS) <= set(re.findall(r"^  ([\w-]+)  ", said, re.M))
        chinese = subprocess.run(
            [*FORMWORK, "--lang", "zh", "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert "安装" in chinese and "安装" not in said
        assert took < 1.5, "seconds of processor: a third of one on a quiet machine"

    def test_help_loads_nothing_heavy(self) -> None:
        check = (
            "import sys; from web.cli import make_cli; from click.testing import CliRunner;"
            "print(CliRunner().invoke(make_cli('en'), ['--help']).exit_code);"
            "print([name for name in ('flask', 'sqlalchemy', 'alembic', 'jsonschema') if name in sys.modules])"
        )
        said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout
        assert said.split("\n")[:2] == ["0", "[]"]

    @pytest.mark.parametrize("command", list(COMMANDS))
    def test_every_command_explains_itself_in_both_languages(self, command: str) -> None:
        for language in ("zh", "en"):
            result = CliRunner().invoke(make_cli(language), [command, "--help"])
            assert result.exit_code == 0
            assert "cli." not in result.output, "a code was printed in place of its sentence"

    @pytest.mark.parametrize(
        "arguments, said",
        [
            (["publsh"], "publsh"),
            (["run", "--prot", "1"], "--prot"),
            (["run", "--port", "x"], "--port"),
            (["check"], "path"),
            (["import", "ticket", "absent.csv", "--as", "x"], "absent.csv"),
            (["user", "add"], "login"),
        ],
    )
    def test_a_wrong_call_is_one_sentence_and_exit_code_2(self, run: Run, arguments: list[str], said: str) -> None:
        result = run(*arguments)
        assert result.exit_code == 2
        assert said.lower() in result.stderr.lower()
        assert len(result.stderr.strip().splitlines()) <= 2

    def test_without_an_installation_it_says_what_to_run(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(make_cli("en"), ["--home", str(tmp_path / "none"), "releases"])
        assert result.exit_code == 1
        assert "formwork run" in result.stderr


class TestDefinitions:
    def test_a_plan_says_what_would_change_and_changes_nothing(self, run: Run, tmp_path: Path, home: Path) -> None:
        folder = changed(
            tmp_path, "ticket/entity.yaml", "  urgent:", "  floor_no: {type: integer, label: 楼层}\n  urgent:"
        )
        result = run("plan", folder, "--sql")
        assert result.exit_code == 0
        assert "楼层" in result.stdout and "ALTER TABLE" in result.stdout
        assert "floor_no" not in open_store(home).app.entities["ticket"].fields

    def test_a_plan_shows_records_that_repeat_in_groups_with_their_links(
        self, run: Run, tmp_path: Path, home: Path
    ) -> None:
        store = open_store(home)
        boss = hire(store, "boss", "manager")
        client = make(store, boss, "client", name="甬江阀门")
        for title, kind in (("A", "repair"), ("B", "other"), ("C", "repair"), ("D", None)):
            make(store, boss, "ticket", title=title, kind=kind, client=client.id)
        store.database.close()
        folder = changed(
            tmp_path, "ticket/entity.yaml", "access:\n", "unique:\n  pair: {fields: [client, kind]}\naccess:\n"
        )
        lines = run("plan", folder).stdout.splitlines()
        at = lines.index("    “甬江阀门, 维修” (2 records)")
        assert "must be unique, but 2 existing records are not" in lines[at - 1]
        assert [line.split()[-2:] for line in lines[at + 1 : at + 3]] == [["A", "/e/ticket/1"], ["C", "/e/ticket/3"]]
        found = json.loads(run("plan", folder, "--json").stdout)["items"][-1]["groups"]
        assert [(one["values"], [record["id"] for record in one["records"]]) for one in found] == [
            ({"client": client.id, "kind": "repair"}, [1, 3])
        ]

    def test_publishing_asks_first_and_then_does_exactly_that(self, run: Run, tmp_path: Path, home: Path) -> None:
        folder = changed(
            tmp_path, "ticket/entity.yaml", "  urgent:", "  floor_no: {type: integer, label: 楼层}\n  urgent:"
        )
        for answer in ("n\n", "", "\n", "perhaps\n"):
            refused = run("publish", folder, input=answer)
            assert refused.exit_code == 1
            assert "floor_no" not in open_store(home).app.entities["ticket"].fields
        assert run("publish", folder, "--note", "楼层", input="y\n").exit_code == 0
        assert "floor_no" in open_store(home).app.entities["ticket"].fields
        assert run("publish", folder).exit_code == 0, "nothing to publish is no failure"
        listed = run("releases").stdout.splitlines()
        assert len(listed) == 2 and listed[0].startswith("*") and "楼层" in listed[0]

    def test_a_broken_folder_leaves_what_is_running_alone(self, run: Run, tmp_path: Path, home: Path) -> None:
        folder = changed(tmp_path, "ticket/entity.yaml", "type: money", "type: mony")
        assert run("publish", folder, "--yes").exit_code == 1
        assert open_store(home).app.entities["ticket"].fields["price"].type.key == "money"

    def test_publishing_as_somebody_needs_an_administrator(self, run: Run, tmp_path: Path) -> None:
        run("user", "add", "boss", "--role", "admin")
        run("user", "add", "clerk", "--role", "rep")
        folder = changed(tmp_path, "app.yaml", "label: 服务台", "label: 新服务台")
        assert run("publish", folder, "--yes", "--as", "clerk").exit_code == 1
        assert run("publish", folder, "--yes", "--as", "boss").exit_code == 0
        assert "boss" in run("releases").stdout


class TestPeople:
    def test_a_person_is_added_signs_in_and_is_disabled(self, run: Run, home: Path) -> None:
        result = run("user", "add", "rep_wang", "--name", "王磊", "--role", "rep")
        assert result.exit_code == 0
        password = re.search(r"[a-z0-9]{4}(-[a-z0-9]{4}){3}", result.stdout)[0]  # type: ignore[index]
        database = open_store(home).database
        assert sessions.check_login(database, "rep_wang", password)
        assert run("user", "disable", "rep_wang").exit_code == 0
        assert sessions.check_login(database, "rep_wang", password) is None
        assert run("user", "enable", "rep_wang").exit_code == 0
        assert sessions.check_login(database, "rep_wang", password)
        assert run("user", "password", "rep_wang", "--password-stdin", input="velvet-harbour-19\n").exit_code == 0
        assert sessions.check_login(database, "rep_wang", "velvet-harbour-19")
        assert run("user", "roles", "rep_wang", "manager", "rep").exit_code == 0

    @pytest.mark.parametrize(
        "arguments, said",
        [
            (["user", "add", "x y"], "login"),
            (["user", "add", "anna", "--role", "boss"], "boss"),
            (["user", "add", "anna", "--department", "moon"], "moon"),
            (["user", "disable", "nobody"], "nobody"),
            (["token", "create", "nobody"], "nobody"),
        ],
    )
    def test_a_mistake_is_one_sentence_and_exit_code_1(self, run: Run, arguments: list[str], said: str) -> None:
        result = run(*arguments)
        assert result.exit_code == 1
        assert said in result.stderr

    def test_a_weak_password_from_standard_input_is_refused(self, run: Run) -> None:
        result = run("user", "add", "anna", "--password-stdin", input="12345\n")
        assert result.exit_code == 1
        assert "10 characters" in result.stderr

    def test_a_token_is_printed_alone_on_standard_output(self, run: Run) -> None:
        run("user", "add", "anna", "--role", "rep")
        result = run("token", "create", "anna", "--label", "erp", "--days", "30")
        assert re.fullmatch(r"fw_[\w-]{43}\n", result.stdout)


class TestImport:
    def test_good_rows_come_in_and_bad_ones_are_named_with_the_reason(self, run: Run, tmp_path: Path) -> None:
        run("user", "add", "anna", "--role", "rep")
        sheet = tmp_path / "clients.csv"
        sheet.write_bytes("名称,城市\n甬江阀门,宁波\n,上海\n甬江阀门,杭州\n华申动力,上海\n".encode("gb18030"))
        result = run("import", "client", sheet, "--as", "anna")
        assert result.exit_code == 1
        assert "2 created, 0 updated, 0 unchanged, 2 refused" in result.stdout
        assert "Row 3" in result.stderr and "Row 4" in result.stderr

    def test_a_dry_run_says_what_is_wrong_and_writes_nothing_and_an_update_finds_its_record(
        self, run: Run, tmp_path: Path
    ) -> None:
        run("user", "add", "anna", "--role", "rep")
        sheet = tmp_path / "clients.csv"
        sheet.write_text("名称,城市\n甬江阀门,宁波\n,上海\n", encoding="utf-8")
        dry = run("import", "client", sheet, "--as", "anna", "--dry-run")
        assert dry.exit_code == 1 and "Row 3" in dry.stderr
        assert "of 2 rows 1 can be imported, 1 have problems; nothing was written" in dry.stdout
        sheet.write_text("名称,城市\n甬江阀门,宁波\n", encoding="utf-8")
        assert "1 created" in run("import", "client", sheet, "--as", "anna").stdout
        sheet.write_text("名称,城市\n甬江阀门,杭州\n", encoding="utf-8")
        assert "1 refused" in run("import", "client", sheet, "--as", "anna").stdout
        again = run("import", "client", sheet, "--as", "anna", "--mode", "both", "--by", "name")
        assert again.exit_code == 0 and "0 created, 1 updated" in again.stdout

    def test_a_cell_without_a_column_name_is_a_problem_of_its_row(self, run: Run, tmp_path: Path) -> None:
        run("user", "add", "anna", "--role", "rep")
        sheet = tmp_path / "clients.csv"
        sheet.write_text("名称,城市\n甬江阀门,宁波\n华申,动力,上海,\n", encoding="utf-8")
        result = run("import", "client", sheet, "--as", "anna", language="zh")
        assert result.exit_code == 1 and "新建 1 行" in result.stdout
        assert "第 3 行：C 列的“上海”上面没有列名" in result.stderr
        sheet.write_text("名称,,城市\n甬江阀门,备注,宁波\n", encoding="utf-8")
        assert "B 列有内容但没有列名" in run("import", "client", sheet, "--as", "anna", language="zh").stderr

    def test_several_reasons_are_one_line_with_one_full_stop(self, run: Run, tmp_path: Path) -> None:
        run("user", "add", "anna", "--role", "rep")
        sheet = tmp_path / "clients.csv"
        sheet.write_text("名称,城市\n,宁波,多余\n", encoding="utf-8")
        said = run("import", "client", sheet, "--as", "anna", language="zh").stderr
        assert "；" in said and "。；" not in said

    def test_how_an_update_finds_its_record_must_be_said_and_only_then(self, run: Run, tmp_path: Path) -> None:
        run("user", "add", "anna", "--role", "rep")
        sheet = tmp_path / "clients.csv"
        sheet.write_text("名称,城市\n甬江阀门,宁波\n", encoding="utf-8")
        alone = run("import", "client", sheet, "--as", "anna", "--by", "name")
        assert alone.exit_code == 1 and "add --mode update" in alone.stderr
        for more in ([], ["--by", "city"]):
            missing = run("import", "client", sheet, "--as", "anna", "--mode", "update", *more)
            assert missing.exit_code == 1
            assert missing.stderr == (
                "To update, say with --by which column finds the records; in this file that can be: name.\n"
            )

    def test_a_file_that_is_no_spreadsheet_and_an_unknown_entity_are_refused(self, run: Run, tmp_path: Path) -> None:
        run("user", "add", "anna", "--role", "rep")
        (tmp_path / "a.xlsx").write_bytes(b"not a workbook")
        (tmp_path / "a.csv").write_text("名称\nx\n", encoding="utf-8")
        assert run("import", "client", tmp_path / "a.xlsx", "--as", "anna").exit_code == 1
        assert run("import", "nonsense", tmp_path / "a.csv", "--as", "anna").exit_code == 1
        assert run("import", "client", tmp_path / "a.csv", "--as", "nobody").exit_code == 1


class TestRunning:
    """The real thing: a process that installs, serves and stops."""

    def test_the_first_start_installs_and_the_second_keeps_everything(self, tmp_path: Path) -> None:
        first = Serving(tmp_path, "manufacturing")
        try:
            page = first.wait()
            accounts = (tmp_path / "demo-accounts.txt").read_text(encoding="utf-8")
            assert (tmp_path / "demo-accounts.txt").stat().st_mode & 0o777 == 0o600
            shown = re.findall(r"^  (\w+) +([a-z0-9-]{19})", page, re.M)
            assert len(shown) >= 8, page
            assert all(f"{login}\t{password}\t" in accounts for login, password in shown)
            assert first.get("/readyz") == 200
            assert first.get("/login") == 200
        finally:
            assert first.stop() == 0
        second = Serving(tmp_path)
        try:
            again = second.wait()
            assert re.findall(r"^  (\w+) +([a-z0-9-]{19})", again, re.M) == shown
            assert "演示数据" not in again
        finally:
            assert second.stop() == 0

    def test_without_a_demo_there_is_one_administrator(self, tmp_path: Path) -> None:
        serving = Serving(tmp_path, str(DESK), "--no-demo", "--lang", "en")
        try:
            said = serving.wait()
            password = re.search(r"Administrator admin, password (\S+)", said)[1]  # type: ignore[index]
        finally:
            assert serving.stop() == 0
        assert sessions.check_login(open_store(tmp_path).database, "admin", password)
        assert not (tmp_path / "demo-accounts.txt").exists()
        again = Serving(tmp_path, str(DESK), "--lang", "en")
        try:
            again.wait()
        finally:
            again.stop()
        assert not (tmp_path / "demo-accounts.txt").exists(), "a demo never comes into a site that has people"

    def test_a_running_site_picks_up_what_is_published_and_ignores_what_is_refused(
        self, run: Run, home: Path, tmp_path: Path
    ) -> None:
        run("user", "add", "rep_wang", "--role", "rep")
        token = run("token", "create", "rep_wang").stdout.strip()
        serving = Serving(home, str(DESK), "--no-demo", "--lang", "en")
        try:
            serving.wait()
            assert "floor_no" not in serving.fields("ticket", token)
            broken = changed(tmp_path / "broken", "ticket/entity.yaml", "type: money", "type: mony")
            assert run("publish", broken, "--yes").exit_code == 1
            good = changed(tmp_path / "good", "ticket/entity.yaml", "  urgent:", FLOOR)
            assert run("publish", good, "--yes").exit_code == 0
            until = time.monotonic() + 30  # 5 where nothing else is done
            while "floor_no" not in serving.fields("ticket", token):
                assert time.monotonic() < until, "rights, releases and roles agree within 5 seconds"
                time.sleep(0.2)
        finally:
            assert serving.stop() == 0

    def test_every_address_of_a_host_is_listened_on_at_one_port(self) -> None:
        listening = listen("localhost", 0)
        try:
            asked = {(one[0], str(one[4][0])) for one in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
            assert {(one.family, one.getsockname()[0]) for one in listening} <= asked
            assert (socket.AF_INET, "127.0.0.1") in {(one.family, one.getsockname()[0]) for one in listening}
            (port,) = {one.getsockname()[1] for one in listening}
            for one in listening:
                socket.create_connection(one.getsockname()[:2], timeout=5).close()
            with pytest.raises(OSError, match="in use"):
                listen("127.0.0.1", port)
        finally:
            for one in listening:
                one.close()

    def test_a_taken_port_is_one_sentence(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            said = subprocess.run(
                [*FORMWORK, "run", str(DESK), "--home", str(tmp_path), "--no-demo", "--port", port],
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
        assert said.returncode == 1
        assert port in said.stderr and "Traceback" not in said.stderr


class Serving:
    """A ``formwork run`` of its own."""

    def __init__(self, home: Path, *arguments: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [*FORMWORK, "run", *arguments, "--home", str(home), "--port", str(self.port)]
        environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ, encoding="utf-8"
        )

    def wait(self) -> str:
        """Return what was printed until the site is ready."""
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if "Ctrl+C" in line:
                return said
        raise AssertionError(f"it ended before it was ready:\n{said}")

    def get(self, path: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return int(answer.status)

    def fields(self, entity: str, token: str) -> set[str]:
        """Return the fields of an entity as the running site knows them."""
        address = f"http://127.0.0.1:{self.port}/api/v1/schema/{entity}"
        asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return set(json.load(answer)["properties"])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code
