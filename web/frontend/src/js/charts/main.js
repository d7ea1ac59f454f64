// Draws a chart in the browser: points that can be touched, asked and opened. A bundle of its own, fetched by ../charts.js.
// Enters: an element with data. Leaves: an SVG in its .chart-live. Must not write markup out of texts, nor a style into it: the site's
// content policy refuses both.

import { BarChart, CustomChart, FunnelChart, HeatmapChart, LineChart, RadarChart } from "echarts/charts";
import { GridComponent, LegendScrollComponent, MarkLineComponent, RadarComponent, TooltipComponent, VisualMapContinuousComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { optionOf, pointOf } from "./options.js";
import { readColours } from "./colours.js";

use([
  BarChart, CustomChart, FunnelChart, HeatmapChart, LineChart, RadarChart, GridComponent, LegendScrollComponent, MarkLineComponent, RadarComponent,
  TooltipComponent, VisualMapContinuousComponent, SVGRenderer,
]);

const drawn = new Map();
const dark = matchMedia("(prefers-color-scheme: dark)");
const sizes = new ResizeObserver((entries) => { for (const { target } of entries) fit(target.parentElement); });

dark.addEventListener("change", () => { for (const element of drawn.keys()) paint(element); });
document.body.addEventListener("htmx:beforeCleanupElement", (event) => forget(event.target));

export function draw(element) {
  if (drawn.has(element) || !element.isConnected) return;
  const place = element.querySelector(".chart-live");
  const chart = init(place, null, { renderer: "svg" });
  const data = JSON.parse(element.querySelector("script").textContent);
  drawn.set(element, { chart, data, width: 0 });
  chart.on("click", (clicked) => open(pointOf(data, clicked)));
  chart.on("mouseover", (over) => { place.classList.toggle("is-link", Boolean(pointOf(data, over)?.url)); });
  chart.on("mouseout", () => place.classList.remove("is-link"));
  paint(element);
  sizes.observe(place);
  element.classList.add("is-drawn");
}

function open(point) {
  if (point?.url) location.href = point.url;
}

function paint(element) {
  const { chart, data } = drawn.get(element);
  const width = element.clientWidth;
  chart.setOption({ animation: false, ...optionOf(data, readColours(), width) }, true);
}

function fit(element) {
  const known = drawn.get(element);
  if (!known) return;
  const width = element.clientWidth;
  if (!width || width === known.width) return;
  known.width = width;
  known.chart.resize();
  paint(element);
}

function forget(element) {
  const known = drawn.get(element);
  if (!known) return;
  sizes.unobserve(element.querySelector(".chart-live"));
  known.chart.dispose();
  drawn.delete(element);
}
