"""What spreadsheets do to days, numbers and phones, and what is made of it: read exactly, or refused with a reason."""

import re
import unicodedata
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.compiler.cells import Reading, read_cell
from engine.compiler.compile import load_app
from engine.compiler.readers import Wrong
from engine.importing.forms import count_forms
from tests.conftest import to_folder

APP = """\
app: cells
label: 单元格
version: 1.0.0
language: zh
roles:
  admin: {label: 管理员}
"""
ENTITY = """\
entity: cell
label: 格
fields:
  day:    {type: date, label: 日期}
  at:     {type: datetime, label: 时刻}
  amount: {type: money, label: 金额, scale: 2}
  weight: {type: decimal, label: 重量, scale: 6}
  share:  {type: percent, label: 份额, scale: 4}
  phone:  {type: phone, label: 电话}
  code:   {type: text, label: 型号}
access:
  admin: {read: all}
"""
FIELDS = load_app(to_folder({"app.yaml": APP, "cell/entity.yaml": ENTITY})).entities["cell"].fields
DAYS = st.dates(date(1955, 1, 1), date(2198, 12, 31))
WIDE = str.maketrans("0123456789.-,%", "０１２３４５６７８９．－，％")


def read(key: str, cell: Any, **reading: Any) -> Any:
    """The value a record would get."""
    return FIELDS[key].type.parse(read_cell(cell, FIELDS[key], Reading(**reading)), FIELDS[key])


def refusal(key: str, cell: Any, **reading: Any) -> str:
    with pytest.raises(Wrong) as wrong:
        read(key, cell, **reading)
    return wrong.value.code


