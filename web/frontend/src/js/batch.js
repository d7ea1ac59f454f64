// Several rows ticked for one act: the bar appears when something is ticked. Without a script it is always there.
// Markup: form[data-batch] and checkboxes that belong to it; [data-tick-all] ticks what is shown, [data-select] lets a
// phone show the boxes. The key x ticks the row in focus; with shift a click ticks everything since the last.

let last = null;

export function startBatch() {
  const form = document.querySelector("form[data-batch]");
  if (!form) return;
  const boxes = () => [...form.elements].filter((one) => one.type === "checkbox");
  const count = form.querySelector("[data-count]");
  const all = document.querySelector("[data-tick-all]");
  const show = () => {
    const ticked = boxes().filter((one) => one.checked).length;
    form.hidden = !ticked && !("open" in form.dataset);
    form.classList.toggle("is-used", ticked > 0);
    if (ticked) count.textContent = count.dataset.count.replace("{n}", ticked);
    if (all) { all.checked = ticked > 0 && ticked === boxes().length; all.indeterminate = ticked > 0 && !all.checked; }
  };
  if (all) {
    all.hidden = false;
    all.addEventListener("change", () => { for (const box of boxes()) box.checked = all.checked; show(); });
  }
  document.addEventListener("change", (event) => { if (boxes().includes(event.target)) show(); });
  document.addEventListener("click", (event) => { if (boxes().includes(event.target)) tickSince(event, boxes(), show); });
  document.addEventListener("keydown", (event) => tickFocused(event, show));
  document.addEventListener("htmx:afterSettle", show);
  window.addEventListener("pageshow", show);
  startSelecting(form, boxes, show);
  show();
}

function tickSince(event, boxes, show) {
  const [from, to] = [boxes.indexOf(last), boxes.indexOf(event.target)].sort((one, other) => one - other);
  if (event.shiftKey && from >= 0) for (const box of boxes.slice(from, to + 1)) box.checked = event.target.checked;
  last = event.target;
  show();
}

function tickFocused(event, show) {
  const row = event.target.closest("[data-row-link]")?.closest("tr, li");
  const box = row?.querySelector("input[type=checkbox]");
  if (!box || event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
  box.checked = !box.checked;
  last = box;
  document.body.classList.add("is-selecting");
  show();
}

function startSelecting(form, boxes, show) {
  const button = document.querySelector("[data-select]");
  button?.addEventListener("click", () => {
    const on = document.body.classList.toggle("is-selecting");
    button.setAttribute("aria-pressed", String(on));
    if (!on) for (const box of boxes()) box.checked = false;
    show();
  });
}
