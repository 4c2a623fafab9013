// Who uses the page, and its requests.
//
// The token is in a cookie that no script can read. A change must have in X-CSRF-Token what the server told this page alone: pages of other ports
// of the same host make the browser send the cookie too.

/** What the server answered instead of what was asked for. `field` names the field of the request that it is about. */
export class Problem extends Error {
  constructor(status, detail, field) {
    super(detail);
    this.status = status;
    this.field = field;
  }
}

/** Sends the events `signed-in` and `signed-out`, of this tab or another one. */
export class Session extends EventTarget {
  #who = null;
  #channel = new BroadcastChannel("lbaas-fleet-session");

  constructor() {
    super();
    this.#channel.onmessage = ({ data }) => {
      if (data === "signed-in" && !this.#who) this.restore();
      if (data === "signed-out" && this.#who) this.#forget();
    };
  }

  /** Who it is: `{user: {id, name}, role, project, expires, csrf}`; null for nobody. */
  get who() {
    return this.#who;
  }

  get isAdmin() {
    return this.#who?.role === "admin";
  }

  /** Whether changes are offered. */
  get mayChange() {
    return this.#who !== null && this.#who.role !== "viewer";
  }

  /** Finds out who has the cookie. Answers whether somebody has. */
  async restore() {
    try {
      const response = await fetch("/v1/session", { cache: "no-store", signal: AbortSignal.timeout(30_000) });
      if (!response.ok) return false;
      this.#keep(await response.json());
      return true;
    } catch {
      return false;
    }
  }

  async signIn(name, password) {
    const response = await fetch("/v1/session", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name, password }),
      signal: AbortSignal.timeout(30_000),
    });
    if (!response.ok) throw await problem(response);
    this.#keep(await response.json());
    this.#channel.postMessage("signed-in");
  }

  async signOut() {
    try {
      await this.fetch("/v1/session", { method: "DELETE" });
    } finally {
      this.#channel.postMessage("signed-out");
      this.#forget();
    }
  }

  /**
   * Sends a request, and answers the response.
   *
   * @throws Problem where it is none of success; TypeError or a DOMException where there is no answer
   */
  async fetch(path, { method = "GET", headers = {}, body, signal = AbortSignal.timeout(60_000) } = {}) {
    const fields = { Accept: "application/json", ...headers };
    const sent = this.#who;
    if (method !== "GET" && sent?.csrf) fields["X-CSRF-Token"] = sent.csrf;
    if (body !== undefined) fields["Content-Type"] = "application/json";
    const response = await fetch(path, {
      method, headers: fields, signal, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.ok) return response;
    if (response.status === 401 && sent && sent === this.#who) this.#forget();
    throw await problem(response);
  }

  /** Sends a request, and answers the JSON of the response. */
  async json(path, options) {
    return (await this.fetch(path, options)).json();
  }

  #keep(who) {
    this.#who = who;
    this.dispatchEvent(new Event("signed-in"));
  }

  #forget() {
    if (!this.#who) return;
    this.#who = null;
    this.dispatchEvent(new Event("signed-out"));
  }
}

/** What a response says that is none of success: a problem, or a fault in the words of OpenStack. */
async function problem(response) {
  const text = await response.text();
  try {
    const { detail, pointer, faultstring } = JSON.parse(text);
    const [, name, value, reason] = /^Invalid input for field\/attribute (\S+)\. Value: ('.*')\. (.*)$/s.exec(faultstring ?? "") ?? [];
    if (name) return new Problem(response.status, `${value}: ${reason}`, name);
    return new Problem(response.status, detail ?? faultstring ?? response.statusText, pointer?.slice(1));
  } catch {
    return new Problem(response.status, text.slice(0, 200) || `The server answers with the status ${response.status}.`);
  }
}

/** A path of these segments, whatever characters they have. */
export function path(...segments) {
  return "/" + segments.map(encodeURIComponent).join("/");
}

const root = ["v2", "lbaas"];
const pageSize = 1000;

/** The load balancers and all that is below them, as OpenStack's Octavia has them. */
export class Octavia {
  #session;

  constructor(session) {
    this.#session = session;
  }

  /** All objects of a kind, page by page. */
  async *pages(...kind) {
    let marker = null;
    while (true) {
      const query = new URLSearchParams({ limit: pageSize });
      if (marker) query.set("marker", marker);
      const answer = await this.#session.json(`${path(...root, ...kind)}?${query}`);
      const items = answer[kind.at(-1)] ?? [];
      yield items;
      if (items.length < pageSize || items.at(-1).id === marker) return;
      marker = items.at(-1).id;
    }
  }

  /** All objects of a kind. */
  async all(...kind) {
    const items = [];
    for await (const page of this.pages(...kind)) items.push(...page);
    return items;
  }

  /** An object; null where it is not there. */
  async get(name, ...place) {
    try {
      return (await this.#session.json(path(...root, ...place)))[name];
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  async statistics(id) {
    return (await this.#session.json(path(...root, "loadbalancers", id, "stats"))).stats;
  }

  /** Makes an object below a place. */
  async create(name, body, ...place) {
    return (await this.#session.json(path(...root, ...place), { method: "POST", body: { [name]: body } }))[name];
  }

  async change(name, body, ...place) {
    return (await this.#session.json(path(...root, ...place), { method: "PUT", body: { [name]: body } }))[name];
  }

  async remove(...place) {
    await this.#session.fetch(path(...root, ...place), { method: "DELETE" });
  }

  /** A load balancer with all that is below it. */
  async removeAll(id) {
    await this.#session.fetch(`${path(...root, "loadbalancers", id)}?cascade=true`, { method: "DELETE" });
  }

  /** The groups of workers, as networks. */
  async networks() {
    return (await this.#session.json("/v2.0/networks")).networks ?? [];
  }
}
