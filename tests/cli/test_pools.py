"""``formwork records claim`` and the others do what the pages do, and are refused in the same sentences."""

from pathlib import Path

from tests.cli.conftest import DESK, Run
from tests.conftest import to_folder

OWNERSHIP = """\
ownership:
  pools:
    open: {label: 待领, members: [rep], admins: [manager]}
  claim: {locks: 1}
access:
"""


def test_a_record_is_given_back_taken_assigned_and_kept(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "pooled"
    for name, text in to_folder(DESK).files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name == "client/entity.yaml":
            text = text.replace("access:\n", OWNERSHIP)
        (folder / name).write_text(text, encoding="utf-8")
    assert run("publish", folder, "--yes").exit_code == 0
    for login, role in (("anna", "rep"), ("ben", "rep"), ("boss", "manager")):
        run("user", "add", login, "--name", login.title(), "--role", role)
    (tmp_path / "a.csv").write_text("名称\n甬江阀门\n", encoding="utf-8")
    assert run("import", "client", tmp_path / "a.csv", "--as", "anna").exit_code == 0

    refused = run("records", "claim", "client", 1, "--as", "ben")
    assert (refused.exit_code, refused.stderr) == (1, "This record is in no pool; it cannot be taken or given.\n")
    given = run("records", "release", "client", 1, "open", "--reason", "moved away", "--as", "anna")
    assert given.stdout == "client 1 is in pool open now.\n"
    assert run("records", "claim", "client", 1, "--as", "ben").stdout == "ben has claimed client 1.\n"
    late = run("records", "claim", "client", 1, "--as", "anna")
    assert late.stderr == "You came a moment too late: Ben has just taken this record.\n"
    assert run("records", "keep", "client", 1, "--as", "ben").exit_code == 0
    assert run("records", "keep", "client", 1, "--off", "--as", "ben").stdout == "client 1 is unlocked.\n"
    run("records", "release", "client", 1, "open", "--reason", "no time", "--as", "ben")
    assert run("records", "assign", "client", 1, "anna", "--as", "boss").stdout == "client 1 is anna's now.\n"
