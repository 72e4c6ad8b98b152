// Standard normal numbers from a seed, the same as in Python: T. Ettinger's generator mulberry32,
// and Box and Muller's transform.

const WORDS = 2 ** 32;

/** `count` of them, drawn with `seed`, a whole number from 0 to 2³² − 1. */
export function normal(seed, count) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / WORDS;
  };
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}
