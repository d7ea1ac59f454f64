"""Amounts in capitals (人民币大写), as Chinese quotes, contracts and cheques carry them.

Enters: an amount in yuan. Leaves: ``壹万贰仟叁佰肆拾伍元陆角柒分``. Source: 支付结算办法 (中国人民银行, 1997), annex
1: 零 is written once between digits, 整 follows when nothing comes after 元 or 角.
"""

from decimal import ROUND_HALF_UP, Decimal

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ("", "拾", "佰", "仟")
_HUNDRED_MILLION = 10**8


def in_capitals(amount: Decimal) -> str:
    """Return ``amount`` (rounded half up to 分) in capitals, with 负 in front of a negative one."""
    cents = int((abs(amount) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    said = f"{_whole(yuan)}元" if yuan else ""
    if not jiao and not fen:
        said = (said or "零元") + "整"
    else:
        if jiao:
            said += f"{_DIGITS[jiao]}角"
        elif yuan:
            said += "零"
        said += f"{_DIGITS[fen]}分" if fen else "整"
    return f"负{said}" if amount < 0 and cents else said


def _whole(number: int) -> str:
    """Read eight digits at a time, with 亿 between them: 12345 亿 is 壹万贰仟叁佰肆拾伍亿."""
    high, low = divmod(number, _HUNDRED_MILLION)
    if not high:
        return _eight(low)
    return _whole(high) + "亿" + _after(low < 10**7 or high % 10_000 == 0, _eight(low))


def _eight(number: int) -> str:
    """Read up to eight digits, with 万 between the two halves."""
    high, low = divmod(number, 10_000)
    if not high:
        return _group(low)
    return _group(high) + "万" + _after(low < 1000, _group(low))


def _after(gap: bool, said: str) -> str:
    """Lead what follows with one 零 when zeros stand between."""
    return "零" + said if gap and said else said


def _group(group: int) -> str:
    said, skipped = "", False
    for at in (3, 2, 1, 0):
        digit = group // 10**at % 10
        if not digit:
            skipped = True
            continue
        said += ("零" if skipped and said else "") + _DIGITS[digit] + _UNITS[at]
        skipped = False
    return said
