// What test_access.py asks of a page: `access.…()` lists the elements that shut a reader out.

globalThis.access = (() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const shown = (node) => node.checkVisibility({ visibilityProperty: true });
  const say = (node, why = "") => `${why} ${node.outerHTML.slice(0, 160)}`.trim();

  // Colours

  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = (color) => {
    const [r, g, b] = rgba(color).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const paper = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (rgba(color)[3] === 255) return color;
    }
    return "Canvas";
  };

  /** How far a word stands out from the paper of another element. */
  const standsOut = (word, other) => contrast(getComputedStyle(word).color, paper(other));

  /** Lines and words of a plot that are too near to the paper's colour. */
  const faint = () => all(".live-figure svg :is(path, circle, text)").filter(shown).flatMap((node) => {
    const s = getComputedStyle(node);
    const inks = [s.stroke, s.fill].filter((ink) => ink !== "none" && rgba(ink)[3]);
    const most = Math.max(...inks.map((ink) => contrast(ink, paper(node.closest("figure")))));
    if (!inks.length) return []; // a place to take hold of
    return most < (node.matches("text") ? 4.5 : 3) ? [say(node, most.toFixed(2))] : [];
  });

  const letters = new Map();

  /** Note how each part of a formula and of a program looks in this theme. */
  const note = () => all("article :is(.katex-mathml, .katex-html, pre) *").forEach((node) => {
    if (node.childElementCount || node.matches("a, [role], [tabindex]")) return;
    const { color, fontSize, fontWeight } = getComputedStyle(node);
    const looks = [color, fontSize, fontWeight];
    for (let at = node; !at.matches(".katex-mathml, .katex-html, pre"); at = at.parentElement) {
      const { backgroundColor, opacity } = getComputedStyle(at);
      looks.push(backgroundColor, opacity);
    }
    letters.set(node, `${letters.get(node) ?? ""}${looks};`);
  });

  const drop = (node, whole) => {
    const around = node.parentElement;
    node.remove();
    if (around !== whole && !around.hasChildNodes()) drop(around, whole);
  };

  /** Of the parts of one formula or program that look the same wherever noted, keep the first. */
  const thin = () => all("article :is(.katex-mathml, .katex-html, pre)").forEach((whole) => {
    const kept = new Set();
    for (const node of all("*", whole)) {
      const looks = letters.get(node);
      if (kept.has(looks)) drop(node, whole);
      else if (looks) kept.add(looks);
    }
  });

  /** Pictures whose width and height do not belong together. */
  const bent = () => all("article img").filter(shown).filter(({ naturalWidth, naturalHeight, width, height }) =>
    Math.abs(naturalWidth * height - naturalHeight * width) > 2 * Math.max(naturalWidth, naturalHeight)).map((node) => say(node));

  // Keys

  const look = (node) => {
    const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(node);
    return { outlineStyle, outlineWidth, outlineColor, boxShadow };
  };
  const stops = new Map();
  const walked = [];

  /** All that Tab should stop at, in order, as they look without focus. */
  const start = () => {
    const can = "a[href], button, input, select, textarea, summary, [tabindex]";
    document.activeElement.blur();
    stops.clear();
    walked.length = 0;
    for (const node of all(can)) {
      const open = node.tabIndex >= 0 && !node.disabled && !node.closest("[inert]");
      if (open && shown(node)) stops.set(node, look(node));
    }
    return [...stops.keys()].map((node) => say(node));
  };

  /** Where the focus is, whether a ring shows it, and whether anything lies over it. */
  const stop = () => {
    const node = document.activeElement;
    if (node === document.body) return null;
    const [before, now] = [stops.get(node) ?? {}, look(node)];
    const changed = (...keys) => keys.some((key) => now[key] !== before[key]);
    const ring = now.outlineStyle !== "none" && parseFloat(now.outlineWidth) >= 2
      && contrast(now.outlineColor, paper(node.parentElement)) >= 3
      && changed("outlineStyle", "outlineWidth", "outlineColor");
    const { left, top, width, height } = node.getBoundingClientRect();
    const shares = [0.1, 0.5, 0.9];
    const seen = shares.some((x) => shares.some((y) => {
      const hit = document.elementFromPoint(left + x * width, top + y * height);
      return node.contains(hit) || hit?.contains(node) && !hit.contains(document.body);
    }));
    return { name: say(node), at: [...stops.keys()].indexOf(node), seen, marked: ring || (now.boxShadow !== "none" && changed("boxShadow")) };
  };

  addEventListener("keydown", ({ key }) => {
    if (key === "Tab") walked.push(stop());
  }, true);

  /** Where the focus was, each time that Tab moved it on. */
  const walk = () => walked.filter(Boolean);

  // Room

  /** Controls smaller than 24 pixels. */
  const small = () => {
    const inside = ".live-figure :is(button, input, select, [role=slider], [role=button], summary)";
    const theme = ":is(button, summary, nav a, .start a, .tools a)";
    return all(`${inside}, ${theme}`).filter(shown).flatMap((node) => {
      const { width, height } = node.getBoundingClientRect();
      return Math.min(width, height) < 24 ? [say(node, `${width} x ${height}`)] : [];
    });
  };

  /** Elements whose words run out of them, or are hidden by their edge. */
  const cut = () => all("body *").flatMap((node) => {
    const s = getComputedStyle(node);
    const meant = node.closest("svg, .katex, .live-unseen, .visually-hidden, [aria-hidden=true]")
      || (s.textOverflow === "ellipsis" && node.closest("[aria-label]")); // its name says it all
    if (meant || s.display === "inline" || !shown(node) || !node.innerText?.trim()) return [];
    const wide = node.scrollWidth > node.clientWidth + 1;
    const high = node.scrollHeight > node.clientHeight + 1;
    const hides = (way) => ["hidden", "clip"].includes(way);
    const hidden = (hides(s.overflowX) && wide) || (hides(s.overflowY) && s.overflowX !== "auto" && high);
    const box = node.matches("button, output, select, .live-name, td, label");
    return hidden || (box && wide && s.overflowX === "visible") ? [say(node)] : [];
  });

  /** Controls and numbers of a figure that lie over each other. */
  const overlapping = () => all("figure.live-figure").flatMap((figure) => {
    const parts = "button, input, select, output, figcaption, .live-name, .live-note";
    const boxes = all(parts, figure)
      .filter((node) => shown(node) && !node.closest(".live-entries, .live-slopes"))
      .map((node) => [node, node.getBoundingClientRect()])
      .filter(([, box]) => box.width && box.height);
    const over = (p, q) => p.left < q.right - 1 && q.left < p.right - 1
      && p.top < q.bottom - 1 && q.top < p.bottom - 1;
    return boxes.flatMap(([a, p], i) => boxes.slice(i + 1)
      .filter(([b, q]) => !a.contains(b) && over(p, q))
      .map(([b]) => `${say(a)} over ${say(b)}`));
  });

  /** How entries that can be chosen look, apart from their colours: chosen ones, and others. */
  const chosen = () => all(".live-figure :is([aria-pressed], [aria-checked])").map((node) => {
    const { borderWidth, outlineStyle, textDecorationLine } = getComputedStyle(node);
    const is = (node.ariaPressed ?? node.ariaChecked) === "true";
    return [is, [borderWidth, outlineStyle, textDecorationLine].join()];
  });

  // Motion and speech

  const moving = new Set();

  /** Note from now on whatever is animated. */
  const watch = () => {
    for (const { effect, playState } of document.getAnimations()) {
      if (playState === "running") moving.add(say(effect.target));
    }
    requestAnimationFrame(watch);
  };

  /** Keep what each figure says from now on. */
  const listen = () => all("figure.live-figure").forEach((figure) => {
    figure.said = [];
    for (const region of all("[aria-live=polite]", figure)) {
      const hear = () => figure.said.push(region.textContent);
      new MutationObserver(hear).observe(region, { childList: true, characterData: true, subtree: true });
    }
  });

  return { standsOut, faint, note, thin, bent, start, stop, walk, small, cut, overlapping, chosen, watch, listen, moved: () => [...moving] };
})();
