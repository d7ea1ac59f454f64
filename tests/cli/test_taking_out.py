"""``formwork records journey`` writes what the page of a journey exports, under the same rights, approval and log."""

from pathlib import Path

from tests.cli.conftest import DESK, Run
from tests.conftest import to_folder


def test_a_journey_is_written_as_somebody_sees_it(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "exporting"
    for name, text in to_folder(DESK).files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name == "client/entity.yaml":
            text = text.replace("  rep:     {", "  rep:     {export: true, ")
        (folder / name).write_text(text, encoding="utf-8")
    assert run("publish", folder, "--yes").exit_code == 0
    for login, role in (("anna", "rep"), ("boss", "manager")):
        run("user", "add", login, "--name", login.title(), "--role", role)
    (tmp_path / "a.csv").write_text("名称\n甬江阀门\n", encoding="utf-8")
    assert run("import", "client", tmp_path / "a.csv", "--as", "anna").exit_code == 0
    file = tmp_path / "journey.csv"

    def journey(*more: object, login: str = "anna", record: object = 1, to: Path = file) -> str:
        said = run("records", "journey", "client", record, to, "--as", login, *more)
        return said.stdout if said.exit_code == 0 else said.stderr

    assert "may not export" in journey(login="boss") and not file.exists()
    assert "cannot be found" in journey(record=7) and "cannot be found" in journey(record="甬江")
    assert "moves, approvals" in journey("--kind", "nix")
    assert "xlsx, csv" in journey(to=tmp_path / "journey.exe")
    said = journey()
    assert f"1 rows written to {file}.\n" in said and said.endswith(
        "Not in it, because it may not be exported: 工单.\n"
    )
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert "Anna" in lines[0] and lines[1].startswith("When,Who,Kind") and len(lines) == 3
    assert "exists" in journey()
    assert run("records", "journey", "nix", 1, tmp_path / "b.csv", "--as", "anna").exit_code == 1
    assert journey("--kind", "moves", to=tmp_path / "moves.csv").endswith(
        f"0 rows written to {tmp_path / 'moves.csv'}.\n"
    )
