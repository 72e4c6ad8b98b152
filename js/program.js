// A program, as scalarloss/program.py writes it: read with suspicion, run forward, swept backward.

import { areCounts, isCount, ProgramError, RULES, sizeOf } from "./rules.js";

export { ProgramError };

const FORMAT = "scalarloss-program";
const VERSION = 1;
const MAX_RANK = 32;
const MAX_ENTRIES = 2 ** 25; // of all arrays, and of the maps between them: 256 MB
const ONE = Float64Array.of(1); // the cotangent of a scalar
const NON_FINITE = { NaN, Infinity, "-Infinity": -Infinity };

const damaged = (what) => new ProgramError(`the program is damaged: ${what}. Trace the function and write it again.`);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const short = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

function brief(value) {
  try {
    return short(JSON.stringify(value) ?? String(value), 60);
  } catch {
    return "something nested too deeply";
  }
}

function list(item, key, where) {
  const value = isObject(item) && Object.hasOwn(item, key) ? item[key] : undefined;
  if (!Array.isArray(value)) throw damaged(`${where} has ${brief(value)} for "${key}", where a list is needed`);
  return value;
}

function readShape(item, where) {
  const shape = list(item, "shape", where);
  if (!areCounts(shape) || shape.length > MAX_RANK || [...shape, sizeOf(shape)].some((n) => n > MAX_ENTRIES)) {
    throw damaged(`${where} has the shape ${brief(shape)}, which no array here can have`);
  }
  return shape;
}

function readConstant(item, where) {
  const shape = readShape(item, where);
  const data = list(item, "data", where).map((v) => (typeof v === "string" && Object.hasOwn(NON_FINITE, v) ? NON_FINITE[v] : v));
  if (!data.every((v) => typeof v === "number")) throw damaged(`${where} holds something that is not a number`);
  if (data.length !== sizeOf(shape)) throw damaged(`${where} has ${data.length} numbers for the shape (${shape.join(", ")})`);
  return { shape, data: Float64Array.from(data) };
}

function readOperation(item, where, shapes) {
  const op = isObject(item) ? item.op : undefined;
  if (typeof op !== "string") throw damaged(`${where} has ${brief(op)} for "op", where a name is needed`);
  const rule = RULES.get(op);
  if (!rule) throw new ProgramError(`${where} is "${short(op, 60)}", which this page does not know: it was written by another version, or damaged.`);
  where = `${where} (${op})`;
  const args = list(item, "args", where);
  if (!areCounts(args) || args.some((a) => a >= shapes.length)) {
    throw damaged(`${where} takes slots ${brief(args)}, and only ${shapes.length} come before it`);
  }
  if (!args.length || (rule.arity !== null && args.length !== rule.arity)) {
    throw damaged(`${where} takes ${args.length} arguments, where ${rule.arity ?? "some"} are needed`);
  }
  const { params } = item;
  const known = Object.keys(rule.params);
  if (!isObject(params) || Object.keys(params).sort().join() !== [...known].sort().join()) {
    throw damaged(`${where} has parameters ${brief(params)}, where ${known.join(", ") || "none"} are needed`);
  }
  for (const key of known) if (!rule.params[key](params[key])) throw damaged(`${where} has ${brief(params[key])} for "${key}"`);
  const shape = readShape(item, where);
  const operation = { op, args, params, shape, shapes: args.map((a) => shapes[a]) };
  let found;
  try {
    found = rule.shape(operation.shapes, params);
  } catch (error) {
    throw damaged(`${where}: ${short(error.message, 300)}`);
  }
  if (String(found) !== String(shape) || found.length !== shape.length) {
    throw damaged(`${where} says its shape is ${brief(shape)}, and it gives ${brief(found)}`);
  }
  return operation;
}

/** How many numbers an operation keeps: its result, and the maps from its arguments. */
function weight({ op, shape, shapes, params }) {
  const { arity, terms } = RULES.get(op);
  if (terms) return sizeOf(shape) + terms(shapes, params) * shapes.length ** 2;
  return (1 + (arity ?? 1)) * sizeOf(shape) + shapes.reduce((sum, s) => sum + sizeOf(s), 0);
}

/**
 * Read a program from its JSON, as text or as an object, checking every part of it. With `precision`
 * Float32Array its slots hold single numbers: each result is rounded to one.
 * Throws ProgramError for a damaged one, another version, or an unknown operation.
 */
export function load(json, { precision = Float64Array } = {}) {
  let data = json;
  if (typeof json === "string") {
    try {
      data = JSON.parse(json);
    } catch (error) {
      throw new ProgramError(`this is not JSON (${error.message}): write it again with to_json.`);
    }
  }
  if (!isObject(data) || data.format !== FORMAT) throw new ProgramError(`this is not a program: it lacks "format": "${FORMAT}".`);
  if (data.version !== VERSION) {
    throw new ProgramError(`the program is of version ${brief(data.version)}, and this page reads version ${VERSION}: build the page again.`);
  }
  const names = new Set();
  const inputs = list(data, "inputs", "the program").map((item, i) => {
    const name = isObject(item) ? item.name : undefined;
    if (typeof name !== "string" || !/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) || names.has(name)) {
      throw damaged(`the input name ${brief(name)} is no identifier, or stands there twice`);
    }
    names.add(name);
    return { name, shape: readShape(item, `input ${i}`) };
  });
  if (!inputs.length) throw damaged("it has no inputs");
  const constants = list(data, "constants", "the program").map((item, i) => readConstant(item, `constant ${i}`));
  const shapes = [...inputs, ...constants].map(({ shape }) => shape);
  const operations = [];
  let entries = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  list(data, "operations", "the program").forEach((item, i) => {
    const operation = readOperation(item, `operation ${i}`, shapes);
    entries += weight(operation);
    if (!(entries <= MAX_ENTRIES)) throw new ProgramError(`the program needs more than ${MAX_ENTRIES} numbers, too many for a page: run it in a notebook.`);
    operations.push(operation);
    shapes.push(operation.shape);
  });
  if (!isCount(data.output) || data.output >= shapes.length) {
    throw damaged(`its output is slot ${brief(data.output)}, and it has ${shapes.length} slots`);
  }
  return new Program(inputs, constants, operations, shapes, data.output, precision);
}

