"""An entity cannot hide behind an address of the program."""

from pathlib import Path

from engine.compiler.dead_ends import RESERVED_ENTITIES
from web.app import create_app
from web.settings import install_home, read_settings

API = "/api/v1/"


def test_the_reserved_keys_of_entities_are_the_addresses_of_the_api(tmp_path: Path) -> None:
    install_home(tmp_path)
    rules = [str(rule) for rule in create_app(read_settings({}, home=tmp_path)).url_map.iter_rules()]
    first = {rule.removeprefix(API).split("/")[0] for rule in rules if rule.startswith(API)}
    assert {"<entity>", "tasks"} <= first
    assert {word for word in first if word.isidentifier()} == RESERVED_ENTITIES


def test_pages_of_entities_stand_below_a_folder_of_their_own(tmp_path: Path) -> None:
    install_home(tmp_path)
    rules = [str(rule) for rule in create_app(read_settings({}, home=tmp_path)).url_map.iter_rules()]
    below = {rule.split("/")[1] for rule in rules if "<entity>" in rule}
    assert below <= {"api", "e", "pick"}
    for folder in below - {"api"}:
        assert [rule for rule in rules if rule.startswith(f"/{folder}/") and not rule.startswith(f"/{folder}/<")] == []
