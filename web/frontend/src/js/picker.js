// Link picker: an editable combobox with a listbox popup (WAI-ARIA 1.2 pattern). Markup: [data-picker=URL] around a
// hidden input with the value and a text input. The address answers {"items": [{"value", "text", "hint"}], "more": bool}, with
// "note" where there are none. With data-create the last option makes what is not there yet. A text that is not chosen is never dropped: on leaving, what
// is called exactly so, or the only thing that fits, is taken; else the text stays, says that something must be chosen, and is
// sent under its own name, so that a form sent meanwhile brings it back. While something is chosen, only its id is sent.

import { quickCreate } from "./quick_create.js";
import { text } from "./texts.js";

let count = 0;

export function startPickers(root) {
  const pickers = root.matches?.("[data-picker]") ? [root] : root.querySelectorAll?.("[data-picker]") || [];
  for (const element of pickers) if (!element.dataset.ready) new Picker(element);
}

export class Picker {
  constructor(element) {
    element.dataset.ready = "yes";
    this.element = element;
    this.value = element.querySelector("input[type=hidden]");
    this.input = element.querySelector("input:not([type=hidden])");
    this.name = this.input.name;
    this.active = -1;
    this.refused = this.input.hasAttribute("aria-invalid");
    if ("unread" in this.input.dataset) this.chosen = "";
    else this.settled(this.input.value);
    this.list = this.makeList();
    this.input.addEventListener("input", () => { this.input.name = this.name; this.say(""); this.search(this.input.value); });
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
      const answer = await fetch(url, { ...this.asked(), signal: this.request.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      this.show(await answer.json());
    } catch (problem) {
      if (problem.name !== "AbortError") this.note(text("js.failed"));
    }
  }

  // What may be chosen depends on the rest of the form: it goes along as it stands.
  asked() {
    const form = "withForm" in this.element.dataset ? this.element.closest("form") : null;
    return form ? { method: "POST", body: new FormData(form) } : {};
  }

  show({ items, more, note }) {
    if (document.activeElement !== this.input) return;
    this.list.replaceChildren(...items.map((item, index) => this.option(item, index)));
    if (!items.length) this.note(note || text("js.nothing_found"));
    else if (more) this.note(text("js.type_more"), true);
    if (this.element.dataset.create) this.list.append(this.createOption());
    this.open();
    this.mark(this.options().length && this.input.value !== this.chosen ? 0 : -1);
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

  createOption() {
    const option = this.option({ value: "", text: this.element.dataset.createLabel }, "new");
    option.classList.add("picker-create");
    option.setAttribute("aria-selected", "false");
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
    if (event.key === "Enter" && this.input.value !== this.chosen) { // half a word sends no form
      event.preventDefault();
      if (this.active < 0 && this.input.value.trim()) this.leave();
    }
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
    if (option?.classList.contains("picker-create")) this.create();
    else if (option) this.choose(option.dataset.value, option.firstChild.textContent);
  }

  create() {
    const words = this.input.value === this.chosen ? "" : this.input.value.trim();
    this.close();
    quickCreate(this, words);
  }

  choose(value, words) {
    this.value.value = value;
    this.input.value = words;
    this.settled(words);
    this.close();
    this.value.dispatchEvent(new Event("change", { bubbles: true }));
  }

  reset() {
    this.input.value = this.chosen;
    this.settled(this.chosen);
    this.close();
  }

  settled(words) {
    this.chosen = words;
    this.input.removeAttribute("name");
    this.say("");
    this.element.parentElement.querySelector("[data-meant]")?.remove();
  }

  settle() {
    clearTimeout(this.timer);
    this.request?.abort();
    const words = this.input.value.trim();
    this.close();
    if (words === this.chosen) this.reset();
    else if (!words) this.choose("", "");
    else if (!("unread" in this.input.dataset)) this.leave();
  }

  // What was typed is looked up once more: the answer for half of it may be all there was when the box was left.
  async leave() {
    const words = this.input.value.trim();
    const found = await this.lookUp(words);
    if (this.input.value.trim() !== words || words === this.chosen) return;
    const only = found && onlyOne(found, words);
    if (only) { this.choose(only.value, only.text); return; }
    this.input.dataset.unread = words;
    if (this.value.value) { this.value.value = ""; this.value.dispatchEvent(new Event("change", { bubbles: true })); }
    this.say(text(found ? "js.choose_listed" : "js.failed"));
  }

  async lookUp(words) {
    const url = new URL(this.element.dataset.picker, location.href);
    url.searchParams.set("q", words);
    try {
      const answer = await fetch(url, { ...this.asked(), headers: { Accept: "application/json" } });
      return answer.ok ? await answer.json() : null;
    } catch { return null; }
  }

  // The sentence stands under the box and is read out until something is chosen or the box is emptied.
  say(words) {
    const note = this.element.querySelector("[data-unread-note]");
    if (!words) {
      note?.remove();
      delete this.input.dataset.unread;
      if (!this.refused) this.input.removeAttribute("aria-invalid");
      return;
    }
    const line = note || this.element.appendChild(Object.assign(document.createElement("p"), { className: "field-error", role: "alert" }));
    line.dataset.unreadNote = "";
    line.textContent = words;
    this.input.setAttribute("aria-invalid", "true");
  }

  // The list comes into view whole when it opens: near the end of a screen it would lie under the bar at its foot.
  open() {
    const opens = this.list.hidden;
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    if (opens) this.list.scrollIntoView({ block: "nearest" });
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

// The one thing that is called or numbered exactly so, else the only one that fits.
export function onlyOne({ items }, words) {
  const same = items.filter(({ text: name, hint }) => [name, hint].some((one) => one?.toLowerCase() === words.toLowerCase()));
  return same.length === 1 ? same[0] : items.length === 1 ? items[0] : null;
}
