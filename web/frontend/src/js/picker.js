// Link picker: an editable combobox with a listbox popup (WAI-ARIA 1.2 pattern). Markup: [data-picker=URL] around a
// hidden input with the value and a text input. The address answers {"items": [{"value", "text", "hint"}], "more": bool}.

import { text } from "./texts.js";

let count = 0;

export function startPickers(root) {
  const pickers = root.matches?.("[data-picker]") ? [root] : root.querySelectorAll?.("[data-picker]") || [];
  for (const element of pickers) if (!element.dataset.ready) new Picker(element);
}

class Picker {
  constructor(element) {
    element.dataset.ready = "yes";
    this.element = element;
    this.value = element.querySelector("input[type=hidden]");
    this.input = element.querySelector("input:not([type=hidden])");
    this.chosen = this.input.value;
    this.active = -1;
    this.list = this.makeList();
    this.input.addEventListener("input", () => this.search(this.input.value));
    this.input.addEventListener("click", () => this.search(""));
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => this.settle());
    element.querySelector("[data-clear]")?.addEventListener("click", () => { this.choose("", ""); this.input.focus(); });
  }

  makeList() {
    const list = document.createElement("ul");
    list.id = `picker-${count += 1}`;
    list.className = "picker-list";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", text("js.options"));
    list.hidden = true;
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => this.take(event.target.closest("[role=option]")));
    this.input.setAttribute("aria-controls", list.id);
    this.element.append(list);
    return list;
  }

  search(words) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(words), this.list.hidden && !words ? 0 : 150);
  }

  async ask(words) {
    this.request?.abort();
    this.request = new AbortController();
    const url = new URL(this.element.dataset.picker, location.href);
    url.searchParams.set("q", words.trim());
    try {
      const answer = await fetch(url, { signal: this.request.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      this.show(await answer.json());
    } catch (problem) {
      if (problem.name !== "AbortError") this.note(text("js.failed"));
    }
  }

  show({ items, more }) {
    if (document.activeElement !== this.input) return;
    this.list.replaceChildren(...items.map((item, index) => this.option(item, index)));
    if (!items.length) this.note(text("js.nothing_found"));
    else if (more) this.note(text("js.type_more"), true);
    this.open();
    this.mark(items.length && this.input.value !== this.chosen ? 0 : -1);
  }

  option(item, index) {
    const option = document.createElement("li");
    option.id = `${this.list.id}-${index}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(item.value === this.value.value));
    option.dataset.value = item.value;
    const name = document.createElement("span");
    name.textContent = item.text;
    option.append(name);
    if (item.hint) {
      const hint = document.createElement("small");
      hint.textContent = item.hint;
      option.append(hint);
    }
    return option;
  }

  note(words, keep = false) {
    const line = document.createElement("li");
    line.className = "picker-note";
    line.setAttribute("role", "presentation");
    line.textContent = words;
    if (!keep) this.list.replaceChildren();
    this.list.append(line);
    this.open();
  }

  onKey(event) {
    const act = { ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1), Enter: () => this.take(this.options()[this.active]), Escape: () => this.reset() }[event.key];
    if (!act || (this.list.hidden && event.key !== "ArrowDown") || (event.key === "Enter" && this.active < 0)) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  step(by) {
    if (this.list.hidden) { this.ask(""); return; }
    const total = this.options().length;
    if (total) this.mark((this.active + by + total) % total);
  }

  mark(index) {
    this.active = index;
    this.options().forEach((option, at) => option.classList.toggle("is-active", at === index));
    const option = this.options()[index];
    if (option) { this.input.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); }
    else this.input.removeAttribute("aria-activedescendant");
  }

  take(option) {
    if (option) this.choose(option.dataset.value, option.firstChild.textContent);
  }

  choose(value, words) {
    this.value.value = value;
    this.input.value = words;
    this.chosen = words;
    this.close();
    this.value.dispatchEvent(new Event("change", { bubbles: true }));
  }

  reset() {
    this.input.value = this.chosen;
    this.close();
  }

  // Leaving with an emptied box clears the link; leaving with half a word goes back to what was chosen.
  settle() {
    clearTimeout(this.timer);
    this.request?.abort();
    if (this.input.value.trim() === "" && this.value.value) this.choose("", "");
    else this.reset();
  }

  open() {
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
  }

  close() {
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }
}
