// Keeps "3 分钟前" true while a page stays open, for times of the last hour. Older ones change too slowly to matter.

import { text } from "./texts.js";

export function startTimes() {
  setInterval(refresh, 30_000);
}

function refresh() {
  for (const element of document.querySelectorAll("time[data-fresh]")) {
    const minutes = Math.floor((Date.now() - Date.parse(element.dateTime)) / 60_000);
    if (minutes >= 60 || Number.isNaN(minutes)) element.removeAttribute("data-fresh");
    else element.textContent = minutes < 1 ? text("js.just_now") : text("js.minutes_ago", { n: minutes });
  }
}
