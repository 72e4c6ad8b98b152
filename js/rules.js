// The primitives and their rules, as in scalarloss/primitives.py and scalarloss/rules.py: for each,
// the shape of its result, how it runs forward, and how a cotangent moves back through it.

/** What is wrong with a program: it is damaged, of another version, or not for this page. */
export class ProgramError extends Error {
  name = "ProgramError";
}

const refuse = (what) => {
  throw new ProgramError(what);
};

export const sizeOf = (shape) => shape.reduce((size, n) => size * n, 1);
export const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
export const areCounts = (value) => Array.isArray(value) && value.every(isCount);
const words = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

/** The strides of a row-major array. */
function strides(shape) {
  const found = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) found[axis] = found[axis + 1] * shape[axis + 1];
  return found;
}

/**
 * For each entry of an array of `shape`, in order, `start` plus the sum of its index times `steps`:
 * the place of that entry in another array.
 */
function places(shape, steps, start = 0) {
  const map = new Int32Array(sizeOf(shape));
  const index = shape.map(() => 0);
  let place = start;
  for (let i = 0; i < map.length; i++) {
    map[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += steps[axis];
      if (++index[axis] < shape[axis]) break;
      place -= steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return map;
}

function broadcastShape(...shapes) {
  const ndim = Math.max(...shapes.map((s) => s.length));
  const wide = Array(ndim).fill(1);
  for (const shape of shapes) {
    shape.forEach((n, i) => {
      const axis = ndim - shape.length + i;
      if (wide[axis] === 1) wide[axis] = n;
      else if (n !== 1 && n !== wide[axis]) refuse(`shapes ${shapes.map(words).join(" and ")} do not broadcast`);
    });
  }
  return wide;
}

/** For each entry of `wide`, the entry of `shape` that broadcasting puts there. */
export function broadcastPlaces(wide, shape) {
  const own = strides(shape);
  const lead = wide.length - shape.length;
  return places(wide, wide.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : own[axis - lead])));
}

/** `pulls[i](g, y, ...xs)` is g times the derivative of y by its x_i; null where nothing flows. */
function elementwise(arity, f, ...pulls) {
  const [unary, binary] = [arity === 1, arity === 2];
  const kernel = (y, xs, { shape, shapes }) => {
    const maps = shapes.map((s) => broadcastPlaces(shape, s));
    const [a, b, c] = xs;
    const [ma, mb, mc] = maps;
    return {
      forward() {
        if (unary) for (let i = 0; i < y.length; i++) y[i] = f(a[i]);
        else if (binary) for (let i = 0; i < y.length; i++) y[i] = f(a[ma[i]], b[mb[i]]);
        else for (let i = 0; i < y.length; i++) y[i] = f(a[ma[i]], b[mb[i]], c[mc[i]]);
      },
      backward: pulls.map((pull, k) => pull && ((g, gx) => {
        const m = maps[k];
        if (unary) for (let i = 0; i < g.length; i++) gx[i] += pull(g[i], y[i], a[i]);
        else if (binary) for (let i = 0; i < g.length; i++) gx[m[i]] += pull(g[i], y[i], a[ma[i]], b[mb[i]]);
        else for (let i = 0; i < g.length; i++) gx[m[i]] += pull(g[i], y[i], a[ma[i]], b[mb[i]], c[mc[i]]);
      })),
    };
  };
  return { arity, params: {}, shape: (shapes) => broadcastShape(...shapes), kernel };
}

const flat = (arity, f) => elementwise(arity, f, ...Array(arity).fill(null));

/** One argument, each entry of the result a copy of one of its entries: `map` says which, or -1. */
function gather(params, shape, map) {
  const kernel = (y, [x], operation) => {
    const from = map(operation);
    const fill = operation.params.value ?? 0;
    return {
      forward() {
        for (let i = 0; i < y.length; i++) y[i] = from[i] < 0 ? fill : x[from[i]];
      },
      backward: [(g, gx) => {
        for (let i = 0; i < g.length; i++) if (from[i] >= 0) gx[from[i]] += g[i];
      }],
    };
  };
  return { arity: 1, params, shape: ([s], p) => shape(s, p), kernel };
}

