// Rich text: a plain textarea becomes a box to write in, and the toolbar before it works. The textarea stays and is what is sent, so
// without scripts its markup can be typed; the server cleans whatever arrives. Markup: a toolbar of [data-rich] buttons,
// then textarea[data-rich-text].

import { markChanged } from "./form_guard.js";
import { text } from "./texts.js";

const TOOLS = {
  bold: () => run("bold"),
  italic: () => run("italic"),
  heading: () => run("formatBlock", inside("h3") ? "p" : "h3"),
  bullets: () => run("insertUnorderedList"),
  numbers: () => run("insertOrderedList"),
  link: addLink,
  plain: () => { run("removeFormat"); run("unlink"); },
};

export function startRichText(root) {
  const areas = root.matches?.("[data-rich-text]") ? [root] : root.querySelectorAll?.("[data-rich-text]") || [];
  for (const area of areas) if (!area.dataset.ready && !area.readOnly) start(area);
}

function start(area) {
  area.dataset.ready = "yes";
  const box = makeBox(area);
  const keep = () => { area.value = box.textContent.trim() ? box.innerHTML : ""; markChanged(area); };
  box.addEventListener("input", keep);
  box.addEventListener("blur", () => area.dispatchEvent(new Event("change", { bubbles: true })));
  box.addEventListener("paste", (event) => { event.preventDefault(); run("insertText", event.clipboardData.getData("text/plain")); });
  startTools(area.previousElementSibling, box, keep);
  area.before(box);
  area.hidden = true;
  const label = document.querySelector(`label[for="${area.id}"]`);
  label?.addEventListener("click", () => box.focus());
}

// Parsed in a document of its own, where nothing loads and nothing runs, and cut down to plain elements before it is shown.
function makeBox(area) {
  const box = document.createElement("div");
  box.className = "form-control rich-text rich-box";
  box.contentEditable = "true";
  box.setAttribute("role", "textbox");
  box.setAttribute("aria-multiline", "true");
  box.setAttribute("aria-label", area.dataset.label);
  for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) if (area.hasAttribute(name)) box.setAttribute(name, area.getAttribute(name));
  const parsed = new DOMParser().parseFromString(area.value, "text/html");
  for (const element of parsed.body.querySelectorAll("*")) {
    for (const attribute of [...element.attributes]) if (attribute.name !== "href" || !/^(https?|mailto):/i.test(attribute.value)) element.removeAttribute(attribute.name);
    if (/^(SCRIPT|STYLE|IFRAME|OBJECT|EMBED|SVG|MATH|IMG|LINK|META|FORM|INPUT|TEMPLATE)$/i.test(element.tagName)) element.remove();
  }
  box.append(...parsed.body.childNodes);
  return box;
}

function startTools(bar, box, keep) {
  const buttons = [...bar.querySelectorAll("[data-rich]")];
  for (const button of buttons) {
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => { box.focus(); TOOLS[button.dataset.rich](); keep(); });
  }
  bar.addEventListener("keydown", (event) => walk(event, buttons));
  bar.hidden = false;
}

// One stop for the Tab key, arrows within (WAI-ARIA toolbar).
function walk(event, buttons) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const next = buttons[(buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length];
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
  next.focus();
  event.preventDefault();
}

function addLink() {
  const address = prompt(text("js.rich_link_to"), "https://");
  if (address && /^(https?:\/\/|mailto:)\S+/i.test(address)) run("createLink", address);
}

function inside(tag) {
  return document.getSelection().anchorNode?.parentElement?.closest(tag);
}

// Deprecated and kept by every browser, since nothing else undoes and redoes in an editable box.
function run(command, value = null) {
  document.execCommand(command, false, value);
}
