// A link or button with data-dialog opens its page inside the one <dialog>; without scripts it is an ordinary page.
// A dialog element named by data-opens (help, navigation on a phone) opens in place.

import htmx from "htmx.org";

import { isDirty, forgetChanges } from "./form_guard.js";

export function startDialogs() {
  document.addEventListener("click", onClick);
  for (const dialog of document.querySelectorAll("dialog:not(#quick-dialog)")) dialog.addEventListener("cancel", (event) => {
    if (isDirty(dialog)) event.preventDefault();
  });
  const drawer = document.querySelector("dialog[data-open-now]");
  if (drawer) drawer.showModal();
}

function onClick(event) {
  const link = event.target.closest("a[data-dialog]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) return openPage(event, link.href);
  const opener = event.target.closest("[data-opens]");
  if (opener) return document.getElementById(opener.dataset.opens)?.showModal();
  const dialog = event.target.closest("dialog");
  if (!dialog) return undefined;
  if (event.target === dialog || event.target.closest("[data-close]")) close(event, dialog);
  return undefined;
}

async function openPage(event, url) {
  event.preventDefault();
  const dialog = document.getElementById("dialog");
  try {
    await htmx.ajax("GET", url, { target: "#dialog-body", swap: "innerHTML" });
  } catch {
    location.href = url;
    return;
  }
  if (!dialog.open) dialog.showModal();
}

function close(event, dialog) {
  const asLink = event.target.closest("a[data-close]");
  if (asLink) event.preventDefault();
  if (event.target === dialog && isDirty(dialog)) return;
  forgetChanges(dialog);
  dialog.close();
}
