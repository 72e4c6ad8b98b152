// ConvolutionGradient: a picture, a filter, a bias. Each output gathers a window on the way forward
// and visits it again on the way back, with its share of every gradient.

import { Figure, mount, needScalar } from "../figure.js";
import { load } from "../program.js";
import { snap } from "../plot.js";
import {
  ArrayGrid, brief, button, entryName, flatIndex, format, h, mark, numbered, numeral, readout, room, slider, write,
} from "../controls.js";
import "./convolution_gradient.css";

const PIXELS = 4; // of a pointer's way for each grain of the slider
const PRODUCTS = 4; // taps, and so products, that a sentence writes out
const TERMS = 9; // outputs whose g are written out as a sum
const NEARLY = 2 ** 20 * Number.EPSILON; // of the sizes summed: what a sum leaves of nothing

export const render = (view) => mount("convolution-gradient", ConvolutionGradient, view);

/** A sum, and the sum of the sizes: beside it what is but rounding shows as 0. */
class Sum {
  value = 0;
  size = 0;

  add(term) {
    this.value += term;
    this.size += Math.abs(term);
    return this;
  }

  get isZero() {
    return Math.abs(this.value) <= NEARLY * this.size;
  }

  get shown() {
    return this.isZero ? 0 : this.value;
  }
}

const sums = (n) => Array.from({ length: n }, () => new Sum());
const sumOf = (terms) => terms.reduce((sum, term) => sum.add(term), new Sum());
const valuesOf = (found) => Float64Array.from(found, ({ value }) => value);

/** −3 + 2 − 1. */
const written = (terms) => terms.map((v, i) => (i ? `${v < 0 ? "−" : "+"} ${brief(Math.abs(v))}` : brief(v))).join(" ");

class ConvolutionGradient extends Figure {
  constructor(model, root) {
    super(model, root, ["seen", "pixel"]);
  }

  admit() {
    needScalar(this.program);
    this.tail = load(this.model.get("tail"));
    needScalar(this.tail);
    const shapes = Object.fromEntries(this.program.inputs.map(({ name, shape }) => [name, shape]));
    const [{ name, shape: y }] = this.tail.inputs;
    const { x, w, b } = shapes;
    const fits = name === "y" && x && w && b?.length === 0 && [1, 2].includes(y.length) && x.length === y.length
      && w.length === y.length && y.every((n, axis) => n > 0 && n === x[axis] - w[axis] + 1);
    if (!fits) throw new Error("its picture, filter and outputs do not fit each other. Run the cell again.");
    const [columns, [high, wide], [down, across]] = [x.at(-1), [1, ...w].slice(-2), [1, ...y].slice(-2)];
    Object.assign(this, { y, columns, high, wide, taps: high * wide, across, total: down * across });
  }

  /** How many outputs are counted. */
  get seen() {
    const seen = this.model.get("seen");
    return Number.isInteger(seen) ? Math.max(0, Math.min(this.total, seen)) : 0;
  }

  /** The output looked at, by its place among all: the one chosen, else the last one counted. */
  get pixel() {
    const at = this.model.get("pixel");
    const fits = Array.isArray(at) && at.length === this.y.length && at.every((i, axis) => Number.isInteger(i) && i >= 0 && i < this.y[axis]);
    return fits ? flatIndex(at, this.y) : Math.max(0, this.seen - 1);
  }

  indexOf(output) {
    return [Math.floor(output / this.across), output % this.across].slice(-this.y.length);
  }

  /** The pixels under the filter at an output, tap by tap. */
  windowOf(output) {
    const corner = Math.floor(output / this.across) * this.columns + (output % this.across);
    return Array.from({ length: this.taps }, (_, tap) => corner + Math.floor(tap / this.wide) * this.columns + (tap % this.wide));
  }

  // What a reader does.

  choose(name, index) {
    if (this.turnTo(name, index)) this.draw();
  }

  chosen() {
    this.setRange(true);
    this.due.range = true;
  }

  rest() {
    super.rest(`${this.name} = ${format(this.value)}. `);
  }

  /** Count so many outputs, and look at the last of them. */
  count(seen, told = true) {
    this.model.set("pixel", null);
    this.set("seen", Math.max(0, Math.min(this.total, seen)));
    if (told) this.tell();
  }

  look(index) {
    this.set("pixel", [...index]);
    this.draw();
    this.tell();
  }

  tell(before = "") {
    const found = this.compute();
    this.announcer.say(`${before}${this.forth(found)} ${this.back(found)} ${this.biased(found)} Loss ${format(found.loss)}.`);
  }

