// Cotangent: the Jacobian of an output of any shape, the vector v that weighs its rows, and vᵀJ. Turn
// v; press "ones", the most natural-looking choice, and see what it cannot see.

import { Figure, copy, mount, readArray } from "../figure.js";
import { Dial, direction } from "../dial.js";
import { normal } from "../random.js";
import { niceAbove, niceBelow, snap } from "../plot.js";
import {
  ArrayGrid, brief, button, entryName, flatIndex, format, formatSigned, h, mark, numberInput, numeral, own, readout, room, tint, track, widen, write,
} from "../controls.js";
import "./cotangent.css";

const MOST = 400; // entries of a Jacobian that is shown
const NEARLY = 2 ** 20 * Number.EPSILON; // of the sizes summed: what a sum leaves of nothing
const SLIDERS = 6; // with more outputs than this, v has numbers only
const SHOWN = 48; // with more entries than this, one array at a time
const NAMED = 3; // outputs that a sentence counts up
const SEEDS = 2 ** 32;

export const render = (view) => mount("cotangent", Cotangent, view);

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

/** `name[0, 1]` for every entry of an array, in order. */
function entryNames(name, shape) {
  const indices = shape.reduce((found, size) => found.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])), [[]]);
  return indices.map((index) => entryName(name, index));
}

/** The angles, other than eighths of a turn, at which two rows of one line cancel; `dot` has their products. */
function blindAngles([[aa, ab], [, bb]]) {
  if (!(aa * bb > 0) || aa * bb - ab * ab > 1e-12 * aa * bb) return [];
  const angle = ((Math.atan2(aa, -ab) * 180) / Math.PI + 360) % 180;
  return Math.abs(angle - 45 * Math.round(angle / 45)) > 1e-6 ? [angle, angle + 180] : [];
}

class Cotangent extends Figure {
  constructor(model, root) {
    super(model, root, ["plane", "seed"]);
    this.listen("v", () => this.hearV());
  }

  admit() {
    this.shape = this.program.outputShape;
    this.size = sizeOf(this.shape);
    this.outs = entryNames("y", this.shape);
    this.weights = entryNames("v", this.shape);
  }

  fits(name) {
    return this.size * sizeOf(this.shapes[name]) <= MOST;
  }

  tooLarge(name) {
    const columns = sizeOf(this.shapes[name]);
    return `The Jacobian by ${name} would have ${this.size} × ${columns} entries, and this figure shows ${MOST} at most.`;
  }

  get wrt() {
    return this.entry.name;
  }

  get columns() {
    return sizeOf(this.shapes[this.wrt]);
  }

  get seed() {
    const seed = this.model.get("seed");
    return Number.isInteger(seed) && seed >= 0 && seed < SEEDS ? seed : 0;
  }

  get plane() {
    const plane = this.model.get("plane");
    const good = Array.isArray(plane) && plane.length === 2 && plane[0] !== plane[1]
      && plane.every((i) => Number.isInteger(i) && i >= 0 && i < this.size);
    return good ? plane : [0, Math.min(1, this.size - 1)];
  }

  readV() {
    const v = readArray({ v: this.model.get("v") }, "v", this.shape);
    if (!v.every(Number.isFinite)) throw new Error("v holds what is not a finite number.");
    return v;
  }

  hearV() {
    if (this.model.get("v") === this.writtenV) return;
    try {
      this.v = this.readV();
    } catch (error) {
      this.note = `Nothing was changed: ${error.message}`;
    }
    this.schedule();
  }

  hearEntry() {
    const next = this.readEntry("entry");
    if (!next || this.fits(next.name)) super.hearEntry();
  }

  moved() {
    this.stale = true;
  }

  chosen() {
    Object.assign(this.due, { range: true });
    this.stale = true;
  }

  // What a reader does.

  choose(name, index) {
    if (!this.fits(name)) this.note = this.tooLarge(name);
    else this.turnTo(name, index);
    this.paint();
    this.grids[name].reveal();
    this.tell();
  }

  moveTo(value, held) {
    this.stale = true;
    super.moveTo(value, held);
  }

  weigh(v) {
    this.v = Float64Array.from(v);
    this.due.v = true;
    this.note = "";
    this.schedule();
  }

  weighOne(i, value) {
    this.weigh(this.v.with(i, value));
  }

