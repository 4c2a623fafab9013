// The hosts of the fleet, and the groups that they are in.

import { age, count, element, foreign } from "/dashboard/text.js";
import { state, table } from "./table.js";

export class Hosts {
  title = "Hosts";
  #app;
  #parts = element("div");

  constructor(app) {
    this.#app = app;
  }

  make() {
    return [element("h2", { tabindex: "-1" }, this.title), this.#parts];
  }

  async load() {
    const { session } = this.#app;
    const [{ hosts }, { groups }] = await Promise.all([session.json("/v1/hosts"), session.json("/v1/groups")]);
    const sections = groups.map((group) => {
      const own = hosts.filter((host) => host.group === group.name);
      const room = `${group.allocated.toLocaleString("en")} of ${count(group.capacity, "address").replace("addresss", "addresses")} in use: ${group.addresses.join(", ") || "none"}`;
      const columns = ["Host", "State", "Up to date", { title: "Listeners", class: "number" }, "Version", "Server", "Error"];
      return element("section", { class: "panel", "aria-label": `Group ${group.name}` },
        element("div", { class: "bar" }, element("h3", {}, "Group ", foreign(group.name, 80)), element("small", {}, foreign(room, 300))),
        table("Hosts", columns, own.map(row), "The group has no workers."));
    });
    this.#parts.replaceChildren(...(sections.length > 0 ? sections : [element("p", { class: "empty" }, "No group of workers is configured.")]));
  }

  async update() {
    await this.load();
  }
}

function row(host) {
  const isThere = host.revision >= host.wanted;
  const settled = isThere ? state("UP") : state("PENDING");
  settled.textContent = isThere ? "yes" : "not yet";
  const since = host.since ? element("small", {}, ` for ${age(host.since)}`) : null;
  const wrong = [host.error, ...host.refused.map((refusal) => `${refusal.id}: ${refusal.sentence}`)].filter((text) => text);
  return [
    host.id, [state(host.state), ...(since ? [since] : [])], settled, String(host.load_balancers),
    [host.driver, host.version].filter((text) => text).join(" "), host.server,
    wrong.length > 0 ? element("ul", {}, ...wrong.map((text) => element("li", {}, foreign(text, 500)))) : "",
  ];
}
