"""How Chinese text is read aloud: the syllables people type instead of characters.

Enters: a text. Leaves: its syllables, without tones. Must not load the library before it is needed, nor its dictionary
of phrases, which takes some fifty megabytes in every process: it knows how each character is read, and the words of
names and of the trade that are read otherwise are told to it here.
"""

import os
import re
from collections.abc import Callable
from functools import cache, lru_cache

_CHARACTERS = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CHARACTER = re.compile(f"[{_CHARACTERS}]")
_READ_OTHERWISE = """
    重庆 chong qing, 长春 chang chun, 长城 chang cheng, 长江 chang jiang, 长安 chang an, 长沙 chang sha,
    长兴 chang xing, 厦门 xia men, 六安 lu an, 番禺 pan yu, 铅山 yan shan, 蚌埠 beng bu, 乐清 yue qing,
    朝阳 chao yang, 成都 cheng du,
    西藏 xi zang, 银行 yin hang, 中行 zhong hang, 工行 gong hang, 行长 hang zhang, 行业 hang ye, 会计 kuai ji,
    音乐 yin yue, 尉迟 yu chi, 万俟 mo qi, 重新 chong xin, 重复 chong fu, 调试 tiao shi, 调整 tiao zheng, 调节 tiao jie,
    空调 kong tiao, 角色 jue se, 供给 gong ji, 给水 ji shui, 自传 zi zhuan, 弹簧 tan huang, 弹性 tan xing,
    都市 du shi, 首都 shou du, 便宜 pian yi, 宝藏 bao zang, 模具 mu ju
"""


def syllables(text: str) -> list[str]:
    """Return a text in syllables: ``甬江dn50阀门`` gives ``yong jiang dn50 fa men``; other letters stay together."""
    return [one for part in _parts().findall(text) for one in _read(part)]


def has_characters(text: str) -> bool:
    """Tell whether a text holds a Chinese character."""
    return _CHARACTER.search(text) is not None


def sounds_in(text: str, word: str) -> bool:
    """Tell whether a word stands in a text, as it is written, by its initials or by its sound."""
    if word in text:
        return True
    said = syllables(text) if word.isascii() else []
    return word in "".join(one[0] for one in said) or any(
        "".join(said[at:]).startswith(word) for at in range(len(said))
    )


@cache
def _words() -> dict[str, list[str]]:
    entries = (entry.split() for entry in _READ_OTHERWISE.split(","))
    return {word: said for word, *said in entries}


@cache
def _parts() -> re.Pattern[str]:
    """What is read at once: a word read otherwise, a character, whatever stands between."""
    return re.compile("|".join([*_words(), f"[{_CHARACTERS}]", f"[^{_CHARACTERS}]+"]))


@lru_cache(maxsize=10_000)
def _read(part: str) -> list[str]:
    """The library takes as long for one character as for the rest of a record, so each is asked for once."""
    return _words().get(part) or (_reader()(part) if has_characters(part) else [part])


@cache
def _reader() -> Callable[[str], list[str]]:
    os.environ["PYPINYIN_NO_PHRASES"] = "true"  # read by the library when it is loaded
    from pypinyin import lazy_pinyin

    return lazy_pinyin
