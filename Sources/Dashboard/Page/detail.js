// One load balancer: its nodes, why it is as it is, and what can be done with it.

import { loadBalancerPath } from "./session.js";
import { stateWords } from "./store.js";
import { age, clock, count, element, foreign, printable, setAttribute, setText } from "./text.js";

/** The most nodes that are shown before somebody asks for all. */
const mostNodes = 200;

export class Detail {
  #root = document.querySelector("#detail");
  #session;
  #actions;
  #onClose;
  #item = null;
  #rows = new Map();
  #parts = null;
  #limit = mostNodes;
  /** Whether whoever looks may change something. */
  mayChange = false;

  constructor(session, actions, onClose) {
    this.#session = session;
    this.#actions = actions;
    this.#onClose = onClose;
    this.#root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#onClose();
    });
  }

  get id() {
    return this.#item?.id ?? null;
  }

  /** Shows a load balancer, and goes to it. */
  open(item) {
    this.#rows.clear();
    this.#limit = mostNodes;
    this.#parts = this.#build();
    this.#root.hidden = false;
    document.body.dataset.detail = "open";
    this.update(item);
    this.#parts.title.focus({ preventScroll: true });
    this.#explain();
  }

  close() {
    this.#item = null;
    this.#root.hidden = true;
    this.#root.replaceChildren();
    delete document.body.dataset.detail;
  }

  /** Shows how it is now; `undefined` says that it is gone. What has the focus keeps it. */
  update(item) {
    if (!this.#parts) return;
    const { title, state, facts, gone, buttons, more } = this.#parts;
    gone.hidden = item !== undefined;
    if (item === undefined) {
      buttons.replaceChildren();
      buttons.dataset.offers = "nothing";
      return;
    }
    this.#item = item;
    setText(title.firstElementChild, printable(item.id));
    setText(state, stateWords[item.state] ?? printable(item.state));
    setAttribute(state, "data-state", item.state);
    this.#fillFacts(facts, item);
    this.#fillButtons(buttons, item);
    this.#fillNodes(item);
    more.hidden = item.nodes.length <= this.#limit;
    setText(more, `Show all ${item.nodes.length.toLocaleString("en")} nodes`);
  }

  #build() {
    const parts = {
      title: element("h2", { id: "detail-title", tabindex: "-1" }, element("bdi")),
      state: element("strong", { class: "state" }),
      gone: element("p", { class: "notice", role: "status", hidden: true }, "This load balancer was deleted."),
      facts: element("dl"),
      buttons: element("div", { class: "buttons" }),
      body: element("tbody"),
      more: element("button", { type: "button", hidden: true, click: () => this.#showAll() }),
      why: element("section", { id: "why", "aria-labelledby": "why-title", "aria-live": "polite" }),
    };
    const heads = ["State", "Node", "Weight", "Reason", ""].map((text) => element("th", { scope: "col" }, text));
    heads.at(-1).append(element("span", { class: "hidden" }, "Actions"));
    this.#root.replaceChildren(
      element(
        "div", { class: "bar" }, parts.state, parts.title,
        element("button", { type: "button", class: "close", "aria-label": "Close", click: () => this.#onClose() }, "×")),
      parts.gone, parts.facts, parts.buttons,
      element(
        "table", { class: "nodes" }, element("caption", { class: "hidden" }, "Nodes"), element("thead", {}, element("tr", {}, ...heads)),
        parts.body),
      parts.more, parts.why);
    return parts;
  }

  #showAll() {
    this.#limit = Infinity;
    this.update(this.#item);
  }

  #fillFacts(target, { loadBalancer, listener, reason, since }) {
    const monitor = loadBalancer.monitor;
    const facts = [
      ["Reason", reason], ["Since", since ? `${clock(since)} (${age(since)})` : ""], ["Listens on", listener],
      ["Algorithm", loadBalancer.algorithm ?? "ROUND_ROBIN"],
      ["Checks", monitor ? checks(monitor) : "none"],
      ["Wanted by", { jobs: "jobs", file: "the configuration file", kubernetes: "Kubernetes", keepalived: "go_keepalived's API" }[loadBalancer.source] ?? loadBalancer.source],
      ["Created", clock(loadBalancer.created)],
    ].filter(([, value]) => value);
    const text = JSON.stringify(facts);
    if (target.dataset.text === text) return;
    target.dataset.text = text;
    target.replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, foreign(value, 2000))]));
  }

  #fillButtons(target, item) {
    const verb = item.state === "SUSPENDED" ? "enable" : "suspend";
    const mayChange = this.mayChange && item.loadBalancer.source === "jobs";
    if (target.dataset.offers === (mayChange ? verb : "")) return;
    target.dataset.offers = mayChange ? verb : "";
    const hadFocus = target.contains(document.activeElement);
    const buttons = [this.#button(() => this.#explain(), "Why?", "why")];
    if (mayChange) buttons.push(this.#button(() => this.#actions.run(verb, this.id), this.#actions.label(verb), verb));
    target.replaceChildren(...buttons);
    if (hadFocus) buttons.at(-1).focus();
  }

  #button(click, label, verb, name = label) {
    return element("button", { type: "button", "data-verb": verb, "aria-label": name === label ? null : name, click }, label);
  }

  #fillNodes({ id, nodes, loadBalancer }) {
    const mayChange = this.mayChange && loadBalancer.source === "jobs";
    const shown = nodes.slice(0, this.#limit);
    const kept = new Set(shown.map((node) => node.id));
    for (const [node, row] of this.#rows) {
      if (kept.has(node)) continue;
      row.tr.remove();
      this.#rows.delete(node);
    }
    shown.forEach((node, place) => {
      const row = this.#rows.get(node.id) ?? this.#makeRow(id, node.id);
      this.#rows.set(node.id, row);
      if (this.#parts.body.children[place] !== row.tr) this.#parts.body.insertBefore(row.tr, this.#parts.body.children[place] ?? null);
      this.#fillRow(row, node, mayChange);
    });
  }

  #makeRow(id, node) {
    const row = {
      tr: element("tr"), state: element("td", { class: "state" }), address: element("small"), weight: element("td", { class: "number" }),
      reason: element("bdi"), since: element("small"), buttons: element("td", { class: "buttons" }), verb: null, id, node,
    };
    row.tr.append(
      row.state, element("td", {}, foreign(node, 200), element("br"), row.address), row.weight,
      element("td", { class: "reason" }, row.reason, " ", row.since), row.buttons);
    return row;
  }

  #fillRow(row, node, mayChange) {
    const { address, port, state, weight, reason, since, condition, connections } = node;
    setText(row.state, printable(state ?? "").toLowerCase());
    setAttribute(row.state, "data-state", state ?? "");
    const place = `${address.includes(":") ? `[${address}]` : address}:${port}`;
    setText(row.address, printable(place + (connections === undefined ? "" : `, ${count(connections, "connection")}`)));
    setText(row.weight, String(weight));
    setText(row.reason, printable(reason ?? ""));
    setText(row.since, since ? `since ${clock(since)} (${age(since)})` : "");
    const verb = mayChange ? (condition === "ENABLED" ? "drain" : "activate") : "";
    if (row.verb === verb) return;
    const hadFocus = row.buttons.contains(document.activeElement);
    row.verb = verb;
    const name = printable(row.node, 80);
    const buttons = [this.#button(() => this.#explain(row.node), "Why?", "why", `Why is ${name} so?`)];
    if (verb) {
      const label = this.#actions.label(verb);
      buttons.push(this.#button(() => this.#actions.run(verb, row.id, row.node), label, verb, `${label} ${name}`));
    }
    row.buttons.replaceChildren(...buttons);
    if (hadFocus) buttons.at(-1).focus();
  }

  /** Asks why the load balancer, or a node of it, is as it is. */
  async #explain(node) {
    const { why } = this.#parts;
    const id = this.id;
    const title = element("h3", { id: "why-title", tabindex: "-1" }, "Why is ", foreign(node ?? id, 80), " so?");
    why.replaceChildren(title);
    if (node !== undefined) {
      title.focus();
      why.scrollIntoView({ block: "nearest" });
    }
    const path = node === undefined ? loadBalancerPath(id) : loadBalancerPath(id, node);
    try {
      if (path === null) throw new Error("The id cannot be part of a path.");
      const answer = await this.#session.json("/v1/why" + path);
      if (!why.contains(title)) return;
      const { summary, why: steps, differs = [] } = answer;
      if (summary) why.append(element("p", { class: "summary" }, foreign(withClock(summary))));
      why.append(element("ol", {}, ...steps.map(step)));
      if (differs.length > 0) why.append(element("p", {}, "The appliance would have to:"), element("ul", {}, ...differs.map((text) => element("li", {}, foreign(text)))));
    } catch (error) {
      if (why.contains(title)) why.append(element("p", { class: "notice" }, printable(error.message)));
    }
  }
}

/** How nodes are checked, in words. */
function checks({ type, path, delay, timeout, attempts }) {
  const what = type.startsWith("HTTP") ? `${type} ${path ?? "/"}` : type;
  return `${what} each ${delay} s, at most ${timeout} s, down after ${count(attempts, "failure")}`;
}

/** A sentence whose times are in the time zone of the browser. */
function withClock(sentence) {
  return sentence.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, clock);
}

/** A link of the chain of causes. */
function step({ step: cause, time, what, details = [] }) {
  const nested = details.length > 0 ? element("ul", {}, ...details.map((detail) => element("li", {}, ...statement(detail)))) : null;
  return element("li", {}, element("b", {}, printable(cause)), " ", ...statement({ time, what }), nested);
}

function statement({ time, what }) {
  return [element("span", {}, foreign(withClock(what))), " ", time ? element("time", { datetime: time }, clock(time)) : null];
}
