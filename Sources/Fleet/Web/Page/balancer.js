// One load balancer: its state and traffic, its listeners, and the members that they give connections to.

import { count, element, foreign, printable, rate, setText } from "/dashboard/text.js";
import { draw, sparkline, Traffic } from "/dashboard/traffic.js";
import { algorithms, listenerFields, memberFields, monitorBody, monitorFields, poolProtocol } from "./fields.js";
import { ask, confirm } from "./form.js";
import { button, facts, state, table } from "./table.js";

export class Balancer {
  title = "Load balancer";
  #app;
  #id;
  #item = null;
  #heading = element("h2", { tabindex: "-1" }, "Load balancer");
  #parts = element("div");
  #curve = sparkline();
  #numbers = element("p", { class: "empty" });
  #traffic;

  constructor(app, id) {
    this.#app = app;
    this.#id = id;
    this.#traffic = new Traffic({
      read: () => this.#readTraffic(), shown: () => (this.#parts.isConnected ? [id] : []), onChange: () => draw(this.#curve, this.#traffic.rates(id)),
    });
  }

  make() {
    return [element("p", {}, element("a", { href: "#/load-balancers" }, "← All load balancers")), this.#heading, this.#parts];
  }

  /** Reads it and what is below it. */
  async load() {
    const { octavia } = this.#app;
    const item = await octavia.get("loadbalancer", "loadbalancers", this.#id);
    if (!item) {
      this.#item = null;
      this.#parts.replaceChildren(element("p", { class: "empty" }, "This load balancer does not exist, or was deleted."));
      return;
    }
    const listeners = (await Promise.all(item.listeners.map(({ id }) => octavia.get("listener", "listeners", id)))).filter((found) => found);
    const pools = (await Promise.all(item.pools.map(({ id }) => this.#readPool(id)))).filter((found) => found);
    this.#item = item;
    this.#draw(item, listeners, pools);
  }

  async #readPool(id) {
    const { octavia } = this.#app;
    const pool = await octavia.get("pool", "pools", id);
    if (!pool) return null;
    const [members, monitor] = await Promise.all([
      octavia.all("pools", id, "members"), pool.healthmonitor_id ? octavia.get("healthmonitor", "healthmonitors", pool.healthmonitor_id) : null,
    ]);
    return { ...pool, members, monitor };
  }

  /** Something has happened. */
  async update(ids) {
    if (!ids || ids.has(this.#id)) await this.load();
  }

  get pending() {
    return this.#item?.provisioning_status.startsWith("PENDING") ? [this.#id] : [];
  }

  #draw(item, listeners, pools) {
    const name = item.name || item.id;
    const focus = document.activeElement?.dataset?.key;
    this.title = printable(name, 60);
    this.#heading.replaceChildren(foreign(name, 200));
    const summary = element("section", { class: "panel", "aria-label": "Summary" },
      facts(
        ["Provisioning", state(item.provisioning_status)], ["Error", item.provisioning_error], ["Operating", item.admin_state_up ? state(item.operating_status) : state("SUSPENDED")],
        ["Address", item.vip_address], ["Description", item.description], ["Id", item.id], ["Project", item.project_id], ["Created", item.created_at],
      ),
      element("p", { class: "curve" }, this.#curve.svg, this.#curve.number), this.#numbers,
      this.#app.session.mayChange ? this.#actions(item) : null);
    const parts = listeners.map((listener) => this.#listener(listener, pools.find((pool) => pool.id === listener.default_pool_id)));
    const used = new Set(listeners.map((listener) => listener.default_pool_id));
    const others = pools.filter((pool) => !used.has(pool.id)).map((pool) => this.#pool(pool, "Unused pool"));
    this.#parts.replaceChildren(summary, ...parts, ...others);
    if (focus) [...this.#parts.querySelectorAll("button")].find((made) => made.dataset.key === focus)?.focus();
    this.#app.retitle();
  }

  #actions(item) {
    const suspend = item.admin_state_up
      ? this.#button("Suspend", null, () => confirm("Suspend the load balancer?", "It stops serving until it is enabled again.", { action: "Suspend", send: () => this.#set({ admin_state_up: false }) }))
      : this.#button("Enable", null, () => this.#run(() => this.#set({ admin_state_up: true })));
    return element("div", { class: "buttons" },
      this.#button("Add listener", null, () => this.#addListener()), this.#button("Edit", null, () => this.#edit(item)), suspend,
      this.#button("Delete", null, () => this.#delete(item), "danger"));
  }

  #listener(listener, pool) {
    const change = this.#app.session.mayChange;
    const title = element("h3", {}, `${listener.protocol} port ${listener.protocol_port} `, foreign(listener.name, 80));
    return element("section", { class: "panel", "aria-label": `Listener ${listener.protocol} ${listener.protocol_port}` },
      element("div", { class: "bar" }, title, state(listener.provisioning_status), state(listener.operating_status),
        change ? this.#button("Remove", `listener ${listener.protocol_port}`, () => this.#removeListener(listener, pool), "danger") : null),
      pool ? this.#members(pool) : element("p", { class: "empty" }, "It has no pool."),
      !pool && change ? this.#button("Add pool", `to port ${listener.protocol_port}`, () => this.#addPool(listener)) : null);
  }

  #pool(pool, title) {
    const remove = this.#button("Remove", "pool", () => this.#change(() => this.#app.octavia.remove("pools", pool.id)), "danger");
    return element("section", { class: "panel", "aria-label": title },
      element("div", { class: "bar" }, element("h3", {}, title, " ", foreign(pool.name, 80)), this.#app.session.mayChange ? remove : null), this.#members(pool));
  }

  #members(pool) {
    const change = this.#app.session.mayChange;
    const columns = ["Member", "Address", { title: "Weight", class: "number" }, "Provisioning", "Operating", { title: "Actions", class: "actions" }];
    const rows = pool.members.map((member) => {
      const address = member.address.includes(":") ? `[${member.address}]:${member.protocol_port}` : `${member.address}:${member.protocol_port}`;
      const name = member.name || address;
      return [
        name, address, String(member.weight), state(member.provisioning_status), member.weight === 0 ? state("DRAINING") : state(member.operating_status),
        change ? this.#memberActions(pool, member, name) : "",
      ];
    });
    const { monitor } = pool;
    const check = monitor
      ? `${monitor.type}, every ${monitor.delay} s, timeout ${monitor.timeout} s${monitor.url_path ? `, ${printable(monitor.url_path, 80)}` : ""}`
      : "none: all members count as up";
    const algorithm = algorithms.find(([value]) => value === pool.lb_algorithm)?.[1] ?? pool.lb_algorithm;
    return element("div", {},
      table("Members", columns, rows, "There are no members yet."),
      facts(["Algorithm", algorithm], ["Health check", check]),
      change ? element("div", { class: "buttons" },
        this.#button("Add member", null, () => this.#addMember(pool), "", `add ${pool.id}`),
        this.#button("Change algorithm", null, () => this.#editPool(pool), "", `share ${pool.id}`),
        monitor
          ? this.#button("Change health check", null, () => this.#editMonitor(monitor), "", `check ${pool.id}`)
          : this.#button("Add health check", null, () => this.#addMonitor(pool), "", `check ${pool.id}`),
        monitor ? this.#button("Remove health check", null, () => this.#change(() => this.#app.octavia.remove("healthmonitors", monitor.id)), "", `uncheck ${pool.id}`) : null) : null);
  }

  #memberActions(pool, member, name) {
    const { octavia } = this.#app;
    const place = ["pools", pool.id, "members", member.id];
    const setWeight = (weight) => this.#change(() => octavia.change("member", { weight }, ...place));
    const drain = member.weight === 0
      ? this.#button("Undrain", name, () => setWeight(1), "", `drain ${member.id}`)
      : this.#button("Drain", name, () => setWeight(0), "", `drain ${member.id}`);
    const edit = () => ask("Change the member", memberFields(member), { action: "Change", send: (values) => this.#send(() => octavia.change("member", values, ...place)) });
    const remove = () => confirm("Remove the member?", foreign(name, 200), { action: "Remove", send: () => this.#send(() => octavia.remove(...place)) });
    return [drain, this.#button("Change", name, edit, "", `edit ${member.id}`), this.#button("Remove", name, remove, "danger", `remove ${member.id}`)];
  }

  // MARK: Changes

  /** A button that keeps the focus when all is drawn again. */
  #button(text, about, click, kind, key) {
    const made = button(text, about, click, kind);
    made.dataset.key = key ?? text + (about ?? "");
    return made;
  }

  /** Does something by a button; what goes wrong is said above all. */
  async #run(body) {
    try {
      await body();
    } catch (error) {
      this.#app.fail(error);
    }
  }

  #change(body) {
    return this.#run(() => this.#send(body));
  }

  /** Sends a change when no other one is under way any more. */
  async #send(body) {
    await this.#app.changes.settle(this.#id);
    await body();
    await this.load();
  }

  #set(values) {
    return this.#send(() => this.#app.octavia.change("loadbalancer", values, "loadbalancers", this.#id));
  }

  #edit(item) {
    const fields = [
      { name: "name", label: "Name", value: item.name, mayBeEmpty: true }, { name: "description", label: "Description", value: item.description, mayBeEmpty: true },
    ];
    return ask("Edit the load balancer", fields, { action: "Save", send: (values) => this.#set(values) });
  }

  #delete(item) {
    const text = element("span", {}, foreign(item.name || item.id, 200), `, with ${count(item.listeners.length, "listener")} and ${count(item.pools.length, "pool")}`);
    return confirm("Delete the load balancer?", text, {
      action: "Delete",
      send: async () => {
        await this.#app.changes.settle(this.#id);
        await this.#app.octavia.removeAll(this.#id);
        this.#app.say(`${printable(item.name || item.id, 80)} is being deleted.`);
        this.#app.go("load-balancers");
      },
    });
  }

  #addListener() {
    return ask("Add a listener", listenerFields(), {
      action: "Add",
      send: async ({ lb_algorithm, ...values }) => {
        const { octavia, changes } = this.#app;
        await changes.settle(this.#id);
        const listener = await octavia.create("listener", { ...values, loadbalancer_id: this.#id }, "listeners");
        await changes.settle(this.#id);
        await octavia.create("pool", { listener_id: listener.id, protocol: poolProtocol(values.protocol), lb_algorithm }, "pools");
        await this.load();
      },
    });
  }

  #addPool(listener) {
    const body = { listener_id: listener.id, protocol: poolProtocol(listener.protocol), lb_algorithm: "ROUND_ROBIN" };
    return this.#change(() => this.#app.octavia.create("pool", body, "pools"));
  }

  #removeListener(listener, pool) {
    return confirm("Remove the listener?", `${listener.protocol} port ${listener.protocol_port}${pool ? `, with ${count(pool.members.length, "member")}` : ""}`, {
      action: "Remove",
      send: async () => {
        const { octavia, changes } = this.#app;
        await this.#send(() => octavia.remove("listeners", listener.id));
        if (!pool || pool.listeners.length > 1) return;
        await changes.settle(this.#id);
        await octavia.remove("pools", pool.id);
        await this.load();
      },
    });
  }

  #addMember(pool) {
    const send = (values) => this.#send(() => this.#app.octavia.create("member", values, "pools", pool.id, "members"));
    return ask("Add a member", memberFields(null), { action: "Add", send });
  }

  #editPool(pool) {
    const fields = [{ name: "lb_algorithm", label: "Algorithm", type: "select", choices: algorithms, value: pool.lb_algorithm }];
    return ask("Change the algorithm", fields, { action: "Change", send: (values) => this.#send(() => this.#app.octavia.change("pool", values, "pools", pool.id)) });
  }

  #addMonitor(pool) {
    const send = (values) => this.#send(() => this.#app.octavia.create("healthmonitor", { ...monitorBody(values), pool_id: pool.id }, "healthmonitors"));
    const fields = monitorFields(null).map((field) => (field.name === "type" ? { ...field, choices: field.choices.slice(1), value: "HTTP" } : field));
    return ask("Add a health check", fields, { action: "Add", send });
  }

  #editMonitor(monitor) {
    const isHTTP = monitor.type === "HTTP" || monitor.type === "HTTPS";
    const fields = monitorFields(monitor).filter(({ name }) => isHTTP || !["url_path", "expected_codes"].includes(name));
    return ask(`Change the ${monitor.type} check`, fields, { action: "Change", send: (values) => this.#send(() => this.#app.octavia.change("healthmonitor", values, "healthmonitors", monitor.id)) });
  }

  async #readTraffic() {
    const found = await this.#app.octavia.statistics(this.#id);
    const last = this.#traffic.rates(this.#id).at(-1);
    const sum = (found.bytes_in + found.bytes_out).toLocaleString("en");
    setText(this.#numbers, `${count(found.active_connections, "active connection")}, ${found.total_connections.toLocaleString("en")} in total, ${sum} bytes${last === undefined ? "" : `, ${rate(last)} to clients`}`);
    return [[this.#id, found.bytes_out]];
  }
}
