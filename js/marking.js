// Marking, by the rules of scalarloss/marking.py: is a typed gradient right, and if not, what kind
// of mistake do its numbers show?

const CENTS = 0.0051; // two decimals are enough
const NUMBER = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?`;
const TYPED = new RegExp(`^(${NUMBER})(?:/(${NUMBER}))?$`, "i");

/** The number that someone typed: -1.5, 2e-3, or a fraction 1/3; null for anything else. */
export function readNumber(text) {
  const found = TYPED.exec(text.replaceAll("−", "-").replaceAll(" ", ""));
  if (!found) return null;
  const number = Number(found[1]) / Number(found[2] ?? 1);
  return Number.isFinite(number) ? number : null;
}

/** Whether an entry is right to two decimals, or to four digits if it is large. */
export function close(answer, right) {
  return Math.abs(answer - right) <= Math.max(CENTS, 1e-4 * Math.abs(right));
}

export const allClose = (answer, right) => answer.every((value, i) => close(value, right[i]));

/**
 * What kind of mistake turns `right` into `answer`, arrays of one `shape`; "" if none. `known` holds
 * wrong answers by the name of the mistake that leads to each.
 */
export function kindOfMistake(answer, right, shape, known) {
  const wrong = answer.filter((value, i) => !close(value, right[i])).length;
  if (!wrong) return "";
  for (const [name, other] of [...known, ...turned(right, shape)]) if (allClose(answer, other)) return name;
  if (answer.every((value) => value === 0)) return "all zeros";
  const norm = right.reduce((sum, value) => sum + value * value, 0);
  const share = norm ? answer.reduce((sum, value, i) => sum + value * right[i], 0) / norm : 0;
  if (share && answer.every((value, i) => close(value, share * right[i]))) {
    return Math.abs(share + 1) < 0.02 ? "the sign" : `every entry ${Number(share.toPrecision(3))} times too large`;
  }
  return wrong === 1 ? "one entry, and the others are right" : "no single mistake that these numbers show";
}

/** The right numbers in wrong places, by what put them there. */
export function turned(right, shape) {
  const [rows, columns] = shape.length === 2 ? shape : [1, right.length];
  const take = (from) => right.map((_, i) => right[from(Math.floor(i / columns), i % columns)]);
  const found = [];
  if (right.length === 1) return found;
  if (shape.length === 2 && rows === columns) found.push(["transposed", take((i, j) => j * columns + i)]);
  if (shape.length === 2 && rows > 1 && columns > 1) {
    found.push(["turned by half a turn, as a flipped filter is", take((i, j) => (rows - 1 - i) * columns + columns - 1 - j)]);
    found.push(["the rows in reverse order", take((i, j) => (rows - 1 - i) * columns + j)]);
    found.push(["the columns in reverse order", take((i, j) => i * columns + columns - 1 - j)]);
  }
  if (shape.length === 1) found.push(["the entries in reverse order", take((_, j) => columns - 1 - j)]);
  return found;
}
