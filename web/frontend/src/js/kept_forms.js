// A session can end while a form is being filled in. What was sent is kept in this tab until the next page says it arrived:
// when that page is the same form, empty (somebody had to sign in again), it is sent back to be shown as it was typed.

const KEY = "formwork-sent";

export function startKeptForms() {
  const sent = take();
  const form = [...document.querySelectorAll("form[data-keep]")].find((one) => addressOf(one) === sent?.action);
  if (form && sent.person === form.dataset.keep && !isAnswer()) resume(form, sent.values);
  document.addEventListener("submit", (event) => { if (!event.defaultPrevented) keep(event.target); });
  // In a dialog: what was sent is answered in place, unless the answer leads somewhere else to sign in.
  document.addEventListener("htmx:beforeRequest", (event) => keep(event.detail.elt));
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.xhr?.status !== 401 && event.detail.elt.matches("form[data-keep]")) take(); });
}

export function keep(form) {
  if (!form.matches("form[data-keep]")) return;
  const values = [...new FormData(form)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string");
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ action: addressOf(form), person: form.dataset.keep, values }));
  } catch { /* a full or closed store only means that nothing is kept */ }
}

// Not form.action: a form may hold an input of that name.
function addressOf(form) {
  return new URL(form.getAttribute("action"), location.href).href;
}

function take() {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  try { return JSON.parse(kept); } catch { return null; }
}

// A page that answers what was sent (with errors, with two versions, with a note that it was done) shows so.
function isAnswer() {
  return Boolean(document.querySelector("[data-answer]"));
}

function resume(form, values) {
  const again = document.createElement("form");
  again.method = "post";
  again.action = addressOf(form);
  again.hidden = true;
  const token = form.querySelector("[name=csrf_token]").value;
  for (const [name, value] of [...values, ["csrf_token", token], ["_resume", "yes"]]) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    again.append(input);
  }
  document.body.append(again);
  again.submit();
}
