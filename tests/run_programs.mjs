// Programs from standard input, run as a page runs them: the value and the gradients of each.

import { readFileSync } from "node:fs";
import { load } from "../js/program.js";

const flat = (arrays) => Object.fromEntries(Object.entries(arrays).map(([name, data]) => [name, Float64Array.from(data)]));

const answers = JSON.parse(readFileSync(0, "utf8")).map(({ program, arrays }) => {
  const { value, grad } = load(program).valueAndGrad(flat(arrays), Object.keys(arrays));
  return { value, grad: Object.fromEntries(Object.entries(grad).map(([name, data]) => [name, [...data]])) };
});
process.stdout.write(JSON.stringify(answers));
