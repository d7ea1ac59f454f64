// Tiles of a dashboard fetch themselves again while somebody looks: once a minute at most, at once when the tab comes back.
// Markup: [data-again] elements that htmx fetches on `again`. An answer of 204 leaves what is there.

import htmx from "htmx.org";

const EVERY = 55_000;
let last = Date.now();

export function startAgain() {
  if (!document.querySelector("[data-again]")) return;
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
}

function look() {
  if (document.hidden || Date.now() - last < EVERY) return;
  last = Date.now();
  for (const element of document.querySelectorAll("[data-again]")) {
    if (!element.contains(document.activeElement) && !element.querySelector("details[open]")) htmx.trigger(element, "again");
  }
}
