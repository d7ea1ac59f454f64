// What is said of a point under the pointer: elements made out of texts, never markup.

export function tip({ title, rows }) {
  const box = document.createElement("div");
  box.className = "chart-tip";
  box.append(made("strong", title));
  for (const { label, said, n } of rows) {
    const row = document.createElement("p");
    row.append(made("span", label), made("strong", said), made("small", n === null || n === undefined ? "" : `n=${n}`));
    box.append(row);
  }
  return box;
}

function made(tag, said) {
  const element = document.createElement(tag);
  element.textContent = said;
  return element;
}
