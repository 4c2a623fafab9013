// What happens, as it happens; and who did what, for admins.

import { clock, element, foreign, printable } from "/dashboard/text.js";
import { state, table } from "./table.js";

const most = 200;
const day = 86_400_000;
/** The records that are shown, and those that the server tells at a time. */
const [mostRecords, pageSize] = [500, 1000];

/** The last events, which are kept while another page is shown. */
export class Log {
  title = "Events";
  #list = element("ol", { class: "log", role: "log", tabindex: "0", "aria-label": "Events" });
  #empty = element("p", { class: "empty" }, "No events since this page was opened.");

  make() {
    return [element("h2", { tabindex: "-1" }, this.title), element("div", { class: "panel" }, this.#empty, this.#list)];
  }

  async load() {}

  async update() {}

  /** Forgets all, for the next who signs in. */
  clear() {
    this.#list.replaceChildren();
    this.#empty.hidden = false;
  }

  add({ type, data }) {
    const words = text(type, data);
    if (!words) return;
    this.#empty.hidden = true;
    this.#list.prepend(element("li", {}, element("time", {}, clock(data.time ?? Date.now())), ...words));
    while (this.#list.children.length > most) this.#list.lastChild.remove();
  }
}

function text(type, data) {
  switch (type) {
    case "change": {
      const verbs = { CREATE: "created", UPDATE: "updated", DELETE: "being deleted", GONE: "deleted" };
      const verb = verbs[String(data.what).split(" ")[0]] ?? "changed";
      return [`${printable(data.kind, 20)} `, foreign(data.name, 120), ` ${verb}`];
    }
    case "host": return ["host ", foreign(data.id, 80), " ", state(data.state), `, revision ${Number(data.revision)}`];
    case "health": return ["members changed their state on host ", foreign(data.host, 80)];
    case "lost": return ["events were missed; everything was read again"];
    default: return null;
  }
}

export class Audit {
  title = "Audit";
  #app;
  #parts = element("div", { class: "panel" });

  constructor(app) {
    this.#app = app;
  }

  make() {
    return [element("div", { class: "bar" }, element("h2", { tabindex: "-1" }, this.title), element("small", {}, "the last 24 hours, newest first")), this.#parts];
  }

  async load() {
    const records = await this.#newest();
    const rows = records.reverse().slice(0, mostRecords).map((record) => [clock(record.time), record.actor || "-", record.action, record.subject, record.address]);
    this.#parts.replaceChildren(table("Audit", ["Time", "User", "Action", "Subject", "Address"], rows, "No records."));
  }

  async update() {}

  /** The newest records. The server tells them from a time on, so that time is put back until there are enough. */
  async #newest() {
    const now = Date.now();
    let found = [];
    for (let span = 1000; found.length < mostRecords && span < 4 * day; span *= 4) found = await this.#since(now - Math.min(span, day));
    return found;
  }

  async #since(time) {
    // The last record of a page is the first of the next.
    const all = new Map();
    let since = new Date(time).toISOString();
    // Of more than that the newest are not known; there are as many where the clock of this browser is late.
    while (all.size < 20_000) {
      const { audit } = await this.#app.session.json(`/v1/audit?since=${encodeURIComponent(since)}&limit=${pageSize}`);
      for (const record of audit) all.set(JSON.stringify(record), record);
      if (audit.length < pageSize || audit.at(-1).time === since) break;
      since = audit.at(-1).time;
    }
    return [...all.values()];
  }
}
