// A running tour: marks what its step points at, and goes on within a page without asking the server.

export function startTours() {
  const panel = document.querySelector("[data-tour]");
  if (!panel) return;
  const steps = JSON.parse(panel.dataset.steps);
  const show = (at, moved) => {
    panel.dataset.at = at;
    unmark();
    panel.querySelector("[data-tour-text]").textContent = steps[at].text;
    const count = panel.querySelector("[data-tour-count]");
    count.textContent = count.dataset.says.replace("{at}", at + 1).replace("{count}", steps.length);
    for (const form of panel.querySelectorAll("[data-tour-go]")) {
      const to = at + Number(form.dataset.tourGo);
      form.hidden = to < 0 || to >= steps.length;
      form.elements.step.value = to;
    }
    panel.querySelector("[data-tour-finish]").hidden = at + 1 < steps.length;
    measure(panel);
    mark(steps[at]);
    if (moved) panel.querySelector("form:not([hidden]) .btn-primary")?.focus();
  };
  panel.addEventListener("submit", (event) => {
    const by = event.target.dataset.tourGo;
    const to = Number(panel.dataset.at) + Number(by);
    if (!by || !steps[to]?.here) return;
    event.preventDefault();
    show(to, true);
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    panel.querySelector("[data-tour-pause]").requestSubmit();
  });
  measure(panel);
  const at = Number(panel.dataset.at);
  if (steps[at]?.here) mark(steps[at]);
}

// What stands at the bottom of a phone, such as the buttons of a form, stands above the tour.
function measure(panel) {
  document.documentElement.style.setProperty("--tour", `${panel.offsetHeight}px`);
}

function unmark() {
  for (const one of document.querySelectorAll(".tour-target")) one.classList.remove("tour-target");
}

function mark(step) {
  const found = [...document.querySelectorAll(step.target)].find((one) => one.getClientRects().length || one.closest("details:not([open])"));
  if (!found) return;
  for (let fold = found.closest("details:not([open])"); fold; fold = fold.parentElement.closest("details:not([open])")) fold.open = true;
  const whole = found.closest("h2") ? found.closest(".panel") ?? found : found;
  whole.classList.add("tour-target");
  whole.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}
