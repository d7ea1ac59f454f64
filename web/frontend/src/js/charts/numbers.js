// Short texts at the axes; exact ones come from the server. The same rules as engine/drawing/charts/scale.py.

const LARGE = { zh: [[1e8, "亿"], [1e4, "万"]], en: [[1e9, "B"], [1e6, "M"], [1e3, "k"]] };

const TIMES = { zh: { minutes: "分", hours: "时", days: "天" }, en: { minutes: "m", hours: "h", days: "d" } };

export function short(value, { unit, language, sign }) {
  if (unit === "percent") return `${plain(value * 100)}%`;
  const [size, ending] = (LARGE[language] || LARGE.en).find(([least]) => Math.abs(value) >= least) || [1, ""];
  return `${value < 0 ? "-" : ""}${unit === "money" ? sign : ""}${plain(Math.abs(value) / size)}${ending}${(TIMES[language] || TIMES.en)[unit] || ""}`;
}

function plain(value) {
  return String(Math.round(value * 100) / 100);
}
