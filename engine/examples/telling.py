"""What was said to whom, compared with what an example expects.

Enters: texts by whom they were for, parts of texts by login. Leaves: both sides where they differ. Must not read a
database.
"""

from collections.abc import Mapping, Sequence

Texts = dict[str, list[str]]


def compare_said(
    said: Sequence[tuple[int, str]], logins: Mapping[int, str], expected: Mapping[str, str | Sequence[str]]
) -> tuple[Texts, Texts] | None:
    """Return what was expected and what was said, by login; None when they agree. A part of each text will do."""
    found: Texts = {}
    for user, text in said:
        found.setdefault(logins.get(user, str(user)), []).append(text)
    wanted = {login: [parts] if isinstance(parts, str) else list(parts) for login, parts in expected.items()}
    same = found.keys() == wanted.keys() and all(
        len(parts) == len(found[login]) and all(part in text for part, text in zip(parts, found[login], strict=True))
        for login, parts in wanted.items()
    )
    return None if same else (wanted, found)
