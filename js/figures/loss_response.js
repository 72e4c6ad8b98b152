// LossResponse: one loss, any entry of any array. Move the entry; see the loss, the tangent whose
// slope is the gradient's entry, and the secant of a forward difference.

import { Figure, copy, mount, needScalar } from "../figure.js";
import { Plot, snap } from "../plot.js";
import {
  ArrayPanel, brief, button, format, formatSigned, h, numbered, numberInput, readout, slider, write,
} from "../controls.js";

const SAMPLES = 192; // intervals of the curve
const PATIENCE = 2.5; // milliseconds of one frame that sampling the curve may take
const SMALLEST_STEP = -8; // log10 of the smallest finite-difference step
const LARGEST_STEP = 1;

export const render = (view) => mount("loss-response", LossResponse, view);

/** Every other point first, then those between: the curve is whole early and fine later. */
const ORDER = (() => {
  const order = [0, SAMPLES];
  for (let gap = 64; gap >= 1; gap = Math.floor(gap / 2)) {
    for (let i = gap; i < SAMPLES; i += gap) if (!order.includes(i)) order.push(i);
  }
  return order;
})();

class LossResponse extends Figure {
  constructor(model, root) {
    super(model, root, ["rate", "step"]);
    this.chosen();
  }

  admit() {
    needScalar(this.program);
  }

  get rate() {
    return this.positive("rate", 0.1);
  }

  get step() {
    return this.positive("step", 0.5);
  }

  moved(before) {
    const { here } = this;
    this.due.curve ||= this.inputs.some(({ name }) => this.values[name].some((v, i) =>
      !Object.is(v, before[name][i]) && !(name === this.entry.name && i === here)));
  }

  chosen() {
    Object.assign(this.due, { curve: true, range: true });
  }

  // What a reader does.

  choose(name, index) {
    if (!this.turnTo(name, index)) return;
    this.drawArrays();
    this.arrays.reveal(name);
    this.tell();
  }

  takeStep() {
    const { grad, loss } = this.compute();
    if (!Object.values(grad).every((g) => g.every(Number.isFinite))) {
      this.note = "No step was taken: the gradient is not finite here.";
    } else {
      for (const { name } of this.inputs) {
        for (let i = 0; i < grad[name].length; i++) this.values[name][i] -= this.rate * grad[name][i];
      }
      const next = this.program.run(this.values)[0];
      const way = next < loss ? "fell" : next > loss ? "rose" : "stayed";
      this.note = next === loss ? `One step: the loss stayed at ${format(loss)}.` : `One step: the loss ${way} from ${format(loss)} to ${format(next)}.`;
      Object.assign(this.due, { curve: true, state: true, rest: true });
    }
    this.schedule();
    this.tell(this.note);
  }

  tell(before = "") {
    const { loss, slope } = this.compute();
    this.announcer.say(`${before} ${this.name} = ${format(this.value)}: loss ${format(loss)}, slope ${formatSigned(slope)}.`.trim());
  }

  // The page.

  build() {
    const shown = (quantity, className) => readout(quantity, className);
    this.out = { value: shown("value"), loss: shown("loss", "live-loss"), slope: shown("slope", "live-tangent"), secant: shown("secant", "live-secant") };
    write(this.out.loss.name, "loss L");

    const stage = h("div", { className: "live-stage" });
    this.plot = new Plot(stage, "loss L");
    this.marks = {
      run: this.plot.path("live-run"), loss: this.plot.path("live-loss"), secant: this.plot.path("live-secant"),
      tangent: this.plot.path("live-tangent"), far: this.plot.dot("live-far", 4.5), point: this.plot.dot("live-point", 8),
    };
    this.labels = { loss: this.plot.label("live-loss", "loss"), tangent: this.plot.label("live-tangent", "tangent"), secant: this.plot.label("live-secant", "secant") };
    this.undo.push(this.plot.onDrag((x) => this.moveTo(snap(x, this.grain)), () => this.rest()));

    this.buildMovers();
    this.h = slider("finite-difference step", {
      min: SMALLEST_STEP, max: LARGEST_STEP, step: 0.1,
      input: (v) => this.keep("step", Number((10 ** v).toPrecision(2))), change: () => this.tell(),
    });
    this.hText = numbered(this.h);
    this.lr = numberInput("learning rate", { change: (v) => this.keep("rate", v), min: 0 });

    this.arrays = new ArrayPanel(this.inputs, (name, index) => this.choose(name, index));
    this.said = h("p", { className: "live-note" });
    const { value, loss, slope, secant } = this.out;
    this.root.append(
      h("div", { className: "live-readouts" }, value.node, loss.node, slope.node, secant.node),
      h("div", { className: "live-body" },
        h("div", { className: "live-left" }, stage, this.slide.node,
          h("div", { className: "live-controls" }, this.exact.node, this.lr.node, this.h.node,
            h("div", { className: "live-buttons" }, button("One gradient step", () => this.takeStep()), this.buildReset(), this.said))),
        h("div", { className: "live-right" }, this.arrays.node)),
    );
    this.stage = stage;
    this.watch(stage);
  }

