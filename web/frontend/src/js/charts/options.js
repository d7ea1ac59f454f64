// From the data of a chart to what ECharts draws: one function for each kind.

import { colourOf } from "./colours.js";
import { short } from "./numbers.js";
import { tip } from "./tips.js";

const PHONE = 480;
const SHAPES = ["circle", "rect", "triangle", "diamond", "roundRect", "arrow"];
const LEVELS = 5;

export function optionOf(data, colours, width) {
  const common = {
    textStyle: { fontFamily: colours.font, fontSize: 12, color: colours.ink },
    tooltip: {
      confine: true, transitionDuration: 0, backgroundColor: colours.raised, borderColor: colours.rule, padding: [8, 10],
      textStyle: { color: colours.ink, fontSize: 13 }, ...tooltips(data, colours),
    },
  };
  return { ...common, ...kinds[data.kind](data, colours, width) };
}

// Which cell of the data a point of the chart is.
export function pointOf(data, { seriesIndex, dataIndex, name, value }) {
  if (data.kind === "heat") return at(data, value?.[1], value?.[0]);
  if (data.kind === "funnel") return at(data, data.series.findIndex((one) => one.role === "now"), data.categories.indexOf(name));
  if (data.kind === "radar") return null;
  const series = data.series[seriesIndex];
  return series && dataIndex !== undefined ? at(data, seriesIndex, dataIndex) : null;
}

function at(data, place, column) {
  const series = data.series[place];
  return series && { label: series.label, said: series.said[column], n: series.n[column], url: series.urls[column] };
}

function tooltips(data, colours) {
  if (["heat", "funnel", "radar"].includes(data.kind)) return { trigger: "item", formatter: (over) => tip(itemsOf(data, over)) };
  const pointer = data.kind === "line" ? { type: "line", lineStyle: { color: colours["rule-strong"] } } : { type: "shadow", shadowStyle: { color: colours.muted, opacity: 0.1 } };
  return { trigger: "axis", axisPointer: pointer, formatter: (over) => tip(columnOf(data, over[0]?.dataIndex ?? 0)) };
}

function columnOf(data, column) {
  return { title: data.categories[column], rows: data.series.map((_, place) => at(data, place, column)).filter((one) => one.said) };
}

function itemsOf(data, over) {
  if (data.kind === "radar") {
    const column = data.categories.indexOf(over.name);
    return { title: over.name, rows: data.series.map((_, place) => at(data, place, column)) };
  }
  if (data.kind === "heat") return { title: data.categories[over.value[0]], rows: [at(data, over.value[1], over.value[0])] };
  return columnOf(data, data.categories.indexOf(over.name));
}

const kinds = {
  bars: (data, colours, width) => onAxes(data, colours, width, (one, place) => (one.role === "cumulated" ? share(data, one, place, colours) : bar(data, one, colours))),
  stacked: (data, colours, width) => onAxes(data, colours, width, (one) => ({ ...bar(data, one, colours), stack: one.role, barMaxWidth: 46 })),
  line: (data, colours, width) => onAxes(data, colours, width, (one, place) => line(one, place, colours)),
  waterfall: (data, colours, width) => onAxes(data, colours, width, (one) => steps(data, one, colours)),
  funnel, radar, heat,
};

function onAxes(data, colours, width, make) {
  const names = {
    type: "category", data: data.categories, inverse: data.sideways, axisTick: { show: false }, axisLine: { lineStyle: { color: colours["rule-strong"] } },
    axisLabel: { color: colours.ink, hideOverlap: true, ...(data.sideways && { width: Math.min(150, width * 0.3), overflow: "truncate" }) },
  };
  const values = {
    type: "value", min: data.axis.low, max: data.axis.high, interval: data.axis.step, splitLine: { lineStyle: { color: colours.rule } },
    axisLabel: { color: colours.muted, hideOverlap: true, formatter: (value) => short(value, data) },
  };
  const legend = legendOf(data, colours);
  const shares = data.shares && {
    type: "value", min: data.shares.low, max: data.shares.high, interval: data.shares.step, splitLine: { show: false }, position: data.sideways ? "top" : "right",
    axisLabel: { color: colours.muted, hideOverlap: true, formatter: (value) => short(value, { ...data, unit: "percent" }) },
  };
  const measured = shares ? [values, shares] : values;
  const room = data.sideways && data.series.length === 1 ? 76 : 12;
  return {
    grid: { left: 8, right: room, top: legend ? 36 : 16, bottom: 4, containLabel: true },
    xAxis: data.sideways ? measured : names, yAxis: data.sideways ? names : measured, legend,
    series: data.series.map((one, place) => ({ name: one.label, ...make(one, place), markLine: linesOf(data, one, colours) })),
  };
}

