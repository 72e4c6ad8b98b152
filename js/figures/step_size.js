// StepSize: how far off a difference quotient is, against its step h. Truncation pulls one way and
// rounding the other; the complex step has nothing to subtract. Lead h about, or the point itself.

import { Figure, copy, mount, needScalar } from "../figure.js";
import { load } from "../program.js";
import { Plot, svg } from "../plot.js";
import { Differences, METHODS, STEPS } from "../differences.js";
import { ArrayPanel, brief, button, format, h, mark, numbered, numberInput, numeral, power, room, slider, write } from "../controls.js";
import "./step_size.css";

const PATIENCE = 0.25; // milliseconds of one frame that sampling the curves may take
const [SMALLEST, LARGEST] = [-16, 0]; // log10 of the step
const DOMAIN = [1e-16, 1, 1e-18, 1e2]; // the same for both precisions, so that the floor is seen to rise
const WORDS = { forward: "forward", central: "central", complex: "complex step" };
const SIGNS = { forward: "●", central: "■", complex: "◆" };
const LOOKS = { forward: "live-loss", central: "live-tangent", complex: "live-secant" };
const PRECISIONS = { float64: "float64", float32: "float32" };

export const render = (view) => mount("step-size", StepSize, view);

/** Every 24th point first, then those between: the curves are whole early and fine later. */
const ORDER = (() => {
  const order = new Set();
  for (const gap of [24, 12, 6, 3, 1]) for (let k = 0; k < STEPS.length; k += gap) order.add(k);
  return [...order];
})();

const shapes = {
  forward: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  central: (x, y, r) => `M${x - 0.9 * r} ${y - 0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`,
  complex: (x, y, r) => `M${x} ${y - 1.25 * r}l${1.25 * r} ${1.25 * r}l${-1.25 * r} ${1.25 * r}l${-1.25 * r} ${-1.25 * r}z`,
};

class StepSize extends Figure {
  constructor(model, root) {
    super(model, root, ["step", "precision"]);
  }

  admit() {
    needScalar(this.program);
    this.engines = new Map();
    this.due = { curve: true, range: true };
  }

  get step() {
    return this.positive("step", 1e-5);
  }

  /** Whether the curves have all their points. */
  get whole() {
    return this.sampled === ORDER.length;
  }

  get precision() {
    const precision = this.model.get("precision");
    return typeof precision === "string" && Object.hasOwn(PRECISIONS, precision) ? precision : "float64";
  }

  /** The differences by the chosen array, in a precision. */
  engine(precision) {
    const { name } = this.entry;
    const key = `${precision} ${name}`;
    if (!this.engines.has(key)) {
      this.single ??= precision === "float32" ? load(this.model.get("program"), { precision: Float32Array }) : undefined;
      this.engines.set(key, new Differences(precision === "float32" ? this.single : this.program, name));
    }
    return this.engines.get(key);
  }

  moved() {
    this.due.curve = true;
  }

  chosen() {
    Object.assign(this.due, { curve: true, range: true });
    write(this.said, ""); // it is of the entry before
  }

  // What a reader does.

  choose(name, index) {
    if (!this.turnTo(name, index)) return;
    this.arrays.draw(this.values, this.grad, this.entry);
    this.arrays.reveal(name);
    this.tell();
  }

  moveTo(value, held) {
    this.due.curve = true;
    super.moveTo(value, held);
  }

  stepTo(step, told = true) {
    if (step > 0) this.set("step", step);
    else this.schedule();
    if (told) this.tell();
  }

  tell(before = "") {
    const { engine, estimates } = this.compute();
    const off = this.methods(engine).map((method) => `${WORDS[method]} is off by ${small(engine.error(estimates[method]))}`);
    this.announcer.say(`${before}${this.name} = ${format(this.value)}, h = ${brief(this.step)}, ${this.precision}: ${off.join(", ")}.`);
  }

  // The page.

  build() {
    this.cells = Object.fromEntries(["truth", ...METHODS].map((key) => [key, this.row(key)]));
    const heads = ["", "estimate", "error", "best h"].map((text) => h(text ? "th" : "td", text ? { scope: "col" } : {}, text));
    [, this.estimateHead, this.errorHead] = heads;
    const table = h("table", { className: "live-quotients", "aria-label": "The gradient's entry, and three estimates of it" },
      h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...Object.values(this.cells).map((cell) => cell.node)));

