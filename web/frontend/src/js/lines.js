// Line tables: add, remove (with undo) and reorder rows. A row's place is the order of its hidden `KEY._order` inputs,
// so field names never change while someone types.

import htmx from "htmx.org";

import { markChanged } from "./form_guard.js";
import { text } from "./texts.js";
import { showToast } from "./toasts.js";

export function startLines() {
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
}

function onClick(event) {
  const button = event.target.closest("[data-line]");
  if (!button) return;
  const table = button.closest("[data-lines]");
  const row = button.closest("[data-row]");
  const acts = { add: () => addRow(table), remove: () => removeRow(table, row), up: () => move(row, -1), down: () => move(row, 1) };
  acts[button.dataset.line]();
  changed(table);
}

// Enter in the last row starts the next one, as in a spreadsheet.
function onKey(event) {
  if (event.key !== "Enter" || event.defaultPrevented || !event.target.matches("[data-lines] input")) return;
  event.preventDefault();
  const table = event.target.closest("[data-lines]");
  const row = event.target.closest("[data-row]");
  if (row === rows(table).at(-1)) addRow(table);
  else focusRow(row.nextElementSibling);
  changed(table);
}

function addRow(table) {
  const markup = table.querySelector("template").innerHTML.replaceAll("__row__", `n${Date.now().toString(36)}`);
  const body = table.querySelector("[data-rows]");
  body.insertAdjacentHTML("beforeend", markup);
  const row = body.lastElementChild;
  htmx.process(row);
  htmx.trigger(row, "htmx:load"); // process() alone does not start pickers and uploads in the new row
  focusRow(row);
  refresh(table);
}

function removeRow(table, row) {
  const next = row.nextElementSibling;
  const body = row.parentElement;
  row.remove();
  refresh(table);
  showToast({ text: text("js.line_removed"), undo: () => { body.insertBefore(row, next); refresh(table); changed(table); } });
  const beside = next || rows(table).at(-1);
  if (beside) beside.querySelector("[data-line=remove]").focus();
  else table.querySelector("[data-line=add]").focus();
}

function move(row, step) {
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (step < 0) other.before(row); else other.after(row);
  row.querySelector(`[data-line=${step < 0 ? "up" : "down"}]`).focus();
  refresh(row.closest("[data-lines]"));
}

function refresh(table) {
  rows(table).forEach((row, index) => { row.querySelector("[data-row-number]").textContent = index + 1; });
  table.classList.toggle("is-empty", rows(table).length === 0);
}

function focusRow(row) {
  row?.querySelector("input:not([type=hidden]), select, textarea")?.focus();
}

function changed(table) {
  markChanged(table);
  table.dispatchEvent(new Event("lines-changed", { bubbles: true }));
}

const rows = (table) => [...table.querySelectorAll("[data-rows] > [data-row]")];
