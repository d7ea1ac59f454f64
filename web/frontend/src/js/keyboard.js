// One-key commands outside of fields: / search, c create, e edit, p print, j and k rows, Enter opens, g then a letter for places, ? help.

let places = 0;

export function startKeyboard() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", openRow);
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && event.target.matches("input, textarea")) { event.target.blur(); return; }
  if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
  if (Date.now() - places < 1500) { places = 0; if (goTo(event.key)) event.preventDefault(); return; }
  const act = commands[event.key];
  if (act && act() !== false) event.preventDefault();
}

const commands = {
  "/": () => focus("#search"),
  "?": () => document.getElementById("help")?.showModal(),
  c: () => follow("[data-key=c]"),
  e: () => follow("[data-key=e]"),
  p: () => follow("[data-key=p]"),
  j: () => step(1),
  k: () => step(-1),
  g: () => { places = Date.now(); },
};

function focus(selector) {
  const element = document.querySelector(selector);
  if (!element) return false;
  element.focus();
  element.select?.();
  return true;
}

function follow(selector) {
  const link = [...document.querySelectorAll(selector)].find((element) => element.offsetParent);
  if (!link) return false;
  link.click();
  return true;
}

function goTo(letter) {
  const link = document.querySelector(`a[data-letter="${CSS.escape(letter)}"]`);
  if (!link) return false;
  location.href = link.href;
  return true;
}

function step(by) {
  const links = [...document.querySelectorAll("a[data-row-link]")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
  return true;
}

// A click anywhere in a row opens it, unless it was on something of its own or marked text.
function openRow(event) {
  const row = event.target.closest("[data-row-url]");
  if (!row || event.target.closest("a, button, input, label, summary") || String(getSelection())) return;
  if (event.ctrlKey || event.metaKey) window.open(row.dataset.rowUrl, "_blank", "noopener");
  else location.href = row.dataset.rowUrl;
}
