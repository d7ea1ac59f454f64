// The small dialog in which a picker makes the record that is not there yet. It opens over the form, so that nothing typed
// there is lost, and what was typed in the dialog stays when it is put away and opened again from the same picker.

import htmx from "htmx.org";

import { forgetChanges, isDirty } from "./form_guard.js";

let asking = null; // the picker that opened the dialog

export function startQuickCreate() {
  const dialog = document.getElementById("quick-dialog");
  if (!dialog) return;
  dialog.addEventListener("close", () => putAway(dialog));
  document.addEventListener("formwork-created", (event) => chosen(dialog, event.detail));
}

export async function quickCreate(picker, words) {
  const dialog = document.getElementById("quick-dialog");
  if (asking !== picker || !dialog.dataset.kept) {
    try {
      await htmx.ajax("GET", address(picker.element, words), { target: "#quick-body", swap: "innerHTML" });
    } catch { return; } // a toast says so
    if (!dialog.querySelector("form")) return;
  }
  asking = picker;
  dialog.showModal();
  focusFirst(dialog);
}

// What the new record takes over is read from the form as it stands: its customer is the customer chosen there.
function address(element, words) {
  const url = new URL(element.dataset.create, location.href);
  const form = element.closest("form");
  for (const [there, here] of Object.entries(JSON.parse(element.dataset.createGiven || "{}"))) {
    const value = form && new FormData(form).get(here);
    if (typeof value === "string" && value) url.searchParams.set(there, value);
  }
  if (words) url.searchParams.set("q", words);
  return url.pathname + url.search;
}

function chosen(dialog, { value, text }) {
  const picker = asking;
  asking = null;
  forgetChanges(dialog);
  dialog.close();
  picker?.choose(value, text);
}

function putAway(dialog) {
  if (asking && isDirty(dialog)) dialog.dataset.kept = "yes";
  else { delete dialog.dataset.kept; document.getElementById("quick-body").replaceChildren(); }
  forgetChanges(dialog);
}

function focusFirst(dialog) {
  const inputs = [...dialog.querySelectorAll(".field input:not([type=hidden]), .field select, .field textarea")];
  (inputs.find(isOpen) || inputs[0])?.focus();
}

function isOpen(input) {
  return input.type === "radio" ? !input.form.querySelector(`[name="${CSS.escape(input.name)}"]:checked`) : !input.value;
}
