// The list of load balancers, and how one is made.

import { count, element, foreign, printable, setText } from "/dashboard/text.js";
import { draw, sparkline, Traffic } from "/dashboard/traffic.js";
import { below, listenerFields, memberFields, monitorBody, monitorFields, poolProtocol } from "./fields.js";
import { ask } from "./form.js";
import { state, table } from "./table.js";

/** As many rows are drawn at first; more on demand. */
const step = 200;
/** The traffic of as many is read. */
const mostCurves = 40;
const collator = new Intl.Collator(undefined, { numeric: true });

export class Balancers {
  title = "Load balancers";
  #app;
  #all = new Map();
  #newer = new Map();
  #isComplete = false;
  #shown = step;
  #search = element("input", { type: "search", placeholder: "Search name, address, id", "aria-label": "Search name, address, id", autocomplete: "off", spellcheck: "false" });
  #count = element("small", { role: "status" });
  #list = element("div");
  #curves = new Map();
  #seen = [];
  #traffic;

  constructor(app) {
    this.#app = app;
    this.#search.addEventListener("input", () => {
      this.#shown = step;
      this.#draw();
    });
    this.#traffic = new Traffic({
      read: (ids) => this.#readTraffic(ids),
      shown: () => (this.#list.isConnected ? this.#seen.slice(0, mostCurves) : []),
      onChange: () => this.#drawCurves(),
    });
  }

  /** What is shown, before it is loaded. */
  make() {
    const add = element("button", { type: "button", class: "primary", click: () => this.#add() }, "Create load balancer");
    return [
      element("div", { class: "bar" }, element("h2", { tabindex: "-1" }, this.title), this.#count, this.#search, this.#app.session.mayChange ? add : null),
      this.#list,
    ];
  }

  /** Reads all of them. What is read by itself meanwhile is newer. */
  async load() {
    const fresh = new Map();
    this.#newer.clear();
    for await (const page of this.#app.octavia.pages("loadbalancers")) {
      for (const item of page) fresh.set(item.id, item);
      // The first page is seen at once.
      if (!this.#isComplete) {
        this.#all = fresh;
        this.#draw();
      }
    }
    this.#all = fresh;
    this.#isComplete = true;
    for (const [id, item] of this.#newer) this.#put(id, item);
    this.#draw();
  }

  #put(id, item) {
    if (item) this.#all.set(id, item);
    else this.#all.delete(id);
  }

  /** Something has happened: reads again what it is about, or all. */
  async update(ids) {
    if (!ids) return this.load();
    const found = await Promise.all([...ids].map(async (id) => [id, await this.#app.octavia.get("loadbalancer", "loadbalancers", id)]));
    for (const [id, item] of found) {
      this.#newer.set(id, item);
      this.#put(id, item);
    }
    this.#draw();
  }

  /** The ids of those whose change is under way. */
  get pending() {
    return [...this.#all.values()].filter((item) => item.provisioning_status.startsWith("PENDING")).map((item) => item.id);
  }

  #draw() {
    const words = this.#search.value.trim().toLowerCase();
    const matches = (item) => [item.name, item.vip_address, item.id].some((text) => (text ?? "").toLowerCase().includes(words));
    const found = [...this.#all.values()].filter((item) => !words || matches(item));
    found.sort((one, other) => rank(one) - rank(other) || collator.compare(one.name || one.id, other.name || other.id));
    const shown = found.slice(0, this.#shown);
    setText(this.#count, words ? `${found.length} of ${count(this.#all.size, "load balancer")}` : count(this.#all.size, "load balancer"));
    this.#seen = shown.map((item) => item.id);
    this.#curves.clear();
    const empty = words ? "None of them matches." : "There are no load balancers yet.";
    const focus = document.activeElement?.closest?.("a")?.getAttribute("href");
    const more = found.length > shown.length
      ? element("button", { type: "button", click: () => { this.#shown += step; this.#draw(); } }, `Show more: ${count(found.length - shown.length, "load balancer")} left`)
      : null;
    const columns = ["Name", "Address", "Provisioning", "Operating", { title: "Listeners", class: "number" }, "Traffic"];
    this.#list.replaceChildren(table("Load balancers", columns, shown.map((item) => this.#row(item)), this.#isComplete ? empty : "Loading…"), ...(more ? [more] : []));
    this.#drawCurves();
    // What had the focus has it still, in its new row.
    if (focus) [...this.#list.querySelectorAll("a")].find((link) => link.getAttribute("href") === focus)?.focus();
  }

  #row(item) {
    const curve = sparkline();
    const traffic = element("span", {}, curve.svg, curve.number);
    this.#curves.set(item.id, curve);
    const serves = item.admin_state_up ? state(item.operating_status) : state("SUSPENDED");
    return [link(item), item.vip_address, state(item.provisioning_status), serves, String(item.listeners.length), traffic];
  }

  #drawCurves() {
    for (const [id, curve] of this.#curves) draw(curve, this.#traffic.rates(id));
  }

  async #readTraffic(ids) {
    const found = await Promise.all(ids.map(async (id) => {
      try {
        return [id, (await this.#app.octavia.statistics(id)).bytes_out];
      } catch {
        return null;
      }
    }));
    return found.filter((entry) => entry);
  }

  async #add() {
    const networks = await this.#app.octavia.networks().catch(() => []);
    const fields = [
      { name: "name", label: "Name" },
      { name: "vip_address", label: "Address", hint: "of the group's ranges; if empty, a free one is allocated", words: ["address"] },
      { name: "vip_network_id", label: "Group of workers", type: "select", choices: [["", "the one with most free addresses"], ...networks.map((network) => [network.id, network.name])], value: "" },
      { name: "description", label: "Description" },
      ...listenerFields({ prefix: "listener.", group: "Listener" }),
      ...memberFields(null, { prefix: "member.", group: "First member, optional", required: false }),
      ...monitorFields(null, { prefix: "monitor.", group: "Health check" }),
    ];
    await ask("Create a load balancer", fields, {
      action: "Create", locate,
      send: async (values) => {
        const made = await this.#app.octavia.create("loadbalancer", body(values), "loadbalancers");
        this.#app.say(`${printable(made.name || made.id, 80)} is being created.`);
        this.#app.go("load-balancers", made.id);
      },
    });
  }
}

/** Those that need somebody to look come first. */
function rank(item) {
  if (item.provisioning_status === "ERROR" || item.operating_status === "ERROR") return 0;
  return item.operating_status === "DEGRADED" ? 1 : 2;
}

function link(item) {
  return element("a", { href: `#/load-balancers/${encodeURIComponent(item.id)}` }, foreign(item.name || item.id, 120));
}

/** The body that makes a load balancer with a listener, its pool, and what was said of a member and a monitor. */
function body(values) {
  const { lb_algorithm, ...listener } = below(values, "listener.");
  const member = below(values, "member.");
  const monitor = monitorBody(below(values, "monitor."));
  const pool = { name: "pool", protocol: poolProtocol(listener.protocol), lb_algorithm };
  if (member.address !== undefined) pool.members = [member];
  if (monitor.type) pool.healthmonitor = monitor;
  const own = Object.fromEntries(Object.entries(values).filter(([name, value]) => !name.includes(".") && value !== ""));
  return { ...own, listeners: [{ ...listener, default_pool: pool }] };
}

/** The name in the form of a field of that body. */
function locate(path) {
  const name = path.split(".").at(-1);
  if (path.includes("members[")) return `member.${name}`;
  if (path.includes("healthmonitor")) return `monitor.${name}`;
  return path.includes("listeners[") ? `listener.${name}` : name;
}
