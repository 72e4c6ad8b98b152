// Gradient descent on the digits, by the rules of scalarloss/live/training.py: the same seeded
// start, the same batches, and the loss's cotangent, right or with softmax's Jacobian once too often.

import { normal } from "./random.js";
import { sizeOf } from "./rules.js";

export const CLASSES = 10;
const [WHITE, DARKEST] = [65, 16]; // a pixel is a letter from A, white, to Q, black

/** The digits as they were sent: {images, labels, first}, with those from `first` on held out. */
export function readDigits(sent) {
  const { pixels, labels, held } = sent ?? {};
  const count = labels?.length;
  const fits = typeof pixels === "string" && typeof labels === "string" && /^\d+$/.test(labels) && /^[A-Q]+$/.test(pixels)
    && Number.isInteger(held) && held > 0 && held < count && pixels.length % count === 0;
  if (!fits) throw new Error("the digits have arrived damaged. Build the page again.");
  return {
    images: Float64Array.from(pixels, (c) => (c.charCodeAt(0) - WHITE) / DARKEST),
    labels: Uint8Array.from(labels),
    first: count - held,
    size: pixels.length / count,
  };
}

/** The weights that a seed begins with: normal, of variance 2 / fan-in, and 0 where there is one axis. */
function firstWeights(inputs, seed) {
  const sizes = inputs.map(({ shape }) => sizeOf(shape));
  const draw = normal(seed, sizes.reduce((a, b) => a + b, 0));
  let from = 0;
  return Object.fromEntries(inputs.map(({ name, shape }, k) => {
    const spread = shape.length > 1 ? Math.sqrt(2 / sizeOf(shape.slice(1))) : 0;
    return [name, draw.slice(from, (from += sizes[k])).map((x) => spread * x)];
  }));
}

export class Learner {
  digits = null; // to be set before a step

  /** `network` is a program of images x, (batch, 8, 8), and weights that gives logits, (batch, 10). */
  constructor(network, seed) {
    const [x, ...inputs] = network.inputs;
    Object.assign(this, { network, inputs, batch: x.shape[0], losses: [], taken: [] });
    this.names = inputs.map(({ name }) => name);
    this.weights = firstWeights(inputs, seed);
    this.x = new Float64Array(sizeOf(x.shape));
    this.cotangent = new Float64Array(this.batch * CLASSES);
  }

  /** The logits of batch `number` of the digits from `start` to `end`, which come round again. */
  logits(number, start, end) {
    const { images, size } = this.digits;
    this.rows = Array.from({ length: this.batch }, (_, i) => start + ((number * this.batch + i) % (end - start)));
    this.rows.forEach((row, i) => this.x.set(images.subarray(row * size, (row + 1) * size), i * size));
    return this.network.run({ x: this.x, ...this.weights });
  }

  /** One step on the next batch. */
  step(twice, rate) {
    const z = this.logits(this.losses.length, 0, this.digits.first);
    const g = this.cotangent;
    let loss = 0;
    const p = new Float64Array(CLASSES);
    for (let i = 0; i < this.batch; i++) {
      const row = i * CLASSES;
      const right = this.digits.labels[this.rows[i]];
      const top = Math.max(...z.subarray(row, row + CLASSES));
      let sum = 0;
      for (let k = 0; k < CLASSES; k++) sum += p[k] = Math.exp(z[row + k] - top);
      loss += Math.log(sum) - (z[row + right] - top);
      let shared = 0;
      for (let k = 0; k < CLASSES; k++) {
        p[k] /= sum;
        g[row + k] = (p[k] - (k === right ? 1 : 0)) / this.batch;
        shared += g[row + k] * p[k];
      }
      if (twice) for (let k = 0; k < CLASSES; k++) g[row + k] = p[k] * (g[row + k] - shared);
    }
    const slopes = this.network.pullback(g, this.names);
    for (const name of this.names) {
      const [weight, slope] = [this.weights[name], slopes[name]];
      for (let j = 0; j < weight.length; j++) weight[j] -= rate * slope[j];
    }
    this.losses.push(loss / this.batch);
    this.taken.push({ twice, rate });
  }

  get heldBatches() {
    return Math.ceil((this.digits.labels.length - this.digits.first) / this.batch);
  }

  /** What the held-out digits of batch `number` are named: a list of {row, label, named}. */
  name(number) {
    const { first, labels } = this.digits;
    const z = this.logits(number, first, labels.length);
    const here = Math.min(this.batch, labels.length - first - number * this.batch);
    return this.rows.slice(0, here).map((row, i) => {
      const logits = z.subarray(i * CLASSES, (i + 1) * CLASSES);
      return { row, label: labels[row], named: logits.indexOf(Math.max(...logits)) };
    });
  }
}
