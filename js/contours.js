// Level lines of a square grid of heights, by marching squares.

/** The corners' sides that a line joins, for each of the 16 ways in which corners lie above. */
const SIDES = [
  [], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], [[3, 0], [1, 2]], [[0, 2]], [[3, 2]],
  [[2, 3]], [[2, 0]], [[0, 1], [2, 3]], [[2, 1]], [[1, 3]], [[1, 0]], [[0, 3]], [],
];

/**
 * An SVG path of the lines at `levels` through `heights`, size x size, row by row. `to(column, row)`
 * gives pixels. A cell with a corner that is not finite has no line.
 */
export function contours(heights, size, levels, to) {
  let d = "";
  for (let row = 0; row < size - 1; row++) {
    for (let column = 0; column < size - 1; column++) {
      const at = row * size + column;
      const corners = [heights[at], heights[at + 1], heights[at + size + 1], heights[at + size]];
      const low = Math.min(...corners);
      const high = Math.max(...corners);
      if (!Number.isFinite(high - low)) continue;
      for (const level of levels) {
        if (level <= low || level > high) continue;
        const above = corners.reduce((bits, height, i) => bits | (height >= level ? 1 << i : 0), 0);
        const cross = (side) => {
          const [a, b] = [corners[side], corners[(side + 1) % 4]];
          const share = (level - a) / (b - a);
          const [x, y] = [[share, 0], [1, share], [1 - share, 1], [0, 1 - share]][side];
          const [px, py] = to(column + x, row + y);
          return `${px.toFixed(1)} ${py.toFixed(1)}`;
        };
        for (const [from, on] of SIDES[above]) d += `M${cross(from)}L${cross(on)}`;
      }
    }
  }
  return d;
}
