// One-key commands outside of fields: / search, c create, e edit, p print, j and k rows, Enter opens, g then a letter for places, ? help.

let places = 0;

export function startKeyboard() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", openRow);
}

function onKey(event) {
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.closest(".search")) { stepFound(event); return; }
  if (event.key === "Escape" && event.target.closest(".search-found")) { document.activeElement.blur(); return; }
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

// From the box of search down into what it unfolds, and up again.
function stepFound(event) {
  if (event.isComposing) return;
  const places = [document.getElementById("search"), ...document.querySelectorAll("#search-found a")];
  const at = places.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  if (places[at]) { places[at].focus(); event.preventDefault(); }
}

function step(by) {
  const links = [...document.querySelectorAll("a[data-row-link]")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
  return true;
}

// A click anywhere in a row opens it, unless it was on something of its own or marked text. A cell that a double click
// changes waits for the second click.
let opening;

function openRow(event) {
  clearTimeout(opening);
  const row = event.target.closest("[data-row-url]");
  if (!row || event.detail > 1 || event.target.closest("a, button, input, select, label, summary, form") || String(getSelection())) return;
  if (event.ctrlKey || event.metaKey) { window.open(row.dataset.rowUrl, "_blank", "noopener"); return; }
  const open = () => { location.href = row.dataset.rowUrl; };
  if (event.target.closest("[data-edit]")) opening = setTimeout(open, 250);
  else open();
}
