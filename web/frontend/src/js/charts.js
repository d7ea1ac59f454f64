// Charts: what draws them is large, so it is fetched when one comes near the screen. Until then, without scripts and on paper the
// server's own drawing stands there.
// Markup: [data-chart=ADDRESS OF THE BUNDLE] with a drawing, an empty .chart-live and a script of data.

let near;

export function startCharts(root) {
  const found = root.matches?.("[data-chart]") ? [root] : [...root.querySelectorAll("[data-chart]")];
  if (!found.length) return;
  near ||= new IntersectionObserver(onNear, { rootMargin: "300px" });
  for (const element of found) near.observe(element);
}

function onNear(entries) {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    import(target.dataset.chart).then((charts) => charts.draw(target)).catch(() => null);
  }
}
