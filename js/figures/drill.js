// Drill: a sheet of small numbers, and a gradient to type. Each entry is marked at once; when all
// are there, the page says what kind of mistake the numbers show.

import { Figure, copy, mount, needScalar } from "../figure.js";
import { load } from "../program.js";
import { allClose, kindOfMistake, lastPlace, near, readNumber, turned } from "../marking.js";
import { SEEDS, uniforms } from "../random.js";
import { brief, button, entryName, h, mark, numberInput, readout, unflatten, write } from "../controls.js";
import "./drill.css";

const TRIES = 64; // sheets of numbers that are drawn for a seed, until one hides no mistake
const MARKS = { right: "✓", wrong: "✗", "": "" };

export const render = (view) => mount("drill", Drill, view);

class Drill extends Figure {
  constructor(model, root) {
    super(model, root);
    this.listen("seed", () => this.hearSeed());
    this.listen("typed", () => this.hearTyped());
    const asked = model.onPage ? seedOf(new URLSearchParams(location.search).get("seed")) : null;
    if (asked !== null && asked !== this.seed) this.turnTo(asked);
  }

  admit() {
    needScalar(this.program);
    const found = this.program.inputs.find(({ name }) => name === this.model.get("wrt"));
    this.wrt = (found ?? this.program.inputs[0]).name;
    this.shape = (found ?? this.program.inputs[0]).shape;
    this.size = this.shape.reduce((a, b) => a * b, 1);
    if (this.size > 36) throw new Error(`its gradient has ${this.size} entries, too many to type.`);
    this.ways = Object.entries(this.model.get("mistakes") ?? {}).flatMap(([name, way]) => {
      const program = load(way);
      const fits = program.inputs.every((input, i) => input.name === this.program.inputs[i]?.name && String(input.shape) === String(this.program.inputs[i].shape));
      return fits && String(program.outputShape) === String(this.shape) ? [[name, program]] : [];
    });
    this.sizes = [...new Set(this.program.inputs.flatMap(({ shape }) => shape))].filter((n) => n > 1).sort((a, b) => a - b);
    this.texts = this.readTyped() ?? Array(this.size).fill("");
    this.streak = 0;
    this.helped = false;
  }

  get seed() {
    return seedOf(this.model.get("seed")) ?? 1;
  }

  readTyped() {
    const typed = this.model.get("typed");
    return Array.isArray(typed) && typed.length === this.size && typed.every((t) => typeof t === "string") ? [...typed] : null;
  }

  hearSeed() {
    if (this.turning) return;
    this.turnTo(this.seed);
  }

  hearTyped() {
    const typed = this.readTyped();
    if (!typed || typed.join("\n") === this.texts.join("\n")) return;
    this.texts = typed;
    this.schedule();
  }

  // The sheet.

  /** The numbers of a seed, as Python draws them. */
  sheet(seed) {
    const draw = uniforms(seed);
    const choices = this.model.get("choices") ?? {};
    let best = copy(this.initial);
    let fewest = Infinity;
    for (let tries = 0; tries < TRIES; tries++) {
      const arrays = copy(this.initial);
      for (const { name } of this.inputs) {
        const pick = Object.hasOwn(choices, name) ? choices[name] : null;
        if (!Array.isArray(pick) || !pick.length || !pick.every(Number.isFinite)) continue;
        for (let i = 0; i < arrays[name].length; i++) arrays[name][i] = pick[Math.floor(draw() * pick.length)];
      }
      const hidden = this.hiddenAt(arrays);
      if (hidden < fewest) [best, fewest] = [arrays, hidden];
      if (!hidden) break;
    }
    return best;
  }

  /** How many kinds of mistake lead to the right answer, where they would go unseen. */
  hiddenAt(arrays) {
    const { value, grad } = this.program.valueAndGrad(arrays, [this.wrt]);
    const right = grad[this.wrt].slice();
    if (![value, ...right].every(Number.isFinite)) return Infinity;
    const others = [...this.knownAt(arrays), ...turned(right, this.shape)].map(([, other]) => other);
    others.push(right.map((v) => -v), right.map(() => 0));
    return others.filter((other) => allClose(other, right)).length;
  }

  gradientAt(arrays) {
    return this.program.valueAndGrad(arrays, [this.wrt]).grad[this.wrt].slice();
  }

  knownAt(arrays) {
    return this.ways.map(([name, way]) => [name, way.run(arrays).slice()]);
  }

