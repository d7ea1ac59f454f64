"""The set-up guide, for administrators: its steps, the name of the site, modules by phase, the working calendar.

Enters: forms. Leaves: the guide, and what was chosen. Must not hold up anybody else: whoever is no administrator never
sees it.
"""

from functools import partial
from typing import Any
from zoneinfo import available_timezones

from flask import g, redirect, render_template, request

from engine.changing import choosing
from engine.errors import InvalidValues, NotFound
from engine.guiding import timing
from engine.guiding.rollout import read_phases
from engine.guiding.steps import read_guide
from engine.people.actor import require_admin
from engine.records import working_time
from web.admin_fields import read_day, said, text_field
from web.gate import locale, reads, store, writes
from web.guide_view import URL, view_guide, view_phases
from web.pages.frame import page_shell
from web.shell import add_toast

_SAID: dict[str, timing.Said | None] = {"done": "done", "skipped": "skipped", "open": None}
_ZONES = ("Africa/", "America/", "Asia/", "Australia/", "Europe/", "Pacific/")


def note(step: str) -> None:
    """Note that an administrator looks at a step, in a transaction of its own after this one."""
    require_admin(g.actor)
    g.session.aside(partial(timing.note_look, step=step))


@reads
def show() -> Any:
    """Show the guide."""
    note("guide")
    return render_template("pages/guide.html", page=view_guide(read_guide(g.session)), shell=page_shell())


@writes
def say() -> Any:
    """Keep what an administrator says of a step: done, left out, or open again."""
    require_admin(g.actor)
    step = request.form.get("step", "")
    if step not in {one.key for one in read_guide(g.session).steps} or request.form.get("said") not in _SAID:
        raise NotFound()
    timing.say_of(g.session, step, _SAID[request.form["said"]])
    return redirect(URL, 303)


@writes
def close() -> Any:
    """Take the guide off the first page, or put it back."""
    require_admin(g.actor)
    closed = request.form.get("closed") == "1"
    timing.close(g.session, closed)
    add_toast(locale().t("guide.was_closed" if closed else "guide.was_opened"))
    return redirect("/" if closed else URL, 303)


@reads
def site() -> Any:
    """Show the name of the site and its time zone."""
    note("site")
    return _site_page({})


@writes
def name_site() -> Any:
    """Keep them."""
    try:
        given = (request.form.get(one, "") for one in _SITE)
        choosing.name_site(g.session, *given, actor=g.actor)
    except InvalidValues as refused:
        return _site_page(said(refused, _SITE)), 422
    _reload_after()
    add_toast(locale().t("guide.kept"))
    return redirect(URL, 303)


@reads
def modules() -> Any:
    """Show the phases with their modules."""
    note("modules")
    phases = view_phases(read_phases(g.session))
    page = {"title": locale().t("guide.step_modules"), "phases": phases, "url": f"{URL}/modules"}
    return render_template("pages/guide_modules.html", page=page, shell=page_shell())


@writes
def switch() -> Any:
    """Switch one module on or off, or all that come after the first phase off."""
    require_admin(g.actor)
    if request.form.get("only") == "1":
        later = [one.key for one in g.session.app.modules.values() if one.phase > 1]
        for key in later:
            choosing.switch_module(g.session, key, on=False, actor=g.actor)
        for one in g.session.app.modules.values():
            if one.phase == 1:
                choosing.switch_module(g.session, one.key, on=True, actor=g.actor)
    else:
        choosing.switch_module(
            g.session, request.form.get("module", ""), on=request.form.get("on") == "1", actor=g.actor
        )
    timing.say_of(g.session, "modules", "done")
    _reload_after()
    add_toast(locale().t("guide.switched"))
    return redirect(f"{URL}/modules", 303)


@reads
def calendar() -> Any:
    """Show the working time and the days the site changed."""
    note("calendar")
    return _calendar_page({})


