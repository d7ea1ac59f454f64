// Nothing typed is lost and nothing is sent twice: warns before leaving a changed form, sends a form once.

const changed = new WeakSet();

export function startFormGuard() {
  document.addEventListener("input", remember);
  document.addEventListener("change", remember);
  document.addEventListener("submit", sendOnce);
  window.addEventListener("beforeunload", (event) => { if (isDirty(document)) event.preventDefault(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) document.querySelectorAll("form").forEach(allowAgain); });
  focusFirstError();
}

export function isDirty(root) {
  return [...root.querySelectorAll("form[data-guard]")].some((form) => changed.has(form));
}

export function forgetChanges(root) {
  for (const form of root.querySelectorAll("form")) changed.delete(form);
}

// What is kept elsewhere can be left without a warning.
export function markKept(form) {
  changed.delete(form);
}

export function markChanged(element) {
  const form = element.closest("form[data-guard]");
  if (form) changed.add(form);
}

function remember(event) {
  if (event.target.closest) markChanged(event.target);
}

function sendOnce(event) {
  const form = event.target;
  if (form.method === "dialog") return;
  if (event.defaultPrevented) {
    if (form.hasAttribute("hx-post")) changed.delete(form);
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  changed.delete(form);
  form.dataset.sent = "yes";
  setTimeout(() => { for (const button of submitButtons(form)) { button.disabled = true; button.setAttribute("aria-busy", "true"); } });
}

function allowAgain(form) {
  delete form.dataset.sent;
  for (const button of submitButtons(form)) { button.disabled = false; button.removeAttribute("aria-busy"); }
}

// The submitter keeps its name and value in the request because it is disabled only after the request was made.
function submitButtons(form) {
  return [...form.elements].filter((element) => element.type === "submit");
}

function focusFirstError() {
  const summary = document.querySelector("[data-error-summary]");
  if (summary) summary.focus();
}