    this.stage = h("div", { className: "live-stage" });
    this.plot = new Plot(this.stage, "relative error", { log: "xy" });
    this.plot.setDomain(...DOMAIN);
    const { plot } = this;
    this.floor = plot.path("live-floor");
    this.line = plot.path("live-run");
    this.drops = Object.fromEntries(METHODS.map((method) => [method, plot.path(`live-drop ${LOOKS[method]}`)]));
    this.curves = Object.fromEntries(METHODS.map((method) => [method, plot.path(`live-error ${LOOKS[method]}`)]));
    this.marks = svg("g", {}, plot.over);
    const marks = (kind) => Object.fromEntries(METHODS.map((method) => [method, svg("path", { class: `${kind} ${LOOKS[method]}` }, this.marks)]));
    [this.bests, this.heres] = [marks("live-best"), marks("live-mark")];
    this.labels = Object.fromEntries(METHODS.map((method) => [method, plot.label(LOOKS[method], WORDS[method])]));
    this.exactText = svg("text", { class: "live-label", "text-anchor": "end" }, plot.over);
    this.exactText.textContent = "exact";
    this.undo.push(plot.onDrag((x) => this.stepTo(rounded(x), false), () => this.tell()));

    this.h = slider("", { min: SMALLEST, max: LARGEST, step: 0.05, input: (v) => this.stepTo(rounded(10 ** v), false), change: () => this.tell() });
    this.exactH = numberInput("exact h", { min: 0, change: (v) => this.stepTo(v) });
    this.buildMovers();
    this.out = numeral("value");
    numbered(this.slide, this.out.node);
    this.pick = h("select", { onchange: () => { this.set("precision", this.pick.value); this.tell(); } },
      ...Object.entries(PRECISIONS).map(([value, text]) => h("option", { value }, text)));
    this.arrays = new ArrayPanel(this.inputs, (name, index) => this.choose(name, index));
    this.said = h("p", { className: "live-note" });
    this.root.append(
      table,
      h("div", { className: "live-body" },
        h("div", { className: "live-left" }, this.stage, this.h.node, room(this.said)),
        h("div", { className: "live-right" },
          h("div", { className: "live-controls live-first" }, this.slide.node, this.exact.node, this.exactH.node,
            h("label", { className: "live-field" }, h("span", {}, "computed in"), this.pick),
            h("div", {}, this.buildReset())),
          this.arrays.node)),
    );
    this.watch(this.stage);
  }

  /** A line of the table: the name, the digits, the error, and a button that goes to the best h. */
  row(key) {
    const { node: output } = numeral(key);
    const parts = ["live-right-digits", "live-wrong-digits", ""].map((className) => h("span", { className }));
    output.replaceChildren(...parts);
    const name = h("th", { scope: "row", className: LOOKS[key] ?? "" });
    name.append(...(key === "truth" ? ["by rules"] : [h("span", { className: "live-sign", "aria-hidden": "true" }, SIGNS[key]), ` ${key}`]));
    if (key === "truth") return { node: h("tr", {}, name, h("td", {}, output), h("td"), h("td")), output, parts };
    const [error, best] = [numeral(`${key}-error`), numeral(`${key}-best`)];
    const go = button("", () => this.stepTo(this.best[key]));
    go.append(best.node);
    return { node: h("tr", {}, name, h("td", {}, output), h("td", {}, error.node), h("td", {}, go)), output, parts, error, best, go };
  }

  methods({ complex }) {
    return complex ? METHODS : METHODS.slice(0, 2);
  }

  // One frame: compute, then draw.

  compute() {
    if (this.due.curve) this.grad = copy(this.program.valueAndGrad(this.values).grad);
    const engine = this.stand(this.precision);
    return { engine, estimates: engine.estimates(this.step) };
  }

  /** The differences in a precision, at the point as it is. */
  stand(precision) {
    const engine = this.engine(precision);
    engine.stand(this.values, this.here, this.grad[this.entry.name][this.here]);
    return engine;
  }

  settle() {
    this.arrays.reveal(this.entry.name);
  }

  paint() {
    const width = Math.round(this.width(this.stage));
    if (width) this.plot.resize(width, Math.round(Math.max(240, Math.min(380, width * 0.7))));
    if (this.due.state) this.save(!this.held);
    else if (this.due.rest) this.model.save_changes();
    if (this.setRange(this.due.range)) Object.assign(this.slide.input, { min: this.range[0], max: this.range[1], step: this.grain });
    const found = this.compute();
    if (this.due.curve || this.sampledIn !== this.precision) this.startCurves();
    if (!this.whole) this.sample(found);
    this.draw(found);
    this.write(found);
    this.due = {};
    if (!this.whole) this.schedule();
  }

  startCurves() {
    this.sampledIn = this.precision;
    this.errors = Object.fromEntries(METHODS.map((method) => [method, new Float64Array(STEPS.length).fill(NaN)]));
    this.sampled = 0;
  }

  sample({ engine }) {
    const until = performance.now() + PATIENCE;
    do {
      const k = ORDER[this.sampled++];
      const estimates = engine.estimates(STEPS[k]);
      for (const method of METHODS) this.errors[method][k] = engine.error(estimates[method]);
    } while (!this.whole && (this.sampled < 5 || performance.now() < until));
    this.known = ORDER.slice(0, this.sampled).sort((a, b) => a - b);
    this.shape = this.whole ? this.stand("float64").shape() : "";
    this.best = Object.fromEntries(METHODS.map((method) => [method, this.whole ? STEPS[engine.best(this.errors[method])] ?? NaN : NaN]));
    this.redraw = true;
  }

  draw({ engine, estimates }) {
    const { plot, known } = this;
    const { width, height, left, top } = plot.inner;
    const least = engine.eps / 4;
    const floored = (error) => Math.max(error, least);
    const size = `${plot.width} ${plot.height}`;
    if (this.redraw || this.drawn !== size) {
      for (const method of METHODS) {
        const errors = known.map((k) => floored(this.errors[method][k]));
        plot.curve(this.curves[method], known.map((k) => STEPS[k]), errors);
        const best = this.best[method];
        const [x, y] = [plot.x(best), plot.y(floored(this.errors[method][STEPS.indexOf(best)]))].map(Math.round);
        const shown = y >= 0;
        mark(this.bests[method], "d", shown ? shapes[method](x, y, 6.5) : "");
        mark(this.drops[method], "d", shown ? `M${x} ${y + 8}V${height}` : "");
        const heights = errors.map((error) => plot.y(error));
        this.labels[method].at = (px) => {
          const at = (1 - px / width) * (heights.length - 1);
          const i = Math.max(0, Math.min(heights.length - 2, Math.floor(at)));
          return heights[i] + (at - i) * (heights[i + 1] - heights[i]);
        };
      }
      mark(this.floor, "d", `M0 ${plot.y(least).toFixed(1)}H${width}`);
      mark(this.exactText, "x", String(left + width - 2));
      mark(this.exactText, "y", (top + plot.y(least) + 14).toFixed(1));
      mark(this.marks, "transform", `translate(${left} ${top})`);
      const beside = plot.y(least) + 8;
      if (this.whole || this.drawn !== size) plot.placeLabels([[width - 12, beside], [width - 26, beside]]); // where "exact" stands
      if (!this.whole) for (const label of plot.labels) label.place = -1; // no place to keep to, before the curves are whole
      this.drawn = size;
      this.redraw = false;
    }
    const x = Math.round(plot.x(this.step));
    const within = x >= 0 && x <= width;
    mark(this.line, "d", within ? `M${x} 0V${height}` : "");
    for (const method of METHODS) {
      const y = Math.round(plot.y(floored(engine.error(estimates[method]))));
      mark(this.heres[method], "d", within && y >= 0 ? shapes[method](x, y, 5.5) : "");
    }
  }

  write({ engine, estimates }) {
    const { cells, name, value, step, precision } = this;
    const kind = engine.absolute ? "absolute error" : "relative error";
    write(this.plot.yName, kind);
    write(this.errorHead, kind);
    write(this.estimateHead, `∂L/∂${name} at h = ${brief(step)}`);
    const measure = engine.absolute ? undefined : engine.truth;
    this.digits(cells.truth, engine.truth, measure);
    for (const method of METHODS) {
      const { error, best, go, node } = cells[method];
      const off = engine.error(estimates[method]);
      node.hidden = method === "complex" && !engine.complex;
      this.digits(cells[method], estimates[method], measure);
      error.show(off, off === 0 ? "exact" : small(off));
      const known = Number.isFinite(this.best[method]);
      const place = known ? brief(this.best[method]) : this.whole ? "none" : "…";
      best.show(this.best[method], place);
      go.disabled = !known;
      mark(go, "aria-label", `${place}: take the best h of the ${WORDS[method]}`);
    }
    this.out.show(value, format(value));
    write(this.slide.name, `move ${name}`);
    const { input } = this.slide;
    if (input.valueAsNumber !== value) input.value = value;
    mark(input, "aria-valuetext", brief(value));
    write(this.exact.name, `exact ${name}`);
    this.exact.show(value);
    write(this.h.name, `move step h = ${brief(step)}`);
    if (Math.abs(this.h.input.valueAsNumber - Math.log10(step)) > 0.03) this.h.input.value = Math.log10(step);
    mark(this.h.input, "aria-valuetext", brief(step));
    this.exactH.show(step);
    if (this.pick.value !== precision) this.pick.value = precision;
    if (this.due.curve) this.arrays.draw(this.values, this.grad, this.entry);
    write(this.said, this.note || (this.verdict(engine) ?? this.said.textContent));
    if (!this.held) this.describe(kind, engine, estimates);
  }

  /** The plot in words, for who does not see it: once the point is let go of. */
  describe(kind, engine, estimates) {
    const words = this.methods(engine).map((method) => `${WORDS[method]} ${small(engine.error(estimates[method]))}${Number.isFinite(this.best[method]) ? `, at its best near h = ${brief(this.best[method])}` : ""}`);
    mark(this.plot.node, "aria-label", `The ${kind} of each difference against its step h, from 1 down to ${brief(10 ** SMALLEST)}, in ${this.precision}. At h = ${brief(this.step)}: ${words.join("; ")}.`);
  }

  /** Write a number's digits, those in which the truth differs struck out; few where it is no measure. */
  digits({ output, parts }, value, truth) {
    mark(output, "data-value", String(value));
    const length = truth === undefined ? 6 : this.precision === "float32" ? 8 : 16;
    const spell = (number) => (!Number.isFinite(number) ? format(number) : number ? number.toPrecision(length) : "0").split("e");
    const [digits, exponent] = spell(value);
    const cut = truth === undefined || !Number.isFinite(value) ? digits.length : agreed(spell(value), spell(truth), Math.abs(value / truth - 1));
    write(parts[0], digits.slice(0, cut).replace("-", "−"));
    write(parts[1], digits.slice(cut));
    write(parts[2], exponent ? `×${power(Number(exponent))}` : "");
  }

  /** What is wrong with the two differences at this step. */
  spoilt() {
    const [one, other] = ["forward", "central"].map((method) => {
      const far = this.step / this.best[method];
      return far > 10 ? "truncation spoils" : far < 0.1 ? "rounding spoils" : "";
    });
    if (one === other) return one ? `${one} both differences` : "both differences are near their best";
    const words = (spoiler, name) => (spoiler ? `${spoiler} the ${name} difference` : `the ${name} difference is near its best`);
    return `${words(one, "forward")}, and ${words(other, "central")}`;
  }

  /** What the curves say, or null until they are whole. */
  verdict(engine) {
    const { name, shape, step } = this;
    if (!Number.isFinite(engine.truth)) {
      return `The loss has no finite slope at ${name} = ${format(this.value)}: there is nothing to compare with.`;
    }
    if (!this.whole) return null;
    const said = [];
    if (engine.refusal) said.push(`No complex step: ${engine.refusal}.`);
    if (shape === "line" && engine.absolute) said.push(`The loss does not answer to ${name}: its slope is 0. What a difference shows is rounding, and errors are absolute.`);
    else if (shape === "line") said.push(`Along ${name} the loss is a straight line. No difference has a truncation error: there is no U, and a smaller h is only worse.`);
    else if (shape === "parabola") said.push(`Along ${name} the loss is a parabola. The central difference has no truncation error, only rounding: there is no U, and a smaller h is only worse.`);
    else {
      if (engine.absolute) said.push("The slope is 0 here: errors are absolute.");
      said.push(`At this h ${this.spoilt()}.`);
    }
    return said.join(" ");
  }
}

const rounded = (step) => Number(step.toPrecision(2));

/** How many characters two numbers share, spelt as [digits, exponent], at relative error `off`. */
function agreed([a, powerOfA], [b, powerOfB], off) {
  const places = [...a].flatMap((c, i) => (c >= "0" && c <= "9" ? [i] : []));
  const lead = Math.max(0, places.findIndex((i) => a[i] !== "0"));
  let cut = 0;
  if (powerOfA === powerOfB) while (cut < a.length && a[cut] === b[cut]) cut++;
  const right = lead + Math.floor(-Math.log10(off)); // more than are shared where 0.9999 stands for 1
  const shared = places.filter((i) => i < cut).length;
  return right > shared + 1 ? places[right] ?? a.length : cut;
}

/** An error to read, in two digits. */
const small = (error) => brief(Number(error.toPrecision(2)));