  /** One output alone; asked again, the next one. The dial follows. */
  oneHot() {
    const [hot, ...more] = this.loud();
    const already = !more.length && this.v[hot] === 1;
    const next = already ? (hot + 1) % this.size : this.plane[0];
    if (!this.plane.includes(next)) this.set("plane", [hot, next]);
    this.weigh(this.v.map((_, i) => Number(i === next)));
  }

  random() {
    const again = this.isRandom();
    if (again) this.set("seed", (this.seed + 1) % SEEDS);
    this.weigh(normal(this.seed, this.size));
  }

  isRandom() {
    return normal(this.seed, this.size).every((x, i) => x === this.v[i]);
  }

  turn(degrees) {
    const [a, b] = this.plane;
    const [x, y] = direction(degrees);
    const length = this.radius();
    this.weigh(this.v.with(a, length * x).with(b, length * y));
  }

  /** The length of v in the dial's plane, without the dust of many turns; 1 if there is none. */
  radius() {
    const [a, b] = this.plane;
    return Number(Math.hypot(this.v[a], this.v[b]).toPrecision(14)) || 1;
  }

  span(which, output) {
    const plane = [...this.plane];
    if (plane[1 - which] === output) plane[1 - which] = plane[which];
    plane[which] = output;
    this.set("plane", plane);
  }

  tell(before = "") {
    this.compute();
    this.announcer.say(`${before}${this.asks()} ${this.hides()} ${this.name} = ${format(this.value)}: vᵀJ there is ${formatSigned(this.grad[this.wrt][this.here])}.`);
  }

  // The page.

  build() {
    if (!this.fits(this.wrt)) {
      const other = this.inputs.find(({ name }) => this.fits(name));
      if (!other) throw new Error(this.tooLarge(this.wrt));
      this.entry = { name: other.name, index: other.shape.map(() => 0) };
    }
    try {
      this.v = this.readV();
    } catch {
      this.v = Float64Array.from({ length: this.size }, (_, i) => Number(i === 0));
    }
    this.stale = true;
    this.due.range = true;
    const many = this.size > 1;
    this.out = { value: readout("value"), weighted: readout("weighted", "live-loss"), slope: readout("slope", "live-tangent"), ...(many && { sum: readout("sum", "live-secant") }) };
    write(this.out.weighted.name, many ? "L = vᵀy" : "L = v y");

    this.presets = many ? {
      "one-hot": () => this.oneHot(), ones: () => this.weigh(this.v.map(() => 1)),
      "1/N": () => this.weigh(this.v.map(() => 1 / this.size)), random: () => this.random(),
    } : { "v = 1": () => this.weigh([1]) };
    this.buttons = Object.entries(this.presets).map(([name, press]) => button(name, () => { press(); this.tell(); }));
    this.seeds = numberInput("seed", { min: 0, max: SEEDS - 1, step: 1, change: (seed) => { this.set("seed", seed); this.weigh(normal(seed, this.size)); this.tell(); } });
    const choices = h("div", { className: "live-choices", role: "group", "aria-label": "Choose v" }, h("span", {}, "Choose v"), ...this.buttons, ...(many ? [this.seeds.node] : []));
    this.asked = h("span");
    this.hidden = h("strong");

    const arrays = h("div", { className: "live-arrays" });
    this.grids = Object.fromEntries(this.inputs.map(({ name, shape }) =>
      [name, new ArrayGrid(name, shape, (index) => this.choose(name, index), `vᵀJ, shaped like ${name}`, `vᵀJ by ${name}`)]));
    const total = this.inputs.reduce((sum, { name }) => sum + this.values[name].length, 0);
    if (total > SHOWN && this.inputs.length > 1) {
      const pick = (name) => this.choose(name, this.grids[name].index);
      this.picker = h("select", { onchange: () => pick(this.picker.value) }, ...this.inputs.map(({ name }) => h("option", { value: name, disabled: !this.fits(name) }, name)));
      arrays.append(h("label", { className: "live-field" }, h("span", {}, "array"), this.picker));
    }
    arrays.append(...Object.values(this.grids).map((grid) => grid.node));

    this.buildMovers();
    this.root.append(
      h("div", { className: "live-readouts" }, ...Object.values(this.out).map(({ node }) => node)),
      choices, h("div", { className: "live-sentence" }, room(this.asked, " ", this.hidden)),
      h("div", { className: "live-weighing" }, this.buildTable(), ...(many ? [this.buildDial()] : [])),
      h("div", { className: "live-weighing live-below" },
        h("div", { className: "live-inputs" }, arrays, this.slide.node, h("div", { className: "live-controls" }, this.exact.node, this.buildReset())),
        ...(many ? [this.buildMoves()] : [])),
    );
  }

