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
  // All are measured before one is changed; what is far away, when it comes near or the page is at rest.
  const look = (boxes) => boxes.map((box) => [box, box.scrollWidth > box.clientWidth]).forEach(mark);
  const near = (boxes) => look(boxes.filter((box) => box.checkVisibility({ contentVisibilityAuto: true })));
  const boxes = [...document.querySelectorAll("main :is(pre, div.math, .pst-scrollable-table-container)")];
  const observer = new ResizeObserver((changes) => near(changes.map(({ target }) => target)));
  boxes.forEach((box) => observer.observe(box));
  document.fonts.addEventListener("loadingdone", () => near(boxes));
  let timer;
  const onward = (i) => {
    look(boxes.slice(i, i + 1));
    if (i < boxes.length) timer = setTimeout(onward, 20, i + 1);
  };
  const rest = () => {
    clearTimeout(timer);
    timer = setTimeout(onward, 5000, 0);
  };
  addEventListener("resize", rest);
  rest();
}