  /** Lead a pointer up or to the right from an entry and it grows; a finger sideways, or it scrolls. */
  draggable({ name, grid }) {
    let held = null;
    const down = ({ target, button: pressed, pointerId: id, clientX: x, clientY: y }) => {
      const cell = this.grids[name].cells.find(({ node }) => node.contains(target));
      if (!cell || pressed || held) return;
      cell.node.setPointerCapture(id);
      held = { id, x, y, cell, value: null };
    };
    const drag = ({ pointerId: id, pointerType, clientX, clientY }) => {
      if (id !== held?.id) return;
      const way = clientX - held.x + (pointerType === "touch" ? 0 : held.y - clientY);
      const grains = Math.round(way / PIXELS);
      if (held.value === null) {
        if (!grains) return;
        this.choose(name, held.cell.at);
        held.value = this.value;
      }
      this.moveTo(snap(held.value + grains * this.grain, this.grain));
    };
    const end = ({ pointerId: id, type }) => {
      if (id !== held?.id) return;
      const { value } = held;
      held = null;
      if (value === null) return;
      if (type === "pointercancel") this.moveTo(value, false); // it was the page that was meant
      this.rest();
    };
    const on = { pointerdown: down, pointermove: drag, pointerup: end, pointercancel: end };
    for (const kind in on) grid.addEventListener(kind, on[kind]);
  }

  // Computing: forward a sum for each output; back, each output's share of every gradient.

  compute() {
    const { x, w, b } = this.values;
    const { total, seen } = this;
    const windows = Array.from({ length: total }, (_, output) => this.windowOf(output));
    const linear = windows.map((pixels) => pixels.reduce((sum, pixel, tap) => sum + w[tap] * x[pixel], 0));
    const y = Float64Array.from(linear, (v) => v + b[0]);
    const { value: loss, grad } = this.tail.valueAndGrad({ y });
    const g = Array.from(grad.y);
    const back = { x: sums(x.length), w: sums(w.length), b: sums(1) };
    const transposed = new Float64Array(x.length);
    for (let output = 0; output < total; output++) {
      windows[output].forEach((pixel, tap) => {
        transposed[pixel] += g[output] * w[tap];
        if (output >= seen) return;
        back.x[pixel].add(g[output] * w[tap]);
        back.w[tap].add(g[output] * x[pixel]);
      });
      if (output < seen) back.b[0].add(g[output]);
    }
    const forward = sumOf(linear.map((v, i) => g[i] * v));
    const backward = sumOf(Array.from(x, (v, pixel) => transposed[pixel] * v));
    return { y, g, loss, back, forward, backward, sum: sumOf(g) };
  }

  // The words: how the output came about, what it sends back, and what the bias hears of all.

  forth({ y }) {
    const { pixel, taps } = this;
    const { x, w, b } = this.values;
    const name = entryName("y", this.indexOf(pixel));
    const result = brief(y[pixel]);
    if (taps > PRODUCTS) return `${name} = ${result}: the ${taps} pixels in the frame times the ${taps} taps, added up, and the bias.`;
    const inBrackets = (v) => (v < 0 ? `(${brief(v)})` : brief(v));
    const products = this.windowOf(pixel).map((p, tap) => {
      const sign = w[tap] < 0 ? "−" : "+";
      return `${tap ? ` ${sign} ` : sign === "−" ? sign : ""}${brief(Math.abs(w[tap]))}·${inBrackets(x[p])}`;
    });
    return `${name} = ${products.join("")} ${b[0] < 0 ? "−" : "+"} ${brief(Math.abs(b[0]))} = ${result}.`;
  }

  back({ g }) {
    const { pixel, seen, taps, wide } = this;
    const share = g[pixel];
    const listed = (values) => {
      const shares = values.map((v) => share * v + 0);
      if (taps > PRODUCTS) return `numbers from ${brief(Math.min(...shares))} to ${brief(Math.max(...shares))},`;
      const row = (from) => `[${shares.slice(from, from + wide).map(brief).join(", ")}]`;
      const rows = Array.from({ length: this.high }, (_, i) => row(i * wide)).join(", ");
      return this.y.length > 1 ? `[${rows}],` : `${rows},`;
    };
    const { x, w } = this.values;
    const verb = pixel >= seen ? "will add" : pixel === seen - 1 ? "adds" : "has added";
    const [window, filter] = [listed(this.windowOf(pixel).map((p) => x[p])), listed(Array.from(w))];
    const g_ = brief(share);
    return `With g = ${g_} it ${verb} ${g_} × its window, ${window} to ∂L/∂w; ${g_} × the filter, ${filter} to that window of ∂L/∂x; and ${g_} to ∂L/∂b.`;
  }

  biased({ g, back }) {
    const { seen, total } = this;
    if (!seen) return `None of the ${total} outputs is counted yet.`;
    const terms = g.slice(0, seen);
    const [sum] = back.b;
    const long = seen > TERMS ? `Σ g over ${seen} outputs` : written(terms);
    const so = `∂L/∂b${seen < total ? " so far" : ""} = ${seen > 1 ? `${long} = ` : ""}${brief(sum.shown)}.`;
    if (seen < total) return so;
    if (sum.isZero && sum.size > 0) return `${so} The outputs pull at the bias, and the pulls cancel.`;
    return `${so} All ${total} are counted: these are the gradients.`;
  }

  // The page.

