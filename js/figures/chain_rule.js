// ChainRule: a program as a graph. Each node knows only itself: forward it computes its value, back
// it sends its cotangent to its arguments, and where several arrive they add up.

import "./chain_rule.css";
import { Figure, copy, mount, needScalar } from "../figure.js";
import { snap, svg } from "../plot.js";
import {
  ArrayGrid, brief, button, entryName, format, formatSigned, h, mark, numberInput, readout, slider, write,
} from "../controls.js";

const MOST = 60; // nodes that an eye can follow
const PATHS = 6; // paths that are listed one by one
const SHOWN = 48; // with more entries than this, one array at a time
const [ROWS, COLUMNS] = [12, 8]; // of a table, the most that is shown
const BROAD = 640; // pixels, from which a graph that goes down has room beside it
const ONE = Float64Array.of(1);

export const render = (view) => mount("chain-rule", ChainRule, view);

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const fill = (text, part) => text.replace(/\{(\w)\}/g, (_, key) => part(key));
const sum = (parts) => parts.map((v, i) => (i === 0 ? brief(v) : v < 0 ? `− ${brief(-v)}` : `+ ${brief(v)}`)).join(" ");

/** A shape in words, ` (2, 3)`; nothing for a number. */
const words = (shape) => (shape.length ? `(${shape.join(", ")}${shape.length === 1 ? "," : ""})` : "");

/** A number, the first entries of an array as a list, or "" for a longer one if `whole`. */
function listed(array, shape, whole = false) {
  if (!shape.length) return brief(array[0]);
  if (whole && (shape.length > 1 || array.length > 4)) return "";
  const few = Array.from(array.subarray(0, 6), (v) => brief(Number(v.toPrecision(3)))).join(", ");
  return whole ? `[${few}]` : few + (array.length > 6 ? ", …" : "");
}

/** An array as a table, written anew only where it differs. */
class Table {
  constructor(shape) {
    this.columns = shape.at(-1) ?? 1;
    const rows = this.columns ? shape.reduce((a, b) => a * b, 1) / this.columns : 0;
    this.name = h("span", { className: "live-name" });
    this.cells = [];
    const lines = Array.from({ length: Math.min(ROWS, rows) }, (_, r) => {
      const cells = Array.from({ length: Math.min(COLUMNS, this.columns) }, (_, c) => h("td"));
      this.cells.push(...cells.map((node, c) => ({ node, flat: r * this.columns + c })));
      return h("tr", {}, ...cells);
    });
    const part = rows > ROWS || this.columns > COLUMNS ? [h("span", { className: "live-part" }, `the first ${lines.length} × ${Math.min(COLUMNS, this.columns)}`)] : [];
    this.table = h("table", {}, h("tbody", {}, ...lines));
    this.node = h("div", { className: "live-matrix" }, this.name, h("div", { className: "live-brackets" }, h("div", { className: "live-slopes" }, this.table)), ...part);
  }

  show(name, array) {
    write(this.name, name);
    mark(this.table, "aria-label", name);
    for (const { node, flat } of this.cells) {
      write(node, array ? format(array[flat], 3) : "·");
      if (array) mark(node, "data-value", String(array[flat]));
    }
  }
}

/** The trait `graph`, if it is whole; else the operations one below the other, by their own names. */
function readGraph(held, program, shown) {
  const place = (p) => (Array.isArray(p) && p.length === 2 && Number.isInteger(p[0]) && p.every((v) => Number.isFinite(v) && v >= 0 && v <= 2 * MOST) ? p : null);
  const list = (item, i) => (Array.isArray(item?.[i]) ? item[i] : []);
  const places = program.shapes.map((_, slot) => place(held?.places?.[slot]));
  const whole = shown.every((slot) => places[slot]) && new Set(shown.map((slot) => String(places[slot]))).size === shown.length;
  if (!whole) shown.forEach((slot, i) => (places[slot] = [i, 0]));
  return {
    places,
    bends: program.operations.map(({ args }, i) => args.map((_, k) => (whole ? list(list(held.bends, i), k).map(place).filter(Boolean) : []))),
    words: program.operations.map(({ op, args }, i) => {
      const [sign, formula, sends] = list(held?.words, i);
      const own = [op, `${op}(${args.map((_, k) => `{${k}}`).join(", ")})`];
      return [sign, formula].every((text) => typeof text === "string") ? [sign, formula, list([sends], 0)] : [...own, []];
    }),
  };
}

