// What the live figures of a function share: an element, a model read with suspicion, arrays that
// move, and one paint a frame.

import { load } from "./program.js";
import { niceAbove, niceBelow, snap } from "./plot.js";
import { announcer, button, entryName, flatIndex, h, numberInput, slider } from "./controls.js";

const SENT = 1024; // with more numbers than this, the kernel hears of them at rest only

/** Render the figure of class `Kind` into `el`, or say there why it cannot run; returns its undoing. */
export function mount(name, Kind, { model, el }) {
  const root = h("figure", { className: "live-figure", "data-figure": name });
  el.append(root);
  let stop = () => {};
  try {
    stop = new Kind(model, root).stop;
  } catch (error) {
    root.replaceChildren(h("p", { className: "live-note" }, `This figure cannot run: ${error.message}`));
    root.dataset.damaged = "true";
  }
  const caption = model.get("caption");
  if (typeof caption === "string" && caption) root.append(h("figcaption", {}, caption));
  return () => {
    stop();
    root.remove();
  };
}

/** An element that shows a model. A subclass gives `paint()`, called at most once a frame; `schedule()` asks for it. */
export class View {
  constructor(model, root) {
    Object.assign(this, { model, root, undo: [], due: {}, held: false, note: "", widths: new Map(), announcer: announcer() });
    addEventListener("beforeprint", this.hurry);
  }

  listen(key, heard) {
    this.model.on(`change:${key}`, heard);
    this.undo.push(() => this.model.off(`change:${key}`, heard));
  }

  /** Paint again whenever `node` changes its size. */
  watch(node) {
    const observer = new ResizeObserver(() => {
      this.widths.set(node, node.clientWidth);
      this.schedule();
    });
    observer.observe(node);
    this.undo.push(() => observer.disconnect());
  }

  /** How wide a watched node is. To ask the node itself would lay out the page in the midst of a frame. */
  width(node) {
    return this.widths.get(node) ?? node.clientWidth;
  }

  stop = () => {
    cancelAnimationFrame(this.frame);
    removeEventListener("beforeprint", this.hurry);
    this.announcer.stop();
    for (const undo of this.undo) undo();
  };

  /** Compute and draw, once: in the next frame, or at once where the page is about to be printed. */
  schedule() {
    if (this.frame !== undefined) return;
    const printing = "printing" in document.documentElement.dataset;
    this.frame = printing ? 0 : requestAnimationFrame(this.drawNow);
    if (printing) queueMicrotask(this.drawNow);
  }

  drawNow = () => {
    this.frame = undefined;
    this.paint();
    if (this.root.dataset.ready) return;
    this.root.dataset.ready = "true";
    setTimeout(() => this.settle());
  };

  /** Draw what waits for a frame: paper does not. */
  hurry = () => {
    if (this.frame === undefined) return;
    cancelAnimationFrame(this.frame);
    this.drawNow();
  };

  /** The first frame stands: what needs to measure it may do so. */
  settle() {}

  positive(key, fallback) {
    const value = this.model.get(key);
    return Number.isFinite(value) && value > 0 ? value : fallback;
  }

  /** Set one trait; the model's other side hears of it. */
  set(key, value) {
    this.model.set(key, value);
    this.model.save_changes();
    this.schedule();
  }
}

/** A figure of one program and its arrays, which move. A subclass gives `build()`, which makes its controls once, too. */
export class Figure extends View {
  /** `heard` names the traits beside `params`, `initial` and `entry` that paint anew when they change. */
  constructor(model, root, heard = []) {
    super(model, root);
    this.program = load(model.get("program"));
    this.admit();
    this.inputs = this.program.inputs;
    this.shapes = Object.fromEntries(this.inputs.map(({ name, shape }) => [name, shape]));
    this.values = this.read("params");
    this.initial = copy(this.values);
    this.hearInitial();
    this.entry = this.readEntry("entry") ?? { name: this.inputs[0].name, index: this.inputs[0].shape.map(() => 0) };
    this.heavy = Object.values(this.values).reduce((sum, v) => sum + v.length, 0) > SENT;
    this.listen("params", () => this.hear());
    this.listen("initial", () => this.hearInitial());
    this.listen("entry", () => this.hearEntry());
    for (const key of heard) this.listen(key, () => this.schedule());
    this.build();
    this.root.append(this.announcer.node);
    this.schedule();
  }

  /** Throw an Error if the program is not one for this figure. */
  admit() {}

  // State: what the model holds, read with care, and written once a frame.

  /** The arrays that the trait `key` holds, or an Error that says what is missing. */
  read(key) {
    const held = this.model.get(key);
    return Object.fromEntries(this.inputs.map(({ name, shape }) => [name, readArray(held, name, shape)]));
  }

  /** A name and an index that exist, or null. */
  readEntry(key) {
    const { name, index } = this.model.get(key) ?? {};
    const shape = Object.hasOwn(this.shapes, name) ? this.shapes[name] : null;
    const fits = shape && Array.isArray(index) && index.length === shape.length
      && index.every((i, axis) => Number.isInteger(i) && i >= 0 && i < shape[axis]);
    return fits ? { name, index: [...index] } : null;
  }

