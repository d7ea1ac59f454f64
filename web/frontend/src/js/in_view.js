// A <details data-in-view> near the end of a page comes into view whole when it opens, above the bar that stands at the foot
// of the screen, and what is to be filled in (or is wrong) first has the focus.

export function startInView() {
  document.addEventListener("toggle", (event) => { if (event.target.matches?.("details[data-in-view][open]")) show(event.target); }, true);
  const open = document.querySelector("details[data-in-view][open]");
  if (open) show(open);
}

function show(details) {
  const bar = document.querySelector("form.decide"), top = document.querySelector(".topbar");
  details.style.scrollMargin = `${(top?.offsetHeight || 0) + 8}px 0 ${(bar?.offsetHeight || 0) + 12}px`;
  details.scrollIntoView({ block: "nearest" });
  const wrong = details.querySelector("[aria-invalid=true]");
  (wrong || details.querySelector("select, textarea, input:not([type=hidden])"))?.focus({ preventScroll: true });
}
