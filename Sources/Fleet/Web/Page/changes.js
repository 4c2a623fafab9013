// Changes that follow each other: while the workers bring one about, a load balancer takes no other.

const patience = 60_000;

/** Waits for load balancers to settle, told by the events of the server, and by looking now and then. */
export class Changes {
  #octavia;
  #wake = new Set();

  constructor(octavia) {
    this.#octavia = octavia;
  }

  /** Something has happened. */
  tell() {
    for (const wake of this.#wake) wake();
  }

  /**
   * Waits until no change of a load balancer is under way. Answers it; null where it is gone.
   *
   * @throws Error where it takes too long, or a worker has refused the change
   */
  async settle(id) {
    const end = Date.now() + patience;
    while (true) {
      const found = await this.#octavia.get("loadbalancer", "loadbalancers", id);
      if (!found || !found.provisioning_status.startsWith("PENDING")) return found;
      if (Date.now() > end) throw new Error(`The workers have not settled the change within ${patience / 1000} s; it goes on.`);
      await this.#next(1000);
    }
  }

  #next(milliseconds) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#wake.add(done);
    });
  }
}
