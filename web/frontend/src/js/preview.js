// The server computes totals, fetched values and the approval path while someone types. htmx posts the form to its
// preview address and swaps the <output> elements in; values for inputs (a list price fetched from a product) come in
// the `formwork-values` event and never overwrite what the person typed.

import htmx from "htmx.org";

const typed = new WeakSet();

export function startPreview() {
  document.addEventListener("input", (event) => { if (event.isTrusted) typed.add(event.target); });
  document.addEventListener("formwork-values", (event) => fill(event.detail));
  document.addEventListener("change", (event) => ring(event.target));
  document.addEventListener("input", (event) => ring(event.target));
  document.addEventListener("lines-changed", (event) => ring(event.target));
}

const waiting = new WeakMap();

function ring(element) {
  const preview = element.closest?.("form")?.querySelector("[data-preview]");
  if (!preview || element.type === "file") return;
  clearTimeout(waiting.get(preview));
  waiting.set(preview, setTimeout(() => htmx.trigger(preview, "ask"), 350));
}

function fill(values) {
  for (const [name, value] of Object.entries(values)) {
    const input = document.getElementsByName(name)[0];
    if (!input || typed.has(input) || input === document.activeElement || typeof value !== "string") continue;
    input.value = value;
  }
}
