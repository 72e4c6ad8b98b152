// The one script of a built page: the host, with the book's own figures in it. It is no module, so
// that it also runs from a folder opened without a server.

import figures from "./figures.js";
import { start } from "./host.js";

const { then } = document.currentScript.dataset;
start(figures);
// The theme's script waits until the page and its first figure are painted: reading starts with them.
const load = () => document.head.append(Object.assign(document.createElement("script"), { src: then }));
if (then) requestAnimationFrame(() => setTimeout(load));
