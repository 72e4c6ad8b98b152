// Mounts the anywidget figures of a built page, with no kernel and no html-manager: it reads the
// widget states that the notebook left in the page, and gives each figure the model it expects.

const STATE = "application/vnd.jupyter.widget-state+json";
const VIEW = "application/vnd.jupyter.widget-view+json";
const REFERENCE = "IPY_MODEL_";
const AHEAD = "400px 0px"; // how far from the window a figure wakes

/** The model of a widget: state, listeners, and no one to send to. */
class Model {
  onPage = true; // the address is the page's own, and a figure may use it

  constructor(id, state, host) {
    Object.assign(this, { id, state, host, listeners: new Map(), widget_manager: host });
  }

  get = (key) => this.state[key];

  set = (key, value) => {
    const changes = typeof key === "object" ? key : { [key]: value };
    for (const [name, next] of Object.entries(changes)) {
      if (Object.is(this.state[name], next)) continue;
      this.state[name] = next;
      this.tell(`change:${name}`, next);
    }
    this.tell("change");
  };

  save_changes = () => {};

  send = () => {};

  on = (names, heard) => {
    for (const name of names.split(" ")) this.listeners.set(name, [...(this.listeners.get(name) ?? []), heard]);
  };

  off = (names, heard) => {
    for (const name of names?.split(" ") ?? [...this.listeners.keys()]) {
      this.listeners.set(name, heard ? (this.listeners.get(name) ?? []).filter((other) => other !== heard) : []);
    }
  };

  tell(name, ...details) {
    for (const heard of this.listeners.get(name) ?? []) heard(...details);
  }
}

class Host {
  /** `figureOf` finds the module of a kind of the book's figures, which name no script of theirs. */
  constructor(states, figureOf) {
    Object.assign(this, { states, figureOf });
    this.models = new Map();
    this.modules = new Map();
  }

  /** The model named `id`, made and initialised once. */
  get_model = (id) => {
    const name = String(id).replace(REFERENCE, "");
    if (!this.models.has(name)) this.models.set(name, this.make(name));
    return this.models.get(name);
  };

  async make(id) {
    const saved = Object.hasOwn(this.states, id) ? this.states[id] : null;
    if (!saved?.state) throw new Error("the page holds no state for it.");
    const state = { ...saved.state };
    for (const { path, data } of saved.buffers ?? []) {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      const holder = path.slice(0, -1).reduce((item, key) => item[key], state);
      holder[path.at(-1)] = new DataView(bytes.buffer);
    }
    const model = new Model(id, state, this);
    const widget = await this.module(state);
    model.clean = await widget.initialize?.({ model, experimental: {} });
    return model;
  }

  /** The widget of a model: ours, or another at the address that the build put into `_esm`. */
  async module(state) {
    if (state._esm === undefined && typeof state._kind === "string") return this.figureOf(state._kind);
    if (typeof state._esm !== "string") throw new Error("it runs in a notebook with a kernel only.");
    const address = new URL(state._esm, document.baseURI).href;
    if (!this.modules.has(address)) this.modules.set(address, import(address));
    const { default: widget } = await this.modules.get(address);
    return typeof widget === "function" ? widget() : widget;
  }

  async mount(script) {
    const place = document.createElement("div");
    script.replaceWith(place);
    try {
      const model = await this.get_model(JSON.parse(script.textContent).model_id);
      const widget = await this.module(model.state);
      await widget.render({ model, el: place, experimental: {} });
      place.parentElement?.classList.add("live-mounted");
    } catch (error) {
      const note = document.createElement("p");
      note.className = "live-note";
      note.textContent = `This figure cannot run here: ${error.message}`;
      place.append(note, ...picture(place.parentElement));
    }
  }

  /** Keep two models' traits equal, as ipywidgets' jslink and jsdlink say. */
  async link({ source, target, _model_name: kind }) {
    const [[from, a], [to, b]] = [source, target];
    const [first, second] = await Promise.all([this.get_model(from), this.get_model(to)]);
    const copy = (x, key, y, other) => () => y.set(other, x.get(key));
    first.on(`change:${a}`, copy(first, a, second, b));
    if (kind === "LinkModel") second.on(`change:${b}`, copy(second, b, first, a));
    copy(first, a, second, b)();
  }
}

/** What the page keeps for readers without script, taken out for one whose figure failed. */
function picture(mount) {
  const kept = mount?.querySelector("noscript");
  if (!kept) return [];
  return [...new DOMParser().parseFromString(kept.textContent, "text/html").body.children];
}

function states() {
  const found = {};
  for (const script of document.querySelectorAll(`script[type="${STATE}"]`)) {
    try {
      Object.assign(found, JSON.parse(script.textContent).state);
    } catch {
      // A damaged state leaves its figures without one, and each says so.
    }
  }
  return found;
}

/**
 * Mount each widget view of the page: those near a reader at once, the others one by one, in order,
 * whenever the page has nothing else to do, and all that are left before it is printed. `figureOf`
 * finds the module of a kind of the book's figures.
 */
export function start(figureOf) {
  const host = new Host(states(), figureOf);
  for (const { model_name: kind, state } of Object.values(host.states)) {
    if (kind === "LinkModel" || kind === "DirectionalLinkModel") host.link(state).catch(() => {});
  }
  const waiting = new Set(document.querySelectorAll(`script[type="${VIEW}"]`));
  const wake = async (script) => {
    if (waiting.delete(script)) await host.mount(script);
  };
  const watcher = new IntersectionObserver((places) => {
    const near = new Set(places.filter((place) => place.isIntersecting).map((place) => place.target));
    for (const script of [...waiting]) if (near.has(script.parentElement)) wake(script);
  }, { rootMargin: AHEAD });
  for (const script of waiting) watcher.observe(script.parentElement);
  const idly = globalThis.requestIdleCallback ?? setTimeout;
  const onward = async () => {
    const [script] = waiting;
    if (!script) return watcher.disconnect();
    await wake(script);
    idly(onward);
  };
  requestAnimationFrame(() => idly(onward));
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.printing = "";
    for (const script of [...waiting]) wake(script);
  });
  addEventListener("afterprint", () => delete document.documentElement.dataset.printing);
}
