"""What each field type makes of what people type, and the exact sentence for what it refuses."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import messages
from engine.compiler import credit_code
from engine.compiler.field_types import FIELD_TYPES, get_type
from engine.compiler.readers import Wrong, is_empty
from tests.compiler.fields import field_of

D = Decimal

READ: list[tuple[str, Any, Any]] = [
    ("text", "  宁波  甬江\n阀门 ", "宁波 甬江 阀门"),
    ("text", 10086.0, "10086"),
    ("text", 1.5, "1.5"),
    ("text", 12345678901234567890, "12345678901234567890"),
    ("text", "<script>", "<script>"),
    ("text", "e\u0301", "é"),
    ("text", "😀", "😀"),
    ("long_text", " 一\r\n二\r三 ", "一\n二\n三"),
    ("long_text", "a\tb", "a\tb"),
    ("phone", "+86 138-0013 8000", "13800138000"),
    ("phone", "１３８００１３８０００", "13800138000"),
    ("phone", 13800138000.0, "13800138000"),
    ("phone", "(0574) 8765 4321", "057487654321"),
    ("phone", "0086138001380", "138001380"),
    ("phone", "+49 30 123456", "+4930123456"),
    ("phone", "0574-87654321x123", "057487654321x123"),
    ("email", " a.b+c@example.com ", "a.b+c@example.com"),
    ("url", "https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
    ("credit_code", "91350100m000100y43", "91350100M000100Y43"),
    ("credit_code", "９１３５０１００M000100Y43", "91350100M000100Y43"),
    ("credit_code", "9135 0100 M000 100Y43", "91350100M000100Y43"),
    ("integer", "1,234", 1234),
    ("integer", "１２", 12),
    ("integer", 3.0, 3),
    ("integer", "-7", -7),
    ("integer", "3.00", 3),
    ("decimal", "1234.5", D("1234.5000")),
    ("decimal", 0.1, D("0.1000")),
    ("decimal", ".5", D("0.5000")),
    ("decimal", "-0", D("0.0000")),
    ("money", "¥1,234.50", D("1234.50")),
    ("money", "1.5万", D("15000.00")),
    ("money", "￥ 8 元", D("8.00")),
    ("money", 19.99, D("19.99")),
    ("percent", "15", D("0.1500")),
    ("percent", "15%", D("0.1500")),
    ("percent", "１５％", D("0.1500")),
    ("percent", 0.15, D("0.1500")),
    ("percent", D("0.15"), D("0.1500")),
    ("percent", "12.34", D("0.1234")),
    ("boolean", True, True),
    ("boolean", "是", True),
    ("boolean", "√", True),
    ("boolean", "on", True),
    ("boolean", 1, True),
    ("boolean", 1.0, True),
    ("boolean", "否", False),
    ("boolean", "FALSE", False),
    ("boolean", 0, False),
    ("boolean", 0.0, False),
    ("date", "2026-03-04", date(2026, 3, 4)),
    ("date", "2026/3/4", date(2026, 3, 4)),
    ("date", "2026.3.4", date(2026, 3, 4)),
    ("date", "2026年3月4日", date(2026, 3, 4)),
    ("date", "2026-03-04 00:00:00", date(2026, 3, 4)),
    ("date", "2026-03-04T00:00:00", date(2026, 3, 4)),
    ("date", datetime(2026, 3, 4, 9), date(2026, 3, 4)),
    ("datetime", "2026-03-04 14:30", datetime(2026, 3, 4, 14, 30)),
    ("datetime", "2026/3/4 14:30:05", datetime(2026, 3, 4, 14, 30, 5)),
    ("datetime", "2026年3月4日14:30", datetime(2026, 3, 4, 14, 30)),
    ("datetime", "2026-03-04T14:30:00+08:00", datetime(2026, 3, 4, 6, 30, tzinfo=UTC)),
    ("datetime", "2026-03-04T06:30:00Z", datetime(2026, 3, 4, 6, 30, tzinfo=UTC)),
    ("datetime", date(2026, 3, 4), datetime(2026, 3, 4)),
    ("choice", "a", "a"),
    ("choice", "乙", "b"),
    ("choice", " Second ", "b"),
    ("choice", 2024.0, "2024"),
    ("choices", "乙、甲", ["a", "b"]),
    ("choices", ["b", "", "b"], ["b"]),
    ("choices", "First, 乙；甲", ["a", "b"]),
    ("link", "12", 12),
    ("link", {"id": 12}, 12),
    ("user", 3, 3),
    ("file", "3,1,3", [3, 1]),
    ("file", [4, "5"], [4, 5]),
    ("lines", [{"name": "x"}], [{"name": "x"}]),
    ("rich_text", "<p>先看<b>样品</b></p><script>x()</script>", "<p>先看<b>样品</b></p>"),
    ("rich_text", "a < b\n& c", "<p>a &lt; b</p><p>&amp; c</p>"),
    ("rich_text", '<p onclick="x()" style="color:red">a</p>', "<p>a</p>"),
    ("rich_text", '<a href="javascript:x()">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
    ("rich_text", '<a href="https://a.cn/">a</a>', '<a href="https://a.cn/" rel="noopener noreferrer nofollow">a</a>'),
    ("time", "9:30", time(9, 30)),
    ("time", "０９：３０", time(9, 30)),
    ("time", "9点5分", time(9, 5)),
    ("time", "21点", time(21)),
    ("time", time(23, 59), time(23, 59)),
    ("duration", "3d 4h", timedelta(days=3, hours=4)),
    ("duration", "3天4小时", timedelta(days=3, hours=4)),
    ("duration", "1.5h", timedelta(minutes=90)),
    ("duration", "1周", timedelta(weeks=1)),
    ("duration", "-90m", timedelta(minutes=-90)),
    ("duration", timedelta(seconds=90), timedelta(seconds=90)),
    ("links", "3, 5,3", [3, 5]),
    ("links", [{"id": 4}, 5], [4, 5]),
    ("users", "3, 5,3", [3, 5]),
    ("users", [{"id": 4}, "5"], [4, 5]),
    ("department", "2", 2),
    ("tags", "VIP, 华东、vip ； Ｎew", ["vip", "华东", "new"]),
    ("tags", ["a b", "A  B"], ["a b"]),
    (
        "address",
        "江苏省苏州市吴中区东吴北路 12 号 215128",
        {
            "province": "江苏省",
            "city": "苏州市",
            "district": "吴中区",
            "street": "东吴北路 12 号",
            "postcode": "215128",
        },
    ),
    (
        "address",
        "内蒙古自治区呼和浩特市新城区中山路1号",
        {"province": "内蒙古自治区", "city": "呼和浩特市", "district": "新城区", "street": "中山路1号"},
    ),
    ("address", "上海市浦东新区世纪大道", {"city": "上海市", "district": "浦东新区", "street": "世纪大道"}),
    ("address", "12 Harbour Road", {"street": "12 Harbour Road"}),
    ("address", {"city": " 苏州市 ", "street": "", "postcode": 215128.0}, {"city": "苏州市", "postcode": "215128"}),
    ("geo", "31.299886, 120.585300", {"lat": 31.299886, "lng": 120.5853}),
    ("geo", "-0，１２０", {"lat": 0.0, "lng": 120.0}),
    ("geo", {"lat": 90, "lng": -180}, {"lat": 90.0, "lng": -180.0}),
    ("image", "7,8", [7, 8]),
    ("signature", [7], [7]),
    ("barcode", "6901234567892", "6901234567892"),
    ("barcode", 6901234567892.0, "6901234567892"),
    ("barcode", "036000291452", "036000291452"),
    ("barcode", "F-100 A", "F-100 A"),
    ("colour", "#1F8A70", "#1f8a70"),
    ("colour", "abc", "#aabbcc"),
    ("rating", "4", 4),
    ("json", '{"a": [1, null, 0.5]}', {"a": [1, None, 0.5]}),
    ("json", '"text"', "text"),
    ("json", False, False),
    ("number_series", "X2026-0007", "X2026-0007"),
]

REFUSED: list[tuple[str, dict[str, Any], Any, str, str]] = [
    ("text", {}, True, "value.text", "这里应填写文字。"),
    ("text", {}, [1], "value.text", "这里应填写文字。"),
    ("text", {}, {"id": 1}, "value.text", "这里应填写文字。"),
    ("text", {}, float("nan"), "value.text", "这里应填写文字。"),
    ("text", {}, "a\x00b", "value.control", "文字中含有无法显示的控制字符，请删除后重试。"),
    ("text", {}, "a\u202eb", "value.control", "文字中含有无法显示的控制字符，请删除后重试。"),
    ("text", {}, "\ud800", "value.control", "文字中含有无法显示的控制字符，请删除后重试。"),
    ("text", {}, "长" * 201, "value.too_long", "最多 200 个字，现在是 201 个字，请缩短。"),
    ("text", {"max_length": 3}, "长长长长", "value.too_long", "最多 3 个字，现在是 4 个字，请缩短。"),
    ("text", {"min_length": 3}, "短", "value.too_short", "至少需要 3 个字。"),
    ("text", {"pattern": "[A-Z]{2}[0-9]+"}, "AB12x", "value.pattern", "格式不符合要求，请对照填写说明检查。"),
    ("long_text", {}, "a\x08b", "value.control", "文字中含有无法显示的控制字符，请删除后重试。"),
    ("phone", {}, "123", "value.phone", "电话号码应为 5 到 20 位数字，可带国家码，例如 13800138000。"),
    ("phone", {}, [], "value.phone", "电话号码应为 5 到 20 位数字，可带国家码，例如 13800138000。"),
    ("email", {}, "a@b", "value.email", "电子邮箱格式不正确，例如 name@example.com。"),
    ("email", {}, "a@b.com\r\nBcc: c@d.com", "value.email", "电子邮箱格式不正确，例如 name@example.com。"),
    ("url", {}, "javascript:alert(1)", "value.url", "网址应以 http:// 或 https:// 开头。"),
    ("url", {}, "https://a.com/\nx", "value.url", "网址应以 http:// 或 https:// 开头。"),
    ("url", {}, "https://[::1", "value.url", "网址应以 http:// 或 https:// 开头。"),
    ("credit_code", {}, "123", "value.credit_code.length", "统一社会信用代码应为 18 位，请核对营业执照。"),
    (
        "credit_code", {}, "91350100I000100Y43", "value.credit_code.character",
        "统一社会信用代码只含数字和大写字母，且不含 I、O、S、V、Z，请核对营业执照。",
    ),
    (
        "credit_code", {}, "91350100M000100Y44", "value.credit_code.check",
        "统一社会信用代码的校验位不符，可能有一位写错了，请核对营业执照。",
    ),
    ("integer", {}, "1.5", "value.integer", "这里应填写整数。"),
    ("integer", {}, "一", "value.number", "这里应填写数字，例如 1234.50。"),
    ("integer", {}, True, "value.number", "这里应填写数字，例如 1234.50。"),
    ("integer", {"max": D(5)}, 6, "value.max", "不能大于 5。"),
    ("integer", {}, 10**5000, "value.too_large", "数字过大，最多 18 位。"),
    ("decimal", {}, "1e5", "value.number", "这里应填写数字，例如 1234.50。"),
    ("decimal", {}, float("inf"), "value.number", "这里应填写数字，例如 1234.50。"),
    ("decimal", {}, D("sNaN"), "value.number", "这里应填写数字，例如 1234.50。"),
    ("decimal", {}, "1.23456", "value.scale", "最多 4 位小数。"),
    ("decimal", {}, "9" * 15, "value.too_large", "数字过大，最多 18 位。"),
    ("money", {}, "1.234", "value.scale", "最多 2 位小数。"),
    ("money", {"min": D(1000)}, "999.99", "value.min", "不能小于 1,000。"),
    ("money", {}, "$5", "value.number", "这里应填写数字，例如 1234.50。"),
    ("percent", {"max": D(1)}, "101", "value.max", "不能大于 100%。"),
    ("percent", {"min": D("0.125")}, "12", "value.min", "不能小于 12.5%。"),
    ("percent", {}, "1.234", "value.scale", "最多 2 位小数。"),
    ("percent", {}, "33." + "0" * 40 + "1", "value.scale", "最多 2 位小数。"),
    ("boolean", {}, "也许", "value.boolean", "这里应填“是”或“否”。"),
    ("boolean", {}, 2, "value.boolean", "这里应填“是”或“否”。"),
    ("date", {}, "03/04/2026", "value.date", "日期应写作 2026-03-04 或 2026年3月4日。"),
    ("date", {}, "9999-12-31", "value.year", "年份要在 1900 到 2200 之间，请改一下。"),
    ("datetime", {}, "0026-03-04 14:30", "value.year", "年份要在 1900 到 2200 之间，请改一下。"),
    ("date", {}, "2026-02-30", "value.date", "日期应写作 2026-03-04 或 2026年3月4日。"),
    ("date", {}, "1899-12-31", "value.year", "年份要在 1900 到 2200 之间，请改一下。"),
    ("date", {}, date(1, 1, 1), "value.year", "年份要在 1900 到 2200 之间，请改一下。"),
    ("date", {}, True, "value.date", "日期应写作 2026-03-04 或 2026年3月4日。"),
    ("datetime", {}, "14:30", "value.datetime", "时间应写作 2026-03-04 14:30。"),
    ("datetime", {}, "2026-03-04 25:00", "value.datetime", "时间应写作 2026-03-04 14:30。"),
    ("datetime", {}, 5, "value.datetime", "时间应写作 2026-03-04 14:30。"),
    ("choice", {}, "丙", "value.choice", "没有这个选项，可选：甲、乙、二〇二四。"),
    ("choice", {}, ["a"], "value.choice", "没有这个选项，可选：甲、乙、二〇二四。"),
    ("choices", {}, "甲，丙", "value.choice", "没有这个选项，可选：甲、乙、二〇二四。"),
    ("choices", {}, 5, "value.choices", "请从选项中选择。"),
    ("link", {}, "abc", "value.link", "请从列表中选择一条记录。"),
    ("link", {}, 0, "value.link", "请从列表中选择一条记录。"),
    ("link", {}, True, "value.link", "请从列表中选择一条记录。"),
    ("link", {}, 2**63, "value.link", "请从列表中选择一条记录。"),
    ("link", {}, "9" * 5000, "value.link", "请从列表中选择一条记录。"),
    ("user", {}, 1.0, "value.link", "请从列表中选择一条记录。"),
    ("file", {}, {"id": 3}, "value.file", "请先上传文件。"),
    ("file", {"many": False}, [1, 2], "value.one_file", "这里只能放一个文件。"),
    ("lines", {}, "x", "value.rows", "明细应为若干行。"),
    ("lines", {}, [1], "value.rows", "明细应为若干行。"),
    ("lines", {"max_rows": 1}, [{}, {}], "value.too_many_rows", "最多 1 行。"),
    ("rich_text", {}, "<script>x()</script>", "value.rich_text_empty", "这里没有可以显示的文字，请填写内容。"),
    ("rich_text", {}, "<p>" + "a" * 20_000 + "</p>", "value.too_long", "最多 20000 个字，现在是 20007 个字，请缩短。"),
    ("time", {}, "25:00", "value.time", "时间应写作 9:30 或 09:30，精确到分钟。"),
    ("time", {}, "9:3", "value.time", "时间应写作 9:30 或 09:30，精确到分钟。"),
    ("time", {}, time(9, 30, 1), "value.time", "时间应写作 9:30 或 09:30，精确到分钟。"),
    ("duration", {}, "3", "value.duration", "时长应写作 3d 4h、90m 或 3天4小时。"),
    ("duration", {}, "4wd", "value.duration", "时长应写作 3d 4h、90m 或 3天4小时。"),
    ("duration", {}, "40000d", "value.duration", "时长应写作 3d 4h、90m 或 3天4小时。"),
    ("links", {}, "a", "value.link", "请从列表中选择一条记录。"),
    ("links", {}, True, "value.links", "请从列表中选择记录。"),
    ("links", {"max": Decimal(2)}, [1, 2, 3], "value.too_many_links", "最多选择 2 条记录。"),
    ("users", {}, "a", "value.link", "请从列表中选择一条记录。"),
    ("users", {}, True, "value.users", "请从列表中选择人员。"),
    ("users", {}, list(range(1, 202)), "value.too_many_users", "最多选择 200 人。"),
    ("department", {}, "甲", "value.link", "请从列表中选择一条记录。"),
    ("tags", {}, 'a"b', "value.tags", "标签之间用逗号分开，每个最多 40 字，不能含引号和括号。"),
    ("tags", {}, "a" * 41, "value.tags", "标签之间用逗号分开，每个最多 40 字，不能含引号和括号。"),
    ("tags", {}, [str(one) for one in range(51)], "value.too_many_tags", "最多 50 个标签。"),
    ("address", {}, {"town": "x"}, "value.address", "地址应填写省、市、区县、街道或邮编，也可写成一行。"),
    ("address", {}, {"city": " "}, "value.address", "地址应填写省、市、区县、街道或邮编，也可写成一行。"),
    ("address", {}, {"postcode": "!"}, "value.postcode", "邮政编码不正确，例如 215128。"),
    ("geo", {}, "31.2", "value.geo", "坐标应写作“纬度, 经度”，例如 31.299886, 120.5853。"),
    ("geo", {}, "120.5, 31.2", "value.geo_range", "纬度在 -90 到 90 之间，经度在 -180 到 180 之间，请核对先后顺序。"),
    ("geo", {}, "31.1234567, 1", "value.geo_places", "坐标最多 6 位小数（约 0.1 米），请截短。"),
    ("image", {}, "x", "value.link", "请从列表中选择一条记录。"),
    ("signature", {}, "1,2", "value.one_file", "这里只能放一个文件。"),
    ("barcode", {}, "6901234567890", "value.barcode_check", "条码的校验位不符，可能有一位错了，请重新扫描或核对。"),
    ("barcode", {}, "条码", "value.barcode", "条码只含字母、数字和英文符号，请重新扫描或核对。"),
    ("colour", {}, "red", "value.colour", "颜色应写作 #1f8a70 这样的六位十六进制数。"),
    ("rating", {}, "6", "value.max", "不能大于 5。"),
    ("rating", {}, 0, "value.min", "不能小于 1。"),
    ("json", {}, "{", "value.json", "这里应填写 JSON，例如 [1, 2]；最多 20 层，不能是 null。"),
    ("json", {}, "null", "value.json", "这里应填写 JSON，例如 [1, 2]；最多 20 层，不能是 null。"),
    ("json", {}, float("nan"), "value.json", "这里应填写 JSON，例如 [1, 2]；最多 20 层，不能是 null。"),
    ("json", {}, {1: 2}, "value.json", "这里应填写 JSON，例如 [1, 2]；最多 20 层，不能是 null。"),
    ("number_series", {}, {"a": 1}, "value.text", "这里应填写文字。"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "raw", "value"), READ, ids=[f"{row[0]}{at}" for at, row in enumerate(READ)])
def test_a_value_is_read(kind: str, raw: Any, value: Any) -> None:
    found = get_type(kind).parse(raw, field_of(kind))

    assert (found, type(found)) == (value, type(value))
    assert str(found) == str(value)  # 1.50 is not 1.5 on paper


@pytest.mark.parametrize(
    ("kind", "more", "raw", "code", "sentence"), REFUSED, ids=[f"{row[0]}{at}" for at, row in enumerate(REFUSED)]
)
def test_a_wrong_value_is_refused_in_words(kind: str, more: dict[str, Any], raw: Any, code: str, sentence: str) -> None:
    with pytest.raises(Wrong) as caught:
        get_type(kind).parse(raw, field_of(kind, **more))

    assert (caught.value.code, messages.text(code, "zh", **caught.value.params)) == (code, sentence)
    assert messages.text(code, "en", **caught.value.params) != sentence


def test_every_type_is_read_and_refused_in_this_table() -> None:
    assert {row[0] for row in READ} == {row[0] for row in REFUSED} == set(FIELD_TYPES)


def test_the_options_of_a_choice_are_named_in_the_readers_language() -> None:
    with pytest.raises(Wrong) as caught:
        get_type("choice").parse("nope", field_of("choice"))

    said = messages.text(caught.value.code, "en", **caught.value.params)
    assert "First, Second, 2024" in said
    assert "甲" not in said


@pytest.mark.parametrize(
    ("body", "check"), [("91350100M000100Y4", "3"), ("91440300MA5DA1R32", None), ("911101080000000A0", None)]
)
def test_the_check_character_follows_gb_32100(body: str, check: str | None) -> None:
    found = credit_code.check_character(body)

    assert check in (None, found)
    assert credit_code.find_mistake(body + found) is None
    wrong = [letter for letter in credit_code.ALPHABET if letter != found]
    assert {credit_code.find_mistake(body + letter) for letter in wrong} == {"check"}


def test_exchanging_two_neighbours_of_a_credit_code_is_noticed() -> None:
    code = "91350100M000100Y43"
    swapped = [code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(16) if code[at] != code[at + 1]]
    assert swapped
    assert {credit_code.find_mistake(one) for one in swapped} == {"check"}


# ---- whatever arrives

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(), st.binary(), st.dates(),
    st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.integers(4300, 6000).map(lambda digits: 10**digits),
    st.integers(30, 6000).map(lambda digits: "9" * digits),
    st.text(alphabet="0123456789.-+eE,万%¥元年月日/: TZ"), st.text(alphabet="\ud800\udfff\x00\x1c\u202e\u2000a"),
    st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{0,20})?%?", fullmatch=True),
    st.sampled_from(["a", "乙", "2024", "是", "13800138000", "https://a.cn", "a@b.cn", "91350100M000100Y43"]),
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "name", "x"]), inner), max_leaves=8
)
DEEP: Any = []
for _ in range(20_000):
    DEEP = [DEEP]


@pytest.mark.parametrize("kind", FIELD_TYPES)
@given(raw=ANYTHING)
def test_a_reader_answers_with_a_value_or_refuses_whatever_arrives(kind: str, raw: Any) -> None:
    field = field_of(kind)
    if is_empty(raw):
        return
    try:
        value = field.type.parse(raw, field)
    except Wrong as wrong:
        assert messages.text(wrong.code, "zh", **wrong.params)
        return
    if kind == "lines":
        return
    said = json.loads(json.dumps(field.type.to_json(value)))
    jsonschema.Draft202012Validator(field.type.json_schema(field)).validate(said)
    if not is_empty(said):
        assert field.type.parse(said, field) == value


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_a_list_deeper_than_the_stack_is_refused(kind: str) -> None:
    field = field_of(kind)
    if field.type.many:
        with pytest.raises(Wrong):
            field.type.parse([DEEP], field)
    else:
        with pytest.raises(Wrong):
            field.type.parse(DEEP, field)


@given(
    value=st.decimals(min_value=-(10**13), max_value=10**13, places=4),
    kind=st.sampled_from(["decimal", "percent"]),
)
def test_a_decimal_comes_back_from_json_with_the_same_digits(value: Decimal, kind: str) -> None:
    field = field_of(kind)
    assert field.type.parse(field.type.to_json(value), field) == value


@given(moment=st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1), timezones=st.just(timezone(timedelta(hours=8)))))
def test_a_moment_is_kept_in_utc(moment: datetime) -> None:
    field = field_of("datetime")
    found = field.type.parse(moment.isoformat(), field)
    assert (found, found.utcoffset()) == (moment, timedelta(0))


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_every_type_declares_all_there_is(kind: str) -> None:
    declared = FIELD_TYPES[kind]
    schema = declared.json_schema(field_of(kind))

    assert declared.key == kind
    assert declared.widget
    jsonschema.Draft202012Validator.check_schema(schema)
    assert (declared.column is None) == (declared.holds != "value")
