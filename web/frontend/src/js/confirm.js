// A form or button with data-confirm asks first. Only for what cannot be undone; everything else has an undo.

import { text } from "./texts.js";

export function startConfirm() {
  document.addEventListener("submit", ask, true);
}

async function ask(event) {
  const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
  if (!question || event.target.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await answer(question, event.submitter?.textContent.trim() || text("js.ok")))) return;
  event.target.dataset.confirmed = "yes";
  event.target.requestSubmit(event.submitter);
}

function answer(question, verb) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("[data-question]").textContent = question;
  dialog.querySelector("[value=yes]").textContent = verb;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
