// A dial: a direction in a plane, turned by pointer, finger or keys, and how long something is in
// each direction.

import { mark, write } from "./controls.js";
import { onDrag, pane, set, svg } from "./plot.js";

const [WIDTH, HEIGHT, ACROSS, DOWN, RADIUS] = [208, 180, 84, 98, 70];
const STEP = 5; // degrees that an arrow key turns it
const CLOSE = 3; // degrees within which a pointer is drawn to a stop
const TURNS = { ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP, PageUp: 45, PageDown: -45 };

/** cos and sin of an angle in degrees: equal at 45°, 0 at 90°, and a half at 60°, to the last bit. */
export function direction(degrees) {
  const turn = ((degrees % 360) + 360) % 360;
  const quarter = Math.floor(turn / 90);
  const rest = turn - 90 * quarter;
  const small = (rest > 45 ? 90 - rest : rest) * (Math.PI / 180);
  const pair = rest === 45 ? [Math.SQRT1_2, Math.SQRT1_2] : [Math.cos(small), Math.sin(small)].map((x) => Number(x.toPrecision(15)));
  let [x, y] = rest > 45 ? pair.reverse() : pair;
  for (let i = 0; i < quarter; i++) [x, y] = [-y || 0, x];
  return [x, y];
}

const ALL = Array.from({ length: 120 }, (_, i) => direction(3 * i)); // where the reach is drawn

export class Dial {
  /** `turn(degrees)` is called while it moves, `rest()` when it stops. */
  constructor(name, turn, rest) {
    Object.assign(this, { turn, angle: 0, stops: [] });
    this.node = svg("svg", {
      class: "live-dial", width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "slider", tabindex: 0, "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 359,
    });
    pane(this.node);
    const at = { cx: ACROSS, cy: DOWN };
    svg("circle", { class: "live-rim", ...at, r: RADIUS }, this.node);
    for (let degrees = 0; degrees < 360; degrees += 45) {
      const tick = `M${this.place(degrees, 1)}L${this.place(degrees, degrees % 90 ? 0.93 : 0)}`;
      svg("path", { class: "live-tick", d: tick }, this.node);
    }
    this.curve = svg("path", { class: "live-reach" }, this.node);
    this.needle = svg("path", { class: "live-needle" }, this.node);
    this.knob = svg("circle", { class: "live-point", r: 8 }, this.node);
    this.grip = svg("circle", { class: "live-grip", r: 22 }, this.node);
    this.names = [[ACROSS + RADIUS + 12, DOWN + 4, "start"], [ACROSS, DOWN - RADIUS - 14, "middle"]].map(
      ([x, y, anchor]) => svg("text", { x, y, "text-anchor": anchor, "aria-hidden": true }, this.node));
    const undo = onDrag(this.node, (event) => this.follow(event), rest);
    const press = (event) => {
      const to = { Home: 0, End: 359 }[event.key] ?? this.next(TURNS[event.key]);
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.angle = (to + 360) % 360; // another key may come before the next frame
      turn(this.angle);
      rest();
    };
    this.node.addEventListener("keydown", press);
    this.stop = undo;
  }

  /** Where keys turn to from here: to a multiple of their step, or to a stop that lies before it. */
  next(by) {
    if (!by) return undefined;
    const way = Math.sign(by);
    const to = STEP * Math[by > 0 ? "floor" : "ceil"](this.angle / STEP + 1e-9 * way) + by;
    const ahead = (degrees) => ((way * (degrees - this.angle)) % 360 + 360) % 360;
    const on = this.stops.filter((stop) => Math.abs(by) === STEP && ahead(stop) > 1e-9 && ahead(stop) < ahead(to));
    return on.sort((a, b) => ahead(a) - ahead(b))[0] ?? to;
  }

  place(degrees, share) {
    return this.along(direction(degrees), share);
  }

  along([x, y], share) {
    return `${(ACROSS + share * RADIUS * x).toFixed(2)} ${(DOWN - share * RADIUS * y).toFixed(2)}`;
  }

  /** Turn to where the pointer is, to a whole degree; near a stop or an eighth of a turn, to that. */
  follow(event) {
    const box = this.node.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH - ACROSS;
    const y = DOWN - ((event.clientY - box.top) / box.height) * HEIGHT;
    if (Math.hypot(x, y) < 6) return;
    const degrees = Math.round((Math.atan2(y, x) * 180) / Math.PI + 360);
    const far = (stop) => Math.abs(((degrees - stop + 540) % 360) - 180);
    const near = [...this.stops, 45 * Math.round(degrees / 45)].find((stop) => far(stop) <= CLOSE);
    this.turn((near ?? degrees) % 360);
  }

  /**
   * Point to `angle`, or nowhere if null; `reach(x, y)` is the length to draw in a direction, and
   * `stops` are angles to halt at.
   */
  draw(angle, names, words, reach, stops) {
    Object.assign(this, { angle: angle ?? 0, stops });
    const end = this.place(this.angle, angle === null ? 0 : 1);
    const [cx, cy] = end.split(" ");
    set(this.needle, { d: `M${ACROSS} ${DOWN}L${end}` });
    set(this.knob, { cx, cy });
    set(this.grip, { cx, cy });
    names.forEach((name, i) => write(this.names[i], name));
    const lengths = ALL.map(([x, y]) => reach(x, y));
    const most = Math.max(...lengths);
    const d = most > 0 && most < Infinity ? lengths.map((l, i) => `${i ? "L" : "M"}${this.along(ALL[i], (0.94 * l) / most)}`).join("") : "M0 0";
    set(this.curve, { d: `${d}Z` });
    mark(this.node, "aria-valuenow", String(Math.round(this.angle) % 360));
    mark(this.node, "aria-valuetext", words);
  }
}
