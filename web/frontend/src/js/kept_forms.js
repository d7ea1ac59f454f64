// A session can end while a form is being filled in. What was sent is kept in this tab until the next page says it arrived:
// when that page is the same form, empty (somebody had to sign in again), it is sent back to be shown as it was typed.

const KEY = "formwork-sent";

export function startKeptForms() {
  const form = document.querySelector("form[data-keep]");
  const sent = take();
  if (form && sent && sent.action === form.action && sent.person === form.dataset.keep && !isAnswer()) resume(form, sent.values);
  document.addEventListener("submit", keep);
}

function keep(event) {
  const form = event.target;
  if (event.defaultPrevented || !form.matches("form[data-keep]")) return;
  const values = [...new FormData(form)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string");
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ action: form.action, person: form.dataset.keep, values }));
  } catch { /* a full or closed store only means that nothing is kept */ }
}

function take() {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  try { return JSON.parse(kept); } catch { return null; }
}

// A page that answers what was sent (with errors, or two versions) shows it already.
function isAnswer() {
  return Boolean(document.querySelector("[data-answer]"));
}

function resume(form, values) {
  const again = document.createElement("form");
  again.method = "post";
  again.action = form.action;
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
