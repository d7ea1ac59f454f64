// Charts: what draws them is large, so it is fetched when somebody points at one. Until then, without scripts and on paper the
// server's own drawing stands there, whose parts are links already.
// Markup: [data-chart=ADDRESS OF THE BUNDLE] with drawings, an empty .chart-live and a script of data.

export function startCharts() {
  document.addEventListener("pointerover", approach, { passive: true });
}

function approach(event) {
  const chart = event.pointerType !== "touch" && event.target.closest?.("[data-chart]");
  if (!chart || chart.dataset.near) return;
  chart.dataset.near = "yes";
  import(chart.dataset.chart).then((charts) => charts.draw(chart)).catch(() => { delete chart.dataset.near; });
}
