// The one script of a built page: the host, with the book's own figures in it. It is no module, so
// that it also runs from a folder opened without a server.

import figures from "./figures.js";
import { start } from "./host.js";

const { then } = document.currentScript.dataset;
start(figures).finally(() => {
  // The theme's script waits until the figures stand: reading starts with them.
  if (then) document.head.append(Object.assign(document.createElement("script"), { src: then }));
});
