// A signature: drawn with finger, pen or mouse, or made from the name typed. It becomes a PNG that goes up like any other
// file, through the upload zone beside it. Markup: [data-signature] with [data-pad] and an upload zone.

import { text } from "./texts.js";
import { send } from "./uploads.js";

const INK = "#1a1a1a";

export function startSignatures(root) {
  const all = root.matches?.("[data-signature]") ? [root] : root.querySelectorAll?.("[data-signature]") || [];
  for (const element of all) if (!element.dataset.ready) new Signature(element);
}

class Signature {
  constructor(element) {
    element.dataset.ready = "yes";
    this.element = element;
    this.canvas = element.querySelector("[data-canvas]");
    this.typed = element.querySelector("[data-typed]");
    this.pen = this.canvas.getContext("2d");
    element.querySelector("[data-pad]").hidden = false;
    element.classList.add("has-pad");
    this.clear();
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.draw(event));
    for (const kind of ["pointerup", "pointercancel"]) this.canvas.addEventListener(kind, () => { this.last = null; });
    this.typed.addEventListener("input", () => this.write(this.typed.value.trim()));
    this.typed.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); this.use(); } });
    element.querySelector("[data-clear]").addEventListener("click", () => { this.typed.value = ""; this.clear(); });
    element.querySelector("[data-use]").addEventListener("click", () => this.use());
  }

  clear() {
    this.signed = false;
    this.pen.fillStyle = "#ffffff";
    this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.say("");
  }

  begin(event) {
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.point(event);
    this.draw(event);
  }

  draw(event) {
    if (!this.last) return;
    const next = this.point(event);
    Object.assign(this.pen, { strokeStyle: INK, lineWidth: 3, lineCap: "round", lineJoin: "round" });
    this.pen.beginPath();
    this.pen.moveTo(this.last.x, this.last.y);
    this.pen.lineTo(next.x, next.y);
    this.pen.stroke();
    this.last = next;
    this.signed = true;
    this.say("");
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * this.canvas.width / box.width, y: (event.clientY - box.top) * this.canvas.height / box.height };
  }

  write(name) {
    this.clear();
    if (!name) return;
    Object.assign(this.pen, { fillStyle: INK, font: "italic 72px 'KaiTi', 'STKaiti', cursive", textAlign: "center", textBaseline: "middle" });
    this.pen.fillText(name, this.canvas.width / 2, this.canvas.height / 2, this.canvas.width - 40);
    this.signed = true;
  }

  use() {
    if (!this.signed) { this.say(text("js.sign_first")); return; }
    this.canvas.toBlob((picture) => {
      const file = new File([picture], `${text("js.signature_name")}.png`, { type: "image/png" });
      send(this.element.querySelector("[data-upload]"), [file]);
    }, "image/png");
  }

  say(words) {
    this.element.querySelector("[data-said]").textContent = words;
  }
}
