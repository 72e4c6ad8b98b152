// A program on complex numbers, each array a pair of real ones. What moves with one input is run so;
// all else stands as the program's last run has left it. Each form does what NumPy does with complex
// arrays; a comparison goes by the real part, and by the imaginary one where those tie.

import { ProgramError, RULES, broadcastPlaces, kept } from "./rules.js";

const MOST_MOVING = 4; // arguments of one einsum; it takes 2 ** n real runs

/** Both parts go through the real kernel, apart; what a pad fills in is real. */
const linear = (y, xs, operation) => {
  const { kernel } = RULES.get(operation.op);
  const re = kernel(y.re, xs.map((x) => x.re), operation);
  const im = kernel(y.im, xs.map((x) => x.im), { ...operation, params: { ...operation.params, value: 0 } });
  return () => {
    re.forward();
    im.forward();
  };
};

/** Linear in each argument: a real run for each choice of parts, times i for each imaginary one. */
const multilinear = (y, xs, operation) => {
  const moving = xs.flatMap((x, k) => (x.still ? [] : [k]));
  if (moving.length > MOST_MOVING) throw new ProgramError(`${operation.op} of ${moving.length} moving arrays takes too long`);
  const product = y.re.slice();
  const runs = Array.from({ length: 2 ** moving.length }, (_, choice) => {
    const turned = new Set(moving.filter((_, bit) => (choice >> bit) & 1));
    const { forward } = RULES.get(operation.op).kernel(product, xs.map((x, k) => (turned.has(k) ? x.im : x.re)), operation);
    return { forward, part: turned.size & 1 ? y.im : y.re, sign: turned.size & 2 ? -1 : 1 };
  });
  return () => {
    y.re.fill(0);
    y.im.fill(0);
    for (const { forward, part, sign } of runs) {
      forward();
      for (let i = 0; i < part.length; i++) part[i] += sign * product[i];
    }
  };
};

/** `f(z, a, b, c, d)` writes f(a + ib), or f(a + ib, c + id), into z. */
const elementwise = (f) => (y, [a, b], { shape, shapes }) => {
  const [ma, mb] = shapes.map((s) => broadcastPlaces(shape, s));
  const z = new Float64Array(2);
  return () => {
    for (let i = 0; i < y.re.length; i++) {
      if (b) f(z, a.re[ma[i]], a.im[ma[i]], b.re[mb[i]], b.im[mb[i]]);
      else f(z, a.re[i], a.im[i]);
      y.re[i] = z[0];
      y.im[i] = z[1];
    }
  };
};

const above = (a, b, c, d) => a > c || (a === c && b > d);
const same = (a, b, c, d) => a === c && b === d;
const isTrue = (a, b) => a !== 0 || b !== 0;

const put = (z, re, im) => {
  z[0] = re;
  z[1] = im;
};
const truth = (test) => elementwise((z, a, b, c, d) => put(z, Number(test(a, b, c, d)), 0));
const larger = (wins) => elementwise((z, a, b, c, d) => (Number.isNaN(a) || wins(a, b, c, d) ? put(z, a, b) : put(z, c, d)));

const where = (y, [test, a, b], { shape, shapes }) => {
  const [mt, ma, mb] = shapes.map((s) => broadcastPlaces(shape, s));
  return () => {
    for (let i = 0; i < y.re.length; i++) {
      const [x, k] = isTrue(test.re[mt[i]], test.im[mt[i]]) ? [a, ma[i]] : [b, mb[i]];
      y.re[i] = x.re[k];
      y.im[i] = x.im[k];
    }
  };
};

const extreme = (wins) => (y, [x], { shapes: [shape], params: { axis } }) => {
  const to = broadcastPlaces(shape, kept(shape, axis));
  const winner = new Int32Array(y.re.length);
  return () => {
    winner.fill(-1);
    for (let i = 0; i < to.length; i++) {
      const k = winner[to[i]];
      if (k < 0 || Number.isNaN(x.re[i]) || wins(x.re[i], x.im[i], x.re[k], x.im[k])) winner[to[i]] = i;
    }
    for (let i = 0; i < winner.length; i++) {
      y.re[i] = x.re[winner[i]];
      y.im[i] = x.im[winner[i]];
    }
  };
};

function exp(z, a, b) {
  const size = Math.exp(a);
  put(z, size * Math.cos(b), b === 0 ? b : size * Math.sin(b));
}

/** log |a + ib|, to the last digits where one part is small beside the other. */
function logSize(a, b) {
  const [large, small] = Math.abs(a) >= Math.abs(b) ? [a, b] : [b, a];
  return Math.log(Math.abs(large)) + (small === 0 ? 0 : Math.log1p((small / large) ** 2) / 2);
}

/** Smith's way: no square of a part, which might overflow or vanish. */
function divide(z, a, b, c, d) {
  if (Math.abs(c) >= Math.abs(d)) {
    const ratio = d === 0 ? 0 : d / c;
    const size = c + d * ratio;
    put(z, (a + b * ratio) / size, (b - a * ratio) / size);
  } else {
    const ratio = c / d;
    const size = c * ratio + d;
    put(z, (a * ratio + b) / size, (b * ratio - a) / size);
  }
}