  turnTo(seed) {
    if (this.counted !== this.seed) this.streak = 0; // a sheet left unfinished ends the row
    this.values = this.sheet(seed);
    this.texts = Array(this.size).fill("");
    this.helped = false;
    this.turning = true;
    this.model.set("seed", seed);
    this.model.set("typed", [...this.texts]);
    this.turning = false;
    this.save();
    this.schedule();
  }

  // What a reader does.

  next(seed) {
    this.turnTo(seed);
    if (this.model.onPage) {
      const address = new URL(location.href);
      address.searchParams.set("seed", seed);
      try {
        history.replaceState(history.state, "", address);
      } catch {
        // A folder opened without a server keeps its address.
      }
    }
    this.announcer.say(`Sheet ${seed}: new numbers.`);
    this.cells[0].input.focus({ preventScroll: true });
  }

  type(i, text) {
    this.texts[i] = text;
    this.schedule();
  }

  /** An entry has been left: tell the model, and those who listen. */
  leave(i) {
    this.model.set("typed", [...this.texts]);
    this.model.save_changes();
    const done = this.texts.every((text) => readNumber(text) !== null);
    const { marks, words } = this.look();
    if (done && marks.every((mark) => mark === "right")) this.finish();
    if (this.texts[i]) this.announcer.say(done ? words : `${this.cells[i].name} = ${this.texts[i]} is ${marks[i] || "no number"}.`);
    this.schedule();
  }

  finish() {
    if (this.counted === this.seed || this.helped) return;
    this.counted = this.seed;
    this.streak += 1;
  }

  /** Fill in the first entry that is not right, or all of them. */
  show(all) {
    const right = this.gradientAt(this.values);
    const marks = this.marks(right);
    this.helped = true;
    this.streak = 0;
    for (let i = 0; i < this.size; i++) {
      if (marks[i] === "right") continue;
      this.texts[i] = String(Number(right[i].toPrecision(6)));
      if (all) continue;
      this.note = this.nudged(i);
      this.announcer.say(this.note);
      break;
    }
    this.model.set("typed", [...this.texts]);
    this.model.save_changes();
    this.schedule();
  }

  /** What entry `i` of the gradient says, tried out: by how much a small step moves the loss. */
  nudged(i) {
    const nudge = 0.001;
    const loss = (by) => {
      const arrays = copy(this.values);
      arrays[this.wrt][i] += by;
      return this.program.run(arrays)[0];
    };
    const start = loss(0);
    const moved = loss(nudge) - start;
    const rounded = Math.abs(moved) > 1e-13 * Math.abs(start) ? Number(moved.toPrecision(3)) : 0;
    const name = entryName(this.wrt, unflatten(i, this.shape));
    return `${this.cells[i].name} is ${brief(this.gradientAt(this.values)[i])}: with ${name} up by ${nudge}, L moves by ${brief(rounded)}.`;
  }

  async copyLink() {
    const address = new URL(location.href);
    address.searchParams.set("seed", this.seed);
    try {
      await navigator.clipboard.writeText(address.href);
      this.note = "The link to this sheet is copied.";
    } catch {
      this.note = `The link to this sheet: ${address.href}`;
    }
    this.announcer.say(this.note);
    this.schedule();
  }

  /** "right" or "wrong" for each entry, "" where there is no number yet. */
  marks(right) {
    const place = lastPlace(right);
    return this.texts.map(readNumber).map((number, i) => (number === null ? "" : near(number, right[i], place) ? "right" : "wrong"));
  }

  /** The mark of each entry, and what to say. */
  look() {
    const right = this.gradientAt(this.values);
    const marks = this.marks(right);
    const given = marks.filter(Boolean).length;
    const odd = this.texts.findIndex((text, i) => text.trim() && !marks[i]);
    const decimals = Math.round(-Math.log10(lastPlace(right)));
    let words = `${given} of ${this.size} entries are there. ${decimals} decimals are enough; a fraction such as 1/3 will do.`;
    if (odd >= 0) words = `“${this.texts[odd]}” is no number: write -1.5, 2e-3 or 1/3.`;
    else if (given === this.size) {
      const numbers = Float64Array.from(this.texts, readNumber);
      const kind = kindOfMistake(numbers, right, this.shape, this.knownAt(this.values), this.sizes);
      words = kind ? `Not yet. Looks like: ${kind}.` : this.helped ? "All there, with help." : "All right.";
    } else if (marks.includes("wrong")) words = `Not every entry is right so far. ${words}`;
    return { marks, words };
  }

  // The page.

