// Marking, by the rules of scalarloss/marking.py: is a typed gradient right, and if not, what kind
// of mistake do its numbers show? Arrays are flat, row by row.

const NUMBER = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?`;
const TYPED = new RegExp(`^(${NUMBER})(?:/(${NUMBER}))?$`, "i");
export const NONE = "no single mistake that these numbers show";

/** The number that someone typed: -1.5, 2e-3, or a fraction 1/3; null for anything else. */
export function readNumber(text) {
  const found = TYPED.exec(text.replaceAll("−", "-").replaceAll(" ", ""));
  if (!found) return null;
  const number = Number(found[1]) / Number(found[2] ?? 1);
  return Number.isFinite(number) ? number : null;
}

const largestOf = (numbers) => numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The decimal place that is asked for: 0.01, or a finer one if all entries are below 0.1. */
export function lastPlace(right) {
  const largest = largestOf(right);
  let place = 0.01;
  while (largest > 0 && largest < 10 * place) place /= 10;
  return place;
}

/** Whether two numbers agree when rounded to `place`, or in four digits. */
export function near(answer, other, place) {
  return Math.abs(answer - other) <= Math.max(0.51 * place, 1e-4 * Math.abs(other));
}

const allNear = (answer, other, place) => answer.every((value, i) => near(value, other[i], place));

/** Whether every entry is right to the place that is asked for, or to four digits. */
export const allClose = (answer, right) => allNear(answer, right, lastPlace(right));

/**
 * What kind of mistake turns `right` into `answer`, arrays of one `shape`; "" if none. `known` holds
 * wrong answers by the name of the mistake that leads to each, and `sizes` the numbers of things
 * that a sum may run over. Where the numbers support more than one kind, each is named.
 */
export function kindOfMistake(answer, right, shape, known, sizes = []) {
  const place = lastPlace(right);
  const count = answer.filter((value, i) => !near(value, right[i], place)).length;
  if (!count) return "";
  const others = [...known, ...turned(right, shape)];
  const opposed = allNear(answer, right.map((value) => -value), place);
  for (const [sign, also] of [[1, ""], [-1, ", and the sign"]]) {
    const fitting = others.filter(([, other]) => allNear(answer, other.map((value) => sign * value), place));
    if (fitting.length && sign > 0 && opposed) fitting.unshift(["the sign"]);
    if (fitting.length && (sign > 0 || !opposed)) return fitting.map(([name]) => name + also).join(", or ");
    if (answer.every((value) => value === 0)) return "all zeros";
  }
  const words = factor(answer, right, place, sizes);
  if (words) return words;
  if (answer.every((value, i) => near(Math.abs(value), Math.abs(right[i]), place))) {
    return count > 1 ? `the sign of ${count} entries` : "the sign of one entry";
  }
  if (count === 1) return right.length > 1 ? "one entry, and the others are right" : NONE;
  if (shape.length === 2) {
    if (reordered(rows(answer, shape), rows(right, shape), place)) return "the rows in another order";
    if (reordered(columns(answer, shape), columns(right, shape), place)) return "the columns in another order";
  }
  const alone = (numbers) => Array.from(numbers, (value) => [value]);
  return reordered(alone(answer), alone(right), place) ? "the right numbers in wrong places" : NONE;
}

/** The right numbers in wrong places, by what put them there. */
export function turned(right, shape) {
  const back = (from) => right.map((_, i) => right[from(i)]);
  const last = right.length - 1;
  if (shape.length === 1 && last > 0) return [["the entries in reverse order", back((i) => last - i)]];
  if (shape.length !== 2 || shape.includes(1)) return [];
  const [m, n] = shape;
  return [
    [m === n ? "transposed" : "transposed, and read off row by row", back((i) => (i % m) * n + Math.floor(i / m))],
    ["turned by half a turn, as a flipped filter is", back((i) => last - i)],
    ["the rows in reverse order", back((i) => (m - 1 - Math.floor(i / n)) * n + (i % n))],
    ["the columns in reverse order", back((i) => i - (i % n) + n - 1 - (i % n))],
  ];
}

/**
 * How many times too large or small every entry is, and a likely reason; "" if none fits. A factor
 * of one entry alone is named only if it has a reason: any number is some multiple.
 */
function factor(answer, right, place, sizes) {
  const norm = right.reduce((sum, value) => sum + value * value, 0);
  const share = norm ? answer.reduce((sum, value, i) => sum + value * right[i], 0) / norm : 0;
  const sign = share < 0 ? -1 : 1;
  const fits = (by) => answer.every((value, i) => near(value, by * right[i], place));
  let size = Math.abs(share);
  const sharp = 0.51 * place <= 0.05 * size * largestOf(right) && size <= 1e6;
  if (!sharp || !fits(share)) return "";
  const reasons = [[1, ""], [2, "a half forgotten"], [0.5, "a half too many"]];
  for (const n of sizes) reasons.push([n, `a sum over ${n}, not the mean`], [1 / n, `a mean over ${n}, not the sum`]);
  const fitting = reasons.filter(([by]) => fits(sign * by));
  if (!fitting.length && right.filter((value) => Math.abs(value) > 0.51 * place).length < 2) return "";
  if (fitting.length) size = fitting[0][0];
  const words = sign < 0 ? ["the sign"] : [];
  if (size !== 1) {
    const most = Math.max(size, 1 / size);
    const rounded = Math.floor(100 * most + 0.5 + 1e-6) / 100;
    const times = rounded > 1 ? rounded : Number(most.toPrecision(6));
    const why = fitting.map(([, reason]) => reason).join(", or ");
    words.push(`every entry ${times} times too ${size > 1 ? "large" : "small"}${why ? ` (${why}?)` : ""}`);
  }
  return words.join(", and ");
}

const rows = (flat, [m, n]) => Array.from({ length: m }, (_, i) => Array.from(flat.slice(i * n, (i + 1) * n)));
const columns = (flat, [m, n]) => Array.from({ length: n }, (_, j) => Array.from({ length: m }, (_, i) => flat[i * n + j]));

/** Whether the rows of `answer` are those of `right` in some order. */
function reordered(answer, right, place) {
  const left = [...right];
  return answer.every((row) => {
    const found = left.findIndex((other) => allNear(row, other, place));
    if (found >= 0) left.splice(found, 1);
    return found >= 0;
  });
}