/** Small whole powers by squaring, so that a negative base keeps its digits; else exp(w log z). */
function power(z, a, b, c, d) {
  if (d === 0 && Number.isInteger(c) && Math.abs(c) < 100) {
    let [x, y, re, im] = [a, b, 1, 0];
    for (let n = Math.abs(c); n; n >>= 1) {
      if (n & 1) [re, im] = [re * x - im * y, re * y + im * x];
      [x, y] = [x * x - y * y, 2 * x * y];
    }
    return c < 0 ? divide(z, 1, 0, re, im) : put(z, re, im);
  }
  if (a === 0 && b === 0) return put(z, c > 0 ? 0 : NaN, c > 0 ? 0 : NaN);
  const [size, turn] = [logSize(a, b), Math.atan2(b, a)];
  return exp(z, c * size - d * turn, c * turn + d * size);
}

function sqrt(z, a, b) {
  if (a === 0 && b === 0) return put(z, 0, b);
  const root = Math.sqrt((Math.abs(a) + Math.hypot(a, b)) / 2);
  return a >= 0 ? put(z, root, b / (2 * root)) : put(z, Math.abs(b) / (2 * root), b < 0 || Object.is(b, -0) ? -root : root);
}

/** Source: Kahan (1987), Branch cuts for complex elementary functions. */
function tanh(z, a, b) {
  if (Math.abs(a) > 22) return put(z, Math.sign(a), 4 * Math.sin(b) * Math.cos(b) * Math.exp(-2 * Math.abs(a)));
  const [t, s] = [Math.tan(b), Math.sinh(a)];
  const wide = 1 + t * t;
  const size = 1 + wide * s * s;
  return put(z, (wide * Math.sqrt(1 + s * s) * s) / size, t / size);
}

const of = (names, form) => names.split(" ").map((name) => [name, form]);

/** For each primitive that has one, its complex form: (y, xs, operation) to a function that runs it. */
export const COMPLEX = new Map([
  ...of("negative add subtract sum mean cumsum transpose reshape broadcast_to index take pad sliding_window_view concatenate stack", linear),
  ...of("multiply matmul einsum", multilinear),
  ...Object.entries({
    where,
    max: extreme(above),
    min: extreme((a, b, c, d) => above(c, d, a, b)),
    maximum: larger((...x) => above(...x) || same(...x)),
    minimum: larger((a, b, c, d) => above(c, d, a, b) || same(a, b, c, d)),
    greater: truth(above),
    greater_equal: truth((...x) => above(...x) || same(...x)),
    less: truth((a, b, c, d) => above(c, d, a, b)),
    less_equal: truth((a, b, c, d) => above(c, d, a, b) || same(a, b, c, d)),
    equal: truth(same),
    not_equal: truth((...x) => !same(...x)),
    logical_and: truth((a, b, c, d) => isTrue(a, b) && isTrue(c, d)),
    logical_or: truth((a, b, c, d) => isTrue(a, b) || isTrue(c, d)),
    logical_not: truth((a, b) => !isTrue(a, b)),
    exp: elementwise(exp),
    log: elementwise((z, a, b) => put(z, logSize(a, b), Math.atan2(b, a))),
    log1p: elementwise((z, a, b) => {
      const c = 1 + a;
      const size = Math.abs(c) >= Math.abs(b) && c > 0 ? Math.log1p(a) + Math.log1p((b / c) ** 2) / 2 : logSize(c, b);
      put(z, size, Math.atan2(b, c));
    }),
    expm1: elementwise((z, a, b) => put(z, Math.expm1(a) * Math.cos(b) - 2 * Math.sin(b / 2) ** 2, Math.exp(a) * Math.sin(b))),
    sqrt: elementwise(sqrt),
    square: elementwise((z, a, b) => put(z, a * a - b * b, 2 * a * b)),
    tanh: elementwise(tanh),
    sin: elementwise((z, a, b) => put(z, Math.sin(a) * Math.cosh(b), Math.cos(a) * Math.sinh(b))),
    cos: elementwise((z, a, b) => put(z, Math.cos(a) * Math.cosh(b), -Math.sin(a) * Math.sinh(b))),
    reciprocal: elementwise((z, a, b) => divide(z, 1, 0, a, b)),
    divide: elementwise(divide),
    power: elementwise(power),
  }),
]);

const SPOKEN = { absolute: "abs" };

export class ComplexProgram {
  /** Throws a ProgramError that names a primitive which has no complex form and moves with `name`. */
  constructor(program, name) {
    const { operations, slots, first, output } = program;
    const needed = new Set([output]);
    for (let i = operations.length - 1; i >= 0; i--) {
      if (needed.has(first + i)) operations[i].args.forEach((a) => needed.add(a));
    }
    const array = (slot) => new program.precision(slots[slot].length);
    const pair = (slot) => ({ re: array(slot), im: array(slot), still: false });
    this.input = pair(program.places.get(name));
    this.steps = [];
    const pairs = new Map([[program.places.get(name), this.input]]);
    operations.forEach((operation, i) => {
      if (!needed.has(first + i) || !operation.args.some((a) => pairs.has(a))) return;
      const form = COMPLEX.get(operation.op);
      if (!form) throw new ProgramError(`${SPOKEN[operation.op] ?? operation.op} is not analytic`);
      const xs = operation.args.map((a) => pairs.get(a) ?? { re: slots[a], im: array(a), still: true });
      pairs.set(first + i, pair(first + i));
      this.steps.push(form(pairs.get(first + i), xs, operation));
    });
    this.result = pairs.get(output) ?? { re: slots[output], im: array(output) };
  }

  /** Run with the input at `re`, and its entry `place` moved by i `h`; {re, im}, good until the next run. */
  run(re, place, h) {
    this.input.re.set(re);
    this.input.im.fill(0);
    this.input.im[place] = h;
    for (const step of this.steps) step();
    return this.result;
  }
}