  build() {
    this.setRange(true);
    this.due.range = true;
    this.out = {
      loss: readout("loss", "live-loss"), sum: readout("cotangent-sum", "live-tangent"),
      forward: readout("forward-pairing", "live-pairing"), backward: readout("backward-pairing", "live-pairing"),
    };
    write(this.out.loss.name, "loss L");
    const { sum, forward, backward } = this.out;
    for (const [{ node, name }, words, over] of [
      [sum, "Σ g", "∂L/∂b, all counted"],
      [forward, "⟨g, conv(x, w)⟩", `a sum over ${this.total} outputs`],
      [backward, "⟨convᵀ(g, w), x⟩", `a sum over ${this.values.x.length} pixels`],
    ]) {
      write(name, words);
      node.append(h("span", { className: "live-over" }, over));
    }
    backward.node.append(h("span", { className: "live-equal", ariaHidden: "true" }, "="));

    const grid = (name) => new ArrayGrid(name, this.shapes[name], (index) => this.choose(name, index), `∂L/∂${name} so far`, `Gradient of the loss by ${name}, so far`);
    this.grids = { x: grid("x"), w: grid("w"), b: grid("b") };
    for (const each of Object.values(this.grids)) this.draggable(each);
    this.outputs = new ArrayGrid("y", this.y, (index) => this.look(index), "g = ∂L/∂y", "Cotangent g: gradient of the loss by y");
    this.outputs.node.classList.add("live-outputs");

    this.next = button("Next output", () => this.count(this.seen + 1));
    this.all = button("All outputs", () => this.count(this.total));
    this.restart = button("Restart", () => this.count(0));
    this.counter = slider("outputs counted", { max: this.total, step: 1, input: (v) => this.count(v, false), change: () => this.tell() });
    this.counted = numeral("counted");
    numbered(this.counter, this.counted.node);
    this.said = { forth: h("p"), back: h("p"), biased: h("p") };
    this.warned = h("p", { className: "live-note", hidden: true });

    this.buildMovers();
    const { x, w, b } = this.grids;
    this.root.append(
      h("div", { className: "live-readouts" }, ...Object.values(this.out).map(({ node }) => node)),
      h("div", { className: "live-controls live-walk" },
        h("div", { className: "live-buttons" }, this.next, this.all, this.restart), this.counter.node),
      h("div", { className: `live-ledger${this.taps > PRODUCTS ? " live-long" : ""}` }, room(...Object.values(this.said), this.warned)),
      h("div", { className: "live-convolution" }, x.node, h("div", { className: "live-taps" }, w.node, b.node), this.outputs.node),
      h("div", { className: "live-controls live-move" }, this.slide.node, this.exact.node,
        h("div", { className: "live-buttons" }, this.buildReset())),
    );
  }

  paint() {
    if (this.due.state) this.save(!this.held);
    else if (this.due.rest) this.model.save_changes();
    if (this.setRange(false) || this.due.range) Object.assign(this.slide.input, { min: this.range[0], max: this.range[1], step: this.grain });
    this.due = {};
    this.draw();
  }

  draw() {
    const found = this.compute();
    const { out, seen, total, pixel } = this;
    out.loss.show(found.loss, format(found.loss));
    out.sum.show(found.sum.value, format(found.sum.shown));
    out.forward.show(found.forward.value, format(found.forward.shown));
    out.backward.show(found.backward.value, format(found.backward.shown));
    this.drawArrays(found);

    for (const [node, end] of [[this.next, total], [this.all, total], [this.restart, 0]]) mark(node, "aria-disabled", String(seen === end));
    if (this.counter.input.valueAsNumber !== seen) this.counter.input.value = seen;
    this.counted.show(seen, `${seen} of ${total}`);
    for (const words in this.said) write(this.said[words], this[words](found).replaceAll("/", "/\u2060")); // unbroken
    write(this.warned, this.note);
    this.warned.hidden = !this.note;

    write(this.slide.name, `move ${this.name}, here or by dragging it`);
    const { input } = this.slide;
    if (input.valueAsNumber !== this.value) input.value = this.value;
    mark(input, "aria-valuetext", brief(this.value));
    this.exact.show(this.value);
    write(this.exact.name, `exact ${this.name}`);
  }

  drawArrays({ y, g, back }) {
    const { seen, pixel } = this;
    const shares = [...Object.values(back).flat(), ...g.map((value) => ({ value }))];
    const scale = shares.reduce((most, { value }) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
    for (const [name, grid] of Object.entries(this.grids)) {
      const index = name === this.entry.name ? this.entry.index : null;
      if (index) grid.show(index);
      grid.draw(this.values[name], valuesOf(back[name]), scale, index, (i) => back[name][i].isZero);
    }
    this.outputs.show(this.indexOf(pixel));
    this.outputs.draw(y, g, scale, this.indexOf(pixel));
    this.outputs.slopes.forEach(({ node, flat }) => node.toggleAttribute("data-waiting", flat >= seen));
    const window = new Set(this.windowOf(pixel));
    const { cells, slopes } = this.grids.x;
    for (const { node, flat } of [...cells, ...slopes]) node.toggleAttribute("data-window", window.has(flat));
  }
}
