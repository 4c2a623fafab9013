// What is beside the load balancers: virtual IPs, job servers, events.

import { age, clock, element, foreign, printable } from "./text.js";

/** The most events that are kept. */
const mostEvents = 200;
/** How a virtual IP is: one that this host should have and does not is wrong, and one that another host has is not. */
function virtualIPState({ status, bound }) {
  if (status === "FAILING" || (status === "ACTIVATED" && bound === false)) return "DOWN";
  return status === "ACTIVATED" ? "UP" : "";
}

/** Job servers, of `/v1/status`. */
export class JobServers {
  #list = document.querySelector("#job-servers ul");
  servers = [];

  show(servers) {
    this.servers = servers;
    this.#list.replaceChildren(
      ...servers.map(({ server, connected }) =>
        element(
          "li", {}, element("span", { class: "state", "data-state": connected ? "UP" : "DOWN" }, connected ? "connected" : "not connected"),
          foreign(server, 200))));
    if (servers.length === 0) this.#list.append(element("li", { class: "empty" }, "none is configured"));
  }

  /** What is wrong, in sentences. */
  get problems() {
    const lost = this.servers.filter((server) => !server.connected);
    return lost.map(({ server }) => `Job server ${printable(server, 100)} is not connected`);
  }
}

/** An address without the length of its prefix, which is always that of one address. */
function withoutLength(ip) {
  return String(ip).replace(/\/\d+$/, "");
}

/** Virtual IPs, of `/ips`. A worker without them has no panel. */
export class VirtualIPs {
  #section = document.querySelector("#virtual-ips");
  ips = [];

  show(ips) {
    this.ips = ips;
    this.#section.hidden = ips.length === 0;
    this.#section.querySelector("tbody").replaceChildren(
      ...ips.map(({ ip, status, bound, interface: device, owner, reason, since }) =>
        element(
          "tr", {}, element("td", { class: "state", "data-state": virtualIPState({ status, bound }) }, printable(status).toLowerCase()),
          element("td", {}, foreign(withoutLength(ip)), device ? element("small", {}, " ", foreign(device)) : null),
          element(
            "td", {}, foreign(owner ?? "–", 200),
            reason ? element("small", { class: "reason" }, foreign(reason, 500), since ? ` since ${clock(since)}` : "") : null))));
  }

  get problems() {
    return this.ips
      .filter((ip) => virtualIPState(ip) === "DOWN")
      .map(({ ip, status, reason }) => `Virtual IP ${printable(withoutLength(ip))} is ${printable(status)}${reason ? `: ${printable(reason, 200)}` : ""}`);
  }
}

/** The last events, the newest first. */
export class EventLog {
  #list = document.querySelector("#events ol");
  #waiting = [];
  #seen = new Set();

  /** Adds an event. One that came before is passed over: a stream that goes on can tell the last ones again. */
  add(event) {
    const key = `${event.id} ${event.type} ${JSON.stringify(event.data)}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (this.#seen.size > 2 * mostEvents) this.#seen.delete(this.#seen.values().next().value);
    if (this.#waiting.length === 0) requestAnimationFrame(() => this.#draw());
    this.#waiting.push(event);
  }

  clear() {
    this.#waiting = [];
    this.#seen.clear();
    this.#list.replaceChildren();
  }

  #draw() {
    const lines = this.#waiting.slice(-mostEvents).reverse().map(line);
    this.#waiting = [];
    this.#list.prepend(...lines);
    while (this.#list.children.length > mostEvents) this.#list.lastElementChild.remove();
  }
}

function line({ type, data }) {
  const { text, state, origin } = told(type, data);
  return element(
    "li", { "data-type": type }, element("time", { datetime: data.time ?? null }, data.time ? clock(data.time) : ""),
    element("span", { class: "state", "data-state": state }, printable(type.replace("_", " "))), foreign(text, 500),
    origin ? element("small", {}, " ", foreign(origin, 100)) : null);
}

/** An event in words. */
function told(type, data) {
  const reason = data.reason ? `: ${data.reason}` : "";
  switch (type) {
    case "change":
      return { text: data.what, origin: data.origin || data.source, state: data.outcome === "PASS" ? "" : "DOWN" };
    case "health":
      return { text: `${data.node} of ${data.load_balancer} is ${data.status}${data.held ? " (held)" : ""}${reason}`, state: data.status };
    case "service":
      return {
        text: `${data.load_balancer} on ${data.listener} is ${data.status}${reason}`,
        state: ["suspended", "deleted"].includes(data.reason) ? "" : data.status,
      };
    case "virtual_ip":
      return { text: `${data.address} is ${data.status}${reason}`, state: virtualIPState(data) };
    case "job_server":
      return { text: `${data.server} is ${data.connected ? "connected" : "not connected"}${reason}`, state: data.connected ? "UP" : "DOWN" };
    case "repair":
      return {
        text: `the appliance was put right for ${data.count} load balancers${data.failed?.length ? `, and ${data.failed.length} failed` : ""}`,
        state: data.outcome === "PASS" ? "DEGRADED" : "DOWN",
      };
    case "lost":
      return { text: "events were lost; everything was read again", state: "DEGRADED" };
    default:
      return { text: JSON.stringify(data), state: "" };
  }
}

/** Since when there has been no word of the worker, as a sentence. */
export function silence(since) {
  return `No connection to the worker since ${clock(since)} (${age(since)}): what is shown is of then`;
}
