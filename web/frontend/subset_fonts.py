"""Cut Noto Sans SC down to what Chinese business documents use, for PDF files on machines without Chinese fonts.

Enters: the full TTF files of the npm package in node_modules. Leaves: two TTF files and their licence in
web/static/dist/fonts. The regular weight keeps every character of GBK, since names of people and places use rare ones;
the bold weight, used for headings, keeps GB2312. Together they add about 6 MB to a wheel.
"""

import shutil
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
TARGET = HERE.parent / "static" / "dist" / "fonts"
WEIGHTS = (("400Regular", "Regular", "gbk"), ("700Bold", "Bold", "gb2312"))
ALWAYS = (
    range(0x20, 0x180),  # Latin with accents
    range(0x2000, 0x2070),  # general punctuation
    range(0x2100, 0x2150),  # ℃ № ™ and the like
    range(0x2190, 0x2270),  # arrows, the minus sign, ≥ and the like
    range(0x3000, 0x3040),  # Chinese punctuation
    range(0xFF00, 0xFFF0),  # full-width forms
    (0x20AC,),  # the euro sign
)


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for folder, weight, charset in WEIGHTS:
        target = TARGET / f"NotoSansSC-{weight}.ttf"
        write_subset(SOURCE / folder / f"NotoSansSC_{folder}.ttf", target, characters_of(charset))
        print(f"{target.name} {target.stat().st_size / 1e6:.1f} MB")
    shutil.copyfile(SOURCE / "LICENSE_FONT", TARGET / "OFL.txt")


def characters_of(charset: str) -> set[int]:
    found = {code for block in ALWAYS for code in block}
    for lead in range(0x81, 0xFF):
        for trail in range(0x40, 0xFF):
            text = bytes((lead, trail)).decode(charset, errors="ignore")
            if len(text) == 1:
                found.add(ord(text))
    return found


def write_subset(source: Path, target: Path, characters: set[int]) -> None:
    names = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options = subset.Options(hinting=False, layout_features=[], notdef_outline=True, name_IDs=names)
    font = TTFont(source, lazy=True, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters)
    cutter.subset(font)
    font.save(target)


if __name__ == "__main__":
    main()