  keep(key, value) {
    if (value > 0) this.set(key, value);
    else this.schedule();
  }

  // One frame: compute, then draw.

  compute() {
    const { value: loss, grad } = this.program.valueAndGrad(this.values);
    const array = this.values[this.entry.name];
    const here = this.here;
    const slope = grad[this.entry.name][here];
    const kept = copy(grad);
    const [x, step] = [array[here], this.step];
    array[here] = x + step;
    const ahead = this.program.run(this.values)[0];
    array[here] = x;
    return { loss, grad: kept, slope, ahead, secant: (ahead - loss) / step };
  }

  settle() {
    this.arrays.reveal(this.entry.name);
  }

  paint() {
    const width = Math.round(this.width(this.stage));
    if (width) this.plot.resize(width, Math.round(Math.max(220, Math.min(340, width * 0.62))));
    const { loss, grad, slope, ahead, secant } = this.compute();
    this.grad = grad;
    if (this.due.state) this.save(!this.held);
    else if (this.due.rest) this.model.save_changes();
    this.spread();
    if (this.due.curve) this.startCurve();
    this.sampleCurve();
    this.setHeight(loss);
    this.drawPlot(loss, slope, ahead, secant);
    this.drawNumbers(loss, slope, secant);
    this.due = { curve: false, range: false, state: false, rest: false };
    if (this.sampled < ORDER.length) this.schedule();
  }

  spread() {
    if (!this.setRange(this.due.range)) return;
    Object.assign(this.slide.input, { min: this.range[0], max: this.range[1], step: this.grain });
    Object.assign(this.due, { curve: true, range: true });
  }

  startCurve() {
    const [low, high] = this.range;
    this.xs = Float64Array.from({ length: SAMPLES + 1 }, (_, i) => low + ((high - low) * i) / SAMPLES);
    this.ys = new Float64Array(SAMPLES + 1).fill(NaN);
    this.sampled = 0;
    this.fresh = true;
  }

  sampleCurve() {
    if (this.sampled === ORDER.length) return;
    const array = this.values[this.entry.name];
    const here = this.here;
    const x = array[here];
    const until = performance.now() + PATIENCE;
    do {
      const i = ORDER[this.sampled++];
      array[here] = this.xs[i];
      this.ys[i] = this.program.run(this.values)[0];
    } while (this.sampled < ORDER.length && (this.sampled < 7 || performance.now() < until));
    array[here] = x;
    this.known = ORDER.slice(0, this.sampled).sort((a, b) => a - b);
    this.redraw = true;
  }