class ChainRule extends Figure {
  constructor(model, root) {
    super(model, root, ["at"]);
  }

  admit() {
    needScalar(this.program);
    const { inputs, operations } = this.program;
    const nodes = inputs.length + operations.length;
    if (nodes > MOST) throw new Error(`its program has ${nodes} inputs and operations, and a graph of more than ${MOST} cannot be read. Show a smaller case.`);
  }

  get count() {
    return this.program.operations.length;
  }

  get at() {
    const at = this.model.get("at");
    return Number.isInteger(at) && at >= 0 && at <= 2 * this.count ? at : 0;
  }

  /** The operation of the last step, by its number; -1 before the first. */
  get current() {
    return this.at <= this.count ? this.at - 1 : 2 * this.count - this.at;
  }

  chosen() {
    Object.assign(this.due, { path: true, range: true });
    this.route = null;
  }

  // What a reader does.

  goTo(at) {
    const next = Math.max(0, Math.min(2 * this.count, at));
    if (next === this.at) return;
    this.picked = null;
    this.note = "";
    this.set("at", next);
    this.compute();
    this.announcer.say(this.sentence());
  }

  choose(name, index) {
    if (entryName(name, index) === this.name) return;
    this.entry = { name, index };
    this.chosen();
    this.set("entry", { name, index: [...index] });
    this.drawArrays();
    this.grids[name].reveal();
  }

  /** Look at a node; an input's is also the one to move. */
  pick(node, press = true) {
    this.picked = node;
    if (press && node.op < 0 && this.grids[node.name]) this.choose(node.name, this.grids[node.name].index);
    this.schedule();
  }

  moveTo(value, held = true) {
    this.held = held;
    this.values[this.entry.name][this.here] = value;
    this.due.state = true;
    this.note = "";
    this.schedule();
  }

  rest() {
    this.held = false;
    this.due.rest = true;
    this.schedule();
    this.compute();
    this.announcer.say(`${this.name} = ${format(this.value)}. ${this.sentence()}`);
  }

  reset() {
    this.values = copy(this.initial);
    Object.assign(this.due, { range: true, state: true });
    this.rest();
  }