/** Any number of arguments side by side; `start(shapes, k, params)` is where the k-th begins. */
function joined(shape, steps, start) {
  const kernel = (y, xs, operation) => {
    const maps = operation.shapes.map((s, k) => places(s, steps(operation), start(operation, k)));
    return {
      forward() {
        xs.forEach((x, k) => {
          for (let i = 0; i < x.length; i++) y[maps[k][i]] = x[i];
        });
      },
      backward: maps.map((map) => (g, gx) => {
        for (let i = 0; i < gx.length; i++) gx[i] += g[map[i]];
      }),
    };
  };
  return { arity: null, params: { axis: isCount }, shape, kernel };
}

export const kept = (shape, axis) => shape.map((n, a) => (axis.includes(a) ? 1 : n));

/**
 * A reduction over axes; `build(x, y, to, count)` gets, for each x, the place of its y. With `some`
 * it needs an entry for each of its results.
 */
function reduction(build, some = false) {
  return {
    arity: 1,
    params: { axis: areAxes, keepdims: (value) => typeof value === "boolean" },
    shape([shape], { axis, keepdims }) {
      if (axis.some((a) => a >= shape.length)) refuse(`axis ${axis} does not exist in shape ${words(shape)}`);
      const found = keepdims ? kept(shape, axis) : shape.filter((_, a) => !axis.includes(a));
      if (some && shape.includes(0) && !found.includes(0)) refuse("an empty axis has no extreme");
      return found;
    },
    kernel(y, [x], { shapes: [shape], params: { axis } }) {
      const [forward, backward] = build(x, y, broadcastPlaces(shape, kept(shape, axis)), x.length / y.length);
      return { forward, backward: [backward] };
    },
  };
}

/** Sums with Neumaier's compensation: NumPy's pairwise sums lose as little. */
const total = (mean) => reduction((x, y, to, count) => {
  const lost = new Float64Array(y.length);
  const share = mean ? 1 / count : 1;
  const forward = () => {
    y.fill(0);
    lost.fill(0);
    for (let i = 0; i < x.length; i++) {
      const [k, v] = [to[i], x[i]];
      const before = y[k];
      y[k] = before + v; // rounds where y is a Float32Array
      lost[k] += Math.abs(before) >= Math.abs(v) ? before - y[k] + v : v - y[k] + before;
    }
    for (let k = 0; k < y.length; k++) {
      if (Number.isFinite(lost[k])) y[k] += lost[k];
      if (mean) y[k] /= count;
    }
  };
  return [forward, (g, gx) => {
    for (let i = 0; i < gx.length; i++) gx[i] += mean ? g[to[i]] / count : g[to[i]] * share;
  }];
});

const extreme = (beats, worst) => reduction((x, y, to) => {
  const ties = new Float64Array(y.length);
  const forward = () => {
    y.fill(worst);
    for (let i = 0; i < x.length; i++) if (beats(x[i], y[to[i]]) || Number.isNaN(x[i])) y[to[i]] = x[i];
  };
  return [forward, (g, gx) => {
    ties.fill(0);
    for (let i = 0; i < gx.length; i++) if (x[i] === y[to[i]]) ties[to[i]]++;
    for (let i = 0; i < gx.length; i++) gx[i] += g[to[i]] * (Number(x[i] === y[to[i]]) / ties[to[i]]);
  }];
}, true);

/**
 * Add A B to C, row-major (rows, columns) from place `oc`. A begins at `oa` and takes `ai` to the next
 * row and `aj` to the next column; B likewise; `inner` is what they share. Four at a time.
 */
