// ChainRule: a program as a graph. Each node knows only itself: forward it computes its value, back
// it sends its cotangent to its arguments, and where several arrive they add up.

import "./chain_rule.css";
import { Figure, mount, needScalar } from "../figure.js";
import { Graph } from "../graph.js";
import {
  ArrayGrid, brief, button, format, formatSigned, h, mark, own, readout, room, slider, widen, write,
} from "../controls.js";

const MOST = 60; // nodes that an eye can follow
const ROOM = 16; // characters of numbers in a box
const SHORT = 8; // with no more than so many, they fit any box
const PATHS = 6; // paths that are listed one by one
const SHOWN = 48; // with more entries than this, one array at a time
const [ROWS, COLUMNS] = [6, 6]; // of a table, the most that is shown
const [PHONE, BROAD] = [480, 640]; // pixels: where a graph goes down, and where there is room beside it
const ONE = Float64Array.of(1);

export const render = (view) => mount("chain-rule", ChainRule, view);

const add = (a, b) => a + b;
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const fill = (text, part) => text.replace(/\{(\w)\}/g, (_, key) => part(key));
const div = (className, ...children) => h("div", { className }, ...children);
const inShape = (shape) => (shape.length ? `(${shape.join(", ")}${shape.length === 1 ? "," : ""})` : "");
const plus = (numbers) => numbers.map((v, i) => (i ? (v < 0 ? `− ${brief(-v)}` : `+ ${brief(v)}`) : brief(v))).join(" ");

/** The first entries of an array. */
const some = (array) => Array.from(array.subarray(0, 6), (v) => brief(array.length > 1 ? Number(v.toPrecision(3)) : v)).join(", ") + (array.length > 6 ? ", …" : "");

/** As many of the first entries as a box of the graph has room for. */
function fitting(array) {
  if (some(array).length <= ROOM) return some(array);
  const parts = some(array).split(", ");
  while (parts.length > 1 && parts.join(", ").length + 3 > ROOM) parts.pop();
  return `${parts.join(", ")}, …`;
}

/** A number or a short list, whole; "" for a longer array. */
const whole = (array, shape) => (shape.length > 1 || array.length > 4 ? "" : shape.length ? `[${some(array)}]` : some(array));

/** An array as a table, or its first rows and columns. */
class Table {
  constructor(shape) {
    const columns = shape.at(-1) ?? 1;
    const rows = columns ? shape.reduce((a, b) => a * b, 1) / columns : 0;
    const [most, width] = [Math.min(ROWS, rows), Math.min(COLUMNS, columns)];
    this.cells = [];
    const lines = Array.from({ length: most }, (_, r) => h("tr", {}, ...Array.from({ length: width }, (_, c) => {
      const node = h("td");
      this.cells.push({ node, flat: r * columns + c });
      return node;
    })));
    this.name = h("span", { className: "live-name" });
    this.table = h("table", {}, h("tbody", {}, ...lines));
    this.node = div("live-matrix", this.name, div("live-brackets", div("live-slopes", this.table)));
    if (most < rows || width < columns) this.node.append(h("span", { className: "live-part" }, `the first ${most} × ${width}`));
  }

  show(name, array) {
    write(this.name, name);
    mark(this.table, "aria-label", name);
    const texts = this.cells.map(({ flat }) => (array ? format(array[flat], 3) : "·"));
    widen(this.table, texts);
    this.cells.forEach(({ node, flat }, k) => {
      write(node, texts[k]);
      if (array) mark(node, "data-value", String(array[flat]));
      else node.removeAttribute("data-value");
    });
  }
}

