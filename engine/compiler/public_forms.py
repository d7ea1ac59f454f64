"""The page on which visitors of a website fill in what an automation takes.

Enters: the written ``form:`` of a webhook, what the rule takes, by what it finds its record. Leaves: a ``PublicForm``
with its texts in every language. Must not let a stranger's words decide which record is looked for: the answer would
tell what there is.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from engine.compiler.app import Expression, Label
from engine.compiler.app.automations import About, Asked, PublicForm, Take
from engine.compiler.compilation import Compilation
from engine.definition.model import (
    AboutDefinition,
    AskedDefinition,
    EntityDefinition,
    PublicFormDefinition,
    Reference,
)
from engine.expression.types import BOOLEAN

_UNITS: Final = {"h": "hours", "d": "days"}
_SITE: Final = re.compile(r"https://[a-z0-9](-*[a-z0-9])*(\.[a-z0-9](-*[a-z0-9])*)+(:[0-9]{1,5})?")


def compile_form(
    compilation: Compilation,
    path: str,
    written: PublicFormDefinition | None,
    takes: Mapping[str, Take],
    found_by: tuple[str, Expression] | None,
    entity: EntityDefinition,
) -> PublicForm | None:
    """Return the form of a rule whose texts stand at ``path``; everything wrong is noted."""
    if written is None:
        return None
    if written.about is not None and found_by is not None:
        compilation.refuse("R074", written.about.location)
    if found_by is not None and found_by[1].checked.payload_reads:
        compilation.refuse("R072", found_by[1].location)
    for site in written.frames:
        if not _SITE.fullmatch(site.name):
            compilation.refuse("R073", site.location, name=site.name)
    place = f"{path}.form"
    asked = {key: _asked(compilation, path, one, takes) for key, one in written.fields.items()}
    return PublicForm(
        title=compilation.label(f"{place}.title", written.title),
        asked=asked,
        intro=compilation.label(f"{place}.intro", written.intro),
        consent=compilation.label(f"{place}.consent", written.consent),
        done=compilation.label(f"{place}.done", written.done),
        frames=tuple(site.name for site in written.frames),
        about=None if written.about is None else _about(compilation, written.about, entity),
    )


def _about(compilation: Compilation, written: AboutDefinition, entity: EntityDefinition) -> About:
    prints = [key for key, one in compilation.definition.prints.items() if one.entity.name == entity.key]
    printed = compilation.require(written.print, prints, "R075", entity=entity.key) or ""
    when = compilation.expression(written.when, entity.key, BOOLEAN)
    if when is not None and when.asks_who:
        compilation.refuse("R011", when.location)
    days = [key for key, one in entity.fields.items() if one.type.name == "date"]
    until = None if written.until is None else compilation.require(written.until, days, "R076", entity=entity.key)
    if written.lasting and written.when is None:
        compilation.refuse("R077", written.location)
    stale = None if written.stale is None else timedelta(**{_UNITS[written.stale[-1]]: int(written.stale[:-1])})
    return About(printed, when, until or "", written.lasting, stale)


def asked_options(compilation: Compilation, path: str, written: AskedDefinition) -> dict[str, Label]:
    """Return what visitors may choose: what is sent, and its label."""
    place = f"{path}.form.fields.{written.key}.options"
    return {key: compilation.label(f"{place}.{key}", text) for key, text in written.options.items()}


def _asked(compilation: Compilation, path: str, written: AskedDefinition, takes: Mapping[str, Take]) -> Asked:
    known = compilation.require(Reference(written.key, written.location), takes, "R070")
    if known is not None and written.options and not takes[known].field.options:
        compilation.refuse("R071", written.location, name=known, type=takes[known].field.type.key)
    place = f"{path}.form.fields.{written.key}"
    return Asked(
        label=compilation.label(place, written.label),
        required=written.required,
        help=compilation.label(f"{place}.help", written.help),
        options=asked_options(compilation, path, written),
    )