function addProduct(c, oc, rows, columns, a, oa, ai, aj, b, ob, bi, bj, inner) {
  const fours = inner - (inner % 4);
  for (let i = 0; i < rows; i++) {
    const row = oc + i * columns;
    for (let j = 0; j < fours; j += 4) {
      const at = oa + i * ai + j * aj;
      const [a0, a1, a2, a3] = [a[at], a[at + aj], a[at + 2 * aj], a[at + 3 * aj]];
      let from = ob + j * bi;
      for (let k = row; k < row + columns; k++, from += bj) {
        c[k] += a0 * b[from] + a1 * b[from + bi] + a2 * b[from + 2 * bi] + a3 * b[from + 3 * bi];
      }
    }
    for (let j = fours; j < inner; j++) {
      const v = a[oa + i * ai + j * aj];
      for (let k = 0; k < columns; k++) c[row + k] += v * b[ob + j * bi + k * bj];
    }
  }
}

const matmul = {
  arity: 2,
  params: {},
  shape([a, b]) {
    const [left, right] = [a.length === 1 ? [1, ...a] : a, b.length === 1 ? [...b, 1] : b];
    if (!a.length || !b.length || left.at(-1) !== right.at(-2)) refuse(`matmul cannot take shapes ${words(a)} and ${words(b)}`);
    const batch = broadcastShape(left.slice(0, -2), right.slice(0, -2));
    return [...batch, ...(a.length === 1 ? [] : [left.at(-2)]), ...(b.length === 1 ? [] : [right.at(-1)])];
  },
  kernel(y, [a, b], { shapes: [sa, sb] }) {
    const [left, right] = [sa.length === 1 ? [1, ...sa] : sa, sb.length === 1 ? [...sb, 1] : sb];
    const [n, m, p] = [left.at(-2), left.at(-1), right.at(-1)];
    const batch = broadcastShape(left.slice(0, -2), right.slice(0, -2));
    const inA = broadcastPlaces(batch, left.slice(0, -2));
    const inB = broadcastPlaces(batch, right.slice(0, -2));
    const each = (visit) => inA.forEach((_, k) => visit(inA[k] * n * m, inB[k] * m * p, k * n * p));
    return {
      forward() {
        y.fill(0);
        each((oa, ob, oy) => addProduct(y, oy, n, p, a, oa, m, 1, b, ob, p, 1, m));
      },
      backward: [
        (g, ga) => each((oa, ob, oy) => addProduct(ga, oa, n, m, g, oy, p, 1, b, ob, 1, p, p)),
        (g, gb) => each((oa, ob, oy) => addProduct(gb, ob, m, p, a, oa, 1, m, g, oy, p, 1, n)),
      ],
    };
  },
};

/** The terms of explicit subscripts, and the size of each letter. */
function readSubscripts(subscripts, shapes) {
  const [sources, result] = subscripts.split("->");
  const terms = sources.split(",");
  if (terms.length !== shapes.length) refuse(`einsum ${subscripts} has ${terms.length} terms for ${shapes.length} arrays`);
  const sizes = new Map();
  terms.forEach((term, k) => {
    if (term.length !== shapes[k].length) refuse(`einsum ${subscripts} does not fit shape ${words(shapes[k])}`);
    [...term].forEach((letter, axis) => {
      const n = shapes[k][axis];
      if (sizes.has(letter) && sizes.get(letter) !== n) refuse(`einsum ${subscripts}: ${letter} is both ${sizes.get(letter)} and ${n}`);
      sizes.set(letter, n);
    });
  });
  for (const letter of result) if (!sizes.has(letter)) refuse(`einsum ${subscripts}: ${letter} comes from nowhere`);
  return { terms, result, sizes };
}

