// Difference quotients of one entry of a program, as scalarloss/differences.py has them: forward,
// central and complex, in the precision in which the program was loaded.

import { ComplexProgram } from "./complex.js";

/** Six steps a decade, from 1 to 1e-16, with three digits: the same numbers in every language. */
export const STEPS = Array.from({ length: 97 }, (_, k) => Number((10 ** (-k / 6)).toExponential(2)));
export const METHODS = ["forward", "central", "complex"];

export class Differences {
  /** Of `program` by entries of its input `name`. */
  constructor(program, name) {
    const single = program.precision === Float32Array;
    Object.assign(this, { program, name, eps: single ? 2 ** -23 : 2 ** -52, round: single ? Math.fround : Number });
    try {
      this.complex = new ComplexProgram(program, name);
    } catch (error) {
      this.refusal = error.message; // the primitive that is not analytic
    }
  }

  /** Stand at `values`, to move the entry at `place`; the gradient by rules there is `slope`. */
  stand(values, place, slope) {
    const { round } = this;
    Object.assign(this, { values, place, x: round(values[this.name][place]) });
    this.value = this.at(this.x);
    this.truth = Number.isFinite(this.value) ? round(slope) : NaN;
    this.absolute = Math.abs(this.truth) <= this.eps * Math.abs(this.value);
  }

  /** The program's value with the entry at x. */
  at(x) {
    const array = this.values[this.name];
    const kept = array[this.place];
    array[this.place] = x;
    const value = this.program.run(this.values)[0];
    array[this.place] = kept;
    return value;
  }

  /** The three estimates with step h; NaN for the complex one where there is none. */
  estimates(h) {
    const { round, x } = this;
    const step = round(h);
    const ahead = this.at(round(x + step));
    const behind = this.at(round(x - step));
    return {
      forward: round(round(ahead - this.value) / step),
      central: round(round(ahead - behind) / round(2 * step)),
      complex: this.complex ? round(this.complex.run(this.values[this.name], this.place, step).im[0] / step) : NaN,
    };
  }

  /** How far off an estimate is, of the slope's size; absolute where that is rounding. */
  error(estimate) {
    const off = Math.abs(estimate - this.truth);
    return this.absolute ? off : off / Math.abs(this.truth);
  }

  /**
   * For the errors at STEPS, the place of the largest step as good as any: within two steps on
   * either side none is worse than the best such worst, so that one lucky step is not the best.
   */
  best(errors) {
    const worst = STEPS.map((_, k) => Math.max(...errors.slice(Math.max(0, k - 2), k + 3)));
    const known = worst.filter((error) => !Number.isNaN(error));
    const floor = 4 * this.eps * (this.absolute ? Math.abs(this.value) : 1);
    const bound = Math.max(Math.min(...known), floor);
    return known.length ? worst.findIndex((error) => error <= bound) : -1;
  }

  /** "line" or "parabola" where the loss is one within 1 on either side, up to rounding; or "". */
  shape() {
    const { x, value, truth } = this;
    const [ahead, behind] = [this.at(x + 1), this.at(x - 1)];
    const bend = ahead - 2 * value + behind;
    const size = Math.max(...[ahead, behind, value].map(Math.abs)) + (1 + Math.abs(x)) * (Math.abs(truth) + Math.abs(bend));
    const small = 64 * this.eps * size;
    const fits = [1, -1, 0.5, -0.5, 0.25, -0.25].every((s) =>
      Math.abs(this.at(x + s) - value - s * truth - (s * s * bend) / 2) <= small);
    return !fits ? "" : Math.abs(bend) <= small ? "line" : "parabola";
  }
}
