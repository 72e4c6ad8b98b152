// Descent: contours of one loss over two of its entries, and the steps that its gradient takes
// there. Lead the start about and turn up the rate; past the largest stable one the steps grow.

import { Figure, mount, needScalar } from "../figure.js";
import { load } from "../program.js";
import { Plot, niceAbove, niceBelow, set, snap, svg } from "../plot.js";
import { brief, button, entryName, flatIndex, format, formatSigned, h, mark, numbered, numberInput, readout, room, slider, unflatten, write } from "../controls.js";
import { contours } from "../contours.js";
import "./descent.css";

const PATIENCE = 2; // milliseconds of one frame that the landscape may take, while nothing is held
const GRIDS = [13, 25, 49]; // the landscape is drawn coarse at first
const LEVELS = 14;
const MOST_STEPS = 60;
const AFAR = 30; // heights of the picture; beyond, a path is no longer drawn
const [SLOWEST, FASTEST] = [-3, 1.5]; // log10 of the learning rate

export const render = (view) => mount("descent", Descent, view);

class Descent extends Figure {
  constructor(model, root) {
    super(model, root, ["rate", "steps", "rival_name"]);
    this.listen("other", () => this.hearOther());
  }

  admit() {
    needScalar(this.program);
    this.places = this.program.inputs.flatMap(({ name, shape }) =>
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, flat) => ({ name, index: unflatten(flat, shape) })));
    if (this.places.length < 2) throw new Error("its function has one number to move, and two are needed.");
    const rival = this.model.get("rival");
    if (rival && Object.keys(rival).length) this.rival = load(rival);
    if (this.rival) needScalar(this.rival);
  }

  get rate() {
    return this.positive("rate", 0.1);
  }

  get steps() {
    const steps = this.model.get("steps");
    return Number.isInteger(steps) && steps >= 0 && steps <= MOST_STEPS ? steps : 20;
  }

  get rivalName() {
    const name = this.model.get("rival_name");
    return typeof name === "string" && name ? name : "rival";
  }

  /** The two entries, across and up: [array's name, place in it]. */
  get axes() {
    return [this.entry, this.other].map(({ name, index }) => [name, flatIndex(index, this.shapes[name])]);
  }

  get names() {
    return [this.entry, this.other].map(({ name, index }) => entryName(name, index));
  }

  get start() {
    return this.axes.map(([name, i]) => this.values[name][i]);
  }

  firstOther() {
    return this.places.find(({ name, index }) => entryName(name, index) !== this.name);
  }

  hearOther() {
    const next = this.readEntry("other");
    if (!next || entryName(next.name, next.index) === this.names[1] || entryName(next.name, next.index) === this.name) return;
    this.other = next;
    this.chosen();
    this.schedule();
  }

  chosen() {
    if (entryName(this.other.name, this.other.index) === this.name) this.other = this.firstOther();
    this.window = null;
    this.land = null;
  }

  moved(before) {
    const held = new Set(this.axes.map(String));
    const elsewhere = this.inputs.some(({ name }) =>
      this.values[name].some((v, i) => !Object.is(v, before[name][i]) && !held.has(String([name, i]))));
    if (elsewhere) this.land = null;
  }

  // What a reader does.

  choose(which, at) {
    const { name, index } = this.places[at];
    if (which) this.other = { name, index };
    else this.entry = { name, index };
    this.model.set(which ? "other" : "entry", { name, index: [...index] });
    this.model.save_changes();
    this.chosen();
    this.schedule();
    this.tell();
  }

  moveTo(place, held = true) {
    this.held = held;
    this.axes.forEach(([name, i], k) => {
      if (Number.isFinite(place[k])) this.values[name][i] = place[k];
    });
    this.due.state = true;
    this.schedule();
  }

  reset() {
    this.window = null;
    super.reset();
  }

  tell(before = "") {
    const { mine, theirs } = this.compute();
    const at = `${this.names[0]} = ${format(this.start[0])}, ${this.names[1]} = ${format(this.start[1])}, rate ${brief(this.rate)}`;
    const rival = theirs ? ` ${this.rivalName}: ${format(theirs.losses.at(-1))}.` : "";
    this.announcer.say(`${before}${at}: after ${count(this.steps)} the loss is ${format(mine.losses.at(-1))}.${rival} ${this.verdict(mine)}`);
  }

  // Computing.

  /** What `look(go, axes)` finds; it may `go` to any place, and the start is kept. */
  away(look) {
    const { axes, start } = this;
    const go = (place) => axes.forEach(([name, i], k) => (this.values[name][i] = place[k]));
    const found = look(go, axes);
    go(start);
    return found;
  }

  /** The two slopes at a place. */
  slopes(place) {
    return this.away((go, axes) => {
      go(place);
      const { grad } = this.program.valueAndGrad(this.values);
      return axes.map(([name, i]) => grad[name][i]);
    });
  }

  /** The places that the slopes of `program` lead to, and the loss at each. */
  descend(program) {
    const { rate, steps, start } = this;
    return this.away((go, axes) => {
      const names = [...new Set(axes.map(([name]) => name))];
      const [path, losses] = [[start], []];
      for (let k = 0; k < steps; k++) {
        go(path[k]);
        const { value, grad } = program.valueAndGrad(this.values, names);
        path.push(axes.map(([name, i], j) => path[k][j] - rate * grad[name][i]));
        losses.push(program === this.program ? value : this.program.run(this.values)[0]);
      }
      go(path[steps]);
      losses.push(this.program.run(this.values)[0]);
      return { path, losses };
    });
  }

  compute() {
    return {
      slopes: this.slopes(this.start),
      mine: this.descend(this.program),
      theirs: this.rival && this.descend(this.rival),
    };
  }

  /** The curvature along the two entries and the place where it is level, or null if no parabola. */
  findBowl() {
    const start = this.start;
    const here = this.slopes(start);
    const size = 1 + Math.max(...start.map(Math.abs));
    const change = (u, v) => this.slopes([start[0] + size * u, start[1] + size * v]).map((s, i) => s - here[i]);
    const [[a, b], [c, d]] = [change(1, 0), change(0, 1)].map((row) => row.map((s) => s / size));
    for (const [u, v] of [[-1.7, 0.6], [0.4, 2.3], [1.1, -1.3]]) {
      const found = change(u, v);
      const expected = [size * (a * u + c * v), size * (b * u + d * v)];
      const most = Math.max(...found.map(Math.abs));
      if (!found.every((s, i) => Math.abs(s - expected[i]) <= 1e-9 * (most + Math.abs(expected[i])))) return null;
    }
    const off = (b + c) / 2;
    const largest = (a + d) / 2 + Math.hypot((a - d) / 2, off);
    if (!(largest > 1e-12 * (1 + Math.max(...[a, b, c, d].map(Math.abs))))) return null;
    const det = a * d - off * off;
    const lowest = det > 1e-12 * largest * largest
      ? [start[0] - (d * here[0] - off * here[1]) / det, start[1] - (a * here[1] - off * here[0]) / det] : null;
    return { stable: 2 / largest, lowest };
  }

  // The page.

  build() {
    this.other = this.readEntry("other") ?? this.firstOther();
    if (entryName(this.other.name, this.other.index) === this.name) this.other = this.firstOther();
    const stage = h("div", { className: "live-stage live-plane" });
    this.plot = new Plot(stage, "");
    this.marks = {
      land: this.plot.path("live-contours"), lowest: this.plot.path("live-lowest"),
      rival: this.plot.path("live-path live-rival"), rivalDots: this.plot.path("live-dots live-rival"),
      path: this.plot.path("live-path"), dots: this.plot.path("live-dots"),
      point: this.plot.dot("live-point", 8), handle: this.plot.dot("live-handle", 24),
    };
    this.across = svg("text", { class: "live-axis-name live-label", "text-anchor": "end" }, this.plot.over);
    this.undo.push(this.plot.onDrag((x, y) => this.moveTo([snap(x, this.grain), snap(y, this.grain)]), () => this.rest()));
    this.stage = stage;
    this.watch(stage);

    const places = [0, 1];
    const only = (k, v) => this.start.map((old, i) => (i === k ? v : old));
    this.slides = places.map((k) => slider("", { input: (v) => this.moveTo(only(k, snap(v, this.grain))), change: () => this.rest() }));
    this.exact = places.map((k) => numberInput("", { change: (v) => { this.moveTo(only(k, v), false); this.rest(); } }));
    this.picks = places.map((k) => {
      const options = this.places.map(({ name, index }, i) => h("option", { value: String(i) }, entryName(name, index)));
      return h("select", { onchange: (event) => this.choose(k, Number(event.target.value)) }, ...options);
    });
    const picker = (words, k) => h("label", { className: "live-field" }, h("span", {}, words), this.picks[k]);

    this.speed = slider("learning rate", {
      min: SLOWEST, max: FASTEST, step: 0.01,
      input: (v) => this.set("rate", Number((10 ** v).toPrecision(3))), change: () => this.tell(),
    });
    this.speedText = numbered(this.speed);
    this.limit = h("span", { className: "live-limit", hidden: true });
    this.exactRate = numberInput("exact rate", { min: 0, change: (v) => { if (v > 0) this.set("rate", v); this.schedule(); this.tell(); } });
    this.another = button("One more step", () => this.more());
    this.count = slider("steps", { min: 0, max: MOST_STEPS, step: 1, input: (v) => this.set("steps", v), change: () => this.tell() });
    this.countText = numbered(this.count);
    const history = h("div", { className: "live-stage live-history" });
    this.history = new Plot(history, "loss after each step");
    this.traces = { rival: this.history.path("live-path live-rival"), mine: this.history.path("live-path") };
    this.watch(history);
    this.historyStage = history;

    this.out = {
      loss: readout("loss", "live-loss"), end: readout("end-loss", "live-tangent"),
      ...(this.rival ? { rival: readout("rival-loss", "live-secant") } : {}),
      stable: readout("stable-rate", "live-plain"),
    };
    this.hidden = { across: readout("slope-across"), up: readout("slope-up") };
    this.said = h("p", { className: "live-note" });
    this.root.append(
      h("div", { className: "live-readouts" }, ...Object.values(this.out).map((out) => out.node)),
      h("div", { className: "live-body" },
        h("div", { className: "live-left" }, stage,
          h("div", { className: "live-steering" }, h("div", { className: "live-rate" }, this.speed.node, this.limit), this.count.node, room(this.said)),
          h("div", { className: "live-buttons" }, this.another, this.buildReset())),
        h("div", { className: "live-right" },
          history,
          h("div", { className: "live-controls" }, picker("across", 0), picker("up", 1), ...this.slides.map(({ node }) => node), ...this.exact.map(({ node }) => node), this.exactRate.node,
            h("div", { className: "live-small" }, this.hidden.across.node, this.hidden.up.node)))),
    );
  }

  more() {
    if (this.steps < MOST_STEPS) this.set("steps", this.steps + 1);
    this.tell();
  }

  paint() {
    const width = Math.round(this.width(this.stage));
    const wide = Math.round(this.width(this.historyStage));
    if (width) this.plot.resize(width, Math.round(Math.max(260, Math.min(400, width * 0.8))));
    if (wide) this.history.resize(wide, 170);
    if (this.due.state) this.save(!this.held);
    else if (this.due.rest) this.model.save_changes();
    const found = this.compute();
    this.bowl = this.findBowl();
    this.frameWindow([...found.mine.path, ...(found.theirs?.path ?? [])]);
    this.survey();
    this.draw(found);
    this.write(found);
    this.due = {};
    if (!this.held && (this.land.next < this.land.size ** 2 || this.land.size < GRIDS.at(-1))) this.schedule();
  }

  /** The window holds the start and the path; it stands still until the start has left it. */
  frameWindow(path) {
    const start = this.start.map((v) => (Number.isFinite(v) ? v : 0));
    if (this.window) {
      const { domain } = this.plot;
      const inside = start.every((v, k) => v >= domain[2 * k] && v <= domain[2 * k + 1]);
      if (this.held || inside) return;
    }
    const reach = niceAbove(Math.min(1e300, Math.max(1, 1.2 * Math.max(...start.map(Math.abs)))));
    const goals = [...path, ...(this.bowl?.lowest ? [this.bowl.lowest] : [])];
    const spans = start.map((v, k) => {
      const middle = snap(v, reach / 5);
      const near = goals.map((goal) => goal[k]).filter((goal) => Math.abs(goal - v) < 4 * reach);
      return [Math.min(middle - reach, ...near.map((goal) => goal - reach / 4)), Math.max(middle + reach, ...near.map((goal) => goal + reach / 4))];
    });
    this.grain = niceBelow(reach / 100);
    this.window = spans;
    this.plot.setDomain(...spans[0], ...spans[1]);
    this.slides.forEach(({ input }, k) => Object.assign(input, { min: spans[k][0], max: spans[k][1], step: this.grain }));
    this.land = null;
  }

  /** The landscape, a finer grid at a time, a part of it in each frame. */
  survey() {
    const until = performance.now() + (this.held ? 0 : PATIENCE);
    this.land ??= { size: GRIDS[0], next: 0, heights: new Float64Array(GRIDS[0] ** 2) };
    const [x0, x1, y0, y1] = this.plot.domain;
    const { land } = this;
    const total = land.size ** 2;
    if (land.next >= total) {
      if (land.size === GRIDS.at(-1)) return;
      const size = GRIDS[GRIDS.indexOf(land.size) + 1];
      this.land = { size, next: 0, heights: new Float64Array(size ** 2) };
      return this.survey();
    }
    this.away((go) => {
      while (land.next < total && (land.size === GRIDS[0] || performance.now() < until)) {
        const [row, column] = [Math.floor(land.next / land.size), land.next % land.size];
        const share = 1 / (land.size - 1);
        go([x0 + (x1 - x0) * column * share, y0 + (y1 - y0) * row * share]);
        land.heights[land.next++] = this.program.run(this.values)[0];
      }
    });
    if (land.next === total) this.lines = { ...land, levels: levels(land.heights) };
  }

  draw({ mine, theirs }) {
    const { plot, marks } = this;
    const window = String([plot.domain, plot.width, plot.height]);
    if (this.lines !== this.drawnLines || window !== this.drawnWindow) {
      [this.drawnLines, this.drawnWindow] = [this.lines, window];
      const [x0, x1, y0, y1] = plot.domain;
      const { size, heights } = this.lines;
      const to = (column, row) => [plot.x(x0 + ((x1 - x0) * column) / (size - 1)), plot.y(y0 + ((y1 - y0) * row) / (size - 1))];
      marks.land.setAttribute("d", contours(heights, size, this.lines.levels, to));
    }
    const low = this.bowl?.lowest;
    const [lx, ly] = low ? [plot.x(low[0]), plot.y(low[1])] : [];
    set(marks.lowest, { d: low && Math.abs(lx) < 1e4 ? `M${lx - 6} ${ly}h12M${lx} ${ly - 6}v12` : "" });
    this.trace(marks.path, marks.dots, mine.path);
    this.trace(marks.rival, marks.rivalDots, theirs?.path ?? []);
    for (const mark of [marks.point, marks.handle]) plot.put(mark, ...this.start);
    set(this.across, { x: plot.inner.left + plot.inner.width, y: plot.inner.top + plot.inner.height - 6 });

    const shown = [...mine.losses, ...(theirs?.losses ?? [])].filter((v) => Number.isFinite(v) && v <= 4 * Math.abs(mine.losses[0]) + 1e-300);
    const top = Math.max(...shown, Number.isFinite(mine.losses[0]) ? mine.losses[0] : 0);
    const bottom = Math.min(0, ...shown);
    const tall = niceAbove(Math.max(1e-300, 1.05 * (top - bottom)));
    if (!this.held || tall > this.tall || tall < this.tall / 4) this.tall = tall; // a held axis stands still as long as the curve can be read
    this.history.setDomain(0, Math.max(1, this.steps), bottom, this.tall + bottom);
    const numbers = mine.losses.map((_, k) => k);
    this.history.curve(this.traces.mine, numbers, mine.losses);
    this.history.curve(this.traces.rival, numbers, theirs?.losses ?? []);
  }

  /** A path and a mark at each of its places, a line of no length, as far as the picture reaches. */
  trace(line, marks, path) {
    const { plot } = this;
    const pixels = path.map(([x, y]) => [plot.x(x), plot.y(y)]);
    const far = AFAR * plot.height;
    const end = pixels.findIndex(([x, y]) => !(Math.abs(x) < far && Math.abs(y) < far));
    const shown = end < 0 ? pixels : pixels.slice(0, end);
    set(line, { d: plot.lines(shown) });
    const dots = new Set(shown.slice(1).map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`)); // near the end many fall on one
    set(marks, { d: [...dots].join("") });
  }

  write({ slopes, mine, theirs }) {
    const { out, names, start, rate, steps } = this;
    const last = mine.losses.at(-1);
    write(out.loss.name, "loss at the start");
    out.loss.show(mine.losses[0], format(mine.losses[0]));
    write(out.end.name, `loss after ${count(steps)}`);
    out.end.show(last, format(last));
    if (theirs) {
      write(out.rival.name, this.rivalName);
      out.rival.show(theirs.losses.at(-1), format(theirs.losses.at(-1)));
    }
    const stable = this.bowl?.stable ?? NaN;
    write(out.stable.name, "largest stable rate");
    out.stable.show(stable, Number.isNaN(stable) ? "none" : brief(stable));
    Object.values(this.hidden).forEach((slope, k) => {
      slope.show(slopes[k], formatSigned(slopes[k]));
      const { input } = this.slides[k];
      if (input.valueAsNumber !== start[k]) input.value = start[k];
      mark(input, "aria-valuetext", brief(start[k]));
      this.exact[k].show(start[k]);
    });
    if (String(names) !== this.picked) this.pick(names);
    if (Math.abs(this.speed.input.valueAsNumber - Math.log10(rate)) > 0.006) this.speed.input.value = Math.log10(rate);
    mark(this.speed.input, "aria-valuetext", brief(rate));
    write(this.speedText, brief(rate));
    this.exactRate.show(rate);
    if (this.count.input.valueAsNumber !== steps) this.count.input.value = steps;
    this.another.disabled = steps >= MOST_STEPS;
    write(this.countText, String(steps));
    const at = (Math.log10(stable) - SLOWEST) / (FASTEST - SLOWEST);
    this.limit.hidden = !(at >= 0 && at <= 1);
    if (!this.limit.hidden) {
      this.limit.style.setProperty("--at", at.toFixed(4));
      write(this.limit, `largest stable ${brief(stable)}`);
    }
    write(this.said, this.note || this.verdict(mine));
    if (this.held) return; // who holds it is not read to: the names follow at rest
    mark(this.plot.node, "aria-label", `Contours of the loss over ${names[0]} and ${names[1]}, and a path of ${count(steps)} from ${brief(start[0])}, ${brief(start[1])}: the loss goes from ${format(mine.losses[0])} to ${format(last)}.`);
    mark(this.history.node, "aria-label", `The loss after each of ${count(steps)}.`);
  }

  /** Name the two entries wherever they stand; each select shows its own, and keeps off the other's. */
  pick(names) {
    this.picked = String(names);
    write(this.plot.yName, names[1]);
    write(this.across, names[0]);
    const taken = names.map((name) => this.places.findIndex((place) => entryName(place.name, place.index) === name));
    Object.values(this.hidden).forEach((slope, k) => write(slope.name, `∂L/∂${names[k]}`));
    this.picks.forEach((pick, k) => {
      write(this.slides[k].name, `move ${names[k]}`);
      write(this.exact[k].name, `exact ${names[k]}`);
      pick.value = String(taken[k]);
      [...pick.options].forEach((option, i) => (option.disabled = i === taken[1 - k]));
    });
  }

  verdict({ losses }) {
    const { rate, bowl, steps } = this;
    const [first, last] = [losses[0], losses.at(-1)];
    if (!Number.isFinite(first)) return "The loss is not a finite number here: move the start.";
    if (!steps) return "No step yet.";
    if (bowl) {
      const share = rate / bowl.stable;
      if (Math.abs(share - 1) < 1e-9) return "Exactly the largest stable rate: along the steepest direction each step lands as far off as it began.";
      if (share > 1) return "Past the largest stable rate: along the steepest direction each step lands farther off than it began, though the loss may fall at first.";
      if (share > 0.5) return "Each step overshoots the valley, and lands nearer than it began.";
      if (share < 0.05) return "Safe and slow: the rate is under a twentieth of the largest stable one.";
      return "No step overshoots along the steepest direction.";
    }
    if (!Number.isFinite(last) || last > first) return "The loss rose: the steps are too long for this place.";
    return "The loss is no parabola here: what rate is safe changes from place to place.";
  }
}

const count = (steps) => `${steps} step${steps === 1 ? "" : "s"}`;

/** Heights of the lines: close together near the lowest, as the loss of a parabola is. */
function levels(heights) {
  const known = heights.filter(Number.isFinite).sort();
  if (!known.length) return [];
  const low = known[0];
  const high = Math.min(known.at(-1), known[Math.floor(0.9 * (known.length - 1))] * 1.5 - 0.5 * low);
  return Array.from({ length: LEVELS }, (_, k) => low + (high - low) * ((k + 0.5) / LEVELS) ** 2);
}
