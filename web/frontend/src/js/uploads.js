// Files by choosing, dropping or pasting. Each goes up at once with its own progress bar and leaves a hidden input with
// its id, so a form that comes back with errors still has its files. Without scripts the plain file input is sent.

import { markChanged } from "./form_guard.js";
import { text } from "./texts.js";

export function startUploads(root) {
  const zones = root.matches?.("[data-upload]") ? [root] : root.querySelectorAll?.("[data-upload]") || [];
  for (const zone of zones) if (!zone.dataset.ready) start(zone);
}

function start(zone) {
  zone.dataset.ready = "yes";
  const input = zone.querySelector("input[type=file]");
  input.addEventListener("change", () => { send(zone, input.files); input.value = ""; });
  for (const kind of ["dragover", "dragenter"]) zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("is-over"); });
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); send(zone, event.dataTransfer.files); });
  zone.closest("form")?.addEventListener("paste", (event) => { if (event.clipboardData.files.length && isTarget(zone, event)) send(zone, event.clipboardData.files); });
  zone.addEventListener("click", (event) => removeFile(zone, event.target.closest("[data-remove-file]")));
}

// A pasted picture goes to the zone that has the focus, else to the first zone of the form.
function isTarget(zone, event) {
  return zone.contains(event.target) || (!event.target.closest("[data-upload]") && event.currentTarget.querySelector("[data-upload]") === zone);
}

function send(zone, files) {
  const many = zone.hasAttribute("data-many");
  for (const file of many ? files : [...files].slice(0, 1)) {
    const item = addItem(zone, file);
    const problem = check(zone, file);
    if (problem) fail(item, problem);
    else post(zone, file, item);
  }
}

function check(zone, file) {
  const limit = Number(zone.dataset.maxBytes || 0);
  if (limit && file.size > limit) return text("js.too_big", { limit: zone.dataset.maxText });
  const accept = (zone.dataset.accept || "").split(",").filter(Boolean);
  const ending = `.${file.name.split(".").at(-1).toLowerCase()}`;
  return accept.length && !accept.includes(ending) ? text("js.wrong_kind", { kinds: accept.join(" ") }) : "";
}

function addItem(zone, file) {
  const list = zone.querySelector("[data-files]");
  if (!zone.hasAttribute("data-many")) list.replaceChildren();
  const item = zone.querySelector("template").content.firstElementChild.cloneNode(true);
  item.querySelector("[data-name]").textContent = file.name;
  item.querySelector("[data-size]").textContent = readableSize(file.size);
  list.append(item);
  return item;
}

function post(zone, file, item) {
  const body = new FormData();
  body.append("file", file, file.name);
  const request = new XMLHttpRequest();
  const bar = item.querySelector("progress");
  request.open("POST", zone.dataset.upload);
  request.setRequestHeader("X-CSRFToken", document.querySelector("meta[name=csrf-token]").content);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
  request.addEventListener("load", () => finish(zone, item, request));
  request.addEventListener("error", () => fail(item, text("js.offline")));
  request.send(body);
}

function finish(zone, item, request) {
  const answer = parseJson(request.responseText);
  if (request.status >= 300 || !answer.id) { fail(item, answer.detail || text("js.failed")); return; }
  item.querySelector("progress").remove();
  item.querySelector("input[type=hidden]").value = answer.id;
  markChanged(zone);
  zone.dispatchEvent(new Event("change", { bubbles: true }));
  if (zone.hasAttribute("data-reload")) location.reload();
}

function fail(item, words) {
  item.querySelector("progress")?.remove();
  item.querySelector("input[type=hidden]").disabled = true;
  item.classList.add("is-failed");
  const note = item.querySelector("[data-note]");
  note.textContent = words;
}

function removeFile(zone, button) {
  if (!button) return;
  button.closest("li").remove();
  markChanged(zone);
  zone.querySelector("input[type=file]").focus();
}

function readableSize(bytes) {
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function parseJson(words) {
  try { return JSON.parse(words); } catch { return {}; }
}
