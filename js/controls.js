// Native controls with visible labels, numbers to read, and arrays as grids of buttons.

/** An element with properties, data-* and aria-* attributes, and children. */
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !key.includes("-")) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

/** Change text only where it differs: a repaint touches nothing that stands still. */
export function write(node, text) {
  if (node.textContent === text) return;
  const words = node.firstChild;
  if (words instanceof Text && words === node.lastChild) words.data = text; // costs half of a new node
  else node.textContent = text;
}

export function mark(node, key, value) {
  if (node.getAttribute(key) !== value) node.setAttribute(key, value);
}

const minus = (text) => text.replaceAll("-", "−");
const UP = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
/** 10⁻⁴ for −4. */
export const power = (exponent) => `10${[...String(exponent)].map((c) => UP[c]).join("")}`;

/** A number to read, with `decimals` of them, or as a power of ten where that says nothing. */
export function format(value, decimals = 4) {
  if (Number.isNaN(value)) return "undefined";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size >= 1e5 || (size !== 0 && size < 0.5 * 10 ** -decimals)) {
    const [digits, exponent] = value.toExponential(decimals > 3 ? 2 : 1).replace(/\.?0+e/, "e").split("e");
    return `${minus(digits)}×${power(Number(exponent))}`;
  }
  return minus(value.toFixed(Math.max(0, size >= 1000 ? decimals - 2 : decimals)));
}

/** As few digits as say it, of a fraction four at most: 0.5, 65536, 1×10⁻⁸. */
export function brief(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size >= 1e5 || (size && size < 1e-4)) return format(value, 3);
  return minus(String(Number.isInteger(value) ? value : Number(value.toPrecision(4))));
}

/** `format` with its sign always written. */
export function formatSigned(value, decimals) {
  return (value > 0 ? "+" : "") + format(value, decimals);
}

/** `W[0, 1]`, or `b` for an array without axes. */
export function entryName(name, index) {
  return index.length ? `${name}[${index.join(", ")}]` : name;
}

export function flatIndex(index, shape) {
  return index.reduce((flat, i, axis) => flat * shape[axis] + i, 0);
}

/** The index of the entry at place `flat` of a row-major array. */
export function unflatten(flat, shape) {
  const index = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(flat % shape[axis]);
    flat = Math.floor(flat / shape[axis]);
  }
  return index;
}

export function button(text, onclick) {
  return h("button", { type: "button", className: "live-button", onclick }, text);
}

/** A block whose size is its own, not its words': new words have the browser lay out nothing else. */
export const own = (...children) => h("span", { className: "live-own" }, ...children);

/** What it holds lays out nothing else, as long as it fits: a block as high as its content has been at this width. */
export function room(...children) {
  const held = h("div", {}, ...children);
  const node = h("div", { className: "live-room" }, held);
  let [wide, tall] = [0, 0];
  new ResizeObserver(([{ contentRect: { width, height } }]) => {
    if (width === wide && height <= tall) return;
    [wide, tall] = [width, height];
    node.style.setProperty("--tall", `${tall}px`);
  }).observe(held);
  return node;
}

let pressed = false; // under a pressed pointer no column narrows: a drag lays out the page a few times, not at every third move
addEventListener("pointerdown", () => (pressed = true), true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (pressed = false), true);

/** Give a table's columns room for the longest of `texts`, which no longer widen them by themselves; two characters fewer narrow nothing. */
export function widen(node, texts) {
  const characters = Math.max(0, ...texts.map(({ length }) => length));
  const wide = Number(node.style.getPropertyValue("--wide"));
  if (characters > wide || (!pressed && characters < wide - 2)) node.style.setProperty("--wide", String(characters));
}

