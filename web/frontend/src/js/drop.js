// A form with one file: dropping or pasting a file anywhere on the page chooses it. Without scripts it is chosen as usual.

export function startDrop(root) {
  const form = root.matches?.("form[data-drop]") ? root : root.querySelector?.("form[data-drop]");
  if (!form || form.dataset.ready) return;
  form.dataset.ready = "yes";
  const zone = form.querySelector(".drop");
  for (const kind of ["dragover", "dragenter"]) zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("is-over"); });
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); choose(form, event.dataTransfer.files); });
  document.addEventListener("paste", (event) => { if (form.isConnected) choose(form, event.clipboardData.files); });
}

function choose(form, files) {
  if (!files.length) return;
  const one = new DataTransfer();
  one.items.add(files[0]);
  form.querySelector("input[type=file]").files = one.files;
}
