// One cell of a list changed where it stands: a double click, or Enter on it (the arrow keys go from cell to cell, from the row's
// link on). Enter keeps, Escape leaves it as it was. Markup: td[data-edit=URL]; the address answers the input, and takes it.

import htmx from "htmx.org";

const before = new WeakMap();

export function startInline() {
  document.addEventListener("dblclick", (event) => { const cell = event.target.closest("td[data-edit]"); if (cell && !isOpen(cell)) { event.preventDefault(); open(cell); } });
  document.addEventListener("keydown", onKey);
  document.addEventListener("htmx:afterSettle", ({ target }) => settle(target.closest?.("td[data-edit]")));
  document.addEventListener("formwork-kept", ({ detail }) => {
    for (const box of document.querySelectorAll(`input[name=record][value^="${detail.id}:"]`)) box.value = `${detail.id}:${detail.version}`;
  });
}

const isOpen = (cell) => before.has(cell);

async function open(cell) {
  before.set(cell, cell.innerHTML);
  getSelection().removeAllRanges();
  cell.focus(); // from here on Escape is this cell's, also while its input is on the way
  await htmx.ajax("GET", cell.dataset.edit, { source: cell, target: cell, swap: "innerHTML" }).catch(() => {});
  if (!cell.querySelector(".cell-edit")) before.delete(cell);
}

function settle(cell) {
  if (!cell || !isOpen(cell)) return;
  const input = cell.querySelector(".cell-edit :is(input:not([type=hidden]), select, textarea)");
  if (input) { input.focus(); input.select?.(); return; }
  before.delete(cell);
  cell.focus();
}

function close(cell) {
  htmx.trigger(cell, "htmx:abort");
  cell.innerHTML = before.get(cell);
  before.delete(cell);
  cell.focus();
}

function onKey(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const cell = event.target.closest?.("td[data-edit]");
  if (cell && isOpen(cell)) {
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(cell); }
    return;
  }
  if (event.key === "F2" && event.target.matches?.("[data-row-link]")) {
    const first = event.target.closest("tr").querySelector("td[data-edit]");
    if (first) { event.preventDefault(); open(first); }
    return;
  }
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step && (cell || event.target.matches?.("[data-row-link]"))) return move(event, step);
  if (cell === event.target && (event.key === "Enter" || event.key === "F2")) { event.preventDefault(); open(cell); }
}

function move(event, step) {
  const row = event.target.closest("tr");
  const places = [row.querySelector("[data-row-link]"), ...row.querySelectorAll("td[data-edit]")];
  const next = places[places.indexOf(event.target) + step];
  if (next) { event.preventDefault(); next.focus(); }
}