@writes
def change_calendar() -> Any:
    """Change a day, or say that the calendar is right."""
    require_admin(g.actor)
    if request.form.get("right") == "1":
        timing.say_of(g.session, "calendar", "done")
        return redirect(URL, 303)
    try:
        day = read_day("day")
        if day is None:
            return _calendar_page({"day": locale().t("guide.day_missing")}), 422
        wanted = locale().local(day).date()
        works = {"work": True, "off": False}.get(request.form.get("works", ""))
        text = " ".join(request.form.get("note", "").split())[:100] or None
        working_time.change_days(g.session, [wanted], works, note=text, actor=g.actor)
    except InvalidValues as refused:
        return _calendar_page(said(refused, ("day",))), 422
    add_toast(locale().t("guide.kept"))
    return redirect(f"{URL}/calendar", 303)


ROUTES = (
    (URL, ["GET"], show),
    (f"{URL}/say", ["POST"], say),
    (f"{URL}/close", ["POST"], close),
    (f"{URL}/site", ["GET"], site),
    (f"{URL}/site", ["POST"], name_site),
    (f"{URL}/modules", ["GET"], modules),
    (f"{URL}/modules", ["POST"], switch),
    (f"{URL}/calendar", ["GET"], calendar),
    (f"{URL}/calendar", ["POST"], change_calendar),
)


_SITE = ("name", "timezone", "letterhead")


def _reload_after() -> None:
    """Let the next page of this process be drawn by what was chosen."""
    g.session.after_commit(store().reload)


def _site_page(errors: dict[str, str]) -> str:
    text, app = locale(), g.session.app
    zones = sorted(one for one in available_timezones() if one.startswith(_ZONES)) or [app.timezone]
    here = request.form.get("timezone", app.timezone)
    known = [{"value": one, "label": one, "selected": one == here} for one in dict.fromkeys((app.timezone, *zones))]
    name = request.form.get("name", app.choices.name or text.label(app.label))
    below = request.form.get("letterhead", "\n".join(app.choices.letterhead))
    page = {
        "title": text.t("guide.step_site"),
        "text": text.t("guide.text_site"),
        "action_url": f"{URL}/site",
        "fields": [
            text_field("name", text.t("guide.name"), errors=errors, value=name, max_length=choosing.LONGEST_NAME)
            | {"required": True},
            text_field("letterhead", text.t("guide.letterhead"), errors=errors, kind="long_text", value=below,
                       help=text.t("guide.letterhead_help", most=choosing.MOST_LINES), max_length=500),
            text_field("timezone", text.t("guide.timezone"), errors=errors, kind="choice", options=known, value=here),
        ],
        "error": errors.get(""),
    }  # fmt: skip
    return render_template("pages/guide_form.html", page=page, shell=page_shell())


def _calendar_page(errors: dict[str, str]) -> str:
    text, app = locale(), g.session.app
    written = app.calendar
    days = text.t("text.comma").join(text.t(f"guide.weekday_{one}") for one in written.days)
    chosen = request.form.get("works", "off")
    works = [
        {"value": one, "label": text.t(f"guide.day_{one}"), "selected": one == chosen}
        for one in ("off", "work", "usual")
    ]
    page = {
        "title": text.t("guide.step_calendar"),
        "usual": text.t("guide.calendar_usual", days=days, hours=text.t("text.comma").join(written.hours)),
        "holidays": text.t("guide.calendar_holidays", country=written.holidays) if written.holidays else None,
        "changed": [
            {"day": text.date(one.day), "text": text.t("guide.day_work" if one.works else "guide.day_off"),
             "note": one.note}
            for one in working_time.list_changed_days(g.session)
        ],
        "url": f"{URL}/calendar",
        "fields": [
            text_field("day", text.t("guide.day"), errors=errors, kind="date"),
            text_field("works", text.t("guide.day_is"), errors=errors, kind="choice", options=works, value=chosen),
            text_field("note", text.t("guide.day_note"), errors=errors, max_length=100),
        ],
    }  # fmt: skip
    return render_template("pages/guide_calendar.html", page=page, shell=page_shell())
