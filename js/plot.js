// A small SVG plotting core: two axes, linear or logarithmic, curves with gaps, lines, dots, and
// direct labels that look for a free place. Everything is in CSS pixels, so text keeps its size.

import { power, write } from "./controls.js";

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, parent = null) {
  const node = document.createElementNS(SVG, tag);
  set(node, attributes);
  parent?.append(node);
  return node;
}

export function set(node, attributes) {
  for (const key in attributes) {
    const value = String(attributes[key]);
    if (node.getAttribute(key) !== value) node.setAttribute(key, value);
  }
}

/** The largest of 1, 2, 5 times a power of ten that is at most `value` > 0. */
export function niceBelow(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const lead = value / power + 1e-9;
  return (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
}

/** The smallest of 1, 2, 5 times a power of ten that is at least `value` > 0. */
export function niceAbove(value) {
  const nice = niceBelow(value);
  if (nice >= value * (1 - 1e-9)) return nice;
  return nice * (Math.round(nice / 10 ** Math.floor(Math.log10(nice) + 1e-9)) === 2 ? 2.5 : 2);
}

/** How many decimals a multiple of `step` needs. */
export function decimalsOf(step) {
  return Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

/** Round to the nearest multiple of `step`, without the dust of binary fractions. */
export function snap(value, step) {
  const decimals = decimalsOf(step);
  return Number((Math.round(value / step) * step).toFixed(decimals));
}

function ticks(low, high, count) {
  const step = niceAbove((high - low) / Math.max(1, count));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    found.push(snap(i * step, step));
  }
  return { step, found };
}

function tickText(value, step) {
  const far = Math.abs(value) >= 1e6 || (value !== 0 && step < 1e-5);
  const text = far ? String(Number(value.toPrecision(3)).toExponential()) : value.toFixed(decimalsOf(step));
  return text.replace("e+", "e").replaceAll("-", "−");
}

const LINEAR = {
  to: (value) => value,
  from: (place) => place,
  /** What stands beside the axis from `low` to `high`, about `count` times. */
  marks(low, high, count) {
    const { step, found } = ticks(low, high, count);
    return found.map((value) => ({ value, text: tickText(value, step) }));
  },
};

/** Each power of ten, or each second, fourth, …: as many as there is room for, 1 among them. */
const LOGARITHMIC = {
  to: Math.log10,
  from: (place) => 10 ** place,
  marks(low, high, count) {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const step = [1, 2, 4, 8, 20, 50, 100, 200].find((s) => (last - first) / s <= count) ?? 400;
    const found = [];
    for (let k = Math.ceil(first / step) * step; k <= last; k += step) found.push({ value: 10 ** k, text: power(k) });
    return found;
  },
};

const MARGIN = { top: 26, right: 14, bottom: 26, left: 46 };
const FAR = 1e5; // pixels; beyond this SVG renderers lose their way

const share = ({ to }, value, low, high) => (to(value) - to(low)) / (to(high) - to(low));

/** Lay below a layer what is not seen and larger: what moves then changes no bounds, and the browser need not sort its layers anew. */
export function pane(layer) {
  layer.prepend(svg("rect", { class: "live-pane", x: "-5000%", y: "-5000%", width: "10100%", height: "10100%" }));
}

export class Plot {
  /** An SVG image in `host`; `yName` stands above the vertical axis. `log` names axes: "x", "xy". */
  constructor(host, yName, { log = "" } = {}) {
    this.across = log.includes("x") ? LOGARITHMIC : LINEAR;
    this.up = log.includes("y") ? LOGARITHMIC : LINEAR;
    this.node = svg("svg", { class: "live-plot", role: "img", focusable: "false" }, host);
    this.grid = svg("g", { class: "live-grid", "aria-hidden": "true" }, this.node);
    this.inside = svg("svg", { overflow: "hidden", "aria-hidden": "true" }, this.node);
    this.over = svg("g", { "aria-hidden": "true" }, this.node);
    for (const layer of [this.node, this.inside, this.over]) pane(layer);
    this.yName = svg("text", { class: "live-axis-name", x: 4, y: 14 }, this.over);
    this.yName.textContent = yName;
    this.domain = [log.includes("x") ? 0.1 : 0, 1, log.includes("y") ? 0.1 : 0, 1];
    this.labels = [];
    this.resize(560, 320);
  }

  resize(width, height) {
    if (width === this.width && height === this.height) return false;
    Object.assign(this, { width, height });
    this.inner = { left: MARGIN.left, top: MARGIN.top };
    this.inner.width = Math.max(40, width - MARGIN.left - MARGIN.right);
    this.inner.height = Math.max(40, height - MARGIN.top - MARGIN.bottom);
    set(this.node, { width, height, viewBox: `0 0 ${width} ${height}` });
    const { left: x, top: y, width: w, height: h } = this.inner;
    set(this.inside, { x, y, width: w, height: h });
    this.drawAxes();
    return true;
  }

  /** Show x from x0 to x1 and y from y0 to y1. */
  setDomain(x0, x1, y0, y1) {
    if (this.domain.every((v, i) => v === [x0, x1, y0, y1][i])) return;
    this.domain = [x0, x1, y0, y1];
    this.drawAxes();
  }

  x(value) {
    return share(this.across, value, this.domain[0], this.domain[1]) * this.inner.width;
  }

  y(value) {
    const height = share(this.up, value, this.domain[2], this.domain[3]);
    return Math.max(-FAR, Math.min(FAR, (1 - height) * this.inner.height));
  }

  /** The x and y that a pointer event points at, inside the frame. */
  at(event) {
    const box = this.node.getBoundingClientRect();
    const { left, top, width, height } = this.inner;
    const [x0, x1, y0, y1] = this.domain;
    const between = ({ to, from }, low, high, part) => {
      const inside = Math.max(0, Math.min(1, part));
      return from(to(low) + inside * (to(high) - to(low)));
    };
    const across = ((event.clientX - box.left) / (box.width || 1)) * this.width - left;
    const down = ((event.clientY - box.top) / (box.height || 1)) * this.height - top;
    return [between(this.across, x0, x1, across / width), between(this.up, y1, y0, down / height)];
  }

  drawAxes() {
    const { top, height } = this.inner;
    const [x0, x1, y0, y1] = this.domain;
    const up = this.up.marks(y0, y1, Math.max(2, Math.floor(height / 48)));
    const left = Math.max(MARGIN.left, 12 + 7 * Math.max(0, ...up.map((mark) => mark.text.length)));
    const width = Math.max(40, this.width - left - MARGIN.right);
    const holder = this.node.parentElement.parentElement;
    if (holder && left !== this.axis) {
      holder.style.setProperty("--live-axis", `${left - 8}px`);
      this.axis = left;
    }
    Object.assign(this.inner, { left, width });
    set(this.inside, { x: left, width });
    this.marks ??= { line: [], text: [] };
    const used = { line: 0, text: 0 };
    const next = (tag, attributes) => {
      const node = (this.marks[tag][used[tag]++] ??= svg(tag, {}, this.grid));
      set(node, attributes);
      return node;
    };
    const line = (attributes) => next("line", attributes);
    const text = (attributes, words) => write(next("text", attributes), words);
    for (const { value, text: words } of up) {
      const y = top + this.y(value);
      line({ x1: left, x2: left + width, y1: y, y2: y, class: value === 0 ? "live-zero" : "" });
      text({ x: left - 8, y: y + 4, "text-anchor": "end" }, words);
    }
    const foot = top + height;
    for (const { value, text: words } of this.across.marks(x0, x1, Math.max(2, Math.floor(width / 70)))) {
      const x = left + this.x(value);
      line({ x1: x, x2: x, y1: foot, y2: foot + 5, class: "live-tick" });
      text({ x, y: foot + 19, "text-anchor": "middle" }, words);
    }
    if (this.y(0) < 0.85 * height || this.y(0) > height) line({ x1: left, x2: left + width, y1: foot, y2: foot, class: "live-tick" });
    for (const tag in used) for (const node of this.marks[tag].splice(used[tag])) node.remove();
  }

  path(name) {
    return svg("path", { class: name, fill: "none" }, this.inside);
  }

  dot(name, r) {
    return svg("circle", { class: name, r }, this.inside);
  }

  /** Draw points in order; one that is not finite leaves a gap. */
  curve(path, xs, ys) {
    set(path, { d: this.lines(xs.map((x, i) => [this.x(x), Number.isFinite(ys[i]) ? this.y(ys[i]) : NaN])) });
  }

  /** Lines from pixel to pixel, cut off around the frame: the dashes of a line that leaves it for long are slow to paint. */
  lines(pixels) {
    const { width, height } = this.inner;
    const near = (pixel) => Math.abs(pixel[0] - width / 2) <= width && Math.abs(pixel[1] - height / 2) <= height;
    const text = (pixel) => `${pixel[0].toFixed(2)} ${pixel[1].toFixed(2)}`;
    let d = "";
    let end = null;
    let last = "";
    for (let i = 1; i < pixels.length; i++) {
      let a = pixels[i - 1];
      let b = pixels[i];
      if (!near(a) || !near(b)) [a, b] = this.cut(a, b) ?? [];
      if (!b) continue;
      const next = text(b);
      if (a !== end) d += `M${text(a)}L${next}`;
      else if (next !== last) d += `L${next}`;
      end = b;
      last = next;
    }
    return d;
  }

  /** What lies within half a frame of the frame, of the line between two pixels; null if nothing. After Liang and Barsky (1984). */
  cut(from, to) {
    let [first, last] = [0, 1];
    for (const axis of [0, 1]) {
      const size = axis ? this.inner.height : this.inner.width;
      const [low, high, start, way] = [-size / 2, 1.5 * size, from[axis], to[axis] - from[axis]];
      if (!Number.isFinite(way)) return null;
      if (!way && start >= low && start <= high) continue;
      const [one, other] = way > 0 ? [low, high] : [high, low];
      first = Math.max(first, (one - start) / way);
      last = Math.min(last, (other - start) / way);
      if (!(first <= last)) return null;
    }
    const at = (share) => (share === 0 ? from : share === 1 ? to : from.map((v, axis) => v + share * (to[axis] - v)));
    return [at(first), at(last)];
  }

  /** Draw the whole line through (x, y) with `slope`, or nothing where that is not finite. */
  line(path, x, y, slope) {
    const [x0, x1] = this.domain;
    const ends = [y + slope * (x0 - x), y + slope * (x1 - x)];
    if (!ends.every(Number.isFinite)) return set(path, { d: "" });
    set(path, { d: this.segment(x, y, slope) });
  }

  segment(x, y, slope) {
    // Cut at the frame ourselves: a steep line's ends lie too far off to be drawn from.
    const [x0, x1, y0, y1] = this.domain;
    const reach = slope ? (y1 - y0 + Math.abs(y - y0) + Math.abs(y - y1)) / Math.abs(slope) : Infinity;
    const a = Math.max(x0, x - reach);
    const b = Math.min(x1, x + reach);
    const at = (v) => `${this.x(v).toFixed(2)} ${this.y(y + slope * (v - x)).toFixed(2)}`;
    return `M${at(a)}L${at(b)}`;
  }

  put(dot, x, y) {
    const shown = Number.isFinite(x) && Number.isFinite(y);
    set(dot, shown ? { cx: this.x(x), cy: this.y(y), visibility: "visible" } : { visibility: "hidden" });
  }

  /** A word that names a line: `at(px)` is the line's height there, or NaN. */
  label(name, words) {
    const node = svg("text", { class: `live-label ${name}`, "text-anchor": "middle" }, this.over);
    node.textContent = words;
    const label = { node, at: () => NaN, size: words.length * 7.2, place: -1 };
    this.labels.push(label);
    return label;
  }

  /** Put each label beside its line where it covers least; `dots` are [px, py] to keep clear. */
  placeLabels(dots) {
    const { width, height, left, top } = this.inner;
    const taken = dots.map(([x, y]) => [x - 12, x + 12, y - 12, y + 12]);
    for (const label of this.labels) {
      const half = label.size / 2 + 2;
      let best = null;
      for (let i = 0; i < 44; i++) {
        const x = half + ((width - 2 * half) * (i >> 1)) / 21;
        const own = label.at(x);
        if (!Number.isFinite(own)) continue;
        const rise = (label.at(x + 6) - label.at(x - 6)) / 12 || 0;
        const long = Math.hypot(rise, 1);
        const away = ((half - 2) * Math.abs(rise) + 8) / long + 4; // so far that the word just clears the line
        const side = i & 1 ? away : -away;
        const [cx, cy] = [x - (side * rise) / long, own + side / long];
        const box = [cx - half, cx + half, cy - 9, cy + 9];
        if (box[0] < 0 || box[1] > width || box[2] < 0 || box[3] > height) continue;
        let cost = (i === label.place ? -6 : 0) + 3 * (1 - Math.abs((2 * cx) / width - 1));
        for (const b of taken) {
          if (box[0] < b[1] && box[1] > b[0] && box[2] < b[3] && box[3] > b[2]) cost += 40;
        }
        for (const other of this.labels) {
          let before = other.at(box[0] - 3);
          for (let px = box[0] + half / 4; px < box[1] + 4; px += half / 4) {
            const there = other.at(px);
            if (Math.min(before, there) < box[3] && Math.max(before, there) > box[2]) cost += 5;
            before = there;
          }
        }
        if (!best || cost < best.cost) best = { cost, i, cx, cy, box };
      }
      set(label.node, { visibility: best ? "visible" : "hidden" });
      if (!best) continue;
      label.place = best.i;
      taken.push(best.box);
      set(label.node, { x: left + best.cx, y: top + best.cy + 4 });
    }
  }

  /** Call `move(x, y)` while a pointer drags, then `release()`; returns the undoing. */
  onDrag(move, release) {
    return onDrag(this.node, (event) => move(...this.at(event)), release);
  }
}

/** Call `move(event)` while a pointer drags on `node`, then `release()`; returns the undoing. */
export function onDrag(node, move, release) {
  let held = null;
  let moved = false;
  const down = (event) => {
    if (event.button !== 0 || held !== null) return;
    held = event.pointerId;
    node.setPointerCapture(held);
    node.classList.add("live-held");
    moved = event.pointerType !== "touch"; // a touch may be the start of scrolling the page
    if (!moved) return;
    event.preventDefault();
    move(event);
  };
  const drag = (event) => {
    if (event.pointerId !== held) return;
    moved = true;
    move(event);
  };
  const up = (event) => {
    if (event.pointerId !== held) return;
    held = null;
    node.classList.remove("live-held");
    if (!moved && event.type === "pointerup") move(event);
    release();
  };
  const on = { pointerdown: down, pointermove: drag, pointerup: up, pointercancel: up };
  for (const kind in on) node.addEventListener(kind, on[kind]);
  return () => {
    for (const kind in on) node.removeEventListener(kind, on[kind]);
  };
}
