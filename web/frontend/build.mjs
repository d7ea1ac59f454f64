// Builds web/static/dist from src/, the page templates and the packages in package-lock.json.
//
// Enters: src/css, src/js, ../page_templates (scanned for the class names and icons in use).
// Leaves: app-HASH.css, print-HASH.css, app-HASH.js, charts-HASH.js (fetched by pages with charts), icons-HASH.svg, favicon-HASH.svg, each with a .gz and a .br beside it,
// licences.txt, and manifest.json that maps plain names to hashed ones and lists the icons. Fonts are added by subset_fonts.py.
// Must not: reach the network, or leave anything but the fonts from an earlier build behind.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

import esbuild from "esbuild";
import postcss from "postcss";
import { PurgeCSS } from "purgecss";

import { icons as namedIcons } from "./icons.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "..", "static", "dist");
const pages = join(here, "..", "page_templates");
const modules = join(here, "node_modules");
// Plain words in the pages that are also class names of the kit; our own styles draw these pieces.
const wordsThatAreNoClasses = [
  "active", "alert", "avatar", "badge", "card", "col", "empty", "empty-title", "fade", "figure", "footer", "grid", "icon", "lead",
  "legend", "mark", "nav", "page", "placeholder", "progress", "required", "row", "show", "signal", "skip-link", "small", "status",
  "step-item", "steps", "strong", "table", "tag", "timeline", "toast",
].map((word) => new RegExp(`^\\.?${word}$`));
const target = ["es2022", "chrome111", "firefox113", "safari16.4"];

async function build() {
  mkdirSync(dist, { recursive: true });
  for (const name of readdirSync(dist)) if (name !== "fonts") rmSync(join(dist, name), { recursive: true });
  const manifest = {};
  const put = (name, text) => { manifest[name] = write(name, text); };
  put("app.css", await buildStyles());
  put("print.css", await bundle("src/css/print.css"));
  put("app.js", await bundle("src/js/main.js"));
  put("charts.js", await bundle("src/js/charts/main.js", { format: "esm" }));
  const icons = iconsInUse();
  put("icons.svg", buildIcons(icons));
  put("favicon.svg", read(join(here, "src", "favicon.svg")));
  writeFileSync(join(dist, "licences.txt"), collectLicences());
  writeFileSync(join(dist, "manifest.json"), JSON.stringify({ files: manifest, icons }, null, 1));
  for (const [name, file] of Object.entries(manifest)) console.log(name, file, sizes(file));
}

async function buildStyles() {
  const kit = read(join(modules, "@tabler", "core", "dist", "css", "tabler.css"));
  const own = await bundle("src/css/app.css", { minify: false });
  const content = [...templates(), ...scripts()].map((path) => ({ raw: read(path), extension: "html" }));
  const [purged] = await new PurgeCSS().purge({
    content,
    css: [{ raw: kit }],
    keyframes: true,
    blocklist: wordsThatAreNoClasses,
    safelist: { standard: ["disabled", "is-invalid"] },
    defaultExtractor: (text) => text.match(/[A-Za-z0-9_:/-]+/g) || [],
  });
  const both = followSystemTheme(withoutUnusedVariables(`${purged.css}\n${own}`));
  return (await esbuild.transform(both, { loader: "css", minify: true, target })).code;
}

// A theme of "auto" must not need a script: every dark rule is repeated under the system's preference.
function followSystemTheme(css) {
  const sheet = postcss.parse(css);
  const system = postcss.atRule({ name: "media", params: "(prefers-color-scheme: dark)" });
  sheet.walkRules((rule) => {
    if (!rule.selector.includes("[data-bs-theme=dark]") || rule.parent.type !== "root") return;
    const copy = rule.clone();
    copy.selector = rule.selectors
      .filter((selector) => selector.includes("[data-bs-theme=dark]"))
      .map((selector) => selector.replaceAll("[data-bs-theme=dark]", "[data-bs-theme=auto]"))
      .join(",");
    system.append(copy);
  });
  sheet.append(system);
  return sheet.toString();
}

function withoutUnusedVariables(css) {
  const sheet = postcss.parse(css);
  for (let removed = true; removed;) {
    removed = false;
    const used = new Set();
    sheet.walkDecls((decl) => { for (const [, name] of decl.value.matchAll(/var\(\s*(--[\w-]+)/g)) used.add(name); });
    sheet.walkDecls(/^--/, (decl) => { if (!used.has(decl.prop)) { decl.remove(); removed = true; } });
  }
  sheet.walkRules((rule) => { if (!rule.nodes.length) rule.remove(); });
  return sheet.toString();
}

async function bundle(entry, how = {}) {
  const result = await esbuild.build({
    absWorkingDir: here, entryPoints: [entry], bundle: true, minify: true, write: false, target, format: "iife", legalComments: "none", ...how,
  });
  return result.outputFiles[0].text;
}

function buildIcons(names) {
  const symbols = names.map(symbol).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols}</svg>`;
}

function iconsInUse() {
  const found = new Set(namedIcons);
  for (const path of [...templates(), ...scripts()]) {
    for (const [, name] of read(path).matchAll(/\bicon\(\s*["']([a-z0-9-]+)["']/g)) found.add(name);
  }
  return [...found].sort();
}

function symbol(name) {
  const path = join(modules, "@tabler", "icons", "icons", "outline", `${name}.svg`);
  if (!existsSync(path)) throw new Error(`There is no icon named '${name}'.`);
  const inner = read(path).replace(/<!--[\s\S]*?-->/g, "").match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1];
  const body = inner.replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "").replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${body}</symbol>`;
}

function collectLicences() {
  const packages = ["@tabler/core", "@tabler/icons", "htmx.org", "echarts", "zrender", "tslib", "@expo-google-fonts/noto-sans-sc"];
  return packages.map(licence).join("\n");
}

function licence(name) {
  const folder = join(modules, name);
  const { version, license } = JSON.parse(read(join(folder, "package.json")));
  const files = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isFile() && /^licen[cs]e/i.test(one.name)).map((one) => one.name).sort();
  const texts = files.map((file) => read(join(folder, file)).trim());
  return [`${"=".repeat(78)}\n${name} ${version} (${license})`, ...texts, ""].join("\n\n");
}

function write(name, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 10);
  const file = name.replace(/\.(\w+)$/, `-${hash}.$1`);
  writeFileSync(join(dist, file), text);
  writeFileSync(join(dist, `${file}.gz`), gzipSync(text, { level: 9 }));
  writeFileSync(join(dist, `${file}.br`), brotliCompressSync(text));
  return file;
}

function sizes(file) {
  const length = (path) => (readFileSync(path).length / 1024).toFixed(1);
  return `${length(join(dist, file))} KB, ${length(join(dist, `${file}.br`))} KB compressed`;
}

const read = (path) => readFileSync(path, "utf8");
const templates = () => list(pages, ".html");
const scripts = () => list(join(here, "src", "js"), ".js");

function list(folder, ending) {
  return readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(ending)).map((name) => join(folder, name)).sort();
}

await build();
