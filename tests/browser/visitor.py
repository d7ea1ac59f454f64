"""Somebody at a browser: signs in, fills in forms, looks at pages, and notes everything that goes wrong on the way."""

import io
import os
import re
from pathlib import Path
from typing import Any

from PIL import Image

# A request called off by leaving the page or by asking anew is nobody's error; htmx names it, and before it the end of
# the request, on the console. A request that fails says "htmx:sendError" after its end.
CALLED_OFF = ("htmx:afterRequest", "htmx:sendAbort")
DESK, PHONE = 1440, 390
PICTURES = os.environ.get("FORMWORK_SCREENSHOTS")
"""A folder for the pictures of the READMEs and guides; none are taken without."""
COLOURS = 256
RUN_AXE = """async ([rules, also]) => {
  const more = Object.fromEntries(also.map((one) => [one, {enabled: true}]));
  const found = await axe.run(document, {resultTypes: ['violations'], rules: more, ...(rules && {runOnly: rules})});
  const where = (one) => one.nodes.map((node) => node.html.slice(0, 160)).join(' | ');
  return found.violations.map((one) => `${one.id} (${one.impact}): ${where(one)}`);
}"""
SPARE_WHAT_IS_ALIKE = """() => {
  const check = axe._audit.checks['color-contrast'], judge = check.evaluate;
  const told = ['color', 'backgroundColor', 'backgroundImage', 'opacity', 'filter', 'mixBlendMode', 'textShadow',
    'webkitTextStrokeWidth', 'fontSize', 'fontWeight', 'position'];
  const kinds = new Map(), kindOf = new WeakMap(), fine = new Set();
  const kind = (one) => {
    if (one === null) return 0;
    if (!kindOf.has(one)) {
      const style = getComputedStyle(one), own = told.map((name) => style[name]);
      const key = [kind(one.parentElement), one.tagName, one.getAttribute('class'), ...own].join('|');
      if (!kinds.has(key)) kinds.set(key, kinds.size + 1);
      kindOf.set(one, kinds.get(key));
    }
    return kindOf.get(one);
  };
  check.evaluate = function (one, ...rest) {
    if (fine.has(kind(one))) return true;
    const found = judge.call(this, one, ...rest);
    if (found === true) fine.add(kind(one));
    return found;
  };
}"""
"""Have axe judge contrast once for texts of one look: whose classes, colours, sizes and layers are the same, theirs and
of all they stand in. Nine tenths of what axe takes for a page is the contrast of rows that look alike. Only what was
found to be fine is not judged again."""


class Visitor:
    """One person in one browser. ``problems`` collects console errors, refused scripts and failed requests."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: list[str] = []
        self.expected: tuple[str, ...] = ()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: message.type in ("error", "warning") and self._note(message.text))
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("response", lambda answer: answer.status >= 500 and self._note(f"{answer.status} {answer.url}"))

    def _note(self, text: str) -> None:
        if not any(part in text for part in (*CALLED_OFF, *self.expected)):
            self.problems.append(f"{self.page.url}: {text}")

    def expect(self, *parts: str) -> None:
        """Some console messages are the browser's own words about an answer the test asks for (a 409, a 422)."""
        self.expected = parts

    # ---- going about

    def sign_in(self, login: str, password: str) -> None:
        self.page.goto("/login")
        self.page.fill("[name=username]", login)
        self.page.fill("[name=password]", password)
        self.page.locator("main .btn-primary").click()
        self.page.locator(".topbar [role=search]").wait_for(state="attached")

    def open(self, path: str) -> int:
        answer = self.page.goto(path)
        return int(answer.status)

    def press(self, name: str) -> None:
        """Press the visible button, link or opener called ``name``."""
        found = self.page.get_by_role("button", name=name, exact=True)
        found = found.or_(self.page.get_by_role("link", name=name, exact=True))
        found = found.or_(self.page.locator("summary", has_text=re.compile(rf"^\s*{re.escape(name)}\s*$")))
        found.locator("visible=true").first.click()

    def save(self) -> None:
        """Send the form of the page and wait for the next one."""
        self.leave(".form-tools .btn-primary")

    def leave(self, selector: str) -> None:
        """Click what leads to another page and wait until that one is there.

        The page that is left is marked, and the wait is for a page without the mark: by a locator, since a function
        that the page itself would repeat needs scripts and is refused by the site's content security policy.
        """
        self.page.evaluate("document.documentElement.dataset.left = 'soon'")
        self.page.locator(selector).first.click()
        self.page.locator("html:not([data-left])").wait_for(state="attached")
        self.page.wait_for_load_state("load")

    # ---- forms

    def fill(self, field: str, value: str) -> None:
        self.page.locator(f"#f-{field}").fill(value)

    def tick(self, label: str) -> None:
        self.page.get_by_label(label, exact=True).check()

    def pick(self, selector: str, words: str, wanted: str) -> None:
        """Type into a picker and take what it offers."""
        box = self.page.locator(selector)
        box.fill(words)
        picker = box.locator("xpath=ancestor::*[@data-picker]")
        picker.locator("[role=option]", has_text=wanted).first.click()

    def fill_line(self, lines: str, row: int, **values: str) -> None:
        """Fill cells of a line table; a value ``"words -> choice"`` goes through a picker."""
        for column, value in values.items():
            cell = self.page.locator(f"#f-{lines}-field [data-row] [id^='f-{lines}-'][id$='-{column}']").nth(row)
            if " -> " in value:
                words, _, wanted = value.partition(" -> ")
                cell_id = cell.get_attribute("id")
                self.pick(f"[id='{cell_id}']", words, wanted)
            else:
                cell.fill(value)

    def see(self, selector: str, text: str) -> None:
        """Wait until an element says ``text``."""
        self.page.locator(selector, has_text=text).first.wait_for(state="visible")

    def see_value(self, selector: str, value: str) -> None:
        """Wait until an input holds ``value``."""
        from playwright.sync_api import expect

        expect(self.page.locator(selector).first).to_have_value(value)

    # ---- reading

    def text(self, selector: str = "main") -> str:
        return re.sub(r"[ \t]+", " ", self.page.locator(selector).first.inner_text())

    @property
    def path(self) -> str:
        return "/" + self.page.url.split("/", 3)[3]

    def picture(self, name: str, *, tall: int = 640) -> None:
        """Take a picture for a README or a guide; few colours keep its file small. ``tall`` is its height on a desk."""
        if not PICTURES:
            return
        size = self.page.viewport_size
        if size["width"] == DESK:
            self.page.set_viewport_size({"width": DESK, "height": tall})
        self.page.evaluate("document.getElementById('toasts').replaceChildren()")
        whole = self.page.screenshot(animations="disabled")
        self.page.set_viewport_size(size)
        few = Image.open(io.BytesIO(whole)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(Path(PICTURES) / f"{name}.png", optimize=True)

    # ---- judging

    def violations(self, *rules: str, also: tuple[str, ...] = ()) -> list[str]:
        """Return the rules of accessibility the page breaks, of all or of some; ``also`` are asked only when named.

        What the page is still fetching is waited for, so that its tiles are judged and not their shapes.
        """
        from axe_playwright_python.base import AXE_SCRIPT

        self.page.locator(".htmx-request").first.wait_for(state="detached")
        self.page.evaluate(AXE_SCRIPT)
        self.page.evaluate(SPARE_WHAT_IS_ALIKE)
        found: list[str] = self.page.evaluate(RUN_AXE, [list(rules) or None, list(also)])
        return found

    def scrolls_sideways(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))
