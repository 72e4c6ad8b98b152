// Training: a network learns the digits in the page, batch after batch, by the right gradient or by
// one with softmax's Jacobian in it twice. The digits arrive when a reader first asks for a step.

import { View, mount } from "../figure.js";
import { load } from "../program.js";
import { Plot, niceAbove, set, svg } from "../plot.js";
import { brief, button, format, h, mark, numbered, numberInput, readout, slider, write } from "../controls.js";
import { SEEDS } from "../random.js";
import { CLASSES, Learner, readDigits } from "../training.js";
import "./training.css";

const SLICE = 7; // milliseconds of one frame that learning may take, where a single step takes no longer
const SCORED = 20; // steps between two looks at the held-out digits
const MOST_STEPS = 5000;
const POINTS = 240; // of a curve; with more steps than this, a point is the mean of several
const [LOWEST, HIGHEST] = [0.01, 10]; // the losses that the plot shows
const [SLOWEST, FASTEST] = [-2, 0.5]; // log10 of the learning rate
const STILL = 1000; // milliseconds between two pictures for who prefers reduced motion
const GRADIENTS = ["right: p − t", "published: the Jacobian applied twice"];

export const render = (view) => mount("training", Training, view);

class Training extends View {
  constructor(model, root) {
    super(model, root);
    this.network = load(model.get("program"));
    const [x, ...weights] = this.network.inputs;
    const fits = x.name === "x" && x.shape.length === 3 && weights.length && String(this.network.outputShape) === String([x.shape[0], CLASSES]);
    if (!fits) throw new Error("its network does not turn a batch of images x into ten logits each.");
    this.learner = new Learner(this.network, this.seed);
    this.todo = this.stepsDone();
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.listen("seed", () => this.begin());
    for (const key of ["rate", "twice"]) this.listen(key, () => this.schedule());
    this.listen("done", () => this.hearDone());
    const heard = (message) => this.receive(message?.digits);
    model.on("msg:custom", heard);
    this.undo.push(() => model.off("msg:custom", heard));
    this.build();
    root.append(this.announcer.node);
    if (this.todo.length && !model.onPage) this.fetch();
    this.schedule();
  }

  get seed() {
    const seed = this.model.get("seed");
    return Number.isInteger(seed) && seed >= 0 && seed < SEEDS ? seed : 1;
  }

  get rate() {
    return this.positive("rate", 0.5);
  }

  get twice() {
    return this.model.get("twice") === true;
  }

  get steps() {
    return this.learner.losses.length;
  }

  get busy() {
    return Boolean(this.digits) && (this.playing || this.todo.length > 0 || Boolean(this.scoring));
  }

  // What has been learned, as a list of runs: the kernel and other views follow from it.

  /** The steps that the model's runs make, one by one. */
  stepsDone() {
    const runs = this.model.get("done");
    const fits = Array.isArray(runs) && runs.every((run) => Array.isArray(run) && typeof run[0] === "boolean" && run[1] > 0 && Number.isInteger(run[2]) && run[2] > 0);
    if (!fits || runs.reduce((sum, run) => sum + run[2], 0) > MOST_STEPS) return [];
    return runs.flatMap(([twice, rate, steps]) => Array.from({ length: steps }, () => ({ twice, rate })));
  }

  hearDone() {
    if (this.model.get("done") === this.written) return;
    const steps = this.stepsDone();
    const same = this.learner.taken.every((taken, i) => taken.twice === steps[i]?.twice && taken.rate === steps[i]?.rate);
    if (!same) this.forget();
    this.playing = false;
    this.todo = steps.slice(this.steps);
    if (this.todo.length) this.fetch();
    else if (this.unsaved) this.score();
    this.schedule();
  }

  save() {
    const runs = [];
    for (const { twice, rate } of this.learner.taken) {
      const last = runs.at(-1);
      if (last?.[0] === twice && last[1] === rate) last[2]++;
      else runs.push([twice, rate, 1]);
    }
    this.written = runs;
    this.model.set("done", runs);
    this.model.save_changes();
  }

  /** Back to the seed's first weights; the curve stays to be compared with. */
  forget() {
    if (this.steps > 1) this.before = this.learner.losses;
    this.learner = new Learner(this.network, this.seed);
    this.learner.digits = this.digits;
    Object.assign(this, { playing: false, unsaved: false, todo: [], scoring: null, named: null, look: null, note: "" });
  }

  // The digits.

  /** Ask for the digits once: a built page has them in a script beside it, a notebook in its kernel. */
  fetch() {
    if (this.digits || this.asked) return;
    this.asked = true;
    this.note = "Fetching the digits …";
    if (!this.model.onPage) return this.model.send({ ask: "digits" });
    const source = this.model.get("source");
    const failed = () => {
      this.asked = false;
      this.stopped("The digits could not be fetched from beside this page. Try again, or run the chapter's notebook.");
    };
    if (typeof source !== "string" || !source) return failed();
    const script = h("script", { src: new URL(source, document.baseURI).href });
    script.addEventListener("digits", ({ detail }) => this.receive(detail));
    script.addEventListener("error", failed);
    document.head.append(script);
  }

