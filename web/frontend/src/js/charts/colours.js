// The colours of the page's theme, read from its styles.

const NAMES = [
  "ink", "muted", "rule", "rule-strong", "surface", "raised", "red", "on-accent", "font", "chart-before", "chart-few", "chart-slope",
  "on-heat", "on-heat-dark", ...[1, 2, 3, 4, 5, 6].map((at) => `chart-${at}`), ...[0, 1, 2, 3, 4, 5].map((at) => `heat-${at}`),
];

export function readColours() {
  const styles = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, styles.getPropertyValue(`--${name}`).trim()]));
}

export function colourOf(look, colours) {
  return look === "target" ? colours.red : look === "baseline" ? colours.muted : colours[`chart-${look.replace("series-", "")}`];
}
