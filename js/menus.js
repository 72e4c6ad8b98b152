// The theme's menus, which it leaves to a library ten times this book's own script: a button opens
// the list beside it, Escape or a click elsewhere closes it. Also what a page may not say inline.

{
  const buttons = [...document.querySelectorAll('[data-bs-toggle="dropdown"]')];
  const open = (button, shown) => {
    button.setAttribute("aria-expanded", String(shown));
    button.nextElementSibling.classList.toggle("show", shown);
  };
  document.addEventListener("click", ({ target }) => {
    for (const button of buttons) open(button, button.contains(target) && button.getAttribute("aria-expanded") !== "true");
    if (target.closest(".btn-download-pdf-button")) print();
  });
  document.addEventListener("keydown", ({ key }) => {
    const shown = buttons.find((button) => button.getAttribute("aria-expanded") === "true");
    if (key !== "Escape" || !shown) return;
    open(shown, false);
    shown.focus();
  });
  document.querySelector(".bd-search-container input")?.focus();
  const lacking = document.getElementById("from-a-folder");
  if (lacking) lacking.hidden = location.protocol !== "file:";
}
