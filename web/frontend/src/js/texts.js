// The few texts scripts need, put into the page by the server in the reader's language.

const texts = JSON.parse(document.getElementById("texts")?.textContent || "{}");

export function text(key, params = {}) {
  return Object.entries(params).reduce((out, [name, value]) => out.replaceAll(`{${name}}`, value), texts[key] || key);
}