const einsum = {
  arity: null,
  params: {
    subscripts: (value) => typeof value === "string" && value.split("->").length === 2
      && value.replace("->", ",").split(",").every((term) => /^[A-Za-z]*$/.test(term) && new Set(term).size === term.length),
  },
  shape(shapes, { subscripts }) {
    const { result, sizes } = readSubscripts(subscripts, shapes);
    return [...result].map((letter) => sizes.get(letter));
  },
  terms: (shapes, { subscripts }) => sizeOf([...readSubscripts(subscripts, shapes).sizes.values()]),
  kernel(y, xs, { shape, shapes, params: { subscripts } }) {
    const { terms, result, sizes } = readSubscripts(subscripts, shapes);
    const letters = [...result, ...[...sizes.keys()].filter((letter) => !result.includes(letter))];
    const full = letters.map((letter) => sizes.get(letter));
    const mapOf = (term, s) => {
      const own = strides(s);
      return places(full, letters.map((letter) => {
        const axis = term.indexOf(letter);
        return axis < 0 ? 0 : own[axis];
      }));
    };
    const to = mapOf(result, shape);
    const maps = terms.map((term, k) => mapOf(term, shapes[k]));
    const product = (i, but) => {
      let value = 1;
      for (let k = 0; k < xs.length; k++) if (k !== but) value *= xs[k][maps[k][i]];
      return value;
    };
    return {
      forward() {
        y.fill(0);
        for (let i = 0; i < to.length; i++) y[to[i]] += product(i, -1);
      },
      backward: maps.map((map, k) => (g, gx) => {
        for (let i = 0; i < to.length; i++) gx[map[i]] += g[to[i]] * product(i, k);
      }),
    };
  },
};

function areAxes(value) {
  return areCounts(value) && value.every((a, i) => i === 0 || value[i - 1] < a);
}

const isSlice = (item) => Array.isArray(item) && item.length === 3 && isCount(item[0])
  && Number.isSafeInteger(item[2]) && item[2] !== 0 && (isCount(item[1]) || (item[1] === null && item[2] < 0));

/** How many entries a slice takes from an axis of `n`, which it must not leave. */
function sliceLength([start, stop, step], n) {
  const end = stop ?? -1;
  const within = step > 0 ? start <= n && end <= n : start < n && end < n;
  if (!within) refuse(`the slice ${start}:${stop}:${step} leaves an axis of ${n}`);
  return Math.max(0, Math.ceil((end - start) / step));
}

/** The shape, steps and start of basic indexing. */
function readIndex(shape, index) {
  const own = strides(shape);
  const found = { shape: [], steps: [], start: 0 };
  let axis = 0;
  for (const item of [...index, ...Array(Math.max(0, shape.length - index.filter((i) => i !== null).length)).fill("all")]) {
    if (item === null) {
      found.shape.push(1);
      found.steps.push(0);
      continue;
    }
    if (axis >= shape.length) refuse(`${index.length} indices are too many for shape ${words(shape)}`);
    const [n, stride] = [shape[axis], own[axis++]];
    if (typeof item === "number") {
      if (item >= n) refuse(`index ${item} does not exist on an axis of ${n}`);
      found.start += item * stride;
    } else {
      const slice = item === "all" ? [0, n, 1] : item;
      found.shape.push(sliceLength(slice, n));
      found.steps.push(slice[2] * stride);
      found.start += slice[0] * stride;
    }
  }
  return found;
}

const windows = (shape, { window, axis }) => {
  if (window.length !== axis.length) refuse("there must be one window for each axis");
  const left = [...shape];
  axis.forEach((a, k) => {
    if (!(window[k] <= shape[a])) refuse(`a window of ${window[k]} does not fit shape ${words(shape)}`);
    left[a] -= window[k] - 1;
  });
  return [...left, ...window];
};

const half = (wins, a, b) => (a === b ? 0.5 : Number(wins));
const power = (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b); // as in C
const expect = (right, what) => right || refuse(what);