/** A number input; `change(number)` is called with what is finite, else the old number returns. */
export function numberInput(text, { change, step = "any", min = "", max = "", hidden = false }) {
  const input = h("input", { type: "number", step, min, max, inputMode: "decimal" });
  let shown = "";
  const commit = () => {
    const value = input.valueAsNumber;
    if (input.value === shown) return;
    if (Number.isFinite(value) && input.validity.valid) {
      shown = input.value;
      change(value);
    } else input.value = shown;
  };
  input.addEventListener("change", commit);
  // JupyterLab keeps Enter from being a change of its own.
  input.addEventListener("keydown", ({ key }) => key === "Enter" && commit());
  const name = h("span", { className: hidden ? "live-unseen" : "" }, text);
  return {
    node: h("label", { className: "live-field" }, name, h("span", {}, input)),
    input,
    name,
    /** Show `value` in full, unless someone is typing there. */
    show(value) {
      const next = Number.isFinite(value) ? String(value) : "";
      if (shown === next) return;
      if (input.getRootNode().activeElement === input && input.value !== shown) return;
      shown = next;
      input.value = next;
    },
  };
}

/** A range input on paper of its own: without, each move of its thumb has the browser sort all layers anew. */
export const track = (range) => h("span", { className: "live-track" }, range);

/** A range input: `input` while it moves, `change` when it rests. */
export function slider(text, { input: moving, change, min = 0, max = 1, step = "any" }) {
  const range = h("input", { type: "range", min, max, step });
  range.addEventListener("input", () => moving(range.valueAsNumber));
  range.addEventListener("change", () => change?.());
  const name = h("span", {}, text);
  return { node: h("label", { className: "live-slider" }, name, h("span", {}, track(range))), input: range, name };
}

/** A slider with the number `shown` at its end. */
export function numbered(control, shown = h("span")) {
  control.node.append(h("span", { className: "live-number" }, own(shown)));
  return shown;
}

/** One number of the figure, which carries every digit. */
export function numeral(quantity, className = "") {
  const node = h("output", { className, "data-quantity": quantity, "aria-live": "off" });
  let none = false;
  return {
    node,
    /** `value` is null while there is none. */
    show(value, text) {
      write(node, text);
      if (none !== (value === null)) none = node.classList.toggle("live-none");
      if (value === null) node.removeAttribute("data-value");
      else mark(node, "data-value", String(value));
    },
  };
}

/** The same with a name above it. */
export function readout(quantity, className = "") {
  const { node, show } = numeral(quantity);
  const name = h("span", { className: "live-name" });
  return { node: h("div", { className: `live-readout ${className}` }, name, node), name, show };
}

/** Colour a cell by the size of its number, `scale` being the deepest. */
export function tint(node, value, scale, weight = 1) {
  const share = Number.isFinite(value) && scale > 0 ? Math.min(1, Math.abs(value) / scale) ** 0.7 : 0;
  const percent = `${Math.round(share * weight * 40)}%`;
  if (node.style.getPropertyValue("--share") !== percent) node.style.setProperty("--share", percent);
}

const SHOWN = 48; // with more entries than this, one array at a time
const ROWS = 16; // the most of a slice that is shown at once
const COLUMNS = 16;

/** An array as buttons, beside its gradient in the same shape. Large ones show a part. */
export class ArrayGrid {
  /** `select(index)` is called when an entry is chosen; the gradient is called `sign`, and `words`. */
  constructor(name, shape, select, sign = `∂L/∂${name}`, words = `Gradient of the loss by ${name}`) {
    Object.assign(this, { name, shape, select, cells: [], slopes: [], key: "" });
    this.rows = shape.length > 1 ? shape.at(-2) : 1;
    this.columns = shape.length > 0 ? shape.at(-1) : 1;
    this.index = shape.map(() => 0);
    const size = shape.length ? `, shape ${shape.join(" × ")}` : ", one number";
    this.grid = h("div", { className: "live-entries", role: "group", "aria-label": name + size });
    this.grid.addEventListener("keydown", (event) => this.move(event));
    this.body = h("tbody");
    const table = h("table", { "aria-label": words }, this.body);
    this.slopesBox = h("div", { className: "live-slopes" }, table);
    this.part = h("p", { className: "live-part" });
    const large = this.rows > ROWS || this.columns > COLUMNS || shape.length > 2;
    const wide = this.rows > 8 || this.columns > 4; // it may scroll, so keys must reach it
    if (large || wide) Object.assign(this.slopesBox, { tabIndex: 0, role: "group", ariaLabel: words });
    this.grid.addEventListener("scroll", () => this.follow());
    this.steppers = large ? shape.map((size, axis) => this.stepper(size, axis)) : [];
    const steppers = h("div", { className: "live-steppers" }, ...this.steppers.map((s) => s.node));
    this.node = h(
      "div",
      { className: "live-array" },
      ...(large ? [steppers, this.part] : []),
      h("div", { className: "live-pair" },
        h("div", { className: "live-matrix" }, h("span", { className: "live-name" }, name), h("div", { className: "live-brackets" }, this.grid)),
        h("div", { className: "live-matrix" }, h("span", { className: "live-name" }, sign), h("div", { className: "live-brackets" }, this.slopesBox)),
      ),
    );
    this.show(this.index);
  }