  receive(sent) {
    if (!sent || this.digits) return;
    try {
      this.digits = this.learner.digits = readDigits(sent);
      this.counts = Array(CLASSES).fill(0);
      for (const label of this.digits.labels.subarray(this.digits.first)) this.counts[label]++;
      this.note = "";
    } catch (error) {
      return this.stopped(`This figure cannot learn: ${error.message}`);
    }
    this.schedule();
  }

  stopped(words) {
    Object.assign(this, { playing: false, note: words });
    this.announcer.say(words);
    this.schedule();
  }

  // What a reader does.

  play() {
    this.playing = !this.playing;
    this.note = "";
    this.look = null;
    if (this.playing) this.fetch();
    else this.score();
    this.schedule();
  }

  step() {
    this.playing = false;
    this.note = "";
    this.look = null;
    this.fetch();
    this.todo.push({ twice: this.twice, rate: this.rate });
    this.schedule();
  }

  begin() {
    this.forget();
    this.save();
    this.announcer.say("Back at the start.");
    this.schedule();
  }

  readAt(step) {
    if (!this.steps) return;
    this.look = Math.max(1, Math.min(this.steps, Math.round(step)));
    this.schedule();
  }

  // Learning, a slice in each frame.

  work() {
    const start = performance.now();
    let [now, longest] = [start, 0];
    while (this.busy && now + longest < start + SLICE) {
      if (this.scoring) this.scoreOn();
      else this.learn(this.todo.shift() ?? { twice: this.twice, rate: this.rate });
      const before = now;
      now = performance.now();
      longest = Math.max(longest, now - before);
    }
  }

  learn({ twice, rate }) {
    this.learner.step(twice, rate);
    this.unsaved = true;
    const finite = Number.isFinite(this.learner.losses.at(-1));
    if (this.playing && !finite) this.stopped("The loss is no longer a number: the steps are too long. Start again with a smaller learning rate.");
    if (this.steps >= MOST_STEPS) {
      this.todo = [];
      if (this.playing) this.stopped(`${MOST_STEPS} steps are the most that this figure takes.`);
    }
    if (this.steps % SCORED === 0 || !this.busy) this.score();
  }

  score() {
    if (this.digits) this.scoring = { next: 0, named: [] };
  }

  scoreOn() {
    const { scoring } = this;
    scoring.named.push(...this.learner.name(scoring.next++));
    if (scoring.next < this.learner.heldBatches) return;
    this.named = scoring.named;
    this.scoring = null;
  }

  rest() {
    if (!this.unsaved) return;
    this.unsaved = false;
    this.save();
    if (!this.note) this.announcer.say(this.words());
  }

  words() {
    const lost = this.right().flatMap((right, digit) => (right ? [] : [digit]));
    const never = lost.length ? ` Not one ${lost.join(" and not one ")} is named right.` : "";
    return `Step ${this.steps}: loss ${format(this.learner.losses.at(-1), 3)}, ${percent(this.accuracy())} of the held-out digits right.${never}`;
  }

  right() {
    const right = Array(CLASSES).fill(0);
    for (const { label, named } of this.named ?? []) if (label === named) right[label]++;
    return right;
  }

  accuracy() {
    return this.right().reduce((a, b) => a + b, 0) / this.named.length;
  }

  // The page.

