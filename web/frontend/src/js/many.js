// Doing something with many things: the server is asked part by part, so that no request is long and everybody sees how
// far it is. First what would become of each, then, once somebody has seen that, the change of those it would change.

let running = null;

export function startMany() {
  document.addEventListener("click", onClick);
  document.addEventListener("input", forget);
  document.addEventListener("change", forget);
  window.addEventListener("beforeunload", (event) => { if (running?.step === "apply") event.preventDefault(); });
}

// The answer to "preview" says that it is for the script to ask.
export function previewMany(root) {
  const result = root.matches?.("[data-run]") ? root : root.querySelector?.("[data-run]");
  if (!result) return;
  const form = result.closest("form");
  const quiet = result.dataset.run === "quiet";
  result.removeAttribute("data-run");
  if (!quiet) result.focus();
  new Run(form, result, "preview", form.elements.records.value.split(","), quiet).go();
}

function onClick(event) {
  if (!running) return;
  if (event.target.closest("[data-apply]") && running.isComplete()) { event.preventDefault(); running.apply(); }
  if (event.target.closest("[data-resume]")) running.go();
  if (event.target.closest("[data-stop]")) running.stopped = true;
}

// What was previewed speaks of another value once somebody goes on typing, but where it is said why.
function forget(event) {
  if (!event.target.closest?.("[data-asked]") || event.target.closest("[data-later]") || running?.step === "apply") return;
  if (running) running.stopped = running.gone = true;
  document.getElementById("many-result")?.remove();
}

class Run {
  constructor(form, result, step, records, quiet) {
    running = this;
    Object.assign(this, { form, result, step, records, quiet, total: records.length, changed: [], same: 0, refused: 0 });
  }

  find(name) { return this.result.querySelector(`[${name}]`); }

  async go() {
    this.stopped = false;
    this.show();
    const size = Number(this.step === "apply" ? this.form.dataset.sizeDone : this.form.dataset.size);
    while (this.records.length && !this.stopped) {
      const part = this.records.slice(0, size);
      const answer = await this.ask(part);
      if (this.gone) return;
      if (!answer) break;
      this.records = this.records.slice(part.length);
      this.take(answer);
      this.showProgress();
    }
    this.end();
  }

  async ask(part) {
    const body = new FormData(this.form);
    body.set("records", part.join(","));
    body.set("step", this.step);
    // What the network lost may have been done: asked again under the same name, it is answered as the first time.
    if (this.step === "apply") body.set("_action_id", this.action ||= randomName());
    try {
      const answer = await fetch(this.form.dataset.many, { method: "POST", body, redirect: "error" });
      if (!answer.ok) return null;
      const told = await answer.text();
      this.action = null;
      return told;
    } catch { return null; }
  }

  take(answer) {
    const holder = document.createElement("template");
    holder.innerHTML = answer;
    const part = holder.content.querySelector("[data-part]");
    this.changed.push(...part.dataset.changed.split(",").filter(Boolean));
    this.same += Number(part.dataset.same);
    this.refused += part.children.length;
    this.find("data-told").append(...holder.content.querySelector("[data-part-told]").children);
    this.find("data-refusals").append(...part.children);
  }

  // What is asked for only when it is done; while it lacks, the form goes to the server, which says so beside it.
  isComplete() {
    return [...this.form.querySelectorAll("[data-later] :is(input, textarea)")].every((one) => one.value.trim());
  }

  apply() {
    this.step = "apply";
    this.quiet = false;
    this.records = this.changed;
    this.total = this.records.length;
    this.changed = [];
    this.find("data-apply").hidden = true;
    this.find("data-told").replaceChildren();
    this.form.querySelector("[data-asked]").hidden = true;
    this.go();
  }

  show() {
    for (const name of ["data-left", "data-resume", "data-back", "data-none"]) this.find(name).hidden = true;
    this.find("data-progress").hidden = false;
    this.showProgress();
  }

  showProgress() {
    const done = this.total - this.records.length;
    const bar = this.find("data-progress").querySelector("progress");
    bar.max = this.total;
    bar.value = done;
    this.find("data-progress-text").textContent = `${done} / ${this.total}`;
  }

  end() {
    const kind = this.step === "apply" ? "done" : "preview";
    this.find("data-progress").hidden = true;
    this.say(this.find("data-changed"), kind, this.changed.length);
    this.find("data-changed").classList.replace(kind === "done" ? "note-info" : "note-ok", kind === "done" ? "note-ok" : "note-info");
    this.say(this.find("data-refused"), kind, this.refused);
    this.say(this.find("data-same"), "text", this.same);
    this.say(this.find("data-left"), "text", this.records.length);
    this.say(this.find("data-resume"), "text", this.records.length);
    this.find("data-none").hidden = this.changed.length > 0 || this.records.length > 0;
    const apply = this.find("data-apply");
    if (kind === "preview" && !this.records.length) this.say(apply, "text", this.changed.length);
    this.find("data-back").hidden = kind === "preview" && this.changed.length > 0;
    if (kind === "done" && !this.records.length) { running = null; this.find("data-back").focus(); }
    else if (!apply.hidden && !this.quiet) apply.focus();
  }

  say(element, kind, n) {
    element.hidden = !n;
    const words = element.dataset[kind].replace("{n}", n);
    (element.querySelector("strong") || element).textContent = words;
  }
}

function randomName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