  stepper(size, axis) {
    const change = (value) => this.select(this.index.map((i, a) => (a === axis ? value : i)));
    return numberInput(`axis ${axis}`, { change, step: 1, min: 0, max: size - 1 });
  }

  /** Bring the entry at `index` into the part that is shown. */
  show(index) {
    this.index = [...index];
    this.steppers.forEach((stepper, axis) => stepper.show(index[axis]));
    const near = (at, size, most) => Math.max(0, Math.min(size - most, at - (at % (most / 2)) - most / 4));
    const row = near(index.at(-2) ?? 0, this.rows, ROWS);
    const column = near(index.at(-1) ?? 0, this.columns, COLUMNS);
    const key = [...index.slice(0, -2), row, column].join();
    if (key === this.key) return;
    this.key = key;
    const rows = Math.min(ROWS, this.rows);
    const columns = Math.min(COLUMNS, this.columns);
    this.grid.style.setProperty("--columns", columns);
    this.cells = [];
    this.slopes = [];
    const lines = [];
    for (let r = row; r < row + rows; r++) {
      const line = h("tr");
      for (let c = column; c < column + columns; c++) {
        const at = this.shape.length < 2 ? [c].slice(0, this.shape.length) : [...index.slice(0, -2), r, c];
        const flat = flatIndex(at, this.shape);
        const name = entryName(this.name, at);
        const [number, gradient] = [own(), own()];
        const cell = h("button", { type: "button", tabIndex: -1, "data-entry": name, "aria-pressed": "false" }, number);
        cell.addEventListener("click", () => this.select(at));
        this.cells.push({ node: cell, number, at, flat, name });
        const slope = h("td", { "data-gradient": name }, gradient);
        this.slopes.push({ node: slope, number: gradient, flat });
        line.append(slope);
      }
      lines.push(line);
    }
    this.grid.replaceChildren(...this.cells.map((cell) => cell.node));
    this.body.replaceChildren(...lines);
    const part = [`rows ${row} to ${row + rows - 1} of ${this.rows}`, `columns ${column} to ${column + columns - 1} of ${this.columns}`];
    write(this.part, `Shown: ${part.slice(this.shape.length < 2 ? 1 : 0).join(", ")}`);
  }

  /**
   * Write the numbers; `chosen` is an index or null, `scale` the gradient's deepest colour, and
   * `gradient` null while it is not known; `isZero(place)` says where it is but rounding.
   */
  draw(values, gradient, scale, chosen, isZero = () => false) {
    const decimals = this.decimals(values);
    const flat = chosen ? flatIndex(chosen, this.shape) : -1;
    const stop = chosen ? flat : flatIndex(this.index, this.shape);
    const texts = this.cells.map(({ flat: i }) => format(values[i], decimals));
    widen(this.grid, texts);
    this.cells.forEach(({ node, number, flat: i, name }, k) => {
      const text = texts[k];
      write(number, text);
      mark(node, "data-value", String(values[i]));
      mark(node, "aria-label", `${name} = ${text}`);
      mark(node, "aria-pressed", String(i === flat));
      mark(node, "tabindex", i === stop ? "0" : "-1");
    });
    const slopes = this.slopes.map(({ flat: i }) => (!gradient ? "·" : isZero(i) ? format(0, 3) : formatSigned(gradient[i], 3)));
    widen(this.body, slopes);
    this.slopes.forEach(({ node, number, flat: i }, k) => {
      write(number, slopes[k]);
      if (!gradient) {
        node.removeAttribute("data-value");
        mark(node, "class", "");
        return;
      }
      const slope = gradient[i];
      mark(node, "data-value", String(slope));
      mark(node, "class", `${slope > 0 ? "live-up" : slope < 0 ? "live-down" : ""}${i === flat ? " live-here" : ""}`);
      tint(node, slope, scale);
    });
  }

