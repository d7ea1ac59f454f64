// The form of conditions (pages/filter.html) is asked for again when another field is chosen, or a comparison that takes another
// input; between comparisons with the same input nothing is asked, so nothing typed meanwhile is lost.

import htmx from "htmx.org";

export function startFilters() {
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("select[data-again]")) return;
    const chosen = target.selectedOptions[0];
    const before = [...target.options].find((option) => option.defaultSelected);
    if (chosen.dataset.input !== undefined && before && chosen.dataset.input === before.dataset.input) return;
    htmx.trigger(target, "again");
  });
}