  buildTable() {
    this.head = h("thead");
    this.foot = h("tfoot");
    this.fields = this.weights.map((name, i) => {
      const field = numberInput(name, { change: (x) => { this.weighOne(i, x); this.tell(); } });
      mark(field.input, "data-cotangent", String(i));
      if (this.size > SLIDERS) return { ...field, cell: h("td", { className: "live-v" }, field.node) };
      const range = h("input", { type: "range", min: -2, max: 2, step: 0.01, "aria-label": `slide ${name}` });
      range.addEventListener("input", () => this.weighOne(i, range.valueAsNumber));
      range.addEventListener("change", () => this.tell());
      return { ...field, range, cell: h("td", { className: "live-v" }, field.node, track(range)) };
    });
    this.body = h("tbody");
    const sweeps = this.size > 1 ? `a row for each output, ${this.size} sweeps back. vᵀJ, below it: one sweep.` : "one output, one row, one sweep back.";
    this.table = h("table", { "aria-label": "v, the Jacobian J, and vᵀJ below it" }, this.head, this.body, this.foot);
    return h("div", { className: "live-left" },
      h("p", { className: "live-part" }, `The Jacobian J: ${sweeps}`),
      h("div", { className: "live-slopes live-jacobian", tabIndex: 0, role: "group", ariaLabel: "The Jacobian, weighed by v" }, this.table));
  }

  /** The cells of the table, anew for each array. */
  fill() {
    if (this.filled === this.wrt) return;
    this.filled = this.wrt;
    const places = entryNames(this.wrt, this.shapes[this.wrt]);
    this.heads = places.map((name) => h("th", { scope: "col" }, name));
    this.head.replaceChildren(h("tr", {}, h("th", { scope: "col" }, "v"), h("th", { scope: "col" }, "J"), ...this.heads));
    this.cells = this.outs.map((_, i) => places.map((_, j) => h("td", { "data-jacobian": `${i},${j}` }, own())));
    this.rows = this.outs.map((name, i) => h("tr", {}, this.fields[i].cell, h("th", { scope: "row" }, name), ...this.cells[i]));
    this.body.replaceChildren(...this.rows);
    this.products = places.map((name) => h("td", { "data-gradient": name }, own()));
    this.foot.replaceChildren(h("tr", {}, h("th", { scope: "row", colSpan: 2 }, "vᵀJ"), ...this.products));
  }

  buildDial() {
    this.dial = new Dial("Turn v", (degrees) => this.turn(degrees), () => this.tell());
    this.undo.push(this.dial.stop);
    this.picks = ["across", "up"].map((name, which) => {
      const options = this.outs.map((out, i) => h("option", { value: String(i) }, out));
      const select = h("select", { onchange: () => this.span(which, Number(select.value)) }, ...options);
      return { node: h("label", { className: "live-field" }, h("span", {}, name), select), select };
    });
    this.angle = numeral("angle");
    this.reach = numeral("length");
    return h("div", { className: "live-turning" },
      h("div", {}, this.dial.node),
      h("div", { className: "live-turned" },
        h("p", { className: "live-part" }, own("Turned to ", this.angle.node), own("length ", this.reach.node), "The curve: the length of vᵀJ at each angle."),
        h("div", { className: "live-picks" }, ...this.picks.map(({ node }) => node))));
  }

  /** Each output, and how it moves with the chosen entry; the last line is their sum. */
  buildMoves() {
    this.moves = [...this.outs, "Σy"].map((name, i) => {
      const bar = h("i", { "aria-hidden": "true" });
      const [y, dy] = (i < this.size ? [name, `d${name}`] : ["total", "moved"]).map((quantity) => numeral(quantity, "live-own"));
      return { bar, y, dy, node: h("li", {}, ...[name, y.node, h("span", { className: "live-own live-bar" }, bar), dy.node].map((part) => h("span", {}, part))) };
    });
    this.movesTitle = h("p", { className: "live-part" });
    this.list = h("ul", { className: "live-moves", tabIndex: 0, role: "list", ariaLabel: "How each output moves" }, ...this.moves.map(({ node }) => node));
    return h("div", {}, this.movesTitle, this.list);
  }