  /** The height fits the curve, and keeps still while the curve still fills it well. */
  setHeight(loss) {
    const ys = this.known.map((i) => this.ys[i]).filter(Number.isFinite).sort((a, b) => a - b);
    if (Number.isFinite(loss)) ys.push(loss);
    if (!ys.length) return this.plot.setDomain(...this.range, 0, 1);
    const at = (share) => ys[Math.round(share * (ys.length - 1))];
    const spread = at(0.75) - at(0.25);
    let low = Math.max(Math.min(...ys), at(0.25) - 6 * spread);
    let high = Math.min(Math.max(...ys), at(0.75) + 6 * spread);
    if (Number.isFinite(loss)) [low, high] = [Math.min(low, loss), Math.max(high, loss)];
    if (!(high - low > Math.abs(high) * 1e-12)) [low, high] = [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
    if (low >= 0 && low < 0.4 * high) low = 0;
    const room = (high - low) * 0.07;
    const wanted = [low - room, high + room];
    const [, , y0, y1] = this.plot.domain;
    const fits = wanted[0] >= y0 - room && wanted[1] <= y1 + room && wanted[1] - wanted[0] > 0.4 * (y1 - y0);
    const settled = this.settled === String(this.range);
    if (settled && (this.held || fits)) return;
    if (this.sampled === ORDER.length) this.settled = String(this.range);
    this.plot.setDomain(...this.range, ...wanted);
    this.redraw = true;
  }

  drawPlot(loss, slope, ahead, secant) {
    const { plot, marks, labels } = this;
    const x = this.value;
    const domain = String([plot.domain, plot.width, plot.height]);
    if (this.redraw || this.drawn !== domain) {
      plot.curve(marks.loss, this.known.map((i) => this.xs[i]), this.known.map((i) => this.ys[i]));
      this.drawn = domain;
      this.redraw = false;
    }
    plot.line(marks.tangent, x, loss, slope);
    plot.line(marks.secant, x, loss, secant);
    plot.put(marks.point, x, loss);
    plot.put(marks.far, x + this.step, ahead);
    plot.curve(marks.run, [x, x + this.step, x + this.step], [loss, loss, ahead]);
    const across = (px) => plot.domain[0] + (px / plot.inner.width) * (plot.domain[1] - plot.domain[0]);
    const [low, high] = this.range;
    labels.loss.at = (px) => {
      const place = ((across(px) - low) / (high - low)) * SAMPLES;
      const i = Math.max(0, Math.min(SAMPLES - 1, Math.floor(place)));
      return plot.y(this.ys[i] + (place - i) * (this.ys[i + 1] - this.ys[i]));
    };
    labels.tangent.at = (px) => plot.y(loss + slope * (across(px) - x));
    labels.secant.at = (px) => plot.y(loss + secant * (across(px) - x));
    plot.placeLabels([[plot.x(x), plot.y(loss)], [plot.x(x + this.step), plot.y(ahead)]].filter(([a, b]) => Number.isFinite(a + b)));
  }

  drawNumbers(loss, slope, secant) {
    const { out, name, value } = this;
    write(out.value.name, name);
    write(out.slope.name, `tangent ∂L/∂${name}`);
    write(out.secant.name, `secant, h = ${brief(this.step)}`);
    out.value.show(value, format(value));
    out.loss.show(loss, format(loss));
    out.slope.show(slope, formatSigned(slope));
    out.secant.show(secant, formatSigned(secant));
    write(this.slide.name, `move ${name}`);
    const { input } = this.slide;
    if (input.valueAsNumber !== value) input.value = value;
    input.setAttribute("aria-valuetext", brief(value));
    this.exact.show(value);
    write(this.exact.name, `exact ${name}`);
    this.lr.show(this.rate);
    if (Math.abs(this.h.input.valueAsNumber - Math.log10(this.step)) > 0.05) this.h.input.value = Math.log10(this.step);
    write(this.hText, `h = ${brief(this.step)}`);
    this.h.input.setAttribute("aria-valuetext", brief(this.step));

    this.drawArrays();
    write(this.said, this.note || this.warning(loss, slope));
    this.plot.node.setAttribute("aria-label", `The loss as ${name} moves from ${brief(this.range[0])} to ${brief(this.range[1])}. At ${format(value)} the loss is ${format(loss)} and the tangent's slope ${formatSigned(slope)}.`);
  }

  drawArrays() {
    this.arrays.draw(this.values, this.grad, this.entry);
  }

  warning(loss, slope) {
    if (!Number.isFinite(loss)) return `The loss is ${Number.isNaN(loss) ? "undefined" : "too large for a float64"} at ${this.name} = ${format(this.value)}: there is no point, and no tangent, to draw.`;
    if (!Number.isFinite(slope)) return `The loss has no finite slope at ${this.name} = ${format(this.value)}.`;
    if (this.known.some((i) => !Number.isFinite(this.ys[i]))) return "The curve has a gap where the loss is not a finite number.";
    return "";
  }
}
