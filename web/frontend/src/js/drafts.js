// What is typed into the form of a record is kept on the server, a moment after typing stops and on leaving. The form makes the
// name of its draft when there is first something to keep; sending the form ends the draft. One request of a form is under way
// at a time. When nobody is signed in any more, what was typed stays in this tab until somebody is (kept_forms.js).

import { markKept } from "./form_guard.js";
import { keep } from "./kept_forms.js";
import { text } from "./texts.js";

const WAIT = 1500;
const waiting = new Map(); // by form: the timer of what is not kept yet
const running = new Set();

export function startDrafts() {
  for (const kind of ["input", "change", "lines-changed"]) document.addEventListener(kind, (event) => ring(event.target.closest?.("form[data-draft]")));
  document.addEventListener("submit", (event) => { if (!event.defaultPrevented) stop(event.target); });
  document.addEventListener("visibilitychange", () => { if (document.hidden) flush(); });
  window.addEventListener("pagehide", flush);
  document.addEventListener("htmx:beforeOnLoad", stay);
  // What came back, refused or after signing in again, is nowhere else; a draft that is shown again is kept already.
  if (!document.querySelector(".draft-note")) document.querySelectorAll("form[data-draft][data-answer]").forEach(ring);
}

function ring(form) {
  if (!form || form.dataset.sent) return;
  stop(form);
  waiting.set(form, setTimeout(() => send(form), WAIT));
}

function stop(form) {
  clearTimeout(waiting.get(form));
  waiting.delete(form);
}

function flush() {
  for (const form of [...waiting.keys()]) send(form, true);
}

async function send(form, leaving = false) {
  if (running.has(form) && !leaving) { ring(form); return; }
  stop(form);
  running.add(form);
  const name = form.querySelector("[name=_draft]");
  name.value ||= crypto.randomUUID?.() || `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  const values = [...new FormData(form)].filter(([key, value]) => key !== "_action_id" && typeof value === "string");
  const options = { method: "POST", body: new URLSearchParams(values), headers: { "HX-Request": "true", Accept: "application/json" }, keepalive: leaving };
  const answer = await fetch(form.dataset.draft, options).catch(() => null);
  running.delete(form);
  if (answer?.ok) kept(form, (await answer.json()).at);
  else if (answer?.status === 401) signedOut(form, answer.headers.get("HX-Redirect"));
  else say(form, text("js.draft_failed"));
}

function kept(form, at) {
  if (!waiting.has(form)) markKept(form);
  say(form, text("js.draft_kept", { at }));
}

// The answer to a question of the form would lead to the sign-in at once, in the middle of a word.
function stay(event) {
  const form = event.detail.elt.closest?.("form[data-draft]");
  if (!form || event.detail.xhr.status !== 401) return;
  event.preventDefault();
  signedOut(form, event.detail.xhr.getResponseHeader("HX-Redirect"));
}

function signedOut(form, address) {
  keep(form);
  markKept(form);
  const link = document.createElement("a");
  link.href = address || "/login";
  link.textContent = text("js.draft_signed_out");
  form.querySelector("[data-draft-said]").replaceChildren(link);
}

function say(form, words) {
  form.querySelector("[data-draft-said]").textContent = words;
}
