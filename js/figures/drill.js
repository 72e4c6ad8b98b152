// Drill: a sheet of small numbers, and a gradient to type. Each entry is marked at once; when all
// are there, the page says what kind of mistake the numbers show.

import { Figure, copy, mount, needScalar } from "../figure.js";
import { load } from "../program.js";
import { allClose, close, kindOfMistake, readNumber, turned } from "../marking.js";
import { SEEDS, uniforms } from "../random.js";
import { brief, button, entryName, format, h, numberInput, readout, unflatten, write } from "../controls.js";
import "./drill.css";

const TRIES = 64; // sheets of numbers that are drawn for a seed, until one is fair
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
      return String(program.outputShape) === String(this.shape) ? [[name, program]] : [];
    });
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
    const ranges = this.model.get("ranges") ?? {};
    const arrays = copy(this.initial);
    for (let tries = 0; tries < TRIES; tries++) {
      for (const { name } of this.inputs) {
        const [low, high] = (Object.hasOwn(ranges, name) && ranges[name]) || [];
        if (!Number.isInteger(low) || !Number.isInteger(high)) continue;
        for (let i = 0; i < arrays[name].length; i++) arrays[name][i] = low + Math.floor(draw() * (high - low + 1));
      }
      if (this.isFair(arrays)) break;
    }
    return arrays;
  }

  /** Whether the numbers hide no mistake: each would show. */
  isFair(arrays) {
    const right = this.gradientAt(arrays);
    const others = [...this.knownAt(arrays), ...turned(right, this.shape)].map(([, other]) => other);
    others.push(right.map((v) => -v), right.map(() => 0));
    return right.every(Number.isFinite) && !others.some((other) => allClose(other, right));
  }

  gradientAt(arrays) {
    return this.program.valueAndGrad(arrays, [this.wrt]).grad[this.wrt].slice();
  }

  knownAt(arrays) {
    return this.ways.map(([name, way]) => [name, way.run(arrays).slice()]);
  }

  turnTo(seed) {
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
    if (this.texts[i]) this.announcer.say(done ? words : `${this.cells[i].name}: ${marks[i] || "no number"}.`);
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
    this.helped = true;
    this.streak = 0;
    for (let i = 0; i < this.size; i++) {
      const typed = readNumber(this.texts[i]);
      if (typed !== null && close(typed, right[i])) continue;
      this.texts[i] = String(Number(right[i].toFixed(4)));
      if (!all) {
        this.announcer.say(`${this.cells[i].name} is ${format(right[i])}.`);
        break;
      }
    }
    this.model.set("typed", [...this.texts]);
    this.model.save_changes();
    this.schedule();
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

  /** The mark of each entry, and what to say. */
  look() {
    const right = this.gradientAt(this.values);
    const numbers = this.texts.map(readNumber);
    const marks = numbers.map((number, i) => (number === null ? "" : close(number, right[i]) ? "right" : "wrong"));
    const given = numbers.filter((number) => number !== null).length;
    const odd = this.texts.findIndex((text, i) => text.trim() && numbers[i] === null);
    let words = `${given} of ${this.size} entries are there. Two decimals are enough; a fraction such as 1/3 will do.`;
    if (odd >= 0) words = `“${this.texts[odd]}” is no number: write -1.5, 2e-3 or 1/3.`;
    else if (given === this.size) {
      const kind = kindOfMistake(Float64Array.from(numbers), right, this.shape, this.knownAt(this.values));
      words = kind ? `Not yet. Looks like: ${kind}.` : this.helped ? "All there, with help." : "All right.";
    } else if (marks.includes("wrong")) words = `Not every entry is right so far. ${words}`;
    return { marks, words, right };
  }

  // The page.

  build() {
    this.root.classList.add("live-drill");
    const question = this.model.get("question");
    if (typeof question === "string" && question) this.root.append(h("p", { className: "live-question" }, question));
    this.tables = this.inputs.map(({ name, shape }) => {
      const columns = shape.length ? shape.at(-1) : 1;
      const size = shape.reduce((a, b) => a * b, 1);
      const cells = Array.from({ length: size }, () => h("td"));
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
    const mark = h("span", { className: "live-mark", "aria-hidden": "true" });
    input.addEventListener("input", () => this.type(i, input.value));
    input.addEventListener("change", () => this.leave(i));
    return { name, input, mark, node: h("div", {}, input, mark) };
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
    for (const { name, cells } of this.tables) cells.forEach((cell, i) => write(cell, brief(this.values[name][i])));
    this.cells.forEach(({ input, mark, node, name }, i) => {
      if (input.value !== this.texts[i]) input.value = this.texts[i];
      write(mark, MARKS[marks[i]]);
      if (node.dataset.mark !== marks[i]) node.dataset.mark = marks[i];
      const label = marks[i] ? `${name}, ${marks[i]}` : name;
      if (input.getAttribute("aria-label") !== label) input.setAttribute("aria-label", label);
      input.setAttribute("aria-invalid", String(marks[i] === "wrong"));
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