export const RULES = new Map(Object.entries({
  negative: elementwise(1, (x) => -x, (g) => -g),
  exp: elementwise(1, Math.exp, (g, y) => g * y),
  log: elementwise(1, Math.log, (g, y, x) => g / x),
  log1p: elementwise(1, Math.log1p, (g, y, x) => g / (1 + x)),
  expm1: elementwise(1, Math.expm1, (g, y) => g * (y + 1)),
  sqrt: elementwise(1, Math.sqrt, (g, y) => g / (2 * y)),
  square: elementwise(1, (x) => x * x, (g, y, x) => g * (2 * x)),
  tanh: elementwise(1, Math.tanh, (g, y) => g * (1 - y * y)),
  sin: elementwise(1, Math.sin, (g, y, x) => g * Math.cos(x)),
  cos: elementwise(1, Math.cos, (g, y, x) => -g * Math.sin(x)),
  absolute: elementwise(1, Math.abs, (g, y, x) => g * Math.sign(x)),
  sign: flat(1, Math.sign),
  reciprocal: elementwise(1, (x) => 1 / x, (g, y) => -g * y * y),
  add: elementwise(2, (a, b) => a + b, (g) => g, (g) => g),
  subtract: elementwise(2, (a, b) => a - b, (g) => g, (g) => -g),
  multiply: elementwise(2, (a, b) => a * b, (g, y, a, b) => g * b, (g, y, a) => g * a),
  divide: elementwise(2, (a, b) => a / b, (g, y, a, b) => g / b, (g, y, a, b) => -g * y / b),
  power: elementwise(
    2,
    power,
    (g, y, a, b) => g * (b === 0 ? 0 : b * power(a, b - 1)),
    (g, y, a) => g * (a === 0 ? 0 : y * Math.log(a)),
  ),
  maximum: elementwise(2, Math.max, (g, y, a, b) => g * half(a > b, a, b), (g, y, a, b) => g * half(b > a, a, b)),
  minimum: elementwise(2, Math.min, (g, y, a, b) => g * half(a < b, a, b), (g, y, a, b) => g * half(b < a, a, b)),
  greater: flat(2, (a, b) => Number(a > b)),
  greater_equal: flat(2, (a, b) => Number(a >= b)),
  less: flat(2, (a, b) => Number(a < b)),
  less_equal: flat(2, (a, b) => Number(a <= b)),
  equal: flat(2, (a, b) => Number(a === b)),
  not_equal: flat(2, (a, b) => Number(a !== b)),
  logical_and: flat(2, (a, b) => Number(a !== 0 && b !== 0)),
  logical_or: flat(2, (a, b) => Number(a !== 0 || b !== 0)),
  logical_not: flat(1, (a) => Number(a === 0)),
  where: elementwise(3, (c, a, b) => (c !== 0 ? a : b), null, (g, y, c) => (c !== 0 ? g : 0), (g, y, c) => (c !== 0 ? 0 : g)),
  sum: total(false),
  mean: total(true),
  max: extreme((a, b) => a > b, -Infinity),
  min: extreme((a, b) => a < b, Infinity),
  matmul,
  einsum,
  cumsum: {
    arity: 1,
    params: { axis: isCount },
    shape: ([shape], { axis }) => (expect(axis < shape.length, `axis ${axis} does not exist in shape ${words(shape)}`), shape),
    kernel(y, [x], { shape, params: { axis } }) {
      const step = strides(shape)[axis];
      const first = places(shape, shape.map((_, a) => (a === axis ? 1 : 0)));
      return {
        forward() {
          for (let i = 0; i < y.length; i++) y[i] = x[i] + (first[i] ? y[i - step] : 0);
        },
        backward: [(g, gx) => {
          const sum = Float64Array.from(g);
          for (let i = sum.length - 1; i >= 0; i--) if (first[i]) sum[i - step] += sum[i];
          for (let i = 0; i < sum.length; i++) gx[i] += sum[i];
        }],
      };
    },
  },
  transpose: gather(
    { axes: areCounts },
    (shape, { axes }) => {
      const right = axes.length === shape.length && new Set(axes).size === axes.length && axes.every((a) => a < shape.length);
      return expect(right, `axes ${axes} do not permute shape ${words(shape)}`) && axes.map((a) => shape[a]);
    },
    ({ shape, shapes: [own], params: { axes } }) => places(shape, axes.map((a) => strides(own)[a])),
  ),
  reshape: gather(
    { shape: areCounts },
    (own, { shape }) => expect(sizeOf(own) === sizeOf(shape), `${words(own)} cannot become ${words(shape)}`) && shape,
    ({ shape }) => places(shape, strides(shape)),
  ),
  broadcast_to: gather(
    { shape: areCounts },
    (own, { shape }) => {
      const wide = broadcastShape(own, shape);
      return expect(String(wide) === String(shape), `${words(own)} cannot be broadcast to ${words(shape)}`) && shape;
    },
    ({ shape, shapes: [own] }) => broadcastPlaces(shape, own),
  ),
  index: gather(
    { index: (value) => Array.isArray(value) && value.every((item) => item === null || isCount(item) || isSlice(item)) },
    (own, { index }) => readIndex(own, index).shape,
    ({ shapes: [own], params: { index } }) => {
      const { shape, steps, start } = readIndex(own, index);
      return places(shape, steps, start);
    },
  ),
  take: gather(
    { indices: (value) => areCounts(value?.shape) && areCounts(value.data) && value.data.length === sizeOf(value.shape) },
    (own, { indices }) => {
      const size = sizeOf(own);
      return expect(indices.data.every((i) => i < size), `an index lies outside ${size} entries`) && indices.shape;
    },
    ({ params: { indices } }) => Int32Array.from(indices.data),
  ),
  pad: gather(
    {
      widths: (value) => Array.isArray(value) && value.every((w) => areCounts(w) && w.length === 2),
      value: Number.isFinite,
    },
    (own, { widths }) => expect(widths.length === own.length, `${widths.length} widths for shape ${words(own)}`)
      && own.map((n, axis) => n + widths[axis][0] + widths[axis][1]),
    ({ shape, shapes: [own], params: { widths } }) => {
      const wide = strides(shape);
      const inside = places(own, wide, widths.reduce((start, [before], axis) => start + before * wide[axis], 0));
      const from = new Int32Array(sizeOf(shape)).fill(-1);
      inside.forEach((place, i) => (from[place] = i));
      return from;
    },
  ),
  sliding_window_view: gather(
    { window: areCounts, axis: areAxes },
    windows,
    ({ shape, shapes: [own], params: { axis } }) => places(shape, [...strides(own), ...axis.map((a) => strides(own)[a])]),
  ),
  concatenate: joined(
    (shapes, { axis }) => {
      const [first] = shapes;
      const fits = axis < first.length && shapes.every((s) => s.length === first.length && s.every((n, a) => a === axis || n === first[a]));
      expect(fits, `shapes ${shapes.map(words).join(" and ")} do not join along axis ${axis}`);
      return first.map((n, a) => (a === axis ? shapes.reduce((sum, s) => sum + s[a], 0) : n));
    },
    ({ shape }) => strides(shape),
    ({ shape, shapes, params: { axis } }, k) => strides(shape)[axis] * shapes.slice(0, k).reduce((sum, s) => sum + s[axis], 0),
  ),
  stack: joined(
    (shapes, { axis }) => {
      const [first] = shapes;
      expect(axis <= first.length && shapes.every((s) => String(s) === String(first)), `shapes ${shapes.map(words).join(" and ")} do not stack along axis ${axis}`);
      return [...first.slice(0, axis), shapes.length, ...first.slice(axis)];
    },
    ({ shape, params: { axis } }) => strides(shape).filter((_, a) => a !== axis),
    ({ shape, params: { axis } }, k) => strides(shape)[axis] * k,
  ),
}));
