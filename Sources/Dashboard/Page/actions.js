// Changes that somebody makes: what each would do is shown first.

import { loadBalancerPath } from "./session.js";
import { element, foreign, printable, setText } from "./text.js";

/** What can be done with a load balancer or a node of it. */
const verbs = {
  suspend: { label: "Suspend", done: "suspended", method: "POST", rest: ["suspend"] },
  enable: { label: "Enable", done: "enabled", method: "POST", rest: ["enable"] },
  drain: { label: "Drain", done: "told to drain", method: "PATCH", body: { condition: "DRAINING" } },
  activate: { label: "Enable", done: "enabled", method: "PATCH", body: { condition: "ENABLED" } },
};

export class Actions {
  #dialog = document.querySelector("#confirmation");
  #session;
  #onOutcome;

  /** @param onOutcome takes a sentence and whether it is one of success */
  constructor(session, onOutcome) {
    this.#session = session;
    this.#onOutcome = onOutcome;
  }

  /** The word on the button of a verb. */
  label(verb) {
    return verbs[verb].label;
  }

  /** Asks, and does it. Answers whether it was done. */
  async run(verb, id, node) {
    const { label, done, method, body, rest = ["nodes", node] } = verbs[verb];
    const own = loadBalancerPath(id);
    const path = loadBalancerPath(id, ...rest);
    const name = node === undefined ? printable(id, 80) : `${printable(node, 80)} of ${printable(id, 80)}`;
    if (path === null) {
      this.#onOutcome(`The id ${name} cannot be part of a path; submit a job for it instead.`, false);
      return false;
    }
    const request = { path: "/v1/load-balancers" + path, own: "/v1/load-balancers" + own, method, body };
    setText(document.querySelector("#confirmation-title"), `${label} ${name}?`);
    setText(document.querySelector("#confirmation-button"), label);
    try {
      const revision = await this.#confirm(request);
      if (revision === null) return false;
      await this.#session.fetch(request.path, { method, body, headers: revision ? { "If-Match": revision } : {} });
      this.#onOutcome(`${name} was ${done}.`, true);
      return true;
    } catch (error) {
      const hint = error.status === 412 ? "It was changed meanwhile, so nothing was done; look at it and try again." : error.message;
      this.#onOutcome(`${label} ${name}: ${printable(hint)}`, false);
      return false;
    }
  }

  /** Shows what a change would do. Answers the revision that it was planned for; null where it is not wanted. */
  async #confirm({ path, own, method, body }) {
    const [text, list, button] = ["text", "plan", "button"].map((name) => document.querySelector(`#confirmation-${name}`));
    setText(text, "Asking the worker what this would do …");
    list.replaceChildren();
    button.disabled = true;
    this.#dialog.returnValue = "cancel";
    this.#dialog.showModal();
    let revision = "";
    try {
      revision = (await this.#session.fetch(own)).headers.get("ETag") ?? "";
      const { plan } = await this.#session.json(path + "?dry_run=true", { method, body });
      setText(text, plan.length > 0 ? "The worker would:" : "The worker would have nothing to do on the appliance.");
      list.replaceChildren(...plan.map((step) => element("li", {}, foreign(step, 2000))));
      button.disabled = false;
    } catch (error) {
      setText(text, printable(error.message));
    }
    if (this.#dialog.open) await new Promise((resolve) => this.#dialog.addEventListener("close", resolve, { once: true }));
    return this.#dialog.returnValue === "confirm" ? revision : null;
  }
}
