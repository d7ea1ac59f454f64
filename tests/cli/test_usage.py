"""Whoever calls a command wrongly is told so in one sentence of their language, whatever is wrong and wherever."""

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from web.cli import COMMANDS, make_cli

CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
ENGLISH = re.compile(r"[A-Za-z]{2,}")


def commands() -> Iterator[tuple[str, ...]]:
    """Every command and what is below it."""
    group = make_cli("zh")
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        below = command.commands if isinstance(command, click.Group) else {}
        yield (name,)
        yield from ((name, one) for one in below)


def find(words: tuple[str, ...]) -> click.Command:
    found: click.Command | None = make_cli("zh")
    for word in words:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word)
    assert found is not None
    return found


def mistakes(words: tuple[str, ...]) -> Iterator[list[str]]:
    """Ways to call a command wrongly, from its own definition."""
    command = find(words)
    yield [*words, "--nonsense"]
    if isinstance(command, click.Group):
        yield list(words)
        yield [*words, "nonsense"]
        return
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    if any(one.required for one in arguments):
        yield list(words)
    if all(one.nargs == 1 for one in arguments):
        yield [*words, *("/" for _ in arguments), "one", "more"]
    for option in command.params:
        if not isinstance(option, click.Option):
            continue
        name = max(option.opts, key=len)
        yield [*words, f"{name}=3"] if option.is_flag else [*words, name]
        if isinstance(option.type, click.Choice | click.IntRange | click.DateTime):
            yield [*words, *("/" for _ in arguments), name, "wrong"]
        if isinstance(option.type, click.IntRange):
            yield [*words, *("/" for _ in arguments), name, "-7"]
        if isinstance(option.type, click.Path) and option.type.exists:
            yield [*words, *("/" for _ in arguments), name, "/no/such/place"]


def names(words: list[str]) -> str:
    """Everything that is a name and so is written the same in every language."""
    group, known = make_cli("zh"), ["formwork", "--help", *words, *COMMANDS]
    context = click.Context(group)
    for one in COMMANDS:
        command = group.get_command(context, one)
        for each in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
            assert each is not None
            known += [each.name or "", *(part.human_readable_name for part in each.params)]
            known += [opt for part in each.params for opt in part.opts]
            known += [str(c) for part in each.params if isinstance(part.type, click.Choice) for c in part.type.choices]
    return "|".join(re.escape(one) for one in sorted(set(known), key=len, reverse=True) if one)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_wrong_call_is_said_in_the_language_of_the_reader(
    words: tuple[str, ...], language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = list(mistakes(words))
    assert tried
    for call in tried:
        with pytest.raises(SystemExit) as ended:
            make_cli(language).main(["--lang", language, *call])
        told = capsys.readouterr()
        assert (ended.value.code, told.out) == (2, ""), call
        assert len(told.err.splitlines()) == 2, (call, told.err)
        if language == "en":
            assert not CJK.search(told.err), (call, told.err)
        else:
            rest = re.sub(names(call), "", told.err)
            assert CJK.search(told.err) and not ENGLISH.search(rest), (call, told.err)


@pytest.mark.parametrize(
    "call, said",
    [
        ("migrate --class wrong", "--class 不能写“wrong”，只能写：moves、mapping。"),
        ("run --port x", "--port 不能写“x”，要写 0 到 65535 之间的整数。"),
        ("draw quote --format q", "没有选项 --format。"),
        ("migrate --class", "选项 --class 后面要写它的值。"),
        ("migrate --yes=3", "选项 --yes 后面不写值"),
        ("import customer absent.csv --as x", "没有文件“absent.csv”，FILE 要写已有的文件。"),
        ("user add", "缺少参数 LOGIN。"),
        ("token", "请写明要做什么：formwork token 后面写 create"),
        ("nonsense", "没有命令“nonsense”。"),
    ],
)
def test_the_sentence_says_what_to_write(call: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_cli("zh").main(call.split())
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_a_help_page_in_chinese_has_no_words_of_the_library(command: str) -> None:
    words = [command, "--help"] if command else ["--help"]
    said = CliRunner().invoke(make_cli("zh"), words, prog_name="formwork").output
    assert said.startswith("用法：formwork")
    assert not re.search(r"Usage|Options|Commands|Show this|\[OPTIONS\]|default:|required", said), said


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_a_help_page_fits_into_eighty_columns(command: str, language: str) -> None:
    words = [command, "--help"] if command else ["--help"]
    said = CliRunner().invoke(make_cli(language), words, prog_name="formwork", terminal_width=80).output
    wide = [line for line in said.splitlines() if len(line) + len(re.findall("[\u3000-\uffef]", line)) > 80]
    assert not wide
