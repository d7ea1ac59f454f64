"""Attachments: files of any kept kind, pictures, signatures.

Enters: ids of uploaded files. Leaves: ids. Must not look at a file: its content was checked when it came in, and what
may hang on a field is checked when it is attached.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.compiler.field_types.declaration import KEPT, FieldType, schema
from engine.compiler.readers import Wrong, is_empty, parse_id
from engine.expression import Kind

if TYPE_CHECKING:
    from engine.compiler.app import Field

PICTURES = ("png", "jpg", "jpeg", "gif", "webp")
"""Raster pictures that every browser shows and that cannot hold a script."""


def read_ids(raw: Any, field: "Field") -> list[int]:
    """Read the ids of uploaded files, without repeats, in order."""
    parts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, Sequence) or isinstance(parts, bytes):
        raise Wrong("value.file")
    ids = list(dict.fromkeys(parse_id(part) for part in parts if not is_empty(part)))
    if len(ids) > 1 and not field.many:
        raise Wrong("value.one_file")
    return ids


def _names(files: Sequence[Any]) -> str:
    return ", ".join(str(one["name"]) for one in files)


def _files(**declared: Any) -> FieldType:
    found: dict[str, Any] = {
        "kind": Kind.FILE,
        "column": None,
        "holds": "files",
        "parse": read_ids,
        "to_json": list,
        "to_form": list,
        "json_schema": schema(type="array", items={"type": "integer", "minimum": 1}),
        "filter": "presence",
        "operators": frozenset(),
        "to_sheet": _names,
        "to_text": _names,
        "example": "7",
        "sortable": False,
        "many": True,
        "in_lines": False,
        "basis": KEPT,
    }
    return FieldType(**found | declared)


TYPES = (
    _files(
        key="file",
        widget="file",
        cell="files",
        wide=True,
        keys=frozenset({"many", "accept", "max_size", "original"}),
        takes=frozenset({"image", "signature"}),
        definition={"type": "file", "many": True, "accept": ["pdf", "docx"]},
        purpose={
            "zh": "附件，例如合同扫描件、技术方案。",
            "en": "Attachments: a signed contract, a technical proposal.",
        },
        typed={
            "zh": "选择、拖入或粘贴文件；JSON 用已上传文件的 id 列表。",
            "en": "Files chosen, dropped or pasted; in JSON a list of ids of uploaded files.",
        },
    ),
    _files(
        key="image",
        widget="file",
        cell="pictures",
        wide=True,
        keys=frozenset({"many", "max_size", "original"}),
        accept=PICTURES,
        definition={"type": "image", "many": True, "max_size": "5MB"},
        takes=frozenset({"signature"}),
        purpose={"zh": "图片，直接显示，例如现场照片。", "en": "Pictures, shown as such: photographs of a site."},
        typed={
            "zh": "PNG、JPEG、GIF、WebP；按内容核对，不只看扩展名。",
            "en": "PNG, JPEG, GIF or WebP, judged by content and not by name alone.",
        },
    ),
    _files(
        key="signature",
        widget="signature",
        cell="pictures",
        accept=("png",),
        max_size=512 * 1024,
        definition={"type": "signature"},
        purpose={
            "zh": "手写签名：用手指或鼠标签；也可以键入姓名。",
            "en": "A signature drawn with finger or mouse, or made from the name typed.",
        },
        typed={
            "zh": "在签名框里书写，或键入姓名；存为 PNG 图片。",
            "en": "Drawn in the box, or the name typed; kept as a PNG picture.",
        },
    ),
)
