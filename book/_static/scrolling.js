// A box that scrolls sideways can be reached by keyboard, and says what it is.

{
  const name = (box) => {
    if (box.matches("div.math")) return "Formula";
    if (box.matches(".pst-scrollable-table-container")) return "Table";
    if (box.closest(".error-message")) return "Error message";
    return box.closest(".cell_output") ? "Output" : "Code";
  };
  const mark = ([box, scrolls]) => {
    if (scrolls === (box.tabIndex === 0 && box.role === "group")) return;
    if (scrolls) Object.assign(box, { tabIndex: 0, role: "group", ariaLabel: name(box) });
    else for (const key of ["tabindex", "role", "aria-label"]) box.removeAttribute(key);
  };
  // All are measured before one is changed; what is not laid out yet is measured when it is.
  const laidOut = (box) => box.checkVisibility({ contentVisibilityAuto: true });
  const look = (boxes) => boxes.filter(laidOut).map((box) => [box, box.scrollWidth > box.clientWidth]).forEach(mark);
  const boxes = [...document.querySelectorAll("main :is(pre, div.math, .pst-scrollable-table-container)")];
  const observer = new ResizeObserver((changes) => look(changes.map(({ target }) => target)));
  boxes.forEach((box) => observer.observe(box));
  document.fonts.ready.then(() => look(boxes));
}
