// Put into a page before its own scripts: of each pointer move, how long until what it changed has
// been painted, counted from when the page was handed the event (`latency`) and from when the
// pointer moved (`whole`: a browser hands moves over once a frame), and how much of that was the
// page's own scripts (`script`).

(() => {
  const frame = window.requestAnimationFrame.bind(window);
  const listen = EventTarget.prototype.addEventListener;
  const forget = EventTarget.prototype.removeEventListener;
  let [script, depth, sample, tell, changed] = [0, 0, null, null, false];

  /** `f`, its time counted as script, once where one such function calls another. */
  const timed = (f) => function (...given) {
    const start = performance.now();
    depth++;
    try {
      return f.apply(this, given);
    } finally {
      if (!--depth) script += performance.now() - start;
    }
  };

  window.requestAnimationFrame = (f) => frame(timed(f));
  const wrapped = new WeakMap();
  EventTarget.prototype.addEventListener = function (kind, heard, ...how) {
    if (typeof heard !== "function") return listen.call(this, kind, heard, ...how);
    if (!wrapped.has(heard)) wrapped.set(heard, timed(heard));
    return listen.call(this, kind, wrapped.get(heard), ...how);
  };
  EventTarget.prototype.removeEventListener = function (kind, heard, ...how) {
    return forget.call(this, kind, wrapped.get(heard) ?? heard, ...how);
  };

  /** Call `f` when the next frame is done: its layout and paint are over. */
  const afterFrame = (f) => frame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = f;
    port2.postMessage(0);
  });

  const begin = (event) => {
    if (sample || !event.buttons || !tell) return;
    sample = { at: event.timeStamp, heard: performance.now(), frames: 0 };
    [script, changed] = [0, false];
    afterFrame(end);
  };
  const end = () => {
    const { at, heard } = sample;
    const frames = ++sample.frames;
    if (!changed && frames < 12) return afterFrame(end);
    sample = null;
    const now = performance.now();
    tell({ latency: now - heard, whole: now - at, script, frames, changed });
  };
  listen.call(window, "pointermove", begin, true);

  /** Watch an element for what a move changes. */
  window.watch = (node) => {
    new MutationObserver(() => (changed = true)).observe(node, {
      subtree: true, childList: true, characterData: true, attributes: true,
    });
  };
  /** What the next move takes. */
  window.nextMove = () => new Promise((done) => (tell = done));

  /** The same for an image that someone else makes: until the new one is painted. */
  window.nextImage = (node) => new Promise((done, fail) => {
    let [at, heard] = [null, null];
    const hear = (event) => ([at, heard] = [event.timeStamp, performance.now()]);
    listen.call(window, "pointermove", hear, { capture: true, once: true });
    const late = setTimeout(() => fail(new Error("no new image within 10 seconds of a move")), 10_000);
    const shown = async () => {
      const image = node.querySelector("img");
      if (at === null || !image || image.src === node.dataset.shown) return;
      try {
        await image.decode();
      } catch {
        return; // replaced before it was shown
      }
      node.dataset.shown = image.src;
      observer.disconnect();
      clearTimeout(late);
      const end = () => done({ latency: performance.now() - heard, whole: performance.now() - at });
      afterFrame(end);
    };
    const observer = new MutationObserver(shown);
    observer.observe(node, { subtree: true, childList: true, attributeFilter: ["src"] });
  });
})();