@given(DAYS)
def test_a_day_is_read_in_every_form_that_says_which_part_is_which(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    y, m, d = day.year, day.month, day.day
    written: list[Any] = [
        f"{y}-{m:02}-{d:02}", f"{y}/{m}/{d}", f"{y}.{m}.{d}", f"{y}年{m}月{d}日", f"{y} 年 {m} 月 {d} 日",
        f"{y}{m:02}{d:02}",
        int(f"{y}{m:02}{d:02}"), float(serial), str(serial), datetime(y, m, d), f"{y}-{m:02}-{d:02} 00:00:00",
        f"{y}-{m:02}-{d:02}".translate(WIDE), f"{d}-{day:%b}-{y}",
    ]  # fmt: skip
    assert [read("day", cell) for cell in written] == [day] * len(written)


@given(DAYS)
def test_a_day_whose_order_is_open_is_never_guessed(day: date) -> None:
    written = f"{day.day:02}/{day.month:02}/{day.year}"
    open_order = day.day <= 12 and day.day != day.month

    assert read("day", written, dates="dmy") == day
    if open_order:
        assert refusal("day", written) == "import.date_order"
        assert read("day", written, dates="mdy") == date(day.year, day.day, day.month)
    else:
        assert read("day", written) == day


@pytest.mark.parametrize(
    ("order", "long", "short"), [("dmy", (4, 3), (2004, 3, 26)), ("mdy", (3, 4), None), ("ymd", None, (2026, 3, 4))]
)
def test_what_may_be_two_days_is_read_once_somebody_said_how(
    order: str, long: tuple[int, int] | None, short: tuple[int, int, int] | None
) -> None:
    assert refusal("day", "03/04/2026") == refusal("day", "26/3/04") == "import.date_order"
    if long is None:
        assert refusal("day", "03/04/2026", dates=order) == "import.date_order"
    else:
        assert read("day", "03/04/2026", dates=order) == date(2026, *long)
    if short is not None:
        assert read("day", "26/3/04", dates=order) == date(*short)


def test_a_day_that_cannot_be_in_the_chosen_order_is_refused_not_turned_round() -> None:
    assert refusal("day", "13/04/2026", dates="mdy") == "value.date"
    assert refusal("day", "04/13/2026", dates="dmy") == "value.date"


@pytest.mark.parametrize(
    "cell", [2026, 2026.0, "2026", 12.5, -1.0, True, "明天", "2026-13-01", "2026-02-30", "31/11/2026"]
)
def test_what_is_no_day_is_refused(cell: Any) -> None:
    assert refusal("day", cell) in ("value.date", "import.date_order")


@given(st.datetimes(datetime(1955, 1, 1), datetime(2198, 12, 31)).map(lambda moment: moment.replace(microsecond=0)))
def test_a_moment_keeps_its_seconds_even_as_a_serial_number(moment: datetime) -> None:
    serial = (moment - datetime(1899, 12, 30)) / timedelta(days=1)
    assert read("at", serial) == moment
    assert read("at", f"{moment:%Y/%m/%d %H:%M:%S}") == moment
    assert read("at", f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M:%S}") == moment


def test_moments_with_the_clock_of_twelve_hours() -> None:
    assert read("at", "2026-3-4 2:30 PM") == read("at", "2026-3-4 下午2:30") == datetime(2026, 3, 4, 14, 30)
    assert read("at", "2026-3-4 12:05 am") == datetime(2026, 3, 4, 0, 5)


@given(st.decimals(-(10**9), 10**9, places=2))
def test_an_amount_is_exact_in_every_way_of_writing_it(amount: Decimal) -> None:
    plain = f"{amount:,.2f}"
    written: list[Any] = [
        plain, f"{amount:.2f}", f"¥{plain}", f"￥{plain}", f"{plain}元", f"RMB {plain}", plain.translate(WIDE),
        float(amount),
    ]  # fmt: skip
    written += [f"({-amount:,.2f})"] if amount < 0 else []
    assert [read("amount", cell) for cell in written] == [amount] * len(written)


@given(st.integers(-(10**6), 10**6), st.sampled_from([("千", 3), ("万", 4), ("百万", 6), ("亿", 8)]))
def test_units_are_multiplied_by(amount: int, unit: tuple[str, int]) -> None:
    said, power = unit
    expected = Decimal(amount) * 10**power
    assert read("amount", f"{amount}{said}") == read("amount", f"￥{amount} {said}元") == expected
    assert read("amount", float(amount), unit=10**power) == read("amount", f"{amount}", unit=10**power) == expected
    assert read("amount", f"{amount}{said}", unit=10_000) == expected  # its own unit counts


def test_a_number_computed_by_a_spreadsheet_is_what_it_shows() -> None:
    assert read("amount", 0.1 + 0.2) == Decimal("0.30")
    assert read("amount", 1234.4999999999998) == Decimal("1234.50")
    assert read("weight", "1.5E+3") == read("weight", "1.5e3") == Decimal(1500)


@given(st.decimals(0, 1, places=4))
def test_a_share_is_the_same_with_a_sign_as_a_fraction_and_as_a_number(share: Decimal) -> None:
    hundredfold = share * 100
    assert read("share", f"{hundredfold}%") == read("share", f"{hundredfold}".translate(WIDE) + "％") == share
    assert read("share", float(share)) == read("share", str(share), fraction=True) == share
    assert read("share", str(hundredfold)) == read("share", float(hundredfold), fraction=False) == share


@pytest.mark.parametrize("cell", ["13800138000", "１３８００１３８０００", 13800138000, 13800138000.0, "138 0013 8000"])
def test_a_phone_is_kept_whether_it_stands_as_text_or_number(cell: Any) -> None:
    assert read("phone", cell) == "13800138000"


@pytest.mark.parametrize("key", ["phone", "code"])
@pytest.mark.parametrize("cell", ["1.38E+10", "1.38001E+10", "1.38e+10", "１．３８Ｅ＋１０"])
def test_a_number_in_scientific_notation_is_said_to_be_damaged(key: str, cell: str) -> None:
    assert refusal(key, cell) == "import.scientific"


@given(st.text("甬1８eEＥ+＋.．３ ", max_size=12))
def test_whatever_stands_around_it_only_such_a_number_is_damaged(cell: str) -> None:
    plain = unicodedata.normalize("NFKC", cell).strip()
    damaged = re.fullmatch(r"[+-]?\d(?:\.\d+)?[eE]\+\d{2,3}", plain) is not None
    try:
        assert read_cell(cell, FIELDS["code"], Reading()) == cell and not damaged
    except Wrong as wrong:
        assert damaged and wrong.code == "import.scientific"


WRITTEN = st.sampled_from(
    ["03/04/2026", "13-4-26", "1.4.26", "5/5/2026", "２０２６-03-04", "0.5", "12", "1200", "甬江", " "]
)


@given(st.lists(st.one_of(WRITTEN, st.floats(), st.decimals(allow_nan=False), st.integers(), st.booleans(), st.none())))
def test_a_column_is_written_as_its_cells_are_one_by_one(cells: list[Any]) -> None:
    together: dict[str, int] = {}
    count_forms(cells, together)
    each: Counter[str] = Counter()
    for cell in cells:
        alone: dict[str, int] = {}
        count_forms([cell], alone)
        assert sum(alone.values()) <= 1
        each.update(alone)
    assert together == each


def test_digits_and_texts_that_the_spreadsheet_changed_are_not_taken_for_what_was_meant() -> None:
    assert refusal("code", 330204199001011230.0) == "import.digits_lost"
    assert refusal("code", datetime(2026, 3, 4)) == refusal("amount", datetime(2026, 3, 4)) == "import.turned_date"
    assert read("code", "0012") == "0012"
    assert read("code", 10086.0) == "10086"


@given(st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.booleans(), st.datetimes()))
def test_any_cell_is_a_value_or_refused_with_a_sentence(cell: Any) -> None:
    for field in FIELDS.values():
        try:
            field.type.parse(read_cell(cell, field, Reading()), field)
        except Wrong as wrong:
            assert wrong.code
