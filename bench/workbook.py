"""The workbook both applications import: good rows, and one bad row in every hundred."""

from datetime import date, timedelta
from pathlib import Path

import xlsxwriter

from bench.sides import REPS

HEADER = [
    "name", "customer", "amount", "win_rate", "expected_close", "region", "source", "product_line", "quantity",
    "contact_phone", "contact_email", "end_user_code", "need_summary", "remark",
]  # fmt: skip
_WRONG = {"amount": -5, "customer": "Nobody", "end_user_code": "911100006000373410", "region": "", "quantity": 2.5}


def write_workbook(path: Path, rows: int, customers: list[str]) -> int:
    """Write `rows` rows of these customers' names; the number of bad ones among them."""
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, HEADER)
    refused = 0
    for line in range(1, rows + 1):
        row = _good_row(line, customers)
        if line % 100 == 50:
            field = list(_WRONG)[line // 100 % len(_WRONG)]
            row[HEADER.index(field)] = _WRONG[field]
            refused += 1
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(line, column, cell, day)
            else:
                sheet.write(line, column, cell)
    book.close()
    return refused


def _good_row(line: int, customers: list[str]) -> list[object]:
    close = date.today() + timedelta(days=10 + line % 200)
    return [
        f"导入商机 {line}", customers[line % len(customers)], 500 + line % 9000 + 0.5, 0.25, close, "south", "website",
        "pump", 1 + line % 500, "13900139000", f"buyer{line}@example.com", "914403001922038216",
        "按图纸加工，含表面处理与出厂检验。", "",
    ]  # fmt: skip


def own_customers(rep: int, how_many: int) -> list[str]:
    """Names of copied customers that belong to a rep: copy i is of rep i % REPS."""
    return [f"Customer {REPS * n + rep}" for n in range(1, how_many + 1)]
