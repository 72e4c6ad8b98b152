// What a page does beside reading: colours, search by key, contents that follow, boxes that scroll.

{
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Colours: the device's, light, dark, in turn.
  const MODES = ["auto", "light", "dark"];
  const NAMES = { auto: "as the device", light: "light", dark: "dark" };
  const colours = document.querySelector(".colours");
  const mode = () => root.dataset.theme ?? "auto";
  const label = () => colours.setAttribute("aria-label", `Colours: ${NAMES[mode()]}`);
  colours.addEventListener("click", () => {
    const next = MODES[(MODES.indexOf(mode()) + 1) % MODES.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    label();
    try {
      localStorage.setItem("mode", next);
    } catch {
      // Storage is refused: the choice holds for this page.
    }
  });
  label();

  document.querySelector(".print")?.addEventListener("click", () => print());

  // Search: Ctrl+K, or the page that searches where there is no room for the field.
  const field = document.querySelector(".bar [type=search]");
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    const here = all("[type=search]").find((input) => input.checkVisibility());
    if (here) here.select();
    else location.assign(field.form.action);
  });
  document.querySelector("form.here input")?.focus();
  const lacking = document.getElementById("from-a-folder");
  if (lacking) lacking.hidden = location.protocol !== "file:";
  for (const found of all("details:not([open]) .highlighted")) found.closest("details").open = true;

  // The chapters' list shows where it is; a list that lies over the page goes once it was used.
  const chapters = document.getElementById("chapters");
  const current = chapters.querySelector("[aria-current]");
  if (current) chapters.scrollTop = current.offsetTop - chapters.clientHeight / 2;
  for (const list of all("nav[popover]")) {
    list.addEventListener("click", ({ target }) => {
      if (target.closest("a") && list.matches(":popover-open")) list.hidePopover();
    });
  }

  // The contents mark the section that a reader is in: the last to begin above a line.
  const LINE = 0.3; // of the window's height
  const contents = document.getElementById("contents");
  const entries = all("#contents a[href^='#']").flatMap((link) => {
    const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    return section ? [{ link, section }] : [];
  });
  let marked = null;
  const follow = () => {
    const began = entries.filter(({ section }) => section.getBoundingClientRect().top <= innerHeight * LINE);
    const link = began.at(-1)?.link ?? null;
    if (link === marked) return;
    marked?.removeAttribute("aria-current");
    marked = link;
    if (!marked) return;
    marked.setAttribute("aria-current", "true");
    const { offsetTop, offsetHeight } = marked;
    const hidden = offsetTop < contents.scrollTop || offsetTop + offsetHeight > contents.scrollTop + contents.clientHeight;
    if (hidden) contents.scrollTop = offsetTop - contents.clientHeight / 2;
  };
  if (entries.length) {
    let asked = 0;
    const soon = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(follow);
    };
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    soon();
  }

  // A box that scrolls sideways can be reached by keyboard, and says what it is.
  const name = (box) => {
    if (box.matches("div.math")) return "Formula";
    if (box.matches(".table-box")) return "Table";
    if (box.closest(".error-message")) return "Error message";
    return box.closest(".cell_output") ? "Output" : "Code";
  };
  const mark = ([box, scrolls]) => {
    if (scrolls === (box.tabIndex === 0 && box.role === "group")) return;
    if (scrolls) Object.assign(box, { tabIndex: 0, role: "group", ariaLabel: name(box) });
    else for (const key of ["tabindex", "role", "aria-label"]) box.removeAttribute(key);
  };
  const look = (boxes) => boxes.map((box) => [box, box.scrollWidth > box.clientWidth]).forEach(mark);
  const boxes = all("main :is(pre, div.math, .table-box)");
  const observer = new ResizeObserver((changes) => look(changes.map(({ target }) => target)));
  for (const box of boxes) observer.observe(box);
  document.fonts.addEventListener("loadingdone", () => look(boxes));
}
