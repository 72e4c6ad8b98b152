// The first script of a page with figures: their host, and what they share. Each kind of figure is
// a script of its own: the page's first stands beside this one, the others are fetched once that is
// painted. They are no modules, so that they also run from a folder opened without a server.

import { start } from "./host.js";

export * as controls from "./controls.js";
export * as figure from "./figure.js";
export * as plot from "./plot.js";
export * as program from "./program.js";
export * as random from "./random.js";
export * as rules from "./rules.js";

const { then } = document.currentScript.dataset; // the theme's script
const figures = document.getElementById("live-figures");
const addresses = new Map(Object.entries(JSON.parse(figures.textContent)));
const here = figures.dataset.here.split(" ");
const asked = new Map();
const idly = globalThis.requestIdleCallback ?? setTimeout;

const run = (src) => new Promise((done, failed) => {
  document.head.append(Object.assign(document.createElement("script"), { src, onload: done, onerror: failed }));
});

async function fetchFigure(kind) {
  if (!addresses.has(kind)) throw new Error(`this page's script knows no figure called “${kind}”.`);
  if (!globalThis.liveFigures?.[kind]) {
    await run(addresses.get(kind)).catch(() => {
      throw new Error("its script did not arrive. Load the page again.");
    });
  }
  return liveFigures[kind];
}

/** The module of a kind of the book's figures. */
function figureOf(kind) {
  if (!asked.has(kind)) asked.set(kind, fetchFigure(kind));
  return asked.get(kind);
}

addEventListener("DOMContentLoaded", () => { // the first figure's script has run too
  start(figureOf);
  for (const kind of here) figureOf(kind).catch(() => {});
  requestAnimationFrame(() => idly(() => {
    if (then) run(then).catch(() => {});
    for (const kind of addresses.keys()) figureOf(kind).catch(() => {});
  }));
});
