// Numbers from a seed, the same as in Python (scalarloss/live/seeded.py): T. Ettinger's generator
// mulberry32, and Box and Muller's transform.

export const SEEDS = 2 ** 32;

/** A function that draws numbers between 0 and 1, for a whole `seed` from 0 to 2³² − 1. */
export function uniforms(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / SEEDS;
  };
}

/** `count` standard normal numbers. */
export function normal(seed, count) {
  const draw = uniforms(seed);
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(draw())) * Math.cos(2 * Math.PI * draw()));
}