  build() {
    this.root.classList.add("live-drill");
    const question = this.model.get("question");
    if (typeof question === "string" && question) this.root.append(h("p", { className: "live-question" }, question));
    this.tables = this.inputs.map(({ name, shape }) => {
      const columns = shape.length ? shape.at(-1) : 1;
      const size = shape.reduce((a, b) => a * b, 1);
      const cells = Array.from({ length: size }, (_, i) => h("td", { "data-entry": entryName(name, unflatten(i, shape)) }));
      const rows = Array.from({ length: size / columns }, (_, r) => h("tr", {}, ...cells.slice(r * columns, (r + 1) * columns)));
      const table = h("table", { "aria-label": name }, h("tbody", {}, ...rows));
      const box = h("div", { className: "live-slopes", tabIndex: 0, role: "group", ariaLabel: `${name}, given` }, table);
      if (size <= 16) for (const key of ["tabindex", "role", "aria-label"]) box.removeAttribute(key);
      return { name, cells, node: h("div", { className: "live-matrix" }, h("span", { className: "live-name" }, name), h("div", { className: "live-brackets" }, box)) };
    });
    const columns = this.shape.length ? this.shape.at(-1) : 1;
    this.cells = Array.from({ length: this.size }, (_, i) => this.cell(i));
    const typing = h("div", { className: "live-typing", role: "group", "aria-label": `Gradient by ${this.wrt}` }, ...this.cells.map(({ node }) => node));
    typing.style.setProperty("--columns", columns);
    typing.addEventListener("keydown", (event) => this.move(event, columns));
    this.said = h("p", { className: "live-note live-drill-says" });
    this.sheets = numberInput("sheet", { min: 0, max: SEEDS - 1, step: 1, change: (seed) => this.next(seed) });
    this.correct = readout("right-entries");
    write(this.correct.name, "entries right");
    this.score = readout("streak");
    write(this.score.name, "right in a row");
    const link = this.model.onPage ? [button("Copy link to this sheet", () => this.copyLink())] : [];
    this.root.append(
      h("div", { className: "live-sheet" }, ...this.tables.map(({ node }) => node),
        h("div", { className: "live-matrix" }, h("span", { className: "live-name" }, `∂L/∂${this.wrt} = ?`), h("div", { className: "live-brackets" }, typing))),
      this.said,
      h("div", { className: "live-buttons" },
        button("New numbers", () => this.next((this.seed + 1) % SEEDS)), button("Show one entry", () => this.show(false)),
        button("Show all", () => this.show(true)), ...link, this.sheets.node, this.correct.node, this.score.node),
    );
  }

  cell(i) {
    const name = entryName(`∂L/∂${this.wrt}`, unflatten(i, this.shape));
    const input = h("input", { type: "text", inputMode: "text", autocomplete: "off", spellcheck: false, "aria-label": name, "data-answer": String(i) });
    const sign = h("span", { className: "live-mark", "aria-hidden": "true" });
    input.addEventListener("input", () => this.type(i, input.value));
    input.addEventListener("change", () => this.leave(i));
    return { name, input, sign, node: h("div", {}, input, sign) };
  }

  /** Enter goes on, up and down go to the rows beside. */
  move(event, columns) {
    const here = this.cells.findIndex(({ input }) => input === event.target);
    const step = { Enter: 1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (here < 0 || !step) return;
    event.preventDefault();
    if (event.key === "Enter" && here === this.size - 1) return this.leave(here);
    this.cells[here + step]?.input.focus();
  }

  paint() {
    const { marks, words } = this.look();
    for (const { name, cells } of this.tables) {
      cells.forEach((cell, i) => {
        write(cell, brief(this.values[name][i]));
        mark(cell, "data-value", String(this.values[name][i]));
      });
    }
    this.cells.forEach(({ input, sign, node, name }, i) => {
      if (input.value !== this.texts[i]) input.value = this.texts[i];
      write(sign, MARKS[marks[i]]);
      if (node.dataset.mark !== marks[i]) node.dataset.mark = marks[i];
      mark(input, "aria-label", marks[i] ? `${name}, ${marks[i]}` : name);
      mark(input, "aria-invalid", String(marks[i] === "wrong"));
    });
    write(this.said, this.note || words);
    this.note = "";
    this.sheets.show(this.seed);
    const right = marks.filter((mark) => mark === "right").length;
    this.correct.show(right, `${right} of ${this.size}`);
    this.score.show(this.streak, String(this.streak));
  }
}

function seedOf(value) {
  const seed = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return Number.isInteger(seed) && seed >= 0 && seed < SEEDS ? seed : null;
}
