// ConvolutionGradient: a picture, a filter, a bias. Each output gathers a window on the way forward
// and visits it again on the way back, with its share of every gradient.

import { Figure, copy, mount, needScalar } from "../figure.js";
import { load } from "../program.js";
import { snap } from "../plot.js";
import { ArrayGrid, brief, button, entryName, format, formatSigned, h, numberInput, readout, slider, write } from "../controls.js";
import "./convolution_gradient.css";

const GRAIN = 0.1; // of a pixel or a tap that is dragged
const PIXELS = 6; // of the pointer's way for each grain
const REACH = 10; // of the slider, to either side

export const render = (view) => mount("convolution-gradient", ConvolutionGradient, view);

class ConvolutionGradient extends Figure {
  constructor(model, root) {
    super(model, root, ["seen"]);
  }

  admit() {
    needScalar(this.program);
    this.tail = load(this.model.get("tail"));
    needScalar(this.tail);
    const shapes = new Map(this.program.inputs.map(({ name, shape }) => [name, shape]));
    const [x, w, y] = [shapes.get("x"), shapes.get("w"), this.tail.inputs[0].shape];
    const fits = x?.length === 2 && w?.length === 2 && y.length === 2 && this.tail.inputs[0].name === "y"
      && shapes.get("b")?.length === 0 && y.every((n, axis) => n === x[axis] - w[axis] + 1);
    if (!fits) throw new Error("its picture, filter and outputs do not fit each other. Run the cell again.");
    Object.assign(this, { columns: x[1], high: w[0], wide: w[1], across: y[1], total: y[0] * y[1] });
  }

  /** How many outputs are counted. */
  get seen() {
    const seen = this.model.get("seen");
    return Number.isInteger(seen) ? Math.max(0, Math.min(this.total, seen)) : 0;
  }

  /** The last output counted, as [row, column], or null. */
  get pixel() {
    const last = this.seen - 1;
    return last < 0 ? null : [Math.floor(last / this.across), last % this.across];
  }

  // What a reader does.

  choose(name, index) {
    if (entryName(name, index) === this.name) return;
    this.entry = { name, index };
    this.model.set("entry", { name, index: [...index] });
    this.model.save_changes();
    this.schedule();
  }

  moveTo(value, held = true) {
    this.held = held;
    this.values[this.entry.name][this.here] = value;
    this.due.state = true;
    this.schedule();
  }

  rest() {
    this.held = false;
    this.due.rest = true;
    this.schedule();
    this.tell(`${this.name} = ${format(this.value)}. `);
  }

  count(seen) {
    this.set("seen", Math.max(0, Math.min(this.total, seen)));
    this.tell();
  }

  reset() {
    this.values = copy(this.initial);
    Object.assign(this.due, { state: true, rest: true });
    this.schedule();
    this.tell("Back at the start. ");
  }

  tell(before = "") {
    const found = this.compute();
    this.announcer.say(`${before}${this.sentence(found)} Loss ${format(found.loss)}.`);
  }

  /** Lead a pointer sideways over an entry, and it grows. */
  draggable(grid) {
    let from = null;
    grid.addEventListener("pointerdown", (event) => {
      const cell = event.target.closest("[data-entry]");
      if (!cell || event.button !== 0) return;
      cell.click();
      from = { id: event.pointerId, x: event.clientX, value: this.value, moved: false };
      cell.setPointerCapture(event.pointerId);
    });
    grid.addEventListener("pointermove", (event) => {
      if (event.pointerId !== from?.id) return;
      const steps = Math.round((event.clientX - from.x) / PIXELS);
      if (!steps && !from.moved) return;
      from.moved = true;
      this.moveTo(snap(from.value + steps * GRAIN, GRAIN));
    });
    const end = (event) => {
      if (event.pointerId !== from?.id) return;
      if (from.moved) this.rest();
      from = null;
    };
    for (const name of ["pointerup", "pointercancel"]) grid.addEventListener(name, end);
  }

  // Computing.

  /** Call `visit(output, pixel, tap)` for each tap of each output in its turn, up to `seen`. */
  walk(seen, visit) {
    for (let output = 0; output < seen; output++) {
      const [i, j] = [Math.floor(output / this.across), output % this.across];
      for (let tap = 0; tap < this.high * this.wide; tap++) {
        const [a, c] = [Math.floor(tap / this.wide), tap % this.wide];
        visit(output, (i + a) * this.columns + j + c, tap);
      }
    }
  }

  compute() {
    const { x, w, b } = this.values;
    const linear = new Float64Array(this.total);
    this.walk(this.total, (output, pixel, tap) => (linear[output] += w[tap] * x[pixel]));
    const y = linear.map((v) => v + b[0]);
    const { value: loss, grad } = this.tail.valueAndGrad({ y });
    const g = grad.y.slice();
    const back = { x: new Float64Array(x.length), w: new Float64Array(w.length), b: new Float64Array(1) };
    this.walk(this.seen, (output, pixel, tap) => {
      back.x[pixel] += g[output] * w[tap];
      back.w[tap] += g[output] * x[pixel];
    });
    for (let output = 0; output < this.seen; output++) back.b[0] += g[output];
    const transposed = new Float64Array(x.length);
    this.walk(this.total, (output, pixel, tap) => (transposed[pixel] += g[output] * w[tap]));
    const dot = (u, v) => u.reduce((sum, value, i) => sum + value * v[i], 0);
    return { y, g, loss, back, forward: dot(g, linear), backward: dot(transposed, x), sum: g.reduce((s, v) => s + v, 0) };
  }