  // One frame: compute, then draw.

  /** Which outputs v weighs with something other than 0. */
  loud() {
    return [...this.v.keys()].filter((i) => this.v[i]);
  }

  compute() {
    const { size, columns, wrt, here } = this;
    if (this.stale) {
      this.J = new Float64Array(size * columns);
      const seed = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        seed[i] = 1;
        const { output, grad } = this.program.vjp(this.values, seed, [wrt]);
        this.J.set(grad[wrt], i * columns);
        this.y = output.slice();
        seed[i] = 0;
      }
      this.stale = false;
    }
    this.grad = copy(this.program.vjp(this.values, this.v).grad);
    this.column = this.outs.map((_, i) => this.J[i * columns + here]);
    const sizes = new Float64Array(columns);
    this.J.forEach((x, k) => (sizes[k % columns] += Math.abs(this.v[Math.floor(k / columns)] * x)));
    this.unseen = Array.from(sizes, (sum, j) => !(Math.abs(this.grad[wrt][j]) > NEARLY * sum));
    this.cancelled = this.unseen[here] && sizes[here] > 0;
    this.finite = this.J.every(Number.isFinite);
    this.blind = this.finite && this.unseen.every(Boolean) && this.J.some(Boolean) && this.loud().length > 0;
  }

  settle() {
    this.grids[this.wrt].reveal();
  }

  paint() {
    this.compute();
    if (this.due.state) this.save(!this.held);
    else if (this.due.rest) this.model.save_changes();
    if (this.due.v) {
      this.writtenV = { shape: [...this.shape], data: Array.from(this.v) };
      this.model.set("v", this.writtenV);
      this.model.save_changes();
    }
    this.setRange();
    this.due = {};
    this.fill();
    this.drawTable();
    if (this.dial) this.drawDial();
    if (this.moves) this.drawMoves();
    this.drawNumbers();
  }

  setRange() {
    const x = Number.isFinite(this.value) ? this.value : 0;
    const [low, high] = this.range ?? [0, 0];
    if (!this.due.range && (this.held || (x > low && x < high))) return;
    const sizes = this.values[this.wrt].map(Math.abs).filter(Number.isFinite);
    const half = niceAbove(Math.min(1e300, Math.max(1e-300, 2 * Math.max(...sizes) || 1)));
    const middle = snap(x, half / 5);
    this.grain = niceBelow(half / 200);
    this.range = [middle - half, middle + half];
    Object.assign(this.slide.input, { min: this.range[0], max: this.range[1], step: this.grain });
  }

  drawTable() {
    const { J, v, columns, here } = this;
    const most = (numbers) => numbers.reduce((top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top), 0);
    const [deepest, loudest] = [most(J), most(v)];
    this.deepest = deepest;
    const text = (x, zero) => (zero ? format(0, 3) : formatSigned(x, 3));
    const cell = (node, x, j, zero) => {
      write(node.firstChild, text(x, zero));
      mark(node, "data-value", String(x));
      mark(node, "class", `${x > 0 ? "live-up" : x < 0 ? "live-down" : ""}${j === here ? " live-here" : ""}`);
    };
    const anew = this.tabled !== J || this.tabledHere !== here; // v alone changes no entry of J
    [this.tabled, this.tabledHere] = [J, here];
    const slopes = this.grad[this.wrt];
    if (anew) {
      this.depths = [];
      this.written = this.heads.map((_, j) => this.outs.map((_, i) => text(J[i * columns + j])));
    }
    this.heads.forEach((node, j) => widen(node, [...this.written[j], text(slopes[j], this.unseen[j])]));
    this.rows.forEach((row, i) => {
      const weight = loudest ? Math.abs(v[i]) / loudest : 0;
      mark(row, "class", v[i] ? "" : "live-idle");
      if (anew || weight !== this.depths[i]) {
        this.cells[i].forEach((node, j) => {
          const x = J[i * columns + j];
          if (anew) cell(node, x, j);
          tint(node, x, deepest, 0.2 + 0.8 * weight);
        });
      }
      this.depths[i] = weight;
      const { input, range, show } = this.fields[i];
      show(v[i]);
      mark(input, "data-value", String(v[i]));
      if (range && range.valueAsNumber !== v[i]) range.value = v[i];
    });
    this.products.forEach((node, j) => {
      cell(node, slopes[j], j, this.unseen[j]);
      tint(node, slopes[j], deepest);
    });
    this.heads.forEach((node, j) => mark(node, "class", j === here ? "live-here" : ""));
  }

  drawDial() {
    const { v, J, columns, plane: [a, b] } = this;
    const flat = Math.hypot(v[a], v[b]);
    const angle = flat ? (((Math.atan2(v[b], v[a]) * 180) / Math.PI + 360) % 360) : null;
    // The squared length is a quadratic of the direction: of row a, row b, and what else v weighs.
    const alone = this.loud().every((i) => i === a || i === b);
    const rest = this.grad[this.wrt].map((g, j) => (alone ? 0 : g - v[a] * J[a * columns + j] - v[b] * J[b * columns + j]));
    const parts = [J.subarray(a * columns, (a + 1) * columns), J.subarray(b * columns, (b + 1) * columns), rest];
    const dot = parts.map((p) => parts.map((q) => p.reduce((sum, x, j) => sum + x * q[j], 0)));
    const r = this.radius();
    const reach = (x, y) => {
      const along = [r * x, r * y, 1];
      return Math.sqrt(Math.max(0, along.reduce((sum, p, i) => sum + along.reduce((s, q, k) => s + p * q * dot[i][k], 0), 0)));
    };
    const words = `${angle === null ? "v is zero here" : `${Math.round(angle)}°`}: ${this.weights[a]} = ${brief(v[a])}, ${this.weights[b]} = ${brief(v[b])}`;
    this.dial.draw(angle, [this.outs[a], this.outs[b]], words, reach, alone ? blindAngles(dot) : []);
    this.angle.show(angle ?? NaN, angle === null ? "no angle" : `${brief(Math.round(10 * angle) / 10)}°`);
    const length = Math.hypot(...this.grad[this.wrt]);
    this.reach.show(length, format(this.unseen.every(Boolean) ? 0 : length));
    this.picks.forEach(({ select }, which) => (select.value = String(this.plane[which])));
  }

  drawMoves() {
    const total = this.y.reduce((sum, x) => sum + x, 0);
    const moved = this.column.reduce((sum, x) => sum + x, 0);
    const most = Math.max(...[...this.column, moved].map(Math.abs).filter(Number.isFinite), 0) || 1;
    const texts = [...this.column, moved].map((move, i) => [format(i < this.size ? this.y[i] : total), this.signed(move, i < this.size ? 0 : most)]);
    widen(this.list, texts.flat());
    [...this.column, moved].forEach((move, i) => {
      const { bar, y, dy } = this.moves[i];
      y.show(i < this.size ? this.y[i] : total, texts[i][0]);
      dy.show(move, texts[i][1]);
      const share = Math.abs(move) > NEARLY * most && Number.isFinite(move) ? (50 * move) / most : 0;
      mark(bar, "class", share < 0 ? "live-down" : "live-up");
      const [from, to] = share < 0 ? [50 + share, 50] : [50, 50 + share];
      bar.style.setProperty("background-image", `linear-gradient(90deg, #0000 ${from}%, currentcolor ${from}% ${to}%, #0000 ${to}%)`);
    });
    this.out.sum.show(moved, this.signed(moved, most));
    write(this.out.sum.name, `Σy per unit of ${this.name}`);
    write(this.movesTitle, `Nudge ${this.name}: each output, and how it moves per unit of ${this.name}`);
  }

  /** A number with its sign, 0 where it is but the rounding of numbers of size `most`. */
  signed(value, most) {
    return Math.abs(value) <= NEARLY * most ? format(0) : formatSigned(value);
  }

  drawNumbers() {
    const { out, name, value, wrt } = this;
    const slope = this.grad[wrt][this.here];
    const weighted = this.v.reduce((sum, w, i) => sum + w * this.y[i], 0);
    write(out.value.name, name);
    out.value.show(value, format(value));
    out.weighted.show(weighted, format(weighted));
    write(out.slope.name, `vᵀJ = ∂L/∂${name}`);
    out.slope.show(slope, this.cancelled ? format(0) : formatSigned(slope));
    write(this.slide.name, `move ${name}`);
    const { input } = this.slide;
    if (input.valueAsNumber !== value) input.value = value;
    mark(input, "aria-valuetext", brief(value));
    this.exact.show(value);
    write(this.exact.name, `exact ${name}`);
    this.seeds.show(this.seed);
    const pressed = this.pressed();
    this.buttons.forEach((node, i) => mark(node, "aria-pressed", String(Object.keys(this.presets)[i] === pressed)));
    for (const array of this.inputs) {
      const grid = this.grids[array.name];
      const chosen = array.name === wrt;
      grid.node.hidden = this.picker && !chosen;
      if (grid.node.hidden) continue;
      if (chosen) grid.show(this.entry.index);
      grid.draw(this.values[array.name], this.grad[array.name], this.deepest, chosen ? this.entry.index : null, (i) => chosen && this.unseen[i]);
    }
    if (this.picker) this.picker.value = wrt;
    write(this.asked, this.note || this.asks());
    write(this.hidden, this.note ? "" : this.hides());
  }

  // What v asks, and what it cannot see.

  pressed() {
    const { v, size } = this;
    const loud = this.loud();
    if (size === 1) return v[0] === 1 ? "v = 1" : "";
    if (loud.length === 1 && v[loud[0]] === 1) return "one-hot";
    if (v.every((x) => x === 1)) return "ones";
    if (v.every((x) => x === 1 / size)) return "1/N";
    return this.isRandom() ? "random" : "";
  }

  asks() {
    const { v, size, outs } = this;
    if (!this.finite) return "J holds numbers that are not finite here: no v can weigh them.";
    const loud = this.loud();
    const w = brief(v[0]);
    if (size === 1 && v[0] === 1) return "v = 1: the output is one number, 1 is the natural choice, and vᵀJ is its gradient.";
    if (size === 1) return `v = ${w}: ${w} times the gradient. The output is one number, and 1 is the natural choice.`;
    if (!loud.length) return "v = 0: nothing is asked, and vᵀJ is zero.";
    const [hot] = loud;
    if (loud.length === 1) return v[hot] === 1 ? `v = one-hot: the gradient of ${outs[hot]}, which is its row of J.` : `v = ${brief(v[hot])} at ${outs[hot]}: that row of J, times ${brief(v[hot])}.`;
    const kind = this.pressed();
    if (kind === "ones") return "v = ones: the gradient of the sum of the outputs.";
    if (kind === "1/N") return `v = 1/${size}: the gradient of the mean of the outputs.`;
    if (kind === "random") return `v = random, seed ${this.seed}: the gradient of a sum in which no two outputs weigh the same.`;
    if (v.every((x) => x === v[0])) return `v = ${w} throughout: ${w} times the gradient of the sum of the outputs.`;
    const part = (i) => (Math.abs(v[i]) === 1 ? "" : `${brief(Math.abs(v[i]))} `) + outs[i];
    const terms = loud.slice(0, NAMED).map((i, k) => (v[i] < 0 ? (k ? " − " : "−") : k ? " + " : "") + part(i)).join("");
    return `v = your own: the gradient of ${terms}${loud.length > NAMED ? ` and ${loud.length - NAMED} more` : ""}.`;
  }

  hides() {
    if (!this.finite || (!this.blind && !this.cancelled)) return "";
    const { v } = this;
    const [hot, ...more] = this.loud();
    const who = !more.length ? `${this.outs[hot]} alone` : v.every((x) => x === v[0]) ? (this.pressed() === "1/N" ? "The mean" : "The sum") : "This v";
    const movers = [...this.column.keys()].filter((i) => this.column[i]).sort((i, k) => Math.abs(this.column[k]) - Math.abs(this.column[i]));
    if (!movers.length) return `${who} cannot see any entry of ${this.wrt}, and J is not zero.`;
    const named = movers.slice(0, NAMED).sort((i, k) => i - k).map((i) => `${this.outs[i]} ${this.column[i] > 0 ? "rises" : "falls"} by ${brief(Number(Math.abs(this.column[i]).toPrecision(2)))}`);
    const all = movers.length > NAMED ? ` and ${movers.length - NAMED} more move` : "";
    return `${who} cannot see this: per unit of ${this.name}, ${named.join(", ")}${all}.${this.blind ? " All of vᵀJ is zero, and J is not." : ""}`;
  }
}
