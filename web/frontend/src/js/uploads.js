// Files by choosing, dropping or pasting. Each goes up at once with its own progress bar and leaves a hidden input with
// its id, so a form that comes back with errors still has its files. Without scripts the plain file input is sent. Why a file
// was refused stays beside it when the dialog it stands in is drawn again; it goes with the file, or with the dialog.

import { markChanged } from "./form_guard.js";
import { shrink } from "./pictures.js";
import { text } from "./texts.js";

const refused = new Map(); // by address of the zone: {name, size, words} of each file

document.addEventListener("close", () => refused.clear(), true);

// Heard at the document: a form that has just come back may be used before its parts are started.
document.addEventListener("change", ({ target }) => {
  const zone = target.matches("input[type=file]") && target.closest("[data-upload]");
  if (!zone) return;
  send(zone, target.files);
  target.value = "";
});

export function startUploads(root) {
  const zones = root.matches?.("[data-upload]") ? [root] : root.querySelectorAll?.("[data-upload]") || [];
  for (const zone of zones) if (!zone.dataset.ready) start(zone);
}

function start(zone) {
  zone.dataset.ready = "yes";
  for (const kind of ["dragover", "dragenter"]) zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("is-over"); });
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); send(zone, event.dataTransfer.files); });
  zone.closest("form")?.addEventListener("paste", (event) => { if (event.clipboardData.files.length && isTarget(zone, event)) send(zone, event.clipboardData.files); });
  zone.addEventListener("click", (event) => removeFile(zone, event.target.closest("[data-remove-file]")));
  const before = refused.get(zone.dataset.upload) || [];
  refused.delete(zone.dataset.upload);
  for (const one of before) fail(zone, one, addItem(zone, one), one.words);
}

// A pasted picture goes to the zone that has the focus, else to the first zone of the form.
function isTarget(zone, event) {
  return zone.contains(event.target) || (!event.target.closest("[data-upload]") && event.currentTarget.querySelector("[data-upload]") === zone);
}

export function send(zone, files) {
  const many = zone.hasAttribute("data-many");
  for (const file of many ? files : [...files].slice(0, 1)) {
    sendOne(zone, file, addItem(zone, file));
  }
}

async function sendOne(zone, chosen, item) {
  const file = takesSmaller(zone) ? await shrink(chosen) : chosen;
  if (file !== chosen) describe(item, file);
  const problem = check(zone, file);
  if (problem) fail(zone, file, item, problem);
  else post(zone, file, item);
}

function takesSmaller(zone) {
  const accept = zone.dataset.accept;
  return !zone.hasAttribute("data-original") && (!accept || /\.jpe?g/.test(accept));
}

function describe(item, file) {
  item.querySelector("[data-name]").textContent = file.name;
  item.querySelector("[data-size]").textContent = readableSize(file.size);
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
  if (!zone.hasAttribute("data-many")) { list.replaceChildren(); refused.delete(zone.dataset.upload); }
  const item = zone.querySelector("template").content.firstElementChild.cloneNode(true);
  describe(item, file);
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
  request.addEventListener("load", () => finish(zone, file, item, request));
  request.addEventListener("error", () => fail(zone, file, item, text("js.offline")));
  request.send(body);
}

function finish(zone, file, item, request) {
  const answer = parseJson(request.responseText);
  if (request.status >= 300 || !answer.id) { fail(zone, file, item, answer.detail || text("js.failed")); return; }
  item.querySelector("progress").remove();
  item.querySelector("input[type=hidden]").value = answer.id;
  markChanged(zone);
  zone.dispatchEvent(new Event("change", { bubbles: true }));
  if (zone.hasAttribute("data-reload")) location.reload();
}

function fail(zone, { name, size }, item, words) {
  refused.set(zone.dataset.upload, [...(refused.get(zone.dataset.upload) || []), { name, size, words }]);
  show(item, words);
}

function show(item, words) {
  item.querySelector("progress")?.remove();
  item.querySelector("input[type=hidden]").disabled = true;
  item.classList.add("is-failed");
  const note = item.querySelector("[data-note]");
  note.textContent = words;
}

function removeFile(zone, button) {
  if (!button) return;
  const item = button.closest("li");
  const name = item.querySelector("[data-name]").textContent;
  if (item.classList.contains("is-failed")) refused.set(zone.dataset.upload, refused.get(zone.dataset.upload).filter((one) => one.name !== name));
  item.remove();
  markChanged(zone);
  zone.querySelector("input[type=file]").focus();
}

function readableSize(bytes) {
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function parseJson(words) {
  try { return JSON.parse(words); } catch { return {}; }
}