// Bars that begin where the one before ended, each with a line to the next. The same lengths as engine/drawing/charts/waterfall.py.
function steps(data, one, colours) {
  const across = data.sideways ? (at, value) => [value, at] : (at, value) => [at, value];
  const widest = Math.max(...one.said.map(textWidth));
  return {
    type: "custom", data: data.steps.map(({ from, to }, at) => [at, from, to]), emphasis: { disabled: true },
    encode: data.sideways ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
    renderItem: ({ dataIndex: at }, api) => {
      const { from, to, look } = data.steps[at];
      const [x, y] = api.coord(across(at, from)), [farX, farY] = api.coord(across(at, to));
      const band = api.size([1, 1])[data.sideways ? 1 : 0], thick = Math.min(band * 0.62, 46);
      const said = data.sideways || widest + 6 <= band ? one.said[at] : shortly(data, one.values[at], at);
      const shape = data.sideways
        ? { x: Math.min(x, farX), y: y - thick / 2, width: Math.abs(farX - x), height: thick }
        : { x: x - thick / 2, y: Math.min(y, farY), width: thick, height: Math.abs(farY - y) };
      const words = data.sideways
        ? { x: Math.max(x, farX) + 5, y, align: "left", verticalAlign: "middle" }
        : { x, y: Math.min(y, farY) - 4, align: "center", verticalAlign: "bottom" };
      const line = data.sideways
        ? { x1: farX, y1: y - thick / 2, x2: farX, y2: y + band - thick / 2 }
        : { x1: x - thick / 2, y1: farY, x2: x + band - thick / 2, y2: farY };
      const known = one.values[at] !== null;
      return { type: "group", children: [
        ...(known ? [{ type: "rect", shape, style: { fill: look === "few" ? colours["chart-few"] : colourOf(look, colours) } }] : []),
        ...(known ? [{ type: "text", style: { ...words, text: said, fill: colours.ink, font: `12px ${colours.font}` } }] : []),
        ...(at + 1 < data.steps.length ? [{ type: "line", silent: true, shape: line, style: { stroke: colours["rule-strong"], lineWidth: 1 } }] : []),
      ] };
    },
  };
}

function shortly(data, value, at) {
  const step = data.steps[at];
  const changes = !step.whole && value;
  return `${changes ? (value > 0 ? "+" : "−") : ""}${short(changes ? Math.abs(value) : value, data)}`;
}

function textWidth(said) {
  return [...said].reduce((width, letter) => width + (letter.charCodeAt(0) > 255 ? 12 : 6.8), 0);
}

function legendOf(data, colours) {
  if (data.series.length < 2) return undefined;
  return { left: 0, top: 0, type: "scroll", itemWidth: 12, itemHeight: 10, itemGap: 16, textStyle: { color: colours.ink, fontSize: 12 }, pageTextStyle: { color: colours.muted }, pageIconColor: colours.muted };
}

function bar(data, one, colours) {
  const colour = colourOf(one.look, colours);
  const labelled = data.kind === "bars" && data.series.length === 1;
  return {
    type: "bar", barMaxWidth: 34, barGap: "8%", color: colour,
    data: one.values.map((value, at) => ({ value, itemStyle: one.few[at] ? { color: colours["chart-few"] } : {} })),
    itemStyle: { borderColor: colours.surface, borderWidth: data.kind === "stacked" ? 1 : 0 },
    emphasis: { disabled: true },
    label: { show: labelled, position: data.sideways ? "right" : "top", color: colours.ink, fontSize: 12, formatter: ({ dataIndex }) => one.said[dataIndex] },
    labelLayout: { hideOverlap: true },
  };
}

function line(one, place, colours) {
  const quiet = one.role !== "now";
  return {
    type: "line", data: one.values, color: colourOf(one.look, colours), symbol: SHAPES[place % SHAPES.length], symbolSize: quiet ? 5 : 7,
    showAllSymbol: "auto", connectNulls: false, lineStyle: { width: quiet ? 1.5 : 2.2, type: quiet ? "dashed" : "solid" }, emphasis: { disabled: true },
  };
}

// Which share of the whole the bars have so far, along an axis of its own.
function share(data, one, place, colours) {
  return { ...line(one, place, colours), lineStyle: { width: 2.2 }, [data.sideways ? "xAxisIndex" : "yAxisIndex"]: 1 };
}

