"""The audit as a file: everything that was looked for, in people's words and exactly as it is kept.

Enters: what is looked for, a format. Leaves: XLSX or CSV, written row by row. Must not let a text be taken for a
formula, nor leave unnoted: that it was taken along is an entry of the audit itself.
"""

import json
import tempfile
from collections.abc import Mapping
from typing import Any

from flask import Response, g, request, send_file

from engine.exporting.sheets import Mark, open_sheet
from engine.people.audit import AuditEntry, AuditQuery, each_page, note_taken
from web.audit_view import view_entries
from web.cells import Cells
from web.gate import locale, now, store
from web.reporting.sheet import printed_line

FORMATS: Mapping[str, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_COLUMNS = ("when", "who", "what", "about", "details", "ip", "action", "subject", "data")


class _Heads:
    def headers(self) -> list[str]:
        return ["ID", *(locale().t(f"audit.column_{key}") for key in _COLUMNS)]

    def formats(self) -> Mapping[int, str]:
        return {}


def send_audit(query: AuditQuery, format: str) -> Response:
    """Return the file; raises ``NotAllowed`` for anybody but administrators, ``NotPossibleNow`` for too many rows."""
    text, line, rows, pages = locale(), printed_line(), 0, each_page(g.session, query, actor=g.actor)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer reads and closes it
    mark = Mark(text.t("audit.title"), line, [], g.actor.name)
    writer = open_sheet(file, format, _Heads(), mark, language=text.language)
    cells = Cells(text, now())
    for page in pages:
        for entry, said in zip(page, view_entries(cells, page), strict=True):
            writer.add(_row(entry, said))
        rows += len(page)
    writer.close()
    with store().write() as session:
        note_taken(session, query, format=format, rows=rows, actor=g.actor, ip=request.remote_addr)
    file.seek(0)
    name = f"{text.t('audit.title')}-{text.local(now()):%Y%m%d-%H%M}.{format}"
    answer = send_file(file, mimetype=FORMATS[format], as_attachment=True, download_name=name, max_age=0)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _row(entry: AuditEntry, said: Mapping[str, Any]) -> list[Any]:
    details = "; ".join(f"{one['name']}: {one['value']}" for one in said["details"])
    kept = json.dumps(dict(entry.details), ensure_ascii=False, default=str) if entry.details else None
    at = locale().local(entry.at).replace(tzinfo=None)
    return [
        entry.id, at, said["who"], said["what"], said["about"], details or None, entry.ip, entry.action, entry.subject,
        kept,
    ]  # fmt: skip