  sentence({ g, sum }) {
    const { seen, total, pixel } = this;
    if (!seen) return `None of the ${total} outputs has sent anything back yet.`;
    const share = brief(g[seen - 1]);
    const words = `Output y[${pixel.join(", ")}] has g = ${share}. It adds ${share} × its window to ∂L/∂w, ${share} to ∂L/∂b, and ${share} × the filter to the window in ∂L/∂x.`;
    if (seen < total) return words;
    const size = Math.max(...g.map(Math.abs));
    if (Math.abs(sum) <= 1e-12 * size && size > 0) return `${words} All are counted, and the g add up to 0: the bias hears nothing of them.`;
    return `${words} All ${total} are counted: these are the gradients.`;
  }

  // The page.

  build() {
    this.out = {
      loss: readout("loss", "live-loss"), bias: readout("bias-gradient", "live-tangent"),
      forward: readout("forward-pairing", "live-pairing"), backward: readout("backward-pairing", "live-pairing"),
    };
    write(this.out.loss.name, "loss L");
    write(this.out.bias.name, "∂L/∂b so far");
    write(this.out.forward.name, "⟨g, conv(x, w)⟩, over outputs");
    write(this.out.backward.name, "⟨convᵀ(g, w), x⟩, over pixels");
    const names = ["x", "w", "b"];
    this.grids = Object.fromEntries(names.map((name) => [name, new ArrayGrid(
      name, this.shapes[name], (index) => this.choose(name, index), `∂L/∂${name} so far`, `Gradient by ${name} so far`)]));
    this.outputs = new ArrayGrid("y", this.tail.inputs[0].shape, (index) => this.count(index[0] * this.across + index[1] + 1), "g = ∂L/∂y", "Cotangent g of the outputs");
    for (const { grid } of Object.values(this.grids)) this.draggable(grid);
    this.outputs.node.classList.add("live-outputs");

    this.walkSlide = slider("outputs counted", { min: 0, max: this.total, step: 1, input: (v) => this.set("seen", v), change: () => this.tell() });
    this.walkText = h("span", { className: "live-number" });
    this.walkSlide.node.append(this.walkText);
    this.said = h("p", { className: "live-note" });
    this.slide = slider("", { min: -REACH, max: REACH, step: GRAIN, input: (v) => this.moveTo(snap(v, GRAIN)), change: () => this.rest() });
    this.exact = numberInput("exact value", { change: (v) => { this.moveTo(v, false); this.rest(); } });

    this.root.append(
      h("div", { className: "live-readouts" }, ...Object.values(this.out).map(({ node }) => node)),
      h("div", { className: "live-walk" },
        h("div", { className: "live-buttons" },
          button("Next output", () => this.count(this.seen + 1)), button("All", () => this.count(this.total)), button("None", () => this.count(0)), button("Reset", () => this.reset())),
        h("div", { className: "live-controls live-count" }, this.walkSlide.node), this.said),
      h("div", { className: "live-convolution" },
        this.grids.x.node, h("div", { className: "live-arrays" }, this.grids.w.node, this.grids.b.node), this.outputs.node),
      h("div", { className: "live-controls" }, this.slide.node, this.exact.node),
    );
  }

  paint() {
    if (this.due.state) this.save(!this.held);
    else if (this.due.rest) this.model.save_changes();
    this.due = {};
    const found = this.compute();
    const { out, seen, pixel } = this;
    out.loss.show(found.loss, format(found.loss));
    out.bias.show(found.back.b[0], formatSigned(found.back.b[0]));
    out.forward.show(found.forward, format(found.forward));
    out.backward.show(found.backward, format(found.backward));
    const scale = Math.max(...[...Object.values(found.back), found.g].flatMap((array) => [...array].map(Math.abs)).filter(Number.isFinite), 0);
    for (const [name, grid] of Object.entries(this.grids)) {
      const chosen = name === this.entry.name;
      if (chosen) grid.show(this.entry.index);
      grid.draw(this.values[name], found.back[name], scale, chosen ? this.entry.index : null);
    }
    if (pixel) this.outputs.show(pixel);
    this.outputs.draw(found.y, found.g, scale, pixel);
    this.outline(pixel);
    this.outputs.slopes.forEach(({ node, flat }) => node.classList.toggle("live-waiting", flat >= seen));

    write(this.slide.name, `move ${this.name}`);
    const { input } = this.slide;
    if (Math.abs(this.value) > Number(input.max)) Object.assign(input, { min: -2 * Math.abs(this.value), max: 2 * Math.abs(this.value) });
    if (input.valueAsNumber !== this.value) input.value = this.value;
    input.setAttribute("aria-valuetext", brief(this.value));
    this.exact.show(this.value);
    write(this.exact.name, `exact ${this.name}`);
    if (this.walkSlide.input.valueAsNumber !== seen) this.walkSlide.input.value = seen;
    write(this.walkText, `${seen} of ${this.total}`);
    write(this.said, this.note || this.sentence(found));
  }

  /** Outline the window of the last output in the picture and in its gradient, and the filter whole. */
  outline(pixel) {
    const inside = ([i, j]) => pixel && i >= pixel[0] && i < pixel[0] + this.high && j >= pixel[1] && j < pixel[1] + this.wide;
    this.grids.x.cells.forEach(({ node, at }, k) => {
      node.classList.toggle("live-window", Boolean(inside(at)));
      this.grids.x.slopes[k].node.classList.toggle("live-window", Boolean(inside(at)));
    });
  }
}