  /** As many decimals as the shown entries need, three at most. */
  decimals(values) {
    let most = 1;
    for (const { flat } of this.cells) {
      while (most < 3 && Number(values[flat].toFixed(most)) !== values[flat]) most++;
    }
    return most;
  }

  /** Scroll the buttons, never the page, until the chosen one shows. */
  reveal() {
    const button = this.cells.find(({ node }) => node.tabIndex === 0)?.node;
    const outer = this.grid.getBoundingClientRect();
    const inner = button?.getBoundingClientRect();
    if (!inner?.width) return;
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
      this.grid.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
    }
    if (inner.left < outer.left || inner.right > outer.right) {
      this.grid.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
    }
    this.follow();
  }

  /** The gradient scrolls along, so that both show the same entries. */
  follow() {
    const [from, to] = [this.grid, this.slopesBox];
    to.scrollTop = from.scrollTop;
    const room = from.scrollWidth - from.clientWidth;
    if (room > 0) to.scrollLeft = (from.scrollLeft / room) * (to.scrollWidth - to.clientWidth);
  }

  focus() {
    this.cells.find(({ node }) => node.tabIndex === 0)?.node.focus();
  }

  /** Arrow keys, Home and End choose a neighbour and take the focus along. */
  move(event) {
    const rank = this.shape.length;
    const here = this.cells.find(({ node }) => node === event.target)?.at;
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9] };
    const [down, right] = moves[event.key] ?? [];
    if (!here || !rank || down === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = [...here];
    to[rank - 1] = Math.max(0, Math.min(this.columns - 1, to[rank - 1] + right));
    if (rank > 1) to[rank - 2] = Math.max(0, Math.min(this.rows - 1, to[rank - 2] + down));
    event.preventDefault();
    this.select(to);
    this.focus();
  }
}

/** All arrays of a figure as grids, beside their gradients; of many entries one array at a time. */
export class ArrayPanel {
  /** `choose(name, index)` is called when an entry is chosen. */
  constructor(inputs, choose) {
    this.grids = new Map(inputs.map(({ name, shape }) => [name, new ArrayGrid(name, shape, (index) => choose(name, index))]));
    this.node = h("div", { className: "live-arrays" });
    const total = inputs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    if (total > SHOWN && inputs.length > 1) {
      const options = inputs.map(({ name, shape }) => h("option", { value: name }, `${name} (${shape.join(" × ") || "one number"})`));
      this.picker = h("select", { onchange: () => choose(this.picker.value, this.grids.get(this.picker.value).index) }, ...options);
      this.node.append(h("label", { className: "live-field" }, h("span", {}, "array"), this.picker));
    }
    this.node.append(...[...this.grids.values()].map((grid) => grid.node));
  }

  draw(values, gradient, entry) {
    let scale = 0;
    for (const g of Object.values(gradient)) for (const v of g) if (Number.isFinite(v)) scale = Math.max(scale, Math.abs(v));
    for (const [name, grid] of this.grids) {
      const chosen = name === entry.name;
      grid.node.hidden = this.picker && !chosen;
      if (grid.node.hidden) continue;
      if (chosen) grid.show(entry.index);
      grid.draw(values[name], gradient[name], scale, chosen ? entry.index : null);
    }
    if (this.picker) this.picker.value = entry.name;
  }

  reveal(name) {
    this.grids.get(name).reveal();
  }
}

/** A sentence for those who listen, at most one every `pause` milliseconds. */
export function announcer(pause = 400) {
  const node = h("p", { className: "live-unseen", "aria-live": "polite", "aria-atomic": "true" });
  let timer = 0;
  return {
    node,
    say(sentence) {
      clearTimeout(timer);
      timer = setTimeout(() => write(node, sentence), pause);
    },
    stop: () => clearTimeout(timer),
  };
}