  build() {
    const stage = h("div", { className: "live-stage live-history" });
    this.plot = new Plot(stage, "loss of a batch", { log: "y" });
    this.plot.node.setAttribute("aria-label", "No step yet.");
    this.lines = {
      before: this.line("live-secant", "the run before"), twice: this.line("live-tangent", "Jacobian twice"), right: this.line("live-loss", "right gradient"),
    };
    this.cursor = svg("path", { class: "live-cursor" }, this.plot.inside);
    this.undo.push(this.plot.onDrag((x) => this.readAt(x), () => this.tellAt()));
    this.watch(stage);
    this.stage = stage;
    this.reader = slider("read at step", { min: 0, max: 50, step: 1, input: (v) => this.readAt(v), change: () => this.tellAt() });
    this.out = { steps: readout("steps"), loss: readout("loss", "live-loss"), accuracy: readout("accuracy", "live-plain"), before: readout("before-loss", "live-secant") };
    this.said = h("p", { className: "live-note" });
    this.start = button("Train", () => this.play());
    this.pick = h("select", { onchange: () => { this.set("twice", this.pick.value === "1"); this.tellNext(); } }, ...GRADIENTS.map((words, i) => h("option", { value: String(i) }, words)));
    this.speed = slider("learning rate", {
      min: SLOWEST, max: FASTEST, step: 0.01,
      input: (v) => this.set("rate", Number((10 ** v).toPrecision(3))), change: () => this.tellNext(),
    });
    this.speedText = numbered(this.speed);
    this.seeds = numberInput("seed of the first weights", { min: 0, max: SEEDS - 1, step: 1, change: (seed) => this.set("seed", seed) });
    this.cells = Array.from({ length: CLASSES }, (_, digit) => this.cell(digit));
    this.walls = this.learner.inputs.filter(({ shape }) => shape.length > 1).map((input) => this.wall(input));
    this.root.append(
      h("div", { className: "live-readouts" }, ...Object.values(this.out).map(({ node }) => node)),
      h("div", { className: "live-body" },
        h("div", { className: "live-left" }, stage, this.reader.node,
          h("div", { className: "live-buttons live-learn" }, this.start, button("One step", () => this.step()), button("Start again", () => this.begin()), this.said),
          h("div", { className: "live-controls" }, h("label", { className: "live-field live-wide" }, h("span", {}, "gradient"), this.pick), this.speed.node, this.seeds.node)),
        h("div", { className: "live-right" },
          h("p", { className: "live-part" }, "Held-out digits named right, of how many, and one that was not, with its name."),
          h("div", { className: "live-digits" }, ...this.cells.map(({ node }) => node)),
          h("p", { className: "live-part" }, "The weights: white is positive, black negative."),
          ...this.walls.map(({ node }) => node))),
    );
  }

  /** A curve with its name beside it. */
  line(name, words) {
    const line = { path: this.plot.path(name), label: this.plot.label(name, words), xs: [], ys: [] };
    line.label.at = (px) => {
      const [x0, x1] = this.plot.domain;
      const x = x0 + (px / this.plot.inner.width) * (x1 - x0);
      const i = Math.round((x - line.xs[0]) / (line.xs[1] - line.xs[0]));
      return line.ys.length > 8 && line.ys[i] >= LOWEST ? this.plot.y(line.ys[i]) : NaN;
    };
    return line;
  }

  /** What became of one digit: how many are right, and one that is wrong. */
  cell(digit) {
    const out = readout(`right-${digit}`);
    write(out.name, String(digit));
    const canvas = h("canvas", { width: 8, height: 8, "aria-hidden": "true" });
    const named = h("span", { className: "live-named" });
    out.node.append(h("span", { className: "live-wrong" }, canvas, named));
    out.node.classList.add("live-digit");
    return { ...out, canvas, named };
  }

  /** An array as pictures of its last two axes: rows by its first, where it has four, columns by the rest. */
  wall({ name, shape }) {
    const [height, width] = shape.slice(-2);
    const count = shape.slice(0, -2).reduce((a, b) => a * b, 1);
    const rows = shape.length > 3 && count > shape[0] ? shape[0] : 1;
    const columns = count / rows;
    const canvas = h("canvas", { width: columns * (width + 1) - 1, height: rows * (height + 1) - 1, role: "img" });
    canvas.style.setProperty("--wide", `${canvas.width * (rows > 1 ? 4 : 8)}px`);
    return { name, shape, height, width, columns, canvas, node: h("div", { className: "live-wall" }, h("span", { className: "live-name" }, `${name}, ${shape.join(" × ")}`), canvas) };
  }

  tellNext() {
    this.announcer.say(`The next step has learning rate ${brief(this.rate)}, and the gradient ${GRADIENTS[Number(this.twice)]}.`);
  }

  tellAt() {
    if (this.steps) this.announcer.say(`Step ${this.at}: loss ${format(this.lossAt(this.learner.losses), 3)}.`);
  }

  get at() {
    return this.look ?? this.steps;
  }

  lossAt(losses) {
    return losses?.[this.at - 1] ?? NaN;
  }

  paint() {
    this.work();
    if (this.busy) this.schedule();
    else this.rest();
    const now = performance.now();
    if (this.still.matches && this.busy && now - this.painted < STILL) return;
    this.painted = now;
    const width = Math.round(this.width(this.stage));
    if (width) this.plot.resize(width, Math.round(Math.max(220, Math.min(320, width * 0.6))));
    this.draw();
    this.write();
    this.drawWeights();
  }

