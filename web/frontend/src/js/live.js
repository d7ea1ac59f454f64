// How much waits and is unread, without a reload: asked for at most twice a minute, and not at all while the tab is hidden.
// Markup: [data-live] elements hold a number (99+ at most) and hide when it is 0. A form [data-read] is sent by itself.

const EVERY = 30_000;
let last = Date.now();

export function startLive() {
  markRead();
  if (!document.querySelector("[data-live]")) return;
  setInterval(look, 1000);
}

function look() {
  if (document.hidden || Date.now() - last < EVERY) return;
  last = Date.now();
  ask();
}

async function ask() {
  const answer = await fetch("/live", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const counts = await answer.json();
  for (const element of document.querySelectorAll("[data-live]")) show(element, counts[element.dataset.live] || 0);
}

function show(element, count) {
  const said = count < 100 ? String(count) : "99+";
  if (element.textContent === said && !element.hidden) return;
  element.textContent = said;
  element.hidden = !count;
  const named = element.closest("[data-live-name]");
  if (named) named.setAttribute("aria-label", named.dataset.liveName.replace("{n}", said));
}

function markRead() {
  const form = document.querySelector("form[data-read]");
  if (!form) return;
  const sent = fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  sent.then(() => { form.hidden = true; }).catch(() => null);
}
