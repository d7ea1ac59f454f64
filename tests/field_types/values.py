"""What people type into a field of each type, and the value that comes of it."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

TYPED: dict[str, Any] = {
    "text": "宁波甬江阀门",
    "long_text": "一\n二",
    "rich_text": "<p>先看<strong>样品</strong></p>",
    "phone": "138-0013 8000",
    "email": "name@example.com",
    "url": "https://example.com/a",
    "credit_code": "91350100M000100Y43",
    "integer": "1,234",
    "decimal": "12.5",
    "money": "1.5万",
    "percent": "12.5%",
    "boolean": "是",
    "date": "2026年3月4日",
    "datetime": "2026-03-04 14:30",
    "time": "9:30",
    "duration": "3d 4h",
    "choice": "交期",
    "choices": "价格、交期",
    "tags": "VIP, 华东",
    "address": "江苏省苏州市吴中区东吴北路 12 号 215128",
    "geo": "31.299886, 120.5853",
    "barcode": "6901234567892",
    "colour": "#1F8A70",
    "rating": "4",
    "json": '{"speed": [1, 2.5], "on": true}',
}
"""Types whose values need nothing but themselves; links, people and files need what they lead to."""

VALUES: dict[str, Any] = TYPED | {
    "phone": "13800138000",
    "integer": 1234,
    "decimal": Decimal("12.5"),
    "money": Decimal(15_000),
    "percent": Decimal("0.125"),
    "boolean": True,
    "date": date(2026, 3, 4),
    "datetime": datetime(2026, 3, 4, 6, 30, tzinfo=UTC),
    "time": time(9, 30),
    "duration": timedelta(days=3, hours=4),
    "choice": "delivery",
    "choices": ["price", "delivery"],
    "tags": ["vip", "华东"],
    "address": {
        "province": "江苏省", "city": "苏州市", "district": "吴中区", "street": "东吴北路 12 号", "postcode": "215128",
    },
    "geo": {"lat": 31.299886, "lng": 120.5853},
    "colour": "#1f8a70",
    "rating": 4,
    "json": {"speed": [1, 2.5], "on": True},
}  # fmt: skip

LINE = {"what": "安装", "start": "8:00", "spent": "90m", "stars": "3", "ean": "036000291452", "tint": "#abc"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
