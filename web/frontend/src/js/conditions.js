// Fields appear, become required and go away while someone types: the server answers each preview with the state of every
// field that has a condition, and with notes on values it would refuse. What a note speaks of is left alone while
// somebody is in one of its fields: a value half typed is no mistake.

import { text } from "./texts.js";

const left = new Set(); // ids of the fields somebody has been in and gone from
let notes = [];

export function startConditions() {
  document.addEventListener("htmx:oobAfterSwap", read);
  document.addEventListener("focusout", (event) => { leave(event.target); setTimeout(showNotes); });
  document.addEventListener("focusin", () => showNotes());
}

function read() {
  const said = document.getElementById("form-conditions");
  if (!said?.textContent) return;
  const { states, notes: found } = JSON.parse(said.textContent);
  said.textContent = "";
  const changed = Object.entries(states).map(([id, state]) => show(id, ...state)).filter(Boolean);
  notes = found;
  announce(changed);
  showNotes();
}

// Returns what happened to the field, for whoever cannot see it happen.
function show(id, shown, required) {
  const place = document.querySelector(`[data-when="${CSS.escape(id)}"]`);
  if (!place) return null;
  const control = document.getElementById(id);
  if (control && !["radio", "checkbox"].includes(control.type)) setOrDrop(control, "aria-required", required);
  for (const mark of place.querySelectorAll("[data-required]")) mark.hidden = !required;
  const before = !place.hidden;
  if (before === shown) return null;
  if (!shown && place.contains(document.activeElement)) return null; // nobody loses the field they are in
  place.hidden = place.disabled = !shown;
  if (shown && required) place.closest("details.fold")?.setAttribute("open", "");
  return { name: place.querySelector(".form-label")?.firstChild?.textContent.trim() || control?.getAttribute("aria-label") || "", shown };
}

function announce(changed) {
  const names = (shown) => changed.filter((one) => one.shown === shown && one.name).map((one) => one.name).join(", ");
  const said = [[true, "js.fields_shown"], [false, "js.fields_gone"]].filter(([shown]) => names(shown));
  if (said.length) document.getElementById("form-said").textContent = said.map(([shown, key]) => text(key, { names: names(shown) })).join(" ");
}

function leave(element) {
  const id = idOf(element);
  if (id) left.add(id);
}

function showNotes() {
  const here = idOf(document.activeElement);
  for (const old of document.querySelectorAll(".field-note")) old.dataset.old = "";
  for (const note of notes) if (!note.of.includes(here) && note.of.some((id) => left.has(id))) showNote(note);
  for (const old of document.querySelectorAll(".field-note[data-old]")) forget(old);
}

function showNote({ id, text: said }) {
  const control = document.getElementById(id);
  const place = document.getElementById(`${id}-field`) || control?.closest(".line-control");
  if (!place || place.querySelector(".field-error:not(:empty)") || place.closest("[hidden]")) return;
  const note = document.getElementById(`${id}-note`) || place.appendChild(Object.assign(document.createElement("p"), { className: "field-note", id: `${id}-note` }));
  delete note.dataset.old;
  if (note.textContent === said) return;
  note.textContent = said;
  describe(control, note.id, true);
  document.getElementById("form-said").textContent = said;
}

function forget(note) {
  describe(document.getElementById(note.id.replace(/-note$/, "")), note.id, false);
  note.remove();
}

function describe(control, id, on) {
  if (!control) return;
  const ids = new Set((control.getAttribute("aria-describedby") || "").split(" ").filter(Boolean));
  if (on) ids.add(id); else ids.delete(id);
  if (ids.size) control.setAttribute("aria-describedby", [...ids].join(" ")); else control.removeAttribute("aria-describedby");
}

function idOf(element) {
  if (!element?.closest?.(".record-form")) return "";
  const cell = element.closest("[data-row]");
  if (cell) return element.id;
  return element.closest(".field[id]")?.id.replace(/-field$/, "") || "";
}

function setOrDrop(element, name, on) {
  if (on) element.setAttribute(name, "true"); else element.removeAttribute(name);
}
