"""An option is read by its key or its name, in either width; capitals matter only where they tell two options apart."""

import pytest

from engine.compiler.app import Field
from engine.compiler.field_types import FIELD_TYPES
from engine.compiler.readers import Wrong
from engine.errors import Location


def field_of(**options: str) -> Field:
    labels = {key: {"zh": label} for key, label in options.items()}
    return Field("grade", FIELD_TYPES["choice"], {"zh": "等级"}, Location(""), options=labels)


@pytest.mark.parametrize("said", ["a", "A", "Ａ", " A ", "VIP 级", "vip 级", "ＶＩＰ 级"])
def test_capitals_and_width_make_no_difference(said: str) -> None:
    field = field_of(a="VIP 级", b="普通")

    assert field.type.parse(said, field) == "a"


def test_two_options_that_differ_by_capitals_alone_stay_two() -> None:
    field = field_of(x="Kg", y="KG")

    assert [field.type.parse(said, field) for said in ("Kg", "KG")] == ["x", "y"]
    with pytest.raises(Wrong):
        field.type.parse("kg", field)
