// Traffic of the load balancers that are seen, as a small curve.

import { rate } from "./text.js";

const interval = 5000;
/** At first it is counted more often, for something to be seen soon. */
const [firstInterval, firstCount] = [1000, 4];
const length = 40;
const [width, height] = [80, 20];
const namespace = "http://www.w3.org/2000/svg";

/** Counts what load balancers have sent, again and again while somebody looks. */
export class Traffic {
  /** By the id: the last counter with its time, and the rates in bytes a second, the oldest first. */
  #samples = new Map();
  #read;
  #shown;
  #onChange;

  /**
   * @param read takes ids, and answers a map from each to the bytes that it has sent
   * @param shown answers the ids that are seen
   */
  constructor({ read, shown, onChange }) {
    this.#read = read;
    this.#shown = shown;
    this.#onChange = onChange;
    this.#run();
  }

  /** The rates of a load balancer. */
  rates(id) {
    return this.#samples.get(id)?.rates ?? [];
  }

  async #run() {
    for (let count = 0; ; ) {
      await new Promise((resolve) => setTimeout(resolve, count < firstCount ? firstInterval : interval));
      if (await this.#sample()) count += 1;
    }
  }

  /** Counts once. Answers whether there was something to ask for. */
  async #sample() {
    const ids = this.#shown();
    if (document.visibilityState !== "visible" || ids.length === 0) return false;
    let counters;
    try {
      counters = await this.#read(ids);
    } catch {
      // The connection tells of it.
      return true;
    }
    const now = performance.now();
    for (const [id, bytes] of counters) this.#add(id, bytes, now);
    // Of what nobody has looked at for some time nothing is kept.
    for (const [id, { time }] of this.#samples) if (now - time > interval * length) this.#samples.delete(id);
    this.#onChange();
    return true;
  }

  #add(id, bytes, time) {
    const last = this.#samples.get(id);
    // A counter that begins again tells nothing, and neither does one that was not read for long.
    const goesOn = last && bytes >= last.bytes && time - last.time < 4 * interval;
    const rates = goesOn ? [...last.rates, ((bytes - last.bytes) * 1000) / Math.max(1, time - last.time)].slice(-length) : [];
    this.#samples.set(id, { bytes, time, rates });
  }
}

/** An empty curve with its number. */
export function sparkline() {
  const svg = document.createElementNS(namespace, "svg");
  const line = document.createElementNS(namespace, "polyline");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(line);
  const number = document.createElement("span");
  return { svg, line, number };
}

/** Puts rates into a curve. */
export function draw({ line, number }, rates) {
  const top = Math.max(1, ...rates);
  const points = rates.map((value, place) => {
    const x = width - (rates.length - 1 - place) * (width / (length - 1));
    return `${x.toFixed(1)},${(height - 1 - (value / top) * (height - 3)).toFixed(1)}`;
  });
  if (line.getAttribute("points") !== points.join(" ")) line.setAttribute("points", points.join(" "));
  const text = rates.length > 0 ? rate(rates.at(-1)) : "";
  if (number.textContent !== text) number.textContent = text;
}
