// A graph in layers, left to right or downwards: nodes are buttons on a drawing of edges.

import { h, mark } from "./controls.js";
import { svg } from "./plot.js";

const PORT = 22; // pixels between edges on one side of a node, at most
const within = (low, value, high) => Math.max(low, Math.min(high, value));

/**
 * `nodes` are {body, place: [layer, across]}, `edges` {from, to, bends}, where a place counts in
 * nodes. Nodes get `enter` and `leave`, their edges; edges a `path`, a `head` and a `label`.
 */
export class Graph {
  constructor(nodes, edges) {
    Object.assign(this, { nodes, edges });
    this.canvas = h("div", { className: "live-canvas" });
    this.drawing = svg("svg", { class: "live-edges", "aria-hidden": "true" }, this.canvas);
    this.layers = 1 + Math.max(...nodes.map(({ place }) => place[0]));
    this.widest = Math.max(...nodes.map(({ place }) => place[1]));
    for (const edge of edges) {
      edge.path = svg("path", { fill: "none" }, this.drawing);
      edge.head = svg("path", {}, this.drawing);
    }
    for (const edge of edges) edge.label = svg("text", { "text-anchor": "middle" }, this.drawing);
    for (const node of nodes) {
      node.enter = edges.filter(({ to }) => to === node);
      node.leave = edges.filter(({ from }) => from === node);
      this.canvas.append(node.body);
    }
  }

  /** The least width of the graph from left to right. */
  get least() {
    return this.layers * 96 - 20;
  }

  /** Place everything, downwards if `tall`, in `width` pixels or as many as it takes. */
  arrange(tall, width) {
    this.tall = tall;
    const { nodes, edges, layers, widest } = this;
    const pitch = tall ? within(96, (width + 12) / (widest + 1), 170) : within(96, (width + 20) / layers, 190);
    const wide = Math.min(tall ? 150 : 124, pitch - (tall ? 12 : 20));
    // All of these count along the layers first, then across; `turn` makes them x and y.
    const [steps, size] = tall ? [[94, pitch], [64, wide]] : [[pitch, 94], [wide, 80]];
    const turn = ([along, across]) => (tall ? [across, along] : [along, across]);
    const middle = (place) => place.map((at, i) => 1 + at * steps[i] + size[i] / 2);
    const [w, h] = turn([layers - 1, widest].map((at, i) => 2 + at * steps[i] + size[i]));
    Object.assign(this.canvas.style, { width: `${w}px`, height: `${h}px` });
    for (const [key, value] of [["width", w], ["height", h]]) mark(this.drawing, key, String(value));
    const [nw, nh] = turn(size);
    for (const { body, place } of nodes) {
      const [x, y] = turn(middle(place));
      Object.assign(body.style, { width: `${nw}px`, height: `${nh}px`, left: `${x - nw / 2}px`, top: `${y - nh / 2}px` });
    }
    const port = (node, beside, edge, towards, side) => {
      const [along, across] = middle(node.place);
      const order = [...beside].sort((a, b) => towards(a) - towards(b)).indexOf(edge);
      const gap = Math.min(PORT, (size[1] - 24) / beside.length);
      return [along + (side * size[0]) / 2, across + (order - (beside.length - 1) / 2) * gap];
    };
    for (const edge of edges) {
      const { from, to, bends } = edge;
      const start = port(from, from.leave, edge, (e) => (e.bends[0] ?? e.to.place)[1], 1);
      const end = port(to, to.enter, edge, (e) => (e.bends.at(-1) ?? e.from.place)[1], -1);
      let d = `M${turn(start)}`;
      let [along, across] = start;
      for (const next of [...bends.map(middle), end]) {
        const half = (along + next[0]) / 2;
        d += `C${turn([half, across])} ${turn([half, next[1]])} ${turn(next)}`;
        if (!d.includes("C", d.indexOf("C") + 1)) this.putLabel(edge, turn([half, (across + next[1]) / 2]));
        [along, across] = next;
      }
      mark(edge.path, "d", d);
      const head = ([a, b], way) => `M${turn([a, b])}L${turn([a - 8 * way, b - 4])}L${turn([a - 8 * way, b + 4])}z`;
      edge.heads = [head(end, 1), head(start, -1)];
    }
    this.roomy = tall || pitch - wide >= 44;
    return w <= width;
  }

  putLabel({ label }, [x, y]) {
    mark(label, "x", String(x));
    mark(label, "y", String(y + (this.tall ? 4 : -6)));
  }

  /** The node that a key leads to: along an edge, or to a neighbour in the layer; else undefined. */
  neighbour(here, key) {
    const [layer, across] = here.place;
    const beside = (side) => this.nodes.filter(({ place: [l, a] }) => l === layer && (a - across) * side > 0);
    const [back, on, less, more] = ["Left", "Right", "Up", "Down"].map((_, i, keys) => `Arrow${keys[this.tall ? (i + 2) % 4 : i]}`);
    const found = {
      [back]: () => here.enter.map(({ from }) => from), [on]: () => here.leave.map(({ to }) => to),
      [less]: () => beside(-1), [more]: () => beside(1),
      Home: () => this.nodes.slice(0, 1), End: () => this.nodes.slice(-1),
    }[key]?.() ?? [];
    return found.sort((a, b) => Math.abs(a.place[1] - across) - Math.abs(b.place[1] - across))[0];
  }
}
