// Short notes at the edge of the page, read out by screen readers, each with an undo where there is one.

import { text } from "./texts.js";

const SECONDS = 8;

export function startToasts() {
  const region = document.getElementById("toasts");
  if (!region) return;
  for (const toast of region.children) fade(toast);
  region.addEventListener("click", (event) => { if (event.target.closest("[data-dismiss]")) event.target.closest(".toast-note").remove(); });
  document.addEventListener("formwork-toast", (event) => showToast({ text: event.detail.text, kind: event.detail.kind }));
  document.addEventListener("htmx:responseError", () => showToast({ text: text("js.failed"), kind: "error" }));
  document.addEventListener("htmx:sendError", () => showToast({ text: text("js.offline"), kind: "error" }));
}

export function showToast({ text: words, kind = "info", undo = null }) {
  const toast = document.createElement("div");
  toast.className = `toast-note toast-${kind}`;
  const label = document.createElement("span");
  label.textContent = words;
  toast.append(label);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm";
    button.textContent = text("js.undo");
    button.addEventListener("click", () => { undo(); toast.remove(); });
    toast.append(button);
  }
  document.getElementById("toasts").append(toast);
  fade(toast);
}

function fade(toast) {
  if (toast.classList.contains("toast-error")) return;
  const later = () => setTimeout(() => (toast.matches(":hover, :focus-within") ? later() : toast.remove()), SECONDS * 1000);
  later();
}
