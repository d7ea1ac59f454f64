// Several people or free words: chips with a button each to take them out, and a combobox that adds one. Markup:
// [data-picked=URL] with a list [data-chosen], a template of one chip, and a .picker; with data-free a word that is not on
// the list is added by Enter or a comma.

import { markChanged } from "./form_guard.js";
import { Picker } from "./picker.js";
import { text } from "./texts.js";

export function startPicked(root) {
  const boxes = root.matches?.("[data-picked]") ? [root] : root.querySelectorAll?.("[data-picked]") || [];
  for (const box of boxes) if (!box.dataset.ready) start(box);
}

function start(box) {
  box.dataset.ready = "yes";
  const element = box.querySelector(".picker");
  element.dataset.picker = box.dataset.picked;
  const picker = new ManyPicker(element, box);
  box.addEventListener("click", (event) => { const button = event.target.closest("[data-remove-chosen]"); if (button) picker.takeOut(button.closest("li")); });
}

class ManyPicker extends Picker {
  constructor(element, box) {
    super(element);
    this.box = box;
    this.free = box.hasAttribute("data-free");
    if (!("unread" in this.input.dataset)) this.input.value = "";
    this.chosen = "";
    if (this.free) this.input.name = this.name; // a word being typed is a value itself
    // Before the combobox: an Enter that chooses nothing adds the word, and never sends the form.
    this.input.addEventListener("keydown", (event) => this.onWord(event), true);
    this.input.form?.addEventListener("submit", () => this.addWord());
  }

  choose(value, words) {
    if (value && !this.values().includes(value)) this.add(value, words);
    this.input.value = "";
    if (!this.free) this.settled("");
    this.close();
  }

  add(value, words) {
    const chip = this.box.querySelector("template").content.firstElementChild.cloneNode(true);
    chip.querySelector("[data-name]").textContent = words;
    chip.querySelector("input").value = value;
    chip.querySelector("button").setAttribute("aria-label", text("js.remove", { label: words }));
    this.box.querySelector("[data-chosen]").append(chip);
    this.tell();
  }

  takeOut(chip) {
    chip.remove();
    this.tell();
    this.input.focus();
  }

  tell() {
    markChanged(this.box);
    this.box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  onWord(event) {
    if (event.isComposing) return;
    if (event.key === "Backspace" && !this.input.value) {
      const last = this.box.querySelector("[data-chosen] li:last-child");
      if (last) this.takeOut(last);
      return;
    }
    const ends = event.key === "Enter" ? this.active < 0 : this.free && [",", ";", "，", "、", "；"].includes(event.key);
    if (!ends || (event.key === "Enter" && !this.input.value.trim())) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.addWord();
  }

  addWord() {
    if (!this.free) return;
    for (const word of this.input.value.split(/[,;，、；]/)) {
      const tag = word.trim().replace(/\s+/g, " ").toLowerCase();
      if (tag && !this.values().includes(tag)) this.add(tag, tag);
    }
    this.input.value = "";
    this.close();
  }

  // A suggestion is marked only when somebody steps to it: Enter after a whole new word must not take another one.
  mark(index) {
    super.mark(this.free && index === 0 && this.active < 0 && !this.stepping ? -1 : index);
  }

  step(by) {
    this.stepping = true;
    super.step(by);
    this.stepping = false;
  }

  reset() {
    this.close();
  }

  settle() {
    if (!this.free) { super.settle(); return; }
    clearTimeout(this.timer);
    this.request?.abort();
    this.addWord();
    this.close();
  }

  values() {
    return [...this.box.querySelectorAll("[data-chosen] input")].map((input) => input.value);
  }
}
