"""What every page template promises, read from the files themselves."""

import json
import re
from pathlib import Path

import pytest
import yaml

from web.page_kit import PAGE_TEMPLATES, STATIC, WEB, page_text

PAGES = sorted(PAGE_TEMPLATES.rglob("*.html"))
SCRIPTS = sorted((WEB / "frontend" / "src" / "js").glob("*.js"))


def _read_catalog(language: str) -> dict[str, str]:
    return yaml.safe_load((WEB / "locales" / f"{language}.yaml").read_text(encoding="utf-8"))


def test_chinese_says_you_in_one_way() -> None:
    texts = [WEB / "locales" / "zh.yaml", *sorted((WEB.parent / "engine" / "messages" / "zh").glob("*.yaml"))]
    assert len(texts) > 5
    assert [str(path) for path in texts if "您" in path.read_text(encoding="utf-8")] == []


def _markup(path: Path) -> str:
    return re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_both_languages_have_the_same_texts_with_the_same_blanks() -> None:
    zh, en = _read_catalog("zh"), _read_catalog("en")
    assert zh.keys() == en.keys()
    blanks = re.compile(r"\{(\w+)\}")
    assert {key for key in zh if set(blanks.findall(zh[key])) != set(blanks.findall(en[key]))} == set()


def test_every_text_a_page_or_script_asks_for_exists() -> None:
    asked = {key for path in PAGES for key in re.findall(r"\bt\('([a-z_]+\.[a-z_]+)'\s*[,)]", _markup(path))}
    asked |= {key for path in SCRIPTS for key in re.findall(r'text\("(js\.[a-z_]+)"', path.read_text(encoding="utf-8"))}
    assert len(asked) > 80
    assert asked - _read_catalog("zh").keys() == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(PAGE_TEMPLATES).as_posix())
def test_a_page_has_no_inline_script_or_style_and_escapes_everything(path: Path) -> None:
    markup = _markup(path)
    assert not re.search(r"\|\s*safe\b", markup)
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style\b|javascript:|hx-on", markup)
    scripts = [tag for tag in re.findall(r"<script\b[^>]*>", markup) if "src=" not in tag]
    assert all('type="application/json"' in tag for tag in scripts)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(PAGE_TEMPLATES).as_posix())
def test_every_form_that_posts_carries_the_csrf_token(path: Path) -> None:
    forms = re.findall(r'<form\b[^>]*method="post".*?</form>', _markup(path), flags=re.DOTALL)
    assert all("csrf(" in form for form in forms) != (path.name == "public_form.html"), "strangers have no session"


def test_every_icon_named_in_a_page_or_a_bundled_template_was_built() -> None:
    manifest = STATIC / "dist" / "manifest.json"
    if not manifest.is_file():
        pytest.skip("the front end is not built; run.py builds it")
    built = set(json.loads(manifest.read_text(encoding="utf-8"))["icons"])
    named = {name for path in PAGES for name in re.findall(r"\bicon\('([a-z0-9-]+)'", _markup(path))}
    written = [path.read_text(encoding="utf-8") for path in (WEB.parent / "templates").rglob("*.yaml")]
    named |= {name for text in written for name in re.findall(r"\bicon: *([a-z0-9-]+)", text)}
    assert named - built == set()


def test_the_lock_file_names_no_registry() -> None:
    assert "://" not in (WEB / "frontend" / "package-lock.json").read_text(encoding="utf-8")


def test_a_missing_text_is_an_error_and_not_an_empty_label() -> None:
    with pytest.raises(KeyError):
        page_text("no.such_text", "zh")
