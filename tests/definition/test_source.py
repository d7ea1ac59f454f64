"""A folder is read whole, in a fixed order, and never beyond its own borders."""

import os
from pathlib import Path

import pytest

from engine.definition.parser import parse_app
from engine.definition.source import SourceFolder, read_folder
from engine.errors import DefinitionError


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


def codes_of(folder: Path) -> list[tuple[str, str]]:
    return [(problem.code, problem.location.file) for problem in read_folder(folder).problems]


def test_yaml_files_are_read_by_relative_path_in_order(tmp_path: Path) -> None:
    write(tmp_path, {"b/entity.yaml": "b: 1", "app.yaml": "a: 1", "a/entity.yaml": "c: 1"})
    assert list(read_folder(tmp_path).files) == ["a/entity.yaml", "app.yaml", "b/entity.yaml"]


def test_what_is_no_definition_is_left_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"app.yaml": "a: 1", "README.md": "x", ".hidden.yaml": "x", ".git/a.yaml": "x", "data/a.yaml": "x",
         "thing/data/b.yaml": "x", "thing/page.html": "x", "thing/.x/a.yaml": "x"},
    )  # fmt: skip
    assert list(read_folder(tmp_path).files) == ["app.yaml"]


def test_a_file_ending_in_yml_is_not_ignored_in_silence(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="D026"):
        parse_app(read_folder(write(tmp_path, {"thing/entity.yml": "entity: thing"})))


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"there is no folder 'absent'.*D024"):
        read_folder(tmp_path / "absent")


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"secret.yaml": "s: 1", "deep/entity.yaml": "s: 1"})
    inside = write(tmp_path / "inside", {"app.yaml": "a: 1"})
    (inside / "entity.yaml").symlink_to(outside / "secret.yaml")
    (inside / "thing").symlink_to(outside / "deep")
    (inside / "nowhere.yaml").symlink_to(tmp_path / "absent")
    (inside / "loop").symlink_to(inside)
    assert codes_of(inside) == [("D022", name) for name in ("entity.yaml", "loop", "nowhere.yaml", "thing")]
    assert list(read_folder(inside).files) == ["app.yaml"]


def test_a_link_to_a_file_inside_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path, {"app.yaml": "a: 1"})
    (folder / "same.yaml").symlink_to(folder / "app.yaml")
    assert read_folder(folder).files["same.yaml"] == "a: 1"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "app.yaml")
    assert codes_of(tmp_path) == [("D023", "app.yaml")]


def test_a_folder_named_like_a_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").mkdir()
    assert read_folder(tmp_path).files == {}


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"app.yaml": "a: 1\n" * 200_000})
    assert codes_of(tmp_path) == [("D016", "app.yaml")]


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {f"{number:04}.yaml": "" for number in range(2001)})
    assert codes_of(tmp_path) == [("D018", ".")]


def test_a_folder_that_is_too_large_together_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {f"{number:02}.yaml": "#" * 255_000 for number in range(70)})
    assert codes_of(tmp_path) == [("D031", ".")]


def test_broken_text_is_placed_and_the_other_files_are_still_checked(tmp_path: Path) -> None:
    write(tmp_path, {"thing/entity.yaml": "entity: thing\nlable: x"})
    (tmp_path / "app.yaml").write_bytes(b"app: x\nlabel: \xe6\x8a\xa5\xff\n")
    with pytest.raises(DefinitionError) as refused:
        parse_app(read_folder(tmp_path))
    said = [(problem.code, str(problem.location)) for problem in refused.value.problems]
    assert said == [
        ("D001", "app.yaml:2:9"),
        ("D103", "thing/entity.yaml:1:1"),
        ("D101", "thing/entity.yaml:2:1"),
    ]


def test_the_digest_depends_on_every_path_and_text_but_not_on_their_order_or_line_ends(tmp_path: Path) -> None:
    one = read_folder(write(tmp_path / "one", {"app.yaml": "a: 1\nb: 2\n", "x/entity.yaml": "c: 1\n"}))
    dos = read_folder(write(tmp_path / "dos", {"x/entity.yaml": "c: 1\r\n", "app.yaml": "\ufeffa: 1\r\nb: 2\r\n"}))
    kept = SourceFolder(dict(reversed(one.files.items())))
    assert one.digest == dos.digest == kept.digest
    others = [{"app.yaml": "a: 1\nb: 2\n", "y/entity.yaml": "c: 1\n"}, {"app.yaml": "a: 1\nb: 2\nx/entity.yamlc: 1\n"}]
    assert len({one.digest, *(SourceFolder(files).digest for files in others)}) == 3


def test_a_folder_without_app_yaml_says_so() -> None:
    with pytest.raises(DefinitionError, match=r"app.yaml is missing.*D027"):
        parse_app(SourceFolder({}))