/** The trait `graph`, if it is whole; else the operations one behind the other, by their own names. */
function readGraph(held, program, shown) {
  const place = (p) => (Array.isArray(p) && p.length === 2 && Number.isInteger(p[0]) && p.every((v) => Number.isFinite(v) && v >= 0 && v <= 2 * MOST) ? p : null);
  const list = (item, i) => (Array.isArray(item?.[i]) ? item[i] : []);
  const places = program.shapes.map((_, slot) => place(held?.places?.[slot]));
  const fits = shown.every((slot) => places[slot]) && new Set(shown.map((slot) => String(places[slot]))).size === shown.length;
  if (!fits) shown.forEach((slot, i) => (places[slot] = [i, 0]));
  return {
    places,
    bends: (i, k) => (fits ? list(list(held.bends, i), k).map(place).filter(Boolean) : []),
    words: program.operations.map(({ op, args }, i) => {
      const [sign, formula, sends] = list(held?.words, i);
      const known = typeof sign === "string" && typeof formula === "string";
      return known ? [sign, formula, list([sends], 0)] : [op, `${op}(${args.map((_, k) => `{${k}}`).join(", ")})`, []];
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
    this.count = operations.length;
    const nodes = inputs.length + this.count;
    if (nodes > MOST) throw new Error(`its program has ${nodes} inputs and operations, and a graph of more than ${MOST} cannot be read. Show a smaller case.`);
  }

  get at() {
    const at = this.model.get("at");
    return Number.isInteger(at) && at >= 0 && at <= 2 * this.count ? at : 0;
  }

  /** The node of the last step; none before the first. */
  get current() {
    const { at, count } = this;
    return this.nodeOf.get(this.program.first + (at <= count ? at - 1 : 2 * count - at));
  }

  /** The node of the array whose entry is chosen. */
  get start() {
    return this.nodeOf.get(this.program.places.get(this.entry.name));
  }

  /** The node that is shown in full. */
  get looked() {
    return this.picked ?? (this.at && this.at < 2 * this.count ? this.current : this.start);
  }

  chosen() {
    Object.assign(this.due, { paths: true, range: true });
    this.route = null;
  }

  // What a reader does.

  goTo(at) {
    const next = Math.max(0, Math.min(2 * this.count, at));
    if (next === this.at) return;
    this.picked = null;
    this.note = "";
    this.due.step = true;
    this.set("at", next);
  }

  choose(name, index) {
    if (!this.turnTo(name, index)) return;
    this.drawArrays();
    this.grids[name].reveal();
  }

  pick(node) {
    this.picked = node;
    this.schedule();
  }

  walk(event) {
    const here = this.nodes.find(({ body }) => body === event.target);
    const next = here && !(event.ctrlKey || event.metaKey || event.altKey) && this.graph.neighbour(here, event.key);
    if (!next) return;
    event.preventDefault();
    this.pick(next);
    next.body.focus();
  }

  tell(before = "") {
    this.compute();
    this.announcer.say(`${before}${this.name} = ${format(this.value)}. ${this.sentence()}`);
  }

  // The page.

  build() {
    this.buildGraph();
    const last = 2 * this.count;
    this.out = { value: readout("value"), loss: readout("loss", "live-loss"), slope: readout("slope", "live-tangent"), at: readout("at", "live-at") };
    write(this.out.loss.name, "loss L");
    write(this.out.at.name, "step");
    this.buttons = [
      ["restart", () => 0, 0], ["◂ step", () => this.at - 1, 0], ["step ▸", () => this.at + 1, last],
      ["forward", () => this.count, this.count], ["back to the inputs", () => last, last],
    ].map(([text, to, end]) => ({ node: button(text, () => this.goTo(to())), end }));
    this.wheel = slider("", { max: last, step: 1, input: (v) => this.goTo(v) });
    this.wheel.input.ariaLabel = "step";
    this.wheel.name.append(h("span", { className: "live-fore" }, "forward: values"), "loss", h("span", { className: "live-back" }, "back: cotangents ∂"));
    this.said = h("p", { className: "live-said" });
    this.buildMovers();
    this.grids = Object.fromEntries(this.inputs.map(({ name, shape }) => [name, new ArrayGrid(name, shape, (index) => this.choose(name, index))]));
    this.many = this.inputs.map(({ name }) => this.values[name].length).reduce(add) > SHOWN;
    this.stage = h("div", { className: "live-graph", role: "group", ariaLabel: `Graph of ${this.count} operations, from the inputs to the loss`, onkeydown: (event) => this.walk(event) }, this.graph.canvas);
    this.drive = div("live-drive", div("live-buttons", ...this.buttons.map(({ node }) => node)), this.wheel.node, room(this.said));
    this.right = div("live-right");
    this.paths = div("live-paths");
    this.op = { title: h("b"), formula: h("span"), tables: div("live-pair"), added: h("p", { className: "live-note live-tangent" }) };
    this.panel = div("live-panel", room(h("p", { className: "live-note" }, this.op.title, " ", this.op.formula), this.op.tables, this.op.added));
    this.body = h("div", {}, div("live-scene", this.drive, this.stage),
      div("live-detail",
        div("live-left",
          div("live-move", this.slide.node, div("live-controls", this.exact.node, this.buildReset())),
          div("live-arrays", ...Object.values(this.grids).map(({ node }) => node))),
        this.right));
    this.root.append(div("live-readouts", ...Object.values(this.out).map(({ node }) => node)), this.body);
    this.watch(this.stage);
    this.watch(this.root);
    this.chosen();
  }

  buildGraph() {
    const { program, inputs, count } = this;
    this.names = program.shapes.map((_, slot) => inputs[slot]?.name ?? (this.isConstant(slot) ? `c${slot - inputs.length}` : `v${slot - program.first}`));
    const shown = program.shapes.map((_, slot) => slot).filter((slot) => !this.isConstant(slot) || slot === program.output);
    const { places, bends, words } = readGraph(this.model.get("graph"), program, shown);
    this.nodes = shown.map((slot) => this.buildNode(slot, places[slot], words[slot - program.first]));
    this.nodeOf = new Map(this.nodes.map((node) => [node.slot, node]));
    this.scalar = this.nodes.every(({ shape }) => !shape.length);
    const sent = program.contributions(this.values, ONE);
    const edges = program.operations.flatMap(({ args }, i) => args.map((a, position) => {
      const to = this.nodeOf.get(program.first + i);
      const message = sent.findIndex((m) => m.slot === to.slot && m.position === position);
      return { from: !this.isConstant(a) && this.nodeOf.get(a), to, position, message, bends: bends(i, position), when: 2 * count - i };
    })).filter(({ from }) => from);
    this.graph = new Graph(this.nodes, edges);
    for (const node of this.nodes) node.back = node.leave.filter(({ message }) => message >= 0).sort((a, b) => a.message - b.message);
  }

  buildNode(slot, place, [sign, formula, sends] = [this.names[slot], "", []]) {
    const { program, names } = this;
    const op = slot - program.first;
    const { args = [], op: title = "input" } = program.operations[op] ?? {};
    const shape = program.shapes[slot];
    const [tag, label] = ["live-tag", "live-sign"].map((className) => h("span", { className }));
    const line = { value: own(), cotangent: own() };
    const value = h("span", { className: "live-value" }, line.value);
    const cotangent = h("span", { className: "live-cotangent" }, line.cotangent);
    const node = { slot, op, args, shape, place, line, formula, sends, name: names[slot], title: title.replaceAll("_", " "), held: new Float64Array(program.slots[slot].length) };
    node.body = h("button", { type: "button", className: "live-node", "data-node": slot }, h("span", { className: "live-title" }, tag, label), value, cotangent);
    node.body.addEventListener("click", () => {
      this.pick(node);
      if (this.grids[node.name]) this.choose(node.name, this.grids[node.name].index);
    });
    const constants = args.some((a) => this.isConstant(a));
    write(label, constants ? fill(formula, (k) => (this.isConstant(args[k]) ? this.textOf(args[k]) : "·")) : sign);
    write(tag, `${op < 0 ? "" : node.name} ${inShape(shape)}`.trim());
    return node;
  }

  isConstant(slot) {
    return slot >= this.inputs.length && slot < this.program.first;
  }

  /** What a slot is called in a formula: a small constant by its numbers. */
  textOf(slot) {
    const { slots, shapes } = this.program;
    return (this.isConstant(slot) && whole(slots[slot], shapes[slot])) || this.names[slot];
  }

  equation({ name, args, formula }) {
    return `${name} = ${fill(formula, (k) => this.textOf(args[k]))}`;
  }

  arrange(room, width) {
    const tall = room < PHONE || this.graph.least > room;
    const beside = tall && room >= BROAD;
    const look = `live-chain${tall ? " live-tall" : ""}${beside ? " live-beside" : ""}`;
    if (`${look} ${width}` === this.arranged) return;
    this.arranged = `${look} ${width}`;
    this.body.className = look;
    (beside ? this.drive : this.right).append(this.paths, this.panel);
    if (this.graph.arrange(tall, width)) this.stage.removeAttribute("tabindex");
    else this.stage.tabIndex = 0;
  }

  settle() {
    this.grids[this.entry.name].reveal();
  }

  // One frame: compute, then draw.

  paint() {
    this.arrange(this.width(this.root), this.width(this.stage) - 8); // less its padding
    if (this.due.paths) this.findPaths();
    this.compute();
    if (this.due.state) this.save(!this.held);
    else if (this.due.rest) this.model.save_changes();
    if (this.setRange(this.due.range)) Object.assign(this.slide.input, { min: this.range[0], max: this.range[1], step: this.grain });
    for (const node of this.nodes) this.drawNode(node);
    for (const edge of this.graph.edges) this.drawEdge(edge);
    this.drawNumbers();
    this.drawPaths();
    if (this.due.step) this.schedule(); // the graph goes first: its node in full is for the next frame
    else this.drawPanel();
    this.due = {};
  }

  compute() {
    this.sent = this.program.contributions(this.values, ONE);
    for (const node of this.nodes) this.gather(node);
  }

  /** What has reached `node` by now: its value, and those parts of its cotangent that have come. */
  gather(node) {
    const { at, count, program, sent } = this;
    const { slot, op, held, back } = node;
    const output = slot === program.output;
    node.known = op < at;
    node.parts = back.filter(({ when }) => when <= at).map(({ message }) => sent[message].part);
    node.done = at >= count && node.parts.length === back.length && (output || back.length > 0 || op < 0);
    node.reached = node.done || node.parts.length > 0;
    held.fill(output && node.reached ? 1 : 0);
    for (const part of node.parts) for (let i = 0; i < held.length; i++) held[i] += part[i];
  }

  /** What depends on the chosen entry, and the ways from there to the loss: how many, the first few. */
  findPaths() {
    const { program, values, entry, here, start } = this;
    const kept = values[entry.name][here];
    values[entry.name][here] = NaN; // it spreads to what depends on it, and to nothing else
    program.run(values);
    values[entry.name][here] = kept;
    const lit = new Set([start]);
    for (const { from, to, message } of this.graph.edges) {
      if (message >= 0 && lit.has(from) && program.slots[to.slot].some(Number.isNaN)) lit.add(to);
    }
    const ways = new Map([...this.nodes].reverse().map((node) => [node, node.slot === program.output ? 1 : 0]));
    for (const [node, one] of ways) {
      if (!one) ways.set(node, node.back.map(({ to }) => (lit.has(to) ? ways.get(to) : 0)).reduce(add, 0));
    }
    this.routes = [];
    const follow = (node, route) => {
      if (this.routes.length === PATHS || !lit.has(node) || !ways.get(node)) return;
      if (node.slot === program.output) this.routes.push(route);
      else for (const edge of node.back) follow(edge.to, [...route, edge]);
    };
    follow(start, []);
    this.ways = ways.get(start);
    this.depend = lit.size - 1;
    this.lit = ({ from, to, message }) => message >= 0 && lit.has(from) && lit.has(to) && ways.get(to) > 0;
    this.listPaths();
  }

  listPaths() {
    const { routes, ways, name } = this;
    this.total = h("p", { className: "live-note" });
    this.items = this.scalar && ways <= PATHS ? routes.map((route) => {
      const product = h("output", { "aria-live": "off", "data-path": route.map(({ to }) => to.name).join(" ") });
      const node = button("", () => {
        this.route = this.route === route ? null : route;
        this.schedule();
      });
      node.append([name, ...route.map(({ to }) => to.name)].join(" → "), " ", product);
      return { node, route, product };
    }) : [];
    this.paths.replaceChildren(...this.items.map(({ node }) => node), this.total);
  }

  /** The derivative of a number by a number, along an edge. */
  local({ to, position }) {
    const part = new Float64Array(1);
    this.program.kernels[to.op].backward[position](ONE, part);
    return part[0];
  }

  drawNode(node) {
    const { body, line, slot, op, name, title, shape, known, reached, done, held, leave, enter } = node;
    const value = this.program.slots[slot];
    const waits = reached && !done;
    const [v, g] = [known ? fitting(value) : "·", reached ? fitting(held) : ""];
    const texts = { value: v, cotangent: g && `∂ ${g}${waits ? " + …" : ""}` };
    for (const key in texts) {
      write(line[key], texts[key]);
      mark(line[key], "class", `live-own${texts[key].length > SHORT ? " live-long" : ""}`);
    }
    const who = `${op < 0 ? "" : `${title} `}${name}${shape.length ? `, shape ${inShape(shape)}` : ""}`;
    mark(body, "aria-description", `${who}: ${known ? `value ${v}` : "not yet computed"}${g && `, cotangent ${g}${waits ? " so far" : ""}`}`);
    for (const [key, array] of [["data-value", known && value], ["data-cotangent", reached && held]]) {
      if (array) mark(body, key, array.join(" "));
      else body.removeAttribute(key);
    }
    const lit = [...leave, ...enter].some((edge) => this.isLit(edge));
    const looked = node === this.looked;
    mark(body, "class", `live-node${lit ? " live-lit" : ""}${known ? "" : " live-later"}`);
    mark(body, "aria-pressed", String(looked));
    mark(body, "tabindex", looked ? "0" : "-1");
  }

  isLit(edge) {
    return this.route ? this.route.includes(edge) : this.lit(edge);
  }

  drawEdge(edge) {
    const { from, to, when, message, path, head, heads, label } = edge;
    const sent = message >= 0 && when <= this.at;
    const look = `${sent ? "live-sent" : to.known ? "live-ran" : "live-later"}${this.isLit(edge) ? " live-lit" : ""}${sent && when === this.at ? " live-now" : ""}`;
    mark(path, "class", `live-edge ${look}`);
    mark(head, "class", `live-head ${look}`);
    mark(head, "d", heads[sent ? 1 : 0]);
    write(label, sent && this.graph.roomy && from.back.length > 1 && from.held.length < 4 ? some(this.sent[message].part) : "");
  }

  drawNumbers() {
    const { at, count, out, name, value, slide, wheel } = this;
    const last = 2 * count;
    const loss = at < count ? null : this.program.slots[this.program.output][0];
    const slope = this.start.done ? this.start.held[this.here] : null;
    write(out.value.name, name);
    write(out.slope.name, `∂L/∂${name}`);
    out.value.show(value, format(value));
    out.loss.show(loss, loss === null ? "not yet" : format(loss));
    out.slope.show(slope, slope === null ? "not yet" : formatSigned(slope));
    out.at.show(at, `${at} of ${last}`);
    const sentence = this.sentence();
    write(this.said, this.note || sentence);
    if (this.due.step) this.announcer.say(sentence);
    if (wheel.input.valueAsNumber !== at) wheel.input.value = at;
    mark(wheel.input, "aria-valuetext", `${at} of ${last}`);
    for (const { node, end } of this.buttons) mark(node, "aria-disabled", String(at === end));
    write(slide.name, `move ${name}`);
    if (slide.input.valueAsNumber !== value) slide.input.value = value;
    mark(slide.input, "aria-valuetext", brief(value));
    write(this.exact.name, `exact ${name}`);
    this.exact.show(value);
    this.drawArrays();
  }

  drawArrays() {
    const starts = this.inputs.map((_, slot) => this.nodeOf.get(slot));
    const known = starts.filter(({ done }) => done).flatMap(({ held }) => Array.from(held, Math.abs)).filter(Number.isFinite);
    const scale = known.reduce((a, b) => Math.max(a, b), 0);
    for (const { name, held, done } of starts) {
      const grid = this.grids[name];
      const index = name === this.entry.name ? this.entry.index : null;
      grid.node.hidden = this.many && !index;
      if (grid.node.hidden) continue;
      if (index) grid.show(index);
      grid.draw(this.values[name], done ? held : null, scale, index);
    }
  }

  /** One node in full: its formula, its value, and its cotangent with the parts that were added. */
  drawPanel() {
    const node = this.looked;
    if (this.opened !== node) this.openPanel(node);
    const { slot, name, shape, known, reached, done, held, parts, back } = node;
    const [value, cotangent, ...each] = this.tables;
    value.show(name, known ? this.program.slots[slot] : null);
    cotangent.show(`∂L/∂${name}`, reached ? held : null);
    each.forEach((table, i) => table.show(`from ${back[i].to.name}`, parts[i]));
    const fork = reached && back.length > 1 && !shape.length;
    write(this.op.added, fork ? plus(parts.map(([part]) => part)) + (done ? ` = ${brief(held[0])}` : " + …") : "");
  }

  openPanel(node) {
    this.opened = node;
    const { op, name, args, shape, title, back } = node;
    const { shapes, slots } = this.program;
    const constants = [...new Set(args)].filter((a) => this.isConstant(a) && shapes[a].length);
    const count = 2 + (shape.length && back.length > 1 ? back.length : 0);
    const needed = [...Array(count).fill(shape), ...constants.map((a) => shapes[a])];
    const drawn = JSON.stringify(needed);
    if (this.drawn !== drawn) {
      this.drawn = drawn;
      this.all = needed.map((each) => new Table(each));
      this.op.tables.replaceChildren(...this.all.map((table) => table.node));
    }
    this.tables = this.all.slice(0, count);
    constants.forEach((a, i) => this.all[count + i].show(this.names[a], slots[a]));
    write(this.op.title, capital(title));
    write(this.op.formula, op < 0 ? name : this.equation(node));
  }

  /** Each path's product of slopes, and their sum; for arrays, how much depends on the entry. */
  drawPaths() {
    const { ways, name, count, items } = this;
    const known = this.at >= count;
    const products = items.map(({ node, route, product }) => {
      const slopes = route.map((edge) => this.local(edge));
      const all = slopes.reduce((a, b) => a * b, 1);
      write(product, known ? slopes.map(brief).join(" × ") + (slopes.length > 1 ? ` = ${brief(all)}` : "") : "");
      if (known) mark(product, "data-value", String(all));
      else product.removeAttribute("data-value");
      mark(node, "aria-pressed", String(this.route === route));
      return all;
    });
    const lead = ways === 1 ? "One path leads" : `${ways ? ways.toLocaleString("en") : "No"} paths lead`;
    const many = `${lead} from ${name} to the loss.`;
    if (!this.scalar) write(this.total, `${this.depend} of ${count} operations depend on ${name}.`);
    else if (ways > PATHS) write(this.total, `${many} Nobody walks them all: where paths meet, the sweep carries one number.`);
    else write(this.total, known && ways > 1 ? `${ways} paths: ${plus(products)} = ${brief(products.reduce(add))}, the slope ∂L/∂${name}` : many);
  }

  // Words.

  /** What the last step did, with its numbers. */
  sentence() {
    const { at, count } = this;
    if (!count) return "The loss is one of the inputs: its cotangent is 1.";
    if (!at) return "Only the inputs are known. Each step forward does one operation.";
    return `${capital(this.current.title)}: ${at <= count ? this.forwards(this.current) : this.backwards(this.current)}`;
  }

  forwards({ slot, args, shape, formula, ...node }) {
    const { slots, shapes } = this.program;
    const numbers = args.map((a) => whole(slots[a], shapes[a]));
    const filled = numbers.every(Boolean) ? ` = ${fill(formula, (k) => numbers[k])}` : "";
    const end = this.at === this.count ? " This is the loss L. The way back starts here, with ∂L/∂L = 1." : "";
    return `${this.equation({ ...node, args, formula })}${filled} = ${whole(slots[slot], shape) || `an array of shape ${inShape(shape)}`}.${end}`;
  }

  backwards({ name, args, shape, held, sends, enter }) {
    const end = this.at === 2 * this.count ? " The sweep is done, and each operation knew only itself." : "";
    const going = enter.filter(({ message }) => message >= 0);
    if (!going.length) return `no nudge passes through ${name} to the loss, so it sends nothing back.${end}`;
    const number = !shape.length && brief(held[0]);
    const stands = (k) => (k === "g" ? number || "g" : k === "y" ? name : this.textOf(args[k]));
    const each = going.map((edge) => {
      const { from, position, message } = edge;
      const rule = number && !from.shape.length ? `${number} × ${brief(this.local(edge))}` : fill(sends[position] ?? "its share of {g}", stands);
      const part = whole(this.sent[message].part, from.shape);
      return `to ${from.name} as ${rule}${part ? ` = ${part}` : `, shape ${inShape(from.shape)}`}`;
    });
    const forks = [...new Set(going.map(({ from }) => from))].filter(({ back }) => back.length > 1).map((from) => {
      if (!from.done) return ` More will come to ${from.name}.`;
      const parts = from.parts.map((part) => whole(part, from.shape));
      const sum = from.shape.length ? parts.join(" + ") : plus(from.parts.map(([part]) => part));
      return parts[0] ? ` At ${from.name} they add up: ${sum} = ${whole(from.held, from.shape)}.` : ` At ${from.name} ${parts.length} contributions add up.`;
    });
    const g = number || `g${whole(held, shape) ? ` = ${whole(held, shape)}` : `, shape ${inShape(shape)},`}`;
    return `its cotangent ${g} goes ${each.join(" and ")}.${forks.join("")}${end}`;
  }
}
