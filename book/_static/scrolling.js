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
  let [timer, next] = [0, 0];
  const onward = () => {
    look(boxes.slice(next, ++next));
    if (next < boxes.length) timer = setTimeout(onward, 20);
  };
  const stop = () => clearTimeout(timer);
  const rest = () => {
    stop();
    if (next < boxes.length) timer = setTimeout(onward, 5000);
  };
  addEventListener("resize", () => {
    next = 0;
    rest();
  });
  addEventListener("pointerdown", stop); // what is dragged does not wait for it
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, rest);
  rest();
}