function linesOf(data, one, colours) {
  const found = ["target", "baseline"].filter((name) => one.role === "now" && one[name] !== null && data.lines[name]);
  const axis = data.sideways ? "xAxis" : "yAxis";
  return {
    symbol: "none", silent: true, animation: false,
    data: found.map((name) => ({
      [axis]: one[name], lineStyle: { color: colourOf(name, colours), type: name === "target" ? "dashed" : "dotted", width: 1.6 },
      label: { formatter: `${data.lines[name]} ${short(one[name], data)}`, position: data.sideways ? "insideEndTop" : "insideEndTop", color: colourOf(name, colours), fontSize: 11, rotate: 0 },
    })),
  };
}

function funnel(data, colours, width) {
  const counted = data.series.find((one) => one.role === "now");
  const rate = data.series.find((one) => one.role === "rate");
  const named = (at) => `${data.categories[at]}  ${counted.said[at]}`;
  const label = (at) => (rate?.values[at] != null ? `${named(at)}  (${rate.said[at]})` : named(at));
  const most = Math.max(1, ...counted.values.map((value) => value || 0));
  return {
    series: [{
      type: "funnel", sort: "none", left: 8, width: width < PHONE ? "56%" : "58%", top: 8, bottom: 8, min: 0, max: most, minSize: "0%", gap: 4,
      data: counted.values.map((value, at) => ({ name: data.categories[at], value: value || 0, itemStyle: { color: colours["chart-1"], borderWidth: 0 } })),
      label: { show: true, position: "right", color: colours.ink, fontSize: 12, formatter: ({ dataIndex }) => label(dataIndex), width: width * (width < PHONE ? 0.4 : 0.36), overflow: "break" },
      labelLine: { length: 10, lineStyle: { color: colours.rule } }, emphasis: { disabled: true },
    }],
  };
}

function radar(data, colours, width) {
  const axes = data.series.filter((one) => one.role === "now");
  const shown = data.categories.slice(0, 6);
  return {
    legend: { left: 0, top: 0, type: "scroll", itemWidth: 12, itemHeight: 10, textStyle: { color: colours.ink, fontSize: 12 }, data: shown },
    radar: {
      indicator: axes.map((one) => ({ name: one.label, max: 100 })), radius: width < PHONE ? "50%" : "64%", center: ["50%", "56%"], clockwise: true, axisName: { color: colours.ink, fontSize: 12, ...(width < PHONE && { width: 64, overflow: "break" }) },
      splitLine: { lineStyle: { color: colours.rule } }, axisLine: { lineStyle: { color: colours.rule } }, splitArea: { show: false },
    },
    series: [{
      type: "radar", emphasis: { disabled: true },
      data: shown.map((name, at) => ({
        name, value: axes.map((one) => one.scores[at] ?? 0), symbol: SHAPES[at], symbolSize: 6,
        itemStyle: { color: colours[`chart-${at + 1}`] }, lineStyle: { width: 2 }, areaStyle: { opacity: 0.1 },
      })),
    }],
  };
}

function heat(data, colours, width) {
  const points = data.series.flatMap((one, row) => one.values.map((value, at) => [at, row, value]));
  const known = points.map((one) => one[2]).filter((value) => value !== null);
  const low = Math.min(0, ...known), high = Math.max(0, ...known);
  const roomy = (width - 100) / data.categories.length > 24;
  const level = (value) => Math.min(Math.floor(((value - low) / (high - low || 1)) * LEVELS), LEVELS - 1);
  const axis = { axisTick: { show: false }, axisLine: { show: false }, splitArea: { show: false } };
  return {
    grid: { left: 8, right: 8, top: 4, bottom: 4, containLabel: true },
    xAxis: { ...axis, type: "category", position: "top", data: data.categories, axisLabel: { color: colours.muted, hideOverlap: true } },
    yAxis: { ...axis, type: "category", inverse: true, data: data.series.map((one) => one.label), axisLabel: { color: colours.ink, width: width < PHONE ? 80 : 140, overflow: "truncate" } },
    visualMap: { show: false, min: low, max: high || 1, inRange: { color: [1, 2, 3, 4, 5].map((at) => colours[`heat-${at}`]) } },
    series: [{
      type: "heatmap", emphasis: { disabled: true }, itemStyle: { borderColor: colours.surface, borderWidth: 2 },
      data: points.filter((one) => one[2] !== null).map((value) => ({ value, label: { color: level(value[2]) > 2 ? colours["on-heat-dark"] : colours["on-heat"] } })),
      label: { show: roomy, fontSize: 12, formatter: ({ value }) => short(value[2], { ...data, sign: "" }) },
    }],
  };
}
