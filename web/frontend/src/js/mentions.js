// Naming people in a remark: "@" and a few letters offer those who may see it. Markup: textarea[data-mention=URL]; the
// address answers {"items": [{"value", "text", "hint"}]}. Whom was chosen goes along as hidden inputs named people.

import { text } from "./texts.js";

const NAMED = /(?:^|\s|[，。；：！？,;:!?])@([^\s@]{0,20})$/;

export function startMentions() {
  for (const area of document.querySelectorAll("textarea[data-mention]")) new Mentions(area);
}

class Mentions {
  constructor(area) {
    this.area = area;
    this.active = -1;
    this.list = document.createElement("ul");
    Object.assign(this.list, { id: "mentions", className: "picker-list", hidden: true });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", text("js.mention"));
    const box = document.createElement("div");
    box.className = "mention-box";
    area.before(box);
    box.append(area, this.list);
    for (const [name, value] of [["aria-haspopup", "listbox"], ["aria-controls", "mentions"], ["aria-autocomplete", "list"]]) area.setAttribute(name, value);
    area.addEventListener("input", () => this.ask());
    area.addEventListener("keydown", (event) => this.onKey(event));
    area.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => { event.preventDefault(); this.take(event.target.closest("[role=option]")); });
  }

  wanted() {
    return NAMED.exec(this.area.value.slice(0, this.area.selectionStart));
  }

  ask() {
    clearTimeout(this.timer);
    const found = this.wanted();
    if (!found) { this.close(); return; }
    this.timer = setTimeout(() => this.fetch(found[1]), 150);
  }

  async fetch(letters) {
    const url = new URL(this.area.dataset.mention, location.href);
    url.searchParams.set("q", letters);
    const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || !this.wanted()) { this.close(); return; }
    const { items } = await answer.json();
    this.list.replaceChildren(...items.map((item, at) => this.option(item, at)));
    this.list.hidden = !items.length;
    this.mark(items.length ? 0 : -1);
  }

  option(item, at) {
    const option = document.createElement("li");
    option.id = `mention-${at}`;
    option.setAttribute("role", "option");
    option.dataset.value = item.value;
    const name = document.createElement("span");
    name.textContent = item.text;
    const hint = document.createElement("small");
    hint.textContent = item.hint;
    option.append(name, hint);
    return option;
  }

  onKey(event) {
    if (this.list.hidden || event.isComposing) return;
    const count = this.list.children.length;
    const act = {
      ArrowDown: () => this.mark((this.active + 1) % count),
      ArrowUp: () => this.mark((this.active - 1 + count) % count),
      Enter: () => this.take(this.list.children[this.active]),
      Tab: () => this.take(this.list.children[this.active]),
      Escape: () => this.close(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  mark(at) {
    this.active = at;
    [...this.list.children].forEach((one, index) => {
      one.classList.toggle("is-active", index === at);
      one.setAttribute("aria-selected", String(index === at));
    });
    if (at < 0) this.area.removeAttribute("aria-activedescendant");
    else this.area.setAttribute("aria-activedescendant", this.list.children[at].id);
  }

  take(option) {
    const found = this.wanted();
    if (!option || !found) return;
    const end = this.area.selectionStart;
    this.area.setRangeText(`${option.firstChild.textContent} `, end - found[1].length, end, "end");
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name: "people", value: option.dataset.value });
    this.area.form.append(input);
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    this.list.hidden = true;
    this.mark(-1);
  }
}
