"""What every page template may call: `t`, `icon`, `asset`, and the page texts behind `t`.

Enters: a Jinja environment and a function that says which language the reader has chosen. Leaves: the environment
with those three functions and with HTML escaping on. Must not know Flask, requests or records.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment
from markupsafe import Markup, escape

WEB = Path(__file__).resolve().parent
PAGE_TEMPLATES = WEB / "page_templates"
STATIC = WEB / "static"
BUILT = STATIC / "dist"
FONTS = BUILT / "fonts"
"""What the set-up cut for PDF files."""
LANGUAGES = ("zh", "en")


def install_page_kit(env: Environment, current_language: Callable[[], str], static_url: str = "/static") -> None:
    """Give `env` the functions of the page templates. `static_url` is where the folder `web/static` is served."""

    def t(key: str, **params: object) -> str:
        return page_text(key, current_language(), **params)

    def asset(name: str) -> str:
        return f"{static_url}/dist/{_hashed_name(name)}"

    @cache
    def find_icon(name: str) -> tuple[Markup, Markup]:
        """Return an icon that is not read aloud, and the rest of one that is, behind its label; a page has dozens."""
        if name not in _read_manifest()["icons"]:
            return Markup(), Markup()
        use = Markup('<use href="{}"></use></svg>').format(f"{asset('icons.svg')}#{name}")
        return Markup('<svg class="icon" aria-hidden="true">') + use, use

    def icon(name: str, label: str = "") -> Markup:
        plain, use = find_icon(name)
        if not label or not plain:
            return plain
        return Markup('<svg class="icon" role="img" aria-label="') + escape(label) + Markup('">') + use

    env.autoescape = True
    env.trim_blocks = env.lstrip_blocks = True
    env.globals.update(t=t, asset=asset, icon=icon)


def page_text(key: str, lang: str, **params: object) -> str:
    """The text of `key` in `lang` ('zh' or 'en'). Raises KeyError for a key that no catalog has."""
    text = _read_texts(lang if lang in LANGUAGES else "zh")[key]
    return text.format(**params) if params else text


def has_text(key: str) -> bool:
    """Return whether there is a text of this key."""
    return key in _read_texts("zh")


@cache
def script_texts(lang: str) -> Mapping[str, str]:
    """The texts scripts need, all keys that start with `js.`."""
    return {key: text for key, text in _read_texts(lang).items() if key.startswith("js.")}


@cache
def _read_texts(lang: str) -> dict[str, str]:
    texts: dict[str, str] = yaml.load((WEB / "locales" / f"{lang}.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    return texts


@cache
def _read_manifest() -> dict[str, Any]:
    path = BUILT / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"files": {}, "icons": []}


def _hashed_name(name: str) -> str:
    hashed: str = _read_manifest()["files"].get(name, name)
    return hashed