/** Operations on slots: inputs first, then constants, then one slot for each operation. */
class Program {
  constructor(inputs, constants, operations, shapes, output, precision) {
    Object.assign(this, { inputs, operations, shapes, output, precision });
    this.outputShape = shapes[output];
    this.places = new Map(inputs.map(({ name }, i) => [name, i]));
    this.slots = shapes.map((shape) => new precision(sizeOf(shape)));
    constants.forEach(({ data }, i) => this.slots[inputs.length + i].set(data));
    this.first = inputs.length + constants.length;
    this.kernels = operations.map((operation, i) =>
      RULES.get(operation.op).kernel(this.slots[this.first + i], operation.args.map((a) => this.slots[a]), operation));
    this.cotangents = shapes.map(() => null);
    this.sweeps = new Map();
  }

  /** Run on `arrays`, {name: Float64Array}; the result is a view, good until the next run. */
  run(arrays) {
    this.inputs.forEach(({ name }, i) => {
      const array = Object.hasOwn(arrays ?? {}, name) ? arrays[name] : null;
      if (array?.length !== this.slots[i].length) {
        throw new ProgramError(`${name} has ${array?.length ?? "no"} numbers, and the program takes ${this.slots[i].length}.`);
      }
      this.slots[i].set(array);
    });
    for (const kernel of this.kernels) kernel.forward();
    return this.slots[this.output];
  }

  /** The scalar output and its gradient by each named input, good until the next run. */
  valueAndGrad(arrays, names) {
    if (this.outputShape.length) {
      throw new ProgramError(`the output has shape (${this.outputShape.join(", ")}), and a gradient belongs to one number: reduce it first.`);
    }
    const { output, grad } = this.vjp(arrays, ONE, names);
    return { value: output[0], grad };
  }

  /** The output y, and vᵀJ by each named input for the cotangent `v` of y. */
  vjp(arrays, v, names = this.inputs.map(({ name }) => name)) {
    const output = this.run(arrays);
    return { output, grad: this.pullback(v, names) };
  }

  /** vᵀJ by each named input where the program was last run. */
  pullback(v, names) {
    for (const { slot, moves } of this.seed(v, names)) {
      for (const { move, argument } of moves) move(this.cotangents[slot], this.cotangents[argument]);
    }
    return Object.fromEntries(names.map((name) => [name, this.cotangents[this.places.get(name)]]));
  }

  /**
   * What `vjp` adds up: a list of {slot, argument, position, part}, last operation first. The
   * operation at `slot` sends `part` to its argument at `position`, the slot `argument`.
   */
  contributions(arrays, v, names = this.inputs.map(({ name }) => name)) {
    this.run(arrays);
    const sent = [];
    for (const { slot, moves } of this.seed(v, names)) {
      for (const { move, argument, position } of moves) {
        const part = new Float64Array(this.slots[argument].length);
        move(this.cotangents[slot], part);
        const sum = this.cotangents[argument];
        for (let i = 0; i < part.length; i++) sum[i] += part[i];
        sent.push({ slot, argument, position, part });
      }
    }
    return sent;
  }

  /** Set the output's cotangent to `v` and all others to 0; the steps of the way back. */
  seed(v, names) {
    const { length } = this.slots[this.output];
    if (v.length !== length) throw new ProgramError(`the cotangent has ${v.length} numbers, and the output has ${length}: give one for each.`);
    const { touched, steps } = this.sweep(names);
    for (const slot of touched) (this.cotangents[slot] ??= new Float64Array(this.slots[slot].length)).fill(0);
    (this.cotangents[this.output] ??= new Float64Array(length)).set(v);
    return steps;
  }

  /** The way back, last operation first, through what lies between the named inputs and the output. */
  sweep(names) {
    const key = names.join();
    if (!this.sweeps.has(key)) {
      const unknown = names.find((name) => !this.places.has(name));
      if (unknown !== undefined) {
        throw new ProgramError(`there is no input ${brief(unknown)} to differentiate by: the program takes ${[...this.places.keys()].join(", ")}.`);
      }
      const reaching = new Set([this.output]);
      for (let i = this.operations.length - 1; i >= 0; i--) {
        if (reaching.has(this.first + i)) this.operations[i].args.forEach((a) => reaching.add(a));
      }
      const wanted = new Set(names.map((name) => this.places.get(name)));
      const steps = [];
      this.operations.forEach(({ args }, i) => {
        const slot = this.first + i;
        const { backward } = this.kernels[i];
        const moves = reaching.has(slot) ? args.flatMap((a, k) => (wanted.has(a) && backward[k] ? [{ move: backward[k], argument: a, position: k }] : [])) : [];
        if (!moves.length) return;
        wanted.add(slot);
        steps.unshift({ slot, moves });
      });
      this.sweeps.set(key, { touched: [...wanted], steps });
    }
    return this.sweeps.get(key);
  }
}
