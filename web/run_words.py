"""What became of a run of an automation, in words: why it ended so, and what each of its steps did.

Enters: how to speak, a session, lines of a trace. Leaves: sentences, for pages and the command line alike. Must not say
more than the trace does: it holds no value of a record.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.people import directory
from engine.storage.store import Session
from web.i18n import Locale


def say_error(text: Locale, error: Mapping[str, Any] | None) -> str | None:
    """Return why a run ended so."""
    if not error:
        return None
    if error.get("code") == "refused":
        said = error["text"].get(text.language) or next(iter(error["text"].values()))
        return text.t("automation.why_refused", step=error.get("step") or "–", text=said)
    return text.t(f"automation.why_{error.get('code', 'broken')}")


def say_line(text: Locale, session: Session, line: Mapping[str, Any]) -> dict[str, str]:
    """Return one line of a trace: which step, and what came of it."""
    people = [*line.get("told", ()), *([line["to"]] if "to" in line else ())]
    known = directory.people(session.connection, people)
    names = text.t("text.comma").join(known[one].name for one in people if one in known)
    if "refused" in line:
        said = line["refused"]
        return {"step": str(line.get("step") or "–"), "text": said.get(text.language) or next(iter(said.values()))}
    if "waits" in line:
        return {"step": str(line["step"]), "text": text.t("automation.line_waits", until=_moment(text, line["waits"]))}
    unseen = "_unseen" if line.get("may_not_see") else ""
    found = text.t(
        f"automation.line_{line['kind']}{unseen}",
        names=names or text.t("automation.nobody"),
        fields=text.t("text.comma").join(line.get("changed", ())) or text.t("automation.nothing"),
        true=text.t("cell.yes" if line.get("true") else "cell.no"),
        name=line.get("move") or line.get("channel") or line.get("entity") or "",
        count=len(line.get("records", ())),
        unseen=len(line.get("may_not_see", ())),
    )
    return {"step": str(line["step"]), "text": found}


def _moment(text: Locale, iso: str) -> str:
    return text.datetime(datetime.fromisoformat(iso))
