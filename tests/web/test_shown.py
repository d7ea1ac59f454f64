"""The values by which people decide, as they read them: in their language, on the clock of the site."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.expression import Kind
from engine.workflow.shown import Shown
from web.approval_view import shown_text
from web.cells import Cells
from web.i18n import Locale

LATE = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai


@pytest.mark.parametrize(
    ("kind", "value", "zh", "en"),
    [
        (Kind.DURATION, timedelta(days=3, hours=4), "3 天 4 小时", "3 d 4 h"),
        (Kind.DURATION, -timedelta(minutes=90), "−1 小时 30 分钟", "−1 h 30 min"),
        (Kind.DATETIME, LATE, "2026-03-03 00:30", "3 Mar 2026 00:30"),
        (Kind.TIME, time(9, 5), "09:05", "09:05"),
        (Kind.DATE, date(2026, 3, 3), "2026-03-03", "3 Mar 2026"),
        (Kind.MONEY, Decimal("1234.5"), "¥1,234.50", "¥1,234.50"),
        (Kind.CHOICES, ({"zh": "急", "en": "urgent"}, {"zh": "样", "en": "sample"}), "急、样", "urgent, sample"),
        (Kind.USERS, ("李经理", "王总"), "李经理、王总", "李经理, 王总"),
        (Kind.FILE, ({"name": "方案.pdf", "content_type": "application/pdf"},), "方案.pdf", "方案.pdf"),
    ],
)
def test_a_value_to_decide_by_is_said_as_people_read_it(kind: Kind, value: Any, zh: str, en: str) -> None:
    one = Shown("x", {"zh": "值", "en": "Value"}, kind, value)
    for language, expected in (("zh", zh), ("en", en)):
        cells = Cells(Locale(language, timezone="Asia/Shanghai", currency="CNY"), LATE)
        assert shown_text(cells, one) == expected
