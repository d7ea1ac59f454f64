// An address to hand over: made whole from the address of this page, marked when it is looked at, copied with one press.

import { text } from "./texts.js";

export function startCopied(root) {
  for (const input of root.querySelectorAll?.("[data-copy]") || []) {
    input.value = new URL(input.value, location.href).href;
    input.addEventListener("focus", () => input.select());
    input.focus();
    if (navigator.clipboard) input.after(copyButton(input));
  }
  for (const kept of root.querySelectorAll?.("[data-copy-text]") || []) if (navigator.clipboard) kept.after(copyButton(kept));
}

function copyButton(input) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm";
  button.textContent = text("js.copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(input.value);
    button.textContent = text("js.copied");
  });
  return button;
}