  /** Arrow keys follow an edge or go to a neighbour in the layer. */
  walk(event) {
    const here = this.nodes.find(({ body }) => body === event.target);
    const keys = this.tall ? ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"] : ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
    const way = [...keys, "Home", "End"].indexOf(event.key);
    if (!here || way < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [layer, across] = here.place;
    const side = way === 2 ? -1 : 1;
    const nearest = [
      () => here.enter.map(({ from }) => from),
      () => here.leave.map(({ to }) => to),
      ...Array(2).fill(() => this.nodes.filter(({ place: [l, a] }) => l === layer && (a - across) * side > 0)),
      () => this.nodes.slice(0, 1),
      () => this.nodes.filter(({ slot }) => slot === this.program.output),
    ][way]().sort((a, b) => Math.abs(a.place[1] - across) - Math.abs(b.place[1] - across))[0];
    if (!nearest) return;
    this.pick(nearest, false);
    for (const { body } of this.nodes) body.tabIndex = body === nearest.body ? 0 : -1;
    nearest.body.focus();
  }

  // The page.

  build() {
    this.buildGraph();
    const shown = (quantity, name, className) => {
      const out = readout(quantity, className);
      write(out.name, name);
      return out;
    };
    this.out = { value: shown("value", ""), loss: shown("loss", "loss L", "live-loss"), slope: shown("slope", "", "live-tangent"), at: shown("at", "step", "live-at") };
    const last = 2 * this.count;
    const step = (text, to) => button(text, () => this.goTo(to()));
    this.buttons = [
      step("restart", () => 0), step("◂ step", () => this.at - 1), step("step ▸", () => this.at + 1),
      step("forward", () => this.count), step("back to the inputs", () => last),
    ];
    this.wheel = slider("", { max: last, step: 1, input: (v) => this.goTo(v) });
    this.wheel.input.setAttribute("aria-label", "step");
    this.wheel.name.append(h("span", { className: "live-fore" }, "forward: values"), "loss", h("span", { className: "live-back" }, "back: cotangents ∂"));
    this.said = h("p", { className: "live-said" });

    this.slide = slider("", { input: (v) => this.moveTo(snap(v, this.grain)), change: () => this.rest() });
    this.exact = numberInput("", { change: (v) => { this.moveTo(v, false); this.rest(); } });
    this.grids = Object.fromEntries(this.inputs.map(({ name, shape }) => [name, new ArrayGrid(name, shape, (index) => this.choose(name, index))]));
    this.many = this.inputs.reduce((all, { name }) => all + this.values[name].length, 0) > SHOWN;
    this.panel = h("div", { className: "live-panel" });
    this.paths = h("div", { className: "live-paths" });
    const { value, loss, slope, at } = this.out;
    this.drive = h("div", { className: "live-drive" }, h("div", { className: "live-buttons" }, ...this.buttons), this.wheel.node, this.said);
    this.right = h("div", { className: "live-right" });
    this.body = h("div", {}, this.drive, this.stage,
      h("div", { className: "live-detail" },
        h("div", { className: "live-left" },
          h("div", { className: "live-move" }, this.slide.node, h("div", { className: "live-controls" }, this.exact.node, button("Reset", () => this.reset()))),
          h("div", { className: "live-arrays" }, ...Object.values(this.grids).map(({ node }) => node))),
        this.right));
    this.root.append(h("div", { className: "live-readouts" }, value.node, loss.node, slope.node, at.node), this.body);
    this.watch(this.stage);
    this.watch(this.root);
    this.chosen();
  }

  buildGraph() {
    const { program } = this;
    const inner = program.shapes.map((_, slot) => slot).filter((slot) => slot < this.inputs.length || slot >= program.first);
    const shown = inner.includes(program.output) ? inner : [...inner, program.output];
    const { places, bends, words: formulas } = readGraph(this.model.get("graph"), program, shown);
    this.canvas = h("div", { className: "live-canvas" });
    this.drawing = svg("svg", { class: "live-edges", "aria-hidden": "true" }, this.canvas);
    this.stage = h("div", { className: "live-graph", role: "group", ariaLabel: `Graph of ${this.count} operations, from the inputs to the loss` }, this.canvas);
    this.canvas.addEventListener("keydown", (event) => this.walk(event));
    this.names = program.shapes.map((_, slot) => this.inputs[slot]?.name ?? (slot < program.first ? `c${slot - this.inputs.length}` : `v${slot - program.first}`));
    this.nodes = shown.map((slot) => {
      const op = slot - program.first;
      const [name, shape, place] = [this.names[slot], program.shapes[slot], places[slot]];
      const line = Object.fromEntries(["tag", "sign", "value", "cotangent"].map((part) => [part, h("span", { className: `live-${part}` })]));
      const title = h("span", { className: "live-title" }, line.tag, line.sign);
      const body = h("button", { type: "button", className: "live-node", "data-node": slot, onclick: () => this.pick(node) }, title, line.value, line.cotangent);
      const known = program.operations[op];
      const [sign, formula, sends] = formulas[op] ?? [name, name, []];
      const node = { slot, op, name, shape, place, line, body, formula, sends, title: known?.op.replaceAll("_", " ") ?? "input", enter: [], leave: [], held: new Float64Array(program.slots[slot].length) };
      const constants = known?.args.some((a) => this.isConstant(a));
      write(line.sign, constants ? fill(formula, (k) => (this.isConstant(known.args[k]) ? this.textOf(known.args[k]) : "·")) : sign);
      write(line.tag, known ? `${name} ${words(shape)}` : words(shape));
      this.canvas.append(body);
      return node;
    });
    this.scalar = this.nodes.every(({ shape }) => !shape.length);
    this.nodeOf = new Map(this.nodes.map((node) => [node.slot, node]));
    this.edges = [];
    const sent = program.contributions(this.values, ONE);
    program.operations.forEach(({ args }, i) => args.forEach((a, k) => {
      const [from, to] = [this.nodeOf.get(a), this.nodeOf.get(program.first + i)];
      if (!from || this.isConstant(a)) return;
      const message = sent.findIndex(({ slot, position }) => slot === to.slot && position === k);
      const edge = { from, to, position: k, bends: bends[i][k], message, when: 2 * this.count - i };
      edge.path = svg("path", { class: "live-edge", fill: "none" }, this.drawing);
      edge.head = svg("path", {}, this.drawing);
      edge.label = svg("text", { "text-anchor": "middle" }, this.drawing);
      from.leave.push(edge);
      to.enter.push(edge);
      this.edges.push(edge);
    }));
    this.drawing.append(...this.edges.map(({ label }) => label));
    for (const node of this.nodes) node.back = node.leave.filter(({ message }) => message >= 0).sort((a, b) => a.message - b.message);
  }

  isConstant(slot) {
    return slot >= this.inputs.length && slot < this.program.first;
  }

  /** What a slot is called in a formula: a small constant by its numbers. */
  textOf(slot) {
    const { slots, shapes } = this.program;
    return (this.isConstant(slot) && listed(slots[slot], shapes[slot], true)) || this.names[slot];
  }

  /** Give every node and edge its place: left to right where there is room, else downwards. */
  arrange(room, width) {
    const layers = 1 + Math.max(...this.nodes.map(({ place }) => place[0]));
    const tall = room < 480 || layers * 96 > room + 20;
    const side = tall && room >= BROAD;
    if (`${tall} ${side} ${width}` === this.arranged) return;
    this.arranged = `${tall} ${side} ${width}`;
    this.tall = tall;
    this.body.className = `live-chain${tall ? " live-tall" : ""}${side ? " live-beside" : ""}`;
    (side ? this.drive : this.right).append(this.paths, this.panel);
    const widest = Math.max(...this.nodes.map(({ place }) => place[1]));
    const within = (low, value, high) => Math.max(low, Math.min(high, value));
    const pitch = tall ? within(96, (width + 14) / (widest + 1), 170) : within(96, (width + 20) / layers, 190);
    const wide = Math.min(tall ? 150 : 124, pitch - (tall ? 12 : 20));
    const [high, row] = tall ? [64, 94] : [80, 94];
    const spot = ([layer, across]) => (tall ? [across * pitch + wide / 2 + 1, layer * row + high / 2 + 1] : [layer * pitch + wide / 2 + 1, across * row + high / 2 + 1]);
    const [across, down] = tall ? [widest * pitch + wide, (layers - 1) * row + high] : [(layers - 1) * pitch + wide, widest * row + high];
    this.fits = across + 2 <= width;
    const { style } = this.canvas;
    [style.width, style.height] = [`${across + 2}px`, `${down + 2}px`];
    for (const [key, value] of [["width", across + 2], ["height", down + 2]]) mark(this.drawing, key, value);
    for (const node of this.nodes) {
      const [x, y] = (node.spot = spot(node.place));
      Object.assign(node.body.style, { width: `${wide}px`, height: `${high}px`, left: `${x - wide / 2}px`, top: `${y - high / 2}px` });
    }
    const [along, beside] = tall ? [high / 2, wide / 2] : [wide / 2, high / 2];
    const port = (node, edges, edge, towards, side) => {
      const order = [...edges].sort((a, b) => towards(a) - towards(b));
      const gap = Math.min(22, (2 * beside - 24) / edges.length);
      const shift = (order.indexOf(edge) - (edges.length - 1) / 2) * gap;
      const [x, y] = node.spot;
      return tall ? [x + shift, y + side * along] : [x + side * along, y + shift];
    };
    const roomy = tall || pitch - wide >= 44;
    for (const edge of this.edges) {
      const { from, to, bends } = edge;
      const start = port(from, from.leave, edge, (e) => (e.bends[0] ?? e.to.place)[1], 1);
      const end = port(to, to.enter, edge, (e) => (e.bends.at(-1) ?? e.from.place)[1], -1);
      const [u, v] = tall ? [1, 0] : [0, 1]; // across, along
      const way = [...bends.map(spot), end];
      mark(edge.label, "x", (start[0] + way[0][0]) / 2);
      mark(edge.label, "y", (start[1] + way[0][1]) / 2 - (tall ? -4 : 6));
      let d = `M${start}`;
      let [x, y] = start;
      for (const [nx, ny] of way) {
        d += tall ? `C${x} ${(y + ny) / 2} ${nx} ${(y + ny) / 2} ${nx} ${ny}` : `C${(x + nx) / 2} ${y} ${(x + nx) / 2} ${ny} ${nx} ${ny}`;
        [x, y] = [nx, ny];
      }
      mark(edge.path, "d", d);
      const head = ([px, py], way) => `M${px} ${py}l${-4 * u - 8 * way * v} ${-4 * v - 8 * way * u}l${8 * u} ${8 * v}z`;
      edge.heads = [head(end, 1), head(start, -1)];
      edge.roomy = roomy;
    }
    if (this.fits) this.stage.removeAttribute("tabindex");
    else this.stage.tabIndex = 0;
  }

  // One frame: compute, then draw.

  paint() {
    this.arrange(this.root.clientWidth, this.stage.clientWidth - 8); // less its padding
    if (this.due.path) this.findPath();
    this.compute();
    const { at } = this;
    if (this.due.state) this.save(!this.held);
    else if (this.due.rest) this.model.save_changes();
    if (this.setRange(this.due.range)) Object.assign(this.slide.input, { min: this.range[0], max: this.range[1], step: this.grain });
    for (const node of this.nodes) this.drawNode(node);
    for (const edge of this.edges) this.drawEdge(edge, at);
    this.drawNumbers(at);
    this.drawPanel();
    this.drawPaths(at);
    this.due = {};
    if (!this.root.dataset.ready) this.grids[this.entry.name].reveal();
  }

  compute() {
    this.sent = this.program.contributions(this.values, ONE);
    for (const node of this.nodes) this.gather(node, this.at);
  }

  /** What has reached `node` by now: its value, and those parts of its cotangent that have come. */
  gather(node, at) {
    const { slot, op, held, back } = node;
    const output = slot === this.program.output;
    node.known = op < at;
    node.parts = back.filter(({ when }) => when <= at).map((edge) => ({ edge, part: this.sent[edge.message].part }));
    node.done = at >= this.count && node.parts.length === back.length && (output || back.length > 0 || op < 0);
    node.reached = node.done || node.parts.length > 0;
    held.fill(output && node.reached ? 1 : 0);
    for (const { part } of node.parts) for (let i = 0; i < held.length; i++) held[i] += part[i];
  }

  /** What depends on the chosen entry: a NaN put there spreads to that and to nothing else. */
  findPath() {
    const array = this.values[this.entry.name];
    const [kept, { program }] = [array[this.here], this];
    array[this.here] = NaN;
    program.run(this.values);
    array[this.here] = kept;
    const lit = new Set([program.places.get(this.entry.name)]);
    for (const { from, to, message } of this.edges) {
      if (message >= 0 && lit.has(from.slot) && program.slots[to.slot].some(Number.isNaN)) lit.add(to.slot);
    }
    this.lit = lit;
    this.listPaths();
  }

  /** The paths from the entry's input to the loss: how many, and the first few as lists of edges. */
  listPaths() {
    const { output } = this.program;
    const ways = new Map([[output, 1]]);
    for (const node of [...this.nodes].reverse()) {
      if (node.slot !== output) ways.set(node.slot, node.back.reduce((all, { to }) => all + (this.lit.has(to.slot) ? ways.get(to.slot) : 0), 0));
    }
    const start = this.nodeOf.get(this.program.places.get(this.entry.name));
    this.ways = ways.get(start.slot);
    this.routes = [];
    const follow = (node, route) => {
      if (this.routes.length >= PATHS || !ways.get(node.slot)) return;
      if (node.slot === output) this.routes.push(route);
      else for (const edge of node.back) if (this.lit.has(edge.to.slot)) follow(edge.to, [...route, edge]);
    };
    follow(start, []);
    this.useful = (edge) => edge.message >= 0 && this.lit.has(edge.from.slot) && this.lit.has(edge.to.slot) && ways.get(edge.to.slot) > 0;
  }

  /** The derivative of a number by a number, along an edge. */
  local({ to, position }) {
    const part = new Float64Array(1);
    this.program.kernels[to.op].backward[position](ONE, part);
    return part[0];
  }

  get looked() {
    const step = this.at < 2 * this.count && this.nodeOf.get(this.program.first + this.current);
    return this.picked ?? (step || this.nodeOf.get(this.program.places.get(this.entry.name)));
  }

  drawNode(node) {
    const { body, line, slot, op, name, title, shape, known, reached, done, held, back } = node;
    const value = this.program.slots[slot];
    write(line.value, known ? listed(value, shape) : "·");
    const some = (array) => (shape.length ? `array ${words(shape)} ${listed(array, shape)}` : brief(array[0]));
    const waits = reached && !done ? " + …" : "";
    write(line.cotangent, reached ? `∂ ${listed(held, shape)}${waits}` : "");
    const parts = [known ? `value ${some(value)}` : "not yet computed", ...(reached ? [`cotangent ${some(held)}${waits && " so far"}`] : [])];
    mark(body, "aria-label", `${op < 0 ? name : `${title} ${name}`}: ${parts.join(", ")}`);
    for (const [key, array] of [["data-value", known && value], ["data-cotangent", reached && held]]) {
      if (array) mark(body, key, Array.from(array).join(" "));
      else body.removeAttribute(key);
    }
    const now = op >= 0 && op === this.current;
    const route = this.route;
    const lit = route ? route.some(({ from, to }) => from === node || to === node) : this.lit.has(slot) && (slot === this.program.output || back.some(this.useful));
    mark(body, "class", `live-node${lit ? " live-lit" : ""}${now ? " live-now" : ""}${known ? "" : " live-later"}`);
    const looked = node === this.looked;
    mark(body, "aria-pressed", String(looked));
    mark(body, "tabindex", looked ? "0" : "-1");
  }

  drawEdge(edge, at) {
    const { from, to, when, message } = edge;
    const sent = message >= 0 && when <= at;
    const lit = this.route ? this.route.includes(edge) : this.useful(edge);
    const state = sent ? "live-sent" : to.known ? "live-ran" : "live-later";
    const look = `${state}${lit ? " live-lit" : ""}${sent && when === at ? " live-now" : ""}`;
    mark(edge.path, "class", `live-edge ${look}`);
    mark(edge.head, "class", `live-head ${look}`);
    mark(edge.head, "d", edge.heads[sent ? 1 : 0]);
    const fork = sent && edge.roomy && from.back.length > 1;
    write(edge.label, fork ? listed(this.sent[message].part, from.shape) : "");
  }

  drawNumbers(at) {
    const { out, name, value, count } = this;
    const start = this.nodeOf.get(this.program.places.get(this.entry.name));
    const slope = start.done ? start.held[this.here] : null;
    const known = at >= count;
    write(out.value.name, name);
    write(out.slope.name, `∂L/∂${name}`);
    out.value.show(value, format(value));
    const [loss] = this.program.slots[this.program.output];
    out.loss.show(known ? loss : null, known ? format(loss) : "not yet");
    out.slope.show(slope, slope === null ? "not yet" : formatSigned(slope));
    out.at.show(at, `${at} of ${2 * count}`);
    const { input } = this.wheel;
    if (input.valueAsNumber !== at) input.value = at;
    const said = this.sentence();
    mark(input, "aria-valuetext", `${at} of ${2 * count}`);
    write(this.said, this.note || said);
    this.buttons.forEach((node, i) => mark(node, "aria-disabled", String(i < 2 ? at === 0 : i === 3 ? at === count : at === 2 * count)));
    write(this.slide.name, `move ${name}`);
    if (this.slide.input.valueAsNumber !== value) this.slide.input.value = value;
    mark(this.slide.input, "aria-valuetext", brief(value));
    write(this.exact.name, `exact ${name}`);
    this.exact.show(value);
    this.drawArrays();
  }

  drawArrays() {
    const start = this.inputs.map(({ name }, slot) => [name, this.nodeOf.get(slot)]);
    let scale = 0;
    for (const [, { held, done }] of start) if (done) for (const v of held) if (Number.isFinite(v)) scale = Math.max(scale, Math.abs(v));
    for (const [name, { held, done }] of start) {
      const grid = this.grids[name];
      const chosen = name === this.entry.name;
      grid.node.hidden = this.many && !chosen;
      if (grid.node.hidden) continue;
      if (chosen) grid.show(this.entry.index);
      grid.draw(this.values[name], done ? held : null, scale, chosen ? this.entry.index : null);
    }
  }

  /** One node in full: its formula, its value, and its cotangent with the parts that were added. */
  drawPanel() {
    const node = this.looked;
    if (this.opened !== node) this.openPanel(node);
    const { name, known, reached, held, parts, shape } = node;
    const { value, cotangent, each } = this.tables;
    value.show(name, known ? this.program.slots[node.slot] : null);
    cotangent.show(`∂L/∂${name}`, reached ? held : null);
    for (const [edge, table] of each) table.show(`from ${edge.to.name}`, parts.find((p) => p.edge === edge)?.part);
    const numbers = parts.map(({ part }) => part[0]);
    const added = node.back.length > 1 && !shape.length && reached;
    write(this.added, added ? `${sum(numbers)}${node.done ? ` = ${brief(held[0])}` : " + …"}` : "");
  }

  openPanel(node) {
    this.opened = node;
    const { name, op, shape, slot, title } = node;
    const { args = [] } = this.program.operations[op] ?? {};
    const fork = shape.length && node.back.length > 1 ? node.back : [];
    this.tables = { value: new Table(shape), cotangent: new Table(shape), each: fork.map((edge) => [edge, new Table(shape)]) };
    const constants = [...new Set(args)].filter((a) => this.isConstant(a) && this.program.shapes[a].length).map((a) => {
      const table = new Table(this.program.shapes[a]);
      table.show(this.names[a], this.program.slots[a]);
      return table.node;
    });
    this.added = h("p", { className: "live-note live-tangent" });
    const formula = op < 0 ? `${name}${shape.length ? `, shape ${words(shape)}` : ""}` : `${name} = ${fill(node.formula, (k) => this.textOf(args[k] ?? slot))}`;
    this.panel.replaceChildren(
      h("p", { className: "live-note" }, h("b", {}, capital(title)), ` ${formula}`),
      h("div", { className: "live-pair" }, this.tables.value.node, this.tables.cotangent.node, ...this.tables.each.map(([, { node: part }]) => part), ...constants),
      this.added);
  }

  /** Each path's product of slopes, and their sum; for arrays, how much depends on the entry. */
  drawPaths(at) {
    const { ways, name, routes, lit, count } = this;
    if (this.pathsOf !== name) {
      this.pathsOf = name;
      this.total = h("p", { className: "live-note" });
      this.items = this.scalar && ways <= PATHS ? routes.map((route) => {
        const node = button("", () => {
          this.route = this.route === route ? null : route;
          this.schedule();
        });
        const product = h("output", { "aria-live": "off", "data-path": route.map(({ to }) => to.name).join(" ") });
        node.append(`${[route[0]?.from.name ?? name, ...route.map(({ to }) => to.name)].join(" → ")} `, product);
        return { node, route, product };
      }) : [];
      this.paths.replaceChildren(...this.items.map(({ node }) => node), this.total);
    }
    const known = at >= count;
    const products = this.items.map(({ node, route, product }) => {
      const slopes = route.map((edge) => this.local(edge));
      const all = slopes.reduce((a, b) => a * b, 1);
      write(product, known ? `${slopes.map(brief).join(" × ")}${slopes.length > 1 ? ` = ${brief(all)}` : ""}` : "");
      if (known) mark(product, "data-value", String(all));
      else product.removeAttribute("data-value");
      mark(node, "aria-pressed", String(this.route === route));
      return all;
    });
    const many = `${ways === 1 ? "One path leads" : `${ways.toLocaleString("en")} paths lead`} from ${name} to the loss`;
    const touched = this.nodes.filter(({ op, slot }) => op >= 0 && lit.has(slot)).length;
    const result = products.reduce((a, b) => a + b, 0);
    if (!this.scalar) write(this.total, `${touched} of ${count} operations depend on ${name}.`);
    else if (!this.items.length) write(this.total, ways ? `${many}. Nobody walks them all: where paths meet again, the sweep carries one number.` : `No path leads from ${name} to the loss.`);
    else write(this.total, known && ways > 1 ? `${ways} paths: ${sum(products)} = ${brief(result)}, the slope ∂L/∂${name}` : `${many}.`);
  }

  // Words.

  /** What the last step did, with its numbers. */
  sentence() {
    const { at, count, program } = this;
    if (at === 0 && count) return "Only the inputs are known. Each step forward does one operation.";
    if (!count) return "The loss is one of the inputs: its cotangent is 1.";
    const node = this.nodeOf.get(program.first + this.current);
    return at <= count ? this.forwards(node, at) : this.backwards(node, at);
  }

  forwards({ slot, op, name, title, shape, formula }, at) {
    const { args } = this.program.operations[op];
    const value = (a) => listed(this.program.slots[a], this.program.shapes[a], true);
    const numbers = args.every((a) => value(a)) ? ` = ${fill(formula, (k) => value(args[k] ?? slot))}` : "";
    const result = value(slot) || `an array of shape ${words(shape)}`;
    const end = at === this.count ? " This is the loss L. The way back starts here, with ∂L/∂L = 1." : "";
    return `${capital(title)}: ${name} = ${fill(formula, (k) => this.textOf(args[k] ?? slot))}${numbers} = ${result}.${end}`;
  }

  backwards({ slot, op, name, title, shape, held, sends, enter }, at) {
    const { args } = this.program.operations[op];
    const going = enter.filter(({ message }) => message >= 0);
    const end = at === 2 * this.count ? " The sweep is done, and each operation knew only itself." : "";
    if (!going.length) return `${capital(title)}: ${enter.some(({ from }) => from.back.length || from.op < 0) && this.nodeOf.get(slot).back.length ? "a nudge does not change its result" : "the loss does not answer to it"}, so ${name} sends nothing back.${end}`;
    const each = going.map((edge) => {
      const { from, position, message } = edge;
      const { part } = this.sent[message];
      const shown = listed(part, from.shape, true);
      const rule = shape.length || from.shape.length
        ? fill(sends[position] ?? "its share of {g}", (k) => (k === "g" ? (shape.length ? "g" : brief(held[0])) : k === "y" ? name : this.textOf(args[k] ?? slot)))
        : `${brief(held[0])} × ${brief(this.local(edge))}`;
      return `to ${from.name} as ${rule}${shown ? ` = ${shown}` : `, shape ${words(from.shape)}`}`;
    });
    const forks = [...new Set(going.map(({ from }) => from))].filter(({ back }) => back.length > 1).map((from) => {
      if (!from.done) return ` More will come to ${from.name}.`;
      const { name: at, shape: like, parts: all } = from;
      const each = all.map(({ part }) => listed(part, like, true));
      if (!like.length) return ` At ${at} they add up: ${sum(all.map(({ part }) => part[0]))} = ${brief(from.held[0])}.`;
      return each[0] ? ` At ${at} they add up: ${each.join(" + ")} = ${listed(from.held, like, true)}.` : ` At ${at} ${all.length} contributions add up.`;
    });
    const whole = shape.length ? listed(held, shape, true) : brief(held[0]);
    const g = shape.length ? `g${whole ? ` = ${whole}` : `, shape ${words(shape)},`}` : whole;
    return `${capital(title)}: its cotangent ${g} goes ${each.join(" and ")}.${forks.join("")}${end}`;
  }
}
