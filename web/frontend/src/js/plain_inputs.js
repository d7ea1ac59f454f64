// Small comforts beside plain inputs: a colour picked, the own position, a rating taken back. Each button is hidden in the
// markup and shown here, so that nobody sees one that does nothing.

import { markChanged } from "./form_guard.js";
import { text } from "./texts.js";

export function startPlainInputs(root) {
  each(root, "[data-colour-for]", startColour);
  each(root, "[data-here]", startHere);
  each(root, "[data-clear-rating]", startRating);
}

function each(root, selector, start) {
  for (const element of root.querySelectorAll?.(selector) || []) {
    if (!element.dataset.ready) { element.dataset.ready = "yes"; element.hidden = false; start(element); }
  }
}

function startColour(picker) {
  const input = document.getElementById(picker.dataset.colourFor);
  const follow = () => { if (/^#[0-9a-f]{6}$/i.test(input.value)) picker.value = input.value; };
  follow();
  input.addEventListener("input", follow);
  picker.addEventListener("input", () => { input.value = picker.value; tell(input); });
}

function startHere(button) {
  const input = document.getElementById(button.dataset.here);
  button.addEventListener("click", () => {
    button.setAttribute("aria-busy", "true");
    const done = () => button.removeAttribute("aria-busy");
    const found = ({ coords }) => { done(); input.value = `${coords.latitude.toFixed(6)}, ${coords.longitude.toFixed(6)}`; tell(input); };
    const failed = () => { done(); input.placeholder = text("js.no_place"); input.focus(); };
    if (navigator.geolocation) navigator.geolocation.getCurrentPosition(found, failed, { enableHighAccuracy: true, timeout: 10000 });
    else failed();
  });
}

function startRating(button) {
  const group = button.closest(".stars");
  button.addEventListener("click", () => {
    for (const star of group.querySelectorAll("input")) star.checked = false;
    tell(group);
    group.querySelector("input").focus();
  });
}

function tell(element) {
  markChanged(element);
  element.dispatchEvent(new Event("change", { bubbles: true }));
}
