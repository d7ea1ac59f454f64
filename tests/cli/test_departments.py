"""``formwork department`` and ``formwork user``: the tree and the people in it, by command."""

from tests.cli.conftest import Run


def test_departments_and_people_are_made_changed_and_listed(run: Run) -> None:
    run("department", "add", "shop", "--name", "Shop")
    run("department", "add", "back", "--name", "Back room", "--parent", "shop")
    run("user", "add", "anna", "--name", "Anna", "--department", "back")
    run("department", "edit", "shop", "--manager", "anna", "--name", "The shop")
    assert run("department", "list").output.splitlines()[-2:] == ["shop\tThe shop\tanna", "  back\tBack room\t–"]
    run("user", "edit", "anna", "--login", "anne", "--name", "Anne", "--email", "a@example.com", "--department", "shop")
    assert run("user", "list", "anne").output.splitlines() == ["anne\tAnne\tshop\t–"]
    run("user", "edit", "anne", "--department", "")
    run("department", "edit", "shop", "--manager", "")
    run("user", "disable", "anne")
    assert run("user", "list", "anne").output == ""
    assert run("user", "list", "anne", "--all").output.startswith("anne\tAnne\t–\t–\t")


def test_what_cannot_be_is_refused_in_words(run: Run) -> None:
    run("department", "add", "upper")
    run("department", "add", "lower", "--parent", "upper")
    assert "below itself" in run("department", "edit", "upper", "--parent", "lower").output
    assert "no department 'moon'" in run("department", "edit", "moon", "--name", "x").output
    assert "is taken" in run("department", "add", "upper").output
    assert "no login 'nobody'" in run("user", "edit", "nobody", "--name", "x").output
