// Who uses the page, and its requests.
//
// A token goes along with each request in its head, and is kept in the storage of the tab. A cookie would go to every port of the host too, and
// would let pages of other ports make requests in the name of whoever is signed in.

const storageKey = "lbaas-token";

/** What the worker answered instead of what was asked for. */
export class Problem extends Error {
  constructor(status, detail, code) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** Sends the events `signed-in` and `signed-out`, of this tab or another one. */
export class Session extends EventTarget {
  #token = sessionStorage.getItem(storageKey);
  #channel = new BroadcastChannel("lbaas-session");

  constructor() {
    super();
    this.#channel.onmessage = ({ data }) => {
      if (data.kind === "ask" && this.#token) this.#channel.postMessage({ kind: "token", token: this.#token });
      if (data.kind === "token" && !this.#token) {
        this.#keep(data.token);
        this.dispatchEvent(new Event("signed-in"));
      }
      if (data.kind === "sign-out" && this.#token) this.#forget();
    };
  }

  /** Whether there is a token. The worker may know who asks without one, by a certificate or by the user of the socket. */
  get hasToken() {
    return this.#token !== null;
  }

  /** Asks other tabs for their token. One that has it answers with it, which is told by `signed-in`. */
  askOtherTabs() {
    this.#channel.postMessage({ kind: "ask" });
  }

  /** Takes a token, where the worker knows it. */
  async signIn(token) {
    const response = await fetch("/v1/status", { headers: { Authorization: `Bearer ${token}` } });
    if (!response.ok) throw await problem(response);
    this.#keep(token);
    this.#channel.postMessage({ kind: "token", token });
    this.dispatchEvent(new Event("signed-in"));
  }

  /** Forgets the token, in all tabs. */
  signOut() {
    this.#channel.postMessage({ kind: "sign-out" });
    this.#forget();
  }

  /**
   * Sends a request, and answers the response.
   *
   * @throws Problem where it is none of success; TypeError or a DOMException where there is no answer
   */
  async fetch(path, { method = "GET", headers = {}, body, signal = AbortSignal.timeout(60_000) } = {}) {
    const sent = this.#token;
    const fields = { ...headers };
    if (sent) fields.Authorization = `Bearer ${sent}`;
    if (body !== undefined) fields["Content-Type"] = "application/json";
    const response = await fetch(path, {
      method, headers: fields, signal, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.ok) return response;
    if (response.status === 401 && sent === this.#token) this.#forget();
    throw await problem(response);
  }

  /** Sends a request, and answers the JSON of the response. */
  async json(path, options) {
    return (await this.fetch(path, options)).json();
  }

  #keep(token) {
    this.#token = token;
    sessionStorage.setItem(storageKey, token);
  }

  #forget() {
    this.#token = null;
    sessionStorage.removeItem(storageKey);
    this.dispatchEvent(new Event("signed-out"));
  }
}

async function problem(response) {
  const text = await response.text();
  try {
    const { detail, error, code } = JSON.parse(text);
    return new Problem(response.status, detail ?? error ?? response.statusText, code);
  } catch {
    return new Problem(response.status, text.slice(0, 200) || `status ${response.status}`);
  }
}

/** The path of a load balancer, or of something of it; null where an id cannot be in a path. */
export function loadBalancerPath(id, ...rest) {
  const segments = [id, ...rest];
  // A dot segment means another path.
  if (segments.some((segment) => segment === "." || segment === ".." || segment.includes("\0"))) return null;
  return "/" + segments.map(encodeURIComponent).join("/");
}