  hear() {
    if (this.held || this.model.get("params") === this.written) return;
    try {
      const before = this.values;
      this.values = this.read("params");
      this.note = "";
      this.moved(before);
    } catch (error) {
      this.note = `Nothing was changed: ${error.message}`;
    }
    this.schedule();
  }

  hearInitial() {
    try {
      this.initial = this.read("initial");
    } catch {
      // Reset keeps the last good one.
    }
  }

  hearEntry() {
    const next = this.readEntry("entry");
    if (!next || entryName(next.name, next.index) === this.name) return;
    this.entry = next;
    this.chosen();
    this.schedule();
  }

  /** The arrays were `before` and have been replaced from outside. */
  moved() {}

  /** Another entry has been chosen. */
  chosen() {}

  /** Say aloud what the figure shows, after the words `before`. */
  tell() {}

  // What a reader does with the chosen entry.

  /** Give it a value, for good or while it is held. */
  moveTo(value, held = true) {
    this.held = held;
    this.values[this.entry.name][this.here] = value;
    this.due.state = true;
    this.note = "";
    this.schedule();
  }

  /** Let go of it. */
  rest(words) {
    this.held = false;
    this.due.rest = true;
    this.schedule();
    this.tell(words);
  }

  /** Choose another. Says whether it was another. */
  turnTo(name, index) {
    if (entryName(name, index) === this.name) return false;
    this.entry = { name, index };
    this.note = "";
    this.chosen();
    this.set("entry", { name, index: [...index] });
    return true;
  }

  reset() {
    const before = this.values;
    this.values = copy(this.initial);
    this.note = "";
    this.moved(before);
    Object.assign(this.due, { range: true, state: true, rest: true });
    this.schedule();
    this.tell("Back at the start. ");
  }

  /** A button that says what it puts back. */
  buildReset() {
    const names = this.inputs.map(({ name }) => name);
    return button(names.length > 4 ? "Reset the arrays" : `Reset ${names.join(", ")}`, () => this.reset());
  }

  /** A slider and a field for its value. */
  buildMovers() {
    this.slide = slider("", { input: (v) => this.moveTo(snap(v, this.grain)), change: () => this.rest() });
    this.exact = numberInput("", { change: (v) => { this.moveTo(v, false); this.rest(); } });
  }

  /** Give the arrays to the model; a kernel hears of them now, or of large ones when at rest. */
  save(now = true) {
    this.written = Object.fromEntries(this.inputs.map(({ name, shape }) => [
      name, { shape: [...shape], data: Array.from(this.values[name], (v) => (Number.isFinite(v) ? v : String(v))) },
    ]));
    this.model.set("params", this.written);
    if (now || !this.heavy) this.model.save_changes();
  }

  /**
   * The range that a slider of the chosen entry spans: it stands still while the entry is held, and
   * follows when it has left the middle, or `anew`. Says whether it has changed.
   */
  setRange(anew) {
    const x = Number.isFinite(this.value) ? this.value : 0;
    const [low, high] = this.range ?? [0, 0];
    const margin = (high - low) * 0.08;
    const outside = x < low || x > high;
    const near = x < low + margin || x > high - margin;
    if (!anew && !outside && (this.held || !near)) return false;
    const sizes = this.values[this.entry.name].map(Math.abs).filter(Number.isFinite);
    const half = niceAbove(Math.min(1e300, Math.max(1e-300, 2 * Math.max(...sizes) || 1)));
    const middle = snap(x, half / 5);
    this.grain = niceBelow(half / 200);
    this.range = [middle - half, middle + half];
    return true;
  }

  get name() {
    return entryName(this.entry.name, this.entry.index);
  }

  get here() {
    return flatIndex(this.entry.index, this.shapes[this.entry.name]);
  }

  get value() {
    return this.values[this.entry.name][this.here];
  }
}

/** The array `name` of `held`, in the form {shape, data}, as numbers. */
export function readArray(held, name, shape) {
  const item = held && Object.hasOwn(held, name) ? held[name] : null;
  const data = Array.isArray(item?.data) ? item.data.map(number) : null;
  const size = shape.reduce((a, b) => a * b, 1);
  if (!data || data.length !== size || String(item.shape) !== String(shape) || data.includes(null)) {
    throw new Error(`its state holds no ${name} of shape (${shape.join(", ")}) made of numbers. Run the cell again.`);
  }
  return Float64Array.from(data);
}

function number(value) {
  if (typeof value === "number") return value;
  const spelt = { NaN, Infinity, "-Infinity": -Infinity };
  return typeof value === "string" && Object.hasOwn(spelt, value) ? spelt[value] : null;
}

export function copy(arrays) {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.slice()]));
}

/** An Error unless the program ends in one number. */
export function needScalar(program) {
  const shape = program.outputShape;
  if (!shape.length) return;
  const words = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  throw new Error(`its function gives an array of shape ${words}, and a gradient belongs to one number. Reduce it first.`);
}
