"""``formwork rollback``, ``diff`` and ``export`` as people call them."""

from pathlib import Path

from engine.definition.source import read_folder
from tests.cli.conftest import DESK, Run, changed, open_store

FLOOR = "  floor_no: {type: integer, label: 楼层}\n  urgent:"


def with_floor(tmp_path: Path) -> Path:
    return changed(tmp_path, "ticket/entity.yaml", "  urgent:", FLOOR)


class TestRollback:
    def test_it_shows_the_plan_asks_and_publishes_the_release_before(
        self, run: Run, tmp_path: Path, home: Path
    ) -> None:
        run("publish", with_floor(tmp_path), "--yes")
        refused = run("rollback", input="n\n")
        assert refused.exit_code == 1 and "楼层" in refused.stdout
        assert "floor_no" in open_store(home).app.entities["ticket"].fields
        assert run("rollback", input="y\n").exit_code == 0
        assert "floor_no" not in open_store(home).app.entities["ticket"].fields
        assert "Back to release 1" in run("releases").stdout.splitlines()[0]
        assert run("rollback", "2", "--yes", "--note", "again").exit_code == 0
        assert "floor_no" in open_store(home).app.entities["ticket"].fields

    def test_a_release_tells_the_plan_it_was_published_with(self, run: Run, tmp_path: Path) -> None:
        run("publish", with_floor(tmp_path), "--yes")
        assert run("releases", "2").stdout.startswith("+ Add field") and "楼层" in run("releases", "2").stdout
        assert run("releases", "9").exit_code == 1

    def test_there_must_be_such_a_release(self, run: Run) -> None:
        assert run("rollback", "--yes").exit_code == 1
        assert run("rollback", "99", "--yes").exit_code == 1


class TestDiff:
    def test_it_says_in_words_what_a_folder_or_release_changes(self, run: Run, tmp_path: Path) -> None:
        folder = with_floor(tmp_path)
        assert "+ Add field" in run("diff", folder).stdout and "楼层" in run("diff", folder).stdout
        assert run("diff", DESK).stdout.strip() == "Both are the same."
        run("publish", folder, "--yes")
        assert "+ Add field" in run("diff", "1", "2").stdout
        assert run("diff", "2", "1").stdout.startswith("- Remove field")
        assert run("diff", "1").stdout == run("diff", "1", "2").stdout, "one release alone: up to the current one"
        assert "+ Add field" in run("diff", DESK, folder).stdout, "two folders need no release"

    def test_files_are_compared_line_by_line(self, run: Run, tmp_path: Path) -> None:
        said = run("diff", with_floor(tmp_path), "--files").stdout
        assert "--- a/ticket/entity.yaml" in said and "\n+  floor_no: {type: integer, label: 楼层}\n" in said

    def test_a_comment_alone_changes_no_rule(self, run: Run, tmp_path: Path) -> None:
        folder = changed(tmp_path, "app.yaml", "label: 服务台", "label: 服务台  # 内部")
        assert "--files" in run("diff", folder).stdout


class TestExport:
    def test_the_folder_is_the_release_to_the_byte(self, run: Run, tmp_path: Path, home: Path) -> None:
        run("publish", with_floor(tmp_path), "--yes")
        assert run("export", tmp_path / "now").exit_code == 0
        assert run("export", tmp_path / "first", "--release", "1").exit_code == 0
        assert read_folder(tmp_path / "now").digest == open_store(home).app.digest
        assert read_folder(tmp_path / "first").digest == read_folder(DESK).digest
        assert "Nothing would change" in run("plan", tmp_path / "now").stdout

    def test_what_somebody_wrote_is_never_overwritten(self, run: Run, tmp_path: Path) -> None:
        folder = tmp_path / "mine"
        (folder / ".git").mkdir(parents=True)
        assert run("export", folder).exit_code == 0, "a repository without files is empty"
        assert run("export", folder).exit_code == 0, "the same again is no harm"
        (folder / "app.yaml").write_text("mine", encoding="utf-8")
        refused = run("export", folder)
        assert refused.exit_code == 1 and str(folder) in refused.stderr.replace("\n", "")
        assert (folder / "app.yaml").read_text(encoding="utf-8") == "mine"
