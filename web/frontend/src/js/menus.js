// Menus are <details class="menu">: they work without this. Here they also close on Escape and on a click elsewhere,
// and the box for a reason gets the focus when it opens.

export function startMenus() {
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("toggle", (event) => { if (event.target.open && event.target.matches(".decide-other")) event.target.querySelector("textarea").focus(); }, true);
  document.addEventListener("focusin", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = openMenus().at(-1);
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
    event.stopPropagation();
  });
}

const openMenus = () => [...document.querySelectorAll("details.menu[open]")];

function closeMenus(target) {
  for (const menu of openMenus()) if (!menu.contains(target)) menu.open = false;
}