  draw() {
    const { losses, taken } = this.learner;
    const most = Math.max(50, losses.length, this.before?.length ?? 0);
    this.plot.setDomain(0, niceAbove(most), LOWEST, HIGHEST);
    const here = thin(losses);
    const kinds = here.xs.map((x) => taken[Math.round(x) - 1].twice);
    const only = (twice) => here.ys.map((y, i) => (kinds[i] === twice || (i && kinds[i - 1] === twice) ? y : NaN));
    Object.assign(this.lines.right, { xs: here.xs, ys: only(false) });
    Object.assign(this.lines.twice, { xs: here.xs, ys: only(true) });
    Object.assign(this.lines.before, thin(this.before ?? []));
    for (const { path, xs, ys } of Object.values(this.lines)) this.plot.curve(path, xs, ys.map((y) => (y > 0 ? y : NaN)));
    const x = this.plot.x(this.at).toFixed(1);
    set(this.cursor, { d: this.look ? `M${x} 0V${this.plot.inner.height}` : "" });
    this.plot.placeLabels([]);
  }

  write() {
    const { out, steps, at } = this;
    const loss = this.lossAt(this.learner.losses);
    const old = this.lossAt(this.before);
    write(out.steps.name, "step");
    out.steps.show(at, String(at));
    write(out.loss.name, "loss of its batch");
    out.loss.show(steps ? loss : null, steps ? format(loss) : "–");
    write(out.accuracy.name, "held-out digits right");
    out.accuracy.show(this.named ? this.accuracy() : null, this.named ? percent(this.accuracy()) : "–");
    write(out.before.name, "loss in the run before");
    out.before.show(Number.isNaN(old) ? null : old, Number.isNaN(old) ? "–" : format(old));
    write(this.start, this.playing ? "Pause" : "Train");
    write(this.said, this.note);
    this.pick.value = this.twice ? "1" : "0";
    this.seeds.show(this.seed);
    if (Math.abs(this.speed.input.valueAsNumber - Math.log10(this.rate)) > 0.006) this.speed.input.value = Math.log10(this.rate);
    mark(this.speed.input, "aria-valuetext", brief(this.rate));
    write(this.speedText, brief(this.rate));
    const reader = this.reader.input;
    if (reader.max !== String(this.plot.domain[1])) reader.max = this.plot.domain[1];
    reader.disabled = !steps;
    if (reader.valueAsNumber !== at) reader.value = at;
    const start = steps ? `The loss over ${steps} steps, from ${format(this.learner.losses[0], 2)} to ${format(this.learner.losses.at(-1), 2)}.` : "No step yet.";
    mark(this.plot.node, "aria-label", start);
    const right = this.right();
    this.cells.forEach(({ show, node, canvas, named }, digit) => {
      const known = this.named && this.counts;
      show(known ? right[digit] : null, known ? `${right[digit]}/${this.counts[digit]}` : "–");
      node.style.setProperty("--right", known ? right[digit] / this.counts[digit] : 0);
      const wrong = this.named?.find((one) => one.label === digit && one.named !== digit);
      write(named, wrong ? `→ ${wrong.named}` : "");
      canvas.hidden = !wrong;
      if (wrong) this.drawDigit(canvas, wrong.row);
    });
  }

  drawDigit(canvas, row) {
    const { images, size } = this.digits;
    if (canvas.dataset.row === String(row)) return;
    canvas.dataset.row = row;
    fill(canvas, images.subarray(row * size, (row + 1) * size), (v) => 255 * (1 - v), (i) => [i % 8, Math.floor(i / 8)]);
  }

  drawWeights() {
    for (const { name, shape, height, width, columns, canvas } of this.walls) {
      const values = this.learner.weights[name];
      let [low, high] = [Infinity, -Infinity];
      for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
      const scale = Math.max(high, -low) || 1;
      const area = height * width;
      const place = (i) => {
        const one = Math.floor(i / area);
        const within = i % area;
        return [(one % columns) * (width + 1) + (within % width), Math.floor(one / columns) * (height + 1) + Math.floor(within / width)];
      };
      fill(canvas, values, (v) => 127.5 * (1 + v / scale), place);
      mark(canvas, "aria-label", `${name}, ${shape.join(" by ")} weights, from ${format(low, 2)} to ${format(high, 2)}`);
    }
  }
}

/** Paint `values` as greys, each at its place; what has no place stays clear. */
function fill(canvas, values, grey, place) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < values.length; i++) {
    const [x, y] = place(i);
    const at = 4 * (y * canvas.width + x);
    image.data.fill(grey(values[i]), at, at + 3);
    image.data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** The curve of a list of losses: at most POINTS of them, each the mean of a few in a row. */
function thin(losses) {
  const few = Math.ceil(losses.length / POINTS) || 1;
  const [xs, ys] = [[], []];
  for (let i = 0; i < losses.length; i += few) {
    const part = losses.slice(i, i + few);
    xs.push(i + (few + 1) / 2);
    ys.push(part.reduce((a, b) => a + b, 0) / part.length);
  }
  if (xs.length) xs[xs.length - 1] = Math.min(xs.at(-1), losses.length);
  return { xs, ys };
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
