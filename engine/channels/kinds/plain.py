"""What people typed, for robots that read Markdown: nothing of it may become a link, a picture, a colour or a mention.

Enters: any text. Leaves: one line of text that looks the same. Robots honour no common escape, so signs that mean
something are written as their wide twins, which no client reads as markup.
"""

from engine.channels.wording import Said

_WIDE = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "\\`*_[]<>#~|@"})
_LIST = ("-", "+")


def plain(text: str) -> str:
    """Return a text as one line without markup."""
    line = " ".join(text.split()).translate(_WIDE)
    return chr(ord(line[0]) + 0xFEE0) + line[1:] if line.startswith(_LIST) else line


def lines_of(said: Said, *, quote: str) -> list[str]:
    """Return what stands below the title: the text, a line for each fact, the parts of a digest; no link of its own."""
    text = [f"{quote}{plain(line)}" for line in said.text.splitlines() if line.strip()]
    facts = [f"{quote}{plain(label)}：{plain(value)}" for label, value in said.facts]
    return [*text, *facts, *(link(one.title, one.url) for one in said.items)]


def link(title: str, url: str | None) -> str:
    """Return one part of a digest as a line, linked where there is somewhere to go."""
    return f"- [{plain(title)}]({url})" if url else f"- {plain(title)}"
