// A board: a card dragged to another stage, or sent there from its menu, opens the dialog of the move that leads there.
// The server says which move that is and what it still needs; a drop that leads nowhere is answered in one sentence.

import htmx from "htmx.org";

import { text } from "./texts.js";
import { showToast } from "./toasts.js";

export function startBoard() {
  const board = document.querySelector("[data-board]");
  if (!board) return;
  showFirstCard(board);
  let card = null;
  board.addEventListener("dragstart", (event) => {
    card = event.target.closest("[data-card]");
    if (!card) return;
    card.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", card.dataset.card);
  });
  board.addEventListener("dragend", () => { card?.classList.remove("is-dragged"); mark(null); card = null; });
  board.addEventListener("dragover", (event) => {
    const stage = event.target.closest("[data-stage]");
    if (!card || !stage || stage.dataset.stage === card.dataset.from) return;
    event.preventDefault();
    mark(stage);
  });
  board.addEventListener("drop", (event) => {
    const stage = event.target.closest("[data-stage]");
    if (!card || !stage) return;
    event.preventDefault();
    ask(`${card.dataset.card}/to/${stage.dataset.stage}${location.search}`);
  });
  board.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-board-to]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.closest("details").open = false;
    ask(link.href);
  });
}

// On a narrow screen the first stages may be empty: begin at the first that holds something.
function showFirstCard(board) {
  const column = board.querySelector("[data-card]")?.closest("[data-stage]");
  if (column && column.getBoundingClientRect().right > board.getBoundingClientRect().right) board.scrollLeft = column.offsetLeft;
}

function mark(stage) {
  for (const one of document.querySelectorAll("[data-stage].is-target")) if (one !== stage) one.classList.remove("is-target");
  stage?.classList.add("is-target");
}

async function ask(url) {
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true" } });
    const said = await answer.text();
    if (!answer.ok) throw new Error(answer.status);
    if (answer.headers.get("Content-Type").startsWith("text/plain")) return showToast({ text: said, kind: "error" });
    const dialog = document.getElementById("dialog");
    htmx.swap("#dialog-body", said, { swapStyle: "innerHTML" });
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("input:not([type=hidden]), textarea, .btn-primary")?.focus();
  } catch {
    showToast({ text: text("js.failed"), kind: "error" });
  }
  return undefined;
}
