// The load balancers as the worker has them, and what is wrong with each.

import { pieces } from "./feed.js";
import { loadBalancerPath } from "./session.js";

/** The states of a load balancer, the worst first. `DEGRADED` is one that serves though a node of it does not. */
export const states = ["DOWN", "OUT_OF_SERVICE", "DEGRADED", "SUSPENDED", "UP"];

/** The states in words. */
export const stateWords = {
  DOWN: "down", OUT_OF_SERVICE: "out of service", DEGRADED: "degraded", SUSPENDED: "suspended", UP: "up",
};

/** The most load balancers that are read one by one; where more have changed, all are read again. */
const mostSingle = 40;
/** The time of a script in one go, in milliseconds, so that a frame of 16 has room for the rest. */
const slice = 6;

export class Store {
  /** Those of `loadBalancers`, in the order of their ids. */
  #sorted = [];
  #byID = new Map();
  #changed = new Set();
  #mustReload = false;
  #work = null;
  #session;
  #onChange;
  #onFailure;

  constructor(session, { onChange, onFailure }) {
    this.#session = session;
    this.#onChange = onChange;
    this.#onFailure = onFailure;
  }

  get size() {
    return this.#sorted.length;
  }

  get(id) {
    return this.#byID.get(id);
  }

  /** Forgets everything. */
  clear() {
    this.#mustReload = false;
    this.#changed.clear();
    this.#take(new Map());
  }

  /** Reads all load balancers again. */
  reload() {
    this.#mustReload = true;
    return this.#update();
  }

  /** Reads some load balancers again. */
  refresh(ids) {
    for (const id of ids) this.#changed.add(id);
    return this.#update();
  }

  /**
   * The load balancers of a state that have all words in them, the worst first.
   *
   * @param state one of `states`, or `""` for all
   */
  find(words, state) {
    const terms = words.toLowerCase().split(/\s+/).filter(Boolean);
    const found = states.map(() => []);
    for (const item of this.#sorted) {
      if (state && item.state !== state) continue;
      if (terms.every((term) => item.text.includes(term))) found[item.rank].push(item);
    }
    return found.flat();
  }

  /** How many load balancers have each state, and how many nodes do not serve that should. */
  totals() {
    const totals = { nodes: 0, nodesDown: 0, states: Object.fromEntries(states.map((state) => [state, 0])) };
    for (const item of this.#sorted) {
      totals.states[item.state] += 1;
      totals.nodes += item.nodes.length;
      totals.nodesDown += item.state === "SUSPENDED" ? 0 : item.down;
    }
    return totals;
  }

  /** Does what is to be done, one after the other. */
  #update() {
    this.#work ??= this.#run().finally(() => (this.#work = null));
    return this.#work;
  }

  async #run() {
    while (this.#mustReload || this.#changed.size > 0) {
      const ids = [...this.#changed];
      const isWhole = this.#mustReload || ids.length > mostSingle;
      this.#changed.clear();
      this.#mustReload = false;
      try {
        if (isWhole) await this.#readAll();
        else await Promise.all(ids.map((id) => this.#readOne(id)));
      } catch (error) {
        this.#mustReload ||= isWhole;
        if (!isWhole) for (const id of ids) this.#changed.add(id);
        this.#onFailure(error);
        await rest(5000);
        continue;
      }
      this.#onChange();
      // Changes that come in a row are read together.
      await rest(isWhole ? 1000 : 100);
    }
  }

  async #readAll() {
    const response = await this.#session.fetch("/v1/load-balancers");
    const found = new Map();
    let start = performance.now();
    for await (const loadBalancer of loadBalancers(response.body)) {
      const item = described(loadBalancer);
      found.set(item.id, item);
      if (performance.now() - start > slice) {
        await pause();
        start = performance.now();
      }
    }
    this.#take(found);
  }

  async #readOne(id) {
    const path = loadBalancerPath(id);
    if (path === null) return void (this.#mustReload = true);
    try {
      this.#put(described(await this.#session.json("/v1/load-balancers" + path)));
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#remove(id);
    }
  }

  #take(found) {
    this.#byID = found;
    this.#sorted = [...found.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  #put(item) {
    const isNew = !this.#byID.has(item.id);
    this.#byID.set(item.id, item);
    this.#sorted.splice(this.#place(item.id), isNew ? 0 : 1, item);
  }

  #remove(id) {
    if (this.#byID.delete(id)) this.#sorted.splice(this.#place(id), 1);
  }

  /** The place of the first whose id is not less. */
  #place(id) {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle].id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Waits for a time in milliseconds; longer while nobody looks, until somebody does. */
function rest(time) {
  return new Promise((resolve) => {
    const isSeen = document.visibilityState === "visible";
    const timer = setTimeout(resolve, isSeen ? time : Math.max(time, 10_000));
    const onSight = () => {
      clearTimeout(timer);
      resolve();
    };
    if (!isSeen) document.addEventListener("visibilitychange", onSight, { once: true });
  });
}

/** Lets the browser draw and take input. */
function pause() {
  return globalThis.scheduler?.yield ? scheduler.yield() : new Promise((resolve) => setTimeout(resolve));
}

/** The load balancers of a list, each as soon as it is there: the worker writes each on a line of its own. */
async function* loadBalancers(body) {
  let rest = "";
  for await (const piece of pieces(body)) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const found = loadBalancer(line);
      if (found) yield found;
    }
  }
  const last = loadBalancer(rest);
  if (last) yield last;
}

/** The load balancer of a line; the first line has the beginning of the list too, and the last one its end. */
function loadBalancer(line) {
  const start = line.startsWith('{"revision"') ? line.indexOf("[") + 1 : 0;
  const text = line.slice(start).replace(/,$|\]\}$/, "");
  return text === "" ? null : JSON.parse(text);
}

/** A load balancer with what the page says of it. */
function described(loadBalancer) {
  const nodes = loadBalancer.nodes ?? [];
  const failed = nodes.filter((node) => node.state === "DOWN" && node.weight > 0);
  const up = nodes.filter((node) => node.state === "UP").length;
  const state = loadBalancer.status === "UP" && failed.length > 0 ? "DEGRADED" : loadBalancer.status;
  const address = loadBalancer.address ?? "*";
  const listener = `${loadBalancer.protocol} ${address.includes(":") ? `[${address}]` : address}:${loadBalancer.port}`;
  const words = [loadBalancer.id, loadBalancer.name ?? "", listener, ...nodes.flatMap((node) => [node.id, `${node.address}:${node.port}`])];
  return {
    id: loadBalancer.id, state, rank: Math.max(0, states.indexOf(state)), nodes, up, down: failed.length, listener, loadBalancer,
    reason: reason(state, nodes, failed), since: failed.map((node) => node.since).filter(Boolean).sort()[0] ?? null,
    text: words.join(" ").toLowerCase(),
  };
}

/** Why a load balancer is as it is, in one line. */
function reason(state, nodes, failed) {
  if (state === "OUT_OF_SERVICE") return "another load balancer has its listener";
  if (state === "SUSPENDED" || (state === "UP" && failed.length === 0)) return others(nodes);
  if (failed.length === 0) return nodes.length === 0 ? "it has no nodes" : `no node serves${others(nodes) ? `: ${others(nodes)}` : ""}`;
  const [first] = failed;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
  return `${first.id}: ${first.reason ?? "does not serve"}${more}`;
}

/** How many nodes get no connections by somebody's will. */
function others(nodes) {
  return ["DRAINING", "DISABLED"]
    .map((state) => [nodes.filter((node) => node.state === state).length, state.toLowerCase()])
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(", ");
}
