// The server computes totals, fetched values and the approval path while someone types. htmx posts the form to its
// preview address and swaps the <output> elements in; values for inputs (a list price fetched from a product) come in
// the `formwork-values` event and never overwrite what the person typed. An answer to a form that was changed since is
// thrown away: the next question is on its way.

import htmx from "htmx.org";

const WAIT = 350;
const typed = new WeakSet();
const fetched = new Map(); // by name: what the server filled in, until somebody types there
const waiting = new WeakMap();

export function startPreview() {
  document.addEventListener("input", (event) => { if (event.isTrusted) { typed.add(event.target); fetched.delete(event.target.name); } });
  document.addEventListener("formwork-values", (event) => fill(event.detail.values));
  document.addEventListener("change", (event) => ring(event.target));
  document.addEventListener("input", (event) => ring(event.target));
  document.addEventListener("lines-changed", (event) => ring(event.target));
  document.addEventListener("htmx:configRequest", askAnew);
  document.addEventListener("htmx:beforeOnLoad", dropLate);
}

function ring(element) {
  const preview = element.closest?.("form")?.querySelector("[data-preview]");
  if (!preview || element.type === "file") return;
  clearTimeout(waiting.get(preview));
  waiting.set(preview, setTimeout(() => { waiting.delete(preview); htmx.trigger(preview, "ask"); }, WAIT));
}

// What was fetched is fetched again: the price of another product is not the price of the one before.
function askAnew(event) {
  if (!event.detail.elt.matches?.("[data-preview]")) return;
  for (const [name, value] of fetched) if (inputOf(name)?.value === value) event.detail.parameters[name] = "";
}

function dropLate(event) {
  const { elt } = event.detail;
  if (elt.matches?.("[data-preview]") && waiting.has(elt)) event.preventDefault();
}

function fill(values) {
  for (const name of [...fetched.keys()]) if (!(name in values)) put(name, "");
  for (const [name, value] of Object.entries(values)) put(name, value);
}

function put(name, value) {
  const input = inputOf(name);
  const own = !fetched.has(name) || fetched.get(name) !== input?.value;
  if (!input || typed.has(input) || input === document.activeElement || (own && value === "")) return;
  input.value = value;
  if (value) fetched.set(name, value); else fetched.delete(name);
}

function inputOf(name) {
  return document.getElementsByName(name)[0];
}
